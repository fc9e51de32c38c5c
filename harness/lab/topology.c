#include "lab/topology.h"

#include "lab/prefix.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- finding ---------------------------------------------------------------------------------- */

size_t topology_find_node(const struct topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->node_count; i++)
        if (strcmp(topology->nodes[i].name, name) == 0)
            return i;
    return (size_t)-1;
}

size_t topology_find_network(const struct topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->network_count; i++)
        if (strcmp(topology->networks[i].name, name) == 0)
            return i;
    return (size_t)-1;
}

size_t topology_find_link(const struct topology *topology, size_t node, const char *interface)
{
    for (size_t i = 0; i < topology->link_count; i++)
        if (topology->links[i].node == node && strcmp(topology->links[i].interface, interface) == 0)
            return i;
    return (size_t)-1;
}

/* --- validating ------------------------------------------------------------------------------- */

struct check {
    const struct topology *topology;
    const char *file;
    struct error *error;
};

__attribute__((format(printf, 3, 4))) static int fail(const struct check *check, int line,
                                                      const char *format, ...)
{
    char message[sizeof check->error->text];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return error_set(check->error, "%s:%d: %s", check->file, line, message);
}

/* Names become file names, namespace names and interface names. */
static int check_name(const struct check *check, int line, const char *what, const char *name)
{
    bool good = isalnum((unsigned char)name[0]);
    for (const char *at = name; *at; at++)
        good = good && (isalnum((unsigned char)*at) || strchr("-_.", *at));
    if (!good)
        return fail(check, line,
                    "'%s' is no name for %s: expected letters, digits, '-', '_' and '.', a "
                    "letter or digit first",
                    name, what);
    return 0;
}

static int check_network_prefix(const struct check *check, const struct topology_network *network,
                                const struct prefix *prefix)
{
    static const char *const special[] = {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3",
                                          "::/16",     "fe80::/10",   "ff00::/8"};
    char text[PREFIX_TEXT_SIZE];
    int longest = 127;
    int shortest = prefix_is_ipv4(prefix) ? IPV4_OFFSET + 1 : 1;
    if (prefix->length < shortest || prefix->length > longest)
        return fail(check, network->line, "network '%s': %s has no room for two nodes or no end",
                    network->name, prefix_format(prefix, text));
    if (!prefix_is_network(prefix))
        return fail(check, network->line, "network '%s': %s has bits set behind its length",
                    network->name, prefix_format(prefix, text));
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        struct prefix reserved;
        if (prefix_parse(special[i], &reserved) &&
            prefix_is_ipv4(&reserved) == prefix_is_ipv4(prefix) &&
            prefix_overlaps(&reserved, prefix))
            return fail(check, network->line, "network '%s': %s lies in %s, which is reserved",
                        network->name, prefix_format(prefix, text), special[i]);
    }
    return 0;
}

static int check_overlap(const struct check *check, const struct topology_network *network,
                         const struct topology_network *earlier)
{
    char text[PREFIX_TEXT_SIZE];
    char other[PREFIX_TEXT_SIZE];
    for (size_t i = 0; i < network->prefix_count; i++)
        for (size_t j = 0; j < earlier->prefix_count; j++) {
            const struct prefix *a = &network->prefixes[i];
            const struct prefix *b = &earlier->prefixes[j];
            if (prefix_is_ipv4(a) == prefix_is_ipv4(b) && prefix_overlaps(a, b))
                return fail(check, network->line,
                            "network '%s': %s overlaps %s of network '%s' in line %d",
                            network->name, prefix_format(a, text), prefix_format(b, other),
                            earlier->name, earlier->line);
        }
    return 0;
}

static int check_networks(const struct check *check)
{
    const struct topology *topology = check->topology;
    for (size_t i = 0; i < topology->network_count; i++) {
        const struct topology_network *network = &topology->networks[i];
        if (check_name(check, network->line, "a network", network->name) != 0)
            return -1;
        for (size_t j = 0; j < network->prefix_count; j++)
            if (check_network_prefix(check, network, &network->prefixes[j]) != 0)
                return -1;
        for (size_t j = 0; j < i; j++)
            if (check_overlap(check, network, &topology->networks[j]) != 0)
                return -1;
    }
    return 0;
}

