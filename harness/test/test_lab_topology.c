/* Topologies: what is read from a scenario file, and one line for each way in which it can be wrong. */
#include "lab/prefix.h"
#include "lab/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_topology(const char *text, struct topology *topology, struct error *error)
{
    *error = (struct error){""};
    struct yaml_value *root = yaml_load_text("t.yaml", text, strlen(text), error);
    if (!root)
        fail_msg("the test's own YAML: %s", error->text);
    int result = topology_from_yaml(topology, yaml_get(root, "networks"), yaml_get(root, "nodes"),
                                    yaml_get(root, "links"), error);
    yaml_unload(root);
    return result;
}

static void expect_refused(const char *text, const char *message)
{
    struct topology topology;
    struct error error;
    int result = read_topology(text, &topology, &error);
    if (result == 0)
        topology_free(&topology);
    assert_string_equal(error.text, message);
    assert_int_equal(result, -1);
}

/* Lines 1 to 8 of a topology that is right; a test appends a ninth and more. */
#define GOOD                                                                                       \
    "networks:\n"                                                                                  \
    "  home: {ipv4: 192.0.2.0/24, ipv6: 2001:db8:1::/64}\n"                                        \
    "  internet: {ipv4: 198.51.100.0/24}\n"                                                        \
    "nodes:\n"                                                                                     \
    "  device: {}\n"                                                                               \
    "  gateway: {forward: true}\n"                                                                 \
    "links:\n"                                                                                     \
    "  - {node: gateway, network: home, interface: eth0, addresses: [192.0.2.1, 'fe80::1']}\n"

static void a_topology_is_read_whole(void **state)
{
    (void)state;
    struct topology topology;
    struct error error;
    assert_int_equal(
        read_topology(
            "networks:\n"
            "  home: {ipv4: 192.0.2.0/24, ipv6: 2001:db8:1::/64}\n"
            "nodes:\n"
            "  device:\n"
            "    routes:\n"
            "      - {to: default, via: 192.0.2.1}\n"
            "      - {to: default, via: 'fe80::1', interface: eth0}\n"
            "    settings: {net.ipv4.ip_default_ttl: 17}\n"
            "    nftables: |\n"
            "      table ip x {}\n"
            "  gateway: {forward: true}\n"
            "links:\n"
            "  - {node: device, network: home, interface: eth0, addresses: [192.0.2.9]}\n"
            "  - {node: gateway, network: home, interface: lan, addresses: ['fe80::1']}\n",
            &topology, &error),
        0);
    assert_string_equal(topology.file, "t.yaml");
    assert_int_equal(topology.node_count, 2);
    const struct topology_node *device = &topology.nodes[topology_find_node(&topology, "device")];
    assert_int_equal(device->line, 4);
    assert_false(device->forward);
    assert_true(topology.nodes[1].forward);
    assert_int_equal(device->route_count, 2);
    assert_int_equal(device->routes[0].destination.length, 96);
    assert_true(prefix_is_ipv4(&device->routes[0].destination));
    assert_int_equal(device->routes[1].destination.length, 0);
    assert_string_equal(device->routes[1].interface, "eth0");
    assert_int_equal(device->routes[1].line, 7);
    assert_string_equal(device->settings[0].name, "net.ipv4.ip_default_ttl");
    assert_string_equal(device->settings[0].value, "17");
    assert_string_equal(device->nftables, "table ip x {}\n");
    assert_int_equal(device->nftables_line, 10);
    assert_int_equal(topology.networks[0].prefix_count, 2);
    assert_int_equal(topology.link_count, 2);
    assert_int_equal(topology.links[0].addresses[0].length, 96 + 24);
    assert_int_equal(topology.links[1].addresses[0].length, 64);
    assert_int_equal(topology_find_link(&topology, 1, "lan"), 1);
    assert_true(topology_find_link(&topology, 0, "lan") == (size_t)-1);
    assert_true(topology_find_network(&topology, "elsewhere") == (size_t)-1);
    topology_free(&topology);
}

