/* From a captured frame to the transport's payload: link layer, IPv4, IPv6, UDP, TCP, ICMP.
 *
 * No I/O, no allocation, every read inside the captured length. Link types by their LINKTYPE_ number.
 */
#ifndef PINHOLE_WIRE_PACKET_H
#define PINHOLE_WIRE_PACKET_H

#include "wire/address.h"
#include "wire/link.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a packet could not be read further; what was read before that is filled in. */
enum packet_fault {
    PACKET_WHOLE = 0,
    PACKET_LINK_UNKNOWN, /* link type that is not supported */
    PACKET_CUT,          /* captured octets end inside a header or the payload */
    PACKET_NOT_IP,       /* ARP and the like */
    PACKET_MALFORMED,    /* a length field contradicts another */
    PACKET_FRAGMENT,     /* a fragment: payload is a part only */
    PACKET_OTHER         /* a transport that is not looked into */
};

struct packet {
    enum packet_fault fault;
    bool has_ethernet;
    uint8_t ethernet_destination[6];
    uint8_t ethernet_source[6];
    uint8_t ip_version; /* 4, 6, or 0 if there is no IP */
    struct address source;
    struct address destination;
    uint8_t hop_limit;
    uint8_t protocol; /* of the transport: 17 UDP, 6 TCP, 1 ICMP, 58 ICMPv6 */
    size_t ip_length; /* octets from the IP header to the end of the datagram, as the header says */
    uint16_t source_port; /* UDP and TCP */
    uint16_t destination_port;
    uint8_t tcp_flags;
    uint8_t icmp_type;
    uint8_t icmp_code;
    bool checksum_known; /* UDP with its whole datagram captured */
    bool checksum_good;
    const uint8_t
        *payload; /* behind the transport header, inside the frame; ICMP: behind its 8 octets */
    size_t payload_length;
};

/* Reads one frame. Returns out->fault. */
enum packet_fault packet_parse(uint32_t link_type, const uint8_t *frame, size_t length,
                               struct packet *out);

/* The packet quoted in an ICMP or ICMPv6 error; false if packet is no such error. */
bool packet_parse_quoted(const struct packet *error, struct packet *out);

#endif
