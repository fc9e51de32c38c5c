/* RFC 6887, sections 12 and 12.3: what becomes of a PEER, as responses tell and packets show.
 *
 * A PEER mapping is of a five-tuple, so its remote peer speaks from one port, REMOTE_PORT of remote. */
#include "check/stage_raw.h"

#include <stdio.h>

enum {
    REMOTE_PORT = 7000,
    ANOTHER_PORT = 7001,
    LONGEST_WAIT = 1800,
    HOUR = 3600,
    OBSERVED = 60, /* s that a mapping has grown older when it is asked for again */
    ROUNDING = 2,  /* s, of both lifetimes */
    PAST = 90      /* s after its end, a mapping is gone */
};

static struct wish peer_wish(struct stage *stage, uint16_t internal_port)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, REMOTE_PORT);
    return stage_peer_wish(stage, STAGE_HOST, internal_port, &remote);
}

/* Sends from inside to the remote peer; where that sees it come from. A flow is there then. */
static struct endpoint leave(struct stage *stage, int inside, int remote)
{
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, remote));
    struct datagram arrival;
    if (!stage_passes(stage, inside, &to, remote, &arrival))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a flow from inside does not get out");
    return arrival.from;
}

/* Whether a PEER opens ahead of traffic is a question of its own; what else rests on it can't be told where it
 * doesn't. */
static void rely_on_peer(struct stage *stage, int remote)
{
    struct wish wish = peer_wish(stage, 4999);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    if (!stage_passes(stage, remote, &external, stage_open(stage, STAGE_HOST, 4999), NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "PEER opens nothing ahead of traffic");
}

/* --- the table of mappings --------------------------------------------------------------------- */

static void a_flow_that_exists_is_returned(struct stage *stage)
{
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct endpoint flow = leave(stage, inside, remote);
    struct wish wish = peer_wish(stage, 5000);
    wish.message.data.map.external_address = flow.address;
    wish.message.data.map.external_port = (uint16_t)(flow.port ^ 1); /* to be ignored */
    struct answer answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_CANNOT_PROVIDE_EXTERNAL) {
        /* 12.1 asks for this error whenever a suggestion can't be met, 12.3 has the suggestion
         * ignored here: either passes, as long as the flow is found. */
        struct wish without = peer_wish(stage, 5000);
        answer = stage_ask(stage, &without);
    }
    stage_expect_success(stage, R6887_12_3_05, &answer);
    struct endpoint external = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_12_3_05, "the external endpoint of the flow", &external,
                          &flow);
}

static void the_nonce_for_a_flow_is_remembered(struct stage *stage)
{
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct wish wish = peer_wish(stage, 5000), thief = peer_wish(stage, 5000);
    leave(stage, inside, stage_open(stage, STAGE_REMOTE, REMOTE_PORT));
    stage_granted(stage, &wish);
    struct answer answer = stage_ask(stage, &thief);
    stage_expect_result(stage, R6887_12_3_05, &answer, PCP_NOT_AUTHORIZED);
}

static void a_peer_opens_ahead_of_traffic(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_passes(stage, R6887_12_3_06, stage_open(stage, STAGE_REMOTE, REMOTE_PORT),
                        &external, inside, NULL);
}

/* By another client, as the nonce tells: where nonces are not checked, this can't be seen. */
static void a_refused_peer_leaves_nothing(struct stage *stage)
{
    static const uint8_t nobody[4] = {203, 0, 113, 77};
    struct wish plain = peer_wish(stage, 5000), refused = peer_wish(stage, 5001);
    stage_granted(stage, &plain);
    refused.message.data.map.external_address = address_from_ipv4(nobody);
    struct answer answer = stage_ask(stage, &refused);
    stage_expect_result(stage, R6887_12_3_07, &answer, PCP_CANNOT_PROVIDE_EXTERNAL);
    struct wish again = peer_wish(stage, 5001);
    answer = stage_ask(stage, &again);
    stage_expect_result(stage, R6887_12_3_07, &answer, PCP_SUCCESS);
}

/* --- remote peers that can't be ---------------------------------------------------------------- */

