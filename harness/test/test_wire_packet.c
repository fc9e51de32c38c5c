/* Frames of every link type, IPv4 and IPv6, whole, cut and broken. */
#include "wire/packet.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* clang-format off */

/* UDP from 192.168.1.10:5683 to 11.0.0.1:5351, "hello". */
static const uint8_t golden_ipv4[] = {
    0x45, 0x00,                   /* version 4, header of 5 x 4 octets */
    0x00, 0x21,                   /* total length 33 */
    0x12, 0x34, 0x40, 0x00,       /* identification; don't fragment */
    0x40,                         /* time to live 64 */
    0x11,                         /* protocol 17: UDP */
    0x00, 0x00,                   /* header checksum, not looked at */
    0xc0, 0xa8, 0x01, 0x0a,       /* source 192.168.1.10 */
    0x0b, 0x00, 0x00, 0x01,       /* destination 11.0.0.1 */
    0x16, 0x33,                   /* source port 5683 */
    0x14, 0xe7,                   /* destination port 5351 */
    0x00, 0x0d,                   /* UDP length 13 */
    0xc4, 0x34,                   /* UDP checksum */
    0x68, 0x65, 0x6c, 0x6c, 0x6f, /* "hello" */
};

/* The same over IPv6, from 2001:db8::a to 2001:db8::b. */
static const uint8_t golden_ipv6[] = {
    0x60, 0x00, 0x00, 0x00,                         /* version 6 */
    0x00, 0x0d,                                     /* payload length 13 */
    0x11,                                           /* next header 17: UDP */
    0xff,                                           /* hop limit 255 */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, /* source 2001:db8::a */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0b, /* destination 2001:db8::b */
    0x16, 0x33,                                     /* source port 5683 */
    0x14, 0xe7,                                     /* destination port 5351 */
    0x00, 0x0d,                                     /* UDP length 13 */
    0x35, 0x61,                                     /* UDP checksum */
    0x68, 0x65, 0x6c, 0x6c, 0x6f,                   /* "hello" */
};
/* clang-format on */

enum { FRAME_ROOM = 256, IPV4_HEADER = 20, IPV6_HEADER = 40 };

struct frame {
    uint8_t octets[FRAME_ROOM];
    size_t length;
};

static void append(struct frame *frame, const void *octets, size_t length)
{
    assert_true(FRAME_ROOM - frame->length >= length);
    memcpy(frame->octets + frame->length, octets, length);
    frame->length += length;
}

static struct frame frame_of(const void *header, size_t header_length, const void *rest,
                             size_t rest_length)
{
    struct frame frame = {.length = 0};
    append(&frame, header, header_length);
    append(&frame, rest, rest_length);
    return frame;
}

/* Keeps what payload points to: the copy is freed by the next call. */
static enum packet_fault parse(uint32_t link_type, const uint8_t *octets, size_t length,
                               struct packet *out)
{
    static uint8_t *kept;
    free(kept);
    kept = NULL;
    if (!octets)
        return PACKET_WHOLE;
    kept = exact_copy(octets, length);
    enum packet_fault fault = packet_parse(link_type, kept, length, out);
    assert_int_equal(fault, out->fault);
    return fault;
}

static int free_last(void **state)
{
    (void)state;
    (void)parse(LINK_RAW, NULL, 0, NULL);
    return 0;
}

static void assert_hello(uint32_t link_type, const uint8_t *octets, size_t length)
{
    struct packet packet;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(parse(link_type, octets, length, &packet), PACKET_WHOLE);
    bool ipv4 = packet.ip_version == 4;
    assert_true(ipv4 || packet.ip_version == 6);
    assert_string_equal(address_format(&packet.source, text),
                        ipv4 ? "192.168.1.10" : "2001:db8::a");
    assert_string_equal(address_format(&packet.destination, text),
                        ipv4 ? "11.0.0.1" : "2001:db8::b");
    assert_int_equal(packet.protocol, 17);
    assert_int_equal(packet.hop_limit, ipv4 ? 64 : 255);
    assert_int_equal(packet.source_port, 5683);
    assert_int_equal(packet.destination_port, 5351);
    assert_int_equal(packet.payload_length, 5);
    assert_memory_equal(packet.payload, "hello", 5);
    assert_true(packet.checksum_known);
    assert_true(packet.checksum_good);
}

