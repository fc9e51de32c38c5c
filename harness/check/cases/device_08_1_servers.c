/* RFC 6887, sections 8 and 8.1: whom a client asks, and from where. */
#include "check/stage_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STARTS = 4,
    UNTIL_ASKED = 60, /* s */
    A_MOMENT = 20,    /* s */
    AN_ERROR = 60,    /* s */
    UNHEARD = 8,      /* s; the third request of an exchange comes after about 9 */
    ROUTES = 200
};

static void tell(struct stage *stage, const char *name, enum stage_place place)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address = stage_address(stage, place);
    stage_tell(stage, name, address_format(&address, text));
}

/* The same again, without waiting for deletions that nobody answers. */
static struct request begin_anew(struct server *server)
{
    struct datagram left;
    stage_stop(server->stage, SIGKILL);
    while (stage_receive(server->stage, server->socket, 0, &left))
        ;
    server_start_peer(server->stage);
    return server_next(server, UNTIL_ASKED);
}

/* --- UDP -------------------------------------------------------------------------------------- */

/* Octets that lie in TCP connections to the PCP port, from the kernel's table. */
static unsigned long octets_by_tcp(struct stage *stage)
{
    enum { ROOM = 4000 };
    char table[ROOM];
    unsigned long octets = 0;
    stage_run_for(stage, STAGE_GATEWAY, table, sizeof table,
                  "cat /proc/net/tcp | awk '$2 ~ /:14E7$/ && $3 !~ /:0000$/ { print $5 }'");
    for (const char *line = table; !stage->over && *line; line++) {
        const char *received = strchr(line, ':'); /* sent:received, in hex */
        if (!received)
            break;
        octets += strtoul(received + 1, NULL, 16);
        line = strchr(received, '\n');
        if (!line)
            break;
    }
    return octets;
}

static void requests_come_by_udp(struct stage *stage)
{
    struct server server = server_open(stage, STAGE_GATEWAY);
    const struct endpoint local = stage_endpoint(stage, STAGE_GATEWAY, PCP_SERVER_PORT);
    (void)stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_GATEWAY, &local);
    tell(stage, "PINHOLE_GATEWAY", STAGE_GATEWAY);
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    struct request request = server_await(&server, A_MOMENT);
    unsigned long octets = octets_by_tcp(stage);
    stage_expect(stage, R6887_8_01, octets == 0, "requests by UDP alone",
                 "%lu octets by TCP at port 5351", octets);
    if (!stage->over && !request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asked nothing for %d s", A_MOMENT);
}

/* --- from where ------------------------------------------------------------------------------- */

static void source_ports_are_random(struct stage *stage)
{
    struct server server;
    uint16_t ports[STARTS] = {0};
    for (size_t i = 0; i < STARTS && !stage->over; i++) {
        struct request request = i ? begin_anew(&server) : server_begin(stage, &server);
        ports[i] = request.datagram.from.port;
    }
    uint16_t step = (uint16_t)(ports[1] - ports[0]);
    bool even = step < STARTS || (uint16_t)-step < STARTS; /* the same each time, or counted */
    for (size_t i = 2; i < STARTS; i++)
        even = even && (uint16_t)(ports[i] - ports[i - 1]) == step;
    stage_expect(stage, R6887_8_1_01, !even, "a random source port at each start",
                 "%u, %u, %u and %u", ports[0], ports[1], ports[2], ports[3]);
}

/* Another client of the host, ours, has the port that the peer would like best. */
static void a_port_is_left_to_its_owner(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    uint16_t port = request.datagram.from.port;
    stage_stop(stage, SIGKILL);
    struct datagram left;
    while (stage_receive(stage, server.socket, 0, &left))
        ;
    const struct endpoint local = {stage_any(stage), port};
    (void)stage_open_kind(stage, SOCKET_UDP, STAGE_HOST, &local);
    server_start_peer(stage);
    request = server_await(&server, UNTIL_ASKED);
    stage_expect(stage, R6887_8_1_04, request.came && request.datagram.from.port != port,
                 "a request from a port of its own, where another client has the one of before",
                 "%s, from port %u", request_describe(stage, &request), request.datagram.from.port);
}

static void the_client_address_is_the_source(struct stage *stage)
{
    struct server server;
    char said[ADDRESS_TEXT_SIZE];
    char source[ADDRESS_TEXT_SIZE];
    struct request request = server_begin(stage, &server);
    if (stage->over || request.is_natpmp)
        return;
    stage_expect(stage, R6887_8_1_02,
                 address_equal(&request.pcp.client, &request.datagram.from.address),
                 "the source address in the client address field", "%s from %s",
                 address_format(&request.pcp.client, said),
                 address_format(&request.datagram.from.address, source));
}

/* --- behind a NAT that knows nothing of PCP --------------------------------------------------- */