/* RFC 1812 section 5.3.7 has no router forward to loopback addresses. */
static struct wish loopback_wish(struct stage *stage, uint16_t internal_port)
{
    static const uint8_t ipv4[4] = {127, 0, 0, 1};
    static const uint8_t ipv6[16] = {[15] = 1};
    struct endpoint loopback = {stage->ipv6 ? address_from_ipv6(ipv6) : address_from_ipv4(ipv4),
                                REMOTE_PORT};
    struct wish plain = peer_wish(stage, 5000);
    stage_granted(stage, &plain);
    return stage_peer_wish(stage, STAGE_HOST, internal_port, &loopback);
}

static void a_remote_peer_on_loopback_is_refused(struct stage *stage)
{
    struct wish wish = loopback_wish(stage, 5001);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect(stage, R6887_12_3_02, answer.pcp.result != PCP_SUCCESS,
                 "an error for a remote peer that no packet could be forwarded to", "%s",
                 stage_describe(stage, &answer));
}

static void an_invalid_remote_peer_is_malformed(struct stage *stage)
{
    struct wish wish = loopback_wish(stage, 5001);
    struct answer answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_SUCCESS)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it finds a loopback address valid");
    stage_expect_result(stage, R6887_12_3_08, &answer, PCP_MALFORMED_REQUEST);
}

static void the_remote_peer_comes_before_the_suggestion(struct stage *stage)
{
    static const uint8_t nobody[4] = {203, 0, 113, 77};
    struct wish one = loopback_wish(stage, 5001), other = peer_wish(stage, 5002);
    struct answer answer = stage_ask(stage, &one);
    if (answer.pcp.result != PCP_MALFORMED_REQUEST)
        stage_end(stage, VERDICT_INCONCLUSIVE, "one fault: %s", stage_describe(stage, &answer));
    other.message.data.map.external_address = address_from_ipv4(nobody);
    answer = stage_ask(stage, &other);
    if (answer.pcp.result != PCP_CANNOT_PROVIDE_EXTERNAL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "one fault: %s", stage_describe(stage, &answer));
    one.message.data.map.external_address = address_from_ipv4(nobody);
    answer = stage_ask(stage, &one);
    stage_expect_result(stage, R6887_12_3_01, &answer, PCP_MALFORMED_REQUEST);
}

/* --- nonces and lifetimes ---------------------------------------------------------------------- */

/* Seconds of the peer that passed from one request to the next, at least and at most. */
struct span {
    double least, most;
};

static struct span between(const struct stage *stage, int64_t asked, const struct answer *first,
                           int64_t asked_again, const struct answer *second)
{
    return (struct span){stage_peer_seconds(stage, first->datagram.time, asked_again),
                         stage_peer_seconds(stage, asked, second->datagram.time)};
}

static void another_nonce_is_not_authorized(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000), thief = peer_wish(stage, 5000);
    wish.message.lifetime = HOUR;
    int64_t asked = stage_now(stage);
    struct answer answer = stage_granted(stage, &wish);
    stage_pass_until(stage, &answer, OBSERVED);
    int64_t asked_again = stage_now(stage);
    struct answer refused = stage_ask(stage, &thief);
    struct span span = between(stage, asked, &answer, asked_again, &refused);
    double granted = answer.pcp.lifetime;
    stage_expect_result(stage, R6887_12_3_03, &refused, PCP_NOT_AUTHORIZED);
    stage_expect_number(stage, R6887_12_3_03, "the lifetime of the error", refused.pcp.lifetime,
                        granted - span.most - ROUNDING, granted + ROUNDING);
}

static void a_short_peer_reads_what_is_left(struct stage *stage)
{
    struct wish wish = peer_wish(stage, 5000);
    wish.message.lifetime = HOUR;
    int64_t asked = stage_now(stage);
    struct answer answer = stage_granted(stage, &wish);
    stage_pass_until(stage, &answer, OBSERVED);
    wish.message.lifetime = 1;
    int64_t asked_again = stage_now(stage);
    struct answer again = stage_ask(stage, &wish);
    struct span span = between(stage, asked, &answer, asked_again, &again);
    double granted = answer.pcp.lifetime;
    stage_expect_result(stage, R6887_12_3_10, &again, PCP_SUCCESS);
    stage_expect_number(stage, R6887_12_3_10, "the lifetime that is left", again.pcp.lifetime,
                        granted - span.most - ROUNDING, granted + ROUNDING);
}

