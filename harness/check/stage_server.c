/* A stage as a PCP server.
 *
 * What a script waits for is one mapping's requests. The other requests of a device come in between, and some
 * come twice: a repeat may be under way when the answer goes out. So waiting answers the others and passes
 * over what an answer and a repeat that crossed left behind.
 */
#include "check/stage_server.h"

#include "check/stage_private.h"
#include "wire/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ours, not the peer's: how much longer than meant a machine may take that has much else to do; how long a
 * datagram that was sent before the answer may be under way. */
static const int64_t patience = 1500 * MILLISECOND;
static const int64_t crossing = 15 * MILLISECOND;

enum {
    A_DAY = 86400,
    FIRST_REQUEST = 60, /* s, until a device that wants a mapping has asked for it */
    REPETITION = 10,    /* s, likewise has asked again */
    FIRST_EXTERNAL_PORT = 40000,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    NO_OPCODE = 0xff,        /* of a mapping that is not known yet */
    LIFETIME_AT = 4,         /* in the header */
    SUGGESTION_AT = 24 + 18, /* behind header, nonce, protocol and internal port */
    SUGGESTION_LENGTH = 2 + 16
};

int64_t server_ours(const struct server *server, double seconds)
{
    return (int64_t)(seconds / server->stage->scale * (double)SECOND);
}

/* --- the server ------------------------------------------------------------------------------- */

struct server server_open(struct stage *stage, enum stage_place place)
{
    struct address address = stage_address(stage, place);
    return server_open_at(stage, place, &address);
}

struct server server_open_at(struct stage *stage, enum stage_place place,
                             const struct address *address)
{
    struct server server = {.stage = stage, .place = place, .lifetime = SERVER_LIFETIME};
    const struct endpoint local = {*address, PCP_SERVER_PORT};
    server.socket = stage_open_kind(stage, SOCKET_UDP, place, &local);
    server.external = stage_address(stage, stage->ipv6 ? STAGE_HOST : STAGE_OUTSIDE);
    server_set_epoch(&server, A_DAY);
    return server;
}

void server_start_peer(struct stage *stage)
{
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%" PRIu64, stage_draw(stage));
    stage_tell(stage, "PINHOLE_SEED", seed);
    stage_start(stage);
}

void server_restart_peer(struct stage *stage)
{
    stage_stop(stage, 0);
    server_start_peer(stage);
}

/* The server at STAGE_GATEWAY, told to the peer that is started with it. */
static void begin(struct stage *stage, struct server *server)
{
    char text[ADDRESS_TEXT_SIZE];
    *server = server_open(stage, STAGE_GATEWAY);
    struct address address = stage_address(stage, STAGE_GATEWAY);
    stage_tell(stage, "PINHOLE_GATEWAY", address_format(&address, text));
    address = stage_address(stage, STAGE_REMOTE);
    stage_tell(stage, "PINHOLE_SERVER", address_format(&address, text));
    server_start_peer(stage);
}

struct request server_begin(struct stage *stage, struct server *server)
{
    begin(stage, server);
    return server_next(server, FIRST_REQUEST);
}

struct request server_begin_for(struct stage *stage, struct server *server,
                                bool (*wanted)(const struct request *request))
{
    begin(stage, server);
    return server_follow(server, FIRST_REQUEST, wanted);
}

struct request server_begin_repeating(struct stage *stage, struct server *server)
{
    (void)server_begin(stage, server);
    return server_next(server, REPETITION);
}

struct request server_begin_renewing(struct stage *stage, struct server *server)
{
    struct request request = server_begin(stage, server);
    server_grant(server, &request, SERVER_SHORT_LIFETIME);
    request = server_next(server, SERVER_SHORT_LIFETIME);
    double after = server_since_answer(server, &request);
    server->renews = server_is_renewal_time(after);
    if (!stage->over && !server->renews)
        stage_end(stage, VERDICT_INCONCLUSIVE, "a mapping of %d s is renewed after %.1f s",
                  SERVER_SHORT_LIFETIME, after);
    return request;
}

