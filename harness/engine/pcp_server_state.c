/* The state of a PCP server: its making, its mappings as others see them, its Epoch (RFC 6887
 * section 8.5), and how a change is noted so that it can be undone. */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { MILLISECONDS = 1000, UDP = 17 };

/* --- making --------------------------------------------------------------------------------- */

static size_t padded(size_t octets)
{
    return (octets + 7) & ~(size_t)7;
}

static struct pcp_table_room room_of(const struct pcp_server_policy *policy)
{
    return (struct pcp_table_room){.mappings = policy->mapping_capacity,
                                   .filters = policy->filter_capacity,
                                   .descriptions = policy->description_capacity,
                                   .pools = (uint32_t)policy->external_count};
}

size_t pcp_server_size(const struct pcp_server_policy *policy)
{
    struct pcp_table_room room = room_of(policy);
    return padded(sizeof(struct pcp_server)) +
           2 * padded(policy->external_count * sizeof(struct address)) + pcp_table_size(&room);
}

struct pcp_server *pcp_server_create(void *memory, size_t size,
                                     const struct pcp_server_policy *policy,
                                     const struct pcp_server_device *device, const uint64_t key[2],
                                     uint64_t now, struct error *error)
{
    if (pcp_server_policy_check(policy, error))
        return NULL;
    if (size < pcp_server_size(policy)) {
        error_set(error, "memory of a PCP server: expected %zu octets, got %zu",
                  pcp_server_size(policy), size);
        return NULL;
    }
    struct pcp_server *server = memory;
    memset(server, 0, sizeof *server);
    server->policy = *policy;
    if (device)
        server->device = *device;
    server->now = now;
    server->epoch_start = now;
    uint8_t *next = (uint8_t *)memory + padded(sizeof *server);
    server->external = (struct address *)next;
    if (policy->external_count)
        memcpy(next, policy->external, policy->external_count * sizeof(struct address));
    next += padded(policy->external_count * sizeof(struct address));
    server->former = (struct address *)next;
    if (policy->external_count)
        memcpy(next, policy->external, policy->external_count * sizeof(struct address));
    next += padded(policy->external_count * sizeof(struct address));
    struct pcp_table_room room = room_of(policy);
    pcp_table_init(&server->table, next, &room, key);
    server->policy.external = server->external;
    for (size_t i = 0; i < policy->external_count; i++) { /* given to nobody, section 11.3 */
        pcp_table_port_reserve(&server->table, (uint16_t)i, UDP, PCP_SERVER_PORT);
        pcp_table_port_reserve(&server->table, (uint16_t)i, UDP, PCP_CLIENT_PORT);
    }
    return server;
}

uint32_t pcp_server_epoch(const struct pcp_server *server, uint64_t now)
{
    /* In modular arithmetic: an Epoch may be older than the clock that now comes from. */
    uint64_t latest = now > server->now ? now : server->now;
    return (uint32_t)((latest - server->epoch_start) / MILLISECONDS);
}

void pcp_server_set_epoch(struct pcp_server *server, uint32_t seconds, uint64_t now)
{
    if (now > server->now)
        server->now = now;
    server->epoch_start = server->now - (uint64_t)seconds * MILLISECONDS;
}

/* --- addresses ------------------------------------------------------------------------------ */

bool pcp_server_is_unicast(const struct address *address)
{
    static const struct address loopback6 = {{[15] = 1}};
    if (address_is_any(address))
        return false;
    if (address_is_ipv4(address)) /* 224/4 is multicast, 240/4 nobody's, the last one broadcast */
        return address->octet[12] != 127 && address->octet[12] < 224;
    return address->octet[0] != 0xff && !address_equal(address, &loopback6);
}

/* --- views ---------------------------------------------------------------------------------- */

