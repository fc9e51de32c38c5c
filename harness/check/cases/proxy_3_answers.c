/* RFC 7648, sections 3 and 3.1: what a proxy makes of the answers from upstream. */
#include "check/stage_proxy.h"

#include <stdio.h>
#include <string.h>

enum {
    GRANTED = 600,
    LATE = 30, /* s, by which what is left may seem shorter than what was granted: on its way */
    EPOCH_SLACK = 20
};

static void expect_success(struct stage *stage, enum requirement_id requirement,
                           const struct answer *answer)
{
    stage_expect_result(stage, requirement, answer, PCP_SUCCESS);
}

/* --- who is answered, and for how long ---------------------------------------------------------- */

static void each_client_has_its_own_answer(struct stage *stage)
{
    static const enum stage_place hosts[] = {STAGE_HOST, STAGE_OTHER};
    struct server server = proxy_upstream(stage);
    struct passage passages[2];
    struct reply replies[2];
    for (size_t i = 0; i < 2; i++) {
        struct wish wish = stage_map_wish(stage, hosts[i], (uint16_t)(5000 + i));
        passages[i] = proxy_passed(&server, &wish);
        replies[i] = server_success(&server, &passages[i].up);
        replies[i].pcp.data.map.external_port = (uint16_t)(PROXY_OUTERMOST_PORT + 100 + i);
    }
    for (size_t i = 2; i-- > 0;) { /* the second first */
        struct answer answer = proxy_answer(&passages[i], &replies[i]);
        expect_success(stage, R7648_3_13, &answer);
        stage_expect_number(stage, R7648_3_13, "the external port that the client hears of",
                            answer.pcp.data.map.external_port,
                            replies[i].pcp.data.map.external_port,
                            replies[i].pcp.data.map.external_port);
    }
}

/* What upstream grants of two wishes, and what the clients hear. */
static void tell_lifetimes(struct stage *stage, const uint32_t granted[2], uint32_t told[2])
{
    struct server server = proxy_upstream(stage);
    for (size_t i = 0; i < 2; i++) {
        struct answer answer;
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        wish.message.lifetime = 3600;
        (void)proxy_granted(&server, &wish, granted[i], &answer);
        told[i] = answer.pcp.lifetime;
    }
}

/* Less is for a proxy that grants no more to anybody. */
static void the_lifetime_told_is_what_upstream_granted(struct stage *stage)
{
    static const uint32_t granted[] = {300, 3000};
    uint32_t told[2] = {0};
    tell_lifetimes(stage, granted, told);
    bool all = told[0] + LATE >= granted[0];
    bool most = told[1] <= told[0] + LATE;
    stage_expect(stage, R7648_3_14, all || most,
                 "the lifetime that upstream granted, 300 s, or the most that the proxy grants",
                 "%u s, and %u s where upstream granted 3000 s", told[0], told[1]);
}

static void no_longer_lifetime_is_told_than_upstream_granted(struct stage *stage)
{
    static const uint32_t granted[] = {300, 3000};
    uint32_t told[2] = {0};
    tell_lifetimes(stage, granted, told);
    for (size_t i = 0; i < 2; i++)
        stage_expect_number(stage, R7648_3_15, "the lifetime told", told[i], 1, granted[i]);
}

static void a_longer_lifetime_obliges_the_proxy_to_renew(struct stage *stage)
{
    enum { SHORT = 240 };
    struct server server = proxy_upstream(stage);
    struct answer answer;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 3600;
    (void)proxy_granted(&server, &wish, SHORT, &answer);
    if (stage->over || answer.pcp.lifetime <= SHORT)
        return;
    struct request request = proxy_await(&server, PCP_MAP, SHORT);
    stage_expect(stage, R7648_3_16, request.came,
                 "a renewal by the proxy before the 240 s are over that upstream granted",
                 "none, though its client was told: %s", stage_describe(stage, &answer));
}

/* --- epochs ------------------------------------------------------------------------------------- */

static struct answer ask_for_the_epoch(struct stage *stage)
{
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    return stage_ask(stage, &wish);
}

static void the_epoch_told_is_the_proxys_own(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer told;
    stage_pass(stage, 60 * SECOND);
    (void)proxy_granted(&server, &wish, GRANTED, &told);
    struct answer own = ask_for_the_epoch(stage);
    double passed = stage_peer_seconds(stage, told.datagram.time, own.datagram.time);
    stage_expect_number(stage, R7648_3_17, "the epoch of an answer that was passed on",
                        told.pcp.epoch, own.pcp.epoch - passed - EPOCH_SLACK,
                        own.pcp.epoch + EPOCH_SLACK);
}

