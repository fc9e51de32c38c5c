/* RFC 7648, section 3: what a proxy makes of its clients' requests, and what it asks for upstream. */
#include "check/stage_proxy.h"
#include "check/stage_raw.h"

#include <stdio.h>
#include <string.h>

enum { GRANTED = 600 };

static const char *request_endpoint(struct stage *stage, const struct passage *passage)
{
    return request_describe(stage, &passage->up);
}

/* --- the local mapping ------------------------------------------------------------------------- */

static void a_mapping_that_there_is_keeps_its_port(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage first = proxy_passed(&server, &wish);
    uint16_t port = first.up.pcp.data.map.internal_port;
    struct passage again = proxy_ask(&server, &wish); /* while it is temporary: it may wait */
    if (again.up.came)
        stage_expect(stage, R7648_3_01, again.up.pcp.data.map.internal_port == port,
                     request_endpoint(stage, &first), "%s", request_endpoint(stage, &again));
    struct passage *open = again.up.came ? &again : &first;
    struct reply reply = server_success(&server, &open->up);
    (void)proxy_answer(open, &reply);
    wish.message.lifetime = 6 * GRANTED;
    again = proxy_passed(&server, &wish); /* and when it is there */
    stage_expect(stage, R7648_3_01, again.up.pcp.data.map.internal_port == port,
                 request_endpoint(stage, &first), "%s", request_endpoint(stage, &again));
}

static void each_new_mapping_gets_a_port_of_its_own(struct stage *stage)
{
    static const enum stage_place hosts[] = {STAGE_HOST, STAGE_OTHER};
    struct server server = proxy_upstream(stage);
    struct endpoint external[2] = {{.port = 0}, {.port = 0}};
    for (size_t i = 0; i < 2; i++) {
        struct wish wish = stage_map_wish(stage, hosts[i], 5000);
        struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
        external[i] = passage_outside(&passage);
        stage_expect(stage, R7648_3_02, external[i].port != 0, "a port of the external interface",
                     "%s", request_endpoint(stage, &passage));
    }
    stage_expect(stage, R7648_3_02,
                 external[0].port != external[1].port ||
                     !address_equal(&external[0].address, &external[1].address),
                 "two clients' mappings have two external endpoints", "both have port %u",
                 external[0].port);
    for (size_t i = 0; i < 2; i++)
        stage_expect_passes(stage, R7648_3_02, stage_open(stage, STAGE_REMOTE, 0), &external[i],
                            stage_open(stage, hosts[i], 5000), NULL);
}

static void the_internal_side_upstream_is_the_external_one_here(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
    struct endpoint external = passage_outside(&passage);
    stage_expect(stage, R7648_3_08,
                 address_equal(&passage.up.pcp.client, &passage.up.datagram.from.address),
                 "the client's address upstream is that which the request comes from", "%s",
                 request_endpoint(stage, &passage));
    stage_expect_passes(stage, R7648_3_08, stage_open(stage, STAGE_REMOTE, 0), &external,
                        stage_open(stage, STAGE_HOST, 5000), NULL);
}

static void what_upstream_refuses_is_no_mapping(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_passed(&server, &wish);
    struct endpoint external = passage_outside(&passage);
    struct reply reply = server_error(&server, &passage.up, PCP_NO_RESOURCES, 30);
    struct answer answer = proxy_answer(&passage, &reply);
    stage_expect(stage, R7648_3_03, !answer.came || answer.pcp.result != PCP_SUCCESS, "an error",
                 "%s", stage_describe(stage, &answer));
    stage_expect_blocked(stage, R7648_3_03, stage_open(stage, STAGE_REMOTE, 0), &external,
                         stage_open(stage, STAGE_HOST, 5000));
}

