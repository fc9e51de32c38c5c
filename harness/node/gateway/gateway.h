/* The gateway at work: requests in, mappings into the device, answers out. */
#ifndef PINHOLE_NODE_GATEWAY_GATEWAY_H
#define PINHOLE_NODE_GATEWAY_GATEWAY_H

#include "base/error.h"
#include "node/gateway/config.h"

/* Serves until SIGTERM or SIGINT. 0, or -1 with error if it can't begin. config must outlive it, and
 * may get its external address filled in. */
int gateway_run(struct config *config, struct error *error);

#endif
