/* Address prefixes of both families, and their text. */
#ifndef PINHOLE_LAB_PREFIX_H
#define PINHOLE_LAB_PREFIX_H

#include "lab/topology.h"

#include <stdbool.h>

enum { PREFIX_TEXT_SIZE = 64, IPV4_OFFSET = 96 /* bits before an IPv4-mapped address */ };

/* Reads "192.0.2.0/24" or "2001:db8::/32"; an address alone is a prefix of full length. */
bool prefix_parse(const char *text, struct prefix *out);
/* Writes it likewise, a full length left out. Returns text. */
const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]);

bool prefix_is_ipv4(const struct prefix *prefix);
/* True if address, of 16 octets, is among the prefix's. */
bool prefix_contains(const struct prefix *prefix, const uint8_t *address);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* True if no bit is set behind the length. */
bool prefix_is_network(const struct prefix *prefix);
/* fe80::/10 */
bool address_is_link_local(const uint8_t *address);

#endif
