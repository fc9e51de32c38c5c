/* RFC 6887, section 7.4: result codes, and how long errors last. */
#include "check/stage_raw.h"

enum { ALL_BITS = 128, SHORT = 30, LONG = 1800, EXPERIMENTAL_PROTOCOL = 253 };

static void allow(struct stage *stage, struct wish *wish, enum stage_place place, uint16_t port)
{
    struct address address = stage_address(stage, place);
    wish_add_filter(wish, &address, ALL_BITS, port);
}

/* Takes the external address away; whoever hears of such things late gets a moment to. Until the peer says
 * something else than SUCCESS, or to the end of patience. */
static struct answer ask_without_address(struct stage *stage, struct wish *wish)
{
    enum { TRIES = 30 };
    struct answer answer = {0};
    stage_run(stage, STAGE_GATEWAY, "ip -4 address flush dev eth1");
    for (int i = 0; i < TRIES && !stage->over; i++) {
        answer = stage_ask(stage, wish);
        if (answer.came && answer.pcp.result != PCP_SUCCESS)
            break;
        stage_pass(stage, 5 * SECOND);
    }
    return answer;
}

/* Requests that draw errors of the long class from whatever server. */
static struct wish of_an_unknown_option(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, UNKNOWN_MANDATORY, NULL, 0);
    return wish;
}

static struct wish of_another_client(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.client = stage_address(stage, STAGE_OTHER);
    return wish;
}

static struct wish of_an_unknown_opcode(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.opcode = UNKNOWN_OPCODE;
    return wish;
}

static struct wish (*const long_errors[])(struct stage *stage) = {
    of_an_unknown_option, of_another_client, of_an_unknown_opcode};

/* --- cases ------------------------------------------------------------------------------------- */

/* The request is wrong in three ways, and each has a code of its own. */
static void errors_say_what_is_wrong(struct stage *stage)
{
    struct wish wish = of_another_client(stage);
    wish.message.data.map.protocol = EXPERIMENTAL_PROTOCOL;
    wish_add_option(&wish, UNKNOWN_MANDATORY, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_4_01, &wish);
    uint8_t result = answer.pcp.result;
    stage_expect(stage, R6887_7_4_01,
                 result == PCP_ADDRESS_MISMATCH || result == PCP_UNSUPP_OPTION ||
                     result == PCP_UNSUPP_PROTOCOL,
                 "ADDRESS_MISMATCH, UNSUPP_OPTION or UNSUPP_PROTOCOL, which it is all", "%s",
                 stage_describe(stage, &answer));
}

static void long_errors_last_30_minutes(struct stage *stage)
{
    for (size_t i = 0; i < sizeof long_errors / sizeof *long_errors && !stage->over; i++) {
        struct wish wish = long_errors[i](stage);
        struct answer answer = stage_ask_for(stage, R6887_7_4_02, &wish);
        if (answer.came && answer.pcp.result == PCP_SUCCESS)
            stage_end(stage, VERDICT_INCONCLUSIVE, "no error: %s", stage_describe(stage, &answer));
        stage_expect(stage, R6887_7_4_02, answer.pcp.lifetime == LONG, "a lifetime of 1800 s", "%s",
                     stage_describe(stage, &answer));
    }
}

static void short_errors_last_30_seconds(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = ask_without_address(stage, &wish);
    uint8_t result = answer.pcp.result;
    if (answer.came && result != PCP_NETWORK_FAILURE && result != PCP_NO_RESOURCES)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no error of the short class: %s",
                  stage_describe(stage, &answer));
    stage_expect(stage, R6887_7_4_02, answer.pcp.lifetime == SHORT, "a lifetime of 30 s", "%s",
                 stage_describe(stage, &answer));
}

