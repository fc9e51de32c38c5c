/* RFC 6887, sections 12.1, 12.2 and 12.4: PEER, as a client sends it and reads it back. */
#include "check/stage_server.h"

#include <string.h>

enum {
    LIFETIME = 120, /* s, granted where a renewal is waited for */
    NO_REPEAT =
        30, /* s: a request without an answer would be repeated by then, and no renewal is due */
    FIRST_REQUEST = 60, /* s, until the device has asked */
    REMOTE_PORT = 5683  /* of the flow that it has mapped */
};

/* What comes over the flow at its far end, heard from before the device starts. */
static int open_remote(struct stage *stage)
{
    return stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (octets[i])
            return false;
    return true;
}

static void the_first_request(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_for(stage, &server, request_is_peer);
    const struct pcp_peer *peer = &first.pcp.data;
    const char *came = request_describe(stage, &first);
    stage_expect(stage, R6887_12_1_01, peer->map.protocol != 0, "a protocol other than 0", "%s",
                 came);
    stage_expect(stage, R6887_12_1_02, is_zero(peer->map.reserved, sizeof peer->map.reserved),
                 "24 reserved bits of zero", "%02x %02x %02x in: %s", peer->map.reserved[0],
                 peer->map.reserved[1], peer->map.reserved[2], came);
    stage_expect(stage, R6887_12_1_04, peer->map.internal_port != 0,
                 "an internal port other than 0", "%s", came);
    stage_expect(stage, R6887_12_1_05, peer->map.external_port == 0,
                 "no suggested port, since the flow is new", "%s", came);
    stage_expect(stage, R6887_12_1_06, address_is_any(&peer->map.external_address),
                 "the all-zeros address, since the flow is new", "%s", came);
    stage_expect(stage, R6887_12_1_07, peer->remote_port != 0, "a remote port other than 0", "%s",
                 came);
    stage_expect(stage, R6887_12_1_08, is_zero(peer->reserved, sizeof peer->reserved),
                 "16 reserved bits of zero", "%02x %02x in: %s", peer->reserved[0],
                 peer->reserved[1], came);
}

static void a_lost_mapping_is_asked_for_as_it_was(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(&server, &reply);
    /* Renewals stay unanswered, so the mapping is lost when its lifetime is over. */
    do {
        request = server_await(&server, 3 * SERVER_SHORT_LIFETIME);
        if (!request.came)
            stage_end(stage, VERDICT_INCONCLUSIVE, "the peer doesn't ask for what it lost");
        stage_expect(stage, R6887_12_1_19, request_suggests(&request, &reply),
                     "the external address and port that were assigned, suggested", "%s",
                     request_describe(stage, &request));
    } while (!stage->over && server_since_answer(&server, &request) < SERVER_SHORT_LIFETIME);
}

static void the_remote_peer_is_named_as_the_client_sees_it(struct stage *stage)
{
    struct server server;
    struct datagram traffic;
    int remote = open_remote(stage);
    struct request request = server_begin_for(stage, &server, request_is_peer);
    server_grant(&server, &request, LIFETIME);
    (void)server_await(&server, 1); /* the other mappings are granted meanwhile */
    bool came = stage_receive(stage, remote, 3 * SECOND, &traffic);
    if (!came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "nothing came over the flow");
    const struct pcp_peer *peer = &request.pcp.data;
    stage_expect(stage, R6887_12_1_20,
                 peer->remote_port == REMOTE_PORT &&
                     address_equal(&peer->remote_address, &traffic.to) &&
                     peer->map.internal_port == traffic.from.port,
                 "a PEER for the flow whose packets the client sends", "%s",
                 request_describe(stage, &request));
}

static void a_request_comes_before_or_after_the_flow(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    while (!stage->over && request.came && !request_is_peer(&request)) {
        struct reply reply = server_success(&server, &request);
        server_send(&server, &reply);
        request = server_hear(&server, FIRST_REQUEST);
    }
    stage_expect(stage, R6887_12_2_01, request.came,
                 "a PEER for the flow that the peer was told of, be it before or after its start",
                 "%s", request_describe(stage, &request));
}

