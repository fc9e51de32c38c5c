/* RFC 6886, sections 3.1, 3.2.1, 3.6 and 3.7: what a client of NAT-PMP does when its server lost its state, or
 * announces itself. */
#include "check/stage_server.h"

#include <string.h>

enum {
    SOON = 60,
    PROMPTLY = 20, /* s */
    QUIETLY = 30,  /* s without a request that nothing calls for */
    AT_ONCE = 2,   /* s */
    ROUNDS = 8,
    LAST_WAIT = 64, /* s, behind the ninth attempt */
    GIVEN_UP = 2 * LAST_WAIT
};

static const double longest_delay = 5; /* s: 3.7 */
/* s: that eight uniform delays of 5 s lie as close together happens once in a million times */
static const double least_spread = 0.5;

/* The server's epoch is another one, and it says so to all. */
static void announce(struct server *server, const struct server *from, uint32_t epoch)
{
    struct reply reply = server_announcement(server, NULL);
    reply.is_natpmp = true;
    reply.natpmp =
        (struct natpmp_message){.opcode = NATPMP_ADDRESS, .response = true, .epoch = epoch};
    memcpy(reply.natpmp.external_address, server->external.octet + 12,
           sizeof reply.natpmp.external_address);
    reply.socket = from->socket;
    server_send(server, &reply);
}

/* The next mapping request that the server doesn't follow. */
static struct request next_other(struct server *server, double seconds)
{
    struct request request;
    do
        request = server_hear(server, seconds);
    while (request.came && (!request.is_natpmp || request.natpmp.opcode == NATPMP_ADDRESS ||
                            server_follows(server, &request)));
    if (!server->stage->over && !request.came)
        stage_end(server->stage, VERDICT_INCONCLUSIVE, "the peer asked for no second mapping");
    return request;
}

static bool is_same(const struct request *a, const struct request *b)
{
    return a->datagram.length == b->datagram.length &&
           memcmp(a->datagram.octets, b->datagram.octets, a->datagram.length) == 0;
}

/* A server of PCP alone is refused, one of NAT-PMP asked: renewals may try PCP first. */
static struct request next_renewal(struct server *server, enum requirement_id requirement,
                                   double seconds, const char *why)
{
    struct request request = server_expect_request(server, requirement, seconds, why);
    return request.is_natpmp ? request : server_next_natpmp(server, seconds);
}

/* --- cases ------------------------------------------------------------------------------------ */

