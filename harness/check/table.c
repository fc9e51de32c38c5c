#include "check/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

enum {
    FIRST_SLOTS = 1024,
    SLOTS_GROWTH = 4,
    LINE = 64,              /* octets that a processor fetches at once */
    HUGE_PAGE = 2 << 20,    /* likewise for what the kernel hands out at once, if it is asked to */
    SMALL_FRONT = 64 << 10, /* of the entries: on pages of ordinary size */
};

/* Open addressing with linear probing; at most half of the slots are taken. */
struct slot {
    uint32_t hash;
    uint32_t entry; /* number + 1; 0 is free */
};

enum place { PLACE_FREE = 0, PLACE_COLD, PLACE_WARM }; /* warm: looked at since the hand came by */

/* Address space, of which the kernel hands out what is touched. */
struct region {
    uint8_t *start;
    size_t length;
};

struct table {
    struct table_shape shape;
    uint64_t seed;
    struct slot *slots;
    size_t slot_count; /* a power of two */
    struct region slot_region;
    uint8_t *entries; /* room for shape.limit of them: growing moves nothing */
    uint8_t *places;  /* enum place of each entry, likewise */
    struct region entry_region;
    struct region place_region;
    size_t used;         /* places handed out so far, free ones among them */
    size_t count;        /* entries alive */
    size_t hand;         /* where the next search for room begins */
    uint32_t free_place; /* number + 1 of a place given back, which holds the next one; 0 ends */
};

/* --- memory -------------------------------------------------------------------------------- */

static bool reserve(struct region *region, size_t length)
{
    void *start = mmap(NULL, length, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return false;
    *region = (struct region){.start = start, .length = length};
    return true;
}

static void release(struct region *region)
{
    if (region->start)
        (void)munmap(region->start, region->length);
    *region = (struct region){0};
}

/* A page fault costs as much as judging a hundred messages: all behind the front comes in huge pages
 * where the kernel has them. A table of few entries keeps to its front, and costs no huge page. */
static bool reserve_entries(struct table *table)
{
    size_t length = table->shape.limit * table->shape.entry_size;
    if (!reserve(&table->entry_region, length + HUGE_PAGE + SMALL_FRONT) ||
        !reserve(&table->place_region, table->shape.limit))
        return false;
    uintptr_t start = (uintptr_t)table->entry_region.start;
    size_t edge = (start + SMALL_FRONT + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE - start;
    table->entries = table->entry_region.start + edge - SMALL_FRONT;
    table->places = table->place_region.start;
    if (length > SMALL_FRONT)
        (void)madvise(table->entry_region.start + edge, length - SMALL_FRONT, MADV_HUGEPAGE);
    return true;
}

static bool reserve_slots(struct region *region, size_t slot_count)
{
    size_t length = slot_count * sizeof(struct slot);
    if (!reserve(region, length))
        return false;
    if (length >= HUGE_PAGE)
        (void)madvise(region->start, length, MADV_HUGEPAGE);
    return true;
}

/* --- hashes -------------------------------------------------------------------------------- */

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t load32(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Sixteen octets a multiplication, as wyhash does it; the last loads overlap those before them. Each
 * factor has something in it that strangers don't know: none of them can make it zero. */
uint64_t table_hash(uint64_t seed, const void *octets, size_t length)
{
    static const uint64_t first = 0xa0761d6478bd642fU;
    static const uint64_t second = 0xe7037ed1a0b428dbU;
    const uint8_t *at = octets;
    const uint8_t *end = at + length;
    uint64_t hash = fold(seed ^ first, length ^ second);
    for (; end - at > 16; at += 16)
        hash = fold(load64(at) ^ seed ^ first, load64(at + 8) ^ hash);
    uint64_t a = 0;
    uint64_t b = 0;
    if (length >= 16) {
        a = load64(end - 16);
        b = load64(end - 8);
    } else if (length >= 8) {
        a = load64(at);
        b = load64(end - 8);
    } else if (length >= 4) {
        a = load32(at);
        b = load32(end - 4);
    } else if (length > 0) {
        a = (uint64_t)at[0] << 16 | (uint64_t)at[length / 2] << 8 | end[-1];
    }
    return fold(a ^ seed ^ second, b ^ hash);
}

struct table *table_create(const struct table_shape *shape)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->shape = *shape;
    /* Entries stand side by side: keep every one aligned. */
    size_t alignment = _Alignof(max_align_t);
    table->shape.entry_size = (shape->entry_size + alignment - 1) / alignment * alignment;
    if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) != sizeof table->seed)
        table->seed = (uint64_t)(uintptr_t)table;
    if (!reserve_slots(&table->slot_region, FIRST_SLOTS) || !reserve_entries(table)) {
        table_destroy(table);
        return NULL;
    }
    table->slot_count = FIRST_SLOTS;
    table->slots = (struct slot *)(void *)table->slot_region.start;
    return table;
}

