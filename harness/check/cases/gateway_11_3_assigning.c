/* RFC 6887, section 11.3, second part, and 11.4 and 11.5: what a new mapping gets, and how many there may be. */
#include "check/stage_raw.h"

#include <string.h>

enum {
    TCP = 6,
    UDP = 17,
    RESTED = 300, /* s: ports rest for four minutes at most, section 15 */
    LONGEST_WAIT = 1800,
    QUOTA = 4, /* of the variant with-quota-4 */
    OVER_QUOTA = QUOTA + 2
};

static void suggest(struct wish *wish, const struct endpoint *endpoint)
{
    wish->message.data.map.external_address = endpoint->address;
    wish->message.data.map.external_port = endpoint->port;
}

/* --- beside an outbound mapping ---------------------------------------------------------------- */

/* The only flow of its port, so there is one endpoint to replicate whatever kind of NAT it is. */
static void an_outbound_flow_shares_its_endpoint(struct stage *stage)
{
    struct datagram arrival;
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    if (!stage_passes(stage, inside, &remote, outside, &arrival))
        stage_end(stage, VERDICT_INCONCLUSIVE, "what has no mapping does not leave");
    struct endpoint flow = arrival.from;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_3_12, "the external endpoint, by the outbound mapping",
                          &external, &flow);
    stage_expect_mapped(stage, R6887_11_3_12, &answer, inside);
    wish.message.lifetime = 0;
    (void)stage_ask(stage, &wish);
    stage_expect_passes(stage, R6887_11_3_12, inside, &remote, outside, &arrival);
    stage_expect_endpoint(stage, R6887_11_3_12,
                          "the source of the flow, the inbound mapping being deleted",
                          &arrival.from, &flow);
}

static void a_peer_mapping_shares_its_endpoint(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish peer = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    struct answer outbound = stage_granted(stage, &peer);
    struct endpoint flow = answer_external(&outbound);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    memcpy(wish.message.data.map.nonce, peer.message.data.map.nonce, PCP_NONCE_LENGTH);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_3_12, "the external endpoint, by the PEER's", &external,
                          &flow);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_mapped(stage, R6887_11_3_12, &answer, inside);
    wish.message.lifetime = 0;
    (void)stage_ask(stage, &wish);
    struct datagram arrival;
    int outside = stage_open(stage, STAGE_REMOTE, 7000);
    stage_expect_passes(stage, R6887_11_3_12, inside, &remote, outside, &arrival);
    stage_expect_endpoint(stage, R6887_11_3_12,
                          "the source that the remote peer sees, the MAP mapping being deleted",
                          &arrival.from, &flow);
}

/* --- suggestions ------------------------------------------------------------------------------- */

/* A port that the peer gave away itself, and that is free again: its policy can have nothing against it. */
static void a_free_suggestion_is_granted(struct stage *stage)
{
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5000);
    first.message.lifetime = 1; /* whatever is the least that the peer grants */
    struct answer former = stage_granted(stage, &first);
    if (former.pcp.lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %u s",
                  former.pcp.lifetime);
    stage_pass_until(stage, &former, former.pcp.lifetime + (double)RESTED);
    struct endpoint suggested = answer_external(&former);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    suggest(&wish, &suggested);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_3_13, "the external endpoint, by the suggestion",
                          &external, &suggested);
    stage_expect_mapped(stage, R6887_11_3_13, &answer, stage_open(stage, STAGE_HOST, 5001));
}

/* Suggested, and as internal ports, which many servers try first. */
static void its_own_ports_are_given_to_nobody(struct stage *stage)
{
    static const uint16_t own[] = {PCP_CLIENT_PORT, PCP_SERVER_PORT};
    struct endpoint inside = stage_endpoint(stage, STAGE_HOST, 0);
    for (size_t i = 0; i < 4 && !stage->over; i++) {
        uint16_t port = own[i % 2];
        struct wish wish = stage_map_wish(stage, STAGE_HOST, i < 2 ? (uint16_t)(5000 + i) : port);
        wish.message.data.map.external_port = i < 2 ? port : 0;
        struct answer answer = stage_ask(stage, &wish);
        struct endpoint external = answer_external(&answer);
        bool given = answer.pcp.result == PCP_SUCCESS &&
                     (external.port == own[0] || external.port == own[1]);
        if (given && address_equal(&external.address, &inside.address))
            stage_end(stage, VERDICT_UNSUPPORTED, "it does not translate: %s",
                      stage_describe(stage, &answer));
        stage_expect(stage, R6887_11_3_14, !given, "another UDP port than 5350 and 5351", "%s",
                     stage_describe(stage, &answer));
    }
}

