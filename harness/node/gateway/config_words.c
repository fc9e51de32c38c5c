#include "node/gateway/config_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDP_LITE = 136 };

int config_number(const char *text, uint32_t minimum, uint32_t maximum, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number < minimum || number > maximum)
        return -1;
    *out = (uint32_t)number;
    return 0;
}

int config_prefix(const char *text, struct pcp_server_prefix *prefix)
{
    char address[ADDRESS_TEXT_SIZE];
    size_t length = strcspn(text, "/");
    if (length >= sizeof address)
        return -1;
    memcpy(address, text, length);
    address[length] = '\0';
    if (!address_parse(address, &prefix->address))
        return -1;
    uint32_t most = address_is_ipv4(&prefix->address) ? 32 : 128;
    uint32_t bits = most;
    if (text[length] && config_number(text + length + 1, 0, most, &bits))
        return -1;
    prefix->length = (uint8_t)(bits + 128 - most);
    return 0;
}

int config_ports(const char *text, uint16_t *first, uint16_t *last)
{
    char copy[16];
    if (strlen(text) >= sizeof copy)
        return -1;
    memcpy(copy, text, strlen(text) + 1);
    char *dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    uint32_t low, high;
    if (config_number(copy, 0, UINT16_MAX, &low))
        return -1;
    high = low;
    if (dash && config_number(dash + 1, low, UINT16_MAX, &high))
        return -1;
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return 0;
}

int config_protocol(const char *text, uint8_t *protocol)
{
    static const struct {
        const char *name;
        uint8_t number;
    } names[] = {{"tcp", TCP}, {"udp", UDP}, {"dccp", DCCP}, {"sctp", SCTP}, {"udplite", UDP_LITE}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0) {
            *protocol = names[i].number;
            return 0;
        }
    uint32_t number;
    if (config_number(text, 1, UINT8_MAX, &number))
        return -1;
    *protocol = (uint8_t)number;
    return 0;
}

int config_expected(const struct config_line *line, const char *what, struct error *error)
{
    return error_set(error, "%s: %s: expected %s, got '%s'", line->where, line->words[0], what,
                     line->count > 1 ? line->words[1] : "");
}
