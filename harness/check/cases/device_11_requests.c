/* RFC 6887, sections 11, 11.1 and 11.2: MAP requests, and what a client may expect of its wishes. */
#include "check/stage_server.h"

#include <signal.h>
#include <string.h>

enum {
    SOON = 60, /* s, until a device has asked for all that it wants */
    STARTS = 4,
    CONSTANT_OCTETS = 2, /* of a nonce: those that chance leaves alike in all starts are fewer */
    ROUNDS = 3,
    WISH = 40000, /* the port that the variant suggests */
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_GRE = 47,
    PROTOCOL_SCTP = 132
};

static bool is_for_all_protocols(const struct request *request)
{
    return request_is_creation(request) && request->pcp.data.map.protocol == 0;
}

static bool is_for_gre(const struct request *request)
{
    return request_is_creation(request) && request->pcp.data.map.protocol == PROTOCOL_GRE;
}

/* --- section 11 ------------------------------------------------------------------------------- */

static void expect_held(struct stage *stage, const struct request *request)
{
    const struct pcp_map *map = &request->pcp.data.map;
    enum socket_kind kind =
        map->protocol == PROTOCOL_TCP ? SOCKET_TCP_LISTENER : SOCKET_UDP_MULTICAST;
    if (map->protocol == PROTOCOL_TCP || map->protocol == PROTOCOL_UDP)
        stage_expect(
            stage, R6887_11_02, !stage_could_open(stage, kind, STAGE_HOST, map->internal_port),
            "a port that no other program of the host can take once its mapping is asked "
            "for",
            "port %u could be taken: %s", map->internal_port, request_describe(stage, request));
}

static void ports_are_held_alone(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    expect_held(stage, &request);
    request = server_next_other(&server, SOON);
    expect_held(stage, &request);
}

/* --- section 11.1 ----------------------------------------------------------------------------- */

static void the_first_request(struct stage *stage)
{
    static const uint8_t zeros[3];
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_creation);
    const struct pcp_map *map = &request.pcp.data.map;
    const char *came = request_describe(stage, &request);
    stage_expect(stage, R6887_11_1_01, memcmp(map->reserved, zeros, sizeof zeros) == 0,
                 "24 reserved bits of zero", "%02x %02x %02x in: %s", map->reserved[0],
                 map->reserved[1], map->reserved[2], came);
    bool has_ports = map->protocol == PROTOCOL_TCP || map->protocol == PROTOCOL_UDP ||
                     map->protocol == PROTOCOL_SCTP;
    stage_expect(stage, R6887_11_1_13, !has_ports || map->internal_port != 0,
                 "the port that the device listens on, since 0 would map all ports", "%s", came);
}

static void without_a_wish_zeros_are_suggested(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_creation);
    const struct pcp_map *map = &request.pcp.data.map;
    const char *came = request_describe(stage, &request);
    char text[ADDRESS_TEXT_SIZE];
    stage_expect(stage, R6887_11_1_05, map->external_port == 0,
                 "suggested port 0, no port being wished for", "%s", came);
    stage_expect(stage, R6887_11_1_06,
                 address_is_any(&map->external_address) &&
                     address_is_ipv4(&map->external_address) != stage->ipv6,
                 stage->ipv6 ? "the all-zeros address of IPv6, ::"
                             : "the all-zeros address of IPv4, ::ffff:0.0.0.0",
                 "%s in: %s", address_format(&map->external_address, text), came);
}

static void all_protocols_have_port_0(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_for_all_protocols);
    stage_expect(stage, R6887_11_1_03, request.pcp.data.map.internal_port == 0,
                 "internal port 0 with protocol 0", "%s", request_describe(stage, &request));
}

static void a_protocol_without_ports_has_port_0(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_for_gre);
    stage_expect(stage, R6887_11_2_04, request.pcp.data.map.internal_port == 0,
                 "internal port 0, GRE having no ports", "%s", request_describe(stage, &request));
}

