/* Frames from strangers, of every link type; the first octet chooses it. */
#include "wire/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

static void require_inside(const struct packet *packet, const uint8_t *octets, size_t length)
{
    if (!packet->payload)
        return;
    if (packet->payload < octets || packet->payload_length > length ||
        (size_t)(packet->payload - octets) > length - packet->payload_length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static const uint32_t link_types[] = {LINK_ETHERNET,   LINK_RAW,  LINK_LINUX_SLL,
                                          LINK_LINUX_SLL2, LINK_IPV4, LINK_IPV6,
                                          LINK_NULL,       LINK_LOOP, 147};
    if (length == 0)
        return 0;
    uint32_t link_type = link_types[octets[0] % (sizeof link_types / sizeof link_types[0])];
    octets++;
    length--;
    struct packet packet;
    struct packet quoted;
    if (packet_parse(link_type, octets, length, &packet) != packet.fault)
        abort();
    require_inside(&packet, octets, length);
    if (packet_parse_quoted(&packet, &quoted))
        require_inside(&quoted, packet.payload, packet.payload_length);
    if (packet.checksum_good && !packet.checksum_known)
        abort();
    return 0;
}
