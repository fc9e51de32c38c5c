/* Memory of the caller for what a reader must decode, used up from front to back. */
#ifndef PINHOLE_WIRE_ROOM_H
#define PINHOLE_WIRE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct room {
    uint8_t *octets;
    size_t size;
    size_t used;
    bool is_exhausted; /* more was asked for than there is */
};

/* What is left of it begins here, and is so long. */
static inline uint8_t *room_at(const struct room *room)
{
    return room->octets ? room->octets + room->used : NULL;
}

static inline size_t room_left(const struct room *room)
{
    return room->size - room->used;
}

#endif
