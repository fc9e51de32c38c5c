/* RFC 6887, section 8.1.1: how a client sends a request, and sends it again. */
#include "check/stage_server.h"

#include <signal.h>
#include <stdio.h>

static const double first_wait = 3;      /* s, IRT */
static const double longest_wait = 1024; /* s, MRT */
static const double jitter = 0.1;        /* RAND */

enum {
    AN_EXCHANGE = 20, /* s, in which any of the first three waits ends */
    GAPS = 5,         /* 3, 6, 12, 24 and 48 s */
    STARTS = 3,
    START_GAPS = 4,
    BEHIND_THE_CAP = 12, /* transmissions: two waits of MRT lie behind the last */
    TWO_HOURS = 7200,    /* s */
    LIFETIME = 120,      /* s; a renewal comes after 60 to 75 */
    RENEWALS = 2,
    FAST = 1000 /* times, where hours are waited for */
};

static void repeats_have_the_nonce_of_the_first(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    for (int i = 0; i < 3; i++) {
        struct request again = server_next(&server, AN_EXCHANGE);
        stage_expect(stage, R6887_8_1_1_01, request_has_nonce_of(&again, &first),
                     request_describe(stage, &first), "%s", request_describe(stage, &again));
    }
}

static void a_request_is_sent_again(struct stage *stage)
{
    struct server server;
    server_begin(stage, &server);
    server_expect_request(&server, R6887_8_1_1_07, AN_EXCHANGE, "the first being unanswered");
}

static void the_first_repetition_comes_after_3_seconds(struct stage *stage)
{
    struct server server;
    double gap;
    struct request request = server_begin(stage, &server);
    if (server_measure_gaps(&server, &request, &gap, 1) == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the request is not sent again");
    stage_expect_number(stage, R6887_8_1_1_02, "seconds to the first retransmission", gap,
                        first_wait * (1 - jitter) - server_early(&server),
                        first_wait * (1 + jitter) + server_late(&server));
}

/* --- the waits -------------------------------------------------------------------------------- */

/* What a wait may have been that was measured, and follows from the one before it. */
struct range {
    double low, high;
};

static struct range measured(const struct server *server, double gap)
{
    return (struct range){gap - server_late(server), gap + server_early(server)};
}

/* A client may have an MRT of its own, against a SHOULD alone: then its waits stop to grow. */
static bool has_stopped_growing(const struct server *server, double before, double gap)
{
    return gap >= before * (1 - 2 * jitter) - server_early(server) &&
           gap <= before * (1 + 2 * jitter) + server_early(server);
}

static void waits_double(struct stage *stage)
{
    struct server server;
    double gaps[GAPS];
    struct request request = server_begin(stage, &server);
    size_t count = server_measure_gaps(&server, &request, gaps, GAPS);
    if (count < 3)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the request is sent again but %zu times", count);
    struct range wait = measured(&server, count ? gaps[0] : 0);
    for (size_t i = 1; i < count && !stage->over; i++) {
        struct range seen = measured(&server, gaps[i]);
        struct range due = {2 * wait.low * (1 - jitter), 2 * wait.high * (1 + jitter)};
        bool capped = seen.high < due.low && has_stopped_growing(&server, gaps[i - 1], gaps[i]);
        stage_expect(stage, capped ? R6887_8_1_1_04 : R6887_8_1_1_08,
                     seen.high >= due.low && seen.low <= due.high,
                     capped ? "waits that double up to 1024 s"
                            : "a wait twice the one before it, within a tenth",
                     "%.1f s behind one of %.1f s, the first being %.1f s", gaps[i], gaps[i - 1],
                     gaps[0]);
        wait.low = seen.low > due.low ? seen.low : due.low;
        wait.high = seen.high < due.high ? seen.high : due.high;
    }
}

/* Nobody can tell from outside whether a number or a time has run out: what ends before the cap is put down to
 * the number. */
static void requests_go_on(struct stage *stage, double until, unsigned least)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    struct request before = first;
    double last = 0;
    unsigned sent = 1;
    while (!stage->over && (sent < least || last < until)) {
        struct request next = server_await(&server, 2 * longest_wait);
        if (stage->over)
            return;
        bool by_number = sent < BEHIND_THE_CAP;
        if (!next.came && least == 0 && by_number) {
            stage_end(stage, VERDICT_INCONCLUSIVE,
                      "it gave up after %u transmissions, before its time could run out", sent);
            return;
        }
        stage_expect(stage, by_number && least ? R6887_8_1_1_03 : R6887_8_1_1_05, next.came,
                     "the request again, for as long as nobody answers",
                     "nothing more, %.0f s and %u transmissions behind the first", last, sent);
        double gap = server_between(&server, &before, &next);
        if (least)
            stage_expect(stage, R6887_8_1_1_04,
                         gap <= longest_wait * (1 + jitter) + server_late(&server),
                         "waits of at most 1126.4 s", "one of %.0f s", gap);
        last = server_between(&server, &first, &next);
        before = next;
        sent++;
    }
}

