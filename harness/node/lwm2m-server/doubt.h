/* Devices that are not seen from their mapping: before that counts they are looked at again, after a while. */
#ifndef PINHOLE_LWM2M_SERVER_DOUBT_H
#define PINHOLE_LWM2M_SERVER_DOUBT_H

#include "node/lwm2m-server/manager.h"

/* Nothing, if it is in doubt already. */
void doubt_begin(struct contact *contact);
void doubt_end(struct contact *contact);

/* The next whose while is over, no longer in doubt; NULL if there is none. */
struct contact *doubt_take(struct manager *manager);

/* ms of the clock until there is one; UINT64_MAX without any. */
uint64_t doubt_wait(const struct manager *manager);

#endif
