/* How a PCP server's mappings come, live and go, and how each change is noted so that it can be
 * undone (RFC 6887 sections 7.3, 15, 17.2). */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { MILLISECONDS = 1000, FAILED_UPDATE_REST = 1000 /* milliseconds: three copies take 750 */ };

/* --- lifetimes ------------------------------------------------------------------------------ */

uint32_t pcp_server_clamp(const struct pcp_server *server, uint32_t lifetime)
{
    if (lifetime < server->policy.minimum_lifetime)
        return server->policy.minimum_lifetime;
    return lifetime < server->policy.maximum_lifetime ? lifetime : server->policy.maximum_lifetime;
}

uint32_t pcp_server_seconds_left(const struct pcp_server *server, uint32_t mapping, bool round_up)
{
    uint64_t deadline = pcp_server_heap_deadline(&server->table.heap, mapping);
    if (deadline == PCP_SERVER_NEVER)
        return PCP_SERVER_INFINITE;
    if (deadline <= server->now)
        return 0;
    uint64_t left = deadline - server->now + (round_up ? MILLISECONDS - 1 : 0);
    return (uint32_t)(left / MILLISECONDS);
}

uint64_t pcp_server_idle_rest(const struct pcp_server *server, uint32_t mapping)
{
    if (!server->device.outbound)
        return 0;
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    struct pcp_server_flow_key key = {
        .protocol = view.protocol,
        .internal = view.internal,
        .realm = view.realm,
        .internal_port = view.internal_port,
        .to_remote = view.kind == PCP_SERVER_PEER,
        .remote = view.remote,
        .remote_port = view.remote_port,
    };
    struct pcp_server_flow flow;
    if (!server->device.outbound(server->device.context, &key, &flow))
        return 0;
    uint64_t limit =
        (uint64_t)pcp_server_times_of(&server->policy.idle, view.protocol) * MILLISECONDS;
    return flow.idle < limit ? limit - flow.idle : 0;
}

/* --- permission ----------------------------------------------------------------------------- */

bool pcp_server_is_inside(const struct pcp_server *server, const struct address *address)
{
    const struct pcp_server_policy *policy = &server->policy;
    for (size_t i = 0; i < policy->inside_count; i++)
        if (pcp_server_prefix_holds(&policy->inside[i], address))
            return true;
    return policy->inside_count == 0;
}

bool pcp_server_is_allowed(const struct pcp_server *server, const struct address *internal,
                           uint16_t internal_port)
{
    return pcp_server_is_unicast(internal) && pcp_server_is_inside(server, internal) &&
           pcp_server_policy_allows(&server->policy, internal, internal_port);
}

enum pcp_result pcp_server_may_create(const struct pcp_server *server,
                                      const struct address *internal, uint16_t realm)
{
    uint32_t host = pcp_table_host_find(&server->table, internal, realm);
    if (server->table.hosts[host].charged >= server->policy.mappings_per_host)
        return PCP_USER_EX_QUOTA;
    return server->table.mappings_used < server->table.capacity ? PCP_SUCCESS : PCP_NO_RESOURCES;
}

/* --- changes -------------------------------------------------------------------------------- */

bool pcp_server_create_mapping(struct pcp_server *server, struct pcp_server_answer *answer,
                               const struct pcp_server_mapping *view, uint32_t resting)
{
    struct pcp_server_undo *undo = &answer->undo;
    if (resting) {
        pcp_server_view(server, resting, &undo->before);
        pcp_table_erase(&server->table, resting);
    }
    uint32_t mapping = pcp_server_insert(server, view);
    if (!mapping) {
        if (resting)
            pcp_server_insert(server, &undo->before);
        return false;
    }
    undo->action = resting ? PCP_UNDO_REPLACE : PCP_UNDO_ERASE;
    undo->filters_before = PCP_TABLE_NONE;
    undo->filters_replaced = true;
    undo->description_before = PCP_TABLE_NONE;
    undo->description_replaced = true;
    answer->change.kind = PCP_SERVER_CREATED;
    answer->change.rest_until = 0;
    pcp_server_view(server, mapping, &answer->change.mapping);
    return true;
}

void pcp_server_note_before(struct pcp_server *server, struct pcp_server_answer *answer,
                            uint32_t mapping)
{
    struct pcp_server_undo *undo = &answer->undo;
    undo->action = PCP_UNDO_RESTORE;
    pcp_server_view(server, mapping, &undo->before);
    undo->flags_before = server->table.mappings[mapping].flags;
    undo->filters_before = undo->before.filters;
    undo->description_before = undo->before.description;
}

void pcp_server_note_renewed(struct pcp_server *server, struct pcp_server_answer *answer,
                             uint32_t mapping)
{
    const struct pcp_table_mapping *record = &server->table.mappings[mapping];
    bool filtered = record->filters != answer->undo.filters_before;
    answer->undo.filters_replaced = filtered;
    answer->undo.description_replaced = record->description != answer->undo.description_before;
    answer->change.kind = filtered ? PCP_SERVER_FILTERED : PCP_SERVER_RENEWED;
    answer->change.rest_until = 0;
    answer->change.filters_before = answer->undo.filters_before;
    answer->change.outermost_before = answer->undo.before.outermost;
    answer->change.outermost_port_before = answer->undo.before.outermost_port;
    pcp_server_view(server, mapping, &answer->change.mapping);
}

