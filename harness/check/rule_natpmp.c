/* NAT-PMP, RFC 6886, on PCP's ports: the form of its messages, and responses against requests. */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id natpmp_requirements[] = {
    R6886_3_2_01, R6886_3_2_02, R6886_3_2_03,      R6886_3_2_1_01, R6886_3_3_01,
    R6886_3_3_02, R6886_3_3_03, R6886_3_4_01,      R6886_3_4_02,   R6886_3_5_01,
    R6886_3_5_02, R6886_3_5_03, REQUIREMENT_COUNT,
};

static bool is_mapping(const struct natpmp_message *natpmp)
{
    return natpmp->opcode == NATPMP_MAP_UDP || natpmp->opcode == NATPMP_MAP_TCP;
}

static void judge_request(struct rules *rules, const struct message *message)
{
    const struct natpmp_message *natpmp = &message->natpmp;
    if (natpmp->response)
        return;
    if (message->whole && message->natpmp_fault == NATPMP_FAULT_CUT)
        rule_report(rules, message, R6886_3_2_03, CERTAIN,
                    "expected 2 octets in an address request and 12 in a mapping request, came %zu",
                    message->length);
    else if (message->whole && message->natpmp_fault == NATPMP_FAULT_LONG)
        rule_report(rules, message, R6886_3_2_03, LIKELY,
                    "expected 2 octets in an address request and 12 in a mapping request, came %zu",
                    message->length);
    if (!is_mapping(natpmp) || message->length < NATPMP_MAP_REQUEST_LENGTH)
        return;
    if (natpmp->reserved[0] || natpmp->reserved[1])
        rule_report(rules, message, R6886_3_3_01, CERTAIN,
                    "expected the reserved field of a mapping request as zero, came 0x%02x%02x",
                    natpmp->reserved[0], natpmp->reserved[1]);
    if (natpmp->lifetime == 0 && natpmp->external_port != 0)
        rule_report(rules, message, R6886_3_4_01, CERTAIN,
                    "expected suggested port 0 in a delete, came %u", natpmp->external_port);
}

/* What answers a request of another version is no answer to an address or mapping request. */
static bool answers_other_version(const struct message *message, const struct pair *pair)
{
    return !message->multicast && pair->last.length > 0 && pair->last.octets[0] != NATPMP_VERSION;
}

static void judge_form(struct rules *rules, const struct message *message, const struct pair *pair)
{
    static const uint8_t zeros[4];
    const struct natpmp_message *natpmp = &message->natpmp;
    if (natpmp->opcode == NATPMP_ADDRESS && natpmp->result == NATPMP_UNSUPPORTED_VERSION) {
        if ((message->octets[1] & 0x80) || message->length != NATPMP_UNSUPPORTED_VERSION_LENGTH)
            rule_report(rules, message, R6886_3_5_01, LIKELY,
                        "expected version 0, opcode 0, result 1 and the epoch in 8 octets, came "
                        "opcode %u in %zu",
                        message->octets[1], message->length);
        return;
    }
    if (answers_other_version(message, pair))
        return;
    if (natpmp->opcode == NATPMP_ADDRESS) {
        if (message->length != NATPMP_ADDRESS_RESPONSE_LENGTH)
            rule_report(rules, message, R6886_3_2_01, CERTAIN,
                        "expected 12 octets in an address response, came %zu", message->length);
    } else if (is_mapping(natpmp) && natpmp->result != NATPMP_UNSUPPORTED_VERSION &&
               message->length != NATPMP_MAP_RESPONSE_LENGTH) {
        rule_report(rules, message, R6886_3_3_02, CERTAIN,
                    "expected 16 octets in a mapping response, came %zu", message->length);
    }
    /* 3.2 wants zeros, 3.5 allows the correct address: only a strange one would be wrong, and which one
     * that is can't be told. */
    if (natpmp->opcode == NATPMP_ADDRESS && natpmp->result != NATPMP_SUCCESS &&
        natpmp->result != NATPMP_UNSUPPORTED_VERSION &&
        memcmp(natpmp->external_address, zeros, sizeof zeros) != 0)
        rule_report(rules, message, R6886_3_2_02, HINT,
                    "expected address 0.0.0.0 in a response with result %u, came another",
                    natpmp->result);
    if (is_mapping(natpmp) && natpmp->result != NATPMP_SUCCESS &&
        natpmp->result != NATPMP_UNSUPPORTED_VERSION &&
        message->length >= NATPMP_MAP_RESPONSE_LENGTH &&
        (natpmp->external_port != 0 || natpmp->lifetime != 0))
        rule_report(rules, message, R6886_3_5_03, CERTAIN,
                    "expected mapped port 0 and lifetime 0 with result %u, came %u and %u",
                    natpmp->result, natpmp->external_port, natpmp->lifetime);
}

