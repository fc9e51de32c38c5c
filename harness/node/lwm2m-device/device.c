#include "node/lwm2m-device/device.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/route.h"
#include "node/common/say.h"

#include <string.h>

enum { REFRESH = 1000 /* ms */ };

static const char *from_text(const struct device *device, char text[PLACE_TEXT_SIZE])
{
    return place_text(&device->local.address, device->port.number, text);
}

/* --- what happened ---------------------------------------------------------------------------- */

static void say_pause(const struct device *device)
{
    const char *what = device->state == LWM2M_BOOTSTRAPPING ? "bootstrap" : "registration";
    const char *why = device->client.why;
    char code[8];
    if (!why)
        return;
    if (strcmp(why, "refused") == 0)
        say("%s failed: %s %s", what, why, coap_support_code(device->client.refusal, code));
    else
        say("%s failed: %s", what, why);
}

static void on_turned(void *context, enum lwm2m_client_state state)
{
    struct device *device = context;
    const struct lwm2m_client *client = &device->client;
    char from[PLACE_TEXT_SIZE];
    enum lwm2m_client_state before = device->state;
    if (before == LWM2M_BOOTSTRAPPING && state == LWM2M_REGISTERING)
        say("bootstrapped");
    switch (state) {
    case LWM2M_BOOTSTRAPPING:
        say("bootstrapping at %s", client->account.uri);
        break;
    case LWM2M_REGISTERED:
        if (before == LWM2M_REGISTERED)
            say("updated %s from %s", client->endpoint, from_text(device, from));
        else
            say("registered %s at %s %s from %s", client->endpoint, client->account.uri,
                client->location, from_text(device, from));
        break;
    case LWM2M_IDLE:
    case LWM2M_PAUSING:
        say_pause(device);
        break;
    case LWM2M_GONE:
        if (before == LWM2M_DEREGISTERING)
            say("deregistered %s", client->endpoint);
        break;
    case LWM2M_REGISTERING:
    case LWM2M_DEREGISTERING:
        break;
    }
    device->state = state;
}

static void on_reboot(void *context)
{
    ((struct device *)context)->reboots = true;
}

static void on_instances_changed(void *context)
{
    lwm2m_client_update(&((struct device *)context)->client, true);
}

static enum lwm2m_caller caller_of(void *context, const coap_session_t *session)
{
    const struct device *device = context;
    if (session == device->server.session)
        return LWM2M_CALLER_SERVER;
    return session == device->bootstrap.session ? LWM2M_CALLER_BOOTSTRAP : LWM2M_CALLER_STRANGER;
}

/* --- the port --------------------------------------------------------------------------------- */

static int open_port(struct device *device, struct device_port *port, uint16_t number,
                     struct error *error)
{
    coap_address_t at = coap_support_address(&device->local, number);
    if (coap_port_claim(&device->local, number, error) < 0)
        return -1;
    port->endpoint = coap_new_endpoint(device->context, &at, COAP_PROTO_UDP);
    if (!port->endpoint)
        return error_set(error, "libcoap could not listen on port %u", number);
    coap_port_stop_sharing(&device->local, number);
    port->number = number;
    return 0;
}

static void close_port(struct device_port *port)
{
    if (port->endpoint)
        coap_free_endpoint(port->endpoint);
    *port = (struct device_port){0};
}

static void close_session(struct device *device, struct account_session *session)
{
    if (!session->session)
        return;
    coap_asker_forget_session(device->asker, session->session);
    lwm2m_coap_forget(&device->coap, session->session);
    account_session_close(session);
}

/* What was out on the sessions won't be answered. */
static void close_sessions(struct device *device)
{
    close_session(device, &device->server);
    close_session(device, &device->bootstrap);
    if (device->question)
        lwm2m_client_failed(&device->client, clock_milliseconds());
    device->question = 0;
}

/* The answer to what asked for the move leaves from the old port, which hears until the new one has its
 * mapping: only then may anything leave from there (RFC 6887 section 10.2). */
