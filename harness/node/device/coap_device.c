#include "node/device/coap_device.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/say.h"

#include <stdio.h>
#include <string.h>

enum {
    REGISTRATION_LIFETIME = 86400,        /* s */
    REGISTRATION_REFRESH = 3 * 86400 / 4, /* s */
    PAUSE_OF_ACK_TIMEOUTS = 3,            /* the first pause before another try */
    LONGEST_PAUSE = 300000,               /* ms */
    REQUESTS_AT_ONCE = 4 /* NSTART: a new registration needn't wait for one that is out of date */
};

/* --- what we answer --------------------------------------------------------------------------- */

static void answer_status(coap_resource_t *resource, coap_session_t *session,
                          const coap_pdu_t *request, const coap_string_t *query,
                          coap_pdu_t *response)
{
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    static const char text[] = "alive";
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    coap_add_data(response, sizeof text - 1, (const uint8_t *)text);
    say("answered GET /status");
}

static int add_resources(coap_context_t *context, struct error *error)
{
    coap_resource_t *status = coap_resource_init(coap_make_str_const("status"), 0);
    return coap_support_serve(context, status, NULL, COAP_REQUEST_GET, answer_status, error);
}

/* --- registration ----------------------------------------------------------------------------- */

static void wait_for_another_try(struct coap_device *device)
{
    device->state = REGISTRATION_WAITING;
    device->next = clock_milliseconds() + device->pause;
    device->pause = device->pause < LONGEST_PAUSE / 2 ? device->pause * 2 : LONGEST_PAUSE;
}

/* What we have to offer, whole or for the directory to complete by our base. */
static int write_links(const struct coap_device *device, char *out, size_t size)
{
    return snprintf(out, size, "<%s/status>", device->facts.draft_directory ? device->base : "");
}

static void on_registered(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    struct coap_device *device = context;
    char text[PLACE_TEXT_SIZE];
    (void)session;
    device->question = 0;
    if (COAP_RESPONSE_CLASS(answer->code) != 2) {
        if (answer->code)
            say("registration refused %s", coap_support_code(answer->code, text));
        else
            say("registration %s", answer->why);
        wait_for_another_try(device);
        return;
    }
    memcpy(device->location, answer->location, sizeof device->location);
    device->state = REGISTRATION_DONE;
    device->pause = PAUSE_OF_ACK_TIMEOUTS * device->facts.patience.ack_timeout;
    device->next = clock_milliseconds() + (uint64_t)REGISTRATION_REFRESH * 1000;
    say("registered %s %s from %s", device->facts.name,
        device->base[0] ? device->base : "without a mapping",
        place_text(&device->facts.local.address, device->facts.port, text));
}

static void send_registration(struct coap_device *device)
{
    char endpoint[80];
    char host[80];
    char lifetime[24];
    char base[128];
    char links[128];
    snprintf(endpoint, sizeof endpoint, "ep=%s", device->facts.name);
    snprintf(host, sizeof host, "h=%s", device->facts.name);
    snprintf(lifetime, sizeof lifetime, "lt=%d", REGISTRATION_LIFETIME);
    snprintf(base, sizeof base, "base=%s", device->base);
    const char *queries[5] = {endpoint, lifetime};
    size_t count = 2;
    if (device->base[0])
        queries[count++] = base;
    if (device->facts.draft_directory)
        queries[count] = host;
    const struct coap_question question = {
        .method = COAP_REQUEST_CODE_POST,
        .path = "rd",
        .queries = queries,
        .content_format = COAP_MEDIATYPE_APPLICATION_LINK_FORMAT,
        .accept = COAP_NO_FORMAT,
        .payload = (const uint8_t *)links,
        .length = (size_t)write_links(device, links, sizeof links),
    };
    struct error error = {0};
    coap_support_set_patience(device->session, &device->facts.patience);
    coap_asker_forget(device->asker, device->question);
    device->state = REGISTRATION_ASKING;
    device->question =
        coap_asker_send(device->asker, device->session, &question, on_registered, device, &error);
    if (!device->question) {
        complain("%s", error.text);
        wait_for_another_try(device);
    }
}

void coap_device_register(struct coap_device *device, const char *base)
{
    if (!device->session)
        return;
    snprintf(device->base, sizeof device->base, "%s", base);
    device->pause = PAUSE_OF_ACK_TIMEOUTS * device->facts.patience.ack_timeout;
    send_registration(device);
}

