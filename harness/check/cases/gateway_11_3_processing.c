/* RFC 6887, section 11.3, first part: the forms of a MAP, nonces, and mappings that exist already. */
#include "check/stage_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TCP = 6,
    UNASSIGNED = 253, /* for experiments, RFC 3692: nobody's transport protocol */
    IPV4_HEADER = 20,
    LONGEST_WAIT = 1800,
    STATIC_INTERNAL = 6000, /* of the variant with-static-mapping */
    STATIC_EXTERNAL = 46000
};

static void suggest(struct wish *wish, const struct endpoint *endpoint)
{
    wish->message.data.map.external_address = endpoint->address;
    wish->message.data.map.external_port = endpoint->port;
}

static void prefer_failure(struct wish *wish)
{
    wish_add_option(wish, PCP_PREFER_FAILURE, NULL, 0);
}

/* The endpoint of an answer, a few ports away. */
static struct endpoint beside(const struct answer *answer)
{
    struct endpoint endpoint = answer_external(answer);
    endpoint.port = (uint16_t)(endpoint.port > 50000 ? endpoint.port - 22 : endpoint.port + 22);
    return endpoint;
}

/* An option that the peer says it does not know is no matter for these cases. */
static void need_option(struct stage *stage, const struct answer *answer)
{
    if (answer->came && answer->pcp.result == PCP_UNSUPP_OPTION)
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, answer));
}

/* --- order ------------------------------------------------------------------------------------- */

/* Each fault is shown alone before both come together. */
static void faults_are_found_in_order(struct stage *stage)
{
    struct endpoint foreign = stage_endpoint(stage, STAGE_REMOTE, 40000);
    struct wish elsewhere = stage_map_wish(stage, STAGE_HOST, 5000);
    suggest(&elsewhere, &foreign);
    prefer_failure(&elsewhere);
    struct answer answer = stage_ask(stage, &elsewhere);
    need_option(stage, &answer);
    if (answer.pcp.result != PCP_CANNOT_PROVIDE_EXTERNAL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "a foreign address with PREFER_FAILURE draws: %s",
                  stage_describe(stage, &answer));
    struct wish strange = stage_map_wish(stage, STAGE_HOST, 5000);
    strange.message.data.map.protocol = UNASSIGNED;
    answer = stage_ask(stage, &strange);
    if (answer.pcp.result != PCP_UNSUPP_PROTOCOL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "protocol %d draws: %s", UNASSIGNED,
                  stage_describe(stage, &answer));
    elsewhere.message.data.map.protocol = UNASSIGNED;
    answer = stage_ask(stage, &elsewhere);
    stage_expect_result(stage, R6887_11_3_01, &answer, PCP_UNSUPP_PROTOCOL);
}

/* The nonce decides before it is looked at where the mapping is. */
static void a_nonce_is_looked_at_first(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint other = beside(&answer);
    struct wish elsewhere = stage_map_wish(stage, STAGE_HOST, 5000);
    answer = stage_ask(stage, &elsewhere);
    if (answer.pcp.result != PCP_NOT_AUTHORIZED)
        stage_end(stage, VERDICT_INCONCLUSIVE, "another nonce draws: %s",
                  stage_describe(stage, &answer));
    suggest(&wish, &other);
    prefer_failure(&wish);
    answer = stage_ask(stage, &wish);
    need_option(stage, &answer);
    if (answer.pcp.result != PCP_CANNOT_PROVIDE_EXTERNAL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "another port with PREFER_FAILURE draws: %s",
                  stage_describe(stage, &answer));
    suggest(&elsewhere, &other);
    prefer_failure(&elsewhere);
    answer = stage_ask(stage, &elsewhere);
    stage_expect_result(stage, R6887_11_3_01, &answer, PCP_NOT_AUTHORIZED);
}

/* --- forms ------------------------------------------------------------------------------------- */

/* How many IPv4 packets have come to the host whose protocol it doesn't know. */
static long unknown_packets(struct stage *stage)
{
    char text[64];
    stage_run_for(stage, STAGE_HOST, text, sizeof text,
                  "awk '/^Ip:/ { if (c) print $c; else for (i = 1; i <= NF; i++)"
                  " if ($i == \"InUnknownProtos\") c = i }' /proc/net/snmp");
    return strtol(text, NULL, 10);
}

