#include "measure/protocol.h"

#include "wire/coap.h"
#include "wire/dtls.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <string.h>

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ICMPV6 = 58 };

static const char *const names[PROTOCOL_COUNT] = {
    [PROTOCOL_PCP] = "PCP",   [PROTOCOL_NAT_PMP] = "NAT-PMP",  [PROTOCOL_COAP] = "CoAP",
    [PROTOCOL_DTLS] = "DTLS", [PROTOCOL_DNS] = "DNS",          [PROTOCOL_DISCOVERY] = "discovery",
    [PROTOCOL_ICMP] = "ICMP", [PROTOCOL_NEIGHBOUR] = "ARP/ND", [PROTOCOL_UDP] = "UDP",
    [PROTOCOL_TCP] = "TCP",   [PROTOCOL_OTHER] = "other",
};

/* ICMPv6 types that keep a link going, first and last of a range. */
static const struct {
    uint8_t first;
    uint8_t last;
} link_upkeep[] = {
    {130, 132}, /* multicast listeners, RFC 2710 section 3 */
    {133, 137}, /* routers and neighbours, RFC 4861 section 4 */
    {143, 143}, /* multicast listeners, RFC 3810 section 5.2 */
};

static const struct {
    uint16_t port;
    enum protocol protocol;
} well_known[] = {
    {53, PROTOCOL_DNS},         {5353, PROTOCOL_DNS},       {67, PROTOCOL_DISCOVERY},
    {68, PROTOCOL_DISCOVERY},   {546, PROTOCOL_DISCOVERY},  {547, PROTOCOL_DISCOVERY},
    {1900, PROTOCOL_DISCOVERY}, {6771, PROTOCOL_DISCOVERY},
};

const char *protocol_name(enum protocol protocol)
{
    return (unsigned)protocol < PROTOCOL_COUNT ? names[protocol] : names[PROTOCOL_OTHER];
}

const char *protocol_direction_name(enum capfile_direction direction)
{
    if (direction == DIRECTION_UNKNOWN)
        return "unknown";
    return direction == DIRECTION_IN ? "in" : "out";
}

/* The slot that holds the endpoint, or a free one; NULL if it is neither known nor has room. */
static struct protocol_endpoint *slot_of(struct protocol_memory *memory,
                                         const struct address *address, uint16_t port)
{
    uint32_t hash = 2166136261U ^ port; /* FNV-1a over the address, seeded with the port */
    for (size_t i = 0; i < sizeof address->octet; i++)
        hash = (hash ^ address->octet[i]) * 16777619U;
    for (uint32_t i = 0; i < PROTOCOL_ENDPOINTS; i++) {
        struct protocol_endpoint *slot = &memory->endpoints[(hash + i) % PROTOCOL_ENDPOINTS];
        if (slot->port == 0 || (slot->port == port && address_equal(&slot->address, address)))
            return slot;
    }
    return NULL;
}

static bool speaks_coap(struct protocol_memory *memory, const struct address *address,
                        uint16_t port)
{
    const struct protocol_endpoint *slot = port ? slot_of(memory, address, port) : NULL;
    return slot && slot->port;
}

static void learn(struct protocol_memory *memory, const struct address *address, uint16_t port)
{
    struct protocol_endpoint *slot = port ? slot_of(memory, address, port) : NULL;
    if (!slot || slot->port)
        return;
    *slot = (struct protocol_endpoint){.address = *address, .port = port};
    memory->count++;
}

/* A whole CoAP message with a code that RFC 7252 gives a meaning: probes go to CoAP's port too. */
static bool is_coap(const struct packet *packet)
{
    struct coap_message message;
    return coap_message_decode(packet->payload, packet->payload_length, &message) ==
               COAP_FAULT_NONE &&
           (message.code == 0 || coap_message_is_request(&message) ||
            coap_message_code_name(message.code));
}

static bool is_multicast(const struct address *address)
{
    if (!address_is_ipv4(address))
        return address->octet[0] == 0xff;
    return address->octet[12] >= 224; /* 224/4, and 255.255.255.255 */
}

static bool has_port(const struct packet *packet, uint16_t port)
{
    return packet->source_port == port || packet->destination_port == port;
}

static enum protocol udp_protocol(struct protocol_memory *memory, const struct packet *packet)
{
    uint16_t source = packet->source_port;
    uint16_t destination = packet->destination_port;
    if (has_port(packet, PCP_SERVER_PORT) || has_port(packet, PCP_CLIENT_PORT))
        return natpmp_recognise(packet->payload, packet->payload_length) ? PROTOCOL_NAT_PMP
                                                                         : PROTOCOL_PCP;
    for (size_t i = 0; i < sizeof well_known / sizeof *well_known; i++)
        if (source == well_known[i].port || destination == well_known[i].port)
            return well_known[i].protocol;
    struct dtls_walk walk;
    if (dtls_recognise(packet->payload, packet->payload_length, &walk))
        return PROTOCOL_DTLS;
    if (is_coap(packet)) {
        if (has_port(packet, COAP_MESSAGE_PORT)) {
            learn(memory, &packet->source, source);
            learn(memory, &packet->destination, destination);
            return PROTOCOL_COAP;
        }
        if (speaks_coap(memory, &packet->source, source) ||
            speaks_coap(memory, &packet->destination, destination))
            return PROTOCOL_COAP;
    }
    return is_multicast(&packet->destination) ? PROTOCOL_DISCOVERY : PROTOCOL_UDP;
}

static bool keeps_link(uint8_t icmpv6_type)
{
    for (size_t i = 0; i < sizeof link_upkeep / sizeof *link_upkeep; i++)
        if (icmpv6_type >= link_upkeep[i].first && icmpv6_type <= link_upkeep[i].last)
            return true;
    return false;
}

enum protocol protocol_of(struct protocol_memory *memory, const struct packet *packet)
{
    if (packet->ip_version == 0)
        return PROTOCOL_NEIGHBOUR;
    switch (packet->protocol) {
    case UDP:
        return udp_protocol(memory, packet);
    case TCP:
        return PROTOCOL_TCP;
    case ICMP:
        return PROTOCOL_ICMP;
    case ICMPV6:
        return keeps_link(packet->icmp_type) ? PROTOCOL_NEIGHBOUR : PROTOCOL_ICMP;
    case IGMP:
        return PROTOCOL_NEIGHBOUR;
    default:
        return PROTOCOL_OTHER;
    }
}
