/* Which external address and port a new mapping gets (RFC 6887 sections 10, 11.3, 15, 16.1). */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { UDP = 17, TCP = 6, SCTP = 132 };

int pcp_server_pool_of(const struct pcp_server *server, const struct address *external)
{
    for (size_t i = 0; i < server->policy.external_count; i++)
        if (address_equal(&server->external[i], external))
            return address_is_any(external) ? -1 : (int)i;
    return -1;
}

enum pcp_server_mode pcp_server_mode_of(const struct pcp_server *server,
                                        const struct address *internal,
                                        const struct address *suggested)
{
    const struct pcp_server_policy *policy = &server->policy;
    bool ipv4 = address_is_ipv4(internal);
    /* The all-zeros of a family ask for that family (section 10). Any other address of the wrong
     * family is a poor suggestion, which must do no harm (11.3). */
    if (address_is_any(suggested) && address_is_ipv4(suggested) != ipv4)
        return PCP_SERVER_NO_MODE;
    if (!ipv4)
        return policy->ipv6_firewall ? PCP_SERVER_FIREWALL : PCP_SERVER_NO_MODE;
    if (policy->ipv4_firewall)
        return PCP_SERVER_FIREWALL;
    return policy->external_count ? PCP_SERVER_NAT : PCP_SERVER_NO_MODE;
}

/* Ports that nobody gets: PCP's own (11.3). */
static bool is_reserved(uint8_t protocol, uint16_t port)
{
    return protocol == UDP && (port == PCP_SERVER_PORT || port == PCP_CLIENT_PORT);
}

/* Whether a port of an address is held: asked of the bits where there are such, which are fewer octets
 * to fetch from memory than a look-up by hash, and seldom far. */
static bool is_held(const struct pcp_server *server, uint16_t pool, uint8_t protocol, uint16_t port)
{
    const struct pcp_table *table = &server->table;
    if ((protocol == UDP || protocol == TCP) && port != 0)
        return pcp_table_port_search(table, pool, protocol, port, port, port, false) == 0;
    return pcp_table_binding_find_external(table, pool, protocol, port) != PCP_TABLE_NONE;
}

/* RFC 6886 section 3.3: the same port of the other protocol waits for the host that has this one,
 * if it came by NAT-PMP. */
static bool companion_is_kept(const struct pcp_server *server, const struct pcp_server_wish *wish,
                              uint16_t pool, uint16_t port)
{
    if (!server->policy.nat_pmp || (wish->protocol != UDP && wish->protocol != TCP))
        return false;
    uint8_t other = wish->protocol == UDP ? TCP : UDP;
    if (!is_held(server, pool, other, port))
        return false;
    const struct pcp_table *table = &server->table;
    uint32_t index = pcp_table_binding_find_external(table, pool, other, port);
    const struct pcp_table_binding *binding = &table->bindings[index];
    return index && binding->flags & PCP_TABLE_BINDING_NAT_PMP &&
           !address_equal(&table->hosts[binding->host].address, &wish->internal);
}

static bool in_range(const struct pcp_server *server, const struct pcp_server_wish *wish,
                     uint16_t port)
{
    if (wish->internal_port == 0)
        return port == 0; /* all ports */
    if (wish->protocol == SCTP)
        return port != 0; /* no port of its is rewritten, so none is kept for implicit flows */
    return port >= server->policy.first_port && port <= server->policy.last_port;
}

/* An all-ports or all-protocols mapping is had in its entirety or not at all (11.3): whether another host has a
 * part of it, which rests perhaps. No other look-up walks the whole table; this one is for who may have such
 * mappings. */
static bool others_have_part(const struct pcp_server *server, const struct pcp_server_wish *wish,
                             uint16_t pool)
{
    const struct pcp_table *table = &server->table;
    for (uint32_t i = 1; i <= table->mappings_touched; i++) {
        const struct pcp_table_binding *binding = &table->bindings[table->mappings[i].binding];
        if (table->mappings[i].kind == PCP_TABLE_FREE || binding->pool != pool ||
            (wish->protocol != 0 && wish->protocol != binding->protocol))
            continue;
        const struct pcp_table_host *host = &table->hosts[binding->host];
        if (host->realm != wish->realm || !address_equal(&host->address, &wish->internal))
            return true;
    }
    return false;
}

static bool is_free(const struct pcp_server *server, const struct pcp_server_wish *wish,
                    uint16_t pool, uint16_t port)
{
    return in_range(server, wish, port) && !is_reserved(wish->protocol, port) &&
           !is_held(server, pool, wish->protocol, port) &&
           !companion_is_kept(server, wish, pool, port) &&
           (wish->internal_port != 0 || !others_have_part(server, wish, pool));
}

