/* Where a datagram comes from or goes to: an address, and for a link-local one the interface too. */
#ifndef PINHOLE_NODE_PLACE_H
#define PINHOLE_NODE_PLACE_H

#include "wire/address.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct place {
    struct address address;
    uint32_t interface; /* index; 0 where the address alone says it */
};

enum { PLACE_TEXT_SIZE = ADDRESS_TEXT_SIZE + 8 /* brackets, colon, port */ };

union socket_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* Reads "192.0.2.1", "2001:db8::1" or "fe80::1%eth0". */
bool place_parse(const char *text, struct place *place);

/* Whether address is in fe80::/10: then it says nothing without an interface. */
bool place_is_link_local(const struct address *address);

/* The family to open a socket of: AF_INET or AF_INET6. */
int place_family(const struct place *place);

/* Fills out for bind() and the like; returns its length. */
socklen_t place_to_socket(const struct place *place, uint16_t port, union socket_address *out);

/* The other way; port in host order, NULL if it isn't wanted. */
void place_from_socket(const union socket_address *from, struct place *place, uint16_t *port);

/* "192.0.2.1:5683", "[2001:db8::1]:5683", as in a URI. Returns text. */
const char *place_text(const struct address *address, uint16_t port, char text[PLACE_TEXT_SIZE]);

#endif