/* Flows and mappings that are looked at only once: what comes in would keep them. */
static void a_peer_outlives_a_flow(struct stage *stage)
{
    static const uint32_t ages[] = {
        8, 35, 130}; /* s: the lab's kernel forgets after 5, others after 30 or 120 */
    enum { AGES = sizeof ages / sizeof *ages };
    int insides[AGES], remotes[AGES];
    struct endpoint flows[AGES];
    struct answer peers[AGES];
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    rely_on_peer(stage, remote);
    for (unsigned i = 0; i < AGES; i++) {
        struct wish wish = peer_wish(stage, (uint16_t)(5010 + i));
        insides[i] = stage_open(stage, STAGE_HOST, (uint16_t)(5000 + i));
        remotes[i] = stage_open(stage, STAGE_REMOTE, (uint16_t)(REMOTE_PORT + 1 + i));
        flows[i] = leave(stage, insides[i], remotes[i]);
        peers[i] = stage_granted(stage, &wish);
    }
    for (unsigned i = 0; i < AGES && !stage->over; i++) {
        stage_pass_until(stage, &peers[AGES - 1], ages[i]);
        if (!stage_is_blocked(stage, remotes[i], &flows[i], insides[i]))
            continue;
        struct endpoint external = answer_external(&peers[i]);
        stage_expect_passes(stage, R6887_12_3_04, remote, &external,
                            stage_open(stage, STAGE_HOST, (uint16_t)(5010 + i)), NULL);
        return;
    }
    stage_end(stage, VERDICT_INCONCLUSIVE, "flows without packets live for over %u s",
              ages[AGES - 1]);
}

/* --- like an implicit mapping ------------------------------------------------------------------ */

/* Who else gets in where a flow to the remote peer goes out: each a bit. */
static unsigned others_let_in(struct stage *stage, const struct endpoint *external, int inside)
{
    static const struct {
        enum stage_place place;
        uint16_t port;
    } others[] = {{STAGE_REMOTE, 0}, {STAGE_REMOTE_SECOND, 0}, {STAGE_STRANGER, 0}};
    unsigned let_in = 0;
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        int from = stage_open(stage, others[i].place, others[i].port);
        if (!stage_is_blocked(stage, from, external, inside))
            let_in |= 1U << i;
    }
    return let_in;
}

static const char *others_text(char *text, size_t size, unsigned let_in)
{
    (void)snprintf(text, size, "%s%s%s%s", let_in & 1 ? "another port of the remote peer " : "",
                   let_in & 2 ? "another address " : "", let_in & 4 ? "another host " : "",
                   let_in ? "gets in" : "nobody else gets in");
    return text;
}

static void expect_filtered_alike(struct stage *stage, enum requirement_id requirement,
                                  unsigned implicit, unsigned peer)
{
    char expected[120], actual[120];
    stage_expect(stage, requirement, implicit == peer,
                 others_text(expected, sizeof expected, implicit), "%s",
                 others_text(actual, sizeof actual, peer));
}

static void a_flow_under_peer_filters_as_before(struct stage *stage)
{
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    int inside = stage_open(stage, STAGE_HOST, 5000), managed = stage_open(stage, STAGE_HOST, 5001);
    struct endpoint flow = leave(stage, inside, remote);
    leave(stage, managed, remote);
    struct wish wish = peer_wish(stage, 5001);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    unsigned implicit = others_let_in(stage, &flow, inside);
    expect_filtered_alike(stage, R6887_12_02, implicit, others_let_in(stage, &external, managed));
}

/* Whether two remote peers see flows of one internal port come from one external endpoint. */
static bool leaves_alike(struct stage *stage, int inside, int remote, int stranger)
{
    struct endpoint to = stage_endpoint(stage, STAGE_STRANGER, stage_port(stage, stranger));
    struct endpoint first = leave(stage, inside, remote);
    struct datagram second;
    if (!stage_passes(stage, inside, &to, stranger, &second))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a flow from inside does not get out");
    return first.port == second.from.port && address_equal(&first.address, &second.from.address);
}

