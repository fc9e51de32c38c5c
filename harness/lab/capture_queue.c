#include "lab/capture_queue.h"

#include <stdlib.h>
#include <string.h>

uint8_t *capture_octets_room(struct capture_octets *octets, size_t more)
{
    if (octets->at == NULL || octets->capacity - octets->length < more) {
        size_t capacity = octets->capacity > 0 ? octets->capacity : 64 << 10;
        while (capacity - octets->length < more)
            capacity *= 2;
        uint8_t *at = realloc(octets->at, capacity);
        if (at == NULL)
            return NULL;
        octets->at = at;
        octets->capacity = capacity;
    }
    return octets->at + octets->length;
}

static void append(struct capture_octets *octets, const uint8_t *block, size_t length)
{
    memcpy(octets->at + octets->length, block, length);
    octets->length += length;
}

uint8_t *capture_queue_room(struct capture_queue *queue, size_t length)
{
    if (queue->count == queue->capacity) {
        size_t capacity = queue->capacity > 0 ? 2 * queue->capacity : 256;
        struct capture_entry *entries = realloc(queue->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return NULL;
        queue->entries = entries;
        queue->capacity = capacity;
    }
    return capture_octets_room(&queue->blocks, length);
}

void capture_queue_add(struct capture_queue *queue, int64_t time, size_t length)
{
    queue->entries[queue->count++] =
        (struct capture_entry){.time = time, .offset = queue->blocks.length, .length = length};
    queue->blocks.length += length;
}

static int compare(const void *left, const void *right)
{
    const struct capture_entry *a = left;
    const struct capture_entry *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->offset < b->offset ? -1 : 1;
}

int64_t capture_queue_take(struct capture_queue *queue, int64_t horizon, struct capture_octets *out)
{
    if (queue->count == 0)
        return 0;
    struct capture_octets *rest = &queue->spare;
    rest->length = 0;
    if (capture_octets_room(out, queue->blocks.length) == NULL ||
        capture_octets_room(rest, queue->blocks.length) == NULL)
        return -1;

    qsort(queue->entries, queue->count, sizeof *queue->entries, compare);
    size_t taken = 0;
    while (taken < queue->count && queue->entries[taken].time < horizon) {
        const struct capture_entry *entry = &queue->entries[taken++];
        append(out, queue->blocks.at + entry->offset, entry->length);
    }

    /* What stays moves into the other buffer, in its order, so that arrival is still offset. */
    size_t kept = 0;
    for (size_t i = taken; i < queue->count; i++) {
        struct capture_entry entry = queue->entries[i];
        append(rest, queue->blocks.at + entry.offset, entry.length);
        entry.offset = rest->length - entry.length;
        queue->entries[kept++] = entry;
    }
    queue->count = kept;
    struct capture_octets filled = *rest;
    queue->spare = queue->blocks;
    queue->blocks = filled;
    return (int64_t)taken;
}

void capture_queue_free(struct capture_queue *queue)
{
    free(queue->entries);
    free(queue->blocks.at);
    free(queue->spare.at);
    *queue = (struct capture_queue){0};
}