static void servers_get_different_nonces(struct stage *stage)
{
    server_expect_own_nonces(stage, R6887_12_2_02, FIRST_REQUEST, request_is_peer);
}

static void each_start_draws_a_nonce(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_for(stage, &server, request_is_peer);
    server_restart_peer(stage);
    struct request second = server_follow(&server, FIRST_REQUEST, request_is_peer);
    stage_expect(stage, R6887_12_2_03, !request_has_nonce_of(&first, &second),
                 "another nonce than before the restart", "%s", request_describe(stage, &second));
}

/* --- responses -------------------------------------------------------------------------------- */

/* Sends a success whose details are to make no difference: the request isn't repeated. Clients may leave the
 * mapping to its traffic (12.4), so that no renewal can be waited for. */
static void expect_taken(struct server *server, struct reply *reply,
                         enum requirement_id requirement, const char *why)
{
    reply->pcp.lifetime = LIFETIME;
    server_send(server, reply);
    server_expect_silence(server, requirement, NO_REPEAT, why);
}

static void reserved_bits_are_not_looked_at(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply reply = server_success(&server, &request);
    memset(reply.pcp.data.map.reserved, 0xff, sizeof reply.pcp.data.map.reserved);
    expect_taken(&server, &reply, R6887_12_1_13,
                 "since a response is taken whatever its 24 reserved bits hold");
}

static void the_other_reserved_bits_are_not_looked_at(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply reply = server_success(&server, &request);
    memset(reply.pcp.data.reserved, 0xff, sizeof reply.pcp.data.reserved);
    expect_taken(&server, &reply, R6887_12_1_15,
                 "since a response is taken whatever its 16 reserved bits hold");
}

static void another_family_is_accepted(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply reply = server_success(&server, &request);
    (void)address_parse("2001:db8:2::1", &reply.pcp.data.map.external_address);
    expect_taken(&server, &reply, R6887_12_4_06,
                 "since an external address may be of another family than the remote peer's");
}

static void a_response_is_matched(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply wrong = server_success(&server, &request);
    wrong.pcp.data.map.nonce[PCP_NONCE_LENGTH - 1] ^= 1;
    server_send(&server, &wrong);
    wrong = server_success(&server, &request);
    wrong.pcp.data.map.protocol ^= 1;
    server_send(&server, &wrong);
    wrong = server_success(&server, &request);
    wrong.pcp.data.map.internal_port ^= 1;
    server_send(&server, &wrong);
    request = server_expect_ignored(&server, R6887_12_4_04,
                                    "a response of another nonce, protocol or internal port");
    wrong = server_success(&server, &request);
    wrong.pcp.data.remote_port ^= 1;
    server_send(&server, &wrong);
    wrong = server_success(&server, &request);
    wrong.pcp.data.remote_address = stage_address(stage, STAGE_STRANGER);
    server_send(&server, &wrong);
    request = server_expect_ignored(&server, R6887_12_4_04, "a response of another remote peer");
    struct reply right = server_success(&server, &request);
    expect_taken(&server, &right, R6887_12_4_04, "since this response is the request's own");
}

static void no_resources_holds_up_new_mappings(struct stage *stage)
{
    enum { SHORT_ERROR = 30, LONG_ERROR = 240 };
    struct server server;
    /* MAP is to be asked for again in half a minute, were it not for the PEER's error. */
    struct request map = server_begin(stage, &server);
    if (request_is_peer(&map))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks for no other mapping beside it");
    server_refuse(&server, &map, PCP_NETWORK_FAILURE, SHORT_ERROR);
    struct request peer;
    do {
        peer = server_hear(&server, SHORT_ERROR - 10);
    } while (peer.came && server_follows(&server, &peer)); /* repeated meanwhile */
    if (!request_is_peer(&peer))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no PEER came beside MAP: %s",
                  request_describe(stage, &peer));
    struct reply reply = server_error(&server, &peer, PCP_NO_RESOURCES, LONG_ERROR);
    server_send(&server, &reply);
    server_expect_silence(&server, R6887_12_4_01, LONG_ERROR - 30,
                          "since a PEER met NO_RESOURCES for longer");
}

