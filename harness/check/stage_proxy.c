#include "check/stage_proxy.h"

#include "check/stage_private.h"
#include "wire/octets.h"

#include <stdio.h>
#include <string.h>

enum {
    LONG_ERROR = 1800, /* s, 7.4 */
    FILTER_ROOM = 20   /* octets of the longest option that the attendant processes */
};

static const int64_t repeat_after = 400 * MILLISECOND;
static const int64_t give_up_after = 4 * SECOND;
static const int64_t both_within = 250 * MILLISECOND;
static const int64_t answer_within = 1500 * MILLISECOND;

/* Of TEST-NET-3 and of the documentation's prefix: nobody has them. */
static const char outermost_ipv4[] = "203.0.113.7";
static const char outermost_ipv6[] = "2001:db8:7::7";

/* --- the server upstream ---------------------------------------------------------------------- */

struct server proxy_upstream(struct stage *stage)
{
    struct server server = server_open(stage, STAGE_REMOTE);
    (void)address_parse(stage->ipv6 ? outermost_ipv6 : outermost_ipv4, &server.external);
    return server;
}

/* What the attendant makes of a request: a firewall's mapping, whose external side is its internal one. */
struct pinhole {
    struct endpoint external;
    bool insists, unknown; /* PREFER_FAILURE, a mandatory option that it doesn't have */
    struct reply options;  /* those that it processes */
};

static struct pinhole read_pinhole(const struct request *request)
{
    const struct pcp_map *map = &request->pcp.data.map;
    struct pinhole pinhole = {.external = {request->pcp.client, map->internal_port}};
    struct pcp_message message;
    struct pcp_option option;
    struct pcp_filter filter;
    enum pcp_fault fault;
    size_t offset = 0;
    (void)pcp_decode(request->datagram.octets, request->datagram.length, &message);
    while (pcp_option_next(message.options, message.options_length, &offset, &option, &fault)) {
        uint8_t data[FILTER_ROOM];
        if (option.code == PCP_THIRD_PARTY)
            (void)pcp_option_third_party(&option, &pinhole.external.address);
        pinhole.insists = pinhole.insists || option.code == PCP_PREFER_FAILURE;
        pinhole.unknown =
            pinhole.unknown || option.code == 0 || (option.code > PCP_FILTER && option.code < 128);
        if (option.code == 0 || option.code > PCP_FILTER || option.length > sizeof data)
            continue;
        memcpy(data, option.data, option.length);
        if (option.code == PCP_FILTER && pcp_option_filter(&option, &filter) == PCP_FAULT_NONE)
            data[0] = 0; /* reserved */
        reply_add_option(&pinhole.options, option.code, data, option.length);
    }
    return pinhole;
}

/* Whether the suggestion, where one is made, can be met. */
static bool suits(const struct pcp_map *map, const struct pinhole *pinhole)
{
    return (!map->external_port || map->external_port == pinhole->external.port) &&
           (address_is_any(&map->external_address) ||
            address_equal(&map->external_address, &pinhole->external.address));
}

static struct reply answer_pinhole(struct server *server, const struct request *request)
{
    enum { SHORT_ERROR = 30 };
    struct reply reply = server_success(server, request);
    if (request->pcp.opcode == PCP_ANNOUNCE || request->is_natpmp)
        return reply;
    struct pinhole pinhole = read_pinhole(request);
    bool firm = pinhole.insists || request->pcp.opcode == PCP_PEER;
    if (pinhole.unknown)
        return server_error(server, request, PCP_UNSUPP_OPTION, LONG_ERROR);
    if (request->pcp.lifetime && firm && !suits(&request->pcp.data.map, &pinhole))
        return server_error(server, request, PCP_CANNOT_PROVIDE_EXTERNAL, SHORT_ERROR);
    memcpy(reply.options, pinhole.options.options, sizeof reply.options);
    reply.options_length = pinhole.options.options_length;
    if (request->pcp.lifetime) {
        reply.pcp.lifetime = request->pcp.lifetime;
        reply.pcp.data.map.external_address = pinhole.external.address;
        reply.pcp.data.map.external_port = pinhole.external.port;
    }
    return reply;
}

/* UNSUPP_OPCODE: the whole request comes back (8.2). Returns its length. */
static size_t refuse_opcode(const struct server *server, const struct request *request,
                            uint8_t *octets)
{
    const struct datagram *asked = &request->datagram;
    size_t length = asked->length < PCP_MAXIMUM_LENGTH ? asked->length : (size_t)PCP_MAXIMUM_LENGTH;
    memset(octets, 0, PCP_MAXIMUM_LENGTH);
    memcpy(octets, asked->octets, length);
    octets[1] |= 0x80;
    octets[2] = 0;
    octets[3] = PCP_UNSUPP_OPCODE;
    octets_put32(octets + 4, LONG_ERROR);
    octets_put32(octets + 8, server_epoch(server));
    memset(octets + 12, 0, PCP_HEADER_LENGTH - 12);
    return (length + 3) & ~(size_t)3;
}

