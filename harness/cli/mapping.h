/* The mapping that a gateway granted, as the packets that reached a node tell it. */
#ifndef PINHOLE_CLI_MAPPING_H
#define PINHOLE_CLI_MAPPING_H

#include "wire/address.h"

#include <stdbool.h>
#include <stdint.h>

struct mapping {
    struct address external_address; /* NAT-PMP tells it in a message of its own: may be "any" */
    uint16_t external_port;
    uint16_t internal_port;
    uint32_t lifetime; /* seconds */
};

/* Looks through a capture, which may still grow, for the SUCCESS to a MAP or NAT-PMP request for UDP
 * that came in last at any interface of the node. False if there is none with a lifetime and an
 * address. */
bool mapping_find(const char *capture, const char *node, struct mapping *out);

#endif
