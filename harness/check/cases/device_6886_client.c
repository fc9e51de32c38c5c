/* RFC 6886, sections 1.1 to 3.5: a client of NAT-PMP, at a server that knows nothing newer. */
#include "check/stage_server.h"

#include <stdio.h>
#include <string.h>

enum {
    SOON = 60,      /* s, until a device has asked for all that it wants */
    AT_ONCE = 2,    /* s */
    GAPS = 4,       /* between repetitions, as many as are measured */
    ATTEMPTS = 9,   /* 3.1 */
    LAST_WAIT = 64, /* s, behind the last of them */
    RECOMMENDED_LIFETIME = 7200,
    RENEWED_LIFETIME = 120,
    REMOTE_PORT = 5683,
    FAILURE = 3, /* Network Failure */
    VERSION_1 = 1,
    PROTOCOL_TCP = 6
};

static const char false_address[] = "11.9.9.9";
static const int64_t publishing = 3 * SECOND; /* ours: applications run in real time */

/* Tells the first request of PCP that the server knows NAT-PMP alone. */
static struct request begin(struct stage *stage, struct server *server)
{
    struct request first = server_begin(stage, server);
    if (first.came && !first.is_natpmp) {
        struct reply reply = server_natpmp_alone(server, &first);
        server_send(server, &reply);
    }
    return first;
}

static bool is_same(const struct request *a, const struct request *b)
{
    return a->datagram.length == b->datagram.length &&
           memcmp(a->datagram.octets, b->datagram.octets, a->datagram.length) == 0;
}

/* --- versions --------------------------------------------------------------------------------- */

static void nat_pmp_is_asked_at_once(struct stage *stage)
{
    struct server server;
    struct request first = begin(stage, &server);
    if (!stage->over && first.is_natpmp)
        stage_end(stage, VERDICT_UNSUPPORTED, "the peer begins with NAT-PMP: %s",
                  request_describe(stage, &first));
    struct request request = server_hear(&server, AT_ONCE);
    double after = server_since_answer(&server, &request);
    stage_expect(stage, R6886_1_1_03, request.is_natpmp && after <= AT_ONCE + server_late(&server),
                 "a request of NAT-PMP at once, UNSUPP_VERSION having named version 0",
                 "after %.1f s: %s", request.came ? after : AT_ONCE,
                 request_describe(stage, &request));
}

static void version_1_is_not_used(struct stage *stage)
{
    struct server server;
    struct request request = begin(stage, &server);
    for (int i = 0; i < 2 && request.came; i++) {
        stage_expect(stage, R6886_1_1_01, request.is_natpmp || request.pcp.version != VERSION_1,
                     "version 2 or version 0", "%s", request_describe(stage, &request));
        request = server_hear(&server, AT_ONCE);
    }
}

static void each_version_has_its_own_form(struct stage *stage)
{
    struct server server;
    struct request request = begin(stage, &server);
    const struct datagram *datagram = &request.datagram;
    stage_expect(stage, R6886_1_1_02,
                 request.is_natpmp ||
                     (request.pcp.version == PCP_VERSION && request.fault == PCP_FAULT_NONE),
                 "a request of version 2 in the form of PCP", "%s",
                 request_describe(stage, &request));
    do {
        request = server_hear(&server, SOON);
        stage_expect(stage, R6886_1_1_02, request.is_natpmp && datagram->length < PCP_HEADER_LENGTH,
                     "a request of version 0 in the form of NAT-PMP", "%zu octets: %s",
                     datagram->length, request_describe(stage, &request));
        stage_expect(stage, R6886_3_2_03,
                     datagram->length == NATPMP_ADDRESS_REQUEST_LENGTH ||
                         datagram->length == NATPMP_MAP_REQUEST_LENGTH,
                     "a request of version 0 of 2 or 12 octets", "%zu octets: %s", datagram->length,
                     request_describe(stage, &request));
        struct reply reply = server_success(&server, &request);
        server_send(&server, &reply);
    } while (!stage->over && request.natpmp.opcode == NATPMP_ADDRESS);
}

