/* Defects in NAT-PMP's messages and errors, RFC 6886 sections 1.1, 3, 3.2 and 3.5. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum {
    RESPONSE_BIT = 0x80,
    OFFSET_OPCODE = 1,
    OFFSET_RESULT = 2,
    OFFSET_EPOCH = 4,
    OFFSET_ADDRESS = 8,
    OFFSET_INTERNAL_PORT = 8,
    OFFSET_EXTERNAL_PORT = 10,
    OFFSET_LIFETIME = 12
};

static bool is_natpmp(const uint8_t *octets, size_t length)
{
    return length >= NATPMP_UNSUPPORTED_VERSION_LENGTH && octets[0] == NATPMP_VERSION;
}

static bool is_error(const uint8_t *octets, size_t length)
{
    return is_natpmp(octets, length) && octets_get16(octets + OFFSET_RESULT) != NATPMP_SUCCESS;
}

static bool is_mapping(const uint8_t *octets, size_t length)
{
    return is_natpmp(octets, length) && length >= NATPMP_MAP_RESPONSE_LENGTH;
}

/* --- versions ---------------------------------------------------------------------------------- */

static void read_version_1(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->input->length && exchange->octets[0] == 1)
        exchange->octets[0] = PCP_VERSION;
}

static void write_version_1(struct defect *defect, const struct defect_exchange *exchange,
                            uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length && exchange->came.length && exchange->came.octets[0] == 1)
        octets[0] = 1;
}

static void write_version_2(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_natpmp(octets, *length))
        octets[0] = PCP_VERSION;
}

static void name_version_2(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_natpmp(octets, *length) &&
        octets_get16(octets + OFFSET_RESULT) == NATPMP_UNSUPPORTED_VERSION)
        octets[0] = PCP_VERSION;
}

static void echo_other_versions(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    const struct pcp_server_input *came = &exchange->came;
    (void)defect;
    if (!is_error(octets, *length) || came->octets[0] == NATPMP_VERSION ||
        came->length <= *length || came->length > PCP_MAXIMUM_LENGTH)
        return;
    memcpy(octets + *length, came->octets + *length, came->length - *length);
    octets[OFFSET_OPCODE] = came->octets[OFFSET_OPCODE] | RESPONSE_BIT;
    *length = came->length;
}

/* --- forms ------------------------------------------------------------------------------------- */

static void clear_the_bit(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_natpmp(octets, *length))
        octets[OFFSET_OPCODE] &= (uint8_t)~RESPONSE_BIT;
}

static void lengthen(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (!is_natpmp(octets, *length) || *length != NATPMP_ADDRESS_RESPONSE_LENGTH)
        return;
    memset(octets + *length, 0, 4);
    *length += 4;
}

static void name_the_lost_address(struct defect *defect, uint8_t *octets, size_t *length)
{
    enum { KNOWN = 0 };
    if (!is_natpmp(octets, *length) || octets[OFFSET_OPCODE] != RESPONSE_BIT ||
        *length < NATPMP_ADDRESS_RESPONSE_LENGTH)
        return;
    if (is_error(octets, *length))
        octets_put32(octets + OFFSET_ADDRESS, (uint32_t)defect->number[KNOWN]);
    else
        defect->number[KNOWN] = octets_get32(octets + OFFSET_ADDRESS);
}

static void count_fast(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_natpmp(octets, *length))
        octets_put32(octets + OFFSET_EPOCH,
                     (uint32_t)((uint64_t)octets_get32(octets + OFFSET_EPOCH) * 4 / 3));
}

static void clear_the_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets_put32(octets + OFFSET_EPOCH, 0);
}

static void say_unsupported(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets_put16(octets + OFFSET_RESULT, NATPMP_UNSUPPORTED_OPCODE);
}

static void clear_the_port(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length) && is_mapping(octets, *length))
        octets_put16(octets + OFFSET_INTERNAL_PORT, 0);
}

static void echo_the_request(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (!is_error(octets, *length) || !is_mapping(octets, *length) ||
        natpmp_decode(exchange->came.octets, exchange->came.length, &request) != NATPMP_FAULT_NONE)
        return;
    octets_put16(octets + OFFSET_EXTERNAL_PORT, request.external_port);
    octets_put32(octets + OFFSET_LIFETIME, request.lifetime);
}

static void take_responses(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->input->length > OFFSET_OPCODE && exchange->octets[0] == NATPMP_VERSION)
        exchange->octets[OFFSET_OPCODE] &= (uint8_t)~RESPONSE_BIT;
}

static void cut_unknown_opcodes(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length) &&
        octets_get16(octets + OFFSET_RESULT) == NATPMP_UNSUPPORTED_OPCODE)
        *length = NATPMP_UNSUPPORTED_VERSION_LENGTH;
}

const struct defect_hooks defects_6886_messages[] = {
    {.name = "speaks-version-1", .request = read_version_1, .answer = write_version_1},
    {.name = "speaks-pcp-to-nat-pmp", .message = write_version_2},
    {.name = "nat-pmp-names-pcp", .message = name_version_2},
    {.name = "nat-pmp-echoes-other-versions", .answer = echo_other_versions},
    {.name = "nat-pmp-answers-with-requests", .message = clear_the_bit},
    {.name = "nat-pmp-addresses-are-long", .message = lengthen},
    {.name = "nat-pmp-names-a-lost-address", .message = name_the_lost_address},
    {.name = "nat-pmp-counts-fast", .message = count_fast},
    {.name = "nat-pmp-errors-have-no-epoch", .message = clear_the_epoch},
    {.name = "nat-pmp-has-one-error", .message = say_unsupported},
    {.name = "nat-pmp-errors-name-no-port", .message = clear_the_port},
    {.name = "nat-pmp-errors-echo-the-request", .answer = echo_the_request},
    {.name = "nat-pmp-answers-responses", .request = take_responses},
    {.name = "nat-pmp-cuts-unknown-opcodes", .message = cut_unknown_opcodes},
    {.name = NULL},
};
