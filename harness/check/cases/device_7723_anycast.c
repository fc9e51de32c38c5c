/* RFC 7723: the anycast addresses of PCP servers, as a client uses them. */
#include "check/stage_server.h"

#include <stdio.h>
#include <string.h>

enum {
    TRIES = 4,          /* of each address: RFC 7488 section 3 */
    TRIED = 60,         /* s, in which an address is tried so often: 50 at most */
    FIRST_REQUEST = 60, /* s, until the device has asked */
    PATIENCE = 10       /* s, beyond what is expected */
};

/* --- the server behind the address ------------------------------------------------------------ */

static struct address anycast(const struct stage *stage)
{
    struct address address;
    (void)address_parse(stage->ipv6 ? "2001:1::1" : "192.0.0.9", &address);
    return address;
}

/* Further up than the default router, and answering at the anycast address. */
static struct server open_anycast(struct stage *stage)
{
    struct address address = anycast(stage);
    stage_run(stage, STAGE_GATEWAY, "ip address add dev lo %s",
              stage->ipv6 ? "2001:1::1/128 nodad" : "192.0.0.9/32");
    return server_open_at(stage, STAGE_GATEWAY, &address);
}

/* What the home sends anywhere comes to this socket of the gateway, if it goes to port 5351. */
static int open_everywhere(struct stage *stage)
{
    const struct endpoint all = {stage_any(stage), PCP_SERVER_PORT};
    const char *ip = stage->ipv6 ? "ip -6" : "ip";
    stage_run(stage, STAGE_GATEWAY,
              "%s route add local default dev lo table 77 && %s rule add iif eth0 lookup 77", ip,
              ip);
    return stage_open_kind(stage, SOCKET_UDP, STAGE_GATEWAY, &all);
}

/* Nobody tells the peer of a server: there is its default router. */
static void start(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
}

static int64_t ours(const struct stage *stage, double seconds)
{
    return (int64_t)(seconds / stage->scale * (double)SECOND);
}

/* The first request at the anycast address, behind how many equal ones at the router that stays silent. */
static struct request wait_for_anycast(struct server *router, struct server *upstream,
                                       unsigned *tries)
{
    struct stage *stage = router->stage;
    const int sockets[] = {router->socket, upstream->socket};
    int64_t until = stage_now(stage) + ours(stage, TRIED + PATIENCE) + SECOND;
    struct datagram datagram;
    uint64_t first = 0;
    *tries = 0;
    while (stage_receive_any(stage, sockets, 2, until - stage_now(stage), &datagram)) {
        uint64_t hash = stage_hash(datagram.octets, datagram.length);
        if (datagram.is_error)
            continue;
        if (datagram.socket == upstream->socket)
            return server_read(&datagram);
        if (*tries == 0)
            first = hash;
        *tries += hash == first;
    }
    return (struct request){0};
}

/* --- scripts ---------------------------------------------------------------------------------- */

