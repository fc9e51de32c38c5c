/* RFC 6887, section 7.3: how options are built, and what a server does with them. */
#include "check/stage_raw.h"

enum { ALL_BITS = 128, RESERVED_OF_OPTION = 1, LENGTH_OF_OPTION = 2 };

static void allow(struct stage *stage, struct wish *wish, enum stage_place place)
{
    struct address address = stage_address(stage, place);
    wish_add_filter(wish, &address, ALL_BITS, 0);
}

static void allow_all(struct stage *stage, struct wish *wish)
{
    struct address any = stage_any(stage);
    wish_add_filter(wish, &any, 0, 0);
}

/* A MAP that holds a FILTER for the remote host. */
static struct wish filtered(struct stage *stage, uint16_t internal_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, internal_port);
    allow(stage, &wish, STAGE_REMOTE);
    return wish;
}

/* A MAP that suggests what its mapping has already, so that PREFER_FAILURE can be met. */
static struct wish met(struct stage *stage, uint16_t internal_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, internal_port);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    wish.message.data.map.external_address = external.address;
    wish.message.data.map.external_port = external.port;
    return wish;
}

static void expect_only(struct stage *stage, enum requirement_id requirement,
                        const struct answer *answer, uint16_t internal_port,
                        enum stage_place allowed, enum stage_place forbidden)
{
    struct endpoint external = answer_external(answer);
    int inside = stage_open(stage, STAGE_HOST, internal_port);
    stage_expect_passes(stage, requirement, stage_open(stage, allowed, 0), &external, inside, NULL);
    stage_expect_blocked(stage, requirement, stage_open(stage, forbidden, 0), &external, inside);
}

/* Whether a FILTER keeps anybody out at all, which is 13.3's to judge. */
static bool filters(struct stage *stage)
{
    struct wish wish = filtered(stage, 5555);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5555);
    return stage_is_blocked(stage, stage_open(stage, STAGE_STRANGER, 0), &external, inside);
}

/* --- reserved octets, order, padding ----------------------------------------------------------- */

static void reserved_octets_of_a_success_are_zero(struct stage *stage)
{
    struct pcp_option option = {0};
    struct wish wish = filtered(stage, 5000);
    wish.options[RESERVED_OF_OPTION] = 0xff;
    struct answer answer = stage_granted(stage, &wish);
    if (!answer_option(&answer, PCP_FILTER, &option))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no FILTER came back: %s",
                  stage_describe(stage, &answer));
    stage_expect(stage, R6887_7_3_01, option.reserved == 0,
                 "FILTER comes back with a reserved octet of zero", "it is 0x%02x: %s",
                 option.reserved, stage_describe(stage, &answer));
}

static void reserved_octets_of_options_are_ignored(struct stage *stage)
{
    struct wish wish = filtered(stage, 5000);
    stage_granted(stage, &wish);
    wish.options[RESERVED_OF_OPTION] = 0xff;
    wish.message.data.map.internal_port = 5001;
    struct answer answer = stage_ask_for(stage, R6887_7_3_02, &wish);
    stage_expect_success(stage, R6887_7_3_02, &answer);
    if (filters(stage))
        expect_only(stage, R6887_7_3_02, &answer, 5001, STAGE_REMOTE, STAGE_STRANGER);
}

static void options_come_in_any_order(struct stage *stage)
{
    struct wish wish = met(stage, 5000);
    struct wish turned = wish;
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    allow(stage, &wish, STAGE_REMOTE);
    stage_granted(stage, &wish);
    allow(stage, &turned, STAGE_REMOTE);
    wish_add_option(&turned, PCP_PREFER_FAILURE, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_3_03, &turned);
    stage_expect_result(stage, R6887_7_3_03, &answer, PCP_SUCCESS);
}

