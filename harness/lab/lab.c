#include "lab/lab.h"

#include "lab/lab_node.h"
#include "lab/netlink.h"
#include "lab/prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    /* A bridge looks at all of its ports whenever one changes, so that many ports cost the square of
     * their number: larger networks become a tree of two levels. */
    BRIDGE_PORTS = 25,
    FIRST_INDEX = 2,     /* of an interface: 1 is lo */
    READY_TICK = 500000, /* ns between looks at links that aren't ready */
    READY_LIMIT = 20000, /* ticks */
};

static const char names_folder[] = "/run/netns";

struct place {
    int namespace; /* descriptor, -1 if it isn't there */
    int socket;    /* netlink; -1 once the lab is up */
};

struct lab {
    const struct topology *topology;
    int origin;          /* namespace in which it was created */
    struct place *nodes; /* as in the topology */
    struct place switches;
    uint32_t switch_index; /* next free one among the switches */
    struct netlink_batch *batch;
    struct lab_inheritance inherited;
};

/* --- namespaces ------------------------------------------------------------------------------- */

static int make_namespace(struct place *place, const char *name, struct error *error)
{
    if (unshare(CLONE_NEWNET) != 0)
        return error_set_errno(error, errno, "making the network namespace of '%s'%s", name,
                               errno == ENOSPC ? " (user.max_net_namespaces is reached)" : "");
    place->namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (place->namespace < 0)
        return error_set_errno(error, errno, "opening the network namespace of '%s'", name);
    place->socket = netlink_open(error);
    return place->socket < 0 ? -1 : 0;
}

/* As `ip netns` does it, so that `ip netns exec NODE` works. */
static int name_namespace(const char *name, struct error *error)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", names_folder, name);
    int fd = open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0444);
    if (fd >= 0)
        (void)close(fd);
    if (fd < 0 || mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) != 0)
        return error_set_errno(error, errno, "naming the network namespace %s", path);
    return 0;
}

static int make_nodes(struct lab *lab, struct error *error)
{
    const struct topology *topology = lab->topology;
    if (mkdir(names_folder, 0755) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "making %s", names_folder);
    lab->inherited = lab_node_inherited();
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topology_node *node = &topology->nodes[i];
        if (make_namespace(&lab->nodes[i], node->name, error) != 0 ||
            name_namespace(node->name, error) != 0 ||
            lab_node_set_defaults(&lab->inherited, node->forward, error) != 0)
            return -1;
    }
    return 0;
}

/* --- links ------------------------------------------------------------------------------------ */

static struct netlink_note note_at(const struct lab *lab, int line, const char *action,
                                   const char *object)
{
    return (struct netlink_note){lab->topology->file, line, action, object};
}

/* Of a link's node end. The two ends of a pair must not have the same index, though they are in different
 * namespaces: the kernel would take the end for a device without a peer, whose link changes its watch may
 * leave for a second. So no index is given twice in a lab. */
static uint32_t link_index(size_t link)
{
    return FIRST_INDEX + (uint32_t)link;
}

