/* RFC 6887, sections 15 and 15.1: lifetimes as a client keeps to them, and how it deletes. */
#include "check/stage_server.h"

#include <stdio.h>

enum {
    LIFETIME = 60,       /* s, granted where a renewal is waited for */
    LONG_LIFETIME = 240, /* s, likewise */
    A_DAY = 86400,       /* s */
    SANE = 10 * A_DAY,   /* s, in which a client renews that takes up to two weeks for sane */
    FAST = 20000,        /* so many times as fast for waits of hours */
    FIRST_REQUEST = 60   /* s, until the device has asked */
};

/* --- 15 --------------------------------------------------------------------------------------- */

static void traffic_does_not_stand_for_renewals(struct stage *stage)
{
    enum { PACKETS = 20 };
    static const uint8_t ping[] = {0x40, 0, 0, 1}; /* CoAP's: whoever knows it sends a Reset back */
    struct server server;
    struct request request = server_begin(stage, &server);
    int remote = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint inside = {request.datagram.from.address, request.pcp.data.map.internal_port};
    server_grant(&server, &request, LIFETIME);
    /* Its answers are what would keep an implicit mapping. */
    struct request renewal = {0};
    for (int i = 0; i < PACKETS && !renewal.came && !stage->over; i++) {
        stage_send(stage, remote, &inside, ping, sizeof ping);
        int64_t until =
            server.sent + (int64_t)((i + 1) * LIFETIME / stage->scale * SECOND / PACKETS);
        if (until > stage_now(stage))
            stage_pass(stage, (int64_t)((double)(until - stage_now(stage)) * stage->scale));
    }
    renewal = server_await(&server, 0);
    double after = server_since_answer(&server, &renewal);
    char expected[120];
    (void)snprintf(expected, sizeof expected,
                   "a renewal within %d s, whatever traffic the mapping has", LIFETIME);
    stage_expect(stage, R6887_15_05, renewal.came && after < LIFETIME, expected, "%s",
                 request_describe(stage, &renewal));
}

static void expect_renewal_in(struct server *server, uint32_t lifetime)
{
    struct stage *stage = server->stage;
    char expected[120];
    struct request renewal = server_await(server, lifetime);
    double after = server_since_answer(server, &renewal);
    (void)snprintf(expected, sizeof expected, "a renewal of a mapping of %u s before it expires",
                   lifetime);
    stage_expect(stage, R6887_15_06, renewal.came && after < lifetime, expected, "%s%s",
                 renewal.came ? "too late: " : "", request_describe(stage, &renewal));
    server_grant(server, &renewal, LONG_LIFETIME);
}

static void the_granted_lifetime_counts(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, LIFETIME);
    expect_renewal_in(&server, LIFETIME);
    expect_renewal_in(&server, LONG_LIFETIME);
}

static void an_absurd_lifetime_is_cut(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, UINT32_MAX);
    request = server_expect_request(&server, R6887_15_07, SANE,
                                    "since a grant for 136 years is taken as one for a day or so");
    server_grant(&server, &request, A_DAY);
}

/* --- 15.1 ------------------------------------------------------------------------------------- */

static bool is_map(const struct request *request)
{
    return request->came && !request->is_natpmp && request->fault == PCP_FAULT_NONE &&
           request->pcp.opcode == PCP_MAP;
}

static bool is_for_all_ports(const struct request *request)
{
    return is_map(request) && request->pcp.data.map.protocol != 0 &&
           request->pcp.data.map.internal_port == 0;
}

static bool is_for_all_protocols(const struct request *request)
{
    return is_map(request) && request->pcp.data.map.protocol == 0;
}

/* The peer has its mappings and is ended. The deletion of the one that is wanted; it may as well let it
 * expire. */
