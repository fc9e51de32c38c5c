/* RFC 6887, section 15.1: how a MAP with lifetime 0 ends a mapping, and what does not.
 *
 * What is deleted here was never sent from: where a host has sent, the rest of the idle time stays (section
 * 15), and gateway_15_idle.c judges that.
 */
#include "check/stage_raw.h"

#include <stdlib.h>

enum { UDP = 17, TCP = 6, CHURN = 30, ANY_PORT = 7777, STATIC_PORT = 6000 };

static void forget_nonce(struct wish *wish)
{
    wish->message.data.map.nonce[0] ^= 0xff;
}

static struct answer ask_to_delete(struct stage *stage, enum requirement_id requirement,
                                   struct wish wish)
{
    wish.message.lifetime = 0;
    return stage_ask_for(stage, requirement, &wish);
}

static void expect_deleted(struct stage *stage, enum requirement_id requirement,
                           const struct answer *answer)
{
    stage_expect_result(stage, requirement, answer, PCP_SUCCESS);
    stage_expect_number(stage, requirement, "the lifetime in the answer to a delete",
                        answer->pcp.lifetime, 0, 0);
}

static int open_listener(struct stage *stage, enum stage_place place, uint16_t port)
{
    struct endpoint local = stage_endpoint(stage, place, port);
    return stage_open_kind(stage, SOCKET_TCP_LISTENER, place, &local);
}

/* --- deletes ----------------------------------------------------------------------------------- */

static void a_deleted_mapping_is_gone(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_mapped(stage, R6887_15_1_10, &granted, inside);
    struct answer deleted = ask_to_delete(stage, R6887_15_1_10, wish);
    expect_deleted(stage, R6887_15_1_10, &deleted);
    const struct pcp_map *map = &deleted.pcp.data.map;
    stage_expect_number(stage, R6887_15_1_10, "the protocol", map->protocol, UDP, UDP);
    stage_expect_number(stage, R6887_15_1_10, "the internal port", map->internal_port, 5000, 5000);
    stage_expect_unmapped(stage, R6887_15_1_10, &granted, inside);
}

static long ruleset_lines(struct stage *stage)
{
    char text[32];
    stage_run_for(stage, STAGE_GATEWAY, text, sizeof text, "nft list ruleset | wc -l");
    return strtol(text, NULL, 10);
}

/* What a gateway keeps beside its rules does not show here, but may not grow either. */
static void deletes_leave_no_rules_behind(struct stage *stage)
{
    long before = 0;
    for (unsigned i = 0; i <= CHURN && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        stage_granted(stage, &wish);
        struct answer deleted = ask_to_delete(stage, R6887_15_1_10, wish);
        expect_deleted(stage, R6887_15_1_10, &deleted);
        if (i == 0)
            before = ruleset_lines(stage);
    }
    long after = ruleset_lines(stage);
    if (!stage->over && before == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "nft lists no rules at the gateway");
    stage_expect(stage, R6887_15_1_10, after < before + CHURN,
                 "after 30 more mappings were made and deleted, the ruleset is as before",
                 "it had %ld lines before and has %ld now", before, after);
}

static void a_delete_needs_its_nonce(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct wish other = wish;
    forget_nonce(&other);
    struct answer refused = ask_to_delete(stage, R6887_11_3_06, other);
    stage_expect_result(stage, R6887_11_3_06, &refused, PCP_NOT_AUTHORIZED);
    stage_expect_mapped(stage, R6887_11_3_06, &granted, inside);
}

static void what_does_not_exist_is_deleted_again(struct stage *stage)
{
    struct wish never = stage_map_wish(stage, STAGE_HOST, 5001);
    struct answer answer = ask_to_delete(stage, R6887_15_1_09, never);
    if (!stage->over && answer.pcp.result == PCP_UNSUPP_OPCODE)
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &answer));
    expect_deleted(stage, R6887_15_1_09, &answer);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &wish);
    for (int i = 0; i < 3; i++) {
        answer = ask_to_delete(stage, R6887_15_1_09, wish);
        expect_deleted(stage, R6887_15_1_09, &answer);
    }
}