void coap_device_find(struct coap_device *device)
{
    finder_begin(device);
}

static void on_left(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    struct coap_device *device = context;
    (void)session;
    device->question = 0;
    device->state = REGISTRATION_NONE;
    if (answer->code)
        say("deregistered %s", device->facts.name);
}

void coap_device_leave(struct coap_device *device)
{
    finder_stop(device);
    /* libcoap 4.3.1's directory dies of a DELETE: it frees what it freed before. */
    if (device->state != REGISTRATION_DONE || !device->location[0] || device->facts.draft_directory)
        return;
    const struct coap_question question = {.method = COAP_REQUEST_CODE_DELETE,
                                           .path = device->location,
                                           .content_format = COAP_NO_FORMAT,
                                           .accept = COAP_NO_FORMAT};
    struct error error = {0};
    device->question =
        coap_asker_send(device->asker, device->session, &question, on_left, device, &error);
    device->state = device->question ? REGISTRATION_LEAVING : REGISTRATION_NONE;
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_session(struct coap_device *device, const coap_address_t *from, struct error *error)
{
    const struct coap_device_facts *facts = &device->facts;
    coap_address_t to = coap_support_address(&facts->server, facts->server_port);
    device->session = coap_new_client_session(device->context, from, &to, COAP_PROTO_UDP);
    if (!device->session)
        return error_set(error, "libcoap could not reach for the server");
    coap_session_set_nstart(device->session, REQUESTS_AT_ONCE);
    coap_support_set_patience(device->session, &facts->patience);
    return 0;
}

static int open_all(struct coap_device *device, struct error *error)
{
    coap_address_t from = coap_support_address(&device->facts.local, device->facts.port);
    device->context = coap_new_context(NULL);
    if (!device->context)
        return error_set(error, "libcoap made no context");
    device->asker = coap_asker_open(device->context);
    if (!device->asker)
        return error_set(error, "no memory for what is asked");
    if (!coap_new_endpoint(device->context, &from, COAP_PROTO_UDP))
        return error_set(error, "libcoap could not listen on the port");
    if (add_resources(device->context, error) < 0)
        return -1;
    return device->facts.has_server ? open_session(device, &from, error) : 0;
}

int coap_device_open(struct coap_device *device, const struct coap_device_facts *facts,
                     struct error *error)
{
    *device = (struct coap_device){.facts = *facts};
    if (coap_port_claim(&facts->local, facts->port, error) < 0)
        return -1;
    if (open_all(device, error) < 0) {
        coap_device_close(device);
        return -1;
    }
    coap_port_stop_sharing(&facts->local, facts->port);
    coap_port_ignore_other_versions(&facts->local, facts->port);
    return 0;
}

void coap_device_close(struct coap_device *device)
{
    if (device->asker) {
        finder_stop(device);
        coap_asker_close(device->asker);
    }
    if (device->session)
        coap_session_release(device->session);
    if (device->context)
        coap_free_context(device->context);
    device->asker = NULL;
    device->session = NULL;
    device->context = NULL;
}

int coap_device_hush(struct coap_device *device, struct error *error)
{
    bool is_finding = device->finder.state != FINDER_IDLE;
    device->state = REGISTRATION_NONE;
    if (!device->question && !is_finding)
        return 0;
    /* libcoap 4.3.1 can't be told to forget a message that is out, but by ending all it has. */
    const struct coap_device_facts facts = device->facts;
    coap_device_close(device);
    if (coap_device_open(device, &facts, error) < 0)
        return -1;
    if (is_finding)
        finder_begin(device);
    return 0;
}

int coap_device_handle(const struct coap_device *device)
{
    return coap_context_get_coap_fd(device->context);
}

uint32_t coap_device_process(struct coap_device *device)
{
    uint64_t now = clock_milliseconds();
    bool due = device->state == REGISTRATION_WAITING || device->state == REGISTRATION_DONE;
    if (due && now >= device->next)
        send_registration(device);
    uint32_t wait = coap_support_process(device->context);
    due = device->state == REGISTRATION_WAITING || device->state == REGISTRATION_DONE;
    if (due && device->next < now + wait)
        wait = device->next > now ? (uint32_t)(device->next - now) : 0;
    uint32_t finding = finder_process(device, now);
    return finding < wait ? finding : wait;
}
