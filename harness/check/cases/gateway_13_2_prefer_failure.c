/* RFC 6887, section 13.2: PREFER_FAILURE. */
#include "check/stage_raw.h"

enum {
    TIME_WAIT = 240,      /* s, RFC 793: twice the segment lifetime */
    LONG_LIFETIME = 1800, /* s, of the errors of 7.4 */
    BURST = 24
};

/* A MAP of the host's port 5000, granted, and what insists on its external endpoint: MAP with
 * PREFER_FAILURE of a port of some place. */
static struct answer taken(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    return stage_granted(stage, &wish);
}

static struct wish insisting_wish(struct stage *stage, enum stage_place from,
                                  uint16_t internal_port, const struct endpoint *suggested)
{
    struct wish wish = stage_map_wish(stage, from, internal_port);
    wish.message.data.map.external_address = suggested->address;
    wish.message.data.map.external_port = suggested->port;
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    return wish;
}

/* Whether the peer knows the option, asked where nothing is in its way: the case is over if not. */
static struct answer supported(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    wish.message.data.map.external_address = answer_external(&answer).address;
    wish.message.data.map.external_port = answer_external(&answer).port;
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    return stage_granted(stage, &wish);
}

static void prefer_failure_is_honoured_or_unsupported(struct stage *stage)
{
    struct answer answer = taken(stage);
    struct endpoint external = answer_external(&answer);
    struct wish wish = insisting_wish(stage, STAGE_OTHER, 6000, &external);
    struct answer refused = stage_ask(stage, &wish);
    stage_expect(stage, R6887_13_2_01, refused.pcp.result != PCP_SUCCESS,
                 "UNSUPP_OPTION, or CANNOT_PROVIDE_EXTERNAL for an endpoint that another host has",
                 "%s", stage_describe(stage, &refused));
}

static void a_clash_is_told_for_no_longer_than_it_lasts(struct stage *stage)
{
    supported(stage);
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5001);
    struct answer answer = stage_granted(stage, &first);
    struct endpoint external = answer_external(&answer);
    struct wish wish = insisting_wish(stage, STAGE_OTHER, 6000, &external);
    struct answer refused = stage_ask(stage, &wish);
    double longest = answer.pcp.lifetime + TIME_WAIT + 1.0;
    if (refused.pcp.result != PCP_CANNOT_PROVIDE_EXTERNAL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "%s", stage_describe(stage, &refused));
    stage_expect_number(stage, R6887_13_2_03, "the lifetime of the error", refused.pcp.lifetime, 1,
                        longest > LONG_LIFETIME ? longest : LONG_LIFETIME);
}

static void prefer_failure_without_a_port_is_malformed(struct stage *stage)
{
    struct answer answer = supported(stage);
    struct endpoint suggested = {answer_external(&answer).address, 0};
    struct wish wish = insisting_wish(stage, STAGE_HOST, 5001, &suggested);
    answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_2_04, &answer, PCP_MALFORMED_OPTION);
}

/* All for one endpoint, which is taken: it costs the server no mapping, and the other host no quota. */
static void a_scan_by_prefer_failure_harms_no_one_else(struct stage *stage)
{
    struct wish mine = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &mine);
    struct endpoint external = answer_external(&answer);
    struct endpoint server = stage_server(stage, STAGE_OTHER);
    int scanner = stage_open(stage, STAGE_OTHER, 0);
    for (unsigned i = 0; i < BURST && !stage->over; i++) {
        struct wish wish = insisting_wish(stage, STAGE_OTHER, (uint16_t)(6000 + i), &external);
        struct raw raw = stage_raw(&wish);
        stage_send(stage, scanner, &server, raw.octets, raw.length);
    }
    answer = stage_ask(stage, &mine);
    stage_expect_result(stage, R6887_13_2_05, &answer, PCP_SUCCESS);
    stage_expect_mapped(stage, R6887_13_2_05, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static void prefer_failure_has_no_data(struct stage *stage)
{
    static const uint8_t data[4];
    struct answer answer = supported(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    wish.message.data.map.external_address = answer_external(&answer).address;
    wish.message.data.map.external_port = (uint16_t)(answer_external(&answer).port + 1);
    wish_add_option(&wish, PCP_PREFER_FAILURE, data, sizeof data);
    answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_2_07, &answer, PCP_MALFORMED_OPTION);
}

static void prefer_failure_comes_once(struct stage *stage)
{
    struct answer answer = supported(stage);
    struct endpoint suggested = answer_external(&answer);
    suggested.port++;
    struct wish wish = insisting_wish(stage, STAGE_HOST, 5001, &suggested);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_2_07, &answer, PCP_MALFORMED_OPTION);
}

/* Where a flow from inside leaves, as remote sees it. Without translation, or where each remote peer sees
 * another endpoint, there is nothing that a MAP could clash with. */