/* Of the same family as the mapping: that picks what is deleted, says erratum 3621. */
static void what_a_delete_suggests_is_ignored(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    wish.message.data.map.external_address = stage_address(stage, STAGE_STRANGER);
    wish.message.data.map.external_port = 1234;
    struct answer deleted = ask_to_delete(stage, R6887_15_1_05, wish);
    expect_deleted(stage, R6887_15_1_05, &deleted);
    stage_expect_unmapped(stage, R6887_15_1_05, &granted, inside);
}

static void what_a_delete_suggests_comes_back(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    stage_granted(stage, &wish);
    wish.message.data.map.external_address = stage_address(stage, STAGE_STRANGER);
    wish.message.data.map.external_port = 1234;
    char text[ADDRESS_TEXT_SIZE];
    struct answer deleted = ask_to_delete(stage, R6887_15_1_06, wish);
    stage_expect_result(stage, R6887_15_1_06, &deleted, PCP_SUCCESS);
    const struct pcp_map *map = &deleted.pcp.data.map;
    stage_expect_number(stage, R6887_15_1_06, "the assigned port", map->external_port, 1234, 1234);
    stage_expect(stage, R6887_15_1_06,
                 address_equal(&map->external_address, &wish.message.data.map.external_address),
                 "the suggested address as the assigned one", "the assigned address is %s",
                 address_format(&map->external_address, text));
}

/* 15.1 demands MALFORMED_REQUEST; where the port is ignored, as 11.1 demands, it is the delete of an
 * all-protocols mapping, which is absent or not supported. */
static void all_protocols_of_a_port_are_not_deleted(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct wish none = wish;
    none.message.data.map.protocol = 0;
    struct answer answer = ask_to_delete(stage, R6887_15_1_03, none);
    uint8_t result = answer.pcp.result;
    stage_expect(stage, R6887_15_1_03,
                 result == PCP_MALFORMED_REQUEST || result == PCP_SUCCESS ||
                     result == PCP_UNSUPP_PROTOCOL,
                 "MALFORMED_REQUEST, or what 11.1 makes of it: SUCCESS or UNSUPP_PROTOCOL", "%s",
                 stage_describe(stage, &answer));
    stage_expect_mapped(stage, R6887_15_1_03, &granted, inside);
}

/* --- of other kinds of mappings ---------------------------------------------------------------- */

/* Whether a host's packets leave by the gateway's own address, as a NAT has it. */
static void send_out(struct stage *stage, int inside, int outside)
{
    struct datagram arrival;
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    struct address gateway = stage_address(stage, STAGE_OUTSIDE);
    if (!stage_passes(stage, inside, &remote, outside, &arrival))
        stage_end(stage, VERDICT_INCONCLUSIVE, "what the host sends does not get out");
    else if (!address_equal(&arrival.from.address, &gateway))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the gateway does not translate what goes out");
}

static void an_implicit_mapping_is_not_deleted(struct stage *stage)
{
    int inside = stage_open(stage, STAGE_HOST, 5100);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    send_out(stage, inside, outside);
    struct answer answer =
        ask_to_delete(stage, R6887_15_1_07, stage_map_wish(stage, STAGE_HOST, 5100));
    stage_expect_result(stage, R6887_15_1_07, &answer, PCP_NOT_AUTHORIZED);
}

static void a_peer_mapping_is_not_deleted_by_map(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish peer = stage_peer_wish(stage, STAGE_HOST, 5100, &remote);
    stage_granted(stage, &peer);
    struct wish map = stage_map_wish(stage, STAGE_HOST, 5100);
    map.message.data.map = peer.message.data.map;
    map.message.data.map.external_address = stage_any(stage);
    struct answer answer = ask_to_delete(stage, R6887_15_1_07, map);
    stage_expect_result(stage, R6887_15_1_07, &answer, PCP_NOT_AUTHORIZED);
}

static void a_static_mapping_is_not_deleted(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, STATIC_PORT);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, STATIC_PORT);
    struct answer answer = ask_to_delete(stage, R6887_15_1_07, wish);
    stage_expect_result(stage, R6887_15_1_07, &answer, PCP_NOT_AUTHORIZED);
    stage_expect_mapped(stage, R6887_15_1_07, &granted, inside);
}

