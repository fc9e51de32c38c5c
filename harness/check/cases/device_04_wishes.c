/* RFC 6887, sections 4 to 6: that a client asks for what it wants, and always in the same words. */
#include "check/stage_server.h"

enum {
    UNTIL_ASKED = 60, /* s */
    A_MOMENT = 20     /* s, in which a recovery begins */
};

/* Requests for all ports, or all protocols, ask for more than the necessary mappings. */
static void a_listener_asks(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct server server = server_open(stage, STAGE_GATEWAY);
    struct address address = stage_address(stage, STAGE_GATEWAY);
    stage_tell(stage, "PINHOLE_GATEWAY", address_format(&address, text));
    address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
    struct request request;
    bool asked;
    do {
        request = server_hear(&server, UNTIL_ASKED);
        asked = request.is_natpmp ? request.natpmp.opcode != NATPMP_ADDRESS
                                  : request.pcp.opcode == PCP_MAP;
    } while (request.came && !asked);
    stage_expect(stage, R6887_4_01, request.came, "a request to map the port it listens at", "%s",
                 request_describe(stage, &request));
    uint16_t port =
        request.is_natpmp ? request.natpmp.internal_port : request.pcp.data.map.internal_port;
    stage_expect(stage, R6887_4_01, port != 0, "a request for one port", "one for all: %s",
                 request_describe(stage, &request));
}

/* Over IPv4 a client may want an IPv6 mapping, and then :: is right. One that keeps an IPv4 mapping wanted that. */
static void an_unknown_ipv4_address_is_mapped(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    const struct address suggested = request.pcp.data.map.external_address;
    struct reply reply = server_success(&server, &request);
    reply.pcp.data.map.external_address = stage_address(stage, STAGE_OUTSIDE);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    if (stage->over || address_is_ipv4(&suggested))
        return;
    server_send(&server, &reply);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, R6887_5_03, request.pcp.lifetime == 0,
                 "::ffff:0.0.0.0 for any address, where an IPv4 mapping is kept", "::, and then %s",
                 request_describe(stage, &request));
}

static void requests_are_one_packet(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    struct request again = server_next(&server, A_MOMENT);
    stage_expect(stage, R6887_6_01, request_is_same(&first, &again),
                 request_describe(stage, &first), "repeated as %s",
                 request_describe(stage, &again));
    server_grant(&server, &again, SERVER_SHORT_LIFETIME);
    again = server_next(&server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, R6887_6_01, request_is_same(&first, &again),
                 request_describe(stage, &first), "renewed as %s", request_describe(stage, &again));
    server_grant(&server, &again, SERVER_LIFETIME);
    server_set_epoch(&server, 0);
    struct reply announcement = server_announcement(&server, NULL);
    server_send(&server, &announcement);
    again = server_await(&server, A_MOMENT);
    if (again.came)
        stage_expect(stage, R6887_6_01, request_is_same(&first, &again),
                     request_describe(stage, &first), "recreated as %s",
                     request_describe(stage, &again));
}

static const struct test_case cases[] = {
    {.id = "device.4.a-listener-asks-for-its-mapping",
     .sentence = "A device that wants to be reached asks for the mapping that this needs.",
     .requirements = JUDGES(R6887_4_01),
     .run = a_listener_asks,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 1},
    {.id = "device.5.an-unknown-ipv4-address-is-mapped",
     .sentence = "Any IPv4 address is written as ::ffff:0.0.0.0, not as ::.",
     .requirements = JUDGES(R6887_5_03),
     .run = an_unknown_ipv4_address_is_mapped,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.6.all-requests-for-a-mapping-are-one-packet",
     .sentence =
         "A request, its repetition, its renewal and its recreation are the same packet but "
         "for suggestion and lifetime.",
     .requirements = JUDGES(R6887_6_01),
     .run = requests_are_one_packet,
     .traits = CASE_UNSTARTED,
     .seconds = 25},
};

static const struct defect defects[] = {
    {.name = "never-asks", .text = "asks for no mapping", .requirements = JUDGES(R6887_4_01)},
    {.name = "maps-all-ports",
     .text = "asks with internal port 0",
     .requirements = JUDGES(R6887_4_01)},
    {.name = "writes-any-as-zeros",
     .text = "suggests :: where it means any IPv4 address",
     .requirements = JUDGES(R6887_5_03)},
    {.name = "marks-repetitions",
     .text = "puts an option into what it sends again",
     .requirements = JUDGES(R6887_6_01)},
    {.name = "marks-renewals",
     .text = "puts an option into renewals",
     .requirements = JUDGES(R6887_6_01)},
};

CASE_FILE(device_04_wishes, CASE_DEVICE, cases, defects);
