/* RFC 6887, sections 7, 7.1 and 7.2: the common header, and what of it a server fills in. */
#include "check/stage_raw.h"

#include "wire/octets.h"

#include <string.h>

enum { RESERVED_96 = 12, EPOCH_SLACK = 4, LIFETIME_ASKED = 600, LONGEST_WAIT = 1800 };

/* --- requests that draw answers of many kinds -------------------------------------------------- */

static struct raw plain(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    return stage_raw(&wish);
}

static struct raw of_an_unknown_opcode(struct stage *stage)
{
    struct raw raw = plain(stage);
    raw.octets[OFFSET_OPCODE] = UNKNOWN_OPCODE;
    return raw;
}

static struct raw of_an_odd_length(struct stage *stage)
{
    struct raw raw = plain(stage);
    raw_resize(&raw, raw.length - 3);
    return raw;
}

static struct raw with_another_client(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.client = stage_address(stage, STAGE_OTHER);
    return stage_raw(&wish);
}

static struct raw with_an_unknown_option(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, UNKNOWN_MANDATORY, NULL, 0);
    return stage_raw(&wish);
}

static struct raw of_peer(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5001, &remote);
    return stage_raw(&wish);
}

static struct raw of_announce(struct stage *stage)
{
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    return stage_raw(&wish);
}

static struct raw of_version_3(struct stage *stage)
{
    struct raw raw = plain(stage);
    raw.octets[OFFSET_VERSION] = 3;
    return raw;
}

typedef struct raw (*request_maker)(struct stage *stage);

/* Successes, errors in what was understood, and errors in what was not. */
static const request_maker kinds[] = {
    plain,        of_peer,          of_announce,         of_an_unknown_opcode,
    of_version_3, of_an_odd_length, with_another_client, with_an_unknown_option};

/* --- cases ------------------------------------------------------------------------------------- */

static void numbers_stand_in_network_order(struct stage *stage)
{
    struct raw raw = plain(stage);
    struct answer answer = stage_ask_raw(stage, R6887_7_01, &raw);
    stage_expect_success(stage, R6887_7_01, &answer);
    uint32_t least = 1,
             most = UINT32_C(0xffffff); /* half a year; in the wrong order any has more */
    stage_expect_number(stage, R6887_7_01, "the lifetime granted", answer.pcp.lifetime, least,
                        most);
    stage_expect_number(stage, R6887_7_01, "the internal port", answer.pcp.data.map.internal_port,
                        5000, 5000);
}

static void lengths_are_multiples_of_4_up_to_1100(struct stage *stage)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !stage->over; i++) {
        struct raw raw = kinds[i](stage);
        struct answer answer = stage_ask_raw(stage, R6887_7_01, &raw);
        size_t length = answer.datagram.length;
        stage_expect(stage, R6887_7_01, length % 4 == 0 && length <= PCP_MAXIMUM_LENGTH,
                     "a multiple of 4 octets, 1100 at most", "%zu octets: %s", length,
                     stage_describe(stage, &answer));
    }
}

static void reserved_bits_of_a_request_are_ignored(struct stage *stage)
{
    struct raw raw = plain(stage);
    memset(raw.octets + 2, 0xff, 2);
    struct answer answer = stage_ask_raw(stage, R6887_7_1_02, &raw);
    stage_expect_success(stage, R6887_7_1_02, &answer);
}

static void responses_say_version_2(struct stage *stage)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !stage->over; i++) {
        struct raw raw = kinds[i](stage);
        struct answer answer = stage_ask_raw(stage, R6887_7_2_01, &raw);
        stage_expect(stage, R6887_7_2_01, answer.datagram.octets[OFFSET_VERSION] == PCP_VERSION,
                     "version 2", "version %u: %s", answer.datagram.octets[OFFSET_VERSION],
                     stage_describe(stage, &answer));
    }
}

static void responses_have_the_r_bit(struct stage *stage)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !stage->over; i++) {
        struct raw raw = kinds[i](stage);
        struct answer answer = stage_ask_raw(stage, R6887_7_2_02, &raw);
        stage_expect(stage, R6887_7_2_02, answer.datagram.octets[OFFSET_OPCODE] & R_BIT,
                     "a response, its R bit set", "octet 1 is 0x%02x: %s",
                     answer.datagram.octets[OFFSET_OPCODE], stage_describe(stage, &answer));
    }
}

