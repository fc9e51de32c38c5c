/* What is set up from inside a node's namespace: settings and firewall rules. */
#ifndef PINHOLE_LAB_LAB_NODE_H
#define PINHOLE_LAB_LAB_NODE_H

#include "base/error.h"
#include "lab/topology.h"

#include <stdbool.h>

/* What a fresh namespace takes from the host's. */
struct lab_inheritance {
    bool reverse_path_filter; /* would drop what a scenario sends from unusual addresses */
    bool ipv4_forwarding;
    bool ipv6_forwarding;
    bool ipv6; /* the kernel has it at all */
};

/* Reads it in a namespace that is still as it was made: once, since it is the same for all. */
struct lab_inheritance lab_node_inherited(void);
/* In a node's fresh namespace, before it has interfaces: undoes what is inherited, and what would make the
 * node speak unasked. */
int lab_node_set_defaults(const struct lab_inheritance *inherited, bool forward,
                          struct error *error);
/* The same for the namespace of the bridges, which must say nothing at all. */
int lab_node_silence(struct error *error);
/* With its interfaces: the settings and the ruleset that the scenario gives to the node. file is named
 * in errors. */
int lab_node_configure(const struct topology_node *node, const char *file, struct error *error);

#endif
