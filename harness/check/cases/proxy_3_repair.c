/* RFC 7648, sections 3.5 and 3.6: a proxy when something changes upstream, and with several servers. */
#include "check/stage_proxy.h"
#include "check/stage_recovery.h"

#include <stdio.h>
#include <string.h>

enum {
    GRANTED = 3600,
    WITHIN = 120, /* s, in which a proxy asks for its mappings again, or has its clients do so */
    AFTER_THE_START =
        130, /* s, until the announcements are over that its own start brings, 14.1.3 */
    EPOCH_SLACK = 20,
    ANOTHER_PORT = PROXY_OUTERMOST_PORT + 555
};

/* --- announcements ------------------------------------------------------------------------------ */

static void announce_requests_are_not_relayed(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct request heard;
    (void)proxy_is_quiet(&server, PCP_ANNOUNCE, &heard);
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect_result(stage, R7648_3_5_01, &answer, PCP_SUCCESS);
    bool quiet = proxy_is_quiet(&server, PCP_ANNOUNCE, &heard);
    stage_expect(stage, R7648_3_5_01, quiet, "no ANNOUNCE upstream", "%s",
                 request_describe(stage, &heard));
}

/* A mapping that stands, and a client that listens for news, once the proxy has no more of its own start to
 * tell. */
struct standing {
    struct server server;
    struct wish wish;
    struct passage passage;
    int listener;
};

static void stand(struct stage *stage, struct standing *standing)
{
    standing->server = proxy_upstream(stage);
    standing->wish = stage_map_wish(stage, STAGE_HOST, 5000);
    standing->wish.message.lifetime = GRANTED;
    standing->passage = proxy_granted(&standing->server, &standing->wish, GRANTED, NULL);
    stage_pass(stage, AFTER_THE_START * SECOND);
    standing->listener = proxy_listen(stage, STAGE_HOST);
}

static void announce(struct standing *standing)
{
    struct reply reply = server_announcement(&standing->server, NULL);
    server_send(&standing->server, &reply);
}

/* The proxy asks upstream for its mapping again, or it has its clients do so; false: neither. */
static bool asks_or_announces(struct standing *standing, struct request *again)
{
    struct stage *stage = standing->server.stage;
    *again = proxy_await(&standing->server, PCP_MAP, WITHIN);
    return again->came || proxy_await_announcement(stage, standing->listener, 1).came;
}

static void after_an_announcement_the_mappings_are_renewed(struct stage *stage)
{
    struct request again;
    struct standing standing;
    stand(stage, &standing);
    announce(&standing);
    bool mends = asks_or_announces(&standing, &again);
    stage_expect(
        stage, R7648_3_5_02, mends,
        "the mapping asked for again upstream within 120 s or, by a proxy that keeps none, "
        "an ANNOUNCE to its clients",
        "neither");
}

static void each_announcement_counts(struct stage *stage)
{
    struct request again;
    struct standing standing;
    stand(stage, &standing);
    announce(&standing);
    if (asks_or_announces(&standing, &again) && again.came)
        server_grant(&standing.server, &again, again.pcp.lifetime);
    stage_pass(stage, WITHIN * SECOND);
    server_set_epoch(&standing.server, 0);
    announce(&standing);
    bool mends = asks_or_announces(&standing, &again);
    stage_expect(stage, R7648_3_5_05, mends,
                 "after a second ANNOUNCE, too, the mapping asked for again upstream or an "
                 "ANNOUNCE to the clients",
                 "neither");
}

static void what_has_not_changed_is_not_announced(struct stage *stage)
{
    struct standing standing;
    stand(stage, &standing);
    announce(&standing);
    struct request again = proxy_await(&standing.server, PCP_MAP, WITHIN);
    if (!again.came)
        return; /* one that keeps no mappings announces always */
    server_grant(&standing.server, &again, again.pcp.lifetime);
    /* One that is in step may be a late copy of those of the start, and has clients do nothing. */
    struct answer heard;
    do
        heard = proxy_await_announcement(stage, standing.listener, WITHIN);
    while (heard.came && heard.pcp.epoch + EPOCH_SLACK >= AFTER_THE_START);
    stage_expect(stage, R7648_3_5_03, !heard.came,
                 "no ANNOUNCE to the clients with an epoch that starts anew", "%s",
                 stage_describe(stage, &heard));
}

