/* Deadlines of numbered things in a heap of four children a node, in arrays of the caller.
 *
 * Each thing knows its place (the place array, indexed by thing), so that a renewal moves it in
 * O(log n). Four children make the tree shallow, and a renewal, which moves a deadline later and
 * so mostly stays near the leaves, touches few cache lines.
 */
#ifndef PINHOLE_ENGINE_PCP_SERVER_HEAP_H
#define PINHOLE_ENGINE_PCP_SERVER_HEAP_H

#include <stdint.h>

struct pcp_server_heap {
    uint64_t *deadline; /* in heap order; milliseconds */
    uint32_t *thing;    /* in heap order */
    uint32_t *place;    /* by thing: its position in the two arrays above */
    uint32_t count;
};

void pcp_server_heap_add(struct pcp_server_heap *heap, uint32_t thing, uint64_t deadline);
void pcp_server_heap_remove(struct pcp_server_heap *heap, uint32_t thing);
void pcp_server_heap_move(struct pcp_server_heap *heap, uint32_t thing, uint64_t deadline);

static inline uint64_t pcp_server_heap_deadline(const struct pcp_server_heap *heap, uint32_t thing)
{
    return heap->deadline[heap->place[thing]];
}

/* UINT64_MAX when the heap is empty. */
static inline uint64_t pcp_server_heap_first(const struct pcp_server_heap *heap)
{
    return heap->count ? heap->deadline[0] : UINT64_MAX;
}

#endif
