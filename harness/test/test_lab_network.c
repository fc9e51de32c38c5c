/* Labs alive: packets go where the topology says and nowhere else, and what cannot be built is one line.
 *
 *     device ------- gateway (NAT) ------- server, other
 *       192.0.2.9  .1        198.51.100.1   .2      .3
 *       2001:db8:1::9  fe80::1   2001:db8:2::1  ::2
 */
#include "enclosure.h"
#include "lab/lab.h"
#include "lab/netlink.h"
#include "sealed.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const char home[] =
    "networks:\n"
    "  home: {ipv4: 192.0.2.0/24, ipv6: '2001:db8:1::/64'}\n"
    "  internet: {ipv4: 198.51.100.0/24, ipv6: '2001:db8:2::/64'}\n"
    "nodes:\n"
    "  device:\n"
    "    routes: [{to: default, via: 192.0.2.1}, {to: default, via: 'fe80::1', interface: eth0}]\n"
    "  gateway:\n"
    "    forward: true\n"
    "    settings: {net.netfilter.nf_conntrack_udp_timeout: 7}\n"
    "    nftables: |\n"
    "      table ip nat {\n"
    "        chain post {\n"
    "          type nat hook postrouting priority srcnat\n"
    "          oifname \"wan\" masquerade\n"
    "        }\n"
    "      }\n"
    "  server: {routes: [{to: '2001:db8:1::/64', via: '2001:db8:2::1'}]}\n"
    "  other: {}\n"
    "links:\n"
    "  - {node: device, network: home, interface: eth0, addresses: [192.0.2.9, '2001:db8:1::9']}\n"
    "  - {node: gateway, network: home, interface: lan, addresses: [192.0.2.1, 'fe80::1', "
    "'2001:db8:1::1']}\n"
    "  - {node: gateway, network: internet, interface: wan, addresses: [198.51.100.1, "
    "'2001:db8:2::1']}\n"
    "  - {node: server, network: internet, interface: eth0, addresses: [198.51.100.2, "
    "'2001:db8:2::2']}\n"
    "  - {node: other, network: internet, interface: eth0, addresses: [198.51.100.3]}\n";

static struct topology topology; /* of the running test */

static bool read_topology(const char *text, struct error *error)
{
    struct yaml_value *root = yaml_load_text("t.yaml", text, strlen(text), error);
    int result = root ? topology_from_yaml(&topology, yaml_get(root, "networks"),
                                           yaml_get(root, "nodes"), yaml_get(root, "links"), error)
                      : -1;
    yaml_unload(root);
    return result == 0;
}

static struct lab *build(struct sealed *sealed, const char *text)
{
    struct error error = {""};
    struct lab *lab = read_topology(text, &error) ? lab_create(&topology, &error) : NULL;
    if (!lab)
        (void)snprintf(sealed->finding, sizeof sealed->finding, "%s", error.text);
    return lab;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A UDP socket of a node, of both families; bound to the port unless that is 0. */
static int open_socket(const struct lab *lab, const char *node, uint16_t port)
{
    if (lab_enter(lab, topology_find_node(&topology, node), NULL) != 0)
        return -1;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return lab_leave(lab, NULL) == 0 ? fd : -1;
}

static bool receive(int fd, int milliseconds, struct sockaddr_in6 *source)
{
    char text[16];
    socklen_t size = sizeof *source;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, milliseconds) == 1 &&
           recvfrom(fd, text, sizeof text, MSG_DONTWAIT, (struct sockaddr *)source, &size) > 0;
}

