/* RFC 6886, sections 3.3, 3.4 and 3.9: mappings of NAT-PMP, how they end, and what passes through them. */
#include "check/stage_natpmp.h"
#include "check/stage_raw.h"

enum { RESPONSE_BIT = 128, STATIC_INSIDE = 6000, STATIC_OUTSIDE = 46000, LIFETIME = 120 };

/* A mapping, and its two ends. */
struct mapping {
    struct natpmp_answer answer;
    struct endpoint external;
    int inside;
};

static struct mapping make(struct stage *stage, enum stage_place place, uint16_t internal_port)
{
    struct natpmp_message request = natpmp_map_wish(internal_port);
    struct mapping mapping = {.answer = stage_natpmp_granted(stage, place, &request)};
    mapping.external = stage_natpmp_external(stage, &mapping.answer);
    mapping.inside = stage_open(stage, place, internal_port);
    return mapping;
}

static void expect_open(struct stage *stage, enum requirement_id requirement,
                        const struct mapping *mapping)
{
    stage_expect_passes(stage, requirement, stage_open(stage, STAGE_REMOTE, 0), &mapping->external,
                        mapping->inside, NULL);
}

static void expect_shut(struct stage *stage, enum requirement_id requirement,
                        const struct mapping *mapping)
{
    stage_expect_blocked(stage, requirement, stage_open(stage, STAGE_REMOTE, 0), &mapping->external,
                         mapping->inside);
}

static int listen_at(struct stage *stage, uint16_t port)
{
    struct endpoint local = stage_endpoint(stage, STAGE_HOST, port);
    return stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_HOST, &local);
}

/* --- 3.3, requests ------------------------------------------------------------------------------ */

static void mapping_responses_have_16_octets(struct stage *stage)
{
    struct natpmp_message requests[] = {natpmp_map_wish(5000), natpmp_map_wish(5001)};
    requests[1].opcode = NATPMP_MAP_TCP;
    for (size_t i = 0; i < sizeof requests / sizeof *requests && !stage->over; i++) {
        struct natpmp_answer answer =
            stage_natpmp_ask(stage, R6886_3_3_02, STAGE_HOST, &requests[i]);
        stage_expect(stage, R6886_3_3_02,
                     answer.datagram.length == NATPMP_MAP_RESPONSE_LENGTH &&
                         answer.datagram.octets[1] == RESPONSE_BIT + requests[i].opcode,
                     "16 octets, and the opcode of the request with 128 added",
                     "%zu octets, opcode %u: %s", answer.datagram.length, answer.datagram.octets[1],
                     stage_natpmp_describe(stage, &answer));
    }
}

static void no_more_is_granted_than_asked(struct stage *stage)
{
    static const uint32_t lifetimes[] = {1, 60, 3601, 7200};
    for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes && !stage->over; i++) {
        struct natpmp_message request = natpmp_map_wish((uint16_t)(5000 + i));
        request.lifetime = lifetimes[i];
        struct natpmp_answer answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
        stage_expect_number(stage, R6886_3_3_03, "the lifetime granted", answer.natpmp.lifetime, 0,
                            lifetimes[i]);
    }
}

static void less_may_be_granted_than_asked(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    stage_natpmp_granted(stage, STAGE_HOST, &request);
    request = natpmp_map_wish(5001);
    request.lifetime = UINT32_MAX;
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_3_13, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_3_13, &answer, NATPMP_SUCCESS);
    stage_expect(stage, R6886_3_3_13, answer.natpmp.lifetime > 0, "a lifetime", "%s",
                 stage_natpmp_describe(stage, &answer));
}

static void the_reserved_field_is_ignored(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    stage_natpmp_granted(stage, STAGE_HOST, &request);
    request = natpmp_map_wish(5001);
    request.reserved[0] = request.reserved[1] = 0xff;
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_3_04, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_3_04, &answer, NATPMP_SUCCESS);
}

