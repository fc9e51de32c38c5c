/* Options: how they are built (section 7.3), and where the three of section 13 may stand. */
#include "check/rule_state.h"

const enum requirement_id option_requirements[] = {
    R6887_7_1_04,  R6887_7_3_01,  R6887_7_3_16,  R6887_11_3_21, R6887_13_01,
    R6887_13_1_09, R6887_13_2_02, R6887_13_2_04, R6887_13_2_07, R6887_13_3_02,
    R6887_13_3_06, R6887_13_3_08, R6887_13_3_10, R6887_13_3_18, REQUIREMENT_COUNT,
};

/* The options of section 13. */
struct definition {
    uint16_t length;
    bool once;
    enum requirement_id requirement; /* that states length, count and opcode */
    unsigned opcodes;                /* bits */
};

static const struct definition definitions[] = {
    [PCP_THIRD_PARTY] = {16, true, R6887_13_1_09, 1U << PCP_MAP | 1U << PCP_PEER},
    [PCP_PREFER_FAILURE] = {0, true, R6887_13_2_07, 1U << PCP_MAP},
    [PCP_FILTER] = {20, false, R6887_13_3_06, 1U << PCP_MAP},
};

static const struct definition *define(uint8_t code)
{
    return code >= PCP_THIRD_PARTY && code <= PCP_FILTER ? &definitions[code] : NULL;
}

/* Octets behind the data up to a multiple of 4, as far as they are there. */
static void judge_padding(struct rules *rules, const struct message *message,
                          const struct pcp_option *option)
{
    const uint8_t *end = message->octets + message->length;
    const uint8_t *at = option->data + option->length;
    for (size_t i = option->length; i % 4 != 0 && at < end; i++, at++) {
        if (*at != 0) {
            rule_report(rules, message, R6887_7_3_16, CERTAIN,
                        "expected option %u padded with zeros, came 0x%02x", option->code, *at);
            return;
        }
    }
}

static void judge_definition(struct rules *rules, const struct message *message,
                             const struct pcp_option *option, unsigned occurrences)
{
    const struct definition *definition = define(option->code);
    uint8_t opcode = message->pcp.opcode;
    if (!definition)
        return;
    const char *name = pcp_option_name(option->code);
    if (option->length != definition->length)
        rule_report(rules, message, definition->requirement, CERTAIN,
                    "expected %u octets of data in %s, came %u", definition->length, name,
                    option->length);
    if (definition->once && occurrences == 2)
        rule_report(rules, message, definition->requirement, CERTAIN,
                    "expected %s at most once, came twice", name);
    if (opcode == PCP_ANNOUNCE)
        rule_report(rules, message, R6887_13_01, CERTAIN,
                    "expected no option of MAP and PEER in ANNOUNCE, came %s", name);
    else if (!(definition->opcodes & 1U << opcode)) {
        rule_report(rules, message, definition->requirement, CERTAIN, "%s may not stand in %s",
                    name, pcp_opcode_name(opcode));
        if (!message->from_server)
            rule_report(rules, message, R6887_7_1_04, CERTAIN,
                        "expected options that are legal in %s, came %s", pcp_opcode_name(opcode),
                        name);
    }
}

/* What a request with this option asks for may be nonsense although each part is well formed. */
static void judge_prefer_failure(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    if (pcp->opcode != PCP_MAP)
        return;
    if (pcp->lifetime == 0)
        rule_report(rules, message, R6887_11_3_21, CERTAIN,
                    "PREFER_FAILURE makes no sense in a delete");
    else if (pcp->data.map.external_port == 0)
        rule_report(rules, message, R6887_13_2_04, CERTAIN,
                    "PREFER_FAILURE needs a suggested external port, came 0");
    /* IGD interworking and port allocation use it rightly, and can't be told from here. */
    rule_report(rules, message, R6887_13_2_02, HINT, "PREFER_FAILURE is not for ordinary clients");
}

static void judge_filter(struct rules *rules, const struct message *message,
                         const struct pcp_option *option, unsigned occurrences)
{
    struct pcp_filter filter;
    if (pcp_option_filter(option, &filter) != PCP_FAULT_NONE)
        return;
    if (filter.reserved)
        rule_report(rules, message, R6887_13_3_02, CERTAIN,
                    "expected the reserved octet of FILTER as zero, came 0x%02x", filter.reserved);
    /* Erratum 3891 (held) would forbid 96 for IPv4 and a port beside 0: both pass. */
    unsigned shortest =
        address_is_ipv4(&filter.remote_address) && filter.prefix_length > 0 ? 96 : 0;
    if (filter.prefix_length < shortest || filter.prefix_length > 128)
        rule_report(rules, message, R6887_13_3_08, CERTAIN,
                    "expected a prefix length of 0 or %u to 128, came %u", shortest,
                    filter.prefix_length);
    if (message->pcp.lifetime == 0)
        rule_report(rules, message, R6887_13_3_10, CERTAIN, "FILTER makes no sense in a delete");
    if (filter.prefix_length == 0 && occurrences > 1)
        rule_report(rules, message, R6887_13_3_18, LIKELY,
                    "prefix 0 clears the FILTERs in front of it: expected it as the first");
}

void judge_options(struct rules *rules, const struct message *message,
                   const struct conversation *conversation)
{
    (void)conversation;
    const struct pcp_message *pcp = &message->pcp;
    bool request = !message->from_server;
    /* The options of an error are the request's (7.3), whose sender has been judged already. */
    if (pcp->options_length == 0 || (!request && pcp->result != PCP_SUCCESS))
        return;
    unsigned occurrences[256] = {0};
    struct pcp_option option;
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    while (pcp_option_next(pcp->options, pcp->options_length, &offset, &option, &fault)) {
        occurrences[option.code]++;
        if (option.reserved)
            rule_report(rules, message, R6887_7_3_01, CERTAIN,
                        "expected the reserved octet of option %u as zero, came 0x%02x",
                        option.code, option.reserved);
        judge_padding(rules, message, &option);
        judge_definition(rules, message, &option, occurrences[option.code]);
        if (request && option.code == PCP_PREFER_FAILURE && occurrences[option.code] == 1)
            judge_prefer_failure(rules, message);
        if (request && option.code == PCP_FILTER)
            judge_filter(rules, message, &option, occurrences[option.code]);
    }
    /* A length that is no multiple of 4 has been told by then: rule_header.c. */
    if (fault != PCP_FAULT_NONE && message->whole && message->length % 4 == 0)
        rule_report(
            rules, message, R6887_7_3_16, CERTAIN,
            "expected whole options, came one that runs past the message's end at octet %zu",
            (size_t)(pcp->options - message->octets) + offset);
}