/* Where a run of free ports begins that is as long as wished, or the longest. */
static uint16_t run_from(const struct pcp_server *server, const struct pcp_server_wish *wish,
                         uint16_t pool, uint16_t start)
{
    const struct pcp_server_policy *policy = &server->policy;
    return pcp_table_run_search(&server->table, pool, wish->protocol, policy->first_port,
                                policy->last_port, start, wish->run);
}

/* Any free port of an address; false if there is none. */
static bool any_port(const struct pcp_server *server, const struct pcp_server_wish *wish,
                     uint16_t pool, uint16_t *port)
{
    const struct pcp_server_policy *policy = &server->policy;
    if (wish->internal_port == 0 || wish->protocol == SCTP) {
        *port = wish->internal_port; /* SCTP keeps its port number (16.3.3) */
        return is_free(server, wish, pool, *port);
    }
    bool alone = wish->run < 2;
    if (policy->preserve_port && is_free(server, wish, pool, wish->internal_port) &&
        (alone || run_from(server, wish, pool, wish->internal_port) == wish->internal_port)) {
        *port = wish->internal_port;
        return true;
    }
    uint32_t count = (uint32_t)policy->last_port - policy->first_port + 1;
    uint32_t start = policy->first_port + (uint32_t)(wish->random % count);
    if ((start ^ wish->internal_port) & 1)
        start = start < policy->last_port ? start + 1 : start;
    if (!alone) {
        *port = run_from(server, wish, pool, (uint16_t)start);
        if (*port != 0 && is_free(server, wish, pool, *port))
            return true;
    }
    for (uint32_t tries = 0; tries < count; tries++) {
        *port = pcp_table_port_search(&server->table, pool, wish->protocol, policy->first_port,
                                      policy->last_port, (uint16_t)start, tries == 0);
        if (*port == 0)
            return false;
        if (is_free(server, wish, pool, *port))
            return true;
        start = *port < policy->last_port ? *port + 1U : policy->first_port;
    }
    return false;
}

static bool has_address(const struct pcp_server *server, size_t pool)
{
    return !address_is_any(&server->external[pool]);
}

/* The one that NAT-PMP shows: the first that there is. */
static size_t first_address(const struct pcp_server *server)
{
    size_t first = 0;
    while (first + 1 < server->policy.external_count && !has_address(server, first))
        first++;
    return first;
}

/* The suggestion, as far as one was made, or nothing. The milliseconds until a mapping that is in
 * the way ends go to *conflict. */
static bool take_suggestion(const struct pcp_server *server, const struct pcp_server_wish *wish,
                            size_t home, uint16_t *pool, uint16_t *port, uint64_t *conflict)
{
    bool any_address = address_is_any(&wish->suggested);
    int suggested = pcp_server_pool_of(server, &wish->suggested);
    if (!any_address && suggested < 0)
        return false;
    *pool = any_address ? (uint16_t)home : (uint16_t)suggested;
    *port = wish->suggested_port;
    if (wish->suggested_port == 0)
        return has_address(server, *pool) && any_port(server, wish, *pool, port);
    if (wish->protocol == SCTP && wish->suggested_port != wish->internal_port)
        return false;
    if (has_address(server, *pool) && is_free(server, wish, *pool, *port))
        return true;
    uint32_t holder = pcp_table_binding_find_external(&server->table, *pool, wish->protocol, *port);
    const struct pcp_table_binding *binding = &server->table.bindings[holder];
    if (holder && binding->map) {
        uint64_t deadline = pcp_server_heap_deadline(&server->table.heap, binding->map);
        if (deadline != PCP_SERVER_NEVER) /* a static mapping's clash is no matter of time */
            *conflict = deadline > server->now ? deadline - server->now : 1;
    }
    return false;
}

/* The port that this client had and may have back while it rests (section 15). */
static uint32_t resting_mapping(const struct pcp_server *server, const struct pcp_server_wish *wish,
                                uint32_t host, uint16_t *pool, uint16_t *port)
{
    if (!wish->nonce)
        return PCP_TABLE_NONE;
    const struct pcp_table *table = &server->table;
    uint32_t index = pcp_table_binding_find_resting(table, host, wish->protocol,
                                                    wish->internal_port, wish->nonce);
    if (!index)
        return PCP_TABLE_NONE;
    *pool = table->bindings[index].pool;
    *port = table->bindings[index].external_port;
    return has_address(server, *pool) ? table->bindings[index].map : PCP_TABLE_NONE;
}

/* Whether an endpoint is what the client suggested, as far as it did. */
static bool is_suggested(const struct pcp_server *server, const struct pcp_server_wish *wish,
                         uint16_t pool, uint16_t port)
{
    return (address_is_any(&wish->suggested) ||
            address_equal(&server->external[pool], &wish->suggested)) &&
           (wish->suggested_port == 0 || wish->suggested_port == port);
}

