/* RFC 6887, sections 11.5 and 11.6: hosts that move, and the external address alone. */
#include "check/stage_server.h"

#include <stdio.h>

enum {
    SOON = 60,
    MOVING = 120,     /* s, in which a host has noticed its new address */
    SHORT_LIVED = 600 /* s: a mapping that is there to tell an address lasts no longer */
};

static bool is_for_discard(const struct request *request)
{
    enum { DISCARD = 9 };
    return request_is_creation(request) && request->pcp.data.map.internal_port == DISCARD;
}

/* The host has another address, and the one that it had no longer. */
static struct address move(struct stage *stage)
{
    struct address address;
    (void)address_parse("192.168.1.11", &address);
    stage_run(stage, STAGE_HOST,
              "ip address del 192.168.1.10/24 dev eth0 &&"
              " ip address add 192.168.1.11/24 dev eth0 &&"
              " ip route replace default via 192.168.1.1");
    return address;
}

/* The next request for the mapping from another address than the first one came from. */
static struct request await_from(struct server *server, const struct address *from)
{
    struct stage *stage = server->stage;
    struct request request;
    int64_t start = stage_now(stage);
    do
        request = server_hear(server, MOVING - stage_peer_seconds(stage, start, stage_now(stage)));
    while (request.came &&
           !(request_is_creation(&request) && address_equal(&request.datagram.from.address, from)));
    return request;
}

static void a_new_address_has_its_mappings_asked_for(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_LIFETIME);
    struct address address = move(stage);
    struct request moved = await_from(&server, &address);
    stage_expect(
        stage, R6887_11_5_03,
        moved.came && moved.pcp.data.map.internal_port == request.pcp.data.map.internal_port,
        "the mapping asked for from the host's new address", "%s", request_describe(stage, &moved));
}

static void a_new_address_is_named_in_the_request(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_LIFETIME);
    struct address address = move(stage);
    request = await_from(&server, &address);
    stage_expect(stage, R6887_11_5_02,
                 !request.came || address_equal(&request.pcp.client, &address),
                 "a request from a new address that names it as the client's", "%s",
                 request_describe(stage, &request));
}

/* Another interface appears, and no way to the server leads through it. */
static void renewals_keep_to_their_interface(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    stage_run(stage, STAGE_HOST,
              "ip link add wifi type veth peer name air && ip link set air up &&"
              " ip link set wifi up && ip address add 192.168.7.10/24 dev wifi");
    struct request renewal = server_hear(&server, SERVER_SHORT_LIFETIME);
    if (!renewal.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no renewal came");
    stage_expect(stage, R6887_11_5_01,
                 address_equal(&renewal.datagram.from.address, &request.datagram.from.address),
                 "a renewal from where the mapping was asked for", "%s",
                 request_describe(stage, &renewal));
}

static void an_address_alone_is_learned_by_a_short_mapping(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_for_discard);
    stage_expect(stage, R6887_11_6_01, request.pcp.lifetime <= SHORT_LIVED,
                 "a mapping of 10 minutes at most, since it is to tell an address alone", "%s",
                 request_describe(stage, &request));
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    server_expect_silence(&server, R6887_11_6_01, SOON,
                          "the mapping having told the address, and no renewal being of use");
}

static const struct test_case cases[] = {
    {.id = "device.11.5.renewals-keep-to-their-interface",
     .sentence = "A mapping is refreshed through the interface that it was made by.",
     .requirements = JUDGES(R6887_11_5_01),
     .run = renewals_keep_to_their_interface,
     .traits = CASE_UNSTARTED,
     .seconds = 20},
    {.id = "device.11.5.a-new-address-is-named-in-the-request",
     .sentence = "A client may ask from another address, and then names that one.",
     .requirements = JUDGES(R6887_11_5_02),
     .run = a_new_address_is_named_in_the_request,
     .traits = CASE_UNSTARTED,
     .seconds = 120},
    {.id = "device.11.5.a-new-address-has-its-mappings-asked-for",
     .sentence = "A host with a new address asks for its mappings anew from there.",
     .requirements = JUDGES(R6887_11_5_03),
     .run = a_new_address_has_its_mappings_asked_for,
     .traits = CASE_UNSTARTED,
     .seconds = 120},
    {.id = "device.11.6.an-address-alone-is-learned-by-a-short-mapping",
     .sentence = "A client that only wants its external address makes a short-lived "
                 "mapping, and lets it expire.",
     .requirements = JUDGES(R6887_11_6_01),
     .run = an_address_alone_is_learned_by_a_short_mapping,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = "learning-its-address"},
};

static const struct defect defects[] = {
    {.name = "renews-from-its-newest-address",
     .text = "sends renewals from the address that the host got last",
     .requirements = JUDGES(R6887_11_5_01)},
    {.name = "names-its-first-address",
     .text = "names the host's first address in all requests",
     .requirements = JUDGES(R6887_11_5_02)},
    {.name = "stays-where-it-was",
     .text = "takes no notice of the host's new address",
     .requirements = JUDGES(R6887_11_5_03)},
    {.name = "renews-for-ever",
     .text = "renews what nobody wants any more",
     .requirements = JUDGES(R6887_11_6_01)},
    {.name = "learns-its-address-for-a-day",
     .text = "asks for a day where it only wants to know an address",
     .requirements = JUDGES(R6887_11_6_01)},
};

CASE_FILE(device_11_5_addresses, CASE_DEVICE, cases, defects);
