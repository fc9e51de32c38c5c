/* RFC 6887, section 8.4: which of a host's addresses a client asks from. */
#include "check/stage_server.h"

#include <stdio.h>
#include <string.h>

enum {
    UNTIL_ASKED = 60, /* s */
    LIFETIME = 60     /* s, of the mapping of a privacy address */
};

/* --- scope ------------------------------------------------------------------------------------ */

/* The default router is known by an address of little reach, and the server listens there. */
static struct request ask_at(struct stage *stage, struct server *server, const char *router)
{
    char text[ADDRESS_TEXT_SIZE];
    struct endpoint local = {.port = PCP_SERVER_PORT};
    struct address remote = stage_address(stage, STAGE_REMOTE);
    *server = server_open(stage, STAGE_GATEWAY);
    if (!stage->over && !address_parse(router, &local.address))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the gateway has no such address: '%s'", router);
    server->socket = stage_open_kind(stage, SOCKET_UDP, STAGE_GATEWAY, &local);
    stage_run(stage, STAGE_HOST, "ip -6 route replace default via %s dev eth0", router);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&remote, text));
    server_start_peer(stage);
    return server_next(server, UNTIL_ASKED);
}

static void the_source_is_of_global_reach(struct stage *stage)
{
    char router[ADDRESS_TEXT_SIZE] = "";
    char text[ADDRESS_TEXT_SIZE];
    struct server server;
    stage_run_for(stage, STAGE_GATEWAY, router, sizeof router,
                  "ip -6 -o addr show dev eth0 scope link | awk '{ print $4 }' | cut -d/ -f1 | "
                  "tr -d '\\n'");
    router[strcspn(router, "\n")] = '\0';
    struct request request = ask_at(stage, &server, router);
    const uint8_t *octet = request.datagram.from.address.octet;
    stage_expect(stage, R6887_8_4_01, !(octet[0] == 0xfe && (octet[1] & 0xc0) == 0x80),
                 "a request from an address of global reach", "from %s",
                 address_format(&request.datagram.from.address, text));
}

static void the_source_is_not_unique_local(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct server server;
    stage_run(stage, STAGE_GATEWAY, "ip -6 addr add fd00:1::1/64 dev eth0 nodad");
    stage_run(stage, STAGE_HOST, "ip -6 addr add fd00:1::10/64 dev eth0 nodad");
    struct request request = ask_at(stage, &server, "fd00:1::1");
    stage_expect(stage, R6887_8_4_02, (request.datagram.from.address.octet[0] & 0xfe) != 0xfc,
                 "a request from an address of global reach", "from %s",
                 address_format(&request.datagram.from.address, text));
}

/* The third outcome: to have no other address is no reason not to ask. */
static void a_private_ipv4_address_may_ask(struct stage *stage)
{
    struct server server = server_open(stage, STAGE_GATEWAY);
    char text[ADDRESS_TEXT_SIZE];
    struct address address = stage_address(stage, STAGE_GATEWAY);
    stage_tell(stage, "PINHOLE_GATEWAY", address_format(&address, text));
    address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
    server_expect_request(&server, R6887_8_4_05, UNTIL_ASKED,
                          "from the private address that the host has");
}

/* --- privacy addresses ------------------------------------------------------------------------ */

/* Whether an address is one of the host's temporary ones, or the first of them. */
static bool is_privacy_address(struct stage *stage, const struct address *wanted,
                               struct address *first)
{
    enum { ROOM = 1000 };
    char text[ROOM] = "";
    char *rest = NULL;
    bool found = false;
    stage_run_for(stage, STAGE_HOST, text, sizeof text,
                  "ip -6 -o addr show dev eth0 temporary -deprecated | awk '{ print $4 }' | "
                  "cut -d/ -f1");
    for (char *line = strtok_r(text, "\n", &rest); line && !found;
         line = strtok_r(NULL, "\n", &rest))
        found = address_parse(line, first) && (!wanted || address_equal(first, wanted));
    return found;
}

/* Others take its place. It is the host's still: what uses it may go on. One that comes first lets there be a
 * privacy address at each moment. */
static void rotate(struct stage *stage, const struct address *old)
{
    char text[ADDRESS_TEXT_SIZE];
    stage_run(stage, STAGE_HOST, "ip -6 addr add 2001:db8:1::77/64 dev eth0 mngtmpaddr nodad");
    stage_run(stage, STAGE_HOST, "ip -6 addr change %s/64 dev eth0 preferred_lft 0 valid_lft 3600",
              address_format(old, text));
}

struct rotation {
    struct request moved; /* the first request from elsewhere than the old address */
    bool renewed;         /* from the old one, which is needed then */
    bool deleted;
};

/* Whether the peer maps an address. Some map all that the host has. */
struct mapped {
    bool privacy, lasting;
};

/* Grants what is asked for at the start: all of it comes at once. */
static struct mapped grant_all(struct server *server, struct request request,
                               const struct address *privacy, const struct address *lasting)
{
    const int64_t at_once = 200 * MILLISECOND;
    struct mapped mapped = {0};
    struct datagram datagram;
    do {
        const struct address *from = &request.datagram.from.address;
        mapped.privacy = mapped.privacy || address_equal(from, privacy);
        mapped.lasting = mapped.lasting || address_equal(from, lasting);
        server_grant(server, &request, LIFETIME);
        if (!stage_receive(server->stage, server->socket, at_once, &datagram))
            break;
        request = server_read(&datagram);
    } while (!server->stage->over);
    return mapped;
}