static enum pcp_result choose_translated(const struct pcp_server *server,
                                         const struct pcp_server_wish *wish, uint16_t *pool,
                                         uint16_t *port, uint32_t *resting, uint64_t *conflict)
{
    size_t count = server->policy.external_count;
    uint32_t host = pcp_table_host_find(&server->table, &wish->internal, wish->realm);
    const struct pcp_table_host *record = &server->table.hosts[host];
    /* A host keeps to one external address while it has mappings (section 10, RFC 4787 REQ-2). */
    bool settled = host && record->bindings && record->pool < count;
    size_t home = wish->first_address ? first_address(server)
                  : settled           ? record->pool
                                      : (size_t)(wish->random >> 32) % count;

    *resting = resting_mapping(server, wish, host, pool, port);
    if (*resting && is_suggested(server, wish, *pool, *port))
        return PCP_SUCCESS;
    if (take_suggestion(server, wish, home, pool, port, conflict)) {
        *resting = PCP_TABLE_NONE;
        return PCP_SUCCESS;
    }
    if (wish->insist || (wish->protocol == SCTP && wish->suggested_port))
        return PCP_CANNOT_PROVIDE_EXTERNAL; /* which SCTP implies (7.4) */
    if (*resting) {
        resting_mapping(server, wish, host, pool, port);
        return PCP_SUCCESS;
    }
    bool connected = false;
    for (size_t i = 0; i < (wish->first_address ? 1 : count); i++) {
        *pool = (uint16_t)((home + i) % count);
        if (!has_address(server, *pool))
            continue;
        connected = true;
        if (any_port(server, wish, *pool, port))
            return PCP_SUCCESS;
    }
    if (!connected)
        return PCP_NETWORK_FAILURE;
    if (wish->internal_port == 0)
        return PCP_UNSUPP_PROTOCOL; /* all ports: not in its entirety (11.3) */
    return wish->protocol == SCTP ? PCP_CANNOT_PROVIDE_EXTERNAL : PCP_NO_RESOURCES;
}

void pcp_server_wish_freely(struct pcp_server_wish *wish)
{
    wish->suggested = address_is_ipv4(&wish->internal) ? address_any_ipv4() : address_any_ipv6();
    wish->suggested_port = 0;
    wish->insist = false;
}

enum pcp_result pcp_server_choose(const struct pcp_server *server,
                                  const struct pcp_server_wish *wish, uint16_t *pool,
                                  uint16_t *port, uint32_t *resting, uint64_t *conflict)
{
    *resting = PCP_TABLE_NONE;
    *conflict = 0;
    if (!wish->firewall)
        return choose_translated(server, wish, pool, port, resting, conflict);
    *pool = PCP_TABLE_SAME;
    *port = wish->internal_port;
    /* A pinhole's external port is its internal one: there is no other to give instead, and
     * 5350 and 5351 are given to nobody. */
    if (is_reserved(wish->protocol, *port))
        return PCP_NOT_AUTHORIZED;
    bool met =
        (address_is_any(&wish->suggested) || address_equal(&wish->suggested, &wish->internal)) &&
        (wish->suggested_port == 0 || wish->suggested_port == *port);
    return wish->insist && !met ? PCP_CANNOT_PROVIDE_EXTERNAL : PCP_SUCCESS;
}

bool pcp_server_flow_place(const struct pcp_server *server, struct pcp_server_mapping *view,
                           const struct address *remote)
{
    if (!server->device.outbound)
        return false;
    struct pcp_server_flow_key key = {.protocol = view->protocol,
                                      .internal = view->internal,
                                      .realm = view->realm,
                                      .internal_port = view->internal_port,
                                      .to_remote = remote != NULL,
                                      .remote_port = view->remote_port};
    if (remote)
        key.remote = *remote;
    struct pcp_server_flow flow;
    if (!server->device.outbound(server->device.context, &key, &flow))
        return false;
    int pool = pcp_server_pool_of(server, &flow.external);
    if (pool < 0 || is_reserved(view->protocol, flow.external_port))
        return false;
    const struct pcp_table *table = &server->table;
    uint32_t holder =
        pcp_table_binding_find_external(table, (uint16_t)pool, view->protocol, flow.external_port);
    const struct pcp_table_binding *binding = &table->bindings[holder];
    /* A port that another mapping has come to hold meanwhile is not to be had twice. */
    bool own = holder && binding->internal_port == view->internal_port &&
               !(binding->flags & PCP_TABLE_BINDING_RESTING) &&
               table->hosts[binding->host].realm == view->realm &&
               address_equal(&table->hosts[binding->host].address, &view->internal);
    if (holder && !own)
        return false;
    view->external = flow.external;
    view->external_port = flow.external_port;
    return true;
}
