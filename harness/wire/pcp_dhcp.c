#include "wire/pcp_dhcp.h"

#include "wire/octets.h"

#include <string.h>

enum { PAD = 0, END = 255, IPV4_LENGTH = 4, IPV6_LENGTH = 16, V4_HEADER = 2, V6_HEADER = 4 };
/* All that there is room for fits one option: no need to part it (RFC 3396). */
_Static_assert(PCP_DHCP_SERVERS *(1 + PCP_DHCP_ADDRESSES * IPV4_LENGTH) <= 255, "one option");

/* Sections 3.2 and 4.2, and what could never be a server's. */
static bool is_usable(const struct address *address)
{
    static const struct address loopback = {.octet = {[15] = 1}};
    uint8_t first = address->octet[address_is_ipv4(address) ? 12 : 0];
    if (address_is_any(address) || address_equal(address, &loopback))
        return false;
    if (address_is_ipv4(address))
        return first != 0 && first != 127 && first < 224 /* multicast, reserved, broadcast */;
    return first != 0xff;
}

static void add_address(struct pcp_dhcp_server *server, const struct address *address)
{
    if (is_usable(address) && server->count < PCP_DHCP_ADDRESSES)
        server->addresses[server->count++] = *address;
}

static void add_server(struct pcp_dhcp_servers *servers, const struct pcp_dhcp_server *server)
{
    if (server->count && servers->count < PCP_DHCP_SERVERS)
        servers->servers[servers->count++] = *server;
}

/* --- DHCPv4 ----------------------------------------------------------------------------------- */

/* The option's data arrive octet by octet, since it may be parted anywhere. */
struct list_reader {
    struct pcp_dhcp_servers servers;
    struct pcp_dhcp_server server;
    uint8_t left; /* of the list that is being read */
    uint8_t have;
    uint8_t octets[IPV4_LENGTH];
};

static bool take_octet(struct list_reader *reader, uint8_t octet)
{
    if (reader->left == 0) {
        reader->left = octet;
        reader->server.count = 0;
        return octet != 0 && octet % IPV4_LENGTH == 0;
    }
    reader->octets[reader->have++] = octet;
    if (reader->have == IPV4_LENGTH) {
        struct address address = address_from_ipv4(reader->octets);
        add_address(&reader->server, &address);
        reader->have = 0;
    }
    if (--reader->left == 0)
        add_server(&reader->servers, &reader->server);
    return true;
}

static bool take_data(struct list_reader *reader, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!take_octet(reader, data[i]))
            return false;
    }
    return true;
}

bool pcp_dhcp_read_v4(const uint8_t *options, size_t length, struct pcp_dhcp_servers *servers)
{
    struct list_reader reader = {.servers = *servers};
    size_t at = 0;
    while (at < length && options[at] != END) {
        if (options[at] == PAD) {
            at++;
            continue;
        }
        if (length - at < V4_HEADER || length - at - V4_HEADER < options[at + 1])
            return false;
        if (options[at] == DHCP_OPTION_V4_PCP_SERVER &&
            !take_data(&reader, options + at + V4_HEADER, options[at + 1]))
            return false;
        at += V4_HEADER + options[at + 1];
    }
    if (reader.left)
        return false;
    *servers = reader.servers;
    return true;
}

static bool all_ipv4(const struct pcp_dhcp_server *server)
{
    bool all = server->count > 0 && server->count <= PCP_DHCP_ADDRESSES;
    for (uint8_t i = 0; all && i < server->count; i++)
        all = address_is_ipv4(&server->addresses[i]);
    return all;
}

size_t pcp_dhcp_write_v4(const struct pcp_dhcp_servers *servers, uint8_t *octets, size_t capacity)
{
    size_t used = V4_HEADER;
    for (uint8_t s = 0; s < servers->count && s < PCP_DHCP_SERVERS; s++) {
        const struct pcp_dhcp_server *server = &servers->servers[s];
        size_t list = (size_t)server->count * IPV4_LENGTH;
        if (!all_ipv4(server) || capacity < used + 1 + list)
            return 0;
        octets[used++] = (uint8_t)list;
        for (uint8_t i = 0; i < server->count; i++, used += IPV4_LENGTH)
            memcpy(octets + used, server->addresses[i].octet + 12, IPV4_LENGTH);
    }
    if (used == V4_HEADER)
        return 0;
    octets[0] = DHCP_OPTION_V4_PCP_SERVER;
    octets[1] = (uint8_t)(used - V4_HEADER);
    return used;
}

/* --- DHCPv6 ----------------------------------------------------------------------------------- */

static void read_list(struct pcp_dhcp_servers *servers, const uint8_t *data, size_t length)
{
    struct pcp_dhcp_server server = {0};
    for (size_t at = 0; at < length; at += IPV6_LENGTH) {
        struct address address = address_from_ipv6(data + at);
        add_address(&server, &address);
    }
    add_server(servers, &server);
}

bool pcp_dhcp_read_v6(const uint8_t *options, size_t length, struct pcp_dhcp_servers *servers)
{
    struct pcp_dhcp_servers found = *servers;
    size_t at = 0;
    while (at < length) {
        if (length - at < V6_HEADER)
            return false;
        uint16_t code = octets_get16(options + at);
        uint16_t data = octets_get16(options + at + 2);
        at += V6_HEADER;
        if (length - at < data)
            return false;
        if (code == DHCP_OPTION_V6_PCP_SERVER) {
            if (data == 0 || data % IPV6_LENGTH != 0)
                return false;
            read_list(&found, options + at, data);
        }
        at += data;
    }
    *servers = found;
    return true;
}

size_t pcp_dhcp_write_v6(const struct pcp_dhcp_servers *servers, uint8_t *octets, size_t capacity)
{
    size_t used = 0;
    for (uint8_t s = 0; s < servers->count && s < PCP_DHCP_SERVERS; s++) {
        const struct pcp_dhcp_server *server = &servers->servers[s];
        size_t data = (size_t)server->count * IPV6_LENGTH;
        if (server->count == 0 || server->count > PCP_DHCP_ADDRESSES ||
            capacity - used < V6_HEADER + data)
            return 0;
        octets_put16(octets + used, DHCP_OPTION_V6_PCP_SERVER);
        octets_put16(octets + used + 2, (uint16_t)data);
        used += V6_HEADER;
        for (uint8_t i = 0; i < server->count; i++, used += IPV6_LENGTH)
            memcpy(octets + used, server->addresses[i].octet, IPV6_LENGTH);
    }
    return used;
}
