/* RFC 6887, sections 12 and 12.1: what PEER says and what comes back. */
#include "check/stage_raw.h"

#include <string.h>

enum { REMOTE_PORT = 7000, HOUR = 3600, WAITED = 300, SHORTEST_HELD = 600 };

static struct wish peer_wish(struct stage *stage, uint16_t internal_port)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, REMOTE_PORT);
    return stage_peer_wish(stage, STAGE_HOST, internal_port, &remote);
}

/* An address that no gateway of the lab has: as suggestion it can't be met. */
static struct address nobodys(const struct stage *stage)
{
    static const uint8_t ipv4[4] = {203, 0, 113, 77};
    static const uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0x77, [15] = 1};
    return stage->ipv6 ? address_from_ipv6(ipv6) : address_from_ipv4(ipv4);
}

/* --- reserved bits ----------------------------------------------------------------------------- */

static void set_24(struct wish *wish)
{
    memset(wish->message.data.map.reserved, 0xff, sizeof wish->message.data.map.reserved);
}

static void set_16(struct wish *wish)
{
    memset(wish->message.data.reserved, 0xff, sizeof wish->message.data.reserved);
}

static void expect_ignored(struct stage *stage, enum requirement_id requirement,
                           void (*set)(struct wish *wish))
{
    struct wish plain = peer_wish(stage, 5000), wish = peer_wish(stage, 5001);
    stage_granted(stage, &plain);
    set(&wish);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, requirement, &answer, PCP_SUCCESS);
}

static void the_24_reserved_bits_of_a_request_are_ignored(struct stage *stage)
{
    expect_ignored(stage, R6887_12_1_03, set_24);
}

static void the_16_reserved_bits_of_a_request_are_ignored(struct stage *stage)
{
    expect_ignored(stage, R6887_12_1_09, set_16);
}

static void the_24_reserved_bits_of_a_success_are_zero(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000);
    set_24(&wish);
    struct answer answer = stage_granted(stage, &wish);
    const uint8_t *bits = answer.pcp.data.map.reserved;
    stage_expect(stage, R6887_12_1_12, !bits[0] && !bits[1] && !bits[2],
                 "24 zero bits behind the protocol", "0x%02x%02x%02x", bits[0], bits[1], bits[2]);
}

static void the_16_reserved_bits_of_a_success_are_zero(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000);
    set_16(&wish);
    struct answer answer = stage_granted(stage, &wish);
    const uint8_t *bits = answer.pcp.data.reserved;
    stage_expect(stage, R6887_12_1_14, !bits[0] && !bits[1],
                 "16 zero bits behind the remote peer's port", "0x%02x%02x", bits[0], bits[1]);
}

/* --- suggestions ------------------------------------------------------------------------------- */

static void a_suggestion_that_cannot_be_met_is_refused(struct stage *stage)
{
    struct wish plain = peer_wish(stage, 5000);
    struct answer answer = stage_granted(stage, &plain);
    struct wish elsewhere = peer_wish(stage, 5001);
    elsewhere.message.data.map.external_address = nobodys(stage);
    elsewhere.message.data.map.external_port = answer_external(&answer).port;
    answer = stage_ask(stage, &elsewhere);
    stage_expect_result(stage, R6887_12_1_10, &answer, PCP_CANNOT_PROVIDE_EXTERNAL);
}

/* A device whose mappings depend on the remote peer may share the port; then it must be that port. */
static void a_port_that_is_taken_is_shared_or_refused(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, REMOTE_PORT);
    struct wish mapped = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &mapped);
    struct endpoint taken = answer_external(&answer);
    struct wish wish = stage_peer_wish(stage, STAGE_OTHER, 6000, &remote);
    wish.message.data.map.external_address = taken.address;
    wish.message.data.map.external_port = taken.port;
    answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_UNSUPP_OPCODE || answer.pcp.result == PCP_NOT_AUTHORIZED)
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &answer));
    struct endpoint given = answer_external(&answer);
    if (answer.pcp.result != PCP_SUCCESS)
        stage_expect_result(stage, R6887_12_1_10, &answer, PCP_CANNOT_PROVIDE_EXTERNAL);
    else
        stage_expect_endpoint(stage, R6887_12_1_10,
                              "the external endpoint of a success with a suggestion", &given,
                              &taken);
}

