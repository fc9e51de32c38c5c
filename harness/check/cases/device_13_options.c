/* RFC 6887, sections 13.1 to 13.3: THIRD_PARTY, PREFER_FAILURE and FILTER, as a client sends them and reads them
 * back. */
#include "check/stage_server.h"

#include <signal.h>
#include <string.h>

enum { FIRST_REQUEST = 60 /* s, until the device has asked */, NO_REPEAT = 30, LIFETIME = 120 };

static bool has_third_party(const struct request *request)
{
    struct pcp_option option;
    return request_option(request, PCP_THIRD_PARTY, &option);
}

static bool has_filter(const struct request *request)
{
    struct pcp_option option;
    return request_option(request, PCP_FILTER, &option);
}

/* The FILTERs of a request, in their order. */
static size_t read_filters(const struct request *request, struct pcp_filter *filters, size_t room)
{
    struct pcp_message message;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    size_t count = 0;
    (void)pcp_decode(request->datagram.octets, request->datagram.length, &message);
    while (pcp_option_next(message.options, message.options_length, &offset, &option, &fault))
        if (option.code == PCP_FILTER && count < room &&
            pcp_option_filter(&option, &filters[count]) == PCP_FAULT_NONE)
            count++;
    return count;
}

/* --- what nobody asked for -------------------------------------------------------------------- */

static void options_need_a_reason(struct stage *stage)
{
    struct pcp_option option;
    struct server server;
    struct request request = server_begin(stage, &server);
    for (int i = 0; i < 2; i++) {
        stage_expect(stage, R6887_13_1_01, !has_third_party(&request),
                     "no THIRD_PARTY, since nobody says that the network is to be trusted", "%s",
                     request_describe(stage, &request));
        stage_expect(stage, R6887_13_2_02, !request_option(&request, PCP_PREFER_FAILURE, &option),
                     "no PREFER_FAILURE, since any external port will do", "%s",
                     request_describe(stage, &request));
        server_grant(&server, &request, SERVER_SHORT_LIFETIME);
        request = server_next(&server, SERVER_SHORT_LIFETIME);
    }
}

/* --- THIRD_PARTY ------------------------------------------------------------------------------ */

static void third_parties_are_others(struct stage *stage)
{
    struct pcp_option option;
    struct address internal = {{0}};
    struct server server;
    struct request request = server_begin_for(stage, &server, has_third_party);
    if (!request_option(&request, PCP_THIRD_PARTY, &option) ||
        pcp_option_third_party(&option, &internal) != PCP_FAULT_NONE)
        stage_end(stage, VERDICT_INCONCLUSIVE, "THIRD_PARTY can't be read");
    stage_expect(stage, R6887_13_1_02, !address_equal(&internal, &request.datagram.from.address),
                 "THIRD_PARTY for another host than the sender", "%s",
                 request_describe(stage, &request));
}

/* --- PREFER_FAILURE --------------------------------------------------------------------------- */

/* A success that may be a Mapping Update of another's mapping: it is no answer. */
static struct request expect_no_answer(struct server *server, const struct request *request,
                                       void (*spoil)(struct pcp_map *map), const char *what)
{
    struct reply reply = server_success(server, request);
    reply.pcp.data.map.external_port = request->pcp.data.map.external_port;
    spoil(&reply.pcp.data.map);
    server_send(server, &reply);
    return server_expect_ignored(server, R6887_13_2_06, what);
}

static void spoil_port(struct pcp_map *map)
{
    map->external_port ^= 1;
}

static void spoil_nonce(struct pcp_map *map)
{
    map->nonce[PCP_NONCE_LENGTH - 1] ^= 1;
}

static void spoil_protocol(struct pcp_map *map)
{
    map->protocol ^= 1;
}