/* A packet of the unassigned protocol to an external address gets to the host. */
static void expect_unassigned_passes(struct stage *stage, enum requirement_id requirement,
                                     const struct address *external)
{
    uint8_t packet[IPV4_HEADER + 8] = {[0] = 0x45, [3] = sizeof packet, [8] = 64, [9] = UNASSIGNED};
    struct address source = stage_address(stage, STAGE_REMOTE);
    memcpy(packet + 12, source.octet + 12, 4);
    memcpy(packet + 16, external->octet + 12, 4);
    bool came = false;
    long before = unknown_packets(stage);
    for (int i = 0; i < 10 && !came && !stage->over; i++) {
        stage_send_packet(stage, STAGE_REMOTE, packet, sizeof packet);
        came = unknown_packets(stage) > before;
    }
    stage_expect(stage, requirement, came, "packets of protocol 253 get to the host",
                 "none of 10 came");
}

/* A success claims it; only UNSUPP_PROTOCOL says that it can't be. False: there is nothing to prove. */
static bool expect_claim_or_refusal(struct stage *stage, enum requirement_id requirement,
                                    const struct answer *answer)
{
    uint8_t result = answer->pcp.result;
    if (answer->came && (result == PCP_UNSUPP_OPCODE || result == PCP_NOT_AUTHORIZED))
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, answer));
    return stage_expect(stage, requirement, result == PCP_SUCCESS || result == PCP_UNSUPP_PROTOCOL,
                        "SUCCESS and the mapping, or UNSUPP_PROTOCOL", "%s",
                        stage_describe(stage, answer)) &&
           result == PCP_SUCCESS;
}

static void an_unknown_protocol_is_refused(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.protocol = UNASSIGNED;
    struct answer answer = stage_ask(stage, &wish);
    if (expect_claim_or_refusal(stage, R6887_11_3_02, &answer))
        expect_unassigned_passes(stage, R6887_11_3_02, &answer.pcp.data.map.external_address);
}

static void expect_udp_ports_pass(struct stage *stage, enum requirement_id requirement,
                                  const struct answer *answer)
{
    static const uint16_t ports[] = {5000, 26001, 45678};
    for (size_t i = 0; i < sizeof ports / sizeof *ports && !stage->over; i++) {
        struct endpoint external = {answer->pcp.data.map.external_address, ports[i]};
        stage_expect_passes(stage, requirement, stage_open(stage, STAGE_REMOTE, 0), &external,
                            stage_open(stage, STAGE_HOST, ports[i]), NULL);
    }
}

static void all_ports_come_in_full(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 0);
    struct answer answer = stage_ask(stage, &wish);
    if (expect_claim_or_refusal(stage, R6887_11_3_03, &answer))
        expect_udp_ports_pass(stage, R6887_11_3_03, &answer);
}

static void all_protocols_come_in_full(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 0);
    wish.message.data.map.protocol = 0;
    struct answer answer = stage_ask(stage, &wish);
    if (!expect_claim_or_refusal(stage, R6887_11_3_04, &answer))
        return;
    expect_udp_ports_pass(stage, R6887_11_3_04, &answer);
    struct endpoint listening = stage_endpoint(stage, STAGE_HOST, 8080);
    struct endpoint external = {answer.pcp.data.map.external_address, 8080};
    int listener = stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_HOST, &listening);
    stage_expect(stage, R6887_11_3_04,
                 stage_connects(stage, STAGE_REMOTE, &external, listener, NULL),
                 "TCP connects to port 8080", "it does not");
    expect_unassigned_passes(stage, R6887_11_3_04, &external.address);
}

/* What is another host's already is wanting in such a mapping. */
static void all_ports_want_nobodys(struct stage *stage)
{
    struct wish all = stage_map_wish(stage, STAGE_HOST, 0);
    (void)stage_granted(stage, &all);
    all.message.lifetime = 0;
    (void)stage_granted(stage, &all);
    struct wish one = stage_map_wish(stage, STAGE_OTHER, 5000);
    struct answer taken = stage_granted(stage, &one);
    all = stage_map_wish(stage, STAGE_HOST, 0);
    struct answer answer = stage_ask(stage, &all);
    stage_expect_result(stage, R6887_11_3_03, &answer, PCP_UNSUPP_PROTOCOL);
    stage_expect_mapped(stage, R6887_11_3_03, &taken, stage_open(stage, STAGE_OTHER, 5000));
}