/* Every kind of link that captures come from, in front of the same IP packets. */
static const struct link {
    const char *header;
    size_t length;
    int ip_version;
    uint32_t link_type;
} links[] = {
    {"\1\2\3\4\5\6\7\10\11\12\13\14\x08\x00", 14, 4, LINK_ETHERNET},
    {"\1\2\3\4\5\6\7\10\11\12\13\14\x86\xdd", 14, 6, LINK_ETHERNET},
    /* 802.1Q: tag 0x8100, VLAN 5 */
    {"\1\2\3\4\5\6\7\10\11\12\13\14\x81\x00\x00\x05\x08\x00", 18, 4, LINK_ETHERNET},
    /* 802.1ad: service tag 0x88a8 before the other */
    {"\1\2\3\4\5\6\7\10\11\12\13\14\x88\xa8\x00\x07\x81\x00\x00\x05\x86\xdd", 22, 6, LINK_ETHERNET},
    /* cooked v1: packet type, ARPHRD, address length, address, protocol */
    {"\0\0\0\1\0\6\1\2\3\4\5\6\0\0\x08\x00", 16, 4, LINK_LINUX_SLL},
    {"\0\4\0\1\0\6\1\2\3\4\5\6\0\0\x86\xdd", 16, 6, LINK_LINUX_SLL},
    /* cooked v2: protocol, reserved, interface, ARPHRD, packet type, address length, address */
    {"\x08\x00\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0", 20, 4, LINK_LINUX_SLL2},
    {"\x86\xdd\0\0\0\0\0\2\0\1\0\6\1\2\3\4\5\6\0\0", 20, 6, LINK_LINUX_SLL2},
    {"", 0, 4, LINK_RAW},
    {"", 0, 6, LINK_RAW},
    {"", 0, 4, LINK_IPV4},
    {"", 0, 6, LINK_IPV6},
    {"\2\0\0\0", 4, 4, LINK_NULL},
    {"\0\0\0\36", 4, 6, LINK_NULL}, /* AF_INET6 of another system, in the other byte order */
    {"\0\0\0\2", 4, 4, LINK_LOOP},
    {"\0\0\0\30", 4, 6, LINK_LOOP},
};

static struct frame link_frame(const struct link *link)
{
    return link->ip_version == 4
               ? frame_of(link->header, link->length, golden_ipv4, sizeof golden_ipv4)
               : frame_of(link->header, link->length, golden_ipv6, sizeof golden_ipv6);
}

enum { LINKS = sizeof links / sizeof links[0] };

static void a_datagram_is_read_from_every_link_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINKS; i++) {
        struct frame frame = link_frame(&links[i]);
        assert_hello(links[i].link_type, frame.octets, frame.length);
    }
}

static void a_frame_cut_anywhere_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINKS; i++) {
        struct frame frame = link_frame(&links[i]);
        size_t ip = links[i].length;
        size_t udp = ip + (links[i].ip_version == 4 ? IPV4_HEADER : IPV6_HEADER);
        for (size_t length = 0; length < frame.length; length++) {
            struct packet packet;
            assert_int_equal(parse(links[i].link_type, frame.octets, length, &packet), PACKET_CUT);
            assert_int_equal(packet.ip_version, length >= udp ? links[i].ip_version : 0);
            assert_int_equal(packet.source_port, length >= udp + 4 ? 5683 : 0);
            assert_int_equal(packet.destination_port, length >= udp + 4 ? 5351 : 0);
            assert_int_equal(packet.payload_length, length > udp + 8 ? length - udp - 8 : 0);
            assert_false(packet.checksum_known);
        }
    }
}

