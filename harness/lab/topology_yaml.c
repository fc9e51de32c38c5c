/* Reads a topology from a scenario file. What needs only one value is checked here, what needs the
 * whole in topology_validate. */
#include "lab/prefix.h"
#include "lab/topology.h"

#include <stdlib.h>
#include <string.h>

static const size_t MISSING = (size_t)-1;

static int out_of_memory(const struct yaml_value *at, struct error *error)
{
    return yaml_fail(at, error, "out of memory");
}

/* Room for one element for each child of a list or map. */
static void *room_for(const struct yaml_value *value, size_t element)
{
    return calloc(value && value->count ? value->count : 1, element);
}

static int check_count(const struct yaml_value *value, size_t limit, struct error *error)
{
    if (value && value->count > limit)
        return yaml_fail(value, error, "'%s' has %zu entries; at most %zu are possible", value->key,
                         value->count, limit);
    return 0;
}

static int read_name(const struct yaml_value *value, const char *name, const char *what,
                     char out[TOPOLOGY_NAME_SIZE], struct error *error)
{
    size_t length = strlen(name);
    if (length == 0 || length >= TOPOLOGY_NAME_SIZE)
        return yaml_fail(value, error, "the name of %s must have 1 to 15 characters, not '%.60s'",
                         what, name);
    memcpy(out, name, length + 1);
    return 0;
}

/* --- networks --------------------------------------------------------------------------------- */

static int read_network_prefix(const struct yaml_value *value, bool ipv4,
                               struct topology_network *network, struct error *error)
{
    const char *text = NULL;
    if (!value)
        return 0;
    if (yaml_string(value, &text, error) != 0)
        return -1;
    struct prefix *prefix = &network->prefixes[network->prefix_count];
    if (!prefix_parse(text, prefix) || !strchr(text, '/') || prefix_is_ipv4(prefix) != ipv4)
        return yaml_fail(value, error, "network '%s': expected an %s, not '%.60s'", network->name,
                         ipv4 ? "IPv4 prefix such as 192.0.2.0/24"
                              : "IPv6 prefix such as 2001:db8:1::/64",
                         text);
    network->prefix_count++;
    return 0;
}

static int read_networks(struct topology *topology, const struct yaml_value *networks,
                         struct error *error)
{
    static const char *const keys[] = {"ipv4", "ipv6", NULL};
    if (yaml_check_map(networks, error) != 0 || check_count(networks, TOPOLOGY_NODES, error) != 0)
        return -1;
    topology->networks = room_for(networks, sizeof *topology->networks);
    if (!topology->networks)
        return out_of_memory(networks, error);
    for (size_t i = 0; networks && i < networks->count; i++) {
        const struct yaml_value *value = networks->children[i];
        struct topology_network *network = &topology->networks[topology->network_count++];
        network->line = value->line;
        if (read_name(value, value->key, "a network", network->name, error) != 0 ||
            yaml_check_keys(value, keys, error) != 0 ||
            read_network_prefix(yaml_get(value, "ipv4"), true, network, error) != 0 ||
            read_network_prefix(yaml_get(value, "ipv6"), false, network, error) != 0)
            return -1;
        if (network->prefix_count == 0)
            return yaml_fail(value, error, "network '%s' needs ipv4 or ipv6", network->name);
    }
    return 0;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static int read_destination(const struct yaml_value *value, struct topology_route *route,
                            struct error *error)
{
    const char *text = NULL;
    if (yaml_string(value, &text, error) != 0)
        return -1;
    if (strcmp(text, "default") == 0) {
        struct prefix via = {.length = 128};
        memcpy(via.octet, route->via, sizeof via.octet);
        return prefix_parse(prefix_is_ipv4(&via) ? "0.0.0.0/0" : "::/0", &route->destination) ? 0
                                                                                              : -1;
    }
    if (!prefix_parse(text, &route->destination))
        return yaml_fail(
            value, error,
            "expected 'default', a prefix or an address as a route's 'to', not '%.60s'", text);
    return 0;
}

static int read_route(const struct yaml_value *value, struct topology_route *route,
                      struct error *error)
{
    static const char *const keys[] = {"to", "via", "interface", NULL};
    const char *text = NULL;
    const char *interface = NULL;
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0)
        return -1;
    route->line = value->line;
    const struct yaml_value *to = yaml_require(value, "to", error);
    const struct yaml_value *via = to ? yaml_require(value, "via", error) : NULL;
    if (!via || yaml_string(via, &text, error) != 0 ||
        yaml_string(yaml_get(value, "interface"), &interface, error) != 0)
        return -1;
    struct prefix router;
    if (!prefix_parse(text, &router) || strchr(text, '/'))
        return yaml_fail(via, error, "expected an address as a route's 'via', not '%.60s'", text);
    memcpy(route->via, router.octet, sizeof route->via);
    if (interface && read_name(value, interface, "an interface", route->interface, error) != 0)
        return -1;
    return read_destination(to, route, error);
}

