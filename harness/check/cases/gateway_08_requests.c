/* RFC 6887, sections 8 and 8.2: what a server does with a request before it looks at its opcode. */
#include "check/stage_raw.h"

#include <string.h>

enum { OTHER_VERSION = 3, ODD = 3, TOO_LONG = PCP_MAXIMUM_LENGTH + 4 };

static struct raw plain(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    return stage_raw(&wish);
}

static struct raw of_another_client(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.client = stage_address(stage, STAGE_OTHER);
    return stage_raw(&wish);
}

static struct raw of_length(struct stage *stage, size_t length)
{
    struct raw raw = plain(stage);
    raw_resize(&raw, length);
    return raw;
}

/* --- section 8 --------------------------------------------------------------------------------- */

static void requests_by_udp_are_answered_by_udp(struct stage *stage)
{
    struct raw raw = plain(stage);
    stage_ask_raw(stage, R6887_8_01, &raw);
}

static void every_request_gets_an_answer(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    struct wish peer = stage_peer_wish(stage, STAGE_HOST, 5001, &remote);
    struct wish unknown_option = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&unknown_option, UNKNOWN_MANDATORY, NULL, 0);
    struct wish deletion = stage_map_wish(stage, STAGE_HOST, 5002);
    deletion.message.lifetime = 0;
    struct wish forever = stage_map_wish(stage, STAGE_HOST, 5003);
    forever.message.lifetime = UINT32_MAX;
    struct raw unknown_opcode = plain(stage);
    unknown_opcode.octets[OFFSET_OPCODE] = UNKNOWN_OPCODE;
    struct raw all[] = {plain(stage),
                        stage_raw(&announce),
                        stage_raw(&peer),
                        stage_raw(&unknown_option),
                        stage_raw(&deletion),
                        stage_raw(&forever),
                        unknown_opcode,
                        of_another_client(stage),
                        of_length(stage, PCP_HEADER_LENGTH),
                        of_length(stage, PCP_MAXIMUM_LENGTH),
                        of_length(stage, PCP_HEADER_LENGTH + ODD)};
    for (size_t i = 0; i < sizeof all / sizeof *all && !stage->over; i++)
        stage_ask_raw(stage, R6887_8_04, &all[i]);
}

/* Epochs aside, and the lifetime of a mapping, which has begun to run. */
static void expect_same(struct stage *stage, const struct answer *one, const struct answer *other)
{
    const struct datagram *a = &one->datagram, *b = &other->datagram;
    bool same = a->length == b->length && a->length >= PCP_HEADER_LENGTH &&
                memcmp(a->octets, b->octets, OFFSET_LIFETIME) == 0 &&
                memcmp(a->octets + OFFSET_RESERVED, b->octets + OFFSET_RESERVED,
                       a->length - OFFSET_RESERVED) == 0;
    stage_expect(stage, R6887_8_03, same, "the same answer to the same request",
                 "%s, and before %s", stage_describe(stage, other), stage_describe(stage, one));
}

static void same_requests_get_same_answers(struct stage *stage)
{
    enum { TIMES = 4 };
    struct wish bad = stage_map_wish(stage, STAGE_HOST, 5001);
    wish_add_option(&bad, UNKNOWN_MANDATORY, NULL, 0);
    struct raw all[] = {plain(stage), stage_raw(&bad), of_another_client(stage)};
    for (size_t i = 0; i < sizeof all / sizeof *all && !stage->over; i++) {
        struct answer first = stage_ask_raw(stage, R6887_8_03, &all[i]);
        for (int again = 1; again < TIMES && !stage->over; again++) {
            struct answer next = stage_ask_raw(stage, R6887_8_03, &all[i]);
            expect_same(stage, &first, &next);
        }
    }
}

/* --- interfaces, section 8.2 ------------------------------------------------------------------- */

static void let_remote_reach_the_inside(struct stage *stage)
{
    stage_run(stage, STAGE_REMOTE, "ip route add 192.168.1.0/24 via 11.0.0.1");
}