static struct request await_deletion(struct stage *stage, struct server *server,
                                     bool (*wanted)(const struct request *request),
                                     const struct request *request)
{
    server_grant(server, request, SERVER_LIFETIME);
    (void)server_await(server, 5); /* the others are granted meanwhile */
    stage_stop(stage, 0);
    struct request deletion;
    do {
        deletion = server_hear(server, 0);
    } while (!stage->over && deletion.came && !(wanted(&deletion) && deletion.pcp.lifetime == 0));
    if (!deletion.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer leaves its mapping to expire, as it may");
    return deletion;
}

static void expect_the_nonce(struct stage *stage, enum requirement_id requirement,
                             bool (*wanted)(const struct request *request))
{
    struct server server;
    struct request request = server_begin_for(stage, &server, wanted);
    struct request deletion = await_deletion(stage, &server, wanted, &request);
    stage_expect(stage, requirement, request_has_nonce_of(&deletion, &request),
                 "a deletion with the nonce that the mapping was made with", "%s",
                 request_describe(stage, &deletion));
}

static void all_ports_are_deleted_by_their_nonce(struct stage *stage)
{
    expect_the_nonce(stage, R6887_15_1_01, is_for_all_ports);
}

static void all_protocols_are_deleted_by_their_nonce(struct stage *stage)
{
    expect_the_nonce(stage, R6887_15_1_02, is_for_all_protocols);
}

static void a_deletion_suggests_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_map);
    struct request deletion = await_deletion(stage, &server, is_map, &request);
    const struct pcp_map *map = &deletion.pcp.data.map;
    stage_expect(
        stage, R6887_15_1_04, map->external_port == 0 && address_is_any(&map->external_address),
        "a deletion that suggests port 0 and zeros", "%s", request_describe(stage, &deletion));
}

static const struct test_case cases[] = {
    {.id = "device.15.traffic-does-not-stand-for-renewals",
     .sentence = "A client renews its mapping though there is traffic to it all the time.",
     .requirements = JUDGES(R6887_15_05),
     .run = traffic_does_not_stand_for_renewals,
     .traits = CASE_UNSTARTED,
     .seconds = LIFETIME},
    {.id = "device.15.renewals-go-by-the-lifetime-that-is-granted",
     .sentence = "A client renews as the lifetime in the response demands, not as the one that it "
                 "asked for.",
     .requirements = JUDGES(R6887_15_06),
     .run = the_granted_lifetime_counts,
     .traits = CASE_UNSTARTED,
     .seconds = 200},
    {.id = "device.15.an-absurd-lifetime-is-taken-for-a-sane-one",
     .sentence = "A client that is granted 2^32 - 1 s renews its mapping after hours or days.",
     .requirements = JUDGES(R6887_15_07),
     .run = an_absurd_lifetime_is_cut,
     .traits = CASE_UNSTARTED,
     .seconds = 54000,
     .factor = FAST},
    {.id = "device.15.1.a-mapping-of-all-ports-is-deleted-by-its-nonce",
     .sentence = "The deletion of an all-ports mapping has the nonce that made it.",
     .requirements = JUDGES(R6887_15_1_01),
     .run = all_ports_are_deleted_by_their_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 45,
     .variant = "mapping-all-udp-ports"},
    {.id = "device.15.1.a-mapping-of-all-protocols-is-deleted-by-its-nonce",
     .sentence = "The deletion of an all-protocols mapping has the nonce that made it.",
     .requirements = JUDGES(R6887_15_1_02),
     .run = all_protocols_are_deleted_by_their_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 45,
     .variant = "mapping-all-protocols"},
    {.id = "device.15.1.a-deletion-suggests-nothing",
     .sentence = "A deletion suggests external port 0 and the all-zeros address.",
     .requirements = JUDGES(R6887_15_1_04),
     .run = a_deletion_suggests_nothing,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 45},
};

static const struct defect defects[] = {
    {.name = "leaves-mappings-to-their-traffic",
     .text = "doesn't renew what it was granted by MAP",
     .requirements = JUDGES(R6887_15_05)},
    {.name = "renews-by-what-it-asked-for",
     .text = "takes the lifetime that it asked for as granted",
     .requirements = JUDGES(R6887_15_06)},
    {.name = "keeps-to-absurd-lifetimes",
     .text = "doesn't renew what was granted for 136 years",
     .requirements = JUDGES(R6887_15_07)},
    {.name = "deletes-with-another-nonce",
     .text = "draws another nonce for each deletion",
     .requirements = JUDGES(R6887_15_1_01, R6887_15_1_02)},
    {.name = "suggests-in-deletions",
     .text = "suggests an external port in deletions",
     .requirements = JUDGES(R6887_15_1_04)},
};

CASE_FILE(device_15_lifetime, CASE_DEVICE, cases, defects);
