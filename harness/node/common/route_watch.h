/* Tells that the host's routes or addresses changed, by rtnetlink. */
#ifndef PINHOLE_NODE_ROUTE_WATCH_H
#define PINHOLE_NODE_ROUTE_WATCH_H

#include "base/error.h"

#include <stdbool.h>

/* Returns a handle that becomes readable at each change of either family, or -1 with error. Close it
 * with close(). */
int route_watch_open(struct error *error);

/* Reads all that has come. True if anything changed since; what it is, the caller asks the tables. */
bool route_watch_read(int handle);

#endif