/* In an error the copy rule of 7.3 would have them come back: either passes there. */
static void eight_reserved_bits_of_a_success_are_zero(struct stage *stage)
{
    struct raw raw = plain(stage);
    memset(raw.octets + 2, 0xff, 2);
    struct answer answer = stage_ask_raw(stage, R6887_7_2_03, &raw);
    stage_expect_success(stage, R6887_7_2_03, &answer);
    stage_expect(stage, R6887_7_2_03, answer.pcp.reserved_response == 0, "octet 2 is zero",
                 "octet 2 is 0x%02x", answer.pcp.reserved_response);
}

static void bits_behind_the_epoch_are_zero(struct stage *stage)
{
    static const uint8_t zeros[RESERVED_96];
    static const request_maker parsed[] = {plain, of_peer, of_announce, with_another_client};
    for (size_t i = 0; i < sizeof parsed / sizeof *parsed && !stage->over; i++) {
        struct raw raw = parsed[i](stage);
        struct answer answer = stage_ask_raw(stage, R6887_7_2_05, &raw);
        const uint8_t *reserved = answer.datagram.octets + OFFSET_RESERVED;
        stage_expect(stage, R6887_7_2_05, memcmp(reserved, zeros, sizeof zeros) == 0,
                     "96 zero bits behind the epoch", "they begin with 0x%08x: %s",
                     octets_get32(reserved), stage_describe(stage, &answer));
    }
}

/* A wrong opcode in an error is what makes a client drop it (8.3). */
static void responses_bear_the_opcode_of_their_request(struct stage *stage)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !stage->over; i++) {
        struct raw raw = kinds[i](stage);
        struct answer answer = stage_ask_raw(stage, R6887_7_2_07, &raw);
        unsigned opcode = answer.datagram.octets[OFFSET_OPCODE] & ~(unsigned)R_BIT;
        stage_expect_number(stage, R6887_7_2_07, "the opcode of the response", opcode,
                            raw.octets[OFFSET_OPCODE], raw.octets[OFFSET_OPCODE]);
    }
}

static void what_is_not_parsed_keeps_its_client_address(struct stage *stage)
{
    struct raw raw = of_an_odd_length(stage);
    struct answer answer = stage_ask_raw(stage, R6887_7_2_08, &raw);
    stage_expect_result(stage, R6887_7_2_08, &answer, PCP_MALFORMED_REQUEST);
    const uint8_t *came = answer.datagram.octets + OFFSET_RESERVED;
    const uint8_t *sent = raw.octets + OFFSET_RESERVED;
    stage_expect(stage, R6887_7_2_08, memcmp(came, sent, RESERVED_96) == 0,
                 "the last 96 bits of the request's client address behind the epoch",
                 "they end with 0x%08x", octets_get32(came + RESERVED_96 - 4));
}

/* Each epoch is of a moment between our request and the answer, which a busy machine may hold back. */
static void errors_have_the_epoch_of_successes(struct stage *stage)
{
    struct raw good = plain(stage);
    int64_t before = stage_now(stage);
    struct answer success = stage_ask_raw(stage, R6887_7_2_09, &good);
    stage_expect_success(stage, R6887_7_2_09, &success);
    stage_pass_until(stage, &success, 10);
    struct raw bad = with_an_unknown_option(stage);
    int64_t asked = stage_now(stage);
    struct answer error = stage_ask_raw(stage, R6887_7_2_09, &bad);
    double least = stage_peer_seconds(stage, success.datagram.time, asked);
    double most = stage_peer_seconds(stage, before, error.datagram.time);
    stage_expect_number(stage, R6887_7_2_09, "the epoch of an error", error.pcp.epoch,
                        success.pcp.epoch + least - least / 16 - EPOCH_SLACK,
                        success.pcp.epoch + most + most / 16 + EPOCH_SLACK);
}