static void requests_go_on_without_number(struct stage *stage)
{
    requests_go_on(stage, 0, BEHIND_THE_CAP);
}

static void requests_go_on_for_hours(struct stage *stage)
{
    requests_go_on(stage, TWO_HOURS, 0);
}

/* What the peer sent up to its end, its deletions among it, is not its next life's. */
static void begin_anew(struct server *server)
{
    struct datagram left;
    stage_stop(server->stage, 0);
    while (stage_receive(server->stage, server->socket, 0, &left))
        ;
    server_start_peer(server->stage);
}

/* What the variants of these names say. */
static void expect_end(struct stage *stage, unsigned most, double seconds)
{
    enum { LONGEST = 40 /* s, of the wait that would follow the fourth request */ };
    struct server server;
    struct request first = server_begin(stage, &server);
    for (unsigned sent = 1; !stage->over; sent++) {
        struct request next = server_await(&server, LONGEST);
        if (!next.came)
            return;
        double passed = server_between(&server, &first, &next);
        stage_expect(stage, R6887_8_1_1_11, sent < most && passed <= seconds + server_late(&server),
                     "no request beyond the limits that the peer is told",
                     "the %u. after %.1f s: %s", sent + 1, passed, request_describe(stage, &next));
    }
}

static void a_limited_number_is_kept(struct stage *stage)
{
    expect_end(stage, 4, 600);
}

static void a_limited_time_is_kept(struct stage *stage)
{
    expect_end(stage, 9, 30);
}

/* Waits of several starts that are alike to the fiftieth part, and a hundredth of our second: for three starts a
 * chance of one in tens of thousands. A busy machine makes them differ more than they do. */
static void each_start_draws_other_jitters(struct stage *stage)
{
    static const double alike = 0.02;
    struct server server;
    double gaps[STARTS][START_GAPS] = {{0}};
    for (size_t start = 0; start < STARTS && !stage->over; start++) {
        if (start > 0)
            begin_anew(&server);
        struct request request =
            start > 0 ? server_next(&server, AN_EXCHANGE) : server_begin(stage, &server);
        size_t count = server_measure_gaps(&server, &request, gaps[start], START_GAPS);
        if (!stage->over && count < START_GAPS)
            stage_end(stage, VERDICT_INCONCLUSIVE, "the request is sent again but %zu times",
                      count);
    }
    double noise = stage_peer_seconds(stage, 0, 10 * MILLISECOND);
    bool same = !stage->over;
    for (size_t start = 1; start < STARTS; start++)
        for (size_t i = 0; i < START_GAPS; i++)
            same = same && gaps[start][i] >= gaps[0][i] * (1 - alike) - noise &&
                   gaps[start][i] <= gaps[0][i] * (1 + alike) + noise;
    stage_expect(stage, R6887_8_1_1_06, !same, "other waits at each start",
                 "%.1f, %.1f, %.1f and %.1f s at all three", gaps[0][0], gaps[0][1], gaps[0][2],
                 gaps[0][3]);
}

/* --- behind a response ------------------------------------------------------------------------ */

static void renewals_wait_for_half_the_lifetime(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    for (int i = 0; i < RENEWALS; i++) {
        server_grant(&server, &request, LIFETIME);
        request = server_next(&server, LIFETIME);
        stage_expect_number(
            stage, R6887_8_1_1_12, "seconds from the response to the renewal of 120 s",
            server_since_answer(&server, &request), LIFETIME * 0.5 - server_early(&server),
            LIFETIME * 0.625 + server_late(&server));
    }
}