/* How long the port of a mapping that ends stays its own, in milliseconds. */
static uint64_t rest_of(const struct pcp_server *server, uint32_t mapping)
{
    const struct pcp_table_mapping *record = &server->table.mappings[mapping];
    const struct pcp_table_binding *binding = &server->table.bindings[record->binding];
    /* A pinhole's port is its host's own, and an all-ports mapping has none that could rest. */
    if (binding->pool == PCP_TABLE_SAME || binding->internal_port == 0)
        return 0;
    uint64_t rest =
        (uint64_t)pcp_server_times_of(&server->policy.rest, binding->protocol) * MILLISECONDS;
    bool told = record->flags & PCP_TABLE_UPDATE_FAILED; /* its client still hears of its end */
    return told && rest < FAILED_UPDATE_REST ? FAILED_UPDATE_REST : rest;
}

void pcp_server_end(struct pcp_server *server, uint32_t mapping, struct pcp_server_change *change)
{
    struct pcp_table *table = &server->table;
    uint64_t rest = rest_of(server, mapping);
    uint64_t deadline = pcp_server_heap_deadline(&table->heap, mapping);
    uint64_t ended = deadline < server->now ? deadline : server->now;
    change->kind = PCP_SERVER_REMOVED;
    change->rest_until = 0;
    pcp_server_view(server, mapping, &change->mapping);
    if (rest == 0) {
        pcp_table_erase(table, mapping);
        return;
    }
    pcp_table_release(table, mapping, ended + rest);
    if (table->mappings[mapping].kind == PCP_TABLE_RESTING)
        change->rest_until = ended + rest; /* else another mapping holds the port */
}

void pcp_server_end_noted(struct pcp_server *server, struct pcp_server_answer *answer,
                          uint32_t mapping)
{
    struct pcp_server_undo *undo = &answer->undo;
    pcp_server_note_before(server, answer, mapping);
    pcp_server_end(server, mapping, &answer->change);
    undo->action = PCP_UNDO_REPLACE;
    undo->filters_replaced = true;
    undo->description_replaced = true;
}

/* --- undoing -------------------------------------------------------------------------------- */

void pcp_server_commit(struct pcp_server *server, struct pcp_server_answer *answer)
{
    if (answer->undo.filters_replaced)
        pcp_table_filter_free(&server->table, answer->undo.filters_before);
    if (answer->undo.description_replaced)
        pcp_table_description_free(&server->table, answer->undo.description_before);
    answer->undo.filters_replaced = false;
    answer->undo.description_replaced = false;
    answer->undo.action = PCP_UNDO_NONE;
}

/* The record that a request left behind, or PCP_TABLE_NONE. It is looked for anew: what has ended
 * since may have given its index to another. */
static uint32_t find_left(const struct pcp_server *server, const struct pcp_server_change *change)
{
    const struct pcp_table *table = &server->table;
    const struct pcp_server_mapping *view = &change->mapping;
    if (change->kind != PCP_SERVER_REMOVED)
        return pcp_server_find(server, view);
    if (!change->rest_until)
        return PCP_TABLE_NONE;
    uint32_t host = pcp_table_host_find(table, &view->internal, view->realm);
    uint32_t binding = pcp_table_binding_find_resting(table, host, view->protocol,
                                                      view->internal_port, view->nonce);
    return binding ? table->bindings[binding].map : PCP_TABLE_NONE;
}

static void restore_fields(struct pcp_server *server, uint32_t mapping,
                           const struct pcp_server_undo *undo)
{
    const struct pcp_server_mapping *before = &undo->before;
    struct pcp_table_mapping *record = &server->table.mappings[mapping];
    memcpy(record->nonce, before->nonce, PCP_NONCE_LENGTH);
    record->flags = undo->flags_before;
    if (undo->filters_replaced)
        record->filters = undo->filters_before;
    if (undo->description_replaced)
        record->description = undo->description_before;
    /* Where the former client's host record has gone meanwhile, the later one must do. */
    pcp_table_set_client(&server->table, mapping, &before->client, before->client_port,
                         before->path);
    pcp_server_heap_move(&server->table.heap, mapping, before->deadline);
}

void pcp_server_undo(struct pcp_server *server, struct pcp_server_answer *answer)
{
    struct pcp_server_undo *undo = &answer->undo;
    if (undo->action == PCP_UNDO_NONE)
        return;
    uint32_t mapping = find_left(server, &answer->change);
    const struct pcp_table_mapping *record = &server->table.mappings[mapping];
    uint32_t useless = PCP_TABLE_NONE; /* filters that the request made */
    uint32_t unsaid = PCP_TABLE_NONE;  /* and its description */
    if (mapping && undo->filters_replaced)
        useless = record->filters;
    if (mapping && undo->description_replaced)
        unsaid = record->description;
    if (undo->action == PCP_UNDO_RESTORE && mapping) {
        restore_fields(server, mapping, undo);
    } else if (undo->action == PCP_UNDO_RESTORE) {
        /* It has ended, and with it what the request made. */
        if (undo->filters_replaced)
            useless = undo->filters_before;
        if (undo->description_replaced)
            unsaid = undo->description_before;
    } else if (mapping) {
        pcp_table_erase(&server->table, mapping);
    }
    if (undo->action == PCP_UNDO_REPLACE)
        pcp_server_insert(server, &undo->before);
    pcp_table_filter_free(&server->table, useless);
    pcp_table_description_free(&server->table, unsaid);
    undo->action = PCP_UNDO_NONE;
    undo->filters_replaced = false;
    undo->description_replaced = false;
    answer->change.kind = PCP_SERVER_UNCHANGED;
}
