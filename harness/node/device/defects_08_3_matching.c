/* Defects in which datagrams are taken for responses: RFC 6887 sections 8 and 8.3. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OPCODE_AT = 1,
    NONCE_AT = PCP_HEADER_LENGTH,
    R_BIT = 0x80,
    EXTERNAL_PORT_AT = PCP_HEADER_LENGTH + PCP_NONCE_LENGTH + 6,
    SOME_PORT = 40000,
    SHORTEST = 4,
    MAP_RESPONSE = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    STRAY = 0 /* number[]: a response of a stranger had a low epoch */
};

static bool is_response_for_us(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.response && datagram->sent.opcode == PCP_MAP;
}

static void hear_anyone(struct defect *defect, struct defect_datagram *datagram)
{
    datagram->source = defect->endpoint->peer.address;
    datagram->port = PCP_SERVER_PORT;
}

static void set_r_bit(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->length >= PCP_HEADER_LENGTH)
        datagram->octets[OPCODE_AT] |= R_BIT;
}

/* --- of another length ------------------------------------------------------------------------ */

static void keep_request(struct defect *defect, struct defect_datagram *datagram)
{
    memcpy(defect->octets, datagram->octets, datagram->length);
    defect->length = datagram->length;
}

/* What is missing is what the request said. */
static void complete(struct defect *defect, struct defect_datagram *datagram)
{
    memcpy(datagram->octets, defect->octets, defect->length);
    datagram->octets[OPCODE_AT] |= R_BIT;
    octets_put16(datagram->octets + EXTERNAL_PORT_AT, SOME_PORT);
    datagram->length = defect->length;
}

static void take_three_octets(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->length < SHORTEST)
        complete(defect, datagram);
}

static void take_cut(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->length >= SHORTEST &&
        (datagram->length < PCP_HEADER_LENGTH || datagram->length % 4))
        complete(defect, datagram);
}

static void take_endless(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->length > PCP_MAXIMUM_LENGTH)
        datagram->length = MAP_RESPONSE;
}

static void drop_short(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->length < PCP_HEADER_LENGTH)
        datagram->length = 0;
}

/* --- of another request ----------------------------------------------------------------------- */

static void take_any_opcode(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->length >= MAP_RESPONSE && (datagram->octets[OPCODE_AT] & R_BIT))
        datagram->octets[OPCODE_AT] = R_BIT | PCP_MAP;
}

static void take_any_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && is_response_for_us(datagram))
        memcpy(datagram->octets + NONCE_AT, mapping->data.map.nonce, PCP_NONCE_LENGTH);
}

static void look_at_any_epoch(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_epoch *epoch = &defect->endpoint->client.epoch;
    if (is_response_for_us(datagram) && epoch->known && datagram->sent.epoch < epoch->server_time)
        defect->number[STRAY] = 1;
}

static void recover_from_strays(struct defect *defect, uint32_t now)
{
    if (defect->number[STRAY])
        pcp_client_recover(&defect->endpoint->client, now, 0);
    defect->number[STRAY] = 0;
}

static void hear_one(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && !mapping->awaiting)
        datagram->length = 0;
}

const struct defect_hooks defects_08_3_matching[] = {
    {.name = "hears-anyone", .answer = hear_anyone, .tap = {.hears_anyone = true}},
    {.name = "takes-a-clear-r-bit", .answer = set_r_bit},
    {.name = "takes-three-octets", .request = keep_request, .answer = take_three_octets},
    {.name = "takes-cut-responses", .request = keep_request, .answer = take_cut},
    {.name = "takes-endless-responses", .answer = take_endless},
    {.name = "drops-short-unsupp-version", .answer = drop_short},
    {.name = "takes-any-opcode", .answer = take_any_opcode},
    {.name = "takes-what-it-never-asked-for", .answer = take_any_nonce},
    {.name = "reads-the-epoch-of-strays", .answer = look_at_any_epoch, .turn = recover_from_strays},
    {.name = "hears-one-response", .answer = hear_one},
    {.name = NULL},
};
