/* A stage as a PCP client: requests, exchanges and answers.
 *
 * What makes exchanges more than a send and a receive: requests are repeated, since datagrams get lost and
 * peers are slow, and so a second answer may come late. At a fresh socket nobody is there to take it for
 * another; at a case's own, answers to repetitions are waited for and taken out of the way.
 */
#include "check/stage_private.h"

#include "wire/describe.h"
#include "wire/octets.h"

#include <stdio.h>
#include <string.h>

static const int64_t repeat_after = 400 * MILLISECOND;
static const int64_t give_up_after = 4 * SECOND;
static const int64_t after_the_fence = 50 * MILLISECOND;

enum { SILENT_TRIES = 3 };

/* --- wishes ----------------------------------------------------------------------------------- */

static struct wish wish_of(struct stage *stage, enum stage_place from, uint8_t opcode)
{
    struct wish wish = {.from = from, .socket = -1};
    wish.message.version = PCP_VERSION;
    wish.message.opcode = opcode;
    wish.message.client = stage_address(stage, from);
    return wish;
}

struct wish stage_map_wish(struct stage *stage, enum stage_place from, uint16_t internal_port)
{
    enum { UDP = 17, TEN_MINUTES = 600 };
    struct wish wish = wish_of(stage, from, PCP_MAP);
    struct pcp_map *map = &wish.message.data.map;
    uint64_t draws[2] = {stage_draw(stage), stage_draw(stage)};
    wish.message.lifetime = TEN_MINUTES;
    memcpy(map->nonce, draws, sizeof map->nonce);
    map->protocol = UDP;
    map->internal_port = internal_port;
    map->external_address = stage_any(stage);
    return wish;
}

struct wish stage_peer_wish(struct stage *stage, enum stage_place from, uint16_t internal_port,
                            const struct endpoint *remote)
{
    struct wish wish = stage_map_wish(stage, from, internal_port);
    wish.message.opcode = PCP_PEER;
    wish.message.data.remote_address = remote->address;
    wish.message.data.remote_port = remote->port;
    return wish;
}

struct wish stage_announce_wish(struct stage *stage, enum stage_place from)
{
    return wish_of(stage, from, PCP_ANNOUNCE);
}

static void took(struct wish *wish, size_t length)
{
    if (length)
        wish->options_length = length;
}

void wish_add_option(struct wish *wish, uint8_t code, const uint8_t *data, uint16_t length)
{
    took(wish, pcp_append_option(wish->options, wish->options_length, sizeof wish->options, code,
                                 data, length));
}

void wish_add_filter(struct wish *wish, const struct address *remote, uint8_t prefix_length,
                     uint16_t remote_port)
{
    const struct pcp_filter filter = {
        .prefix_length = prefix_length, .remote_port = remote_port, .remote_address = *remote};
    took(wish,
         pcp_append_filter(wish->options, wish->options_length, sizeof wish->options, &filter));
}

void wish_add_third_party(struct wish *wish, const struct address *internal)
{
    took(wish, pcp_append_third_party(wish->options, wish->options_length, sizeof wish->options,
                                      internal));
}

size_t wish_encode(const struct wish *wish, uint8_t *octets, size_t capacity)
{
    struct pcp_message message = wish->message;
    bool known = message.opcode <= PCP_PEER;
    if (!known)
        message.opcode = PCP_ANNOUNCE; /* a header alone is all that an unknown opcode can have */
    size_t length = pcp_encode(&message, octets, capacity);
    if (!length || capacity - length < wish->options_length)
        return 0;
    if (!known)
        octets[1] = (uint8_t)((octets[1] & 0x80) | (wish->message.opcode & 0x7f));
    memcpy(octets + length, wish->options, wish->options_length);
    return length + wish->options_length;
}

/* --- exchanges -------------------------------------------------------------------------------- */

struct endpoint stage_server(struct stage *stage, enum stage_place from)
{
    return stage_endpoint(stage, from >= STAGE_OUTSIDE ? STAGE_OUTSIDE : STAGE_GATEWAY,
                          PCP_SERVER_PORT);
}

/* One exchange under way. */
struct exchange {
    int socket;
    bool fresh; /* nothing but answers comes to the socket */
    struct endpoint server;
    const uint8_t *octets;
    size_t length;
    struct pcp_message request;
    bool has_data; /* of MAP or PEER */
};

static bool same_mapping(const struct pcp_map *one, const struct pcp_map *other)
{
    return memcmp(one->nonce, other->nonce, sizeof one->nonce) == 0 &&
           one->protocol == other->protocol && one->internal_port == other->internal_port;
}

