/* The common header, RFC 6887 sections 7.1 and 7.2. */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id header_requirements[] = {
    R6887_7_01,   R6887_7_1_01, R6887_7_1_03, R6887_7_2_01, R6887_7_2_02,
    R6887_7_2_03, R6887_7_2_05, R6887_8_01,   R6887_7_3_16, REQUIREMENT_COUNT,
};

/* Octets of the header and the opcode's data; 0 if the opcode is not one of RFC 6887. */
static size_t fixed_length(uint8_t opcode)
{
    static const size_t lengths[] = {[PCP_ANNOUNCE] = PCP_HEADER_LENGTH,
                                     [PCP_MAP] = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
                                     [PCP_PEER] = PCP_HEADER_LENGTH + PCP_PEER_LENGTH};
    return opcode <= PCP_PEER ? lengths[opcode] : 0;
}

static void judge_length(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    size_t length = message->length;
    if (!message->whole || message->octets[0] != PCP_VERSION)
        return;
    /* 8.2: errors may be copies of requests that were too short themselves; rule_error.c compares. */
    bool error = pcp->response && pcp->result != PCP_SUCCESS;
    if (length > PCP_MAXIMUM_LENGTH)
        rule_report(rules, message, R6887_7_01, CERTAIN,
                    "expected at most 1100 octets of UDP payload, came %zu", length);
    else if (length < PCP_HEADER_LENGTH && !error)
        rule_report(rules, message, R6887_7_01, CERTAIN,
                    "expected a header of 24 octets, came a datagram of %zu", length);
    else if (length % 4 != 0 && fixed_length(pcp->opcode) && length > fixed_length(pcp->opcode))
        rule_report(rules, message, R6887_7_3_16, CERTAIN,
                    "expected options padded to a multiple of 4 octets, came a message of %zu",
                    length);
    else if (length % 4 != 0)
        rule_report(rules, message, R6887_7_01, CERTAIN,
                    "expected a multiple of 4 octets, came %zu", length);
    else if (length < fixed_length(pcp->opcode) && !error)
        rule_report(rules, message, R6887_7_01, CERTAIN,
                    "expected %zu octets of header and %s data, came %zu",
                    fixed_length(pcp->opcode), pcp_opcode_name(pcp->opcode), length);
}

static void judge_request_header(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    if (pcp->response && pcp->version == PCP_VERSION)
        rule_report(
            rules, message, R6887_7_1_03, CERTAIN,
            "expected a clear R bit in what goes to the server's port %u, came octet 0x%02x",
            message->server_port, message->octets[1]);
    /* Version 1 was never published; higher ones may come, section 9. */
    if (pcp->version == 1)
        rule_report(rules, message, R6887_7_1_03, CERTAIN, "expected version 2, came 1");
    if (pcp->version == PCP_VERSION && !pcp->response &&
        (pcp->reserved_request[0] || pcp->reserved_request[1]))
        rule_report(rules, message, R6887_7_1_01, CERTAIN,
                    "expected the 16 reserved bits of a request as zero, came 0x%02x%02x",
                    pcp->reserved_request[0], pcp->reserved_request[1]);
}

/* Section 7.2 asks for zeros where the request "was successfully parsed" and doesn't say which errors
 * count as such: UNSUPP_VERSION and the malformed may not, 4 and 5 could be read either way. */
static bool was_parsed(uint8_t result)
{
    return result == PCP_SUCCESS || result == PCP_NOT_AUTHORIZED || result >= PCP_NETWORK_FAILURE;
}

static void judge_response_header(struct rules *rules, const struct message *message)
{
    static const uint8_t zeros[sizeof message->pcp.reserved_epoch];
    const struct pcp_message *pcp = &message->pcp;
    if (!pcp->response) {
        rule_report(rules, message, R6887_7_2_02, CERTAIN,
                    "expected the R bit in what comes from the server's port %u, came octet 0x%02x",
                    message->server_port, message->octets[1]);
        return;
    }
    /* A server of other versions says so in UNSUPP_VERSION, in a version of its own: section 9. */
    if (pcp->version != PCP_VERSION) {
        if (pcp->result != PCP_UNSUPP_VERSION)
            rule_report(rules, message, R6887_7_2_01, CERTAIN,
                        "expected version 2 in a response, came %u", pcp->version);
        return;
    }
    /* In an error these bits may come from the request: rule_error.c. */
    if (pcp->result == PCP_SUCCESS && pcp->reserved_response)
        rule_report(rules, message, R6887_7_2_03, CERTAIN,
                    "expected the 8 reserved bits of a response as zero, came 0x%02x",
                    pcp->reserved_response);
    if (message->length >= PCP_HEADER_LENGTH && was_parsed(pcp->result) &&
        memcmp(pcp->reserved_epoch, zeros, sizeof zeros) != 0)
        rule_report(rules, message, R6887_7_2_05, CERTAIN,
                    "expected the 96 reserved bits behind the epoch as zero in a response with "
                    "result %u, came others",
                    pcp->result);
}

void judge_header(struct rules *rules, const struct message *message,
                  const struct conversation *conversation)
{
    (void)conversation;
    const struct packet *packet = &message->event->packet;
    if (packet->checksum_known && !packet->checksum_good)
        rule_report(rules, message, R6887_8_01, HINT,
                    "the UDP checksum is wrong: damaged on its way, or captured before the network "
                    "card filled it in");
    if (message->length >= 2 && message->from_server)
        judge_response_header(rules, message);
    else if (message->length >= 2)
        judge_request_header(rules, message);
    judge_length(rules, message);
}
