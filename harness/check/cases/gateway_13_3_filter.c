/* RFC 6887, section 13.3: FILTER, and whether the packets obey it.
 *
 * Each probe comes from a socket of its own, so no flow of an earlier one lets it through. The two addresses
 * of remote have 127 bits in common, those of remote and stranger 120.
 */
#include "check/stage_raw.h"

#include <string.h>

enum {
    WHOLE = 128,    /* bits of a prefix that is one address */
    PAIR = 127,     /* both of remote's */
    ALL_HERE = 120, /* and stranger's */
    LENGTH_OF_FILTER = 20,
    FIRST_PORT = 41000, /* of the remote ports that filters name */
    SINGLE = 2,         /* filters added one by one, then a few at once, then whole batches */
    FEW = 3,
    BATCH = 36,   /* filters that one request has room for, beside one of prefix 0 */
    ENOUGH = 1000 /* filters of one mapping: no server is asked for more */
};

/* --- helpers ----------------------------------------------------------------------------------- */

/* MAP of the host's port with one FILTER. */
static struct wish filtered_wish(struct stage *stage, uint16_t internal_port,
                                 enum stage_place remote, uint8_t prefix_length,
                                 uint16_t remote_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, internal_port);
    struct address address = stage_address(stage, remote);
    wish_add_filter(&wish, &address, prefix_length, remote_port);
    return wish;
}

/* The same mapping with other options. */
static void forget_options(struct wish *wish)
{
    wish->options_length = 0;
}

static void add(struct stage *stage, struct wish *wish, enum stage_place remote)
{
    struct address address = stage_address(stage, remote);
    wish_add_filter(wish, &address, WHOLE, 0);
}

/* Sends the wish with a FILTER of prefix 0 in front of its options. */
static struct answer ask_behind_prefix_0(struct stage *stage, const struct wish *wish,
                                         const struct address *zeros)
{
    struct wish clearing = *wish;
    forget_options(&clearing);
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

static void expect_in(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                      uint16_t port, const struct endpoint *external, int inside)
{
    stage_expect_passes(stage, requirement, stage_open(stage, from, port), external, inside, NULL);
}

static void expect_out(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                       uint16_t port, const struct endpoint *external, int inside)
{
    stage_expect_blocked(stage, requirement, stage_open(stage, from, port), external, inside);
}

/* Where the FILTER for remote lets everyone in, what other requests do to it can't be told. */
static void expect_filter(struct stage *stage, const struct endpoint *external, int inside)
{
    if (!stage_is_blocked(stage, stage_open(stage, STAGE_REMOTE_SECOND, 0), external, inside))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a mapping with FILTER lets others in, too");
}

/* Whether the FILTERs of a request are refused, for whatever reason. */
static void expect_error(struct stage *stage, enum requirement_id requirement,
                         const struct answer *answer)
{
    stage_expect(stage, requirement, answer->came && answer->pcp.result != PCP_SUCCESS, "an error",
                 "%s", stage_describe(stage, answer));
}

/* --- cases ------------------------------------------------------------------------------------- */

static void a_filter_is_supported(struct stage *stage)
{
    struct wish plain = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &plain);
    struct wish wish = filtered_wish(stage, 5001, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_3_05, &answer, PCP_SUCCESS);
}

static void what_fits_no_filter_is_dropped(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_07, STAGE_REMOTE, 0, &external, inside);
    expect_out(stage, R6887_13_3_07, STAGE_STRANGER, 0, &external, inside);
    expect_out(stage, R6887_13_3_07, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void a_filter_on_tcp_holds(struct stage *stage)
{
    enum { TCP = 6 };
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    wish.message.data.map.protocol = TCP;
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    struct endpoint local = stage_endpoint(stage, STAGE_HOST, 5000);
    int listener = stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_HOST, &local);
    stage_expect(stage, R6887_13_3_07,
                 stage_connects(stage, STAGE_REMOTE, &external, listener, NULL),
                 "TCP connects from the remote peer of the FILTER", "it doesn't");
    stage_expect(stage, R6887_13_3_07,
                 !stage_connects(stage, STAGE_STRANGER, &external, listener, NULL),
                 "TCP does not connect from another host than the FILTER's", "it does");
}

