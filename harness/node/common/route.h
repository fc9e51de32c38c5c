/* What the kernel's tables say, by rtnetlink: where the default router is, which address is ours. */
#ifndef PINHOLE_NODE_ROUTE_H
#define PINHOLE_NODE_ROUTE_H

#include "base/error.h"
#include "node/common/place.h"

/* The default router of family, AF_INET or AF_INET6: that of the route with the lowest metric. It is
 * the PCP server where none is configured (RFC 6887 section 8.1). Returns 0, or -1 with error. */
int route_default_router(int family, struct place *router, struct error *error);

/* The address that our datagrams to `to` should carry. IPv4: what the kernel chooses. IPv6: a global
 * one, also if `to` is link-local, when the kernel would take a link-local one; an address of `to`'s
 * interface before others; never a unique local one (8.4). Sends nothing. Returns 0, or -1 with
 * error. */
int route_source_address(const struct place *to, struct address *source, struct error *error);

#endif
