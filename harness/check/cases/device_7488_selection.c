/* RFC 7488: which address of which server a client asks. */
#include "check/stage_server.h"

#include <stdio.h>

enum {
    PROTOCOL_UDP = 17,
    TRIES = 4,          /* of each address */
    TRIED = 60,         /* s, in which an address is tried so often: 50 at most */
    FIRST_REQUEST = 60, /* s, until the device has asked */
    LIFETIME = 60,      /* s, granted where renewals are waited for */
    MINUTES = 60,       /* s */
    PERIOD = 15 * MINUTES,
    FAST = 100 /* so many times as fast for a quarter of an hour */
};

static int64_t ours(const struct stage *stage, double seconds)
{
    return (int64_t)(seconds / stage->scale * (double)SECOND);
}

/* --- two addresses ---------------------------------------------------------------------------- */

struct pair {
    struct server one, other; /* at the first address and at the second */
    struct request last;      /* that came to the first */
    uint64_t first_hash;      /* of the first that came there */
    unsigned tries;           /* equal ones, there */
};

static struct pair begin(struct stage *stage, const char *separator)
{
    struct pair pair = {0};
    server_begin_two(stage, separator, &pair.one, &pair.other);
    return pair;
}

/* Leaves the first address silent until a request comes to the second, for so many seconds. */
static struct request wait_for_other(struct pair *pair, double seconds)
{
    struct stage *stage = pair->one.stage;
    const int sockets[] = {pair->one.socket, pair->other.socket};
    int64_t until = stage_now(stage) + ours(stage, seconds) + SECOND;
    struct datagram datagram;
    while (stage_receive_any(stage, sockets, 2, until - stage_now(stage), &datagram)) {
        if (datagram.is_error)
            continue;
        struct request request = server_read(&datagram);
        uint64_t hash = stage_hash(datagram.octets, datagram.length);
        if (datagram.socket == pair->other.socket)
            return request;
        if (pair->tries == 0)
            pair->first_hash = hash;
        pair->tries += hash == pair->first_hash;
        pair->last = request;
    }
    if (pair->tries == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks neither here nor there");
    return (struct request){0};
}

static void a_silent_address_gives_way(struct stage *stage)
{
    struct pair pair = begin(stage, ",");
    struct request request = wait_for_other(&pair, 2 * TRIED);
    stage_expect(stage, R7488_3_04, request.came,
                 "a request at the second address, the first being silent", "none behind %u",
                 pair.tries);
    stage_expect(stage, R7488_3_03, pair.tries == TRIES,
                 "four requests at the first address before the second is asked", "%u", pair.tries);
    stage_expect(stage, R7488_3_10, request_has_nonce_of(&request, &pair.last),
                 "the same nonce at both addresses of the server", "%s at the second, %s before",
                 request_describe(stage, &request), request_describe(stage, &pair.last));
    server_grant(&pair.one, &pair.last, SERVER_LIFETIME);
    (void)server_success(&pair.other, &request); /* from here on it follows the mapping */
    server_expect_ignored(&pair.other, R7488_3_05, "an answer from the address that was given up");
}

static void a_hard_error_leads_on(struct stage *stage)
{
    struct pair pair = begin(stage, ",");
    struct request first = server_next(&pair.one, FIRST_REQUEST);
    /* The repetition 3 s later finds nobody there. */
    stage_close(stage, pair.one.socket);
    struct request next = server_await(&pair.other, TRIED);
    double after = server_between(&pair.one, &first, &next);
    stage_expect(stage, R7488_3_06, next.came && after <= 3.3 + server_late(&pair.one),
                 "a request at the second address as soon as the first was unreachable", "%s%s",
                 next.came ? "later: " : "", request_describe(stage, &next));
}

static void the_round_begins_again(struct stage *stage)
{
    enum { PAUSE = 200 /* s; longer than any wait within a round */ };
    struct pair pair = begin(stage, ",");
    const int sockets[] = {pair.one.socket, pair.other.socket};
    struct datagram datagram;
    if (!stage_receive_any(stage, sockets, 2, ours(stage, FIRST_REQUEST) + SECOND, &datagram))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks neither here nor there");
    int64_t start = datagram.time;
    int64_t last = start;
    /* Fifteen minutes from the start of a round or from its end: the text leaves it open, and says it without
     * a tolerance. A tenth is the one of its waits. */
    const double earliest = 0.9 * PERIOD;
    const double latest = 1.1 * PERIOD + 2 * TRIED;
    int64_t until = start + ours(stage, latest) + SECOND;
    double begun = 0;
    while (begun == 0 &&
           stage_receive_any(stage, sockets, 2, until - stage_now(stage), &datagram)) {
        if (datagram.is_error)
            continue;
        if (stage_peer_seconds(stage, last, datagram.time) > PAUSE)
            begun = stage_peer_seconds(stage, start, datagram.time);
        last = datagram.time;
    }
    stage_expect(stage, R7488_3_07,
                 begun >= earliest - server_early(&pair.one) &&
                     begun <= latest + server_late(&pair.one),
                 "a round through the silent addresses, a pause, and another one after 15 minutes",
                 "another round after %.0f s (0: none)", begun);
}

static void what_answered_is_kept_to(struct stage *stage)
{
    struct pair pair = begin(stage, ",");
    struct request request = wait_for_other(&pair, 2 * TRIED);
    if (!request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the second address is not asked");
    for (int i = 0; i < 3 && !stage->over; i++) {
        server_grant(&pair.other, &request, SERVER_SHORT_LIFETIME);
        request = server_expect_request(&pair.other, R7488_3_08, SERVER_SHORT_LIFETIME,
                                        "since the address that answered gets all that follows");
    }
    server_expect_silence(&pair.one, R7488_3_08, 0, "since the second address answers");
}

static void what_falls_silent_gives_way(struct stage *stage)
{
    struct pair pair = begin(stage, ",");
    struct request request = server_next(&pair.one, FIRST_REQUEST);
    server_grant(&pair.one, &request, LIFETIME);
    /* Until it expires, four tries more, and four if the first is asked first again. */
    request = wait_for_other(&pair, LIFETIME + 3 * TRIED);
    stage_expect(stage, R7488_3_09, request.came,
                 "a request at the second address, since the first one answers no more", "none");
}

/* --- two servers ------------------------------------------------------------------------------ */

static void each_server_is_asked(struct stage *stage)
{
    struct pair pair = begin(stage, " ");
    struct request other = wait_for_other(&pair, 2 * TRIED);
    stage_expect(stage, R7488_4_01, other.came,
                 "a request at the second server, though the first is silent", "none");
    struct request one = pair.last.came ? pair.last : server_next(&pair.one, FIRST_REQUEST);
    stage_expect(stage, R7488_4_02, !request_has_nonce_of(&other, &one),
                 "another nonce at each server", "%s at both", request_describe(stage, &other));
}

/* --- the host --------------------------------------------------------------------------------- */

static bool is_for_udp(const struct request *request)
{
    return request->came && !request->is_natpmp && request->fault == PCP_FAULT_NONE &&
           request->pcp.opcode == PCP_MAP && request->pcp.data.map.protocol == PROTOCOL_UDP &&
           request->pcp.data.map.internal_port != 0;
}

/* Whether a program of the host listens at an endpoint: nobody there draws an ICMP error. */
static bool is_closed(struct stage *stage, const struct endpoint *to)
{
    static const uint8_t ping[] = {0x40, 0, 0, 1};
    struct datagram datagram;
    int socket = stage_open(stage, STAGE_OTHER, 0);
    stage_send(stage, socket, to, ping, sizeof ping);
    while (stage_receive(stage, socket, SECOND / 2, &datagram))
        if (datagram.is_error)
            return true;
    return false;
}

static void the_application_is_where_requests_come_from(struct stage *stage)
{
    struct server server;
    stage_run(stage, STAGE_HOST, "ip address add 192.168.1.11/24 dev eth0");
    struct request request = server_begin_for(stage, &server, is_for_udp);
    struct endpoint inside = {request.pcp.client, request.pcp.data.map.internal_port};
    server_grant(&server, &request, SERVER_LIFETIME);
    char text[ADDRESS_TEXT_SIZE];
    stage_expect(stage, R7488_3_01, !is_closed(stage, &inside),
                 "an application that listens at the address that the mapping is for",
                 "nobody listens at %s port %u", address_format(&inside.address, text),
                 inside.port);
}

/* Whether a request comes to the router of a link-local address that is the default one. */
static bool asks_its_router(struct stage *stage, int everywhere, const struct address *router)
{
    struct datagram datagram;
    while (stage_receive(stage, everywhere, ours(stage, FIRST_REQUEST), &datagram))
        if (!datagram.is_error && address_equal(&datagram.to, router))
            return true;
    return false;
}

static void a_server_is_asked_through_its_interface(struct stage *stage)
{
    const struct endpoint all = {stage_any(stage), PCP_SERVER_PORT};
    struct address router;
    struct address far = stage_address(stage, STAGE_REMOTE);
    char text[ADDRESS_TEXT_SIZE];
    (void)address_parse("fe80::77", &router);
    stage_run(stage, STAGE_GATEWAY, "ip address add fe80::77/64 dev eth0 nodad");
    stage_run(stage, STAGE_HOST, "ip -6 route replace default via fe80::77 dev eth0");
    int everywhere = stage_open_kind(stage, SOCKET_UDP, STAGE_GATEWAY, &all);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&far, text));
    server_start_peer(stage);
    if (!asks_its_router(stage, everywhere, &router))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer doesn't ask a link-local router");
    /* Now there is another link, on which the same address may be another router's. */
    stage_stop(stage, 0);
    stage_run(stage, STAGE_HOST,
              "ip link add decoy type veth peer name behind && ip link set decoy up && "
              "ip link set behind up && ip address add 2001:db8:77::10/64 dev decoy nodad");
    struct datagram datagram;
    while (stage_receive(stage, everywhere, 0, &datagram))
        ;
    server_start_peer(stage);
    stage_expect(stage, R7488_1_02, asks_its_router(stage, everywhere, &router),
                 "a request to fe80::77 through eth0, where the default route leads", "none");
}

