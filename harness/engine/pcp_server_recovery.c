/* What time brings: expiry, announcements and Mapping Updates (RFC 6887 sections 14 and 15).
 *
 * All Mapping Updates of one renumbering share one schedule: three rounds over the table, at 0, 250
 * and 750 ms, sending for the mappings that are still marked. So fifty thousand of them need a
 * cursor and no memory of their own, and a client's refresh ends its own by clearing the mark. The
 * caller paces a round by how fast it asks for events.
 */
#include "engine/pcp_server_internal.h"

#include <string.h>

enum { FIRST_INTERVAL = 250 /* milliseconds */ };

/* --- expiry --------------------------------------------------------------------------------- */

/* One mapping whose time is over; false if none is. Ports whose rest is over go silently. */
static bool expire(struct pcp_server *server, struct pcp_server_event *event)
{
    struct pcp_table *table = &server->table;
    while (pcp_server_heap_first(&table->heap) <= server->now) {
        uint32_t mapping = table->heap.thing[0];
        if (table->mappings[mapping].kind == PCP_TABLE_RESTING) {
            pcp_table_erase(table, mapping);
            continue;
        }
        event->kind = PCP_SERVER_EXPIRED;
        pcp_server_end(server, mapping, &event->change);
        server->expired_filters = event->change.mapping.filters;
        server->expired_description = event->change.mapping.description;
        return true;
    }
    return false;
}

/* --- announcements, 14.1.3 ------------------------------------------------------------------ */

static void start_announcing(struct pcp_server *server)
{
    struct pcp_server_recovery *recovery = &server->recovery;
    recovery->announcements_left = server->policy.announcements;
    recovery->announce_gap = 0;
    recovery->announce_next = server->now;
    recovery->nat_pmp_due = false;
}

/* One has left at `now`. A gap that came out longer than meant is doubled as it was: "at least doubling". */
static void schedule_announcement(struct pcp_server_recovery *recovery, uint64_t now)
{
    uint64_t interval = recovery->announce_gap ? 2 * recovery->announce_gap : FIRST_INTERVAL;
    recovery->announced_at = now;
    recovery->announce_next = now + interval;
}

void pcp_server_announced(struct pcp_server *server, uint64_t now)
{
    struct pcp_server_recovery *recovery = &server->recovery;
    if (now <= recovery->announced_at)
        return;
    if (recovery->announce_gap)
        recovery->announce_gap += now - recovery->announced_at;
    schedule_announcement(recovery, now);
}

static bool announce(struct pcp_server *server, struct pcp_server_event *event)
{
    struct pcp_server_recovery *recovery = &server->recovery;
    event->kind = PCP_SERVER_ANNOUNCE;
    if (recovery->nat_pmp_due) {
        recovery->nat_pmp_due = false;
        event->nat_pmp = true;
        event->length = pcp_server_nat_pmp_announcement(server, event->octets);
        return true;
    }
    if (recovery->announcements_left == 0 || recovery->announce_next > server->now)
        return false;
    if (recovery->announcements_left < server->policy.announcements)
        recovery->announce_gap = server->now - recovery->announced_from;
    recovery->announced_from = server->now;
    recovery->announcements_left--;
    schedule_announcement(recovery, server->now);
    recovery->nat_pmp_due = pcp_server_speaks_nat_pmp(server) && server->policy.external_count > 0;
    if (server->policy.nat_pmp_alone)
        return announce(server, event);
    struct pcp_message message = {.version = PCP_VERSION,
                                  .response = true,
                                  .opcode = PCP_ANNOUNCE,
                                  .epoch = pcp_server_epoch(server, server->now)};
    event->nat_pmp = false;
    event->length = pcp_encode(&message, event->octets, sizeof event->octets);
    return true;
}

void pcp_server_reset_epoch(struct pcp_server *server, uint64_t now)
{
    if (now > server->now)
        server->now = now;
    server->epoch_start = server->now;
    start_announcing(server);
}

/* --- Mapping Updates, 14.2 ------------------------------------------------------------------ */

static size_t append_filters(const struct pcp_server *server, uint32_t chain, uint8_t *octets,
                             size_t used)
{
    struct pcp_filter filter;
    while (used && pcp_server_filter_next(server, &chain, &filter))
        used = pcp_append_filter(octets, used, PCP_MAXIMUM_LENGTH, &filter);
    return used;
}

static void write_update(const struct pcp_server *server, uint32_t mapping,
                         struct pcp_server_event *event)
{
    const struct pcp_table_mapping *record = &server->table.mappings[mapping];
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    bool peer = view.kind == PCP_SERVER_PEER || view.was_peer;
    bool failed = record->flags & PCP_TABLE_UPDATE_FAILED;
    if (failed) /* an error names what was suggested */
        view.external = server->former[server->table.bindings[record->binding].pool];
    uint32_t lifetime =
        failed ? server->policy.short_error : pcp_server_seconds_left(server, mapping, false);
    size_t length = pcp_server_write(server, &view, peer ? PCP_PEER : PCP_MAP, lifetime,
                                     event->octets, sizeof event->octets);
    if (failed)
        event->octets[3] = PCP_CANNOT_PROVIDE_EXTERNAL;
    if (view.third_party)
        length =
            pcp_append_third_party(event->octets, length, sizeof event->octets, &view.internal);
    if (view.realm)
        length = pcp_server_append_realm(server, view.realm, event->octets, length);
    if (view.prefer_failure)
        length = pcp_append_option(event->octets, length, sizeof event->octets, PCP_PREFER_FAILURE,
                                   NULL, 0);
    if (view.filtered)
        length = append_filters(server, view.filters, event->octets, length);
    event->kind = PCP_SERVER_UPDATE;
    event->length = length;
    event->destination = view.client;
    event->destination_port = view.client_port;
    event->path = view.path;
}

