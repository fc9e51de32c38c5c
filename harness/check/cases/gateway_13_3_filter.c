/* RFC 6887, section 13.3: a FILTER, and whether the packets obey it.
 *
 * The two addresses of remote have 127 bits in common, those of remote and stranger 120. */
#include "check/stage_filter.h"
#include "check/stage_raw.h"

#include <string.h>

enum {
    PAIR = 127,     /* bits of a prefix that is both of remote's addresses */
    ALL_HERE = 120, /* and stranger's */
    LENGTH_OF_FILTER = 20,
    NAMED_PORT = 41000 /* of the remote peer, in filters that name one */
};

static void a_filter_is_supported(struct stage *stage)
{
    struct wish plain = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &plain);
    struct wish wish = filter_wish(stage, 5001, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_3_05, &answer, PCP_SUCCESS);
}

static void what_fits_no_filter_is_dropped(struct stage *stage)
{
    struct endpoint external;
    int inside;
    (void)filter_begin(stage, &external, &inside);
    filter_expect_in(stage, R6887_13_3_07, STAGE_REMOTE, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_07, STAGE_STRANGER, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_07, STAGE_REMOTE_SECOND, 0, &external, inside);
}

static void a_filter_on_tcp_holds(struct stage *stage)
{
    enum { TCP = 6 };
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
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
    struct wish narrow = filter_wish(stage, 5000, STAGE_REMOTE_SECOND, PAIR, 0);
    struct answer answer = stage_granted(stage, &narrow);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_in(stage, R6887_13_3_12, STAGE_REMOTE_SECOND, 0, &external, inside);
    filter_expect_in(stage, R6887_13_3_12, STAGE_REMOTE, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_12, STAGE_STRANGER, 0, &external, inside);
    struct wish wide = filter_wish(stage, 5001, STAGE_REMOTE, ALL_HERE, 0);
    answer = stage_granted(stage, &wide);
    external = answer_external(&answer);
    inside = stage_open(stage, STAGE_HOST, 5001);
    filter_expect_in(stage, R6887_13_3_12, STAGE_STRANGER, 0, &external, inside);
}

static void a_filter_lets_one_port_in(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, NAMED_PORT);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    filter_expect_in(stage, R6887_13_3_13, STAGE_REMOTE, NAMED_PORT, &external, inside);
    filter_expect_out(stage, R6887_13_3_13, STAGE_REMOTE, NAMED_PORT + 1, &external, inside);
}

static void a_filter_with_port_0_lets_all_ports_in(struct stage *stage)
{
    struct endpoint external;
    int inside;
    (void)filter_begin(stage, &external, &inside);
    filter_expect_in(stage, R6887_13_3_13, STAGE_REMOTE, NAMED_PORT, &external, inside);
    filter_expect_in(stage, R6887_13_3_13, STAGE_REMOTE, NAMED_PORT + 1, &external, inside);
    filter_expect_in(stage, R6887_13_3_13, STAGE_REMOTE, 80, &external, inside);
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
    struct endpoint external;
    int inside;
    (void)filter_begin(stage, &external, &inside);
    int remote = stage_open(stage, STAGE_REMOTE, 0),
        stranger = stage_open(stage, STAGE_STRANGER, 0);
    stage_is_blocked(stage, stranger, &external, inside);
    expect_icmp_alone(stage, stranger, true);
    stage_passes(stage, remote, &external, inside, NULL);
    expect_icmp_alone(stage, remote, false);
}

static void the_reserved_octet_of_a_filter_is_ignored(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    filter_expect_to_hold(stage, &external, stage_open(stage, STAGE_HOST, 5000));
    struct wish other = filter_wish(stage, 5001, STAGE_REMOTE, FILTER_WHOLE, 0);
    other.options[PCP_OPTION_HEADER_LENGTH] = 0xff;
    answer = stage_ask(stage, &other);
    stage_expect_result(stage, R6887_13_3_03, &answer, PCP_SUCCESS);
    external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5001);
    filter_expect_in(stage, R6887_13_3_03, STAGE_REMOTE, 0, &external, inside);
    filter_expect_out(stage, R6887_13_3_03, STAGE_STRANGER, 0, &external, inside);
}

static void the_reserved_octet_of_a_filter_goes_out_as_zero(struct stage *stage)
{
    struct pcp_option option;
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
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
    struct wish sound = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
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
    struct wish sound = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    stage_granted(stage, &sound);
    for (size_t i = 0; i < count; i++) {
        struct wish wish = filter_wish(stage, 5001, STAGE_REMOTE, lengths[i], 0);
        struct answer answer = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_13_3_08, &answer, PCP_MALFORMED_OPTION);
    }
}

static void a_delete_with_a_filter_is_malformed(struct stage *stage)
{
    struct wish wish = filter_wish(stage, 5000, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 0;
    struct answer refused = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_13_3_10, &refused, PCP_MALFORMED_OPTION);
    filter_expect_in(stage, R6887_13_3_10, STAGE_REMOTE, 0, &external, inside);
}

static void a_filter_in_a_peer_draws_an_error(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish sound = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    stage_granted(stage, &sound);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5001, &remote);
    wish_add_filter(&wish, &remote.address, FILTER_WHOLE, 0);
    struct answer answer = stage_ask(stage, &wish);
    filter_expect_error(stage, R6887_13_3_17, &answer);
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
    {.id = "gateway.13.3.a-delete-with-a-filter-is-malformed",
     .sentence = "A delete with FILTER draws MALFORMED_OPTION, and the mapping lives on.",
     .requirements = JUDGES(R6887_13_3_10),
     .run = a_delete_with_a_filter_is_malformed},
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
    {.name = "deletes-with-filters",
     .text = "passes over FILTER in a delete",
     .requirements = JUDGES(R6887_13_3_10)},
    {.name = "peers-with-filters",
     .text = "passes over FILTER in PEER",
     .requirements = JUDGES(R6887_13_3_17)},
};

CASE_FILE(gateway_13_3_filter, CASE_GATEWAY, cases, defects);
