#include "node/lwm2m-device/device_private.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/say.h"

#include <string.h>

enum { REFRESH = 1000 /* ms */ };

/* --- what is sent ----------------------------------------------------------------------------- */

static void on_answer(void *context, coap_session_t *session, const struct coap_answer *answer)
{
    (void)session;
    struct device *device = context;
    uint64_t now = clock_milliseconds();
    device->question = 0;
    if (answer->code)
        lwm2m_client_answered(&device->client, now, answer->code, answer->location);
    else
        lwm2m_client_failed(&device->client, now);
}

static int send_one(struct device *device, const struct lwm2m_outgoing *out, struct error *error)
{
    struct account_session *session = out->to->is_bootstrap ? &device->bootstrap : &device->server;
    if (account_session_open(session, device->context, out->to, &device->local, device->port.number,
                             &device->options.patience, error) < 0)
        return -1;
    coap_session_set_app_data(session->session, device);
    const struct coap_question question = {
        .method = (coap_pdu_code_t)out->method,
        .path = out->path,
        .queries = out->queries,
        .content_format = out->content_format,
        .accept = COAP_NO_FORMAT,
        .payload = out->payload,
        .length = out->length,
    };
    device->question =
        coap_asker_send(device->asker, session->session, &question, on_answer, device, error);
    return device->question ? 0 : -1;
}

static void send_due(struct device *device)
{
    struct lwm2m_outgoing out;
    struct error error = {0};
    if (device->next.number || !lwm2m_client_next(&device->client, clock_milliseconds(), &out))
        return;
    if (device->question)
        coap_asker_forget(device->asker, device->question);
    device->question = 0;
    if (send_one(device, &out, &error) < 0) {
        complain("%s", error.text);
        lwm2m_client_failed(&device->client, clock_milliseconds());
    }
}

/* --- life ------------------------------------------------------------------------------------- */

/* What servers have written and the nonces outlive it, as in flash memory; observations and sessions don't. What was
 * mapped is asked for again, and of its port only then anything else is to leave (RFC 6887 section 10.2): whom to ask
 * is known this time. A gateway that takes longer than until its first retransmission isn't waited for. */
static void reboot(struct device *device)
{
    enum { PATIENCE = 3 /* s */ };
    say("rebooting");
    device_close_sessions(device);
    memset(&device->observations, 0, sizeof device->observations);
    device->awaits_mapping = pcp_context_reboot(&device->pcp);
    device_start_life(device, device->awaits_mapping ? PATIENCE : 0);
}

/* When something is to be notified, ms from now on: queue mode wakes up for that (8.3). Who is not registered has
 * nobody to tell. */
static uint64_t wait_to_tell(const struct device *device, uint64_t now)
{
    bool is_told = !device->is_deaf || device->client.state == LWM2M_REGISTERED;
    return is_told ? lwm2m_observe_wait(&device->observations, now) : UINT64_MAX;
}

/* Queue mode: the radio is off, and what comes then is lost. */
static void see_to_hearing(struct device *device)
{
    uint64_t now = clock_milliseconds();
    if (device->is_deaf && wait_to_tell(device, now) == 0)
        lwm2m_client_heard(&device->client, now);
    bool is_deaf = !lwm2m_client_is_awake(&device->client, now);
    if (is_deaf == device->is_deaf)
        return;
    device->is_deaf = is_deaf;
    if (!is_deaf)
        coap_port_discard(&device->local, device->port.number);
    say(is_deaf ? "asleep" : "awake");
}

static void do_what_waits(struct device *device)
{
    /* Nobody is told any more of what changes afterwards. */
    if (device->lost_session || device->client.state == LWM2M_GONE) {
        device->lost_session = false;
        device_close_sessions(device);
    }
    if (device->reboots) {
        device->reboots = false;
        reboot(device);
    }
    if (device->moves) {
        device->moves = false;
        device_move(device);
    }
    if (device->reregisters) {
        device->reregisters = false;
        device_close_sessions(device);
        lwm2m_client_register_anew(&device->client, clock_milliseconds());
    }
}

static uint32_t shorter(uint32_t wait, uint64_t other)
{
    return other < wait ? (uint32_t)other : wait;
}

uint32_t device_process(struct device *device)
{
    enum { LONGEST = 3600000 };
    uint64_t now = clock_milliseconds();
    pcp_context_process(&device->pcp);
    do_what_waits(device);
    if (now >= device->refresh) {
        objects_refresh(&device->objects);
        device->refresh = now + clock_scaled(REFRESH);
    }
    send_due(device);
    see_to_hearing(device);
    uint32_t wait = LONGEST;
    if (!device->is_deaf) {
        lwm2m_coap_process(&device->coap);
        wait = shorter(wait, clock_scaled(coap_support_process(device->context)));
        lwm2m_coap_process(&device->coap);
        coap_asker_give_up(device->asker);
    }
    if (device->reboots || device->moves || device->reregisters || device->lost_session)
        return 0;
    now = clock_milliseconds();
    wait = shorter(wait, wait_to_tell(device, now));
    if (!device->next.number)
        wait = shorter(wait, lwm2m_client_wait(&device->client, now));
    if (device->client.is_queueing && device->client.awake_until > now)
        wait = shorter(wait, device->client.awake_until - now);
    wait = shorter(wait, device->refresh > now ? device->refresh - now : 0);
    uint32_t pcp = pcp_context_wait(&device->pcp);
    return pcp == PCP_NEVER ? wait : shorter(wait, pcp);
}

void device_follow_host(struct device *device)
{
    struct address before = device->local.address;
    /* Routes come and go one by one: as long as none leads to the server, the change is not over. */
    if (device_find_local(device, NULL) < 0)
        return;
    pcp_context_update(&device->pcp);
    if (address_equal(&before, &device->local.address))
        return;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t port = device->next.number ? device->next.number : device->port.number;
    say("moved to %s", address_format(&device->local.address, text));
    device->objects.source = device->local.address;
    device_close_sessions(device);
    device_close_port(&device->port);
    device_close_port(&device->next);
    if (device_open_port(device, &device->port, port, &device->error) < 0)
        device->failed = true;
    lwm2m_client_register_anew(&device->client, clock_milliseconds());
}

void device_wake(struct device *device)
{
    coap_port_discard(&device->local, device->port.number);
    pcp_context_wake(&device->pcp);
    device_follow_host(device);
}

void device_send(struct device *device)
{
    const struct lwm2m_path path = {2, {lwm2m_object_temperature.id, 0}};
    objects_refresh(&device->objects);
    if (!lwm2m_client_send(&device->client, &path))
        complain("nothing was sent: Send is of LwM2M 1.1, and a server may mute it");
}