/* The host's own request, but that it comes in where the host's packets never do. */
static void forged_requests_from_outside_are_not_accepted(struct stage *stage)
{
    enum { TRIES = 3 };
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    wish.message.lifetime = 0;
    struct raw deletion = stage_raw(&wish);
    struct endpoint host = stage_endpoint(stage, STAGE_HOST, 40000);
    struct endpoint asked[] = {stage_endpoint(stage, STAGE_OUTSIDE, PCP_SERVER_PORT),
                               stage_endpoint(stage, STAGE_GATEWAY, PCP_SERVER_PORT)};
    let_remote_reach_the_inside(stage);
    for (int i = 0; i < TRIES; i++)
        for (size_t k = 0; k < sizeof asked / sizeof *asked; k++)
            stage_send_as(stage, STAGE_REMOTE, &host, &asked[k], deletion.octets, deletion.length);
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    stage_ask(stage, &announce); /* what came before has been worked on */
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_passes(stage, R6887_8_2_02, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
}

static void requests_from_outside_draw_no_answer(struct stage *stage)
{
    struct wish wishes[] = {stage_map_wish(stage, STAGE_REMOTE, 5000),
                            stage_announce_wish(stage, STAGE_REMOTE)};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct raw raw = stage_raw(&wishes[i]);
        stage_expect_silence(stage, R6887_8_2_03, "a request that came in from outside", &raw);
        raw.octets[OFFSET_VERSION] = OTHER_VERSION;
        stage_expect_silence(stage, R6887_8_2_03,
                             "a request of another version that came in from outside", &raw);
    }
}

static void trusted_interfaces_serve_third_parties(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_REMOTE, 5000);
    struct address host = stage_address(stage, STAGE_HOST);
    wish_add_third_party(&wish, &host);
    struct answer answer = stage_ask_for(stage, R6887_8_2_04, &wish);
    stage_expect_result(stage, R6887_8_2_04, &answer, PCP_SUCCESS);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_passes(stage, R6887_8_2_04, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
}

/* --- floods, section 8.2 ----------------------------------------------------------------------- */

enum { FLOOD = 400 };

/* Sends one request many times, and has the answers that are not what section 8.2 allows under load. */
static void flood(struct stage *stage, const struct raw *raw)
{
    struct endpoint server = stage_server(stage, STAGE_HOST);
    struct datagram datagram;
    struct pcp_message response;
    int socket = stage_open(stage, STAGE_HOST, 0);
    for (int i = 0; i < FLOOD; i++)
        stage_send(stage, socket, &server, raw->octets, raw->length);
    while (stage_receive(stage, socket, 200 * MILLISECOND, &datagram)) {
        if (datagram.is_error || pcp_decode(datagram.octets, datagram.length, &response))
            continue;
        stage_expect(stage, R6887_8_2_06,
                     response.result == PCP_SUCCESS || response.result == PCP_NO_RESOURCES,
                     "SUCCESS, NO_RESOURCES or no answer, when many requests come", "%s",
                     pcp_result_name(response.result) ? pcp_result_name(response.result)
                                                      : "a result code of no name");
    }
    stage_close(stage, socket);
}

static void floods_draw_success_or_no_resources(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &wish);
    struct raw raw = stage_raw(&wish);
    flood(stage, &raw);
}

static void floods_are_over_some_time(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &wish);
    struct raw raw = stage_raw(&wish);
    struct endpoint server = stage_server(stage, STAGE_HOST);
    int socket = stage_open(stage, STAGE_HOST, 0);
    for (int i = 0; i < FLOOD; i++)
        stage_send(stage, socket, &server, raw.octets, raw.length);
    stage_close(stage, socket);
    stage_pass(stage, 120 * SECOND);
    struct answer answer = stage_ask_raw(stage, R6887_8_2_05, &raw);
    stage_expect_result(stage, R6887_8_2_05, &answer, PCP_SUCCESS);
}

/* --- headers, section 8.2 ---------------------------------------------------------------------- */

static void every_opcode_minds_the_client_address(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish wishes[] = {stage_map_wish(stage, STAGE_HOST, 5000),
                            stage_peer_wish(stage, STAGE_HOST, 5000, &remote),
                            stage_announce_wish(stage, STAGE_HOST)};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        wishes[i].message.client = stage_address(stage, STAGE_OTHER);
        struct answer answer = stage_ask(stage, &wishes[i]);
        stage_expect_result(stage, R6887_8_2_07, &answer, PCP_ADDRESS_MISMATCH);
    }
}