static void ethernet_addresses_are_kept(void **state)
{
    (void)state;
    struct frame frame = link_frame(&links[0]);
    struct packet packet;
    assert_int_equal(parse(LINK_ETHERNET, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_true(packet.has_ethernet);
    assert_memory_equal(packet.ethernet_destination, "\1\2\3\4\5\6", 6);
    assert_memory_equal(packet.ethernet_source, "\7\10\11\12\13\14", 6);
}

static void padding_behind_the_datagram_is_no_payload(void **state)
{
    (void)state;
    struct frame frame = link_frame(&links[0]);
    append(&frame, "\xaa\xaa\xaa\xaa\xaa\xaa\xaa", 7);
    assert_hello(LINK_ETHERNET, frame.octets, frame.length);
}

static void the_length_of_the_ip_datagram_is_told(void **state)
{
    (void)state;
    struct packet packet;
    assert_int_equal(parse(LINK_RAW, golden_ipv4, sizeof golden_ipv4, &packet), PACKET_WHOLE);
    assert_int_equal(packet.ip_length, sizeof golden_ipv4);
    assert_int_equal(parse(LINK_RAW, golden_ipv6, 40, &packet), PACKET_CUT);
    assert_int_equal(packet.ip_length, sizeof golden_ipv6);
}

static void what_is_not_ip_is_told(void **state)
{
    (void)state;
    static const uint8_t arp[60] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x06};
    static const uint8_t version_5[40] = {0x55};
    struct packet packet;
    assert_int_equal(parse(LINK_ETHERNET, arp, sizeof arp, &packet), PACKET_NOT_IP);
    assert_true(packet.has_ethernet);
    assert_int_equal(parse(LINK_RAW, version_5, sizeof version_5, &packet), PACKET_NOT_IP);
    assert_int_equal(parse(147, arp, sizeof arp, &packet), PACKET_LINK_UNKNOWN);
}

/* A copy of the golden packets with one octet changed. */
static enum packet_fault parse_changed(const uint8_t *golden, size_t length, size_t at,
                                       uint8_t octet, struct packet *out)
{
    uint8_t octets[FRAME_ROOM];
    memcpy(octets, golden, length);
    octets[at] = octet;
    return parse(LINK_RAW, octets, length, out);
}

static void lengths_that_contradict_each_other_are_told(void **state)
{
    (void)state;
    struct packet packet;
    /* header of 4 x 4 octets; total length below the header's; UDP length 7, then 14 of 13 */
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 0, 0x44, &packet),
                     PACKET_MALFORMED);
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 3, 19, &packet),
                     PACKET_MALFORMED);
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 25, 7, &packet),
                     PACKET_MALFORMED);
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 25, 14, &packet),
                     PACKET_MALFORMED);
    assert_int_equal(packet.source_port, 5683);
    /* a total length that leaves 7 octets for UDP */
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 3, 27, &packet),
                     PACKET_MALFORMED);
    assert_int_equal(parse_changed(golden_ipv6, sizeof golden_ipv6, 5, 7, &packet),
                     PACKET_MALFORMED);
}

static void lengths_are_held_against_each_other_in_a_cut_packet_too(void **state)
{
    (void)state;
    struct packet packet;
    uint8_t octets[30];
    memcpy(octets, golden_ipv4, sizeof octets);
    octets[25] = 14; /* UDP length, of 13 */
    assert_int_equal(parse(LINK_RAW, octets, sizeof octets, &packet), PACKET_MALFORMED);
    octets[25] = 13;
    assert_int_equal(parse(LINK_RAW, octets, sizeof octets, &packet), PACKET_CUT);
}

static void a_link_of_one_ip_version_carries_no_other(void **state)
{
    (void)state;
    struct packet packet;
    assert_int_equal(parse(LINK_IPV4, golden_ipv6, sizeof golden_ipv6, &packet), PACKET_MALFORMED);
    assert_int_equal(parse(LINK_IPV6, golden_ipv4, sizeof golden_ipv4, &packet), PACKET_CUT);
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 0, 0x15, &packet),
                     PACKET_NOT_IP);
}

static void a_datagram_may_be_empty(void **state)
{
    (void)state;
    struct packet packet;
    struct frame frame = {.length = 0};
    append(&frame, golden_ipv4, 28);
    frame.octets[3] = 28;
    frame.octets[25] = 8;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_int_equal(packet.payload_length, 0);
    assert_true(packet.checksum_known);
}

static void a_wrong_udp_checksum_is_seen(void **state)
{
    (void)state;
    struct packet packet;
    for (size_t at = 12; at < sizeof golden_ipv4; at++) { /* addresses, UDP header and payload */
        if (at == 24 || at == 25)
            continue; /* the UDP length is checked by itself */
        uint8_t changed = golden_ipv4[at] ^ 0x10;
        assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, at, changed, &packet),
                         PACKET_WHOLE);
        assert_true(packet.checksum_known);
        assert_false(packet.checksum_good);
    }
}

