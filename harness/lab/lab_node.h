/* What is set up from inside a node's namespace: settings and firewall rules. */
#ifndef PINHOLE_LAB_LAB_NODE_H
#define PINHOLE_LAB_LAB_NODE_H

#include "base/error.h"
#include "lab/topology.h"

/* In a fresh namespace, before it has interfaces: what of its settings would be the host's, and what
 * would make a node speak unasked. */
int lab_node_set_defaults(bool forward, struct error *error);
/* The same for the namespace of the bridges, which must say nothing at all. */
int lab_node_silence(struct error *error);
/* With its interfaces: the settings and the ruleset that the scenario gives to the node. file is named
 * in errors. */
int lab_node_configure(const struct topology_node *node, const char *file, struct error *error);

#endif
