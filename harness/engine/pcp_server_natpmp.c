/* NAT-PMP (RFC 6886) as the second protocol of the PCP server.
 *
 * A NAT-PMP mapping is a MAP mapping without a nonce. So that a host can't use the older protocol to
 * end what another program of it made by PCP, NAT-PMP touches only what NAT-PMP made: asked to map a
 * port that is mapped already by other means it names that mapping (section 3.3 wants success) and
 * changes nothing, and asked to delete it, refuses.
 */
#include "engine/pcp_server_internal.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum { UDP = 17, TCP = 6, RESPONSE_BIT = 0x80 };

static const struct address *first_external(const struct pcp_server *server)
{
    for (size_t i = 0; i < server->policy.external_count; i++)
        if (!address_is_any(&server->external[i]))
            return &server->external[i];
    return NULL;
}

static void respond(const struct pcp_server *server, struct natpmp_message *message,
                    struct pcp_server_answer *answer)
{
    message->version = NATPMP_VERSION;
    message->response = true;
    message->epoch = pcp_server_epoch(server, server->now);
    answer->length = natpmp_encode(message, answer->octets, sizeof answer->octets);
}

static uint16_t fill_address(const struct pcp_server *server, struct natpmp_message *message)
{
    const struct address *external = first_external(server);
    if (!external)
        return NATPMP_NETWORK_FAILURE;
    memcpy(message->external_address, external->octet + 12, 4);
    return NATPMP_SUCCESS;
}

size_t pcp_server_nat_pmp_announcement(const struct pcp_server *server, uint8_t *octets)
{
    struct natpmp_message message = {.version = NATPMP_VERSION,
                                     .response = true,
                                     .opcode = NATPMP_ADDRESS,
                                     .epoch = pcp_server_epoch(server, server->now)};
    message.result = fill_address(server, &message);
    return natpmp_encode(&message, octets, PCP_MAXIMUM_LENGTH);
}

/* The whole request comes back (section 3.5); a shorter one than a response's first fields is
 * padded up to them. */
static void answer_unsupported(const struct pcp_server *server,
                               const struct pcp_server_input *input,
                               struct pcp_server_answer *answer)
{
    size_t length = input->length < PCP_MAXIMUM_LENGTH ? input->length : PCP_MAXIMUM_LENGTH;
    memset(answer->octets, 0, NATPMP_UNSUPPORTED_VERSION_LENGTH);
    memcpy(answer->octets, input->octets, length);
    answer->octets[1] |= RESPONSE_BIT;
    octets_put16(answer->octets + 2, NATPMP_UNSUPPORTED_OPCODE);
    octets_put32(answer->octets + 4, pcp_server_epoch(server, server->now));
    answer->length =
        length < NATPMP_UNSUPPORTED_VERSION_LENGTH ? NATPMP_UNSUPPORTED_VERSION_LENGTH : length;
}

static uint16_t result_of(enum pcp_result result)
{
    switch (result) {
    case PCP_SUCCESS:
        return NATPMP_SUCCESS;
    case PCP_NETWORK_FAILURE:
        return NATPMP_NETWORK_FAILURE;
    case PCP_NO_RESOURCES:
    case PCP_USER_EX_QUOTA:
        return NATPMP_OUT_OF_RESOURCES;
    default:
        return NATPMP_NOT_AUTHORIZED;
    }
}

/* --- deletion of all, section 3.4 ----------------------------------------------------------- */

/* Lets all NAT-PMP mappings of a host and protocol end now: they come as EXPIRED events, since one
 * answer carries one change. */
static uint16_t delete_all(struct pcp_server *server, const struct address *internal,
                           uint8_t protocol)
{
    struct pcp_table *table = &server->table;
    uint16_t result = NATPMP_SUCCESS;
    uint32_t host =
        pcp_table_host_find(table, internal, pcp_server_realm_of(&server->policy, internal));
    for (uint32_t at = host ? table->hosts[host].bindings : 0; at;
         at = table->bindings[at].host_next) {
        uint32_t mapping = table->bindings[at].map;
        if (table->bindings[at].protocol != protocol || !mapping ||
            table->mappings[mapping].kind == PCP_TABLE_RESTING)
            continue;
        if (!(table->mappings[mapping].flags & PCP_TABLE_BY_NAT_PMP)) {
            result = NATPMP_NOT_AUTHORIZED;
            continue;
        }
        pcp_server_heap_move(&table->heap, mapping, server->now);
    }
    return result;
}