static bool is_answer(const struct exchange *exchange, const struct datagram *datagram)
{
    struct pcp_message response;
    if (datagram->is_error || datagram->from.port != exchange->server.port)
        return false;
    if (exchange->fresh)
        return true;
    if (exchange->length < 2 || exchange->octets[0] != PCP_VERSION)
        return true; /* what shape an answer to that has is for the case to say */
    enum pcp_fault fault = pcp_decode(datagram->octets, datagram->length, &response);
    if (fault == PCP_FAULT_SHORT || !response.response ||
        response.opcode != exchange->request.opcode)
        return false;
    bool data = exchange->has_data && datagram->length >= PCP_HEADER_LENGTH + PCP_MAP_LENGTH &&
                fault != PCP_FAULT_OPCODE_CUT && fault != PCP_FAULT_VERSION;
    return !data || same_mapping(&response.data.map, &exchange->request.data.map);
}

static bool await_answer(struct stage *stage, const struct exchange *exchange, int64_t until,
                         struct datagram *out)
{
    while (stage_await(stage, &exchange->socket, 1, until, out)) {
        if (is_answer(exchange, out))
            return true;
        stage_keep(stage, out);
    }
    return false;
}

struct answer stage_answer_of(const struct datagram *datagram)
{
    struct answer answer = {.came = true, .datagram = *datagram};
    answer.fault = pcp_decode(answer.datagram.octets, answer.datagram.length, &answer.pcp);
    answer.pcp.options = NULL;
    return answer;
}

struct answer stage_exchange(struct stage *stage, enum stage_place from, int socket,
                             const uint8_t *octets, size_t length)
{
    struct answer answer = {0};
    struct datagram datagram;
    struct exchange exchange = {
        .socket = socket, .fresh = socket < 0, .octets = octets, .length = length};
    enum pcp_fault fault = pcp_decode(octets, length, &exchange.request);
    exchange.has_data = exchange.request.opcode != PCP_ANNOUNCE &&
                        (fault == PCP_FAULT_NONE || fault == PCP_FAULT_LONG ||
                         fault == PCP_FAULT_NOT_MULTIPLE_OF_4);
    exchange.server = stage_server(stage, from);
    if (exchange.fresh)
        exchange.socket = stage_open(stage, from, 0);
    else
        while (stage_await(stage, &socket, 1, 0, &datagram))
            stage_keep(stage, &datagram); /* of earlier times: answers nothing that is asked now */
    if (stage->over)
        return answer;
    unsigned sent = 0;
    int64_t deadline = stage_now(stage) + give_up_after;
    for (int64_t now = stage_now(stage); !stage->over && !answer.came && now < deadline;
         now = stage_now(stage)) {
        stage_send(stage, exchange.socket, &exchange.server, octets, length);
        sent++;
        if (await_answer(stage, &exchange, now + repeat_after, &datagram))
            answer = stage_answer_of(&datagram);
    }
    if (exchange.fresh)
        stage_close(stage, exchange.socket);
    else if (answer.came)
        while (--sent && await_answer(stage, &exchange, stage_now(stage) + repeat_after, &datagram))
            ;
    return answer;
}

static const char *request_text(struct stage *stage, const uint8_t *octets, size_t length)
{
    char *text = stage_text(stage);
    (void)pcp_describe(octets, length, text, STAGE_TEXT_SIZE);
    return text;
}

/* "no answer", and why if the peer is gone. */
static const char *silence_text(struct stage *stage)
{
    return stage->operations->running(stage->world) ? "no answer" : "no answer: the peer has ended";
}

struct answer stage_ask(struct stage *stage, const struct wish *wish)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = wish_encode(wish, octets, sizeof octets);
    struct answer answer = stage_exchange(stage, wish->from, wish->socket, octets, length);
    if (!stage->over && !answer.came) {
        char *expected = stage_text(stage);
        (void)snprintf(expected, STAGE_TEXT_SIZE, "an answer to %.360s",
                       request_text(stage, octets, length));
        stage_expect(stage, stage->test_case->requirements[0], false, expected, "%s",
                     silence_text(stage));
    }
    return answer;
}

bool stage_says_unsupported(const struct pcp_message *response)
{
    uint8_t result = response->result;
    return result == PCP_UNSUPP_OPCODE || result == PCP_UNSUPP_OPTION ||
           result == PCP_UNSUPP_PROTOCOL || result == PCP_NOT_AUTHORIZED ||
           result == PCP_EXCESSIVE_REMOTE_PEERS; /* it has fewer filters than the case needs */
}

struct answer stage_granted(struct stage *stage, const struct wish *wish)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = wish_encode(wish, octets, sizeof octets);
    struct answer answer = stage_exchange(stage, wish->from, wish->socket, octets, length);
    if (stage->over)
        return answer;
    const struct pcp_message *pcp = &answer.pcp;
    bool sound = answer.came && answer.fault == PCP_FAULT_NONE && pcp->response &&
                 pcp->opcode == wish->message.opcode;
    if (sound && pcp->result == PCP_SUCCESS)
        return answer;
    stage_end(stage,
              sound && stage_says_unsupported(pcp) ? VERDICT_UNSUPPORTED : VERDICT_INCONCLUSIVE,
              "%s draws: %s", request_text(stage, octets, length),
              answer.came ? stage_describe(stage, &answer) : silence_text(stage));
    return answer;
}