static void a_mapping_is_kept_alive(struct stage *stage)
{
    struct server server;
    struct datagram traffic;
    int remote = open_remote(stage);
    struct request first = server_begin_for(stage, &server, request_is_peer);
    server_grant(&server, &first, LIFETIME);
    struct request renewal = server_await(&server, 20); /* what the others' grants set off */
    while (stage_receive(stage, remote, 0, &traffic))
        ;
    if (!renewal.came)
        renewal = server_await(&server, LIFETIME - 20);
    double after = server_since_answer(&server, &renewal);
    if (!renewal.came || after > LIFETIME) {
        bool came = stage_receive(stage, remote, 0, &traffic);
        stage_expect(stage, R6887_12_4_02, came,
                     "another PEER or packets of the flow, before the mapping expires", "neither");
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer keeps the mapping by its traffic");
        return;
    }
    const char *came = request_describe(stage, &renewal);
    stage_expect(stage, R6887_12_4_03, renewal.pcp.lifetime > 0,
                 "a renewal that asks for a lifetime", "%s", came);
    stage_expect(stage, R6887_12_2_04, request_has_nonce_of(&first, &renewal),
                 "the nonce that the mapping was made with", "%s", came);
    stage_expect(stage, R6887_12_4_05,
                 after >= LIFETIME / 2.0 - server_early(&server) &&
                     after <= LIFETIME * 5 / 8.0 + server_late(&server),
                 "a renewal after 1/2 to 5/8 of 120 s", "after %.1f s: %s", after, came);
}

static void a_moved_mapping_ends_the_connection(struct stage *stage)
{
    enum { SETTLING = 40, REACTION = 60 };
    struct server server;
    struct datagram before = {0};
    struct datagram next;
    int remote = open_remote(stage);
    struct request request = server_begin_for(stage, &server, request_is_peer);
    server_grant(&server, &request, SERVER_LIFETIME);
    (void)server_await(&server, SETTLING);
    while (stage_receive(stage, remote, 0, &next))
        before = next;
    if (before.length == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "nothing came over the flow");
    struct reply update = server_success(&server, &request);
    update.pcp.data.map.external_port ^= 1;
    update.answered = 0;
    server_send(&server, &update);
    (void)server_await(&server, REACTION);
    bool came = false;
    while (stage_receive(stage, remote, 0, &next))
        came = came || next.length != before.length ||
               memcmp(next.octets, before.octets, before.length) != 0;
    stage_expect(stage, R6887_12_4_07, came,
                 "something new over the flow, since its external port has changed",
                 "nothing, or what was sent before");
}

