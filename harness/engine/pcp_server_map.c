/* The MAP opcode: RFC 6887 sections 11.3 and 15.1, in their order.
 *
 * Decisions where the text contradicts itself:
 * - Protocol 0 with an internal port is MALFORMED_REQUEST (11.3 and 15.1, both MUSTs about the
 *   answer), although 11.1 says that the port is ignored: a client that names a port for all
 *   protocols means something else than it asks for.
 * - "Immediately" (15.1) yields to section 15: a mapping whose host sent through it within the idle
 *   time lives for the rest of that time, and the answer says so. This is a protection against
 *   theft, the other only convenience. A delete by NAT-PMP takes place at once: RFC 6886 knows nothing else,
 *   and has connections reset.
 * - A repeated delete is SUCCESS as long as the port rests, for the client whose nonce it has: that
 *   is the retransmission 15.1 cares for. Later, an outbound flow on the port makes it
 *   NOT_AUTHORIZED, as 15.1 asks too.
 * - On a delete the family of the suggested address (erratum 3621) picks nothing: an internal
 *   endpoint of this server has one mapping, of one family.
 * - An external family that can't be had is NETWORK_FAILURE (7.4: "has not yet obtained an external
 *   IP address"): CANNOT_PROVIDE_EXTERNAL is forbidden here, and NO_RESOURCES would stop a client
 *   that asks for both families from asking for the other one too (11.4).
 * - Explicit mappings live for the lifetimes of section 15, though 18.1 wants those of implicit ones (a
 *   MUST, since 18.2 is not spoken): a MAP of two minutes would keep no sleeping host reachable, which
 *   is what 15 recommends a day for. What 18.1 fears, one host that holds all ports, the quota of
 *   17.2 prevents.
 * - FILTER on a static mapping can't be had: EXCESSIVE_REMOTE_PEERS, "not able to create".
 */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { MILLISECONDS = 1000, TIME_WAIT = 240 /* seconds, RFC 793: twice the segment lifetime */ };

/* --- checks --------------------------------------------------------------------------------- */

/* The four forms of section 11.3. */
static enum pcp_result check_protocol(const struct pcp_exchange *exchange)
{
    const struct pcp_server_policy *policy = &exchange->server->policy;
    const struct pcp_map *map = &exchange->request.data.map;
    if (map->protocol == 0 && map->internal_port != 0)
        return PCP_MALFORMED_REQUEST;
    if (exchange->request.lifetime == 0)
        return PCP_SUCCESS;
    if (map->protocol != 0 && !pcp_server_policy_serves(policy, map->protocol))
        return PCP_UNSUPP_PROTOCOL;
    if (map->internal_port == 0)
        return policy->wildcards ? PCP_SUCCESS : PCP_UNSUPP_PROTOCOL;
    return pcp_server_has_ports(map->protocol) ? PCP_SUCCESS : PCP_MALFORMED_REQUEST;
}

static enum pcp_result fail_for(struct pcp_exchange *exchange, enum pcp_result result,
                                uint32_t seconds)
{
    exchange->lifetime = seconds;
    exchange->lifetime_set = true;
    return result;
}

/* Simple Threat Model: the error lasts as long as the mapping. */
static enum pcp_result check_nonce(struct pcp_exchange *exchange, uint32_t mapping)
{
    const struct pcp_table_mapping *record = &exchange->server->table.mappings[mapping];
    if (record->kind != PCP_TABLE_MAP || !exchange->server->policy.check_nonces)
        return PCP_SUCCESS;
    bool nat_pmp = record->flags & PCP_TABLE_BY_NAT_PMP;
    bool same = nat_pmp == exchange->nat_pmp &&
                memcmp(record->nonce, exchange->request.data.map.nonce, PCP_NONCE_LENGTH) == 0;
    if (same)
        return PCP_SUCCESS;
    return fail_for(exchange, PCP_NOT_AUTHORIZED,
                    pcp_server_seconds_left(exchange->server, mapping, true));
}

/* Mandatory options that make no sense in this request: 11.3, 13.2, 13.3. */
static bool is_senseless(const struct pcp_exchange *exchange)
{
    bool deletes = exchange->request.lifetime == 0;
    if (exchange->prefer_failure && (deletes || (exchange->request.data.map.external_port == 0 &&
                                                 exchange->request.data.map.internal_port != 0)))
        return true;
    return exchange->filtered && deletes;
}

/* The suggestion or nothing: a set's ports stand side by side outside, too. */
static bool insists_on(const struct pcp_exchange *exchange)
{
    return exchange->prefer_failure || exchange->goes_on;
}

