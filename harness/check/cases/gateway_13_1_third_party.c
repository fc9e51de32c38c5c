/* RFC 6887, sections 13 and 13.1: where options of MAP and PEER may stand, and THIRD_PARTY. */
#include "check/stage_raw.h"

#include <string.h>

enum { LENGTH_OF_THIRD_PARTY = 16 };

/* MAP that the host asks for a port of another host of the home. */
static struct wish third_party_wish(struct stage *stage, uint16_t internal_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, internal_port);
    struct address other = stage_address(stage, STAGE_OTHER);
    wish_add_third_party(&wish, &other);
    return wish;
}

/* The answer to it from a peer that serves the host's own MAPs. */
static struct answer ask_for_another(struct stage *stage)
{
    struct wish own = stage_map_wish(stage, STAGE_HOST, 5001);
    stage_granted(stage, &own);
    struct wish wish = third_party_wish(stage, 5000);
    return stage_ask(stage, &wish);
}

/* --- section 13 -------------------------------------------------------------------------------- */

static bool is_of_section_13(uint8_t code)
{
    return code >= PCP_THIRD_PARTY && code <= PCP_FILTER;
}

/* What errors hold is the request sent back. */
static void success_to_announce_has_no_option_of_map(struct stage *stage)
{
    struct address other = stage_address(stage, STAGE_OTHER);
    for (uint8_t code = PCP_THIRD_PARTY; is_of_section_13(code); code++) {
        struct wish wish = stage_announce_wish(stage, STAGE_HOST);
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        struct pcp_option option;
        if (code == PCP_THIRD_PARTY)
            wish_add_third_party(&wish, &other);
        else if (code == PCP_FILTER)
            wish_add_filter(&wish, &other, 128, 0);
        else
            wish_add_option(&wish, code, NULL, 0);
        size_t length = wish_encode(&wish, octets, sizeof octets);
        struct answer answer = stage_exchange(stage, STAGE_HOST, -1, octets, length);
        bool bears = answer.came && answer.pcp.result == PCP_SUCCESS &&
                     answer_option(&answer, code, &option);
        stage_expect(stage, R6887_13_01, !bears, "ANNOUNCE without an option of MAP and PEER", "%s",
                     stage_describe(stage, &answer));
    }
}

static void expect_options_asked_for(struct stage *stage, const struct wish *wish)
{
    struct pcp_message asked = {.options = wish->options, .options_length = wish->options_length};
    struct answer answer = stage_granted(stage, wish);
    for (uint8_t code = PCP_THIRD_PARTY; is_of_section_13(code); code++) {
        struct pcp_option option;
        enum pcp_fault fault;
        size_t offset = 0;
        bool was_there = false;
        while (pcp_option_next(asked.options, asked.options_length, &offset, &option, &fault))
            was_there = was_there || option.code == code;
        stage_expect(stage, R6887_13_02, was_there || !answer_option(&answer, code, &option),
                     "no option of section 13 that the request hadn't", "%s",
                     stage_describe(stage, &answer));
    }
}

static void answers_bear_only_options_of_their_request(struct stage *stage)
{
    struct address remote = stage_address(stage, STAGE_REMOTE);
    struct wish plain = stage_map_wish(stage, STAGE_HOST, 5000);
    expect_options_asked_for(stage, &plain);
    struct wish filtered = stage_map_wish(stage, STAGE_HOST, 5001);
    wish_add_filter(&filtered, &remote, 128, 0);
    expect_options_asked_for(stage, &filtered);
    expect_options_asked_for(stage, &plain); /* a renewal */
}

/* --- where THIRD_PARTY is off ------------------------------------------------------------------ */

static void third_party_where_it_is_off_draws_unsupp_option(struct stage *stage)
{
    struct answer answer = ask_for_another(stage);
    if (answer.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_UNSUPPORTED, "it allows THIRD_PARTY");
    stage_expect_result(stage, R6887_13_1_05, &answer, PCP_UNSUPP_OPTION);
}