void server_begin_two(struct stage *stage, const char *separator, struct server *one,
                      struct server *other)
{
    char gateway[ADDRESS_TEXT_SIZE];
    char router[ADDRESS_TEXT_SIZE];
    char both[2 * ADDRESS_TEXT_SIZE];
    *one = server_open(stage, STAGE_GATEWAY);
    *other = server_open(stage, STAGE_ROUTER);
    struct address address = stage_address(stage, STAGE_GATEWAY);
    (void)address_format(&address, gateway);
    address = stage_address(stage, STAGE_ROUTER);
    (void)snprintf(both, sizeof both, "%s%s%s", gateway, separator,
                   address_format(&address, router));
    stage_tell(stage, "PINHOLE_GATEWAY", both);
    server_start_peer(stage);
}

uint32_t server_epoch(const struct server *server)
{
    const struct stage *stage = server->stage;
    return (uint32_t)stage_peer_seconds(stage, server->epoch_start, stage_now(stage));
}

void server_set_epoch(struct server *server, uint32_t epoch)
{
    server->epoch_start = stage_now(server->stage) - server_ours(server, epoch);
}

/* --- what was asked --------------------------------------------------------------------------- */

struct request server_read(const struct datagram *datagram)
{
    struct request request = {.came = true, .datagram = *datagram};
    const uint8_t *octets = request.datagram.octets;
    size_t length = request.datagram.length;
    request.is_natpmp = natpmp_recognise(octets, length);
    if (request.is_natpmp)
        (void)natpmp_decode(octets, length, &request.natpmp);
    else
        request.fault = pcp_decode(octets, length, &request.pcp);
    return request;
}

static uint64_t request_hash(const struct request *request)
{
    return stage_hash(request->datagram.octets, request->datagram.length);
}

/* The mapping that a request is for: its number, a new one's the first time. -1: for none that can be told, or
 * there is no room. */
static int find_mapping(struct server *server, const struct request *request)
{
    const struct pcp_peer *data = &request->pcp.data;
    uint8_t opcode = request->pcp.opcode;
    uint8_t protocol = data->map.protocol;
    uint16_t port = data->map.internal_port;
    struct endpoint remote = {data->remote_address, data->remote_port};
    if (request->is_natpmp) {
        opcode = PCP_MAP;
        protocol = request->natpmp.opcode == NATPMP_MAP_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
        port = request->natpmp.internal_port;
        if (request->natpmp.opcode == NATPMP_ADDRESS)
            return -1;
    } else if (opcode != PCP_MAP && opcode != PCP_PEER) {
        return -1;
    }
    for (size_t i = 0; i < server->mapping_count; i++)
        if (server->mappings[i].opcode == opcode && server->mappings[i].protocol == protocol &&
            server->mappings[i].internal_port == port &&
            server->mappings[i].remote.port == remote.port &&
            address_equal(&server->mappings[i].remote.address, &remote.address))
            return (int)i;
    if (server->mapping_count == SERVER_MAPPINGS)
        return -1;
    size_t number = server->mapping_count++;
    server->mappings[number].opcode = opcode;
    server->mappings[number].protocol = protocol;
    server->mappings[number].internal_port = port;
    server->mappings[number].remote = remote;
    server->mappings[number].external_port = (uint16_t)(FIRST_EXTERNAL_PORT + number);
    return (int)number;
}

static bool is_probe(const struct request *request)
{
    return !request->is_natpmp && request->fault == PCP_FAULT_NONE &&
           request->pcp.opcode == PCP_ANNOUNCE && !request->pcp.response;
}

bool server_follows(const struct server *server, const struct request *request)
{
    /* A copy: asking for it must not make the mapping known. */
    struct server looked_at = *server;
    if (is_probe(request))
        return false;
    /* What can't be told apart, such as a request for the address, is the script's affair. */
    return find_mapping(&looked_at, request) <= 0;
}

static bool is_sound(const struct request *request, uint8_t opcode)
{
    return request->came && !request->is_natpmp && request->fault == PCP_FAULT_NONE &&
           !request->pcp.response && request->pcp.opcode == opcode;
}

bool request_is_creation(const struct request *request)
{
    return is_sound(request, PCP_MAP) && request->pcp.lifetime > 0;
}

bool request_is_peer(const struct request *request)
{
    return is_sound(request, PCP_PEER);
}

bool request_has_nonce_of(const struct request *request, const struct request *other)
{
    return memcmp(request->pcp.data.map.nonce, other->pcp.data.map.nonce, PCP_NONCE_LENGTH) == 0;
}

