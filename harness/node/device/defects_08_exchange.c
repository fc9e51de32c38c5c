/* Defects in when and how a request is sent: RFC 6887 sections 8.1 and 8.1.1. */
#include "node/device/defect.h"

#include "wire/octets.h"

static void take_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    enum { NONCE_AT = PCP_HEADER_LENGTH };
    if (datagram->is_pcp && datagram->sent.opcode != PCP_ANNOUNCE)
        octets_put32(datagram->octets + NONCE_AT, (uint32_t)++defect->number[0]);
}

const struct defect_hooks defects_08_exchange[] = {
    {.name = "repeats-with-another-nonce", .request = take_another_nonce},
    {.name = NULL},
};