static void either_protocol_is_mapped_alone(struct stage *stage)
{
    struct mapping udp = make(stage, STAGE_HOST, 5000);
    expect_open(stage, R6886_3_3_06, &udp);
    struct natpmp_message request = natpmp_map_wish(5001);
    request.opcode = NATPMP_MAP_TCP;
    struct natpmp_answer tcp = stage_natpmp_ask(stage, R6886_3_3_06, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_3_06, &tcp, NATPMP_SUCCESS);
    struct endpoint external = stage_natpmp_external(stage, &tcp);
    bool connects = stage_connects(stage, STAGE_REMOTE, &external, listen_at(stage, 5001), NULL);
    stage_expect(stage, R6886_3_3_06, connects, "TCP connects to what is mapped for TCP",
                 "it does not");
}

static void the_other_protocol_is_not_mapped_along(struct stage *stage)
{
    struct mapping udp = make(stage, STAGE_HOST, 40000);
    expect_open(stage, R6886_3_3_06, &udp);
    bool connects =
        stage_connects(stage, STAGE_REMOTE, &udp.external, listen_at(stage, 40000), NULL);
    stage_expect(stage, R6886_3_3_07, !connects, "TCP does not connect to what UDP is mapped to",
                 "it connects");
    struct natpmp_message request = natpmp_map_wish(40001);
    request.opcode = NATPMP_MAP_TCP;
    struct natpmp_answer tcp = stage_natpmp_granted(stage, STAGE_HOST, &request);
    struct mapping other = {.external = stage_natpmp_external(stage, &tcp),
                            .inside = stage_open(stage, STAGE_HOST, 40001)};
    expect_shut(stage, R6886_3_3_07, &other);
}

static void the_companion_port_is_kept_for_the_same_client(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    request.opcode = NATPMP_MAP_TCP;
    struct natpmp_answer first = stage_natpmp_granted(stage, STAGE_HOST, &request);
    uint16_t port = first.natpmp.external_port;
    struct natpmp_message companion = natpmp_map_wish(5000);
    companion.external_port = port;
    struct natpmp_answer other = stage_natpmp_ask(stage, R6886_3_3_08, STAGE_OTHER, &companion);
    stage_expect(stage, R6886_3_3_08,
                 other.natpmp.result != NATPMP_SUCCESS || other.natpmp.external_port != port,
                 "UDP of the port whose TCP another client has is not assigned", "%s",
                 stage_natpmp_describe(stage, &other));
    struct natpmp_answer same = stage_natpmp_ask(stage, R6886_3_3_08, STAGE_HOST, &companion);
    stage_natpmp_expect_result(stage, R6886_3_3_08, &same, NATPMP_SUCCESS);
    stage_expect_number(stage, R6886_3_3_08, "the port for the client that has its TCP",
                        same.natpmp.external_port, port, port);
}

static void a_taken_port_is_replaced(struct stage *stage)
{
    struct mapping first = make(stage, STAGE_HOST, 5000);
    struct natpmp_message request = natpmp_map_wish(5000);
    request.external_port = first.answer.natpmp.external_port;
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_3_09, STAGE_OTHER, &request);
    stage_natpmp_expect_result(stage, R6886_3_3_09, &answer, NATPMP_SUCCESS);
    stage_expect(stage, R6886_3_3_09,
                 answer.natpmp.external_port != first.answer.natpmp.external_port, "another port",
                 "%s", stage_natpmp_describe(stage, &answer));
    expect_open(stage, R6886_3_3_09, &first);
}

static void the_source_address_is_mapped(struct stage *stage)
{
    make(stage, STAGE_HOST, 5001);
    struct mapping other = make(stage, STAGE_OTHER, 5000);
    expect_open(stage, R6886_3_3_10, &other);
}