static void long_errors_outlast_short_ones(struct stage *stage)
{
    uint32_t shortest = UINT32_MAX;
    for (size_t i = 0; i < sizeof long_errors / sizeof *long_errors && !stage->over; i++) {
        struct wish wish = long_errors[i](stage);
        struct answer answer = stage_ask(stage, &wish);
        if (answer.came && answer.pcp.result == PCP_SUCCESS)
            stage_end(stage, VERDICT_INCONCLUSIVE, "no error: %s", stage_describe(stage, &answer));
        if (answer.pcp.lifetime < shortest)
            shortest = answer.pcp.lifetime;
    }
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = ask_without_address(stage, &wish);
    uint8_t result = answer.pcp.result;
    if (answer.came && result != PCP_NETWORK_FAILURE && result != PCP_NO_RESOURCES)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no error of the short class: %s",
                  stage_describe(stage, &answer));
    stage_expect(stage, R6887_7_4_05, answer.pcp.lifetime < shortest,
                 "an error of the short class lasts shorter than those of the long one",
                 "%u s is the shortest of those; now %s", shortest, stage_describe(stage, &answer));
}

static void a_taken_port_is_no_error(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint taken = answer_external(&answer);
    struct wish another = stage_map_wish(stage, STAGE_OTHER, 5000);
    another.message.data.map.external_address = taken.address;
    another.message.data.map.external_port = taken.port;
    answer = stage_ask_for(stage, R6887_7_4_03, &another);
    stage_expect(stage, R6887_7_4_03, answer.pcp.result != PCP_CANNOT_PROVIDE_EXTERNAL,
                 "no CANNOT_PROVIDE_EXTERNAL without PREFER_FAILURE", "%s",
                 stage_describe(stage, &answer));
}

/* However full of filters the mapping is. */
static void filters_of_before_are_no_error(struct stage *stage)
{
    enum { ENOUGH = 20 };
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct wish plain = wish;
    allow(stage, &wish, STAGE_REMOTE, 1000);
    stage_granted(stage, &wish);
    for (uint16_t i = 1; i < ENOUGH && !stage->over; i++) {
        struct wish more = plain;
        allow(stage, &more, STAGE_REMOTE, (uint16_t)(1000 + i));
        struct answer answer = stage_ask_for(stage, R6887_7_4_04, &more);
        if (answer.came && answer.pcp.result != PCP_SUCCESS)
            break;
    }
    struct answer answer = stage_ask_for(stage, R6887_7_4_04, &plain);
    stage_expect(stage, R6887_7_4_04, answer.pcp.result != PCP_EXCESSIVE_REMOTE_PEERS,
                 "no EXCESSIVE_REMOTE_PEERS to a request without FILTER", "%s",
                 stage_describe(stage, &answer));
}

static void optional_options_are_never_unsupported(struct stage *stage)
{
    static const uint8_t codes[] = {150, UNKNOWN_OPTIONAL, 223};
    for (size_t i = 0; i < sizeof codes && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
        wish_add_option(&wish, codes[i], NULL, 0);
        struct answer answer = stage_ask_for(stage, R6887_7_4_06, &wish);
        stage_expect(stage, R6887_7_4_06, answer.pcp.result != PCP_UNSUPP_OPTION,
                     "no UNSUPP_OPTION for an option of the optional range", "%s",
                     stage_describe(stage, &answer));
    }
}

static void no_external_address_is_a_network_failure(struct stage *stage)
{
    struct wish before = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &before);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    struct answer answer = ask_without_address(stage, &wish);
    stage_expect_result(stage, R6887_7_4_07, &answer, PCP_NETWORK_FAILURE);
}

static void a_full_quota_is_the_clients_own(struct stage *stage)
{
    enum { ENOUGH = 16 };
    struct answer answer = {0};
    for (uint16_t i = 0; i < ENOUGH && answer.pcp.result == PCP_SUCCESS && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        answer = stage_ask_for(stage, R6887_7_4_08, &wish);
    }
    stage_expect_result(stage, R6887_7_4_08, &answer, PCP_USER_EX_QUOTA);
    struct wish another = stage_map_wish(stage, STAGE_OTHER, 5000);
    answer = stage_ask_for(stage, R6887_7_4_08, &another);
    stage_expect_result(stage, R6887_7_4_08, &answer, PCP_SUCCESS);
}

