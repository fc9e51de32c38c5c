#include "lab/prefix.h"

#include "wire/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool prefix_is_ipv4(const struct prefix *prefix)
{
    struct address address;
    memcpy(address.octet, prefix->octet, sizeof address.octet);
    return prefix->length >= IPV4_OFFSET && address_is_ipv4(&address);
}

bool prefix_parse(const char *text, struct prefix *out)
{
    char copy[PREFIX_TEXT_SIZE];
    if (strlen(text) >= sizeof copy)
        return false;
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    struct address address;
    if (!address_parse(copy, &address))
        return false;
    unsigned offset = address_is_ipv4(&address) && strchr(copy, ':') == NULL ? IPV4_OFFSET : 0;
    unsigned long length = 128 - offset;
    if (slash) {
        size_t digits = strspn(slash + 1, "0123456789");
        if (digits == 0 || digits > 3 || slash[1 + digits] != '\0')
            return false;
        length = strtoul(slash + 1, NULL, 10);
        if (length > 128 - offset)
            return false;
    }
    memcpy(out->octet, address.octet, sizeof out->octet);
    out->length = (uint8_t)(length + offset);
    return true;
}

const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
    struct address address;
    memcpy(address.octet, prefix->octet, sizeof address.octet);
    char digits[ADDRESS_TEXT_SIZE];
    (void)address_format(&address, digits);
    int offset = prefix_is_ipv4(prefix) ? IPV4_OFFSET : 0;
    if (prefix->length == 128)
        (void)snprintf(text, PREFIX_TEXT_SIZE, "%s", digits);
    else
        (void)snprintf(text, PREFIX_TEXT_SIZE, "%s/%d", digits, prefix->length - offset);
    return text;
}

bool prefix_contains(const struct prefix *prefix, const uint8_t *address)
{
    size_t whole = prefix->length / 8;
    unsigned rest = prefix->length % 8;
    if (memcmp(prefix->octet, address, whole) != 0)
        return false;
    return rest == 0 || (prefix->octet[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
    return a->length <= b->length ? prefix_contains(a, b->octet) : prefix_contains(b, a->octet);
}

bool prefix_is_network(const struct prefix *prefix)
{
    for (size_t bit = prefix->length; bit < 128; bit++)
        if (prefix->octet[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    return true;
}

bool address_is_link_local(const uint8_t *address)
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}
