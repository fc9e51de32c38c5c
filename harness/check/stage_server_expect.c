/* What a peer makes of the answers of a stage that is its PCP server: in time, too late, or not at all. */
#include "check/stage_private.h"
#include "check/stage_server.h"

#include <stdio.h>

/* Ours, not the peer's: by how much it may be late with what begins a measure, and with what ends it. */
static const int64_t begun_late = 40 * MILLISECOND;
static const int64_t ended_late = 120 * MILLISECOND;

static const double first_timeout = 3; /* s, IRT of 8.1.1 */
static const double jitter = 1.1;      /* RAND, likewise */
static const double earliest_renewal = 0.4 * SERVER_SHORT_LIFETIME;
static const double latest_renewal = 0.95 * SERVER_SHORT_LIFETIME; /* 11.2.1: before its expiry */

bool server_is_renewal_time(double seconds)
{
    return seconds >= earliest_renewal && seconds <= latest_renewal;
}

double server_between(const struct server *server, const struct request *earlier,
                      const struct request *later)
{
    return stage_peer_seconds(server->stage, earlier->datagram.time, later->datagram.time);
}

double server_since_answer(const struct server *server, const struct request *request)
{
    return stage_peer_seconds(server->stage, server->sent, request->datagram.time);
}

double server_early(const struct server *server)
{
    return stage_peer_seconds(server->stage, 0, begun_late);
}

double server_late(const struct server *server)
{
    return stage_peer_seconds(server->stage, 0, ended_late);
}

struct request server_expect_request(struct server *server, enum requirement_id requirement,
                                     double seconds, const char *why)
{
    struct stage *stage = server->stage;
    struct request request = server_await(server, seconds);
    if (stage->over)
        return request;
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "a request within %.0f s, %s", seconds, why);
    stage_expect(stage, requirement, request.came, expected, "%s",
                 request_describe(stage, &request));
    return request;
}

bool server_expect_silence(struct server *server, enum requirement_id requirement, double seconds,
                           const char *why)
{
    struct stage *stage = server->stage;
    int64_t start = stage_now(stage);
    struct request request = server_await_until(server, start + server_ours(server, seconds));
    if (stage->over)
        return false;
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "no request for %.0f s, %s", seconds, why);
    return stage_expect(stage, requirement, !request.came, expected, "after %.1f s: %s",
                        stage_peer_seconds(stage, start, request.datagram.time),
                        request_describe(stage, &request));
}

struct request server_expect_ignored(struct server *server, enum requirement_id requirement,
                                     const char *what)
{
    /* Whichever of its first three waits the peer is in. */
    const double longest_wait = first_timeout * jitter * 2 * jitter * 2 * jitter;
    struct stage *stage = server->stage;
    struct request request = server_await(server, longest_wait);
    if (stage->over)
        return request;
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "the request again, since %s is to be ignored", what);
    stage_expect(stage, requirement, request.came && !request.is_natpmp, expected, "%s",
                 request_describe(stage, &request));
    return request;
}

struct request server_expect_taken(struct server *server, enum requirement_id requirement,
                                   const char *what)
{
    struct stage *stage = server->stage;
    struct request request = server_await(server, SERVER_SHORT_LIFETIME);
    if (stage->over)
        return request;
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE,
                   "a renewal at half of %d s and no repeat before, since %s is to be taken",
                   SERVER_SHORT_LIFETIME, what);
    double after = server_since_answer(server, &request);
    bool renewed = request.came && after <= latest_renewal;
    if (!renewed && !server->renews)
        stage_end(stage, VERDICT_INCONCLUSIVE,
                  "the peer neither repeats its request nor renews its mapping of %d s in time",
                  SERVER_SHORT_LIFETIME);
    stage_expect(stage, requirement, renewed && after >= earliest_renewal, expected,
                 "after %.1f s: %s", request.came ? after : (double)SERVER_SHORT_LIFETIME,
                 request_describe(stage, &request));
    return request;
}

size_t server_measure_gaps(struct server *server, const struct request *request, double *gaps,
                           size_t count)
{
    struct request before = *request;
    for (size_t i = 0; i < count; i++) {
        double longest = i ? 2 * gaps[i - 1] * jitter : first_timeout * jitter;
        struct request next = server_await(server, 2 * longest);
        if (!next.came)
            return i;
        gaps[i] = server_between(server, &before, &next);
        before = next;
    }
    return count;
}
