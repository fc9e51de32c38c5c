/* The PEER opcode: RFC 6887 section 12.3.
 *
 * Decisions where the text contradicts itself or is silent:
 * - A mapping is matched, and its nonce checked, on the whole five-tuple: 12.2 allows a nonce for
 *   each mapping, so the internal side alone (as the nonce paragraph reads) would let one flow of a
 *   port lock out its others.
 * - PEER never shortens or deletes (12.1), although 15 speaks of a PEER with lifetime 0. On a flow
 *   that exists, a short request reads what is left; on none, lifetime 0 asks for nothing, and is
 *   answered SUCCESS with lifetime 0 and no state, as 15.1 does for MAP.
 * - A suggestion that can't be met is CANNOT_PROVIDE_EXTERNAL (12.1), except where an implicit flow
 *   matches and no PEER came before: there it is ignored (12.3).
 * - An internal port has one external port (RFC 4787 REQ-1), so with a MAP or another PEER on the
 *   same internal port, that external port is the only one that can be honoured.
 * - A zero protocol or port, which 12.1 forbids, is MALFORMED_REQUEST.
 * - Lifetimes are granted as for MAP (12.3 recommends longer ones than implicit flows have; 18.1
 *   would have them equal, but a PEER that brought nothing would be of no use).
 */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { MILLISECONDS = 1000 };

static enum pcp_result check(const struct pcp_exchange *exchange)
{
    const struct pcp_peer *peer = &exchange->request.data;
    if (peer->map.protocol == 0 || peer->map.internal_port == 0 || peer->remote_port == 0)
        return PCP_MALFORMED_REQUEST;
    if (!pcp_server_policy_serves(&exchange->server->policy, peer->map.protocol))
        return PCP_UNSUPP_PROTOCOL;
    if (!pcp_server_has_ports(peer->map.protocol))
        return PCP_MALFORMED_REQUEST;
    /* Destinations that no implicit mapping would be made for. */
    bool sound = pcp_server_is_unicast(&peer->remote_address) &&
                 address_is_ipv4(&peer->remote_address) == address_is_ipv4(&exchange->internal);
    return sound ? PCP_SUCCESS : PCP_MALFORMED_REQUEST;
}

static enum pcp_result renew(struct pcp_exchange *exchange, uint32_t mapping)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_server_input *input = exchange->input;
    struct pcp_table_mapping *record = &server->table.mappings[mapping];
    const uint8_t *nonce = exchange->request.data.map.nonce;
    if (server->policy.check_nonces && memcmp(record->nonce, nonce, PCP_NONCE_LENGTH) != 0) {
        exchange->lifetime = pcp_server_seconds_left(server, mapping, true);
        exchange->lifetime_set = true;
        return PCP_NOT_AUTHORIZED;
    }
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    if (address_is_any(&view.external))
        return PCP_NETWORK_FAILURE;
    pcp_server_note_before(server, exchange->answer, mapping);
    if (!pcp_table_set_client(&server->table, mapping, &input->source, input->source_port,
                              input->path)) {
        exchange->answer->undo.action = PCP_UNDO_NONE;
        return PCP_NO_RESOURCES;
    }
    memcpy(record->nonce, nonce, PCP_NONCE_LENGTH);
    record->flags = exchange->third_party ? PCP_TABLE_THIRD_PARTY : 0;
    pcp_server_describe(exchange, &record->description);
    uint32_t wanted = exchange->request.lifetime;
    if (wanted > server->policy.maximum_lifetime)
        wanted = server->policy.maximum_lifetime;
    uint64_t deadline = server->now + (uint64_t)wanted * MILLISECONDS;
    if (deadline > view.deadline)
        pcp_server_heap_move(&server->table.heap, mapping, deadline);
    pcp_server_note_renewed(server, exchange->answer, mapping);
    return pcp_server_grant(exchange, &view, pcp_server_seconds_left(server, mapping, false));
}

static bool is_honoured(const struct pcp_exchange *exchange, const struct pcp_server_mapping *view)
{
    const struct pcp_map *map = &exchange->request.data.map;
    if (exchange->server->policy.proxy)
        return true;
    return (map->external_port == 0 || map->external_port == view->external_port) &&
           (address_is_any(&map->external_address) ||
            address_equal(&map->external_address, &view->external));
}

/* Where a new PEER mapping goes: on its implicit flow, on the external port that the internal one
 * has, or where the suggestion says. */