static void third_party_deletes_for_another(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct wish third = stage_map_wish(stage, STAGE_OTHER, 5000);
    struct address host = stage_address(stage, STAGE_HOST);
    third.message.data.map = wish.message.data.map;
    wish_add_third_party(&third, &host);
    struct answer deleted = ask_to_delete(stage, R6887_15_1_13, third);
    expect_deleted(stage, R6887_15_1_13, &deleted);
    stage_expect_unmapped(stage, R6887_15_1_13, &granted, inside);
}

/* --- all ports, all protocols ------------------------------------------------------------------ */

static struct wish wildcard(struct stage *stage, uint8_t protocol)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 0);
    wish.message.data.map.protocol = protocol;
    return wish;
}

/* At a port that no mapping names. */
static void expect_open(struct stage *stage, enum requirement_id requirement,
                        const struct answer *granted, int inside)
{
    struct endpoint external = {answer_external(granted).address, ANY_PORT};
    int outside = stage_open(stage, STAGE_STRANGER, 0);
    stage_expect_passes(stage, requirement, outside, &external, inside, NULL);
    stage_close(stage, outside);
}

static void expect_shut(struct stage *stage, enum requirement_id requirement,
                        const struct answer *granted, int inside)
{
    struct endpoint external = {answer_external(granted).address, ANY_PORT};
    int outside = stage_open(stage, STAGE_STRANGER, 0);
    stage_expect_blocked(stage, requirement, outside, &external, inside);
    stage_close(stage, outside);
}

static void wildcard_needs_its_nonce(struct stage *stage, enum requirement_id requirement,
                                     uint8_t protocol)
{
    struct wish wish = wildcard(stage, protocol);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, ANY_PORT);
    expect_open(stage, requirement, &granted, inside);
    struct wish other = wish;
    forget_nonce(&other);
    struct answer refused = ask_to_delete(stage, requirement, other);
    stage_expect_result(stage, requirement, &refused, PCP_NOT_AUTHORIZED);
    expect_open(stage, requirement, &granted, inside);
    struct answer deleted = ask_to_delete(stage, requirement, wish);
    expect_deleted(stage, requirement, &deleted);
    expect_shut(stage, requirement, &granted, inside);
}

static void all_ports_need_their_nonce(struct stage *stage)
{
    wildcard_needs_its_nonce(stage, R6887_15_1_01, UDP);
}

static void all_protocols_need_their_nonce(struct stage *stage)
{
    wildcard_needs_its_nonce(stage, R6887_15_1_02, 0);
}

static void a_wildcard_alone_is_deleted(struct stage *stage)
{
    for (unsigned i = 0; i < 2; i++) {
        struct wish one = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        struct answer alone = stage_granted(stage, &one);
        struct wish all = wildcard(stage, i ? 0 : UDP);
        struct answer granted = stage_granted(stage, &all);
        int inside = stage_open(stage, STAGE_HOST, (uint16_t)(5000 + i));
        int any = stage_open(stage, STAGE_HOST, ANY_PORT);
        expect_open(stage, R6887_15_1_11, &granted, any);
        struct answer deleted = ask_to_delete(stage, R6887_15_1_11, all);
        expect_deleted(stage, R6887_15_1_11, &deleted);
        expect_shut(stage, R6887_15_1_11, &granted, any);
        stage_expect_mapped(stage, R6887_15_1_11, &alone, inside);
        stage_close(stage, any);
    }
}

/* --- what shortens, and what does not ---------------------------------------------------------- */

static void a_shorter_lifetime_shortens(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer longer = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 120;
    struct answer shorter = stage_granted(stage, &wish);
    if (!stage->over && shorter.pcp.lifetime + 60 > longer.pcp.lifetime)
        stage_end(stage, VERDICT_INCONCLUSIVE, "600 s wished for are %u, and 120 s are %u",
                  longer.pcp.lifetime, shorter.pcp.lifetime);
    stage_pass_until(stage, &shorter, shorter.pcp.lifetime + 30);
    stage_expect_unmapped(stage, R6887_15_1_12, &longer, inside);
}