static void third_party_is_off_unless_told_otherwise(struct stage *stage)
{
    struct answer answer = ask_for_another(stage);
    stage_expect(stage, R6887_13_1_06, answer.came && answer.pcp.result != PCP_SUCCESS,
                 "an error, as nobody has allowed THIRD_PARTY", "%s",
                 stage_describe(stage, &answer));
}

/* To the host itself it must not: then the option was passed over. */
static void third_party_maps_for_whom_it_names_or_is_refused(struct stage *stage)
{
    struct answer answer = ask_for_another(stage);
    if (answer.pcp.result != PCP_SUCCESS)
        return;
    stage_expect_mapped(stage, R6887_13_1_04, &answer, stage_open(stage, STAGE_OTHER, 5000));
}

/* That network is nobody's to trust. */
static void third_party_from_the_internet_is_not_served(struct stage *stage)
{
    struct address inside = stage_address(stage, STAGE_OTHER);
    struct wish wish = stage_map_wish(stage, STAGE_REMOTE, 5000);
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    wish_add_third_party(&wish, &inside);
    size_t length = wish_encode(&wish, octets, sizeof octets);
    struct answer answer = stage_exchange(stage, STAGE_REMOTE, -1, octets, length);
    stage_expect(stage, R6887_13_1_01, !answer.came || answer.pcp.result != PCP_SUCCESS,
                 "THIRD_PARTY is not served to a host of the internet", "%s",
                 stage_describe(stage, &answer));
}

/* --- where it is on ---------------------------------------------------------------------------- */

static void third_party_maps_for_another_host(struct stage *stage)
{
    struct wish wish = third_party_wish(stage, 5000);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_1_07, &answer, PCP_SUCCESS);
    stage_expect_mapped(stage, R6887_13_1_07, &answer, stage_open(stage, STAGE_OTHER, 5000));
    stage_expect_unmapped(stage, R6887_13_1_07, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static void third_party_peers_for_another_host(struct stage *stage)
{
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct address other = stage_address(stage, STAGE_OTHER);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5000, &to);
    struct datagram arrival;
    wish_add_third_party(&wish, &other);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int remote = stage_open(stage, STAGE_REMOTE, to.port);
    int inside = stage_open(stage, STAGE_OTHER, 5000);
    stage_expect_passes(stage, R6887_13_1_07, inside, &to, remote, &arrival);
    stage_expect_endpoint(stage, R6887_13_1_07, "the source of what the other host sends",
                          &arrival.from, &external);
}

static void third_party_without_authority_draws_unsupp_option(struct stage *stage)
{
    struct address host = stage_address(stage, STAGE_HOST);
    struct wish allowed = third_party_wish(stage, 5000);
    stage_granted(stage, &allowed);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5001);
    wish_add_third_party(&wish, &host);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_1_08, &answer, PCP_UNSUPP_OPTION);
}

static void third_party_that_names_the_source_is_malformed(struct stage *stage)
{
    struct address host = stage_address(stage, STAGE_HOST);
    struct wish sound = third_party_wish(stage, 5000);
    stage_granted(stage, &sound);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    wish_add_third_party(&wish, &host);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_1_03, &answer, PCP_MALFORMED_REQUEST);
}

static void third_party_has_16_octets(struct stage *stage)
{
    static const uint16_t lengths[] = {0, 4, 12, 20};
    struct wish sound = third_party_wish(stage, 5000);
    stage_granted(stage, &sound);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t data[LENGTH_OF_THIRD_PARTY + 4] = {0};
        struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
        memcpy(data, sound.options + PCP_OPTION_HEADER_LENGTH, LENGTH_OF_THIRD_PARTY);
        wish_add_option(&wish, PCP_THIRD_PARTY, data, lengths[i]);
        struct answer answer = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_13_1_09, &answer, PCP_MALFORMED_OPTION);
    }
}

