/* Changes of links, addresses and routes, batched: one system call carries many messages.
 *
 * A request answers only if it fails, but for the last of a batch, which always does. rtnetlink works
 * through a batch before the send returns: so one send and one receive do for a whole node.
 *
 * Sockets belong to the namespace in which they were opened, whatever their thread does later.
 */
#ifndef PINHOLE_LAB_NETLINK_H
#define PINHOLE_LAB_NETLINK_H

#include "base/error.h"
#include "lab/topology.h"

#include <stdbool.h>
#include <stdint.h>

struct netlink_batch;

/* Of what a request is made, for the message if it fails: "FILE:LINE: ACTION OBJECT: reason". The
 * strings must live until the batch is committed; file may be NULL. */
struct netlink_note {
    const char *file;
    int line;
    const char *action;
    const char *object;
};

/* One end of a veth pair. */
struct netlink_end {
    const char *name;
    uint32_t index; /* interface index it is to get: free in its namespace, at least 2 */
    uint8_t address[6];
    uint32_t bridge; /* index of the bridge of which it is a port, or 0 */
    bool up;
};

/* A socket in the calling thread's network namespace; -1 and an error if there is none. */
int netlink_open(struct error *error);

struct netlink_batch *netlink_batch_create(struct error *error);
void netlink_batch_free(struct netlink_batch *batch);

/* Each appends one request. The near end of a pair goes to the namespace of the socket that the batch is
 * committed to, the far end to far_namespace, a descriptor, or to the same one if that is -1. Of the far
 * end, bridge and up must be 0: the kernel can do that only later. */
void netlink_add_bridge(struct netlink_batch *batch, const struct netlink_note *note,
                        const char *name, uint32_t index);
void netlink_add_veth(struct netlink_batch *batch, const struct netlink_note *note,
                      const struct netlink_end *near, const struct netlink_end *far,
                      int far_namespace);
/* The kernel gives the interface no IPv6 address of its own. Before it is raised; fails without IPv6. */
void netlink_address_not(struct netlink_batch *batch, const struct netlink_note *note,
                         uint32_t index);
/* bridge is of which bridge the interface is to be a port, or 0. */
void netlink_raise(struct netlink_batch *batch, const struct netlink_note *note, uint32_t index,
                   uint32_t bridge);
/* An IPv6 address is usable at once: without duplicate address detection (RFC 4862 section 5.4). */
void netlink_add_address(struct netlink_batch *batch, const struct netlink_note *note,
                         uint32_t index, const struct prefix *address);
/* index may be 0 where via alone tells the interface. */
void netlink_add_route(struct netlink_batch *batch, const struct netlink_note *note, uint32_t index,
                       const struct prefix *destination, const uint8_t via[16]);

/* Sends all and empties the batch. 0, or -1 with the first failure. */
int netlink_commit(struct netlink_batch *batch, int socket, struct error *error);
/* Does so only if more than half of the room is taken: to be called between groups of a few requests. */
int netlink_relieve(struct netlink_batch *batch, int socket, struct error *error);

/* 1 if every interface that is up can carry packets (its other end is up, its queue is in place, and a
 * bridge's port forwards), 0 if not yet, -1 on error. */
int netlink_links_ready(struct netlink_batch *batch, int socket, struct error *error);

/* Makes the interface write whole checksums into its packets, so that a capture shows them; that also
 * ends segmentation offload, so it shows the packets as they would be on a wire. */
int netlink_whole_checksums(int socket, const char *interface, struct error *error);

#endif
