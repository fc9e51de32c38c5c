#include "node/common/place.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

bool place_parse(const char *text, struct place *place)
{
    /* Not address_parse(): the system knows the names of interfaces. */
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        return false;
    union socket_address address;
    bool fits = found->ai_addrlen <= sizeof address;
    if (fits) {
        memcpy(&address, found->ai_addr, found->ai_addrlen);
        place_from_socket(&address, place, NULL);
    }
    freeaddrinfo(found);
    return fits;
}

bool place_is_link_local(const struct address *address)
{
    return address->octet[0] == 0xfe && (address->octet[1] & 0xc0) == 0x80;
}

int place_family(const struct place *place)
{
    return address_is_ipv4(&place->address) ? AF_INET : AF_INET6;
}

socklen_t place_to_socket(const struct place *place, uint16_t port, union socket_address *out)
{
    memset(out, 0, sizeof *out);
    if (place_family(place) == AF_INET) {
        out->ipv4.sin_family = AF_INET;
        out->ipv4.sin_port = htons(port);
        memcpy(&out->ipv4.sin_addr, place->address.octet + 12, 4);
        return sizeof out->ipv4;
    }
    out->ipv6.sin6_family = AF_INET6;
    out->ipv6.sin6_port = htons(port);
    out->ipv6.sin6_scope_id = place->interface;
    memcpy(&out->ipv6.sin6_addr, place->address.octet, 16);
    return sizeof out->ipv6;
}

void place_from_socket(const union socket_address *from, struct place *place, uint16_t *port)
{
    uint16_t network_port;
    if (from->any.sa_family == AF_INET) {
        uint8_t octets[4];
        memcpy(octets, &from->ipv4.sin_addr, sizeof octets);
        place->address = address_from_ipv4(octets);
        place->interface = 0;
        network_port = from->ipv4.sin_port;
    } else {
        place->address = address_from_ipv6(from->ipv6.sin6_addr.s6_addr);
        place->interface = from->ipv6.sin6_scope_id;
        network_port = from->ipv6.sin6_port;
    }
    if (port)
        *port = ntohs(network_port);
}

const char *place_text(const struct address *address, uint16_t port, char text[PLACE_TEXT_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    address_format(address, host);
    snprintf(text, PLACE_TEXT_SIZE, address_is_ipv4(address) ? "%s:%u" : "[%s]:%u", host, port);
    return text;
}