static void each_bad_key_type_or_name_is_one_line(void **state)
{
    (void)state;
    expect_refused("networks: {home: {ipv5: 1}}\nnodes: {a: {}}\n",
                   "t.yaml:1: unknown key 'ipv5' in 'networks.home'; known keys: ipv4, ipv6");
    expect_refused("nodes:\n  a: {adress: 1}\n",
                   "t.yaml:2: unknown key 'adress' in 'nodes.a'; known keys: forward, routes, "
                   "settings, nftables");
    expect_refused("nodes:\n  a: {forward: yes}\n",
                   "t.yaml:2: 'nodes.a.forward' must be true or false, not 'yes'");
    expect_refused("nodes: [a]\n", "t.yaml:1: 'nodes' must be a map, not a list");
    expect_refused("nodes: {}\n", "t.yaml:1: a topology needs a node");
    expect_refused("networks: {n: {ipv4: 10.0.0.0/8}}\n", "a topology needs the key 'nodes'");
    expect_refused("nodes:\n  a:\n", "t.yaml:2: 'nodes.a' must be a map, not nothing");
    expect_refused("nodes: {sixteen-letters-: {}}\n",
                   "t.yaml:1: the name of a node must have 1 to 15 characters, not "
                   "'sixteen-letters-'");
    expect_refused("nodes: {../a: {}}\n",
                   "t.yaml:1: '../a' is no name for a node: expected letters, digits, '-', '_' and "
                   "'.', a letter or digit first");
    expect_refused("nodes: {a: {nftables: [1]}}\n",
                   "t.yaml:1: 'nodes.a.nftables' must be text, not a list");
    expect_refused("nodes: {a: {routes: {to: default}}}\n",
                   "t.yaml:1: 'nodes.a.routes' must be a list, not a map");
}

static void each_bad_network_is_one_line(void **state)
{
    (void)state;
    expect_refused("networks: {n: {}}\nnodes: {a: {}}\n",
                   "t.yaml:1: network 'n' needs ipv4 or ipv6");
    expect_refused("networks:\n  n: {ipv4: '2001:db8::/64'}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': expected an IPv4 prefix such as 192.0.2.0/24, not "
                   "'2001:db8::/64'");
    expect_refused("networks:\n  n: {ipv6: 192.0.2.0/24}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': expected an IPv6 prefix such as 2001:db8:1::/64, not "
                   "'192.0.2.0/24'");
    expect_refused("networks:\n  n: {ipv4: 192.0.2.0}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': expected an IPv4 prefix such as 192.0.2.0/24, not "
                   "'192.0.2.0'");
    expect_refused("networks:\n  n: {ipv4: 192.0.2.0/33}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': expected an IPv4 prefix such as 192.0.2.0/24, not "
                   "'192.0.2.0/33'");
    expect_refused("networks:\n  n: {ipv4: 192.0.2.7/24}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': 192.0.2.7/24 has bits set behind its length");
    expect_refused("networks:\n  n: {ipv4: 127.0.0.0/24}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': 127.0.0.0/24 lies in 127.0.0.0/8, which is reserved");
    expect_refused("networks:\n  n: {ipv6: 'fe80::/64'}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': fe80::/64 lies in fe80::/10, which is reserved");
    expect_refused("networks:\n  n: {ipv4: 0.0.0.0/0}\nnodes: {a: {}}\n",
                   "t.yaml:2: network 'n': 0.0.0.0/0 has no room for two nodes or no end");
    expect_refused(
        "networks:\n  n: {ipv4: 10.0.0.0/8}\n  m: {ipv4: 10.1.0.0/16}\nnodes: {a: {}}\n",
        "t.yaml:3: network 'm': 10.1.0.0/16 overlaps 10.0.0.0/8 of network 'n' in line 2");
    expect_refused(
        "networks:\n  n: {ipv6: '2001:db8:1::/64'}\n  m: {ipv6: '2001:db8::/32'}\n"
        "nodes: {a: {}}\n",
        "t.yaml:3: network 'm': 2001:db8::/32 overlaps 2001:db8:1::/64 of network 'n' in "
        "line 2");
}

