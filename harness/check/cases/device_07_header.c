/* RFC 6887, sections 7 to 7.4, as far as they bind a client: what its requests are made of, and what it reads
 * in responses. */
#include "check/stage_raw.h"
#include "check/stage_server.h"

#include "wire/octets.h"

#include <string.h>

enum {
    PROTOCOL_UDP = 17,
    PREFIX64 = 129, /* RFC 7225: its answer may add IPv4 prefixes, of which requests have none */
    PREFIX64_GROWTH = 8,  /* octets: one prefix of 6, padded */
    UNKNOWN_RESULT = 200, /* of the range that needs a specification, section 19.3; none has it */
    OPTION_RESERVED = 1,  /* octet of an option */
    OPTION_HEADER = 4,
    REQUESTS = 3 /* of one exchange that are looked at */
};

static struct reply short_success(struct server *server, const struct request *request)
{
    struct reply reply = server_success(server, request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    return reply;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool answers(struct stage *stage, enum stage_place from, const struct endpoint *to)
{
    static const uint8_t octets[] = "pinhole";
    struct datagram datagram;
    int socket = stage_open(stage, from, 0);
    stage_send(stage, socket, to, octets, sizeof octets);
    bool refused = stage_receive(stage, socket, 300 * MILLISECOND, &datagram) && datagram.is_error;
    stage_close(stage, socket);
    return !refused;
}

/* A port in the wrong order of octets is another port. That a client maps one at which nobody listens yet is its
 * own affair: it is wrong where the port listens that the swapped octets name. */
static void numbers_stand_in_network_order(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    const struct pcp_map *map = &request.pcp.data.map;
    uint16_t port = map->internal_port;
    uint16_t swapped = (uint16_t)(port >> 8 | port << 8);
    if (stage->over)
        return;
    if (map->protocol != PROTOCOL_UDP || port == swapped) {
        stage_end(stage, VERDICT_INCONCLUSIVE, "it maps no UDP port that tells: %s",
                  request_describe(stage, &request));
        return;
    }
    const struct endpoint here = {request.datagram.from.address, port};
    const struct endpoint there = {request.datagram.from.address, swapped};
    stage_expect(stage, R6887_7_01,
                 answers(stage, STAGE_OTHER, &here) || !answers(stage, STAGE_OTHER, &there),
                 "the port at which the peer listens, in network order",
                 "port %u is closed, %u, which is the same octets the other way round, is open: %s",
                 port, swapped, request_describe(stage, &request));
}

static void requests_are_of_version_2(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    for (int i = 0; i < REQUESTS && !stage->over; i++) {
        const struct pcp_message *pcp = &request.pcp;
        stage_expect(stage, R6887_7_1_03, !request.is_natpmp && pcp->version >= PCP_VERSION,
                     "version 2", "%s", request_describe(stage, &request));
        stage_expect(stage, R6887_7_1_03, !pcp->response, "a clear R bit", "octet 1 is 0x%02x",
                     request.datagram.octets[1]);
        stage_expect(stage, R6887_7_1_01, !pcp->reserved_request[0] && !pcp->reserved_request[1],
                     "16 reserved bits of zero", "0x%02x%02x", pcp->reserved_request[0],
                     pcp->reserved_request[1]);
        request = server_next(&server, 20);
    }
}

static bool is_peer(const struct request *request)
{
    return !request->is_natpmp && request->pcp.opcode == PCP_PEER;
}

/* Options that MAP alone may have, in PEER. */
static void options_are_the_opcodes(struct stage *stage)
{
    struct server server;
    struct pcp_option option;
    struct request request = server_begin_for(stage, &server, is_peer);
    stage_expect(stage, R6887_7_1_04, !request_option(&request, PCP_FILTER, &option),
                 "no FILTER in PEER", "%s", request_describe(stage, &request));
    stage_expect(stage, R6887_7_1_04, !request_option(&request, PCP_PREFER_FAILURE, &option),
                 "no PREFER_FAILURE in PEER", "%s", request_describe(stage, &request));
}

/* That they are: FILTER may be repeated, and each answer is as long as its request or longer. */
static void options_are_well_formed(struct stage *stage)
{
    struct server server;
    struct pcp_message pcp;
    struct pcp_option option;
    enum pcp_fault fault = PCP_FAULT_NONE;
    size_t offset = 0;
    struct request request = server_begin(stage, &server);
    const uint8_t *octets = request.datagram.octets;
    size_t length = request.datagram.length;
    if (stage->over)
        return;
    (void)pcp_decode(octets, length, &pcp);
    while (pcp_option_next(pcp.options, pcp.options_length, &offset, &option, &fault)) {
        stage_expect(stage, R6887_7_3_01, option.reserved == 0,
                     "the reserved octet of an option as zero", "0x%02x in option %u",
                     option.reserved, option.code);
        for (size_t i = option.length; i % 4; i++)
            stage_expect(stage, R6887_7_3_16, option.data[i] == 0,
                         "padding of zeros that the length doesn't count",
                         "0x%02x behind option %u, whose length is %u", option.data[i], option.code,
                         option.length);
    }
    stage_expect(stage, R6887_7_3_16, fault == PCP_FAULT_NONE, "whole options",
                 "one that ends behind the datagram: %s", request_describe(stage, &request));
    size_t growth = request_option(&request, PREFIX64, &option) ? PREFIX64_GROWTH : 0;
    stage_expect(stage, R6887_7_3_20, length + growth <= PCP_MAXIMUM_LENGTH,
                 "a request whose answer has at most 1100 octets",
                 "one of %zu octets, to which its answer adds %zu", length, growth);
}

/* --- responses -------------------------------------------------------------------------------- */

static void reserved_bits_mean_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_renewing(stage, &server);
    struct reply reply = short_success(&server, &request);
    reply.pcp.reserved_response = 0xff;
    server_send(&server, &reply);
    request =
        server_expect_taken(&server, R6887_7_2_04, "a success whose 8 reserved bits are ones");
    reply = short_success(&server, &request);
    memset(reply.pcp.reserved_epoch, 0xff, sizeof reply.pcp.reserved_epoch);
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_7_2_06, "a success whose 96 reserved bits are ones");
}

