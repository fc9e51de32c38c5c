/* Bindings and external ports of the mapping table. */
#include "engine/pcp_server_hash.h"
#include "engine/pcp_server_table.h"

#include <string.h>

enum { UDP = 17, TCP = 6, PORT_WORDS = PCP_TABLE_POOL_WORDS / 2 };

/* --- bindings ------------------------------------------------------------------------------- */

static uint32_t *internal_bucket(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                                 uint16_t port)
{
    uint64_t word = pcp_table_internal_word(host, protocol, port);
    return &table->internal_buckets[pcp_server_hash(table->key, &word, 1) & table->bucket_mask];
}

static uint32_t *resting_bucket(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                                uint16_t port, const uint8_t nonce[PCP_NONCE_LENGTH])
{
    uint64_t words[3] = {pcp_table_internal_word(host, protocol, port)};
    memcpy(&words[1], nonce, PCP_NONCE_LENGTH);
    return &table->internal_buckets[pcp_server_hash(table->key, words, 3) & table->bucket_mask];
}

/* The chain that a binding's state puts it in. */
static uint32_t *bucket_of(const struct pcp_table *table, const struct pcp_table_binding *binding)
{
    if (binding->flags & PCP_TABLE_BINDING_RESTING)
        return resting_bucket(table, binding->host, binding->protocol, binding->internal_port,
                              table->mappings[binding->map].nonce);
    return internal_bucket(table, binding->host, binding->protocol, binding->internal_port);
}

static void link_internal(struct pcp_table *table, uint32_t index)
{
    struct pcp_table_binding *binding = &table->bindings[index];
    if (binding->flags & PCP_TABLE_BINDING_SECONDARY)
        return;
    uint32_t *bucket = bucket_of(table, binding);
    binding->next_internal = *bucket;
    *bucket = index;
}

static void unlink_internal(struct pcp_table *table, uint32_t index)
{
    const struct pcp_table_binding *binding = &table->bindings[index];
    if (binding->flags & PCP_TABLE_BINDING_SECONDARY)
        return;
    uint32_t *link = bucket_of(table, binding);
    while (*link != index)
        link = &table->bindings[*link].next_internal;
    *link = binding->next_internal;
}

static uint32_t *external_bucket(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                                 uint16_t port)
{
    uint64_t word = (uint64_t)pool << 32 | (uint64_t)protocol << 16 | port;
    return &table->external_buckets[pcp_server_hash(table->key, &word, 1) & table->bucket_mask];
}

uint32_t pcp_table_binding_find(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                                uint16_t internal_port)
{
    if (!host)
        return PCP_TABLE_NONE;
    uint32_t index = *internal_bucket(table, host, protocol, internal_port);
    while (index &&
           (!pcp_table_same_internal(&table->bindings[index], host, protocol, internal_port) ||
            table->bindings[index].flags & PCP_TABLE_BINDING_RESTING))
        index = table->bindings[index].next_internal;
    return index;
}

uint32_t pcp_table_binding_find_resting(const struct pcp_table *table, uint32_t host,
                                        uint8_t protocol, uint16_t internal_port,
                                        const uint8_t nonce[PCP_NONCE_LENGTH])
{
    if (!host)
        return PCP_TABLE_NONE;
    uint32_t index = *resting_bucket(table, host, protocol, internal_port, nonce);
    for (; index; index = table->bindings[index].next_internal) {
        const struct pcp_table_binding *binding = &table->bindings[index];
        if (pcp_table_same_internal(binding, host, protocol, internal_port) &&
            binding->flags & PCP_TABLE_BINDING_RESTING &&
            memcmp(table->mappings[binding->map].nonce, nonce, PCP_NONCE_LENGTH) == 0)
            break;
    }
    return index;
}

uint32_t pcp_table_binding_find_external(const struct pcp_table *table, uint16_t pool,
                                         uint8_t protocol, uint16_t external_port)
{
    uint32_t index = *external_bucket(table, pool, protocol, external_port);
    for (; index; index = table->bindings[index].next_external) {
        const struct pcp_table_binding *binding = &table->bindings[index];
        if (binding->pool == pool && binding->protocol == protocol &&
            binding->external_port == external_port)
            break;
    }
    return index;
}

/* --- external ports ------------------------------------------------------------------------- */

/* The ports of UDP and TCP have a bit each, so that a free one is found at once in a nearly full
 * address; those of rarer protocols are found by the hash of external endpoints alone. */
static uint64_t *taken_bits(const struct pcp_table *table, uint16_t pool, uint8_t protocol)
{
    if (pool >= table->pools || (protocol != UDP && protocol != TCP))
        return NULL;
    return table->taken + (size_t)pool * PCP_TABLE_POOL_WORDS + (protocol == TCP ? PORT_WORDS : 0);
}

static void mark_port(struct pcp_table *table, uint16_t pool, uint8_t protocol, uint16_t port,
                      bool taken)
{
    uint64_t *bits = taken_bits(table, pool, protocol);
    uint64_t bit = (uint64_t)1 << (port % 64);
    if (bits && taken)
        bits[port / 64] |= bit;
    else if (bits)
        bits[port / 64] &= ~bit;
}

void pcp_table_port_reserve(struct pcp_table *table, uint16_t pool, uint8_t protocol, uint16_t port)
{
    mark_port(table, pool, protocol, port, true);
}

