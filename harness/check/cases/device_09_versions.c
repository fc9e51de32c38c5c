/* RFC 6887, section 9: versions, when a server doesn't have the one that it is asked in. */
#include "check/stage_server.h"

#include <stdio.h>

enum {
    A_MINUTE = 60, /* s, the lifetime of an error */
    HALF_AN_HOUR = 1800,
    A_DAY = 86400,
    FASTER = 200, /* the peer's time, for half an hour */
    NO_SUCH_VERSION = 255
};

/* UNSUPP_VERSION with the version that the server has. */
static void name_version(struct server *server, const struct request *request, uint8_t version,
                         uint32_t lifetime)
{
    struct reply reply = server_error(server, request, PCP_UNSUPP_VERSION, lifetime);
    reply.pcp.version = version;
    server_send(server, &reply);
}

/* The next request of PCP, of any version. A client may well try NAT-PMP, which gets no answer; and a repeat may
 * have crossed the answer. */
static struct request await_pcp(struct server *server, double seconds)
{
    struct stage *stage = server->stage;
    int64_t start = stage_now(stage);
    struct request request;
    do
        request = server_hear(server, seconds - stage_peer_seconds(stage, start, stage_now(stage)));
    while (request.came &&
           (request.is_natpmp || server_since_answer(server, &request) < server_early(server) / 2));
    return request;
}

static void expect_rest(struct server *server, double seconds)
{
    struct stage *stage = server->stage;
    double late = 2 * server_late(server);
    struct request request = await_pcp(server, seconds + late);
    double after = request.came ? server_since_answer(server, &request) : seconds + late;
    char expected[120];
    (void)snprintf(expected, sizeof expected,
                   "the next request of PCP %.0f s behind UNSUPP_VERSION, or soon then", seconds);
    stage_expect(stage, R6887_9_05,
                 request.came && after >= seconds - server_early(server) - 1 &&
                     after <= seconds * 1.1 + late + 10,
                 expected, "after %.0f s: %s", after, request_describe(stage, &request));
}

static void it_rests_for_the_lifetime_of_the_error(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    name_version(&server, &request, 1, A_MINUTE);
    expect_rest(&server, A_MINUTE);
}

static void it_rests_for_half_an_hour_at_most(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    name_version(&server, &request, 1, A_DAY);
    expect_rest(&server, HALF_AN_HOUR);
}

static void expect_no_higher(struct server *server, enum requirement_id requirement,
                             const struct request *first, const char *expected)
{
    struct stage *stage = server->stage;
    struct request request = await_pcp(server, 2 * A_MINUTE);
    stage_expect(stage, requirement, !request.came || request.pcp.version <= first->pcp.version,
                 expected, "version %u behind %u: %s", request.pcp.version, first->pcp.version,
                 request_describe(stage, &request));
}

static void a_version_that_it_lacks_is_not_tried(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    name_version(&server, &request, NO_SUCH_VERSION, A_MINUTE / 2);
    expect_no_higher(&server, R6887_9_03, &request,
                     "a version that the client has, UNSUPP_VERSION having named 255");
}

static void the_first_request_has_the_highest_version(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    name_version(&server, &request, (uint8_t)(request.pcp.version + 1), A_MINUTE / 2);
    expect_no_higher(&server, R6887_9_07, &request, "no higher version than in the first request");
}

static void version_0_leads_to_nat_pmp(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    struct reply reply = server_natpmp_alone(&server, &request);
    server_send(&server, &reply);
    request = server_hear(&server, A_MINUTE);
    stage_expect(stage, R6887_9_02,
                 !request.came || request.is_natpmp || request.pcp.version == PCP_VERSION,
                 "NAT-PMP or nothing new, UNSUPP_VERSION having named version 0", "%s",
                 request_describe(stage, &request));
}

