/* Defects in what is asked for: RFC 6887 sections 4 to 6. */
#include "node/device/defect.h"

#include "wire/octets.h"

#include <string.h>

enum {
    PORT_AT = PCP_HEADER_LENGTH + PCP_NONCE_LENGTH + 4, /* behind protocol and reserved octets */
    SUGGESTION_AT = PORT_AT + 4,
    ADDRESS_LENGTH = 16,
    MARK_AT = 10, /* bits 81 to 96 */
    MARK_LENGTH = 2
};

static const uint8_t mark[] = {200, 0, 0, 0};

static bool is_map(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP;
}

static void say_nothing(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    datagram->length = 0;
}

static void map_all_ports(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map(datagram))
        octets_put16(datagram->octets + PORT_AT, 0);
}

static void write_zeros(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map(datagram) && address_is_any(&datagram->sent.data.map.external_address))
        memset(datagram->octets + SUGGESTION_AT, 0, ADDRESS_LENGTH);
}

static void write_mapped(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map(datagram) && address_is_any(&datagram->sent.data.map.external_address))
        memset(datagram->octets + SUGGESTION_AT + MARK_AT, 0xff, MARK_LENGTH);
}

/* Of what was assigned nothing is left but the last 48 bits. */
static void read_tail(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    const uint8_t *address = datagram->octets + SUGGESTION_AT;
    if (is_map(datagram) && address[MARK_AT] == 0xff && address[MARK_AT + 1] == 0xff)
        memset(datagram->octets + SUGGESTION_AT, 0, MARK_AT);
}

static void write_compatible(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    const struct address *external = &datagram->sent.data.map.external_address;
    if (is_map(datagram) && address_is_ipv4(external))
        memset(datagram->octets + SUGGESTION_AT + MARK_AT, 0, MARK_LENGTH);
}

static void mark_repetition(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && !mapping->renewing && mapping->sends > 1)
        defect_append(datagram, mark, sizeof mark);
}

static void mark_renewal(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && mapping->renewing)
        defect_append(datagram, mark, sizeof mark);
}

const struct defect_hooks defects_04_wishes[] = {
    {.name = "never-asks", .request = say_nothing},
    {.name = "maps-all-ports", .request = map_all_ports},
    {.name = "writes-any-as-zeros", .request = write_zeros},
    {.name = "writes-any-ipv6-as-mapped", .request = write_mapped},
    {.name = "reads-ipv4-by-its-tail", .answer = read_tail},
    {.name = "writes-ipv4-compatible-addresses", .request = write_compatible},
    {.name = "marks-repetitions", .request = mark_repetition},
    {.name = "marks-renewals", .request = mark_renewal},
    {.name = NULL},
};