static void an_upgrade_is_noticed(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    request = server_next(&server, SERVER_SHORT_LIFETIME);
    if (!request.is_natpmp) /* PCP first, each time */
        return;
    struct reply reply = server_error(&server, &request, PCP_SUCCESS, SOON / 2);
    reply.is_natpmp = false;
    reply.pcp = (struct pcp_message){.version = PCP_VERSION,
                                     .response = true,
                                     .opcode = request.natpmp.opcode,
                                     .result = PCP_UNSUPP_VERSION,
                                     .lifetime = SOON / 2,
                                     .epoch = server_epoch(&server)};
    reply.layout = PCP_ANNOUNCE;
    server_send(&server, &reply);
    do
        request = server_hear(&server, 2 * SOON);
    while (request.is_natpmp && server_since_answer(&server, &request) < SOON);
    stage_expect(stage, R6886_1_1_05, request.came && !request.is_natpmp,
                 "PCP, once the server says that it knows version 2 alone", "%s",
                 request_describe(stage, &request));
}

static void renewals_come_in_either_version(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    server_grant(&server, &request, SERVER_SHORT_LIFETIME);
    request = server_await(&server, SERVER_SHORT_LIFETIME);
    double after = server_since_answer(&server, &request);
    stage_expect(stage, R6886_1_1_04,
                 request.came && after <= SERVER_SHORT_LIFETIME + server_late(&server),
                 "a renewal of PCP, or of NAT-PMP at once", "after %.1f s: %s",
                 request.came ? after : SERVER_SHORT_LIFETIME, request_describe(stage, &request));
}

/* --- where from, and where to ----------------------------------------------------------------- */

static void a_public_address_speaks_no_nat_pmp(struct stage *stage)
{
    struct server server;
    stage_run(stage, STAGE_GATEWAY, "ip route add 11.0.1.0/24 dev eth0");
    stage_run(stage, STAGE_HOST,
              "ip address del 192.168.1.10/24 dev eth0 &&"
              " ip address add 11.0.1.10/24 dev eth0 &&"
              " ip route add 192.168.1.1 dev eth0 &&"
              " ip route add default via 192.168.1.1");
    struct request request = begin(stage, &server);
    if (!request.is_natpmp)
        request = server_hear(&server, SOON);
    stage_expect(stage, R6886_3_03, !request.is_natpmp,
                 "no NAT-PMP from 11.0.1.10, a public address", "%s",
                 request_describe(stage, &request));
}

static void nat_pmp_goes_to_the_gateway(struct stage *stage)
{
    struct server server;
    struct server other = server_open(stage, STAGE_ROUTER);
    (void)begin(stage, &server);
    struct request request = server_hear(&server, SOON);
    struct request astray = server_hear(&other, 0);
    stage_expect(stage, R6886_3_04, request.is_natpmp && !astray.came,
                 "NAT-PMP at the default gateway alone", "there: %s; at another router: %s",
                 request_describe(stage, &request), request_describe(stage, &astray));
}

/* --- requests --------------------------------------------------------------------------------- */

/* The device wants two mappings. The first request is answered late, and nothing else comes before; then the
 * other's turn comes. */
static void requests_go_one_at_a_time(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_natpmp(stage, &server);
    struct request next = {0};
    for (int i = 0; i < 3; i++) {
        next = server_hear(&server, AT_ONCE);
        stage_expect(stage, R6886_3_1_01, !next.came || is_same(&next, &first),
                     "one request at a time, that for the first mapping", "%s",
                     request_describe(stage, &next));
    }
    server_grant(&server, &first, SERVER_LIFETIME);
    do
        next = server_hear(&server, AT_ONCE);
    while (next.came && is_same(&next, &first));
    stage_expect(stage, R6886_3_1_02, next.came && next.is_natpmp,
                 "the request for the second mapping, the first being answered", "%s",
                 request_describe(stage, &next));
}

static void a_slow_server_is_not_hurried(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    for (int i = 0; i < 2; i++) {
        struct request other;
        double passed = 0;
        while (!stage->over && passed < AT_ONCE) {
            other = server_hear(&server, AT_ONCE - passed);
            passed = server_between(&server, &request, &other);
            if (!other.came)
                break;
            stage_expect(stage, R6886_3_1_03, is_same(&other, &request),
                         "no other request before the slow answer to this one", "%s",
                         request_describe(stage, &other));
        }
        server_grant(&server, &request, SERVER_LIFETIME);
        do
            other = server_hear(&server, SOON);
        while (other.came && is_same(&other, &request));
        request = other;
    }
}

