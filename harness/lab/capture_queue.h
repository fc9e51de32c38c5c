/* Packets on their way to the file, put in order of time.
 *
 * Blocks are built in place, come out sorted by their packets' time, and in order of arrival where
 * times are equal.
 */
#ifndef PINHOLE_LAB_CAPTURE_QUEUE_H
#define PINHOLE_LAB_CAPTURE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct capture_octets { /* grows */
    uint8_t *at;
    size_t length;
    size_t capacity;
};

/* Room for more octets behind those that are there; NULL for want of memory. */
uint8_t *capture_octets_room(struct capture_octets *octets, size_t more);

struct capture_queue {
    struct capture_entry {
        int64_t time;
        size_t offset; /* in blocks; grows by arrival */
        size_t length;
    } * entries;
    size_t count;
    size_t capacity;
    struct capture_octets blocks;
    struct capture_octets spare;
};

/* Room for one more block of at most length octets, good until the next call on the queue; NULL
 * for want of memory. */
uint8_t *capture_queue_room(struct capture_queue *queue, size_t length);
/* The room last given now holds a block of that length for a packet of that time. */
void capture_queue_add(struct capture_queue *queue, int64_t time, size_t length);
/* Appends the blocks of all packets before the horizon to out, in order, and forgets them. Returns
 * their number, or -1 for want of memory: then nothing has changed. */
int64_t capture_queue_take(struct capture_queue *queue, int64_t horizon,
                           struct capture_octets *out);
void capture_queue_free(struct capture_queue *queue);

#endif