/* Locally administered; the second octet tells node ends (0) from the switches' ports (1). */
static void ethernet_address(uint8_t kind, size_t number, uint8_t out[6])
{
    const uint8_t octets[6] = {0x02, kind, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
    memcpy(out, octets, sizeof octets);
}

static struct netlink_end node_end(const struct lab *lab, size_t link)
{
    struct netlink_end end = {.name = lab->topology->links[link].interface,
                              .index = link_index(link)};
    lab_link_address(lab, link, end.address);
    return end;
}

/* An interface among the switches. Its name is made in text. */
static struct netlink_end switch_port(struct lab *lab, char text[16])
{
    uint32_t index = lab->switch_index++;
    (void)snprintf(text, 16, "port%u", index);
    struct netlink_end end = {.name = text, .index = index};
    ethernet_address(1, index, end.address);
    return end;
}

/* The only two links of a network: one pair, in the first node's namespace and the second's. */
static int join_two(struct lab *lab, const size_t links[2], struct error *error)
{
    const struct topology_link *first = &lab->topology->links[links[0]];
    const struct topology_link *second = &lab->topology->links[links[1]];
    struct netlink_note note = note_at(lab, first->line, "making interface", first->interface);
    struct netlink_end near = node_end(lab, links[0]);
    struct netlink_end far = node_end(lab, links[1]);
    netlink_add_veth(lab->batch, &note, &near, &far, lab->nodes[second->node].namespace);
    return netlink_commit(lab->batch, lab->nodes[first->node].socket, error);
}

static uint32_t add_bridge(struct lab *lab, const struct topology_network *network)
{
    char name[16];
    uint32_t index = lab->switch_index++;
    (void)snprintf(name, sizeof name, "bridge%u", index);
    struct netlink_note note = note_at(lab, network->line, "making network", network->name);
    netlink_add_bridge(lab->batch, &note, name, index);
    return index;
}

/* A bridge that hangs on the root of its tree. */
static uint32_t add_leaf(struct lab *lab, const struct topology_network *network, uint32_t root)
{
    char names[2][16];
    uint32_t leaf = add_bridge(lab, network);
    struct netlink_note note = note_at(lab, network->line, "making network", network->name);
    struct netlink_end up = switch_port(lab, names[0]);
    struct netlink_end down = switch_port(lab, names[1]);
    up.bridge = root;
    up.up = true;
    netlink_add_veth(lab->batch, &note, &up, &down, -1);
    netlink_raise(lab->batch, &note, down.index, leaf);
    return leaf;
}

static int join_by_bridges(struct lab *lab, const struct topology_network *network,
                           const size_t *links, size_t count, struct error *error)
{
    uint32_t root = add_bridge(lab, network);
    uint32_t bridge = root;
    for (size_t i = 0; i < count; i++) {
        if (count > BRIDGE_PORTS && i % BRIDGE_PORTS == 0)
            bridge = add_leaf(lab, network, root);
        const struct topology_link *link = &lab->topology->links[links[i]];
        char name[16];
        struct netlink_note note = note_at(lab, link->line, "making interface", link->interface);
        struct netlink_end near = switch_port(lab, name);
        struct netlink_end far = node_end(lab, links[i]);
        near.bridge = bridge;
        near.up = true;
        netlink_add_veth(lab->batch, &note, &near, &far, lab->nodes[link->node].namespace);
        if (netlink_relieve(lab->batch, lab->switches.socket, error) != 0)
            return -1;
    }
    return netlink_commit(lab->batch, lab->switches.socket, error);
}

static int make_network(struct lab *lab, size_t network, size_t *links, struct error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < lab->topology->link_count; i++)
        if (lab->topology->links[i].network == network)
            links[count++] = i;
    if (count == 0)
        return 0;
    if (count == 2)
        return join_two(lab, links, error);
    if (lab->switches.namespace < 0 &&
        (make_namespace(&lab->switches, "switches", error) != 0 || lab_node_silence(error) != 0))
        return -1;
    return join_by_bridges(lab, &lab->topology->networks[network], links, count, error);
}

static int make_networks(struct lab *lab, struct error *error)
{
    const struct topology *topology = lab->topology;
    size_t *links = calloc(topology->link_count + 1, sizeof *links);
    int result = 0;
    if (!links)
        return error_set(error, "out of memory");
    for (size_t i = 0; result == 0 && i < topology->network_count; i++)
        result = make_network(lab, i, links, error);
    free(links);
    return result;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static int configure_nodes(struct lab *lab, struct error *error)
{
    const struct topology *topology = lab->topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topology_node *node = &topology->nodes[i];
        if (!node->nftables && node->setting_count == 0)
            continue;
        if (lab_enter(lab, i, error) != 0 ||
            lab_node_configure(node, topology->file ? topology->file : "topology", error) != 0)
            return -1;
    }
    return 0;
}

