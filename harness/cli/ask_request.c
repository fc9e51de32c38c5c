/* A request is laid out as its kind has it; then every field that was given is written over it, wrong
 * ones as well as right ones. In this order: header and data, options, --overwrite, --length,
 * --trailing. */
#include "cli/ask_request.h"

#include "wire/natpmp.h"

#include <string.h>

enum { LIFETIME = 7200, UDP = 17, TCP = 6, RESPONSE_BIT = 0x80 };

static uint32_t number_or(const struct ask_number *number, uint32_t otherwise)
{
    return number->given ? number->value : otherwise;
}

static size_t compose_pcp(const struct ask_options *options, const struct address *source,
                          struct ask_octets *out)
{
    static const uint8_t opcodes[] = {
        [ASK_ANNOUNCE] = PCP_ANNOUNCE, [ASK_MAP] = PCP_MAP, [ASK_PEER] = PCP_PEER};
    struct pcp_message message = {
        .version = (uint8_t)number_or(&options->version, PCP_VERSION),
        .opcode = opcodes[options->kind],
        .reserved_request = {(uint8_t)(options->reserved.value >> 8),
                             (uint8_t)options->reserved.value},
        .lifetime = number_or(&options->lifetime, options->kind == ASK_ANNOUNCE ? 0 : LIFETIME),
        .client = options->has_client ? options->client : *source,
    };
    struct pcp_peer *peer = &message.data;
    struct pcp_map *map = &peer->map;
    memcpy(map->nonce, options->nonce, sizeof map->nonce);
    memcpy(map->reserved, options->map_reserved, sizeof map->reserved);
    memcpy(peer->reserved, options->peer_reserved, sizeof peer->reserved);
    map->protocol = (uint8_t)number_or(&options->protocol, UDP);
    map->internal_port = (uint16_t)options->internal_port.value;
    map->external_port = (uint16_t)options->external_port.value;
    map->external_address =
        address_is_ipv4(source) ? address_any_ipv4() : address_any_ipv6(); /* sections 5, 11.2 */
    if (options->has_external_address)
        map->external_address = options->external_address;
    peer->remote_port = options->remote.port;
    peer->remote_address = options->remote.place.address;
    return pcp_encode(&message, out->octets, sizeof out->octets);
}

static size_t compose_natpmp(const struct ask_options *options, struct ask_octets *out)
{
    bool tcp = number_or(&options->protocol, UDP) == TCP;
    struct natpmp_message message = {
        .version = (uint8_t)number_or(&options->version, NATPMP_VERSION),
        .reserved = {(uint8_t)(options->reserved.value >> 8), (uint8_t)options->reserved.value},
        .internal_port = (uint16_t)options->internal_port.value,
        .external_port = (uint16_t)options->external_port.value,
        .lifetime = number_or(&options->lifetime, LIFETIME),
    };
    message.opcode = NATPMP_ADDRESS;
    if (options->kind == ASK_NATPMP_MAP)
        message.opcode = tcp ? NATPMP_MAP_TCP : NATPMP_MAP_UDP;
    return natpmp_encode(&message, out->octets, sizeof out->octets);
}

static int append(struct ask_octets *out, const struct ask_octets *more, const char *what,
                  struct error *error)
{
    if (more->length > sizeof out->octets - out->length)
        return error_set(error, "%s: the request is longer than a datagram", what);
    memcpy(out->octets + out->length, more->octets, more->length);
    out->length += more->length;
    return 0;
}

static int overwrite(const char *text, struct ask_octets *out, struct error *error)
{
    static struct ask_octets piece; /* large */
    uint32_t offset;
    if (ask_read_numbered("--overwrite", text, ASK_CAPACITY, &offset, &piece, error) != 0)
        return -1;
    if (offset > out->length || piece.length > out->length - offset)
        return error_set(error, "--overwrite: '%.200s' ends behind the request's %zu octets", text,
                         out->length);
    memcpy(out->octets + offset, piece.octets, piece.length);
    return 0;
}

int ask_compose(const struct ask_options *options, const struct address *source,
                struct ask_octets *out, struct error *error)
{
    out->length = 0;
    if (options->kind == ASK_RAW) {
        *out = options->raw;
    } else {
        bool natpmp = options->kind == ASK_NATPMP_ADDRESS || options->kind == ASK_NATPMP_MAP;
        out->length = natpmp ? compose_natpmp(options, out) : compose_pcp(options, source, out);
        out->octets[1] = (uint8_t)(number_or(&options->opcode, out->octets[1]) |
                                   (options->response ? RESPONSE_BIT : 0));
        if (append(out, &options->options, "options", error) != 0)
            return -1;
    }
    for (unsigned i = 0; i < options->overwrites; i++)
        if (overwrite(options->overwrite[i], out, error) != 0)
            return -1;
    if (options->length.given) {
        if (options->length.value > out->length)
            memset(out->octets + out->length, 0, options->length.value - out->length);
        out->length = options->length.value;
    }
    return append(out, &options->trailing, "--trailing", error);
}
