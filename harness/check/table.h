/* A hash table of bounded size for the state of many peers.
 *
 * Entries are structs of the caller's that begin with their key. They stay where they are until they
 * are removed. When the table is full, the entry that has not been looked at for about the longest
 * time makes room (second chance, the CLOCK algorithm: a list in order of use would cost two more
 * cache misses a lookup). Keys come from strangers' packets, so the hash is seeded at random.
 *
 * With many peers every lookup misses the caches several times. Who knows keys some time before the
 * entries are needed can have the misses of several lookups overlap: take all hashes first, fetch
 * all slots, then all entries, and only then look them up by their hashes.
 */
#ifndef PINHOLE_CHECK_TABLE_H
#define PINHOLE_CHECK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

struct table_shape {
    size_t key_size; /* octets at the front of an entry, compared as a whole: no padding in them */
    size_t entry_size; /* octets, key included */
    size_t limit;      /* entries at most */
    /* Called with an entry that must make room, before it goes; may be NULL. */
    void (*evicted)(void *entry, void *argument);
    void *argument;
};

/* NULL if memory is out. */
struct table *table_create(const struct table_shape *shape);
void table_destroy(struct table *table);

/* NULL if there is none. */
void *table_find(struct table *table, const void *key);
/* Finds the entry or makes one, zeroed but for its key; *made says which. NULL if memory is out. */
void *table_get(struct table *table, const void *key, bool *made);
/* The same with what table_key_hash said of the key. */
void *table_find_hashed(struct table *table, const void *key, uint32_t hash);
void *table_get_hashed(struct table *table, const void *key, uint32_t hash, bool *made);

uint32_t table_key_hash(const struct table *table, const void *key);
/* Has the processor fetch the place where the search for a key begins, and then the entry that it
 * leads to. Never wrong, at worst in vain. */
void table_fetch_slot(const struct table *table, uint32_t hash);
void table_fetch_entry(const struct table *table, uint32_t hash);

/* entry is one that the table holds. */
void table_remove(struct table *table, void *entry);

size_t table_count(const struct table *table);
/* Entries in the order of their making but for reused places: *cursor starts at 0; NULL behind the
 * last. An entry may be removed while walking. */
void *table_next(struct table *table, size_t *cursor);

/* 64 bits over octets, as good as a seeded table needs them; not for secrets. */
uint64_t table_hash(uint64_t seed, const void *octets, size_t length);

#endif