static enum pcp_result place(struct pcp_exchange *exchange, uint32_t binding,
                             struct pcp_server_mapping *view, uint32_t *resting)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_peer *peer = &exchange->request.data;
    enum pcp_server_mode mode =
        pcp_server_mode_of(server, &exchange->internal, &peer->map.external_address);
    *resting = PCP_TABLE_NONE;
    if (mode == PCP_SERVER_NO_MODE)
        return PCP_NETWORK_FAILURE;
    if (mode == PCP_SERVER_NAT && pcp_server_flow_place(server, view, &peer->remote_address)) {
        const struct pcp_table_binding *present = &server->table.bindings[binding];
        view->secondary = binding && present->external_port != view->external_port;
        return PCP_SUCCESS;
    }
    if (binding) {
        const struct pcp_table_binding *present = &server->table.bindings[binding];
        view->external_port = present->external_port;
        view->external =
            present->pool == PCP_TABLE_SAME ? exchange->internal : server->external[present->pool];
        return is_honoured(exchange, view) ? PCP_SUCCESS : PCP_CANNOT_PROVIDE_EXTERNAL;
    }
    bool suggests = peer->map.external_port != 0 || !address_is_any(&peer->map.external_address);
    struct pcp_server_wish wish = {
        .internal = exchange->internal,
        .realm = exchange->realm,
        .protocol = peer->map.protocol,
        .internal_port = peer->map.internal_port,
        .firewall = mode == PCP_SERVER_FIREWALL,
        .suggested = peer->map.external_address,
        .suggested_port = peer->map.external_port,
        .insist = suggests,
        .nonce = peer->map.nonce,
        .random = exchange->input->random,
    };
    if (server->policy.proxy)
        pcp_server_wish_freely(&wish);
    uint16_t pool = 0;
    uint64_t conflict = 0;
    enum pcp_result result =
        pcp_server_choose(server, &wish, &pool, &view->external_port, resting, &conflict);
    if (result == PCP_CANNOT_PROVIDE_EXTERNAL && conflict) {
        exchange->lifetime = (uint32_t)((conflict + MILLISECONDS - 1) / MILLISECONDS);
        exchange->lifetime_set = true;
    }
    if (result == PCP_SUCCESS)
        view->external = pool == PCP_TABLE_SAME ? exchange->internal : server->external[pool];
    return result;
}

static enum pcp_result create(struct pcp_exchange *exchange, uint32_t binding)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_peer *peer = &exchange->request.data;
    struct pcp_server_mapping view = {
        .kind = PCP_SERVER_PEER,
        .protocol = peer->map.protocol,
        .internal = exchange->internal,
        .realm = exchange->realm,
        .internal_port = peer->map.internal_port,
        .remote = peer->remote_address,
        .remote_port = peer->remote_port,
        .client = exchange->input->source,
        .client_port = exchange->input->source_port,
        .path = exchange->input->path,
        .third_party = exchange->third_party,
    };
    memcpy(view.nonce, peer->map.nonce, PCP_NONCE_LENGTH);
    uint32_t resting;
    enum pcp_result result = place(exchange, binding, &view, &resting);
    if (result == PCP_SUCCESS && address_is_any(&view.external))
        result = PCP_NETWORK_FAILURE;
    if (result == PCP_SUCCESS && !resting)
        result = pcp_server_may_create(server, &exchange->internal, exchange->realm);
    if (result)
        return result;
    pcp_server_describe(exchange, &view.description);
    uint32_t lifetime = pcp_server_clamp(server, exchange->request.lifetime);
    view.deadline = server->now + (uint64_t)lifetime * MILLISECONDS;
    if (!pcp_server_create_mapping(server, exchange->answer, &view, resting)) {
        pcp_table_description_free(&server->table, view.description);
        return PCP_NO_RESOURCES;
    }
    return pcp_server_grant(exchange, &view, lifetime);
}

enum pcp_result pcp_server_peer(struct pcp_exchange *exchange)
{
    struct pcp_server *server = exchange->server;
    const struct pcp_peer *peer = &exchange->request.data;
    if (!server->policy.peer)
        return PCP_NOT_AUTHORIZED;
    enum pcp_result result = check(exchange);
    if (result)
        return result;
    uint32_t host = pcp_table_host_find(&server->table, &exchange->internal, exchange->realm);
    uint32_t mapping =
        pcp_table_peer_find(&server->table, host, peer->map.protocol, peer->map.internal_port,
                            &peer->remote_address, peer->remote_port);
    if (mapping)
        return renew(exchange, mapping);
    if (!pcp_server_is_allowed(server, &exchange->internal, peer->map.internal_port))
        return PCP_NOT_AUTHORIZED;
    if (exchange->request.lifetime == 0) {
        exchange->external = peer->map.external_address;
        exchange->external_port = peer->map.external_port;
        return PCP_SUCCESS;
    }
    uint32_t binding =
        pcp_table_binding_find(&server->table, host, peer->map.protocol, peer->map.internal_port);
    return create(exchange, binding);
}