/* True for the first and last IPv4 address of a network, which no host may have. */
static bool is_edge_of_network(const struct prefix *address)
{
    if (!prefix_is_ipv4(address) || address->length > 126)
        return false;
    bool zeros = true;
    bool ones = true;
    for (size_t bit = address->length; bit < 128; bit++) {
        bool set = address->octet[bit / 8] & (0x80 >> (bit % 8));
        zeros = zeros && !set;
        ones = ones && set;
    }
    return zeros || ones;
}

static int check_address(const struct check *check, const struct topology_link *link,
                         const struct prefix *address)
{
    const struct topology_network *network = &check->topology->networks[link->network];
    struct prefix alone = *address;
    alone.length = 128;
    char text[PREFIX_TEXT_SIZE];
    (void)prefix_format(&alone, text);
    if (address_is_link_local(address->octet))
        return 0;
    for (size_t i = 0; i < network->prefix_count; i++) {
        if (!prefix_contains(&network->prefixes[i], address->octet))
            continue;
        if (is_edge_of_network(address))
            return fail(check, link->line,
                        "%s is no host's address: it is the first or last of network '%s'", text,
                        network->name);
        return 0;
    }
    char expected[2 * PREFIX_TEXT_SIZE + 8] = "";
    for (size_t i = 0; i < network->prefix_count; i++) {
        char prefix[PREFIX_TEXT_SIZE];
        size_t used = strlen(expected);
        (void)snprintf(expected + used, sizeof expected - used, "%s%s", i ? " or " : "",
                       prefix_format(&network->prefixes[i], prefix));
    }
    return fail(check, link->line, "address %s is outside of network '%s', expected one of %s",
                text, network->name, network->prefix_count ? expected : "fe80::/10");
}

static bool share_address(const struct topology_link *a, const struct topology_link *b,
                          struct prefix *shared)
{
    for (size_t i = 0; i < a->address_count; i++)
        for (size_t j = 0; j < b->address_count; j++) {
            const uint8_t *octet = a->addresses[i].octet;
            bool same = memcmp(octet, b->addresses[j].octet, sizeof a->addresses[i].octet) == 0;
            if (!same || (address_is_link_local(octet) && a->network != b->network) ||
                (a == b && i == j))
                continue;
            *shared = a->addresses[i];
            shared->length = 128;
            return true;
        }
    return false;
}

static int check_interface(const struct check *check, const struct topology_link *link)
{
    static const char *const reserved[] = {"lo", "all", "default"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(link->interface, reserved[i]) == 0)
            return fail(check, link->line, "'%s' can't be the name of an interface",
                        link->interface);
    return check_name(check, link->line, "an interface", link->interface);
}

static int check_links(const struct check *check)
{
    const struct topology *topology = check->topology;
    for (size_t i = 0; i < topology->link_count; i++) {
        const struct topology_link *link = &topology->links[i];
        if (check_interface(check, link) != 0)
            return -1;
        for (size_t j = 0; j < link->address_count; j++)
            if (check_address(check, link, &link->addresses[j]) != 0)
                return -1;
        for (size_t j = 0; j <= i; j++) {
            const struct topology_link *earlier = &topology->links[j];
            struct prefix shared;
            char text[PREFIX_TEXT_SIZE];
            if (share_address(link, earlier, &shared))
                return fail(check, link->line, "address %s is given twice, first in line %d",
                            prefix_format(&shared, text), earlier->line);
            if (j < i && link->node == earlier->node &&
                strcmp(link->interface, earlier->interface) == 0)
                return fail(check, link->line,
                            "node '%s' has an interface '%s' already, in line %d",
                            topology->nodes[link->node].name, link->interface, earlier->line);
        }
    }
    return 0;
}

/* True if the address is a neighbour's on one of the node's links (on interface, unless empty). */
static bool is_neighbour(const struct topology *topology, size_t node, const char *interface,
                         const uint8_t *address)
{
    for (size_t i = 0; i < topology->link_count; i++) {
        const struct topology_link *link = &topology->links[i];
        if (link->node != node || (interface[0] && strcmp(link->interface, interface) != 0))
            continue;
        const struct topology_network *network = &topology->networks[link->network];
        for (size_t j = 0; j < network->prefix_count; j++)
            if (prefix_contains(&network->prefixes[j], address))
                return true;
    }
    return false;
}