static const struct test_case cases[] = {
    {.id = "device.12.1.the-first-peer-request-is-well-formed",
     .sentence =
         "The first PEER of a flow has a protocol and ports, zeros in all reserved bits, and "
         "suggests nothing.",
     .requirements = JUDGES(R6887_12_1_01, R6887_12_1_02, R6887_12_1_04, R6887_12_1_05,
                            R6887_12_1_06, R6887_12_1_07, R6887_12_1_08),
     .run = the_first_request,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "asking-by-peer"},
    {.id = "device.12.1.a-lost-peer-mapping-is-asked-for-as-it-was",
     .sentence = "A PEER that recreates a mapping suggests the external address and port that the "
                 "mapping had.",
     .requirements = JUDGES(R6887_12_1_19),
     .run = a_lost_mapping_is_asked_for_as_it_was,
     .traits = CASE_UNSTARTED,
     .seconds = 60,
     .variant = "asking-by-peer"},
    {.id = "device.12.1.the-remote-peer-is-named-as-the-client-sees-it",
     .sentence = "Remote peer and internal port of a PEER are those of the packets that the client "
                 "sends.",
     .requirements = JUDGES(R6887_12_1_20),
     .run = the_remote_peer_is_named_as_the_client_sees_it,
     .traits = CASE_UNSTARTED,
     .seconds = 90,
     .variant = "asking-by-peer"},
    {.id = "device.12.1.24-reserved-bits-of-a-peer-response-are-not-looked-at",
     .sentence = "A PEER response is taken whatever its 24 reserved bits hold.",
     .requirements = JUDGES(R6887_12_1_13),
     .run = reserved_bits_are_not_looked_at,
     .traits = CASE_UNSTARTED,
     .seconds = 40,
     .variant = "asking-by-peer"},
    {.id = "device.12.1.16-reserved-bits-of-a-peer-response-are-not-looked-at",
     .sentence = "A PEER response is taken whatever its 16 reserved bits hold.",
     .requirements = JUDGES(R6887_12_1_15),
     .run = the_other_reserved_bits_are_not_looked_at,
     .traits = CASE_UNSTARTED,
     .seconds = 40,
     .variant = "asking-by-peer"},
    {.id = "device.12.2.a-peer-request-comes-before-or-after-its-flow",
     .sentence = "A client asks for its flow by PEER, before the flow or after it has started.",
     .requirements = JUDGES(R6887_12_2_01),
     .run = a_request_comes_before_or_after_the_flow,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "asking-by-peer"},
    {.id = "device.12.2.servers-get-different-peer-nonces",
     .sentence = "A client that asks two servers by PEER gives each a nonce of its own.",
     .requirements = JUDGES(R6887_12_2_02),
     .run = servers_get_different_nonces,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "asking-servers-by-peer"},
    {.id = "device.12.2.each-start-draws-a-peer-nonce",
     .sentence = "A client that starts anew draws a new nonce for its PEERs.",
     .requirements = JUDGES(R6887_12_2_03),
     .run = each_start_draws_a_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 60,
     .variant = "asking-by-peer"},
    {.id = "device.12.4.a-peer-response-is-matched-with-its-request",
     .sentence = "A response of another nonce, protocol, internal port or remote peer is ignored.",
     .requirements = JUDGES(R6887_12_4_04),
     .run = a_response_is_matched,
     .traits = CASE_UNSTARTED,
     .seconds = 60,
     .variant = "asking-by-peer"},
    {.id = "device.12.4.a-peer-mapping-may-be-of-another-family",
     .sentence = "A PEER response is taken though its external address is of another family than "
                 "the remote peer's.",
     .requirements = JUDGES(R6887_12_4_06),
     .run = another_family_is_accepted,
     .traits = CASE_UNSTARTED,
     .seconds = 40,
     .variant = "asking-by-peer"},
    {.id = "device.12.4.no-resources-for-peer-holds-up-new-mappings",
     .sentence = "While NO_RESOURCES for a PEER lasts, no new mapping is asked for.",
     .requirements = JUDGES(R6887_12_4_01),
     .run = no_resources_holds_up_new_mappings,
     .traits = CASE_UNSTARTED,
     .seconds = 220,
     .variant = "asking-by-peer"},
    {.id = "device.12.4.a-peer-mapping-is-kept-alive",
     .sentence =
         "A PEER mapping that is wanted is kept by its traffic, or renewed by a PEER of the "
         "same nonce at 1/2 to 5/8 of its lifetime.",
     .requirements = JUDGES(R6887_12_4_05, R6887_12_4_02, R6887_12_4_03, R6887_12_2_04),
     .run = a_mapping_is_kept_alive,
     .traits = CASE_UNSTARTED,
     .seconds = 130,
     .variant = "asking-by-peer"},
    {.id = "device.12.4.a-peer-mapping-that-moves-ends-its-connection",
     .sentence =
         "When the external port of its flow changes, a client sets up its connection anew.",
     .requirements = JUDGES(R6887_12_4_07),
     .run = a_moved_mapping_ends_the_connection,
     .traits = CASE_UNSTARTED,
     .seconds = 100,
     .variant = "asking-by-peer"},
};

