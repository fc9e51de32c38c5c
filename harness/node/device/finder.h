/* Finds another endpoint in the resource directory (RFC 9176 section 6.3: GET /rd-lookup/ep?ep=NAME), looking as
 * often as it takes until that is registered, and then asks it for its status: straight, where the directory
 * says that it is reached, and from the device's own port. So what it asks leaves through the device's mapping
 * and comes in through the other's. */
#ifndef PINHOLE_NODE_FINDER_H
#define PINHOLE_NODE_FINDER_H

#include "node/common/coap_asker.h"

#include <stdint.h>

enum finder_state {
    FINDER_IDLE,
    FINDER_WAITING, /* for its time, or for our own registration */
    FINDER_LOOKING, /* the directory is asked */
    FINDER_ASKING   /* the other endpoint is */
};

struct finder {
    enum finder_state state;
    uint64_t next;        /* WAITING: ms of clock_milliseconds() */
    coap_session_t *peer; /* ASKING: to the other endpoint */
};

struct coap_device;

/* To be done when the time comes, unless it is under way. */
void finder_begin(struct coap_device *device);

/* Does what is due once the device is registered; returns the ms until it must be called again. */
uint32_t finder_process(struct coap_device *device, uint64_t now);

/* Lets go of the other endpoint; before the asker is closed. */
void finder_stop(struct coap_device *device);

#endif
