#include "node/common/mapping_words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mapping_protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_ALL:
        return "all";
    case PROTOCOL_TCP:
        return "tcp";
    case PROTOCOL_UDP:
        return "udp";
    case PROTOCOL_SCTP:
        return "sctp";
    default:
        return "other";
    }
}

bool mapping_read_number(const char *text, unsigned long minimum, unsigned long maximum,
                         unsigned long *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return *end == '\0' && !errno && *number >= minimum && *number <= maximum;
}

/* Cuts text at its first separator; returns what stands behind it, or NULL. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

bool mapping_read_filter(const char *given, struct pcp_filter *filter)
{
    char text[ADDRESS_TEXT_SIZE + sizeof "/128,65535"];
    unsigned long number = 0;
    unsigned long length = 0;
    *filter = (struct pcp_filter){0};
    if (snprintf(text, sizeof text, "%s", given) >= (int)sizeof text)
        return false;
    char *port = cut(text, ',');
    char *bits = cut(text, '/');
    if (!bits || !address_parse(text, &filter->remote_address) ||
        (port && !mapping_read_number(port, 1, UINT16_MAX, &number)))
        return false;
    bool ipv4 = address_is_ipv4(&filter->remote_address);
    if (!mapping_read_number(bits, 1, ipv4 ? 32 : 128, &length))
        return false;
    filter->prefix_length = (uint8_t)(length + (ipv4 ? 96 : 0));
    filter->remote_port = (uint16_t)number;
    return true;
}