static struct endpoint flow_of(struct stage *stage, int inside, int remote, int stranger)
{
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, remote));
    struct endpoint aside = stage_endpoint(stage, STAGE_STRANGER, stage_port(stage, stranger));
    struct address host = stage_address(stage, STAGE_HOST);
    struct datagram first = {0}, second = {0};
    if (!stage_passes(stage, inside, &to, remote, &first) ||
        !stage_passes(stage, inside, &aside, stranger, &second))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a flow from inside does not get out");
    if (address_equal(&first.from.address, &host))
        stage_end(stage, VERDICT_INCONCLUSIVE, "flows from inside are not translated");
    if (first.from.port != second.from.port)
        stage_end(stage, VERDICT_INCONCLUSIVE, "flows of one port leave from several");
    return first.from;
}

static void a_flow_on_another_port_is_a_clash(struct stage *stage)
{
    struct answer answer = supported(stage); /* which tells a port that the server gives */
    int inside = stage_open(stage, STAGE_HOST, 5001);
    int remote = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint flow = flow_of(stage, inside, remote, stage_open(stage, STAGE_STRANGER, 0));
    struct endpoint suggested = answer_external(&answer);
    suggested.port =
        (uint16_t)(suggested.port + 1 == flow.port ? suggested.port + 2 : suggested.port + 1);
    struct wish wish = insisting_wish(stage, STAGE_HOST, 5001, &suggested);
    answer = stage_ask(stage, &wish);
    if (answer.pcp.result != PCP_SUCCESS) {
        stage_expect_result(stage, R6887_13_2_08, &answer, PCP_CANNOT_PROVIDE_EXTERNAL);
        return;
    }
    /* The server may have moved the flow along; then nothing clashes. */
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, remote));
    struct datagram arrival;
    stage_passes(stage, inside, &to, remote, &arrival);
    stage_expect(
        stage, R6887_13_2_08,
        answer_external(&answer).port == suggested.port && arrival.from.port == suggested.port,
        "CANNOT_PROVIDE_EXTERNAL for another port than the host's flow leaves from",
        "%s, and the flow leaves from port %u", stage_describe(stage, &answer), arrival.from.port);
}

static const struct test_case cases[] = {
    {.id = "gateway.13.2.prefer-failure-is-honoured-or-unsupported",
     .sentence = "PREFER_FAILURE is honoured, or draws UNSUPP_OPTION.",
     .requirements = JUDGES(R6887_13_2_01),
     .run = prefer_failure_is_honoured_or_unsupported,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.2.a-clash-is-told-for-no-longer-than-it-lasts",
     .sentence = "The error lasts as long as the clash and its time-wait, or as errors do.",
     .requirements = JUDGES(R6887_13_2_03),
     .run = a_clash_is_told_for_no_longer_than_it_lasts,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.2.prefer-failure-without-a-port-is-malformed",
     .sentence = "PREFER_FAILURE with suggested port 0 draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_2_04),
     .run = prefer_failure_without_a_port_is_malformed,
     .traits = CASE_BOTH},
    {.id = "gateway.13.2.a-scan-by-prefer-failure-harms-no-one-else",
     .sentence = "A burst of PREFER_FAILURE keeps no answer from another client.",
     .requirements = JUDGES(R6887_13_2_05),
     .run = a_scan_by_prefer_failure_harms_no_one_else,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.2.prefer-failure-has-no-data",
     .sentence = "PREFER_FAILURE with data draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_2_07),
     .run = prefer_failure_has_no_data},
    {.id = "gateway.13.2.prefer-failure-comes-once",
     .sentence = "A second PREFER_FAILURE in a request draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_2_07),
     .run = prefer_failure_comes_once},
    {.id = "gateway.13.2.a-flow-on-another-port-is-a-clash",
     .sentence = "Where the host's own flow leaves from another port, PREFER_FAILURE fails.",
     .requirements = JUDGES(R6887_13_2_08),
     .run = a_flow_on_another_port_is_a_clash},
};

static const struct defect defects[] = {
    {.name = "passes-over-prefer-failure",
     .text = "gives another port where PREFER_FAILURE insists on one",
     .requirements = JUDGES(R6887_13_2_01)},
    {.name = "tells-clashes-for-a-day",
     .text = "has CANNOT_PROVIDE_EXTERNAL last a day",
     .requirements = JUDGES(R6887_13_2_03)},
    {.name = "prefers-failure-of-no-port",
     .text = "passes over PREFER_FAILURE with suggested port 0",
     .requirements = JUDGES(R6887_13_2_04)},
    {.name = "is-deaf-after-a-scan",
     .text = "answers nobody any more after a burst of PREFER_FAILURE",
     .requirements = JUDGES(R6887_13_2_05)},
    {.name = "takes-prefer-failure-with-data",
     .text = "passes over the data of PREFER_FAILURE",
     .requirements = JUDGES(R6887_13_2_07)},
    {.name = "takes-prefer-failure-twice",
     .text = "passes over the second PREFER_FAILURE of a request",
     .requirements = JUDGES(R6887_13_2_07)},
    {.name = "knows-no-flows-at-map",
     .text = "maps where the client suggests, whatever port its flow leaves from",
     .requirements = JUDGES(R6887_13_2_08)},
};

CASE_FILE(gateway_13_2_prefer_failure, CASE_GATEWAY, cases, defects);