static int read_routes(const struct yaml_value *routes, struct topology_node *node,
                       struct error *error)
{
    if (!routes)
        return 0;
    if (yaml_check_list(routes, error) != 0)
        return -1;
    node->routes = room_for(routes, sizeof *node->routes);
    if (!node->routes)
        return out_of_memory(routes, error);
    for (size_t i = 0; i < routes->count; i++)
        if (read_route(routes->children[i], &node->routes[node->route_count++], error) != 0)
            return -1;
    return 0;
}

static int read_settings(const struct yaml_value *settings, struct topology_node *node,
                         struct error *error)
{
    if (!settings)
        return 0;
    if (yaml_check_map(settings, error) != 0)
        return -1;
    node->settings = room_for(settings, sizeof *node->settings);
    if (!node->settings)
        return out_of_memory(settings, error);
    for (size_t i = 0; i < settings->count; i++) {
        const struct yaml_value *value = settings->children[i];
        const char *text = NULL;
        if (yaml_string(value, &text, error) != 0)
            return -1;
        struct topology_setting *setting = &node->settings[node->setting_count++];
        setting->line = value->line;
        setting->name = strdup(value->key);
        setting->value = strdup(text);
        if (!setting->name || !setting->value)
            return out_of_memory(value, error);
    }
    return 0;
}

static int read_ruleset(const struct yaml_value *value, struct topology_node *node,
                        struct error *error)
{
    const char *text = NULL;
    if (!value)
        return 0;
    if (yaml_string(value, &text, error) != 0)
        return -1;
    node->nftables = strdup(text);
    node->nftables_line = value->text_line;
    return node->nftables ? 0 : out_of_memory(value, error);
}

static int read_nodes(struct topology *topology, const struct yaml_value *nodes,
                      struct error *error)
{
    static const char *const keys[] = {"forward", "routes", "settings", "nftables", NULL};
    if (yaml_check_map(nodes, error) != 0 || check_count(nodes, TOPOLOGY_NODES, error) != 0)
        return -1;
    topology->nodes = room_for(nodes, sizeof *topology->nodes);
    if (!topology->nodes)
        return out_of_memory(nodes, error);
    for (size_t i = 0; i < nodes->count; i++) {
        const struct yaml_value *value = nodes->children[i];
        struct topology_node *node = &topology->nodes[topology->node_count++];
        node->line = value->line;
        if (read_name(value, value->key, "a node", node->name, error) != 0 ||
            yaml_check_keys(value, keys, error) != 0 ||
            yaml_boolean(yaml_get(value, "forward"), &node->forward, error) != 0 ||
            read_routes(yaml_get(value, "routes"), node, error) != 0 ||
            read_settings(yaml_get(value, "settings"), node, error) != 0 ||
            read_ruleset(yaml_get(value, "nftables"), node, error) != 0)
            return -1;
    }
    return 0;
}

/* --- links ------------------------------------------------------------------------------------ */