/* Once backwards: whoever takes them so, or the clearing one first, allows somebody else. */
static void options_are_processed_in_their_order(struct stage *stage)
{
    if (!filters(stage))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a FILTER keeps nobody out");
    struct wish wish = filtered(stage, 5000);
    allow_all(stage, &wish);
    allow(stage, &wish, STAGE_STRANGER);
    struct answer answer = stage_granted(stage, &wish);
    expect_only(stage, R6887_7_3_04, &answer, 5000, STAGE_STRANGER, STAGE_REMOTE);
    struct wish turned = stage_map_wish(stage, STAGE_HOST, 5001);
    allow(stage, &turned, STAGE_STRANGER);
    allow_all(stage, &turned);
    allow(stage, &turned, STAGE_REMOTE);
    answer = stage_granted(stage, &turned);
    expect_only(stage, R6887_7_3_04, &answer, 5001, STAGE_REMOTE, STAGE_STRANGER);
}

/* The option behind one of five octets is found where the padding ends. */
static void what_is_behind_padding_is_found(struct stage *stage)
{
    static const uint8_t five[5] = {1, 2, 3, 4, 5};
    struct pcp_option option;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, UNKNOWN_OPTIONAL, five, sizeof five);
    allow(stage, &wish, STAGE_REMOTE);
    struct answer answer = stage_ask_for(stage, R6887_7_3_16, &wish);
    stage_expect_success(stage, R6887_7_3_16, &answer);
    stage_expect(stage, R6887_7_3_16, answer_option(&answer, PCP_FILTER, &option),
                 "the FILTER behind an option of 5 octets and 3 of padding was found", "%s",
                 stage_describe(stage, &answer));
}

static void padding_of_a_success_is_zero(struct stage *stage)
{
    static const uint8_t text[5] = {'b', 'e', 'n', 'c', 'h'};
    struct pcp_option option;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, PCP_DESCRIPTION, text, sizeof text);
    struct answer answer = stage_granted(stage, &wish);
    if (!answer_option(&answer, PCP_DESCRIPTION, &option) || option.length % 4 == 0)
        stage_end(stage, VERDICT_UNSUPPORTED, "no option of odd length came: %s",
                  stage_describe(stage, &answer));
    if (stage->over)
        return;
    const uint8_t *end = answer.datagram.octets + answer.datagram.length;
    size_t padding = 4 - option.length % 4;
    const uint8_t *at = option.data + option.length;
    for (size_t i = 0; i < padding; i++)
        stage_expect(stage, R6887_7_3_16, at + i < end && at[i] == 0,
                     "zeros behind the option up to a multiple of 4 octets",
                     "octet %zu of %zu is not one: %s", i + 1, padding,
                     stage_describe(stage, &answer));
}

static void options_without_data_are_legal(struct stage *stage)
{
    struct wish wish = met(stage, 5000);
    wish_add_option(&wish, UNKNOWN_OPTIONAL, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_3_17, &wish);
    stage_expect_result(stage, R6887_7_3_17, &answer, PCP_SUCCESS);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    answer = stage_ask_for(stage, R6887_7_3_17, &wish);
    if (answer.pcp.result == PCP_UNSUPP_OPTION)
        return; /* 13.2 may be left out */
    stage_expect_result(stage, R6887_7_3_17, &answer, PCP_SUCCESS);
}

/* --- errors change nothing --------------------------------------------------------------------- */

static void expect_refusal(struct stage *stage, struct wish wish)
{
    wish_add_option(&wish, UNKNOWN_MANDATORY, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_3_05, &wish);
    if (answer.came && answer.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no error to look behind: %s",
                  stage_describe(stage, &answer));
}

static void a_refused_request_makes_no_mapping(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    uint16_t port = (uint16_t)(40000 + stage_draw(stage) % 20000);
    wish.message.data.map.external_port = port;
    expect_refusal(stage, wish);
    struct endpoint outside = stage_endpoint(stage, STAGE_OUTSIDE, port);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_blocked(stage, R6887_7_3_05, stage_open(stage, STAGE_REMOTE, 0), &outside, inside);
    /* Were there a mapping, it would belong to the other nonce. */
    struct wish another = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_ask_for(stage, R6887_7_3_05, &another);
    stage_expect(stage, R6887_7_3_05, answer.pcp.result != PCP_NOT_AUTHORIZED,
                 "the port is free for another nonce", "%s", stage_describe(stage, &answer));
}

