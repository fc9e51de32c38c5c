/* How addresses are written (section 5), and whose they are (sections 8.1, 8.4, 10, 13.1). */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id address_requirements[] = {
    R6887_5_03,   R6887_5_04,  R6887_8_1_02,  R6887_8_4_01,
    R6887_8_4_02, R6887_10_04, R6887_13_1_02, REQUIREMENT_COUNT,
};

/* ::a.b.c.d, the form that RFC 4291 gave up; :: and ::1 are addresses of their own. */
static bool is_ipv4_compatible(const struct address *address)
{
    static const uint8_t zeros[12];
    return memcmp(address->octet, zeros, sizeof zeros) == 0 &&
           (address->octet[12] != 0 || address->octet[13] != 0);
}

/* a.b.c.d at the front, zeros behind. */
static bool is_front_aligned(const struct address *address, const struct address *ipv4)
{
    static const uint8_t zeros[12];
    return memcmp(address->octet, ipv4->octet + 12, 4) == 0 &&
           memcmp(address->octet + 4, zeros, sizeof zeros) == 0;
}

static bool is_loopback(const struct address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    if (address_is_ipv4(address))
        return address->octet[12] == 127;
    return memcmp(address->octet, one, sizeof one) == 0;
}

static void judge_form(struct rules *rules, const struct message *message, const char *field,
                       const struct address *address)
{
    char text[ADDRESS_TEXT_SIZE];
    if (is_ipv4_compatible(address))
        rule_report(rules, message, R6887_5_04, CERTAIN,
                    "expected an IPv4 address as ::ffff:a.b.c.d in the %s, came %s", field,
                    address_format(address, text));
}

/* Behind an inner NAT that it knows of, a client gives that NAT's external address as its own
 * (8.1): a field that differs from the source proves nothing by itself. rule_match.c looks at what
 * the server makes of it. */
static void judge_client_field(struct rules *rules, const struct message *message)
{
    char field[ADDRESS_TEXT_SIZE];
    char source[ADDRESS_TEXT_SIZE];
    const struct address *client = &message->pcp.client;
    if (address_equal(client, &message->client))
        return;
    (void)address_format(client, field);
    (void)address_format(&message->client, source);
    if (address_is_ipv4(&message->client) && is_front_aligned(client, &message->client))
        rule_report(rules, message, R6887_5_04, CERTAIN,
                    "expected the client address %s as ::ffff:%s, came %s", source, source, field);
    else if (address_is_any(client) || is_loopback(client))
        rule_report(rules, message, R6887_8_1_02, CERTAIN,
                    "expected the source address %s in the client address field, came %s", source,
                    field);
    else if (!is_ipv4_compatible(client) && message->fresh)
        rule_report(rules, message, R6887_8_1_02, HINT,
                    "the client address field says %s, the packet comes from %s: right only if a "
                    "NAT in between maps to it",
                    field, source);
}

static void judge_source(struct rules *rules, const struct message *message)
{
    const uint8_t *octet = message->client.octet;
    char text[ADDRESS_TEXT_SIZE];
    if (message->event->packet.ip_version != 6)
        return;
    if ((octet[0] & 0xfe) == 0xfc)
        rule_report(rules, message, R6887_8_4_02, CERTAIN,
                    "expected no unique local source address, came %s",
                    address_format(&message->client, text));
    else if (octet[0] == 0xfe && (octet[1] & 0xc0) == 0x80)
        rule_report(rules, message, R6887_8_4_01, CERTAIN,
                    "expected a globally reachable source address, came %s",
                    address_format(&message->client, text));
}

static void judge_family(struct rules *rules, const struct message *message, const char *field,
                         const struct address *remote, const struct address *internal)
{
    char text[ADDRESS_TEXT_SIZE];
    bool ipv4 = address_is_ipv4(internal);
    if (address_is_ipv4(remote) != ipv4)
        rule_report(rules, message, R6887_10_04, CERTAIN,
                    "expected an address of the internal address's family, %s, in the %s, came %s",
                    ipv4 ? "IPv4" : "IPv6", field, address_format(remote, text));
}

static void judge_peers(struct rules *rules, const struct message *message)
{
    struct address internal = message->client;
    struct pcp_option option;
    if (message_option(message, PCP_THIRD_PARTY, &option) &&
        pcp_option_third_party(&option, &internal) == PCP_FAULT_NONE) {
        judge_form(rules, message, "THIRD_PARTY option", &internal);
        if (message->fresh && address_equal(&internal, &message->client))
            rule_report(rules, message, R6887_13_1_02, CERTAIN,
                        "expected another host than the packet's source in THIRD_PARTY");
    }
    if (message->pcp.opcode == PCP_PEER) {
        judge_form(rules, message, "remote peer field", &message->pcp.data.remote_address);
        judge_family(rules, message, "remote peer field", &message->pcp.data.remote_address,
                     &internal);
    }
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    struct pcp_filter filter;
    while (pcp_option_next(message->pcp.options, message->pcp.options_length, &offset, &option,
                           &fault)) {
        if (option.code != PCP_FILTER || pcp_option_filter(&option, &filter) != PCP_FAULT_NONE ||
            filter.prefix_length == 0)
            continue;
        judge_form(rules, message, "FILTER option", &filter.remote_address);
        judge_family(rules, message, "FILTER option", &filter.remote_address, &internal);
    }
}

static void judge_request(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    judge_form(rules, message, "client address field", &pcp->client);
    judge_client_field(rules, message);
    if (!message_has_data(message))
        return;
    const struct address *suggested = &pcp->data.map.external_address;
    judge_form(rules, message, "suggested address", suggested);
    /* A client with IPv4 alone may want an IPv6 listener (section 10). */
    if (message->event->packet.ip_version == 4 && address_is_any(suggested) &&
        !address_is_ipv4(suggested))
        rule_report(rules, message, R6887_5_03, HINT,
                    "an IPv4 client suggests ::, which asks for an IPv6 mapping; without a wish it "
                    "is ::ffff:0.0.0.0");
    judge_source(rules, message);
    judge_peers(rules, message);
}

void judge_addresses(struct rules *rules, const struct message *message,
                     const struct conversation *conversation)
{
    (void)conversation;
    const struct pcp_message *pcp = &message->pcp;
    if (!message->from_server)
        judge_request(rules, message);
    else if (message_has_data(message) && pcp->result == PCP_SUCCESS && pcp->lifetime > 0)
        judge_form(rules, message, "assigned address", &pcp->data.map.external_address);
}