static void preferred_failures_are_validated(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    if (request.pcp.data.map.external_port == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer insists on no port: %s",
                  request_describe(stage, &request));
    request = expect_no_answer(&server, &request, spoil_port,
                               "a success with another external port than PREFER_FAILURE allows");
    request = expect_no_answer(&server, &request, spoil_nonce, "a success of another nonce");
    request = expect_no_answer(&server, &request, spoil_protocol, "a success of another protocol");
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = LIFETIME;
    reply.pcp.data.map.external_port = request.pcp.data.map.external_port;
    server_send(&server, &reply);
    server_expect_silence(&server, R6887_13_2_06, NO_REPEAT,
                          "since it was granted what it insisted on");
}

/* --- FILTER ----------------------------------------------------------------------------------- */

enum { ROOM = 16 };

static void reserved_octets_are_zero(struct stage *stage)
{
    struct pcp_filter filters[ROOM];
    struct server server;
    struct request request = server_begin_for(stage, &server, has_filter);
    size_t count = read_filters(&request, filters, ROOM);
    for (size_t i = 0; i < count; i++)
        stage_expect(stage, R6887_13_3_02, filters[i].reserved == 0,
                     "the reserved octet of FILTER as zero", "%02x in: %s", filters[i].reserved,
                     request_describe(stage, &request));
}

static void reserved_octets_mean_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_for(stage, &server, has_filter);
    struct reply reply = server_success(&server, &request);
    reply.pcp.lifetime = SERVER_SHORT_LIFETIME;
    for (size_t at = 0; at + PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH <= reply.options_length;
         at += PCP_OPTION_HEADER_LENGTH + PCP_FILTER_LENGTH)
        if (reply.options[at] == PCP_FILTER)
            reply.options[at + PCP_OPTION_HEADER_LENGTH] = 0xff;
    server_send(&server, &reply);
    server_expect_taken(&server, R6887_13_3_03, "a FILTER that comes back with reserved bits set");
}

/* Whether a FILTER lets in all of 11.0.0.0/24. */
static bool is_wide(const struct pcp_filter *filter)
{
    enum { BITS = 96 + 24 };
    struct address network;
    (void)address_parse("11.0.0.0", &network);
    return filter->prefix_length > 0 && filter->prefix_length <= BITS && filter->remote_port == 0 &&
           memcmp(filter->remote_address.octet, network.octet, filter->prefix_length / 8) == 0;
}

static void filters_may_overlap(struct stage *stage)
{
    struct pcp_filter filters[ROOM];
    struct server server;
    struct request request = server_begin_for(stage, &server, has_filter);
    size_t count = read_filters(&request, filters, ROOM);
    bool wide = false;
    for (size_t i = 0; i < count; i++)
        wide = wide || is_wide(&filters[i]);
    stage_expect(stage, R6887_13_3_04, wide,
                 "FILTERs that overlap or not, and let in all of 11.0.0.0/24 as was asked for",
                 "%zu of them, none of which does: %s", count, request_describe(stage, &request));
}

static void a_filter_is_replaced_in_one_request(struct stage *stage)
{
    struct pcp_filter filters[ROOM];
    struct server server;
    struct request before = server_begin_for(stage, &server, has_filter);
    struct reply reply = server_success(&server, &before);
    server_send(&server, &reply);
    (void)server_await(&server, 5);
    /* Killed, so that the mapping is not deleted but found again. */
    stage_stop(stage, SIGKILL);
    stage_tell(stage, "PINHOLE_FILTER", "11.0.0.9/32");
    server_start_peer(stage);
    struct request after = server_follow(&server, FIRST_REQUEST, has_filter);
    if (!request_has_nonce_of(&before, &after))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks for another mapping than before");
    struct address allowed = stage_address(stage, STAGE_STRANGER);
    size_t count = read_filters(&after, filters, ROOM);
    stage_expect(stage, R6887_13_3_18,
                 count >= 2 && filters[0].prefix_length == 0 && filters[1].prefix_length == 128 &&
                     address_equal(&filters[1].remote_address, &allowed),
                 "FILTER of prefix 0, which clears those of before, and the new one behind it",
                 "%zu, the first of prefix %u: %s", count, count ? filters[0].prefix_length : 0,
                 request_describe(stage, &after));
}

