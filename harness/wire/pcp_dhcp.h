/* The PCP servers that DHCP names, RFC 7291: several servers, each with a list of addresses.
 *
 *   OPTION_V4_PCP_SERVER (158), section 4.1         OPTION_V6_PCP_SERVER (86), section 3.1
 *   +------+--------+-------------+---------        +-------------------+-------------------+
 *   | Code | Length | List-Length | a1 a2 a3        |    Option-code    |   Option-length   |
 *   +------+--------+-------------+---------        +-------------------+-------------------+
 *   | a4 ... | List-Length | a1 a2 a3 a4 ...        |   IPv6 addresses, 16 octets each ...  |
 *   +--------+-------------+----------------        +---------------------------------------+
 *   a list a server                                 an option a server
 */
#ifndef PINHOLE_WIRE_PCP_DHCP_H
#define PINHOLE_WIRE_PCP_DHCP_H

#include "wire/address.h"

enum {
    DHCP_OPTION_V4_PCP_SERVER = 158,
    DHCP_OPTION_V6_PCP_SERVER = 86,
    PCP_DHCP_SERVERS = 4, /* room; what is beyond is left out */
    PCP_DHCP_ADDRESSES = 8
};

struct pcp_dhcp_server {
    uint8_t count; /* over 0 */
    struct address addresses[PCP_DHCP_ADDRESSES];
};

struct pcp_dhcp_servers {
    uint8_t count;
    struct pcp_dhcp_server servers[PCP_DHCP_SERVERS];
};

/* Adds the servers named in the options field of a DHCPv4 message (behind the magic cookie). Several
 * instances of the option are one that was parted (RFC 3396). Multicast and loopback addresses are
 * left out (section 4.2), and the unspecified and broadcast ones. False, with nothing added, if an
 * option runs over the end or a list's length is 0, no multiple of 4 or beyond the option. */
bool pcp_dhcp_read_v4(const uint8_t *options, size_t length, struct pcp_dhcp_servers *servers);

/* The same for the options of a DHCPv6 message; each instance is a server of its own (section 3.2).
 * An IPv4-mapped address stands for the IPv4 address. */
bool pcp_dhcp_read_v6(const uint8_t *options, size_t length, struct pcp_dhcp_servers *servers);

/* Writes the options that name servers; for v4 all addresses must be IPv4. Returns the octets written,
 * or 0 if there is no server, an empty one, one that doesn't fit, or too little room. */
size_t pcp_dhcp_write_v4(const struct pcp_dhcp_servers *servers, uint8_t *octets, size_t capacity);
size_t pcp_dhcp_write_v6(const struct pcp_dhcp_servers *servers, uint8_t *octets, size_t capacity);

#endif