/* Where it names remote's second address, whose last bit the prefix leaves out. */
static void only_the_prefix_of_a_filter_counts(struct stage *stage)
{
    struct wish narrow = filtered_wish(stage, 5000, STAGE_REMOTE_SECOND, PAIR, 0);
    struct answer answer = stage_granted(stage, &narrow);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_12, STAGE_REMOTE_SECOND, 0, &external, inside);
    expect_in(stage, R6887_13_3_12, STAGE_REMOTE, 0, &external, inside);
    expect_out(stage, R6887_13_3_12, STAGE_STRANGER, 0, &external, inside);
    struct wish wide = filtered_wish(stage, 5001, STAGE_REMOTE, ALL_HERE, 0);
    answer = stage_granted(stage, &wide);
    external = answer_external(&answer);
    inside = stage_open(stage, STAGE_HOST, 5001);
    expect_in(stage, R6887_13_3_12, STAGE_STRANGER, 0, &external, inside);
}

static void a_filter_lets_one_port_in(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, FIRST_PORT);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_13, STAGE_REMOTE, FIRST_PORT, &external, inside);
    expect_out(stage, R6887_13_3_13, STAGE_REMOTE, FIRST_PORT + 1, &external, inside);
}

static void a_filter_with_port_0_lets_all_ports_in(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_13, STAGE_REMOTE, FIRST_PORT, &external, inside);
    expect_in(stage, R6887_13_3_13, STAGE_REMOTE, FIRST_PORT + 1, &external, inside);
    expect_in(stage, R6887_13_3_13, STAGE_REMOTE, 80, &external, inside);
}

/* What comes back to a sender is kept while its datagrams are waited for. */
static void expect_icmp_alone(struct stage *stage, int sender, bool dropped)
{
    enum { UNREACHABLE_IPV4 = 3, UNREACHABLE_IPV6 = 1 };
    struct datagram came;
    while (stage_receive(stage, sender, 0, &came)) {
        unsigned type = stage->ipv6 ? UNREACHABLE_IPV6 : UNREACHABLE_IPV4;
        stage_expect(stage, R6887_13_3_01, dropped && came.is_error && came.icmp_type == type,
                     dropped ? "nothing back to the sender of what a FILTER drops, or an ICMP "
                               "error: destination unreachable"
                             : "nothing back to the sender of what a FILTER lets in",
                     came.is_error ? "ICMP type %u code %u" : "a datagram of %u octets",
                     came.is_error ? came.icmp_type : (unsigned)came.length, came.icmp_code);
    }
}

static void only_what_is_dropped_draws_an_icmp_error(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int remote = stage_open(stage, STAGE_REMOTE, 0),
        stranger = stage_open(stage, STAGE_STRANGER, 0);
    stage_is_blocked(stage, stranger, &external, inside);
    expect_icmp_alone(stage, stranger, true);
    stage_passes(stage, remote, &external, inside, NULL);
    expect_icmp_alone(stage, remote, false);
}

static void the_reserved_octet_of_a_filter_is_ignored(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    expect_filter(stage, &external, stage_open(stage, STAGE_HOST, 5000));
    struct wish other = filtered_wish(stage, 5001, STAGE_REMOTE, WHOLE, 0);
    other.options[PCP_OPTION_HEADER_LENGTH] = 0xff;
    answer = stage_ask(stage, &other);
    stage_expect_result(stage, R6887_13_3_03, &answer, PCP_SUCCESS);
    external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5001);
    expect_in(stage, R6887_13_3_03, STAGE_REMOTE, 0, &external, inside);
    expect_out(stage, R6887_13_3_03, STAGE_STRANGER, 0, &external, inside);
}

static void the_reserved_octet_of_a_filter_goes_out_as_zero(struct stage *stage)
{
    struct pcp_option option;
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    wish.options[PCP_OPTION_HEADER_LENGTH] = 0xff;
    struct answer answer = stage_granted(stage, &wish);
    if (answer_option(&answer, PCP_FILTER, &option) && option.length > 0)
        stage_expect(stage, R6887_13_3_02, option.data[0] == 0,
                     "zero in the reserved octet of the response's FILTER", "0x%02x",
                     option.data[0]);
}

static void a_filter_has_20_octets(struct stage *stage)
{
    static const uint16_t lengths[] = {0, 4, 16, 24};
    struct wish sound = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    stage_granted(stage, &sound);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t data[LENGTH_OF_FILTER + 4] = {0};
        struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
        memcpy(data, sound.options + PCP_OPTION_HEADER_LENGTH, LENGTH_OF_FILTER);
        wish_add_option(&wish, PCP_FILTER, data, lengths[i]);
        struct answer answer = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_13_3_06, &answer, PCP_MALFORMED_OPTION);
    }
}

