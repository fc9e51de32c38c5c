/* RFC 6887, section 10: what MAP and PEER are for. The device registers at STAGE_REMOTE, which looks for the place
 * that it tells. */
#include "check/stage_server.h"

#include "check/stage_private.h"
#include "wire/coap.h"

#include <stdio.h>
#include <string.h>

enum {
    SOON = 60, /* s, until a device has asked for all that it wants */
    SETTLING = 20,
    REMOTE_PORT = 5683,
    ANOTHER_PORT =
        41000, /* than the server assigns at first; the variant with a wish suggests it */
    PLACE_SIZE = ADDRESS_TEXT_SIZE + 8
};

static const int64_t publishing = 5 * SECOND; /* ours: applications run in real time */

/* --- the rendezvous server -------------------------------------------------------------------- */

/* Says 2.01 Created, lest the message be repeated. */
static void acknowledge(struct stage *stage, int remote, const struct datagram *datagram)
{
    enum { ACKNOWLEDGEMENT = 0x60, CREATED = 0x41, HEADER = 4 };
    struct coap_message message;
    uint8_t octets[HEADER + 8];
    if (coap_message_decode(datagram->octets, datagram->length, &message) != COAP_FAULT_NONE ||
        message.type != COAP_TYPE_CONFIRMABLE)
        return;
    memcpy(octets, datagram->octets, HEADER);
    octets[0] = (uint8_t)(ACKNOWLEDGEMENT | message.token_length);
    octets[1] = CREATED;
    memcpy(octets + HEADER, message.token, message.token_length);
    stage_send(stage, remote, &datagram->from, octets, (size_t)HEADER + message.token_length);
}

static bool tells(const struct datagram *datagram, const char *place)
{
    return memmem(datagram->octets, datagram->length, place, strlen(place)) != NULL;
}

/* Whether the place is told within so many of our nanoseconds. */
static bool is_published(struct stage *stage, int remote, const char *place, int64_t patience)
{
    struct datagram datagram;
    int64_t end = stage_now(stage) + patience;
    int64_t left;
    while (!stage->over && (left = end - stage_now(stage)) > 0) {
        if (!stage_receive(stage, remote, left, &datagram))
            return false;
        acknowledge(stage, remote, &datagram);
        if (tells(&datagram, place))
            return true;
    }
    return false;
}

static void expect_published(struct stage *stage, enum requirement_id requirement, int remote,
                             const struct reply *reply)
{
    const struct pcp_map *map = &reply->pcp.data.map;
    char text[ADDRESS_TEXT_SIZE];
    char place[PLACE_SIZE];
    char *expected = stage_text(stage);
    (void)snprintf(place, sizeof place, "%s:%u", address_format(&map->external_address, text),
                   map->external_port);
    bool told = is_published(stage, remote, place, publishing);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "%s told to the rendezvous server, being assigned",
                   place);
    stage_expect(stage, requirement, told, expected, "nothing of it within 5 s");
}

static struct reply assign(struct server *server, const struct request *request, uint16_t port)
{
    struct reply reply = server_success(server, request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    if (port)
        reply.pcp.data.map.external_port = port;
    server_send(server, &reply);
    return reply;
}

/* --- cases ------------------------------------------------------------------------------------ */

static void a_changed_place_is_published_anew(struct stage *stage)
{
    struct server server;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = server_begin(stage, &server);
    struct reply reply = assign(&server, &request, 0);
    expect_published(stage, R6887_10_1_01, remote, &reply);
    do /* some may have come while the registration was awaited */
        request = server_next(&server, SERVER_SHORT_LIFETIME);
    while (request.came && request.pcp.data.map.external_port == 0);
    reply = assign(&server, &request, ANOTHER_PORT);
    expect_published(stage, R6887_10_1_01, remote, &reply);
}

static void what_is_assigned_is_published_not_what_was_suggested(struct stage *stage)
{
    struct server server;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = server_begin(stage, &server);
    struct reply reply = assign(&server, &request, 0);
    expect_published(stage, R6887_11_2_03, remote, &reply);
}

static void nothing_is_sent_before_the_mapping_is_there(struct stage *stage)
{
    struct server server;
    struct datagram datagram;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = server_begin(stage, &server);
    request = server_next(&server, SOON); /* again: it may give up on PCP later on */
    struct reply reply = server_success(&server, &request);
    bool early = stage_receive(stage, remote, 0, &datagram);
    stage_expect(stage, R6887_10_2_01, !early, "nothing from the port before its MAP is answered",
                 "%zu octets to the server from port %u", datagram.length, datagram.from.port);
    server_send(&server, &reply);
    if (!stage->over && !stage_receive(stage, remote, publishing, &datagram))
        stage_end(stage, VERDICT_INCONCLUSIVE, "nothing came from the port even then");
}

static void both_families_are_asked_for(struct stage *stage)
{
    bool asked[2] = {false, false};
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_creation);
    uint8_t protocol = request.pcp.data.map.protocol;
    uint16_t port = request.pcp.data.map.internal_port;
    while (!stage->over && request.came && !(asked[0] && asked[1])) {
        const struct pcp_map *map = &request.pcp.data.map;
        if (request_is_creation(&request) && map->protocol == protocol &&
            map->internal_port == port && address_is_any(&map->external_address))
            asked[address_is_ipv4(&map->external_address)] = true;
        request = server_hear(&server, SETTLING);
    }
    stage_expect(stage, R6887_10_06, asked[0] && asked[1],
                 "a MAP with the zeros of IPv4 and one with those of IPv6", "%s alone",
                 asked[1] ? "IPv4" : "IPv6");
}