/* The other host may have mappings, and wants the port of this one's. */
static struct wish want_what_is_taken(struct stage *stage, const struct answer *taken)
{
    struct endpoint external = answer_external(taken);
    struct wish plain = stage_map_wish(stage, STAGE_OTHER, 5001);
    (void)stage_granted(stage, &plain);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5000);
    suggest(&wish, &external);
    return wish;
}

static void a_taken_port_is_not_had_instead(struct stage *stage)
{
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer taken = stage_granted(stage, &first);
    struct wish wish = want_what_is_taken(stage, &taken);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    struct answer answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_UNSUPP_OPTION)
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &answer));
    stage_expect_result(stage, R6887_11_3_15, &answer, PCP_CANNOT_PROVIDE_EXTERNAL);
    stage_expect_mapped(stage, R6887_11_3_15, &taken, stage_open(stage, STAGE_HOST, 5000));
}

static void a_taken_port_brings_another(struct stage *stage)
{
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer taken = stage_granted(stage, &first);
    struct wish wish = want_what_is_taken(stage, &taken);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_11_3_16, &answer, PCP_SUCCESS);
    stage_expect_mapped(stage, R6887_11_3_16, &answer, stage_open(stage, STAGE_OTHER, 5000));
    stage_expect_mapped(stage, R6887_11_3_16, &taken, stage_open(stage, STAGE_HOST, 5000));
}

/* What fails for another reason, such as a quota, fails without the suggestion too. */
static void expect_no_harm(struct stage *stage, const struct wish *wish,
                           const struct answer *answer)
{
    const struct endpoint any = {stage_any(stage), 0};
    struct wish plain = *wish;
    if (answer->pcp.result == PCP_SUCCESS)
        return;
    suggest(&plain, &any);
    (void)stage_granted(stage, &plain);
    stage_expect_result(stage, R6887_11_3_23, answer, PCP_SUCCESS);
}

/* Of the family in which the case acts: the other's all-zeros would pick that. */
static void a_poor_suggestion_does_no_harm(struct stage *stage)
{
    static const char *const addresses[2][4] = {
        {"127.0.0.1", "224.0.0.1", "255.255.255.255", "198.51.100.1"},
        {"::1", "ff02::1", "fe80::1", "2001:db8:ffff::1"}};
    static const uint16_t ports[] = {0, 1, PCP_SERVER_PORT, 40000};
    for (size_t i = 0; i < 8 && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5001 + i));
        struct pcp_map *map = &wish.message.data.map;
        (void)address_parse(addresses[stage->ipv6][i % 4], &map->external_address);
        map->external_port = ports[(i + i / 4) % 4];
        struct answer answer = stage_ask(stage, &wish);
        expect_no_harm(stage, &wish, &answer);
        if (i % 4 == 0)
            stage_expect_mapped(stage, R6887_11_3_23, &answer,
                                stage_open(stage, STAGE_HOST, map->internal_port));
    }
}

/* --- one protocol, and no more ----------------------------------------------------------------- */

struct both_protocols {
    struct answer answer;
    struct endpoint external;
    int udp, tcp; /* at the same port of the host */
};

static struct both_protocols map_one_protocol(struct stage *stage, uint8_t protocol)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct endpoint internal = stage_endpoint(stage, STAGE_HOST, 5000);
    wish.message.data.map.protocol = protocol;
    struct both_protocols both = {.answer = stage_granted(stage, &wish)};
    both.external = answer_external(&both.answer);
    both.udp = stage_open(stage, STAGE_HOST, 5000);
    both.tcp = stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_HOST, &internal);
    return both;
}

static void expect_no_udp_beside_tcp(struct stage *stage, enum requirement_id requirement)
{
    struct both_protocols both = map_one_protocol(stage, TCP);
    if (!stage_connects(stage, STAGE_REMOTE, &both.external, both.tcp, NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "TCP does not connect by its own mapping");
    stage_expect_unmapped(stage, requirement, &both.answer, both.udp);
}

static void a_tcp_mapping_brings_no_udp(struct stage *stage)
{
    expect_no_udp_beside_tcp(stage, R6887_11_3_18);
}

static void only_the_protocol_asked_for_is_mapped(struct stage *stage)
{
    struct both_protocols both = map_one_protocol(stage, UDP);
    if (!stage_passes(stage, stage_open(stage, STAGE_REMOTE, 0), &both.external, both.udp, NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "UDP does not pass by its own mapping");
    stage_expect(stage, R6887_11_3_17,
                 !stage_connects(stage, STAGE_REMOTE, &both.external, both.tcp, NULL),
                 "no TCP by a mapping of UDP", "it connects");
}

/* --- limits ------------------------------------------------------------------------------------ */

static void the_mappings_of_a_host_are_limited(struct stage *stage)
{
    unsigned granted = 0;
    for (uint16_t i = 0; i < OVER_QUOTA && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        granted += stage_ask(stage, &wish).pcp.result == PCP_SUCCESS;
    }
    stage_expect_number(stage, R6887_11_3_19, "how many mappings a host gets", granted, 1, QUOTA);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5000);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_11_3_19, &answer, PCP_SUCCESS);
}

