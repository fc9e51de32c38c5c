/* Error responses: what they may be drawn by, how long they last, and that they are the request sent
 * back: sections 7.3, 7.4 and 8.2. */
#include "check/rule_state.h"

const enum requirement_id error_requirements[] = {
    R6887_7_2_03, R6887_7_3_06, R6887_7_4_02,  R6887_7_4_03,  R6887_7_4_04,      R6887_7_4_06,
    R6887_8_1_02, R6887_8_2_14, R6887_11_1_10, R6887_12_1_18, REQUIREMENT_COUNT,
};

enum {
    PROTOCOL_SCTP = 132,
    SHORT_LIFETIME = 30,
    LONG_LIFETIME = 1800,
    OFFSET_RESERVED_24 = PCP_HEADER_LENGTH + 13,
    OFFSET_SUGGESTION = PCP_HEADER_LENGTH + 18,
    OFFSET_BEHIND_MAP = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    OFFSET_RESERVED_16 = PCP_HEADER_LENGTH + 38
};

/* Seconds that section 7.4 recommends; 0 where it names none: NOT_AUTHORIZED may be a wrong nonce's
 * and then lasts as long as the mapping (11.3), 11 depends on its cause. */
static uint32_t recommended_lifetime(uint8_t result)
{
    static const uint16_t seconds[] = {
        [PCP_UNSUPP_VERSION] = LONG_LIFETIME,         [PCP_MALFORMED_REQUEST] = LONG_LIFETIME,
        [PCP_UNSUPP_OPCODE] = LONG_LIFETIME,          [PCP_UNSUPP_OPTION] = LONG_LIFETIME,
        [PCP_MALFORMED_OPTION] = LONG_LIFETIME,       [PCP_NETWORK_FAILURE] = SHORT_LIFETIME,
        [PCP_NO_RESOURCES] = SHORT_LIFETIME,          [PCP_UNSUPP_PROTOCOL] = LONG_LIFETIME,
        [PCP_USER_EX_QUOTA] = SHORT_LIFETIME,         [PCP_ADDRESS_MISMATCH] = LONG_LIFETIME,
        [PCP_EXCESSIVE_REMOTE_PEERS] = LONG_LIFETIME,
    };
    return result < sizeof seconds / sizeof *seconds ? seconds[result] : 0;
}

static void judge_lifetime(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    uint32_t recommended = recommended_lifetime(pcp->result);
    /* The lifetime of ANNOUNCE is zero both ways, 14.1.1. */
    if (recommended != 0 && pcp->opcode != PCP_ANNOUNCE && pcp->lifetime != recommended)
        rule_report(rules, message, R6887_7_4_02, CERTAIN,
                    "expected a lifetime of %u s for %s, came %u s", recommended,
                    pcp_result_name(pcp->result), pcp->lifetime);
}

/* What the request holds, as far as result codes depend on it. */
struct contents {
    bool prefer_failure;
    bool filter;
    bool mandatory; /* any option of 0-127 */
};

static void look_into(const struct pcp_message *request, struct contents *out)
{
    struct pcp_option option;
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    *out = (struct contents){0};
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault)) {
        out->prefer_failure |= option.code == PCP_PREFER_FAILURE;
        out->filter |= option.code == PCP_FILTER;
        out->mandatory |= option.code < PCP_OPTION_OPTIONAL_FLAG;
    }
    out->mandatory |= fault != PCP_FAULT_NONE;
}

static void judge_cause(struct rules *rules, const struct message *message,
                        const struct pcp_message *request)
{
    struct contents contents;
    look_into(request, &contents);
    uint8_t result = message->pcp.result;
    bool map = request->opcode == PCP_MAP;
    if (result == PCP_CANNOT_PROVIDE_EXTERNAL && map && !contents.prefer_failure &&
        request->data.map.protocol != PROTOCOL_SCTP)
        rule_report(rules, message, R6887_7_4_03, CERTAIN,
                    "expected CANNOT_PROVIDE_EXTERNAL only for PREFER_FAILURE, SCTP or PEER, came "
                    "for a plain MAP");
    if (result == PCP_EXCESSIVE_REMOTE_PEERS && !contents.filter)
        rule_report(rules, message, R6887_7_4_04, CERTAIN,
                    "expected EXCESSIVE_REMOTE_PEERS only for a MAP with FILTER, came for one "
                    "without");
    if (result == PCP_UNSUPP_OPTION && !contents.mandatory)
        rule_report(rules, message, R6887_7_4_06, CERTAIN,
                    "expected UNSUPP_OPTION only for a mandatory option, came for a request "
                    "without one");
}