static void repetitions_double_from_250_ms(struct stage *stage)
{
    struct server server;
    struct request before = server_begin_natpmp(stage, &server);
    double wait = 0.25;
    for (int i = 0; i < GAPS; i++) {
        struct request next;
        do /* others may be out as well, which 3.1-01 judges */
            next = server_hear(&server, 2 * wait + 1);
        while (next.came && !is_same(&next, &before));
        double gap = server_between(&server, &before, &next);
        char *expected = "repetitions 0.25, 0.5, 1 and 2 s apart, each within a tenth or late";
        stage_expect(stage, R6886_3_1_04,
                     next.came && gap >= wait * 0.9 - server_early(&server) &&
                         gap <= wait * 1.1 + 2 * server_late(&server),
                     expected, "gap %d was %.3f s: %s", i + 1, gap, request_describe(stage, &next));
        before = next;
        wait *= 2;
    }
}

static void nine_attempts_are_enough(struct stage *stage)
{
    struct server server;
    struct request request = begin(stage, &server);
    struct request first = {0};
    int count = 0;
    do {
        request = server_hear(&server, 2 * LAST_WAIT);
        if (count == 0)
            first = request;
        count += request.is_natpmp && is_same(&request, &first);
        stage_expect(stage, R6886_3_1_05, count <= ATTEMPTS,
                     "nine attempts of NAT-PMP, none of which is answered", "another one: %s",
                     request_describe(stage, &request));
    } while (!stage->over && request.is_natpmp);
    if (count == 0)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asked nothing in NAT-PMP");
}

static void the_first_mapping_request(struct stage *stage)
{
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    const struct natpmp_message *message = &request.natpmp;
    stage_expect(stage, R6886_3_3_01, !message->reserved[0] && !message->reserved[1],
                 "16 reserved bits of zero", "%02x %02x in: %s", message->reserved[0],
                 message->reserved[1], request_describe(stage, &request));
    stage_expect(stage, R6886_3_3_05, message->lifetime == RECOMMENDED_LIFETIME,
                 "a lifetime of 7200 s", "%s", request_describe(stage, &request));
}

static void the_renewal_comes_at_half_with_the_assigned_port(struct stage *stage)
{
    const double half = RENEWED_LIFETIME * 0.5;
    struct server server;
    struct request request = server_begin_natpmp(stage, &server);
    struct reply reply = server_success(&server, &request);
    reply.natpmp.lifetime = RENEWED_LIFETIME;
    server_send(&server, &reply);
    request = server_next(&server, RENEWED_LIFETIME);
    double after = server_since_answer(&server, &request);
    /* To begin halfway: as spread as renewals of PCP are. */
    stage_expect(stage, R6886_3_3_15,
                 after >= half - server_early(&server) &&
                     after <= half * 1.25 + server_late(&server),
                 "the renewal of a mapping of 120 s after 60 s, or 75 s at most",
                 "after %.1f s: %s", after, request_describe(stage, &request));
    uint16_t suggested =
        request.is_natpmp ? request.natpmp.external_port : request.pcp.data.map.external_port;
    stage_expect(stage, R6886_3_3_16, suggested == reply.natpmp.external_port,
                 "a renewal that suggests the port that was assigned", "%s",
                 request_describe(stage, &request));
}

static void leaving_deletes(struct stage *stage)
{
    struct server server;
    struct request first = server_begin_natpmp(stage, &server);
    server_grant(&server, &first, SERVER_LIFETIME);
    stage_dismiss(stage);
    struct request request;
    do /* what was under way */
        request = server_hear(&server, SOON);
    while (request.is_natpmp &&
           (request.natpmp.opcode == NATPMP_ADDRESS || request.natpmp.lifetime > 0));
    const char *came = request_describe(stage, &request);
    stage_expect(stage, R6886_3_1_07,
                 request.came && (request.is_natpmp || request.pcp.lifetime == 0),
                 "a request that deletes the mapping of a device that leaves", "%s", came);
    if (!request.is_natpmp)
        return;
    stage_expect(stage, R6886_3_4_01, request.natpmp.external_port == 0,
                 "external port 0 suggested in a delete", "%s", came);
    stage_expect(stage, R6886_3_4_05, request.natpmp.internal_port != 0,
                 "the delete of a mapping, not of all that programs of the host have", "%s", came);
}

