/* A cursor walks the frame layer by layer. `left` is what remains of the captured octets, so a read
 * is allowed where take() allows it and nowhere else. Where a header's own length field says that a
 * layer ends before the captured octets do (Ethernet padding), the cursor is trimmed; where it says
 * that the layer goes on behind them, the packet is cut: reading goes on as far as it can. */
#include "wire/packet.h"

#include "wire/octets.h"

#include <string.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,        /* 802.1Q */
    ETHERTYPE_SERVICE_VLAN = 0x88a8 /* 802.1ad */
};

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_ICMPV6 = 58,
    PROTOCOL_DESTINATION = 60
};

enum { UDP_HEADER = 8, TCP_HEADER = 20, ICMP_HEADER = 8, IPV4_HEADER = 20, IPV6_HEADER = 40 };

struct cursor {
    const uint8_t *at;
    size_t left;   /* captured octets from here */
    bool cut;      /* the datagram goes on behind the captured octets */
    size_t beyond; /* by how much */
};

/* The next count octets, or NULL when fewer were captured. */
static const uint8_t *take(struct cursor *cursor, size_t count)
{
    if (cursor->left < count)
        return NULL;
    const uint8_t *at = cursor->at;
    cursor->at += count;
    cursor->left -= count;
    return at;
}

/* The layer holds exactly length octets from here, captured or not. */
static void limit(struct cursor *cursor, size_t length)
{
    cursor->cut = length > cursor->left;
    cursor->beyond = cursor->cut ? length - cursor->left : 0;
    if (length < cursor->left)
        cursor->left = length;
}

/* A header does not fit into what is left: was it cut off by the capture, or was it never whole? */
static enum packet_fault missing(const struct cursor *cursor)
{
    return cursor->cut ? PACKET_CUT : PACKET_MALFORMED;
}

/* --- transport ----------------------------------------------------------------------------- */

/* Adds octets as 16-bit numbers in network order. A sum that carries around is the same in any order of
 * octets, but for its own (RFC 1071): so eight at a time are added as they lie in memory. */
static uint32_t sum(uint32_t total, const uint8_t *octets, size_t length)
{
    uint64_t wide = 0;
    for (; length >= 8; octets += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, octets, sizeof word);
        wide += (word & 0xffffffff) + (word >> 32);
    }
    wide = (wide & 0xffffffff) + (wide >> 32);
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    const uint16_t folded = (uint16_t)wide;
    total += octets_get16((const uint8_t *)&folded);
    for (; length > 1; octets += 2, length -= 2)
        total += octets_get16(octets);
    return length ? total + ((uint32_t)octets[0] << 8) : total;
}

/* RFC 768 and RFC 8200 section 8.1, over the pseudo header and the whole datagram. The prefix of
 * IPv4-mapped addresses is left out for IPv4; the rest of both pseudo headers adds up alike. */
static bool udp_checksum_good(const struct packet *packet, const uint8_t *udp, size_t length)
{
    size_t skip = packet->ip_version == 4 ? 12 : 0;
    uint32_t total = PROTOCOL_UDP + (uint32_t)length;
    total = sum(total, packet->source.octet + skip, 16 - skip);
    total = sum(total, packet->destination.octet + skip, 16 - skip);
    total = sum(total, udp, length);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return total == 0xffff;
}

static void set_payload(struct packet *packet, const struct cursor *cursor)
{
    packet->payload = cursor->at;
    packet->payload_length = cursor->left;
}

static enum packet_fault read_udp(struct cursor cursor, struct packet *out, bool whole_datagram)
{
    const uint8_t *udp = cursor.at;
    size_t available = cursor.left + cursor.beyond;
    if (cursor.left < UDP_HEADER) {
        if (cursor.left >= 4) {
            out->source_port = octets_get16(udp);
            out->destination_port = octets_get16(udp + 2);
        }
        return missing(&cursor);
    }
    out->source_port = octets_get16(udp);
    out->destination_port = octets_get16(udp + 2);
    size_t length = octets_get16(udp + 4);
    (void)take(&cursor, UDP_HEADER);
    if (length < UDP_HEADER || (whole_datagram && length > available)) {
        set_payload(out, &cursor);
        return PACKET_MALFORMED;
    }
    limit(&cursor, length - UDP_HEADER);
    set_payload(out, &cursor);
    if (cursor.cut)
        return PACKET_CUT;
    /* RFC 768: over IPv4 a checksum of zero means that there is none. IPv6 has no such thing. */
    out->checksum_known = out->ip_version == 6 || octets_get16(udp + 6) != 0;
    out->checksum_good =
        out->checksum_known && octets_get16(udp + 6) != 0 && udp_checksum_good(out, udp, length);
    return PACKET_WHOLE;
}