/* A mapping that has ended is told of only where the renumbering ended it. */
static bool is_update_due(const struct pcp_table_mapping *record)
{
    bool ended = record->kind == PCP_TABLE_RESTING && !(record->flags & PCP_TABLE_UPDATE_FAILED);
    return record->kind != PCP_TABLE_FREE && !ended && record->flags & PCP_TABLE_UPDATE_DUE;
}

static bool update(struct pcp_server *server, struct pcp_server_event *event)
{
    struct pcp_server_recovery *recovery = &server->recovery;
    struct pcp_table *table = &server->table;
    while (recovery->updates_left && recovery->update_next <= server->now) {
        while (recovery->update_cursor < table->mappings_touched) {
            uint32_t mapping = ++recovery->update_cursor;
            const struct pcp_table_mapping *record = &table->mappings[mapping];
            if (!is_update_due(record))
                continue;
            write_update(server, mapping, event);
            if (event->length)
                return true;
        }
        recovery->updates_left--;
        recovery->update_cursor = 0;
        uint64_t gap =
            recovery->updates_left == PCP_SERVER_UPDATES - 1 ? FIRST_INTERVAL : 2 * FIRST_INTERVAL;
        uint64_t left = server->now > recovery->updated_at ? server->now : recovery->updated_at;
        recovery->update_next = left + gap;
    }
    return false;
}

void pcp_server_updated(struct pcp_server *server, uint64_t now)
{
    server->recovery.updated_at = now;
}

void pcp_server_start_updates(struct pcp_server *server)
{
    server->recovery.updates_left = PCP_SERVER_UPDATES;
    server->recovery.update_cursor = 0;
    server->recovery.update_next = server->now;
}

/* --- events --------------------------------------------------------------------------------- */

bool pcp_server_advance(struct pcp_server *server, uint64_t now, struct pcp_server_event *event)
{
    if (now > server->now)
        server->now = now;
    pcp_server_forget_event(server);
    return expire(server, event) || announce(server, event) || update(server, event);
}

uint64_t pcp_server_next_time(const struct pcp_server *server)
{
    const struct pcp_server_recovery *recovery = &server->recovery;
    uint64_t next = pcp_server_heap_first(&server->table.heap);
    if (recovery->nat_pmp_due)
        return server->now;
    if (recovery->announcements_left && recovery->announce_next < next)
        next = recovery->announce_next;
    if (recovery->updates_left && recovery->update_next < next)
        next = recovery->update_next;
    return next;
}

/* --- what the network does ------------------------------------------------------------------ */

/* Marks what a renumbering does to one mapping. */
static void renumber_mapping(struct pcp_server *server, uint32_t mapping)
{
    struct pcp_table_mapping *record = &server->table.mappings[mapping];
    if (record->kind != PCP_TABLE_MAP && record->kind != PCP_TABLE_PEER)
        return;
    if (record->flags & PCP_TABLE_BY_NAT_PMP)
        return; /* its client learns of it from the announcement, RFC 6886 3.2.1 */
    if (record->flags & PCP_TABLE_PREFER_FAILURE && !server->policy.proxy) {
        record->flags |= PCP_TABLE_UPDATE_FAILED;
        pcp_server_heap_move(&server->table.heap, mapping, server->now);
    }
    if (server->policy.mapping_updates)
        record->flags |= PCP_TABLE_UPDATE_DUE;
}

void pcp_server_renumber(struct pcp_server *server, size_t index, const struct address *external,
                         uint64_t now)
{
    struct pcp_table *table = &server->table;
    if (now > server->now)
        server->now = now;
    if (!address_is_any(&server->external[index]))
        server->former[index] = server->external[index];
    server->external[index] = *external;
    if (address_is_any(external) || address_equal(external, &server->former[index]))
        return; /* nothing to tell until there is an address again, and another one */
    pcp_server_reset_epoch(server, now);
    for (uint32_t mapping = 1; mapping <= table->mappings_touched; mapping++) {
        const struct pcp_table_mapping *record = &table->mappings[mapping];
        if (record->kind != PCP_TABLE_FREE && table->bindings[record->binding].pool == index)
            renumber_mapping(server, mapping);
    }
    pcp_server_start_updates(server);
    server->recovery.updated_at = 0;
}

void pcp_server_forget(struct pcp_server *server, const struct address *internal, uint64_t now)
{
    struct pcp_table *table = &server->table;
    if (now > server->now)
        server->now = now;
    uint32_t host =
        pcp_table_host_find(table, internal, pcp_server_realm_of(&server->policy, internal));
    for (uint32_t mapping = 1; host && mapping <= table->mappings_touched; mapping++) {
        const struct pcp_table_mapping *record = &table->mappings[mapping];
        if ((record->kind == PCP_TABLE_MAP || record->kind == PCP_TABLE_PEER) &&
            table->bindings[record->binding].host == host)
            pcp_server_heap_move(&table->heap, mapping, server->now);
    }
}
