/* Defects in lifetimes and deletions: RFC 6887 sections 15 and 15.1. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/octets.h"

enum {
    LIFETIME_AT = 4,
    NONCE_AT = PCP_HEADER_LENGTH,
    EXTERNAL_PORT_AT = NONCE_AT + PCP_NONCE_LENGTH + 6,
    SANE = 366 * 86400 /* s */
};

static bool is_deletion(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP && datagram->sent.lifetime == 0;
}

static void renew_no_map(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && mapping->opcode == PCP_MAP && mapping->granted && !is_deletion(datagram))
        datagram->length = 0;
}

static void take_what_was_asked_for(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && datagram->sent.result == PCP_SUCCESS && datagram->sent.lifetime)
        octets_put32(datagram->octets + LIFETIME_AT, mapping->lifetime);
}

static void note_an_absurd_lifetime(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.result == PCP_SUCCESS && datagram->sent.lifetime > SANE)
        defect->number[0] = 1;
}

static void keep_to_it(struct defect *defect, struct defect_datagram *datagram)
{
    if (defect->number[0])
        datagram->length = 0;
}

static void delete_with_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_deletion(datagram))
        octets_put32(datagram->octets + NONCE_AT, (uint32_t)++defect->number[0]);
}

static void suggest_a_port(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_deletion(datagram))
        octets_put16(datagram->octets + EXTERNAL_PORT_AT, datagram->sent.data.map.internal_port);
}

const struct defect_hooks defects_15_lifetime[] = {
    {.name = "leaves-mappings-to-their-traffic", .request = renew_no_map},
    {.name = "renews-by-what-it-asked-for", .answer = take_what_was_asked_for},
    {.name = "keeps-to-absurd-lifetimes", .answer = note_an_absurd_lifetime, .request = keep_to_it},
    {.name = "deletes-with-another-nonce", .request = delete_with_another_nonce},
    {.name = "suggests-in-deletions", .request = suggest_a_port},
    {.name = NULL},
};