static void what_is_over_the_quota_is_told_so(struct stage *stage)
{
    struct answer answer = {0};
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)stage_granted(stage, &first);
    for (uint16_t i = 1; i < OVER_QUOTA && answer.pcp.result == PCP_SUCCESS && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        answer = stage_ask(stage, &wish);
    }
    stage_expect_result(stage, R6887_11_3_24, &answer, PCP_USER_EX_QUOTA);
    answer = stage_ask(stage, &first);
    stage_expect_result(stage, R6887_11_3_24, &answer, PCP_SUCCESS);
}

/* --- sections 11.4 and 11.5 -------------------------------------------------------------------- */

/* Another mapping goes ahead of it once, so that a peer whose choices repeat themselves would choose another port
 * by itself. */
static void a_renewal_makes_anew_what_is_gone(struct stage *stage)
{
    struct wish other = stage_map_wish(stage, STAGE_HOST, 5001);
    (void)stage_granted(stage, &other);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer former = stage_granted(stage, &wish);
    struct endpoint suggested = answer_external(&former);
    suggest(&wish, &suggested);
    stage_restart(stage);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R6887_11_4_07, &answer, PCP_SUCCESS);
    stage_expect_mapped(stage, R6887_11_4_07, &answer, stage_open(stage, STAGE_HOST, 5000));
    struct endpoint external = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_3_13, "the external endpoint, by the suggestion",
                          &external, &suggested);
}

/* The host's second address becomes another host's, and the host asks for its mapping from its first. */
static void a_mapping_points_to_the_old_address(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct endpoint former = stage_endpoint(stage, STAGE_HOST_SECOND, 5000);
    struct wish wish = stage_map_wish(stage, STAGE_HOST_SECOND, 5000);
    wish.message.lifetime = 1; /* whatever is the least that the peer grants */
    struct answer answer = stage_granted(stage, &wish);
    (void)address_format(&former.address, text);
    stage_run(stage, STAGE_HOST, "ip address del %s/24 dev eth0", text);
    stage_run(stage, STAGE_OTHER, "ip address add %s/24 dev eth0", text);
    stage_run(stage, STAGE_GATEWAY, "ip neigh flush dev eth0");
    int heir = stage_open_kind(stage, SOCKET_UDP, STAGE_OTHER, &former);
    int host = stage_open(stage, STAGE_HOST, 5000);
    wish.from = STAGE_HOST;
    wish.message.client = stage_address(stage, STAGE_HOST);
    struct answer moved = stage_granted(stage, &wish);
    stage_expect_mapped(stage, R6887_11_5_04, &moved, host);
    stage_expect_mapped(stage, R6887_11_5_04, &answer, heir);
    if (answer.pcp.lifetime > LONGEST_WAIT)
        return;
    stage_pass_until(stage, &answer, answer.pcp.lifetime + 30.0);
    stage_await_work(stage);
    stage_expect_unmapped(stage, R6887_11_5_04, &answer, heir);
}