static void a_refused_request_changes_no_mapping(struct stage *stage)
{
    enum { LONGEST_WAIT = 1800, LONGER = 36000 };
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 1;
    struct answer answer = stage_granted(stage, &wish);
    double lifetime = answer.pcp.lifetime;
    if (lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %.0f s", lifetime);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct wish deletion = wish;
    deletion.message.lifetime = 0;
    expect_refusal(stage, deletion);
    struct wish renewal = wish;
    renewal.message.lifetime = LONGER;
    allow(stage, &renewal, STAGE_STRANGER);
    expect_refusal(stage, renewal);
    stage_expect_passes(stage, R6887_7_3_05, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
    stage_pass_until(stage, &answer, lifetime + 30);
    stage_expect_blocked(stage, R6887_7_3_05, stage_open(stage, STAGE_REMOTE, 0), &external,
                         inside);
}

/* --- errors hold their request ----------------------------------------------------------------- */

/* Bits of the opcode's data that 7.3 has come back and 11.1 and 12.1 have sent as zero. */
static bool is_reserved(uint8_t opcode, size_t offset)
{
    enum { RESERVED_24 = PCP_HEADER_LENGTH + 13, RESERVED_16 = PCP_HEADER_LENGTH + 38 };
    bool after_protocol = offset >= RESERVED_24 && offset < RESERVED_24 + 3;
    bool after_port = offset >= RESERVED_16 && offset < RESERVED_16 + 2;
    return (opcode <= PCP_PEER && opcode != PCP_ANNOUNCE && after_protocol) ||
           (opcode == PCP_PEER && after_port);
}

static void expect_copy(struct stage *stage, enum requirement_id requirement, size_t from,
                        const struct raw *raw, const struct answer *answer)
{
    const struct datagram *came = &answer->datagram;
    if (stage->over)
        return;
    stage_expect(stage, requirement, came->length == raw->length,
                 "as many octets as the request has", "%zu for %zu: %s", came->length, raw->length,
                 stage_describe(stage, answer));
    for (size_t i = from; i < raw->length && !stage->over; i++)
        stage_expect(stage, requirement,
                     came->octets[i] == raw->octets[i] ||
                         (came->octets[i] == 0 && is_reserved(raw->octets[OFFSET_OPCODE], i)),
                     "the octets of the request behind its header",
                     "octet %zu is 0x%02x and was 0x%02x: %s", i, came->octets[i], raw->octets[i],
                     stage_describe(stage, answer));
}

static struct raw refused_for_an_option(struct stage *stage, struct wish wish)
{
    static const uint8_t data[6] = {'a', 'b', 'c', 'd', 'e', 'f'};
    wish_add_option(&wish, UNKNOWN_OPTIONAL, data, sizeof data);
    wish_add_option(&wish, UNKNOWN_MANDATORY, data, 4);
    wish.message.data.map.external_port = 45678;
    wish.message.data.map.external_address = stage_address(stage, STAGE_OUTSIDE);
    return stage_raw(&wish);
}

static void expect_copy_in_error(struct stage *stage, enum requirement_id requirement, size_t from,
                                 const struct raw *raw)
{
    struct answer answer = stage_ask_raw(stage, requirement, raw);
    if (answer.came && answer.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no error to look into: %s",
                  stage_describe(stage, &answer));
    expect_copy(stage, requirement, from, raw, &answer);
}

static void errors_are_copies_of_their_requests(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct raw map = refused_for_an_option(stage, stage_map_wish(stage, STAGE_HOST, 5000));
    struct raw peer =
        refused_for_an_option(stage, stage_peer_wish(stage, STAGE_HOST, 5001, &remote));
    struct raw unknown = map;
    unknown.octets[OFFSET_OPCODE] = UNKNOWN_OPCODE;
    struct wish mismatched = stage_map_wish(stage, STAGE_HOST, 5000);
    mismatched.message.client = stage_address(stage, STAGE_OTHER);
    struct raw mismatch = stage_raw(&mismatched);
    expect_copy_in_error(stage, R6887_7_3_06, PCP_HEADER_LENGTH, &map);
    expect_copy_in_error(stage, R6887_7_3_06, PCP_HEADER_LENGTH, &peer);
    expect_copy_in_error(stage, R6887_7_3_06, PCP_HEADER_LENGTH, &unknown);
    expect_copy_in_error(stage, R6887_7_3_06, PCP_HEADER_LENGTH, &mismatch);
}

static void errors_return_all_options(struct stage *stage)
{
    struct raw map = refused_for_an_option(stage, filtered(stage, 5000));
    expect_copy_in_error(stage, R6887_7_3_18, PCP_HEADER_LENGTH + PCP_MAP_LENGTH, &map);
}

static void successes_hold_the_options_processed(struct stage *stage)
{
    static const uint8_t data[8] = {'p', 'i', 'n', 'h', 'o', 'l', 'e', 's'};
    struct pcp_option option;
    struct wish wish = filtered(stage, 5000);
    wish_add_option(&wish, UNKNOWN_OPTIONAL, data, sizeof data);
    struct answer answer = stage_granted(stage, &wish);
    stage_expect(stage, R6887_7_3_19, answer_option(&answer, PCP_FILTER, &option),
                 "the FILTER that was processed", "%s", stage_describe(stage, &answer));
    stage_expect(stage, R6887_7_3_19, !answer_option(&answer, UNKNOWN_OPTIONAL, &option),
                 "no option 200, which nobody knows and so nobody processed", "%s",
                 stage_describe(stage, &answer));
}

/* --- options that are repeated, broken, unknown ------------------------------------------------ */

static void filter_may_be_repeated(struct stage *stage)
{
    struct wish wish = filtered(stage, 5000);
    allow(stage, &wish, STAGE_STRANGER);
    struct answer answer = stage_ask_for(stage, R6887_7_3_07, &wish);
    if (answer.came && answer.pcp.result == PCP_EXCESSIVE_REMOTE_PEERS)
        stage_end(stage, VERDICT_UNSUPPORTED, "two FILTERs are too many: %s",
                  stage_describe(stage, &answer));
    stage_expect_success(stage, R6887_7_3_07, &answer);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_passes(stage, R6887_7_3_07, stage_open(stage, STAGE_REMOTE, 0), &external, inside,
                        NULL);
    stage_expect_passes(stage, R6887_7_3_07, stage_open(stage, STAGE_STRANGER, 0), &external,
                        inside, NULL);
}

static void prefer_failure_twice_is_malformed(struct stage *stage)
{
    struct wish wish = met(stage, 5000);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    stage_granted(stage, &wish);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_3_08, &wish);
    stage_expect_result(stage, R6887_7_3_08, &answer, PCP_MALFORMED_OPTION);
}

static void set_length(struct raw *raw, uint16_t length)
{
    uint8_t *option = raw->octets + PCP_HEADER_LENGTH + PCP_MAP_LENGTH;
    option[LENGTH_OF_OPTION] = (uint8_t)(length >> 8);
    option[LENGTH_OF_OPTION + 1] = (uint8_t)length;
}

/* Of the result, 7.3 says both SHOULD and MUST: the one it prefers another to is a warning. */
static void options_past_the_end_are_malformed(struct stage *stage)
{
    static const uint16_t lengths[] = {21, 200, 0xffff};
    static const uint8_t codes[] = {PCP_FILTER, UNKNOWN_OPTIONAL};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths && !stage->over; i++) {
        struct wish wish = filtered(stage, 5000);
        wish.options[0] = codes[i % 2];
        struct raw raw = stage_raw(&wish);
        set_length(&raw, lengths[i / 2]);
        struct answer answer = stage_ask_raw(stage, R6887_7_3_11, &raw);
        stage_expect(stage, R6887_7_3_09, answer.pcp.result != PCP_MALFORMED_REQUEST,
                     "MALFORMED_OPTION rather than MALFORMED_REQUEST", "%s",
                     stage_describe(stage, &answer));
        stage_expect_result(stage, R6887_7_3_11, &answer, PCP_MALFORMED_OPTION);
    }
}