/* Whether what is sent to the NAT's own address goes on to somebody. */
static bool is_mapped(struct stage *stage, const struct endpoint *to)
{
    static const uint8_t octets[] = "pinhole";
    struct datagram datagram;
    int socket = stage_open(stage, STAGE_REMOTE, 0);
    stage_send(stage, socket, to, octets, sizeof octets);
    bool refused = stage_receive(stage, socket, 300 * MILLISECOND, &datagram) && datagram.is_error;
    stage_close(stage, socket);
    return !refused;
}

/* What a client does about it is left to it, and to rest is right. But whoever says that it knows of the NAT has
 * a mapping there. */
static void an_inner_nat_is_mapped_first(struct stage *stage)
{
    struct server server = server_open(stage, STAGE_REMOTE);
    const struct address nat = stage_address(stage, STAGE_OUTSIDE);
    const struct address home = stage_address(stage, STAGE_HOST);
    stage_run(stage, STAGE_GATEWAY,
              "nft 'add table ip inner; add chain ip inner post { type nat hook postrouting "
              "priority srcnat; }; add rule ip inner post oifname eth1 masquerade'");
    tell(stage, "PINHOLE_GATEWAY", STAGE_REMOTE);
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    struct request request = server_next(&server, UNTIL_ASKED);
    for (int i = 0; i < 3 && request.came && !stage->over; i++) {
        const struct endpoint mapped = {nat, request.pcp.data.map.internal_port};
        bool claims =
            address_equal(&request.pcp.client, &nat) && !address_equal(&request.pcp.client, &home);
        stage_expect(stage, R6887_8_1_06, !claims || is_mapped(stage, &mapped),
                     "the NAT's address as the client's only where it maps the internal port",
                     "nothing behind it, and %s", request_describe(stage, &request));
        server_refuse(&server, &request, PCP_ADDRESS_MISMATCH, AN_ERROR);
        request = server_await(&server, 2 * AN_ERROR);
    }
}

/* --- whom ------------------------------------------------------------------------------------- */

/* The next request for a mapping that comes to one of two servers in a time; *at is whose. */
static struct request ask_either(struct server *right, struct server *wrong, struct server **at)
{
    struct stage *stage = right->stage;
    const int sockets[] = {right->socket, wrong->socket};
    struct datagram datagram;
    int64_t patience = (int64_t)(UNTIL_ASKED / stage->scale * (double)SECOND) + 2 * SECOND;
    struct request request = {0};
    if (stage_receive_any(stage, sockets, 2, patience, &datagram)) {
        request = server_read(&datagram);
        *at = datagram.socket == right->socket ? right : wrong;
    }
    return request;
}

static void expect_at(struct server *right, struct server *wrong, enum requirement_id requirement,
                      const char *who)
{
    struct stage *stage = right->stage;
    struct server *at = right;
    struct request request = ask_either(right, wrong, &at);
    stage_expect(stage, requirement, request.came && at == right, who, "%s%s",
                 request_describe(stage, &request), at == wrong ? ", at its neighbour" : "");
}

/* The kernel tells so many routes in more than one message. */
static void the_default_router_is_asked(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct server router = server_open(stage, STAGE_GATEWAY);
    struct server neighbour = server_open(stage, STAGE_ROUTER);
    struct address address = stage_address(stage, STAGE_ROUTER);
    stage_run(stage, STAGE_HOST,
              "for i in $(seq %d); do echo route add 198.18.$i.0/24 via %s; done | ip -batch -",
              ROUTES, address_format(&address, text));
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    expect_at(&router, &neighbour, R6887_8_1_03, "a request to the default router");
}

static void a_configured_server_is_asked(struct stage *stage)
{
    struct server configured = server_open(stage, STAGE_ROUTER);
    struct server router = server_open(stage, STAGE_GATEWAY);
    tell(stage, "PINHOLE_GATEWAY", STAGE_ROUTER);
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    expect_at(&configured, &router, R6887_8_1_03, "a request to the server that is configured");
}

/* The default router of each family is another box. */
static void each_family_has_its_router(struct stage *stage)
{
    char router[ADDRESS_TEXT_SIZE];
    bool ipv6 = stage->ipv6;
    struct server right = server_open(stage, ipv6 ? STAGE_ROUTER : STAGE_GATEWAY);
    stage->ipv6 = true;
    struct address address = stage_address(stage, STAGE_ROUTER);
    stage_run(stage, STAGE_HOST, "ip -6 route replace default via %s",
              address_format(&address, router));
    stage->ipv6 = !ipv6;
    struct server wrong = server_open(stage, ipv6 ? STAGE_GATEWAY : STAGE_ROUTER);
    stage->ipv6 = ipv6;
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    struct server *at = &wrong;
    struct request request = {.came = true};
    /* A dual-stack client may want a mapping of either family. */
    for (int i = 0; i < 4 && request.came && at == &wrong; i++)
        request = ask_either(&right, &wrong, &at);
    stage_expect(stage, R6887_8_1_05, request.came && at == &right,
                 ipv6 ? "a request to the IPv6 default router for an IPv6 mapping"
                      : "a request to the IPv4 default router for an IPv4 mapping",
                 "%s%s", request_describe(stage, &request),
                 at == &wrong ? ", at that of the other family" : "");
}