/* --- responses -------------------------------------------------------------------------------- */

/* The first request for the address; a peer that doesn't ask for it can't be judged by its answer. */
static struct request begin_with_address(struct stage *stage, struct server *server)
{
    (void)begin(stage, server);
    struct request request = server_hear(server, SOON);
    if (!stage->over && (!request.is_natpmp || request.natpmp.opcode != NATPMP_ADDRESS))
        stage_end(stage, VERDICT_UNSUPPORTED, "the peer doesn't ask for the address: %s",
                  request_describe(stage, &request));
    return request;
}

static struct reply false_answer(struct server *server, const struct request *request)
{
    static const uint8_t address[] = {11, 9, 9, 9};
    struct reply reply = server_success(server, request);
    memcpy(reply.natpmp.external_address, address, sizeof address);
    return reply;
}

/* Nothing of the false address is published, though all is granted. */
static void expect_unpublished(struct server *server, enum requirement_id requirement, int remote)
{
    struct stage *stage = server->stage;
    struct datagram datagram;
    struct request request = server_next_natpmp(server, SOON);
    server_grant(server, &request, SERVER_LIFETIME);
    (void)server_await(server, 1); /* other mappings are granted meanwhile */
    while (stage_receive(stage, remote, publishing, &datagram))
        stage_expect(
            stage, requirement,
            !memmem(datagram.octets, datagram.length, false_address, strlen(false_address)),
            "another address published than that of an answer to be ignored", "11.9.9.9 was");
}

static void the_address_of_a_failure_is_ignored(struct stage *stage)
{
    struct server server;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = begin_with_address(stage, &server);
    struct reply reply = false_answer(&server, &request);
    reply.natpmp.result = FAILURE;
    server_send(&server, &reply);
    expect_unpublished(&server, R6886_3_2_04, remote);
}

static void an_address_from_elsewhere_is_dropped(struct stage *stage)
{
    struct server server;
    struct server other = server_open(stage, STAGE_ROUTER);
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    struct request request = begin_with_address(stage, &server);
    struct reply reply = false_answer(&server, &request);
    reply.socket = other.socket;
    server_send(&server, &reply);
    expect_unpublished(&server, R6886_3_2_06, remote);
}

static void a_mapping_from_elsewhere_is_dropped(struct stage *stage)
{
    struct server server;
    struct server other = server_open(stage, STAGE_ROUTER);
    struct request request = server_begin_natpmp(stage, &server);
    struct reply reply = server_success(&server, &request);
    reply.socket = other.socket;
    server_send(&server, &reply);
    struct request again;
    do /* those for the address, or another mapping */
        again = server_hear(&server, SOON);
    while (again.came && !is_same(&again, &request) &&
           server_between(&server, &request, &again) < SOON);
    stage_expect(stage, R6886_3_3_14, again.came && is_same(&again, &request),
                 "the request again, an answer from another host being none", "%s",
                 request_describe(stage, &again));
}

static void unknown_results_are_failures(struct stage *stage)
{
    static const uint16_t results[] = {6, 65535};
    struct server server;
    struct datagram datagram;
    int remote = stage_open(stage, STAGE_REMOTE, REMOTE_PORT);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        struct request request;
        if (i == 0) {
            request = server_begin_natpmp(stage, &server);
        } else {
            server_restart_peer(stage);
            do
                request = server_next_natpmp(&server, SOON);
            while (request.came && request.natpmp.lifetime == 0);
        }
        struct reply reply = server_success(&server, &request);
        reply.natpmp.result = results[i];
        server_send(&server, &reply);
        bool told = stage_receive(stage, remote, publishing, &datagram);
        stage_expect(stage, R6886_3_5_08, !told,
                     "nothing published, an unknown result being a failure",
                     "%zu octets to the server, behind result %u", datagram.length, results[i]);
    }
}