/* What a PREFIX64 asks for is longer than the question (RFC 7225): with as many FILTERs as there is room for,
 * all the same, the answer would have more than 1100 octets. */
static void answers_that_would_be_too_long_are_malformed(struct stage *stage)
{
    struct pcp_option option;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, PCP_PREFIX64, NULL, 0);
    struct answer answer = stage_granted(stage, &wish);
    if (!answer_option(&answer, PCP_PREFIX64, &option))
        stage_end(stage, VERDICT_UNSUPPORTED, "no PREFIX64 came: %s",
                  stage_describe(stage, &answer));
    struct raw raw = stage_raw(&wish);
    struct pcp_filter filter = {.prefix_length = ALL_BITS,
                                .remote_address = stage_address(stage, STAGE_REMOTE)};
    for (size_t longer = raw.length; longer; raw.length = longer ? longer : raw.length)
        longer = pcp_append_filter(raw.octets, raw.length, PCP_MAXIMUM_LENGTH, &filter);
    answer = stage_ask_raw(stage, R6887_7_3_10, &raw);
    if (answer.came && answer.pcp.result == PCP_EXCESSIVE_REMOTE_PEERS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "so many FILTERs, all the same, are too many");
    stage_expect_result(stage, R6887_7_3_10, &answer, PCP_MALFORMED_REQUEST);
}