/* --- mapping, sections 3.3 and 3.4 ---------------------------------------------------------- */

/* The mapping that another means made for this port, or PCP_TABLE_NONE. */
static uint32_t foreign_mapping(const struct pcp_server *server, const struct address *internal,
                                uint8_t protocol, uint16_t internal_port)
{
    const struct pcp_table *table = &server->table;
    uint32_t host =
        pcp_table_host_find(table, internal, pcp_server_realm_of(&server->policy, internal));
    uint32_t binding = pcp_table_binding_find(table, host, protocol, internal_port);
    uint32_t mapping = binding ? table->bindings[binding].map : PCP_TABLE_NONE;
    if (!mapping || table->mappings[mapping].flags & PCP_TABLE_BY_NAT_PMP)
        return PCP_TABLE_NONE;
    return mapping;
}

static void name_foreign(const struct pcp_server *server, uint32_t mapping, uint32_t wanted,
                         struct natpmp_message *message)
{
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    uint32_t left = pcp_server_seconds_left(server, mapping, false);
    message->result = NATPMP_SUCCESS;
    message->external_port = view.external_port;
    message->lifetime = wanted < left ? wanted : left;
}

static void map(struct pcp_server *server, const struct pcp_server_input *input,
                const struct natpmp_message *request, struct pcp_server_answer *answer)
{
    uint8_t protocol = request->opcode == NATPMP_MAP_UDP ? UDP : TCP;
    struct natpmp_message message = {.opcode = request->opcode,
                                     .internal_port = request->internal_port};
    uint32_t foreign = foreign_mapping(server, &input->source, protocol, request->internal_port);
    if (request->internal_port == 0) {
        /* Only a deletion may mean all ports. */
        message.result = request->lifetime == 0 ? delete_all(server, &input->source, protocol)
                                                : NATPMP_NOT_AUTHORIZED;
    } else if (foreign && request->lifetime && server->policy.map) {
        name_foreign(server, foreign, request->lifetime, &message);
    } else {
        struct pcp_exchange exchange = {
            .server = server,
            .input = input,
            .answer = answer,
            .nat_pmp = true,
            .internal = input->source,
            .realm = pcp_server_realm_of(&server->policy, &input->source),
            .request = {.opcode = PCP_MAP,
                        .lifetime = request->lifetime,
                        .data.map = {.protocol = protocol,
                                     .internal_port = request->internal_port,
                                     .external_port = request->external_port,
                                     .external_address = address_any_ipv4()}},
        };
        enum pcp_result result = pcp_server_map(&exchange);
        message.result = result_of(result);
        if (result == PCP_SUCCESS && request->lifetime) {
            message.external_port = exchange.external_port;
            message.lifetime = exchange.lifetime;
        }
    }
    respond(server, &message, answer);
}

/* --- datagrams ------------------------------------------------------------------------------ */

void pcp_server_nat_pmp(struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_answer *answer)
{
    struct natpmp_message request;
    enum natpmp_fault fault = natpmp_decode(input->octets, input->length, &request);
    bool ipv4 = address_is_ipv4(&input->source); /* the protocol knows nothing else */
    if (fault == NATPMP_FAULT_SHORT || !ipv4 || input->octets[1] & RESPONSE_BIT)
        return;
    if (fault == NATPMP_FAULT_VERSION) {
        struct natpmp_message message = {.result = NATPMP_UNSUPPORTED_VERSION};
        respond(server, &message, answer);
        return;
    }
    if (fault == NATPMP_FAULT_OPCODE) {
        answer_unsupported(server, input, answer);
        return;
    }
    if (fault == NATPMP_FAULT_CUT)
        return; /* no port in it that an answer could name */
    if (request.opcode == NATPMP_ADDRESS) {
        struct natpmp_message message = {.opcode = NATPMP_ADDRESS};
        message.result = fill_address(server, &message);
        respond(server, &message, answer);
        return;
    }
    map(server, input, &request, answer);
}

void pcp_server_nat_pmp_refuse(struct pcp_server *server, const struct pcp_server_input *input,
                               struct pcp_server_answer *answer)
{
    struct natpmp_message request;
    natpmp_decode(input->octets, input->length, &request);
    struct natpmp_message message = {.opcode = request.opcode,
                                     .result = NATPMP_OUT_OF_RESOURCES,
                                     .internal_port = request.internal_port};
    respond(server, &message, answer);
}
