#include "check/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SLAB_ENTRIES = 128, FIRST_SLOTS = 1024 };

/* Open addressing with linear probing; at most half of the slots are taken. */
struct slot {
    uint32_t hash;
    uint32_t entry; /* number + 1; 0 is free */
};

enum place { PLACE_FREE = 0, PLACE_COLD, PLACE_WARM }; /* warm: looked at since the hand came by */

struct table {
    struct table_shape shape;
    uint64_t seed;
    struct slot *slots;
    size_t slot_count; /* a power of two */
    uint8_t **slabs;   /* SLAB_ENTRIES entries each: growing moves nothing */
    uint8_t *places;   /* enum place of each entry */
    size_t slab_count;
    size_t used;         /* places handed out so far, free ones among them */
    size_t count;        /* entries alive */
    size_t hand;         /* where the next search for room begins */
    uint32_t free_place; /* number + 1 of a place given back, which holds the next one; 0 ends */
};

uint64_t table_hash(uint64_t seed, const void *octets, size_t length)
{
    const uint8_t *at = octets;
    uint64_t hash = seed ^ (length * 0x9e3779b97f4a7c15U);
    while (length > 0) {
        uint64_t word = 0;
        size_t take = length < sizeof word ? length : sizeof word;
        memcpy(&word, at, take);
        unsigned __int128 product =
            (unsigned __int128)(hash ^ word ^ 0xa0761d6478bd642fU) * 0xe7037ed1a0b428dbU;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
        at += take;
        length -= take;
    }
    return hash;
}

struct table *table_create(const struct table_shape *shape)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->shape = *shape;
    /* Entries stand side by side in slabs: keep every one aligned. */
    size_t alignment = _Alignof(max_align_t);
    table->shape.entry_size = (shape->entry_size + alignment - 1) / alignment * alignment;
    if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) != sizeof table->seed)
        table->seed = (uint64_t)(uintptr_t)table;
    table->slot_count = FIRST_SLOTS;
    table->slots = calloc(table->slot_count, sizeof *table->slots);
    if (!table->slots) {
        free(table);
        return NULL;
    }
    return table;
}

void table_destroy(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->slab_count; i++)
        free(table->slabs[i]);
    free(table->slabs);
    free(table->places);
    free(table->slots);
    free(table);
}

static void *entry_at(const struct table *table, size_t number)
{
    return table->slabs[number / SLAB_ENTRIES] + number % SLAB_ENTRIES * table->shape.entry_size;
}

static uint32_t hash_of(const struct table *table, const void *key)
{
    uint64_t hash = table_hash(table->seed, key, table->shape.key_size);
    return (uint32_t)(hash ^ (hash >> 32));
}

/* The slot of key, or the free slot where it would stand. */
static size_t slot_of(const struct table *table, const void *key, uint32_t hash)
{
    size_t mask = table->slot_count - 1;
    size_t at = hash & mask;
    for (; table->slots[at].entry; at = (at + 1) & mask)
        if (table->slots[at].hash == hash &&
            memcmp(entry_at(table, table->slots[at].entry - 1), key, table->shape.key_size) == 0)
            break;
    return at;
}

void *table_find(struct table *table, const void *key)
{
    const struct slot *slot = &table->slots[slot_of(table, key, hash_of(table, key))];
    if (!slot->entry)
        return NULL;
    table->places[slot->entry - 1] = PLACE_WARM;
    return entry_at(table, slot->entry - 1);
}

/* Frees a slot and moves up those behind it that a probe would no longer find. */
static void free_slot(struct table *table, size_t at)
{
    size_t mask = table->slot_count - 1;
    for (size_t next = (at + 1) & mask; table->slots[next].entry; next = (next + 1) & mask) {
        size_t home = table->slots[next].hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            table->slots[at] = table->slots[next];
            at = next;
        }
    }
    table->slots[at].entry = 0;
}

static void free_slot_of(struct table *table, size_t number)
{
    const void *key = entry_at(table, number);
    free_slot(table, slot_of(table, key, hash_of(table, key)));
    table->places[number] = PLACE_FREE;
    table->count--;
}

void table_remove(struct table *table, void *entry)
{
    size_t number = table->slots[slot_of(table, entry, hash_of(table, entry))].entry - 1;
    free_slot_of(table, number);
    memcpy(entry, &table->free_place, sizeof table->free_place);
    table->free_place = (uint32_t)(number + 1);
}

static bool grow_slots(struct table *table)
{
    size_t slot_count = table->slot_count * 2;
    struct slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < table->slot_count; i++) {
        if (!table->slots[i].entry)
            continue;
        size_t at = table->slots[i].hash & (slot_count - 1);
        while (slots[at].entry)
            at = (at + 1) & (slot_count - 1);
        slots[at] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return true;
}

static bool add_slab(struct table *table)
{
    uint8_t **slabs = realloc(table->slabs, (table->slab_count + 1) * sizeof *slabs);
    if (!slabs)
        return false;
    table->slabs = slabs;
    uint8_t *places = realloc(table->places, (table->slab_count + 1) * SLAB_ENTRIES);
    if (!places)
        return false;
    table->places = places;
    memset(places + table->slab_count * SLAB_ENTRIES, PLACE_FREE, SLAB_ENTRIES);
    uint8_t *slab = malloc(SLAB_ENTRIES * table->shape.entry_size);
    if (!slab)
        return false;
    table->slabs[table->slab_count++] = slab;
    return true;
}

/* Number of a free place: one that was given back, a fresh one, or that of the coldest entry. */
static size_t make_place(struct table *table)
{
    if (table->free_place) {
        size_t number = table->free_place - 1;
        memcpy(&table->free_place, entry_at(table, number), sizeof table->free_place);
        return number;
    }
    if (table->used < table->shape.limit) {
        if (table->used == table->slab_count * SLAB_ENTRIES && !add_slab(table))
            return SIZE_MAX;
        return table->used++;
    }
    size_t number = table->hand;
    while (table->places[number] == PLACE_WARM) {
        table->places[number] = PLACE_COLD;
        number = (number + 1) % table->used;
    }
    table->hand = (number + 1) % table->used;
    if (table->shape.evicted)
        table->shape.evicted(entry_at(table, number), table->shape.argument);
    free_slot_of(table, number);
    return number;
}

void *table_get(struct table *table, const void *key, bool *made)
{
    uint32_t hash = hash_of(table, key);
    size_t at = slot_of(table, key, hash);
    *made = !table->slots[at].entry;
    if (!*made) {
        table->places[table->slots[at].entry - 1] = PLACE_WARM;
        return entry_at(table, table->slots[at].entry - 1);
    }
    if ((table->count + 1) * 2 > table->slot_count && !grow_slots(table))
        return NULL;
    size_t number = make_place(table);
    if (number == SIZE_MAX)
        return NULL;
    at = slot_of(table, key, hash); /* growing and making room move slots */
    table->slots[at] = (struct slot){.hash = hash, .entry = (uint32_t)(number + 1)};
    table->places[number] = PLACE_COLD; /* the hand needs a whole turn to come back here */
    table->count++;
    void *entry = entry_at(table, number);
    memset(entry, 0, table->shape.entry_size);
    memcpy(entry, key, table->shape.key_size);
    return entry;
}

size_t table_count(const struct table *table)
{
    return table->count;
}

void *table_next(struct table *table, size_t *cursor)
{
    while (*cursor < table->used) {
        size_t number = (*cursor)++;
        if (table->places[number] != PLACE_FREE)
            return entry_at(table, number);
    }
    return NULL;
}