static void addresses_are_sorted(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    char both[ADDRESS_TEXT_SIZE + 20];
    struct address local;
    struct address global = stage_address(stage, STAGE_GATEWAY);
    struct address far = stage_address(stage, STAGE_REMOTE);
    struct datagram datagram;
    (void)address_parse("fd00:77::1", &local);
    stage_run(stage, STAGE_GATEWAY, "ip address add fd00:77::1/64 dev eth0 nodad");
    struct server server = server_open(stage, STAGE_GATEWAY);
    struct server unique = server_open_at(stage, STAGE_GATEWAY, &local);
    const int sockets[] = {server.socket, unique.socket};
    (void)snprintf(both, sizeof both, "fd00:77::1,%s", address_format(&global, text));
    stage_tell(stage, "PINHOLE_GATEWAY", both);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&far, text));
    server_start_peer(stage);
    if (!stage_receive_any(stage, sockets, 2, ours(stage, FIRST_REQUEST) + SECOND, &datagram))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks neither here nor there");
    stage_expect(stage, R7488_3_02, datagram.socket == server.socket,
                 "the first request to the global address, like that of the host, and not to the "
                 "unique local one",
                 "to fd00:77::1");
}

static const struct test_case cases[] = {
    {.id = "device.7488.1.a-server-is-asked-through-its-interface",
     .sentence = "A server of a link-local address is asked through the interface of its link.",
     .requirements = JUDGES(R7488_1_02),
     .run = a_server_is_asked_through_its_interface,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 10},
    {.id = "device.7488.3.the-application-is-where-requests-come-from",
     .sentence =
         "The application can be reached at the address that its mapping is asked for from.",
     .requirements = JUDGES(R7488_3_01),
     .run = the_application_is_where_requests_come_from,
     .traits = CASE_UNSTARTED,
     .seconds = 15},
    {.id = "device.7488.3.addresses-are-sorted",
     .sentence = "Of two addresses of a server that is tried first which RFC 6724 puts first.",
     .requirements = JUDGES(R7488_3_02),
     .run = addresses_are_sorted,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 5,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.3.a-silent-address-gives-way",
     .sentence = "An address that was silent four times gives way to the next, which gets the same "
                 "nonce, and is listened to no more.",
     .requirements = JUDGES(R7488_3_04, R7488_3_03, R7488_3_05, R7488_3_10),
     .run = a_silent_address_gives_way,
     .traits = CASE_UNSTARTED,
     .seconds = 65,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.3.a-hard-error-leads-to-the-next-address",
     .sentence = "When a hard ICMP error comes, the next address is tried at once.",
     .requirements = JUDGES(R7488_3_06),
     .run = a_hard_error_leads_on,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.3.the-round-begins-again-after-15-minutes",
     .sentence = "When all addresses were silent, they are tried again every 15 minutes.",
     .requirements = JUDGES(R7488_3_07),
     .run = the_round_begins_again,
     .traits = CASE_UNSTARTED,
     .seconds = PERIOD,
     .factor = FAST,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.3.the-address-that-answered-is-kept-to",
     .sentence = "The address that answered gets all further requests.",
     .requirements = JUDGES(R7488_3_08),
     .run = what_answered_is_kept_to,
     .traits = CASE_UNSTARTED,
     .seconds = 100,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.3.an-address-that-falls-silent-gives-way",
     .sentence = "When the address that answered falls silent, the others are tried.",
     .requirements = JUDGES(R7488_3_09),
     .run = what_falls_silent_gives_way,
     .traits = CASE_UNSTARTED,
     .seconds = 110,
     .variant = "choosing-among-addresses"},
    {.id = "device.7488.4.each-server-is-asked",
     .sentence = "Each of several servers is asked, with a nonce of its own.",
     .requirements = JUDGES(R7488_4_01, R7488_4_02),
     .run = each_server_is_asked,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "asking-several-servers"},
};

