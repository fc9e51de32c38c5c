/* RFC 6887, sections 8 and 8.3: which datagrams a client takes for responses, and how often.
 *
 * What is to be dropped says that all is well for an hour: a client that took it would be quiet, one that drops it
 * sends its request again.
 */
#include "check/stage_raw.h"
#include "check/stage_server.h"

enum {
    SHORTEST = 4,         /* octets, of what counts at all */
    NATPMP_ERROR = 8,     /* octets of a NAT-PMP server's UNSUPP_VERSION */
    UNTIL_VERSION_2 = 45, /* s: three repetitions would fall due */
    A_WHILE = 5,          /* s */
    QUIETLY = 30,         /* s without a request that nothing calls for */
    LOST = 5              /* an epoch of a server that has just lost its state */
};

/* Which makes the answer wrong, and what that is called. */
struct fault {
    void (*spoil)(struct reply *reply);
    const char *what;
};

/* One to each of two requests. */
static void expect_ignored(struct stage *stage, enum requirement_id requirement,
                           const struct fault *faults, size_t count)
{
    struct server server;
    struct request request = server_begin_repeating(stage, &server);
    for (size_t i = 0; i < count && !stage->over; i++) {
        struct reply reply = server_success(&server, &request);
        reply.pcp.lifetime = SERVER_LIFETIME;
        faults[i].spoil(&reply);
        server_send(&server, &reply);
        request = server_expect_ignored(&server, requirement, faults[i].what);
    }
}

/* --- from elsewhere --------------------------------------------------------------------------- */

static void from_elsewhere_is_dropped(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_repeating(stage, &server);
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_LIFETIME;
    reply.socket = stage_open(stage, STAGE_ROUTER, PCP_SERVER_PORT);
    server_send(&server, &reply);
    request = server_expect_ignored(&server, R6887_8_3_06, "a success from another address");
    reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_LIFETIME;
    reply.socket = stage_open(stage, STAGE_GATEWAY, 0);
    server_send(&server, &reply);
    server_expect_ignored(&server, R6887_8_3_06, "a success from another port");
}

/* --- in another form -------------------------------------------------------------------------- */

static void clear_r_bit(struct reply *reply)
{
    reply->pcp.response = false;
}

static void cut_to_3(struct reply *reply)
{
    reply->length = SHORTEST - 1;
}

static void cut_to_20(struct reply *reply)
{
    reply->length = PCP_HEADER_LENGTH - 4;
}

static void make_odd(struct reply *reply)
{
    reply->length = PCP_HEADER_LENGTH + PCP_MAP_LENGTH + 1;
}

static void make_long(struct reply *reply)
{
    reply->length = PCP_MAXIMUM_LENGTH + 4;
}

static void make_unknown(struct reply *reply)
{
    reply->pcp.opcode = UNKNOWN_OPCODE;
}

static void make_peer(struct reply *reply)
{
    reply->pcp.opcode = reply->layout = PCP_PEER;
}

static void without_r_bit_is_dropped(struct stage *stage)
{
    static const struct fault faults[] = {{clear_r_bit, "a success with a clear R bit"},
                                          {cut_to_3, "a datagram of 3 octets"}};
    expect_ignored(stage, R6887_8_3_07, faults, 2);
}

static void too_short_is_ignored(struct stage *stage)
{
    static const struct fault faults[] = {{cut_to_20, "a success that is cut to 20 octets"},
                                          {make_odd, "a success of 61 octets"}};
    expect_ignored(stage, R6887_8_3_08, faults, 2);
}

static void too_long_is_ignored(struct stage *stage)
{
    static const struct fault faults[] = {{make_long, "a success of 1104 octets"}};
    expect_ignored(stage, R6887_8_3_08, faults, 1);
}

static void another_opcode_is_ignored(struct stage *stage)
{
    static const struct fault faults[] = {{make_unknown, "a success of opcode 55"},
                                          {make_peer, "a success of PEER"}};
    expect_ignored(stage, R6887_8_3_09, faults, 2);
}

