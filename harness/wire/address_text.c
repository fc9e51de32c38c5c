/* Apart from address.c, so that a small client links no text routines. */
#include "wire/address.h"

#include <arpa/inet.h>

bool address_parse(const char *text, struct address *out)
{
    uint8_t octets[16];
    if (inet_pton(AF_INET, text, octets) == 1)
        *out = address_from_ipv4(octets);
    else if (inet_pton(AF_INET6, text, octets) == 1)
        *out = address_from_ipv6(octets);
    else
        return false;
    return true;
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    /* Neither call can fail: the family is known and the room is enough for the longest text. */
    if (address_is_ipv4(address))
        (void)inet_ntop(AF_INET, address->octet + 12, text, ADDRESS_TEXT_SIZE);
    else
        (void)inet_ntop(AF_INET6, address->octet, text, ADDRESS_TEXT_SIZE);
    return text;
}