void stage_await_work(struct stage *stage)
{
    struct wish announce = stage_announce_wish(stage, STAGE_HOST);
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    (void)stage_exchange(stage, STAGE_HOST, -1, octets,
                         wish_encode(&announce, octets, sizeof octets));
}

bool stage_is_silent(struct stage *stage, enum stage_place from, const uint8_t *octets,
                     size_t length)
{
    struct datagram datagram;
    struct endpoint server = stage_server(stage, from);
    enum stage_place inside = from >= STAGE_OUTSIDE ? STAGE_HOST : from;
    struct wish announce = stage_announce_wish(stage, inside);
    uint8_t fence[PCP_MAXIMUM_LENGTH];
    size_t fence_length = wish_encode(&announce, fence, sizeof fence);
    int socket = stage_open(stage, from, 0);
    for (int i = 0; i < SILENT_TRIES; i++)
        stage_send(stage, socket, &server, octets, length);
    struct answer answered = stage_exchange(stage, inside, -1, fence, fence_length);
    if (!stage->over && !answered.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "ANNOUNCE, sent as a fence, draws: %s",
                  silence_text(stage));
    int64_t until = stage_now(stage) + after_the_fence;
    bool spoke = false;
    while (!spoke && stage_await(stage, &socket, 1, until, &datagram))
        spoke = !datagram.is_error && datagram.from.port == server.port;
    stage_close(stage, socket);
    return !stage->over && !spoke;
}

/* --- answers ---------------------------------------------------------------------------------- */

struct endpoint answer_external(const struct answer *answer)
{
    const struct pcp_map *map = &answer->pcp.data.map;
    return (struct endpoint){map->external_address, map->external_port};
}

bool stage_expect_mapped(struct stage *stage, enum requirement_id requirement,
                         const struct answer *granted, int inside)
{
    struct endpoint external = answer_external(granted);
    int outside = stage_open(stage, STAGE_STRANGER, 0);
    bool holds = stage_expect_passes(stage, requirement, outside, &external, inside, NULL);
    stage_close(stage, outside);
    return holds;
}

bool stage_expect_unmapped(struct stage *stage, enum requirement_id requirement,
                           const struct answer *granted, int inside)
{
    struct endpoint external = answer_external(granted);
    int outside = stage_open(stage, STAGE_STRANGER, 0);
    bool holds = stage_expect_blocked(stage, requirement, outside, &external, inside);
    stage_close(stage, outside);
    return holds;
}

bool answer_option(const struct answer *answer, uint8_t code, struct pcp_option *out)
{
    struct pcp_message message;
    enum pcp_fault fault;
    size_t offset = 0;
    if (!answer->came)
        return false;
    (void)pcp_decode(answer->datagram.octets, answer->datagram.length, &message);
    while (pcp_option_next(message.options, message.options_length, &offset, out, &fault))
        if (out->code == code)
            return true;
    return false;
}

const char *stage_describe(struct stage *stage, const struct answer *answer)
{
    if (!answer->came)
        return "no answer";
    return request_text(stage, answer->datagram.octets, answer->datagram.length);
}

bool stage_expect_result(struct stage *stage, enum requirement_id requirement,
                         const struct answer *answer, enum pcp_result result)
{
    const char *name = pcp_result_name((uint8_t)result);
    return stage_expect(stage, requirement,
                        answer->came && answer->pcp.response && answer->pcp.result == result &&
                            answer->fault != PCP_FAULT_VERSION,
                        name ? name : "a result code of no name", "%s",
                        stage_describe(stage, answer));
}

bool stage_expect_endpoint(struct stage *stage, enum requirement_id requirement, const char *what,
                           const struct endpoint *actual, const struct endpoint *expected)
{
    char *text = stage_text(stage);
    (void)snprintf(text, STAGE_TEXT_SIZE, "%.200s is %.80s", what,
                   stage_endpoint_text(stage, expected));
    return stage_expect(stage, requirement,
                        actual->port == expected->port &&
                            address_equal(&actual->address, &expected->address),
                        text, "it is %s", stage_endpoint_text(stage, actual));
}

bool stage_expect_number(struct stage *stage, enum requirement_id requirement, const char *what,
                         double value, double low, double high)
{
    char *expected = stage_text(stage);
    if (low == high)
        (void)snprintf(expected, STAGE_TEXT_SIZE, "%s is %.10g", what, low);
    else
        (void)snprintf(expected, STAGE_TEXT_SIZE, "%s is from %.10g to %.10g", what, low, high);
    return stage_expect(stage, requirement, low <= value && value <= high, expected, "it is %.10g",
                        value);
}
