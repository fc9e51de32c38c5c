/* Contents of the options that later RFCs give PCP: PREFIX64 (RFC 7225) and PORT_SET (RFC 7753).
 * THIRD_PARTY_ID (RFC 7843) and DESCRIPTION (RFC 7220) are octets and text, with no fields. Apart from
 * pcp.h, so that a small client links none of it.
 */
#ifndef PINHOLE_WIRE_PCP_EXTENSIONS_H
#define PINHOLE_WIRE_PCP_EXTENSIONS_H

#include "wire/pcp.h"

/* PREFIX64 data, RFC 7225 section 4.1, with n the prefix's octets; the last two lines, of which the
 * second is there once a prefix, only if the NAT64 prefix is for some destinations alone:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |        Prefix64 Length n      |     Prefix64 (n octets)       :
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   :     Suffix (12 - n octets)    |       IPv4 Prefix Count       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |      IPv4 Prefix Length       |      IPv4 Address (4 octets)  :
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct pcp_prefix64 {
    struct address prefix; /* its first octets; zeros behind them */
    uint8_t octets;        /* 4 to 8, or 12 */
    uint8_t suffix[8];     /* the first 12 - octets of them */
    uint16_t ipv4_count;
    const uint8_t *ipv4; /* 6 octets each, inside the decoded octets */
};

/* PORT_SET data, RFC 7753 section 4:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |        Port Set Size          |      First Internal Port      |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Reserved   |P|
 *   +-+-+-+-+-+-+-+-+
 */
struct pcp_port_set {
    uint16_t size;
    uint16_t first_internal_port;
    uint8_t reserved; /* 7 bits */
    bool parity;      /* P: external ports as even or odd as the internal ones */
};

/* PCP_FAULT_OPTION_LENGTH if the option's length is not that of what it says it holds. */
enum pcp_fault pcp_option_prefix64(const struct pcp_option *option, struct pcp_prefix64 *out);
enum pcp_fault pcp_option_port_set(const struct pcp_option *option, struct pcp_port_set *out);

/* One of a PREFIX64's IPv4 prefixes (index < ipv4_count) and its length in bits, of 32 if sound. */
struct address pcp_prefix64_ipv4(const struct pcp_prefix64 *prefix64, size_t index,
                                 uint16_t *length);

#endif