static void a_second_request_gets_the_same_port(struct stage *stage)
{
    struct mapping mapping = make(stage, STAGE_HOST, 5000);
    struct natpmp_message request = natpmp_map_wish(5000);
    uint16_t port = mapping.answer.natpmp.external_port;
    request.external_port = port < 60000 ? (uint16_t)(port + 1234) : (uint16_t)(port - 1234);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_3_11, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_3_11, &answer, NATPMP_SUCCESS);
    stage_expect_number(stage, R6886_3_3_11, "the port that was assigned before",
                        answer.natpmp.external_port, port, port);
}

static void the_outside_is_not_served(struct stage *stage)
{
    struct raw raw = {.from = STAGE_REMOTE, .length = NATPMP_ADDRESS_REQUEST_LENGTH};
    stage_expect_silence(stage, R6886_3_3_12, "NAT-PMP that came in from outside", &raw);
    struct natpmp_message request = natpmp_map_wish(5000);
    raw.length = natpmp_encode(&request, raw.octets, sizeof raw.octets);
    stage_expect_silence(stage, R6886_3_3_12, "NAT-PMP that came in from outside", &raw);
    /* From inside, but to the address outside. */
    struct datagram datagram;
    struct endpoint outside = stage_endpoint(stage, STAGE_OUTSIDE, PCP_SERVER_PORT);
    int socket = stage_open(stage, STAGE_HOST, 0);
    stage_send(stage, socket, &outside, raw.octets, raw.length);
    struct natpmp_message fence = natpmp_address_wish();
    stage_natpmp_granted(stage, STAGE_HOST, &fence);
    bool came = stage_receive(stage, socket, 100 * MILLISECOND, &datagram) && !datagram.is_error;
    stage_expect(stage, R6886_3_3_12, !came, "no answer to NAT-PMP to the external address",
                 "an answer of %zu octets", datagram.length);
}

/* --- 3.4, ends --------------------------------------------------------------------------------- */

static void a_delete_is_answered_with_zeros(struct stage *stage)
{
    struct mapping mapping = make(stage, STAGE_HOST, 5000);
    struct natpmp_message request = natpmp_delete_wish(5000);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_02, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_4_02, &answer, NATPMP_SUCCESS);
    stage_expect(stage, R6886_3_4_02,
                 answer.natpmp.internal_port == 5000 && answer.natpmp.external_port == 0 &&
                     answer.natpmp.lifetime == 0,
                 "the internal port, external port 0 and lifetime 0", "%s",
                 stage_natpmp_describe(stage, &answer));
    expect_shut(stage, R6886_3_4_02, &mapping);
}

static void a_mapping_ends_with_its_lifetime(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    request.lifetime = LIFETIME;
    struct natpmp_answer answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
    double lifetime = answer.natpmp.lifetime;
    struct mapping mapping = {.external = stage_natpmp_external(stage, &answer),
                              .inside = stage_open(stage, STAGE_HOST, 5000)};
    expect_open(stage, R6886_3_4_03, &mapping);
    double gone = stage_peer_seconds(stage, answer.datagram.time, stage_now(stage));
    stage_pass(stage, (int64_t)((lifetime + 30 - gone) * (double)SECOND));
    expect_shut(stage, R6886_3_4_03, &mapping);
}

static void the_port_in_a_delete_is_ignored(struct stage *stage)
{
    struct mapping mapping = make(stage, STAGE_HOST, 5000);
    struct natpmp_message request = natpmp_delete_wish(5000);
    request.external_port = 1234;
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_06, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_4_06, &answer, NATPMP_SUCCESS);
    expect_shut(stage, R6886_3_4_06, &mapping);
}

