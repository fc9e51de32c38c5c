#include "node/probe/endpoint.h"

#include "wire/address.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool endpoint_parse(const char *text, struct endpoint *out)
{
    char host[ENDPOINT_TEXT_SIZE];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof host)
        return false;
    size_t length = (size_t)(colon - text);
    bool brackets = text[0] == '[' && colon[-1] == ']';
    /* Without brackets nobody can tell where an IPv6 address ends. */
    if (!brackets && memchr(text, ':', length) != NULL)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? length - 2 : length), text + brackets);

    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (colon[1] == '\0' || getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    if (endpoint->address.ss_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, &endpoint->address, sizeof ipv4);
        uint8_t octets[4];
        memcpy(octets, &ipv4.sin_addr, sizeof octets);
        struct address address = address_from_ipv4(octets);
        snprintf(text, ENDPOINT_TEXT_SIZE, "%s:%u", address_format(&address, host),
                 ntohs(ipv4.sin_port));
        return text;
    }
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, &endpoint->address, sizeof ipv6);
    struct address address = address_from_ipv6(ipv6.sin6_addr.s6_addr);
    char scope[IF_NAMESIZE + 1] = "";
    if (ipv6.sin6_scope_id != 0 && if_indextoname(ipv6.sin6_scope_id, scope + 1) != NULL)
        scope[0] = '%';
    bool mapped = address_is_ipv4(&address);
    snprintf(text, ENDPOINT_TEXT_SIZE, mapped ? "%s%s:%u" : "[%s%s]:%u",
             address_format(&address, host), scope, ntohs(ipv6.sin6_port));
    return text;
}
