/* RFC 6887, sections 18 and 19.4 and appendix A: what is not granted to anyone who asks, which options must be known,
 * and NAT-PMP at the same port. */
#include "check/stage_raw.h"

#include "wire/natpmp.h"
#include "wire/octets.h"

#include <stdio.h>

enum { AUTHENTICATION_REQUIRED = 15 /* RFC 7652 */ };

/* --- threat models ----------------------------------------------------------------------------- */

/* A server without a security mechanism is bound by 18.1, one with it by 18.2 when requests are not authenticated:
 * these here never are. */
static void nobody_asks_for_another(struct stage *stage)
{
    struct address host = stage_address(stage, STAGE_HOST);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5000);
    wish_add_third_party(&wish, &host);
    struct answer answer = stage_ask_for(stage, R6887_18_1_01, &wish);
    stage_expect(stage, R6887_18_1_01, answer.pcp.result != PCP_SUCCESS,
                 "no mapping to another host, by default", "%s", stage_describe(stage, &answer));
    struct wish spoofed = stage_map_wish(stage, STAGE_OTHER, 5000);
    spoofed.message.client = host;
    answer = stage_ask_for(stage, R6887_18_1_01, &spoofed);
    stage_expect(stage, R6887_18_1_01, answer.pcp.result != PCP_SUCCESS,
                 "no mapping for a client address that is not the packet's", "%s",
                 stage_describe(stage, &answer));
}

static void nobody_asks_for_another_unauthenticated(struct stage *stage)
{
    struct address host = stage_address(stage, STAGE_HOST);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5000);
    wish_add_third_party(&wish, &host);
    struct answer answer = stage_ask_for(stage, R6887_18_2_02, &wish);
    stage_expect(stage, R6887_18_2_02, answer.pcp.result != PCP_SUCCESS,
                 "no mapping to another host without authentication", "%s",
                 stage_describe(stage, &answer));
}

/* Served or refused: both are legal. Not answered is neither. */
static void without_authentication_it_answers(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_ask_for(stage, R6887_18_2_01, &wish);
    uint8_t result = answer.pcp.result;
    stage_expect(stage, R6887_18_2_01,
                 result == PCP_SUCCESS || result == AUTHENTICATION_REQUIRED ||
                     result == PCP_NOT_AUTHORIZED || result == PCP_UNSUPP_OPCODE,
                 "SUCCESS, or that authentication is needed", "%s", stage_describe(stage, &answer));
}

/* --- options ----------------------------------------------------------------------------------- */

static void half_of_the_options_are_mandatory(struct stage *stage)
{
    static const struct {
        uint8_t code;
        bool mandatory;
    } options[] = {{0, true},    {60, true},   {95, true},   {96, true},   {126, true}, {127, true},
                   {191, false}, {200, false}, {224, false}, {254, false}, {255, false}};
    for (uint16_t i = 0; i < sizeof options / sizeof *options && !stage->over; i++) {
        char expected[80];
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        wish_add_option(&wish, options[i].code, NULL, 0);
        struct answer answer = stage_ask_for(stage, R6887_19_4_01, &wish);
        if (answer.pcp.result == PCP_UNSUPP_OPCODE || answer.pcp.result == PCP_NOT_AUTHORIZED)
            stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &answer));
        (void)snprintf(expected, sizeof expected, "%s to option %u, which is unknown",
                       options[i].mandatory ? "UNSUPP_OPTION" : "SUCCESS", options[i].code);
        stage_expect(stage, R6887_19_4_01,
                     answer.pcp.result == (options[i].mandatory ? PCP_UNSUPP_OPTION : PCP_SUCCESS),
                     expected, "%s", stage_describe(stage, &answer));
    }
}

/* --- NAT-PMP ----------------------------------------------------------------------------------- */

static struct answer ask_nat_pmp(struct stage *stage, enum requirement_id requirement,
                                 uint8_t opcode)
{
    const struct natpmp_message request = {
        .opcode = opcode, .internal_port = 5000, .lifetime = 600};
    struct raw raw = {.from = STAGE_HOST};
    raw.length = natpmp_encode(&request, raw.octets, sizeof raw.octets);
    return stage_ask_raw(stage, requirement, &raw);
}