/* Either it is malformed, or, as 11.1 has it, the port is ignored: then it draws what protocol 0 does
 * without one. */
static void protocol_0_with_a_port_is_malformed(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 0);
    wish.message.data.map.protocol = 0;
    struct answer without = stage_ask(stage, &wish);
    wish.message.data.map.internal_port = 5000;
    struct answer answer = stage_ask(stage, &wish);
    stage_expect(
        stage, R6887_11_3_05,
        answer.pcp.result == PCP_MALFORMED_REQUEST || answer.pcp.result == without.pcp.result,
        "MALFORMED_REQUEST, or the result that internal port 0 draws", "%s, and without: %s",
        stage_describe(stage, &answer), stage_describe(stage, &without));
}

/* --- nonces ------------------------------------------------------------------------------------ */

/* Renewed, shortened and deleted; and afterwards it is as it was. */
static void another_nonce_changes_nothing(struct stage *stage)
{
    static const uint32_t lifetimes[] = {1200, 120, 0};
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_mapped(stage, R6887_11_3_06, &answer, inside);
    for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes && !stage->over; i++) {
        struct wish other = stage_map_wish(stage, STAGE_HOST, 5000);
        other.message.lifetime = lifetimes[i];
        struct answer refused = stage_ask(stage, &other);
        stage_expect_result(stage, R6887_11_3_06, &refused, PCP_NOT_AUTHORIZED);
    }
    stage_pass_until(stage, &answer, 150);
    stage_expect_mapped(stage, R6887_11_3_06, &answer, inside);
}

/* The mapping was made between our sending and the answer, and so was the error; copies of the request, which
 * were sent in that time at most, may have renewed it. */
static void another_nonce_waits_for_the_mapping(struct stage *stage)
{
    enum { SLACK = 10 };
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    int64_t before = stage_now(stage);
    struct answer answer = stage_granted(stage, &wish);
    double granted = answer.pcp.lifetime;
    stage_pass_until(stage, &answer, granted < LONGEST_WAIT ? granted / 3 : LONGEST_WAIT / 3.0);
    struct wish other = stage_map_wish(stage, STAGE_HOST, 5000);
    int64_t asked = stage_now(stage);
    struct answer refused = stage_ask(stage, &other);
    stage_expect_result(stage, R6887_11_3_06, &refused, PCP_NOT_AUTHORIZED);
    double least = stage_peer_seconds(stage, answer.datagram.time, asked);
    double most = stage_peer_seconds(stage, before, refused.datagram.time);
    stage_expect_number(stage, R6887_11_3_06, "the lifetime of NOT_AUTHORIZED",
                        refused.pcp.lifetime, granted - most - SLACK, granted - least + SLACK);
}

/* --- mappings that exist ----------------------------------------------------------------------- */

static void a_preferred_failure_is_had(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint other = beside(&answer);
    suggest(&wish, &other);
    prefer_failure(&wish);
    struct answer failed = stage_ask(stage, &wish);
    need_option(stage, &failed);
    stage_expect_result(stage, R6887_11_3_07, &failed, PCP_CANNOT_PROVIDE_EXTERNAL);
    stage_expect_mapped(stage, R6887_11_3_07, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static struct answer ask_for_static(struct stage *stage, enum requirement_id requirement,
                                    uint16_t suggested_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, STATIC_INTERNAL);
    wish.message.data.map.external_port = suggested_port;
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, requirement, &answer, PCP_SUCCESS);
    stage_expect(stage, requirement,
                 memcmp(answer.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH) ==
                     0,
                 "the nonce of the request", "another one: %s", stage_describe(stage, &answer));
    return answer;
}

static void a_static_mapping_answers_for_itself(struct stage *stage)
{
    const uint16_t suggestions[] = {0, 40000, STATIC_EXTERNAL};
    for (size_t i = 0; i < 3 && !stage->over; i++) {
        struct answer answer = ask_for_static(stage, R6887_11_3_08, suggestions[i]);
        stage_expect_number(stage, R6887_11_3_08, "the external port",
                            answer.pcp.data.map.external_port, STATIC_EXTERNAL, STATIC_EXTERNAL);
        if (i == 0)
            stage_expect_mapped(stage, R6887_11_3_08, &answer,
                                stage_open(stage, STAGE_HOST, STATIC_INTERNAL));
    }
}