/* A client may speak NAT-PMP from then on, if the version is 0. */
static void expect_version_2_rests(struct server *server, const struct request *request,
                                   uint8_t version, size_t length)
{
    struct stage *stage = server->stage;
    struct reply reply = server_error(server, request, PCP_UNSUPP_VERSION, 1800);
    reply.pcp.version = version;
    reply.length = length;
    server_send(server, &reply);
    int64_t sent = stage_now(stage);
    double passed = 0;
    while (!stage->over && passed < UNTIL_VERSION_2) {
        struct request next = server_await(server, UNTIL_VERSION_2 - passed);
        passed = next.came ? stage_peer_seconds(stage, sent, next.datagram.time) : UNTIL_VERSION_2;
        stage_expect(stage, R6887_8_3_10,
                     passed >= UNTIL_VERSION_2 || next.is_natpmp || next.pcp.version != PCP_VERSION,
                     "no more requests of version 2 for the time being",
                     "%.1f s behind an UNSUPP_VERSION of %zu octets and version %u: %s", passed,
                     length, version, request_describe(stage, &next));
    }
}

static void short_unsupp_version_counts(struct stage *stage)
{
    struct server server;
    struct datagram left;
    struct request request = server_begin_repeating(stage, &server);
    expect_version_2_rests(&server, &request, 0, NATPMP_ERROR);
    stage_stop(stage, 0);
    while (stage_receive(stage, server.socket, 0, &left))
        ;
    server_start_peer(stage);
    request = server_next(&server, A_WHILE);
    expect_version_2_rests(&server, &request, 1, SHORTEST);
}

/* --- that nobody asked for -------------------------------------------------------------------- */

static struct reply stray(struct server *server, const struct request *request)
{
    struct reply reply = server_success(server, request);
    reply.answered = 0;
    reply.pcp.lifetime = SERVER_LIFETIME;
    reply.pcp.data.map.external_port++;
    return reply;
}

static void send_strays(struct server *server, const struct request *request, uint32_t epoch)
{
    struct reply reply = stray(server, request);
    reply.pcp.epoch = epoch;
    reply.pcp.data.map.nonce[0] ^= 1;
    server_send(server, &reply);
    reply.pcp.result = PCP_NOT_AUTHORIZED;
    server_send(server, &reply);
    reply = stray(server, request);
    reply.pcp.epoch = epoch;
    reply.pcp.data.map.internal_port ^= 1;
    server_send(server, &reply);
    reply = stray(server, request);
    reply.pcp.epoch = epoch;
    make_unknown(&reply);
    server_send(server, &reply);
}

static void strays_do_no_harm(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_renewing(stage, &server);
    struct reply reply = server_success(&server, &request);
    uint16_t port = reply.pcp.data.map.external_port;
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    send_strays(&server, &request, server_epoch(&server));
    request = server_expect_taken(&server, R6887_8_3_02,
                                  "the success before some responses that nobody asked for");
    stage_expect(stage, R6887_8_3_02, request.pcp.data.map.external_port != port + 1,
                 "nothing taken from responses that nobody asked for", "%s",
                 request_describe(stage, &request));
}

static void the_epoch_of_strays_is_not_read(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_LIFETIME);
    send_strays(&server, &request, LOST);
    server_expect_silence(&server, R6887_8_3_11, QUIETLY,
                          "an epoch of 5 having come in responses that match no request");
}

/* --- more than one ---------------------------------------------------------------------------- */

static void a_success_behind_an_error_is_taken(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_renewing(stage, &server);
    server_refuse(&server, &request, PCP_NETWORK_FAILURE, SERVER_LIFETIME);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    server_expect_taken(&server, R6887_8_02, "a success that follows an error");
}

/* Nothing but the second one says that the mapping lasts for so short a time. */
static void a_response_may_come_at_any_time(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_renewing(stage, &server);
    server_grant(&server, &request, SERVER_LIFETIME);
    stage_pass(stage, A_WHILE * SECOND);
    struct reply reply = stray(&server, &request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_8_3_01, "a second success, of another port, 5 s later,");
}

