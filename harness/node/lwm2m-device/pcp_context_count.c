/* What an instance of PCP-context costs: its requests, their repetitions, and octets each way. */
#include "node/lwm2m-device/pcp_context_private.h"

#include "node/common/say.h"

static void add(struct pcp_context *context, uint16_t instance, uint16_t resource, size_t more)
{
    const struct lwm2m_instance *at = pcp_context_instance(context, instance);
    if (at)
        pcp_context_put(context, instance, resource,
                        lwm2m_model_integer(at, resource, 0) + (int64_t)more);
}

/* Whose datagram it is, of PCP or of NAT-PMP, which asks for one mapping at a time. */
static struct pcp_context_slot *concerned(struct pcp_context_server *server, const uint8_t *octets,
                                          size_t length)
{
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    struct pcp_mapping *mapping = NULL;
    if (fault == PCP_FAULT_NONE)
        mapping = pcp_endpoint_mapping(&server->endpoint, &message);
    else if (fault == PCP_FAULT_VERSION && message.version == 0)
        mapping = server->endpoint.client.natpmp.asking;
    return pcp_context_slot_of(server, mapping);
}

static void tell_whom_it_asks(struct pcp_context_server *server, struct pcp_context_slot *slot)
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(&server->endpoint.client.server, text);
    if (pcp_context_instance(server->context, slot->instance))
        lwm2m_model_put_text(server->context->model, LWM2M_OBJECT_PCP_CONTEXT, slot->instance,
                             PCP_CONTEXT_ASKED_SERVER, text);
    if (!slot->leaving)
        say("pcp %u asking %s", slot->instance, text);
    slot->asked = true;
}

static size_t on_request(void *context, struct pcp_endpoint *endpoint, uint8_t *octets,
                         size_t length)
{
    (void)endpoint;
    struct pcp_context_server *server = context;
    struct pcp_context_slot *slot = concerned(server, octets, length);
    if (!slot || !slot->used)
        return length;
    if (!slot->asked)
        tell_whom_it_asks(server, slot);
    add(server->context, slot->instance, PCP_CONTEXT_REQUESTS, 1);
    if (slot->awaiting)
        add(server->context, slot->instance, PCP_CONTEXT_RETRANSMISSIONS, 1);
    add(server->context, slot->instance, PCP_CONTEXT_OCTETS_OUT, length);
    slot->awaiting = true;
    return length;
}

static size_t on_answer(void *context, struct pcp_endpoint *endpoint, struct address *source,
                        uint16_t *port, uint8_t *octets, size_t length)
{
    struct pcp_context_server *server = context;
    struct pcp_context_slot *slot = concerned(server, octets, length);
    if (*port != PCP_SERVER_PORT || !address_equal(source, &endpoint->client.server) || !slot ||
        !slot->used)
        return length;
    add(server->context, slot->instance, PCP_CONTEXT_OCTETS_IN, length);
    slot->awaiting = false;
    return length;
}

void pcp_context_count(struct pcp_context_server *server)
{
    server->tap =
        (struct pcp_endpoint_tap){.context = server, .request = on_request, .answer = on_answer};
    server->endpoint.tap = &server->tap;
}
