#include "wire/address.h"

#include <string.h>

/* ::ffff:0.0.0.0; its first 12 octets are the prefix of all IPv4-mapped addresses. */
static const struct address any_ipv4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};
static const struct address any_ipv6;

enum { MAPPED_PREFIX_OCTETS = 12 };

struct address address_from_ipv4(const uint8_t octets[4])
{
    struct address address = any_ipv4;
    memcpy(address.octet + MAPPED_PREFIX_OCTETS, octets, 4);
    return address;
}

struct address address_from_ipv6(const uint8_t octets[16])
{
    struct address address;
    memcpy(address.octet, octets, sizeof address.octet);
    return address;
}

struct address address_any_ipv4(void)
{
    return any_ipv4;
}

struct address address_any_ipv6(void)
{
    return any_ipv6;
}

bool address_is_ipv4(const struct address *address)
{
    /* Section 5: all 96 bits, not the ffff group alone. */
    return memcmp(address->octet, any_ipv4.octet, MAPPED_PREFIX_OCTETS) == 0;
}

bool address_is_any(const struct address *address)
{
    return address_equal(address, &any_ipv4) || address_equal(address, &any_ipv6);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->octet, b->octet, sizeof a->octet) == 0;
}