static void each_bad_link_is_one_line(void **state)
{
    (void)state;
    expect_refused(GOOD "  - {node: router, network: home, interface: eth0}\n",
                   "t.yaml:9: a link to node 'router', which is not among 'nodes'");
    expect_refused(GOOD "  - {node: device, network: work, interface: eth0}\n",
                   "t.yaml:9: a link to network 'work', which is not among 'networks'");
    expect_refused(GOOD "  - {node: device, network: home}\n",
                   "t.yaml:9: key 'interface' is missing in 'links[1]'");
    expect_refused(GOOD "  - {node: device, network: home, interface: sixteen-letters-}\n",
                   "t.yaml:9: the name of an interface must have 1 to 15 characters, not "
                   "'sixteen-letters-'");
    expect_refused(GOOD "  - {node: device, network: home, interface: lo}\n",
                   "t.yaml:9: 'lo' can't be the name of an interface");
    expect_refused(GOOD "  - {node: gateway, network: internet, interface: eth0}\n",
                   "t.yaml:9: node 'gateway' has an interface 'eth0' already, in line 8");
    expect_refused(GOOD
                   "  - {node: device, network: home, interface: eth0, addresses: [192.0.2.1]}\n",
                   "t.yaml:9: address 192.0.2.1 is given twice, first in line 8");
    expect_refused(GOOD
                   "  - {node: device, network: home, interface: eth0, addresses: ['fe80::1']}\n",
                   "t.yaml:9: address fe80::1 is given twice, first in line 8");
    expect_refused(
        GOOD "  - {node: device, network: home, interface: e, addresses: [192.0.2.9, 192.0.2.9]}\n",
        "t.yaml:9: address 192.0.2.9 is given twice, first in line 9");
    expect_refused(
        GOOD "  - {node: device, network: home, interface: eth0, addresses: [192.0.3.1]}\n",
        "t.yaml:9: address 192.0.3.1 is outside of network 'home', expected one of 192.0.2.0/24 or "
        "2001:db8:1::/64");
    expect_refused(
        GOOD "  - {node: device, network: home, interface: eth0, addresses: [192.0.2.255]}\n",
        "t.yaml:9: 192.0.2.255 is no host's address: it is the first or last of network 'home'");
    expect_refused(
        GOOD "  - {node: device, network: home, interface: eth0, addresses: [192.0.2.9/24]}\n",
        "t.yaml:9: expected an address such as 192.0.2.1 or 2001:db8::1, not '192.0.2.9/24'");
    expect_refused(GOOD "  - {node: device, network: home, interface: eth0, adress: 1}\n",
                   "t.yaml:9: unknown key 'adress' in 'links[1]'; known keys: node, network, "
                   "interface, addresses");
    expect_refused(GOOD "  - device\n", "t.yaml:9: 'links[1]' must be a map, not 'device'");
}

static void one_link_local_address_may_serve_on_two_networks(void **state)
{
    (void)state;
    struct topology topology;
    struct error error;
    assert_int_equal(
        read_topology(
            GOOD "  - {node: device, network: internet, interface: eth0, addresses: ['fe80::1']}\n",
            &topology, &error),
        0);
    topology_free(&topology);
}

/* A node in line 3 with one route or setting in line 4. */
#define NODE_WITH(what)                                                                            \
    "networks:\n  home: {ipv4: 192.0.2.0/24}\nnodes:\n  a: {" what                                 \
    "}\nlinks:\n  - {node: a, network: home, interface: eth0, addresses: [192.0.2.9]}\n"

static void each_bad_route_is_one_line(void **state)
{
    (void)state;
    expect_refused(NODE_WITH("routes: [{to: default}]"),
                   "t.yaml:4: key 'via' is missing in 'nodes.a.routes[0]'");
    expect_refused(NODE_WITH("routes: [{to: default, via: there}]"),
                   "t.yaml:4: expected an address as a route's 'via', not 'there'");
    expect_refused(NODE_WITH("routes: [{to: everywhere, via: 192.0.2.1}]"),
                   "t.yaml:4: expected 'default', a prefix or an address as a route's 'to', not "
                   "'everywhere'");
    expect_refused(NODE_WITH("routes: [{to: default, via: 198.51.100.1}]"),
                   "t.yaml:4: route via 198.51.100.1: it can't be reached, no network of node 'a' "
                   "contains it");
    expect_refused(NODE_WITH("routes: [{to: default, via: 'fe80::1'}]"),
                   "t.yaml:4: route via fe80::1: a link-local router needs 'interface', such as "
                   "eth0");
    expect_refused(NODE_WITH("routes: [{to: default, via: 'fe80::1', interface: eth1}]"),
                   "t.yaml:4: node 'a' has no interface 'eth1'");
    expect_refused(NODE_WITH("routes: [{to: '2001:db8::/32', via: 192.0.2.1}]"),
                   "t.yaml:4: route via 192.0.2.1: to and via must be of one family");
    expect_refused(NODE_WITH("routes: [{to: 10.1.2.3/8, via: 192.0.2.1}]"),
                   "t.yaml:4: route to 10.1.2.3/8: bits are set behind its length");
}

