/* Datagrams in, answers out: the rules that hold for every opcode (RFC 6887 sections 7 to 9).
 *
 * Where the RFC leaves a gap or contradicts itself, this server does as follows.
 * - The 96 reserved bits (7.2) are those of a request that was not parsed for the results
 *   UNSUPP_VERSION, MALFORMED_REQUEST, UNSUPP_OPCODE and MALFORMED_OPTION: in each the server gave
 *   up reading. All other results come from a request that it understood.
 * - An error response is a full copy (7.3, 8.2), reserved bits of opcode data and options included;
 *   only the header's reserved bits, which 7.2 calls "set by the server", are zero.
 * - UNSUPP_VERSION to a request of 2 to 23 octets is padded to the 24 of a header: its lifetime and
 *   Epoch have a place then, and a NAT-PMP client still reads its first 8 octets (appendix A).
 * - An ANNOUNCE of less than 24 octets is dropped (8.2), though 14.1.1 speaks of an error: without
 *   a whole header there is no Client IP Address to compare with, and 8.2 gives the order of checks.
 * - Authentication (RFC 7652) is not spoken: its opcode and its options are as good as unknown, UNSUPP_OPCODE and
 *   UNSUPP_OPTION. It would bring EAP and keys to every device; the Simple Threat Model (18.1) does without.
 */
#include "engine/pcp_server_internal.h"
#include "wire/octets.h"

#include <string.h>

enum { NAT_PMP_VERSION = 0, RESPONSE_BIT = 0x80, HEADER_RESULT = 3 };

/* --- errors --------------------------------------------------------------------------------- */

/* Section 7.4 tells short from long; CANNOT_PROVIDE_EXTERNAL lasts as long as its cause. */
static bool is_short_error(enum pcp_result result)
{
    return result == PCP_NETWORK_FAILURE || result == PCP_NO_RESOURCES ||
           result == PCP_USER_EX_QUOTA;
}

static bool is_parse_error(enum pcp_result result)
{
    return result == PCP_UNSUPP_VERSION || result == PCP_MALFORMED_REQUEST ||
           result == PCP_UNSUPP_OPCODE || result == PCP_MALFORMED_OPTION;
}

/* The copy of the request that section 8.2 makes an error response of. */
void pcp_server_answer_error(const struct pcp_server *server, const struct pcp_server_input *input,
                             enum pcp_result result, uint32_t lifetime,
                             struct pcp_server_answer *answer)
{
    uint8_t *octets = answer->octets;
    size_t copied = input->length < PCP_MAXIMUM_LENGTH ? input->length : PCP_MAXIMUM_LENGTH;
    size_t length = (copied + 3) & ~(size_t)3;
    if (length < PCP_HEADER_LENGTH)
        length = PCP_HEADER_LENGTH;
    memcpy(octets, input->octets, copied);
    memset(octets + copied, 0, length - copied);
    octets[0] = PCP_VERSION;
    octets[1] |= RESPONSE_BIT;
    octets[2] = 0;
    octets[HEADER_RESULT] = (uint8_t)result;
    octets_put32(octets + 4, lifetime);
    octets_put32(octets + 8, pcp_server_epoch(server, server->now));
    if (!is_parse_error(result))
        memset(octets + 12, 0, 12);
    answer->length = length;
}

static uint32_t error_lifetime(const struct pcp_server *server, enum pcp_result result)
{
    return is_short_error(result) ? server->policy.short_error : server->policy.long_error;
}

/* --- success -------------------------------------------------------------------------------- */

size_t pcp_server_write(const struct pcp_server *server, const struct pcp_server_mapping *view,
                        uint8_t opcode, uint32_t lifetime, uint8_t *octets, size_t capacity)
{
    struct pcp_message message = {
        .version = PCP_VERSION,
        .response = true,
        .opcode = opcode,
        .lifetime = lifetime,
        .epoch = pcp_server_epoch(server, server->now),
        .data = {.map = {.protocol = view->protocol,
                         .internal_port = view->internal_port,
                         .external_port = view->external_port,
                         .external_address = view->external},
                 .remote_port = view->remote_port,
                 .remote_address = view->remote},
    };
    memcpy(message.data.map.nonce, view->nonce, PCP_NONCE_LENGTH);
    return pcp_encode(&message, octets, capacity);
}

/* False if the response would not fit (section 7.3). */
static bool answer_success(struct pcp_exchange *exchange)
{
    const struct pcp_peer *data = &exchange->request.data;
    struct pcp_server_mapping view = {
        .protocol = data->map.protocol,
        .internal_port = data->map.internal_port,
        .external = exchange->external,
        .external_port = exchange->external_port,
        .remote = data->remote_address,
        .remote_port = data->remote_port,
    };
    memcpy(view.nonce, data->map.nonce, PCP_NONCE_LENGTH);
    struct pcp_server_answer *answer = exchange->answer;
    size_t length = pcp_server_write(exchange->server, &view, exchange->request.opcode,
                                     exchange->lifetime, answer->octets, PCP_MAXIMUM_LENGTH);
    answer->length = pcp_server_echo_options(exchange, answer->octets, length);
    return answer->length != 0;
}