/* The length of the network's prefix that the address falls in. Outside of all, the length of the
 * first of its family: topology_validate says that it lies outside. */
static uint8_t length_in_network(const struct topology_network *network,
                                 const struct prefix *address)
{
    if (address_is_link_local(address->octet))
        return 64;
    for (size_t i = 0; i < network->prefix_count; i++)
        if (prefix_is_ipv4(&network->prefixes[i]) == prefix_is_ipv4(address))
            return network->prefixes[i].length;
    return 128;
}

static int read_addresses(const struct topology *topology, const struct yaml_value *addresses,
                          struct topology_link *link, struct error *error)
{
    if (!addresses)
        return 0;
    if (yaml_check_list(addresses, error) != 0 ||
        check_count(addresses, TOPOLOGY_ADDRESSES, error) != 0)
        return -1;
    for (size_t i = 0; i < addresses->count; i++) {
        const char *text = NULL;
        struct prefix *address = &link->addresses[link->address_count++];
        if (yaml_string(addresses->children[i], &text, error) != 0)
            return -1;
        if (!prefix_parse(text, address) || strchr(text, '/'))
            return yaml_fail(addresses->children[i], error,
                             "expected an address such as 192.0.2.1 or 2001:db8::1, not '%.60s'",
                             text);
        address->length = length_in_network(&topology->networks[link->network], address);
    }
    return 0;
}

/* Fills *index with the place of the node or network that is named. */
static int read_reference(const struct topology *topology, const struct yaml_value *link,
                          const char *kind,
                          size_t (*find)(const struct topology *topology, const char *name),
                          size_t *index, struct error *error)
{
    const char *name = NULL;
    const struct yaml_value *value = yaml_require(link, kind, error);
    if (!value || yaml_string(value, &name, error) != 0)
        return -1;
    *index = find(topology, name);
    if (*index == MISSING)
        return yaml_fail(value, error, "a link to %s '%.60s', which is not among '%ss'", kind, name,
                         kind);
    return 0;
}

static int read_link(struct topology *topology, const struct yaml_value *value, struct error *error)
{
    static const char *const keys[] = {"node", "network", "interface", "addresses", NULL};
    struct topology_link *link = &topology->links[topology->link_count++];
    const char *name = NULL;
    link->line = value->line;
    if (yaml_check_keys(value, keys, error) != 0 ||
        read_reference(topology, value, "node", topology_find_node, &link->node, error) != 0 ||
        read_reference(topology, value, "network", topology_find_network, &link->network, error) !=
            0)
        return -1;
    const struct yaml_value *interface = yaml_require(value, "interface", error);
    if (!interface || yaml_string(interface, &name, error) != 0 ||
        read_name(interface, name, "an interface", link->interface, error) != 0)
        return -1;
    return read_addresses(topology, yaml_get(value, "addresses"), link, error);
}

static int read_links(struct topology *topology, const struct yaml_value *links,
                      struct error *error)
{
    if (yaml_check_list(links, error) != 0 || check_count(links, TOPOLOGY_LINKS, error) != 0)
        return -1;
    topology->links = room_for(links, sizeof *topology->links);
    if (!topology->links)
        return out_of_memory(links, error);
    for (size_t i = 0; links && i < links->count; i++)
        if (read_link(topology, links->children[i], error) != 0)
            return -1;
    return 0;
}

int topology_from_yaml(struct topology *topology, const struct yaml_value *networks,
                       const struct yaml_value *nodes, const struct yaml_value *links,
                       struct error *error)
{
    memset(topology, 0, sizeof *topology);
    if (!nodes)
        return error_set(error, "a topology needs the key 'nodes'");
    topology->file = strdup(nodes->file);
    if (!topology->file)
        return out_of_memory(nodes, error);
    if (read_networks(topology, networks, error) == 0 && read_nodes(topology, nodes, error) == 0 &&
        read_links(topology, links, error) == 0 &&
        topology_validate(topology, nodes->file, error) == 0)
        return 0;
    topology_free(topology);
    return -1;
}
