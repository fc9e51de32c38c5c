/* Options of a request (RFC 6887 sections 7.3 and 13): which are known, where they may stand, and
 * what is wrong with them.
 *
 * Decisions where the text leaves room:
 * - An option length past the datagram is MALFORMED_OPTION (the MUST of 7.3, not only its SHOULD).
 * - A known option in an opcode that it isn't valid for (FILTER in PEER, any of section 13 in
 *   ANNOUNCE) "does not make sense" there, which 11.3 answers with MALFORMED_OPTION; PREFER_FAILURE
 *   in PEER is the exception that 12.1 spells out, MALFORMED_REQUEST. An option that is switched
 *   off comes before that: it is as good as unknown, UNSUPP_OPTION, and for PEER no less than for
 *   the MAP that 13.1 names.
 * - FILTER prefixes of IPv4 are 96 to 128, as 13.3 says; its erratum 3891 (97) is not verified, and
 *   96 with a port is of use: any host, that port. Prefix 0 clears, whatever address stands there.
 */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { IPV4_PREFIX = 96, WHOLE_PREFIX = 128, MANDATORY_CODES = 128 };

enum opcode_bit {
    ANNOUNCE_BIT = 1 << PCP_ANNOUNCE,
    MAP_BIT = 1 << PCP_MAP,
    PEER_BIT = 1 << PCP_PEER
};

struct option_rule {
    uint8_t code;
    uint8_t opcodes; /* that it is valid for */
    bool once;
    enum pcp_result misplaced; /* in another opcode */
    bool (*enabled)(const struct pcp_exchange *exchange);
    enum pcp_result (*take)(struct pcp_exchange *exchange, const struct pcp_option *option);
};

/* --- THIRD_PARTY, 13.1 ---------------------------------------------------------------------- */

static bool third_party_enabled(const struct pcp_exchange *exchange)
{
    const struct pcp_server_policy *policy = &exchange->server->policy;
    if (!policy->third_party)
        return false;
    if (exchange->input->side == PCP_SERVER_TRUSTED)
        return true;
    for (size_t i = 0; i < policy->third_party_client_count; i++)
        if (pcp_server_prefix_holds(&policy->third_party_clients[i], &exchange->input->source))
            return true;
    return false;
}

static enum pcp_result take_third_party(struct pcp_exchange *exchange,
                                        const struct pcp_option *option)
{
    struct address internal;
    if (pcp_option_third_party(option, &internal))
        return PCP_MALFORMED_OPTION;
    if (address_equal(&internal, &exchange->input->source))
        return PCP_MALFORMED_REQUEST;
    exchange->internal = internal;
    return PCP_SUCCESS;
}

/* --- THIRD_PARTY_ID, RFC 7843 --------------------------------------------------------------- */

static bool third_party_id_enabled(const struct pcp_exchange *exchange)
{
    return exchange->server->policy.realm_count > 0 && third_party_enabled(exchange);
}

/* --- PREFER_FAILURE, 13.2 ------------------------------------------------------------------- */

static bool prefer_failure_enabled(const struct pcp_exchange *exchange)
{
    return exchange->server->policy.prefer_failure;
}

static enum pcp_result take_prefer_failure(struct pcp_exchange *exchange,
                                           const struct pcp_option *option)
{
    if (option->length != 0)
        return PCP_MALFORMED_OPTION;
    exchange->prefer_failure = true;
    return PCP_SUCCESS;
}

/* --- FILTER, 13.3 --------------------------------------------------------------------------- */

static bool filter_enabled(const struct pcp_exchange *exchange)
{
    (void)exchange;
    return true; /* every server supports one filter a mapping at least */
}

static bool filter_is_sound(const struct pcp_filter *filter, const struct address *internal)
{
    if (filter->prefix_length == 0)
        return true;
    /* Remote peers are of the internal address's family (section 10). */
    bool ipv4 = address_is_ipv4(&filter->remote_address);
    if (ipv4 != address_is_ipv4(internal))
        return false;
    return filter->prefix_length <= WHOLE_PREFIX && (!ipv4 || filter->prefix_length >= IPV4_PREFIX);
}

static enum pcp_result take_filter(struct pcp_exchange *exchange, const struct pcp_option *option)
{
    struct pcp_filter filter;
    if (pcp_option_filter(option, &filter))
        return PCP_MALFORMED_OPTION;
    exchange->filtered = true;
    return PCP_SUCCESS;
}

/* The family of a FILTER is known to be right or wrong only when a THIRD_PARTY option behind it has
 * been read too, so the contents are judged at the end. */