/* PREFER_FAILURE with all zeros for the address insists on the port alone, when a mapping is made and
 * so also when its request is repeated. */
static bool prefers_another(const struct pcp_exchange *exchange,
                            const struct pcp_server_mapping *view)
{
    const struct pcp_map *map = &exchange->request.data.map;
    bool insists = insists_on(exchange) && !exchange->server->policy.proxy;
    if (!insists || address_is_any(&view->external))
        return false; /* where there is no address now, that is the failure to tell */
    return map->external_port != view->external_port ||
           !(address_is_any(&map->external_address) ||
             address_equal(&map->external_address, &view->external));
}

enum pcp_result pcp_server_grant(struct pcp_exchange *exchange,
                                 const struct pcp_server_mapping *view, uint32_t lifetime)
{
    exchange->lifetime = lifetime;
    exchange->external = view->external;
    exchange->external_port = view->external_port;
    return PCP_SUCCESS;
}

/* --- existing mappings ---------------------------------------------------------------------- */

static enum pcp_result answer_static(struct pcp_exchange *exchange, uint32_t mapping)
{
    struct pcp_server_mapping view;
    pcp_server_view(exchange->server, mapping, &view);
    if (is_senseless(exchange))
        return PCP_MALFORMED_OPTION;
    if (exchange->request.lifetime == 0)
        return PCP_NOT_AUTHORIZED;
    if (prefers_another(exchange, &view))
        return PCP_CANNOT_PROVIDE_EXTERNAL;
    if (exchange->filtered)
        return PCP_EXCESSIVE_REMOTE_PEERS;
    return pcp_server_grant(exchange, &view, PCP_SERVER_INFINITE);
}

/* Copies what later Mapping Updates need to know of the request (14.2). False: no room. */
static bool remember_request(struct pcp_exchange *exchange, uint32_t mapping)
{
    const struct pcp_server_input *input = exchange->input;
    struct pcp_table *table = &exchange->server->table;
    if (!pcp_table_set_client(table, mapping, &input->source, input->source_port, input->path))
        return false;
    struct pcp_table_mapping *record = &table->mappings[mapping];
    memcpy(record->nonce, exchange->request.data.map.nonce, PCP_NONCE_LENGTH);
    uint8_t kept = record->flags & PCP_TABLE_CONTINUES;
    record->flags = (uint8_t)(kept | (exchange->third_party ? PCP_TABLE_THIRD_PARTY : 0) |
                              (exchange->prefer_failure ? PCP_TABLE_PREFER_FAILURE : 0) |
                              (exchange->filtered ? PCP_TABLE_FILTERED : 0) |
                              (exchange->nat_pmp ? PCP_TABLE_BY_NAT_PMP : 0));
    return true;
}

/* For how long outbound traffic still keeps a mapping alive, or another of its set. */
static uint64_t rest_for(const struct pcp_exchange *exchange, uint32_t mapping)
{
    uint64_t rest = pcp_server_idle_rest(exchange->server, mapping);
    return rest > exchange->set_rest ? rest : exchange->set_rest;
}

/* Sets what is left of a mapping to some milliseconds, but to no less than its outbound traffic
 * keeps alive (section 15). Returns the seconds to answer. */
static uint32_t set_remaining(const struct pcp_exchange *exchange, uint32_t mapping,
                              uint64_t milliseconds)
{
    struct pcp_server *server = exchange->server;
    uint64_t present = pcp_server_heap_deadline(&server->table.heap, mapping);
    if (server->now + milliseconds < present) {
        uint64_t rest = rest_for(exchange, mapping);
        if (rest > milliseconds)
            milliseconds = (rest + MILLISECONDS - 1) / MILLISECONDS * MILLISECONDS;
        if (server->now + milliseconds > present)
            milliseconds = present > server->now ? present - server->now : 0;
    }
    pcp_server_heap_move(&server->table.heap, mapping, server->now + milliseconds);
    return (uint32_t)(milliseconds / MILLISECONDS);
}

/* NAT-PMP grants no more than was asked for (RFC 6886 section 3.3), so it knows no minimum. */
static uint32_t grant(const struct pcp_exchange *exchange)
{
    uint32_t clamped = pcp_server_clamp(exchange->server, exchange->request.lifetime);
    bool less = exchange->nat_pmp && exchange->request.lifetime < clamped;
    return less ? exchange->request.lifetime : clamped;
}