static const struct test_case cases[] = {
    {.id = "gateway.7.4.errors-say-what-is-wrong",
     .sentence = "Of several errors, the server uses the most specific.",
     .requirements = JUDGES(R6887_7_4_01),
     .run = errors_say_what_is_wrong,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.4.long-errors-last-30-minutes",
     .sentence = "Errors of the long class have a lifetime of 30 minutes.",
     .requirements = JUDGES(R6887_7_4_02),
     .run = long_errors_last_30_minutes,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.4.short-errors-last-30-seconds",
     .sentence = "Errors of the short class have a lifetime of 30 seconds.",
     .requirements = JUDGES(R6887_7_4_02),
     .run = short_errors_last_30_seconds},
    {.id = "gateway.7.4.long-errors-outlast-short-ones",
     .sentence = "Errors of the long class last longer than those of the short one.",
     .requirements = JUDGES(R6887_7_4_05),
     .run = long_errors_outlast_short_ones,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.4.a-taken-port-is-no-error",
     .sentence = "CANNOT_PROVIDE_EXTERNAL is no answer to a MAP without PREFER_FAILURE.",
     .requirements = JUDGES(R6887_7_4_03),
     .run = a_taken_port_is_no_error,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.4.filters-of-before-are-no-error",
     .sentence = "EXCESSIVE_REMOTE_PEERS is no answer to a MAP without FILTER.",
     .requirements = JUDGES(R6887_7_4_04),
     .run = filters_of_before_are_no_error},
    {.id = "gateway.7.4.optional-options-are-never-unsupported",
     .sentence = "UNSUPP_OPTION is no answer to options of the optional range.",
     .requirements = JUDGES(R6887_7_4_06),
     .run = optional_options_are_never_unsupported},
    {.id = "gateway.7.4.no-external-address-is-a-network-failure",
     .sentence = "A server whose device has no external address says NETWORK_FAILURE.",
     .requirements = JUDGES(R6887_7_4_07),
     .run = no_external_address_is_a_network_failure},
    {.id = "gateway.7.4.a-full-quota-is-the-clients-own",
     .sentence = "A client over its quota gets USER_EX_QUOTA, and others what they ask for.",
     .requirements = JUDGES(R6887_7_4_08),
     .run = a_full_quota_is_the_clients_own,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-quota-4"},
};

static const struct defect defects[] = {
    {.name = "has-one-error-for-all",
     .text = "says NO_RESOURCES whatever is wrong",
     .requirements = JUDGES(R6887_7_4_01)},
    {.name = "has-errors-without-lifetime",
     .text = "has lifetime 0 in every error",
     .requirements = JUDGES(R6887_7_4_02, R6887_7_4_05)},
    {.name = "lets-short-errors-last-long",
     .text = "gives errors of the short class 30 minutes",
     .requirements = JUDGES(R6887_7_4_02, R6887_7_4_05)},
    {.name = "insists-on-suggestions",
     .text = "says CANNOT_PROVIDE_EXTERNAL where it would have to choose another port",
     .requirements = JUDGES(R6887_7_4_03)},
    {.name = "minds-filters-of-before",
     .text = "says EXCESSIVE_REMOTE_PEERS when a filtered mapping is renewed without FILTER",
     .requirements = JUDGES(R6887_7_4_04)},
    {.name = "finds-optional-options-unsupported",
     .text = "says UNSUPP_OPTION to any option that it doesn't know",
     .requirements = JUDGES(R6887_7_4_06)},
    {.name = "calls-network-failures-authorization",
     .text = "says NOT_AUTHORIZED while there is no external address",
     .requirements = JUDGES(R6887_7_4_07)},
    {.name = "calls-quotas-lack-of-resources",
     .text = "says NO_RESOURCES to a client over its quota",
     .requirements = JUDGES(R6887_7_4_08)},
};

CASE_FILE(gateway_07_4_results, CASE_GATEWAY, cases, defects);