static void anycast_comes_behind_the_router(struct stage *stage)
{
    struct server router = server_open(stage, STAGE_GATEWAY);
    struct server upstream = open_anycast(stage);
    unsigned tries;
    start(stage);
    struct request request = wait_for_anycast(&router, &upstream, &tries);
    if (!request.came && tries == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks neither here nor there");
    stage_expect(stage, R7723_1_02, request.came,
                 "a request at the anycast address, since the default router is silent",
                 "none behind %u at the router", tries);
    stage_expect(stage, R7723_2_1_01, tries > 0,
                 "requests at the default router before any at the anycast address", "none");
    bool is_known =
        !request.is_natpmp && request.fault == PCP_FAULT_NONE && request.pcp.opcode <= PCP_PEER;
    stage_expect(stage, R7723_5_1_03, is_known,
                 "ANNOUNCE, MAP or PEER as the first request at the anycast address", "%s",
                 request_describe(stage, &request));
    stage_expect(stage, R7723_2_1_02, tries == TRIES,
                 "four requests at the default router before the anycast address is asked",
                 "%u of them", tries);
    if (request.pcp.opcode == PCP_ANNOUNCE) {
        struct reply reply = server_announcement(&upstream, &request);
        server_send(&upstream, &reply);
        request = server_next(&upstream, FIRST_REQUEST);
    }
    server_grant(&upstream, &request, SERVER_SHORT_LIFETIME);
    server_expect_request(&upstream, R7723_2_1_02, SERVER_SHORT_LIFETIME,
                          "since the address that answered is kept to");
}

static void expect_address(struct stage *stage, enum requirement_id requirement)
{
    int everywhere = open_everywhere(stage);
    struct address router = stage_address(stage, STAGE_GATEWAY);
    struct address expected = anycast(stage);
    char text[ADDRESS_TEXT_SIZE];
    struct datagram datagram;
    start(stage);
    int64_t until = stage_now(stage) + ours(stage, TRIED + PATIENCE) + SECOND;
    do {
        if (!stage_receive(stage, everywhere, until - stage_now(stage), &datagram))
            stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks its default router alone");
    } while (!stage->over && (datagram.is_error || address_equal(&datagram.to, &router)));
    stage_expect(stage, requirement, address_equal(&datagram.to, &expected),
                 stage->ipv6 ? "a request to 2001:1::1" : "a request to 192.0.0.9", "one to %s",
                 address_format(&datagram.to, text));
}

static void the_ipv4_address(struct stage *stage)
{
    expect_address(stage, R7723_4_1_01);
}

static void the_ipv6_address(struct stage *stage)
{
    expect_address(stage, R7723_4_2_01);
}

static void it_can_be_switched_off(struct stage *stage)
{
    struct server router = server_open(stage, STAGE_GATEWAY);
    struct server upstream = open_anycast(stage);
    unsigned tries;
    start(stage);
    struct request request = wait_for_anycast(&router, &upstream, &tries);
    if (!request.came && tries == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks nobody");
    stage_expect(stage, R7723_1_01, !request.came,
                 "no request at the anycast address, whose use is switched off", "%s",
                 request_describe(stage, &request));
}

/* The server behind the address is told to the peer. */
static struct server configure(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address address = anycast(stage);
    struct server upstream = open_anycast(stage);
    stage_tell(stage, "PINHOLE_GATEWAY", address_format(&address, text));
    return upstream;
}

static void configured_it_is_asked_alone(struct stage *stage)
{
    struct server router = server_open(stage, STAGE_GATEWAY);
    struct server upstream = configure(stage);
    const int sockets[] = {router.socket, upstream.socket};
    struct datagram datagram;
    start(stage);
    int64_t until = stage_now(stage) + ours(stage, TRIED + PATIENCE) + SECOND;
    unsigned asked = 0;
    while (stage_receive_any(stage, sockets, 2, until - stage_now(stage), &datagram)) {
        if (datagram.is_error)
            continue;
        struct request request = server_read(&datagram);
        stage_expect(stage, R7723_2_1_03, datagram.socket == upstream.socket,
                     "requests at the anycast address alone, which is configured",
                     "at the default router: %s", request_describe(stage, &request));
        asked++;
    }
    if (asked == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks nobody");
}

static void another_server_is_a_restart(struct stage *stage)
{
    enum { AT_ONCE = 30 };
    struct server upstream = configure(stage);
    start(stage);
    struct request first = server_next(&upstream, FIRST_REQUEST);
    struct request second;
    do {
        second = server_hear(&upstream, FIRST_REQUEST);
    } while (second.came && server_follows(&upstream, &second)); /* repeated meanwhile */
    if (!second.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks for one mapping alone");
    struct reply reply = server_success(&upstream, &first);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(&upstream, &reply);
    reply = server_success(&upstream, &second);
    server_send(&upstream, &reply);
    first = server_next(&upstream, SERVER_SHORT_LIFETIME);
    /* The route leads elsewhere now: to a server that has been up for an hour and knows of nothing. */
    server_set_epoch(&upstream, 3600);
    server_grant(&upstream, &first, SERVER_LIFETIME);
    struct request again = {0};
    do {
        again = server_hear(&upstream, AT_ONCE);
    } while (again.came && server_follows(&upstream, &again));
    stage_expect(stage, R7723_3_01, again.came,
                 "a request for the other mapping, too, since the epoch shows another server", "%s",
                 request_describe(stage, &again));
}

static const struct test_case cases[] = {
    {.id = "device.7723.1.use-of-anycast-can-be-switched-off",
     .sentence = "A client whose use of the anycast addresses is switched off doesn't ask there.",
     .requirements = JUDGES(R7723_1_01),
     .run = it_can_be_switched_off,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = "without-anycast"},
    {.id = "device.7723.2.1.anycast-comes-behind-the-default-router",
     .sentence = "A client asks at the anycast address when its default router was silent four "
                 "times, and stays with it once it has answered.",
     .requirements = JUDGES(R7723_2_1_02, R7723_1_02, R7723_2_1_01, R7723_5_1_03),
     .run = anycast_comes_behind_the_router,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 75},
    {.id = "device.7723.2.1.anycast-that-is-configured-is-asked-alone",
     .sentence = "A client that is told of the anycast address as its server asks there alone.",
     .requirements = JUDGES(R7723_2_1_03),
     .run = configured_it_is_asked_alone,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = "asking-several-servers"},
    {.id = "device.7723.3.another-server-behind-anycast-is-a-restart",
     .sentence = "A client that another server answers behind the anycast address, as its epoch "
                 "shows, asks for all its mappings.",
     .requirements = JUDGES(R7723_3_01),
     .run = another_server_is_a_restart,
     .traits = CASE_UNSTARTED,
     .seconds = 50,
     .variant = "mapping-two-ports"},
    {.id = "device.7723.4.1.the-anycast-address-of-ipv4-is-192.0.0.9",
     .sentence = "The anycast address that a client asks over IPv4 is 192.0.0.9.",
     .requirements = JUDGES(R7723_4_1_01),
     .run = the_ipv4_address,
     .traits = CASE_UNSTARTED,
     .seconds = 50},
    {.id = "device.7723.4.2.the-anycast-address-of-ipv6-is-2001-1--1",
     .sentence = "The anycast address that a client asks over IPv6 is 2001:1::1.",
     .requirements = JUDGES(R7723_4_2_01),
     .run = the_ipv6_address,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 50},
};

static const struct defect defects[] = {
    {.name = "always-uses-anycast",
     .text = "asks at the anycast address though that is switched off",
     .requirements = JUDGES(R7723_1_01)},
    {.name = "knows-no-anycast",
     .text = "asks its default router for ever",
     .requirements = JUDGES(R7723_1_02)},
    {.name = "asks-anycast-first",
     .text = "asks at the anycast address before it asks its default router",
     .requirements = JUDGES(R7723_2_1_01)},
    {.name = "asks-anycast-by-natpmp",
     .text = "sends NAT-PMP to the anycast address",
     .requirements = JUDGES(R7723_5_1_03)},
    {.name = "asks-the-router-beside-anycast",
     .text = "asks its default router, too, though the anycast address is configured",
     .requirements = JUDGES(R7723_2_1_03)},
    {.name = "trusts-any-epoch",
     .text = "doesn't look at the epoch of responses",
     .requirements = JUDGES(R7723_3_01)},
    {.name = "has-another-anycast-address",
     .text = "asks at 192.0.0.10 and 2001:1::2, which are for TURN",
     .requirements = JUDGES(R7723_4_1_01, R7723_4_2_01)},
};

CASE_FILE(device_7723_anycast, CASE_DEVICE, cases, defects);
