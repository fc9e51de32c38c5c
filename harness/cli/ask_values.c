#include "cli/ask_values.h"

#include "cli/hex.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_SIZE = 256 /* of a text that is taken apart */ };

int ask_read_number(const char *option, const char *text, uint32_t maximum, uint32_t *out,
                    struct error *error)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, hexadecimal ? 16 : 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || number > maximum)
        return error_set(error, "%s: expected a number from 0 to %u, got '%.200s'", option, maximum,
                         text);
    *out = (uint32_t)number;
    return 0;
}

int ask_read_seconds(const char *option, const char *text, uint32_t *milliseconds,
                     struct error *error)
{
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (end == text || *end || errno || !(seconds >= 0 && seconds < 1e6))
        return error_set(error, "%s: expected seconds, from 0 to under 1000000, got '%.200s'",
                         option, text);
    *milliseconds = (uint32_t)(seconds * 1000 + 0.5);
    return 0;
}

int ask_read_address(const char *option, const char *text, struct address *out, struct error *error)
{
    if (!address_parse(text, out))
        return error_set(error, "%s: expected an IPv4 or IPv6 address, got '%.200s'", option, text);
    return 0;
}

int ask_read_interface(const char *option, const char *text, uint32_t *index, struct error *error)
{
    *index = if_nametoindex(text);
    return *index ? 0 : error_set(error, "%s: there is no interface '%.200s'", option, text);
}

/* Copies what stands before an end and says where the rest is. False if it has no room. */
static bool cut(const char *text, size_t length, char piece[PIECE_SIZE])
{
    if (length >= PIECE_SIZE)
        return false;
    memcpy(piece, text, length);
    piece[length] = '\0';
    return true;
}

/* Where the address ends and where the port begins (NULL: none). False if the brackets don't fit. */
static bool split_endpoint(const char *text, char host[PIECE_SIZE], const char **port)
{
    const char *first = strchr(text, ':');
    *port = NULL;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close || (close[1] && close[1] != ':'))
            return false;
        *port = close[1] ? close + 2 : NULL;
        return cut(text + 1, (size_t)(close - text - 1), host);
    }
    if (first && !strchr(first + 1, ':')) { /* one colon alone is no IPv6 address */
        *port = first + 1;
        return cut(text, (size_t)(first - text), host);
    }
    return cut(text, strlen(text), host);
}

int ask_read_endpoint(const char *option, const char *text, struct ask_endpoint *out,
                      struct error *error)
{
    char host[PIECE_SIZE];
    const char *port;
    uint32_t number = 0;
    *out = (struct ask_endpoint){0};
    if (!split_endpoint(text, host, &port))
        return error_set(error, "%s: expected ADDRESS[%%INTERFACE][:PORT], got '%.200s'", option,
                         text);
    char *interface = strchr(host, '%');
    if (interface)
        *interface++ = '\0';
    if (ask_read_address(option, host, &out->place.address, error) != 0 ||
        (interface && ask_read_interface(option, interface, &out->place.interface, error) != 0) ||
        (port && ask_read_number(option, port, UINT16_MAX, &number, error) != 0))
        return -1;
    out->has_port = port;
    out->port = (uint16_t)number;
    return 0;
}

int ask_read_protocol(const char *option, const char *text, uint32_t *out, struct error *error)
{
    static const struct {
        const char *name;
        uint8_t number;
    } protocols[] = {{"udp", 17},  {"tcp", 6},       {"sctp", 132},
                     {"dccp", 33}, {"udplite", 136}, {"all", 0}};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (strcmp(protocols[i].name, text) == 0) {
            *out = protocols[i].number;
            return 0;
        }
    }
    if (text[0] >= '0' && text[0] <= '9')
        return ask_read_number(option, text, UINT8_MAX, out, error);
    return error_set(error,
                     "%s: expected udp, tcp, sctp, dccp, udplite, all or a number, got '%.200s'",
                     option, text);
}

int ask_read_filter(const char *option, const char *text, struct pcp_filter *out,
                    struct error *error)
{
    *out = (struct pcp_filter){.remote_address = address_any_ipv4()};
    if (strcmp(text, "none") == 0)
        return 0;
    char address[PIECE_SIZE];
    char length[PIECE_SIZE];
    const char *slash = strchr(text, '/');
    const char *colon = slash ? strchr(slash, ':') : NULL;
    uint32_t bits = 0;
    uint32_t port = 0;
    size_t left = slash ? strcspn(slash + 1, ":") : 0;
    if (!slash || !cut(text, (size_t)(slash - text), address) || !cut(slash + 1, left, length))
        return error_set(error, "%s: expected PREFIX/LENGTH[:PORT] or none, got '%.200s'", option,
                         text);
    if (ask_read_address(option, address, &out->remote_address, error) != 0)
        return -1;
    /* The 96 bits before an IPv4 prefix count (section 13.3); who writes it dotted leaves them out. */
    bool ipv4 = !strchr(address, ':');
    if (ask_read_number(option, length, ipv4 ? 32 : 128, &bits, error) != 0 ||
        (colon && ask_read_number(option, colon + 1, UINT16_MAX, &port, error) != 0))
        return -1;
    out->prefix_length = (uint8_t)(bits + (ipv4 ? 96 : 0));
    out->remote_port = (uint16_t)port;
    return 0;
}

int ask_read_hex(const char *option, const char *text, uint8_t *octets, size_t capacity,
                 size_t *length, struct error *error)
{
    if (!hex_read(text, octets, capacity, length))
        return error_set(error, "%s: expected hexadecimal octets, at most %zu, got '%.200s'",
                         option, capacity, text);
    return 0;
}

int ask_read_numbered(const char *option, const char *text, uint32_t maximum, uint32_t *number,
                      struct ask_octets *out, struct error *error)
{
    char first[PIECE_SIZE];
    const char *colon = strchr(text, ':');
    if (!colon || !cut(text, (size_t)(colon - text), first))
        return error_set(error, "%s: expected NUMBER:HEX, got '%.200s'", option, text);
    if (ask_read_number(option, first, maximum, number, error) != 0)
        return -1;
    return ask_read_hex(option, colon + 1, out->octets, sizeof out->octets, &out->length, error);
}

int ask_read_payload(const char *text, struct ask_octets *out, struct error *error)
{
    bool standard = strcmp(text, "-") == 0;
    if (!standard && text[0] != '@')
        return ask_read_hex("raw", text, out->octets, sizeof out->octets, &out->length, error);
    const char *name = standard ? "standard input" : text + 1;
    FILE *file = standard ? stdin : fopen(name, "rb");
    if (!file)
        return error_set_errno(error, errno, "raw: %.400s", name);
    out->length = fread(out->octets, 1, sizeof out->octets, file);
    bool more = out->length == sizeof out->octets && getc(file) != EOF;
    int status = 0;
    if (ferror(file))
        status = error_set_errno(error, errno, "raw: %.400s", name);
    else if (more)
        status = error_set(error, "raw: %.400s is longer than a datagram, %u octets", name,
                           (unsigned)ASK_CAPACITY);
    if (!standard)
        (void)fclose(file);
    return status;
}