static int on_move(void *context, uint16_t *port, struct error *error)
{
    struct device *device = context;
    uint16_t number;
    close_port(&device->next);
    if (coap_port_choose(&device->local, &number, error) < 0 ||
        open_port(device, &device->next, number, error) < 0)
        return -1;
    *port = number;
    say("port %u", number);
    return 0;
}

static void on_settled(void *context, bool is_mapped, bool is_elsewhere)
{
    struct device *device = context;
    if (device->next.number) {
        device->moves = true;
        device->is_mapped = is_mapped;
        return;
    }
    if (!is_mapped || !is_elsewhere)
        return;
    /* The first time the server may know the flow by the mapping's place. Later it knows another place, where
     * it has the session: without Connection IDs a handshake must tell it of the new one. */
    if (device->was_mapped && device->server.account.is_secure && device->server.session)
        device->reregisters = true;
    else
        lwm2m_client_update(&device->client, false);
    device->was_mapped = true;
}

/* From here on LwM2M has the fresh port. */
static void move(struct device *device)
{
    bool is_secure = device->server.session && device->server.account.is_secure;
    close_sessions(device);
    close_port(&device->port);
    device->port = device->next;
    device->next = (struct device_port){0};
    device->was_mapped = device->is_mapped;
    if (is_secure)
        lwm2m_client_register_anew(&device->client, clock_milliseconds());
    else
        lwm2m_client_update(&device->client, false);
}

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

/* Of a server's session. The asker tells what was out on it. */
static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct device *device = coap_session_get_app_data(session);
    if (device && (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR))
        device->lost_session = true;
    return 0;
}

static void start_life(struct device *device)
{
    const struct options *options = &device->options;
    memset(&device->client, 0, sizeof device->client);
    device->client.model = &device->objects.model;
    device->client.serve = &device->serve;
    device->client.snapshot = device->snapshot;
    memcpy(device->client.endpoint, options->endpoint, strlen(options->endpoint));
    device->client.is_1_1 = strcmp(options->version, "1.1") == 0;
    device->client.queue_mode = strcmp(options->binding, "UQ") == 0;
    device->client.bootstrap_timeout = (uint32_t)clock_scaled(options->bootstrap_timeout);
    device->client.turned = on_turned;
    device->client.context = device;
    device->state = LWM2M_IDLE;
    lwm2m_client_start(&device->client, clock_milliseconds());
}

static void reboot(struct device *device)
{
    say("rebooting");
    close_sessions(device);
    memset(&device->observations, 0, sizeof device->observations);
    start_life(device);
}

static int find_local(struct device *device, struct error *error)
{
    struct place server;
    uint16_t port;
    if (account_uri_read(options_uri(&device->options), &server, &port, error) < 0)
        return -1;
    device->servers.family = place_family(&server);
    return route_source_address(&server, &device->local.address, error);
}

static int open_objects(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    struct objects *objects = &device->objects;
    objects->thermometer.is_fixed = options->temperature_text != NULL;
    objects->thermometer.fixed = options->temperature;
    objects->serial = options->endpoint;
    objects->is_1_1 = strcmp(options->version, "1.1") == 0;
    objects->binding = objects->is_1_1 ? "U" : options->binding;
    objects->has_pcp = !options->no_pcp;
    objects->family = device->servers.family;
    objects->source = device->local.address;
    objects->client = &device->client;
    objects->reboot = on_reboot;
    objects->context = device;
    objects_open(objects);
    const struct objects_account account = {
        .is_bootstrap = !options->server,
        .uri = options_uri(options),
        .identity = options->identity,
        .key = options->key,
        .key_length = options->key_length,
        .lifetime = options->lifetime,
    };
    const struct objects_account other = {.is_bootstrap = true, .uri = options->bootstrap};
    if (!objects_provision(objects, &account) ||
        (options->server && options->bootstrap && !objects_provision(objects, &other)))
        return error_set(error, "the account doesn't fit the objects");
    return 0;
}