static void a_node_that_is_left_out_takes_its_links_along(void **state)
{
    (void)state;
    struct topology topology;
    struct error error;
    assert_int_equal(
        read_topology(GOOD
                      "  - {node: device, network: home, interface: eth0, addresses: []}\n"
                      "  - {node: gateway, network: internet, interface: eth1, addresses: []}\n",
                      &topology, &error),
        0);
    topology_leave_out(&topology, topology_find_node(&topology, "device"));
    size_t gateway = topology_find_node(&topology, "gateway");
    assert_int_equal(topology.node_count, 1);
    assert_int_equal(topology.link_count, 2);
    assert_int_not_equal(topology_find_link(&topology, gateway, "eth0"), -1);
    assert_int_not_equal(topology_find_link(&topology, gateway, "eth1"), -1);
    assert_int_equal(topology_find_node(&topology, "device"), -1);
    topology_free(&topology);
}

static void only_settings_of_a_network_namespace_are_let_through(void **state)
{
    (void)state;
    static const char *const bad[] = {"kernel.core_pattern", "vm.x",    "net.",
                                      "net..ipv4",           "net.a/b", "net.ipv4.",
                                      "net.../../kernel/x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[400];
        char message[400];
        (void)snprintf(text, sizeof text, "nodes:\n  a: {settings: {%s: 1}}\n", bad[i]);
        (void)snprintf(message, sizeof message,
                       "t.yaml:2: '%s' is no setting of a node: expected a sysctl below net., such "
                       "as net.ipv4.ip_default_ttl",
                       bad[i]);
        expect_refused(text, message);
    }
    expect_refused("nodes:\n  a: {settings: {net.ipv4.x: \"1\\n2\"}}\n",
                   "t.yaml:2: the value of 'net.ipv4.x' must be one short line");
    expect_refused("nodes:\n  a: {settings: {net.ipv4.x: {}}}\n",
                   "t.yaml:2: 'nodes.a.settings.net.ipv4.x' must be text, not a map");
}

static void prefixes_are_read_and_written(void **state)
{
    (void)state;
    static const char *const same[] = {"192.0.2.0/24", "192.0.2.1",     "0.0.0.0/0",
                                       "::/0",         "2001:db8::/32", "2001:db8::1"};
    static const char *const bad[] = {"",       "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/024x",
                                      "x/1",    "::/129",     "1.2.3/8",      "192.0.2.0/33",
                                      "::/1000"};
    struct prefix prefix;
    char text[PREFIX_TEXT_SIZE];
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(prefix_parse(same[i], &prefix));
        assert_string_equal(prefix_format(&prefix, text), same[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(prefix_parse(bad[i], &prefix));
}

static void prefixes_contain_and_overlap_to_the_bit(void **state)
{
    (void)state;
    struct prefix wide;
    struct prefix narrow;
    struct prefix other;
    assert_true(prefix_parse("10.0.0.0/9", &wide) && prefix_parse("10.127.0.0/16", &narrow) &&
                prefix_parse("10.128.0.0/16", &other));
    assert_true(prefix_contains(&wide, narrow.octet));
    assert_false(prefix_contains(&wide, other.octet));
    assert_true(prefix_overlaps(&wide, &narrow) && prefix_overlaps(&narrow, &wide));
    assert_false(prefix_overlaps(&wide, &other) || prefix_overlaps(&other, &wide));
    assert_true(prefix_is_network(&wide));
    wide.octet[13] = 1;
    assert_false(prefix_is_network(&wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topology_is_read_whole),
        cmocka_unit_test(each_bad_key_type_or_name_is_one_line),
        cmocka_unit_test(each_bad_network_is_one_line),
        cmocka_unit_test(each_bad_link_is_one_line),
        cmocka_unit_test(one_link_local_address_may_serve_on_two_networks),
        cmocka_unit_test(each_bad_route_is_one_line),
        cmocka_unit_test(a_node_that_is_left_out_takes_its_links_along),
        cmocka_unit_test(only_settings_of_a_network_namespace_are_let_through),
        cmocka_unit_test(prefixes_are_read_and_written),
        cmocka_unit_test(prefixes_contain_and_overlap_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
