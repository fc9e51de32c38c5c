/* RFC 6887, section 13.3: several FILTERs of a mapping, in one request and in several. */
#include "check/stage_filter.h"
#include "check/stage_raw.h"

#include <string.h>

enum {
    FIRST_PORT = 41000, /* of the remote ports that filters name */
    SINGLE = 2,         /* filters added one by one, then a few at once, then whole batches */
    FEW = 3,
    BATCH = 36,   /* filters that one request has room for, beside one of prefix 0 */
    ENOUGH = 1000 /* filters of one mapping: no server is asked for more */
};

/* Sends the wish with a FILTER of prefix 0 in front of its options. */
static struct answer ask_behind_prefix_0(struct stage *stage, const struct wish *wish,
                                         const struct address *zeros)
{
    struct wish clearing = *wish;
    filter_forget(&clearing);
    wish_add_filter(&clearing, zeros, 0, 0);
    memcpy(clearing.options + clearing.options_length, wish->options, wish->options_length);
    clearing.options_length += wish->options_length;
    return stage_ask(stage, &clearing);
}

/* Whether the zeros are to be those of the family or 128 bits of them is nowhere said: erratum 3891. */
static struct answer ask_to_clear(struct stage *stage, const struct wish *wish)
{
    struct address zeros = stage_any(stage);
    struct answer answer = ask_behind_prefix_0(stage, wish, &zeros);
    if (answer.pcp.result != PCP_MALFORMED_OPTION)
        return answer;
    zeros = address_any_ipv6();
    return ask_behind_prefix_0(stage, wish, &zeros);
}

