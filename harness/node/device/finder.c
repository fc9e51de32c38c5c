#include "node/device/finder.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/coap_uri.h"
#include "node/common/say.h"
#include "node/device/coap_device.h"
#include "wire/core_link.h"

#include <stdio.h>
#include <string.h>

enum { PAUSE = 500 /* ms, between looks */, NEVER = UINT32_MAX };

static void wait_for_another_look(struct finder *finder)
{
    finder->state = FINDER_WAITING;
    finder->next = clock_milliseconds() + PAUSE;
}

/* --- the other endpoint ----------------------------------------------------------------------- */

static void on_status(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    struct coap_device *device = context;
    (void)session;
    char code[8];
    if (answer->code)
        say("answer %s %s", device->facts.find, coap_support_code(answer->code, code));
    else
        say("no answer %s", device->facts.find);
    finder_stop(device);
}

/* From the device's own port, which is to be nobody else's before and after. */
static coap_session_t *open_peer(const struct coap_device *device, const struct coap_uri *base)
{
    const struct coap_device_facts *facts = &device->facts;
    coap_address_t from = coap_support_address(&facts->local, facts->port);
    coap_address_t to = coap_support_address(&base->place, base->port);
    coap_port_share(&facts->local, facts->port);
    coap_session_t *peer = coap_new_client_session(device->context, &from, &to, COAP_PROTO_UDP);
    coap_port_stop_sharing(&facts->local, facts->port);
    if (peer)
        coap_support_set_patience(peer, &facts->patience);
    return peer;
}

static void ask(struct coap_device *device, const struct coap_uri *base)
{
    const struct coap_question question = {.method = COAP_REQUEST_CODE_GET,
                                           .path = "status",
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = COAP_NO_FORMAT};
    struct finder *finder = &device->finder;
    struct error error = {0};
    char text[PLACE_TEXT_SIZE];
    say("found %s at %s", device->facts.find, place_text(&base->place.address, base->port, text));
    finder->state = FINDER_ASKING;
    finder->peer = open_peer(device, base);
    if (!finder->peer ||
        !coap_asker_send(device->asker, finder->peer, &question, on_status, device, &error)) {
        complain("%s", finder->peer ? error.text : "libcoap could not reach for the endpoint");
        finder_stop(device);
    }
}

/* --- the directory ---------------------------------------------------------------------------- */

static bool read_uri(const char *text, size_t length, struct coap_uri *uri)
{
    char copy[128];
    if (length >= sizeof copy || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return coap_uri_parse(copy, uri) && !uri->is_secure && !uri->place.interface;
}

/* RFC 9176: </rd/7>;ep="lamp";base="coap://192.0.2.1:40000". The draft: <coap://192.0.2.1:40000/status>. */
static bool read_link(const struct coap_device_facts *facts, const struct core_link *link,
                      struct coap_uri *uri)
{
    struct core_link_attribute found;
    if (facts->draft_directory)
        return read_uri(link->target, link->target_length, uri);
    return core_link_attribute(link, "ep", &found) && found.value_length == strlen(facts->find) &&
           memcmp(found.value, facts->find, found.value_length) == 0 &&
           core_link_attribute(link, "base", &found) && found.value &&
           read_uri(found.value, found.value_length, uri);
}

static void on_looked_up(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    struct coap_device *device = context;
    struct core_link link;
    struct coap_uri uri;
    size_t offset = 0;
    (void)session;
    while (COAP_RESPONSE_CLASS(answer->code) == 2 && answer->length > 0 &&
           core_link_next((const char *)answer->payload, answer->length, &offset, &link) ==
               CORE_LINK_FOUND) {
        if (read_link(&device->facts, &link, &uri)) {
            ask(device, &uri);
            return;
        }
    }
    wait_for_another_look(&device->finder);
}

static void look(struct coap_device *device)
{
    const struct coap_device_facts *facts = &device->facts;
    char endpoint[80];
    char path[80];
    snprintf(endpoint, sizeof endpoint, "ep=%s", facts->find);
    snprintf(path, sizeof path, "rd/%s", facts->find);
    const char *const queries[] = {endpoint, NULL};
    const struct coap_question question = {
        .method = COAP_REQUEST_CODE_GET,
        .path = facts->draft_directory ? path : "rd-lookup/ep",
        .queries = facts->draft_directory ? NULL : queries,
        .content_format = COAP_NO_FORMAT,
        .accept = COAP_NO_FORMAT,
    };
    struct error error = {0};
    device->finder.state = FINDER_LOOKING;
    if (!coap_asker_send(device->asker, device->session, &question, on_looked_up, device, &error)) {
        complain("%s", error.text);
        wait_for_another_look(&device->finder);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

void finder_begin(struct coap_device *device)
{
    if (!device->facts.find || device->finder.state != FINDER_IDLE)
        return;
    device->finder.state = FINDER_WAITING;
    device->finder.next = clock_milliseconds();
}

uint32_t finder_process(struct coap_device *device, uint64_t now)
{
    struct finder *finder = &device->finder;
    bool is_free = finder->state == FINDER_WAITING && device->state == REGISTRATION_DONE;
    if (!is_free)
        return NEVER;
    if (now < finder->next)
        return (uint32_t)(finder->next - now);
    look(device);
    return 0;
}

void finder_stop(struct coap_device *device)
{
    struct finder *finder = &device->finder;
    if (finder->peer) {
        coap_asker_forget_session(device->asker, finder->peer);
        coap_session_release(finder->peer);
    }
    *finder = (struct finder){.state = FINDER_IDLE};
}
