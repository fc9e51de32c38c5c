/* RFC 6886, sections 1.1, 3, 3.2 and 3.5: NAT-PMP's messages, and its errors. */
#include "check/stage_natpmp.h"
#include "check/stage_raw.h"

#include "wire/octets.h"

#include <string.h>

enum { RESPONSE_BIT = 128, UNKNOWN_NATPMP_OPCODE = 9, EPOCH_AT = 4, SLACK = 2 };

/* Takes the external address away, and asks until the peer has noticed. */
static struct natpmp_answer ask_without_address(struct stage *stage,
                                                enum requirement_id requirement,
                                                const struct natpmp_message *request)
{
    enum { TRIES = 30 };
    struct natpmp_answer answer = {0};
    stage_run(stage, STAGE_GATEWAY, "ip -4 address flush dev eth1");
    for (int i = 0; i < TRIES && !stage->over; i++) {
        answer = stage_natpmp_ask(stage, requirement, STAGE_HOST, request);
        if (answer.came && answer.natpmp.result != NATPMP_SUCCESS)
            return answer;
        stage_pass(stage, 5 * SECOND);
    }
    stage_end(stage, VERDICT_INCONCLUSIVE, "no error without an external address: %s",
              stage_natpmp_describe(stage, &answer));
    return answer;
}

/* An error to a mapping request: what the peer's policy refuses, or what can't be had. */
static struct natpmp_answer fail_to_map(struct stage *stage, enum requirement_id requirement,
                                        struct natpmp_message *request)
{
    struct natpmp_message privileged = natpmp_map_wish(1);
    privileged.external_port = 1;
    struct natpmp_answer answer = stage_natpmp_ask(stage, requirement, STAGE_HOST, &privileged);
    if (answer.natpmp.result == NATPMP_SUCCESS)
        return ask_without_address(stage, requirement, request);
    *request = privileged;
    return answer;
}

/* --- versions ---------------------------------------------------------------------------------- */

static void version_1_is_not_used(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct raw raw = stage_raw(&wish);
    raw.octets[OFFSET_VERSION] = 1;
    struct answer answer = stage_ask_raw(stage, R6886_1_1_01, &raw);
    const struct datagram *came = &answer.datagram;
    stage_expect(stage, R6886_1_1_01, came->octets[OFFSET_VERSION] != 1, "no answer of version 1",
                 "%s", stage_describe(stage, &answer));
    stage_expect(stage, R6886_1_1_01,
                 came->length >= 4 && came->octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION,
                 "result 1, unsupported version", "%s", stage_describe(stage, &answer));
}

static void each_version_is_answered_in_its_own(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_ask_for(stage, R6886_1_1_02, &wish);
    if (answer.came && answer.datagram.octets[OFFSET_VERSION] == NATPMP_VERSION)
        stage_end(stage, VERDICT_UNSUPPORTED, "no PCP, but NAT-PMP alone");
    stage_expect(stage, R6886_1_1_02, answer.datagram.octets[OFFSET_VERSION] == PCP_VERSION,
                 "an answer of PCP to PCP", "%s", stage_describe(stage, &answer));
    struct natpmp_message request = natpmp_map_wish(5001);
    struct natpmp_answer older = stage_natpmp_ask(stage, R6886_1_1_02, STAGE_HOST, &request);
    stage_expect(stage, R6886_1_1_02,
                 older.datagram.octets[OFFSET_VERSION] == NATPMP_VERSION &&
                     older.natpmp.opcode == NATPMP_MAP_UDP,
                 "an answer of NAT-PMP to NAT-PMP", "%s", stage_natpmp_describe(stage, &older));
}

static const uint8_t other_versions[] = {1, PCP_VERSION, 3, 255};

static struct answer ask_in(struct stage *stage, enum requirement_id requirement, uint8_t version)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct raw raw = stage_raw(&wish);
    raw.octets[OFFSET_VERSION] = version;
    return stage_ask_raw(stage, requirement, &raw);
}

