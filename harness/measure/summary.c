#include "measure/summary.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ANY_CODE = 0x100 };

/* ICMP errors: RFC 792, RFC 1812 section 5.2.7.1; ICMPv6: RFC 4443 section 3. */
static const struct {
    uint8_t ip_version;
    uint8_t type;
    uint16_t code;
    const char *text;
} icmp_errors[] = {
    {4, 3, 0, "network unreachable"},
    {4, 3, 1, "host unreachable"},
    {4, 3, 2, "protocol unreachable"},
    {4, 3, 3, "port unreachable"},
    {4, 3, 4, "fragmentation needed"},
    {4, 3, 9, "network administratively prohibited"},
    {4, 3, 10, "host administratively prohibited"},
    {4, 3, 13, "communication administratively prohibited"},
    {4, 3, ANY_CODE, "destination unreachable"},
    {4, 4, ANY_CODE, "source quench"},
    {4, 5, ANY_CODE, "redirect"},
    {4, 11, ANY_CODE, "time exceeded"},
    {4, 12, ANY_CODE, "parameter problem"},
    {6, 1, 0, "no route to destination"},
    {6, 1, 1, "communication administratively prohibited"},
    {6, 1, 2, "beyond scope of source address"},
    {6, 1, 3, "address unreachable"},
    {6, 1, 4, "port unreachable"},
    {6, 1, ANY_CODE, "destination unreachable"},
    {6, 2, ANY_CODE, "packet too big"},
    {6, 3, ANY_CODE, "time exceeded"},
    {6, 4, ANY_CODE, "parameter problem"},
};

static const char *icmp_text(const struct packet *packet)
{
    for (size_t i = 0; i < sizeof icmp_errors / sizeof *icmp_errors; i++)
        if (icmp_errors[i].ip_version == packet->ip_version &&
            icmp_errors[i].type == packet->icmp_type &&
            (icmp_errors[i].code == packet->icmp_code || icmp_errors[i].code == ANY_CODE))
            return icmp_errors[i].text;
    return "error";
}

static void write_icmp(const struct packet *packet, char text[SUMMARY_SIZE])
{
    struct packet quoted;
    char from[ADDRESS_TEXT_SIZE];
    char to[ADDRESS_TEXT_SIZE];
    if (packet_parse_quoted(packet, &quoted))
        (void)snprintf(text, SUMMARY_SIZE, "%s, about %s port %u to %s port %u", icmp_text(packet),
                       address_format(&quoted.source, from), (unsigned)quoted.source_port,
                       address_format(&quoted.destination, to), (unsigned)quoted.destination_port);
    else
        (void)snprintf(text, SUMMARY_SIZE, "%s", icmp_text(packet));
}

/* "probe 7" if all octets are printable, else "12 octets". */
static void write_udp(const struct packet *packet, char text[SUMMARY_SIZE])
{
    enum { SHOWN = 60 };
    char shown[SHOWN + 1];
    size_t length = 0;
    while (length < packet->payload_length && length < SHOWN && isprint(packet->payload[length])) {
        shown[length] = (char)packet->payload[length];
        length++;
    }
    shown[length] = '\0';
    if (length > 0 && length == packet->payload_length)
        (void)snprintf(text, SUMMARY_SIZE, "\"%s\"", shown);
    else
        (void)snprintf(text, SUMMARY_SIZE, "%zu octets", packet->payload_length);
}

const char *summary_write(enum protocol protocol, const struct packet *packet,
                          char text[SUMMARY_SIZE])
{
    static size_t (*const describe[PROTOCOL_COUNT])(const uint8_t *octets, size_t length,
                                                    char *text, size_t size) = {
        [PROTOCOL_PCP] = pcp_describe,
        [PROTOCOL_NAT_PMP] = natpmp_describe,
        [PROTOCOL_COAP] = coap_describe,
        [PROTOCOL_DTLS] = dtls_describe,
    };
    if (describe[protocol] != NULL)
        describe[protocol](packet->payload, packet->payload_length, text, SUMMARY_SIZE);
    else if (protocol == PROTOCOL_ICMP)
        write_icmp(packet, text);
    else
        write_udp(packet, text);
    return text;
}