static const struct defect defects[] = {
    {.name = "asks-through-another-interface",
     .text = "asks a link-local server through the last of its interfaces",
     .requirements = JUDGES(R7488_1_02)},
    {.name = "asks-where-nothing-listens",
     .text = "asks from another address of the host than the application's",
     .requirements = JUDGES(R7488_3_01)},
    {.name = "takes-addresses-as-they-come",
     .text = "tries the addresses of a server in the order in which they are configured",
     .requirements = JUDGES(R7488_3_02)},
    {.name = "tries-an-address-twice",
     .text = "gives an address up behind two requests",
     .requirements = JUDGES(R7488_3_03, R7723_2_1_02)},
    {.name = "knows-one-address-of-a-server",
     .text = "asks the first address of a server alone",
     .requirements = JUDGES(R7488_3_04)},
    {.name = "listens-to-what-it-gave-up",
     .text = "takes an answer from an address that it asks no more",
     .requirements = JUDGES(R7488_3_05)},
    {.name = "overlooks-icmp-errors",
     .text = "doesn't notice that an address is unreachable",
     .requirements = JUDGES(R7488_3_06)},
    {.name = "rests-for-five-minutes",
     .text = "tries silent addresses again after five minutes",
     .requirements = JUDGES(R7488_3_07)},
    {.name = "goes-back-to-the-first-address",
     .text = "renews at the first address whichever granted the mapping",
     .requirements = JUDGES(R7488_3_08)},
    {.name = "stays-with-what-answered",
     .text = "asks an address for ever once it has answered",
     .requirements = JUDGES(R7488_3_09)},
    {.name = "draws-a-nonce-for-each-address",
     .text = "has another nonce for each address of a server",
     .requirements = JUDGES(R7488_3_10)},
    {.name = "asks-the-first-server-alone",
     .text = "asks the first of several servers alone",
     .requirements = JUDGES(R7488_4_01)},
    {.name = "draws-one-nonce-for-several-servers",
     .text = "has the same nonce for all servers",
     .requirements = JUDGES(R7488_4_02)},
};

CASE_FILE(device_7488_selection, CASE_DEVICE, cases, defects);
