/* RFC 6887, sections 4 to 6: that a client asks for what it wants, and always in the same words. */
#include "check/stage_server.h"

#include <string.h>

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

/* A client may want a mapping of the other family, and then the other form is right. One that keeps a mapping of its
 * own family wanted that. */
static void expect_any_of_family(struct stage *stage, enum requirement_id requirement,
                                 const char *expected)
{
    struct server server;
    char text[ADDRESS_TEXT_SIZE];
    struct request request = server_begin(stage, &server);
    const struct address suggested = request.pcp.data.map.external_address;
    struct reply reply = server_success(&server, &request);
    reply.pcp.data.map.external_address =
        stage_address(stage, stage->ipv6 ? STAGE_HOST : STAGE_OUTSIDE);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    if (stage->over || address_is_ipv4(&suggested) == !stage->ipv6)
        return;
    server_send(&server, &reply);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, requirement, request.pcp.lifetime == 0, expected, "%s, and then %s",
                 address_format(&suggested, text), request_describe(stage, &request));
}

static void any_ipv4_address_is_mapped(struct stage *stage)
{
    expect_any_of_family(stage, R6887_5_03,
                         "::ffff:0.0.0.0 for any address, where an IPv4 mapping is kept");
}

static void any_ipv6_address_is_zeros(struct stage *stage)
{
    expect_any_of_family(stage, R6887_5_02, ":: for any address, where an IPv6 mapping is kept");
}

/* What the renewal suggests is how the client has read what was assigned. */
static struct address read_back(struct stage *stage, const struct address *assigned)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    struct reply reply = server_success(&server, &request);
    reply.pcp.data.map.external_address = *assigned;
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(&server, &reply);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    return request.pcp.data.map.external_address;
}

static void all_96_bits_make_an_address_ipv4(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address assigned = stage_address(stage, STAGE_HOST);
    const struct address ipv4 = address_from_ipv4((const uint8_t[]){192, 0, 2, 1});
    memcpy(assigned.octet + 8, ipv4.octet + 8, 8);
    struct address suggested = read_back(stage, &assigned);
    stage_expect(stage, R6887_5_01, !address_is_ipv4(&suggested),
                 "an IPv6 address, which has ffff in bits 81 to 96, suggested as it was assigned",
                 "%s", address_format(&suggested, text));
}

static void an_ipv4_address_is_mapped(struct stage *stage)
{
    static const uint8_t zeros[12];
    char text[ADDRESS_TEXT_SIZE];
    const struct address assigned = stage_address(stage, STAGE_OUTSIDE);
    struct address suggested = read_back(stage, &assigned);
    bool compatible = !memcmp(suggested.octet, zeros, sizeof zeros) && !address_is_any(&suggested);
    bool in_front = !memcmp(suggested.octet, assigned.octet + 12, 4);
    stage_expect(stage, R6887_5_04, !compatible && !in_front,
                 "::ffff:a.b.c.d for what was assigned", "%s", address_format(&suggested, text));
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
    {.id = "device.5.any-ipv4-address-is-mapped",
     .sentence = "Any IPv4 address is written as ::ffff:0.0.0.0, not as ::.",
     .requirements = JUDGES(R6887_5_03),
     .run = any_ipv4_address_is_mapped,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.5.any-ipv6-address-is-zeros",
     .sentence = "Any IPv6 address is written as 128 zero bits.",
     .requirements = JUDGES(R6887_5_02),
     .run = any_ipv6_address_is_zeros,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 1},
    {.id = "device.5.all-96-bits-make-an-address-ipv4",
     .sentence = "An address is IPv4 only if all of its first 96 bits say so.",
     .requirements = JUDGES(R6887_5_01),
     .run = all_96_bits_make_an_address_ipv4,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .seconds = 14},
    {.id = "device.5.an-ipv4-address-is-mapped",
     .sentence = "An IPv4 address is written as IPv4-mapped.",
     .requirements = JUDGES(R6887_5_04),
     .run = an_ipv4_address_is_mapped,
     .traits = CASE_UNSTARTED,
     .seconds = 14},
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
    {.name = "writes-any-ipv6-as-mapped",
     .text = "suggests ::ffff:0.0.0.0 where it means any IPv6 address",
     .requirements = JUDGES(R6887_5_02)},
    {.name = "reads-ipv4-by-its-tail",
     .text = "takes an address for IPv4 if it has ffff in bits 81 to 96",
     .requirements = JUDGES(R6887_5_01)},
    {.name = "writes-ipv4-compatible-addresses",
     .text = "writes IPv4 addresses as ::a.b.c.d",
     .requirements = JUDGES(R6887_5_04)},
    {.name = "marks-repetitions",
     .text = "puts an option into what it sends again",
     .requirements = JUDGES(R6887_6_01)},
    {.name = "marks-renewals",
     .text = "puts an option into renewals",
     .requirements = JUDGES(R6887_6_01)},
};

CASE_FILE(device_04_wishes, CASE_DEVICE, cases, defects);