static void what_has_changed_is_announced(struct stage *stage)
{
    struct standing standing;
    stand(stage, &standing);
    announce(&standing);
    struct request again = proxy_await(&standing.server, PCP_MAP, WITHIN);
    if (again.came) {
        struct reply reply = server_success(&standing.server, &again);
        reply.pcp.data.map.external_port = ANOTHER_PORT;
        server_send(&standing.server, &reply);
    }
    struct answer heard = proxy_await_announcement(stage, standing.listener, WITHIN);
    stage_expect(stage, R7648_3_5_04, heard.came,
                 "an ANNOUNCE to the clients, since the external port is another one now", "none");
}

/* --- another address of its own ------------------------------------------------------------------ */

static struct address renumber(struct stage *stage)
{
    struct address moved = stage_renumber(stage, 0);
    stage_run(stage, STAGE_OUTSIDE, "ip route replace default via 11.0.0.2");
    return moved;
}

static void another_address_has_the_mappings_renewed(struct stage *stage)
{
    struct request again;
    struct standing standing;
    stand(stage, &standing);
    struct address moved = renumber(stage);
    bool mends = asks_or_announces(&standing, &again);
    stage_expect(stage, R7648_3_5_06, mends,
                 "the mapping asked for again upstream within 120 s, or an ANNOUNCE to the clients "
                 "so that they ask",
                 "neither");
    if (!stage->over && again.came)
        stage_expect(stage, R7648_3_5_06, address_equal(&again.pcp.client, &moved),
                     "a request for a mapping to the new address", "%s",
                     request_describe(stage, &again));
}

static bool is_update(const struct answer *heard)
{
    return heard->came && heard->pcp.opcode == PCP_MAP &&
           heard->pcp.data.map.external_port == ANOTHER_PORT;
}

static void another_port_by_that_is_told_to_the_client(struct stage *stage)
{
    struct standing standing;
    stand(stage, &standing);
    (void)renumber(stage);
    struct request again = proxy_await(&standing.server, PCP_MAP, WITHIN);
    if (again.came) {
        struct reply reply = server_success(&standing.server, &again);
        reply.pcp.data.map.external_port = ANOTHER_PORT;
        server_send(&standing.server, &reply);
    }
    struct answer update = proxy_hear(&standing.passage, SECOND);
    struct answer heard = proxy_await_announcement(stage, standing.listener, 1);
    stage_expect(stage, R7648_3_5_07, is_update(&update) || heard.came,
                 "an ANNOUNCE, or an update of the mapping, to the client", "neither");
}

/* --- several servers ----------------------------------------------------------------------------- */

static struct server second_server(struct stage *stage, uint32_t epoch)
{
    struct server server = server_open(stage, STAGE_STRANGER);
    (void)address_parse("203.0.113.8", &server.external);
    server_set_epoch(&server, epoch);
    return server;
}

static void the_second_of_two_servers_serves(struct stage *stage)
{
    struct server first = server_open(stage, STAGE_REMOTE);
    struct server second = second_server(stage, 100);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)first; /* silent */
    struct passage passage = proxy_passes(&second, R7648_3_6_01, &wish);
    struct reply reply = server_success(&second, &passage.up);
    struct answer told = proxy_answer(&passage, &reply);
    stage_expect_result(stage, R7648_3_6_01, &told, PCP_SUCCESS);
}

static void servers_are_asked_side_by_side(struct stage *stage)
{
    struct server first = proxy_upstream(stage);
    struct server second = second_server(stage, 100);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)proxy_passes(&first, R7648_3_6_03, &wish); /* and gives no answer */
    struct request other = proxy_await(&second, PCP_MAP, 2);
    stage_expect(stage, R7648_3_6_03, other.came,
                 "the request at the second server, while the first has not answered", "%s",
                 request_describe(stage, &other));
}

/* Both servers answer a client's wish, the second one a little later. */
static void have_both_answer(struct server *first, struct server *second, uint16_t port)
{
    struct stage *stage = first->stage;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, port);
    wish.message.lifetime = GRANTED;
    (void)proxy_granted(first, &wish, GRANTED, NULL);
    struct request other = proxy_await(second, PCP_MAP, 2);
    if (other.came)
        server_grant(second, &other, GRANTED);
}

