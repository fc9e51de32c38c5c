#include "cli/ask_match.h"

#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <string.h>

static uint8_t opcode_of(const uint8_t *octets, size_t length)
{
    return length > 1 ? octets[1] & 0x7f : 0;
}

static const char *mismatch_natpmp(const uint8_t *request, size_t request_length,
                                   const uint8_t *answer, size_t answer_length)
{
    struct natpmp_message asked;
    struct natpmp_message answered;
    enum natpmp_fault fault = natpmp_decode(answer, answer_length, &answered);
    if (fault == NATPMP_FAULT_SHORT)
        return natpmp_fault_text(fault);
    if (!answered.response)
        return "a request";
    if (answered.result == NATPMP_UNSUPPORTED_VERSION)
        return NULL; /* to PCP as well: RFC 6887 appendix A */
    if (!natpmp_recognise(request, request_length))
        return "NAT-PMP, and PCP was asked";
    if (answered.opcode != opcode_of(request, request_length))
        return "another opcode (RFC 6886 section 3.5)";
    if (fault == NATPMP_FAULT_CUT && answered.result == NATPMP_SUCCESS)
        return natpmp_fault_text(fault);
    (void)natpmp_decode(request, request_length, &asked);
    if (answered.opcode != NATPMP_ADDRESS && !fault &&
        answered.internal_port != asked.internal_port)
        return "another internal port (RFC 6886 section 3.3)";
    return NULL;
}

/* The opcode's data, of two messages that have it. */
static const char *mismatch_data(const struct pcp_message *asked,
                                 const struct pcp_message *answered)
{
    const struct pcp_peer *a = &asked->data;
    const struct pcp_peer *b = &answered->data;
    if (memcmp(a->map.nonce, b->map.nonce, sizeof a->map.nonce) != 0)
        return "another nonce (section 11.4)";
    if (a->map.protocol != b->map.protocol)
        return "another protocol (section 11.4)";
    if (a->map.internal_port != b->map.internal_port)
        return "another internal port (section 11.4)";
    if (asked->opcode == PCP_PEER && (a->remote_port != b->remote_port ||
                                      !address_equal(&a->remote_address, &b->remote_address)))
        return "another remote peer (section 12.4)";
    return NULL;
}

const char *ask_mismatch(const uint8_t *request, size_t request_length, const uint8_t *answer,
                         size_t answer_length)
{
    if (natpmp_recognise(answer, answer_length))
        return mismatch_natpmp(request, request_length, answer, answer_length);
    struct pcp_message asked;
    struct pcp_message answered;
    (void)pcp_decode(request, request_length, &asked);
    enum pcp_fault fault = pcp_decode(answer, answer_length, &answered);
    if (fault == PCP_FAULT_SHORT)
        return pcp_fault_text(fault);
    if (!answered.response)
        return "a request: the R bit is clear (section 8.3)";
    if (answered.opcode != opcode_of(request, request_length))
        return "another opcode (section 8.3)";
    if (answered.result == PCP_UNSUPP_VERSION)
        return NULL; /* whatever else it holds (section 9) */
    if (request_length && answered.version != request[0])
        return "another version (section 9)";
    if (fault == PCP_FAULT_HEADER_CUT || fault == PCP_FAULT_LONG ||
        fault == PCP_FAULT_NOT_MULTIPLE_OF_4 ||
        (fault == PCP_FAULT_OPCODE_CUT && asked.options)) /* the request's data was whole */
        return pcp_fault_text(fault);
    return asked.options && answered.options ? mismatch_data(&asked, &answered) : NULL;
}

struct ask_verdict ask_judge(const uint8_t *answer, size_t length)
{
    struct ask_verdict verdict = {.natpmp = natpmp_recognise(answer, length)};
    if (verdict.natpmp) {
        struct natpmp_message message;
        enum natpmp_fault fault = natpmp_decode(answer, length, &message);
        verdict.success = !fault && message.result == NATPMP_SUCCESS;
        verdict.has_epoch = length >= NATPMP_UNSUPPORTED_VERSION_LENGTH &&
                            fault != NATPMP_FAULT_OPCODE; /* a request sent back */
        verdict.epoch = message.epoch;
        return verdict;
    }
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(answer, length, &message);
    verdict.success = message.result == PCP_SUCCESS;
    verdict.has_epoch = fault != PCP_FAULT_VERSION && fault != PCP_FAULT_HEADER_CUT;
    verdict.epoch = message.epoch;
    return verdict;
}