static void unknown_optional_options_are_passed_over(struct stage *stage)
{
    static const uint8_t codes[] = {150, UNKNOWN_OPTIONAL, 223}; /* nobody's, section 19.4 */
    static const uint8_t data[4] = {0};
    for (size_t i = 0; i < sizeof codes && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        stage_granted(stage, &wish);
        wish_add_option(&wish, codes[i], data, sizeof data);
        struct answer answer = stage_ask_for(stage, R6887_7_3_12, &wish);
        stage_expect_result(stage, R6887_7_3_12, &answer, PCP_SUCCESS);
    }
}

static void mandatory_options_are_understood_or_refused(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, UNKNOWN_MANDATORY, NULL, 0);
    struct answer answer = stage_ask_for(stage, R6887_7_3_13, &wish);
    stage_expect_result(stage, R6887_7_3_13, &answer, PCP_UNSUPP_OPTION);
}

static void bad_contents_of_mandatory_options_are_malformed(struct stage *stage)
{
    static const uint8_t four[4] = {0};
    struct wish wish = filtered(stage, 5000);
    stage_granted(stage, &wish);
    static const uint16_t lengths[] = {16, 24};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths && !stage->over; i++) {
        static const uint8_t zeros[24] = {0};
        struct wish bad = stage_map_wish(stage, STAGE_HOST, 5001);
        wish_add_option(&bad, PCP_FILTER, zeros, lengths[i]);
        struct answer answer = stage_ask_for(stage, R6887_7_3_13, &bad);
        stage_expect_result(stage, R6887_7_3_13, &answer, PCP_MALFORMED_OPTION);
    }
    struct wish insists = met(stage, 5002);
    wish_add_option(&insists, PCP_PREFER_FAILURE, four, sizeof four);
    struct answer answer = stage_ask_for(stage, R6887_7_3_13, &insists);
    if (answer.pcp.result != PCP_UNSUPP_OPTION)
        stage_expect_result(stage, R6887_7_3_13, &answer, PCP_MALFORMED_OPTION);
}