static void other_versions_draw_result_1(struct stage *stage)
{
    for (size_t i = 0; i < sizeof other_versions && !stage->over; i++) {
        struct answer answer = ask_in(stage, R6886_3_01, other_versions[i]);
        const struct datagram *came = &answer.datagram;
        stage_expect(stage, R6886_3_01,
                     came->length >= 4 && came->octets[OFFSET_VERSION] == NATPMP_VERSION &&
                         octets_get16(came->octets + 2) == NATPMP_UNSUPPORTED_VERSION,
                     "version 0, result 1", "to version %u: %s", other_versions[i],
                     stage_describe(stage, &answer));
    }
}

static void unsupported_version_has_8_octets(struct stage *stage)
{
    for (size_t i = 0; i < sizeof other_versions && !stage->over; i++) {
        struct answer answer = ask_in(stage, R6886_3_5_01, other_versions[i]);
        const struct datagram *came = &answer.datagram;
        static const uint8_t front[4] = {NATPMP_VERSION, 0, 0, NATPMP_UNSUPPORTED_VERSION};
        stage_expect(stage, R6886_3_5_01,
                     came->length == NATPMP_UNSUPPORTED_VERSION_LENGTH &&
                         memcmp(came->octets, front, sizeof front) == 0,
                     "8 octets: version 0, opcode 0, result 1, epoch", "%zu to version %u: %s",
                     came->length, other_versions[i], stage_describe(stage, &answer));
    }
}

/* --- forms ------------------------------------------------------------------------------------- */

static void answers_have_opcodes_of_128_and_more(struct stage *stage)
{
    struct natpmp_message tcp = natpmp_map_wish(5001);
    tcp.opcode = NATPMP_MAP_TCP;
    struct natpmp_message requests[] = {natpmp_address_wish(), natpmp_map_wish(5000), tcp};
    for (size_t i = 0; i < sizeof requests / sizeof *requests && !stage->over; i++) {
        struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_02, STAGE_HOST, &requests[i]);
        stage_expect(stage, R6886_3_02,
                     answer.datagram.length >= EPOCH_AT + 4 &&
                         answer.datagram.octets[1] == RESPONSE_BIT + requests[i].opcode,
                     "the opcode of the request and 128, a result and an epoch",
                     "opcode %u to opcode %u, in %zu octets", answer.datagram.octets[1],
                     requests[i].opcode, answer.datagram.length);
    }
}

static void the_external_address_is_told(struct stage *stage)
{
    struct natpmp_message request = natpmp_address_wish();
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_2_01, STAGE_HOST, &request);
    stage_expect(stage, R6886_3_2_01,
                 answer.datagram.length == NATPMP_ADDRESS_RESPONSE_LENGTH &&
                     answer.datagram.octets[1] == RESPONSE_BIT,
                 "opcode 128 in 12 octets", "opcode %u in %zu: %s", answer.datagram.octets[1],
                 answer.datagram.length, stage_natpmp_describe(stage, &answer));
    stage_natpmp_expect_result(stage, R6886_3_2_01, &answer, NATPMP_SUCCESS);
    struct address outside = stage_address(stage, STAGE_OUTSIDE);
    stage_expect(stage, R6886_3_2_01,
                 memcmp(answer.natpmp.external_address, outside.octet + 12, 4) == 0,
                 "the gateway's external address", "%s", stage_natpmp_describe(stage, &answer));
}

static void a_failure_names_no_address(struct stage *stage)
{
    static const uint8_t zeros[4] = {0};
    struct natpmp_message request = natpmp_address_wish();
    struct natpmp_answer answer = ask_without_address(stage, R6886_3_2_02, &request);
    stage_expect(stage, R6886_3_2_02,
                 answer.fault == NATPMP_FAULT_NONE &&
                     memcmp(answer.natpmp.external_address, zeros, sizeof zeros) == 0,
                 "address 0.0.0.0, while there is none", "%s",
                 stage_natpmp_describe(stage, &answer));
}

