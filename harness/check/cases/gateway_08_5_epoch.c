/* RFC 6887, section 8.5: the Epoch Time as a server keeps it. */
#include "check/stage_recovery.h"

enum { WAIT = 300, QUANTUM = 2 /* seconds, of which section 8.5 takes no offence */ };

/* An epoch, and between which of our times the server gave it. */
struct sample {
    uint32_t epoch;
    int64_t before, after;
};

static struct sample ask_epoch(struct stage *stage, enum stage_place from)
{
    struct wish wish = stage_announce_wish(stage, from);
    struct sample sample = {.before = stage_now(stage)};
    struct answer answer = stage_ask(stage, &wish);
    sample.epoch = answer.pcp.epoch;
    sample.after = answer.datagram.time;
    return sample;
}

/* By the test of section 8.5: 2 seconds and a sixteenth are not minded. */
static void expect_counted(struct stage *stage, enum requirement_id requirement,
                           const struct sample *one, const struct sample *next)
{
    double least = stage_peer_seconds(stage, one->after, next->before);
    double most = stage_peer_seconds(stage, one->before, next->after);
    stage_expect_number(stage, requirement, "the rise of the epoch",
                        (double)next->epoch - (double)one->epoch, least - least / 16 - QUANTUM,
                        most + most / 16 + QUANTUM);
}

/* A mapping, made to be lost. */
struct mapping {
    struct endpoint external;
    int inside;
};

static struct mapping make_mapping(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 36000;
    struct answer answer = stage_granted(stage, &wish);
    return (struct mapping){answer_external(&answer), stage_open(stage, STAGE_HOST, 5000)};
}

static bool is_lost(struct stage *stage, const struct mapping *mapping)
{
    return stage_is_blocked(stage, stage_open(stage, STAGE_REMOTE, 0), &mapping->external,
                            mapping->inside);
}

/* Restarts the peer; when that began is returned. A peer that keeps its mappings may count on. */
static int64_t restart(struct stage *stage)
{
    struct mapping mapping = make_mapping(stage);
    int64_t begun = stage_now(stage);
    stage_restart(stage);
    if (!stage->over && !is_lost(stage, &mapping))
        stage_end(stage, VERDICT_UNSUPPORTED, "mappings outlive a restart, so the epoch may too");
    stage_close(stage, mapping.inside);
    return begun;
}

/* Whether an epoch is one that started at the value which another had at first, or before. */
static void expect_anew(struct stage *stage, enum requirement_id requirement,
                        const struct sample *first, int64_t since, const struct sample *sample)
{
    double passed = stage_peer_seconds(stage, since, sample->after);
    stage_expect_number(stage, requirement, "the epoch that started anew", sample->epoch, 0,
                        first->epoch + passed + QUANTUM);
}

/* --- cases ------------------------------------------------------------------------------------- */

static void it_rises_by_one_a_second(struct stage *stage)
{
    enum { TIMES = 3 };
    struct sample first = ask_epoch(stage, STAGE_HOST), last = first;
    for (int i = 0; i < TIMES && !stage->over; i++) {
        stage_pass(stage, SECOND * (WAIT / TIMES));
        struct sample next = ask_epoch(stage, STAGE_HOST);
        expect_counted(stage, R6887_8_5_06, &last, &next);
        expect_counted(stage, R6887_8_5_06, &first, &next);
        last = next;
    }
}

static void a_loss_of_mappings_starts_it_anew(struct stage *stage)
{
    struct sample first = ask_epoch(stage, STAGE_HOST);
    stage_pass(stage, WAIT * SECOND);
    int64_t begun = restart(stage);
    struct sample sample = ask_epoch(stage, STAGE_HOST);
    expect_anew(stage, R6887_8_5_01, &first, begun, &sample);
}

static void it_starts_at_the_same_value_and_counts_on(struct stage *stage)
{
    int64_t begun = restart(stage);
    struct sample first = ask_epoch(stage, STAGE_HOST);
    double least = first.epoch - stage_peer_seconds(stage, begun, first.after) - QUANTUM;
    stage_pass(stage, SECOND * (WAIT / 2));
    struct sample later = ask_epoch(stage, STAGE_HOST);
    expect_counted(stage, R6887_8_5_11, &first, &later);
    begun = restart(stage);
    struct sample again = ask_epoch(stage, STAGE_HOST);
    double passed = stage_peer_seconds(stage, begun, again.after);
    stage_expect_number(stage, R6887_8_5_11, "the epoch after a second restart", again.epoch,
                        least > 0 ? least : 0, first.epoch + passed + QUANTUM);
}