static void a_static_mapping_fails_where_that_is_preferred(struct stage *stage)
{
    struct answer answer = ask_for_static(stage, R6887_11_3_07, 0);
    struct endpoint other = beside(&answer);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, STATIC_INTERNAL);
    suggest(&wish, &other);
    prefer_failure(&wish);
    struct answer failed = stage_ask(stage, &wish);
    need_option(stage, &failed);
    stage_expect_result(stage, R6887_11_3_07, &failed, PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void a_static_mapping_lasts_for_ever(struct stage *stage)
{
    struct answer answer = ask_for_static(stage, R6887_11_3_09, 0);
    stage_expect_number(stage, R6887_11_3_09, "the lifetime", answer.pcp.lifetime, UINT32_MAX,
                        UINT32_MAX);
}

/* Each of ask_for_static() has a nonce of its own. */
static void a_static_mapping_keeps_no_nonce(struct stage *stage)
{
    for (int i = 0; i < 3 && !stage->over; i++)
        (void)ask_for_static(stage, R6887_11_3_20, 0);
}

static void a_mapping_stays_where_it_is(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    struct endpoint suggestions[] = {beside(&answer), stage_endpoint(stage, STAGE_REMOTE, 40000)};
    for (size_t i = 0; i < 2 && !stage->over; i++) {
        suggest(&wish, &suggestions[i]);
        struct answer renewed = stage_ask(stage, &wish);
        stage_expect_result(stage, R6887_11_3_10, &renewed, PCP_SUCCESS);
        struct endpoint came = answer_external(&renewed);
        stage_expect_endpoint(stage, R6887_11_3_10, "the external endpoint", &came, &external);
    }
    stage_expect_mapped(stage, R6887_11_3_10, &answer, stage_open(stage, STAGE_HOST, 5000));
}

/* Nothing leaves the port, and who sends to it is new each time: no flow keeps it open. */
static void a_renewal_extends_the_lifetime(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 1; /* whatever is the least that the peer grants */
    struct answer answer = stage_granted(stage, &wish);
    double lifetime = answer.pcp.lifetime;
    if (lifetime > LONGEST_WAIT || lifetime < 60)
        wish.message.lifetime = 120;
    if (lifetime < 60) {
        answer = stage_granted(stage, &wish);
        lifetime = answer.pcp.lifetime;
    }
    if (lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %.0f s", lifetime);
    struct endpoint external = answer_external(&answer);
    suggest(&wish, &external);
    stage_pass_until(stage, &answer, lifetime * 2 / 3);
    struct answer renewed = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_11_3_11, &renewed, PCP_SUCCESS);
    stage_pass_until(stage, &answer, lifetime * 5 / 4);
    stage_expect_mapped(stage, R6887_11_3_11, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static void a_senseless_option_is_malformed(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    wish.message.lifetime = 0;
    prefer_failure(&wish);
    struct answer refused = stage_ask(stage, &wish);
    need_option(stage, &refused);
    stage_expect_result(stage, R6887_11_3_21, &refused, PCP_MALFORMED_OPTION);
    stage_expect_mapped(stage, R6887_11_3_21, &answer, stage_open(stage, STAGE_HOST, 5000));
}

/* A firewall changes nothing: so what leaves has the endpoint that the answer names. */
static void a_translation_by_rule_is_answered(struct stage *stage)
{
    struct datagram arrival;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    stage_expect_passes(stage, R6887_11_3_22, stage_open(stage, STAGE_HOST, 5000), &remote, outside,
                        &arrival);
    stage_expect_endpoint(stage, R6887_11_3_22, "the external endpoint, by what remotes see",
                          &external, &arrival.from);
}

static const struct test_case cases[] = {
    {.id = "gateway.11.3.faults-are-found-in-order",
     .sentence = "A MAP with two faults draws the error of the one that 11.3 names first.",
     .requirements = JUDGES(R6887_11_3_01),
     .run = faults_are_found_in_order},
    {.id = "gateway.11.3.a-nonce-is-looked-at-first",
     .sentence = "Another nonce draws NOT_AUTHORIZED also where PREFER_FAILURE would fail.",
     .requirements = JUDGES(R6887_11_3_01),
     .run = a_nonce_is_looked_at_first,
     .traits = CASE_NONCE},
    {.id = "gateway.11.3.an-unknown-protocol-is-refused",
     .sentence = "A protocol that the device can't map draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_02),
     .run = an_unknown_protocol_is_refused},
    {.id = "gateway.11.3.all-ports-come-in-full",
     .sentence = "A MAP of all ports maps all of them, or draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_03),
     .run = all_ports_come_in_full},
    {.id = "gateway.11.3.all-ports-come-in-full-where-they-are-allowed",
     .sentence = "A MAP of all ports maps all of them, or draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_03),
     .run = all_ports_come_in_full,
     .variant = "with-wildcards"},
    {.id = "gateway.11.3.all-ports-want-nobodys",
     .sentence = "A MAP of all ports of which another host has one draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_03),
     .run = all_ports_want_nobodys,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-wildcards"},
    {.id = "gateway.11.3.all-protocols-come-in-full",
     .sentence = "A MAP of all protocols maps all of them, or draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_04),
     .run = all_protocols_come_in_full},
    {.id = "gateway.11.3.all-protocols-come-in-full-where-they-are-allowed",
     .sentence = "A MAP of all protocols maps all of them, or draws UNSUPP_PROTOCOL.",
     .requirements = JUDGES(R6887_11_3_04),
     .run = all_protocols_come_in_full,
     .variant = "with-wildcards"},
    {.id = "gateway.11.3.protocol-0-with-a-port-is-malformed",
     .sentence = "Protocol 0 with an internal port is malformed, or the port is ignored.",
     .requirements = JUDGES(R6887_11_3_05),
     .run = protocol_0_with_a_port_is_malformed},
    {.id = "gateway.11.3.another-nonce-changes-nothing",
     .sentence = "A MAP for a mapping of another nonce draws NOT_AUTHORIZED and has no effect.",
     .requirements = JUDGES(R6887_11_3_06),
     .run = another_nonce_changes_nothing,
     .traits = CASE_BOTH | CASE_NONCE,
     .seconds = 150},
    {.id = "gateway.11.3.another-nonce-waits-for-the-mapping",
     .sentence = "NOT_AUTHORIZED for another nonce lasts as long as the mapping.",
     .requirements = JUDGES(R6887_11_3_06),
     .run = another_nonce_waits_for_the_mapping,
     .traits = CASE_BOTH | CASE_NONCE,
     .seconds = 200},
    {.id = "gateway.11.3.a-preferred-failure-is-had",
     .sentence = "With PREFER_FAILURE, a mapping elsewhere draws CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_11_3_07),
     .run = a_preferred_failure_is_had,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.a-static-mapping-answers-for-itself",
     .sentence = "A static mapping answers with its external endpoint, whatever is suggested.",
     .requirements = JUDGES(R6887_11_3_08),
     .run = a_static_mapping_answers_for_itself,
     .variant = "with-static-mapping"},
    {.id = "gateway.11.3.a-static-mapping-fails-where-that-is-preferred",
     .sentence = "With PREFER_FAILURE, a static mapping elsewhere draws CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_11_3_07),
     .run = a_static_mapping_fails_where_that_is_preferred,
     .variant = "with-static-mapping"},
    {.id = "gateway.11.3.a-static-mapping-lasts-for-ever",
     .sentence = "A static mapping answers with a lifetime of 2^32-1 seconds.",
     .requirements = JUDGES(R6887_11_3_09),
     .run = a_static_mapping_lasts_for_ever,
     .variant = "with-static-mapping"},
    {.id = "gateway.11.3.a-static-mapping-keeps-no-nonce",
     .sentence = "A static mapping answers to each nonce, with that nonce.",
     .requirements = JUDGES(R6887_11_3_20),
     .run = a_static_mapping_keeps_no_nonce,
     .variant = "with-static-mapping"},
    {.id = "gateway.11.3.a-mapping-stays-where-it-is",
     .sentence = "A renewal answers with the external endpoint, whatever is suggested.",
     .requirements = JUDGES(R6887_11_3_10),
     .run = a_mapping_stays_where_it_is,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.a-renewal-extends-the-lifetime",
     .sentence = "A renewed mapping lives on when its first lifetime is over.",
     .requirements = JUDGES(R6887_11_3_11),
     .run = a_renewal_extends_the_lifetime,
     .traits = CASE_BOTH,
     .seconds = 150},
    {.id = "gateway.11.3.a-senseless-option-is-malformed",
     .sentence = "PREFER_FAILURE in a delete draws MALFORMED_OPTION.",
     .requirements = JUDGES(R6887_11_3_21),
     .run = a_senseless_option_is_malformed,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.a-translation-by-rule-is-answered",
     .sentence = "A firewall answers with the endpoint by which remotes see the port.",
     .requirements = JUDGES(R6887_11_3_22),
     .run = a_translation_by_rule_is_answered,
     .traits = CASE_IPV6},
};

static const struct defect defects[] = {
    {.name = "looks-at-suggestions-first",
     .text = "finds that a suggestion can't be met before it looks at the protocol",
     .requirements = JUDGES(R6887_11_3_01)},
    {.name = "looks-at-nonces-last",
     .text = "finds that a mapping is elsewhere than suggested before it looks at the nonce",
     .requirements = JUDGES(R6887_11_3_01)},
    {.name = "has-no-resources-for-other-protocols",
     .text = "answers NO_RESOURCES to protocols that it can't map",
     .requirements = JUDGES(R6887_11_3_02)},
    {.name = "maps-one-port-for-all",
     .text = "claims that all ports are mapped, and maps one",
     .requirements = JUDGES(R6887_11_3_03)},
    {.name = "maps-all-ports-but-those-of-others",
     .text = "claims that all ports are mapped where other hosts have some of them",
     .requirements = JUDGES(R6887_11_3_03)},
    {.name = "maps-udp-for-all-protocols",
     .text = "claims that all protocols are mapped, and maps UDP",
     .requirements = JUDGES(R6887_11_3_04)},
    {.name = "has-no-resources-for-wildcards",
     .text = "answers NO_RESOURCES to all-ports and all-protocols MAPs",
     .requirements = JUDGES(R6887_11_3_03, R6887_11_3_04)},
    {.name = "maps-udp-for-protocol-0-with-a-port",
     .text = "maps UDP where protocol 0 comes with an internal port",
     .requirements = JUDGES(R6887_11_3_05, R6887_11_1_04)},
    {.name = "takes-any-nonce",
     .text = "renews and deletes whatever the nonce is",
     .requirements = JUDGES(R6887_11_3_06)},
    {.name = "takes-any-nonce-in-ipv6",
     .text = "does not look at the nonce of those that renew a pinhole",
     .requirements = JUDGES(R6887_11_3_06)},
    {.name = "has-no-resources-for-another-nonce",
     .text = "answers NO_RESOURCES to another nonce",
     .requirements = JUDGES(R6887_11_3_06)},
    {.name = "forbids-another-nonce-for-30-seconds",
     .text = "lets NOT_AUTHORIZED for another nonce last for 30 seconds",
     .requirements = JUDGES(R6887_11_3_06)},
    {.name = "forgets-to-prefer-failure-in-renewals",
     .text = "renews a mapping elsewhere though PREFER_FAILURE asks for an error",
     .requirements = JUDGES(R6887_11_3_07)},
    {.name = "says-static-mappings-move",
     .text = "answers with the suggested port where a static mapping has another",
     .requirements = JUDGES(R6887_11_3_08)},
    {.name = "counts-the-seconds-of-static-mappings",
     .text = "says that a static mapping lasts for an hour",
     .requirements = JUDGES(R6887_11_3_09)},
    {.name = "keeps-the-nonce-of-static-mappings",
     .text = "gives a static mapping the nonce of who asks first, and refuses others",
     .requirements = JUDGES(R6887_11_3_20)},
    {.name = "says-mappings-move",
     .text = "answers a renewal with the port that it suggests, which is not the mapping's",
     .requirements = JUDGES(R6887_11_3_10)},
    {.name = "answers-renewals-by-heart",
     .text = "answers a renewal with SUCCESS and does not extend the mapping",
     .requirements = JUDGES(R6887_11_3_11)},
    {.name = "has-no-resources-for-ipv6-renewals",
     .text = "answers NO_RESOURCES to who renews a pinhole",
     .requirements = JUDGES(R6887_11_3_11)},
    {.name = "skips-senseless-options",
     .text = "deletes a mapping though PREFER_FAILURE makes no sense with that",
     .requirements = JUDGES(R6887_11_3_21)},
    {.name = "invents-a-port-for-a-pinhole",
     .text = "assigns a pinhole the external port after the one that is let through",
     .requirements = JUDGES(R6887_11_3_22, R6887_11_1_14)},
};

CASE_FILE(gateway_11_3_processing, CASE_GATEWAY, cases, defects);