static enum pcp_result check_filters(const struct pcp_exchange *exchange)
{
    const struct pcp_message *request = &exchange->request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        struct pcp_filter filter;
        if (option.code == PCP_FILTER && !pcp_option_filter(&option, &filter) &&
            !filter_is_sound(&filter, &exchange->internal))
            return PCP_MALFORMED_OPTION;
    }
    return PCP_SUCCESS;
}

/* --- DESCRIPTION, RFC 7220 ------------------------------------------------------------------ */

static bool description_enabled(const struct pcp_exchange *exchange)
{
    return exchange->server->policy.description_capacity > 0;
}

static enum pcp_result take_description(struct pcp_exchange *exchange,
                                        const struct pcp_option *option)
{
    pcp_server_take_description(exchange, option);
    return PCP_SUCCESS;
}

/* --- PREFIX64, RFC 7225 --------------------------------------------------------------------- */

static bool prefix64_enabled(const struct pcp_exchange *exchange)
{
    return exchange->server->policy.prefix64_count > 0;
}

/* A request's is but a question: its contents say nothing. */
static enum pcp_result take_prefix64(struct pcp_exchange *exchange, const struct pcp_option *option)
{
    (void)exchange;
    (void)option;
    return PCP_SUCCESS;
}

/* --- PORT_SET, RFC 7753 --------------------------------------------------------------------- */

static bool port_set_enabled(const struct pcp_exchange *exchange)
{
    return exchange->server->policy.ports_per_set > 0;
}

/* --- the walk ------------------------------------------------------------------------------- */

static const struct option_rule rules[] = {
    {PCP_THIRD_PARTY, MAP_BIT | PEER_BIT, true, PCP_MALFORMED_OPTION, third_party_enabled,
     take_third_party},
    {PCP_THIRD_PARTY_ID, MAP_BIT | PEER_BIT, true, PCP_MALFORMED_OPTION, third_party_id_enabled,
     pcp_server_take_realm},
    {PCP_PREFER_FAILURE, MAP_BIT, true, PCP_MALFORMED_REQUEST, prefer_failure_enabled,
     take_prefer_failure},
    {PCP_FILTER, MAP_BIT, false, PCP_MALFORMED_OPTION, filter_enabled, take_filter},
    {PCP_DESCRIPTION, MAP_BIT | PEER_BIT, true, PCP_MALFORMED_OPTION, description_enabled,
     take_description},
    {PCP_PREFIX64, MAP_BIT | ANNOUNCE_BIT, true, PCP_MALFORMED_OPTION, prefix64_enabled,
     take_prefix64},
    {PCP_PORT_SET, MAP_BIT, true, PCP_MALFORMED_OPTION, port_set_enabled, pcp_server_take_port_set},
};

enum { RULE_COUNT = sizeof rules / sizeof *rules };

static const struct option_rule *rule_of(uint8_t code)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rules[i].code == code)
            return &rules[i];
    return NULL;
}

static bool is_valid_in(const struct option_rule *rule, uint8_t opcode)
{
    return rule->opcodes >> opcode & 1;
}

static enum pcp_result take_option(struct pcp_exchange *exchange, const struct pcp_option *option)
{
    const struct option_rule *rule = rule_of(option->code);
    uint8_t opcode = exchange->request.opcode;
    bool optional = option->code >= MANDATORY_CODES;
    if (!rule && exchange->server->policy.relay_unknown)
        return PCP_SUCCESS;
    if (!rule || !rule->enabled(exchange))
        return optional ? PCP_SUCCESS : PCP_UNSUPP_OPTION;
    if (!is_valid_in(rule, opcode) && optional)
        return PCP_SUCCESS;
    if (!is_valid_in(rule, opcode))
        return opcode == PCP_PEER ? rule->misplaced : PCP_MALFORMED_OPTION;
    uint32_t bit = 1U << (rule - rules);
    if (rule->once && exchange->processed & bit)
        return PCP_MALFORMED_OPTION;
    exchange->processed |= bit;
    return rule->take(exchange, option);
}

enum pcp_result pcp_server_read_options(struct pcp_exchange *exchange)
{
    const struct pcp_message *request = &exchange->request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    /* The structure of the whole area comes before any single option. */
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault))
        if (option.code == PCP_THIRD_PARTY)
            exchange->third_party = true;
    if (fault)
        return PCP_MALFORMED_OPTION;

    offset = 0;
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        enum pcp_result result = take_option(exchange, &option);
        if (result)
            return result;
    }
    enum pcp_result result = pcp_server_settle_realm(exchange);
    if (result == PCP_SUCCESS)
        result = pcp_server_settle_port_set(exchange);
    return result == PCP_SUCCESS && exchange->filtered ? check_filters(exchange) : result;
}