static const struct test_case cases[] = {
    {.id = "gateway.7.3.reserved-octets-of-a-success-are-zero",
     .sentence = "The server leaves the reserved octet of the options that it sends zero.",
     .requirements = JUDGES(R6887_7_3_01),
     .run = reserved_octets_of_a_success_are_zero},
    {.id = "gateway.7.3.reserved-octets-of-options-are-ignored",
     .sentence = "The server takes an option alike whatever its reserved octet holds.",
     .requirements = JUDGES(R6887_7_3_02),
     .run = reserved_octets_of_options_are_ignored},
    {.id = "gateway.7.3.options-come-in-any-order",
     .sentence = "A client may put its options in any order.",
     .requirements = JUDGES(R6887_7_3_03),
     .run = options_come_in_any_order},
    {.id = "gateway.7.3.options-are-processed-in-their-order",
     .sentence = "The server works through the options in the order in which they stand.",
     .requirements = JUDGES(R6887_7_3_04),
     .run = options_are_processed_in_their_order},
    {.id = "gateway.7.3.what-is-behind-padding-is-found",
     .sentence = "An option is padded to a multiple of 4 octets, which its length does not count.",
     .requirements = JUDGES(R6887_7_3_16),
     .run = what_is_behind_padding_is_found},
    {.id = "gateway.7.3.padding-of-a-success-is-zero",
     .sentence = "The server pads the options that it sends with zeros.",
     .requirements = JUDGES(R6887_7_3_16),
     .run = padding_of_a_success_is_zero},
    {.id = "gateway.7.3.options-without-data-are-legal",
     .sentence = "An option may have no data.",
     .requirements = JUDGES(R6887_7_3_17),
     .run = options_without_data_are_legal},
    {.id = "gateway.7.3.a-refused-request-makes-no-mapping",
     .sentence = "A request that draws an error makes no mapping.",
     .requirements = JUDGES(R6887_7_3_05),
     .run = a_refused_request_makes_no_mapping},
    {.id = "gateway.7.3.a-refused-request-changes-no-mapping",
     .sentence = "A renewal or delete that draws an error changes nothing about the mapping.",
     .requirements = JUDGES(R6887_7_3_05),
     .run = a_refused_request_changes_no_mapping,
     .seconds = 150},
    {.id = "gateway.7.3.errors-are-copies-of-their-requests",
     .sentence = "An error response is the request in full, with another header.",
     .requirements = JUDGES(R6887_7_3_06),
     .run = errors_are_copies_of_their_requests,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.7.3.errors-return-all-options",
     .sentence = "In error responses, all options are returned.",
     .requirements = JUDGES(R6887_7_3_18),
     .run = errors_return_all_options},
    {.id = "gateway.7.3.successes-hold-the-options-processed",
     .sentence = "In success responses, all processed options are included and no others.",
     .requirements = JUDGES(R6887_7_3_19),
     .run = successes_hold_the_options_processed},
    {.id = "gateway.7.3.filter-may-be-repeated",
     .sentence = "An option may appear more than once where its definition says so.",
     .requirements = JUDGES(R6887_7_3_07),
     .run = filter_may_be_repeated},
    {.id = "gateway.7.3.prefer-failure-twice-is-malformed",
     .sentence = "An option that may appear once and appears twice draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_7_3_08),
     .run = prefer_failure_twice_is_malformed},
    {.id = "gateway.7.3.options-past-the-end-are-malformed",
     .sentence = "An option that goes past the end of the request draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_7_3_11, R6887_7_3_09),
     .run = options_past_the_end_are_malformed},
    {.id = "gateway.7.3.answers-that-would-be-too-long-are-malformed",
     .sentence = "A request whose response would exceed 1100 octets draws MALFORMED_REQUEST.",
     .requirements = JUDGES(R6887_7_3_10),
     .run = answers_that_would_be_too_long_are_malformed,
     .variant = "with-prefix64"},
    {.id = "gateway.7.3.unknown-optional-options-are-passed-over",
     .sentence = "An unknown option of the optional range is no reason for an error.",
     .requirements = JUDGES(R6887_7_3_12),
     .run = unknown_optional_options_are_passed_over},
    {.id = "gateway.7.3.mandatory-options-are-understood-or-refused",
     .sentence = "An unknown option of the mandatory range draws UNSUPP_OPTION.",
     .requirements = JUDGES(R6887_7_3_13),
     .run = mandatory_options_are_understood_or_refused,
     .traits = CASE_BOTH},
    {.id = "gateway.7.3.bad-contents-of-mandatory-options-are-malformed",
     .sentence = "A mandatory option of a wrong length draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_7_3_13),
     .run = bad_contents_of_mandatory_options_are_malformed},
};