/* Until the mapping of the old address has run out, if nobody renewed it. other (or NULL) has been mapped all the
 * time. */
static struct rotation watch(struct server *server, const struct address *old,
                             const struct address *other)
{
    struct stage *stage = server->stage;
    struct rotation rotation = {0};
    int64_t start = stage_now(stage);
    while (!stage->over && !(rotation.moved.came && rotation.deleted)) {
        double passed = stage_peer_seconds(stage, start, stage_now(stage));
        if (passed >= LIFETIME)
            break;
        struct request request = server_await(server, LIFETIME - passed);
        if (!request.came)
            break;
        bool is_old = address_equal(&request.datagram.from.address, old);
        bool is_other = other && address_equal(&request.datagram.from.address, other);
        bool deletes = !request.is_natpmp && request.pcp.lifetime == 0;
        rotation.deleted = rotation.deleted || (is_old && deletes);
        rotation.renewed = rotation.renewed || (is_old && !deletes);
        if (!is_old && !is_other && !deletes && !rotation.moved.came)
            rotation.moved = request;
        struct reply reply = server_success(server, &request);
        server_send(server, &reply);
    }
    return rotation;
}

static void a_privacy_address_is_followed(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    char wanted[ADDRESS_TEXT_SIZE];
    struct server server;
    struct address old = stage_any(stage);
    struct address any = old;
    const struct address lasting = stage_address(stage, STAGE_HOST);
    stage_run(stage, STAGE_HOST,
              "cd /proc/sys/net/ipv6/conf/eth0; echo 2 > use_tempaddr; echo 0 > accept_dad; "
              "ip -6 addr change 2001:db8:1::10/64 dev eth0 mngtmpaddr");
    if (!is_privacy_address(stage, NULL, &old) && !stage->over)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the kernel makes no temporary address");
    struct request request = server_begin(stage, &server);
    struct mapped mapped = grant_all(&server, request, &old, &lasting);
    if (!stage->over && !mapped.privacy)
        stage_end(stage, VERDICT_INCONCLUSIVE, "it doesn't map its privacy address %s but %s",
                  address_format(&old, text),
                  address_format(&request.datagram.from.address, wanted));
    rotate(stage, &old);
    struct rotation rotation = watch(&server, &old, mapped.lasting ? &lasting : NULL);
    stage_expect(stage, R6887_8_4_06, rotation.moved.came,
                 "a request for the privacy address that took the place of the old one", "none");
    bool from_new = is_privacy_address(stage, &rotation.moved.datagram.from.address, &any) &&
                    address_equal(&rotation.moved.pcp.client, &any);
    stage_expect(stage, R6887_8_4_03, from_new, "a request from a privacy address", "from %s: %s",
                 address_format(&rotation.moved.datagram.from.address, text),
                 request_describe(stage, &rotation.moved));
    stage_expect(stage, R6887_8_4_04, rotation.deleted || rotation.renewed,
                 "the mapping of the old privacy address deleted, since nobody renewed it",
                 "it was left to run out");
}

static const struct test_case cases[] = {
    {.id = "device.8.4.the-source-is-of-global-reach",
     .sentence = "An IPv6 client sends from an address of global reach.",
     .requirements = JUDGES(R6887_8_4_01),
     .run = the_source_is_of_global_reach,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 1},
    {.id = "device.8.4.the-source-is-not-unique-local",
     .sentence = "A client doesn't send from a unique local address.",
     .requirements = JUDGES(R6887_8_4_02),
     .run = the_source_is_not_unique_local,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 1},
    {.id = "device.8.4.a-private-ipv4-address-may-ask",
     .sentence = "A client may send from a private IPv4 address.",
     .requirements = JUDGES(R6887_8_4_05),
     .run = a_private_ipv4_address_may_ask,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.8.4.a-privacy-address-is-followed",
     .sentence = "A new privacy address brings a request from it, and the old one's mapping is "
                 "deleted.",
     .requirements = JUDGES(R6887_8_4_03, R6887_8_4_04, R6887_8_4_06),
     .run = a_privacy_address_is_followed,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 60},
};

static const struct defect defects[] = {
    {.name = "asks-from-its-link-local-address",
     .text = "asks a link-local router from a link-local address",
     .requirements = JUDGES(R6887_8_4_01)},
    {.name = "asks-from-what-the-kernel-takes",
     .text = "asks from the address that the kernel takes, be it unique local",
     .requirements = JUDGES(R6887_8_4_02)},
    {.name = "asks-from-no-private-address",
     .text = "doesn't ask from a private IPv4 address",
     .requirements = JUDGES(R6887_8_4_05)},
    {.name = "keeps-its-first-address",
     .text = "stays with the privacy address that it had at its start",
     .requirements = JUDGES(R6887_8_4_06)},
    {.name = "asks-from-its-lasting-address",
     .text = "asks from the host's lasting address when its privacy address changes",
     .requirements = JUDGES(R6887_8_4_03)},
    {.name = "leaves-its-old-mapping",
     .text = "doesn't delete the mapping of a privacy address that went out of use",
     .requirements = JUDGES(R6887_8_4_04)},
};

CASE_FILE(device_08_4_interfaces, CASE_DEVICE, cases, defects);
