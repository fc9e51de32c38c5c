/* A topology: nodes, networks, and the links of nodes to networks. Plain data, checked as a whole
 * before anything is started.
 *
 * Addresses are always 128 bits, IPv4 as IPv4-mapped, so one code serves both families.
 */
#ifndef PINHOLE_LAB_TOPOLOGY_H
#define PINHOLE_LAB_TOPOLOGY_H

#include "base/error.h"
#include "lab/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TOPOLOGY_NAME_SIZE = 16, /* of a node, network or interface: Linux' IFNAMSIZ */
    TOPOLOGY_ADDRESSES = 8,  /* of a link */
    TOPOLOGY_NODES = 1024,   /* and as many networks */
    TOPOLOGY_LINKS = 4096,
};

struct
    prefix { /* IPv4 as IPv4-mapped, with a length of 128 bits: 10.0.0.0/8 is ::ffff:10.0.0.0/104 */
    uint8_t octet[16];
    uint8_t length; /* 0..128 */
};

struct topology_network {
    char name[TOPOLOGY_NAME_SIZE];
    struct prefix prefixes[2]; /* IPv4, IPv6 */
    size_t prefix_count;
    int line; /* in the scenario file, for messages */
};

struct topology_link {
    size_t node;
    size_t network;
    char interface[TOPOLOGY_NAME_SIZE];
    /* Each with its network's length, or link-local with a length of 64. In a network with IPv6 an
     * interface without a link-local address here gets one derived from its Ethernet address. */
    struct prefix addresses[TOPOLOGY_ADDRESSES];
    size_t address_count;
    int line;
};

struct topology_route {
    struct prefix destination; /* length 0 (::/0) or 96 with zero IPv4: default */
    uint8_t via[16];
    char interface[TOPOLOGY_NAME_SIZE]; /* needed for a link-local via; else may be empty */
    int line;
};

struct topology_setting { /* sysctl: net.ipv4.ip_forward and the like */
    char *name;
    char *value;
    int line;
};

struct topology_node {
    char name[TOPOLOGY_NAME_SIZE];
    bool forward; /* routes packets between its interfaces */
    struct topology_route *routes;
    size_t route_count;
    char *nftables; /* ruleset in nft's syntax, loaded before its programs start; or NULL */
    int nftables_line;
    struct topology_setting *settings;
    size_t setting_count;
    int line;
};

struct topology {
    char *file; /* for messages; NULL if the topology comes from no file */
    struct topology_node *nodes;
    size_t node_count;
    struct topology_network *networks;
    size_t network_count;
    struct topology_link *links;
    size_t link_count;
};

/* Finds by name; (size_t)-1 if there is none. */
size_t topology_find_node(const struct topology *topology, const char *name);
size_t topology_find_network(const struct topology *topology, const char *name);
/* The link of a node by its interface's name; (size_t)-1 if there is none. */
size_t topology_find_link(const struct topology *topology, size_t node, const char *interface);

/* Reads the values of a scenario's keys networks, nodes and links, and validates the whole. Fills
 * *topology, which the caller frees; on error -1, "FILE:LINE: what is wrong", and nothing to free. */
int topology_from_yaml(struct topology *topology, const struct yaml_value *networks,
                       const struct yaml_value *nodes, const struct yaml_value *links,
                       struct error *error);

/* Whole-topology checks: an address twice, overlapping networks, an address outside of its network, an
 * interface name twice on a node. 0, or -1 with "FILE:LINE: what is wrong". */
int topology_validate(const struct topology *topology, const char *file, struct error *error);

/* Takes a node out, and its links; those behind it move up. */
void topology_leave_out(struct topology *topology, size_t node);

/* Frees what topology points to. */
void topology_free(struct topology *topology);

#endif