/* How long "temporary" is the RFC leaves open: not longer than what was asked for. */
static void what_upstream_never_confirms_ends(struct stage *stage)
{
    enum { ASKED = 900 };
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = ASKED;
    wish.socket = stage_open(stage, STAGE_HOST, 0);
    struct passage passage = proxy_passed(&server, &wish);
    struct endpoint external = passage_outside(&passage);
    struct answer answer = proxy_hear(&passage, 0);
    stage_expect(stage, R7648_3_03, !answer.came || answer.pcp.result != PCP_SUCCESS,
                 "no SUCCESS before upstream has confirmed", "%s", stage_describe(stage, &answer));
    stage_pass(stage, (ASKED + 60) * SECOND);
    stage_expect_blocked(stage, R7648_3_03, stage_open(stage, STAGE_REMOTE, 0), &external,
                         stage_open(stage, STAGE_HOST, 5000));
    server_refuse(&server, &passage.up, PCP_NO_RESOURCES, 30); /* nobody waits for it any more */
    (void)proxy_granted(&server, &wish, ASKED,
                        NULL); /* so that the client has its answer after all */
}

/* --- at once, or upstream ---------------------------------------------------------------------- */

static void what_has_three_quarters_left_is_answered_at_once(struct stage *stage)
{
    enum { LIFETIME = 2000, PASSED = 200, SLACK = 60 };
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer first;
    wish.message.lifetime = LIFETIME;
    (void)proxy_granted(&server, &wish, LIFETIME, &first);
    if (first.pcp.lifetime < LIFETIME)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the proxy grants %u s at most, not %d",
                  first.pcp.lifetime, LIFETIME);
    stage_pass_until(stage, &first, PASSED);
    struct passage again = proxy_ask(&server, &wish);
    stage_expect(stage, R7648_3_04,
                 again.down.came && again.down.pcp.result == PCP_SUCCESS && !again.up.came,
                 "an answer at once, without a request upstream", "upstream hears: %s",
                 request_describe(stage, &again.up));
    struct endpoint told = answer_external(&again.down);
    struct endpoint outermost = answer_external(&first);
    stage_expect(stage, R7648_3_04,
                 told.port == outermost.port && address_equal(&told.address, &outermost.address),
                 stage_describe(stage, &first), "%s", stage_describe(stage, &again.down));
    double left =
        LIFETIME - stage_peer_seconds(stage, first.datagram.time, again.down.datagram.time);
    stage_expect_number(stage, R7648_3_04, "the lifetime told, what is left,",
                        again.down.pcp.lifetime, left - SLACK, left + SLACK);
}

static void what_has_less_left_goes_upstream(struct stage *stage)
{
    enum { LIFETIME = 1200 };
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer first;
    wish.message.lifetime = LIFETIME;
    (void)proxy_granted(&server, &wish, LIFETIME, &first);
    wish.message.lifetime = 3 * LIFETIME;
    struct passage longer = proxy_passes(&server, R7648_3_05, &wish);
    struct reply reply = server_success(&server, &longer.up);
    reply.pcp.lifetime = LIFETIME;
    struct answer second = proxy_answer(&longer, &reply);
    stage_pass_until(stage, second.came ? &second : &first, LIFETIME / 2.0);
    wish.message.lifetime = LIFETIME;
    (void)proxy_passes(&server, R7648_3_05, &wish);
}

