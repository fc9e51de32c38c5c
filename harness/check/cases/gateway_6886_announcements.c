/* RFC 6886, sections 3.2.1, 3.6 and 3.7: announcements, and what they and the epoch say of lost mappings. */
#include "check/stage_natpmp.h"
#include "check/stage_recovery.h"

#include <string.h>

enum { COPIES = 10, RESPONSE_BIT = 128, SLACK = 2, WAIT = 240 };

static const int64_t series = 128 * SECOND; /* of the peer: 250 ms, doubled eight times */

struct announcement {
    struct natpmp_message natpmp;
    struct datagram datagram;
};

/* The next of NAT-PMP; those of PCP come at the same port. */
static bool await(struct stage *stage, int socket, int64_t patience, struct announcement *out)
{
    int64_t until = stage_now(stage) + patience;
    while (stage_receive(stage, socket, until - stage_now(stage), &out->datagram)) {
        (void)natpmp_decode(out->datagram.octets, out->datagram.length, &out->natpmp);
        if (!out->datagram.is_error && out->datagram.length > 0 &&
            out->datagram.octets[0] == NATPMP_VERSION)
            return true;
    }
    return false;
}

static int64_t ours(const struct stage *stage, int64_t of_the_peer)
{
    return (int64_t)((double)of_the_peer / stage->scale) + SECOND;
}

/* Up to ten, as long as a series takes. */
static size_t collect(struct stage *stage, int socket, struct announcement out[COPIES])
{
    int64_t until = stage_now(stage) + ours(stage, series);
    size_t count = 0;
    while (count < COPIES && await(stage, socket, until - stage_now(stage), &out[count]))
        count++;
    return count;
}

static const char *describe(struct stage *stage, const struct announcement *announcement)
{
    const struct natpmp_answer answer = {.came = true, .datagram = announcement->datagram};
    return stage_natpmp_describe(stage, &answer);
}

/* --- cases ------------------------------------------------------------------------------------- */

static void the_address_is_announced_at_boot(struct stage *stage)
{
    static const uint8_t all_hosts[4] = {224, 0, 0, 1};
    struct announcement first;
    struct address group = address_from_ipv4(all_hosts);
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    bool came = await(stage, socket, ours(stage, series), &first);
    stage_expect(stage, R6886_3_2_1_02, came, "an announcement after the start", "none");
    stage_expect(stage, R6886_3_2_1_01,
                 address_equal(&first.datagram.to, &group) &&
                     first.datagram.length == NATPMP_ADDRESS_RESPONSE_LENGTH &&
                     first.natpmp.response && first.natpmp.opcode == NATPMP_ADDRESS,
                 "an address response, to 224.0.0.1", "%zu octets: %s", first.datagram.length,
                 describe(stage, &first));
    struct address outside = stage_address(stage, STAGE_OUTSIDE);
    stage_expect(stage, R6886_3_2_1_01,
                 first.natpmp.result != NATPMP_SUCCESS ||
                     memcmp(first.natpmp.external_address, outside.octet + 12, 4) == 0,
                 "the external address", "%s", describe(stage, &first));
}

/* Copies that came of one start; -1 if they come so slowly that all of them would take longer than `most`. Who
 * is held up makes its gaps from what came out, so that fractions of a second become minutes. */
static int count_copies(struct stage *stage, int socket, int64_t most)
{
    struct announcement last = {0}, next;
    int64_t patience = ours(stage, series);
    int count = 0;
    while (count < COPIES && await(stage, socket, patience, &next)) {
        if (count++) {
            int64_t gap = next.datagram.time - last.datagram.time;
            if (gap * 2 * ((INT64_C(1) << (COPIES - count)) - 1) > most)
                return -1;
            patience = 3 * gap + 2 * SECOND;
        }
        last = next;
    }
    return count;
}

static void an_announcement_comes_ten_times(struct stage *stage)
{
    enum { TRIES = 30, LONGEST = 60 };
    int64_t begun = stage_now(stage);
    int socket = stage_listen(stage, STAGE_HOST);
    struct announcement old;
    int count = -1;
    stage_start(stage);
    for (int i = 0; i < TRIES && !stage->over; i++) {
        count = count_copies(stage, socket, 20 * SECOND);
        if (count >= 0 || stage_now(stage) - begun > LONGEST * SECOND)
            break;
        stage_stop(stage, 0);
        while (await(stage, socket, 0, &old))
            ;
        stage_start(stage);
    }
    if (count <= 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "announcements came %s",
                  count ? "too slowly to be counted" : "not at all");
    stage_expect_number(stage, R6886_3_2_1_03, "the number of announcements after the start", count,
                        COPIES, COPIES);
}