static void a_fallen_epoch_has_all_mappings_renewed(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_natpmp(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    struct request other = next_other(&server, SOON);
    server_grant(&server, &other, SERVER_SHORT_LIFETIME);
    other = next_other(&server, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, 0);
    server_grant(&server, &other, SERVER_LIFETIME);
    server_expect_request(&server, R6886_3_6_02, PROMPTLY,
                          "the other mapping's answer having epoch 0");
}

static void an_announced_loss_has_mappings_renewed(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_natpmp(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    server_set_epoch(&server, 0);
    announce(&server, &server, 0);
    server_expect_request(&server, R6886_3_7_03, PROMPTLY, "epoch 0 being announced");
}

static void an_announcement_from_elsewhere_is_dropped(struct stage *stage)
{
    struct server server;
    struct server other = server_open(stage, STAGE_ROUTER);
    struct request first = server_begin_natpmp(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    announce(&server, &other, 0);
    server_expect_silence(&server, R6886_3_2_1_06, QUIETLY,
                          "epoch 0 being announced by another host than the gateway");
}

static void the_first_renewal_waits_for_up_to_five_seconds(struct stage *stage)
{
    double shortest = longest_delay;
    double longest = 0;
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    for (int i = 0; i < ROUNDS && !stage->over; i++) {
        server_grant(&server, &request, SERVER_LIFETIME);
        stage_pass(stage, PROMPTLY * SECOND);
        server_set_epoch(&server, 0);
        announce(&server, &server, 0);
        request = next_renewal(&server, R6886_3_7_04, PROMPTLY, "epoch 0 being announced");
        double after = server_since_answer(&server, &request);
        stage_expect(stage, R6886_3_7_04, after <= longest_delay + server_late(&server),
                     "the first renewal within 5 s behind the announcement", "after %.1f s: %s",
                     after, request_describe(stage, &request));
        shortest = after < shortest ? after : shortest;
        longest = after > longest ? after : longest;
    }
    stage_expect(stage, R6886_3_7_04, longest - shortest >= least_spread,
                 "first renewals after random times within 5 s", "eight after %.2f to %.2f s",
                 shortest, longest);
}

/* Both mappings are granted, and the loss is announced: up to the first request that comes then. */
static struct request begin_with_a_loss(struct stage *stage, struct server *server)
{
    struct request first = server_begin_natpmp(stage, server);
    server_grant(server, &first, SERVER_LIFETIME);
    struct request other = next_other(server, SOON);
    server_grant(server, &other, SERVER_LIFETIME);
    server_set_epoch(server, 0);
    announce(server, server, 0);
    struct request request;
    do
        request = server_hear(server, PROMPTLY);
    while (request.came && is_same(&request, &other));
    if (!stage->over && !request.is_natpmp)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no renewal of NAT-PMP came: %s",
                  request_describe(stage, &request));
    return request;
}

static void renewals_after_a_loss_are_not_out_together(struct stage *stage)
{
    struct server server;
    struct request first = begin_with_a_loss(stage, &server);
    for (int i = 0; i < 3; i++) {
        struct request next = server_hear(&server, AT_ONCE);
        stage_expect(stage, R6886_3_7_06, !next.came || is_same(&next, &first),
                     "one request at a time, while the first renewal has no answer", "%s",
                     request_describe(stage, &next));
    }
}

static void renewals_after_a_loss_come_one_by_one(struct stage *stage)
{
    struct server server;
    struct request first = begin_with_a_loss(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    struct request next;
    do
        next = server_hear(&server, PROMPTLY);
    while (next.came && is_same(&next, &first));
    stage_expect(stage, R6886_3_7_05, next.came,
                 "the renewal of the second mapping, that of the first being answered", "%s",
                 request_describe(stage, &next));
}

static void an_announcement_has_the_server_tried_again(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    while (!stage->over && request.came && request.is_natpmp)
        request = server_hear(&server, GIVEN_UP);
    if (!stage->over && request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer went on by PCP: %s",
                  request_describe(stage, &request));
    announce(&server, &server, server_epoch(&server));
    request = server_hear(&server, SOON);
    stage_expect(stage, R6886_3_1_06, request.came,
                 "another try, the server having announced itself by NAT-PMP", "%s",
                 request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.6886.3.1.an-announcement-has-the-server-tried-again",
     .sentence = "That a server lacks NAT-PMP may be remembered until it announces itself.",
     .requirements = JUDGES(R6886_3_1_06),
     .run = an_announcement_has_the_server_tried_again,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 330,
     .variant = "that-hears-announcements"},
    {.id = "device.6886.3.2.1.an-announcement-from-elsewhere-is-dropped",
     .sentence = "An announcement from elsewhere than the gateway is dropped.",
     .requirements = JUDGES(R6886_3_2_1_06),
     .run = an_announcement_from_elsewhere_is_dropped,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 35,
     .variant = "that-hears-announcements"},
    {.id = "device.6886.3.6.a-fallen-epoch-has-all-mappings-renewed",
     .sentence = "When the epoch fell, all mappings are renewed.",
     .requirements = JUDGES(R6886_3_6_02),
     .run = a_fallen_epoch_has_all_mappings_renewed,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 25,
     .variant = "mapping-two-ports"},
    {.id = "device.6886.3.7.an-announced-loss-has-mappings-renewed",
     .sentence = "An announcement of a loss makes a client renew without waiting for its "
                 "time.",
     .requirements = JUDGES(R6886_3_7_03),
     .run = an_announced_loss_has_mappings_renewed,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "that-hears-announcements"},
    {.id = "device.6886.3.7.the-first-renewal-waits-for-up-to-five-seconds",
     .sentence = "The first renewal after a loss comes at a random time within 5 s.",
     .requirements = JUDGES(R6886_3_7_04),
     .run = the_first_renewal_waits_for_up_to_five_seconds,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 190,
     .variant = "that-hears-announcements"},
    {.id = "device.6886.3.7.renewals-after-a-loss-are-not-out-together",
     .sentence = "The renewals after a loss are not out at the same time.",
     .requirements = JUDGES(R6886_3_7_06),
     .run = renewals_after_a_loss_are_not_out_together,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 15,
     .variant = "that-hears-announcements-for-two-ports"},
    {.id = "device.6886.3.7.renewals-after-a-loss-come-one-by-one",
     .sentence = "The renewals after a loss come one at a time.",
     .requirements = JUDGES(R6886_3_7_05),
     .run = renewals_after_a_loss_come_one_by_one,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "that-hears-announcements-for-two-ports"},
};

static const struct defect defects[] = {
    {.name = "recreates-by-nat-pmp-at-once",
     .text = "renews at once when NAT-PMP announces a loss",
     .requirements = JUDGES(R6886_3_7_04)},
    {.name = "recreates-one-by-nat-pmp",
     .text = "renews its first mapping alone after a loss",
     .requirements = JUDGES(R6886_3_7_05)},
    {.name = "gives-nat-pmp-up-for-good",
     .text = "hears no NAT-PMP once it has given it up",
     .requirements = JUDGES(R6886_3_1_06)},
};

CASE_FILE(device_6886_recovery, CASE_DEVICE, cases, defects);
