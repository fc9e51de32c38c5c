/* Responses against their requests: sections 7.2, 7.3, 8.2, 11.1, 11.3, 12.1 and 13. */
#include "check/rule_state.h"

#include "wire/octets.h"

#include <string.h>

const enum requirement_id match_requirements[] = {
    R6887_7_2_07,  R6887_8_04,    R6887_8_1_1_01,    R6887_8_2_07,  R6887_8_2_15,
    R6887_11_1_09, R6887_11_2_05, R6887_11_3_15,     R6887_12_1_17, R6887_12_2_02,
    R6887_13_02,   R6887_15_1_06, REQUIREMENT_COUNT,
};

enum {
    OFFSET_NONCE = PCP_HEADER_LENGTH,
    OFFSET_PROTOCOL = OFFSET_NONCE + PCP_NONCE_LENGTH,
    OFFSET_PORT = OFFSET_PROTOCOL + 4,
    OFFSET_SUGGESTION = OFFSET_PORT + 2,
    SUGGESTION_LENGTH = 2 + 16,
    NONCE_CHANGES = 2 /* in a row: once may be a client that started anew */
};

static const int64_t answer_window = 10000000000; /* 10 s: later responses are their own affair */

/* The request as a message again; only for copies that hold all octets. */
static bool decode_copy(const struct request_copy *request, struct pcp_message *out)
{
    return request->length <= REQUEST_KEPT &&
           pcp_decode(request->octets, request->length, out) == PCP_FAULT_NONE && !out->response;
}

static bool has_option(const struct pcp_message *message, uint8_t code)
{
    struct pcp_option option;
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    while (pcp_option_next(message->options, message->options_length, &offset, &option, &fault))
        if (option.code == code)
            return true;
    return false;
}

/* Section 8.2, by way of 8.3: a client drops what comes from elsewhere. */
static void judge_ends(struct rules *rules, const struct message *message,
                       const struct mapping_state *mapping, const struct request_copy *request)
{
    char came[ADDRESS_TEXT_SIZE];
    char asked[ADDRESS_TEXT_SIZE];
    if (message->event->time - request->time > answer_window)
        return;
    if (!address_equal(&message->server, &mapping->server))
        rule_report(rules, message, R6887_8_2_15, CERTAIN,
                    "expected the answer to frame %llu from %s, where it was sent to, came from %s",
                    (unsigned long long)request->frame, address_format(&mapping->server, asked),
                    address_format(&message->server, came));
    /* To where earlier requests came from an update may be on its way, 14.2. */
    else if (message->client_port != request->client_port &&
             message->client_port != mapping->repeated_port &&
             message->client_port != mapping->former_port)
        rule_report(rules, message, R6887_8_2_15, CERTAIN,
                    "expected the answer to frame %llu at port %u, where it came from, went to %u",
                    (unsigned long long)request->frame, request->client_port, message->client_port);
}

static void judge_prefer_failure(struct rules *rules, const struct message *message,
                                 const struct pcp_message *request)
{
    const struct pcp_map *asked = &request->data.map;
    const struct pcp_map *given = &message->pcp.data.map;
    char text[ADDRESS_TEXT_SIZE];
    bool same_address = address_is_any(&asked->external_address) ||
                        address_equal(&asked->external_address, &given->external_address);
    if (asked->external_port == 0 || request->lifetime == 0)
        return;
    if (asked->external_port != given->external_port || !same_address)
        rule_report(rules, message, R6887_11_3_15, CERTAIN,
                    "expected CANNOT_PROVIDE_EXTERNAL or port %u as PREFER_FAILURE asks, came "
                    "SUCCESS with %s port %u",
                    asked->external_port, address_format(&given->external_address, text),
                    given->external_port);
}

static void judge_options_of_success(struct rules *rules, const struct message *message,
                                     const struct pcp_message *request)
{
    static const uint8_t codes[] = {PCP_THIRD_PARTY, PCP_PREFER_FAILURE, PCP_FILTER};
    for (size_t i = 0; i < sizeof codes; i++)
        if (has_option(&message->pcp, codes[i]) && !has_option(request, codes[i]))
            rule_report(rules, message, R6887_13_02, CERTAIN,
                        "expected %s only in answer to a request that has it",
                        pcp_option_name(codes[i]));
}