/* Sends a datagram and its answer. *seen is the source that the receiver saw, as text. */
static bool exchange(const struct lab *lab, const char *from, const char *to, const char *address,
                     char seen[INET6_ADDRSTRLEN])
{
    enum { PORT = 4000, PATIENCE = 5000 };
    struct sockaddr_in6 target = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    struct sockaddr_in6 source;
    int receiver = open_socket(lab, to, PORT);
    int sender = open_socket(lab, from, 0);
    bool arrived = inet_pton(AF_INET6, address, &target.sin6_addr) == 1 &&
                   sendto(sender, "?", 1, 0, (struct sockaddr *)&target, sizeof target) == 1 &&
                   receive(receiver, PATIENCE, &source) &&
                   inet_ntop(AF_INET6, &source.sin6_addr, seen, INET6_ADDRSTRLEN) &&
                   sendto(receiver, "!", 1, 0, (struct sockaddr *)&source, sizeof source) == 1 &&
                   receive(sender, PATIENCE, &source);
    (void)close(receiver);
    (void)close(sender);
    return arrived;
}

static void both_families_cross_the_gateway(struct sealed *sealed)
{
    char seen[INET6_ADDRSTRLEN] = "";
    struct lab *lab = build(sealed, home);
    if (!lab)
        return;
    EXPECT(sealed, exchange(lab, "device", "server", "::ffff:198.51.100.2", seen), "no IPv4");
    EXPECT(sealed, strcmp(seen, "::ffff:198.51.100.1") == 0, "the NAT is not there: from %s", seen);
    EXPECT(sealed, exchange(lab, "device", "server", "2001:db8:2::2", seen), "no IPv6");
    EXPECT(sealed, strcmp(seen, "2001:db8:1::9") == 0, "from %s", seen);
    EXPECT(sealed, exchange(lab, "device", "gateway", "::ffff:192.0.2.1", seen), "not next door");
    EXPECT(sealed, exchange(lab, "server", "other", "::ffff:198.51.100.3", seen), "no bridge");
    EXPECT(sealed, exchange(lab, "server", "server", "::1", seen), "no loopback");
    EXPECT(sealed, !exchange(lab, "server", "device", "::ffff:192.0.2.9", seen),
           "the server has no route to the device, yet reached it");
}

static void packets_cross_the_gateway_in_both_families(void **state)
{
    (void)state;
    sealed_run(both_families_cross_the_gateway);
}

/* A topology of one network with so many nodes; the caller frees it. */
static char *star(size_t nodes)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    (void)fprintf(file, "networks: {star: {ipv4: 10.0.0.0/16}}\nnodes:\n");
    for (size_t i = 1; i <= nodes; i++)
        (void)fprintf(file, "  h%zu: {}\n", i);
    (void)fprintf(file, "links:\n");
    for (size_t i = 1; i <= nodes; i++)
        (void)fprintf(file,
                      "  - {node: h%zu, network: star, interface: eth0, addresses: "
                      "[10.0.%zu.%zu]}\n",
                      i, i / 250, i % 250 + 1);
    (void)fclose(file);
    return text;
}

static void every_size_of_network_carries(struct sealed *sealed)
{
    static const size_t sizes[] = {1, 2, 3, 25, 26, 60};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = star(sizes[i]);
        struct lab *lab = build(sealed, text);
        free(text);
        if (!lab)
            return;
        char last[16];
        char address[40];
        char seen[INET6_ADDRSTRLEN];
        (void)snprintf(last, sizeof last, "h%zu", sizes[i]);
        (void)snprintf(address, sizeof address, "::ffff:10.0.0.%zu", sizes[i] + 1);
        EXPECT(sealed, exchange(lab, "h1", last, address, seen), "from h1 to %s", last);
        lab_destroy(lab);
        topology_free(&topology);
        /* The sandbox has one namespace of its own. */
        EXPECT(sealed, enclosure_await(1, 20), "%zu nodes left a namespace", sizes[i]);
    }
}

static void networks_of_every_size_carry_packets_and_go(void **state)
{
    (void)state;
    sealed_run(every_size_of_network_carries);
}

/* --- nodes ------------------------------------------------------------------------------------ */

