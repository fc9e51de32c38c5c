/* Mappings of the mapping table. */
#include "engine/pcp_server_hash.h"
#include "engine/pcp_server_table.h"

#include <string.h>

/* --- mappings ------------------------------------------------------------------------------- */

static uint32_t *peer_bucket(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                             uint16_t internal_port, const struct address *remote,
                             uint16_t remote_port)
{
    uint64_t words[4] = {pcp_table_internal_word(host, protocol, internal_port), 0, 0, remote_port};
    memcpy(&words[1], remote->octet, sizeof remote->octet);
    return &table->peer_buckets[pcp_server_hash(table->key, words, 4) & table->bucket_mask];
}

static uint32_t *peer_bucket_of(const struct pcp_table *table,
                                const struct pcp_table_mapping *mapping)
{
    const struct pcp_table_binding *binding = &table->bindings[mapping->binding];
    return peer_bucket(table, binding->host, binding->protocol, binding->internal_port,
                       &mapping->remote, mapping->remote_port);
}

uint32_t pcp_table_peer_find(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                             uint16_t internal_port, const struct address *remote,
                             uint16_t remote_port)
{
    if (!host)
        return PCP_TABLE_NONE;
    uint32_t index = *peer_bucket(table, host, protocol, internal_port, remote, remote_port);
    for (; index; index = table->mappings[index].next) {
        const struct pcp_table_mapping *mapping = &table->mappings[index];
        if (pcp_table_same_internal(&table->bindings[mapping->binding], host, protocol,
                                    internal_port) &&
            mapping->remote_port == remote_port && address_equal(&mapping->remote, remote))
            break;
    }
    return index;
}

uint32_t pcp_table_attach(struct pcp_table *table, uint32_t binding, enum pcp_table_kind kind,
                          const struct address *remote, uint16_t remote_port, uint64_t deadline)
{
    uint32_t index =
        pcp_table_fresh(&table->free_mapping, table->mappings[table->free_mapping].next,
                        &table->mappings_touched, table->capacity);
    struct pcp_table_binding *owner = &table->bindings[binding];
    if (!index) {
        if (!owner->map && !owner->peers)
            pcp_table_unbind(table, binding);
        return PCP_TABLE_NONE;
    }
    struct pcp_table_mapping *mapping = &table->mappings[index];
    *mapping = (struct pcp_table_mapping){.binding = binding, .kind = (uint8_t)kind};
    if (kind == PCP_TABLE_PEER) {
        mapping->remote = *remote;
        mapping->remote_port = remote_port;
        uint32_t *bucket = peer_bucket_of(table, mapping);
        mapping->next = *bucket;
        *bucket = index;
        owner->peers++;
    } else {
        owner->map = index;
    }
    if (kind != PCP_TABLE_STATIC)
        table->hosts[owner->host].charged++;
    pcp_server_heap_add(&table->heap, index, deadline);
    table->mappings_used++;
    return index;
}

/* Takes a mapping off its binding; the binding may be left with none. */
static void detach(struct pcp_table *table, uint32_t index)
{
    const struct pcp_table_mapping *mapping = &table->mappings[index];
    struct pcp_table_binding *binding = &table->bindings[mapping->binding];
    if (mapping->kind != PCP_TABLE_PEER) {
        binding->map = PCP_TABLE_NONE;
        return;
    }
    uint32_t *link = peer_bucket_of(table, mapping);
    while (*link != index)
        link = &table->mappings[*link].next;
    *link = mapping->next;
    binding->peers--;
}

static void free_mapping(struct pcp_table *table, uint32_t index)
{
    struct pcp_table_mapping *mapping = &table->mappings[index];
    if (mapping->kind != PCP_TABLE_STATIC)
        table->hosts[table->bindings[mapping->binding].host].charged--;
    if (mapping->client)
        pcp_table_host_drop(table, mapping->client);
    pcp_server_heap_remove(&table->heap, index);
    mapping->kind = PCP_TABLE_FREE;
    mapping->next = table->free_mapping;
    table->free_mapping = index;
    table->mappings_used--;
}

void pcp_table_release(struct pcp_table *table, uint32_t index, uint64_t rest_until)
{
    struct pcp_table_mapping *mapping = &table->mappings[index];
    struct pcp_table_binding *binding = &table->bindings[mapping->binding];
    detach(table, index);
    if (binding->map || binding->peers) {
        free_mapping(table, index);
        return;
    }
    if (mapping->kind == PCP_TABLE_PEER)
        mapping->flags |= PCP_TABLE_WAS_PEER;
    mapping->kind = PCP_TABLE_RESTING;
    mapping->filters = PCP_TABLE_NONE;
    mapping->description = PCP_TABLE_NONE;
    binding->map = index;
    pcp_table_set_resting(table, mapping->binding, true);
    pcp_server_heap_move(&table->heap, index, rest_until);
}

void pcp_table_erase(struct pcp_table *table, uint32_t index)
{
    uint32_t binding = table->mappings[index].binding;
    const struct pcp_table_binding *owner = &table->bindings[binding];
    if (owner->flags & PCP_TABLE_BINDING_RESTING) /* while the nonce that it is found by is there */
        pcp_table_set_resting(table, binding, false);
    detach(table, index);
    free_mapping(table, index);
    if (!owner->map && !owner->peers)
        pcp_table_unbind(table, binding);
}

bool pcp_table_set_client(struct pcp_table *table, uint32_t index, const struct address *client,
                          uint16_t port, uint16_t path)
{
    struct pcp_table_mapping *mapping = &table->mappings[index];
    if (!mapping->client || !address_equal(&table->hosts[mapping->client].address, client)) {
        uint32_t host = pcp_table_host_take(table, client, 0);
        if (!host)
            return false;
        if (mapping->client)
            pcp_table_host_drop(table, mapping->client);
        mapping->client = host;
    }
    mapping->client_port = port;
    mapping->path = path;
    return true;
}