/* 15.1: what is suggested in a delete comes back as assigned, erratum 3621 included. */
static void judge_delete(struct rules *rules, const struct message *message,
                         const struct request_copy *request)
{
    if (message->pcp.lifetime == 0 &&
        memcmp(message->octets + OFFSET_SUGGESTION, request->octets + OFFSET_SUGGESTION,
               SUGGESTION_LENGTH) != 0)
        rule_report(rules, message, R6887_15_1_06, CERTAIN,
                    "expected the external address and port of the delete in frame %llu back, "
                    "came others",
                    (unsigned long long)request->frame);
}

/* With no router between the server and here, the source seen here is the source it saw. */
static void judge_mismatch(struct rules *rules, const struct message *message,
                           const struct request_copy *request, const struct pcp_message *asked)
{
    char field[ADDRESS_TEXT_SIZE];
    char source[ADDRESS_TEXT_SIZE];
    if (message->fresh && !address_equal(&asked->client, &message->client))
        rule_report(rules, message, R6887_8_2_07, CERTAIN,
                    "expected ADDRESS_MISMATCH, since frame %llu comes from %s and says %s, came "
                    "SUCCESS",
                    (unsigned long long)request->frame, address_format(&message->client, source),
                    address_format(&asked->client, field));
}

static void judge_success(struct rules *rules, const struct message *message,
                          const struct request_copy *request)
{
    struct pcp_message asked;
    if (!request->whole || !decode_copy(request, &asked))
        return;
    judge_mismatch(rules, message, request, &asked);
    judge_options_of_success(rules, message, &asked);
    if (asked.opcode != PCP_MAP)
        return;
    if (has_option(&asked, PCP_PREFER_FAILURE))
        judge_prefer_failure(rules, message, &asked);
    if (asked.lifetime == 0)
        judge_delete(rules, message, request);
}

/* --- responses that fit no request ---------------------------------------------------------- */

/* Names what keeps message from being the answer to request. */
static const char *difference(const struct message *message, const struct request_copy *request)
{
    const uint8_t *asked = request->octets;
    const uint8_t *came = message->octets;
    if (memcmp(asked + OFFSET_NONCE, came + OFFSET_NONCE, PCP_NONCE_LENGTH) != 0)
        return "nonce";
    if (asked[OFFSET_PROTOCOL] != came[OFFSET_PROTOCOL])
        return "protocol";
    if (octets_get16(asked + OFFSET_PORT) != octets_get16(came + OFFSET_PORT))
        return "internal port";
    return message->pcp.opcode == PCP_PEER ? "remote peer or THIRD_PARTY" : "THIRD_PARTY";
}

/* A response that fits no request may be an update of an older mapping (14.2), or the bad answer to
 * the request that waits. Which of the two shows when the client, still without an answer, sends its
 * request again. */
static void judge_stranger(struct rules *rules, const struct message *message, struct pair *pair)
{
    const struct request_copy *last = &pair->last;
    if (pair->waiting != 1 || last->client_port != message->client_port ||
        message->event->time - last->time > answer_window || last->octets[0] != PCP_VERSION ||
        last->length < PCP_HEADER_LENGTH + PCP_MAP_LENGTH)
        return;
    const uint8_t *asked = last->octets;
    uint8_t opcode = message->pcp.opcode;
    bool same_nonce =
        memcmp(asked + OFFSET_NONCE, message->octets + OFFSET_NONCE, PCP_NONCE_LENGTH) == 0;
    if (same_nonce && asked[1] != opcode) {
        rule_report(rules, message, R6887_7_2_07, CERTAIN,
                    "expected the opcode %u of the request in frame %llu, which has the same "
                    "nonce, came %u",
                    asked[1], (unsigned long long)last->frame, opcode);
        return;
    }
    bool same_port = asked[OFFSET_PROTOCOL] == message->octets[OFFSET_PROTOCOL] &&
                     memcmp(asked + OFFSET_PORT, message->octets + OFFSET_PORT, 2) == 0;
    if (asked[1] != opcode || (!same_nonce && !same_port) || message->copy)
        return;
    struct suspicion *suspicion = &pair->suspicion;
    suspicion->frame = message->event->frame;
    suspicion->requirement = opcode == PCP_PEER ? R6887_12_1_17 : R6887_11_1_09;
    suspicion->request_frame = last->frame;
    suspicion->difference = difference(message, last);
}