/* An RST to begin with, for want of a listener; then a connection that both ends close. */
static void connections_that_end_leave_the_mapping(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.protocol = TCP;
    struct answer granted = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&granted);
    int elsewhere = open_listener(stage, STAGE_HOST, 5001);
    stage_connects(stage, STAGE_REMOTE, &external, elsewhere, NULL);
    int inside = open_listener(stage, STAGE_HOST, 5000);
    for (int i = 0; i < 3; i++) {
        stage_expect(stage, R6887_15_1_08,
                     stage_connects(stage, STAGE_REMOTE, &external, inside, NULL),
                     "a connection comes in through the mapping, whatever ended before",
                     "connection %d does not, %.0f s after the grant of %u s", i + 1,
                     stage_peer_seconds(stage, granted.datagram.time, stage_now(stage)),
                     granted.pcp.lifetime);
        stage_pass(stage, 130 * SECOND);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.15.1.a-deleted-mapping-is-gone",
     .sentence = "A delete that was done answers with lifetime 0, and lets nothing through.",
     .requirements = JUDGES(R6887_15_1_10),
     .run = a_deleted_mapping_is_gone,
     .traits = CASE_BOTH},
    {.id = "gateway.15.1.deletes-leave-no-rules-behind",
     .sentence = "Mappings that come and go leave the device as it was.",
     .requirements = JUDGES(R6887_15_1_10),
     .run = deletes_leave_no_rules_behind},
    {.id = "gateway.15.1.a-delete-needs-its-nonce",
     .sentence = "A delete with another nonce draws NOT_AUTHORIZED and leaves the mapping.",
     .requirements = JUDGES(R6887_11_3_06),
     .run = a_delete_needs_its_nonce,
     .traits = CASE_NONCE | CASE_BOTH},
    {.id = "gateway.15.1.what-does-not-exist-is-deleted-again",
     .sentence = "The delete of what does not exist succeeds, and so does a repeated one.",
     .requirements = JUDGES(R6887_15_1_09),
     .run = what_does_not_exist_is_deleted_again,
     .traits = CASE_BOTH},
    {.id = "gateway.15.1.what-a-delete-suggests-is-ignored",
     .sentence = "The server deletes whatever external address and port are suggested.",
     .requirements = JUDGES(R6887_15_1_05),
     .run = what_a_delete_suggests_is_ignored,
     .traits = CASE_BOTH},
    {.id = "gateway.15.1.what-a-delete-suggests-comes-back",
     .sentence = "What a delete suggests comes back as assigned.",
     .requirements = JUDGES(R6887_15_1_06),
     .run = what_a_delete_suggests_comes_back,
     .traits = CASE_BOTH},
    {.id = "gateway.15.1.all-protocols-of-a-port-are-not-deleted",
     .sentence = "A delete with protocol 0 and a port is malformed, and deletes nothing.",
     .requirements = JUDGES(R6887_15_1_03),
     .run = all_protocols_of_a_port_are_not_deleted},
    {.id = "gateway.15.1.an-implicit-mapping-is-not-deleted",
     .sentence = "The delete of an implicit outbound mapping draws NOT_AUTHORIZED.",
     .requirements = JUDGES(R6887_15_1_07),
     .run = an_implicit_mapping_is_not_deleted,
     .traits = CASE_REAL_TIME},
    {.id = "gateway.15.1.a-peer-mapping-is-not-deleted-by-map",
     .sentence = "A MAP that would delete the mapping of a PEER draws NOT_AUTHORIZED.",
     .requirements = JUDGES(R6887_15_1_07),
     .run = a_peer_mapping_is_not_deleted_by_map,
     .traits = CASE_BOTH},
    {.id = "gateway.15.1.a-static-mapping-is-not-deleted",
     .sentence = "The delete of a static mapping draws NOT_AUTHORIZED and leaves it.",
     .requirements = JUDGES(R6887_15_1_07),
     .run = a_static_mapping_is_not_deleted,
     .variant = "with-static-mapping"},
    {.id = "gateway.15.1.third-party-deletes-for-another",
     .sentence = "THIRD_PARTY, where it is allowed, deletes the mapping of another host.",
     .requirements = JUDGES(R6887_15_1_13),
     .run = third_party_deletes_for_another,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.15.1.all-ports-need-their-nonce",
     .sentence = "An all-ports mapping is deleted by the nonce that made it, and by no other.",
     .requirements = JUDGES(R6887_15_1_01),
     .run = all_ports_need_their_nonce,
     .traits = CASE_NONCE,
     .variant = "with-wildcards"},
    {.id = "gateway.15.1.all-protocols-need-their-nonce",
     .sentence = "An all-protocols mapping is deleted by the nonce that made it, and by no other.",
     .requirements = JUDGES(R6887_15_1_02),
     .run = all_protocols_need_their_nonce,
     .traits = CASE_NONCE,
     .variant = "with-wildcards"},
    {.id = "gateway.15.1.a-wildcard-alone-is-deleted",
     .sentence = "The delete of an all-ports or all-protocols mapping leaves other mappings.",
     .requirements = JUDGES(R6887_15_1_11),
     .run = a_wildcard_alone_is_deleted,
     .variant = "with-wildcards"},
    {.id = "gateway.15.1.a-shorter-lifetime-shortens",
     .sentence = "A renewal that is granted less than was left shortens the mapping.",
     .requirements = JUDGES(R6887_15_1_12),
     .run = a_shorter_lifetime_shortens,
     .traits = CASE_BOTH,
     .seconds = 150},
    {.id = "gateway.15.1.connections-that-end-leave-the-mapping",
     .sentence = "RST and FIN of connections do not shorten an inbound mapping.",
     .requirements = JUDGES(R6887_15_1_08),
     .run = connections_that_end_leave_the_mapping,
     .traits = CASE_BOTH,
     .seconds = 540},
};