static void unknown_options_are_passed_over(struct stage *stage)
{
    static const uint8_t data[5] = {1, 2, 3, 4, 5};
    struct server server;
    struct request request = server_begin_renewing(stage, &server);
    struct reply reply = short_success(&server, &request);
    reply_add_option(&reply, UNKNOWN_MANDATORY, data, sizeof data);
    reply_add_option(&reply, UNKNOWN_OPTIONAL, data, sizeof data);
    server_send(&server, &reply);
    request = server_expect_taken(&server, R6887_7_3_14,
                                  "a success with options that nobody knows, 60 and 200");
    reply = short_success(&server, &request);
    reply_add_option(&reply, UNKNOWN_OPTIONAL, NULL, 0);
    server_send(&server, &reply);
    request = server_expect_taken(&server, R6887_7_3_17, "a success with an option without data");
    reply = short_success(&server, &request);
    size_t at = reply.options_length;
    reply_add_option(&reply, UNKNOWN_OPTIONAL, data, sizeof data);
    reply.options[at + OPTION_RESERVED] = 0xff;
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_7_3_02,
                        "a success with an option whose reserved octet is 0xff");
}

static void an_option_may_come_back_twice(struct stage *stage)
{
    struct server server;
    struct pcp_option option;
    struct request request = server_begin_repeating(stage, &server);
    if (!stage->over && !request_option(&request, PCP_FILTER, &option))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no FILTER is asked for: %s",
                  request_describe(stage, &request));
    struct reply reply = short_success(&server, &request);
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_7_3_07, "a success with two FILTERs");
}

static bool is_third_party(const struct request *request)
{
    struct pcp_option option;
    return request_option(request, PCP_THIRD_PARTY, &option);
}

/* 11.4: whose mapping a response is about stands in its THIRD_PARTY. */
static void asked_for_options_are_read(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, is_third_party);
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_LIFETIME;
    reply.options[reply.options_length - 1] ^= 1;
    server_send(&server, &reply);
    request = server_expect_ignored(&server, R6887_7_3_15,
                                    "a success for another host, as its THIRD_PARTY says,");
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    server_expect_taken(&server, R6887_7_3_15, "a success for the host that was asked for");
}

/* --- results ---------------------------------------------------------------------------------- */

/* What was mapped is suggested when it is renewed, and an error maps nothing. */
static void any_other_result_is_a_failure(struct stage *stage)
{
    static const uint8_t results[] = {PCP_NETWORK_FAILURE, UNKNOWN_RESULT};
    enum { REST = 60 };
    struct server server;
    struct request request = server_begin(stage, &server);
    for (size_t i = 0; i < sizeof results && !stage->over; i++) {
        struct reply reply = server_success(&server, &request);
        reply.pcp.result = results[i];
        reply.pcp.lifetime = REST;
        server_send(&server, &reply);
        uint16_t port = reply.pcp.data.map.external_port;
        bool suggested = request.pcp.data.map.external_port == port;
        request = server_await(&server, 2 * REST);
        /* A client may give up, too. */
        if (!request.came)
            return;
        stage_expect(stage, R6887_7_4_09,
                     suggested || request.is_natpmp || request.pcp.lifetime == 0 ||
                         request.pcp.data.map.external_port != port,
                     "a request that doesn't take what came with an error for its mapping",
                     "behind result %u: %s", results[i], request_describe(stage, &request));
    }
}