uint8_t pcp_server_flags_of(const struct pcp_server_mapping *view)
{
    return (uint8_t)((view->third_party ? PCP_TABLE_THIRD_PARTY : 0) |
                     (view->prefer_failure ? PCP_TABLE_PREFER_FAILURE : 0) |
                     (view->filtered ? PCP_TABLE_FILTERED : 0) |
                     (view->nat_pmp ? PCP_TABLE_BY_NAT_PMP : 0) |
                     (view->was_peer ? PCP_TABLE_WAS_PEER : 0) |
                     (view->continues ? PCP_TABLE_CONTINUES : 0));
}

static enum pcp_server_kind kind_of(const struct pcp_table_mapping *mapping)
{
    switch (mapping->kind) {
    case PCP_TABLE_PEER:
        return PCP_SERVER_PEER;
    case PCP_TABLE_STATIC:
        return PCP_SERVER_STATIC;
    case PCP_TABLE_RESTING:
        return PCP_SERVER_RESTING;
    default:
        return PCP_SERVER_MAP;
    }
}

void pcp_server_view(const struct pcp_server *server, uint32_t index,
                     struct pcp_server_mapping *view)
{
    const struct pcp_table *table = &server->table;
    const struct pcp_table_mapping *mapping = &table->mappings[index];
    const struct pcp_table_binding *binding = &table->bindings[mapping->binding];
    const struct address *internal = &table->hosts[binding->host].address;
    *view = (struct pcp_server_mapping){
        .kind = kind_of(mapping),
        .protocol = binding->protocol,
        .internal = *internal,
        .realm = table->hosts[binding->host].realm,
        .external = binding->pool == PCP_TABLE_SAME ? *internal : server->external[binding->pool],
        .internal_port = binding->internal_port,
        .external_port = binding->external_port,
        .remote = mapping->remote,
        .remote_port = mapping->remote_port,
        .deadline = pcp_server_heap_deadline(&table->heap, index),
        .client = mapping->client ? table->hosts[mapping->client].address : *internal,
        .client_port = mapping->client_port,
        .path = mapping->path,
        .third_party = mapping->flags & PCP_TABLE_THIRD_PARTY,
        .prefer_failure = mapping->flags & PCP_TABLE_PREFER_FAILURE,
        .filtered = mapping->flags & PCP_TABLE_FILTERED,
        .continues = mapping->flags & PCP_TABLE_CONTINUES,
        .nat_pmp = mapping->flags & PCP_TABLE_BY_NAT_PMP,
        .secondary = binding->flags & PCP_TABLE_BINDING_SECONDARY,
        .was_peer = mapping->flags & PCP_TABLE_WAS_PEER,
        .shares_port = binding->peers + (binding->map != PCP_TABLE_NONE) > 1,
        .filters = mapping->filters,
        .description = mapping->description,
    };
    memcpy(view->nonce, mapping->nonce, PCP_NONCE_LENGTH);
    const struct pcp_server_outermost *outermost =
        server->outermost ? &server->outermost[index] : NULL;
    if (outermost && outermost->known && !outermost->shared && mapping->kind == PCP_TABLE_MAP) {
        view->outermost = outermost->address;
        view->outermost_port = outermost->port;
    }
}

/* The binding of a view: the live one of its internal endpoint, or a new one. */
static uint32_t binding_for(struct pcp_server *server, const struct pcp_server_mapping *view)
{
    struct pcp_table *table = &server->table;
    int pool = pcp_server_pool_of(server, &view->external);
    uint32_t host = pcp_table_host_find(table, &view->internal, view->realm);
    uint32_t binding = PCP_TABLE_NONE;
    if (view->secondary && pool >= 0)
        binding = pcp_table_binding_find_external(table, (uint16_t)pool, view->protocol,
                                                  view->external_port);
    else if (view->kind != PCP_SERVER_RESTING)
        binding = pcp_table_binding_find(table, host, view->protocol, view->internal_port);
    if (binding)
        return binding;
    return pcp_table_bind(table, &(struct pcp_table_endpoint){
                                     .host = view->internal,
                                     .realm = view->realm,
                                     .protocol = view->protocol,
                                     .internal_port = view->internal_port,
                                     .pool = pool < 0 ? PCP_TABLE_SAME : (uint16_t)pool,
                                     .external_port = view->external_port,
                                     .secondary = view->secondary,
                                 });
}

