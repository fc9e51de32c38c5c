/* RFC 6887, section 8.3: how long a response holds. */
#include "check/stage_server.h"

#include <string.h>

enum {
    LONG_ERROR = 60,  /* s */
    SHORT_ERROR = 30, /* s, as section 7.4 recommends */
    AN_HOUR = 3600,   /* s */
    A_DAY = 86400,
    A_WEEK = 604800,
    OTHER_REQUESTS = 5, /* that may be tried while the refused one rests */
    AT_ONCE = 60,       /* s, in which a new server is asked or isn't */
    UNKNOWN_RESULT = 200,
    FAST = 20000 /* times, where days are waited for */
};

/* --- errors ----------------------------------------------------------------------------------- */

/* Refuses the request, and the others that are tried in its place: with another suggestion, say. Returns what comes
 * when the error has lasted, if anything does: a client may give up. */
static struct request expect_rest(struct server *server, const struct request *request,
                                  uint8_t result, uint32_t lifetime)
{
    struct stage *stage = server->stage;
    struct request refused[OTHER_REQUESTS];
    size_t count = 0;
    struct request next = *request;
    int64_t start = 0;
    for (double passed = 0; !stage->over && next.came && count < OTHER_REQUESTS;) {
        refused[count++] = next;
        server_refuse(server, &next, (enum pcp_result)result, lifetime);
        if (count == 1)
            start = stage_now(stage);
        next = server_await(server, 2 * lifetime - passed);
        passed = stage_peer_seconds(stage, start, next.datagram.time);
        if (!next.came || passed >= lifetime - server_early(server))
            return next;
        bool same = false;
        for (size_t i = 0; i < count; i++)
            same = same || (next.datagram.length == refused[i].datagram.length &&
                            !memcmp(next.datagram.octets, refused[i].datagram.octets,
                                    next.datagram.length));
        stage_expect(stage, R6887_8_3_04, (!same && count < OTHER_REQUESTS) || next.is_natpmp,
                     "no such request while the error lasts", "%.1f s behind a %s of %u s: %s",
                     passed,
                     pcp_result_name(result) ? pcp_result_name(result) : "result that nobody knows",
                     lifetime, request_describe(stage, &next));
    }
    return next;
}

static void rests_after_not_authorized(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    expect_rest(&server, &request, PCP_NOT_AUTHORIZED, LONG_ERROR);
}

static void rests_after_address_mismatch(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    expect_rest(&server, &request, PCP_ADDRESS_MISMATCH, LONG_ERROR);
}

static void rests_after_any_error(struct stage *stage)
{
    static const uint8_t results[] = {PCP_NETWORK_FAILURE, PCP_NO_RESOURCES, PCP_USER_EX_QUOTA,
                                      UNKNOWN_RESULT};
    struct server server;
    struct request request = server_begin(stage, &server);
    for (size_t i = 0; i < sizeof results / sizeof *results && request.came; i++)
        request = expect_rest(&server, &request, results[i], SHORT_ERROR);
}

/* --- absurd lifetimes ------------------------------------------------------------------------- */

/* 15 leaves open what is sane. */
static void absurd_grants_are_cut(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, UINT32_MAX);
    server_expect_request(&server, R6887_8_3_03, A_WEEK, "a lifetime of 136 years being absurd");
}