/* Late by what a busy machine is, and each twice as long as the one before came out to be. */
static void gaps_begin_at_250_ms_and_double(struct stage *stage)
{
    enum { GAPS = 5 };
    struct announcement last, next;
    int64_t gap = 250 * MILLISECOND, late = 500 * MILLISECOND;
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    if (!await(stage, socket, 10 * SECOND, &last))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no announcement came");
    for (int i = 0; i < GAPS && !stage->over; i++, gap *= 2, last = next) {
        bool came = await(stage, socket, 2 * gap + SECOND, &next);
        stage_expect(stage, R6886_3_2_1_04, came, "another announcement", "none after %d gaps", i);
        int64_t measured = next.datagram.time - last.datagram.time;
        stage_expect_number(stage, R6886_3_2_1_04, "a gap between announcements, in milliseconds",
                            (double)measured / MILLISECOND, 0.75 * (double)gap / MILLISECOND - 100,
                            (1.25 * (double)gap + (double)late) / MILLISECOND);
        gap = measured;
    }
}

static void the_epoch_goes_on_between_copies(struct stage *stage)
{
    enum { FEW = 6 }; /* nearly eight seconds */
    struct announcement first, next;
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    if (!await(stage, socket, 10 * SECOND, &first) || !await(stage, socket, 2 * SECOND, &next))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no two announcements came");
    for (int count = 2; count < FEW && await(stage, socket, 10 * SECOND, &next); count++) {
        double passed = stage_peer_seconds(stage, first.datagram.time, next.datagram.time);
        stage_expect_number(stage, R6886_3_2_1_05, "the rise of the epoch",
                            (double)next.natpmp.epoch - first.natpmp.epoch, passed * 7 / 8 - SLACK,
                            passed * 9 / 8 + SLACK);
    }
}

static void another_address_is_announced(struct stage *stage)
{
    static struct announcement all[COPIES];
    struct announcement announcement;
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    collect(stage, socket, all);
    struct address other = stage_renumber(stage, 0);
    bool came = false;
    int64_t until = stage_now(stage) + ours(stage, 2 * series);
    while (!came && await(stage, socket, until - stage_now(stage), &announcement))
        came = announcement.natpmp.result == NATPMP_SUCCESS &&
               memcmp(announcement.natpmp.external_address, other.octet + 12, 4) == 0;
    stage_expect(stage, R6886_3_2_1_02, came, "an announcement of the new external address",
                 "none came");
}