/* What a command prints, by its first line. */
static void first_line(const char *command, char line[200])
{
    FILE *file =
        popen(command, "re"); /* NOLINT(cert-env33-c): the tests' own words, in a sandbox */
    line[0] = '\0';
    if (file && !fgets(line, 200, file))
        line[0] = '\0';
    if (file)
        (void)pclose(file);
    line[strcspn(line, "\n")] = '\0';
}

static void ip_netns_knows_the_nodes(struct sealed *sealed)
{
    static const struct {
        const char *command;
        const char *expected;
    } commands[] = {
        {"ip netns exec gateway cat /proc/sys/net/ipv4/ip_forward", "1"},
        {"ip netns exec device cat /proc/sys/net/ipv4/ip_forward", "0"},
        {"ip netns exec gateway cat /proc/sys/net/ipv6/conf/all/forwarding", "1"},
        {"ip netns exec gateway cat /proc/sys/net/netfilter/nf_conntrack_udp_timeout", "7"},
        {"ip netns exec gateway ls /sys/class/net | tr '\\n' ' '", "lan lo wan "},
        {"ip netns list | sort | tr '\\n' ' '", "device gateway other server "},
        {"ip netns exec device cat /proc/sys/net/ipv4/conf/eth0/rp_filter", "0"},
    };
    if (!build(sealed, home))
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char line[200];
        first_line(commands[i].command, line);
        EXPECT(sealed, strcmp(line, commands[i].expected) == 0, "%s: '%s'", commands[i].command,
               line);
    }
}

static void ip_netns_exec_works_by_the_nodes_names(void **state)
{
    (void)state;
    sealed_run(ip_netns_knows_the_nodes);
}

static void addresses_follow_from_the_topology(struct sealed *sealed)
{
    struct lab *lab = build(sealed, home);
    if (!lab)
        return;
    for (size_t i = 0; i < topology.link_count; i++) {
        const struct topology_link *link = &topology.links[i];
        struct ifreq request = {0};
        uint8_t address[6];
        (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link->interface);
        (void)lab_enter(lab, link->node, NULL);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        EXPECT(sealed, ioctl(fd, SIOCGIFHWADDR, &request) == 0, "%s", strerror(errno));
        (void)close(fd);
        unsigned index = if_nametoindex(link->interface);
        EXPECT(sealed, index == i + 2, "link %zu has index %u, perhaps its other end's", i, index);
        lab_link_address(lab, i, address);
        EXPECT(sealed, memcmp(request.ifr_hwaddr.sa_data, address, 6) == 0, "link %zu", i);
        EXPECT(sealed, address[0] == 0x02 && address[5] == i + 1, "link %zu", i);
    }
    char line[200];
    first_line("ip netns exec device ip -6 -br address show dev eth0 scope link | tr -s ' '", line);
    EXPECT(sealed, strstr(line, "fe80::ff:fe00:1/64"), "%s", line);
    first_line("ip netns exec gateway ip -6 -br address show dev lan scope link | tr -s ' '", line);
    EXPECT(sealed, strstr(line, "fe80::1/64") && !strstr(line, "fe80::ff"), "%s", line);
    first_line("ip netns exec device ip -6 address show tentative", line);
    EXPECT(sealed, line[0] == '\0', "tentative: %s", line);
}

static void ethernet_and_link_local_addresses_follow_from_the_topology(void **state)
{
    (void)state;
    sealed_run(addresses_follow_from_the_topology);
}

static void nothing_is_sent_unasked(struct sealed *sealed)
{
    char line[200];
    char *text = star(3);
    struct lab *lab = build(sealed, text);
    free(text);
    if (!lab)
        return;
    for (size_t i = 0; i < 3; i++) {
        char command[100];
        (void)snprintf(command, sizeof command,
                       "ip netns exec h%zu awk '/eth0/ {print $3, $11}' /proc/net/dev", i + 1);
        first_line(command, line);
        EXPECT(sealed, strcmp(line, "0 0") == 0, "h%zu received, sent: %s", i + 1, line);
    }
}