/* A second server listens, and is told to the peer behind the first. */
static void renewals_go_to_the_server_that_answered(struct stage *stage)
{
    char text[2 * ADDRESS_TEXT_SIZE];
    char one[ADDRESS_TEXT_SIZE];
    char two[ADDRESS_TEXT_SIZE];
    struct server server = server_open(stage, STAGE_GATEWAY);
    struct server other = server_open(stage, STAGE_ROUTER);
    struct address address = stage_address(stage, STAGE_GATEWAY);
    (void)address_format(&address, one);
    address = stage_address(stage, STAGE_ROUTER);
    (void)snprintf(text, sizeof text, "%s,%s", one, address_format(&address, two));
    stage_tell(stage, "PINHOLE_GATEWAY", text);
    address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
    struct request request = server_next(&server, AN_EXCHANGE);
    for (int i = 0; i < RENEWALS && !stage->over; i++) {
        struct datagram datagram;
        server_grant(&server, &request, SERVER_SHORT_LIFETIME);
        request = server_await(&server, SERVER_SHORT_LIFETIME);
        while (stage_receive(stage, other.socket, 0, &datagram)) {
            struct request stray = server_read(&datagram);
            stage_expect(stage, R6887_8_1_1_09, !server_follows(&server, &stray),
                         "renewals at the server that granted the mapping", "at another one: %s",
                         request_describe(stage, &stray));
        }
        if (!stage->over && !request.came)
            stage_end(stage, VERDICT_INCONCLUSIVE, "the mapping is not renewed");
    }
    /* Our sockets are about to close, which would have it look for the other. */
    stage_stop(stage, SIGKILL);
}

/* The peer ends, and what it sent from then on lies in the socket. Deletions are its right. */
static void repeating_ends_with_the_wish(struct stage *stage)
{
    enum { LEFT = 40 };
    const int64_t crossing = 50 * MILLISECOND;
    struct server server;
    server_begin(stage, &server);
    server_next(&server, AN_EXCHANGE);
    server_next(&server, AN_EXCHANGE);
    int64_t asked = stage_now(stage);
    stage_stop(stage, 0);
    for (;;) {
        struct request request = server_await(&server, LEFT);
        if (!request.came)
            return;
        if (request.datagram.time > asked + crossing)
            stage_expect(stage, R6887_8_1_1_10, !request.is_natpmp && request.pcp.lifetime == 0,
                         "no request but a deletion once the peer has been asked to end",
                         "%.1f s later: %s",
                         stage_peer_seconds(stage, asked, request.datagram.time),
                         request_describe(stage, &request));
    }
}

static const struct test_case cases[] = {
    {.id = "device.8.1.1.repeats-have-the-nonce-of-the-first",
     .sentence = "A retransmission bears the nonce of the first transmission.",
     .requirements = JUDGES(R6887_8_1_1_01),
     .run = repeats_have_the_nonce_of_the_first,
     .traits = CASE_UNSTARTED,
     .seconds = 25},
    {.id = "device.8.1.1.a-request-without-response-is-sent-again",
     .sentence = "A client that gets no response sends its request again.",
     .requirements = JUDGES(R6887_8_1_1_07),
     .run = a_request_is_sent_again,
     .traits = CASE_UNSTARTED,
     .seconds = 4},
    {.id = "device.8.1.1.the-first-repetition-comes-after-3-seconds",
     .sentence = "The first retransmission comes 3 seconds, within a tenth, after the request.",
     .requirements = JUDGES(R6887_8_1_1_02),
     .run = the_first_repetition_comes_after_3_seconds,
     .traits = CASE_UNSTARTED,
     .seconds = 4},
    {.id = "device.8.1.1.each-wait-is-twice-the-one-before",
     .sentence = "Each wait is twice the one before it, within a tenth, up to 1024 seconds.",
     .requirements = JUDGES(R6887_8_1_1_08, R6887_8_1_1_04),
     .run = waits_double,
     .traits = CASE_UNSTARTED,
     .seconds = 100},
    {.id = "device.8.1.1.retransmissions-have-no-number",
     .sentence = "Retransmissions are not limited in number, and no wait is over 1024 seconds.",
     .requirements = JUDGES(R6887_8_1_1_03, R6887_8_1_1_04),
     .run = requests_go_on_without_number,
     .traits = CASE_UNSTARTED,
     .seconds = 4000,
     .factor = FAST},
    {.id = "device.8.1.1.retransmissions-have-no-end",
     .sentence = "Retransmissions are not limited in time.",
     .requirements = JUDGES(R6887_8_1_1_05),
     .run = requests_go_on_for_hours,
     .traits = CASE_UNSTARTED,
     .seconds = TWO_HOURS + 1100,
     .factor = FAST},
    {.id = "device.8.1.1.a-limit-in-number-is-kept",
     .sentence =
         "A client that limits its transmissions and their time gives up when the number is "
         "reached.",
     .requirements = JUDGES(R6887_8_1_1_11),
     .run = a_limited_number_is_kept,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = "giving-up-after-4-requests"},
    {.id = "device.8.1.1.a-limit-in-time-is-kept",
     .sentence = "A client that limits its transmissions and their time gives up when the time is "
                 "over.",
     .requirements = JUDGES(R6887_8_1_1_11),
     .run = a_limited_time_is_kept,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = "giving-up-after-30-s"},
    {.id = "device.8.1.1.each-start-draws-other-jitters",
     .sentence = "Each start of a client draws another sequence of random factors.",
     .requirements = JUDGES(R6887_8_1_1_06),
     .run = each_start_draws_other_jitters,
     .traits = CASE_UNSTARTED,
     .seconds = 140},
    {.id = "device.8.1.1.renewals-wait-for-half-the-lifetime",
     .sentence = "After a response the next request waits for 1/2 to 5/8 of the lifetime.",
     .requirements = JUDGES(R6887_8_1_1_12),
     .run = renewals_wait_for_half_the_lifetime,
     .traits = CASE_UNSTARTED,
     .seconds = 140},
    {.id = "device.8.1.1.renewals-go-to-the-server-that-answered",
     .sentence = "Once a server has answered, later requests for the mapping go to it.",
     .requirements = JUDGES(R6887_8_1_1_09),
     .run = renewals_go_to_the_server_that_answered,
     .traits = CASE_UNSTARTED,
     .seconds = 30},
    {.id = "device.8.1.1.repeating-ends-with-the-wish",
     .sentence = "Retransmissions end when the mapping is no longer wanted.",
     .requirements = JUDGES(R6887_8_1_1_10),
     .run = repeating_ends_with_the_wish,
     .traits = CASE_UNSTARTED,
     .seconds = 90},
};