/* NAT-PMP has no nonces: a response is only judged by a request that waits alone. */
static void judge_answer(struct rules *rules, const struct message *message,
                         const struct pair *pair)
{
    const struct natpmp_message *came = &message->natpmp;
    struct natpmp_message asked;
    if (pair->waiting != 1 || pair->last.client_port != message->client_port ||
        pair->last.length != NATPMP_MAP_REQUEST_LENGTH ||
        natpmp_decode(pair->last.octets, pair->last.length, &asked) != NATPMP_FAULT_NONE ||
        !is_mapping(&asked) || !is_mapping(came) || message->length < NATPMP_MAP_RESPONSE_LENGTH)
        return;
    unsigned long long frame = pair->last.frame;
    if (came->opcode != asked.opcode)
        rule_report(rules, message, R6886_3_3_02, CERTAIN,
                    "expected opcode %u, 128 more than in frame %llu, came %u", asked.opcode + 128,
                    frame, came->opcode + 128);
    if (came->internal_port != asked.internal_port)
        rule_report(rules, message, R6886_3_5_02, CERTAIN,
                    "expected the internal port %u of frame %llu, came %u", asked.internal_port,
                    frame, came->internal_port);
    if (came->result != NATPMP_SUCCESS)
        return;
    if (asked.lifetime == 0 && (came->external_port != 0 || came->lifetime != 0))
        rule_report(rules, message, R6886_3_4_02, CERTAIN,
                    "expected external port 0 and lifetime 0 for a delete, came %u and %u",
                    came->external_port, came->lifetime);
    else if (asked.lifetime != 0 && came->lifetime > asked.lifetime)
        rule_report(rules, message, R6886_3_3_03, CERTAIN,
                    "expected at most the %u s asked for in frame %llu, came %u s", asked.lifetime,
                    frame, came->lifetime);
}

void judge_natpmp(struct rules *rules, const struct message *message,
                  const struct conversation *conversation)
{
    static const uint8_t all_hosts[4] = {224, 0, 0, 1};
    if (!message->from_server) {
        judge_request(rules, message);
        return;
    }
    if (!message->whole || !message->natpmp.response)
        return;
    judge_form(rules, message, conversation->pair);
    if (!message->multicast) {
        judge_answer(rules, message, conversation->pair);
        return;
    }
    char text[ADDRESS_TEXT_SIZE];
    /* A copy for clients from before, which listened at the server's port, is nobody's harm. */
    bool port = message->client_port == PCP_CLIENT_PORT || message->client_port == PCP_SERVER_PORT;
    if (memcmp(message->client.octet + 12, all_hosts, 4) != 0 || !port ||
        message->natpmp.opcode != NATPMP_ADDRESS)
        rule_report(rules, message, R6886_3_2_1_01, CERTAIN,
                    "expected an address announcement to 224.0.0.1 port 5350, came opcode %u to %s "
                    "port %u",
                    message->octets[1], address_format(&message->client, text),
                    message->client_port);
}