static void each_server_has_an_epoch_of_its_own(struct stage *stage)
{
    struct server first = proxy_upstream(stage);
    struct server second = second_server(stage, 100);
    struct wish announcement = stage_announce_wish(stage, STAGE_OTHER);
    have_both_answer(&first, &second, 5000);
    struct answer before = stage_ask(stage, &announcement);
    stage_pass(stage, 60 * SECOND);
    for (uint16_t i = 1; i < 3; i++)
        have_both_answer(&first, &second, (uint16_t)(5000 + i));
    struct request again = proxy_await(&first, PCP_MAP, WITHIN);
    stage_expect(stage, R7648_3_6_02, !again.came,
                 "nothing asked for again, since no server has lost anything", "%s",
                 request_describe(stage, &again));
    struct answer after = stage_ask(stage, &announcement);
    stage_expect(stage, R7648_3_6_02, after.pcp.epoch >= before.pcp.epoch,
                 "an epoch that goes on, since no server has lost anything", "%u after %u",
                 after.pcp.epoch, before.pcp.epoch);
}

/* Which of the servers hears of a client's wish, as bits. */
static unsigned hearers(struct server servers[2], enum stage_place client, uint16_t port)
{
    struct stage *stage = servers[0].stage;
    struct wish wish = stage_map_wish(stage, client, port);
    int socket = stage_open(stage, client, 0);
    struct endpoint to = stage_server(stage, client);
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = wish_encode(&wish, octets, sizeof octets);
    const int sockets[] = {servers[0].socket, servers[1].socket};
    struct datagram datagram;
    unsigned heard = 0;
    for (int i = 0; i < 10 && !heard; i++) {
        stage_send(stage, socket, &to, octets, length);
        while (stage_receive_any(stage, sockets, 2, 300 * MILLISECOND, &datagram)) {
            struct request request = server_read(&datagram);
            if (request.fault == PCP_FAULT_NONE && request.pcp.opcode == PCP_MAP &&
                !memcmp(request.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH))
                heard |= datagram.socket == sockets[0] ? 1U : 2U;
        }
    }
    if (!heard)
        stage_end(stage, VERDICT_INCONCLUSIVE, "neither server hears of a request");
    return heard;
}

static const enum stage_place clients[] = {STAGE_HOST, STAGE_HOST_SECOND, STAGE_OTHER,
                                           STAGE_ROUTER};

static void clients_are_spread_over_the_servers(struct stage *stage)
{
    struct server servers[2] = {proxy_upstream(stage), second_server(stage, 100)};
    for (uint16_t i = 0; i < 4 && !stage->over; i++) {
        unsigned heard = hearers(servers, clients[i], (uint16_t)(5000 + i));
        stage_expect(stage, R7648_3_6_04, heard != 3, "each client's request at one of the servers",
                     "one at both");
    }
}

static void a_client_keeps_its_server(struct stage *stage)
{
    struct server servers[2] = {proxy_upstream(stage), second_server(stage, 100)};
    unsigned first[4] = {0};
    for (uint16_t i = 0; i < 16 && !stage->over; i++) {
        unsigned heard = hearers(servers, clients[i % 4], (uint16_t)(5000 + i));
        first[i % 4] |= heard;
        stage_expect(stage, R7648_3_6_05, first[i % 4] != 3,
                     "all requests of one client at the same server", "they are at both");
    }
}

