/* Which protocol a packet of a lab belongs to.
 *
 * A port alone does not tell: a request that arrives from outside carries the external port of a
 * mapping, any number. So endpoints that were once seen to speak CoAP with its own port are
 * remembered: the device's mapped address, seen when it registered, is known when the server calls. DTLS is told
 * by its form.
 */
#ifndef PINHOLE_MEASURE_PROTOCOL_H
#define PINHOLE_MEASURE_PROTOCOL_H

#include "wire/capfile.h"
#include "wire/packet.h"

#include <stdint.h>

enum protocol {
    PROTOCOL_PCP,
    PROTOCOL_NAT_PMP,
    PROTOCOL_COAP,
    PROTOCOL_DTLS,
    PROTOCOL_DNS,       /* and multicast DNS */
    PROTOCOL_DISCOVERY, /* SSDP, DHCP, DHCPv6: what daemons say to the link by themselves */
    PROTOCOL_ICMP,      /* of either IP version, but for neighbour discovery */
    PROTOCOL_NEIGHBOUR, /* upkeep of the link: ARP (and whatever else is not IP), neighbour and router
                           discovery, multicast listeners */
    PROTOCOL_UDP,       /* other UDP: probes through a mapping */
    PROTOCOL_TCP,
    PROTOCOL_OTHER,
    PROTOCOL_COUNT
};

enum { PROTOCOL_ENDPOINTS = 1024 };

/* Endpoints known to speak CoAP: an open hash table. When it is full no more are learnt. All zero is
 * its initial state. */
struct protocol_memory {
    struct protocol_endpoint {
        struct address address;
        uint16_t port; /* 0: the slot is free */
    } endpoints[PROTOCOL_ENDPOINTS];
    uint32_t count;
};

/* Classifies packet and learns from it. Feed packets in the order of the capture. */
enum protocol protocol_of(struct protocol_memory *memory, const struct packet *packet);

/* "PCP", "NAT-PMP", "ARP/ND" ... Never NULL. */
const char *protocol_name(enum protocol protocol);

/* "in", "out", "unknown". */
const char *protocol_direction_name(enum capfile_direction direction);

#endif