static void the_epoch_of_upstream_is_not_copied(struct stage *stage)
{
    enum { FAR_AWAY = 500000 };
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer own = ask_for_the_epoch(stage);
    server_set_epoch(&server, own.pcp.epoch + FAR_AWAY);
    struct answer told;
    (void)proxy_granted(&server, &wish, GRANTED, &told);
    uint32_t theirs = server_epoch(&server);
    stage_expect(stage, R7648_3_19,
                 told.pcp.epoch + EPOCH_SLACK < theirs || told.pcp.epoch > theirs + EPOCH_SLACK,
                 "another epoch than upstream's", "upstream's is %u; the client hears: %s", theirs,
                 stage_describe(stage, &told));
}

static void a_loss_upstream_is_mended_or_told(struct stage *stage)
{
    enum { WITHIN = 120 };
    struct server server = proxy_upstream(stage);
    struct wish lost = stage_map_wish(stage, STAGE_HOST, 5000);
    struct wish other = stage_map_wish(stage, STAGE_OTHER, 5001);
    lost.message.lifetime = 3600;
    (void)proxy_granted(&server, &lost, 3600, NULL);
    stage_pass(stage, 60 * SECOND);
    struct answer before = ask_for_the_epoch(stage);
    server_set_epoch(&server, 0);
    (void)proxy_granted(&server, &other, GRANTED, NULL);
    struct request again = proxy_await(&server, PCP_MAP, WITHIN);
    if (again.came) {
        stage_expect(
            stage, R7648_3_18,
            !memcmp(again.pcp.data.map.nonce, lost.message.data.map.nonce, PCP_NONCE_LENGTH),
            "a request for the mapping that upstream has lost", "%s",
            request_describe(stage, &again));
        return;
    }
    struct answer after = ask_for_the_epoch(stage);
    stage_expect(stage, R7648_3_18, after.pcp.epoch < before.pcp.epoch,
                 "the lost mapping asked for again upstream within 120 s, or an epoch that starts "
                 "anew",
                 "neither; the epoch is %u", after.pcp.epoch);
}

/* --- what an answer says ------------------------------------------------------------------------ */

static void the_nonce_told_is_that_of_the_answer(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer told;
    (void)proxy_granted(&server, &wish, GRANTED, &told);
    stage_expect(stage, R7648_3_20,
                 !memcmp(told.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH),
                 "the nonce of the answer from upstream, the client's own", "another one: %s",
                 stage_describe(stage, &told));
}

static void the_endpoint_told_is_the_outermost(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer told;
    struct passage passage = proxy_granted(&server, &wish, GRANTED, &told);
    struct reply reply = server_success(&server, &passage.up);
    const struct pcp_map *map = &told.pcp.data.map;
    stage_expect(stage, R7648_3_21,
                 map->external_port == reply.pcp.data.map.external_port &&
                     address_equal(&map->external_address, &server.external),
                 stage->ipv6 ? "[2001:db8:7::7]:40000" : "203.0.113.7:40000", "%s",
                 stage_describe(stage, &told));
    stage_expect_number(stage, R7648_3_21, "the internal port", map->internal_port, 5000, 5000);
}

static void the_remote_peer_told_is_that_of_the_answer(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct endpoint remote = stage_endpoint(stage, STAGE_STRANGER, 7123);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    struct answer told;
    (void)proxy_granted(&server, &wish, GRANTED, &told);
    stage_expect(stage, R7648_3_22,
                 told.pcp.data.remote_port == remote.port &&
                     address_equal(&told.pcp.data.remote_address, &remote.address),
                 "the remote peer of the answer from upstream, port 7123 of stranger", "%s",
                 stage_describe(stage, &told));
}

static void errors_of_upstream_reach_the_client(struct stage *stage)
{
    static const struct {
        enum pcp_result result;
        uint32_t lifetime;
    } errors[] = {{PCP_NOT_AUTHORIZED, 1800}, {PCP_NO_RESOURCES, 30}, {PCP_USER_EX_QUOTA, 30}};
    struct server server = proxy_upstream(stage);
    for (size_t i = 0; i < 3; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        struct passage passage = proxy_passed(&server, &wish);
        struct reply reply =
            server_error(&server, &passage.up, errors[i].result, errors[i].lifetime);
        struct answer told = proxy_answer(&passage, &reply);
        stage_expect(stage, R7648_3_13, told.came && told.pcp.result != PCP_SUCCESS,
                     "the error from upstream, or one of the proxy's own", "%s",
                     stage_describe(stage, &told));
        stage_expect(
            stage, R7648_3_13,
            !memcmp(told.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH),
            "the client's own nonce", "%s", stage_describe(stage, &told));
    }
}