/* --- what becomes of FILTERs ---------------------------------------------------------------- */

static bool same_filter(const struct pcp_table_filter *have, const struct pcp_filter *wanted)
{
    return have->prefix_length == wanted->prefix_length &&
           have->remote_port == wanted->remote_port &&
           address_equal(&have->remote, &wanted->remote_address);
}

/* Adds one filter unless it is there already: a renewal that repeats its FILTERs must not pile them
 * up until they exceed the limit. Returns false when there is no room. */
static bool add_filter(struct pcp_server *server, uint32_t *chain, const struct pcp_filter *filter)
{
    unsigned int count = 0;
    for (uint32_t at = *chain; at; at = server->table.filters[at].next, count++)
        if (same_filter(&server->table.filters[at], filter))
            return true;
    return count < server->policy.filters_per_mapping &&
           pcp_table_filter_add(&server->table, chain, filter);
}

static bool copy_chain(struct pcp_server *server, uint32_t from, uint32_t *to)
{
    struct pcp_filter filter;
    while (pcp_server_filter_next(server, &from, &filter))
        if (!pcp_table_filter_add(&server->table, to, &filter))
            return false;
    return true;
}

/* Whether the request's FILTERs come out at the chain that is there: all of them are in it or, behind
 * the last that clears, they are just what it holds, in its order. */
static bool changes_nothing(const struct pcp_exchange *exchange, uint32_t chain)
{
    const struct pcp_table_filter *filters = exchange->server->table.filters;
    const struct pcp_message *request = &exchange->request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    bool cleared = false, all_there = true;
    uint32_t next = chain; /* once cleared: the one to come */
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        struct pcp_filter filter;
        if (option.code != PCP_FILTER || pcp_option_filter(&option, &filter))
            continue;
        if (filter.prefix_length == 0) {
            cleared = all_there = true;
            next = chain;
            continue;
        }
        uint32_t at = cleared ? next : chain;
        while (!cleared && at && !same_filter(&filters[at], &filter))
            at = filters[at].next;
        all_there = all_there && at && same_filter(&filters[at], &filter);
        next = at ? filters[at].next : PCP_TABLE_NONE;
    }
    return all_there && !(cleared && next);
}

enum pcp_result pcp_server_apply_filters(struct pcp_exchange *exchange, uint32_t present,
                                         uint32_t *chain)
{
    /* A client that repeats its FILTERs with each renewal must not be refused for want of room. */
    if (changes_nothing(exchange, present)) {
        *chain = present;
        return PCP_SUCCESS;
    }
    struct pcp_server *server = exchange->server;
    const struct pcp_message *request = &exchange->request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    *chain = PCP_TABLE_NONE;
    bool room = copy_chain(server, present, chain);
    while (room &&
           pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        struct pcp_filter filter;
        if (option.code != PCP_FILTER || pcp_option_filter(&option, &filter))
            continue;
        if (filter.prefix_length == 0) {
            pcp_table_filter_free(&server->table, *chain);
            *chain = PCP_TABLE_NONE;
        } else {
            room = add_filter(server, chain, &filter);
        }
    }
    if (room)
        return PCP_SUCCESS;
    pcp_table_filter_free(&server->table, *chain);
    *chain = PCP_TABLE_NONE;
    return PCP_EXCESSIVE_REMOTE_PEERS;
}

/* One processed option of the request as it stands in the response. */
static size_t echo_option(const struct pcp_exchange *exchange, const struct pcp_option *option,
                          uint8_t *octets, size_t used)
{
    bool described = option->code == PCP_DESCRIPTION;
    if (option->code == PCP_PORT_SET)
        return used; /* what became of it is known later */
    if (option->code == PCP_PREFIX64)
        return pcp_server_append_prefix64(exchange->server, octets, used);
    if (described && !exchange->described)
        return used; /* not kept, not in the answer */
    uint16_t length = described ? (uint16_t)exchange->description_length : option->length;
    size_t end =
        pcp_append_option(octets, used, PCP_MAXIMUM_LENGTH, option->code, option->data, length);
    if (end && option->code == PCP_FILTER)
        octets[used + PCP_OPTION_HEADER_LENGTH] = 0; /* reserved, MUST be sent as 0 (13.3) */
    return end;
}

size_t pcp_server_echo_options(const struct pcp_exchange *exchange, uint8_t *octets, size_t used)
{
    const struct pcp_message *request = &exchange->request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (used &&
           pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        const struct option_rule *rule = rule_of(option.code);
        if (rule && exchange->processed >> (rule - rules) & 1) /* others stay out (7.3) */
            used = echo_option(exchange, &option, octets, used);
    }
    return used;
}