/* The lowest free port of a parity mask in from..to, or 0. */
static uint16_t lowest_free(const uint64_t *bits, uint32_t from, uint32_t to, uint64_t parity)
{
    for (uint32_t word = from / 64; word <= to / 64; word++) {
        uint64_t free = ~bits[word] & parity;
        if (word == from / 64)
            free &= ~(uint64_t)0 << (from % 64);
        if (word == to / 64 && to % 64 != 63)
            free &= ((uint64_t)1 << (to % 64 + 1)) - 1;
        if (free)
            return (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(free));
    }
    return 0;
}

static uint16_t search_by_hash(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                               uint16_t first, uint16_t last, uint16_t start)
{
    uint32_t count = (uint32_t)last - first + 1;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(first + (start - first + i) % count);
        if (!pcp_table_binding_find_external(table, pool, protocol, port))
            return port;
    }
    return 0;
}

uint16_t pcp_table_port_search(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                               uint16_t first, uint16_t last, uint16_t start, bool keep_parity)
{
    const uint64_t *bits = taken_bits(table, pool, protocol);
    if (!bits)
        return search_by_hash(table, pool, protocol, first, last, start);
    const uint64_t even = 0x5555555555555555;
    const uint64_t masks[2] = {start % 2 ? even << 1 : even, ~(uint64_t)0};
    uint16_t port = 0;
    for (int i = keep_parity ? 0 : 1; i < 2 && !port; i++) {
        port = lowest_free(bits, start, last, masks[i]);
        if (!port && start > first)
            port = lowest_free(bits, first, start - 1U, masks[i]);
    }
    return port;
}

uint16_t pcp_table_run_search(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                              uint16_t first, uint16_t last, uint16_t start, uint16_t wanted)
{
    const uint64_t *bits = taken_bits(table, pool, protocol);
    uint32_t count = (uint32_t)last - first + 1;
    uint32_t best = 0, best_length = 0, length = 0;
    for (uint32_t i = 0; bits && i < count && best_length < wanted; i++) {
        uint32_t port = first + (start - first + i) % count;
        bool free = !(bits[port / 64] >> port % 64 & 1);
        if (port == first || !free)
            length = 0; /* a run doesn't go round */
        length += free;
        if (length > best_length) {
            best_length = length;
            best = port - length + 1;
        }
    }
    return (uint16_t)best;
}

/* --- binding -------------------------------------------------------------------------------- */

uint32_t pcp_table_bind(struct pcp_table *table, const struct pcp_table_endpoint *endpoint)
{
    uint32_t host = pcp_table_host_take(table, &endpoint->host, endpoint->realm);
    if (!host)
        return PCP_TABLE_NONE;
    uint32_t index =
        pcp_table_fresh(&table->free_binding, table->bindings[table->free_binding].next_internal,
                        &table->bindings_touched, table->capacity);
    if (!index) {
        pcp_table_host_drop(table, host);
        return PCP_TABLE_NONE;
    }
    struct pcp_table_host *owner = &table->hosts[host];
    struct pcp_table_binding *binding = &table->bindings[index];
    *binding = (struct pcp_table_binding){
        .host = host,
        .host_next = owner->bindings,
        .internal_port = endpoint->internal_port,
        .external_port = endpoint->external_port,
        .pool = endpoint->pool,
        .protocol = endpoint->protocol,
        .flags = endpoint->secondary ? PCP_TABLE_BINDING_SECONDARY : 0,
    };
    if (owner->bindings)
        table->bindings[owner->bindings].host_previous = index;
    else
        owner->pool = endpoint->pool;
    owner->bindings = index;
    table->bindings_used++;
    link_internal(table, index);
    if (binding->pool != PCP_TABLE_SAME) {
        uint32_t *bucket =
            external_bucket(table, binding->pool, binding->protocol, binding->external_port);
        binding->next_external = *bucket;
        *bucket = index;
        mark_port(table, binding->pool, binding->protocol, binding->external_port, true);
    }
    return index;
}

static void unlink_external(struct pcp_table *table, uint32_t index)
{
    const struct pcp_table_binding *binding = &table->bindings[index];
    if (binding->pool == PCP_TABLE_SAME)
        return;
    uint32_t *link =
        external_bucket(table, binding->pool, binding->protocol, binding->external_port);
    while (*link != index)
        link = &table->bindings[*link].next_external;
    *link = binding->next_external;
    mark_port(table, binding->pool, binding->protocol, binding->external_port, false);
}

void pcp_table_unbind(struct pcp_table *table, uint32_t index)
{
    struct pcp_table_binding *binding = &table->bindings[index];
    unlink_internal(table, index);
    unlink_external(table, index);
    if (binding->host_next)
        table->bindings[binding->host_next].host_previous = binding->host_previous;
    if (binding->host_previous)
        table->bindings[binding->host_previous].host_next = binding->host_next;
    else
        table->hosts[binding->host].bindings = binding->host_next;
    pcp_table_host_drop(table, binding->host);
    binding->next_internal = table->free_binding;
    table->free_binding = index;
    table->bindings_used--;
}

void pcp_table_set_resting(struct pcp_table *table, uint32_t index, bool resting)
{
    unlink_internal(table, index);
    if (resting)
        table->bindings[index].flags |= PCP_TABLE_BINDING_RESTING;
    else
        table->bindings[index].flags &= (uint8_t)~PCP_TABLE_BINDING_RESTING;
    link_internal(table, index);
}
