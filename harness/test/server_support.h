/* A PCP server in virtual time for the engine's tests: one call sends a request and commits it. */
#ifndef PINHOLE_TEST_SERVER_SUPPORT_H
#define PINHOLE_TEST_SERVER_SUPPORT_H

#include "engine/pcp_server.h"
#include "exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { UDP = 17, TCP = 6, MORE = 200 };

static const uint64_t SECOND = 1000; /* of virtual time, in milliseconds */

/* What the device would know of outbound flows. */
struct flows {
    struct pcp_server_flow_key key;
    struct pcp_server_flow flow;
    bool present;
    bool any_remote; /* the flow has no one remote peer that a test cares for */
};

struct bench {
    struct pcp_server_policy policy;
    struct address external[4];
    struct flows flows;
    void *memory;
    struct pcp_server *server;
    uint64_t now;
    uint64_t random;
    enum pcp_server_side side;
    struct pcp_server_answer answer;
    struct pcp_server_answer more[MORE]; /* of the other ports of a set */
    size_t more_count;
    struct pcp_message response; /* of answer, decoded */
};

static inline struct address at(const char *text)
{
    struct address address;
    if (!address_parse(text, &address))
        fail_msg("%s is no address", text);
    return address;
}

static inline bool outbound(void *context, const struct pcp_server_flow_key *key,
                            struct pcp_server_flow *flow)
{
    const struct flows *flows = context;
    const struct pcp_server_flow_key *have = &flows->key;
    if (!flows->present || key->protocol != have->protocol ||
        key->internal_port != have->internal_port || key->realm != have->realm ||
        !address_equal(&key->internal, &have->internal))
        return false;
    if (key->to_remote && !flows->any_remote &&
        (key->remote_port != have->remote_port || !address_equal(&key->remote, &have->remote)))
        return false;
    *flow = flows->flow;
    return true;
}

/* Policy as wanted is set between prepare and start. */
static inline void prepare(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->policy = pcp_server_policy_default();
    bench->external[0] = at("11.0.0.1");
    bench->policy.external = bench->external;
    bench->policy.external_count = 1;
    bench->now = 1000000;
    bench->random = 0x123456789abcdef;
    bench->side = PCP_SERVER_INSIDE;
}

static inline void start(struct bench *bench)
{
    static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    struct pcp_server_device device = {.context = &bench->flows, .outbound = outbound};
    struct error error = {{0}};
    size_t size = pcp_server_size(&bench->policy);
    bench->memory = malloc(size);
    assert_non_null(bench->memory);
    bench->server =
        pcp_server_create(bench->memory, size, &bench->policy, &device, key, bench->now, &error);
    if (!bench->server)
        fail_msg("%s", error.text);
}

static inline void stop(struct bench *bench)
{
    free(bench->memory);
    bench->memory = NULL;
}

/* Sends octets from an address; the answer stays uncommitted. */
static inline void submit(struct bench *bench, const char *source, const uint8_t *octets,
                          size_t length)
{
    uint8_t *copy = exact_copy(octets, length);
    bench->random = bench->random * 6364136223846793005U + 1442695040888963407U;
    struct pcp_server_input input = {
        .octets = copy,
        .length = length,
        .source = at(source),
        .source_port = 40000,
        .side = bench->side,
        .path = 7,
        .now = bench->now,
        .random = bench->random,
    };
    pcp_server_request(bench->server, &input, &bench->answer);
    bench->more_count = 0;
    while (bench->more_count < MORE && pcp_server_extend(bench->server, &input, &bench->answer,
                                                         &bench->more[bench->more_count]))
        assert_int_equal(bench->more[bench->more_count++].length, 0);
    free(copy);
    memset(&bench->response, 0, sizeof bench->response);
    /* Whatever its result and protocol, an answer has the opcode of its request and the R bit: but for the
     * 8 octets in which NAT-PMP calls a version unsupported. */
    if (bench->answer.length && length > 1 && !(bench->answer.length == 8 && octets[0] != 0))
        assert_int_equal(bench->answer.octets[1], octets[1] | 0x80);
    if (bench->answer.length)
        pcp_decode(bench->answer.octets, bench->answer.length, &bench->response);
}

