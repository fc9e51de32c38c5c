#include "node/common/coap_uri.h"

#include <stdlib.h>
#include <string.h>

enum { COAP_PORT = 5683, COAPS_PORT = 5684, LONGEST_PORT = 5, HOST_SIZE = 64 };

/* Returns what follows the prefix, or NULL if text doesn't begin with it. */
static const char *behind(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* The system alone knows the names of interfaces, but takes more for an address than is one. */
static bool parse_place(const char *text, struct place *place)
{
    *place = (struct place){0};
    bool good = strchr(text, '%') ? place_parse(text, place) : address_parse(text, &place->address);
    return good && place_is_link_local(&place->address) == (place->interface != 0);
}

/* "192.0.2.1", "[2001:db8::1]" or "[fe80::1%eth0]". Returns what follows, or NULL. */
static const char *parse_host(const char *text, struct place *place)
{
    char host[HOST_SIZE];
    bool is_bracketed = *text == '[';
    text += is_bracketed;
    size_t length = strcspn(text, is_bracketed ? "]" : ":/");
    if (length >= sizeof host)
        return NULL;
    memcpy(host, text, length);
    host[length] = '\0';
    if (!parse_place(host, place) || address_is_ipv4(&place->address) == is_bracketed)
        return NULL;
    text += length;
    if (is_bracketed && *text++ != ']')
        return NULL;
    return text;
}

/* ":5683", or nothing. Returns what follows, or NULL. */
static const char *parse_port(const char *text, uint16_t *port)
{
    if (*text != ':')
        return text;
    size_t digits = strspn(++text, "0123456789");
    unsigned long number = digits && digits <= LONGEST_PORT ? strtoul(text, NULL, 10) : 0;
    if (number == 0 || number > UINT16_MAX)
        return NULL;
    *port = (uint16_t)number;
    return text + digits;
}

bool coap_uri_parse(const char *text, struct coap_uri *out)
{
    const char *rest = behind(text, "coap://");
    out->is_secure = !rest;
    out->port = rest ? COAP_PORT : COAPS_PORT;
    if (!rest)
        rest = behind(text, "coaps://");
    if (rest)
        rest = parse_host(rest, &out->place);
    if (rest)
        rest = parse_port(rest, &out->port);
    return rest && (*rest == '\0' || *rest == '/');
}