static void reserved_bits_are_not_looked_at(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    memset(reply.pcp.data.map.reserved, 0xff, sizeof reply.pcp.data.map.reserved);
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_11_1_08, "a success whose 24 reserved bits are set");
}

/* --- section 11.2 ----------------------------------------------------------------------------- */

static void a_wish_is_suggested(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    stage_expect(stage, R6887_11_2_01, request.pcp.data.map.external_port == WISH,
                 "external port 40000, which the device is told to suggest", "%s",
                 request_describe(stage, &request));
}

static void it_works_without_the_port_that_it_suggests(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    for (int i = 0; i < ROUNDS; i++) {
        struct reply reply = server_success(&server, &request);
        uint16_t suggested = request.pcp.data.map.external_port;
        reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
        reply.pcp.data.map.external_port = (uint16_t)(suggested == 50000 + i ? 60000 : 50000 + i);
        server_send(&server, &reply);
        request = server_expect_taken(&server, R6887_11_2_02,
                                      "a success with another port than the one suggested");
    }
}

static void each_server_gets_a_nonce_of_its_own(struct stage *stage)
{
    server_expect_own_nonces(stage, R6887_11_2_05, SOON, request_is_creation);
}

/* A client that leaves its mapping behind is right to keep the nonce: only so can it renew it. */
static void a_start_draws_a_new_nonce(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_for(stage, &server, request_is_creation);
    server_grant(&server, &first, SERVER_LIFETIME);
    server_restart_peer(stage);
    struct request next = server_next(&server, SOON);
    bool deleted = next.came && !request_is_creation(&next);
    while (next.came && !request_is_creation(&next))
        next = server_next(&server, SOON);
    stage_expect(stage, R6887_11_2_06, !deleted || !request_has_nonce_of(&first, &next),
                 "another nonce than before the restart, the old mapping having been deleted", "%s",
                 request_describe(stage, &next));
}

/* The device is told to keep its nonces; it is killed, so that its mapping remains. */
static void kept_nonces_renew_what_a_restart_left(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_for(stage, &server, request_is_creation);
    server_grant(&server, &first, SERVER_LIFETIME);
    stage_stop(stage, SIGKILL);
    server_start_peer(stage);
    struct request next = server_follow(&server, SOON, request_is_creation);
    stage_expect(stage, R6887_11_2_1_01, request_has_nonce_of(&first, &next),
                 "the nonce from before the restart, by which alone the mapping can be renewed",
                 "%s behind %s", request_describe(stage, &next), request_describe(stage, &first));
}

static void each_mapping_keeps_its_nonce(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    struct request other = server_next_other(&server, SOON);
    server_grant(&server, &other, SERVER_SHORT_LIFETIME);
    struct request renewal = server_next_other(&server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, R6887_11_2_07, request_has_nonce_of(&other, &renewal),
                 "the nonce that the mapping was made with, be it its own or that of all", "%s",
                 request_describe(stage, &renewal));
}

/* By another one a server of the Simple Threat Model refuses it, and the mapping stays. */
static void a_mapping_is_deleted_by_its_nonce(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_for(stage, &server, request_is_creation);
    server_grant(&server, &first, SERVER_LIFETIME);
    stage_dismiss(stage);
    struct request request = server_await(&server, SOON);
    if (!stage->over && (!request.came || request.pcp.lifetime > 0))
        stage_end(stage, VERDICT_UNSUPPORTED, "the peer deletes nothing when it leaves: %s",
                  request_describe(stage, &request));
    stage_expect(stage, R6887_11_2_07, request_has_nonce_of(&first, &request),
                 "a delete with the nonce that the mapping was made with", "%s behind %s",
                 request_describe(stage, &request), request_describe(stage, &first));
}