/* Reserved bits of the opcode's data: the full copy of 7.3 and the zeros of 11.1 and 12.1 contradict
 * each other, so both pass. */
static bool is_reserved(uint8_t opcode, size_t offset)
{
    if (offset >= OFFSET_RESERVED_24 && offset < OFFSET_RESERVED_24 + 3)
        return opcode == PCP_MAP || opcode == PCP_PEER;
    return opcode == PCP_PEER && offset >= OFFSET_RESERVED_16 && offset < OFFSET_RESERVED_16 + 2;
}

static enum requirement_id copy_requirement(uint8_t opcode, size_t offset)
{
    bool suggestion = offset >= OFFSET_SUGGESTION && offset < OFFSET_BEHIND_MAP;
    if (suggestion && opcode == PCP_MAP)
        return R6887_11_1_10;
    return suggestion && opcode == PCP_PEER ? R6887_12_1_18 : R6887_7_3_06;
}

static void judge_copy(struct rules *rules, const struct message *message,
                       const struct request_copy *request)
{
    uint8_t opcode = message->pcp.opcode;
    if (!message->whole || !request->whole || request->length > REQUEST_KEPT)
        return;
    size_t expected = ((size_t)request->length + 3) / 4 * 4;
    if (message->length != expected) {
        rule_report(rules, message, R6887_8_2_14, CERTAIN,
                    "expected the %u octets of the request in frame %llu back, padded to %zu, came "
                    "%zu",
                    request->length, (unsigned long long)request->frame, expected, message->length);
        return;
    }
    for (size_t i = PCP_HEADER_LENGTH; i < expected; i++) {
        uint8_t sent = i < request->length ? request->octets[i] : 0;
        if (message->octets[i] == sent || (message->octets[i] == 0 && is_reserved(opcode, i)))
            continue;
        rule_report(rules, message, copy_requirement(opcode, i), CERTAIN,
                    "expected a copy of the request in frame %llu, came 0x%02x for 0x%02x in octet "
                    "%zu",
                    (unsigned long long)request->frame, message->octets[i], sent, i);
        return;
    }
}

/* The server's answer tells that the client's address field is wrong; that no router stands between
 * the client and here tells that no NAT is to blame. */
static void judge_mismatch(struct rules *rules, const struct message *message,
                           const struct request_copy *request, const struct pcp_message *asked)
{
    char field[ADDRESS_TEXT_SIZE];
    char source[ADDRESS_TEXT_SIZE];
    if (message->copy || request->copy || !request->fresh ||
        address_equal(&asked->client, &message->client))
        return;
    rule_report_at(rules, request->frame, &message->client, R6887_8_1_02, CERTAIN,
                   "expected the source address %s in the client address field, came %s, and "
                   "ADDRESS_MISMATCH in frame %llu",
                   address_format(&message->client, source), address_format(&asked->client, field),
                   (unsigned long long)message->event->frame);
}

void judge_error(struct rules *rules, const struct message *message,
                 const struct conversation *conversation)
{
    const struct pcp_message *pcp = &message->pcp;
    if (!message->from_server || pcp->result == PCP_SUCCESS || message->multicast)
        return;
    judge_lifetime(rules, message);
    const struct request_copy *request = conversation_request(conversation, message);
    if (!request || request->octets[1] != pcp->opcode)
        return;
    if (pcp->reserved_response && request->octets[2] == 0)
        rule_report(rules, message, R6887_7_2_03, CERTAIN,
                    "expected the 8 reserved bits of a response as zero, came 0x%02x",
                    pcp->reserved_response);
    /* What answers another version is laid out in a version of the server's. */
    if (pcp->result != PCP_UNSUPP_VERSION)
        judge_copy(rules, message, request);
    struct pcp_message asked;
    if (request->length > REQUEST_KEPT || !request->whole ||
        pcp_decode(request->octets, request->length, &asked) != PCP_FAULT_NONE)
        return;
    judge_cause(rules, message, &asked);
    if (pcp->result == PCP_ADDRESS_MISMATCH)
        judge_mismatch(rules, message, request, &asked);
}