/* --- nobody ----------------------------------------------------------------------------------- */

/* Until then the router says that nobody listens. */
static void a_server_that_comes_late_is_asked(struct stage *stage)
{
    tell(stage, "PINHOLE_GATEWAY", STAGE_GATEWAY);
    tell(stage, "PINHOLE_SERVER", STAGE_REMOTE);
    server_start_peer(stage);
    stage_pass(stage, UNHEARD * SECOND);
    struct server server = server_open(stage, STAGE_GATEWAY);
    server_expect_request(&server, R6887_8_1_1_07, A_MOMENT,
                          "a server being there now and none before");
}

static const struct test_case cases[] = {
    {.id = "device.8.requests-come-by-udp",
     .sentence = "Requests are sent over UDP.",
     .requirements = JUDGES(R6887_8_01),
     .run = requests_come_by_udp,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.8.1.source-ports-are-random",
     .sentence = "The source port of a client is drawn at random.",
     .requirements = JUDGES(R6887_8_1_01),
     .run = source_ports_are_random,
     .traits = CASE_UNSTARTED,
     .seconds = 2},
    {.id = "device.8.1.a-port-is-left-to-its-owner",
     .sentence = "Clients that share a host have source ports of their own.",
     .requirements = JUDGES(R6887_8_1_04),
     .run = a_port_is_left_to_its_owner,
     .traits = CASE_UNSTARTED,
     .seconds = 2},
    {.id = "device.8.1.the-client-address-is-the-source",
     .sentence = "A request holds the source address of its packet.",
     .requirements = JUDGES(R6887_8_1_02),
     .run = the_client_address_is_the_source,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 1},
    {.id = "device.8.1.an-inner-nat-is-mapped-first",
     .sentence = "A client gives a NAT's address for its own only where it has a mapping there.",
     .requirements = JUDGES(R6887_8_1_06),
     .run = an_inner_nat_is_mapped_first,
     .traits = CASE_UNSTARTED,
     .seconds = 200,
     .variant = "asking-several-servers"},
    {.id = "device.8.1.the-default-router-is-asked",
     .sentence = "Where no server is configured it is the default router.",
     .requirements = JUDGES(R6887_8_1_03),
     .run = the_default_router_is_asked,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.8.1.a-configured-server-is-asked",
     .sentence = "A server that is configured is asked, and not the default router.",
     .requirements = JUDGES(R6887_8_1_03),
     .run = a_configured_server_is_asked,
     .traits = CASE_UNSTARTED,
     .seconds = 1,
     .variant = "asking-several-servers"},
    {.id = "device.8.1.each-family-has-its-router",
     .sentence = "A dual-stack client asks the IPv4 router for IPv4 mappings, and the IPv6 router "
                 "for IPv6 ones.",
     .requirements = JUDGES(R6887_8_1_05),
     .run = each_family_has_its_router,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 1},
    {.id = "device.8.1.1.a-server-that-comes-late-is-asked",
     .sentence = "A client that nobody answers goes on asking.",
     .requirements = JUDGES(R6887_8_1_1_07),
     .run = a_server_that_comes_late_is_asked,
     .traits = CASE_UNSTARTED,
     .seconds = 11},
};

static const struct defect defects[] = {
    {.name = "asks-by-tcp",
     .text = "sends its requests over TCP, too",
     .requirements = JUDGES(R6887_8_01)},
    {.name = "asks-from-one-port",
     .text = "sends its requests from port 5349 each time",
     .requirements = JUDGES(R6887_8_1_01, R6887_8_1_04)},
    {.name = "names-another-address",
     .text = "has another address than its own in the client address field",
     .requirements = JUDGES(R6887_8_1_02)},
    {.name = "claims-a-nat-unmapped",
     .text = "gives a NAT's address for its own without a mapping there",
     .requirements = JUDGES(R6887_8_1_06)},
    {.name = "asks-any-router",
     .text = "takes the gateway of some route for the default router",
     .requirements = JUDGES(R6887_8_1_03),
     .shown_by = "device.8.1.the-default-router-is-asked"},
    {.name = "asks-the-router-always",
     .text = "asks the default router although a server is configured",
     .requirements = JUDGES(R6887_8_1_03),
     .shown_by = "device.8.1.a-configured-server-is-asked"},
    {.name = "knows-the-ipv4-router-alone",
     .text = "asks the IPv4 router whatever mapping it wants",
     .requirements = JUDGES(R6887_8_1_05)},
    {.name = "hangs-without-a-server",
     .text = "loops for ever when nobody answers",
     .requirements = JUDGES(R6887_8_1_1_07),
     .shown_by = "device.8.1.1.a-server-that-comes-late-is-asked"},
};

CASE_FILE(device_08_1_servers, CASE_DEVICE, cases, defects);