static const struct defect defects[] = {
    {.name = "sets-reserved-octets-of-options",
     .text = "sends options back with a reserved octet of 0xff",
     .requirements = JUDGES(R6887_7_3_01)},
    {.name = "minds-reserved-octets-of-options",
     .text = "calls an option malformed whose reserved octet is set",
     .requirements = JUDGES(R6887_7_3_02)},
    {.name = "wants-options-in-order",
     .text = "calls options malformed that don't stand in the order of their codes",
     .requirements = JUDGES(R6887_7_3_03)},
    {.name = "takes-options-backwards",
     .text = "works through FILTERs from the last to the first",
     .requirements = JUDGES(R6887_7_3_04)},
    {.name = "forgets-padding",
     .text = "looks for the next option where the data of the last ends",
     .requirements = JUDGES(R6887_7_3_16)},
    {.name = "pads-with-rubbish",
     .text = "pads the options of a success with 0xff",
     .requirements = JUDGES(R6887_7_3_16)},
    {.name = "refuses-empty-options",
     .text = "calls an option without data malformed",
     .requirements = JUDGES(R6887_7_3_17)},
    {.name = "carries-out-what-it-refuses",
     .text = "does what a request with an unknown mandatory option asks for, and says no",
     .requirements = JUDGES(R6887_7_3_05)},
    {.name = "errors-lack-the-opcode-data",
     .text = "has zeros behind the header of an error",
     .requirements = JUDGES(R6887_7_3_06)},
    {.name = "errors-lack-options",
     .text = "leaves the options out of an error",
     .requirements = JUDGES(R6887_7_3_18)},
    {.name = "returns-unknown-options",
     .text = "sends options back in a success that it passed over",
     .requirements = JUDGES(R6887_7_3_19)},
    {.name = "successes-lack-options",
     .text = "leaves the options that it processed out of a success",
     .requirements = JUDGES(R6887_7_3_19)},
    {.name = "takes-one-filter-a-request",
     .text = "calls a second FILTER in a request malformed",
     .requirements = JUDGES(R6887_7_3_07)},
    {.name = "takes-options-twice",
     .text = "passes over the second PREFER_FAILURE of a request",
     .requirements = JUDGES(R6887_7_3_08)},
    {.name = "calls-broken-options-malformed-requests",
     .text = "says MALFORMED_REQUEST where an option is malformed",
     .requirements = JUDGES(R6887_7_3_09)},
    {.name = "drops-broken-options",
     .text = "passes over an option that goes past the end of the request",
     .requirements = JUDGES(R6887_7_3_11)},
    {.name = "leaves-out-what-does-not-fit",
     .text = "passes over the options that its answer has no room for",
     .requirements = JUDGES(R6887_7_3_10)},
    {.name = "refuses-unknown-optional-options",
     .text = "says UNSUPP_OPTION to unknown options of the optional range",
     .requirements = JUDGES(R6887_7_3_12)},
    {.name = "passes-over-unknown-options",
     .text = "passes over unknown options of the mandatory range",
     .requirements = JUDGES(R6887_7_3_13)},
    {.name = "takes-filters-of-any-length",
     .text = "passes over a FILTER of a wrong length",
     .requirements = JUDGES(R6887_7_3_13)},
};

CASE_FILE(gateway_07_3_options, CASE_GATEWAY, cases, defects);
