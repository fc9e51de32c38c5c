/* RFC 6887, sections 16.3.2 and 16.3.3, and appendix A: mappings that move, SCTP, and servers of NAT-PMP. */
#include "check/stage_server.h"

#include "wire/octets.h"

#include <string.h>

enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_SCTP = 132,
    FIRST_REQUEST = 60 /* s, until the device has asked */
};

static bool is_map_of(const struct request *request, uint8_t protocol)
{
    return request->came && !request->is_natpmp && request->fault == PCP_FAULT_NONE &&
           request->pcp.opcode == PCP_MAP && request->pcp.data.map.protocol == protocol;
}

static bool is_sctp(const struct request *request)
{
    return is_map_of(request, PROTOCOL_SCTP);
}

static void a_renewal_may_bring_another_place(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    struct reply moved = server_success(&server, &request);
    moved.pcp.lifetime = SERVER_SHORT_LIFETIME;
    moved.pcp.data.map.external_port += 1000;
    moved.pcp.data.map.external_address = stage_address(stage, STAGE_STRANGER);
    server_send(&server, &moved);
    server_expect_taken(&server, R6887_16_3_2_01,
                        "a renewal's answer with another external address and port");
}

static void sctp_is_asked_for_as_tcp(struct stage *stage)
{
    struct server server;
    struct request sctp = server_begin(stage, &server);
    struct request tcp = {0};
    struct request request = sctp;
    sctp = (struct request){0};
    while (!stage->over && request.came && !(sctp.came && tcp.came)) {
        if (is_sctp(&request))
            sctp = request;
        if (is_map_of(&request, PROTOCOL_TCP))
            tcp = request;
        request = server_hear(&server, FIRST_REQUEST);
    }
    if (!sctp.came || !tcp.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks for no mapping of %s",
                  sctp.came ? "TCP" : "SCTP");
    struct pcp_map as_tcp = sctp.pcp.data.map;
    as_tcp.protocol = PROTOCOL_TCP;
    memcpy(as_tcp.nonce, tcp.pcp.data.map.nonce, sizeof as_tcp.nonce);
    stage_expect(stage, R6887_16_3_3_01,
                 sctp.pcp.lifetime == tcp.pcp.lifetime &&
                     sctp.datagram.length == tcp.datagram.length &&
                     as_tcp.internal_port == tcp.pcp.data.map.internal_port,
                 "a MAP for SCTP port 7000 like that for TCP port 7000", "%s beside %s",
                 request_describe(stage, &sctp), request_describe(stage, &tcp));
}

static void the_first_map_for_sctp_suggests_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_sctp);
    const struct pcp_map *map = &request.pcp.data.map;
    stage_expect(
        stage, R6887_16_3_3_02, map->external_port == 0 && address_is_any(&map->external_address),
        "port 0 and zeros in the first MAP for SCTP", "%s", request_describe(stage, &request));
}

static void renewals_of_sctp_suggest_what_is_assigned(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_sctp);
    struct reply reply = server_success(&server, &request);
    reply.pcp.data.map.external_port = request.pcp.data.map.internal_port;
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    server_send(&server, &reply);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    stage_expect(stage, R6887_16_3_3_03, request_suggests(&request, &reply),
                 "a renewal that suggests the external address and port assigned", "%s",
                 request_describe(stage, &request));
}

static void pcp_is_tried_first(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    stage_expect(stage, R6887_A_01, !request.is_natpmp, "a first request of PCP", "%s",
                 request_describe(stage, &request));
}