/* Of IPv4 96, and of both 0, pass either way: erratum 3891. */
static void a_prefix_too_short_or_too_long_is_malformed(struct stage *stage)
{
    static const uint8_t ipv4[] = {1, 24, 32, 95, 129, 255}, ipv6[] = {129, 192, 255};
    const uint8_t *lengths = stage->ipv6 ? ipv6 : ipv4;
    size_t count = stage->ipv6 ? sizeof ipv6 : sizeof ipv4;
    struct wish sound = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    stage_granted(stage, &sound);
    for (size_t i = 0; i < count; i++) {
        struct wish wish = filtered_wish(stage, 5001, STAGE_REMOTE, lengths[i], 0);
        struct answer answer = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_13_3_08, &answer, PCP_MALFORMED_OPTION);
    }
}

static void filters_of_several_requests_add_up(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_filter(stage, &external, inside);
    forget_options(&wish);
    add(stage, &wish, STAGE_STRANGER);
    stage_granted(stage, &wish);
    expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void filters_of_one_request_add_up(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    add(stage, &wish, STAGE_STRANGER);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void prefix_0_clears_the_filters(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    forget_options(&wish);
    struct answer cleared = ask_to_clear(stage, &wish);
    stage_expect_result(stage, R6887_13_3_09, &cleared, PCP_SUCCESS);
    expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    expect_in(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
}

static void prefix_0_and_a_filter_behind_it_replace_the_filters(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_filter(stage, &external, inside);
    forget_options(&wish);
    add(stage, &wish, STAGE_STRANGER);
    struct answer replaced = ask_to_clear(stage, &wish);
    stage_expect_result(stage, R6887_13_3_09, &replaced, PCP_SUCCESS);
    expect_in(stage, R6887_13_3_09, STAGE_STRANGER, 0, &external, inside);
    expect_out(stage, R6887_13_3_09, STAGE_REMOTE, 0, &external, inside);
    expect_out(stage, R6887_13_3_09, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void a_delete_with_a_filter_is_malformed(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 0;
    struct answer refused = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_3_10, &refused, PCP_MALFORMED_OPTION);
    expect_in(stage, R6887_13_3_10, STAGE_REMOTE, 0, &external, inside);
}

/* Adds FILTERs for so many of stranger's ports behind `first`. */
static void add_ports(struct stage *stage, struct wish *wish, uint16_t first, unsigned count)
{
    struct address stranger = stage_address(stage, STAGE_STRANGER);
    for (unsigned i = 0; i < count; i++)
        wish_add_filter(wish, &stranger, WHOLE, (uint16_t)(first + i));
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
        forget_options(&wish);
        add_ports(stage, &wish, (uint16_t)(FIRST_PORT + held), step);
        answer = held ? stage_ask(stage, &wish) : stage_granted(stage, &wish);
        external = held ? external : answer_external(&answer);
        if (answer.pcp.result != PCP_SUCCESS)
            break;
        /* Success says that all of them hold. The first is left for later. */
        if (held)
            expect_in(stage, R6887_13_3_11, STAGE_STRANGER,
                      (uint16_t)(FIRST_PORT + held + step - 1), &external, inside);
    }
    if (held >= ENOUGH)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it takes %u filters and more", held);
    stage_expect_result(stage, R6887_13_3_11, &answer, PCP_EXCESSIVE_REMOTE_PEERS);
    expect_out(stage, R6887_13_3_11, STAGE_STRANGER, (uint16_t)(FIRST_PORT + held), &external,
               inside);
    expect_in(stage, R6887_13_3_11, STAGE_STRANGER, FIRST_PORT, &external, inside);
}

static void too_many_filters_behind_prefix_0_change_nothing(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_filter(stage, &external, inside);
    forget_options(&wish);
    add_ports(stage, &wish, FIRST_PORT, BATCH);
    struct answer refused = ask_to_clear(stage, &wish);
    if (refused.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it takes %d filters at once", BATCH);
    expect_out(stage, R6887_13_3_11, STAGE_STRANGER, FIRST_PORT, &external, inside);
    expect_out(stage, R6887_13_3_11, STAGE_STRANGER, 0, &external, inside);
    expect_in(stage, R6887_13_3_11, STAGE_REMOTE, 0, &external, inside);
}

static void a_filter_ends_flows_that_fit_none(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int stranger = stage_open(stage, STAGE_STRANGER, 0);
    stage_expect_passes(stage, R6887_13_3_07, stranger, &external, inside, NULL);
    add(stage, &wish, STAGE_REMOTE);
    stage_granted(stage, &wish);
    expect_filter(stage, &external, inside);
    stage_expect_blocked(stage, R6887_13_3_07, stranger, &external, inside);
}

static void a_filter_closes_an_open_mapping_to_all_others(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_in(stage, R6887_13_3_14, STAGE_STRANGER, 0, &external, inside);
    add(stage, &wish, STAGE_REMOTE);
    stage_granted(stage, &wish);
    expect_out(stage, R6887_13_3_14, STAGE_STRANGER, 0, &external, inside);
    expect_in(stage, R6887_13_3_14, STAGE_REMOTE, 0, &external, inside);
}

static void a_renewal_without_filter_leaves_the_filters(struct stage *stage)
{
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    expect_filter(stage, &external, inside);
    forget_options(&wish);
    stage_granted(stage, &wish);
    expect_out(stage, R6887_13_3_15, STAGE_STRANGER, 0, &external, inside);
    expect_in(stage, R6887_13_3_15, STAGE_REMOTE, 0, &external, inside);
}

/* In front of the bad one, and behind it. */
static void one_bad_filter_spoils_the_others(struct stage *stage)
{
    enum { TOO_LONG = 200 };
    struct address stranger = stage_address(stage, STAGE_STRANGER);
    struct wish wish = filtered_wish(stage, 5000, STAGE_REMOTE, WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    for (int behind = 0; behind < 2; behind++) {
        forget_options(&wish);
        if (!behind)
            add(stage, &wish, STAGE_STRANGER);
        wish_add_filter(&wish, &stranger, TOO_LONG, 0);
        if (behind)
            add(stage, &wish, STAGE_STRANGER);
        struct answer refused = stage_ask(stage, &wish);
        expect_error(stage, R6887_13_3_16, &refused);
        expect_filter(stage, &external, inside);
        expect_out(stage, R6887_13_3_16, STAGE_STRANGER, 0, &external, inside);
    }
    expect_in(stage, R6887_13_3_16, STAGE_REMOTE, 0, &external, inside);
}

static void a_filter_in_a_peer_draws_an_error(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish sound = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    stage_granted(stage, &sound);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5001, &remote);
    wish_add_filter(&wish, &remote.address, WHOLE, 0);
    struct answer answer = stage_ask(stage, &wish);
    expect_error(stage, R6887_13_3_17, &answer);
}

static const struct test_case cases[] = {
    {.id = "gateway.13.3.a-filter-is-supported",
     .sentence = "A server supports a filter on each mapping.",
     .requirements = JUDGES(R6887_13_3_05),
     .run = a_filter_is_supported,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.what-fits-no-filter-is-dropped",
     .sentence = "The remote peer of a FILTER gets in, and no one else does.",
     .requirements = JUDGES(R6887_13_3_07),
     .run = what_fits_no_filter_is_dropped,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.a-filter-on-tcp-holds",
     .sentence = "The remote peer of a FILTER connects by TCP, and no one else does.",
     .requirements = JUDGES(R6887_13_3_07),
     .run = a_filter_on_tcp_holds},
    {.id = "gateway.13.3.only-the-prefix-of-a-filter-counts",
     .sentence = "Of a FILTER's address only the first prefix-length bits count.",
     .requirements = JUDGES(R6887_13_3_12),
     .run = only_the_prefix_of_a_filter_counts,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.a-filter-lets-one-port-in",
     .sentence = "A FILTER with a remote port lets packets from that port in alone.",
     .requirements = JUDGES(R6887_13_3_13),
     .run = a_filter_lets_one_port_in,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.a-filter-with-port-0-lets-all-ports-in",
     .sentence = "A FILTER with remote port 0 lets packets from every port in.",
     .requirements = JUDGES(R6887_13_3_13),
     .run = a_filter_with_port_0_lets_all_ports_in,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.only-what-is-dropped-draws-an-icmp-error",
     .sentence = "What a FILTER drops draws an ICMP error or nothing, what it lets in nothing.",
     .requirements = JUDGES(R6887_13_3_01),
     .run = only_what_is_dropped_draws_an_icmp_error,
     .traits = CASE_BOTH},
    {.id = "gateway.13.3.the-reserved-octet-of-a-filter-is-ignored",
     .sentence = "A FILTER does the same whatever its reserved octet holds.",
     .requirements = JUDGES(R6887_13_3_03),
     .run = the_reserved_octet_of_a_filter_is_ignored},
    {.id = "gateway.13.3.the-reserved-octet-of-a-filter-goes-out-as-zero",
     .sentence = "The reserved octet of a FILTER in a response is zero.",
     .requirements = JUDGES(R6887_13_3_02),
     .run = the_reserved_octet_of_a_filter_goes_out_as_zero},
    {.id = "gateway.13.3.a-filter-has-20-octets",
     .sentence = "A FILTER of another length than 20 octets draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_3_06),
     .run = a_filter_has_20_octets},
    {.id = "gateway.13.3.a-prefix-too-short-or-too-long-is-malformed",
     .sentence = "A prefix length outside of 96-128, for IPv6 0-128, draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_13_3_08),
     .run = a_prefix_too_short_or_too_long_is_malformed,
     .traits = CASE_BOTH},
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
    {.id = "gateway.13.3.a-delete-with-a-filter-is-malformed",
     .sentence = "A delete with FILTER draws MALFORMED_OPTION, and the mapping lives on.",
     .requirements = JUDGES(R6887_13_3_10),
     .run = a_delete_with_a_filter_is_malformed},
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
    {.id = "gateway.13.3.a-filter-in-a-peer-draws-an-error",
     .sentence = "A PEER with FILTER draws an error.",
     .requirements = JUDGES(R6887_13_3_17),
     .run = a_filter_in_a_peer_draws_an_error},
};

static const struct defect defects[] = {
    {.name = "knows-no-filter",
     .text = "answers UNSUPP_OPTION to FILTER",
     .requirements = JUDGES(R6887_13_3_05)},
    {.name = "filters-nothing",
     .text = "answers SUCCESS to FILTER and lets everyone in",
     .requirements = JUDGES(R6887_13_3_07)},
    {.name = "filters-udp-alone",
     .text = "lets everyone in who comes by TCP",
     .requirements = JUDGES(R6887_13_3_07)},
    {.name = "filters-whole-addresses",
     .text = "takes the prefix of a FILTER for a whole address",
     .requirements = JUDGES(R6887_13_3_12)},
    {.name = "filters-wider-prefixes",
     .text = "lets an octet more of addresses in than the prefix of a FILTER",
     .requirements = JUDGES(R6887_13_3_12)},
    {.name = "filters-no-ports",
     .text = "takes the port of a FILTER for 0",
     .requirements = JUDGES(R6887_13_3_13)},
    {.name = "filters-port-0",
     .text = "waits for packets from port 0, where a FILTER means all",
     .requirements = JUDGES(R6887_13_3_13)},
    {.name = "rejects-what-it-lets-in",
     .text = "answers the first packet that a mapping lets in by an ICMP error",
     .requirements = JUDGES(R6887_13_3_01)},
    {.name = "minds-the-reserved-octet-of-filters",
     .text = "calls a FILTER malformed whose reserved octet is set",
     .requirements = JUDGES(R6887_13_3_03)},
    {.name = "echoes-the-reserved-octet-of-filters",
     .text = "sends the reserved octet of a FILTER back",
     .requirements = JUDGES(R6887_13_3_02)},
    {.name = "takes-longer-filters",
     .text = "reads the first 20 octets of a longer FILTER",
     .requirements = JUDGES(R6887_13_3_06)},
    {.name = "takes-any-prefix-length",
     .text = "takes a prefix length that can't be for 128",
     .requirements = JUDGES(R6887_13_3_08)},
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
    {.name = "deletes-with-filters",
     .text = "passes over FILTER in a delete",
     .requirements = JUDGES(R6887_13_3_10)},
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
    {.name = "peers-with-filters",
     .text = "passes over FILTER in PEER",
     .requirements = JUDGES(R6887_13_3_17)},
};

CASE_FILE(gateway_13_3_filter, CASE_GATEWAY, cases, defects);
