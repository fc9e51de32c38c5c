/* Defects in what MAP and PEER are used for: RFC 6887 section 10. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/device/mapper.h"
#include "wire/octets.h"

#include <string.h>

enum {
    PORT_AT = PCP_HEADER_LENGTH + PCP_NONCE_LENGTH + 6,
    REMOTE_ADDRESS_AT = PORT_AT + 2 + 16 + 4
};

static bool is_answer(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.response;
}

static bool is_peer_request(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && !datagram->sent.response && datagram->sent.opcode == PCP_PEER;
}

static void name_peer_otherwise(struct defect *defect, struct defect_datagram *datagram)
{
    struct address other;
    (void)defect;
    (void)address_parse(address_is_ipv4(&datagram->sent.client) ? "2001:db8:2::2" : "11.0.0.2",
                        &other);
    if (is_peer_request(datagram))
        memcpy(datagram->octets + REMOTE_ADDRESS_AT, other.octet, sizeof other.octet);
}

static void want_one_family(struct defect *defect)
{
    struct ports *ports = defect->ports;
    while (ports->count > 1 && ports->ports[ports->count - 1].is_other_family)
        ports->count--;
}

static bool notice_once(struct defect *defect, const struct pcp_map *map)
{
    return !map || defect->number[0]++ == 0;
}

static void suggest_no_port(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_peer_request(datagram))
        octets_put16(datagram->octets + PORT_AT, 0);
}

/* number[0]: the epoch before; number[1]: something is to be sent over the flow */
static void see_loss(struct defect *defect, struct defect_datagram *datagram)
{
    if (!is_answer(datagram))
        return;
    defect->number[1] = datagram->sent.epoch < defect->number[0];
    defect->number[0] = datagram->sent.epoch;
}

static void send_at_once(struct defect *defect, uint32_t now)
{
    const struct mapper *mapper = defect->mapper;
    const struct pcp_mapping *coap = &mapper->at[0].mappings[0];
    (void)now;
    if (!defect->number[1])
        return;
    defect->number[1] = 0;
    mapper->placed(mapper->context, &coap->data.map);
}

static void take_suggestion(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping =
        is_answer(datagram) ? defect_mapping(defect, datagram) : NULL;
    if (mapping && mapping->data.map.external_port)
        octets_put16(datagram->octets + PORT_AT, mapping->data.map.external_port);
}

const struct defect_hooks defects_10_uses[] = {
    {.name = "names-the-peer-in-the-other-family", .request = name_peer_otherwise},
    {.name = "wants-one-family-alone", .start = want_one_family},
    {.name = "publishes-its-place-once", .placed = notice_once},
    {.name = "registers-before-it-is-mapped", .registers_at_once = true},
    {.name = "restores-flows-with-any-port", .request = suggest_no_port},
    {.name = "sends-before-it-restores", .answer = see_loss, .turn = send_at_once},
    {.name = "counts-on-its-suggestion", .answer = take_suggestion},
    {.name = NULL},
};
