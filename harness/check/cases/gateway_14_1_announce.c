/* RFC 6887, sections 14 and 14.1: what a server announces when it starts and when it has a new address, and how
 * it answers ANNOUNCE.
 *
 * Announcements may go to the group or, where the server still knows its clients, to each of them (14.1.3): cases
 * that rest on one hear it wherever it comes. That none comes at all is for two cases only.
 */
#include "check/stage_raw.h"
#include "check/stage_recovery.h"

#include <math.h>
#include <stdio.h>

enum { COPIES = 10, GAPS = 3, EPOCH_SLACK = 10 };

static const double first_gap = 0.250; /* seconds */

/* --- what is heard ----------------------------------------------------------------------------- */

static struct answer hear_a_start(struct stage *stage, int *listener)
{
    *listener = stage_listen(stage, STAGE_HOST);
    stage_start(stage);
    struct answer first = stage_hear(stage, listener, 1, PCP_ANNOUNCE);
    if (!stage->over && !first.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no announcement was heard on the inside");
    return first;
}

/* A client that has a mapping, and ears. */
struct client {
    struct wish wish;
    struct answer granted;
    int sockets[2]; /* of the group, and its own */
};

static struct client begin_client(struct stage *stage)
{
    struct client client = {.wish = stage_map_wish(stage, STAGE_HOST, 5000)};
    client.wish.socket = stage_open(stage, STAGE_HOST, 0);
    client.sockets[0] = stage_listen(stage, STAGE_HOST);
    client.sockets[1] = client.wish.socket;
    client.granted = stage_granted(stage, &client.wish);
    return client;
}

/* The client's test of 8.5, with more slack: does the epoch go on as if nothing had been? */
static bool goes_on(const struct stage *stage, const struct answer *before,
                    const struct answer *after)
{
    double passed = stage_peer_seconds(stage, before->datagram.time, after->datagram.time);
    return fabs(after->pcp.epoch - (before->pcp.epoch + passed)) <= passed / 16 + EPOCH_SLACK;
}

static bool says_no_announce(uint8_t result)
{
    return result == PCP_UNSUPP_OPCODE || result == PCP_NOT_AUTHORIZED;
}

/* What a server that was restarted and said nothing has lost: if it lacks the opcode, or all goes on, it had
 * nothing to say. */
static void excuse_silence(struct stage *stage, const struct client *client)
{
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    struct answer now = stage_ask(stage, &announce);
    if (!stage->over && says_no_announce(now.pcp.result))
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &now));
    else if (!stage->over && goes_on(stage, &client->granted, &now))
        stage_end(stage, VERDICT_INCONCLUSIVE, "after the restart the epoch goes on: %s",
                  stage_describe(stage, &now));
}

static void drain(struct stage *stage, const struct client *client)
{
    while (stage_hear_within(stage, client->sockets, 2, PCP_ANNOUNCE, 0).came)
        ;
}

/* What the peer announces after a restart; what it said before is gone. */
static struct answer hear_a_restart(struct stage *stage, const struct client *client)
{
    stage_stop(stage, 0);
    drain(stage, client);
    stage_start(stage);
    return stage_hear(stage, client->sockets, 2, PCP_ANNOUNCE);
}

/* --- that it is announced ---------------------------------------------------------------------- */

static void a_restart_is_announced(struct stage *stage)
{
    struct client client = begin_client(stage);
    stage_pass_until(stage, &client.granted, 100);
    struct answer heard = hear_a_restart(stage, &client);
    if (!stage->over && !heard.came)
        excuse_silence(stage, &client);
    stage_expect(stage, R6887_14_1_3_03, heard.came,
                 "an announcement to the group or to the client after a restart",
                 "none in 5 s, and the epoch has started over");
}

static void nothing_is_announced_outside(struct stage *stage)
{
    int outside = stage_listen(stage, STAGE_REMOTE);
    int inside;
    hear_a_start(stage, &inside);
    struct answer again = stage_hear(stage, &inside, 1, PCP_ANNOUNCE); /* the next is the fence */
    (void)again;
    struct answer heard = stage_hear_within(stage, &outside, 1, PCP_ANNOUNCE, 200 * MILLISECOND);
    stage_expect(stage, R6887_14_1_3_03, !heard.came,
                 "announcements on paths alone over which requests are accepted",
                 "one came in at the outside network: %s", stage_describe(stage, &heard));
}