static void no_udp_checksum_is_fine_over_ipv4_alone(void **state)
{
    (void)state;
    uint8_t octets[FRAME_ROOM];
    struct packet packet;
    memcpy(octets, golden_ipv4, sizeof golden_ipv4);
    memset(octets + 26, 0, 2);
    assert_int_equal(parse(LINK_RAW, octets, sizeof golden_ipv4, &packet), PACKET_WHOLE);
    assert_false(packet.checksum_known);
    memcpy(octets, golden_ipv6, sizeof golden_ipv6);
    memset(octets + 46, 0, 2);
    assert_int_equal(parse(LINK_RAW, octets, sizeof golden_ipv6, &packet), PACKET_WHOLE);
    assert_true(packet.checksum_known);
    assert_false(packet.checksum_good);
}

static void ipv4_options_are_passed_over(void **state)
{
    (void)state;
    struct frame frame = {.length = 0};
    append(&frame, golden_ipv4, IPV4_HEADER);
    append(&frame, "\x94\x04\x00\x00", 4); /* router alert */
    append(&frame, golden_ipv4 + IPV4_HEADER, sizeof golden_ipv4 - IPV4_HEADER);
    frame.octets[0] = 0x46;
    frame.octets[3] += 4;
    assert_hello(LINK_RAW, frame.octets, frame.length);
}

/* golden_ipv6 with extension headers between its header and UDP; the last of them names UDP. */
static struct frame with_extensions(uint8_t first, const void *extensions, size_t length)
{
    struct frame frame = {.length = 0};
    append(&frame, golden_ipv6, IPV6_HEADER);
    append(&frame, extensions, length);
    append(&frame, golden_ipv6 + IPV6_HEADER, sizeof golden_ipv6 - IPV6_HEADER);
    frame.octets[5] = (uint8_t)(frame.octets[5] + length);
    frame.octets[6] = first;
    return frame;
}

static void ipv6_extension_headers_are_passed_over(void **state)
{
    (void)state;
    /* hop-by-hop with 8 octets, then destination options with 16 */
    struct frame frame = with_extensions(0,
                                         "\x3c\x00\x01\x04\x00\x00\x00\x00"
                                         "\x11\x01\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0",
                                         24);
    assert_hello(LINK_RAW, frame.octets, frame.length);
    for (size_t length = 0; length < frame.length; length++) {
        struct packet packet;
        assert_int_equal(parse(LINK_RAW, frame.octets, length, &packet), PACKET_CUT);
    }
    /* a routing header that has arrived: no segments left */
    frame = with_extensions(43, "\x11\x00\x04\x00\x00\x00\x00\x00", 8);
    assert_hello(LINK_RAW, frame.octets, frame.length);
    /* an atomic fragment: first and last in one */
    frame = with_extensions(44, "\x11\x00\x00\x00\x00\x00\x00\x01", 8);
    assert_hello(LINK_RAW, frame.octets, frame.length);
    /* authentication: 24 octets, counted as 6 x 4 less 2 */
    frame = with_extensions(51, "\x11\x04\0\0\0\0\1\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    assert_hello(LINK_RAW, frame.octets, frame.length);
}

static void an_extension_header_past_the_datagram_is_malformed(void **state)
{
    (void)state;
    struct frame frame = with_extensions(0, "\x11\x09\x01\x04\x00\x00\x00\x00", 8);
    struct packet packet;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_MALFORMED);
}

static void a_packet_on_its_way_by_a_routing_header_has_no_known_checksum(void **state)
{
    (void)state;
    struct frame frame = with_extensions(43, "\x11\x00\x04\x01\x00\x00\x00\x00", 8);
    struct packet packet;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_false(packet.checksum_known);
}