static void a_delete_of_nothing_succeeds(struct stage *stage)
{
    struct natpmp_message request = natpmp_delete_wish(5000);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_07, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_4_07, &answer, NATPMP_SUCCESS);
    make(stage, STAGE_HOST, 5000);
    for (int times = 0; times < 2 && !stage->over; times++) {
        answer = stage_natpmp_ask(stage, R6886_3_4_07, STAGE_HOST, &request);
        stage_natpmp_expect_result(stage, R6886_3_4_07, &answer, NATPMP_SUCCESS);
        stage_expect(
            stage, R6886_3_4_07, answer.natpmp.external_port == 0 && answer.natpmp.lifetime == 0,
            "the same answer as to the first", "%s", stage_natpmp_describe(stage, &answer));
    }
}

static struct mapping static_mapping(struct stage *stage)
{
    struct mapping mapping = {.external = stage_endpoint(stage, STAGE_OUTSIDE, STATIC_OUTSIDE),
                              .inside = stage_open(stage, STAGE_HOST, STATIC_INSIDE)};
    if (!stage_passes(stage, stage_open(stage, STAGE_REMOTE, 0), &mapping.external, mapping.inside,
                      NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "there is no static mapping of UDP port %d to %d",
                  STATIC_INSIDE, STATIC_OUTSIDE);
    return mapping;
}

static void a_failed_delete_has_lifetime_0(struct stage *stage)
{
    struct mapping mapping = static_mapping(stage);
    struct natpmp_message request = natpmp_delete_wish(STATIC_INSIDE);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_08, STAGE_HOST, &request);
    stage_expect(stage, R6886_3_4_08,
                 answer.natpmp.result != NATPMP_SUCCESS && answer.natpmp.lifetime == 0 &&
                     answer.natpmp.internal_port == STATIC_INSIDE,
                 "an error for the port asked, and lifetime 0", "%s",
                 stage_natpmp_describe(stage, &answer));
    expect_open(stage, R6886_3_4_08, &mapping);
}

static void a_delete_of_a_static_mapping_is_not_authorized(struct stage *stage)
{
    static_mapping(stage);
    struct natpmp_message request = natpmp_delete_wish(STATIC_INSIDE);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_09, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_4_09, &answer, NATPMP_NOT_AUTHORIZED);
}

static void port_0_deletes_all_of_the_protocol(struct stage *stage)
{
    struct mapping first = make(stage, STAGE_HOST, 5000), second = make(stage, STAGE_HOST, 5001);
    struct mapping others = make(stage, STAGE_OTHER, 5002);
    struct natpmp_message request = natpmp_map_wish(5003);
    request.opcode = NATPMP_MAP_TCP;
    struct natpmp_answer tcp = stage_natpmp_granted(stage, STAGE_HOST, &request);
    request = natpmp_delete_wish(0);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_11, STAGE_HOST, &request);
    stage_expect_number(stage, R6886_3_4_11, "the internal port in the answer",
                        answer.natpmp.internal_port, 0, 0);
    expect_shut(stage, R6886_3_4_11, &first);
    expect_shut(stage, R6886_3_4_11, &second);
    expect_open(stage, R6886_3_4_11, &others);
    struct endpoint external = stage_natpmp_external(stage, &tcp);
    stage_expect(stage, R6886_3_4_11,
                 stage_connects(stage, STAGE_REMOTE, &external, listen_at(stage, 5003), NULL),
                 "a mapping of TCP outlives the delete of all those of UDP", "it does not");
}

static void a_delete_of_all_has_result_0(struct stage *stage)
{
    make(stage, STAGE_HOST, 5000);
    make(stage, STAGE_HOST, 5001);
    struct natpmp_message request = natpmp_delete_wish(0);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_13, STAGE_HOST, &request);
    stage_natpmp_expect_result(stage, R6886_3_4_13, &answer, NATPMP_SUCCESS);
}

static void a_delete_of_all_leaves_what_it_must(struct stage *stage)
{
    struct mapping fixed = static_mapping(stage);
    struct mapping mapping = make(stage, STAGE_HOST, 5000);
    struct natpmp_message request = natpmp_delete_wish(0);
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_4_12, STAGE_HOST, &request);
    stage_expect(stage, R6886_3_4_12, answer.natpmp.result != NATPMP_SUCCESS,
                 "an error, as a static mapping can't be deleted", "%s",
                 stage_natpmp_describe(stage, &answer));
    expect_shut(stage, R6886_3_4_12, &mapping);
    expect_open(stage, R6886_3_4_12, &fixed);
}

