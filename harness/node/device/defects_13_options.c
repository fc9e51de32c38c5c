/* Defects in options: RFC 6887 sections 13.1 to 13.3. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"

#include <string.h>

enum {
    FILTER_SIZE = PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH,
    LAST = 15 /* octet of an address */
};

static bool is_map(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_MAP;
}

/* Where an option of a code begins in octets, 0: nowhere. */
static size_t find_option(const struct defect_datagram *datagram, uint8_t code, size_t number)
{
    const struct pcp_message *sent = &datagram->sent;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    size_t start = 0;
    if (!is_map(datagram))
        return 0;
    while (pcp_option_next(sent->options, sent->options_length, &offset, &option, &fault)) {
        if (option.code == code && number-- == 0)
            return (size_t)(sent->options - datagram->octets) + start;
        start = offset;
    }
    return 0;
}

static void map_for_a_neighbour(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    uint8_t option[PCP_OPTION_HEADER_LENGTH + PCP_THIRD_PARTY_LENGTH] = {PCP_THIRD_PARTY, 0, 0,
                                                                         PCP_THIRD_PARTY_LENGTH};
    memcpy(option + PCP_OPTION_HEADER_LENGTH, datagram->sent.client.octet, PCP_THIRD_PARTY_LENGTH);
    option[PCP_OPTION_HEADER_LENGTH + LAST] ^= 1;
    if (is_map(datagram))
        defect_append(datagram, option, sizeof option);
}

static void name_itself(struct defect *defect, struct defect_datagram *datagram)
{
    size_t at = find_option(datagram, PCP_THIRD_PARTY, 0);
    (void)defect;
    if (at)
        memcpy(datagram->octets + at + PCP_OPTION_HEADER_LENGTH, datagram->sent.client.octet,
               PCP_THIRD_PARTY_LENGTH);
}

static void insist(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t option[] = {PCP_PREFER_FAILURE, 0, 0, 0};
    (void)defect;
    if (is_map(datagram))
        defect_append(datagram, option, sizeof option);
}

static void take_any_port(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && datagram->sent.response)
        mapping->prefer_failure = false;
}

static void set_reserved_octet(struct defect *defect, struct defect_datagram *datagram)
{
    size_t at = find_option(datagram, PCP_FILTER, 0);
    (void)defect;
    if (at)
        datagram->octets[at + PCP_OPTION_HEADER_LENGTH] = 1;
}

static void want_zero(struct defect *defect, struct defect_datagram *datagram)
{
    size_t at;
    (void)defect;
    for (size_t i = 0; (at = find_option(datagram, PCP_FILTER, i)) != 0; i++)
        if (datagram->octets[at + PCP_OPTION_HEADER_LENGTH])
            datagram->length = 0;
}

/* The last of them. */
static void send_the_narrowest(struct defect *defect, struct defect_datagram *datagram)
{
    size_t first = find_option(datagram, PCP_FILTER, 0);
    size_t last = first;
    size_t at;
    (void)defect;
    for (size_t i = 1; (at = find_option(datagram, PCP_FILTER, i)) != 0; i++)
        last = at;
    if (last == first)
        return;
    memmove(datagram->octets + first, datagram->octets + last, datagram->length - last);
    datagram->length -= last - first;
}

static void clear_no_filter(struct defect *defect, struct defect_datagram *datagram)
{
    size_t at = find_option(datagram, PCP_FILTER, 0);
    (void)defect;
    if (!at || datagram->octets[at + PCP_OPTION_HEADER_LENGTH + 1] != 0)
        return;
    memmove(datagram->octets + at, datagram->octets + at + FILTER_SIZE,
            datagram->length - at - FILTER_SIZE);
    datagram->length -= FILTER_SIZE;
}

const struct defect_hooks defects_13_options[] = {
    {.name = "maps-for-its-neighbour", .request = map_for_a_neighbour},
    {.name = "names-itself-as-third-party", .request = name_itself},
    {.name = "insists-on-its-suggestion", .request = insist},
    {.name = "takes-any-port-though-it-insists", .answer = take_any_port},
    {.name = "sets-the-reserved-octet-of-filter", .request = set_reserved_octet},
    {.name = "wants-zero-in-filter", .answer = want_zero},
    {.name = "sends-the-narrowest-filter", .request = send_the_narrowest},
    {.name = "adds-its-filters-to-those-of-before", .request = clear_no_filter},
    {.name = NULL},
};
