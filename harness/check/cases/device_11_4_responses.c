/* RFC 6887, section 11.4: what a client makes of a MAP response. */
#include "check/stage_server.h"

enum {
    RESTS = 120,      /* s, of an error that is waited for */
    RESTS_SHORT = 20, /* s, of one whose end is of interest */
    CROSSING = 1,     /* s, that what was sent before an answer came may be under way */
    SOON = 60         /* s, in which a client is back once it may be */
};

/* The next request of any kind, and no moment longer. */
static struct request hear_for(struct server *server, double seconds)
{
    struct stage *stage = server->stage;
    struct datagram datagram;
    int64_t end = stage_now(stage) + (int64_t)(seconds / stage->scale * (double)SECOND);
    /* An ICMP error tells that a device has left: it must not hide what that device sent before. */
    while (stage_receive(stage, server->socket, end - stage_now(stage), &datagram)) {
        if (!datagram.is_error)
            return server_read(&datagram);
    }
    return (struct request){0};
}

static void take_another_nonce(struct pcp_map *map)
{
    map->nonce[PCP_NONCE_LENGTH - 1] ^= 1;
}

static void take_another_protocol(struct pcp_map *map)
{
    map->protocol = 132; /* SCTP */
}

static void take_another_port(struct pcp_map *map)
{
    map->internal_port ^= 1;
}

static void a_response_for_another_mapping_is_none_for_this(struct stage *stage)
{
    static const struct {
        const char *what;
        void (*change)(struct pcp_map *map);
    } wrong[] = {
        {"a success with another nonce", take_another_nonce},
        {"a success for another protocol", take_another_protocol},
        {"a success for another internal port", take_another_port},
    };
    struct server server;
    struct request request = server_begin(stage, &server);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct reply reply = server_success(&server, &request);
        reply.pcp.lifetime = SERVER_LIFETIME;
        wrong[i].change(&reply.pcp.data.map);
        server_send(&server, &reply);
        request = server_expect_ignored(&server, R6887_11_4_06, wrong[i].what);
    }
}

static void a_response_may_assign_what_it_likes(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    for (uint16_t i = 0; i < 2; i++) {
        struct reply reply = server_success(&server, &request);
        reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
        reply.pcp.data.map.external_port = (uint16_t)(50001 + i);
        reply.pcp.data.map.external_address = stage_address(stage, STAGE_REMOTE_SECOND);
        server_send(&server, &reply);
        request = server_expect_taken(&server, R6887_11_4_06,
                                      "a success with another external port than suggested");
    }
}

static void an_error_is_not_asked_for_again(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_refuse(&server, &request, PCP_NOT_AUTHORIZED, RESTS);
    server_expect_silence(&server, R6887_11_4_05, RESTS - server_early(&server) - 1,
                          "NOT_AUTHORIZED being said for 120 s");
}

static void a_failed_renewal_is_tried_again(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    server_refuse(&server, &request, PCP_NETWORK_FAILURE, RESTS_SHORT);
    server_expect_request(&server, R6887_11_4_08, RESTS_SHORT + SOON,
                          "a renewal having failed by an error that lasted 20 s");
}

/* Both mappings of the device are refused, the one by NO_RESOURCES for long, the other for a short time. */
static void no_resources_stops_new_mappings(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    struct request second = server_next_other(&server, SOON);
    server_refuse(&server, &second, PCP_NETWORK_FAILURE, RESTS_SHORT);
    server_refuse(&server, &first, PCP_NO_RESOURCES, RESTS);
    int64_t start = stage_now(stage);
    double quiet = RESTS - server_early(&server) - 1;
    double passed = 0;
    while (!stage->over && passed < quiet) {
        struct request request = hear_for(&server, quiet - passed);
        passed = stage_peer_seconds(stage, start, stage_now(stage));
        stage_expect(stage, R6887_11_4_01, !request.came || request.pcp.opcode != PCP_MAP,
                     "no request for a mapping for 120 s, NO_RESOURCES being said for so long",
                     "after %.1f s: %s", passed, request_describe(stage, &request));
    }
}