static void attend(struct stage *stage, const struct datagram *datagram)
{
    struct server *server = stage->attendant;
    struct request request = server_read(datagram);
    if (datagram->is_error || request.pcp.response)
        return;
    struct reply reply = answer_pinhole(server, &request);
    /* Not server_send(): the repeats that it would pass over are to be answered, too. */
    uint8_t octets[DATAGRAM_ROOM];
    size_t length = request.fault == PCP_FAULT_OPCODE ? refuse_opcode(server, &request, octets)
                                                      : reply_encode(&reply, octets, sizeof octets);
    stage_send(stage, reply.socket, &reply.to, octets, length);
}

void proxy_attend(struct stage *stage)
{
    static struct server server; /* one case at a time is played in a process */
    server = server_open(stage, STAGE_REMOTE);
    stage->attendant = &server;
    stage->attended = server.socket;
    stage->attend = attend;
}

/* --- passages --------------------------------------------------------------------------------- */

static bool is_upstream(const struct passage *passage, const struct request *request)
{
    return !request->is_natpmp && !request->pcp.response &&
           request->pcp.opcode == passage->wish.message.opcode;
}

/* Whatever else the proxy asks for is answered, so that it has no reason to wait for it. */
static void answer_aside(struct server *server, const struct request *request)
{
    struct reply reply = server_success(server, request);
    if (!request->pcp.response)
        server_send(server, &reply);
}

static bool await_either(struct passage *passage, int64_t until)
{
    struct stage *stage = passage->server->stage;
    const int sockets[] = {passage->server->socket, passage->client};
    struct datagram datagram;
    while (stage_await(stage, sockets, 2, until, &datagram)) {
        if (datagram.is_error)
            continue;
        if (datagram.socket == passage->client) {
            passage->down = stage_answer_of(&datagram);
            until = stage_now(stage) + both_within; /* it may go upstream all the same */
            continue;
        }
        struct request request = server_read(&datagram);
        if (is_upstream(passage, &request)) {
            passage->up = request;
            return true;
        }
        answer_aside(passage->server, &request);
    }
    return passage->down.came;
}

struct passage proxy_ask(struct server *server, const struct wish *wish)
{
    struct stage *stage = server->stage;
    struct passage passage = {.server = server, .wish = *wish, .client = wish->socket};
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = wish_encode(wish, octets, sizeof octets);
    struct endpoint to = stage_server(stage, wish->from);
    if (passage.client < 0)
        passage.client = stage_open(stage, wish->from, 0);
    int64_t deadline = stage_now(stage) + give_up_after;
    for (int64_t now = stage_now(stage); !stage->over && now < deadline; now = stage_now(stage)) {
        stage_send(stage, passage.client, &to, octets, length);
        if (await_either(&passage, now + repeat_after))
            break;
    }
    return passage;
}

static const char *what_came(struct stage *stage, const struct passage *passage)
{
    char *text = stage_text(stage);
    (void)snprintf(text, STAGE_TEXT_SIZE, "nothing came there; the client has %.300s",
                   stage_describe(stage, &passage->down));
    return text;
}

struct passage proxy_passes(struct server *server, enum requirement_id requirement,
                            const struct wish *wish)
{
    struct stage *stage = server->stage;
    struct passage passage = proxy_ask(server, wish);
    if (!stage->over)
        stage_expect(stage, requirement, passage.up.came, "the request is heard of upstream", "%s",
                     what_came(stage, &passage));
    return passage;
}

struct passage proxy_passed(struct server *server, const struct wish *wish)
{
    struct stage *stage = server->stage;
    struct passage passage = proxy_ask(server, wish);
    if (stage->over || passage.up.came)
        return passage;
    bool unsupported = passage.down.came && stage_says_unsupported(&passage.down.pcp);
    stage_end(stage, unsupported ? VERDICT_UNSUPPORTED : VERDICT_INCONCLUSIVE, "upstream: %s",
              what_came(stage, &passage));
    return passage;
}

struct answer proxy_hear(const struct passage *passage, int64_t patience)
{
    struct answer answer = {0};
    struct stage *stage = passage->server->stage;
    struct datagram datagram;
    int64_t until = stage_now(stage) + patience;
    while (!answer.came && stage_await(stage, &passage->client, 1, until, &datagram))
        if (!datagram.is_error)
            answer = stage_answer_of(&datagram);
    return answer;
}

