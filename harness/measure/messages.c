#include "measure/messages.h"

#include "check/event.h"
#include "measure/json_file.h"
#include "measure/protocol.h"
#include "measure/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ENDPOINT_TEXT_SIZE = ADDRESS_TEXT_SIZE + sizeof "[]:65535" };

/* ADDRESS:PORT, [ADDRESS]:PORT; without its port when that is 0, as for ICMP. */
static const char *format_endpoint(const struct address *address, uint16_t port,
                                   char text[ENDPOINT_TEXT_SIZE])
{
    char name[ADDRESS_TEXT_SIZE];
    address_format(address, name);
    if (port == 0)
        (void)snprintf(text, ENDPOINT_TEXT_SIZE, "%s", name);
    else
        (void)snprintf(text, ENDPOINT_TEXT_SIZE, address_is_ipv4(address) ? "%s:%u" : "[%s]:%u",
                       name, (unsigned)port);
    return text;
}

static uint64_t digest_octets(uint64_t digest, const uint8_t *octets, size_t length)
{
    for (size_t i = 0; i < length; i++) /* FNV-1a, 64 bits */
        digest = (digest ^ octets[i]) * UINT64_C(1099511628211);
    return digest;
}

/* Of what stays the same on every hop. A NAT rewrites addresses, ports and the packet that an ICMP
 * error quotes, but no UDP payload. */
static uint64_t digest_of(enum protocol protocol, const struct packet *packet)
{
    uint8_t kind = (uint8_t)protocol;
    uint64_t digest = digest_octets(UINT64_C(14695981039346656037), &kind, 1);
    struct packet quoted;
    if (protocol != PROTOCOL_ICMP)
        return digest_octets(digest, packet->payload, packet->payload_length);
    if (!packet_parse_quoted(packet, &quoted))
        return digest;
    const uint8_t meaning[] = {packet->icmp_type, packet->icmp_code, quoted.protocol};
    digest = digest_octets(digest, meaning, sizeof meaning);
    return digest_octets(digest, quoted.payload, quoted.payload_length);
}

/* Whether a person who follows the run wants to read it. */
static bool is_message(enum protocol protocol, const struct packet *packet)
{
    struct packet quoted;
    switch (protocol) {
    case PROTOCOL_PCP:
    case PROTOCOL_NAT_PMP:
    case PROTOCOL_COAP:
    case PROTOCOL_DTLS:
    case PROTOCOL_UDP:
        return true;
    case PROTOCOL_ICMP:
        return packet_parse_quoted(packet, &quoted);
    default:
        return false;
    }
}

static json_t *object_of(const struct event_source *source, const struct event *event,
                         int64_t first, enum protocol protocol)
{
    const struct packet *packet = &event->packet;
    char from[ENDPOINT_TEXT_SIZE];
    char to[ENDPOINT_TEXT_SIZE];
    char summary[SUMMARY_SIZE];
    char digest[17];
    bool ports = protocol != PROTOCOL_ICMP;
    format_endpoint(&packet->source, ports ? packet->source_port : 0, from);
    format_endpoint(&packet->destination, ports ? packet->destination_port : 0, to);
    summary_write(protocol, packet, summary);
    (void)snprintf(digest, sizeof digest, "%016" PRIx64, digest_of(protocol, packet));
    return json_pack("{s:I,s:f,s:o,s:s,s:s,s:s,s:s,s:o,s:s}", "frame", (json_int_t)event->frame,
                     "time", (double)(event->time - first) / 1e9, "interface",
                     json_file_text(event_interface_name(source, event->interface)), "direction",
                     protocol_direction_name(event->direction), "source", from, "destination", to,
                     "protocol", protocol_name(protocol), "summary", json_file_text(summary),
                     "payload", digest);
}

/* Writes every message. As event_next: 0 at the end, -1 and an error if the file is damaged. */
static int write_all(struct json_file *file, struct protocol_memory *memory,
                     struct event_source *source, struct error *error)
{
    int64_t first = 0;
    struct event event;
    int status;
    while ((status = event_next(source, &event, error)) > 0) {
        if (event.frame == 1)
            first = event.time;
        enum protocol protocol = protocol_of(memory, &event.packet);
        if (is_message(protocol, &event.packet))
            json_file_add(file, object_of(source, &event, first, protocol));
    }
    return status;
}

int messages_write(const char *capture_path, const char *json_path, uint64_t *count,
                   struct error *error)
{
    if (count)
        *count = 0;
    struct event_source *source = event_open(capture_path, error);
    if (!source)
        return -1;
    struct json_file file;
    int status = -1;
    struct protocol_memory *memory = calloc(1, sizeof *memory);
    if (!memory) {
        error_set_errno(error, ENOMEM, "%s", capture_path);
    } else if (json_file_open(&file, json_path, error) == 0) {
        status = write_all(&file, memory, source, error);
        if (json_file_close(&file, error) < 0)
            status = -1;
        if (count)
            *count = file.count;
    }
    free(memory);
    event_close(source);
    return status;
}
