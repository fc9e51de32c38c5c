/* The kernel's flows: which there are, and ending those that came in through a mapping. */
#ifndef PINHOLE_NODE_GATEWAY_CONNTRACK_H
#define PINHOLE_NODE_GATEWAY_CONNTRACK_H

#include "base/error.h"
#include "wire/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conntrack;

struct conntrack *conntrack_open(struct error *error);
void conntrack_close(struct conntrack *conntrack);

/* One direction of a flow. */
struct conntrack_tuple {
    uint8_t protocol;
    struct address source, destination;
    uint16_t source_port, destination_port;
};

/* Whether a flow lives that such packets from inside belong to, whichever side began it, and what
 * external endpoint they leave from. */
bool conntrack_find(struct conntrack *conntrack, const struct conntrack_tuple *outward,
                    struct address *external, uint16_t *external_port);

/* What inbound flows of an ended mapping look like: to this external endpoint, and from this remote
 * peer where one is given (PEER). */
struct conntrack_inbound {
    uint8_t protocol; /* 0: all */
    struct address external;
    uint16_t external_port; /* 0: all */
    bool from_remote;
    struct address remote;
    uint16_t remote_port;
};

/* Ends all flows that fit one of them: one walk over the table for them all. */
void conntrack_end(struct conntrack *conntrack, const struct conntrack_inbound *ended,
                   size_t count);

/* Ends all flows that go through an external address, whichever side began them. */
void conntrack_end_address(struct conntrack *conntrack, const struct address *external);

#endif
