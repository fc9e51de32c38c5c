#include "engine/pcp_server_heap.h"

enum { CHILDREN = 4 };

static void put(struct pcp_server_heap *heap, uint32_t at, uint32_t thing, uint64_t deadline)
{
    heap->deadline[at] = deadline;
    heap->thing[at] = thing;
    heap->place[thing] = at;
}

/* Finds the place of a thing that may belong nearer to the root, and puts it there. */
static void rise(struct pcp_server_heap *heap, uint32_t at, uint32_t thing, uint64_t deadline)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / CHILDREN;
        if (heap->deadline[parent] <= deadline)
            break;
        put(heap, at, heap->thing[parent], heap->deadline[parent]);
        at = parent;
    }
    put(heap, at, thing, deadline);
}

static uint32_t earliest_child(const struct pcp_server_heap *heap, uint32_t at)
{
    uint32_t first = at * CHILDREN + 1;
    uint32_t best = first;
    for (uint32_t child = first + 1; child < first + CHILDREN && child < heap->count; child++)
        if (heap->deadline[child] < heap->deadline[best])
            best = child;
    return best;
}

static void sink(struct pcp_server_heap *heap, uint32_t at, uint32_t thing, uint64_t deadline)
{
    while (at * CHILDREN + 1 < heap->count) {
        uint32_t child = earliest_child(heap, at);
        if (heap->deadline[child] >= deadline)
            break;
        put(heap, at, heap->thing[child], heap->deadline[child]);
        at = child;
    }
    put(heap, at, thing, deadline);
}

static void settle(struct pcp_server_heap *heap, uint32_t at, uint32_t thing, uint64_t deadline)
{
    if (at > 0 && heap->deadline[(at - 1) / CHILDREN] > deadline)
        rise(heap, at, thing, deadline);
    else
        sink(heap, at, thing, deadline);
}

void pcp_server_heap_add(struct pcp_server_heap *heap, uint32_t thing, uint64_t deadline)
{
    rise(heap, heap->count++, thing, deadline);
}

void pcp_server_heap_remove(struct pcp_server_heap *heap, uint32_t thing)
{
    uint32_t at = heap->place[thing];
    uint32_t last = --heap->count;
    if (at != last)
        settle(heap, at, heap->thing[last], heap->deadline[last]);
}

void pcp_server_heap_move(struct pcp_server_heap *heap, uint32_t thing, uint64_t deadline)
{
    settle(heap, heap->place[thing], thing, deadline);
}