/* Once each of its ends has sent something more: a NAT may have to wait for that. */
static void connections_end_with_their_mapping(struct stage *stage)
{
    int ends[2];
    struct natpmp_message request = natpmp_map_wish(5000);
    request.opcode = NATPMP_MAP_TCP;
    struct natpmp_answer answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
    struct endpoint external = stage_natpmp_external(stage, &answer);
    if (!stage_holds(stage, STAGE_REMOTE, &external, listen_at(stage, 5000), ends))
        stage_end(stage, VERDICT_INCONCLUSIVE, "TCP does not connect through the mapping");
    request.lifetime = 0;
    answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
    stage_expect(stage, R6886_3_4_10, stage_is_reset(stage, ends[0]),
                 "the connection is reset to the remote peer", "it is not");
    stage_expect(stage, R6886_3_4_10, stage_is_reset(stage, ends[1]),
                 "the connection is reset to the client", "it is not");
}

/* --- 3.9 --------------------------------------------------------------------------------------- */

/* To whom nothing came in from before, too: that no flow leads the way. */
static void mappings_are_translated_both_ways(struct stage *stage)
{
    struct mapping mapping = make(stage, STAGE_HOST, 5000);
    expect_open(stage, R6886_3_9_01, &mapping);
    static const enum stage_place places[] = {STAGE_REMOTE, STAGE_STRANGER};
    for (size_t i = 0; i < sizeof places / sizeof *places && !stage->over; i++) {
        struct datagram arrival;
        struct endpoint there = stage_endpoint(stage, places[i], 7000);
        int outside = stage_open(stage, places[i], 7000);
        stage_expect_passes(stage, R6886_3_9_01, mapping.inside, &there, outside, &arrival);
        stage_expect_number(stage, R6886_3_9_01, "the source port outside", arrival.from.port,
                            mapping.external.port, mapping.external.port);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.6886.3.3.mapping-responses-have-16-octets",
     .sentence = "A mapping response has 16 octets and the opcode of its request with 128 added.",
     .requirements = JUDGES(R6886_3_3_02),
     .run = mapping_responses_have_16_octets,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.no-more-is-granted-than-asked",
     .sentence = "The lifetime granted is no longer than the one asked for.",
     .requirements = JUDGES(R6886_3_3_03),
     .run = no_more_is_granted_than_asked,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.less-may-be-granted-than-asked",
     .sentence = "The gateway may reduce the lifetime from what was asked for.",
     .requirements = JUDGES(R6886_3_3_13),
     .run = less_may_be_granted_than_asked,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.the-reserved-field-is-ignored",
     .sentence = "The reserved field of a mapping request is ignored.",
     .requirements = JUDGES(R6886_3_3_04),
     .run = the_reserved_field_is_ignored,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.either-protocol-is-mapped-alone",
     .sentence = "TCP-only and UDP-only mappings can be made.",
     .requirements = JUDGES(R6886_3_3_06),
     .run = either_protocol_is_mapped_alone,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.the-other-protocol-is-not-mapped-along",
     .sentence = "No mapping for TCP is made when UDP is asked for, and vice versa.",
     .requirements = JUDGES(R6886_3_3_07, R6886_3_3_06),
     .run = the_other_protocol_is_not_mapped_along,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.the-companion-port-is-kept-for-the-same-client",
     .sentence = "The same port of the other protocol is reserved for the same client.",
     .requirements = JUDGES(R6886_3_3_08),
     .run = the_companion_port_is_kept_for_the_same_client,
     .traits = CASE_NAT_PMP | CASE_NEIGHBOURS},
    {.id = "gateway.6886.3.3.a-taken-port-is-replaced",
     .sentence = "When the external port suggested is not available, another one is returned.",
     .requirements = JUDGES(R6886_3_3_09),
     .run = a_taken_port_is_replaced,
     .traits = CASE_NAT_PMP | CASE_NEIGHBOURS},
    {.id = "gateway.6886.3.3.the-source-address-is-mapped",
     .sentence = "The source address of the request is the internal address of the mapping.",
     .requirements = JUDGES(R6886_3_3_10),
     .run = the_source_address_is_mapped,
     .traits = CASE_NAT_PMP | CASE_NEIGHBOURS},
    {.id = "gateway.6886.3.3.a-second-request-gets-the-same-port",
     .sentence = "A second request for an internal port gets the port assigned already.",
     .requirements = JUDGES(R6886_3_3_11),
     .run = a_second_request_gets_the_same_port,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.3.the-outside-is-not-served",
     .sentence = "Requests from outside, or to the external address, are not accepted.",
     .requirements = JUDGES(R6886_3_3_12),
     .run = the_outside_is_not_served,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.a-delete-is-answered-with-zeros",
     .sentence = "A delete that was done is answered with external port 0 and lifetime 0.",
     .requirements = JUDGES(R6886_3_4_02),
     .run = a_delete_is_answered_with_zeros,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.a-mapping-ends-with-its-lifetime",
     .sentence = "A mapping that isn't renewed ends with its lifetime.",
     .requirements = JUDGES(R6886_3_4_03),
     .run = a_mapping_ends_with_its_lifetime,
     .traits = CASE_NAT_PMP,
     .seconds = LIFETIME + 30},
    {.id = "gateway.6886.3.4.the-port-in-a-delete-is-ignored",
     .sentence = "The external port suggested in a delete is ignored.",
     .requirements = JUDGES(R6886_3_4_06),
     .run = the_port_in_a_delete_is_ignored,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.a-delete-of-nothing-succeeds",
     .sentence = "A delete of a mapping that does not exist succeeds.",
     .requirements = JUDGES(R6886_3_4_07),
     .run = a_delete_of_nothing_succeeds,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.a-failed-delete-has-lifetime-0",
     .sentence = "A delete that failed has a non-zero result and lifetime 0.",
     .requirements = JUDGES(R6886_3_4_08),
     .run = a_failed_delete_has_lifetime_0,
     .traits = CASE_NAT_PMP,
     .variant = "with-static-mapping"},
    {.id = "gateway.6886.3.4.a-delete-of-a-static-mapping-is-not-authorized",
     .sentence = "A delete of a mapping that an administrator made draws result 2.",
     .requirements = JUDGES(R6886_3_4_09),
     .run = a_delete_of_a_static_mapping_is_not_authorized,
     .traits = CASE_NAT_PMP,
     .variant = "with-static-mapping"},
    {.id = "gateway.6886.3.4.connections-end-with-their-mapping",
     .sentence = "Connections across a mapping that ends are reset to both sides.",
     .requirements = JUDGES(R6886_3_4_10),
     .run = connections_end_with_their_mapping,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.port-0-deletes-all-of-the-protocol",
     .sentence = "A delete of internal port 0 deletes all mappings of the client and protocol.",
     .requirements = JUDGES(R6886_3_4_11),
     .run = port_0_deletes_all_of_the_protocol,
     .traits = CASE_NAT_PMP | CASE_NEIGHBOURS},
    {.id = "gateway.6886.3.4.a-delete-of-all-has-result-0",
     .sentence = "A delete of all mappings that was done in full has result 0.",
     .requirements = JUDGES(R6886_3_4_13),
     .run = a_delete_of_all_has_result_0,
     .traits = CASE_NAT_PMP},
    {.id = "gateway.6886.3.4.a-delete-of-all-leaves-what-it-must",
     .sentence = "Of all mappings, as many as possible are deleted, with an error for the others.",
     .requirements = JUDGES(R6886_3_4_12),
     .run = a_delete_of_all_leaves_what_it_must,
     .traits = CASE_NAT_PMP,
     .variant = "with-static-mapping"},
    {.id = "gateway.6886.3.9.mappings-are-translated-both-ways",
     .sentence = "All mappings are bidirectional.",
     .requirements = JUDGES(R6886_3_9_01),
     .run = mappings_are_translated_both_ways,
     .traits = CASE_NAT_PMP},
};

