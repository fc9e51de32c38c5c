/* RFC 6887, section 14.2: Mapping Updates, as a client takes them. */
#include "check/stage_server.h"

#include <stdio.h>

/* The peer has a mapping and suggests what it was assigned, as is seen by its first renewal; that is granted. */
static struct request settle(struct stage *stage, struct server *server, struct reply *given)
{
    struct request request = server_begin(stage, server);
    *given = server_success(server, &request);
    given->pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(server, given);
    struct request renewal = server_next(server, SERVER_SHORT_LIFETIME);
    if (!request_suggests(&renewal, given))
        stage_end(stage, VERDICT_INCONCLUSIVE, "renewals don't tell what the peer makes of it: %s",
                  request_describe(stage, &renewal));
    server_grant(server, &renewal, SERVER_SHORT_LIFETIME);
    return renewal;
}

/* An answer like that to a request of before, which nothing asks for now. */
static struct reply update(struct server *server, const struct request *request, uint16_t port)
{
    struct reply reply = server_success(server, request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    reply.pcp.data.map.external_port = port;
    reply.answered = 0;
    return reply;
}

static struct request expect_taken(struct server *server, const struct reply *reply,
                                   const char *what)
{
    struct stage *stage = server->stage;
    char expected[120];
    (void)snprintf(expected, sizeof expected, "a renewal that suggests port %u, of %s",
                   reply->pcp.data.map.external_port, what);
    struct request renewal = server_next(server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, R6887_14_2_09, request_suggests(&renewal, reply), expected, "%s",
                 request_describe(stage, &renewal));
    return renewal;
}

static void updates_are_taken(struct stage *stage)
{
    struct server server;
    struct reply given;
    struct request request = settle(stage, &server, &given);
    struct reply moved = update(&server, &request, 41000);
    moved.pcp.data.map.external_address = stage_address(stage, STAGE_STRANGER);
    server_send(&server, &moved);
    request = expect_taken(&server, &moved, "a Mapping Update");
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, 0);
    moved = update(&server, &request, 41001);
    server_send(&server, &moved);
    expect_taken(&server, &moved, "a Mapping Update whose epoch tells of a restart");
}

static void updates_are_checked(struct stage *stage)
{
    struct server server;
    struct reply given;
    struct request request = settle(stage, &server, &given);
    struct reply wrong = update(&server, &request, 42000);
    wrong.pcp.data.map.nonce[0] ^= 1;
    server_send(&server, &wrong);
    wrong = update(&server, &request, 42001);
    wrong.socket = stage_open(stage, STAGE_ROUTER, PCP_SERVER_PORT);
    server_send(&server, &wrong);
    wrong = update(&server, &request, 42002);
    wrong.socket = stage_open(stage, STAGE_GATEWAY, PCP_SERVER_PORT + 1);
    server_send(&server, &wrong);
    wrong = update(&server, &request, 42003);
    wrong.pcp.response = false;
    server_send(&server, &wrong);
    wrong = update(&server, &request, 42004);
    wrong.length = PCP_HEADER_LENGTH + PCP_MAP_LENGTH - 4;
    server_send(&server, &wrong);
    wrong = update(&server, &request, 42005);
    wrong.pcp.version = PCP_VERSION + 1;
    server_send(&server, &wrong);
    struct request renewal = server_next(&server, SERVER_SHORT_LIFETIME);
    char expected[120];
    (void)snprintf(expected, sizeof expected,
                   "a renewal that suggests port %u, since no update but faulty ones came",
                   given.pcp.data.map.external_port);
    stage_expect(stage, R6887_14_2_12, request_suggests(&renewal, &given), expected, "%s",
                 request_describe(stage, &renewal));
}

static const struct test_case cases[] = {
    {.id = "device.14.2.a-mapping-update-is-taken-over",
     .sentence =
         "The external address and port of a Mapping Update are the mapping's from then on, "
         "also where its epoch tells of a restart.",
     .requirements = JUDGES(R6887_14_2_09),
     .run = updates_are_taken,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 60},
    {.id = "device.14.2.a-mapping-update-is-checked-as-any-response",
     .sentence =
         "A Mapping Update of another nonce, address, port, version or length, or that is no "
         "response, is ignored.",
     .requirements = JUDGES(R6887_14_2_12),
     .run = updates_are_checked,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 35},
};

static const struct defect defects[] = {
    {.name = "ignores-mapping-updates",
     .text = "drops responses while it waits for none",
     .requirements = JUDGES(R6887_14_2_09)},
    {.name = "believes-any-mapping-update",
     .text = "takes a Mapping Update from anybody",
     .requirements = JUDGES(R6887_14_2_12)},
    {.name = "believes-updates-of-another-nonce",
     .text = "takes a Mapping Update whatever its nonce",
     .requirements = JUDGES(R6887_14_2_12)},
};

CASE_FILE(device_14_2_update, CASE_DEVICE, cases, defects);