static void faults_are_found_in_their_order(struct stage *stage)
{
    struct raw version_first = of_another_client(stage);
    raw_resize(&version_first, version_first.length - ODD);
    version_first.octets[OFFSET_VERSION] = OTHER_VERSION;
    struct answer answer = stage_ask_raw(stage, R6887_8_2_01, &version_first);
    stage_expect(stage, R6887_8_2_01, answer.datagram.octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION,
                 "UNSUPP_VERSION, before length and client address are looked at", "%s",
                 stage_describe(stage, &answer));
    struct raw length_first = of_another_client(stage);
    raw_resize(&length_first, length_first.length - ODD);
    answer = stage_ask_raw(stage, R6887_8_2_01, &length_first);
    stage_expect(stage, R6887_8_2_01, answer.pcp.result == PCP_MALFORMED_REQUEST,
                 "MALFORMED_REQUEST, before the client address is looked at", "%s",
                 stage_describe(stage, &answer));
}

static void less_than_two_octets_draw_no_answer(struct stage *stage)
{
    for (size_t length = 0; length < 2; length++) {
        struct raw raw = of_length(stage, length);
        stage_expect_silence(stage, R6887_8_2_08, "a datagram of less than 2 octets", &raw);
    }
}

static void responses_draw_no_answer(struct stage *stage)
{
    struct raw raw = plain(stage);
    raw.octets[OFFSET_OPCODE] |= R_BIT;
    stage_expect_silence(stage, R6887_8_2_09, "a message with the R bit set", &raw);
}

/* Who answers in a version, and not that it lacks it, has it: some still speak that of a draft. */
static bool has_version(struct stage *stage, uint8_t version)
{
    struct raw raw = plain(stage);
    raw.octets[OFFSET_VERSION] = version;
    struct answer answer = stage_ask_raw(stage, R6887_8_2_10, &raw);
    const struct datagram *came = &answer.datagram;
    return came->length >= PCP_HEADER_LENGTH && came->octets[OFFSET_VERSION] == version &&
           came->octets[OFFSET_RESULT] != PCP_UNSUPP_VERSION;
}

static void other_versions_are_unsupported(struct stage *stage)
{
    static const uint8_t versions[] = {1, OTHER_VERSION, 255};
    static const size_t lengths[] = {60, 24, 12, 4, 2};
    for (size_t i = 0; i < sizeof versions && !stage->over; i++) {
        if (has_version(stage, versions[i]))
            continue;
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths && !stage->over; k++) {
            struct raw raw = of_length(stage, lengths[k]);
            raw.octets[OFFSET_VERSION] = versions[i];
            struct answer answer = stage_ask_raw(stage, R6887_8_2_10, &raw);
            stage_expect(stage, R6887_8_2_10,
                         answer.datagram.length >= 4 &&
                             answer.datagram.octets[OFFSET_RESULT] == PCP_UNSUPP_VERSION,
                         "UNSUPP_VERSION", "to version %u in %zu octets: %s", versions[i],
                         raw.length, stage_describe(stage, &answer));
        }
    }
}

static void less_than_a_header_draws_no_answer(struct stage *stage)
{
    static const size_t lengths[] = {2, 3, 4, 20, PCP_HEADER_LENGTH - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct raw raw = of_length(stage, lengths[i]);
        stage_expect_silence(stage, R6887_8_2_11, "less than 24 octets", &raw);
    }
}

static void invalid_lengths_are_malformed(struct stage *stage)
{
    static const size_t lengths[] = {TOO_LONG,
                                     TOO_LONG + 200,
                                     PCP_HEADER_LENGTH + PCP_MAP_LENGTH + 1,
                                     PCP_HEADER_LENGTH + PCP_MAP_LENGTH + 2,
                                     PCP_HEADER_LENGTH + PCP_MAP_LENGTH - 4,
                                     PCP_HEADER_LENGTH};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths && !stage->over; i++) {
        struct raw raw = of_length(stage, lengths[i]);
        struct answer answer = stage_ask_raw(stage, R6887_8_2_12, &raw);
        stage_expect_result(stage, R6887_8_2_12, &answer, PCP_MALFORMED_REQUEST);
        stage_expect(stage, R6887_8_2_12, answer.datagram.length <= PCP_MAXIMUM_LENGTH,
                     "at most 1100 octets", "%zu: %s", answer.datagram.length,
                     stage_describe(stage, &answer));
    }
}

