/* The port of LwM2M, the sessions that leave from it, and the move to another. */
#include "node/lwm2m-device/device_private.h"

#include "node/common/clock.h"
#include "node/common/coap_port.h"
#include "node/common/say.h"

int device_open_port(struct device *device, struct device_port *port, uint16_t number,
                     struct error *error)
{
    coap_address_t at = coap_support_address(&device->local, number);
    if (coap_port_claim(&device->local, number, error) < 0)
        return -1;
    port->endpoint = coap_new_endpoint(device->context, &at, COAP_PROTO_UDP);
    if (!port->endpoint)
        return error_set(error, "libcoap could not listen on port %u", number);
    coap_port_stop_sharing(&device->local, number);
    coap_port_ignore_other_versions(&device->local, number);
    port->number = number;
    return 0;
}

void device_close_port(struct device_port *port)
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
void device_close_sessions(struct device *device)
{
    close_session(device, &device->server);
    close_session(device, &device->bootstrap);
    if (device->question)
        lwm2m_client_failed(&device->client, clock_milliseconds());
    device->question = 0;
}

/* The answer to what asked for the move leaves from the old port, which hears until the new one has its
 * mapping: only then may anything leave from there (RFC 6887 section 10.2). */
int device_on_move(void *context, uint16_t *port, struct error *error)
{
    struct device *device = context;
    uint16_t number;
    device_close_port(&device->next);
    if (coap_port_choose(&device->local, &number, error) < 0 ||
        device_open_port(device, &device->next, number, error) < 0)
        return -1;
    *port = number;
    say("port %u", number);
    return 0;
}

void device_on_settled(void *context, bool is_mapped, bool is_elsewhere)
{
    struct device *device = context;
    if (device->next.number) {
        device->moves = true;
        device->is_mapped = is_mapped;
        return;
    }
    if (device->awaits_mapping && device->client.state == LWM2M_PAUSING) {
        device->awaits_mapping = false;
        device->was_mapped = is_mapped;
        lwm2m_client_register_anew(&device->client, clock_milliseconds());
        return;
    }
    device->awaits_mapping = false;
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
void device_move(struct device *device)
{
    bool is_secure = device->server.session && device->server.account.is_secure;
    device_close_sessions(device);
    device_close_port(&device->port);
    device->port = device->next;
    device->next = (struct device_port){0};
    device->was_mapped = device->is_mapped;
    if (is_secure)
        lwm2m_client_register_anew(&device->client, clock_milliseconds());
    else
        lwm2m_client_update(&device->client, false);
}