/* fe80:: and the interface identifier that RFC 4291, appendix A derives from the Ethernet address. */
static struct prefix link_local(const uint8_t ethernet[6])
{
    return (struct prefix){.octet = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, ethernet[0] ^ 2, ethernet[1],
                                     ethernet[2], 0xff, 0xfe, ethernet[3], ethernet[4],
                                     ethernet[5]},
                           .length = 64};
}

static bool speaks_ipv6(const struct lab *lab, const struct topology_link *link)
{
    const struct topology_network *network = &lab->topology->networks[link->network];
    for (size_t i = 0; i < network->prefix_count; i++)
        if (!prefix_is_ipv4(&network->prefixes[i]))
            return true;
    return false;
}

static void add_addresses(struct lab *lab, size_t number)
{
    const struct topology_link *link = &lab->topology->links[number];
    struct netlink_note note =
        note_at(lab, link->line, "giving an address to interface", link->interface);
    bool has_link_local = false;
    for (size_t i = 0; i < link->address_count; i++) {
        netlink_add_address(lab->batch, &note, link_index(number), &link->addresses[i]);
        has_link_local = has_link_local || address_is_link_local(link->addresses[i].octet);
    }
    if (has_link_local || !speaks_ipv6(lab, link))
        return;
    uint8_t ethernet[6];
    lab_link_address(lab, number, ethernet);
    struct prefix address = link_local(ethernet);
    netlink_add_address(lab->batch, &note, link_index(number), &address);
}

static int raise_links(struct lab *lab, size_t node, struct error *error)
{
    int socket = lab->nodes[node].socket;
    struct netlink_note note =
        note_at(lab, lab->topology->nodes[node].line, "raising interface", "lo");
    netlink_raise(lab->batch, &note, 1, 0);
    for (size_t i = 0; i < lab->topology->link_count; i++) {
        const struct topology_link *link = &lab->topology->links[i];
        if (link->node != node)
            continue;
        if (netlink_whole_checksums(socket, link->interface, error) != 0)
            return -1;
        note = note_at(lab, link->line, "raising interface", link->interface);
        /* Link-local addresses are given by the topology, and at once. */
        if (lab->inherited.ipv6)
            netlink_address_not(lab->batch, &note, link_index(i));
        netlink_raise(lab->batch, &note, link_index(i), 0);
        add_addresses(lab, i);
        if (netlink_relieve(lab->batch, socket, error) != 0)
            return -1;
    }
    return 0;
}

static int add_routes(struct lab *lab, size_t node, struct error *error)
{
    const struct topology *topology = lab->topology;
    for (size_t i = 0; i < topology->nodes[node].route_count; i++) {
        const struct topology_route *route = &topology->nodes[node].routes[i];
        uint32_t index = 0;
        if (route->interface[0])
            index = link_index(topology_find_link(topology, node, route->interface));
        struct netlink_note note =
            note_at(lab, route->line, "adding a route of node", topology->nodes[node].name);
        netlink_add_route(lab->batch, &note, index, &route->destination, route->via);
        if (netlink_relieve(lab->batch, lab->nodes[node].socket, error) != 0)
            return -1;
    }
    return 0;
}

static int raise_nodes(struct lab *lab, struct error *error)
{
    for (size_t i = 0; i < lab->topology->node_count; i++)
        if (raise_links(lab, i, error) != 0 || add_routes(lab, i, error) != 0 ||
            netlink_commit(lab->batch, lab->nodes[i].socket, error) != 0)
            return -1;
    return 0;
}

/* --- readiness -------------------------------------------------------------------------------- */

/* A link that is up carries packets only once the kernel's link watch has run, which follows at once
 * but elsewhere. The kernel tells of it by interface and namespace: asking each is as cheap. */
static int await_ready(struct lab *lab, const struct place *place, const char *name,
                       struct error *error)
{
    for (int tick = 0; tick < READY_LIMIT; tick++) {
        int ready = netlink_links_ready(lab->batch, place->socket, error);
        if (ready != 0)
            return ready < 0 ? -1 : 0;
        const struct timespec wait = {.tv_nsec = READY_TICK};
        (void)nanosleep(&wait, NULL);
    }
    return error_set(error, "the links of '%s' carry no packets 10 s after they were raised", name);
}