static void what_peer_made_maps_other_flows_as_usual(struct stage *stage)
{
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    int stranger = stage_open(stage, STAGE_STRANGER, 0);
    struct wish wish = peer_wish(stage, 5001);
    bool usual = leaves_alike(stage, stage_open(stage, STAGE_HOST, 5000), remote, stranger);
    stage_granted(stage, &wish);
    bool made = leaves_alike(stage, stage_open(stage, STAGE_HOST, 5001), remote, stranger);
    stage_expect(
        stage, R6887_12_02, made == usual,
        usual ? "flows to two remote peers leave from one external endpoint, as without PEER"
              : "flows to two remote peers leave from two external endpoints, as without PEER",
        "they don't");
}

static void what_peer_made_is_as_what_a_packet_made(struct stage *stage)
{
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    int inside = stage_open(stage, STAGE_HOST, 5000), made = stage_open(stage, STAGE_HOST, 5001);
    struct endpoint flow = leave(stage, inside, remote);
    struct wish wish = peer_wish(stage, 5001);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    stage_expect_number(stage, R6887_12_3_11, "the lifetime granted", answer.pcp.lifetime, 1,
                        UINT32_MAX);
    unsigned implicit = others_let_in(stage, &flow, inside);
    expect_filtered_alike(stage, R6887_12_3_11, implicit, others_let_in(stage, &external, made));
}

static void expect_to_leave(struct stage *stage, int inside, int remote,
                            const struct answer *answer)
{
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, remote));
    struct endpoint external = answer_external(answer);
    struct datagram arrival;
    stage_expect_passes(stage, R6887_12_3_12, inside, &to, remote, &arrival);
    stage_expect_endpoint(stage, R6887_12_3_12, "where the flow leaves from", &arrival.from,
                          &external);
}

static void a_flow_leaves_from_the_port_that_peer_said(struct stage *stage)
{
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct wish ahead = peer_wish(stage, 5000), behind = peer_wish(stage, 5001);
    struct answer answer = stage_granted(stage, &ahead);
    expect_to_leave(stage, stage_open(stage, STAGE_HOST, 5000), remote, &answer);
    int inside = stage_open(stage, STAGE_HOST, 5001);
    leave(stage, inside, remote);
    answer = stage_granted(stage, &behind);
    expect_to_leave(stage, inside, remote, &answer);
}

/* --- the end ----------------------------------------------------------------------------------- */

/* The shortest that the peer grants; the case is over if that is too long to be waited for. */
static struct answer short_peer(struct stage *stage, uint16_t internal_port)
{
    struct wish wish = peer_wish(stage, internal_port);
    wish.message.lifetime = 1;
    struct answer answer = stage_granted(stage, &wish);
    if (answer.pcp.lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %u s",
                  answer.pcp.lifetime);
    return answer;
}

static void without_traffic_a_peer_ends(struct stage *stage)
{
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    rely_on_peer(stage, remote);
    struct answer answer = short_peer(stage, 5000);
    struct endpoint external = answer_external(&answer);
    stage_pass_until(stage, &answer, answer.pcp.lifetime + PAST);
    stage_expect_blocked(stage, R6887_12_3_09, remote, &external,
                         stage_open(stage, STAGE_HOST, 5000));
}

static void with_traffic_a_peer_goes_on(struct stage *stage)
{
    struct answer answer = short_peer(stage, 5000);
    struct endpoint external = answer_external(&answer);
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, REMOTE_PORT);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct datagram arrival;
    stage_pass_until(stage, &answer, answer.pcp.lifetime / 2.0);
    stage_expect_passes(stage, R6887_12_3_09, inside, &to, remote, NULL);
    stage_pass_until(stage, &answer, answer.pcp.lifetime + PAST);
    stage_expect_passes(stage, R6887_12_3_09, inside, &to, remote, &arrival);
    stage_expect_endpoint(stage, R6887_12_3_09, "where the flow leaves from after the PEER",
                          &arrival.from, &external);
    stage_expect_passes(stage, R6887_12_3_09, remote, &external, inside, NULL);
}

