/* Memory, hosts, filters and descriptions of the mapping table. */
#include "engine/pcp_server_table.h"
#include "engine/pcp_server_hash.h"

#include <string.h>

/* --- memory --------------------------------------------------------------------------------- */

static uint32_t bucket_count(uint32_t capacity)
{
    uint32_t count = 16;
    while (count < capacity)
        count *= 2;
    return count;
}

/* Cuts the next piece out of a block. With a block of NULL it only counts. */
static void *cut(uint8_t *memory, size_t *used, size_t octets)
{
    size_t at = *used;
    *used += (octets + 7) & ~(size_t)7;
    return memory ? memory + at : NULL;
}

/* Places all arrays in memory and returns the octets they take. Index 0 is never a record. */
static size_t lay_out(struct pcp_table *table, uint8_t *memory)
{
    size_t used = 0;
    size_t records = (size_t)table->capacity + 1;
    size_t buckets = (size_t)table->bucket_mask + 1;
    table->hosts = cut(memory, &used, records * sizeof *table->hosts);
    table->bindings = cut(memory, &used, records * sizeof *table->bindings);
    table->mappings = cut(memory, &used, records * sizeof *table->mappings);
    table->filters =
        cut(memory, &used, ((size_t)table->filter_capacity + 1) * sizeof *table->filters);
    table->descriptions =
        cut(memory, &used, ((size_t)table->description_capacity + 1) * sizeof *table->descriptions);
    table->host_buckets = cut(memory, &used, buckets * sizeof(uint32_t));
    table->internal_buckets = cut(memory, &used, buckets * sizeof(uint32_t));
    table->external_buckets = cut(memory, &used, buckets * sizeof(uint32_t));
    table->peer_buckets = cut(memory, &used, buckets * sizeof(uint32_t));
    table->taken =
        cut(memory, &used, (size_t)table->pools * PCP_TABLE_POOL_WORDS * sizeof(uint64_t));
    table->heap.deadline = cut(memory, &used, records * sizeof(uint64_t));
    table->heap.thing = cut(memory, &used, records * sizeof(uint32_t));
    table->heap.place = cut(memory, &used, records * sizeof(uint32_t));
    return used;
}

static struct pcp_table sized(const struct pcp_table_room *room)
{
    return (struct pcp_table){.capacity = room->mappings,
                              .filter_capacity = room->filters,
                              .description_capacity = room->descriptions,
                              .pools = room->pools,
                              .bucket_mask = bucket_count(room->mappings) - 1};
}

size_t pcp_table_size(const struct pcp_table_room *room)
{
    struct pcp_table table = sized(room);
    return lay_out(&table, NULL);
}

void pcp_table_init(struct pcp_table *table, void *memory, const struct pcp_table_room *room,
                    const uint64_t key[2])
{
    *table = sized(room);
    table->key[0] = key[0];
    table->key[1] = key[1];
    lay_out(table, memory);
    size_t buckets = ((size_t)table->bucket_mask + 1) * sizeof(uint32_t);
    memset(table->host_buckets, 0, buckets);
    memset(table->internal_buckets, 0, buckets);
    memset(table->external_buckets, 0, buckets);
    memset(table->peer_buckets, 0, buckets);
    memset(table->taken, 0, (size_t)table->pools * PCP_TABLE_POOL_WORDS * sizeof(uint64_t));
    table->hosts[0] = (struct pcp_table_host){0};
    table->bindings[0] = (struct pcp_table_binding){0};
    table->mappings[0] = (struct pcp_table_mapping){0};
    table->filters[0] = (struct pcp_table_filter){0};
    table->descriptions[0] = (struct pcp_table_description){0};
}

/* --- hosts ---------------------------------------------------------------------------------- */

static uint32_t *host_bucket(const struct pcp_table *table, const struct address *address,
                             uint16_t realm)
{
    uint64_t words[3] = {[2] = realm};
    memcpy(words, address->octet, sizeof address->octet);
    return &table->host_buckets[pcp_server_hash(table->key, words, 3) & table->bucket_mask];
}

uint32_t pcp_table_host_find(const struct pcp_table *table, const struct address *address,
                             uint16_t realm)
{
    uint32_t host = *host_bucket(table, address, realm);
    while (host && (table->hosts[host].realm != realm ||
                    !address_equal(&table->hosts[host].address, address)))
        host = table->hosts[host].next;
    return host;
}

uint32_t pcp_table_host_take(struct pcp_table *table, const struct address *address, uint16_t realm)
{
    uint32_t host = pcp_table_host_find(table, address, realm);
    if (!host) {
        host = pcp_table_fresh(&table->free_host, table->hosts[table->free_host].next,
                               &table->hosts_touched, table->capacity);
        if (!host)
            return PCP_TABLE_NONE;
        uint32_t *bucket = host_bucket(table, address, realm);
        table->hosts[host] =
            (struct pcp_table_host){.address = *address, .realm = realm, .next = *bucket};
        *bucket = host;
        table->hosts_used++;
    }
    table->hosts[host].references++;
    return host;
}

void pcp_table_host_drop(struct pcp_table *table, uint32_t host)
{
    struct pcp_table_host *record = &table->hosts[host];
    if (--record->references)
        return;
    uint32_t *link = host_bucket(table, &record->address, record->realm);
    while (*link != host)
        link = &table->hosts[*link].next;
    *link = record->next;
    record->next = table->free_host;
    table->free_host = host;
    table->hosts_used--;
}

/* --- filters -------------------------------------------------------------------------------- */

bool pcp_table_filter_add(struct pcp_table *table, uint32_t *chain, const struct pcp_filter *filter)
{
    uint32_t index = pcp_table_fresh(&table->free_filter, table->filters[table->free_filter].next,
                                     &table->filters_touched, table->filter_capacity);
    if (!index)
        return false;
    while (*chain)
        chain = &table->filters[*chain].next;
    *chain = index;
    table->filters[index] = (struct pcp_table_filter){.remote = filter->remote_address,
                                                      .remote_port = filter->remote_port,
                                                      .prefix_length = filter->prefix_length};
    table->filters_used++;
    return true;
}

void pcp_table_filter_free(struct pcp_table *table, uint32_t chain)
{
    while (chain) {
        uint32_t next = table->filters[chain].next;
        table->filters[chain].next = table->free_filter;
        table->free_filter = chain;
        table->filters_used--;
        chain = next;
    }
}

/* --- descriptions --------------------------------------------------------------------------- */

uint32_t pcp_table_description_add(struct pcp_table *table, const uint8_t *text, size_t length)
{
    uint32_t index =
        pcp_table_fresh(&table->free_description, table->descriptions[table->free_description].next,
                        &table->descriptions_touched, table->description_capacity);
    if (!index)
        return PCP_TABLE_NONE;
    struct pcp_table_description *description = &table->descriptions[index];
    description->length = (uint8_t)length;
    memcpy(description->text, text, length);
    table->descriptions_used++;
    return index;
}

void pcp_table_description_free(struct pcp_table *table, uint32_t index)
{
    if (!index)
        return;
    table->descriptions[index].next = table->free_description;
    table->free_description = index;
    table->descriptions_used--;
}