void table_destroy(struct table *table)
{
    if (!table)
        return;
    release(&table->entry_region);
    release(&table->place_region);
    release(&table->slot_region);
    free(table);
}

static void *entry_at(const struct table *table, size_t number)
{
    return table->entries + number * table->shape.entry_size;
}

uint32_t table_key_hash(const struct table *table, const void *key)
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

void table_fetch_slot(const struct table *table, uint32_t hash)
{
    __builtin_prefetch(&table->slots[hash & (table->slot_count - 1)]);
}

void table_fetch_entry(const struct table *table, uint32_t hash)
{
    size_t mask = table->slot_count - 1;
    size_t at = hash & mask;
    while (table->slots[at].entry && table->slots[at].hash != hash)
        at = (at + 1) & mask;
    if (!table->slots[at].entry)
        return;
    const uint8_t *entry = entry_at(table, table->slots[at].entry - 1);
    for (size_t i = 0; i < table->shape.entry_size; i += LINE)
        __builtin_prefetch(entry + i, 1);
}

void *table_find(struct table *table, const void *key)
{
    return table->count > 0 ? table_find_hashed(table, key, table_key_hash(table, key)) : NULL;
}

void *table_find_hashed(struct table *table, const void *key, uint32_t hash)
{
    const struct slot *slot = &table->slots[slot_of(table, key, hash)];
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
    free_slot(table, slot_of(table, key, table_key_hash(table, key)));
    table->places[number] = PLACE_FREE;
    table->count--;
}

void table_remove(struct table *table, void *entry)
{
    size_t number = table->slots[slot_of(table, entry, table_key_hash(table, entry))].entry - 1;
    free_slot_of(table, number);
    memcpy(entry, &table->free_place, sizeof table->free_place);
    table->free_place = (uint32_t)(number + 1);
}

static bool grow_slots(struct table *table)
{
    size_t slot_count = table->slot_count * SLOTS_GROWTH;
    struct region region;
    if (!reserve_slots(&region, slot_count))
        return false;
    struct slot *slots = (struct slot *)(void *)region.start;
    for (size_t i = 0; i < table->slot_count; i++) {
        if (!table->slots[i].entry)
            continue;
        size_t at = table->slots[i].hash & (slot_count - 1);
        while (slots[at].entry)
            at = (at + 1) & (slot_count - 1);
        slots[at] = table->slots[i];
    }
    release(&table->slot_region);
    table->slot_region = region;
    table->slots = slots;
    table->slot_count = slot_count;
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
    if (table->used < table->shape.limit)
        return table->used++;
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
    return table_get_hashed(table, key, table_key_hash(table, key), made);
}

void *table_get_hashed(struct table *table, const void *key, uint32_t hash, bool *made)
{
    size_t at = slot_of(table, key, hash);
    *made = !table->slots[at].entry;
    if (!*made) {
        table->places[table->slots[at].entry - 1] = PLACE_WARM;
        return entry_at(table, table->slots[at].entry - 1);
    }
    if ((table->count + 1) * 2 > table->slot_count && !grow_slots(table))
        return NULL;
    size_t number = make_place(table);
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