/* A client that asks again when a sane error is over does so when an absurd one would be, too. */
static void absurd_errors_are_cut(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_refuse(&server, &request, PCP_NETWORK_FAILURE, AN_HOUR);
    request = server_await(&server, A_DAY);
    if (!stage->over && !request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it has given up behind an error of an hour");
    server_refuse(&server, &request, PCP_NETWORK_FAILURE, UINT32_MAX);
    server_expect_request(&server, R6887_8_3_12, A_WEEK, "an error of 136 years being absurd");
}

/* --- another server --------------------------------------------------------------------------- */

/* The new one may be asked at once or later, both is right: what the old one said holds for the old one. */
static void a_new_server_is_another(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct server old = server_open(stage, STAGE_GATEWAY);
    struct server new = server_open(stage, STAGE_ROUTER);
    struct address address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
    struct request request = server_next(&old, AT_ONCE);
    server_refuse(&old, &request, PCP_NOT_AUTHORIZED, AN_HOUR);
    address = stage_address(stage, STAGE_ROUTER);
    stage_run(stage, STAGE_HOST, "ip route replace default via %s", address_format(&address, text));
    request = server_await(&new, AT_ONCE);
    if (request.came)
        server_grant(&new, &request, AN_HOUR);
    server_expect_silence(&old, R6887_8_3_05, AT_ONCE,
                          "the server being another one now, and this one's error not over");
}

static const struct test_case cases[] = {
    {.id = "device.8.3.after-not-authorized-a-request-rests",
     .sentence = "After NOT_AUTHORIZED the same request is not sent for the lifetime of the error.",
     .requirements = JUDGES(R6887_8_3_04),
     .run = rests_after_not_authorized,
     .traits = CASE_UNSTARTED,
     .seconds = 65},
    {.id = "device.8.3.after-address-mismatch-a-request-rests",
     .sentence = "After ADDRESS_MISMATCH the same request is not sent for the lifetime of the "
                 "error.",
     .requirements = JUDGES(R6887_8_3_04),
     .run = rests_after_address_mismatch,
     .traits = CASE_UNSTARTED,
     .seconds = 65},
    {.id = "device.8.3.after-any-error-a-request-rests",
     .sentence = "After an error the same request is not sent for the lifetime of the error.",
     .requirements = JUDGES(R6887_8_3_04),
     .run = rests_after_any_error,
     .traits = CASE_UNSTARTED,
     .seconds = 130},
    {.id = "device.8.3.absurd-lifetimes-of-mappings-are-cut",
     .sentence = "A client limits the lifetime of a mapping that makes no sense.",
     .requirements = JUDGES(R6887_8_3_03),
     .run = absurd_grants_are_cut,
     .traits = CASE_UNSTARTED,
     .seconds = A_DAY * 5 / 8,
     .factor = FAST},
    {.id = "device.8.3.absurd-lifetimes-of-errors-are-cut",
     .sentence = "A client limits the lifetime of an error that makes no sense.",
     .requirements = JUDGES(R6887_8_3_12),
     .run = absurd_errors_are_cut,
     .traits = CASE_UNSTARTED,
     .seconds = A_DAY + AN_HOUR,
     .factor = FAST},
    {.id = "device.8.3.a-new-server-is-another",
     .sentence = "What a server said about waiting holds for that server: a new one may be asked "
                 "at once.",
     .requirements = JUDGES(R6887_8_3_05),
     .run = a_new_server_is_another,
     .traits = CASE_UNSTARTED,
     .seconds = 65},
};

static const struct defect defects[] = {
    {.name = "floods-after-not-authorized",
     .text = "asks every second when it was answered NOT_AUTHORIZED",
     .requirements = JUDGES(R6887_8_3_04),
     .shown_by = "device.8.3.after-not-authorized-*"},
    {.name = "floods-after-address-mismatch",
     .text = "takes ADDRESS_MISMATCH for no answer",
     .requirements = JUDGES(R6887_8_3_04),
     .shown_by = "device.8.3.after-address-mismatch-*"},
    {.name = "never-rests",
     .text = "doesn't look at the lifetime of errors",
     .requirements = JUDGES(R6887_8_3_04),
     .shown_by = "device.8.3.after-any-*"},
    {.name = "believes-any-lifetime",
     .text = "renews a mapping of 136 years in 68",
     .requirements = JUDGES(R6887_8_3_03)},
    {.name = "believes-any-error",
     .text = "rests for 136 years if an error says so",
     .requirements = JUDGES(R6887_8_3_12)},
    {.name = "asks-the-old-server-again",
     .text = "sends what is for a new server to the one before, too",
     .requirements = JUDGES(R6887_8_3_05)},
};

CASE_FILE(device_08_3_results, CASE_DEVICE, cases, defects);