static const struct test_case cases[] = {
    {.id = "device.6886.1.1.nat-pmp-is-asked-at-once",
     .sentence = "A client that is told of NAT-PMP alone asks by NAT-PMP at once.",
     .requirements = JUDGES(R6886_1_1_03),
     .run = nat_pmp_is_asked_at_once,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.1.1.version-1-is-not-used",
     .sentence = "A client uses version 2 and version 0, and never version 1.",
     .requirements = JUDGES(R6886_1_1_01),
     .run = version_1_is_not_used,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.1.1.each-version-has-its-own-form",
     .sentence = "Version 2 is spoken as PCP, and version 0 as NAT-PMP in requests of 2 or "
                 "12 octets.",
     .requirements = JUDGES(R6886_1_1_02, R6886_3_2_03),
     .run = each_version_has_its_own_form,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.1.1.an-upgrade-is-noticed",
     .sentence = "That a server speaks NAT-PMP alone is not remembered for good.",
     .requirements = JUDGES(R6886_1_1_05),
     .run = an_upgrade_is_noticed,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 60},
    {.id = "device.6886.1.1.renewals-come-in-either-version",
     .sentence = "A renewal tries PCP first, or goes on in NAT-PMP.",
     .requirements = JUDGES(R6886_1_1_04),
     .run = renewals_come_in_either_version,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 20},
    {.id = "device.6886.3.a-public-address-speaks-no-nat-pmp",
     .sentence = "NAT-PMP is spoken only from private addresses.",
     .requirements = JUDGES(R6886_3_03),
     .run = a_public_address_speaks_no_nat_pmp,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 60},
    {.id = "device.6886.3.nat-pmp-goes-to-the-gateway",
     .sentence = "NAT-PMP goes to the default gateway.",
     .requirements = JUDGES(R6886_3_04),
     .run = nat_pmp_goes_to_the_gateway,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.3.1.requests-go-one-at-a-time",
     .sentence = "A client has one request out at a time, and the others in a queue.",
     .requirements = JUDGES(R6886_3_1_01, R6886_3_1_02),
     .run = requests_go_one_at_a_time,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "mapping-two-ports"},
    {.id = "device.6886.3.1.a-slow-server-is-not-hurried",
     .sentence = "A client asks no faster than the server answers.",
     .requirements = JUDGES(R6886_3_1_03),
     .run = a_slow_server_is_not_hurried,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "mapping-two-ports"},
    {.id = "device.6886.3.1.repetitions-double-from-250-ms",
     .sentence = "Requests are repeated after 250 ms, then after twice the time before.",
     .requirements = JUDGES(R6886_3_1_04),
     .run = repetitions_double_from_250_ms,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP | CASE_REAL_TIME,
     .seconds = 4},
    {.id = "device.6886.3.1.nine-attempts-are-enough",
     .sentence = "After nine requests without an answer a client takes the server for one "
                 "without NAT-PMP.",
     .requirements = JUDGES(R6886_3_1_05),
     .run = nine_attempts_are_enough,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 260},
    {.id = "device.6886.3.1.leaving-deletes",
     .sentence = "A mapping that isn't needed any more is deleted, and nothing else is.",
     .requirements = JUDGES(R6886_3_1_07, R6886_3_4_01, R6886_3_4_05),
     .run = leaving_deletes,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.3.2.the-address-of-a-failure-is-ignored",
     .sentence = "The address in an answer that failed is ignored.",
     .requirements = JUDGES(R6886_3_2_04),
     .run = the_address_of_a_failure_is_ignored,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 40,
     .variant = "registering"},
    {.id = "device.6886.3.2.an-address-from-elsewhere-is-dropped",
     .sentence = "An answer from elsewhere than the gateway is dropped.",
     .requirements = JUDGES(R6886_3_2_06),
     .run = an_address_from_elsewhere_is_dropped,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "registering"},
    {.id = "device.6886.3.3.the-first-mapping-request",
     .sentence = "A mapping request has reserved bits of zero, and asks for 7200 s.",
     .requirements = JUDGES(R6886_3_3_01, R6886_3_3_05),
     .run = the_first_mapping_request,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 5},
    {.id = "device.6886.3.3.the-renewal-comes-at-half-with-the-assigned-port",
     .sentence = "A client begins to renew at half of the lifetime, and suggests the port "
                 "that was assigned.",
     .requirements = JUDGES(R6886_3_3_15, R6886_3_3_16),
     .run = the_renewal_comes_at_half_with_the_assigned_port,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 80},
    {.id = "device.6886.3.3.a-mapping-from-elsewhere-is-dropped",
     .sentence = "A mapping answer from elsewhere than the gateway is dropped.",
     .requirements = JUDGES(R6886_3_3_14),
     .run = a_mapping_from_elsewhere_is_dropped,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10},
    {.id = "device.6886.3.5.unknown-results-are-failures",
     .sentence = "Unknown results are taken for failures of the request.",
     .requirements = JUDGES(R6886_3_5_08),
     .run = unknown_results_are_failures,
     .traits = CASE_UNSTARTED | CASE_NAT_PMP,
     .seconds = 10,
     .variant = "registering"},
};