static const struct defect defects[] = {
    {.name = "keeps-what-it-deletes",
     .text = "says that a mapping was deleted, and leaves it in the device",
     .requirements = JUDGES(R6887_15_1_10)},
    {.name = "answers-deletes-with-a-lifetime",
     .text = "answers a delete with the shortest lifetime",
     .requirements = JUDGES(R6887_15_1_10)},
    {.name = "refuses-deletes",
     .text = "refuses a delete though its nonce is right",
     .requirements = JUDGES(R6887_15_1_10)},
    {.name = "piles-up-rules",
     .text = "leaves a rule behind for each mapping that is gone",
     .requirements = JUDGES(R6887_15_1_10)},
    {.name = "deletes-with-any-nonce",
     .text = "lets a delete with another nonce end the mapping",
     .requirements = JUDGES(R6887_11_3_06, R6887_15_1_01, R6887_15_1_02)},
    {.name = "answers-a-wrong-nonce-with-no-resources",
     .text = "answers a delete with another nonce by NO_RESOURCES",
     .requirements = JUDGES(R6887_11_3_06, R6887_15_1_01, R6887_15_1_02)},
    {.name = "knows-no-repeated-delete",
     .text = "answers a delete that finds nothing by NOT_AUTHORIZED",
     .requirements = JUDGES(R6887_15_1_09)},
    {.name = "minds-what-a-delete-suggests",
     .text = "calls a delete malformed that suggests something",
     .requirements = JUDGES(R6887_15_1_05)},
    {.name = "answers-deletes-with-zeros",
     .text = "assigns zeros in the answer to a delete",
     .requirements = JUDGES(R6887_15_1_06)},
    {.name = "deletes-all-protocols-of-a-port",
     .text = "takes protocol 0 in a delete for any protocol of the port",
     .requirements = JUDGES(R6887_15_1_03)},
    {.name = "agrees-to-every-delete",
     .text = "answers a delete that it must refuse by SUCCESS",
     .requirements = JUDGES(R6887_15_1_07)},
    {.name = "refuses-deletes-for-others",
     .text = "serves THIRD_PARTY, but not in deletes",
     .requirements = JUDGES(R6887_15_1_13)},
    {.name = "deletes-all-with-a-wildcard",
     .text = "ends all mappings of a host with its all-ports or all-protocols one",
     .requirements = JUDGES(R6887_15_1_11)},
    {.name = "never-shortens",
     .text = "says the shorter lifetime, and keeps the longer",
     .requirements = JUDGES(R6887_15_1_12)},
    {.name = "ends-mappings-with-connections",
     .text = "lets no connection through a mapping once an RST or FIN went out through it",
     .requirements = JUDGES(R6887_15_1_08)},
};

CASE_FILE(gateway_15_1_deletion, CASE_GATEWAY, cases, defects);