static void nonces_can_not_be_guessed(struct stage *stage)
{
    uint8_t nonces[STARTS][PCP_NONCE_LENGTH];
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_creation);
    for (int i = 0; i < STARTS; i++) {
        if (i > 0) {
            server_restart_peer(stage);
            request = server_follow(&server, SOON, request_is_creation);
        }
        memcpy(nonces[i], request.pcp.data.map.nonce, PCP_NONCE_LENGTH);
    }
    int alike = 0;
    for (int octet = 0; octet < PCP_NONCE_LENGTH; octet++) {
        bool same = true;
        for (int i = 1; i < STARTS; i++)
            same = same && nonces[i][octet] == nonces[0][octet];
        alike += same;
    }
    /* All twelve alike: a client that keeps its nonce. */
    stage_expect(stage, R6887_11_2_08, alike < CONSTANT_OCTETS || alike == PCP_NONCE_LENGTH,
                 "twelve random octets in each of four nonces",
                 "%d of them are always the same: %s", alike, request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.11.ports-are-held-alone",
     .sentence = "Who asks for a mapping of a port has that port for itself.",
     .requirements = JUDGES(R6887_11_02),
     .run = ports_are_held_alone,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-two-ports"},
    {.id = "device.11.1.the-first-request-is-well-formed",
     .sentence = "A MAP request has reserved bits of zero, and the port that is to be "
                 "mapped.",
     .requirements = JUDGES(R6887_11_1_01, R6887_11_1_13),
     .run = the_first_request,
     .traits = CASE_UNSTARTED,
     .seconds = 5},
    {.id = "device.11.1.without-a-wish-zeros-are-suggested",
     .sentence = "A client that wishes for no external port and address suggests zeros, "
                 "the address of the family that it wants.",
     .requirements = JUDGES(R6887_11_1_05, R6887_11_1_06),
     .run = without_a_wish_zeros_are_suggested,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 5,
     .variant = "without-a-wish"},
    {.id = "device.11.1.all-protocols-have-port-0",
     .sentence = "A MAP request for all protocols has internal port 0.",
     .requirements = JUDGES(R6887_11_1_03),
     .run = all_protocols_have_port_0,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-all-protocols"},
    {.id = "device.11.1.reserved-bits-are-not-looked-at",
     .sentence = "A MAP response is taken whatever its 24 reserved bits hold.",
     .requirements = JUDGES(R6887_11_1_08),
     .run = reserved_bits_are_not_looked_at,
     .traits = CASE_UNSTARTED,
     .seconds = 20},
    {.id = "device.11.2.a-wish-is-suggested",
     .sentence = "A client may suggest an external port, and does so where it is told to.",
     .requirements = JUDGES(R6887_11_2_01),
     .run = a_wish_is_suggested,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "suggesting-40000"},
    {.id = "device.11.2.it-works-without-the-port-that-it-suggests",
     .sentence = "A client works even if it never gets the port that it suggests.",
     .requirements = JUDGES(R6887_11_2_02),
     .run = it_works_without_the_port_that_it_suggests,
     .traits = CASE_UNSTARTED,
     .seconds = 45},
    {.id = "device.11.2.a-protocol-without-ports-has-port-0",
     .sentence = "A MAP request for a protocol without ports has internal port 0.",
     .requirements = JUDGES(R6887_11_2_04),
     .run = a_protocol_without_ports_has_port_0,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-gre"},
    {.id = "device.11.2.each-server-gets-a-nonce-of-its-own",
     .sentence = "A client has another nonce for each server.",
     .requirements = JUDGES(R6887_11_2_05),
     .run = each_server_gets_a_nonce_of_its_own,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "asking-several-servers"},
    {.id = "device.11.2.a-start-draws-a-new-nonce",
     .sentence = "A client that starts without mappings of before draws a new nonce.",
     .requirements = JUDGES(R6887_11_2_06),
     .run = a_start_draws_a_new_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 10},
    {.id = "device.11.2.kept-nonces-renew-what-a-restart-left",
     .sentence = "A client that keeps its nonces can renew its mappings after a restart.",
     .requirements = JUDGES(R6887_11_2_1_01),
     .run = kept_nonces_renew_what_a_restart_left,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "keeping-its-nonces"},
    {.id = "device.11.2.each-mapping-keeps-its-nonce",
     .sentence = "Be there a nonce for each mapping or one for all, a mapping keeps its "
                 "own.",
     .requirements = JUDGES(R6887_11_2_07),
     .run = each_mapping_keeps_its_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "mapping-two-ports"},
    {.id = "device.11.2.a-mapping-is-deleted-by-its-nonce",
     .sentence = "A mapping is deleted with the nonce that made it.",
     .requirements = JUDGES(R6887_11_2_07),
     .run = a_mapping_is_deleted_by_its_nonce,
     .traits = CASE_UNSTARTED,
     .seconds = 5},
    {.id = "device.11.2.nonces-can-not-be-guessed",
     .sentence = "Nonces are random.",
     .requirements = JUDGES(R6887_11_2_08),
     .run = nonces_can_not_be_guessed,
     .traits = CASE_UNSTARTED,
     .seconds = 20},
};

static const struct defect defects[] = {
    {.name = "shares-its-ports",
     .text = "lets others take the port that it maps",
     .requirements = JUDGES(R6887_11_02)},
    {.name = "sets-reserved-bits-of-map",
     .text = "sends MAP requests with a reserved bit set",
     .requirements = JUDGES(R6887_11_1_01)},
    {.name = "asks-for-port-0",
     .text = "asks for internal port 0 where it means one port",
     .requirements = JUDGES(R6887_11_1_13)},
    {.name = "suggests-its-internal-port",
     .text = "suggests its internal port though no port is wished for",
     .requirements = JUDGES(R6887_11_1_05)},
    {.name = "suggests-its-own-address",
     .text = "suggests its own address though none is wished for",
     .requirements = JUDGES(R6887_11_1_06)},
    {.name = "writes-any-in-the-other-family",
     .text = "writes the all-zeros address of IPv4 as that of IPv6",
     .requirements = JUDGES(R6887_11_1_06)},
    {.name = "maps-all-protocols-of-a-port",
     .text = "asks for all protocols with an internal port",
     .requirements = JUDGES(R6887_11_1_03)},
    {.name = "wants-24-zero-bits-in-map",
     .text = "drops MAP responses whose reserved bits are set",
     .requirements = JUDGES(R6887_11_1_08)},
    {.name = "keeps-its-wish-to-itself",
     .text = "doesn't suggest the port that it is told to",
     .requirements = JUDGES(R6887_11_2_01)},
    {.name = "maps-a-port-of-gre",
     .text = "asks for a protocol without ports with a port",
     .requirements = JUDGES(R6887_11_2_04)},
    {.name = "has-one-nonce-for-all-servers",
     .text = "asks all servers with the same nonce",
     .requirements = JUDGES(R6887_11_2_05)},
    {.name = "has-one-nonce-for-ever",
     .text = "asks with the same nonce at each start",
     .requirements = JUDGES(R6887_11_2_06)},
    {.name = "forgets-the-nonces-it-keeps",
     .text = "draws new nonces though it is told to keep them",
     .requirements = JUDGES(R6887_11_2_1_01)},
    {.name = "mixes-its-nonces-up",
     .text = "renews a mapping with the nonce of another",
     .requirements = JUDGES(R6887_11_2_07)},
    {.name = "deletes-with-a-fresh-nonce",
     .text = "draws another nonce to delete its mapping, which leaks",
     .requirements = JUDGES(R6887_11_2_07)},
    {.name = "counts-its-nonces",
     .text = "makes nonces of a count",
     .requirements = JUDGES(R6887_11_2_08)},
};

CASE_FILE(device_11_requests, CASE_DEVICE, cases, defects);