static const struct defect defects[] = {
    {.name = "hears-no-nat-pmp-in-pcp",
     .text = "drops what isn't PCP while it waits for PCP",
     .requirements = JUDGES(R6886_1_1_03)},
    {.name = "asks-pcp-in-version-0",
     .text = "sends requests in the form of PCP as version 0",
     .requirements = JUDGES(R6886_1_1_02)},
    {.name = "pads-its-nat-pmp-requests",
     .text = "sends NAT-PMP requests of four octets more",
     .requirements = JUDGES(R6886_3_2_03)},
    {.name = "renews-nothing-by-nat-pmp",
     .text = "doesn't renew what NAT-PMP granted",
     .requirements = JUDGES(R6886_1_1_04)},
    {.name = "speaks-nat-pmp-from-anywhere",
     .text = "speaks NAT-PMP from a public address",
     .requirements = JUDGES(R6886_3_03)},
    {.name = "asks-another-router-by-nat-pmp",
     .text = "sends NAT-PMP to another router than the default one",
     .requirements = JUDGES(R6886_3_04)},
    {.name = "asks-by-nat-pmp-all-at-once",
     .text = "asks for all mappings at once",
     .requirements = JUDGES(R6886_3_1_01, R6886_3_1_03, R6886_3_7_06)},
    {.name = "asks-by-nat-pmp-for-one-port",
     .text = "asks for UDP alone, and forgets the rest",
     .requirements = JUDGES(R6886_3_1_02)},
    {.name = "repeats-nat-pmp-every-250-ms",
     .text = "repeats requests every 250 ms",
     .requirements = JUDGES(R6886_3_1_04)},
    {.name = "asks-by-nat-pmp-for-ever",
     .text = "goes on after nine attempts",
     .requirements = JUDGES(R6886_3_1_05)},
    {.name = "leaves-without-a-word",
     .text = "leaves its mappings behind when it ends",
     .requirements = JUDGES(R6886_3_1_07)},
    {.name = "deletes-all-by-nat-pmp",
     .text = "deletes all mappings of its host when it means one",
     .requirements = JUDGES(R6886_3_4_05)},
    {.name = "suggests-a-port-in-nat-pmp-deletes",
     .text = "suggests a port in deletes",
     .requirements = JUDGES(R6886_3_4_01)},
    {.name = "believes-addresses-of-failures",
     .text = "takes the address in an answer that failed",
     .requirements = JUDGES(R6886_3_2_04)},
    {.name = "sets-reserved-bits-of-nat-pmp",
     .text = "sends mapping requests with a reserved bit set",
     .requirements = JUDGES(R6886_3_3_01)},
    {.name = "asks-by-nat-pmp-for-an-hour",
     .text = "asks for mappings of an hour",
     .requirements = JUDGES(R6886_3_3_05)},
    {.name = "suggests-nothing-in-nat-pmp-renewals",
     .text = "renews without saying what port is assigned",
     .requirements = JUDGES(R6886_3_3_16)},
    {.name = "takes-unknown-nat-pmp-results",
     .text = "takes unknown results for success",
     .requirements = JUDGES(R6886_3_5_08)},
};

CASE_FILE(device_6886_client, CASE_DEVICE, cases, defects);