static void judge_response(struct rules *rules, const struct message *message,
                           const struct conversation *conversation)
{
    const struct mapping_state *mapping = conversation->mapping;
    if (message->multicast || !message_has_data(message))
        return;
    if (!mapping) {
        judge_stranger(rules, message, conversation->pair);
        return;
    }
    conversation->pair->suspicion.frame = 0;
    const struct request_copy *request = conversation_request(conversation, message);
    if (!request)
        return;
    judge_ends(rules, message, mapping, request);
    if (message->pcp.result == PCP_SUCCESS)
        judge_success(rules, message, request);
}

/* --- requests ------------------------------------------------------------------------------- */

/* True if message and the last request are the same but for their nonces. */
static bool only_nonce_differs(const struct message *message, const struct request_copy *last)
{
    return message->length == last->length && last->length <= REQUEST_KEPT &&
           message->client_port == last->client_port &&
           memcmp(message->octets, last->octets, OFFSET_NONCE) == 0 &&
           memcmp(message->octets + OFFSET_PROTOCOL, last->octets + OFFSET_PROTOCOL,
                  last->length - OFFSET_PROTOCOL) == 0 &&
           memcmp(message->octets + OFFSET_NONCE, last->octets + OFFSET_NONCE, PCP_NONCE_LENGTH) !=
               0;
}

static void judge_request(struct rules *rules, const struct message *message,
                          const struct conversation *conversation)
{
    struct pair *pair = conversation->pair;
    const struct mapping_state *mapping = conversation->mapping;
    char text[ADDRESS_TEXT_SIZE];
    if (!mapping)
        return;
    bool again = pair->waiting > 0 && pair->last.hash == message->hash;
    if (again && pair->suspicion.frame != 0)
        rule_report_at(rules, pair->suspicion.frame, &message->server,
                       (enum requirement_id)pair->suspicion.requirement, CERTAIN,
                       "expected the %s of the request in frame %llu, came another; the client had "
                       "to ask again in frame %llu",
                       pair->suspicion.difference,
                       (unsigned long long)pair->suspicion.request_frame,
                       (unsigned long long)message->event->frame);
    pair->suspicion.frame = 0;
    if (pair->waiting > 0 && !again && only_nonce_differs(message, &pair->last)) {
        pair->nonce_changes++;
        if (pair->nonce_changes >= NONCE_CHANGES)
            rule_report(rules, message, R6887_8_1_1_01, CERTAIN,
                        "expected the nonce of frame %llu, which this repeats without an answer in "
                        "between, came another for the %u. time",
                        (unsigned long long)pair->last.frame, pair->nonce_changes);
    } else if (!again) {
        pair->nonce_changes = 0;
    }
    /* Two addresses may be one server's. */
    if (mapping->request.frame != 0 && !address_equal(&mapping->server, &message->server))
        rule_report(rules, message, message->pcp.opcode == PCP_PEER ? R6887_12_2_02 : R6887_11_2_05,
                    HINT,
                    "the nonce of this request went to %s as well: right only if that is the same "
                    "server",
                    address_format(&mapping->server, text));
}

void judge_match(struct rules *rules, const struct message *message,
                 const struct conversation *conversation)
{
    if (message->from_server)
        judge_response(rules, message, conversation);
    else
        judge_request(rules, message, conversation);
}

void match_end(struct rules *rules)
{
    size_t cursor = 0;
    const struct mapping_state *mapping;
    while ((mapping = table_next(rules->conversations.mappings, &cursor))) {
        const struct request_copy *request = &mapping->request;
        if (mapping->waiting && !request->copy && rules->last_time - request->time > answer_window)
            rule_report_at(
                rules, request->frame, &mapping->server, R6887_8_04, HINT,
                "no answer came to this request, %u times sent: dropped by a rule, lost, "
                "or nobody there",
                mapping->transmissions);
    }
}