static const struct test_case cases[] = {
    {.id = "device.13.options-are-sent-for-a-reason",
     .sentence = "A client in a network like any other maps its port without THIRD_PARTY and "
                 "PREFER_FAILURE.",
     .requirements = JUDGES(R6887_13_1_01, R6887_13_2_02),
     .run = options_need_a_reason,
     .traits = CASE_UNSTARTED,
     .seconds = 40},
    {.id = "device.13.1.third-parties-are-others",
     .sentence = "THIRD_PARTY does not name the source of the request.",
     .requirements = JUDGES(R6887_13_1_02),
     .run = third_parties_are_others,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "mapping-for-another-host"},
    {.id = "device.13.2.preferred-failures-are-validated",
     .sentence =
         "Behind PREFER_FAILURE a success is taken only if external port, protocol and nonce "
         "are those of the request.",
     .requirements = JUDGES(R6887_13_2_06),
     .run = preferred_failures_are_validated,
     .traits = CASE_UNSTARTED,
     .seconds = 60,
     .variant = "insisting-on-40000"},
    {.id = "device.13.3.the-reserved-octet-of-filter-is-sent-as-zero",
     .sentence = "The reserved octet of a FILTER is sent as zero.",
     .requirements = JUDGES(R6887_13_3_02),
     .run = reserved_octets_are_zero,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "with-filters"},
    {.id = "device.13.3.the-reserved-octet-of-filter-is-not-looked-at",
     .sentence = "A response is taken whatever the reserved octet of its FILTERs holds.",
     .requirements = JUDGES(R6887_13_3_03),
     .run = reserved_octets_mean_nothing,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "with-filters"},
    {.id = "device.13.3.filters-may-overlap",
     .sentence = "A client that lets in a network and a host of it sends FILTERs for all of them, "
                 "overlapping or not.",
     .requirements = JUDGES(R6887_13_3_04),
     .run = filters_may_overlap,
     .traits = CASE_UNSTARTED,
     .seconds = 5,
     .variant = "with-overlapping-filters"},
    {.id = "device.13.3.a-filter-is-replaced-in-one-request",
     .sentence =
         "A client that changes a filter sends FILTER of prefix 0 and the new one behind it "
         "in one MAP.",
     .requirements = JUDGES(R6887_13_3_18),
     .run = a_filter_is_replaced_in_one_request,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "with-a-filter-that-changes"},
};

static const struct defect defects[] = {
    {.name = "maps-for-its-neighbour",
     .text = "asks for its mapping in the name of another host",
     .requirements = JUDGES(R6887_13_1_01)},
    {.name = "names-itself-as-third-party",
     .text = "names its own address in THIRD_PARTY",
     .requirements = JUDGES(R6887_13_1_02)},
    {.name = "insists-on-its-suggestion",
     .text = "has PREFER_FAILURE in each MAP",
     .requirements = JUDGES(R6887_13_2_02)},
    {.name = "takes-any-port-though-it-insists",
     .text = "takes a success with another external port though it sent PREFER_FAILURE",
     .requirements = JUDGES(R6887_13_2_06)},
    {.name = "sets-the-reserved-octet-of-filter",
     .text = "sets a bit of the reserved octet of FILTER",
     .requirements = JUDGES(R6887_13_3_02)},
    {.name = "wants-zero-in-filter",
     .text = "drops a response with a bit set in the reserved octet of a FILTER",
     .requirements = JUDGES(R6887_13_3_03)},
    {.name = "sends-the-narrowest-filter",
     .text = "sends of overlapping FILTERs the narrowest alone",
     .requirements = JUDGES(R6887_13_3_04)},
    {.name = "adds-its-filters-to-those-of-before",
     .text = "doesn't clear the filters of before",
     .requirements = JUDGES(R6887_13_3_18)},
};

CASE_FILE(device_13_options, CASE_DEVICE, cases, defects);