/* 11.3 would have MALFORMED_OPTION where an option makes no sense: either passes. */
static void prefer_failure_in_a_peer_is_malformed(struct stage *stage)
{
    struct wish plain = peer_wish(stage, 5000), wish = peer_wish(stage, 5001);
    stage_granted(stage, &plain);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    struct answer answer = stage_ask(stage, &wish);
    uint8_t result = answer.pcp.result;
    if (result == PCP_UNSUPP_OPTION)
        stage_end(stage, VERDICT_UNSUPPORTED, "it does not know PREFER_FAILURE");
    stage_expect(stage, R6887_12_1_11,
                 result == PCP_MALFORMED_REQUEST || result == PCP_MALFORMED_OPTION,
                 "MALFORMED_REQUEST", "%s", stage_describe(stage, &answer));
}

/* --- what responses repeat --------------------------------------------------------------------- */

static void responses_repeat_the_request(struct stage *stage)
{
    struct wish good = peer_wish(stage, 5000), bad = peer_wish(stage, 5001);
    bad.message.data.map.external_address = nobodys(stage);
    stage_granted(stage, &good);
    struct wish wishes[] = {good, bad};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct answer answer = stage_ask(stage, &wishes[i]);
        const struct pcp_peer *sent = &wishes[i].message.data, *came = &answer.pcp.data;
        bool same = memcmp(came->map.nonce, sent->map.nonce, PCP_NONCE_LENGTH) == 0 &&
                    came->map.protocol == sent->map.protocol &&
                    came->map.internal_port == sent->map.internal_port &&
                    came->remote_port == sent->remote_port &&
                    address_equal(&came->remote_address, &sent->remote_address);
        stage_expect(stage, R6887_12_1_17, same,
                     "nonce, protocol, internal port and remote peer of the request", "%s",
                     stage_describe(stage, &answer));
    }
}

static void errors_repeat_the_suggestion(struct stage *stage)
{
    struct wish plain = peer_wish(stage, 5000), wish = peer_wish(stage, 5001);
    stage_granted(stage, &plain);
    struct endpoint suggested = {nobodys(stage), 40001};
    wish.message.data.map.external_address = suggested.address;
    wish.message.data.map.external_port = suggested.port;
    struct answer answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no error: %s", stage_describe(stage, &answer));
    struct endpoint came = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_12_1_18, "the suggestion in an error", &came, &suggested);
}

/* --- lifetimes --------------------------------------------------------------------------------- */

/* By five-tuple, so the remote peer must be the very one; by this mapping it has not sent before. */
static void a_short_peer_shortens_nothing(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000), other = peer_wish(stage, 5001);
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct answer opened = stage_granted(stage, &other);
    struct endpoint open = answer_external(&opened);
    if (!stage_passes(stage, remote, &open, stage_open(stage, STAGE_HOST, 5001), NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "PEER opens nothing ahead of traffic");
    wish.message.lifetime = HOUR;
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    if (answer.pcp.lifetime < SHORTEST_HELD)
        stage_end(stage, VERDICT_INCONCLUSIVE, "of an hour it grants %u s", answer.pcp.lifetime);
    wish.message.lifetime = 1;
    stage_ask(stage, &wish);
    stage_pass_until(stage, &answer, WAITED);
    stage_expect_passes(stage, R6887_12_1_16, remote, &external,
                        stage_open(stage, STAGE_HOST, 5000), NULL);
}

static void peer_can_be_switched_off(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000);
    struct answer answer = stage_ask(stage, &wish);
    uint8_t result = answer.pcp.result;
    stage_expect(stage, R6887_12_01, result == PCP_NOT_AUTHORIZED || result == PCP_UNSUPP_OPCODE,
                 "NOT_AUTHORIZED or UNSUPP_OPCODE where PEER is switched off", "%s",
                 stage_describe(stage, &answer));
}

