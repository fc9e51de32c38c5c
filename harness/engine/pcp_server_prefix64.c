/* The PREFIX64 option, RFC 7225: which IPv6 prefix a NAT64 makes IPv6 addresses of IPv4 ones with.
 *
 * The server only tells what it was told; it is no NAT64 itself. The option, with n the prefix's
 * octets (4, 5, 6, 7, 8 or 12) and the IPv4 prefixes it is for, if not for all:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Option Code=129 |  Reserved   |         Option Length         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |              n                |  Prefix (n octets)            :
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   :  Suffix (12 - n octets)                                       :
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |      IPv4 Prefix Count        |      IPv4 Prefix Length       |  the second 16 bits and the
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+  address once a prefix
 *   |                         IPv4 Address                          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "engine/pcp_server_internal.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OWN_OCTETS = 2 + 12, /* length, prefix and suffix */
    PREFIX4_OCTETS = 6,  /* length and address */
    FIRST_IPV4_BIT = 96  /* of an IPv4-mapped address */
};

static size_t append_one(const struct pcp_server_prefix64 *prefix, uint8_t *octets, size_t used)
{
    uint8_t data[PCP_MAXIMUM_LENGTH];
    size_t length = OWN_OCTETS;
    octets_put16(data, prefix->octets);
    memcpy(data + 2, prefix->prefix.octet, prefix->octets);
    memcpy(data + 2 + prefix->octets, prefix->suffix, 12U - prefix->octets);
    if (prefix->ipv4_count) {
        octets_put16(data + length, (uint16_t)prefix->ipv4_count);
        length += 2;
    }
    for (size_t i = 0; i < prefix->ipv4_count; i++, length += PREFIX4_OCTETS) {
        octets_put16(data + length, (uint16_t)(prefix->ipv4[i].length - FIRST_IPV4_BIT));
        memcpy(data + length + 2, prefix->ipv4[i].address.octet + 12, 4);
    }
    return pcp_append_option(octets, used, PCP_MAXIMUM_LENGTH, PCP_PREFIX64, data,
                             (uint16_t)length);
}

size_t pcp_server_append_prefix64(const struct pcp_server *server, uint8_t *octets, size_t used)
{
    const struct pcp_server_policy *policy = &server->policy;
    for (size_t i = 0; i < policy->prefix64_count && used; i++)
        used = append_one(&policy->prefix64[i], octets, used);
    return used;
}

static bool is_prefix_length(uint8_t octets)
{
    return (octets >= 4 && octets <= 8) || octets == 12; /* RFC 6052 section 2.2 */
}

int pcp_server_prefix64_check(const struct pcp_server_prefix64 *prefix, struct error *error)
{
    if (!is_prefix_length(prefix->octets))
        return error_set(error, "NAT64 prefix: expected 4, 5, 6, 7, 8 or 12 octets, got %u",
                         prefix->octets);
    if (prefix->ipv4_count > PCP_SERVER_MAXIMUM_PREFIX64_IPV4)
        return error_set(error, "NAT64 prefix: expected at most %d IPv4 prefixes, got %zu",
                         PCP_SERVER_MAXIMUM_PREFIX64_IPV4, prefix->ipv4_count);
    for (size_t i = 0; i < prefix->ipv4_count; i++)
        if (!address_is_ipv4(&prefix->ipv4[i].address) || prefix->ipv4[i].length < FIRST_IPV4_BIT)
            return error_set(error, "NAT64 prefix: expected IPv4 prefixes, number %zu is none",
                             i + 1);
    return 0;
}
