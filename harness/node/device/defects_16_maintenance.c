/* Defects in how mappings are kept: RFC 6887 sections 16.3.2 and 16.3.3, and appendix A. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum {
    PROTOCOL_SCTP = 132,
    INTERNAL_PORT_AT = PCP_HEADER_LENGTH + PCP_NONCE_LENGTH + 4,
    EXTERNAL_PORT_AT = INTERNAL_PORT_AT + 2,
    EXTERNAL_ADDRESS_AT = EXTERNAL_PORT_AT + 2
};

static bool is_sctp(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP &&
           datagram->sent.data.map.protocol == PROTOCOL_SCTP;
}

static void want_the_same_place(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && mapping->granted && datagram->sent.result == PCP_SUCCESS &&
        mapping->data.map.external_port != datagram->sent.data.map.external_port)
        datagram->length = 0;
}

static void ask_for_all_of_sctp(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_sctp(datagram))
        octets_put16(datagram->octets + INTERNAL_PORT_AT, 0);
}

static void suggest_for_sctp(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_sctp(datagram) && datagram->sent.data.map.external_port == 0)
        octets_put16(datagram->octets + EXTERNAL_PORT_AT, datagram->sent.data.map.internal_port);
}

static void forget_sctp(struct defect *defect, struct defect_datagram *datagram)
{
    struct address any = address_any_ipv4();
    (void)defect;
    if (!is_sctp(datagram))
        return;
    octets_put16(datagram->octets + EXTERNAL_PORT_AT, 0);
    memcpy(datagram->octets + EXTERNAL_ADDRESS_AT, any.octet, sizeof any.octet);
}

static void try_natpmp_first(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t request[NATPMP_ADDRESS_REQUEST_LENGTH] = {NATPMP_VERSION, NATPMP_ADDRESS};
    if (!datagram->is_pcp || defect->number[0]++)
        return;
    memcpy(datagram->octets, request, sizeof request);
    datagram->length = sizeof request;
}

static void drop_short_ones(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->length < PCP_HEADER_LENGTH)
        datagram->length = 0;
}

const struct defect_hooks defects_16_maintenance[] = {
    {.name = "takes-another-place-for-an-error", .answer = want_the_same_place},
    {.name = "asks-for-all-ports-of-sctp", .request = ask_for_all_of_sctp},
    {.name = "suggests-its-port-for-sctp", .request = suggest_for_sctp},
    {.name = "forgets-what-sctp-was-assigned", .request = forget_sctp},
    {.name = "tries-natpmp-first", .request = try_natpmp_first},
    {.name = "drops-short-responses", .answer = drop_short_ones},
    {.name = NULL},
};