/* A server may do without the group: then neither family hears it. */
static void both_families_hear_it(struct stage *stage)
{
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    bool ipv6 = stage->ipv6;
    int mine = stage_listen(stage, STAGE_HOST);
    stage->ipv6 = !ipv6;
    int others = stage_listen(stage, STAGE_HOST);
    stage->ipv6 = ipv6;
    stage_start(stage);
    struct answer heard = stage_hear(stage, &mine, 1, PCP_ANNOUNCE);
    if (!stage->over && !heard.came) {
        struct answer other = stage_hear(stage, &others, 1, PCP_ANNOUNCE);
        struct answer served = stage_exchange(stage, STAGE_HOST, -1, stage_raw(&announce).octets,
                                              stage_raw(&announce).length);
        if (!other.came || !served.came)
            stage_end(stage, VERDICT_INCONCLUSIVE, "%s",
                      other.came ? "the server does not serve this family"
                                 : "no announcement was heard in either family");
    }
    stage_expect(stage, R6887_14_1_3_09, heard.came,
                 ipv6 ? "an announcement to ff02::1 port 5350"
                      : "an announcement to 224.0.0.1 port 5350",
                 "none in 5 s, but one in the other family, while both are served");
}

/* Where requests are answered is where they go: this client's do, whatever other addresses take some, too. */
static void they_come_from_where_requests_go(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct endpoint server = stage_server(stage, STAGE_HOST);
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    struct raw request = stage_raw(&announce);
    struct answer answer = stage_exchange(stage, STAGE_HOST, -1, request.octets, request.length);
    if (!stage->over && !answer.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the gateway's address takes no requests");
    int listener = stage_listen(stage, STAGE_HOST);
    stage_restart(stage);
    struct answer first = stage_hear(stage, &listener, 1, PCP_ANNOUNCE);
    struct answer heard = first;
    if (!stage->over && !first.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no announcement was heard on the inside");
    while (heard.came && !address_equal(&heard.datagram.from.address, &server.address))
        heard = stage_hear_within(stage, &listener, 1, PCP_ANNOUNCE, 2 * SECOND);
    stage_expect(stage, R6887_14_1_3_02, heard.came,
                 "an announcement from the address where requests are answered", "all come from %s",
                 address_format(&first.datagram.from.address, text));
    stage_expect_number(stage, R6887_14_1_3_02, "the port that it comes from",
                        heard.datagram.from.port, PCP_SERVER_PORT, PCP_SERVER_PORT);
}

static void they_are_successes(struct stage *stage)
{
    int listener;
    struct answer heard = hear_a_start(stage, &listener);
    for (int i = 0; i < 3 && heard.came && !stage->over; i++) {
        stage_expect_result(stage, R6887_14_1_3_01, &heard, PCP_SUCCESS);
        stage_expect_number(stage, R6887_14_1_1_02, "the lifetime of an announcement",
                            heard.pcp.lifetime, 0, 0);
        stage_expect(stage, R6887_14_1_1_02, heard.fault == PCP_FAULT_NONE,
                     "a header, and nothing but options behind it", "%s: %s",
                     pcp_fault_text(heard.fault), stage_describe(stage, &heard));
        heard = stage_hear_within(stage, &listener, 1, PCP_ANNOUNCE, 2 * SECOND);
    }
}

/* The next copy that came from the same address as another. */
static struct answer hear_again(struct stage *stage, int listener, const struct answer *before,
                                int64_t patience)
{
    struct answer heard;
    do
        heard = stage_hear_within(stage, &listener, 1, PCP_ANNOUNCE, patience);
    while (heard.came &&
           !address_equal(&heard.datagram.from.address, &before->datagram.from.address));
    return heard;
}

static void gaps_double(struct stage *stage)
{
    int listener;
    struct answer before = hear_a_start(stage, &listener);
    double shortest = first_gap;
    for (int i = 0; i < GAPS && !stage->over; i++) {
        struct answer after = hear_again(stage, listener, &before, 4 * SECOND);
        if (!after.came)
            return;
        double gap = stage_peer_seconds(stage, before.datagram.time, after.datagram.time);
        stage_expect_number(stage, R6887_14_1_3_04, "the gap between two announcements", gap,
                            0.9 * shortest, INFINITY);
        shortest = 2 * gap;
        before = after;
    }
}

static void ten_at_most(struct stage *stage)
{
    int listener;
    struct answer first = hear_a_start(stage, &listener);
    struct answer last = first;
    unsigned copies = 0;
    while (last.came && ++copies <= COPIES) {
        double passed = stage_peer_seconds(stage, first.datagram.time, last.datagram.time);
        stage_expect_number(stage, R6887_14_1_3_04, "the epoch in a copy of the announcement",
                            last.pcp.epoch, first.pcp.epoch + passed - passed / 16 - EPOCH_SLACK,
                            first.pcp.epoch + passed + passed / 16 + EPOCH_SLACK);
        last = hear_again(stage, listener, &first, 5 * SECOND);
    }
    stage_expect_number(stage, R6887_14_1_3_04, "the number of announcements", copies, 1, COPIES);
}

/* --- that the epoch starts over ---------------------------------------------------------------- */

static void expect_started_over(struct stage *stage, const struct answer *before,
                                const struct answer *heard)
{
    if (!stage->over && !heard->came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no announcement was heard on the inside");
    stage_expect(stage, R6887_14_1_01, !goes_on(stage, before, heard),
                 "the epoch of the announcement has started over",
                 "it goes on: %u, and %.0f s before it was %u", heard->pcp.epoch,
                 stage_peer_seconds(stage, before->datagram.time, heard->datagram.time),
                 before->pcp.epoch);
}

static void the_epoch_starts_over_with_a_restart(struct stage *stage)
{
    struct client client = begin_client(stage);
    stage_pass_until(stage, &client.granted, 200);
    struct answer heard = hear_a_restart(stage, &client);
    expect_started_over(stage, &client.granted, &heard);
}

/* What is announced after the external address has changed; at worst the last one whose epoch goes on, which may be
 * of the start still. */
static struct answer hear_a_renumbering(struct stage *stage, const struct client *client)
{
    drain(stage, client);
    stage_renumber(stage, 0);
    struct answer last = stage_hear(stage, client->sockets, 2, PCP_ANNOUNCE);
    struct answer heard = last;
    while (last.came && goes_on(stage, &client->granted, &last)) {
        heard = last;
        last = stage_hear(stage, client->sockets, 2, PCP_ANNOUNCE);
    }
    return last.came ? last : heard;
}

static void the_epoch_starts_over_with_a_new_address(struct stage *stage)
{
    struct client client = begin_client(stage);
    stage_pass_until(stage, &client.granted, 200);
    struct answer heard = hear_a_renumbering(stage, &client);
    expect_started_over(stage, &client.granted, &heard);
}

/* An announcement whose epoch goes on tells its clients nothing. */
static void a_new_address_is_told(struct stage *stage)
{
    struct client client = begin_client(stage);
    stage_pass_until(stage, &client.granted, 200);
    struct answer heard = hear_a_renumbering(stage, &client);
    bool announced = heard.came && !goes_on(stage, &client.granted, &heard);
    struct answer updated = stage_hear(stage, client.sockets, 2, PCP_MAP);
    stage_expect(stage, R6887_14_01, announced || updated.came,
                 "an announcement or a Mapping Update after the external address has changed",
                 "neither in 10 s");
    stage_expect(stage, R6887_14_02, announced && updated.came,
                 "an announcement and Mapping Updates after the external address has changed",
                 "only %s", announced ? "an announcement" : "a Mapping Update");
}

/* --- ANNOUNCE as a request --------------------------------------------------------------------- */

static struct answer ask_announce(struct stage *stage, enum requirement_id requirement,
                                  const struct wish *wish)
{
    struct answer answer = stage_ask_for(stage, requirement, wish);
    if (!stage->over && says_no_announce(answer.pcp.result))
        stage_end(stage, VERDICT_UNSUPPORTED, "%s", stage_describe(stage, &answer));
    return answer;
}

static void options_may_stand_in_it(struct stage *stage)
{
    static const uint8_t data[8] = "pinhole";
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    wish_add_option(&wish, UNKNOWN_OPTIONAL, data, sizeof data);
    struct answer answer = ask_announce(stage, R6887_14_1_1_01, &wish);
    stage_expect_result(stage, R6887_14_1_1_01, &answer, PCP_SUCCESS);
}

static void its_lifetime_is_0_and_ignored(struct stage *stage)
{
    static const uint32_t lifetimes[] = {0, 600, UINT32_MAX};
    for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes; i++) {
        struct wish wish = stage_announce_wish(stage, STAGE_HOST);
        wish.message.lifetime = lifetimes[i];
        struct answer answer = ask_announce(stage, R6887_14_1_1_02, &wish);
        stage_expect_result(stage, R6887_14_1_1_02, &answer, PCP_SUCCESS);
        stage_expect_number(stage, R6887_14_1_1_02, "the lifetime in the answer to ANNOUNCE",
                            answer.pcp.lifetime, 0, 0);
    }
}

static void it_draws_success(struct stage *stage)
{
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    struct answer answer = ask_announce(stage, R6887_14_1_1_03, &wish);
    stage_expect_result(stage, R6887_14_1_1_03, &answer, PCP_SUCCESS);
    wish.message.client = stage_address(stage, STAGE_OTHER);
    answer = ask_announce(stage, R6887_14_1_1_03, &wish);
    stage_expect_result(stage, R6887_14_1_1_03, &answer, PCP_ADDRESS_MISMATCH);
}

static void it_changes_nothing(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    stage_expect_mapped(stage, R6887_14_1_2_03, &granted, inside);
    stage_pass_until(stage, &granted, 120);
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    for (int i = 0; i < 3; i++) {
        struct answer answer = ask_announce(stage, R6887_14_1_2_03, &announce);
        stage_expect(stage, R6887_14_1_2_03, goes_on(stage, &granted, &answer),
                     "the epoch goes on over ANNOUNCE requests", "it is %u, %.0f s after it was %u",
                     answer.pcp.epoch,
                     stage_peer_seconds(stage, granted.datagram.time, answer.datagram.time),
                     granted.pcp.epoch);
    }
    stage_expect_mapped(stage, R6887_14_1_2_03, &granted, inside);
}

static const struct test_case cases[] = {
    {.id = "gateway.14.a-new-address-is-told",
     .sentence = "A new external address is told by ANNOUNCE, and by Mapping Updates too.",
     .requirements = JUDGES(R6887_14_01, R6887_14_02),
     .run = a_new_address_is_told,
     .seconds = 220},
    {.id = "gateway.14.1.the-epoch-starts-over-with-a-restart",
     .sentence = "The epoch starts over before the loss of all state is announced.",
     .requirements = JUDGES(R6887_14_1_01),
     .run = the_epoch_starts_over_with_a_restart,
     .traits = CASE_BOTH,
     .seconds = 220},
    {.id = "gateway.14.1.the-epoch-starts-over-with-a-new-address",
     .sentence = "The epoch starts over before a new external address is announced.",
     .requirements = JUDGES(R6887_14_1_01),
     .run = the_epoch_starts_over_with_a_new_address,
     .seconds = 220},
    {.id = "gateway.14.1.1.options-may-stand-in-announce",
     .sentence = "An ANNOUNCE request with an unknown optional option draws SUCCESS.",
     .requirements = JUDGES(R6887_14_1_1_01),
     .run = options_may_stand_in_it},
    {.id = "gateway.14.1.1.the-lifetime-of-announce-is-0-and-ignored",
     .sentence = "The lifetime of ANNOUNCE is not looked at, and 0 in the answer.",
     .requirements = JUDGES(R6887_14_1_1_02),
     .run = its_lifetime_is_0_and_ignored},
    {.id = "gateway.14.1.1.announce-draws-success",
     .sentence = "ANNOUNCE draws SUCCESS, with a wrong client address ADDRESS_MISMATCH.",
     .requirements = JUDGES(R6887_14_1_1_03),
     .run = it_draws_success,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.14.1.2.announce-changes-nothing",
     .sentence = "An ANNOUNCE request changes neither epoch nor mappings.",
     .requirements = JUDGES(R6887_14_1_2_03),
     .run = it_changes_nothing,
     .seconds = 120},
    {.id = "gateway.14.1.3.a-restart-is-announced",
     .sentence = "A server that may have lost state tells its clients by ANNOUNCE.",
     .requirements = JUDGES(R6887_14_1_3_03),
     .run = a_restart_is_announced,
     .traits = CASE_BOTH,
     .seconds = 120},
    {.id = "gateway.14.1.3.nothing-is-announced-outside",
     .sentence = "Announcements leave on those paths alone over which requests are accepted.",
     .requirements = JUDGES(R6887_14_1_3_03),
     .run = nothing_is_announced_outside,
     .traits = CASE_BOTH | CASE_UNSTARTED},
    {.id = "gateway.14.1.3.both-families-hear-announcements",
     .sentence = "Announcements go to 224.0.0.1 and ff02::1, in each family that is served.",
     .requirements = JUDGES(R6887_14_1_3_09),
     .run = both_families_hear_it,
     .traits = CASE_BOTH | CASE_UNSTARTED},
    {.id = "gateway.14.1.3.announcements-come-from-where-requests-go",
     .sentence = "An announcement comes from the address and port that requests go to.",
     .requirements = JUDGES(R6887_14_1_3_02),
     .run = they_come_from_where_requests_go,
     .traits = CASE_BOTH},
    {.id = "gateway.14.1.3.announcements-are-successes",
     .sentence = "An announcement has result code 0, lifetime 0 and no data.",
     .requirements = JUDGES(R6887_14_1_3_01, R6887_14_1_1_02),
     .run = they_are_successes,
     .traits = CASE_BOTH | CASE_UNSTARTED},
    {.id = "gateway.14.1.3.gaps-between-announcements-double",
     .sentence = "The first gap between announcements is 250 ms or more, and each doubles.",
     .requirements = JUDGES(R6887_14_1_3_04),
     .run = gaps_double,
     .traits = CASE_REAL_TIME | CASE_UNSTARTED,
     .seconds = 2},
    {.id = "gateway.14.1.3.announcements-are-ten-at-most",
     .sentence = "An announcement is sent ten times at most, with the epoch of each moment.",
     .requirements = JUDGES(R6887_14_1_3_04),
     .run = ten_at_most,
     .traits = CASE_UNSTARTED,
     .seconds = 430},
};

static const struct defect defects[] = {
    {.name = "tells-of-no-new-address",
     .text = "goes on with the external address that it had at its start",
     .requirements = JUDGES(R6887_14_01)},
    {.name = "sends-no-mapping-updates",
     .text = "announces a new external address, and sends no Mapping Updates",
     .requirements = JUDGES(R6887_14_02)},
    {.name = "counts-the-epoch-from-boot",
     .text = "has the machine's uptime as its epoch, over restarts too",
     .requirements = JUDGES(R6887_14_1_01)},
    {.name = "keeps-its-epoch-on-a-new-address",
     .text = "lets the epoch go on when the external address changes",
     .requirements = JUDGES(R6887_14_1_01)},
    {.name = "chokes-on-options-in-announce",
     .text = "calls an ANNOUNCE with an option malformed",
     .requirements = JUDGES(R6887_14_1_1_01)},
    {.name = "minds-the-lifetime-of-announce",
     .text = "calls an ANNOUNCE with a lifetime malformed",
     .requirements = JUDGES(R6887_14_1_1_02)},
    {.name = "announces-with-a-lifetime",
     .text = "has a lifetime in ANNOUNCE, asked for or not",
     .requirements = JUDGES(R6887_14_1_1_02)},
    {.name = "answers-no-announce",
     .text = "leaves ANNOUNCE requests without an answer",
     .requirements = JUDGES(R6887_14_1_1_03)},
    {.name = "answers-anyones-announce",
     .text = "answers an ANNOUNCE whose client address is another's by SUCCESS",
     .requirements = JUDGES(R6887_14_1_1_03)},
    {.name = "ends-mappings-on-announce",
     .text = "takes an ANNOUNCE for a sign that its host has started anew",
     .requirements = JUDGES(R6887_14_1_2_03)},
    {.name = "starts-its-epoch-over-on-announce",
     .text = "starts its epoch over when it is asked for by ANNOUNCE",
     .requirements = JUDGES(R6887_14_1_2_03)},
    {.name = "announces-nothing",
     .text = "says nothing when it starts",
     .requirements = JUDGES(R6887_14_1_3_03)},
    {.name = "announces-outside-too",
     .text = "sends its announcements out of the outside interface as well",
     .requirements = JUDGES(R6887_14_1_3_03)},
    {.name = "announces-over-ipv4-alone",
     .text = "serves IPv6, and announces over IPv4 alone",
     .requirements = JUDGES(R6887_14_1_3_09, R6887_14_1_3_03)},
    {.name = "announces-to-all-routers",
     .text = "sends its announcements to 224.0.0.2 and ff02::2",
     .requirements = JUDGES(R6887_14_1_3_09),
     .shown_by = "gateway.14.1.3.*"},
    {.name = "announces-from-a-port-of-its-own",
     .text = "sends its announcements from a port that requests do not go to",
     .requirements = JUDGES(R6887_14_1_3_02)},
    {.name = "announces-from-link-local",
     .text = "sends its announcements from the link-local address alone",
     .requirements = JUDGES(R6887_14_1_3_02)},
    {.name = "announces-with-an-error",
     .text = "has result NO_RESOURCES in its announcements",
     .requirements = JUDGES(R6887_14_1_3_01)},
    {.name = "announces-in-a-hurry",
     .text = "repeats each announcement after 100 ms",
     .requirements = JUDGES(R6887_14_1_3_04)},
    {.name = "announces-without-end",
     .text = "repeats the tenth announcement again and again",
     .requirements = JUDGES(R6887_14_1_3_04)},
    {.name = "announces-with-a-frozen-epoch",
     .text = "has the epoch of the first announcement in each copy",
     .requirements = JUDGES(R6887_14_1_3_04)},
};

CASE_FILE(gateway_14_1_announce, CASE_GATEWAY, cases, defects);
