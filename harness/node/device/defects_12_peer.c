/* Defects in PEER: RFC 6887 section 12. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/octets.h"

#include <string.h>

/* Where the fields of a PEER are. */
enum {
    RESULT_AT = 3,
    LIFETIME_AT = 4,
    NONCE_AT = PCP_HEADER_LENGTH,
    PROTOCOL_AT = NONCE_AT + PCP_NONCE_LENGTH,
    RESERVED_24_AT = PROTOCOL_AT + 1,
    INTERNAL_PORT_AT = PROTOCOL_AT + 4,
    EXTERNAL_PORT_AT = INTERNAL_PORT_AT + 2,
    EXTERNAL_ADDRESS_AT = EXTERNAL_PORT_AT + 2,
    REMOTE_PORT_AT = EXTERNAL_ADDRESS_AT + 16,
    RESERVED_16_AT = REMOTE_PORT_AT + 2,
    REMOTE_ADDRESS_AT = RESERVED_16_AT + 2,
    LAST = 15 /* octet of an address */
};

static bool is_peer(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_PEER;
}

static bool is_renewal(struct defect *defect, const struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = is_peer(datagram) ? defect_mapping(defect, datagram) : NULL;
    return mapping && mapping->granted;
}

/* --- requests --------------------------------------------------------------------------------- */

static void ask_for_protocol_0(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        datagram->octets[PROTOCOL_AT] = 0;
}

static void set_24_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        datagram->octets[RESERVED_24_AT] = 1;
}

static void set_16_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        datagram->octets[RESERVED_16_AT] = 1;
}

static void ask_for_port_0(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        octets_put16(datagram->octets + INTERNAL_PORT_AT, 0);
}

static void ask_for_remote_port_0(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        octets_put16(datagram->octets + REMOTE_PORT_AT, 0);
}

static void suggest_a_port(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && datagram->sent.data.map.external_port == 0)
        octets_put16(datagram->octets + EXTERNAL_PORT_AT, datagram->sent.data.map.internal_port);
}

static void suggest_an_address(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && address_is_any(&datagram->sent.data.map.external_address))
        datagram->octets[EXTERNAL_ADDRESS_AT + LAST] = 1;
}

static void forget_what_was_assigned(struct defect *defect, struct defect_datagram *datagram)
{
    struct address any = address_any_ipv4();
    (void)defect;
    if (!is_peer(datagram))
        return;
    octets_put16(datagram->octets + EXTERNAL_PORT_AT, 0);
    memcpy(datagram->octets + EXTERNAL_ADDRESS_AT, any.octet, sizeof any.octet);
}

static void name_another_remote_peer(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        datagram->octets[REMOTE_ADDRESS_AT + LAST] ^= 1;
}

static void send_no_peer(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        datagram->length = 0;
}

static void have_one_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram))
        memset(datagram->octets + NONCE_AT, 0x5a, PCP_NONCE_LENGTH);
}

static void renew_with_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_renewal(defect, datagram))
        octets_put32(datagram->octets + NONCE_AT, (uint32_t)++defect->number[0]);
}

static void renew_for_no_time(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_renewal(defect, datagram))
        octets_put32(datagram->octets + LIFETIME_AT, 0);
}

static void renew_never(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_renewal(defect, datagram))
        datagram->length = 0;
}

/* Once: its grant then lasts as it should. */
static void renew_at_once(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        struct pcp_mapping *mapping = &client->mappings[i];
        if (mapping->opcode != PCP_PEER || !mapping->granted || defect->number[0])
            continue;
        defect->number[0] = 1;
        defect_hasten(mapping, now);
    }
}

/* --- responses -------------------------------------------------------------------------------- */

static bool has_bits(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (octets[i])
            return true;
    return false;
}

static void want_24_zero_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && has_bits(datagram->octets + RESERVED_24_AT, 3))
        datagram->length = 0;
}

static void want_16_zero_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && has_bits(datagram->octets + RESERVED_16_AT, 2))
        datagram->length = 0;
}

static void take_any_for_ours(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; is_peer(datagram) && i < client->mapping_count; i++) {
        const struct pcp_peer *ours = &client->mappings[i].data;
        if (client->mappings[i].opcode != PCP_PEER)
            continue;
        memcpy(datagram->octets + NONCE_AT, ours->map.nonce, PCP_NONCE_LENGTH);
        datagram->octets[PROTOCOL_AT] = ours->map.protocol;
        octets_put16(datagram->octets + INTERNAL_PORT_AT, ours->map.internal_port);
        octets_put16(datagram->octets + REMOTE_PORT_AT, ours->remote_port);
        memcpy(datagram->octets + REMOTE_ADDRESS_AT, ours->remote_address.octet,
               sizeof ours->remote_address.octet);
    }
}

static void take_it_for_this_mapping_alone(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && datagram->sent.result == PCP_NO_RESOURCES)
        datagram->octets[RESULT_AT] = PCP_NETWORK_FAILURE;
}

static void want_the_same_family(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer(datagram) && address_is_ipv4(&datagram->sent.data.map.external_address) !=
                                 address_is_ipv4(&datagram->sent.data.remote_address))
        datagram->length = 0;
}

static bool notice_no_place(struct defect *defect, const struct pcp_map *map)
{
    (void)defect;
    return !map;
}

static bool notice_the_first_place_alone(struct defect *defect, const struct pcp_map *map)
{
    return !map || defect->number[0]++ == 0;
}

const struct defect_hooks defects_12_peer[] = {
    {.name = "asks-by-peer-for-protocol-0", .request = ask_for_protocol_0},
    {.name = "sets-24-reserved-bits-of-peer", .request = set_24_bits},
    {.name = "asks-by-peer-for-port-0", .request = ask_for_port_0},
    {.name = "suggests-a-port-in-its-first-peer", .request = suggest_a_port},
    {.name = "suggests-an-address-in-its-first-peer", .request = suggest_an_address},
    {.name = "asks-by-peer-for-remote-port-0", .request = ask_for_remote_port_0},
    {.name = "sets-16-reserved-bits-of-peer", .request = set_16_bits},
    {.name = "wants-24-zero-bits-in-peer", .answer = want_24_zero_bits},
    {.name = "wants-16-zero-bits-in-peer", .answer = want_16_zero_bits},
    {.name = "forgets-what-peer-assigned", .request = forget_what_was_assigned},
    {.name = "names-another-remote-peer", .request = name_another_remote_peer},
    {.name = "never-asks-by-peer", .request = send_no_peer},
    {.name = "has-one-peer-nonce-for-ever", .request = have_one_nonce},
    {.name = "renews-peer-with-another-nonce", .request = renew_with_another_nonce},
    {.name = "asks-on-while-peer-lacks-resources", .answer = take_it_for_this_mapping_alone},
    {.name = "lets-peer-mappings-expire", .request = renew_never, .placed = notice_no_place},
    {.name = "renews-peer-for-no-time", .request = renew_for_no_time},
    {.name = "matches-peer-by-its-opcode", .answer = take_any_for_ours},
    {.name = "renews-peer-at-once", .turn = renew_at_once},
    {.name = "wants-the-remote-peers-family", .answer = want_the_same_family},
    {.name = "keeps-a-connection-that-moved", .placed = notice_the_first_place_alone},
    {.name = NULL},
};