struct answer proxy_answer(struct passage *passage, const struct reply *reply)
{
    server_send(passage->server, reply);
    struct answer answer = proxy_hear(passage, passage->down.came ? both_within : answer_within);
    return answer.came ? answer : passage->down;
}

struct passage proxy_granted(struct server *server, const struct wish *wish, uint32_t lifetime,
                             struct answer *answer)
{
    struct stage *stage = server->stage;
    struct passage passage = proxy_passed(server, wish);
    struct reply reply = server_success(server, &passage.up);
    reply.pcp.lifetime = lifetime;
    struct answer heard = {0};
    if (!stage->over)
        heard = proxy_answer(&passage, &reply);
    if (!stage->over && (!heard.came || heard.pcp.result != PCP_SUCCESS))
        stage_end(stage, VERDICT_INCONCLUSIVE, "granted upstream, the client has %s",
                  stage_describe(stage, &heard));
    if (answer)
        *answer = heard;
    return passage;
}

struct endpoint passage_outside(const struct passage *passage)
{
    struct endpoint there = {passage->up.pcp.client, passage->up.pcp.data.map.internal_port};
    struct pcp_option option;
    if (request_option(&passage->up, PCP_THIRD_PARTY, &option))
        (void)pcp_option_third_party(&option, &there.address);
    return there;
}

/* --- what nobody asked for -------------------------------------------------------------------- */

struct request proxy_await(struct server *server, uint8_t opcode, double seconds)
{
    struct stage *stage = server->stage;
    double left = seconds;
    int64_t start = stage_now(stage);
    while (!stage->over && left >= 0) {
        struct request request = server_hear(server, left);
        if (!request.came)
            break;
        if (!request.is_natpmp && !request.pcp.response && request.pcp.opcode == opcode)
            return request;
        answer_aside(server, &request);
        left = seconds - stage_peer_seconds(stage, start, stage_now(stage));
    }
    return (struct request){0};
}

bool proxy_is_quiet(struct server *server, uint8_t opcode, struct request *heard)
{
    enum { FIRST_FENCE_PORT = 20000, FENCE_PORTS = 1000 };
    struct stage *stage = server->stage;
    uint16_t port = (uint16_t)(FIRST_FENCE_PORT + stage_draw(stage) % FENCE_PORTS);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, port);
    const struct pcp_map *fence = &wish.message.data.map;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = wish_encode(&wish, octets, sizeof octets);
    struct endpoint to = stage_server(stage, STAGE_OTHER);
    int client = stage_open(stage, STAGE_OTHER, 0);
    int64_t deadline = stage_now(stage) + give_up_after;
    *heard = (struct request){0};
    while (!stage->over && stage_now(stage) < deadline) {
        struct datagram datagram;
        stage_send(stage, client, &to, octets, length);
        while (stage_receive(stage, server->socket, repeat_after, &datagram)) {
            struct request request = server_read(&datagram);
            if (datagram.is_error || request.is_natpmp || request.pcp.response)
                continue;
            bool is_fence = request.pcp.opcode == PCP_MAP &&
                            !memcmp(request.pcp.data.map.nonce, fence->nonce, PCP_NONCE_LENGTH);
            if (is_fence) {
                server_grant(server, &request, SERVER_LIFETIME);
                stage_close(stage, client);
                return !heard->came;
            }
            if (request.pcp.opcode == opcode && !heard->came)
                *heard = request;
            else
                answer_aside(server, &request);
        }
    }
    if (heard->came)
        return false;
    stage_end(stage, VERDICT_INCONCLUSIVE, "a MAP, asked for as a fence, is not heard of upstream");
    return false;
}

int proxy_listen(struct stage *stage, enum stage_place place)
{
    const struct endpoint local = {stage_any(stage), PCP_CLIENT_PORT};
    return stage_open_kind(stage, SOCKET_UDP_MULTICAST, place, &local);
}

struct answer proxy_await_announcement(struct stage *stage, int listener, double seconds)
{
    struct answer answer = {0};
    struct datagram datagram;
    int64_t until = stage_now(stage) + (int64_t)(seconds / stage->scale * (double)SECOND);
    while (!answer.came && stage_await(stage, &listener, 1, until, &datagram)) {
        struct answer heard = stage_answer_of(&datagram);
        if (!datagram.is_error && heard.fault == PCP_FAULT_NONE && heard.pcp.response &&
            heard.pcp.opcode == PCP_ANNOUNCE)
            answer = heard;
    }
    return answer;
}