static void filters_of_several_requests_add_up(struct stage *stage)
{
    struct endpoint external;
    int inside;
    struct wish wish = filter_begin(stage, &external, &inside);
    filter_expect_to_hold(stage, &external, inside);
    filter_forget(&wish);
    filter_add(stage, &wish, STAGE_STRANGER);
    stage_granted(stage, &wish);
    filter_expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void filters_of_one_request_add_up(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    filter_add(stage, &wish, STAGE_STRANGER);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void prefix_0_clears_the_filters(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_forget(&wish);
    struct answer cleared = ask_to_clear(stage, &wish);
    stage_expect_result(stage, R6887_13_3_09, &cleared, PCP_SUCCESS);
    filter_expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
}

static void prefix_0_and_a_filter_behind_it_replace_the_filters(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_to_hold(stage, &external, inside);
    filter_forget(&wish);
    filter_add(stage, &wish, STAGE_STRANGER);
    struct answer replaced = ask_to_clear(stage, &wish);
    stage_expect_result(stage, R6887_13_3_09, &replaced, PCP_SUCCESS);
    filter_expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

/* Adds FILTERs for so many of stranger's ports behind `first`. */
static void add_ports(struct stage *stage, struct wish *wish, uint16_t first, unsigned count)
{
    struct address stranger = stage_address(stage, STAGE_STRANGER);
    for (unsigned i = 0; i < count; i++)
        wish_add_filter(wish, &stranger, FILTER_WHOLE, (uint16_t)(first + i));
}

static void filters_beyond_the_limit_change_nothing(struct stage *stage)
{
    struct answer answer = {0};
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct endpoint external = {0};
    unsigned held = 0, step = 1;
    for (; !stage->over && held < ENOUGH; held += step) {
        step = held < SINGLE ? 1 : held < SINGLE + FEW ? FEW : BATCH;
        filter_forget(&wish);
        add_ports(stage, &wish, (uint16_t)(FIRST_PORT + held), step);
        answer = held ? stage_ask(stage, &wish) : stage_granted(stage, &wish);
        external = held ? external : answer_external(&answer);
        if (answer.pcp.result != PCP_SUCCESS)
            break;
        /* Success says that all of them hold. The first is left for later. */
        if (held)
            filter_expect_in(stage, R6887_13_3_11, STAGE_STRANGER,
                             (uint16_t)(FIRST_PORT + held + step - 1), &external, inside);
    }
    if (held >= ENOUGH)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it takes %u filters and more", held);
    stage_expect_result(stage, R6887_13_3_11, &answer, PCP_EXCESSIVE_REMOTE_PEERS);
    filter_expect_out(stage, R6887_13_3_11, STAGE_STRANGER, (uint16_t)(FIRST_PORT + held),
                      &external, inside);
    filter_expect_in(stage, R6887_13_3_11, STAGE_STRANGER, FIRST_PORT, &external, inside);
}

static void too_many_filters_behind_prefix_0_change_nothing(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_to_hold(stage, &external, inside);
    filter_forget(&wish);
    add_ports(stage, &wish, FIRST_PORT, BATCH);
    struct answer refused = ask_to_clear(stage, &wish);
    if (refused.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it takes %d filters at once", BATCH);
    filter_expect_out(stage, R6887_13_3_11, STAGE_STRANGER, FIRST_PORT, &external, inside);
    filter_expect_out(stage, R6887_13_3_11, STAGE_STRANGER, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_11, STAGE_REMOTE, 0, &external, inside);
}

static void a_filter_ends_flows_that_fit_none(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int stranger = stage_open(stage, STAGE_STRANGER, 0);
    stage_expect_passes(stage, R6887_13_3_07, stranger, &external, inside, NULL);
    filter_add(stage, &wish, STAGE_REMOTE);
    stage_granted(stage, &wish);
    filter_expect_to_hold(stage, &external, inside);
    stage_expect_blocked(stage, R6887_13_3_07, stranger, &external, inside);
}

static void a_filter_closes_an_open_mapping_to_all_others(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_in(stage, R6887_13_3_14, STAGE_STRANGER, 0, &external, inside);
    filter_add(stage, &wish, STAGE_REMOTE);
    stage_granted(stage, &wish);
    filter_expect_out(stage, R6887_13_3_14, STAGE_STRANGER, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_14, STAGE_REMOTE, 0, &external, inside);
}

static void a_renewal_without_filter_leaves_the_filters(struct stage *stage)
{
    struct endpoint external;
    int inside;
    struct wish wish = filter_begin(stage, &external, &inside);
    filter_expect_to_hold(stage, &external, inside);
    filter_forget(&wish);
    stage_granted(stage, &wish);
    filter_expect_out(stage, R6887_13_3_15, STAGE_STRANGER, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_15, STAGE_REMOTE, 0, &external, inside);
}

/* In front of the bad one, and behind it. */
static void one_bad_filter_spoils_the_others(struct stage *stage)
{
    enum { TOO_LONG = 200 };
    struct address stranger = stage_address(stage, STAGE_STRANGER);
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    for (int behind = 0; behind < 2; behind++) {
        filter_forget(&wish);
        if (!behind)
            filter_add(stage, &wish, STAGE_STRANGER);
        wish_add_filter(&wish, &stranger, TOO_LONG, 0);
        if (behind)
            filter_add(stage, &wish, STAGE_STRANGER);
        struct answer refused = stage_ask(stage, &wish);
        filter_expect_error(stage, R6887_13_3_16, &refused);
        filter_expect_to_hold(stage, &external, inside);
        filter_expect_out(stage, R6887_13_3_16, STAGE_STRANGER, 0, &external, inside);
    }
    filter_expect_in(stage, R6887_13_3_16, STAGE_REMOTE, 0, &external, inside);
}

static const struct test_case cases[] = {
    {.id = "gateway.13.3.filters-of-several-requests-add-up",
     .sentence = "The FILTERs of a request are added to those that the mapping has.",
     .requirements = JUDGES(R6887_13_3_09),
     .run = filters_of_several_requests_add_up,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.filters-of-one-request-add-up",
     .sentence = "Each FILTER of a request lets its remote peer in.",
     .requirements = JUDGES(R6887_13_3_09),
     .run = filters_of_one_request_add_up,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.prefix-0-clears-the-filters",
     .sentence = "A FILTER of prefix 0 opens the mapping to all.",
     .requirements = JUDGES(R6887_13_3_09),
     .run = prefix_0_clears_the_filters,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.prefix-0-and-a-filter-behind-it-replace-the-filters",
     .sentence = "FILTERs behind one of prefix 0 take the place of those that were there.",
     .requirements = JUDGES(R6887_13_3_09),
     .run = prefix_0_and_a_filter_behind_it_replace_the_filters,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.filters-beyond-the-limit-change-nothing",
     .sentence = "FILTERs beyond the limit draw EXCESSIVE_REMOTE_PEERS, and none of them holds.",
     .requirements = JUDGES(R6887_13_3_11),
     .run = filters_beyond_the_limit_change_nothing},
    {.id = "gateway.13.3.too-many-filters-behind-prefix-0-change-nothing",
     .sentence = "FILTERs beyond the limit draw an error, and prefix 0 among them clears nothing.",
     .requirements = JUDGES(R6887_13_3_11),
     .run = too_many_filters_behind_prefix_0_change_nothing},
    {.id = "gateway.13.3.a-filter-ends-flows-that-fit-none",
     .sentence = "Whoever came in before a FILTER that leaves it out comes in no more.",
     .requirements = JUDGES(R6887_13_3_07),
     .run = a_filter_ends_flows_that_fit_none,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.a-filter-closes-an-open-mapping-to-all-others",
     .sentence = "A FILTER on an open mapping closes it to all but its remote peer.",
     .requirements = JUDGES(R6887_13_3_14),
     .run = a_filter_closes_an_open_mapping_to_all_others,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.a-renewal-without-filter-leaves-the-filters",
     .sentence = "A renewal without FILTER leaves the filters in place.",
     .requirements = JUDGES(R6887_13_3_15),
     .run = a_renewal_without_filter_leaves_the_filters},
    {.id = "gateway.13.3.one-bad-filter-spoils-the-others",
     .sentence = "One bad FILTER among several draws an error, and none of them counts.",
     .requirements = JUDGES(R6887_13_3_16),
     .run = one_bad_filter_spoils_the_others},
};

static const struct defect defects[] = {
    {.name = "replaces-filters",
     .text = "forgets the filters of a mapping when a request has new ones",
     .requirements = JUDGES(R6887_13_3_09)},
    {.name = "takes-one-filter-of-a-request",
     .text = "answers SUCCESS to several FILTERs and minds the first",
     .requirements = JUDGES(R6887_13_3_09)},
    {.name = "keeps-filters-at-prefix-0",
     .text = "passes over a FILTER of prefix 0",
     .requirements = JUDGES(R6887_13_3_09)},
    {.name = "clears-filters-last",
     .text = "clears at prefix 0 the FILTERs behind it, too",
     .requirements = JUDGES(R6887_13_3_09)},
    {.name = "leaves-out-filters-beyond-its-limit",
     .text = "answers SUCCESS to more FILTERs than it keeps",
     .requirements = JUDGES(R6887_13_3_11)},
    {.name = "keeps-what-fits-of-too-many-filters",
     .text = "answers EXCESSIVE_REMOTE_PEERS, but keeps as many FILTERs as it has room for",
     .requirements = JUDGES(R6887_13_3_11)},
    {.name = "clears-filters-before-it-counts",
     .text = "answers EXCESSIVE_REMOTE_PEERS, but clears the filters where prefix 0 comes first",
     .requirements = JUDGES(R6887_13_3_11)},
    {.name = "filters-new-flows-alone",
     .text = "lets the flows go on that were there before a FILTER",
     .requirements = JUDGES(R6887_13_3_07)},
    {.name = "filters-new-mappings-alone",
     .text = "answers SUCCESS to FILTER on an open mapping, which stays open",
     .requirements = JUDGES(R6887_13_3_14)},
    {.name = "clears-filters-at-renewals",
     .text = "forgets the filters of a mapping when it is renewed without any",
     .requirements = JUDGES(R6887_13_3_15)},
    {.name = "passes-over-bad-filters",
     .text = "answers SUCCESS where one of several FILTERs is bad",
     .requirements = JUDGES(R6887_13_3_16)},
    {.name = "keeps-good-filters-beside-bad-ones",
     .text = "answers MALFORMED_OPTION to a bad FILTER, but keeps the good ones",
     .requirements = JUDGES(R6887_13_3_16)},
};

CASE_FILE(gateway_13_3_filters, CASE_GATEWAY, cases, defects);
