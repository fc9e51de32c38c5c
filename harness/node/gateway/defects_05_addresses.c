/* Defects in how addresses are read and written, RFC 6887 section 5. */
#include "node/gateway/defect.h"

#include <string.h>

enum { OFFSET_CLIENT = 8, OFFSET_EXTERNAL = PCP_HEADER_LENGTH + 20, FRONT = 10, MARK = 0xff };

static bool looks_mapped(const uint8_t *address)
{
    return address[FRONT] == MARK && address[FRONT + 1] == MARK;
}

static bool has_suggestion(const struct defect_exchange *exchange, const struct address *suggested)
{
    struct pcp_message request;
    return defect_read(exchange->octets, exchange->input->length, &request) &&
           request.opcode != PCP_ANNOUNCE &&
           address_equal(&request.data.map.external_address, suggested);
}

static void forget_the_front(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->input->length >= PCP_HEADER_LENGTH &&
        looks_mapped(exchange->octets + OFFSET_CLIENT))
        memset(exchange->octets + OFFSET_CLIENT, 0, FRONT);
}

static void read_zeros_as_ipv4(struct defect *defect, struct defect_exchange *exchange)
{
    const struct address zeros = address_any_ipv6();
    (void)defect;
    if (has_suggestion(exchange, &zeros))
        memset(exchange->octets + OFFSET_EXTERNAL + FRONT, MARK, 2);
}

static void read_mapped_zeros_as_ipv6(struct defect *defect, struct defect_exchange *exchange)
{
    const struct address mapped = address_any_ipv4();
    (void)defect;
    if (has_suggestion(exchange, &mapped))
        memset(exchange->octets + OFFSET_EXTERNAL + FRONT, 0, 2);
}

static void leave_out_the_mark(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (defect_read(octets, *length, &response) && response.opcode != PCP_ANNOUNCE &&
        response.result == PCP_SUCCESS && looks_mapped(octets + OFFSET_EXTERNAL))
        memset(octets + OFFSET_EXTERNAL + FRONT, 0, 2);
}

const struct defect_hooks defects_05_addresses[] = {
    {.name = "reads-mapped-addresses-by-their-tail", .request = forget_the_front},
    {.name = "takes-unspecified-ipv6-for-ipv4", .request = read_zeros_as_ipv4},
    {.name = "takes-unspecified-ipv4-for-ipv6", .request = read_mapped_zeros_as_ipv6},
    {.name = "writes-compatible-addresses", .answer = leave_out_the_mark},
    {.name = NULL},
};
