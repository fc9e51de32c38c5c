/* Defects in the common header, RFC 6887 sections 7, 7.1 and 7.2. */
#include "node/gateway/defect.h"

#include "wire/octets.h"

#include <string.h>

enum {
    R_BIT = 0x80,
    OFFSET_OPCODE = 1,
    OFFSET_RESULT = 3,
    OFFSET_LIFETIME = 4,
    OFFSET_EPOCH = 8,
    OFFSET_RESERVED = 12
};

static bool is_pcp(const uint8_t *octets, size_t length)
{
    return length >= PCP_HEADER_LENGTH && octets[0] == PCP_VERSION;
}

static bool is_error(const uint8_t *octets, size_t length)
{
    return is_pcp(octets, length) && octets[OFFSET_RESULT] != PCP_SUCCESS;
}

static void turn_the_lifetime(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_pcp(octets, *length))
        octets_put32(octets + OFFSET_LIFETIME,
                     __builtin_bswap32(octets_get32(octets + OFFSET_LIFETIME)));
}

static void add_an_octet(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_pcp(octets, *length) && *length < PCP_MAXIMUM_LENGTH)
        octets[(*length)++] = 0;
}

static void mind_reserved_bits(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    const uint8_t *came = exchange->came.octets;
    if (is_pcp(came, exchange->came.length) && (came[2] || came[3]))
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void say_version_1(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_pcp(octets, *length))
        octets[0] = 1;
}

static void clear_the_r_bit(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length > OFFSET_OPCODE)
        octets[OFFSET_OPCODE] &= (uint8_t)~R_BIT;
}

static void echo_the_third_octet(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_pcp(octets, *length))
        octets[2] = exchange->came.octets[2];
}

static void leave_the_client_address(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_pcp(octets, *length) && exchange->came.length >= PCP_HEADER_LENGTH)
        memcpy(octets + OFFSET_RESERVED, exchange->came.octets + OFFSET_RESERVED,
               PCP_HEADER_LENGTH - OFFSET_RESERVED);
}

static void lose_the_opcode(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets[OFFSET_OPCODE] = R_BIT;
}

static void clear_the_client_address(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length) && octets[OFFSET_RESULT] == PCP_MALFORMED_REQUEST)
        memset(octets + OFFSET_RESERVED, 0, PCP_HEADER_LENGTH - OFFSET_RESERVED);
}

static void clear_the_epoch(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        octets_put32(octets + OFFSET_EPOCH, 0);
}

static void promise_twice(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (defect_read(octets, *length, &response) && response.result == PCP_SUCCESS)
        octets_put32(octets + OFFSET_LIFETIME, 2 * response.lifetime);
}

const struct defect_hooks defects_07_header[] = {
    {.name = "writes-lifetimes-in-host-order", .message = turn_the_lifetime},
    {.name = "adds-an-odd-octet", .message = add_an_octet},
    {.name = "minds-reserved-bits", .answer = mind_reserved_bits},
    {.name = "answers-in-version-1", .message = say_version_1},
    {.name = "answers-with-requests", .message = clear_the_r_bit},
    {.name = "echoes-reserved-bits", .answer = echo_the_third_octet},
    {.name = "leaves-the-client-address-in-answers", .answer = leave_the_client_address},
    {.name = "errors-lose-their-opcode", .message = lose_the_opcode},
    {.name = "clears-the-client-address-of-the-malformed", .message = clear_the_client_address},
    {.name = "errors-have-no-epoch", .message = clear_the_epoch},
    {.name = "promises-longer-lifetimes", .message = promise_twice},
    {.name = NULL},
};
