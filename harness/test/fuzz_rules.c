/* Conversations from strangers: whatever clients and servers say, in whatever order and at whatever time,
 * no rule reads out of bounds, and every finding has a frame and a text.
 *
 * The input is a row of packets: an octet of flags, an octet of time (in 100 ms), an octet of length, and
 * so many octets of payload.
 */
#include "check/rule.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum {
    HEADER = 3,
    TO_SERVER = 1,
    OTHER_INTERFACE = 2,
    MULTICAST = 4,
    ROUTED = 8,
    CUT = 16,
    TCP = 32
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void fill_packet(uint8_t flags, const uint8_t *payload, size_t length, struct packet *packet)
{
    static const uint8_t client[4] = {192, 168, 1, 10};
    static const uint8_t server[4] = {192, 168, 1, 1};
    static const uint8_t group[4] = {224, 0, 0, 1};
    bool to_server = flags & TO_SERVER;
    *packet = (struct packet){.fault = flags & CUT ? PACKET_CUT : PACKET_WHOLE,
                              .ip_version = 4,
                              .hop_limit = flags & ROUTED ? 63 : 64,
                              .protocol = flags & TCP ? 6 : 17,
                              .payload = payload,
                              .payload_length = length};
    packet->source = address_from_ipv4(to_server ? client : server);
    packet->destination = address_from_ipv4(to_server           ? server
                                            : flags & MULTICAST ? group
                                                                : client);
    packet->source_port = to_server ? 5683 : 5351;
    packet->destination_port = to_server ? 5351 : flags & MULTICAST ? 5350 : 5683;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    struct rule_options options = {0};
    struct rules *rules = rules_create(&options);
    struct event event = {0};
    require(rules);
    while (length >= HEADER) {
        size_t payload = octets[2] < length - HEADER ? octets[2] : length - HEADER;
        event.frame++;
        event.time += octets[1] * INT64_C(100000000);
        event.interface = octets[0] & OTHER_INTERFACE ? 1 : 0;
        fill_packet(octets[0], octets + HEADER, payload, &event.packet);
        require(rules_event(rules, &event) == 0);
        octets += HEADER + payload;
        length -= HEADER + payload;
    }
    rules_end(rules);
    size_t count = 0;
    const struct finding *list = rules_findings(rules, &count);
    for (size_t i = 0; i < count; i++)
        require(list[i].frame >= 1 && list[i].frame <= event.frame && list[i].text[0] &&
                list[i].requirement < REQUIREMENT_COUNT && list[i].level <= FINDING_INFO);
    rules_destroy(rules);
    return 0;
}