static void natpmp_is_spoken_where_nothing_else_is(struct stage *stage)
{
    enum { SHORT = NATPMP_UNSUPPORTED_VERSION_LENGTH, EPOCH_AT = 4, ROUNDS = 3 };
    struct server server;
    struct request request = server_begin(stage, &server);
    /* The eight octets of a server that knows NAT-PMP alone; a repeat may have crossed the first. */
    for (int i = 0; i < ROUNDS && !stage->over && !request.is_natpmp; i++) {
        uint8_t octets[SHORT] = {NATPMP_VERSION, 0, 0, NATPMP_UNSUPPORTED_VERSION};
        octets_put32(octets + EPOCH_AT, server_epoch(&server));
        stage_send(stage, server.socket, &request.datagram.from, octets, sizeof octets);
        request = server_expect_request(&server, R6887_A_04, FIRST_REQUEST,
                                        "since the server speaks version 0 alone");
    }
    stage_expect(stage, R6887_A_04, request.is_natpmp,
                 "a request of NAT-PMP behind UNSUPP_VERSION of version 0, in 8 octets", "%s",
                 request_describe(stage, &request));
}

static const struct test_case cases[] = {
    {.id = "device.16.3.2.a-renewal-may-bring-another-place",
     .sentence = "A renewal that is answered with another external address and port is a success.",
     .requirements = JUDGES(R6887_16_3_2_01),
     .run = a_renewal_may_bring_another_place,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 45},
    {.id = "device.16.3.3.sctp-is-asked-for-as-tcp",
     .sentence = "A MAP for SCTP is made like one for TCP.",
     .requirements = JUDGES(R6887_16_3_3_01),
     .run = sctp_is_asked_for_as_tcp,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-sctp-and-tcp"},
    {.id = "device.16.3.3.the-first-map-for-sctp-suggests-nothing",
     .sentence = "The first MAP for SCTP suggests no external address or port.",
     .requirements = JUDGES(R6887_16_3_3_02),
     .run = the_first_map_for_sctp_suggests_nothing,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-sctp-and-tcp"},
    {.id = "device.16.3.3.renewals-of-sctp-suggest-what-is-assigned",
     .sentence = "Renewals of an SCTP mapping suggest the external address and port assigned.",
     .requirements = JUDGES(R6887_16_3_3_03),
     .run = renewals_of_sctp_suggest_what_is_assigned,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "mapping-sctp-and-tcp"},
    {.id = "device.A.pcp-is-tried-first",
     .sentence = "A client that speaks NAT-PMP, too, asks by PCP first.",
     .requirements = JUDGES(R6887_A_01),
     .run = pcp_is_tried_first,
     .traits = CASE_UNSTARTED | CASE_TWO_VERSIONS,
     .seconds = 5},
    {.id = "device.A.natpmp-is-spoken-where-nothing-else-is",
     .sentence =
         "A client that speaks NAT-PMP, too, does so when UNSUPP_VERSION comes with version 0.",
     .requirements = JUDGES(R6887_A_04),
     .run = natpmp_is_spoken_where_nothing_else_is,
     .traits = CASE_UNSTARTED | CASE_TWO_VERSIONS,
     .seconds = 20},
};

static const struct defect defects[] = {
    {.name = "takes-another-place-for-an-error",
     .text = "drops the answer to a renewal that brings another external port",
     .requirements = JUDGES(R6887_16_3_2_01)},
    {.name = "asks-for-all-ports-of-sctp",
     .text = "says internal port 0 in MAPs for SCTP",
     .requirements = JUDGES(R6887_16_3_3_01)},
    {.name = "suggests-its-port-for-sctp",
     .text = "suggests its internal port in the first MAP for SCTP",
     .requirements = JUDGES(R6887_16_3_3_02)},
    {.name = "forgets-what-sctp-was-assigned",
     .text = "suggests nothing in renewals for SCTP",
     .requirements = JUDGES(R6887_16_3_3_03)},
    {.name = "tries-natpmp-first",
     .text = "asks for its external address by NAT-PMP before it asks by PCP",
     .requirements = JUDGES(R6887_A_01)},
    {.name = "drops-short-responses",
     .text = "drops what has fewer octets than a PCP header, UNSUPP_VERSION of NAT-PMP included",
     .requirements = JUDGES(R6887_A_04)},
};

CASE_FILE(device_16_maintenance, CASE_DEVICE, cases, defects);