static const struct test_case cases[] = {
    {.id = "proxy.3.5.announce-requests-are-not-relayed",
     .sentence = "ANNOUNCE requests of clients are answered by the proxy and not relayed.",
     .requirements = JUDGES(R7648_3_5_01),
     .run = announce_requests_are_not_relayed,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "proxy.3.5.after-an-announcement-the-mappings-are-renewed",
     .sentence = "After an ANNOUNCE from upstream the proxy renews its mappings.",
     .requirements = JUDGES(R7648_3_5_02),
     .run = after_an_announcement_the_mappings_are_renewed,
     .traits = CASE_BOTH,
     .seconds = AFTER_THE_START},
    {.id = "proxy.3.5.each-announcement-counts",
     .sentence = "Each announcement from upstream is followed, or passed on.",
     .requirements = JUDGES(R7648_3_5_05),
     .run = each_announcement_counts,
     .seconds = AFTER_THE_START + WITHIN},
    {.id = "proxy.3.5.what-has-not-changed-is-not-announced",
     .sentence = "If the renewals change nothing, clients hear no announcement.",
     .requirements = JUDGES(R7648_3_5_03),
     .run = what_has_not_changed_is_not_announced,
     .traits = CASE_BOTH,
     .seconds = AFTER_THE_START + WITHIN},
    {.id = "proxy.3.5.what-has-changed-is-announced",
     .sentence = "If the renewals change something, the clients concerned hear an ANNOUNCE.",
     .requirements = JUDGES(R7648_3_5_04),
     .run = what_has_changed_is_announced,
     .traits = CASE_BOTH,
     .seconds = AFTER_THE_START},
    {.id = "proxy.3.5.another-address-has-the-mappings-renewed",
     .sentence = "When its external address changes, the proxy renews its mappings.",
     .requirements = JUDGES(R7648_3_5_06),
     .run = another_address_has_the_mappings_renewed,
     .seconds = AFTER_THE_START},
    {.id = "proxy.3.5.another-port-by-that-is-told-to-the-client",
     .sentence = "When a mapping gets another external port by that, its client hears of it.",
     .requirements = JUDGES(R7648_3_5_07),
     .run = another_port_by_that_is_told_to_the_client,
     .seconds = AFTER_THE_START + WITHIN},
    {.id = "proxy.3.6.the-second-of-two-servers-serves",
     .sentence = "A proxy of two servers works with the second, too.",
     .requirements = JUDGES(R7648_3_6_01),
     .run = the_second_of_two_servers_serves,
     .variant = "with-two-servers"},
    {.id = "proxy.3.6.servers-are-asked-side-by-side",
     .sentence = "Several servers are asked in parallel.",
     .requirements = JUDGES(R7648_3_6_03),
     .run = servers_are_asked_side_by_side,
     .variant = "with-two-servers"},
    {.id = "proxy.3.6.each-server-has-an-epoch-of-its-own",
     .sentence = "Each server upstream has an epoch of its own.",
     .requirements = JUDGES(R7648_3_6_02),
     .run = each_server_has_an_epoch_of_its_own,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-two-servers",
     .seconds = 60 + WITHIN},
    {.id = "proxy.3.6.clients-are-spread-over-the-servers",
     .sentence = "A proxy that spreads its clients asks one server for each.",
     .requirements = JUDGES(R7648_3_6_04),
     .run = clients_are_spread_over_the_servers,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-spread-servers"},
    {.id = "proxy.3.6.a-client-keeps-its-server",
     .sentence = "All requests of one client go to the same server.",
     .requirements = JUDGES(R7648_3_6_05),
     .run = a_client_keeps_its_server,
     .traits = CASE_NEIGHBOURS,
     .variant = "with-spread-servers"},
};

static const struct defect defects[] = {
    {.name = "relays-announce-requests",
     .text = "asks upstream, too, when a client sends ANNOUNCE",
     .requirements = JUDGES(R7648_3_5_01)},
    {.name = "ignores-announcements",
     .text = "takes no notice of an ANNOUNCE from upstream",
     .requirements = JUDGES(R7648_3_5_02)},
    {.name = "follows-one-announcement",
     .text = "takes no notice of an ANNOUNCE from upstream but the first",
     .requirements = JUDGES(R7648_3_5_05)},
    {.name = "announces-without-a-change",
     .text = "passes every ANNOUNCE on, though it renews its mappings itself",
     .requirements = JUDGES(R7648_3_5_03)},
    {.name = "keeps-changes-to-itself",
     .text = "tells its clients nothing that they haven't asked for",
     .requirements = JUDGES(R7648_3_5_04, R7648_3_5_07)},
    {.name = "overlooks-its-new-address",
     .text = "takes no notice of another external address of its own",
     .requirements = JUDGES(R7648_3_5_06)},
    {.name = "knows-one-server",
     .text = "asks the first of several servers alone",
     .requirements = JUDGES(R7648_3_6_01, R7648_3_6_03)},
    {.name = "mixes-epochs",
     .text = "compares the epochs of different servers",
     .requirements = JUDGES(R7648_3_6_02)},
    {.name = "spreads-nobody",
     .text = "asks all servers for each client, though it was told to spread them",
     .requirements = JUDGES(R7648_3_6_04)},
    {.name = "spreads-requests",
     .text = "spreads requests over the servers, whoever they are from",
     .requirements = JUDGES(R7648_3_6_05)},
};

CASE_FILE(proxy_3_repair, CASE_PROXY, cases, defects);