/* From ports that never sent, and from another port outside each time: no flow keeps it alive. */
static void a_mapping_lives_for_its_lifetime(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 1; /* whatever is the least that the peer grants */
    struct answer answer = stage_granted(stage, &wish);
    double lifetime = answer.pcp.lifetime;
    if (lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %.0f s", lifetime);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_pass_until(stage, &answer, lifetime / 2 + 1);
    stage_expect_passes(stage, R6887_7_2_10, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
    stage_pass_until(stage, &answer, lifetime + 30);
    stage_expect_blocked(stage, R6887_7_2_10, stage_open(stage, STAGE_REMOTE, 0), &external,
                         inside);
}

static const struct test_case cases[] = {
    {.id = "gateway.7.numbers-stand-in-network-order",
     .sentence = "Ports and lifetimes stand in network order.",
     .requirements = JUDGES(R6887_7_01),
     .run = numbers_stand_in_network_order,
     .traits = CASE_BOTH},
    {.id = "gateway.7.lengths-are-multiples-of-4-up-to-1100",
     .sentence = "Each response is a multiple of 4 octets and has 1100 at most.",
     .requirements = JUDGES(R6887_7_01),
     .run = lengths_are_multiples_of_4_up_to_1100,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.7.1.reserved-bits-of-a-request-are-ignored",
     .sentence = "The server ignores the 16 reserved bits of a request.",
     .requirements = JUDGES(R6887_7_1_02),
     .run = reserved_bits_of_a_request_are_ignored},
    {.id = "gateway.7.2.responses-say-version-2",
     .sentence = "Every response says version 2.",
     .requirements = JUDGES(R6887_7_2_01),
     .run = responses_say_version_2,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.2.responses-have-the-r-bit",
     .sentence = "Every response has the R bit set.",
     .requirements = JUDGES(R6887_7_2_02),
     .run = responses_have_the_r_bit,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.7.2.eight-reserved-bits-of-a-success-are-zero",
     .sentence = "The 8 reserved bits of a response are zero, whatever the request's hold.",
     .requirements = JUDGES(R6887_7_2_03),
     .run = eight_reserved_bits_of_a_success_are_zero},
    {.id = "gateway.7.2.bits-behind-the-epoch-are-zero",
     .sentence = "The 96 reserved bits are zero in the response to a request that was parsed.",
     .requirements = JUDGES(R6887_7_2_05),
     .run = bits_behind_the_epoch_are_zero,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.7.2.responses-bear-the-opcode-of-their-request",
     .sentence = "Successes and errors of every kind bear the opcode of their request.",
     .requirements = JUDGES(R6887_7_2_07),
     .run = responses_bear_the_opcode_of_their_request,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.7.2.what-is-not-parsed-keeps-its-client-address",
     .sentence = "The response to what could not be parsed has 96 bits of its client address.",
     .requirements = JUDGES(R6887_7_2_08),
     .run = what_is_not_parsed_keeps_its_client_address,
     .traits = CASE_BOTH},
    {.id = "gateway.7.2.errors-have-the-epoch-of-successes",
     .sentence = "The epoch stands in errors as in successes.",
     .requirements = JUDGES(R6887_7_2_09),
     .run = errors_have_the_epoch_of_successes,
     .seconds = 10},
    {.id = "gateway.7.2.a-mapping-lives-for-its-lifetime",
     .sentence = "The lifetime in the response to MAP is that of the mapping.",
     .requirements = JUDGES(R6887_7_2_10),
     .run = a_mapping_lives_for_its_lifetime,
     .seconds = 150},
};

static const struct defect defects[] = {
    {.name = "writes-lifetimes-in-host-order",
     .text = "leaves lifetimes in the order of a little-endian machine",
     .requirements = JUDGES(R6887_7_01)},
    {.name = "adds-an-odd-octet",
     .text = "ends its answers with an octet too many",
     .requirements = JUDGES(R6887_7_01)},
    {.name = "minds-reserved-bits",
     .text = "calls a request malformed whose reserved bits are set",
     .requirements = JUDGES(R6887_7_1_02)},
    {.name = "answers-in-version-1",
     .text = "says version 1 in its answers",
     .requirements = JUDGES(R6887_7_2_01)},
    {.name = "answers-with-requests",
     .text = "leaves the R bit of its answers clear",
     .requirements = JUDGES(R6887_7_2_02)},
    {.name = "echoes-reserved-bits",
     .text = "sends the request's third octet back",
     .requirements = JUDGES(R6887_7_2_03)},
    {.name = "leaves-the-client-address-in-answers",
     .text = "writes its answers over the request and forgets the end of the client address",
     .requirements = JUDGES(R6887_7_2_05)},
    {.name = "errors-lose-their-opcode",
     .text = "has opcode 0 in every error",
     .requirements = JUDGES(R6887_7_2_07)},
    {.name = "clears-the-client-address-of-the-malformed",
     .text = "has zeros behind the epoch in MALFORMED_REQUEST",
     .requirements = JUDGES(R6887_7_2_08)},
    {.name = "errors-have-no-epoch",
     .text = "has epoch 0 in every error",
     .requirements = JUDGES(R6887_7_2_09)},
    {.name = "promises-longer-lifetimes",
     .text = "says twice the lifetime that a mapping gets",
     .requirements = JUDGES(R6887_7_2_10)},
};

CASE_FILE(gateway_07_header, CASE_GATEWAY, cases, defects);
