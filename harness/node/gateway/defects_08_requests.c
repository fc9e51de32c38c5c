/* Defects in what RFC 6887 sections 8 and 8.2 have a server do with a request before its opcode. */
#include "node/gateway/defect.h"

#include "node/common/place.h"
#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    R_BIT = 0x80,
    OFFSET_OPCODE = 1,
    OFFSET_RESULT = 3,
    OFFSET_CLIENT = 8,
    OFFSET_EXTERNAL_PORT = PCP_HEADER_LENGTH + 18,
    MANY = 100,            /* requests ... */
    IN_A_WHILE = 60 * 1000 /* ... in so many milliseconds */
};

static bool is_pcp(const uint8_t *octets, size_t length)
{
    return length >= PCP_HEADER_LENGTH && octets[0] == PCP_VERSION;
}

static bool is_error(const uint8_t *octets, size_t length)
{
    return is_pcp(octets, length) && octets[OFFSET_RESULT] != PCP_SUCCESS;
}

static void refuse(struct defect *defect, const struct defect_exchange *exchange,
                   enum pcp_result result, uint8_t *octets, size_t *length)
{
    defect_refuse(defect, exchange, result, defect->config->policy.long_error, octets, length);
}

/* --- where answers go -------------------------------------------------------------------------- */

static void answer_by_tcp(struct defect *defect, const struct defect_exchange *exchange,
                          uint8_t *octets, size_t *length)
{
    union socket_address remote;
    const struct place there = {.address = exchange->came.source};
    socklen_t size = place_to_socket(&there, exchange->came.source_port, &remote);
    (void)defect;
    if (!is_pcp(octets, *length))
        return;
    int descriptor = socket(remote.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, &remote.any, size) == 0)
        (void)send(descriptor, octets, *length, MSG_NOSIGNAL);
    if (descriptor >= 0)
        close(descriptor);
    *length = 0;
}

static void answer_from_another_port(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    (void)defect;
    defect_send("", NULL, 0, &exchange->came.source, exchange->came.source_port, octets, *length);
    *length = 0;
}

static void keep_errors(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length))
        *length = 0;
}

static void change_the_mind(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (!is_pcp(octets, *length) || ++defect->number[0] % 2 != 0)
        return;
    if (octets[OFFSET_RESULT] != PCP_SUCCESS)
        octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
    else if (*length > OFFSET_EXTERNAL_PORT)
        octets[OFFSET_EXTERNAL_PORT] ^= 1;
}

static void trust_none(struct defect *defect, struct config *config)
{
    (void)defect;
    config->trusted_count = 0;
}

/* --- floods ------------------------------------------------------------------------------------ */

static bool is_flood(struct defect *defect)
{
    if (defect->now > defect->number[1] + IN_A_WHILE) {
        defect->number[0] = 0;
        defect->number[1] = defect->now;
    }
    return ++defect->number[0] > MANY;
}

static void refuse_floods(struct defect *defect, const struct defect_exchange *exchange,
                          uint8_t *octets, size_t *length)
{
    if (is_flood(defect) && is_pcp(octets, *length))
        refuse(defect, exchange, PCP_NOT_AUTHORIZED, octets, length);
}

static void be_silent_for_ever(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    (void)exchange;
    (void)octets;
    if (is_flood(defect))
        defect->number[2] = true;
    if (defect->number[2])
        *length = 0;
}

/* --- headers ----------------------------------------------------------------------------------- */

/* The engine reads the client address that it would have to find. */
static void forge_the_client_address(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->came.length >= PCP_HEADER_LENGTH)
        memcpy(exchange->octets + OFFSET_CLIENT, exchange->came.source.octet,
               sizeof(struct address));
}

static void look_at_the_client_address(struct defect *defect,
                                       const struct defect_exchange *exchange, uint8_t *octets,
                                       size_t *length)
{
    const struct pcp_server_input *came = &exchange->came;
    if (came->length >= PCP_HEADER_LENGTH && came->octets[0] != 0 &&
        memcmp(came->octets + OFFSET_CLIENT, came->source.octet, sizeof(struct address)) != 0)
        refuse(defect, exchange, PCP_ADDRESS_MISMATCH, octets, length);
}

static void answer_the_shortest(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    if (exchange->came.length < 2)
        refuse(defect, exchange, PCP_MALFORMED_REQUEST, octets, length);
}

static void clear_the_r_bit(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (is_pcp(exchange->octets, exchange->input->length))
        exchange->octets[OFFSET_OPCODE] &= (uint8_t)~R_BIT;
}

static void drop_other_versions(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->octets[0] != PCP_VERSION && exchange->octets[0] != 0)
        exchange->input->length = 0;
}

static void answer_cut_headers(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    const struct pcp_server_input *came = &exchange->came;
    if (came->length >= 2 && came->length < PCP_HEADER_LENGTH && came->octets[0] == PCP_VERSION)
        refuse(defect, exchange, PCP_MALFORMED_REQUEST, octets, length);
}

static void pass_over_odd_octets(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->input->length > PCP_HEADER_LENGTH)
        exchange->input->length &= ~(size_t)3;
}

static void pass_over_long_ends(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    if (exchange->input->length > PCP_MAXIMUM_LENGTH)
        exchange->input->length = PCP_HEADER_LENGTH + PCP_MAP_LENGTH;
}

static void cut_behind_the_header(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length) && octets[OFFSET_RESULT] == PCP_UNSUPP_OPCODE)
        *length = PCP_HEADER_LENGTH;
}

static void cut_odd_errors(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_error(octets, *length) && exchange->came.length % 4 != 0 && *length > PCP_HEADER_LENGTH)
        *length -= 4;
}

const struct defect_hooks defects_08_requests[] = {
    {.name = "answers-by-tcp", .answer = answer_by_tcp},
    {.name = "keeps-errors-to-itself", .message = keep_errors},
    {.name = "changes-its-mind", .message = change_the_mind},
    {.name = "serves-the-outside",
     .hears_outside = true,
     .ruleset = "flush chain ip pinhole input\nflush chain ip6 pinhole input\n"},
    {.name = "trusts-no-interface", .configure = trust_none},
    {.name = "refuses-floods", .answer = refuse_floods},
    {.name = "never-gets-over-a-flood", .answer = be_silent_for_ever},
    {.name = "looks-at-the-client-address-first", .answer = look_at_the_client_address},
    {.name = "ignores-the-client-address", .request = forge_the_client_address},
    {.name = "answers-the-shortest", .answer = answer_the_shortest},
    {.name = "answers-responses", .request = clear_the_r_bit},
    {.name = "drops-other-versions", .request = drop_other_versions},
    {.name = "answers-less-than-a-header", .answer = answer_cut_headers},
    {.name = "serves-odd-lengths", .request = pass_over_odd_octets},
    {.name = "serves-long-requests", .request = pass_over_long_ends},
    {.name = "reads-unknown-opcodes", .message = cut_behind_the_header},
    {.name = "cuts-odd-errors", .answer = cut_odd_errors},
    {.name = "answers-from-another-port", .answer = answer_from_another_port},
    {.name = NULL},
};