static void third_party_comes_once(struct stage *stage)
{
    struct address other = stage_address(stage, STAGE_OTHER);
    struct wish sound = third_party_wish(stage, 5000);
    stage_granted(stage, &sound);
    struct wish wish = third_party_wish(stage, 5001);
    wish_add_third_party(&wish, &other);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_1_09, &answer, PCP_MALFORMED_OPTION);
}

static void third_party_comes_back(struct stage *stage)
{
    struct pcp_option option = {0};
    struct address other = stage_address(stage, STAGE_OTHER);
    struct wish wish = third_party_wish(stage, 5000);
    struct answer answer = stage_granted(stage, &wish);
    bool there = answer_option(&answer, PCP_THIRD_PARTY, &option);
    stage_expect(stage, R6887_13_1_09,
                 there && option.length == LENGTH_OF_THIRD_PARTY &&
                     memcmp(option.data, other.octet, LENGTH_OF_THIRD_PARTY) == 0,
                 "the request's THIRD_PARTY in the response", "%s", stage_describe(stage, &answer));
}

/* Where it is that of the third party, too. */
static void the_client_address_counts_with_third_party(struct stage *stage)
{
    static const enum stage_place places[] = {STAGE_OTHER, STAGE_HOST_SECOND};
    struct wish sound = third_party_wish(stage, 5000);
    stage_granted(stage, &sound);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct wish wish = third_party_wish(stage, 5001);
        wish.message.client = stage_address(stage, places[i]);
        struct answer answer = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_8_2_07, &answer, PCP_ADDRESS_MISMATCH);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.13.success-to-announce-has-no-option-of-map",
     .sentence = "A success to ANNOUNCE bears no option of MAP and PEER.",
     .requirements = JUDGES(R6887_13_01),
     .run = success_to_announce_has_no_option_of_map,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.answers-bear-only-options-of-their-request",
     .sentence = "THIRD_PARTY, PREFER_FAILURE and FILTER come back only if they were sent.",
     .requirements = JUDGES(R6887_13_02),
     .run = answers_bear_only_options_of_their_request},
    {.id = "gateway.13.1.third-party-from-the-internet-is-not-served",
     .sentence = "THIRD_PARTY is not served to the internet, which is not trusted.",
     .requirements = JUDGES(R6887_13_1_01),
     .run = third_party_from_the_internet_is_not_served,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.1.third-party-from-the-internet-is-not-served-where-it-is-on",
     .sentence = "THIRD_PARTY is not served to the internet where the home may use it.",
     .requirements = JUDGES(R6887_13_1_01),
     .run = third_party_from_the_internet_is_not_served,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-that-names-the-source-is-malformed",
     .sentence = "THIRD_PARTY that names the source of the request draws MALFORMED_REQUEST.",
     .requirements = JUDGES(R6887_13_1_03),
     .run = third_party_that_names_the_source_is_malformed,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-maps-for-whom-it-names-or-is-refused",
     .sentence = "THIRD_PARTY is refused, or maps for the host that it names.",
     .requirements = JUDGES(R6887_13_1_04),
     .run = third_party_maps_for_whom_it_names_or_is_refused,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.1.third-party-where-it-is-off-draws-unsupp-option",
     .sentence = "THIRD_PARTY where it is not allowed draws UNSUPP_OPTION.",
     .requirements = JUDGES(R6887_13_1_05),
     .run = third_party_where_it_is_off_draws_unsupp_option,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.13.1.third-party-is-off-unless-told-otherwise",
     .sentence = "A home gateway refuses THIRD_PARTY unless told otherwise.",
     .requirements = JUDGES(R6887_13_1_06),
     .run = third_party_is_off_unless_told_otherwise,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.13.1.third-party-maps-for-another-host",
     .sentence = "Where THIRD_PARTY is allowed, it maps for the host that it names.",
     .requirements = JUDGES(R6887_13_1_07),
     .run = third_party_maps_for_another_host,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-peers-for-another-host",
     .sentence = "A PEER with THIRD_PARTY is for flows of the host that it names.",
     .requirements = JUDGES(R6887_13_1_07),
     .run = third_party_peers_for_another_host,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-without-authority-draws-unsupp-option",
     .sentence = "THIRD_PARTY from a host without authority draws UNSUPP_OPTION.",
     .requirements = JUDGES(R6887_13_1_08),
     .run = third_party_without_authority_draws_unsupp_option,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party-from-one-host"},
    {.id = "gateway.13.1.third-party-has-16-octets",
     .sentence = "A THIRD_PARTY of another length than 16 octets draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_1_09),
     .run = third_party_has_16_octets,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-comes-once",
     .sentence = "A second THIRD_PARTY in a request draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_1_09),
     .run = third_party_comes_once,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.third-party-comes-back",
     .sentence = "THIRD_PARTY that was processed is repeated in the response.",
     .requirements = JUDGES(R6887_13_1_09),
     .run = third_party_comes_back,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.13.1.the-client-address-counts-with-third-party",
     .sentence = "THIRD_PARTY spares no client that its own address stands in its field.",
     .requirements = JUDGES(R6887_8_2_07),
     .run = the_client_address_counts_with_third_party,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
};

static const struct defect defects[] = {
    {.name = "echoes-options-of-announce",
     .text = "answers ANNOUNCE by a success with the options of the request",
     .requirements = JUDGES(R6887_13_01)},
    {.name = "adds-options-to-answers",
     .text = "has PREFER_FAILURE in each success to MAP",
     .requirements = JUDGES(R6887_13_02)},
    {.name = "serves-third-parties-from-outside",
     .text = "allows THIRD_PARTY from everywhere",
     .requirements = JUDGES(R6887_13_1_01)},
    {.name = "serves-the-source-as-third-party",
     .text = "passes over a THIRD_PARTY that names the source",
     .requirements = JUDGES(R6887_13_1_03)},
    {.name = "passes-over-third-party",
     .text = "maps for the client, whomever THIRD_PARTY names",
     .requirements = JUDGES(R6887_13_1_04)},
    {.name = "refuses-third-party-by-not-authorized",
     .text = "answers NOT_AUTHORIZED to THIRD_PARTY where it is not allowed",
     .requirements = JUDGES(R6887_13_1_05)},
    {.name = "allows-third-party-untold",
     .text = "allows THIRD_PARTY from every inside host unless told otherwise",
     .requirements = JUDGES(R6887_13_1_06)},
    {.name = "refuses-third-party-that-it-allows",
     .text = "answers UNSUPP_OPTION to THIRD_PARTY where it is allowed",
     .requirements = JUDGES(R6887_13_1_07)},
    {.name = "peers-for-the-client-alone",
     .text = "passes over THIRD_PARTY in PEER",
     .requirements = JUDGES(R6887_13_1_07)},
    {.name = "takes-third-party-from-everyone",
     .text = "allows THIRD_PARTY from all hosts where it is allowed from one",
     .requirements = JUDGES(R6887_13_1_08)},
    {.name = "takes-longer-third-parties",
     .text = "reads the first 16 octets of a longer THIRD_PARTY",
     .requirements = JUDGES(R6887_13_1_09)},
    {.name = "takes-third-party-twice",
     .text = "passes over the second THIRD_PARTY of a request",
     .requirements = JUDGES(R6887_13_1_09)},
    {.name = "leaves-third-party-out-of-answers",
     .text = "does not repeat THIRD_PARTY in a success",
     .requirements = JUDGES(R6887_13_1_09)},
    {.name = "forgets-the-client-address-with-third-party",
     .text = "minds the client address field only in requests without THIRD_PARTY",
     .requirements = JUDGES(R6887_8_2_07)},
};

CASE_FILE(gateway_13_1_third_party, CASE_GATEWAY, cases, defects);