static const struct test_case cases[] = {
    {.id = "gateway.12.peer-can-be-switched-off",
     .sentence = "An administrator can switch PEER off.",
     .requirements = JUDGES(R6887_12_01),
     .run = peer_can_be_switched_off,
     .variant = "without-peer"},
    {.id = "gateway.12.1.the-24-reserved-bits-of-a-request-are-ignored",
     .sentence = "The 24 bits behind the protocol of a PEER request may be anything.",
     .requirements = JUDGES(R6887_12_1_03),
     .run = the_24_reserved_bits_of_a_request_are_ignored},
    {.id = "gateway.12.1.the-16-reserved-bits-of-a-request-are-ignored",
     .sentence = "The 16 bits behind the remote peer's port of a request may be anything.",
     .requirements = JUDGES(R6887_12_1_09),
     .run = the_16_reserved_bits_of_a_request_are_ignored},
    {.id = "gateway.12.1.a-suggestion-that-cannot-be-met-is-refused",
     .sentence = "A PEER that suggests another's address draws CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_12_1_10),
     .run = a_suggestion_that_cannot_be_met_is_refused,
     .traits = CASE_BOTH},
    {.id = "gateway.12.1.a-port-that-is-taken-is-shared-or-refused",
     .sentence = "A PEER that suggests a taken port gets that port or CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_12_1_10),
     .run = a_port_that_is_taken_is_shared_or_refused,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.12.1.prefer-failure-in-a-peer-is-malformed",
     .sentence = "A PEER with PREFER_FAILURE draws MALFORMED_REQUEST.",
     .requirements = JUDGES(R6887_12_1_11),
     .run = prefer_failure_in_a_peer_is_malformed},
    {.id = "gateway.12.1.the-24-reserved-bits-of-a-success-are-zero",
     .sentence = "The 24 bits behind the protocol of a PEER success are zero.",
     .requirements = JUDGES(R6887_12_1_12),
     .run = the_24_reserved_bits_of_a_success_are_zero},
    {.id = "gateway.12.1.the-16-reserved-bits-of-a-success-are-zero",
     .sentence = "The 16 bits behind the remote peer's port of a success are zero.",
     .requirements = JUDGES(R6887_12_1_14),
     .run = the_16_reserved_bits_of_a_success_are_zero},
    {.id = "gateway.12.1.a-short-peer-shortens-nothing",
     .sentence = "A PEER for a second leaves a mapping its longer life.",
     .requirements = JUDGES(R6887_12_1_16),
     .run = a_short_peer_shortens_nothing,
     .traits = CASE_BOTH,
     .seconds = WAITED},
    {.id = "gateway.12.1.responses-repeat-the-request",
     .sentence = "PEER responses repeat nonce, protocol, internal port and remote peer.",
     .requirements = JUDGES(R6887_12_1_17),
     .run = responses_repeat_the_request,
     .traits = CASE_BOTH},
    {.id = "gateway.12.1.errors-repeat-the-suggestion",
     .sentence = "A PEER error repeats the suggested external address and port.",
     .requirements = JUDGES(R6887_12_1_18),
     .run = errors_repeat_the_suggestion,
     .traits = CASE_BOTH},
};

static const struct defect defects[] = {
    {.name = "cannot-switch-peer-off",
     .text = "serves PEER whatever its configuration says",
     .requirements = JUDGES(R6887_12_01)},
    {.name = "minds-24-reserved-bits-of-peer",
     .text = "calls a PEER malformed whose bits behind the protocol are set",
     .requirements = JUDGES(R6887_12_1_03)},
    {.name = "minds-16-reserved-bits-of-peer",
     .text = "calls a PEER malformed whose bits behind the remote peer's port are set",
     .requirements = JUDGES(R6887_12_1_09)},
    {.name = "passes-over-suggestions-in-peer",
     .text = "gives what it likes where a PEER suggests something",
     .requirements = JUDGES(R6887_12_1_10)},
    {.name = "takes-prefer-failure-in-peer",
     .text = "passes over PREFER_FAILURE in PEER",
     .requirements = JUDGES(R6887_12_1_11)},
    {.name = "echoes-24-reserved-bits-of-peer",
     .text = "sends the bits behind the protocol of a PEER back in a success",
     .requirements = JUDGES(R6887_12_1_12)},
    {.name = "echoes-16-reserved-bits-of-peer",
     .text = "sends the bits behind the remote peer's port back in a success",
     .requirements = JUDGES(R6887_12_1_14)},
    {.name = "shortens-peers",
     .text = "gives a PEER mapping the shorter lifetime that is asked for later",
     .requirements = JUDGES(R6887_12_1_16)},
    {.name = "loses-the-remote-peer",
     .text = "has zeros for the remote peer in answers to PEER",
     .requirements = JUDGES(R6887_12_1_17)},
    {.name = "loses-suggestions-in-errors",
     .text = "has zeros for the suggestion in errors to PEER",
     .requirements = JUDGES(R6887_12_1_18)},
};

CASE_FILE(gateway_12_1_peer, CASE_GATEWAY, cases, defects);