enum pcp_table_kind pcp_server_table_kind(const struct pcp_server_mapping *view)
{
    if (view->kind == PCP_SERVER_STATIC)
        return PCP_TABLE_STATIC;
    bool peer =
        view->kind == PCP_SERVER_PEER || (view->kind == PCP_SERVER_RESTING && view->was_peer);
    return peer ? PCP_TABLE_PEER : PCP_TABLE_MAP;
}

uint32_t pcp_server_insert(struct pcp_server *server, const struct pcp_server_mapping *view)
{
    struct pcp_table *table = &server->table;
    uint32_t binding = binding_for(server, view);
    if (!binding)
        return PCP_TABLE_NONE;
    uint32_t index = pcp_table_attach(table, binding, pcp_server_table_kind(view), &view->remote,
                                      view->remote_port, view->deadline);
    if (!index)
        return PCP_TABLE_NONE;
    struct pcp_table_mapping *mapping = &table->mappings[index];
    memcpy(mapping->nonce, view->nonce, PCP_NONCE_LENGTH);
    mapping->flags = pcp_server_flags_of(view);
    mapping->filters = view->filters;
    mapping->description = view->description;
    if (view->nat_pmp)
        table->bindings[binding].flags |= PCP_TABLE_BINDING_NAT_PMP;
    if (!pcp_table_set_client(table, index, &view->client, view->client_port, view->path)) {
        pcp_table_erase(table, index);
        return PCP_TABLE_NONE;
    }
    if (view->kind == PCP_SERVER_RESTING)
        pcp_table_release(table, index, view->deadline);
    return index;
}

uint32_t pcp_server_find(const struct pcp_server *server, const struct pcp_server_mapping *view)
{
    const struct pcp_table *table = &server->table;
    uint32_t host = pcp_table_host_find(table, &view->internal, view->realm);
    if (view->kind == PCP_SERVER_PEER)
        return pcp_table_peer_find(table, host, view->protocol, view->internal_port, &view->remote,
                                   view->remote_port);
    uint32_t binding = pcp_table_binding_find(table, host, view->protocol, view->internal_port);
    return binding ? table->bindings[binding].map : PCP_TABLE_NONE;
}

/* --- walks ---------------------------------------------------------------------------------- */

bool pcp_server_next(const struct pcp_server *server, uint32_t *cursor,
                     struct pcp_server_mapping *mapping)
{
    while (*cursor < server->table.mappings_touched) {
        uint32_t index = ++*cursor;
        if (server->table.mappings[index].kind == PCP_TABLE_FREE)
            continue;
        pcp_server_view(server, index, mapping);
        return true;
    }
    return false;
}

bool pcp_server_filter_next(const struct pcp_server *server, uint32_t *cursor,
                            struct pcp_filter *filter)
{
    if (*cursor == PCP_TABLE_NONE)
        return false;
    const struct pcp_table_filter *record = &server->table.filters[*cursor];
    *filter = (struct pcp_filter){.prefix_length = record->prefix_length,
                                  .remote_port = record->remote_port,
                                  .remote_address = record->remote};
    *cursor = record->next;
    return true;
}

const uint8_t *pcp_server_description(const struct pcp_server *server,
                                      const struct pcp_server_mapping *mapping, size_t *length)
{
    const struct pcp_table_description *record = &server->table.descriptions[mapping->description];
    *length = mapping->description ? record->length : 0;
    return record->text;
}

struct pcp_server_counts pcp_server_count(const struct pcp_server *server)
{
    struct pcp_server_counts counts = {.filters = server->table.filters_used,
                                       .hosts = server->table.hosts_used,
                                       .descriptions = server->table.descriptions_used};
    for (uint32_t i = 1; i <= server->table.mappings_touched; i++) {
        uint8_t kind = server->table.mappings[i].kind;
        counts.resting += kind == PCP_TABLE_RESTING;
        counts.live += kind != PCP_TABLE_RESTING && kind != PCP_TABLE_FREE;
    }
    return counts;
}
