/* A lab: a topology alive, inside a sandbox. One process builds it all over netlink. */
#ifndef PINHOLE_LAB_LAB_H
#define PINHOLE_LAB_LAB_H

#include "base/error.h"
#include "lab/topology.h"

struct lab;

/* Builds namespaces, links, addresses, routes, firewall rules; returns once every link is up and every
 * address usable. Must run inside sandbox_run's body. topology must outlive the lab. */
struct lab *lab_create(const struct topology *topology, struct error *error);
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

#endif