static enum packet_fault read_tcp(struct cursor cursor, struct packet *out)
{
    const uint8_t *tcp = cursor.at;
    if (cursor.left >= 4) {
        out->source_port = octets_get16(tcp);
        out->destination_port = octets_get16(tcp + 2);
    }
    if (cursor.left >= 14)
        out->tcp_flags = tcp[13];
    if (!take(&cursor, TCP_HEADER))
        return missing(&cursor);
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    if (header < TCP_HEADER)
        return PACKET_MALFORMED;
    if (!take(&cursor, header - TCP_HEADER))
        return missing(&cursor);
    set_payload(out, &cursor);
    return cursor.cut ? PACKET_CUT : PACKET_WHOLE;
}

static enum packet_fault read_icmp(struct cursor cursor, struct packet *out)
{
    const uint8_t *icmp = cursor.at;
    if (cursor.left >= 2) {
        out->icmp_type = icmp[0];
        out->icmp_code = icmp[1];
    }
    if (!take(&cursor, ICMP_HEADER))
        return missing(&cursor);
    set_payload(out, &cursor);
    return cursor.cut ? PACKET_CUT : PACKET_WHOLE;
}

static enum packet_fault read_transport(struct cursor cursor, struct packet *out, bool fragment)
{
    enum packet_fault fault = PACKET_OTHER;
    if (out->protocol == PROTOCOL_UDP)
        fault = read_udp(cursor, out, !fragment);
    else if (out->protocol == PROTOCOL_TCP)
        fault = read_tcp(cursor, out);
    else if (out->protocol == (out->ip_version == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6))
        fault = read_icmp(cursor, out);
    else
        set_payload(out, &cursor);
    return fragment ? PACKET_FRAGMENT : fault;
}

/* --- network ------------------------------------------------------------------------------- */

static enum packet_fault read_ipv4(struct cursor cursor, struct packet *out)
{
    const uint8_t *ip = take(&cursor, IPV4_HEADER);
    if (!ip)
        return PACKET_CUT;
    size_t header = (size_t)(ip[0] & 0x0f) * 4;
    size_t total = octets_get16(ip + 2);
    if (ip[0] >> 4 != 4 || header < IPV4_HEADER || total < header)
        return PACKET_MALFORMED;
    out->ip_version = 4;
    out->ip_length = total;
    out->hop_limit = ip[8];
    out->protocol = ip[9];
    out->source = address_from_ipv4(ip + 12);
    out->destination = address_from_ipv4(ip + 16);
    limit(&cursor, total - IPV4_HEADER);
    if (!take(&cursor, header - IPV4_HEADER))
        return missing(&cursor);

    uint16_t fragment = octets_get16(ip + 6);
    if (fragment & 0x1fff) { /* not the first: no transport header */
        set_payload(out, &cursor);
        return PACKET_FRAGMENT;
    }
    return read_transport(cursor, out, fragment & 0x2000);
}

/* What the extension headers of RFC 8200 section 4 say about the packet. */
struct extensions {
    bool fragment;
    bool later_fragment; /* not the first: no transport header */
    bool routed;         /* the final destination is in a routing header */
};

/* Reads one extension header if out->protocol names one. 1: read, 0: it names none; -1: *fault. */
static int read_extension(struct cursor *cursor, struct packet *out, struct extensions *seen,
                          enum packet_fault *fault)
{
    uint8_t kind = out->protocol;
    if (kind != PROTOCOL_HOP_BY_HOP && kind != PROTOCOL_ROUTING && kind != PROTOCOL_FRAGMENT &&
        kind != PROTOCOL_DESTINATION && kind != PROTOCOL_AUTHENTICATION)
        return 0;
    /* Each is 8 octets at the least, and has its next header in the first and its length in the
     * second one; a fragment header has no length field, being 8 octets always. */
    const uint8_t *at = take(cursor, 8);
    size_t more = 0;
    if (at && kind == PROTOCOL_AUTHENTICATION) /* RFC 4302: counted in 4 octets, less 2 */
        more = (size_t)at[1] * 4;
    else if (at && kind != PROTOCOL_FRAGMENT)
        more = (size_t)at[1] * 8;
    if (!at || !take(cursor, more)) {
        *fault = missing(cursor);
        return -1;
    }
    out->protocol = at[0];
    if (kind == PROTOCOL_FRAGMENT) {
        uint16_t offset = octets_get16(at + 2);
        seen->later_fragment = offset & 0xfff8;
        /* An atomic fragment (RFC 6946), first and last in one, is a whole packet. */
        seen->fragment = seen->later_fragment || offset & 1;
    }
    if (kind == PROTOCOL_ROUTING && at[3] > 0)
        seen->routed = true;
    return 1;
}