static int check_route(const struct check *check, size_t node, const struct topology_route *route)
{
    const struct topology *topology = check->topology;
    const char *name = topology->nodes[node].name;
    struct prefix via = {.length = 128};
    memcpy(via.octet, route->via, sizeof via.octet);
    char text[PREFIX_TEXT_SIZE];
    if (route->interface[0] && topology_find_link(topology, node, route->interface) == (size_t)-1)
        return fail(check, route->line, "node '%s' has no interface '%s'", name, route->interface);
    if (!prefix_is_network(&route->destination))
        return fail(check, route->line, "route to %s: bits are set behind its length",
                    prefix_format(&route->destination, text));
    if (prefix_is_ipv4(&route->destination) != prefix_is_ipv4(&via))
        return fail(check, route->line, "route via %s: to and via must be of one family",
                    prefix_format(&via, text));
    if (address_is_link_local(route->via)) {
        if (route->interface[0])
            return 0;
        return fail(check, route->line,
                    "route via %s: a link-local router needs 'interface', such as eth0",
                    prefix_format(&via, text));
    }
    if (!is_neighbour(topology, node, route->interface, route->via))
        return fail(check, route->line,
                    "route via %s: it can't be reached, no network of node '%s'%s%s contains it",
                    prefix_format(&via, text), name, route->interface[0] ? " at " : "",
                    route->interface);
    return 0;
}

/* Only what belongs to a network namespace: the rest would be the host's, or of no effect. */
static int check_setting(const struct check *check, const struct topology_setting *setting)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *name = setting->name;
    if (strncmp(name, "net.", 4) != 0 || name[strspn(name, allowed)] != '\0' ||
        strstr(name, "..") || name[strlen(name) - 1] == '.')
        return fail(check, setting->line,
                    "'%.80s' is no setting of a node: expected a sysctl below net., such as "
                    "net.ipv4.ip_default_ttl",
                    name);
    if (strlen(setting->value) > 200 || strchr(setting->value, '\n'))
        return fail(check, setting->line, "the value of '%.80s' must be one short line", name);
    return 0;
}

static int check_nodes(const struct check *check)
{
    const struct topology *topology = check->topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topology_node *node = &topology->nodes[i];
        if (check_name(check, node->line, "a node", node->name) != 0)
            return -1;
        for (size_t j = 0; j < node->route_count; j++)
            if (check_route(check, i, &node->routes[j]) != 0)
                return -1;
        for (size_t j = 0; j < node->setting_count; j++)
            if (check_setting(check, &node->settings[j]) != 0)
                return -1;
    }
    return 0;
}

int topology_validate(const struct topology *topology, const char *file, struct error *error)
{
    const struct check check = {topology, file, error};
    if (topology->node_count == 0)
        return fail(&check, 1, "a topology needs a node");
    if (check_networks(&check) != 0 || check_links(&check) != 0)
        return -1;
    return check_nodes(&check);
}

/* --- freeing ---------------------------------------------------------------------------------- */

static void free_node(struct topology_node *node)
{
    for (size_t i = 0; i < node->setting_count; i++) {
        free(node->settings[i].name);
        free(node->settings[i].value);
    }
    free(node->settings);
    free(node->routes);
    free(node->nftables);
}

void topology_leave_out(struct topology *topology, size_t node)
{
    size_t kept = 0;
    free_node(&topology->nodes[node]);
    for (size_t i = node + 1; i < topology->node_count; i++)
        topology->nodes[i - 1] = topology->nodes[i];
    topology->node_count--;
    for (size_t i = 0; i < topology->link_count; i++) {
        struct topology_link link = topology->links[i];
        if (link.node == node)
            continue;
        link.node -= link.node > node;
        topology->links[kept++] = link;
    }
    topology->link_count = kept;
}

void topology_free(struct topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++)
        free_node(&topology->nodes[i]);
    free(topology->nodes);
    free(topology->networks);
    free(topology->links);
    free(topology->file);
    memset(topology, 0, sizeof *topology);
}