void server_expect_own_nonces(struct stage *stage, enum requirement_id requirement, double seconds,
                              bool (*wanted)(const struct request *request))
{
    struct server one;
    struct server other;
    server_begin_two(stage, " ", &one, &other);
    struct request first = server_follow(&one, seconds, wanted);
    struct request second = server_follow(&other, seconds, wanted);
    stage_expect(stage, requirement, !request_has_nonce_of(&second, &first),
                 "a nonce that the other server has not got", "%s",
                 request_describe(stage, &second));
}

bool request_option(const struct request *request, uint8_t code, struct pcp_option *out)
{
    struct pcp_message message;
    enum pcp_fault fault;
    size_t offset = 0;
    if (!request->came || request->is_natpmp)
        return false;
    (void)pcp_decode(request->datagram.octets, request->datagram.length, &message);
    while (pcp_option_next(message.options, message.options_length, &offset, out, &fault))
        if (out->code == code)
            return true;
    return false;
}

const char *request_describe(struct stage *stage, const struct request *request)
{
    const uint8_t *octets = request->datagram.octets;
    size_t length = request->datagram.length;
    char *text = stage_text(stage);
    if (!request->came)
        return stage->operations->running(stage->world) ? "no request"
                                                        : "no request: the peer has ended";
    if (request->is_natpmp)
        (void)natpmp_describe(octets, length, text, STAGE_TEXT_SIZE);
    else
        (void)pcp_describe(octets, length, text, STAGE_TEXT_SIZE);
    return text;
}

bool request_suggests(const struct request *request, const struct reply *reply)
{
    const struct pcp_map *asked = &request->pcp.data.map;
    const struct pcp_map *given = &reply->pcp.data.map;
    return asked->external_port == given->external_port &&
           address_equal(&asked->external_address, &given->external_address);
}