/* A mapping that the restart ends, or the case is over: who keeps it may count on. */
static int64_t lose_a_mapping(struct stage *stage)
{
    struct natpmp_message request = natpmp_map_wish(5000);
    request.lifetime = 36000;
    struct natpmp_answer answer = stage_natpmp_granted(stage, STAGE_HOST, &request);
    struct endpoint external = stage_natpmp_external(stage, &answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int64_t begun = stage_now(stage);
    stage_restart(stage);
    if (!stage->over &&
        !stage_is_blocked(stage, stage_open(stage, STAGE_REMOTE, 0), &external, inside))
        stage_end(stage, VERDICT_UNSUPPORTED, "mappings outlive a restart, so the epoch may too");
    return begun;
}

static void the_epoch_starts_from_zero(struct stage *stage)
{
    stage_pass(stage, WAIT * SECOND);
    int64_t begun = lose_a_mapping(stage);
    struct natpmp_message request = natpmp_address_wish();
    struct natpmp_answer answer = stage_natpmp_ask(stage, R6886_3_6_01, STAGE_HOST, &request);
    double passed = stage_peer_seconds(stage, begun, answer.datagram.time);
    stage_expect_number(stage, R6886_3_6_01, "the epoch after a restart", answer.natpmp.epoch, 0,
                        passed + SLACK);
}

static void a_loss_of_mappings_is_announced(struct stage *stage)
{
    struct announcement announcement;
    int socket = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    stage_pass(stage, WAIT * SECOND); /* the copies of the first start are over */
    while (await(stage, socket, 0, &announcement))
        ;
    int64_t begun = lose_a_mapping(stage);
    /* Copies that the first start still had to send may come in between. */
    int64_t until = stage_now(stage) + ours(stage, series);
    struct announcement last = {0};
    bool told = false;
    while (!told && await(stage, socket, until - stage_now(stage), &announcement)) {
        double passed = stage_peer_seconds(stage, begun, announcement.datagram.time);
        told = announcement.natpmp.epoch <= passed + SLACK;
        last = announcement;
    }
    stage_expect(stage, R6886_3_7_02, told,
                 "an announcement after a loss of mappings, whose epoch started anew", "%s",
                 last.datagram.length ? describe(stage, &last) : "none");
}

static const struct test_case cases[] = {
    {.id = "gateway.6886.3.2.1.the-address-is-announced-at-boot",
     .sentence = "Upon boot the gateway sends an address response to 224.0.0.1, port 5350.",
     .requirements = JUDGES(R6886_3_2_1_02, R6886_3_2_1_01),
     .run = the_address_is_announced_at_boot,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED},
    {.id = "gateway.6886.3.2.1.another-address-is-announced",
     .sentence = "Upon another external address the gateway announces that.",
     .requirements = JUDGES(R6886_3_2_1_02),
     .run = another_address_is_announced,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED,
     .seconds = 260},
    {.id = "gateway.6886.3.2.1.an-announcement-comes-ten-times",
     .sentence = "The gateway multicasts 10 address notifications.",
     .requirements = JUDGES(R6886_3_2_1_03),
     .run = an_announcement_comes_ten_times,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED,
     .seconds = 300},
    {.id = "gateway.6886.3.2.1.gaps-begin-at-250-ms-and-double",
     .sentence = "The interval between the first two announcements is 250 ms, and doubles.",
     .requirements = JUDGES(R6886_3_2_1_04),
     .run = gaps_begin_at_250_ms_and_double,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED | CASE_REAL_TIME,
     .seconds = 8},
    {.id = "gateway.6886.3.2.1.the-epoch-goes-on-between-copies",
     .sentence = "The epoch in each announcement is updated to reflect the passage of time.",
     .requirements = JUDGES(R6886_3_2_1_05),
     .run = the_epoch_goes_on_between_copies,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED | CASE_REAL_TIME,
     .seconds = 8},
    {.id = "gateway.6886.3.6.the-epoch-starts-from-zero",
     .sentence = "A gateway that lost its mappings begins to count its epoch from zero again.",
     .requirements = JUDGES(R6886_3_6_01),
     .run = the_epoch_starts_from_zero,
     .traits = CASE_NAT_PMP,
     .seconds = WAIT},
    {.id = "gateway.6886.3.7.a-loss-of-mappings-is-announced",
     .sentence = "After a loss of mappings, epoch and announcement say so.",
     .requirements = JUDGES(R6886_3_7_02),
     .run = a_loss_of_mappings_is_announced,
     .traits = CASE_NAT_PMP | CASE_UNSTARTED,
     .seconds = WAIT},
};

static const struct defect defects[] = {
    {.name = "announces-no-nat-pmp",
     .text = "announces by PCP alone",
     .requirements = JUDGES(R6886_3_2_1_02)},
    {.name = "nat-pmp-announces-its-first-address",
     .text = "announces the external address of its start for ever",
     .requirements = JUDGES(R6886_3_2_1_02)},
    {.name = "nat-pmp-announces-no-address",
     .text = "announces by 8 octets, without the address",
     .requirements = JUDGES(R6886_3_2_1_01)},
    {.name = "nat-pmp-announces-thrice",
     .text = "announces by NAT-PMP three times",
     .requirements = JUDGES(R6886_3_2_1_03)},
    {.name = "nat-pmp-announces-late",
     .text = "sends the second announcement of NAT-PMP two seconds after its time",
     .requirements = JUDGES(R6886_3_2_1_04)},
    {.name = "nat-pmp-announces-its-first-epoch",
     .text = "has the first announcement's epoch in all of them",
     .requirements = JUDGES(R6886_3_2_1_05)},
};

CASE_FILE(gateway_6886_announcements, CASE_GATEWAY, cases, defects);
