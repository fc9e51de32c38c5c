/* Packets that leave a port while its mapping is still asked for, section 10.2.
 *
 * Only the time between the first MAP for a port and its success is looked at, and only if a success
 * comes: a client that gets no answer may give up and go on without one. A packet that answers
 * another, or goes to a group on the link, is not the communication that the section is about.
 */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id traffic_requirements[] = {R6887_10_2_01, REQUIREMENT_COUNT};

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, WATCHED = 4096, PATIENCE = 2 /* transmissions */ };

static const int64_t watch_time = 60000000000; /* 60 s */

struct watch {
    struct watch_key {
        uint8_t address[16];
        uint32_t interface;
        uint16_t port;
        uint16_t protocol;
    } key;
    uint64_t request_frame;
    uint64_t early_frame; /* of the first packet that left; 0: none */
    uint32_t transmissions;
    bool inbound; /* something came in: what leaves may be an answer */
    bool granted; /* by one server: what another is asked for as well is no reason to be silent */
};

struct table *traffic_create(void)
{
    struct table_shape shape = {
        .key_size = sizeof(struct watch_key), .entry_size = sizeof(struct watch), .limit = WATCHED};
    return table_create(&shape);
}

static struct watch_key make_key(uint32_t interface, const struct address *address, uint16_t port,
                                 uint8_t protocol)
{
    struct watch_key key = {.interface = interface, .port = port, .protocol = protocol};
    memcpy(key.address, address->octet, sizeof key.address);
    return key;
}

void traffic_packet(struct rules *rules, const struct event *event)
{
    const struct packet *packet = &event->packet;
    bool ports = packet->protocol == PROTOCOL_UDP || packet->protocol == PROTOCOL_TCP;
    if (table_count(rules->watched) == 0 || event->time > rules->watch_until || !ports)
        return;
    struct watch_key key = make_key(event->interface, &packet->destination,
                                    packet->destination_port, packet->protocol);
    struct watch *watch = table_find(rules->watched, &key);
    if (watch)
        watch->inbound = true;
    key = make_key(event->interface, &packet->source, packet->source_port, packet->protocol);
    watch = table_find(rules->watched, &key);
    bool group = address_is_ipv4(&packet->destination) ? packet->destination.octet[12] >= 224
                                                       : packet->destination.octet[0] == 0xff;
    if (watch && !group && !watch->granted && !watch->inbound && watch->early_frame == 0 &&
        watch->transmissions <= PATIENCE)
        watch->early_frame = event->frame;
}

static bool is_new_wish(const struct message *message)
{
    const struct pcp_map *map = &message->pcp.data.map;
    struct pcp_option option;
    return message->pcp.lifetime > 0 && map->internal_port != 0 && map->external_port == 0 &&
           (map->protocol == PROTOCOL_UDP || map->protocol == PROTOCOL_TCP) &&
           !message_option(message, PCP_THIRD_PARTY, &option);
}

void judge_traffic(struct rules *rules, const struct message *message,
                   const struct conversation *conversation)
{
    const struct mapping_state *mapping = conversation->mapping;
    if (!mapping || message->pcp.opcode != PCP_MAP)
        return;
    const struct pcp_map *map = &message->pcp.data.map;
    struct watch_key key =
        make_key(message->event->interface, &message->client, map->internal_port, map->protocol);
    struct watch *watch = table_find(rules->watched, &key);
    if (!message->from_server) {
        bool made = false;
        if (!watch && mapping->request.frame == 0 && !message->copy && is_new_wish(message) &&
            (watch = table_get(rules->watched, &key, &made))) {
            watch->request_frame = message->event->frame;
            rules->watch_until = message->event->time + watch_time;
        }
        if (watch)
            watch->transmissions++;
        return;
    }
    if (!watch)
        return;
    bool success = message->pcp.result == PCP_SUCCESS;
    bool grant = success && message->pcp.lifetime > 0;
    if (grant && watch->early_frame != 0)
        rule_report_at(rules, watch->early_frame, &message->client, R6887_10_2_01, CERTAIN,
                       "expected nothing from port %u until its MAP in frame %llu was answered in "
                       "frame %llu, came this packet",
                       map->internal_port, (unsigned long long)watch->request_frame,
                       (unsigned long long)message->event->frame);
    watch->early_frame = 0;
    watch->granted = grant || (watch->granted && !success);
    if (!watch->granted)
        table_remove(rules->watched, watch);
}