static void only_the_first_fragment_has_ports(void **state)
{
    (void)state;
    struct packet packet;
    /* more fragments follow */
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 6, 0x20, &packet),
                     PACKET_FRAGMENT);
    assert_int_equal(packet.source_port, 5683);
    assert_int_equal(packet.payload_length, 5);
    /* the last, at offset 8 */
    assert_int_equal(parse_changed(golden_ipv4, sizeof golden_ipv4, 7, 0x01, &packet),
                     PACKET_FRAGMENT);
    assert_int_equal(packet.source_port, 0);
    assert_int_equal(packet.payload_length, 13);

    struct frame frame = with_extensions(44, "\x11\x00\x00\x01\x00\x00\x00\x01", 8);
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_FRAGMENT);
    assert_int_equal(packet.source_port, 5683);
    frame = with_extensions(44, "\x11\x00\x00\x08\x00\x00\x00\x01", 8);
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_FRAGMENT);
    assert_int_equal(packet.source_port, 0);
    assert_int_equal(packet.protocol, 17);
    assert_int_equal(packet.payload_length, 13);
}

/* An IPv4 packet of another transport with the same addresses. */
static struct frame ipv4_with(uint8_t protocol, const void *rest, size_t length)
{
    struct frame frame = frame_of(golden_ipv4, IPV4_HEADER, rest, length);
    frame.octets[3] = (uint8_t)frame.length;
    frame.octets[9] = protocol;
    return frame;
}

static void tcp_ports_flags_and_payload_are_read(void **state)
{
    (void)state;
    /* ports 80 and 443, data offset 6 x 4, flags SYN and ACK, an option of 4 octets, "hi" */
    struct frame frame = ipv4_with(6,
                                   "\x00\x50\x01\xbb\0\0\0\1\0\0\0\2\x60\x12\xff\xff\0\0\0\0"
                                   "\x02\x04\x05\xb4hi",
                                   26);
    struct packet packet;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_int_equal(packet.source_port, 80);
    assert_int_equal(packet.destination_port, 443);
    assert_int_equal(packet.tcp_flags, 0x12);
    assert_int_equal(packet.payload_length, 2);
    assert_memory_equal(packet.payload, "hi", 2);
    for (size_t length = IPV4_HEADER; length < frame.length; length++) {
        assert_int_equal(parse(LINK_RAW, frame.octets, length, &packet), PACKET_CUT);
        assert_int_equal(packet.source_port, length >= 24 ? 80 : 0);
    }
    frame.octets[32] = 0x50; /* no options: they become payload */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_int_equal(packet.payload_length, 6);
    frame.octets[32] = 0x40; /* a data offset of 4 x 4, below the header's own length */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_MALFORMED);
    frame.octets[32] = 0xf0; /* and one past the datagram */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_MALFORMED);
}

static void another_transport_is_left_alone(void **state)
{
    (void)state;
    struct frame frame = ipv4_with(132, "\x16\x33\x16\x33", 4);
    struct packet packet;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_OTHER);
    assert_int_equal(packet.protocol, 132);
    assert_int_equal(packet.payload_length, 4);
    frame.octets[9] = 58; /* ICMPv6 has no place in IPv4 */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_OTHER);
}

static void an_icmp_error_shows_the_packet_it_quotes(void **state)
{
    (void)state;
    struct frame icmp = {.length = 0};
    append(&icmp, "\x03\x03\0\0\0\0\0\0", 8); /* port unreachable */
    append(&icmp, golden_ipv4, 28);           /* RFC 792: IP header and 8 octets */
    struct frame frame = ipv4_with(1, icmp.octets, icmp.length);
    struct packet packet;
    struct packet quoted;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_int_equal(packet.icmp_type, 3);
    assert_int_equal(packet.icmp_code, 3);
    assert_true(packet_parse_quoted(&packet, &quoted));
    assert_int_equal(quoted.fault, PACKET_CUT);
    assert_int_equal(quoted.source_port, 5683);
    assert_int_equal(quoted.destination_port, 5351);
    assert_true(address_equal(&quoted.source, &packet.source));
    for (size_t length = IPV4_HEADER; length < IPV4_HEADER + 8; length++) {
        assert_int_equal(parse(LINK_RAW, frame.octets, length, &packet), PACKET_CUT);
        assert_int_equal(packet.icmp_type, length >= 22 ? 3 : 0);
        assert_int_equal(packet.icmp_code, length >= 22 ? 3 : 0);
    }
}