static int await_all_ready(struct lab *lab, struct error *error)
{
    if (lab->switches.socket >= 0 && await_ready(lab, &lab->switches, "switches", error) != 0)
        return -1;
    for (size_t i = 0; i < lab->topology->node_count; i++)
        if (await_ready(lab, &lab->nodes[i], lab->topology->nodes[i].name, error) != 0)
            return -1;
    return 0;
}

/* --- the lab ---------------------------------------------------------------------------------- */

static void close_socket(struct place *place)
{
    if (place->socket >= 0)
        (void)close(place->socket);
    place->socket = -1;
}

/* What only the building needs. */
static void close_tools(struct lab *lab)
{
    netlink_batch_free(lab->batch);
    lab->batch = NULL;
    close_socket(&lab->switches);
    for (size_t i = 0; i < lab->topology->node_count; i++)
        close_socket(&lab->nodes[i]);
}

static int build(struct lab *lab, struct error *error)
{
    if (make_nodes(lab, error) != 0 || make_networks(lab, error) != 0 ||
        configure_nodes(lab, error) != 0 || raise_nodes(lab, error) != 0)
        return -1;
    return await_all_ready(lab, error);
}

static struct lab *allocate(const struct topology *topology)
{
    struct lab *lab = calloc(1, sizeof *lab);
    if (!lab)
        return NULL;
    lab->topology = topology;
    lab->origin = -1;
    lab->switches = (struct place){-1, -1};
    lab->switch_index = link_index(topology->link_count);
    lab->nodes = calloc(topology->node_count, sizeof *lab->nodes);
    if (!lab->nodes) {
        free(lab);
        return NULL;
    }
    for (size_t i = 0; i < topology->node_count; i++)
        lab->nodes[i] = (struct place){-1, -1};
    return lab;
}

struct lab *lab_create(const struct topology *topology, struct error *error)
{
    struct lab *lab = allocate(topology);
    if (!lab) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    lab->origin = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    lab->batch = netlink_batch_create(error);
    if (lab->origin < 0)
        (void)error_set_errno(error, errno, "opening /proc/self/ns/net");
    if (lab->origin < 0 || !lab->batch || build(lab, error) != 0 || lab_leave(lab, error) != 0) {
        lab_destroy(lab);
        return NULL;
    }
    close_tools(lab);
    return lab;
}

void lab_destroy(struct lab *lab)
{
    if (!lab)
        return;
    if (lab->origin >= 0) {
        (void)lab_leave(lab, NULL);
        (void)close(lab->origin);
    }
    close_tools(lab);
    if (lab->switches.namespace >= 0)
        (void)close(lab->switches.namespace);
    for (size_t i = 0; i < lab->topology->node_count; i++) {
        if (lab->nodes[i].namespace < 0)
            continue;
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", names_folder, lab->topology->nodes[i].name);
        (void)umount2(path, MNT_DETACH);
        (void)unlink(path);
        (void)close(lab->nodes[i].namespace);
    }
    free(lab->nodes);
    free(lab);
}

const struct topology *lab_topology(const struct lab *lab)
{
    return lab->topology;
}

int lab_namespace(const struct lab *lab, size_t node)
{
    return lab->nodes[node].namespace;
}

int lab_enter(const struct lab *lab, size_t node, struct error *error)
{
    if (setns(lab->nodes[node].namespace, CLONE_NEWNET) != 0)
        return error_set_errno(error, errno, "entering node '%s'", lab->topology->nodes[node].name);
    return 0;
}

int lab_leave(const struct lab *lab, struct error *error)
{
    if (setns(lab->origin, CLONE_NEWNET) != 0)
        return error_set_errno(error, errno, "leaving a node");
    return 0;
}

void lab_link_address(const struct lab *lab, size_t link, uint8_t out[6])
{
    (void)lab;
    ethernet_address(0, link + 1, out);
}