static const struct defect defects[] = {
    {.name = "repeats-with-another-nonce",
     .text = "sends each repetition with another nonce",
     .requirements = JUDGES(R6887_8_1_1_01)},
    {.name = "asks-once",
     .text = "never sends a request again",
     .requirements = JUDGES(R6887_8_1_1_07)},
    {.name = "repeats-after-a-second",
     .text = "takes 1 s for the initial retransmission time",
     .requirements = JUDGES(R6887_8_1_1_02)},
    {.name = "triples-its-waits",
     .text = "waits three times as long each time",
     .requirements = JUDGES(R6887_8_1_1_08)},
    {.name = "never-waits-over-3-seconds",
     .text = "caps the wait at 3 s",
     .requirements = JUDGES(R6887_8_1_1_04)},
    {.name = "doubles-without-end",
     .text = "has no cap for the wait",
     .requirements = JUDGES(R6887_8_1_1_04),
     .shown_by = "device.8.1.1.retransmissions-have-no-number"},
    {.name = "asks-nine-times",
     .text = "gives up after nine transmissions",
     .requirements = JUDGES(R6887_8_1_1_03)},
    {.name = "gives-up-after-90-minutes",
     .text = "gives up when 90 minutes have passed",
     .requirements = JUDGES(R6887_8_1_1_05)},
    {.name = "forgets-its-limit-in-number",
     .text = "goes on when it has sent a request as often as it may",
     .requirements = JUDGES(R6887_8_1_1_11),
     .shown_by = "device.8.1.1.a-limit-in-number-*"},
    {.name = "forgets-its-limit-in-time",
     .text = "goes on when it has repeated a request for as long as it may",
     .requirements = JUDGES(R6887_8_1_1_11),
     .shown_by = "device.8.1.1.a-limit-in-time-*"},
    {.name = "draws-the-same-jitters",
     .text = "has the same random factors at each start",
     .requirements = JUDGES(R6887_8_1_1_06)},
    {.name = "renews-after-a-third",
     .text = "renews a mapping when a third of its lifetime has passed",
     .requirements = JUDGES(R6887_8_1_1_12)},
    {.name = "renews-elsewhere",
     .text = "renews at another server than the one that granted",
     .requirements = JUDGES(R6887_8_1_1_09)},
    {.name = "goes-on-asking-at-its-end",
     .text = "goes on asking when it has been told to end",
     .requirements = JUDGES(R6887_8_1_1_10)},
};

CASE_FILE(device_08_exchange, CASE_DEVICE, cases, defects);