static enum pcp_result renew(struct pcp_exchange *exchange, uint32_t mapping)
{
    struct pcp_server *server = exchange->server;
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    if (prefers_another(exchange, &view))
        return fail_for(exchange, PCP_CANNOT_PROVIDE_EXTERNAL,
                        pcp_server_seconds_left(server, mapping, true));
    if (address_is_any(&view.external))
        return PCP_NETWORK_FAILURE;
    uint32_t chain = view.filters;
    if (exchange->filtered) {
        enum pcp_result result = pcp_server_apply_filters(exchange, view.filters, &chain);
        if (result)
            return result;
    }
    pcp_server_note_before(server, exchange->answer, mapping);
    if (!remember_request(exchange, mapping)) {
        if (chain != view.filters)
            pcp_table_filter_free(&server->table, chain);
        exchange->answer->undo.action = PCP_UNDO_NONE;
        return PCP_NO_RESOURCES;
    }
    server->table.mappings[mapping].filters = chain;
    pcp_server_describe(exchange, &server->table.mappings[mapping].description);
    uint32_t lifetime = set_remaining(exchange, mapping, (uint64_t)grant(exchange) * MILLISECONDS);
    pcp_server_note_renewed(server, exchange->answer, mapping);
    return pcp_server_grant(exchange, &view, lifetime);
}

/* --- deletion, 15.1 ------------------------------------------------------------------------- */

/* Whether something outbound uses the internal endpoint: a PEER, or a flow of the device's own. */
static bool has_outbound(const struct pcp_exchange *exchange, uint32_t binding)
{
    const struct pcp_server *server = exchange->server;
    if (binding && server->table.bindings[binding].peers)
        return true;
    if (!server->device.outbound)
        return false;
    struct pcp_server_flow_key key = {.protocol = exchange->request.data.map.protocol,
                                      .internal = exchange->internal,
                                      .realm = exchange->realm,
                                      .internal_port = exchange->request.data.map.internal_port};
    struct pcp_server_flow flow;
    return server->device.outbound(server->device.context, &key, &flow);
}

/* Nothing here to delete, or nothing any more. */
static enum pcp_result delete_absent(struct pcp_exchange *exchange, uint32_t host, uint32_t binding)
{
    const struct pcp_map *map = &exchange->request.data.map;
    bool repeated = pcp_table_binding_find_resting(&exchange->server->table, host, map->protocol,
                                                   map->internal_port, map->nonce);
    if (!exchange->nat_pmp && !repeated && has_outbound(exchange, binding))
        return PCP_NOT_AUTHORIZED;
    return PCP_SUCCESS;
}

static enum pcp_result delete_mapping(struct pcp_exchange *exchange, uint32_t host,
                                      uint32_t binding, uint32_t mapping)
{
    struct pcp_server *server = exchange->server;
    struct pcp_server_answer *answer = exchange->answer;
    exchange->lifetime = 0;
    exchange->external = exchange->request.data.map.external_address;
    exchange->external_port = exchange->request.data.map.external_port;
    if (!mapping)
        return delete_absent(exchange, host, binding);
    if (!exchange->nat_pmp && rest_for(exchange, mapping)) {
        pcp_server_note_before(server, answer, mapping);
        exchange->lifetime = set_remaining(exchange, mapping, 0);
        pcp_server_note_renewed(server, answer, mapping);
    } else {
        pcp_server_end_noted(server, answer, mapping);
    }
    return PCP_SUCCESS;
}

/* --- new mappings --------------------------------------------------------------------------- */

/* Where the new mapping goes: beside what outbound mapping there is (11.3, fourth case), else where
 * the client and the pool agree. */