static int open_pcp(struct device *device, struct error *error)
{
    const struct options *options = &device->options;
    struct lwm2m_object *object =
        lwm2m_model_object(&device->objects.model, LWM2M_OBJECT_PCP_CONTEXT);
    device->servers.anycast = !options->no_anycast;
    if (servers_read(&device->servers, &options->gateways, NULL, NULL, error) < 0 ||
        nonces_open(&device->nonces, NULL, error) < 0)
        return -1;
    device->pcp.model = &device->objects.model;
    device->pcp.servers = &device->servers;
    device->pcp.nonces = &device->nonces;
    device->pcp.maximum_sends = (uint8_t)options->requests;
    device->pcp.lwm2m_port = (uint16_t)options->port;
    device->pcp.move = on_move;
    device->pcp.settled = on_settled;
    device->pcp.caller = device;
    if (!object)
        return 0;
    pcp_context_open(&device->pcp, object);
    /* Without a bootstrap server nobody would create it. */
    struct lwm2m_instance *instance = options->server ? lwm2m_model_add(object, 0) : NULL;
    if (instance)
        object->initialise(object->context, instance);
    return 0;
}

static int open_coap(struct device *device, struct error *error)
{
    device->context = coap_new_context(NULL);
    device->asker = device->context ? coap_asker_open(device->context) : NULL;
    if (!device->asker)
        return error_set(error, "libcoap made no context");
    coap_context_set_block_mode(device->context, COAP_BLOCK_USE_LIBCOAP); /* see coap_body.h */
    coap_register_event_handler(device->context, on_event);
    coap_context_set_max_idle_sessions(device->context, 100);
    device->serve.model = &device->objects.model;
    device->serve.observations = &device->observations;
    device->serve.is_1_1 = device->objects.is_1_1;
    device->serve.default_format = LWM2M_FORMAT_TLV;
    device->coap.context = device->context;
    device->coap.serve = &device->serve;
    device->coap.client = &device->client;
    device->coap.open_read = device->options.open_read;
    device->coap.caller_of = caller_of;
    device->coap.instances_changed = on_instances_changed;
    device->coap.owner = device;
    device->objects.model.changed = lwm2m_coap_changed;
    device->objects.model.context = &device->coap;
    if (lwm2m_coap_open(&device->coap, error) < 0)
        return -1;
    return open_port(device, &device->port, (uint16_t)device->options.port, error);
}

int device_open(struct device *device, struct error *error)
{
    char text[PLACE_TEXT_SIZE];
    if (find_local(device, error) < 0 || open_objects(device, error) < 0 ||
        open_pcp(device, error) < 0 || open_coap(device, error) < 0)
        return -1;
    say("ready %s", from_text(device, text));
    start_life(device);
    return 0;
}

void device_close(struct device *device)
{
    pcp_context_close(&device->pcp);
    coap_body_forget(&device->coap.bodies, NULL);
    if (device->asker) {
        close_sessions(device);
        coap_asker_close(device->asker);
    }
    if (device->context)
        coap_free_context(device->context);
    device->context = NULL;
    device->asker = NULL;
}

/* Queue mode: the radio is off, and what comes then is lost. */
static void see_to_hearing(struct device *device)
{
    bool is_deaf = !lwm2m_client_is_awake(&device->client, clock_milliseconds());
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
        close_sessions(device);
    }
    if (device->reboots) {
        device->reboots = false;
        reboot(device);
    }
    if (device->moves) {
        device->moves = false;
        move(device);
    }
    if (device->reregisters) {
        device->reregisters = false;
        close_sessions(device);
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
    if (!device->is_deaf)
        wait = shorter(wait, lwm2m_observe_wait(&device->observations, now));
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
    if (find_local(device, NULL) < 0)
        return;
    pcp_context_update(&device->pcp);
    if (address_equal(&before, &device->local.address))
        return;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t port = device->next.number ? device->next.number : device->port.number;
    say("moved to %s", address_format(&device->local.address, text));
    device->objects.source = device->local.address;
    close_sessions(device);
    close_port(&device->port);
    close_port(&device->next);
    if (open_port(device, &device->port, port, &device->error) < 0)
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
        complain("nothing was sent: Send is of LwM2M 1.1");
}
