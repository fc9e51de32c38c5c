/* Defects in MAP requests, and in what is expected of wishes: RFC 6887 sections 11, 11.1 and 11.2. */
#include "node/device/defect.h"

#include "node/common/clock.h"
#include "node/device/mapper.h"
#include "wire/octets.h"

#include <string.h>

enum {
    NONCE_AT = PCP_HEADER_LENGTH,
    PROTOCOL_AT = NONCE_AT + PCP_NONCE_LENGTH,
    RESERVED_AT = PROTOCOL_AT + 1,
    PORT_AT = PROTOCOL_AT + 4,
    SUGGESTED_PORT_AT = PORT_AT + 2,
    SUGGESTED_ADDRESS_AT = SUGGESTED_PORT_AT + 2,
    PROTOCOL_GRE = 47,
    SOME_PORT = 5683
};

/* A MAP request, or a MAP answer. */
static const struct pcp_map *map_of(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP ? &datagram->sent.data.map : NULL;
}

static bool is_without_wish(const struct defect_datagram *datagram)
{
    const struct pcp_map *map = map_of(datagram);
    return map && datagram->sent.lifetime > 0 && map->external_port == 0;
}

static void set_reserved_bit(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (map_of(datagram))
        datagram->octets[RESERVED_AT] = 1;
}

static void ask_for_port_0(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (map_of(datagram))
        octets_put16(datagram->octets + PORT_AT, 0);
}

static void suggest_internal_port(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_without_wish(datagram))
        octets_put16(datagram->octets + SUGGESTED_PORT_AT, map_of(datagram)->internal_port);
}

static void suggest_own_address(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_without_wish(datagram))
        memcpy(datagram->octets + SUGGESTED_ADDRESS_AT, datagram->sent.client.octet, 16);
}

static void write_any_otherwise(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    const struct address any =
        address_is_ipv4(&datagram->sent.client) ? address_any_ipv6() : address_any_ipv4();
    if (is_without_wish(datagram))
        memcpy(datagram->octets + SUGGESTED_ADDRESS_AT, any.octet, sizeof any.octet);
}

static void set_port(struct defect_datagram *datagram, uint8_t protocol)
{
    const struct pcp_map *map = map_of(datagram);
    if (map && map->protocol == protocol)
        octets_put16(datagram->octets + PORT_AT, SOME_PORT);
}

static void set_port_of_all(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    set_port(datagram, PROTOCOL_ALL);
}

static void set_port_of_gre(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    set_port(datagram, PROTOCOL_GRE);
}

static void want_zero_bits(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t zeros[3];
    const struct pcp_map *map = map_of(datagram);
    (void)defect;
    if (map && memcmp(map->reserved, zeros, sizeof zeros) != 0)
        datagram->length = 0;
}

static void wish_for_nothing(struct defect *defect)
{
    defect->mapper->external_port = 0;
}

/* number[0]: a nonce is kept, in octets */
static void have_one_nonce(struct defect *defect, struct pcp_endpoint_list *list)
{
    if (!defect->number[0]++)
        memcpy(defect->octets, list->addresses[0].nonce, PCP_NONCE_LENGTH);
    for (uint8_t i = 0; i < list->count; i++)
        memcpy(list->addresses[i].nonce, defect->octets, PCP_NONCE_LENGTH);
}

static void have_constant_nonce(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 0; i < list->count; i++)
        memcpy(list->addresses[i].nonce, "pinhole pcp", PCP_NONCE_LENGTH);
}

/* Others each time that the device starts. */
static void keep_no_nonces(struct defect *defect, struct pcp_endpoint_list *list)
{
    if (!defect->number[0])
        defect->number[0] = clock_milliseconds();
    for (uint8_t i = 0; i < list->count; i++)
        octets_put32(list->addresses[i].nonce, (uint32_t)defect->number[0]);
}

static void take_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (map_of(datagram) && map_of(datagram)->external_port != 0)
        datagram->octets[NONCE_AT] ^= 1;
}

static void delete_with_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (map_of(datagram) && datagram->sent.lifetime == 0)
        datagram->octets[NONCE_AT] ^= 1;
}

static void count_nonces(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 0; i < list->count; i++) {
        memset(list->addresses[i].nonce, 0, PCP_NONCE_LENGTH);
        octets_put32(list->addresses[i].nonce, (uint32_t)clock_milliseconds());
    }
}

const struct defect_hooks defects_11_requests[] = {
    {.name = "shares-its-ports", .shares_ports = true},
    {.name = "sets-reserved-bits-of-map", .request = set_reserved_bit},
    {.name = "asks-for-port-0", .request = ask_for_port_0},
    {.name = "suggests-its-internal-port", .request = suggest_internal_port},
    {.name = "suggests-its-own-address", .request = suggest_own_address},
    {.name = "writes-any-in-the-other-family", .request = write_any_otherwise},
    {.name = "maps-all-protocols-of-a-port", .request = set_port_of_all},
    {.name = "wants-24-zero-bits-in-map", .answer = want_zero_bits},
    {.name = "keeps-its-wish-to-itself", .start = wish_for_nothing},
    {.name = "maps-a-port-of-gre", .request = set_port_of_gre},
    {.name = "has-one-nonce-for-all-servers", .list = have_one_nonce},
    {.name = "has-one-nonce-for-ever", .list = have_constant_nonce},
    {.name = "forgets-the-nonces-it-keeps", .list = keep_no_nonces},
    {.name = "mixes-its-nonces-up", .request = take_another_nonce},
    {.name = "deletes-with-a-fresh-nonce", .request = delete_with_another_nonce},
    {.name = "counts-its-nonces", .list = count_nonces},
    {.name = NULL},
};
