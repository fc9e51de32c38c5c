/* Mappings that come from elsewhere than requests: static ones, and those stored over a restart. */
#include "engine/pcp_server_internal.h"

/* --- the administrator's side --------------------------------------------------------------- */

int pcp_server_add_static(struct pcp_server *server, const struct pcp_server_mapping *mapping,
                          struct error *error)
{
    struct pcp_server_mapping fixed = *mapping;
    fixed.kind = PCP_SERVER_STATIC;
    fixed.deadline = PCP_SERVER_NEVER;
    fixed.client = mapping->internal;
    return pcp_server_restore(server, &fixed, NULL, error);
}

/* Why a stored mapping can't be had, or NULL. */
static const char *restore_obstacle(const struct pcp_server *server,
                                    const struct pcp_server_mapping *mapping)
{
    const struct pcp_table *table = &server->table;
    int pool = pcp_server_pool_of(server, &mapping->external);
    if (pool < 0 && !address_equal(&mapping->internal, &mapping->external))
        return "its external address is not this server's";
    if (mapping->realm > server->policy.realm_count)
        return "its third party's id is not this server's";
    uint32_t host = pcp_table_host_find(table, &mapping->internal, mapping->realm);
    uint32_t binding =
        pcp_table_binding_find(table, host, mapping->protocol, mapping->internal_port);
    uint32_t holder = PCP_TABLE_NONE;
    if (pool >= 0)
        holder = pcp_table_binding_find_external(table, (uint16_t)pool, mapping->protocol,
                                                 mapping->external_port);
    if (holder && (holder != binding || mapping->kind == PCP_SERVER_RESTING))
        return "another mapping has its external port";
    if (mapping->kind == PCP_SERVER_RESTING)
        return NULL;
    if (binding && !mapping->secondary && binding != holder && pool >= 0)
        return "its internal port is mapped to another external port";
    bool peer = pcp_server_table_kind(mapping) == PCP_TABLE_PEER;
    if (binding && !peer && table->bindings[binding].map)
        return "its internal port is mapped already";
    if (peer && pcp_table_peer_find(table, host, mapping->protocol, mapping->internal_port,
                                    &mapping->remote, mapping->remote_port))
        return "its flow is mapped already";
    return NULL;
}

/* False: no room for the filters. */
static bool restore_belongings(struct pcp_server *server,
                               const struct pcp_server_belongings *belongings,
                               struct pcp_server_mapping *view)
{
    struct pcp_table *table = &server->table;
    for (size_t i = 0; i < belongings->filter_count; i++)
        if (!pcp_table_filter_add(table, &view->filters, &belongings->filters[i]))
            return false;
    if (belongings->description_length &&
        belongings->description_length <= PCP_SERVER_MAXIMUM_DESCRIPTION)
        view->description = pcp_table_description_add(table, belongings->description,
                                                      belongings->description_length);
    return true;
}

int pcp_server_restore(struct pcp_server *server, const struct pcp_server_mapping *mapping,
                       const struct pcp_server_belongings *belongings, struct error *error)
{
    char internal[ADDRESS_TEXT_SIZE];
    const char *obstacle = restore_obstacle(server, mapping);
    struct pcp_server_mapping view = *mapping;
    view.filters = PCP_TABLE_NONE;
    view.description = PCP_TABLE_NONE;
    if (!obstacle && belongings && !restore_belongings(server, belongings, &view))
        obstacle = "no room for its filters";
    if (!obstacle && !pcp_server_insert(server, &view))
        obstacle = "no room for it";
    if (!obstacle)
        return 0;
    pcp_table_filter_free(&server->table, view.filters);
    pcp_table_description_free(&server->table, view.description);
    return error_set(error, "mapping of %s port %u protocol %u: %s",
                     address_format(&mapping->internal, internal), mapping->internal_port,
                     mapping->protocol, obstacle);
}

/* --- replaying a log ------------------------------------------------------------------------ */

static void erase(struct pcp_server *server, uint32_t mapping)
{
    uint32_t chain = server->table.mappings[mapping].filters;
    uint32_t description = server->table.mappings[mapping].description;
    pcp_table_erase(&server->table, mapping);
    pcp_table_filter_free(&server->table, chain);
    pcp_table_description_free(&server->table, description);
}

/* Makes way on an external port that rests: its client has it back. */
static void end_rest(struct pcp_server *server, const struct pcp_server_mapping *view)
{
    struct pcp_table *table = &server->table;
    int pool = pcp_server_pool_of(server, &view->external);
    if (pool < 0)
        return;
    uint32_t binding =
        pcp_table_binding_find_external(table, (uint16_t)pool, view->protocol, view->external_port);
    if (binding && table->bindings[binding].flags & PCP_TABLE_BINDING_RESTING)
        erase(server, table->bindings[binding].map);
}

int pcp_server_replay(struct pcp_server *server, const struct pcp_server_change *change,
                      const struct pcp_server_belongings *belongings, struct error *error)
{
    struct pcp_server_mapping view = change->mapping;
    uint32_t present = pcp_server_find(server, &view);
    if (present && server->table.mappings[present].kind == PCP_TABLE_STATIC)
        return 0; /* the administrator's word came later */
    if (present)
        erase(server, present);
    end_rest(server, &view);
    if (change->kind != PCP_SERVER_REMOVED)
        return pcp_server_restore(server, &view, belongings, error);
    if (change->rest_until <= server->now)
        return 0;
    view.was_peer = view.kind == PCP_SERVER_PEER;
    view.kind = PCP_SERVER_RESTING;
    view.deadline = change->rest_until;
    return pcp_server_restore(server, &view, NULL, error);
}