static void a_lab_that_is_up_has_sent_no_packet(void **state)
{
    (void)state;
    sealed_run(nothing_is_sent_unasked);
}

/* From the last on: it was raised last, so its links would be the ones that aren't ready yet. */
static void links_are_ready(struct sealed *sealed)
{
    struct error error = {""};
    char *text = star(60);
    struct lab *lab = build(sealed, text);
    free(text);
    if (!lab)
        return;
    struct netlink_batch *batch = netlink_batch_create(&error);
    for (size_t i = topology.node_count; i-- > 0;) {
        (void)lab_enter(lab, i, NULL);
        int socket = netlink_open(&error);
        EXPECT(sealed, netlink_links_ready(batch, socket, &error) == 1, "node %zu %s", i,
               error.text);
        (void)close(socket);
    }
    netlink_batch_free(batch);
}

static void when_a_lab_is_up_every_link_carries_packets(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        sealed_run(links_are_ready);
}

static void checksums_are_whole(struct sealed *sealed)
{
    struct lab *lab = build(sealed, home);
    if (!lab)
        return;
    (void)lab_enter(lab, topology_find_node(&topology, "device"), NULL);
    int tap = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    int on = 1;
    EXPECT(sealed, setsockopt(tap, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) == 0, "%s",
           strerror(errno));
    char seen[INET6_ADDRSTRLEN];
    EXPECT(sealed, exchange(lab, "device", "server", "::ffff:198.51.100.2", seen), "no way");
    size_t packets = 0;
    for (;; packets++) {
        union {
            struct cmsghdr header;
            char octets[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        } control;
        char octets[2000];
        struct iovec part = {octets, sizeof octets};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        if (recvmsg(tap, &message, MSG_DONTWAIT) < 0)
            break;
        struct tpacket_auxdata data;
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        EXPECT(sealed, header, "packet %zu has no status", packets);
        memcpy(&data, CMSG_DATA(header), sizeof data);
        EXPECT(sealed, !(data.tp_status & TP_STATUS_CSUMNOTREADY), "packet %zu", packets);
    }
    EXPECT(sealed, packets >= 2, "%zu packets seen", packets);
}

static void a_capture_sees_whole_checksums(void **state)
{
    (void)state;
    sealed_run(checksums_are_whole);
}

static void state_is_saved(struct sealed *sealed)
{
    struct error error = {""};
    char seen[INET6_ADDRSTRLEN];
    char command[200];
    char line[200];
    struct lab *lab = build(sealed, home);
    if (!lab)
        return;
    EXPECT(sealed, exchange(lab, "device", "server", "::ffff:198.51.100.2", seen), "no way");
    size_t gateway = topology_find_node(&topology, "gateway");
    EXPECT(sealed, lab_save_state(lab, gateway, sealed->folder, &error) == 0, "%s", error.text);
    (void)snprintf(command, sizeof command, "cat %s/gateway.conntrack", sealed->folder);
    first_line(command, line);
    EXPECT(sealed,
           strncmp(line, "udp      17 ", 12) == 0 &&
               strstr(line, "src=192.0.2.9 dst=198.51.100.2") && strstr(line, "dport=4000") &&
               strstr(line, "dst=198.51.100.1 sport=4000") && !strstr(line, "UNREPLIED"),
           "%s", line);
    (void)snprintf(command, sizeof command, "grep -c masquerade %s/gateway.nft", sealed->folder);
    first_line(command, line);
    EXPECT(sealed, strcmp(line, "1") == 0, "%s", line);
    EXPECT(sealed, lab_save_state(lab, gateway, "/nowhere", &error) == -1, "saved nowhere");
    EXPECT(sealed,
           strcmp(error.text, "creating /nowhere/gateway.nft: No such file or directory") == 0,
           "%s", error.text);
}

static void rules_and_tracked_connections_are_saved(void **state)
{
    (void)state;
    sealed_run(state_is_saved);
}

/* --- side by side ----------------------------------------------------------------------------- */

static void twenty_labs_do_not_disturb_each_other(void **state)
{
    (void)state;
    pid_t labs[20];
    for (size_t i = 0; i < 20; i++) {
        labs[i] = fork();
        if (labs[i] > 0)
            continue;
        struct sealed sealed = {.body = both_families_cross_the_gateway};
        struct error error = {""};
        const struct sandbox sandbox = {0};
        int result = sandbox_run(&sandbox, sealed_body, &sealed, &error);
        if (result != 0)
            (void)fprintf(stderr, "lab %zu: %s\n", i, error.text);
        _exit(result == 0 ? 0 : 1);
    }
    for (size_t i = 0; i < 20; i++) {
        int status = -1;
        assert_int_equal(waitpid(labs[i], &status, 0), labs[i]);
        assert_int_equal(status, 0);
    }
}

/* --- what can't be built ---------------------------------------------------------------------- */

#define NODE(what)                                                                                 \
    "networks: {n: {ipv4: 192.0.2.0/24}}\n"                                                        \
    "links: [{node: a, network: n, interface: eth0, addresses: [192.0.2.9]}]\n"                    \
    "nodes:\n  a:\n" what

static void each_failure_is_one_line(struct sealed *sealed)
{
    static const struct {
        const char *text;
        const char *message; /* its beginning: the rest is nft's or the kernel's own */
    } failures[] = {
        {NODE("    nftables: |\n      table ip x {\n        chain y {\n          nonsense\n        "
              "}\n"
              "      }\n"),
         "t.yaml:8: ruleset of node 'a': syntax error"},
        {NODE("    nftables: flush chain ip none none\n"), "t.yaml:5: ruleset of node 'a': "},
        {NODE("    settings:\n      net.ipv4.none: 1\n"),
         "t.yaml:6: setting 'net.ipv4.none' of node 'a' to '1': this kernel has no such setting in "
         "a node"},
        {NODE("    settings:\n      net.ipv4.ip_default_ttl: 999\n"),
         "t.yaml:6: setting 'net.ipv4.ip_default_ttl' of node 'a' to '999': Invalid argument"},
        {NODE("    routes:\n      - {to: default, via: 192.0.2.1}\n"
              "      - {to: default, via: 192.0.2.1}\n"),
         "t.yaml:7: adding a route of node a: File exists"},
    };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct error error = {""};
        EXPECT(sealed, read_topology(failures[i].text, &error), "%s", error.text);
        struct lab *lab = lab_create(&topology, &error);
        EXPECT(sealed, !lab, "case %zu was built", i);
        EXPECT(sealed, strncmp(error.text, failures[i].message, strlen(failures[i].message)) == 0,
               "case %zu: %s", i, error.text);
        EXPECT(sealed, !strchr(error.text, '\n'), "case %zu: %s", i, error.text);
        EXPECT(sealed, enclosure_await(1, 20), "case %zu left a namespace", i);
        topology_free(&topology);
    }
}

static void what_cannot_be_built_is_one_line_of_the_scenario(void **state)
{
    (void)state;
    sealed_run(each_failure_is_one_line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_cross_the_gateway_in_both_families),
        cmocka_unit_test(networks_of_every_size_carry_packets_and_go),
        cmocka_unit_test(ip_netns_exec_works_by_the_nodes_names),
        cmocka_unit_test(ethernet_and_link_local_addresses_follow_from_the_topology),
        cmocka_unit_test(a_lab_that_is_up_has_sent_no_packet),
        cmocka_unit_test(when_a_lab_is_up_every_link_carries_packets),
        cmocka_unit_test(a_capture_sees_whole_checksums),
        cmocka_unit_test(rules_and_tracked_connections_are_saved),
        cmocka_unit_test(twenty_labs_do_not_disturb_each_other),
        cmocka_unit_test(what_cannot_be_built_is_one_line_of_the_scenario),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