bool request_is_same(const struct request *a, const struct request *b)
{
    struct datagram one = a->datagram;
    struct datagram other = b->datagram;
    if (one.length != other.length || one.length < SUGGESTION_AT + SUGGESTION_LENGTH)
        return false;
    memset(one.octets + LIFETIME_AT, 0, sizeof(uint32_t));
    memset(other.octets + LIFETIME_AT, 0, sizeof(uint32_t));
    memset(one.octets + SUGGESTION_AT, 0, SUGGESTION_LENGTH);
    memset(other.octets + SUGGESTION_AT, 0, SUGGESTION_LENGTH);
    return memcmp(one.octets, other.octets, one.length) == 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct reply reply_to(const struct server *server, const struct request *request)
{
    struct reply reply = {.socket = server->socket, .to = request->datagram.from};
    reply.is_natpmp = request->is_natpmp;
    reply.answered = request_hash(request);
    return reply;
}

static void copy_options(struct reply *reply, const struct request *request)
{
    struct pcp_message message;
    (void)pcp_decode(request->datagram.octets, request->datagram.length, &message);
    if (message.options && message.options_length <= sizeof reply->options) {
        memcpy(reply->options, message.options, message.options_length);
        reply->options_length = message.options_length;
    }
}

static struct reply natpmp_success(struct server *server, const struct request *request)
{
    struct reply reply = reply_to(server, request);
    int number = find_mapping(server, request);
    reply.natpmp = request->natpmp;
    reply.natpmp.response = true;
    reply.natpmp.result = NATPMP_SUCCESS;
    reply.natpmp.epoch = server_epoch(server);
    memcpy(reply.natpmp.external_address, server->external.octet + 12,
           sizeof reply.natpmp.external_address);
    if (number >= 0 && request->natpmp.lifetime)
        reply.natpmp.external_port = server->mappings[number].external_port;
    if (reply.natpmp.lifetime > SERVER_LIFETIME)
        reply.natpmp.lifetime = SERVER_LIFETIME;
    return reply;
}

static struct reply pcp_reply(struct server *server, const struct request *request)
{
    struct reply reply = reply_to(server, request);
    reply.pcp = request->pcp;
    reply.pcp.response = true;
    reply.pcp.version = PCP_VERSION;
    reply.pcp.epoch = server_epoch(server);
    reply.layout = request->pcp.opcode <= PCP_PEER ? request->pcp.opcode : PCP_ANNOUNCE;
    copy_options(&reply, request);
    return reply;
}

struct reply server_success(struct server *server, const struct request *request)
{
    if (request->is_natpmp)
        return natpmp_success(server, request);
    struct reply reply = pcp_reply(server, request);
    int number = find_mapping(server, request);
    struct pcp_map *map = &reply.pcp.data.map;
    if (number < 0 || reply.pcp.lifetime == 0)
        return reply;
    bool is_ipv4 = address_is_ipv4(&map->external_address);
    map->external_port = server->mappings[number].external_port;
    if (is_ipv4 == address_is_ipv4(&server->external))
        map->external_address = server->external;
    if (reply.pcp.lifetime > SERVER_LIFETIME)
        reply.pcp.lifetime = SERVER_LIFETIME;
    return reply;
}

struct reply server_error(struct server *server, const struct request *request,
                          enum pcp_result result, uint32_t lifetime)
{
    if (request->is_natpmp) {
        struct reply reply = natpmp_success(server, request);
        reply.natpmp.result = (uint16_t)result;
        reply.natpmp.external_port = 0;
        reply.natpmp.lifetime = 0;
        return reply;
    }
    struct reply reply = pcp_reply(server, request);
    reply.pcp.result = (uint8_t)result;
    reply.pcp.lifetime = lifetime;
    return reply;
}

struct reply server_natpmp_alone(struct server *server, const struct request *request)
{
    struct reply reply = reply_to(server, request);
    reply.is_natpmp = true;
    reply.natpmp.response = true;
    reply.natpmp.result = NATPMP_UNSUPPORTED_VERSION;
    reply.natpmp.epoch = server_epoch(server);
    return reply;
}

struct reply server_announcement(struct server *server, const struct request *unicast)
{
    struct reply reply = {.socket = server->socket, .layout = PCP_ANNOUNCE};
    reply.pcp.version = PCP_VERSION;
    reply.pcp.response = true;
    reply.pcp.opcode = PCP_ANNOUNCE;
    reply.pcp.epoch = server_epoch(server);
    if (unicast) {
        reply.to = unicast->datagram.from;
    } else {
        reply.to.port = PCP_CLIENT_PORT;
        (void)address_parse(server->stage->ipv6 ? "ff02::1" : "224.0.0.1", &reply.to.address);
    }
    return reply;
}

void reply_add_option(struct reply *reply, uint8_t code, const uint8_t *data, uint16_t length)
{
    size_t used = pcp_append_option(reply->options, reply->options_length, sizeof reply->options,
                                    code, data, length);
    if (used)
        reply->options_length = used;
}

size_t reply_encode(const struct reply *reply, uint8_t *octets, size_t capacity)
{
    size_t length = 0;
    memset(octets, 0, capacity);
    if (reply->is_natpmp) {
        length = natpmp_encode(&reply->natpmp, octets, capacity);
    } else {
        struct pcp_message message = reply->pcp;
        message.opcode = reply->layout;
        message.response = true;
        length = pcp_encode(&message, octets, capacity);
        octets[1] = (uint8_t)((reply->pcp.response ? 0x80 : 0) | (reply->pcp.opcode & 0x7f));
        if (reply->options_length <= capacity - length) {
            memcpy(octets + length, reply->options, reply->options_length);
            length += reply->options_length;
        }
    }
    return reply->length && reply->length <= capacity ? reply->length : length;
}

static void pass_over_repeats(struct server *server)
{
    struct stage *stage = server->stage;
    struct datagram datagram;
    while (stage_await(stage, &server->socket, 1, stage_now(stage), &datagram))
        if (stage_hash(datagram.octets, datagram.length) != server->answered)
            stage_keep(stage, &datagram);
}

void server_send(struct server *server, const struct reply *reply)
{
    uint8_t octets[DATAGRAM_ROOM];
    size_t length = reply_encode(reply, octets, sizeof octets);
    stage_send(server->stage, reply->socket, &reply->to, octets, length);
    server->sent = stage_now(server->stage);
    server->answered = reply->answered;
    if (reply->answered)
        pass_over_repeats(server);
}

void server_grant(struct server *server, const struct request *request, uint32_t lifetime)
{
    struct reply reply = server_success(server, request);
    reply.pcp.lifetime = lifetime;
    reply.natpmp.lifetime = lifetime;
    server_send(server, &reply);
}

void server_refuse(struct server *server, const struct request *request, enum pcp_result result,
                   uint32_t lifetime)
{
    struct reply reply = server_error(server, request, result, lifetime);
    server_send(server, &reply);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Answers what the script doesn't wait for, and leaves no trace of it. */
static void answer_other(struct server *server, const struct request *request)
{
    uint8_t octets[DATAGRAM_ROOM];
    struct reply reply = server_success(server, request);
    if (reply.pcp.lifetime > server->lifetime)
        reply.pcp.lifetime = server->lifetime;
    size_t length = reply_encode(&reply, octets, sizeof octets);
    stage_send(server->stage, reply.socket, &reply.to, octets, length);
}

static bool is_repeat_of_answered(const struct server *server, const struct request *request)
{
    return server->answered == request_hash(request) &&
           request->datagram.time < server->sent + crossing;
}

/* The next request until a time; ICMP errors are none. */
static struct request hear_until(struct server *server, int64_t until)
{
    struct stage *stage = server->stage;
    struct datagram datagram;
    while (!stage->over) {
        int64_t left = until - stage_now(stage);
        if (!stage_receive(stage, server->socket, left > 0 ? left : 0, &datagram))
            break;
        if (!datagram.is_error)
            return server_read(&datagram);
    }
    return (struct request){0};
}

struct request server_await_until(struct server *server, int64_t until)
{
    for (;;) {
        struct request request = hear_until(server, until);
        if (!request.came)
            return request;
        if (is_repeat_of_answered(server, &request))
            continue;
        bool is_other = is_probe(&request) || (server->answers_addresses && request.is_natpmp &&
                                               request.natpmp.opcode == NATPMP_ADDRESS);
        int number = is_other ? 1 : find_mapping(server, &request);
        if (number <= 0)
            return request;
        if (!server->ignores_others)
            answer_other(server, &request);
    }
}

struct request server_await(struct server *server, double seconds)
{
    return server_await_until(server,
                              stage_now(server->stage) + server_ours(server, seconds) + patience);
}

struct request server_hear(struct server *server, double seconds)
{
    return hear_until(server, stage_now(server->stage) + server_ours(server, seconds) + patience);
}

struct request server_follow(struct server *server, double seconds,
                             bool (*wanted)(const struct request *request))
{
    struct stage *stage = server->stage;
    int64_t until = stage_now(stage) + server_ours(server, seconds) + patience;
    /* The first of the mappings stays free for it. */
    server->mappings[0].opcode = NO_OPCODE;
    if (server->mapping_count == 0)
        server->mapping_count = 1;
    for (;;) {
        struct request request = hear_until(server, until);
        if (request.came && !wanted(&request)) {
            answer_other(server, &request);
            continue;
        }
        if (request.came) {
            size_t count = server->mapping_count;
            server->mapping_count = 0;
            (void)find_mapping(server, &request);
            server->mapping_count = count;
        } else {
            stage_end(stage, VERDICT_INCONCLUSIVE,
                      "the peer asked nothing of what the case is about for %.0f s: %s", seconds,
                      request_describe(stage, &request));
        }
        return request;
    }
}

struct request server_next(struct server *server, double seconds)
{
    struct request request = server_await(server, seconds);
    if (!server->stage->over && !request.came)
        stage_end(server->stage, VERDICT_INCONCLUSIVE, "the peer asked nothing for %.0f s: %s",
                  seconds, request_describe(server->stage, &request));
    return request;
}

struct request server_next_other(struct server *server, double seconds)
{
    struct request request;
    do
        request = server_hear(server, seconds);
    while (request.came && (request.is_natpmp || request.pcp.opcode != PCP_MAP ||
                            server_follows(server, &request)));
    if (!server->stage->over && !request.came)
        stage_end(server->stage, VERDICT_INCONCLUSIVE,
                  "the peer asked for no second mapping for %.0f s", seconds);
    return request;
}

struct request server_next_natpmp(struct server *server, double seconds)
{
    for (;;) {
        struct request request = server_next(server, seconds);
        if (!request.came || (request.is_natpmp && request.natpmp.opcode != NATPMP_ADDRESS))
            return request;
        struct reply reply = request.is_natpmp ? server_success(server, &request)
                                               : server_natpmp_alone(server, &request);
        server_send(server, &reply);
    }
}

struct request server_begin_natpmp(struct stage *stage, struct server *server)
{
    struct request request = server_begin(stage, server);
    server->answers_addresses = true;
    if (!request.came || (request.is_natpmp && request.natpmp.opcode != NATPMP_ADDRESS))
        return request;
    struct reply reply = request.is_natpmp ? server_success(server, &request)
                                           : server_natpmp_alone(server, &request);
    server_send(server, &reply);
    return server_next_natpmp(server, FIRST_REQUEST);
}