static const struct defect defects[] = {
    {.name = "nat-pmp-mappings-are-short",
     .text = "has 12 octets in a mapping response",
     .requirements = JUDGES(R6886_3_3_02)},
    {.name = "nat-pmp-grants-hours",
     .text = "grants two hours at least",
     .requirements = JUDGES(R6886_3_3_03)},
    {.name = "nat-pmp-refuses-long-lifetimes",
     .text = "refuses to map for longer than a day",
     .requirements = JUDGES(R6886_3_3_13)},
    {.name = "nat-pmp-minds-the-reserved-field",
     .text = "refuses mapping requests whose reserved field is set",
     .requirements = JUDGES(R6886_3_3_04)},
    {.name = "nat-pmp-maps-no-tcp",
     .text = "refuses to map TCP",
     .requirements = JUDGES(R6886_3_3_06)},
    {.name = "maps-tcp-along",
     .text = "lets TCP in where UDP is mapped",
     .requirements = JUDGES(R6886_3_3_07)},
    {.name = "nat-pmp-tells-the-suggestion",
     .text = "tells of the port suggested, whoever has that or another already",
     .requirements = JUDGES(R6886_3_3_08, R6886_3_3_09, R6886_3_3_11)},
    {.name = "nat-pmp-maps-its-first-client",
     .text = "maps to the address of its first client for all",
     .requirements = JUDGES(R6886_3_3_10)},
    {.name = "nat-pmp-deletes-without-zeros",
     .text = "has the external port in the answer to a delete",
     .requirements = JUDGES(R6886_3_4_02)},
    {.name = "nat-pmp-mappings-live-on",
     .text = "does not end a mapping when its lifetime is over",
     .requirements = JUDGES(R6886_3_4_03)},
    {.name = "nat-pmp-minds-the-port-in-deletes",
     .text = "deletes nothing where the suggested port is not 0",
     .requirements = JUDGES(R6886_3_4_06)},
    {.name = "nat-pmp-deletes-once",
     .text = "refuses to delete what is not there",
     .requirements = JUDGES(R6886_3_4_07)},
    {.name = "nat-pmp-refuses-deletes-with-a-lifetime",
     .text = "has a lifetime in the answer to a delete that failed",
     .requirements = JUDGES(R6886_3_4_08)},
    {.name = "nat-pmp-lacks-resources-to-delete",
     .text = "says Out of Resources when a static mapping is to be deleted",
     .requirements = JUDGES(R6886_3_4_09)},
    {.name = "lets-connections-outlive-mappings",
     .text = "lets the connections of a mapping go on when that ends",
     .requirements = JUDGES(R6886_3_4_10)},
    {.name = "nat-pmp-deletes-none-for-all",
     .text = "deletes nothing when all is to be deleted, and says that it did",
     .requirements = JUDGES(R6886_3_4_11, R6886_3_4_12)},
    {.name = "nat-pmp-refuses-to-delete-all",
     .text = "says Not Authorized when all mappings have been deleted",
     .requirements = JUDGES(R6886_3_4_13)},
    {.name = "maps-inbound-alone",
     .text = "translates what comes in through a mapping, and not what goes out",
     .requirements = JUDGES(R6886_3_9_01)},
};

CASE_FILE(gateway_6886_mappings, CASE_GATEWAY, cases, defects);
