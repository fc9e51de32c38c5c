/* The data of each opcode: sections 11.1, 12.1, 14.1 and 15.1. */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id field_requirements[] = {
    R6887_11_1_01,   R6887_11_1_03,     R6887_11_1_07, R6887_11_2_04, R6887_11_2_08,
    R6887_11_3_14,   R6887_12_1_01,     R6887_12_1_02, R6887_12_1_04, R6887_12_1_07,
    R6887_12_1_08,   R6887_12_1_12,     R6887_12_1_14, R6887_15_1_04, R6887_14_1_1_02,
    R6887_14_1_2_02, REQUIREMENT_COUNT,
};

enum { PROTOCOL_UDP = 17 };

/* Protocols that are sure to have no 16-bit ports: ICMP, IGMP, IPv4, IPv6, RSVP, GRE, ESP, AH,
 * ICMPv6, OSPF, PIM, VRRP. */
static bool lacks_ports(uint8_t protocol)
{
    static const uint8_t protocols[] = {1, 2, 4, 41, 46, 47, 50, 51, 58, 89, 103, 112};
    return memchr(protocols, protocol, sizeof protocols) != NULL;
}

/* Where reserved bits stand in a message, sections 11.1 and 12.1. */
struct reserved {
    size_t offset;
    size_t octets;
};
static const struct reserved reserved_24 = {PCP_HEADER_LENGTH + 13, 3};
static const struct reserved reserved_16 = {PCP_HEADER_LENGTH + 38, 2};

static void judge_reserved(struct rules *rules, const struct message *message,
                           enum requirement_id requirement, const struct reserved *reserved)
{
    for (size_t i = reserved->offset; i < reserved->offset + reserved->octets; i++) {
        if (message->octets[i] != 0) {
            rule_report(rules, message, requirement, CERTAIN,
                        "expected %zu reserved bits as zero, came 0x%02x in octet %zu",
                        reserved->octets * 8, message->octets[i], i);
            return;
        }
    }
}

static void judge_common(struct rules *rules, const struct message *message)
{
    static const uint8_t zeros[PCP_NONCE_LENGTH];
    const struct pcp_map *map = &message->pcp.data.map;
    if (lacks_ports(map->protocol) && map->internal_port != 0)
        rule_report(rules, message, R6887_11_2_04, CERTAIN,
                    "expected port 0 for protocol %u, which has no ports, came %u", map->protocol,
                    map->internal_port);
    /* Legal for a server (11.1), and unlikely for a client that draws at random. */
    if (memcmp(map->nonce, zeros, sizeof zeros) == 0)
        rule_report(rules, message, R6887_11_2_08, LIKELY,
                    "expected a random nonce, came 96 bits of zero");
}

static void judge_map(struct rules *rules, const struct message *message)
{
    const struct pcp_map *map = &message->pcp.data.map;
    judge_reserved(rules, message, R6887_11_1_01, &reserved_24);
    judge_common(rules, message);
    if (map->protocol == 0 && map->internal_port != 0)
        rule_report(rules, message, R6887_11_1_03, CERTAIN,
                    "expected internal port 0 with protocol 0, came %u", map->internal_port);
    /* Erratum 3621: the zeros are those of either family. */
    char text[ADDRESS_TEXT_SIZE];
    if (message->pcp.lifetime == 0 &&
        (map->external_port != 0 || !address_is_any(&map->external_address)))
        rule_report(rules, message, R6887_15_1_04, CERTAIN,
                    "expected zeros as suggestion in a delete, came %s port %u",
                    address_format(&map->external_address, text), map->external_port);
}

static void judge_peer(struct rules *rules, const struct message *message)
{
    const struct pcp_peer *peer = &message->pcp.data;
    judge_reserved(rules, message, R6887_12_1_02, &reserved_24);
    judge_reserved(rules, message, R6887_12_1_08, &reserved_16);
    judge_common(rules, message);
    if (peer->map.protocol == 0)
        rule_report(rules, message, R6887_12_1_01, CERTAIN, "expected a protocol in PEER, came 0");
    if (peer->map.internal_port == 0 && !lacks_ports(peer->map.protocol))
        rule_report(rules, message, R6887_12_1_04, CERTAIN,
                    "expected an internal port in PEER, came 0");
    if (peer->remote_port == 0 && !lacks_ports(peer->map.protocol))
        rule_report(rules, message, R6887_12_1_07, CERTAIN,
                    "expected a remote port in PEER, came 0");
}

static void judge_success(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    const struct pcp_map *map = &pcp->data.map;
    if (pcp->opcode == PCP_MAP) {
        judge_reserved(rules, message, R6887_11_1_07, &reserved_24);
    } else {
        judge_reserved(rules, message, R6887_12_1_12, &reserved_24);
        judge_reserved(rules, message, R6887_12_1_14, &reserved_16);
    }
    /* A firewall or a one-to-one NAT creates nothing and says what it does anyway (11.3). */
    bool own_port = map->external_port == PCP_CLIENT_PORT || map->external_port == PCP_SERVER_PORT;
    if (map->protocol == PROTOCOL_UDP && pcp->lifetime > 0 && own_port &&
        map->external_port != map->internal_port)
        rule_report(rules, message, R6887_11_3_14, CERTAIN,
                    "expected another external UDP port than PCP's own, came %u",
                    map->external_port);
}

static void judge_announce(struct rules *rules, const struct message *message)
{
    const struct pcp_message *pcp = &message->pcp;
    if (!message->from_server && pcp->lifetime != 0)
        rule_report(rules, message, R6887_14_1_2_02, CERTAIN,
                    "expected lifetime 0 in an ANNOUNCE request, came %u", pcp->lifetime);
    if (message->from_server && pcp->result == PCP_SUCCESS && pcp->lifetime != 0)
        rule_report(rules, message, R6887_14_1_1_02, CERTAIN,
                    "expected lifetime 0 in an ANNOUNCE response, came %u", pcp->lifetime);
}

void judge_fields(struct rules *rules, const struct message *message,
                  const struct conversation *conversation)
{
    (void)conversation;
    const struct pcp_message *pcp = &message->pcp;
    if (pcp->opcode == PCP_ANNOUNCE)
        judge_announce(rules, message);
    if (!message_has_data(message))
        return;
    if (message->from_server) {
        if (pcp->result == PCP_SUCCESS)
            judge_success(rules, message);
    } else if (pcp->opcode == PCP_MAP) {
        judge_map(rules, message);
    } else {
        judge_peer(rules, message);
    }
}