static enum pcp_result place(struct pcp_exchange *exchange, uint32_t binding,
                             struct pcp_server_mapping *view, uint32_t *resting)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_map *map = &exchange->request.data.map;
    enum pcp_server_mode mode =
        pcp_server_mode_of(server, &exchange->internal, &map->external_address);
    if (mode == PCP_SERVER_NO_MODE)
        return PCP_NETWORK_FAILURE;
    *resting = PCP_TABLE_NONE;
    if (binding) {
        const struct pcp_table_binding *present = &server->table.bindings[binding];
        view->external_port = present->external_port;
        view->external =
            present->pool == PCP_TABLE_SAME ? exchange->internal : server->external[present->pool];
        return prefers_another(exchange, view) ? PCP_CANNOT_PROVIDE_EXTERNAL : PCP_SUCCESS;
    }
    if (mode == PCP_SERVER_NAT && pcp_server_flow_place(server, view, NULL))
        return prefers_another(exchange, view) ? PCP_CANNOT_PROVIDE_EXTERNAL : PCP_SUCCESS;

    struct pcp_server_wish wish = {
        .internal = exchange->internal,
        .realm = exchange->realm,
        .protocol = map->protocol,
        .internal_port = map->internal_port,
        .firewall = mode == PCP_SERVER_FIREWALL,
        .suggested = map->external_address,
        .suggested_port = map->external_port,
        .first_address = exchange->nat_pmp,
        .insist = insists_on(exchange),
        .run = exchange->follows ? 1 : exchange->set_size,
        .nonce = map->nonce,
        .random = exchange->input->random,
    };
    if (server->policy.proxy)
        pcp_server_wish_freely(&wish);
    uint16_t pool = 0;
    uint64_t conflict = 0;
    enum pcp_result result =
        pcp_server_choose(server, &wish, &pool, &view->external_port, resting, &conflict);
    if (result == PCP_CANNOT_PROVIDE_EXTERNAL && conflict)
        return fail_for(exchange, result,
                        (uint32_t)((conflict + MILLISECONDS - 1) / MILLISECONDS) + TIME_WAIT);
    if (result == PCP_SUCCESS)
        view->external = pool == PCP_TABLE_SAME ? exchange->internal : server->external[pool];
    return result;
}

static enum pcp_result create(struct pcp_exchange *exchange, uint32_t binding)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_map *map = &exchange->request.data.map;
    struct pcp_server_mapping view = {
        .kind = PCP_SERVER_MAP,
        .protocol = map->protocol,
        .internal = exchange->internal,
        .realm = exchange->realm,
        .internal_port = map->internal_port,
        .client = exchange->input->source,
        .client_port = exchange->input->source_port,
        .path = exchange->input->path,
        .third_party = exchange->third_party,
        .prefer_failure = exchange->prefer_failure,
        .filtered = exchange->filtered,
        .continues = exchange->goes_on,
        .nat_pmp = exchange->nat_pmp,
    };
    memcpy(view.nonce, map->nonce, PCP_NONCE_LENGTH);
    uint32_t resting;
    enum pcp_result result = place(exchange, binding, &view, &resting);
    if (result == PCP_SUCCESS && address_is_any(&view.external))
        result = PCP_NETWORK_FAILURE;
    if (result == PCP_SUCCESS && !resting)
        result = pcp_server_may_create(server, &exchange->internal, exchange->realm);
    if (result == PCP_SUCCESS && exchange->filtered)
        result = pcp_server_apply_filters(exchange, PCP_TABLE_NONE, &view.filters);
    if (result)
        return result;

    pcp_server_describe(exchange, &view.description);
    uint32_t lifetime = grant(exchange);
    view.deadline = server->now + (uint64_t)lifetime * MILLISECONDS;
    if (!pcp_server_create_mapping(server, exchange->answer, &view, resting)) {
        pcp_table_filter_free(&server->table, view.filters);
        pcp_table_description_free(&server->table, view.description);
        return PCP_NO_RESOURCES;
    }
    return pcp_server_grant(exchange, &view, lifetime);
}

/* --- the opcode ----------------------------------------------------------------------------- */

enum pcp_result pcp_server_map(struct pcp_exchange *exchange)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_map *map = &exchange->request.data.map;
    if (!server->policy.map)
        return PCP_NOT_AUTHORIZED;
    enum pcp_result result = check_protocol(exchange);
    if (result)
        return result;
    uint32_t host = pcp_table_host_find(&server->table, &exchange->internal, exchange->realm);
    uint32_t binding =
        pcp_table_binding_find(&server->table, host, map->protocol, map->internal_port);
    uint32_t mapping = binding ? server->table.bindings[binding].map : PCP_TABLE_NONE;
    result = mapping ? check_nonce(exchange, mapping) : PCP_SUCCESS;
    if (result)
        return result;
    if (!exchange->follows)
        pcp_server_find_set(exchange, mapping ? host : PCP_TABLE_NONE);
    if (mapping && server->table.mappings[mapping].kind == PCP_TABLE_STATIC)
        return answer_static(exchange, mapping);
    if (is_senseless(exchange))
        return PCP_MALFORMED_OPTION;
    if (exchange->request.lifetime == 0)
        return delete_mapping(exchange, host, binding, mapping);
    if (!pcp_server_is_allowed(server, &exchange->internal, map->internal_port))
        return PCP_NOT_AUTHORIZED;
    return mapping ? renew(exchange, mapping) : create(exchange, binding);
}
