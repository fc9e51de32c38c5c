/* Defects in what is made of Mapping Updates: RFC 6887 section 14.2. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"

#include <string.h>

enum { NONCE_AT = PCP_HEADER_LENGTH };

static void want_to_have_asked(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && !mapping->awaiting)
        datagram->length = 0;
}

static void believe_anyone(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.response) {
        datagram->source = defect->endpoint->peer.address;
        datagram->port = PCP_SERVER_PORT;
    }
}

static void believe_any_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && datagram->sent.response)
        memcpy(datagram->octets + NONCE_AT, mapping->data.map.nonce, PCP_NONCE_LENGTH);
}

const struct defect_hooks defects_14_2_update[] = {
    {.name = "ignores-mapping-updates", .answer = want_to_have_asked},
    {.name = "believes-any-mapping-update",
     .answer = believe_anyone,
     .tap = {.hears_anyone = true}},
    {.name = "believes-updates-of-another-nonce", .answer = believe_any_nonce},
    {.name = NULL},
};