/* Whoever looks for such a change now and then gets five minutes to. */
static void another_external_address_starts_it_anew(struct stage *stage)
{
    enum { TRIES = 30 };
    struct sample first = ask_epoch(stage, STAGE_HOST);
    stage_pass(stage, SECOND * 2 * WAIT);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.socket = stage_open(stage, STAGE_HOST, 0); /* to which a Mapping Update comes too */
    stage_granted(stage, &wish);
    int64_t begun = stage_now(stage);
    stage_renumber(stage, 0);
    struct sample sample = {.epoch = UINT32_MAX};
    for (int i = 0; i < TRIES && !stage->over; i++) {
        stage_ask(stage, &wish);
        sample = ask_epoch(stage, STAGE_HOST);
        if (sample.epoch <= first.epoch + stage_peer_seconds(stage, begun, sample.after) + QUANTUM)
            return;
        stage_pass(stage, SECOND * (WAIT / TRIES));
    }
    expect_anew(stage, R6887_8_5_02, &first, begun, &sample);
}

/* One epoch for all or one for each are the server's choice; none that jumps about is. */
static void each_client_sees_one_that_counts(struct stage *stage)
{
    enum { TIMES = 3 };
    struct sample host = ask_epoch(stage, STAGE_HOST), other = ask_epoch(stage, STAGE_OTHER);
    double between = stage_peer_seconds(stage, host.before, other.after) + QUANTUM;
    bool shared =
        (double)other.epoch - host.epoch <= between && (double)host.epoch - other.epoch <= between;
    enum requirement_id requirement = shared ? R6887_8_5_03 : R6887_8_5_04;
    for (int i = 0; i < TIMES && !stage->over; i++) {
        stage_pass(stage, 20 * SECOND);
        struct sample next = ask_epoch(stage, STAGE_HOST);
        expect_counted(stage, requirement, &host, &next);
        host = next;
        next = ask_epoch(stage, STAGE_OTHER);
        expect_counted(stage, requirement, &other, &next);
        other = next;
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.8.5.it-rises-by-one-a-second",
     .sentence = "The Epoch Time increments by one every second.",
     .requirements = JUDGES(R6887_8_5_06),
     .run = it_rises_by_one_a_second,
     .traits = CASE_BOTH,
     .seconds = WAIT},
    {.id = "gateway.8.5.a-loss-of-mappings-starts-it-anew",
     .sentence = "A server that lost its mappings resets its Epoch Time.",
     .requirements = JUDGES(R6887_8_5_01),
     .run = a_loss_of_mappings_starts_it_anew,
     .seconds = WAIT},
    {.id = "gateway.8.5.it-starts-at-the-same-value-and-counts-on",
     .sentence = "Each reset takes the Epoch Time to its initial value, from which it counts.",
     .requirements = JUDGES(R6887_8_5_11),
     .run = it_starts_at_the_same_value_and_counts_on,
     .seconds = WAIT},
    {.id = "gateway.8.5.another-external-address-starts-it-anew",
     .sentence = "Another external address resets the Epoch Time.",
     .requirements = JUDGES(R6887_8_5_02),
     .run = another_external_address_starts_it_anew,
     .seconds = 3 * WAIT},
    {.id = "gateway.8.5.each-client-sees-one-that-counts",
     .sentence = "Whether clients share an Epoch Time or not, each sees one that counts.",
     .requirements = JUDGES(R6887_8_5_03, R6887_8_5_04),
     .run = each_client_sees_one_that_counts,
     .traits = CASE_NEIGHBOURS,
     .seconds = 60},
};

static const struct defect defects[] = {
    {.name = "has-a-fast-epoch",
     .text = "counts its epoch by four each three seconds",
     .requirements = JUDGES(R6887_8_5_06)},
    {.name = "keeps-its-epoch-without-mappings",
     .text = "has the machine's uptime as its epoch, whatever it has lost",
     .requirements = JUDGES(R6887_8_5_01, R6886_3_6_01, R6886_3_7_02)},
    {.name = "starts-its-epoch-anywhere",
     .text = "has another first epoch at each start",
     .requirements = JUDGES(R6887_8_5_11)},
    {.name = "keeps-its-epoch-when-renumbered",
     .text = "goes on counting its epoch when the external address changes",
     .requirements = JUDGES(R6887_8_5_02)},
    {.name = "lets-its-epoch-jump",
     .text = "has an epoch for all that jumps by a thousand seconds at times",
     .requirements = JUDGES(R6887_8_5_03)},
    {.name = "mixes-epochs-up",
     .text = "has an epoch for each client, and takes another client's at times",
     .requirements = JUDGES(R6887_8_5_04)},
};

CASE_FILE(gateway_08_5_epoch, CASE_GATEWAY, cases, defects);