static enum packet_fault read_ipv6(struct cursor cursor, struct packet *out)
{
    const uint8_t *ip = take(&cursor, IPV6_HEADER);
    if (!ip)
        return PACKET_CUT;
    if (ip[0] >> 4 != 6)
        return PACKET_MALFORMED;
    size_t length = octets_get16(ip + 4);
    out->ip_version = 6;
    out->ip_length = IPV6_HEADER + length;
    out->protocol = ip[6];
    out->hop_limit = ip[7];
    out->source = address_from_ipv6(ip + 8);
    out->destination = address_from_ipv6(ip + 24);
    limit(&cursor, length);

    struct extensions seen = {0};
    enum packet_fault fault;
    int read;
    do
        read = read_extension(&cursor, out, &seen, &fault);
    while (read > 0 && !seen.later_fragment);
    if (read < 0)
        return fault;
    if (seen.later_fragment) {
        set_payload(out, &cursor);
        return PACKET_FRAGMENT;
    }
    fault = read_transport(cursor, out, seen.fragment);
    if (seen.routed)
        out->checksum_known = out->checksum_good = false;
    return fault;
}

static enum packet_fault read_ip(struct cursor cursor, struct packet *out)
{
    if (cursor.left == 0)
        return PACKET_CUT;
    uint8_t version = cursor.at[0] >> 4;
    if (version == 4)
        return read_ipv4(cursor, out);
    return version == 6 ? read_ipv6(cursor, out) : PACKET_NOT_IP;
}

/* --- link ---------------------------------------------------------------------------------- */

static enum packet_fault read_ethertype(struct cursor cursor, uint16_t type, struct packet *out)
{
    while (type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN) {
        const uint8_t *tag = take(&cursor, 4);
        if (!tag)
            return PACKET_CUT;
        type = octets_get16(tag + 2);
    }
    if (type == ETHERTYPE_IPV4)
        return read_ipv4(cursor, out);
    return type == ETHERTYPE_IPV6 ? read_ipv6(cursor, out) : PACKET_NOT_IP;
}

static enum packet_fault read_ethernet(struct cursor cursor, struct packet *out)
{
    const uint8_t *header = take(&cursor, 14);
    if (!header)
        return PACKET_CUT;
    out->has_ethernet = true;
    memcpy(out->ethernet_destination, header, 6);
    memcpy(out->ethernet_source, header + 6, 6);
    return read_ethertype(cursor, octets_get16(header + 12), out);
}

/* Linux cooked capture, version 1: the protocol is in the last 2 of 16 octets. */
static enum packet_fault read_sll(struct cursor cursor, struct packet *out)
{
    const uint8_t *header = take(&cursor, 16);
    return header ? read_ethertype(cursor, octets_get16(header + 14), out) : PACKET_CUT;
}

/* Version 2: in the first 2 of 20. */
static enum packet_fault read_sll2(struct cursor cursor, struct packet *out)
{
    const uint8_t *header = take(&cursor, 20);
    return header ? read_ethertype(cursor, octets_get16(header), out) : PACKET_CUT;
}

/* BSD loopback: an address family, in the order of whatever host wrote it; AF_INET6 differs among
 * systems, so the version of IP is believed instead. */
static enum packet_fault read_loopback(struct cursor cursor, struct packet *out)
{
    return take(&cursor, 4) ? read_ip(cursor, out) : PACKET_CUT;
}

static const struct {
    uint32_t link_type;
    enum packet_fault (*read)(struct cursor cursor, struct packet *out);
} links[] = {
    {LINK_ETHERNET, read_ethernet}, {LINK_LINUX_SLL, read_sll},
    {LINK_LINUX_SLL2, read_sll2},   {LINK_RAW, read_ip},
    {LINK_IPV4, read_ipv4},         {LINK_IPV6, read_ipv6},
    {LINK_NULL, read_loopback},     {LINK_LOOP, read_loopback},
};

enum packet_fault packet_parse(uint32_t link_type, const uint8_t *frame, size_t length,
                               struct packet *out)
{
    memset(out, 0, sizeof *out);
    out->fault = PACKET_LINK_UNKNOWN;
    struct cursor cursor = {.at = frame, .left = length, .cut = true};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (links[i].link_type == link_type) {
            out->fault = links[i].read(cursor, out);
            break;
        }
    }
    return out->fault;
}

/* --- what ICMP quotes ---------------------------------------------------------------------- */

static bool is_icmp_error(const struct packet *packet)
{
    uint8_t type = packet->icmp_type;
    if (packet->ip_version == 4 && packet->protocol == PROTOCOL_ICMP)
        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; /* RFC 792 */
    return packet->ip_version == 6 && packet->protocol == PROTOCOL_ICMPV6 && type >= 1 &&
           type <= 4; /* RFC 4443 */
}

bool packet_parse_quoted(const struct packet *error, struct packet *out)
{
    memset(out, 0, sizeof *out);
    if (!is_icmp_error(error) || !error->payload)
        return false;
    (void)packet_parse(LINK_RAW, error->payload, error->payload_length, out);
    return true;
}
