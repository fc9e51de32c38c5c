/* The data plane of a stage: do packets get through?
 *
 * Every try has a payload of its own, so that a late copy of one probe is never taken for another. That a
 * packet passes is seen as soon as one does; that none does is a matter of patience, but of little: the
 * nodes are on one machine, and what is forwarded there at all arrives in well under a millisecond. The
 * patience below is for a machine that has other things to do.
 */
#include "check/stage_private.h"

#include "wire/octets.h"

#include <stdio.h>
#include <string.h>

enum { PROBE_LENGTH = 28, PROBE_TRIES = 15, BLOCKED_TRIES = 3 };

static const int64_t passes_step = 100 * MILLISECOND; /* 15 tries: a second and a half */
static const int64_t blocked_step = 60 * MILLISECOND;
static const int64_t connect_patience =
    2500 * MILLISECOND; /* the second SYN comes after a second */

static const uint8_t mark[12] = "pinhole try";

/* What a series of probes came to. */
struct outcome {
    bool arrived;
    struct datagram arrival;
    unsigned tries;
    bool refused; /* an ICMP error came back to the sender */
    uint8_t icmp_type, icmp_code;
};

bool stage_is_probe(const struct datagram *datagram)
{
    return !datagram->is_error && datagram->length == PROBE_LENGTH &&
           memcmp(datagram->octets, mark, sizeof mark) == 0;
}

/* Waits for a probe of the series until a time; whatever else comes is kept. */
static bool await_probe(struct stage *stage, int from, int at, const uint8_t *series, int64_t until,
                        struct outcome *outcome)
{
    int sockets[] = {at, from};
    struct datagram *datagram = &outcome->arrival;
    while (stage_await(stage, sockets, from == at ? 1 : 2, until, datagram)) {
        if (datagram->socket == at && stage_is_probe(datagram) &&
            memcmp(datagram->octets + sizeof mark, series, 8) == 0)
            return true;
        if (datagram->socket == from && datagram->is_error) {
            outcome->refused = true;
            outcome->icmp_type = datagram->icmp_type;
            outcome->icmp_code = datagram->icmp_code;
        }
        stage_keep(stage, datagram);
    }
    return false;
}

static struct outcome probe(struct stage *stage, int from, const struct endpoint *to, int at,
                            unsigned tries, int64_t step)
{
    struct outcome outcome = {0};
    uint8_t octets[PROBE_LENGTH];
    uint64_t series = stage_draw(stage);
    memcpy(octets, mark, sizeof mark);
    memcpy(octets + sizeof mark, &series, sizeof series);
    while (!stage->over && !outcome.arrived && outcome.tries < tries) {
        octets_put32(octets + 20, ++outcome.tries);
        octets_put32(octets + 24, (uint32_t)stage_draw(stage));
        stage_send(stage, from, to, octets, sizeof octets);
        outcome.arrived =
            await_probe(stage, from, at, octets + sizeof mark, stage_now(stage) + step, &outcome);
    }
    return outcome;
}

/* What came of it, as `actual` tells it. */
static const char *outcome_text(struct stage *stage, const struct outcome *outcome)
{
    char *text = stage_text(stage);
    if (outcome->arrived)
        (void)snprintf(text, STAGE_TEXT_SIZE, "it arrived, from %.80s",
                       stage_endpoint_text(stage, &outcome->arrival.from));
    else if (outcome->refused)
        (void)snprintf(text, STAGE_TEXT_SIZE, "none of %u arrived; ICMP type %u code %u came back",
                       outcome->tries, outcome->icmp_type, outcome->icmp_code);
    else
        (void)snprintf(text, STAGE_TEXT_SIZE, "none of %u arrived", outcome->tries);
    return text;
}

static const char *path_text(struct stage *stage, int from, const struct endpoint *to, int at,
                             const char *end)
{
    char *text = stage_text(stage);
    (void)snprintf(text, STAGE_TEXT_SIZE, "a datagram from %.90s to %.80s %s %.90s",
                   stage_socket_text(stage, from), stage_endpoint_text(stage, to), end,
                   stage_socket_text(stage, at));
    return text;
}

bool stage_passes(struct stage *stage, int from, const struct endpoint *to, int at,
                  struct datagram *arrival)
{
    struct outcome outcome = probe(stage, from, to, at, PROBE_TRIES, passes_step);
    if (arrival)
        *arrival = outcome.arrived ? outcome.arrival : (struct datagram){0};
    return outcome.arrived;
}

bool stage_is_blocked(struct stage *stage, int from, const struct endpoint *to, int at)
{
    struct outcome outcome = probe(stage, from, to, at, BLOCKED_TRIES, blocked_step);
    return !stage->over && !outcome.arrived;
}

bool stage_expect_passes(struct stage *stage, enum requirement_id requirement, int from,
                         const struct endpoint *to, int at, struct datagram *arrival)
{
    struct outcome outcome = probe(stage, from, to, at, PROBE_TRIES, passes_step);
    if (arrival)
        *arrival = outcome.arrived ? outcome.arrival : (struct datagram){0};
    return stage_expect(stage, requirement, outcome.arrived,
                        path_text(stage, from, to, at, "arrives at"), "%s",
                        outcome_text(stage, &outcome));
}

bool stage_expect_blocked(struct stage *stage, enum requirement_id requirement, int from,
                          const struct endpoint *to, int at)
{
    struct outcome outcome = probe(stage, from, to, at, BLOCKED_TRIES, blocked_step);
    return stage_expect(stage, requirement, !outcome.arrived,
                        path_text(stage, from, to, at, "does not get to"), "%s",
                        outcome_text(stage, &outcome));
}

bool stage_connects(struct stage *stage, enum stage_place from, const struct endpoint *to,
                    int listener, struct endpoint *accepted)
{
    if (accepted)
        *accepted = (struct endpoint){0};
    return !stage->over &&
           stage->operations->connect(stage->world, from, to, listener,
                                      stage_now(stage) + connect_patience, accepted);
}

bool stage_holds(struct stage *stage, enum stage_place from, const struct endpoint *to,
                 int listener, int ends[2])
{
    return !stage->over && stage->operations->hold(stage->world, from, to, listener,
                                                   stage_now(stage) + connect_patience, ends);
}

bool stage_is_reset(struct stage *stage, int end)
{
    return !stage->over &&
           stage->operations->is_reset(stage->world, end, stage_now(stage) + connect_patience);
}