static void each_kind_of_icmp_error_has_a_quote(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        struct frame icmp = {.length = 0};
        append(&icmp, "\0\0\0\0\0\0\0\0", 8);
        append(&icmp, golden_ipv4, sizeof golden_ipv4);
        icmp.octets[0] = (uint8_t)type;
        struct frame frame = ipv4_with(1, icmp.octets, icmp.length);
        struct packet packet;
        struct packet quoted;
        assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
        /* RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem */
        bool error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        assert_int_equal(packet_parse_quoted(&packet, &quoted), error);
    }
}

static void an_icmpv6_error_shows_the_packet_it_quotes(void **state)
{
    (void)state;
    struct frame frame = {.length = 0};
    append(&frame, golden_ipv6, IPV6_HEADER);
    append(&frame, "\x01\x04\0\0\0\0\0\0", 8); /* port unreachable */
    append(&frame, golden_ipv6, sizeof golden_ipv6);
    frame.octets[5] = (uint8_t)(frame.length - IPV6_HEADER);
    frame.octets[6] = 58;
    struct packet packet;
    struct packet quoted;
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_true(packet_parse_quoted(&packet, &quoted));
    assert_int_equal(quoted.fault, PACKET_WHOLE);
    assert_int_equal(quoted.payload_length, 5);
    for (unsigned type = 0; type < 256; type++) {
        frame.octets[IPV6_HEADER] = (uint8_t)type;
        assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
        /* RFC 4443: unreachable, too big, time exceeded, parameter problem */
        assert_int_equal(packet_parse_quoted(&packet, &quoted), type >= 1 && type <= 4);
    }
}

static void what_is_no_icmp_error_quotes_nothing(void **state)
{
    (void)state;
    struct packet packet;
    struct packet quoted;
    assert_int_equal(parse(LINK_RAW, golden_ipv4, sizeof golden_ipv4, &packet), PACKET_WHOLE);
    assert_false(packet_parse_quoted(&packet, &quoted));
    struct frame frame = ipv4_with(1, "\x08\x00\0\0\0\0\0\0", 8); /* echo request */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_WHOLE);
    assert_false(packet_parse_quoted(&packet, &quoted));
    frame = ipv4_with(1, "\x03\x03", 2); /* an error cut before its quote */
    assert_int_equal(parse(LINK_RAW, frame.octets, frame.length, &packet), PACKET_MALFORMED);
    assert_false(packet_parse_quoted(&packet, &quoted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_read_from_every_link_type),
        cmocka_unit_test(a_frame_cut_anywhere_is_read_as_far_as_it_goes),
        cmocka_unit_test(ethernet_addresses_are_kept),
        cmocka_unit_test(padding_behind_the_datagram_is_no_payload),
        cmocka_unit_test(the_length_of_the_ip_datagram_is_told),
        cmocka_unit_test(what_is_not_ip_is_told),
        cmocka_unit_test(lengths_that_contradict_each_other_are_told),
        cmocka_unit_test(lengths_are_held_against_each_other_in_a_cut_packet_too),
        cmocka_unit_test(a_link_of_one_ip_version_carries_no_other),
        cmocka_unit_test(a_datagram_may_be_empty),
        cmocka_unit_test(a_wrong_udp_checksum_is_seen),
        cmocka_unit_test(no_udp_checksum_is_fine_over_ipv4_alone),
        cmocka_unit_test(ipv4_options_are_passed_over),
        cmocka_unit_test(ipv6_extension_headers_are_passed_over),
        cmocka_unit_test(an_extension_header_past_the_datagram_is_malformed),
        cmocka_unit_test(a_packet_on_its_way_by_a_routing_header_has_no_known_checksum),
        cmocka_unit_test(only_the_first_fragment_has_ports),
        cmocka_unit_test(tcp_ports_flags_and_payload_are_read),
        cmocka_unit_test(another_transport_is_left_alone),
        cmocka_unit_test(an_icmp_error_shows_the_packet_it_quotes),
        cmocka_unit_test(each_kind_of_icmp_error_has_a_quote),
        cmocka_unit_test(an_icmpv6_error_shows_the_packet_it_quotes),
        cmocka_unit_test(what_is_no_icmp_error_quotes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, free_last);
}