/* As its client reads it: the opcode with 128 added, and a result of 16 bits. */
static void nat_pmp_clients_can_read_it(struct stage *stage)
{
    for (unsigned opcode = NATPMP_ADDRESS; opcode <= NATPMP_MAP_TCP; opcode++) {
        struct answer answer = ask_nat_pmp(stage, R6887_A_02, (uint8_t)opcode);
        const struct datagram *came = &answer.datagram;
        stage_expect(stage, R6887_A_02,
                     came->length >= NATPMP_UNSUPPORTED_VERSION_LENGTH &&
                         came->octets[OFFSET_OPCODE] == (R_BIT | opcode) &&
                         octets_get16(came->octets + 2) == NATPMP_UNSUPPORTED_VERSION,
                     "an answer that reads in NAT-PMP as Unsupported Version",
                     "%zu octets, the first four 0x%08x", came->length, octets_get32(came->octets));
    }
}

static void the_first_octet_tells_them_apart(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = ask_nat_pmp(stage, R6887_A_03, NATPMP_ADDRESS);
    for (int i = 0; i < 2; i++) {
        struct natpmp_message response;
        const struct datagram *came = &answer.datagram;
        stage_expect(stage, R6887_A_03,
                     natpmp_decode(came->octets, came->length, &response) == NATPMP_FAULT_NONE &&
                         response.response && response.result == NATPMP_SUCCESS,
                     "a NAT-PMP response to a NAT-PMP request", "%zu octets, the first four 0x%08x",
                     came->length, octets_get32(came->octets));
        struct answer pcp = stage_ask_for(stage, R6887_A_03, &wish);
        stage_expect(stage, R6887_A_03, pcp.datagram.octets[OFFSET_VERSION] == PCP_VERSION,
                     "a PCP response to a PCP request", "version %u",
                     pcp.datagram.octets[OFFSET_VERSION]);
        answer = ask_nat_pmp(stage, R6887_A_03, NATPMP_ADDRESS);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.18.1.nobody-asks-for-another",
     .sentence = "By default no host gets a mapping to another.",
     .requirements = JUDGES(R6887_18_1_01),
     .run = nobody_asks_for_another,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.18.2.without-authentication-it-answers",
     .sentence = "A request without authentication is served, or told that it needs some.",
     .requirements = JUDGES(R6887_18_2_01),
     .run = without_authentication_it_answers,
     .traits = CASE_BOTH},
    {.id = "gateway.18.2.nobody-asks-for-another-without-authentication",
     .sentence = "By default no request without authentication makes a mapping to another host.",
     .requirements = JUDGES(R6887_18_2_02),
     .run = nobody_asks_for_another_unauthenticated,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.19.4.half-of-the-options-are-mandatory",
     .sentence = "Options 0 to 127 are mandatory to process, and 128 to 255 are not.",
     .requirements = JUDGES(R6887_19_4_01),
     .run = half_of_the_options_are_mandatory},
    {.id = "gateway.A.nat-pmp-clients-can-read-it",
     .sentence = "What a server without NAT-PMP answers to it, NAT-PMP clients can read.",
     .requirements = JUDGES(R6887_A_02),
     .run = nat_pmp_clients_can_read_it,
     .variant = "without-nat-pmp"},
    {.id = "gateway.A.the-first-octet-tells-them-apart",
     .sentence = "A server of both takes for NAT-PMP what begins with zero, and only that.",
     .requirements = JUDGES(R6887_A_03),
     .run = the_first_octet_tells_them_apart,
     .traits = CASE_TWO_VERSIONS},
};

static const struct defect defects[] = {
    {.name = "trusts-third-parties-by-default",
     .text = "lets each host ask for others that was not set up to",
     .requirements = JUDGES(R6887_18_1_01, R6887_18_2_02)},
    {.name = "ignores-the-unauthenticated",
     .text = "leaves MAP requests without authentication unanswered",
     .requirements = JUDGES(R6887_18_2_01)},
    {.name = "skips-private-options",
     .text = "takes the options for private use for optional ones",
     .requirements = JUDGES(R6887_19_4_01)},
    {.name = "minds-reserved-options",
     .text = "takes the reserved option 255 for a mandatory one",
     .requirements = JUDGES(R6887_19_4_01)},
    {.name = "answers-nat-pmp-unreadably",
     .text = "answers other versions with an opcode that was not asked",
     .requirements = JUDGES(R6887_A_02)},
    {.name = "reads-nat-pmp-as-pcp",
     .text = "has NAT-PMP, but takes its requests for PCP of version 0",
     .requirements = JUDGES(R6887_A_03)},
};

CASE_FILE(gateway_18_security, CASE_GATEWAY, cases, defects);