static const struct test_case cases[] = {
    {.id = "gateway.11.3.an-outbound-flow-shares-its-endpoint",
     .sentence = "A MAP of a port with an outbound flow gets that flow's external endpoint.",
     .requirements = JUDGES(R6887_11_3_12),
     .run = an_outbound_flow_shares_its_endpoint},
    {.id = "gateway.11.3.a-peer-mapping-shares-its-endpoint",
     .sentence = "A MAP of a port with a PEER mapping gets its external endpoint, and goes alone.",
     .requirements = JUDGES(R6887_11_3_12),
     .run = a_peer_mapping_shares_its_endpoint},
    {.id = "gateway.11.3.a-free-suggestion-is-granted",
     .sentence = "An external address and port that is free is granted if it is suggested.",
     .requirements = JUDGES(R6887_11_3_13),
     .run = a_free_suggestion_is_granted,
     .seconds = 420},
    {.id = "gateway.11.3.its-own-ports-are-given-to-nobody",
     .sentence = "No mapping gets the external UDP ports 5350 and 5351.",
     .requirements = JUDGES(R6887_11_3_14),
     .run = its_own_ports_are_given_to_nobody},
    {.id = "gateway.11.3.a-taken-port-is-not-had-instead",
     .sentence = "With PREFER_FAILURE, a port that is taken draws CANNOT_PROVIDE_EXTERNAL.",
     .requirements = JUDGES(R6887_11_3_15),
     .run = a_taken_port_is_not_had_instead,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.11.3.a-taken-port-brings-another",
     .sentence = "Without PREFER_FAILURE, who suggests a port that is taken gets another.",
     .requirements = JUDGES(R6887_11_3_16),
     .run = a_taken_port_brings_another,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.11.3.a-poor-suggestion-does-no-harm",
     .sentence = "A suggestion that can't be met never makes a plain MAP fail.",
     .requirements = JUDGES(R6887_11_3_23),
     .run = a_poor_suggestion_does_no_harm,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.only-the-protocol-asked-for-is-mapped",
     .sentence = "A mapping of UDP lets no TCP in.",
     .requirements = JUDGES(R6887_11_3_17),
     .run = only_the_protocol_asked_for_is_mapped,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.a-tcp-mapping-brings-no-udp",
     .sentence = "A mapping of TCP lets no UDP in.",
     .requirements = JUDGES(R6887_11_3_18),
     .run = a_tcp_mapping_brings_no_udp,
     .traits = CASE_BOTH},
    {.id = "gateway.11.3.the-mappings-of-a-host-are-limited",
     .sentence = "A host gets no more mappings than its limit, and takes none from another.",
     .requirements = JUDGES(R6887_11_3_19),
     .run = the_mappings_of_a_host_are_limited,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-quota-4"},
    {.id = "gateway.11.3.what-is-over-the-quota-is-told-so",
     .sentence = "A MAP over the quota draws USER_EX_QUOTA, and renewals go on.",
     .requirements = JUDGES(R6887_11_3_24),
     .run = what_is_over_the_quota_is_told_so,
     .variant = "with-quota-4"},
    {.id = "gateway.11.4.a-renewal-makes-anew-what-is-gone",
     .sentence = "A renewal after a restart has the mapping where the client suggests it.",
     .requirements = JUDGES(R6887_11_4_07, R6887_11_3_13),
     .run = a_renewal_makes_anew_what_is_gone,
     .traits = CASE_BOTH},
    {.id = "gateway.11.5.a-mapping-points-to-the-old-address",
     .sentence = "The mapping of a host that was renumbered leads to its old address.",
     .requirements = JUDGES(R6887_11_5_04),
     .run = a_mapping_points_to_the_old_address,
     .traits = CASE_NEIGHBOURS,
     .seconds = 150},
};

static const struct defect defects[] = {
    {.name = "overlooks-outbound-flows",
     .text = "maps a port without a look at the flows that leave it",
     .requirements = JUDGES(R6887_11_3_12)},
    {.name = "takes-peer-mappings-along",
     .text = "ends the PEER mappings of a port with its MAP mapping",
     .requirements = JUDGES(R6887_11_3_12)},
    {.name = "ignores-suggestions",
     .text = "assigns an external port of its own choice, whatever is suggested",
     .requirements = JUDGES(R6887_11_3_13)},
    {.name = "gives-its-own-ports-away",
     .text = "assigns 5350 and 5351 to who suggests them",
     .requirements = JUDGES(R6887_11_3_14)},
    {.name = "knows-no-preference-for-failure",
     .text = "skips PREFER_FAILURE, and assigns another port",
     .requirements = JUDGES(R6887_11_3_15)},
    {.name = "fails-where-a-port-is-taken",
     .text = "answers CANNOT_PROVIDE_EXTERNAL to who suggests a port that is taken",
     .requirements = JUDGES(R6887_11_3_16)},
    {.name = "promises-what-is-taken",
     .text = "answers with the suggested port though another has it",
     .requirements = JUDGES(R6887_11_3_16)},
    {.name = "refuses-poor-suggestions",
     .text = "calls a MAP malformed that suggests a loopback or multicast address",
     .requirements = JUDGES(R6887_11_3_23)},
    {.name = "maps-tcp-beside-udp",
     .text = "lets TCP in by mappings of UDP",
     .requirements = JUDGES(R6887_11_3_17)},
    {.name = "maps-udp-beside-tcp",
     .text = "lets UDP in by mappings of TCP",
     .requirements = JUDGES(R6887_11_3_18)},
    {.name = "has-no-quota",
     .text = "gives a host as many mappings as it asks for",
     .requirements = JUDGES(R6887_11_3_19, R6887_11_3_24)},
    {.name = "has-no-resources-over-quota",
     .text = "answers NO_RESOURCES to a host over its quota",
     .requirements = JUDGES(R6887_11_3_24)},
    {.name = "refuses-renewals-of-what-is-gone",
     .text = "answers NO_RESOURCES to a renewal after a restart",
     .requirements = JUDGES(R6887_11_4_07)},
    {.name = "moves-mappings-by-their-nonce",
     .text = "ends the mappings of an address when their nonce comes from another",
     .requirements = JUDGES(R6887_11_5_04)},
};

CASE_FILE(gateway_11_3_assigning, CASE_GATEWAY, cases, defects);
