/* The messages of a lab as they happen, told from its growing capture: a line for each time that a
 * message leaves a node. Reading packets, it needs no word of any program.
 */
#ifndef PINHOLE_CLI_LADDER_H
#define PINHOLE_CLI_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ladder {
    const char *capture;
    bool colours;
    off_t size;      /* of the file when it was read last */
    uint64_t frames; /* read so far */
    int64_t first;   /* time of the first, nanoseconds since 1970 */
};

/* Prints what is new since the last call; capture may end in the middle of a packet. */
void ladder_follow(struct ladder *ladder);

#endif