static inline void send_octets(struct bench *bench, const char *source, const uint8_t *octets,
                               size_t length)
{
    submit(bench, source, octets, length);
    pcp_server_commit(bench->server, &bench->answer);
    for (size_t i = 0; i < bench->more_count; i++)
        pcp_server_commit(bench->server, &bench->more[i]);
}

/* A request under way: a message with options that grows. */
struct request {
    uint8_t octets[1400];
    size_t length;
};

static inline struct pcp_message map_message(const char *source, uint8_t protocol,
                                             uint16_t internal_port, uint32_t lifetime)
{
    struct pcp_message message = {
        .version = PCP_VERSION,
        .opcode = PCP_MAP,
        .lifetime = lifetime,
        .client = at(source),
        .data.map = {.nonce = "nonce-of-12", .protocol = protocol, .internal_port = internal_port},
    };
    message.data.map.external_address =
        address_is_ipv4(&message.client) ? address_any_ipv4() : address_any_ipv6();
    return message;
}

static inline struct pcp_message peer_message(const char *source, uint8_t protocol,
                                              uint16_t internal_port, const char *remote,
                                              uint16_t remote_port, uint32_t lifetime)
{
    struct pcp_message message = map_message(source, protocol, internal_port, lifetime);
    message.opcode = PCP_PEER;
    message.data.remote_address = at(remote);
    message.data.remote_port = remote_port;
    return message;
}

static inline struct request encode(const struct pcp_message *message)
{
    struct request request;
    request.length = pcp_encode(message, request.octets, sizeof request.octets);
    assert_int_not_equal(request.length, 0);
    return request;
}

static inline void add_option(struct request *request, uint8_t code, const void *data,
                              uint16_t length)
{
    request->length = pcp_append_option(request->octets, request->length, sizeof request->octets,
                                        code, data, length);
    assert_int_not_equal(request->length, 0);
}

static inline void add_filter(struct request *request, const char *remote, uint8_t prefix_length,
                              uint16_t remote_port)
{
    struct pcp_filter filter = {
        .prefix_length = prefix_length, .remote_port = remote_port, .remote_address = at(remote)};
    request->length =
        pcp_append_filter(request->octets, request->length, sizeof request->octets, &filter);
}

static inline void add_third_party(struct request *request, const char *internal)
{
    struct address address = at(internal);
    request->length =
        pcp_append_third_party(request->octets, request->length, sizeof request->octets, &address);
}

static inline void send_request(struct bench *bench, const char *source,
                                const struct request *request)
{
    send_octets(bench, source, request->octets, request->length);
}

static inline void send_message(struct bench *bench, const char *source,
                                const struct pcp_message *message)
{
    struct request request = encode(message);
    send_request(bench, source, &request);
}

/* The plainest MAP; the external port that was assigned, or 0. */
static inline uint16_t map(struct bench *bench, const char *source, uint8_t protocol,
                           uint16_t internal_port, uint32_t lifetime)
{
    struct pcp_message message = map_message(source, protocol, internal_port, lifetime);
    send_message(bench, source, &message);
    return bench->response.result == PCP_SUCCESS ? bench->response.data.map.external_port : 0;
}

static inline uint16_t peer(struct bench *bench, const char *source, uint16_t internal_port,
                            const char *remote, uint16_t remote_port, uint32_t lifetime)
{
    struct pcp_message message =
        peer_message(source, UDP, internal_port, remote, remote_port, lifetime);
    send_message(bench, source, &message);
    return bench->response.result == PCP_SUCCESS ? bench->response.data.map.external_port : 0;
}

static inline void assert_result(const struct bench *bench, enum pcp_result result)
{
    assert_int_not_equal(bench->answer.length, 0);
    if (bench->response.result != result)
        fail_msg("expected %s, got %s", pcp_result_name((uint8_t)result),
                 pcp_result_name(bench->response.result));
}

static inline void assert_address(const struct address *have, const char *wanted)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_format(have, text), wanted);
}

/* Lets all that is due at now happen, unseen. */
static inline void settle(struct bench *bench)
{
    struct pcp_server_event event;
    while (pcp_server_advance(bench->server, bench->now, &event))
        ;
}

static inline void elapse(struct bench *bench, uint64_t milliseconds)
{
    bench->now += milliseconds;
    settle(bench);
}

static inline unsigned int live(const struct bench *bench)
{
    return pcp_server_count(bench->server).live;
}

#endif