static const struct test_case cases[] = {
    {.id = "device.7.numbers-stand-in-network-order",
     .sentence = "A port is written in network order.",
     .requirements = JUDGES(R6887_7_01),
     .run = numbers_stand_in_network_order,
     .traits = CASE_UNSTARTED,
     .seconds = 1},
    {.id = "device.7.1.requests-are-of-version-2",
     .sentence = "A request says version 2, has the R bit clear, and reserved bits of zero.",
     .requirements = JUDGES(R6887_7_1_03, R6887_7_1_01),
     .run = requests_are_of_version_2,
     .traits = CASE_UNSTARTED,
     .seconds = 12},
    {.id = "device.7.1.options-are-those-of-the-opcode",
     .sentence = "A request has no options but those that may stand with its opcode.",
     .requirements = JUDGES(R6887_7_1_04),
     .run = options_are_the_opcodes,
     .traits = CASE_UNSTARTED,
     .seconds = 2,
     .variant = "asking-by-peer"},
    {.id = "device.7.2.reserved-bits-mean-nothing",
     .sentence = "A client reads a response alike whatever its reserved bits hold.",
     .requirements = JUDGES(R6887_7_2_04, R6887_7_2_06),
     .run = reserved_bits_mean_nothing,
     .traits = CASE_UNSTARTED,
     .seconds = 45},
    {.id = "device.7.3.options-are-well-formed",
     .sentence =
         "The options of a request are padded with zeros, their reserved octet is zero, and "
         "there is room for the answer.",
     .requirements = JUDGES(R6887_7_3_16, R6887_7_3_01, R6887_7_3_20),
     .run = options_are_well_formed,
     .traits = CASE_UNSTARTED,
     .seconds = 1,
     .variant = "with-filters"},
    {.id = "device.7.3.unknown-options-are-passed-over",
     .sentence = "A client passes over the options of a response that it doesn't know.",
     .requirements = JUDGES(R6887_7_3_14, R6887_7_3_17, R6887_7_3_02),
     .run = unknown_options_are_passed_over,
     .traits = CASE_UNSTARTED,
     .seconds = 60},
    {.id = "device.7.3.an-option-may-come-back-twice",
     .sentence = "A response may hold an option more than once, if its definition permits it.",
     .requirements = JUDGES(R6887_7_3_07),
     .run = an_option_may_come_back_twice,
     .traits = CASE_UNSTARTED,
     .seconds = 18,
     .variant = "with-filters"},
    {.id = "device.7.3.options-asked-for-are-read",
     .sentence = "A client that asks for THIRD_PARTY reads it in the response.",
     .requirements = JUDGES(R6887_7_3_15),
     .run = asked_for_options_are_read,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "mapping-for-another-host"},
    {.id = "device.7.4.any-other-result-is-a-failure",
     .sentence = "Every result but 0 is an error, those included that the client has never heard "
                 "of.",
     .requirements = JUDGES(R6887_7_4_09),
     .run = any_other_result_is_a_failure,
     .traits = CASE_UNSTARTED,
     .seconds = 130},
};

static const struct defect defects[] = {
    {.name = "writes-ports-in-host-order",
     .text = "writes the internal port with its low octet first",
     .requirements = JUDGES(R6887_7_01)},
    {.name = "says-version-1",
     .text = "sends requests of version 1",
     .requirements = JUDGES(R6887_7_1_03)},
    {.name = "sends-requests-with-the-r-bit",
     .text = "sets the R bit in its requests",
     .requirements = JUDGES(R6887_7_1_03)},
    {.name = "fills-the-reserved-bits",
     .text = "leaves what was in memory in the reserved bits of requests",
     .requirements = JUDGES(R6887_7_1_01)},
    {.name = "filters-peer", .text = "puts FILTER into PEER", .requirements = JUDGES(R6887_7_1_04)},
    {.name = "sets-the-reserved-octet-of-options",
     .text = "sets the reserved octet of the options that it sends",
     .requirements = JUDGES(R6887_7_3_01)},
    {.name = "pads-with-ones",
     .text = "pads an option with ones",
     .requirements = JUDGES(R6887_7_3_16)},
    {.name = "fills-its-requests-up",
     .text = "asks for PREFIX64 in a request of 1100 octets",
     .requirements = JUDGES(R6887_7_3_20)},
    {.name = "demands-reserved-bits-of-zero",
     .text = "drops responses whose 8 reserved bits are not zero",
     .requirements = JUDGES(R6887_7_2_04)},
    {.name = "demands-96-bits-of-zero",
     .text = "drops responses whose 96 reserved bits are not zero",
     .requirements = JUDGES(R6887_7_2_06)},
    {.name = "drops-unknown-options",
     .text = "drops responses that hold a mandatory option which it doesn't know",
     .requirements = JUDGES(R6887_7_3_14)},
    {.name = "drops-empty-options",
     .text = "drops responses that hold an option without data",
     .requirements = JUDGES(R6887_7_3_17)},
    {.name = "demands-reserved-octets-of-zero",
     .text = "drops responses that hold an option whose reserved octet is not zero",
     .requirements = JUDGES(R6887_7_3_02)},
    {.name = "drops-repeated-options",
     .text = "drops responses that hold an option twice",
     .requirements = JUDGES(R6887_7_3_07)},
    {.name = "reads-no-third-party",
     .text = "takes a response for its own whatever host THIRD_PARTY names",
     .requirements = JUDGES(R6887_7_3_15)},
    {.name = "takes-unknown-results-for-success",
     .text = "takes a result that it doesn't know for success",
     .requirements = JUDGES(R6887_7_4_09)},
};

CASE_FILE(device_07_header, CASE_DEVICE, cases, defects);