static void a_deletion_goes_upstream_always(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
    struct endpoint external = passage_outside(&passage);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    if (!stage->over &&
        !stage_passes(stage, stage_open(stage, STAGE_REMOTE, 0), &external, inside, NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the mapping to delete doesn't work");
    wish.message.lifetime = 0;
    for (int i = 0; i < 2 && !stage->over; i++) { /* of a mapping, and of none */
        passage = proxy_passes(&server, R7648_3_06, &wish);
        stage_expect_number(stage, R7648_3_06, "the lifetime upstream", passage.up.pcp.lifetime, 0,
                            0);
        struct reply reply = server_success(&server, &passage.up);
        struct answer answer = proxy_answer(&passage, &reply);
        stage_expect_result(stage, R7648_3_06, &answer, PCP_SUCCESS);
        stage_expect_blocked(stage, R7648_3_06, stage_open(stage, STAGE_STRANGER, 0), &external,
                             inside);
    }
}

/* Whatever flows there are: upstream says that nothing is left. */
static void what_is_deleted_upstream_is_deleted_here(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
    struct endpoint external = passage_outside(&passage);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    if (!stage->over && !stage_passes(stage, inside, &remote, outside, NULL))
        stage_end(stage, VERDICT_INCONCLUSIVE, "nothing gets out by the mapping to delete");
    wish.message.lifetime = 0;
    passage = proxy_passed(&server, &wish);
    struct reply reply = server_success(&server, &passage.up);
    struct answer answer = proxy_answer(&passage, &reply);
    stage_expect_result(stage, R7648_3_06, &answer, PCP_SUCCESS);
    stage_expect_number(stage, R7648_3_06, "the lifetime told", answer.pcp.lifetime, 0, 0);
    stage_expect_blocked(stage, R7648_3_06, stage_open(stage, STAGE_STRANGER, 0), &external,
                         inside);
}

/* --- what stands in the request upstream -------------------------------------------------------- */

static void the_server_is_the_default_router(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)proxy_passes(&server, R7648_3_07, &wish);
}

static void suggestions_go_upstream_as_they_are(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct pcp_map *map = &wish.message.data.map;
    map->external_port = 41234;
    map->external_address = stage_address(stage, STAGE_STRANGER);
    struct passage passage = proxy_passed(&server, &wish);
    const struct pcp_map *up = &passage.up.pcp.data.map;
    stage_expect(stage, R7648_3_09,
                 up->external_port == map->external_port &&
                     address_equal(&up->external_address, &map->external_address),
                 "the suggestion of the client, port 41234 of stranger", "%s",
                 request_endpoint(stage, &passage));
}

/* What a proxy is set to allow shows in what becomes of 1 s and of a hundred years. */
static void lifetimes_go_upstream_within_the_proxys_limits(struct stage *stage)
{
    static const uint32_t asked[] = {1, UINT32_C(3153600000), 600, 3600, 7200};
    struct server server = proxy_upstream(stage);
    uint32_t told[5] = {0};
    for (size_t i = 0; i < 5; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, (uint16_t)(5000 + i));
        wish.message.lifetime = asked[i];
        told[i] = proxy_passed(&server, &wish).up.pcp.lifetime;
    }
    uint32_t least = told[0];
    uint32_t most = told[1];
    stage_expect(stage, R7648_3_10, least && least <= most,
                 "a second goes upstream as no longer a lifetime than a hundred years",
                 "it is %u s, and %u s", least, most);
    for (size_t i = 2; i < 5; i++) {
        uint32_t meant = asked[i] < least ? least : asked[i] > most ? most : asked[i];
        stage_expect_number(stage, R7648_3_10, "the lifetime upstream", told[i], meant, meant);
    }
}

static void the_nonce_goes_upstream(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_passed(&server, &wish);
    stage_expect(
        stage, R7648_3_11,
        !memcmp(passage.up.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH),
        "the nonce of the client", "another one: %s", request_endpoint(stage, &passage));
}

static void the_remote_peer_goes_upstream(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct endpoint remote = stage_endpoint(stage, STAGE_STRANGER, 7123);
    struct wish wish = stage_peer_wish(stage, STAGE_HOST, 5000, &remote);
    struct passage passage = proxy_passed(&server, &wish);
    const struct pcp_peer *up = &passage.up.pcp.data;
    stage_expect(stage, R7648_3_12,
                 up->remote_port == remote.port &&
                     address_equal(&up->remote_address, &remote.address),
                 "the remote peer of the client, port 7123 of stranger", "%s",
                 request_endpoint(stage, &passage));
}

/* --- where it comes from ------------------------------------------------------------------------ */