static const struct defect defects[] = {
    {.name = "asks-by-peer-for-protocol-0",
     .text = "says protocol 0 in PEER",
     .requirements = JUDGES(R6887_12_1_01)},
    {.name = "sets-24-reserved-bits-of-peer",
     .text = "sets a bit of the 24 reserved ones in PEER",
     .requirements = JUDGES(R6887_12_1_02)},
    {.name = "asks-by-peer-for-port-0",
     .text = "says internal port 0 in PEER",
     .requirements = JUDGES(R6887_12_1_04)},
    {.name = "suggests-a-port-in-its-first-peer",
     .text = "suggests its internal port in the first PEER of a flow",
     .requirements = JUDGES(R6887_12_1_05)},
    {.name = "suggests-an-address-in-its-first-peer",
     .text = "suggests an address in the first PEER of a flow",
     .requirements = JUDGES(R6887_12_1_06)},
    {.name = "asks-by-peer-for-remote-port-0",
     .text = "says remote port 0 in PEER",
     .requirements = JUDGES(R6887_12_1_07)},
    {.name = "sets-16-reserved-bits-of-peer",
     .text = "sets a bit of the 16 reserved ones in PEER",
     .requirements = JUDGES(R6887_12_1_08)},
    {.name = "wants-24-zero-bits-in-peer",
     .text = "drops a PEER response with one of the 24 reserved bits set",
     .requirements = JUDGES(R6887_12_1_13)},
    {.name = "wants-16-zero-bits-in-peer",
     .text = "drops a PEER response with one of the 16 reserved bits set",
     .requirements = JUDGES(R6887_12_1_15)},
    {.name = "forgets-what-peer-assigned",
     .text = "suggests nothing in each PEER",
     .requirements = JUDGES(R6887_12_1_19)},
    {.name = "names-another-remote-peer",
     .text = "asks by PEER for a flow to another host than it sends to",
     .requirements = JUDGES(R6887_12_1_20)},
    {.name = "never-asks-by-peer",
     .text = "doesn't send the PEER that it was told of",
     .requirements = JUDGES(R6887_12_2_01)},
    {.name = "has-one-peer-nonce-for-ever",
     .text = "has the same nonce in each PEER, to each server and after each start",
     .requirements = JUDGES(R6887_12_2_02, R6887_12_2_03)},
    {.name = "renews-peer-with-another-nonce",
     .text = "draws another nonce for each renewal by PEER",
     .requirements = JUDGES(R6887_12_2_04)},
    {.name = "asks-on-while-peer-lacks-resources",
     .text = "takes NO_RESOURCES for a PEER as an error of this mapping alone",
     .requirements = JUDGES(R6887_12_4_01)},
    {.name = "lets-peer-mappings-expire",
     .text = "neither renews a PEER mapping nor sends over it",
     .requirements = JUDGES(R6887_12_4_02)},
    {.name = "renews-peer-for-no-time",
     .text = "renews a PEER mapping with lifetime 0",
     .requirements = JUDGES(R6887_12_4_03)},
    {.name = "matches-peer-by-its-opcode",
     .text = "takes any PEER response for its own",
     .requirements = JUDGES(R6887_12_4_04)},
    {.name = "renews-peer-at-once",
     .text = "renews a PEER mapping as soon as it is granted",
     .requirements = JUDGES(R6887_12_4_05)},
    {.name = "wants-the-remote-peers-family",
     .text = "drops a PEER response whose external address is of another family",
     .requirements = JUDGES(R6887_12_4_06)},
    {.name = "keeps-a-connection-that-moved",
     .text = "doesn't register anew when the external port of its flow has changed",
     .requirements = JUDGES(R6887_12_4_07)},
};

CASE_FILE(device_12_peer, CASE_DEVICE, cases, defects);
