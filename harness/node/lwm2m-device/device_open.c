/* What a device is put together from, and what its parts tell. */
#include "node/lwm2m-device/device_private.h"

#include "node/common/clock.h"
#include "node/common/route.h"
#include "node/common/say.h"

#include <string.h>

enum { BOOTSTRAP_TIMEOUT = 93000 /* ms, as long as a message may take */ };

/* --- what the parts tell ---------------------------------------------------------------------- */

/* Where LwM2M speaks from. Returns text. */
static const char *from_text(const struct device *device, char text[PLACE_TEXT_SIZE])
{
    return place_text(&device->local.address, device->port.number, text);
}

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
    if (before == LWM2M_BOOTSTRAPPING && state == LWM2M_REGISTERING) {
        objects_equip(&device->objects);
        objects_note_bootstrap(&device->objects);
        say("bootstrapped");
    }
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

/* Of a server's session, or of a stranger's that observed. The asker tells what was out on it. */
static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct device *device = coap_session_get_app_data(session);
    if (device && event == COAP_EVENT_SERVER_SESSION_DEL)
        lwm2m_coap_forget(&device->coap, session);
    if (device && (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR))
        device->lost_session = true;
    return 0;
}

/* --- its parts -------------------------------------------------------------------------------- */

void device_start_life(struct device *device, uint32_t pause)
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
    if (pause)
        lwm2m_client_start_later(&device->client, clock_milliseconds(), pause);
    else
        lwm2m_client_start(&device->client, clock_milliseconds());
}

int device_find_local(struct device *device, struct error *error)
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
    device->pcp.move = device_on_move;
    device->pcp.settled = device_on_settled;
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
    return device_open_port(device, &device->port, (uint16_t)device->options.port, error);
}

int device_open(struct device *device, struct error *error)
{
    char text[PLACE_TEXT_SIZE];
    if (device_find_local(device, error) < 0 || open_objects(device, error) < 0 ||
        open_pcp(device, error) < 0 || open_coap(device, error) < 0)
        return -1;
    say("ready %s", from_text(device, text));
    device_start_life(device, 0);
    return 0;
}

void device_close(struct device *device)
{
    pcp_context_close(&device->pcp);
    coap_body_forget(&device->coap.bodies, NULL);
    if (device->asker) {
        device_close_sessions(device);
        coap_asker_close(device->asker);
    }
    if (device->context)
        coap_free_context(device->context);
    device->context = NULL;
    device->asker = NULL;
}