static const struct test_case cases[] = {
    {.id = "gateway.12.a-flow-under-peer-filters-as-before",
     .sentence = "A flow that a PEER has taken over lets in whom other flows let in.",
     .requirements = JUDGES(R6887_12_02),
     .run = a_flow_under_peer_filters_as_before,
     .traits = CASE_BOTH},
    {.id = "gateway.12.what-peer-made-maps-other-flows-as-usual",
     .sentence = "Flows to others leave where a PEER made the mapping as they do without one.",
     .requirements = JUDGES(R6887_12_02),
     .run = what_peer_made_maps_other_flows_as_usual},
    {.id = "gateway.12.3.the-remote-peer-comes-before-the-suggestion",
     .sentence = "Of two faults of a PEER the remote peer's is told, not the suggestion's.",
     .requirements = JUDGES(R6887_12_3_01),
     .run = the_remote_peer_comes_before_the_suggestion},
    {.id = "gateway.12.3.a-remote-peer-on-loopback-is-refused",
     .sentence = "A remote peer that no packet is forwarded to draws an error.",
     .requirements = JUDGES(R6887_12_3_02),
     .run = a_remote_peer_on_loopback_is_refused,
     .traits = CASE_BOTH},
    {.id = "gateway.12.3.another-nonce-is-not-authorized",
     .sentence = "A PEER with another nonce draws NOT_AUTHORIZED for as long as the mapping.",
     .requirements = JUDGES(R6887_12_3_03),
     .run = another_nonce_is_not_authorized,
     .traits = CASE_BOTH | CASE_NONCE,
     .seconds = OBSERVED},
    {.id = "gateway.12.3.a-peer-outlives-a-flow",
     .sentence = "A mapping that PEER made is alive when an implicit one of its age is not.",
     .requirements = JUDGES(R6887_12_3_04),
     .run = a_peer_outlives_a_flow,
     .traits = CASE_REAL_TIME,
     .seconds = 8},
    {.id = "gateway.12.3.a-flow-that-exists-is-returned",
     .sentence = "A PEER for a flow that exists returns it, and nothing else that is suggested.",
     .requirements = JUDGES(R6887_12_3_05),
     .run = a_flow_that_exists_is_returned},
    {.id = "gateway.12.3.the-nonce-for-a-flow-is-remembered",
     .sentence = "The nonce of the first PEER for a flow that exists is asked of the next ones.",
     .requirements = JUDGES(R6887_12_3_05),
     .run = the_nonce_for_a_flow_is_remembered,
     .traits = CASE_BOTH | CASE_NONCE},
    {.id = "gateway.12.3.a-peer-opens-ahead-of-traffic",
     .sentence = "A PEER makes the mapping before any packet has gone out.",
     .requirements = JUDGES(R6887_12_3_06),
     .run = a_peer_opens_ahead_of_traffic,
     .traits = CASE_BOTH},
    {.id = "gateway.12.3.a-refused-peer-leaves-nothing",
     .sentence = "A PEER that draws CANNOT_PROVIDE_EXTERNAL makes no mapping.",
     .requirements = JUDGES(R6887_12_3_07),
     .run = a_refused_peer_leaves_nothing},
    {.id = "gateway.12.3.an-invalid-remote-peer-is-malformed",
     .sentence = "A remote peer that the device finds invalid draws MALFORMED_REQUEST.",
     .requirements = JUDGES(R6887_12_3_08),
     .run = an_invalid_remote_peer_is_malformed,
     .traits = CASE_BOTH},
    {.id = "gateway.12.3.without-traffic-a-peer-ends",
     .sentence = "A PEER mapping that is neither renewed nor used ends.",
     .requirements = JUDGES(R6887_12_3_09),
     .run = without_traffic_a_peer_ends,
     .seconds = 210},
    {.id = "gateway.12.3.with-traffic-a-peer-goes-on",
     .sentence = "A PEER mapping that is used goes on as an implicit one when its time is over.",
     .requirements = JUDGES(R6887_12_3_09),
     .run = with_traffic_a_peer_goes_on,
     .seconds = 210},
    {.id = "gateway.12.3.a-short-peer-reads-what-is-left",
     .sentence = "A PEER for a second is answered by the time that the mapping has left.",
     .requirements = JUDGES(R6887_12_3_10),
     .run = a_short_peer_reads_what_is_left,
     .seconds = OBSERVED},
    {.id = "gateway.12.3.what-peer-made-is-as-what-a-packet-made",
     .sentence = "A mapping that PEER made lets in whom one lets in that a packet made.",
     .requirements = JUDGES(R6887_12_3_11),
     .run = what_peer_made_is_as_what_a_packet_made,
     .traits = CASE_BOTH},
    {.id = "gateway.12.3.a-flow-leaves-from-the-port-that-peer-said",
     .sentence = "The flow leaves from the external port in the response, whichever came first.",
     .requirements = JUDGES(R6887_12_3_12),
     .run = a_flow_leaves_from_the_port_that_peer_said,
     .traits = CASE_BOTH},
};

