/* RFC 6887, section 15: how long mappings are granted, how long they serve, and how long their ports rest.
 *
 * The ports inside never send here: traffic would keep a mapping for longer (gateway_15_idle.c). */
#include "check/stage_raw.h"

#define LEASES_FILE "/run/tmp/leases" /* of the variant with-leases */

enum {
    TCP = 6,
    UDP = 17,
    ONE_DAY = 86400,
    BOUND_LOW = 60, /* of the variant with-lifetimes-of-60-to-400 */
    BOUND_HIGH = 400,
    USUAL_LOW = 120,
    REUSE = 100,        /* s, within the two minutes of a usual NAT */
    TCP_REST = 600,     /* s, past those, within the idle time of TCP */
    LONGEST_REAL = 300, /* s */
    QUIET_REAL = 10     /* s; the lab's kernel forgets a UDP flow after 5 */
};

static struct answer ask_for_lifetime(struct stage *stage, enum requirement_id requirement,
                                      uint32_t lifetime, uint16_t port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, port);
    wish.message.lifetime = lifetime;
    struct answer answer = stage_ask_for(stage, requirement, &wish);
    stage_expect_success(stage, requirement, &answer);
    return answer;
}

/* --- bounds ------------------------------------------------------------------------------------ */

static void every_wish_gets_a_lifetime(struct stage *stage)
{
    static const uint32_t wishes[] = {1, 119, 3600, 10 * ONE_DAY, UINT32_MAX};
    for (unsigned i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct answer answer =
            ask_for_lifetime(stage, R6887_15_01, wishes[i], (uint16_t)(5000 + i));
        stage_expect(stage, R6887_15_01, answer.pcp.lifetime > 0,
                     "a lifetime, shorter or longer than the one asked for", "%s",
                     stage_describe(stage, &answer));
    }
}

static void lifetimes_can_be_bounded(struct stage *stage)
{
    struct answer least = ask_for_lifetime(stage, R6887_15_02, 1, 5000);
    stage_expect_number(stage, R6887_15_02, "the lifetime granted for 1 s, where 60 are the least",
                        least.pcp.lifetime, BOUND_LOW, USUAL_LOW - 1);
    struct answer most = ask_for_lifetime(stage, R6887_15_02, 7200, 5001);
    stage_expect_number(stage, R6887_15_02,
                        "the lifetime granted for 7200 s, where 400 are the most",
                        most.pcp.lifetime, BOUND_LOW, BOUND_HIGH);
}

/* A longer one does not show that the least is longer: any lifetime may be granted for a second. */
static void the_shortest_is_120_seconds(struct stage *stage)
{
    struct answer answer = ask_for_lifetime(stage, R6887_15_03, 1, 5000);
    stage_expect_number(stage, R6887_15_03, "the lifetime granted for 1 s", answer.pcp.lifetime,
                        USUAL_LOW, UINT32_MAX);
}

/* No address of the lab is leased, so that of leases there is nothing to know. */
static void the_longest_is_a_day(struct stage *stage)
{
    struct answer answer = ask_for_lifetime(stage, R6887_15_04, UINT32_MAX, 5000);
    stage_expect_number(stage, R6887_15_04, "the lifetime granted for 2^32-1 s",
                        answer.pcp.lifetime, 1, ONE_DAY);
}

/* --- all of a lifetime ------------------------------------------------------------------------- */

static void a_quiet_mapping_serves_on(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    if (!stage->over && granted.pcp.lifetime > 3600)
        stage_end(stage, VERDICT_INCONCLUSIVE, "for 600 s the peer grants %u",
                  granted.pcp.lifetime);
    stage_pass_until(stage, &granted, granted.pcp.lifetime * 0.9);
    stage_expect_mapped(stage, R6887_15_15, &granted, inside);
}

/* After traffic both ways, which is what kernels forget. */
static void a_mapping_outlives_its_flows(struct stage *stage)
{
    struct datagram arrival;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&granted);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    stage_expect_passes(stage, R6887_15_15, outside, &external, inside, &arrival);
    stage_expect_passes(stage, R6887_15_15, inside, &arrival.from, outside, NULL);
    stage_pass(stage, QUIET_REAL * SECOND);
    stage_expect_mapped(stage, R6887_15_15, &granted, inside);
    stage_expect_passes(stage, R6887_15_15, outside, &external, inside, NULL);
}

/* In real time: where all of a peer's clocks are scaled, they begin anew with each start. */
static void lifetimes_outlast_a_restart(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 9; /* or the least that the peer grants */
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    double lifetime = granted.pcp.lifetime;
    if (lifetime > LONGEST_REAL)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %.0f s", lifetime);
    stage_pass_until(stage, &granted, 2);
    stage_restart(stage);
    stage_pass_until(stage, &granted, lifetime * 0.75);
    stage_expect_mapped(stage, R6887_15_15, &granted, inside);
    stage_pass_until(stage, &granted, lifetime + 3);
    stage_expect_unmapped(stage, R6887_7_2_10, &granted, inside);
}