static void the_remote_peer_is_of_the_internal_family(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, request_is_peer);
    const struct address *remote = &request.pcp.data.remote_address;
    stage_expect(
        stage, R6887_10_04, address_is_ipv4(remote) == address_is_ipv4(&request.pcp.client),
        "a remote peer of the client's own family", "%s", request_describe(stage, &request));
}

static void a_lost_flow_is_restored_before_it_goes_on(struct stage *stage)
{
    struct server server;
    struct datagram datagram;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = server_begin_for(stage, &server, request_is_peer);
    struct reply given = server_success(&server, &request);
    server_send(&server, &given);
    (void)server_await(&server, SETTLING);
    while (stage_receive(stage, remote, SECOND, &datagram))
        acknowledge(stage, remote, &datagram);
    server_set_epoch(&server, 0);
    struct reply announcement = server_announcement(&server, NULL);
    server_send(&server, &announcement);
    request = server_next(&server, SOON);
    const struct pcp_map *map = &request.pcp.data.map;
    bool early =
        stage_receive(stage, remote, 0, &datagram) && datagram.time < request.datagram.time;
    stage_expect(stage, R6887_10_4_01, !early, "a PEER ahead of what else the flow carries",
                 "%zu octets over the flow before it", datagram.length);
    stage_expect(stage, R6887_10_4_01,
                 map->external_port == given.pcp.data.map.external_port &&
                     address_equal(&map->external_address, &given.pcp.data.map.external_address),
                 "a PEER that suggests the external address and port of before", "%s",
                 request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.10.the-remote-peer-is-of-the-internal-family",
     .sentence = "The remote peer of a PEER is of the internal address's family.",
     .requirements = JUDGES(R6887_10_04),
     .run = the_remote_peer_is_of_the_internal_family,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "asking-by-peer"},
    {.id = "device.10.both-families-are-asked-for",
     .sentence = "A client of one family that wants to be reached over both asks for each "
                 "family's zeros.",
     .requirements = JUDGES(R6887_10_06),
     .run = both_families_are_asked_for,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 10,
     .variant = "wanting-both-families"},
    {.id = "device.10.1.a-changed-place-is-published-anew",
     .sentence = "A client publishes where it is reached, and again when that changes.",
     .requirements = JUDGES(R6887_10_1_01),
     .run = a_changed_place_is_published_anew,
     .traits = CASE_UNSTARTED,
     .seconds = 30,
     .variant = "registering"},
    {.id = "device.10.2.nothing-is-sent-before-the-mapping-is-there",
     .sentence = "A port that is used both ways is silent until its MAP has succeeded.",
     .requirements = JUDGES(R6887_10_2_01),
     .run = nothing_is_sent_before_the_mapping_is_there,
     .traits = CASE_UNSTARTED,
     .seconds = 10,
     .variant = "registering"},
    {.id = "device.10.4.a-lost-flow-is-restored-before-it-goes-on",
     .sentence = "After a loss of state a PEER with the remembered address and port goes "
                 "ahead of the flow's data.",
     .requirements = JUDGES(R6887_10_4_01),
     .run = a_lost_flow_is_restored_before_it_goes_on,
     .traits = CASE_UNSTARTED,
     .seconds = 60,
     .variant = "asking-by-peer"},
    {.id = "device.11.2.what-is-assigned-is-published",
     .sentence = "A client publishes what it is assigned, not what it suggested.",
     .requirements = JUDGES(R6887_11_2_03),
     .run = what_is_assigned_is_published_not_what_was_suggested,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "registering-with-a-wish-for-41000"},
};

static const struct defect defects[] = {
    {.name = "names-the-peer-in-the-other-family",
     .text = "names the remote peer of a PEER by an address of the other family",
     .requirements = JUDGES(R6887_10_04)},
    {.name = "wants-one-family-alone",
     .text = "asks for one family though it is told to want both",
     .requirements = JUDGES(R6887_10_06)},
    {.name = "publishes-its-place-once",
     .text = "doesn't tell anybody when its external port changes",
     .requirements = JUDGES(R6887_10_1_01)},
    {.name = "registers-before-it-is-mapped",
     .text = "registers from its port before the mapping is there",
     .requirements = JUDGES(R6887_10_2_01)},
    {.name = "restores-flows-with-any-port",
     .text = "asks for lost flows without their external port",
     .requirements = JUDGES(R6887_10_4_01)},
    {.name = "sends-before-it-restores",
     .text = "sends over a lost flow before it asks for it",
     .requirements = JUDGES(R6887_10_4_01)},
    {.name = "counts-on-its-suggestion",
     .text = "takes what it suggested for what is assigned",
     .requirements = JUDGES(R6887_11_2_03)},
};

CASE_FILE(device_10_uses, CASE_DEVICE, cases, defects);