/* --- requests ------------------------------------------------------------------------------- */

/* The checks of section 8.2 behind the version, in its order. */
static enum pcp_result check_header(enum pcp_fault fault, const struct pcp_exchange *exchange)
{
    if (fault == PCP_FAULT_OPCODE)
        return PCP_UNSUPP_OPCODE;
    if (fault != PCP_FAULT_NONE)
        return PCP_MALFORMED_REQUEST;
    if (!address_equal(&exchange->request.client, &exchange->input->source))
        return PCP_ADDRESS_MISMATCH;
    return PCP_SUCCESS;
}

static enum pcp_result process(struct pcp_exchange *exchange)
{
    switch (exchange->request.opcode) {
    case PCP_MAP:
        return pcp_server_map(exchange);
    case PCP_PEER:
        return pcp_server_peer(exchange);
    default:
        return PCP_SUCCESS; /* ANNOUNCE: Epoch alone, lifetime 0 (14.1.2) */
    }
}

/* A side that policy trusts for THIRD_PARTY serves nothing else (8.2). */
static bool is_welcome(const struct pcp_exchange *exchange)
{
    return exchange->input->side == PCP_SERVER_INSIDE || exchange->third_party;
}

/* The side of version negotiation (section 9): nothing but version 2 is spoken here. */
static void answer_version(const struct pcp_server *server, const struct pcp_server_input *input,
                           struct pcp_server_answer *answer)
{
    if (input->side == PCP_SERVER_INSIDE)
        pcp_server_answer_error(server, input, PCP_UNSUPP_VERSION, server->policy.long_error,
                                answer);
}

static void request(struct pcp_server *server, const struct pcp_server_input *input,
                    struct pcp_server_answer *answer)
{
    struct pcp_exchange exchange = {.server = server, .input = input, .answer = answer};
    enum pcp_fault fault = pcp_decode(input->octets, input->length, &exchange.request);
    exchange.internal = input->source;
    if (fault == PCP_FAULT_SHORT || fault == PCP_FAULT_HEADER_CUT || exchange.request.response)
        return;
    if (fault == PCP_FAULT_VERSION) {
        answer_version(server, input, answer);
        return;
    }
    enum pcp_result result = check_header(fault, &exchange);
    if (result == PCP_SUCCESS)
        result = pcp_server_read_options(&exchange);
    if (!is_welcome(&exchange))
        return;
    if (result == PCP_SUCCESS)
        result = process(&exchange);
    if (result == PCP_SUCCESS && !answer_success(&exchange)) {
        pcp_server_undo(server, answer);
        result = PCP_MALFORMED_REQUEST;
    }
    if (result == PCP_SUCCESS && exchange.request.opcode == PCP_MAP)
        pcp_server_begin_set(&exchange);
    if (result != PCP_SUCCESS) {
        uint32_t lifetime =
            exchange.lifetime_set ? exchange.lifetime : error_lifetime(server, result);
        pcp_server_answer_error(server, input, result, lifetime, answer);
    }
}

void pcp_server_forget_event(struct pcp_server *server)
{
    pcp_table_filter_free(&server->table, server->expired_filters);
    pcp_table_description_free(&server->table, server->expired_description);
    server->expired_filters = PCP_TABLE_NONE;
    server->expired_description = PCP_TABLE_NONE;
}

void pcp_server_answer_nothing(struct pcp_server_answer *answer)
{
    answer->length = 0;
    answer->change.kind = PCP_SERVER_UNCHANGED;
    answer->undo.action = PCP_UNDO_NONE;
    answer->undo.filters_replaced = false;
    answer->undo.description_replaced = false;
    answer->set.next = answer->set.end = 0;
}

void pcp_server_request(struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_answer *answer)
{
    pcp_server_answer_nothing(answer);
    if (input->now > server->now)
        server->now = input->now;
    pcp_server_forget_event(server);
    bool inside = input->side == PCP_SERVER_INSIDE;
    if (inside ? !pcp_server_is_inside(server, &input->source) : input->side != PCP_SERVER_TRUSTED)
        return; /* a trusted side's clients are of no inside prefix: they map for those who are */
    bool nat_pmp = input->length > 0 && input->octets[0] == NAT_PMP_VERSION;
    if (!server->policy.nat_pmp_alone && !(nat_pmp && pcp_server_speaks_nat_pmp(server)))
        request(server, input, answer);
    else if (inside && pcp_server_speaks_nat_pmp(server))
        pcp_server_nat_pmp(server, input, answer);
}

void pcp_server_refuse(struct pcp_server *server, const struct pcp_server_input *input,
                       struct pcp_server_answer *answer)
{
    if (answer->change.kind == PCP_SERVER_UNCHANGED)
        return; /* it promised nothing that the device could fail to do */
    pcp_server_undo(server, answer);
    if (answer->octets[0] == NAT_PMP_VERSION)
        pcp_server_nat_pmp_refuse(server, input, answer);
    else
        pcp_server_answer_error(server, input, PCP_NO_RESOURCES, server->policy.short_error,
                                answer);
}