/* What follows the header looks like no option that there is. */
static void unknown_opcodes_are_returned_unread(struct stage *stage)
{
    static const uint8_t opcodes[] = {31, UNKNOWN_OPCODE, 95};
    for (size_t i = 0; i < sizeof opcodes && !stage->over; i++) {
        struct raw raw = of_length(stage, 64);
        memset(raw.octets + PCP_HEADER_LENGTH, 0xa5, raw.length - PCP_HEADER_LENGTH);
        raw.octets[OFFSET_OPCODE] = opcodes[i];
        struct answer answer = stage_ask_raw(stage, R6887_8_2_13, &raw);
        const uint8_t *octets = answer.datagram.octets;
        stage_expect(stage, R6887_8_2_13, octets[OFFSET_RESULT] == PCP_UNSUPP_OPCODE,
                     "UNSUPP_OPCODE", "%s", stage_describe(stage, &answer));
        stage_expect(stage, R6887_8_2_13,
                     answer.datagram.length == raw.length &&
                         memcmp(octets + PCP_HEADER_LENGTH, raw.octets + PCP_HEADER_LENGTH,
                                raw.length - PCP_HEADER_LENGTH) == 0,
                     "what stands behind the header, as it came", "others, or %zu octets: %s",
                     answer.datagram.length, stage_describe(stage, &answer));
    }
}

static void errors_hold_up_to_1100_octets_padded(struct stage *stage)
{
    static const size_t lengths[] = {61, 62, 63, PCP_MAXIMUM_LENGTH - 1, TOO_LONG + 100};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths && !stage->over; i++) {
        struct raw raw = of_length(stage, lengths[i]);
        memset(raw.octets + 60, 0x5a, raw.length - 60);
        struct answer answer = stage_ask_raw(stage, R6887_8_2_14, &raw);
        size_t padded = (raw.length + 3) & ~(size_t)3;
        size_t expected = padded > PCP_MAXIMUM_LENGTH ? PCP_MAXIMUM_LENGTH : padded;
        size_t copied = raw.length < expected ? raw.length : expected;
        const struct datagram *came = &answer.datagram;
        if (answer.came && answer.pcp.result == PCP_SUCCESS)
            stage_end(stage, VERDICT_INCONCLUSIVE, "no error: %s", stage_describe(stage, &answer));
        stage_expect(stage, R6887_8_2_14, came->length == expected,
                     "the request, up to 1100 octets, padded to a multiple of 4",
                     "%zu octets for %zu: %s", came->length, raw.length,
                     stage_describe(stage, &answer));
        for (size_t k = PCP_HEADER_LENGTH; k < expected && !stage->over; k++)
            stage_expect(stage, R6887_8_2_14, came->octets[k] == (k < copied ? raw.octets[k] : 0),
                         "the octets of the request, and zeros as padding",
                         "octet %zu of %zu is 0x%02x: %s", k, expected, came->octets[k],
                         stage_describe(stage, &answer));
    }
}

static void expect_from_the_server(struct stage *stage, const struct raw *raw, uint16_t port)
{
    enum { TRIES = 8 };
    struct endpoint server = stage_server(stage, STAGE_HOST);
    struct datagram datagram = {0};
    int socket = stage_open(stage, STAGE_HOST, port);
    bool came = false;
    for (int i = 0; i < TRIES && !came && !stage->over; i++) {
        stage_send(stage, socket, &server, raw->octets, raw->length);
        came = stage_receive(stage, socket, 500 * MILLISECOND, &datagram);
    }
    stage_expect(stage, R6887_8_2_15, came, "an answer at the port that asked", "none");
    char text[ADDRESS_TEXT_SIZE];
    stage_expect(stage, R6887_8_2_15,
                 address_equal(&datagram.from.address, &server.address) &&
                     datagram.from.port == server.port,
                 "an answer from the address and port that was asked", "it came from %s port %u",
                 address_format(&datagram.from.address, text), datagram.from.port);
    stage_close(stage, socket);
}