/* From a host or a port that wasn't asked, and with a nonce that wasn't sent: none is the answer. */
static void only_what_was_asked_is_answered(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_passed(&server, &wish);
    struct reply reply = server_success(&server, &passage.up);
    struct reply forged = reply;
    forged.answered = 0;
    forged.socket = stage_open(stage, STAGE_STRANGER, PCP_SERVER_PORT);
    forged.pcp.data.map.external_port = reply.pcp.data.map.external_port + 1;
    server_send(&server, &forged);
    forged.socket = stage_open(stage, STAGE_REMOTE, PCP_SERVER_PORT + 7);
    server_send(&server, &forged);
    forged.socket = reply.socket;
    forged.pcp.data.map.nonce[0] ^= 0xff;
    server_send(&server, &forged);
    struct answer told = proxy_answer(&passage, &reply);
    expect_success(stage, R7648_3_13, &told);
    stage_expect_number(stage, R7648_3_13, "the external port, of the answer that is true,",
                        told.pcp.data.map.external_port, reply.pcp.data.map.external_port,
                        reply.pcp.data.map.external_port);
}

/* --- hairpins, 3.1 ------------------------------------------------------------------------------ */

static void packets_from_inside_to_an_external_port_turn_round(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
    struct endpoint external = passage_outside(&passage);
    stage_expect_passes(stage, R7648_3_1_02, stage_open(stage, STAGE_OTHER, 0), &external,
                        stage_open(stage, STAGE_HOST, 5000), NULL);
}

static void packets_from_inside_to_an_outermost_port_turn_round(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer told;
    (void)proxy_granted(&server, &wish, GRANTED, &told);
    struct endpoint outermost = answer_external(&told);
    stage_expect_passes(stage, R7648_3_1_03, stage_open(stage, STAGE_OTHER, 0), &outermost,
                        stage_open(stage, STAGE_HOST, 5000), NULL);
}

static void the_outermost_port_is_the_one_that_was_told_last(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    (void)proxy_granted(&server, &wish, GRANTED, NULL);
    wish.message.lifetime = 6 * GRANTED;
    struct passage passage = proxy_passed(&server, &wish);
    struct reply reply = server_success(&server, &passage.up);
    reply.pcp.data.map.external_port = PROXY_OUTERMOST_PORT + 77;
    struct answer told = proxy_answer(&passage, &reply);
    expect_success(stage, R7648_3_1_01, &told);
    struct endpoint outermost = answer_external(&told);
    stage_expect_passes(stage, R7648_3_1_01, stage_open(stage, STAGE_OTHER, 0), &outermost, inside,
                        NULL);
}