static void failures_are_answered_with_their_result(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    struct natpmp_answer answer = fail_to_map(stage, R6886_3_5_06, &request);
    uint16_t result = answer.natpmp.result;
    stage_expect(stage, R6886_3_5_06,
                 answer.datagram.octets[1] == RESPONSE_BIT + NATPMP_MAP_UDP &&
                     (result == NATPMP_NOT_AUTHORIZED || result == NATPMP_NETWORK_FAILURE ||
                      result == NATPMP_OUT_OF_RESOURCES),
                 "a response of the opcode, with result 2, 3 or 4", "%s",
                 stage_natpmp_describe(stage, &answer));
}

static void failures_name_the_internal_port(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_5_02, STAGE_HOST, &request);
    stage_expect_number(stage, R6886_3_5_02, "the internal port of a success",
                        answer.natpmp.internal_port, 5000, 5000);
    request = natpmp_map_wish(5001);
    answer = fail_to_map(stage, R6886_3_5_02, &request);
    stage_expect_number(stage, R6886_3_5_02, "the internal port of a failure",
                        answer.natpmp.internal_port, request.internal_port, request.internal_port);
}

static void failures_have_no_port_and_no_lifetime(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    request.external_port = 45000;
    struct natpmp_answer answer = fail_to_map(stage, R6886_3_5_03, &request);
    stage_expect(stage, R6886_3_5_03,
                 answer.fault == NATPMP_FAULT_NONE && answer.natpmp.external_port == 0 &&
                     answer.natpmp.lifetime == 0,
                 "mapped port 0 and lifetime 0", "%s", stage_natpmp_describe(stage, &answer));
}

static void responses_draw_no_answer(struct stage *stage)
{
    struct raw raw = {.from = STAGE_HOST, .length = NATPMP_MAP_REQUEST_LENGTH};
    for (unsigned opcode = 0; opcode <= NATPMP_MAP_TCP; opcode++) {
        raw.octets[1] = (uint8_t)(RESPONSE_BIT + opcode);
        stage_expect_silence(stage, R6886_3_5_04, "a response of NAT-PMP", &raw);
    }
}