static const struct defect defects[] = {
    {.name = "opens-flows-under-peer",
     .text = "lets everyone in where a PEER has taken over a flow",
     .requirements = JUDGES(R6887_12_02)},
    {.name = "peers-for-one-flow-alone",
     .text = "has other flows of a PEER's internal port leave from another external port",
     .requirements = JUDGES(R6887_12_02)},
    {.name = "looks-at-suggestions-before-remote-peers",
     .text = "answers CANNOT_PROVIDE_EXTERNAL before it looks at the remote peer",
     .requirements = JUDGES(R6887_12_3_01)},
    {.name = "peers-with-loopback",
     .text = "answers SUCCESS to a PEER with a remote peer on loopback",
     .requirements = JUDGES(R6887_12_3_02)},
    {.name = "takes-any-nonce-in-peer",
     .text = "does not compare the nonces of PEERs",
     .requirements = JUDGES(R6887_12_3_03, R6887_12_3_05)},
    {.name = "refuses-nonces-in-peer-for-a-minute",
     .text = "has NOT_AUTHORIZED last a minute, however long the PEER mapping does",
     .requirements = JUDGES(R6887_12_3_03)},
    {.name = "peers-for-five-seconds",
     .text = "gives no PEER a longer life than five seconds",
     .requirements = JUDGES(R6887_12_3_04)},
    {.name = "knows-no-flows-at-peer",
     .text = "makes a mapping of its own for a flow that exists",
     .requirements = JUDGES(R6887_12_3_05)},
    {.name = "answers-peers-and-makes-nothing",
     .text = "answers SUCCESS to PEER and leaves it to the traffic to make a mapping",
     .requirements = JUDGES(R6887_12_3_06)},
    {.name = "makes-the-peers-that-it-refuses",
     .text = "answers CANNOT_PROVIDE_EXTERNAL, but makes the mapping somewhere else",
     .requirements = JUDGES(R6887_12_3_07)},
    {.name = "refuses-loopback-by-not-authorized",
     .text = "answers NOT_AUTHORIZED to a remote peer on loopback",
     .requirements = JUDGES(R6887_12_3_08)},
    {.name = "keeps-peers-for-ever",
     .text = "does not end PEER mappings",
     .requirements = JUDGES(R6887_12_3_09)},
    {.name = "ends-flows-with-their-peer",
     .text = "gives a flow another port when the PEER for it is over",
     .requirements = JUDGES(R6887_12_3_09)},
    {.name = "tells-peers-what-they-asked-for",
     .text = "answers a PEER with the lifetime that it asks for",
     .requirements = JUDGES(R6887_12_3_10)},
    {.name = "opens-what-peer-made",
     .text = "lets everyone in where a PEER has made a mapping",
     .requirements = JUDGES(R6887_12_3_11)},
    {.name = "peers-inward-alone",
     .text = "makes the inbound half of a PEER mapping, and not the outbound one",
     .requirements = JUDGES(R6887_12_3_12)},
};

CASE_FILE(gateway_12_3_peer, CASE_GATEWAY, cases, defects);
