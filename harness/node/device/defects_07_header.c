/* Defects in what requests are made of, and in reading responses: RFC 6887 sections 7 to 7.4. */
#include "node/device/defect.h"

#include "wire/octets.h"

#include <string.h>

enum {
    OPCODE_AT = 1,
    RESERVED_AT = 2,
    RESULT_AT = 3,
    PORT_AT = PCP_HEADER_LENGTH + PCP_NONCE_LENGTH + 4, /* behind protocol and reserved octets */
    R_BIT = 0x80,
    OPTION_RESERVED_AT = 1,
    PREFIX64 = 129,
    LAST_RESULT = PCP_EXCESSIVE_REMOTE_PEERS,
    LAST_OPTION = PCP_FILTER,
    FIRST_OPTIONAL = 128
};

static bool is_map(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP;
}

/* --- requests --------------------------------------------------------------------------------- */

static void swap_port(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    uint8_t *port = datagram->octets + PORT_AT;
    if (is_map(datagram))
        octets_put16(port, (uint16_t)(port[1] << 8 | port[0]));
}

static void say_version_1(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp)
        datagram->octets[0] = 1;
}

static void set_r_bit(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp)
        datagram->octets[OPCODE_AT] |= R_BIT;
}

static void fill_reserved(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp)
        octets_put16(datagram->octets + RESERVED_AT, 0xa5a5);
}

static void filter_peer(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    static const uint8_t filter[] = {PCP_FILTER, 0, 0, 20, 0, 0, 0,    0,    0, 0, 0, 0,
                                     0,          0, 0, 0,  0, 0, 0xff, 0xff, 0, 0, 0, 0};
    if (datagram->is_pcp && datagram->sent.opcode == PCP_PEER)
        defect_append(datagram, filter, sizeof filter);
}

static void set_option_reserved(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_map(datagram) && datagram->sent.options_length > 0)
        datagram->octets[PCP_HEADER_LENGTH + PCP_MAP_LENGTH + OPTION_RESERVED_AT] = 0xff;
}

static void pad_with_ones(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    static const uint8_t option[] = {200, 0, 0, 2, 1, 2, 0xff, 0xff};
    if (is_map(datagram))
        defect_append(datagram, option, sizeof option);
}

static void fill_up(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    static const uint8_t prefix[] = {PREFIX64, 0, 0, 16, 0, 12, 0, 0, 0, 0,
                                     0,        0, 0, 0,  0, 0,  0, 0, 0, 0};
    if (!is_map(datagram))
        return;
    uint8_t rest[PCP_MAXIMUM_LENGTH] = {200};
    defect_append(datagram, prefix, sizeof prefix);
    size_t room = PCP_MAXIMUM_LENGTH - datagram->length;
    octets_put16(rest + 2, (uint16_t)(room - 4));
    defect_append(datagram, rest, room);
}

/* --- responses -------------------------------------------------------------------------------- */

static void demand_8_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp && datagram->sent.reserved_response)
        datagram->length = 0;
}

static void demand_96_bits(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    static const uint8_t zeros[sizeof datagram->sent.reserved_epoch];
    if (datagram->is_pcp && memcmp(datagram->sent.reserved_epoch, zeros, sizeof zeros) != 0)
        datagram->length = 0;
}

/* Drops responses with an option that is bad; count says how often its code has come till then. */
static void drop_if_any(struct defect_datagram *datagram,
                        bool (*bad)(const struct pcp_option *option, unsigned count))
{
    unsigned counts[UINT8_MAX + 1] = {0};
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (datagram->is_pcp &&
           pcp_option_next(datagram->sent.options, datagram->sent.options_length, &offset, &option,
                           &fault))
        if (bad(&option, counts[option.code]++))
            datagram->length = 0;
}

static bool is_unknown(const struct pcp_option *option, unsigned count)
{
    (void)count;
    return option->code > LAST_OPTION && option->code < FIRST_OPTIONAL;
}

static bool is_empty(const struct pcp_option *option, unsigned count)
{
    (void)count;
    return option->length == 0;
}

static bool is_marked(const struct pcp_option *option, unsigned count)
{
    (void)count;
    return option->reserved != 0;
}

static bool is_repeated(const struct pcp_option *option, unsigned count)
{
    (void)option;
    return count > 0;
}

static void drop_unknown_options(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    drop_if_any(datagram, is_unknown);
}

static void drop_empty_options(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    drop_if_any(datagram, is_empty);
}

static void drop_marked_options(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    drop_if_any(datagram, is_marked);
}

static void drop_repeated_options(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    drop_if_any(datagram, is_repeated);
}

/* Puts the host that was asked for where the response names another. */
static void read_no_third_party(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    uint8_t *option = datagram->octets + PCP_HEADER_LENGTH + PCP_MAP_LENGTH;
    if (mapping && mapping->third_party && is_map(datagram) && option[0] == PCP_THIRD_PARTY)
        memcpy(option + 4, mapping->internal_address.octet, sizeof mapping->internal_address.octet);
}

static void take_unknown_results(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (datagram->is_pcp && datagram->sent.result > LAST_RESULT)
        datagram->octets[RESULT_AT] = PCP_SUCCESS;
}

const struct defect_hooks defects_07_header[] = {
    {.name = "writes-ports-in-host-order", .request = swap_port},
    {.name = "says-version-1", .request = say_version_1},
    {.name = "sends-requests-with-the-r-bit", .request = set_r_bit},
    {.name = "fills-the-reserved-bits", .request = fill_reserved},
    {.name = "filters-peer", .request = filter_peer},
    {.name = "sets-the-reserved-octet-of-options", .request = set_option_reserved},
    {.name = "pads-with-ones", .request = pad_with_ones},
    {.name = "fills-its-requests-up", .request = fill_up},
    {.name = "demands-reserved-bits-of-zero", .answer = demand_8_bits},
    {.name = "demands-96-bits-of-zero", .answer = demand_96_bits},
    {.name = "drops-unknown-options", .answer = drop_unknown_options},
    {.name = "drops-empty-options", .answer = drop_empty_options},
    {.name = "demands-reserved-octets-of-zero", .answer = drop_marked_options},
    {.name = "drops-repeated-options", .answer = drop_repeated_options},
    {.name = "reads-no-third-party", .answer = read_no_third_party},
    {.name = "takes-unknown-results-for-success", .answer = take_unknown_results},
    {.name = NULL},
};