/* The server was NAT-PMP's alone, and knows PCP all of a sudden. */
static void a_server_may_learn_pcp(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    struct reply reply = server_natpmp_alone(&server, &request);
    server_send(&server, &reply);
    request = server_next_natpmp(&server, A_MINUTE);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    request = server_next_natpmp(&server, SERVER_SHORT_LIFETIME);
    /* To a server of PCP alone version 0 is one more that it lacks (appendix A). */
    reply = server_natpmp_alone(&server, &request);
    reply.is_natpmp = false;
    reply.pcp.version = PCP_VERSION;
    reply.pcp.response = true;
    reply.pcp.opcode = request.natpmp.opcode;
    reply.layout = PCP_ANNOUNCE;
    reply.pcp.result = PCP_UNSUPP_VERSION;
    reply.pcp.lifetime = A_MINUTE / 2;
    reply.pcp.epoch = server_epoch(&server);
    server_send(&server, &reply);
    request = await_pcp(&server, 2 * A_MINUTE);
    stage_expect(stage, R6887_9_08, request.came && request.pcp.version == PCP_VERSION,
                 "a request of version 2, which UNSUPP_VERSION named to NAT-PMP", "%s",
                 request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.9.unsupp-version-rests-for-its-lifetime",
     .sentence = "After UNSUPP_VERSION to version 2 a client tries again when the error's "
                 "lifetime is over.",
     .requirements = JUDGES(R6887_9_05),
     .run = it_rests_for_the_lifetime_of_the_error,
     .traits = CASE_UNSTARTED,
     .seconds = 70},
    {.id = "device.9.unsupp-version-rests-for-half-an-hour-at-most",
     .sentence = "After UNSUPP_VERSION to version 2 a client tries again in 30 minutes, if "
                 "the error lasts longer.",
     .requirements = JUDGES(R6887_9_05),
     .run = it_rests_for_half_an_hour_at_most,
     .traits = CASE_UNSTARTED,
     .seconds = 1830,
     .factor = FASTER},
    {.id = "device.9.a-version-that-the-client-lacks-is-not-tried",
     .sentence = "Where UNSUPP_VERSION names a version that the client lacks, it tries a "
                 "lower one or rests.",
     .requirements = JUDGES(R6887_9_03),
     .run = a_version_that_it_lacks_is_not_tried,
     .traits = CASE_UNSTARTED,
     .seconds = 40},
    {.id = "device.9.the-first-request-has-the-highest-version",
     .sentence = "The first request has the highest version that the client speaks.",
     .requirements = JUDGES(R6887_9_07),
     .run = the_first_request_has_the_highest_version,
     .traits = CASE_UNSTARTED,
     .seconds = 40},
    {.id = "device.9.version-0-leads-to-nat-pmp",
     .sentence = "Where UNSUPP_VERSION names version 0 the client may go on in NAT-PMP, "
                 "and in nothing else.",
     .requirements = JUDGES(R6887_9_02),
     .run = version_0_leads_to_nat_pmp,
     .traits = CASE_UNSTARTED,
     .seconds = 10},
    {.id = "device.9.a-server-may-learn-pcp",
     .sentence = "A client of NAT-PMP goes on in version 2 when the server names it.",
     .requirements = JUDGES(R6887_9_08),
     .run = a_server_may_learn_pcp,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 60},
};

static const struct defect defects[] = {
    {.name = "hears-no-unsupp-version",
     .text = "drops UNSUPP_VERSION",
     .requirements = JUDGES(R6887_9_05)},
    {.name = "rests-for-a-day-after-unsupp-version",
     .text = "rests for as long as UNSUPP_VERSION says, be it a day",
     .requirements = JUDGES(R6887_9_05)},
    {.name = "speaks-any-version",
     .text = "goes on in the version that UNSUPP_VERSION names, whatever it is",
     .requirements = JUDGES(R6887_9_03, R6887_9_07)},
    {.name = "falls-back-to-version-1",
     .text = "goes on in version 1 where UNSUPP_VERSION names 0",
     .requirements = JUDGES(R6887_9_02, R6886_1_1_01)},
    {.name = "stays-with-nat-pmp",
     .text = "doesn't leave NAT-PMP when the server names version 2",
     .requirements = JUDGES(R6887_9_08, R6886_1_1_05)},
};

CASE_FILE(device_09_versions, CASE_DEVICE, cases, defects);
