#include "cli/mapping.h"

#include "check/event.h"
#include "wire/natpmp.h"
#include "wire/pcp.h"

#include <netinet/in.h>
#include <string.h>

static bool is_at(const char *interface, const char *node)
{
    size_t length = strlen(node);
    return strncmp(interface, node, length) == 0 && interface[length] == ':';
}

static void learn_pcp(const struct packet *packet, struct mapping *mapping)
{
    struct pcp_message message;
    if (pcp_decode(packet->payload, packet->payload_length, &message) != PCP_FAULT_NONE ||
        !message.response || message.opcode != PCP_MAP || message.result != PCP_SUCCESS ||
        message.data.map.protocol != IPPROTO_UDP)
        return;
    *mapping = (struct mapping){.external_address = message.data.map.external_address,
                                .external_port = message.data.map.external_port,
                                .internal_port = message.data.map.internal_port,
                                .lifetime = message.lifetime};
}

static void learn_natpmp(const struct packet *packet, struct mapping *mapping)
{
    struct natpmp_message message;
    if (natpmp_decode(packet->payload, packet->payload_length, &message) != NATPMP_FAULT_NONE ||
        !message.response || message.result != NATPMP_SUCCESS)
        return;
    if (message.opcode == NATPMP_ADDRESS) {
        mapping->external_address = address_from_ipv4(message.external_address);
    } else if (message.opcode == NATPMP_MAP_UDP) {
        mapping->external_port = message.external_port;
        mapping->internal_port = message.internal_port;
        mapping->lifetime = message.lifetime;
    }
}

bool mapping_find(const char *capture, const char *node, struct mapping *out)
{
    struct error ignored = {0}; /* a file that is being written to may end inside a packet */
    struct event_source *source = event_open(capture, &ignored);
    if (!source)
        return false;
    struct mapping mapping = {.external_address = address_any_ipv4()};
    struct event event;
    while (event_next(source, &event, &ignored) == 1) {
        const struct packet *packet = &event.packet;
        if (event.direction != DIRECTION_IN || packet->protocol != IPPROTO_UDP ||
            packet->source_port != PCP_SERVER_PORT || packet->payload_length == 0 ||
            !is_at(event_interface_name(source, event.interface), node))
            continue;
        if (packet->payload[0] == PCP_VERSION)
            learn_pcp(packet, &mapping);
        else if (packet->payload[0] == NATPMP_VERSION)
            learn_natpmp(packet, &mapping);
    }
    event_close(source);
    *out = mapping;
    return mapping.lifetime > 0 && mapping.external_port != 0 &&
           !address_is_any(&mapping.external_address);
}