static const struct test_case cases[] = {
    {.id = "proxy.3.each-client-has-its-own-answer",
     .sentence = "An answer from upstream goes to the client that asked.",
     .requirements = JUDGES(R7648_3_13),
     .run = each_client_has_its_own_answer,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "proxy.3.errors-of-upstream-reach-the-client",
     .sentence = "An error from upstream becomes one for the client that asked.",
     .requirements = JUDGES(R7648_3_13),
     .run = errors_of_upstream_reach_the_client,
     .traits = CASE_BOTH},
    {.id = "proxy.3.only-what-was-asked-is-answered",
     .sentence = "What comes from elsewhere, or with another nonce, is no answer from upstream.",
     .requirements = JUDGES(R7648_3_13),
     .run = only_what_was_asked_is_answered,
     .traits = CASE_BOTH},
    {.id = "proxy.3.the-lifetime-told-is-what-upstream-granted",
     .sentence = "The client hears of the lifetime that upstream granted, or the proxy's most.",
     .requirements = JUDGES(R7648_3_14),
     .run = the_lifetime_told_is_what_upstream_granted,
     .traits = CASE_BOTH},
    {.id = "proxy.3.no-longer-lifetime-is-told-than-upstream-granted",
     .sentence = "The client hears of no longer lifetime than upstream granted.",
     .requirements = JUDGES(R7648_3_15),
     .run = no_longer_lifetime_is_told_than_upstream_granted,
     .traits = CASE_BOTH},
    {.id = "proxy.3.a-longer-lifetime-obliges-the-proxy-to-renew",
     .sentence = "A proxy that tells a longer lifetime than upstream granted renews by itself.",
     .requirements = JUDGES(R7648_3_16),
     .run = a_longer_lifetime_obliges_the_proxy_to_renew},
    {.id = "proxy.3.the-epoch-told-is-the-proxys-own",
     .sentence = "The epoch in what is passed on is that in the proxy's own answers.",
     .requirements = JUDGES(R7648_3_17),
     .run = the_epoch_told_is_the_proxys_own,
     .seconds = 60},
    {.id = "proxy.3.the-epoch-of-upstream-is-not-copied",
     .sentence = "The proxy doesn't copy the epoch from upstream.",
     .requirements = JUDGES(R7648_3_19),
     .run = the_epoch_of_upstream_is_not_copied,
     .traits = CASE_BOTH},
    {.id = "proxy.3.a-loss-upstream-is-mended-or-told",
     .sentence = "After a loss upstream the proxy makes its mappings again, or starts its epoch "
                 "anew.",
     .requirements = JUDGES(R7648_3_18),
     .run = a_loss_upstream_is_mended_or_told,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .seconds = 180},
    {.id = "proxy.3.the-nonce-told-is-that-of-the-answer",
     .sentence = "The client hears of the nonce of the answer from upstream.",
     .requirements = JUDGES(R7648_3_20),
     .run = the_nonce_told_is_that_of_the_answer,
     .traits = CASE_BOTH},
    {.id = "proxy.3.the-endpoint-told-is-the-outermost",
     .sentence = "The client hears of the outermost external address and port.",
     .requirements = JUDGES(R7648_3_21),
     .run = the_endpoint_told_is_the_outermost,
     .traits = CASE_BOTH},
    {.id = "proxy.3.the-remote-peer-told-is-that-of-the-answer",
     .sentence = "The client of a PEER hears of the remote address and port that it asked for.",
     .requirements = JUDGES(R7648_3_22),
     .run = the_remote_peer_told_is_that_of_the_answer,
     .traits = CASE_BOTH},
    {.id = "proxy.3.1.packets-from-inside-to-an-external-port-turn-round",
     .sentence =
         "A packet from inside to the proxy's external port goes to the client that has it.",
     .requirements = JUDGES(R7648_3_1_02),
     .run = packets_from_inside_to_an_external_port_turn_round,
     .traits = CASE_NEIGHBOURS},
    {.id = "proxy.3.1.packets-from-inside-to-an-outermost-port-turn-round",
     .sentence = "A packet from inside to an outermost port goes to the client that has it.",
     .requirements = JUDGES(R7648_3_1_03),
     .run = packets_from_inside_to_an_outermost_port_turn_round,
     .traits = CASE_NEIGHBOURS},
    {.id = "proxy.3.1.the-outermost-port-is-the-one-that-was-told-last",
     .sentence = "The proxy routes hairpins by what upstream told it last.",
     .requirements = JUDGES(R7648_3_1_01),
     .run = the_outermost_port_is_the_one_that_was_told_last,
     .traits = CASE_NEIGHBOURS},
};

static const struct defect defects[] = {
    {.name = "gives-everyone-the-first-answer",
     .text = "tells all clients of the external port that the first one got",
     .requirements = JUDGES(R7648_3_13)},
    {.name = "believes-everybody",
     .text = "takes answers from any host for those of the server",
     .requirements = JUDGES(R7648_3_13)},
    {.name = "halves-lifetimes",
     .text = "tells half of the lifetime that upstream granted",
     .requirements = JUDGES(R7648_3_14)},
    {.name = "promises-longer-lifetimes",
     .text = "tells twice the lifetime that upstream granted, and renews nothing",
     .requirements = JUDGES(R7648_3_15, R7648_3_16)},
    {.name = "tells-no-epoch",
     .text = "has epoch 0 in what it passes on",
     .requirements = JUDGES(R7648_3_17)},
    {.name = "copies-the-epoch",
     .text = "has upstream's epoch in what it passes on",
     .requirements = JUDGES(R7648_3_17, R7648_3_19)},
    {.name = "overlooks-losses",
     .text = "doesn't look at upstream's epoch",
     .requirements = JUDGES(R7648_3_18)},
    {.name = "changes-the-nonce",
     .text = "tells its clients of another nonce",
     .requirements = JUDGES(R7648_3_20)},
    {.name = "tells-its-own-endpoint",
     .text = "tells its clients of its own external endpoint",
     .requirements = JUDGES(R7648_3_21)},
    {.name = "tells-of-another-remote-peer",
     .text = "tells its clients of another remote port",
     .requirements = JUDGES(R7648_3_22)},
    {.name = "sends-hairpins-nowhere",
     .text = "drops packets from inside to its mappings",
     .requirements = JUDGES(R7648_3_1_02)},
    {.name = "sends-hairpins-upstream",
     .text = "sends packets from inside to outermost endpoints on their way there",
     .requirements = JUDGES(R7648_3_1_01, R7648_3_1_03)},
    {.name = "keeps-the-first-outermost-port",
     .text = "routes hairpins by what upstream told it first",
     .requirements = JUDGES(R7648_3_1_01)},
};

CASE_FILE(proxy_3_answers, CASE_PROXY, cases, defects);