/* --- ports at rest ----------------------------------------------------------------------------- */

/* That another client who suggests an external port is given another one. */
static void expect_resting(struct stage *stage, enum requirement_id requirement,
                           const struct answer *former, uint8_t protocol, uint16_t internal_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, internal_port);
    struct endpoint external = answer_external(former);
    wish.message.data.map.protocol = protocol;
    wish.message.data.map.external_address = external.address;
    wish.message.data.map.external_port = external.port;
    struct answer answer = stage_ask_for(stage, requirement, &wish);
    struct endpoint given = answer_external(&answer);
    bool same = answer.pcp.result == PCP_SUCCESS && given.port == external.port &&
                address_equal(&given.address, &external.address);
    stage_expect(stage, requirement, !same,
                 "the external port of a mapping that has ended is not yet given to another client",
                 "it is, %.0f s after it was granted: %s",
                 stage_peer_seconds(stage, former->datagram.time, answer.datagram.time),
                 stage_describe(stage, &answer));
}

static struct answer map_and_delete(struct stage *stage, uint8_t protocol, struct wish *wish)
{
    *wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish->message.data.map.protocol = protocol;
    struct answer granted = stage_granted(stage, wish);
    struct wish end = *wish;
    end.message.lifetime = 0;
    stage_granted(stage, &end);
    return granted;
}

static void a_port_rests_for_the_reuse_time(struct stage *stage)
{
    struct wish wish;
    struct answer former = map_and_delete(stage, UDP, &wish);
    expect_resting(stage, R6887_15_12, &former, UDP, 5000);
    stage_pass_until(stage, &former, REUSE);
    expect_resting(stage, R6887_15_12, &former, UDP, 5001);
}

static void a_port_rests_for_the_idle_time(struct stage *stage)
{
    struct wish wish;
    struct answer former = map_and_delete(stage, TCP, &wish);
    stage_pass_until(stage, &former, TCP_REST);
    expect_resting(stage, R6887_15_13, &former, TCP, 5000);
}

static void the_same_client_reclaims_its_port(struct stage *stage)
{
    struct wish wish;
    struct answer former = map_and_delete(stage, UDP, &wish);
    struct endpoint external = answer_external(&former);
    wish.message.data.map.external_address = external.address;
    wish.message.data.map.external_port = external.port;
    struct answer again = stage_granted(stage, &wish);
    stage_expect_number(stage, R6887_15_14, "the external port that the same client asks for again",
                        answer_external(&again).port, external.port, external.port);
}

/* --- leases ------------------------------------------------------------------------------------ */

/* The harness is the DHCP server that the peer learns leases from, and first writes all three that there are. */
static void lease(struct stage *stage, bool host_too)
{
    static const enum stage_place places[] = {STAGE_OTHER, STAGE_ROUTER, STAGE_HOST};
    char text[ADDRESS_TEXT_SIZE];
    stage_run(stage, STAGE_GATEWAY, ": > " LEASES_FILE);
    for (size_t i = 0; i < (host_too ? 3 : 2); i++) {
        struct address address = stage_address(stage, places[i]);
        stage_run(stage, STAGE_GATEWAY,
                  "echo 4000000000 02:00:00:00:00:0%zu %s * * >> " LEASES_FILE, i,
                  address_format(&address, text));
    }
}

/* Blocked within a few seconds: the device may look at its leases from time to time. */
static bool ends_soon(struct stage *stage, const struct answer *granted, int inside)
{
    struct endpoint external = answer_external(granted);
    int64_t until = stage_now(stage) + 10 * SECOND;
    bool ended = false;
    while (!ended && !stage->over && stage_now(stage) < until) {
        int outside = stage_open(stage, STAGE_STRANGER, 0);
        ended = stage_is_blocked(stage, outside, &external, inside);
        stage_close(stage, outside);
        if (!ended)
            stage_pass(stage, (int64_t)(stage->scale * 250) * MILLISECOND);
    }
    return ended;
}

