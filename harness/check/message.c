#include "check/message.h"

#include "check/table.h"

enum { PROTOCOL_UDP = 17, WELL_KNOWN_PORTS = 1024 };

static bool is_multicast(const struct address *address)
{
    if (address_is_ipv4(address))
        return address->octet[12] >= 224;
    return address->octet[0] == 0xff;
}

/* 64, 128 and 255 are what systems start with; 1 is what link-local multicast starts with. */
static bool is_first_hop_limit(uint8_t hop_limit)
{
    return hop_limit == 64 || hop_limit == 128 || hop_limit == 255 || hop_limit == 1;
}

/* A client may by chance have the number of the server's port when it talks to something else: DNS,
 * say. To or from a well-known port only a message that is right in itself counts. */
static bool is_plausible(const struct message *message, uint16_t other_port)
{
    if (message->is_natpmp)
        return other_port >= WELL_KNOWN_PORTS;
    return other_port >= WELL_KNOWN_PORTS || message->fault == PCP_FAULT_NONE;
}

/* An announcement is known by where it goes, since it may come from a wrong port (14.1.3). */
static bool is_announcement(const struct packet *packet)
{
    struct pcp_message pcp;
    return packet->destination_port == PCP_CLIENT_PORT && is_multicast(&packet->destination) &&
           pcp_decode(packet->payload, packet->payload_length, &pcp) == PCP_FAULT_NONE &&
           pcp.opcode == PCP_ANNOUNCE && pcp.response;
}

bool message_read(const struct event *event, uint16_t server_port, struct message *out)
{
    const struct packet *packet = &event->packet;
    if (packet->protocol != PROTOCOL_UDP || !packet->payload || packet->payload_length == 0 ||
        (packet->fault != PACKET_WHOLE && packet->fault != PACKET_CUT))
        return false;
    bool to_server = packet->destination_port == server_port;
    bool announced = is_announcement(packet);
    bool from_server = packet->source_port == server_port || announced;
    if (!to_server && !from_server)
        return false;
    out->event = event;
    out->copy = false;
    out->octets = packet->payload;
    out->length = packet->payload_length;
    out->whole = packet->fault == PACKET_WHOLE;
    out->fresh = is_first_hop_limit(packet->hop_limit);
    out->multicast = is_multicast(&packet->destination);
    out->is_natpmp = natpmp_recognise(out->octets, out->length);
    bool response = false;
    if (out->is_natpmp) {
        out->natpmp_fault = natpmp_decode(out->octets, out->length, &out->natpmp);
        response = out->natpmp.response;
    } else {
        out->fault = pcp_decode(out->octets, out->length, &out->pcp);
        response = out->pcp.response;
    }
    /* Between two ports 5351 only the R bit tells who is who. */
    out->from_server = from_server && (!to_server || response);
    out->client = out->from_server ? packet->destination : packet->source;
    out->server = out->from_server ? packet->source : packet->destination;
    out->client_port = out->from_server ? packet->destination_port : packet->source_port;
    out->server_port = out->from_server ? packet->source_port : packet->destination_port;
    if (!is_plausible(out, out->client_port))
        return false;
    out->hash = table_hash(0, out->octets, out->length);
    return true;
}

bool message_has_data(const struct message *message)
{
    if (message->is_natpmp || message->pcp.version != PCP_VERSION)
        return false;
    if (message->pcp.opcode == PCP_MAP)
        return message->length >= PCP_HEADER_LENGTH + PCP_MAP_LENGTH;
    if (message->pcp.opcode == PCP_PEER)
        return message->length >= PCP_HEADER_LENGTH + PCP_PEER_LENGTH;
    return false;
}

bool message_option(const struct message *message, uint8_t code, struct pcp_option *out)
{
    size_t offset = 0;
    enum pcp_fault fault = PCP_FAULT_NONE;
    if (!message->pcp.options)
        return false;
    while (pcp_option_next(message->pcp.options, message->pcp.options_length, &offset, out, &fault))
        if (out->code == code)
            return true;
    return false;
}