static const struct test_case cases[] = {
    {.id = "device.8.3.a-response-from-elsewhere-is-dropped",
     .sentence = "A response that doesn't come from the server's address and port is dropped.",
     .requirements = JUDGES(R6887_8_3_06),
     .run = from_elsewhere_is_dropped,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 22},
    {.id = "device.8.3.a-response-without-the-r-bit-is-dropped",
     .sentence = "A response under 4 octets, or with the R bit clear, is dropped.",
     .requirements = JUDGES(R6887_8_3_07),
     .run = without_r_bit_is_dropped,
     .traits = CASE_UNSTARTED,
     .seconds = 22},
    {.id = "device.8.3.a-response-of-odd-or-too-few-octets-is-ignored",
     .sentence = "A response under 24 octets, or of no multiple of 4, is ignored.",
     .requirements = JUDGES(R6887_8_3_08),
     .run = too_short_is_ignored,
     .traits = CASE_UNSTARTED,
     .seconds = 22},
    {.id = "device.8.3.a-response-of-too-many-octets-is-ignored",
     .sentence = "A response over 1100 octets is ignored.",
     .requirements = JUDGES(R6887_8_3_08),
     .run = too_long_is_ignored,
     .traits = CASE_UNSTARTED,
     .seconds = 10},
    {.id = "device.8.3.a-response-of-another-opcode-is-ignored",
     .sentence = "A response whose opcode is that of no request is ignored.",
     .requirements = JUDGES(R6887_8_3_09),
     .run = another_opcode_is_ignored,
     .traits = CASE_UNSTARTED,
     .seconds = 22},
    {.id = "device.8.3.a-short-unsupp-version-counts",
     .sentence = "UNSUPP_VERSION counts from 4 octets on.",
     .requirements = JUDGES(R6887_8_3_10),
     .run = short_unsupp_version_counts,
     .traits = CASE_UNSTARTED,
     .seconds = 100},
    {.id = "device.8.3.responses-without-request-do-no-harm",
     .sentence = "A client ignores responses to requests that it never sent.",
     .requirements = JUDGES(R6887_8_3_02),
     .run = strays_do_no_harm,
     .traits = CASE_UNSTARTED,
     .seconds = 30},
    {.id = "device.8.3.the-epoch-is-read-behind-the-match",
     .sentence = "The epoch of a response is read only if source, opcode and fields match.",
     .requirements = JUDGES(R6887_8_3_11),
     .run = the_epoch_of_strays_is_not_read,
     .traits = CASE_UNSTARTED,
     .seconds = 32},
    {.id = "device.8.3.a-response-may-come-at-any-time",
     .sentence = "A client takes another response at any time after its request.",
     .requirements = JUDGES(R6887_8_3_01),
     .run = a_response_may_come_at_any_time,
     .traits = CASE_UNSTARTED,
     .seconds = 35},
    {.id = "device.8.a-success-behind-an-error-is-taken",
     .sentence = "A client copes with a later and different response to the same request.",
     .requirements = JUDGES(R6887_8_02),
     .run = a_success_behind_an_error_is_taken,
     .traits = CASE_UNSTARTED,
     .seconds = 30},
};

static const struct defect defects[] = {
    {.name = "hears-anyone",
     .text = "takes responses from anywhere",
     .requirements = JUDGES(R6887_8_3_06, R6886_3_2_06, R6886_3_3_14)},
    {.name = "takes-a-clear-r-bit",
     .text = "doesn't look at the R bit of responses",
     .requirements = JUDGES(R6887_8_3_07)},
    {.name = "takes-three-octets",
     .text = "takes what is shorter than 4 octets for the response to its request",
     .requirements = JUDGES(R6887_8_3_07)},
    {.name = "takes-cut-responses",
     .text = "takes a response of under 24 octets, or of no multiple of 4, for a whole one",
     .requirements = JUDGES(R6887_8_3_08)},
    {.name = "takes-endless-responses",
     .text = "takes responses over 1100 octets",
     .requirements = JUDGES(R6887_8_3_08)},
    {.name = "takes-any-opcode",
     .text = "doesn't look at the opcode of responses",
     .requirements = JUDGES(R6887_8_3_09)},
    {.name = "drops-short-unsupp-version",
     .text = "drops an UNSUPP_VERSION of under 24 octets",
     .requirements = JUDGES(R6887_8_3_10)},
    {.name = "takes-what-it-never-asked-for",
     .text = "doesn't look at the nonce of responses",
     .requirements = JUDGES(R6887_8_3_02)},
    {.name = "reads-the-epoch-of-strays",
     .text = "recovers when a response that matches no request has a lower epoch",
     .requirements = JUDGES(R6887_8_3_11)},
    {.name = "hears-one-response",
     .text = "takes one response to each request, and drops those that follow",
     .requirements = JUDGES(R6887_8_02, R6887_8_3_01)},
};

CASE_FILE(device_08_3_matching, CASE_DEVICE, cases, defects);