static void unknown_opcodes_come_back(struct stage *stage)
{
    static const uint8_t opcodes[] = {3, UNKNOWN_NATPMP_OPCODE, 127};
    for (size_t i = 0; i < sizeof opcodes && !stage->over; i++) {
        uint8_t octets[NATPMP_MAP_REQUEST_LENGTH] = {0, opcodes[i], 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
        struct natpmp_answer answer =
            stage_natpmp_ask_octets(stage, R6886_3_5_05, STAGE_HOST, octets, sizeof octets);
        const struct datagram *came = &answer.datagram;
        stage_expect(stage, R6886_3_5_05,
                     came->length == sizeof octets && came->octets[0] == NATPMP_VERSION &&
                         came->octets[1] == RESPONSE_BIT + opcodes[i] &&
                         octets_get16(came->octets + 2) == NATPMP_UNSUPPORTED_OPCODE,
                     "the request back, its top bit set, with result 5",
                     "%zu octets, opcode %u: %s", came->length, came->octets[1],
                     stage_natpmp_describe(stage, &answer));
        /* Where a response has its epoch either may stand: the request's octets, or that. */
        stage_expect(stage, R6886_3_5_05,
                     memcmp(came->octets + EPOCH_AT + 4, octets + EPOCH_AT + 4,
                            sizeof octets - EPOCH_AT - 4) == 0,
                     "the rest of the request, as it came", "%s",
                     stage_natpmp_describe(stage, &answer));
    }
}

/* --- epoch ------------------------------------------------------------------------------------- */

static void the_epoch_counts_seconds(struct stage *stage)
{
    struct natpmp_message request = natpmp_address_wish();
    int64_t before = stage_now(stage);
    struct natpmp_answer first = stage_natpmp_ask(stage, R6886_3_2_05, STAGE_HOST, &request);
    stage_pass(stage, 240 * SECOND);
    int64_t then = stage_now(stage);
    struct natpmp_answer later = stage_natpmp_ask(stage, R6886_3_2_05, STAGE_HOST, &request);
    double least = stage_peer_seconds(stage, first.datagram.time, then);
    double most = stage_peer_seconds(stage, before, later.datagram.time);
    stage_expect_number(stage, R6886_3_2_05, "the rise of the epoch",
                        (double)later.natpmp.epoch - first.natpmp.epoch, least * 7 / 8 - SLACK,
                        most * 9 / 8 + SLACK);
}

static void errors_have_the_epoch_too(struct stage *stage)
{
    struct natpmp_message request = natpmp_address_wish();
    stage_pass(stage, 240 * SECOND);
    int64_t before = stage_now(stage);
    struct natpmp_answer success = stage_natpmp_ask(stage, R6886_3_5_07, STAGE_HOST, &request);
    struct natpmp_answer error = ask_without_address(stage, R6886_3_5_07, &request);
    double passed = stage_peer_seconds(stage, before, error.datagram.time);
    stage_expect_number(stage, R6886_3_5_07, "the epoch of an error", error.natpmp.epoch,
                        success.natpmp.epoch, success.natpmp.epoch + passed * 9 / 8 + SLACK);
}

static const struct test_case cases[] = {
    {.id = "gateway.6886.1.1.version-1-is-not-used",
     .sentence = "Version 1 is not used.",
     .requirements = JUDGES(R6886_1_1_01),
     .run = version_1_is_not_used,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.1.1.each-version-is-answered-in-its-own",
     .sentence = "Version 2 is answered as PCP and version 0 as NAT-PMP.",
     .requirements = JUDGES(R6886_1_1_02),
     .run = each_version_is_answered_in_its_own,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.other-versions-draw-result-1",
     .sentence = "A gateway of NAT-PMP alone answers any other version with result 1, version 0.",
     .requirements = JUDGES(R6886_3_01),
     .run = other_versions_draw_result_1,
     .traits = CASE_NAT_PMP,
     .variant = "with-nat-pmp-alone"},
    {.id = "gateway.6886.3.5.unsupported-version-has-8-octets",
     .sentence = "Unsupported Version is version 0, opcode 0, result 1 and the epoch.",
     .requirements = JUDGES(R6886_3_5_01),
     .run = unsupported_version_has_8_octets,
     .traits = CASE_NAT_PMP,
     .variant = "with-nat-pmp-alone"},
    {.id = "gateway.6886.3.answers-have-opcodes-of-128-and-more",
     .sentence = "Answers have the opcode of their request and 128, a result and an epoch.",
     .requirements = JUDGES(R6886_3_02),
     .run = answers_have_opcodes_of_128_and_more,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.2.the-external-address-is-told",
     .sentence = "An address request is answered with opcode 128 and the address in 12 octets.",
     .requirements = JUDGES(R6886_3_2_01),
     .run = the_external_address_is_told,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.2.a-failure-names-no-address",
     .sentence = "An address request that failed is answered with the address 0.0.0.0.",
     .requirements = JUDGES(R6886_3_2_02),
     .run = a_failure_names_no_address,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.2.the-epoch-counts-seconds",
     .sentence = "The epoch is the time elapsed since the table of mappings was new.",
     .requirements = JUDGES(R6886_3_2_05),
     .run = the_epoch_counts_seconds,
     .traits = CASE_NAT_PMP,
     .seconds = 240},
    {.id = "gateway.6886.3.5.errors-have-the-epoch-too",
     .sentence = "The epoch is set correctly in errors.",
     .requirements = JUDGES(R6886_3_5_07),
     .run = errors_have_the_epoch_too,
     .traits = CASE_NAT_PMP,
     .seconds = 240},
    {.id = "gateway.6886.3.5.failures-are-answered-with-their-result",
     .sentence = "An operation that fails is answered with its result.",
     .requirements = JUDGES(R6886_3_5_06),
     .run = failures_are_answered_with_their_result,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.5.failures-name-the-internal-port",
     .sentence = "Mapping responses name the internal port of their request, in errors too.",
     .requirements = JUDGES(R6886_3_5_02),
     .run = failures_name_the_internal_port,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.5.failures-have-no-port-and-no-lifetime",
     .sentence = "A mapping that failed has mapped port 0 and lifetime 0.",
     .requirements = JUDGES(R6886_3_5_03),
     .run = failures_have_no_port_and_no_lifetime,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.5.responses-draw-no-answer",
     .sentence = "What has an opcode of 128 and more is a response, and ignored.",
     .requirements = JUDGES(R6886_3_5_04),
     .run = responses_draw_no_answer,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.5.unknown-opcodes-come-back",
     .sentence = "A request of an unknown opcode comes back whole, with result 5.",
     .requirements = JUDGES(R6886_3_5_05),
     .run = unknown_opcodes_come_back,
     .traits = CASE_NAT_PMP},
};

static const struct defect defects[] = {
    {.name = "speaks-version-1",
     .text = "takes version 1 for version 2, and answers in it",
     .requirements = JUDGES(R6886_1_1_01)},
    {.name = "speaks-pcp-to-nat-pmp",
     .text = "answers NAT-PMP in version 2",
     .requirements = JUDGES(R6886_1_1_02)},
    {.name = "nat-pmp-names-pcp",
     .text = "names version 2 to versions that it lacks, though it has version 0 alone",
     .requirements = JUDGES(R6886_3_01)},
    {.name = "nat-pmp-echoes-other-versions",
     .text = "answers another version with the whole request, and 128 in its opcode",
     .requirements = JUDGES(R6886_3_5_01)},
    {.name = "nat-pmp-answers-with-requests",
     .text = "leaves the 128 out of NAT-PMP's opcodes",
     .requirements = JUDGES(R6886_3_02)},
    {.name = "nat-pmp-addresses-are-long",
     .text = "has 16 octets in an address response",
     .requirements = JUDGES(R6886_3_2_01)},
    {.name = "nat-pmp-names-a-lost-address",
     .text = "names the external address of before in an error",
     .requirements = JUDGES(R6886_3_2_02)},
    {.name = "nat-pmp-counts-fast",
     .text = "counts NAT-PMP's epoch by four each three seconds",
     .requirements = JUDGES(R6886_3_2_05)},
    {.name = "nat-pmp-errors-have-no-epoch",
     .text = "has epoch 0 in errors of NAT-PMP",
     .requirements = JUDGES(R6886_3_5_07)},
    {.name = "nat-pmp-has-one-error",
     .text = "says Unsupported Opcode whatever has failed",
     .requirements = JUDGES(R6886_3_5_06)},
    {.name = "nat-pmp-errors-name-no-port",
     .text = "has internal port 0 in errors of NAT-PMP",
     .requirements = JUDGES(R6886_3_5_02)},
    {.name = "nat-pmp-errors-echo-the-request",
     .text = "has the suggested port and lifetime in errors of NAT-PMP",
     .requirements = JUDGES(R6886_3_5_03)},
    {.name = "nat-pmp-answers-responses",
     .text = "takes a response of NAT-PMP for a request",
     .requirements = JUDGES(R6886_3_5_04)},
    {.name = "nat-pmp-cuts-unknown-opcodes",
     .text = "answers an unknown opcode of NAT-PMP with 8 octets",
     .requirements = JUDGES(R6886_3_5_05)},
};

CASE_FILE(gateway_6886_messages, CASE_GATEWAY, cases, defects);