/* The device leaves, and the delete of its first mapping is refused; the other's delete gets no answer. */
static void no_resources_for_a_deletion_stops_everything(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server.lifetime = SERVER_LIFETIME;
    server_grant(&server, &request, SERVER_LIFETIME);
    struct request other = server_next_other(&server, SOON);
    server_grant(&server, &other, SERVER_LIFETIME);
    server.ignores_others = true;
    stage_dismiss(stage);
    request = server_await(&server, SOON);
    if (!stage->over && (!request.came || request.is_natpmp || request.pcp.lifetime != 0))
        stage_end(stage, VERDICT_UNSUPPORTED, "the peer deletes nothing when it leaves: %s",
                  request_describe(stage, &request));
    server_refuse(&server, &request, PCP_NO_RESOURCES, RESTS);
    while (hear_for(&server, CROSSING).came) {
        /* the other's delete was under way */
    }
    request = hear_for(&server, RESTS - server_early(&server) - CROSSING - 1);
    stage_expect(stage, R6887_11_4_02, !request.came,
                 "no request of any kind for 120 s, a deletion having drawn NO_RESOURCES", "%s",
                 request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.11.4.a-response-for-another-mapping-is-none-for-this",
     .sentence = "A MAP response is matched on protocol, internal port and nonce.",
     .requirements = JUDGES(R6887_11_4_06),
     .run = a_response_for_another_mapping_is_none_for_this,
     .traits = CASE_UNSTARTED,
     .seconds = 25},
    {.id = "device.11.4.a-response-may-assign-what-it-likes",
     .sentence = "A MAP response is matched on no field that the server sets.",
     .requirements = JUDGES(R6887_11_4_06),
     .run = a_response_may_assign_what_it_likes,
     .traits = CASE_UNSTARTED,
     .seconds = 30},
    {.id = "device.11.4.an-error-is-not-asked-for-again",
     .sentence = "A request that drew an error is not repeated within the error's "
                 "lifetime.",
     .requirements = JUDGES(R6887_11_4_05),
     .run = an_error_is_not_asked_for_again,
     .traits = CASE_UNSTARTED,
     .seconds = 120},
    {.id = "device.11.4.a-failed-renewal-is-tried-again",
     .sentence = "When the error of a failed renewal has lasted, the client tries again.",
     .requirements = JUDGES(R6887_11_4_08),
     .run = a_failed_renewal_is_tried_again,
     .traits = CASE_UNSTARTED,
     .seconds = 45},
    {.id = "device.11.4.no-resources-stops-new-mappings",
     .sentence = "While NO_RESOURCES lasts, no new mapping is asked for.",
     .requirements = JUDGES(R6887_11_4_01),
     .run = no_resources_stops_new_mappings,
     .traits = CASE_UNSTARTED,
     .seconds = 125,
     .variant = "mapping-two-ports"},
    {.id = "device.11.4.no-resources-for-a-deletion-stops-everything",
     .sentence = "When a deletion draws NO_RESOURCES, nothing at all is sent while it "
                 "lasts.",
     .requirements = JUDGES(R6887_11_4_02),
     .run = no_resources_for_a_deletion_stops_everything,
     .traits = CASE_UNSTARTED,
     .seconds = 130,
     .variant = "mapping-two-ports"},
};

static const struct defect defects[] = {
    {.name = "takes-any-nonce",
     .text = "takes a response whatever its nonce",
     .requirements = JUDGES(R6887_11_4_06)},
    {.name = "takes-any-protocol",
     .text = "takes a response whatever its protocol",
     .requirements = JUDGES(R6887_11_4_06)},
    {.name = "takes-any-internal-port",
     .text = "takes a response whatever its internal port",
     .requirements = JUDGES(R6887_11_4_06)},
    {.name = "wants-the-port-it-suggested",
     .text = "takes no success but with the external port that it suggested",
     .requirements = JUDGES(R6887_11_4_06, R6887_11_2_02)},
    {.name = "forgets-errors",
     .text = "asks again after five seconds, whatever an error's lifetime",
     .requirements = JUDGES(R6887_11_4_05)},
    {.name = "gives-up-after-a-failed-renewal",
     .text = "doesn't ask again once a renewal drew an error",
     .requirements = JUDGES(R6887_11_4_08)},
    {.name = "asks-for-more-without-resources",
     .text = "asks for other mappings while NO_RESOURCES lasts",
     .requirements = JUDGES(R6887_11_4_01)},
    {.name = "deletes-on-without-resources",
     .text = "goes on deleting while NO_RESOURCES of a deletion lasts",
     .requirements = JUDGES(R6887_11_4_02)},
};

CASE_FILE(device_11_4_responses, CASE_DEVICE, cases, defects);
