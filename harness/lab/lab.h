/* A lab: a topology alive, inside a sandbox. One process builds it all over netlink.
 *
 * Every node is a network namespace. A network with two links is a veth pair; any other is a bridge
 * (a tree of bridges if it is large) in a namespace of its own, of which the nodes see only their ends:
 *
 *     +- device ----+   +- gateway ---+   +- (switch, nameless) -+   +- server ----+
 *     |        eth0 |===| eth0   eth1 |===| port   bridge   port |===| eth0        |
 *     +-------------+   +-------------+   +----------------------+   +-------------+
 *
 * Interface indexes and Ethernet addresses follow from the topology alone, so two labs of one topology
 * send the same octets. What of a node's settings the kernel would take from the host is set anew.
 */
#ifndef PINHOLE_LAB_LAB_H
#define PINHOLE_LAB_LAB_H

#include "base/error.h"
#include "lab/topology.h"

struct lab;

/* Builds namespaces, links, addresses, routes, firewall rules; returns once every link is up and every
 * address usable. Must run inside sandbox_run's body. topology must be valid and outlive the lab. */
struct lab *lab_create(const struct topology *topology, struct error *error);
/* Ends it and moves the calling thread back to where it was created. Nobody may be inside a node: the
 * kernel keeps a namespace as long as a process or a descriptor is in it. */
void lab_destroy(struct lab *lab);

const struct topology *lab_topology(const struct lab *lab);
/* Descriptor of a node's network namespace, owned by the lab. */
int lab_namespace(const struct lab *lab, size_t node);
/* Moves the calling thread into a node; -1 and an error if that fails. */
int lab_enter(const struct lab *lab, size_t node, struct error *error);
/* Moves the calling thread back to where the lab was created. */
int lab_leave(const struct lab *lab, struct error *error);
/* Ethernet address of a link's node end. */
void lab_link_address(const struct lab *lab, size_t link, uint8_t out[6]);

/* Writes a node's firewall rules to FOLDER/NODE.nft, as `nft list ruleset` shows them, and its tracked
 * connections to FOLDER/NODE.conntrack, a line each as conntrack(8) shows them. */
int lab_save_state(const struct lab *lab, size_t node, const char *folder, struct error *error);

#endif