/* That it has another address there is no reason to take that. */
static void a_nats_requests_come_from_its_external_address(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    stage_run(stage, STAGE_OUTSIDE, "ip address add 11.0.0.5/24 dev eth1");
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = proxy_granted(&server, &wish, GRANTED, NULL);
    struct pcp_option option;
    if (request_option(&passage.up, PCP_THIRD_PARTY, &option))
        stage_end(stage, VERDICT_UNSUPPORTED, "the proxy is on a firewall: %s",
                  request_endpoint(stage, &passage));
    struct endpoint external = {passage.up.datagram.from.address,
                                passage.up.pcp.data.map.internal_port};
    stage_expect_passes(stage, R7648_3_3_01, stage_open(stage, STAGE_REMOTE, 0), &external,
                        stage_open(stage, STAGE_HOST, 5000), NULL);
}

static const struct test_case cases[] = {
    {.id = "proxy.3.a-mapping-that-there-is-keeps-its-port",
     .sentence = "A request for a mapping that the proxy has leads to the same external port.",
     .requirements = JUDGES(R7648_3_01),
     .run = a_mapping_that_there_is_keeps_its_port,
     .traits = CASE_BOTH},
    {.id = "proxy.3.each-new-mapping-gets-a-port-of-its-own",
     .sentence = "For a new mapping the proxy takes a free port of its external interface.",
     .requirements = JUDGES(R7648_3_02),
     .run = each_new_mapping_gets_a_port_of_its_own,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "proxy.3.the-internal-side-upstream-is-the-external-one-here",
     .sentence = "The internal address and port of the upstream request are those where packets "
                 "for the mapping come in.",
     .requirements = JUDGES(R7648_3_08),
     .run = the_internal_side_upstream_is_the_external_one_here,
     .traits = CASE_BOTH},
    {.id = "proxy.3.what-upstream-refuses-is-no-mapping",
     .sentence = "A mapping that the upstream server refuses is none here either.",
     .requirements = JUDGES(R7648_3_03),
     .run = what_upstream_refuses_is_no_mapping,
     .traits = CASE_BOTH},
    {.id = "proxy.3.what-upstream-never-confirms-ends",
     .sentence = "A mapping that the upstream server doesn't confirm is temporary.",
     .requirements = JUDGES(R7648_3_03),
     .run = what_upstream_never_confirms_ends,
     .seconds = 960},
    {.id = "proxy.3.what-has-three-quarters-left-is-answered-at-once",
     .sentence =
         "A request for a mapping with 3/4 of the wished lifetime left is answered at once.",
     .requirements = JUDGES(R7648_3_04),
     .run = what_has_three_quarters_left_is_answered_at_once,
     .traits = CASE_BOTH,
     .seconds = 200},
    {.id = "proxy.3.what-has-less-left-goes-upstream",
     .sentence = "A request for a mapping with less than 3/4 of the wished lifetime left goes "
                 "upstream.",
     .requirements = JUDGES(R7648_3_05),
     .run = what_has_less_left_goes_upstream,
     .traits = CASE_BOTH,
     .seconds = 600},
    {.id = "proxy.3.a-deletion-goes-upstream-always",
     .sentence = "A deletion ends the mapping and goes upstream, whether there was one or not.",
     .requirements = JUDGES(R7648_3_06),
     .run = a_deletion_goes_upstream_always,
     .traits = CASE_BOTH},
    {.id = "proxy.3.what-is-deleted-upstream-is-deleted-here",
     .sentence = "A mapping of which nothing is left upstream is gone here, too, whatever flows it "
                 "has.",
     .requirements = JUDGES(R7648_3_06),
     .run = what_is_deleted_upstream_is_deleted_here,
     .traits = CASE_BOTH},
    {.id = "proxy.3.the-server-is-the-default-router",
     .sentence = "A proxy to which no server was told asks its default router.",
     .requirements = JUDGES(R7648_3_07),
     .run = the_server_is_the_default_router,
     .traits = CASE_BOTH},
    {.id = "proxy.3.suggestions-go-upstream-as-they-are",
     .sentence = "The suggested external address and port go upstream as the client gave them.",
     .requirements = JUDGES(R7648_3_09),
     .run = suggestions_go_upstream_as_they_are,
     .traits = CASE_BOTH},
    {.id = "proxy.3.lifetimes-go-upstream-within-the-proxys-limits",
     .sentence = "The lifetime goes upstream as the client asked, within the proxy's limits.",
     .requirements = JUDGES(R7648_3_10),
     .run = lifetimes_go_upstream_within_the_proxys_limits},
    {.id = "proxy.3.the-nonce-goes-upstream",
     .sentence = "The nonce goes upstream as the client gave it.",
     .requirements = JUDGES(R7648_3_11),
     .run = the_nonce_goes_upstream,
     .traits = CASE_BOTH},
    {.id = "proxy.3.the-remote-peer-goes-upstream",
     .sentence = "The remote address and port of PEER go upstream as the client gave them.",
     .requirements = JUDGES(R7648_3_12),
     .run = the_remote_peer_goes_upstream,
     .traits = CASE_BOTH},
    {.id = "proxy.3.3.a-nats-requests-come-from-its-external-address",
     .sentence = "An upstream request comes from the mapping's external address if that is the "
                 "proxy's own.",
     .requirements = JUDGES(R7648_3_3_01),
     .run = a_nats_requests_come_from_its_external_address},
};