static void answers_come_from_where_they_were_asked_for(struct stage *stage)
{
    struct raw good = plain(stage);
    struct raw bad = of_another_client(stage);
    expect_from_the_server(stage, &good, 0);
    expect_from_the_server(stage, &bad, 0);
    expect_from_the_server(stage, &good, 1234);
}

static const struct test_case cases[] = {
    {.id = "gateway.8.requests-by-udp-are-answered-by-udp",
     .sentence = "PCP messages are sent over UDP.",
     .requirements = JUDGES(R6887_8_01),
     .run = requests_by_udp_are_answered_by_udp,
     .traits = CASE_BOTH},
    {.id = "gateway.8.every-request-gets-an-answer",
     .sentence = "Every request that no rule drops generates a response.",
     .requirements = JUDGES(R6887_8_04),
     .run = every_request_gets_an_answer,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.8.same-requests-get-same-answers",
     .sentence = "Requests that are the same get answers that are the same.",
     .requirements = JUDGES(R6887_8_03),
     .run = same_requests_get_same_answers,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.8.2.forged-requests-from-outside-are-not-accepted",
     .sentence = "A request is taken only on the interface on which that client's packets come in.",
     .requirements = JUDGES(R6887_8_2_02),
     .run = forged_requests_from_outside_are_not_accepted},
    {.id = "gateway.8.2.requests-from-outside-draw-no-answer",
     .sentence = "Requests that arrive on another interface are silently ignored.",
     .requirements = JUDGES(R6887_8_2_03),
     .run = requests_from_outside_draw_no_answer,
     .traits = CASE_BOTH},
    {.id = "gateway.8.2.trusted-interfaces-serve-third-parties",
     .sentence = "THIRD_PARTY requests may be accepted on further interfaces.",
     .requirements = JUDGES(R6887_8_2_04),
     .run = trusted_interfaces_serve_third_parties,
     .variant = "with-trusted-outside"},
    {.id = "gateway.8.2.floods-draw-success-or-no-resources",
     .sentence = "Of a server with too much to do, requests may draw NO_RESOURCES, nothing else.",
     .requirements = JUDGES(R6887_8_2_06),
     .run = floods_draw_success_or_no_resources},
    {.id = "gateway.8.2.floods-are-over-some-time",
     .sentence = "A server that discarded requests under load answers them when it has time again.",
     .requirements = JUDGES(R6887_8_2_05),
     .run = floods_are_over_some_time,
     .seconds = 120},
    {.id = "gateway.8.2.faults-are-found-in-their-order",
     .sentence = "Faults are looked for in this order: version, length, client address.",
     .requirements = JUDGES(R6887_8_2_01),
     .run = faults_are_found_in_their_order,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.8.2.every-opcode-minds-the-client-address",
     .sentence = "A client address field that is not the source address draws ADDRESS_MISMATCH.",
     .requirements = JUDGES(R6887_8_2_07),
     .run = every_opcode_minds_the_client_address,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.8.2.less-than-two-octets-draw-no-answer",
     .sentence = "A message of less than 2 octets is silently dropped.",
     .requirements = JUDGES(R6887_8_2_08),
     .run = less_than_two_octets_draw_no_answer},
    {.id = "gateway.8.2.responses-draw-no-answer",
     .sentence = "A message with the R bit set is silently dropped.",
     .requirements = JUDGES(R6887_8_2_09),
     .run = responses_draw_no_answer,
     .traits = CASE_BOTH},
    {.id = "gateway.8.2.other-versions-are-unsupported",
     .sentence = "A version that is not supported draws UNSUPP_VERSION, from 2 octets on.",
     .requirements = JUDGES(R6887_8_2_10),
     .run = other_versions_are_unsupported},
    {.id = "gateway.8.2.less-than-a-header-draws-no-answer",
     .sentence = "A request of a supported version and less than 24 octets is silently dropped.",
     .requirements = JUDGES(R6887_8_2_11),
     .run = less_than_a_header_draws_no_answer},
    {.id = "gateway.8.2.invalid-lengths-are-malformed",
     .sentence = "A request over 1100 octets, of odd length or too short draws MALFORMED_REQUEST.",
     .requirements = JUDGES(R6887_8_2_12),
     .run = invalid_lengths_are_malformed},
    {.id = "gateway.8.2.unknown-opcodes-are-returned-unread",
     .sentence = "UNSUPP_OPCODE has the rest of the request as it came.",
     .requirements = JUDGES(R6887_8_2_13),
     .run = unknown_opcodes_are_returned_unread,
     .traits = CASE_BOTH},
    {.id = "gateway.8.2.errors-hold-up-to-1100-octets-padded",
     .sentence = "An error copies the request up to 1100 octets, with zeros to a multiple of 4.",
     .requirements = JUDGES(R6887_8_2_14),
     .run = errors_hold_up_to_1100_octets_padded},
    {.id = "gateway.8.2.answers-come-from-where-they-were-asked-for",
     .sentence = "The answer goes to where the request came from, and comes from where it went.",
     .requirements = JUDGES(R6887_8_2_15),
     .run = answers_come_from_where_they_were_asked_for,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
};

static const struct defect defects[] = {
    {.name = "answers-by-tcp",
     .text = "connects to the client by TCP to send its answer",
     .requirements = JUDGES(R6887_8_01)},
    {.name = "keeps-errors-to-itself",
     .text = "is silent instead of answering with an error",
     .requirements = JUDGES(R6887_8_04)},
    {.name = "changes-its-mind",
     .text = "tells of another external port, and of another error, each second time",
     .requirements = JUDGES(R6887_8_03)},
    {.name = "serves-the-outside",
     .text = "serves PCP on the outside interface too",
     .requirements = JUDGES(R6887_8_2_02, R6887_8_2_03, R6886_3_3_12)},
    {.name = "trusts-no-interface",
     .text = "hears nothing on the interfaces that it is to trust for THIRD_PARTY",
     .requirements = JUDGES(R6887_8_2_04)},
    {.name = "refuses-floods",
     .text = "says NOT_AUTHORIZED when many requests come",
     .requirements = JUDGES(R6887_8_2_06)},
    {.name = "never-gets-over-a-flood",
     .text = "answers nothing any more once many requests came",
     .requirements = JUDGES(R6887_8_2_05)},
    {.name = "looks-at-the-client-address-first",
     .text = "says ADDRESS_MISMATCH to requests of whatever length and version",
     .requirements = JUDGES(R6887_8_2_01)},
    {.name = "ignores-the-client-address",
     .text = "serves a request whose client address field is another's",
     .requirements = JUDGES(R6887_8_2_07)},
    {.name = "answers-the-shortest",
     .text = "says MALFORMED_REQUEST to less than 2 octets",
     .requirements = JUDGES(R6887_8_2_08)},
    {.name = "answers-responses",
     .text = "takes a message with the R bit set for a request",
     .requirements = JUDGES(R6887_8_2_09)},
    {.name = "drops-other-versions",
     .text = "is silent to versions that it doesn't speak",
     .requirements = JUDGES(R6887_8_2_10)},
    {.name = "answers-less-than-a-header",
     .text = "says MALFORMED_REQUEST to less than 24 octets",
     .requirements = JUDGES(R6887_8_2_11)},
    {.name = "serves-odd-lengths",
     .text = "passes over the octets that make a request's length odd",
     .requirements = JUDGES(R6887_8_2_12)},
    {.name = "serves-long-requests",
     .text = "passes over what goes beyond 1100 octets",
     .requirements = JUDGES(R6887_8_2_12)},
    {.name = "reads-unknown-opcodes",
     .text = "answers an unknown opcode with its header alone",
     .requirements = JUDGES(R6887_8_2_13)},
    {.name = "cuts-odd-errors",
     .text = "cuts an error to a multiple of 4 octets",
     .requirements = JUDGES(R6887_8_2_14)},
    {.name = "answers-from-another-port",
     .text = "answers from another port than its own",
     .requirements = JUDGES(R6887_8_2_15)},
};

CASE_FILE(gateway_08_requests, CASE_GATEWAY, cases, defects);
