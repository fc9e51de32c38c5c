/* Internet addresses as PCP carries them: always 128 bits (RFC 6887 section 5).
 *
 * An IPv6 address stands as it is; an IPv4 address stands as IPv4-mapped IPv6, ::ffff:a.b.c.d.
 * The unspecified IPv4 address is ::ffff:0.0.0.0, the unspecified IPv6 address sixteen zero octets:
 * both forms matter, since they select the family of a mapping.
 */
#ifndef PINHOLE_WIRE_ADDRESS_H
#define PINHOLE_WIRE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
    uint8_t octet[16];
};

#define ADDRESS_TEXT_SIZE 46 /* room for the longest text with its NUL */

/* From four octets in network order. */
struct address address_from_ipv4(const uint8_t octets[4]);
/* From sixteen octets in network order. */
struct address address_from_ipv6(const uint8_t octets[16]);
/* ::ffff:0.0.0.0 and ::. */
struct address address_any_ipv4(void);
struct address address_any_ipv6(void);

/* True when all 96 bits of the ::ffff:0:0/96 prefix match (section 5 asks for all of them). */
bool address_is_ipv4(const struct address *address);
/* True for the unspecified address of either family. */
bool address_is_any(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* Reads "192.0.2.1" or "2001:db8::1" (and "::ffff:192.0.2.1"). False if text is neither. */
bool address_parse(const char *text, struct address *out);
/* Writes dotted quad for IPv4-mapped, RFC 5952 text otherwise. Returns text. */
const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

#endif