static void mappings_end_with_the_lease(struct stage *stage)
{
    lease(stage, true);
    stage_start(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    struct wish others_wish = stage_map_wish(stage, STAGE_OTHER, 5100);
    struct answer others = stage_granted(stage, &others_wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int other = stage_open(stage, STAGE_OTHER, 5100);
    stage_expect_mapped(stage, R6887_15_09, &granted, inside);
    lease(stage, false);
    bool ended = ends_soon(stage, &granted, inside);
    stage_expect(stage, R6887_15_09, ended,
                 "what came in for a host does so no more, once its address is not leased",
                 "it still does after 10 s");
    stage_expect_mapped(stage, R6887_15_08, &others, other);
}

static const struct test_case cases[] = {
    {.id = "gateway.15.every-wish-gets-a-lifetime",
     .sentence = "Whatever lifetime is asked for, some lifetime is granted.",
     .requirements = JUDGES(R6887_15_01),
     .run = every_wish_gets_a_lifetime,
     .traits = CASE_BOTH},
    {.id = "gateway.15.lifetimes-can-be-bounded",
     .sentence = "Shortest and longest lifetime can be configured.",
     .requirements = JUDGES(R6887_15_02),
     .run = lifetimes_can_be_bounded,
     .variant = "with-lifetimes-of-60-to-400"},
    {.id = "gateway.15.the-shortest-lifetime-is-120-seconds",
     .sentence = "No lifetime of less than 120 seconds is granted.",
     .requirements = JUDGES(R6887_15_03),
     .run = the_shortest_is_120_seconds},
    {.id = "gateway.15.the-longest-lifetime-is-a-day",
     .sentence = "Where no leases are known, no lifetime of over 24 hours is granted.",
     .requirements = JUDGES(R6887_15_04),
     .run = the_longest_is_a_day},
    {.id = "gateway.15.a-quiet-mapping-serves-for-its-lifetime",
     .sentence = "A mapping without traffic serves for all of its lifetime.",
     .requirements = JUDGES(R6887_15_15),
     .run = a_quiet_mapping_serves_on,
     .traits = CASE_BOTH,
     .seconds = 540},
    {.id = "gateway.15.a-mapping-outlives-its-flows",
     .sentence = "A mapping that had traffic serves on when the traffic is long over.",
     .requirements = JUDGES(R6887_15_15),
     .run = a_mapping_outlives_its_flows,
     .traits = CASE_REAL_TIME,
     .seconds = QUIET_REAL},
    {.id = "gateway.15.lifetimes-outlast-a-restart",
     .sentence = "Where mappings outlast a restart, so do their lifetimes.",
     .requirements = JUDGES(R6887_15_15, R6887_7_2_10),
     .run = lifetimes_outlast_a_restart,
     .traits = CASE_REAL_TIME,
     .seconds = 12,
     .variant = "with-state"},
    {.id = "gateway.15.mappings-end-with-the-lease",
     .sentence = "Mappings end with the lease of their host's address, and those of others stay.",
     .requirements = JUDGES(R6887_15_09, R6887_15_08),
     .run = mappings_end_with_the_lease,
     .traits = CASE_UNSTARTED | CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-leases"},
    {.id = "gateway.15.a-port-rests-for-the-reuse-time",
     .sentence = "An external port rests for the reuse time before another client gets it.",
     .requirements = JUDGES(R6887_15_12),
     .run = a_port_rests_for_the_reuse_time,
     .traits = CASE_NEIGHBOURS,
     .seconds = REUSE},
    {.id = "gateway.15.a-port-rests-for-the-idle-time",
     .sentence = "An external TCP port rests for the idle time before another client gets it.",
     .requirements = JUDGES(R6887_15_13),
     .run = a_port_rests_for_the_idle_time,
     .traits = CASE_NEIGHBOURS,
     .seconds = TCP_REST},
    {.id = "gateway.15.the-same-client-reclaims-its-port",
     .sentence = "While an external port rests, the client that had it may have it back.",
     .requirements = JUDGES(R6887_15_14),
     .run = the_same_client_reclaims_its_port},
};

static const struct defect defects[] = {
    {.name = "refuses-long-wishes",
     .text = "calls a request malformed that wishes for more than a day",
     .requirements = JUDGES(R6887_15_01)},
    {.name = "has-fixed-lifetimes",
     .text = "does not mind what lifetimes it is set up for",
     .requirements = JUDGES(R6887_15_02)},
    {.name = "grants-a-second",
     .text = "grants lifetimes of a second",
     .requirements = JUDGES(R6887_15_03)},
    {.name = "grants-a-year",
     .text = "grants lifetimes of a year",
     .requirements = JUDGES(R6887_15_04)},
    {.name = "removes-quiet-mappings",
     .text = "removes a mapping some seconds after it was made",
     .requirements = JUDGES(R6887_15_15)},
    {.name = "lengthens-lifetimes-over-a-restart",
     .text = "keeps mappings over a restart for ten minutes more than was left",
     .requirements = JUDGES(R6887_7_2_10)},
    {.name = "shortens-lifetimes-over-a-restart",
     .text = "keeps mappings over a restart for less than was left",
     .requirements = JUDGES(R6887_15_15)},
    {.name = "minds-no-leases",
     .text = "keeps the mappings of an address that is not leased any more",
     .requirements = JUDGES(R6887_15_09)},
    {.name = "forgets-all-with-one-lease",
     .text = "ends the mappings of all hosts when one address is not leased any more",
     .requirements = JUDGES(R6887_15_08)},
    {.name = "reuses-ports-at-once",
     .text = "gives an external port to another client as soon as its mapping has ended",
     .requirements = JUDGES(R6887_15_12, R6887_15_13)},
    {.name = "rests-tcp-ports-like-udp",
     .text = "lets external TCP ports rest for two minutes",
     .requirements = JUDGES(R6887_15_13)},
    {.name = "lets-no-client-reclaim",
     .text = "keeps a resting port from the client that had it, too",
     .requirements = JUDGES(R6887_15_14)},
};

CASE_FILE(gateway_15_lifetime, CASE_GATEWAY, cases, defects);