static const struct defect defects[] = {
    {.name = "takes-another-port-each-time",
     .text = "asks upstream for another port when it is asked again",
     .requirements = JUDGES(R7648_3_01)},
    {.name = "passes-the-internal-port-on",
     .text = "asks upstream for the port of its client and not for its own",
     .requirements = JUDGES(R7648_3_02)},
    {.name = "asks-for-the-port-beside",
     .text = "asks upstream for the port beside that of the mapping",
     .requirements = JUDGES(R7648_3_08)},
    {.name = "keeps-what-upstream-refused",
     .text = "lets packets in to a mapping that upstream refused, never confirmed, or deleted",
     .requirements = JUDGES(R7648_3_03, R7648_3_06)},
    {.name = "asks-upstream-each-time",
     .text = "asks upstream whenever it is asked, however much of the lifetime is left",
     .requirements = JUDGES(R7648_3_04)},
    {.name = "tells-the-lifetime-of-the-beginning",
     .text = "answers at once with all of the lifetime that there was",
     .requirements = JUDGES(R7648_3_04)},
    {.name = "keeps-renewals-to-itself",
     .text = "asks upstream only once for each mapping",
     .requirements = JUDGES(R7648_3_05)},
    {.name = "keeps-deletions-to-itself",
     .text = "passes no deletion on",
     .requirements = JUDGES(R7648_3_06)},
    {.name = "asks-another-server",
     .text = "asks a server that is not its default router",
     .requirements = JUDGES(R7648_3_07)},
    {.name = "drops-suggestions",
     .text = "suggests nothing upstream",
     .requirements = JUDGES(R7648_3_09)},
    {.name = "asks-for-twice-the-lifetime",
     .text = "asks upstream for twice the lifetime",
     .requirements = JUDGES(R7648_3_10)},
    {.name = "draws-a-nonce-of-its-own",
     .text = "asks upstream with a nonce of its own",
     .requirements = JUDGES(R7648_3_11)},
    {.name = "moves-the-remote-peer",
     .text = "asks upstream for another remote port",
     .requirements = JUDGES(R7648_3_12)},
    {.name = "asks-from-another-address",
     .text = "sends its requests upstream from another address of its own",
     .requirements = JUDGES(R7648_3_3_01)},
};

CASE_FILE(proxy_3_requests, CASE_PROXY, cases, defects);
