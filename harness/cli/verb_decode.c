/* `pinhole decode`: every PCP, NAT-PMP and CoAP message of a capture, a line or a JSON object each.
 *
 * JSON is written message by message, so that the length of a capture costs no memory. Nothing is
 * judged here; that is what `pinhole check` is for.
 */
#include "check/event.h"
#include "cli/decode_fields.h"
#include "cli/verbs.h"
#include "measure/json_file.h"
#include "measure/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decoding {
    bool json;
    const char *path;
    struct event_source *source;
    struct protocol_memory memory;
    uint64_t packets;
    uint64_t messages;
    int64_t first; /* time of the first packet */
};

enum { ENDPOINT_SIZE = ADDRESS_TEXT_SIZE + sizeof "[]:65535" };

static const char *endpoint(const struct address *address, uint16_t port, char text[ENDPOINT_SIZE])
{
    char name[ADDRESS_TEXT_SIZE];
    (void)snprintf(text, ENDPOINT_SIZE, address_is_ipv4(address) ? "%s:%u" : "[%s]:%u",
                   address_format(address, name), port);
    return text;
}

static void show(struct decoding *decoding, const struct event *event, enum protocol protocol)
{
    const struct packet *packet = &event->packet;
    char source[ENDPOINT_SIZE];
    char destination[ENDPOINT_SIZE];
    char summary[SUMMARY_SIZE];
    const char *interface = event_interface_name(decoding->source, event->interface);
    double seconds = (double)(event->time - decoding->first) / 1e9;
    endpoint(&packet->source, packet->source_port, source);
    endpoint(&packet->destination, packet->destination_port, destination);
    summary_write(protocol, packet, summary);
    decoding->messages++;
    if (!decoding->json) {
        (void)printf("%" PRIu64 " %.6f %s%s%s > %s %s\n", event->frame, seconds, interface,
                     interface[0] ? " " : "", source, destination, summary);
        return;
    }
    json_t *object =
        json_pack("{s:I,s:f,s:o,s:s,s:s,s:s,s:s,s:o}", "frame", (json_int_t)event->frame, "time",
                  seconds, "interface", json_file_text(interface), "source", source, "destination",
                  destination, "protocol", protocol_name(protocol), "summary", summary, "fields",
                  decode_fields(protocol, packet->payload, packet->payload_length));
    (void)fputs(decoding->messages > 1 ? ",\n  " : "\n  ", stdout);
    if (!object || json_dumpf(object, stdout, JSON_ENSURE_ASCII) < 0)
        (void)fputs("null", stdout); /* no memory: still whole JSON */
    json_decref(object);
}

static int decode(struct decoding *decoding, struct error *error)
{
    struct event event;
    int status;
    if (decoding->json)
        (void)fputs("{\"messages\": [", stdout);
    while ((status = event_next(decoding->source, &event, error)) > 0) {
        if (decoding->packets++ == 0)
            decoding->first = event.time;
        enum protocol protocol = protocol_of(&decoding->memory, &event.packet);
        if (protocol == PROTOCOL_PCP || protocol == PROTOCOL_NAT_PMP || protocol == PROTOCOL_COAP)
            show(decoding, &event, protocol);
    }
    if (decoding->json)
        (void)printf("\n], \"packets\": %" PRIu64 "}\n", decoding->packets);
    return status;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: pinhole decode CAPTURE [--json]\n");
    return EXIT_HARNESS;
}

int verb_decode(int argc, char **argv)
{
    static struct decoding decoding; /* large, for what it remembers */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            decoding.json = true;
        else if (decoding.path || (argv[i][0] == '-' && argv[i][1]))
            return usage();
        else
            decoding.path = argv[i];
    }
    if (!decoding.path)
        return usage();

    struct error error = {""};
    decoding.source = event_open(decoding.path, &error);
    if (!decoding.source) {
        (void)fprintf(stderr, "pinhole decode: %s\n", error.text);
        return EXIT_HARNESS;
    }
    int status = decode(&decoding, &error);
    event_close(decoding.source);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "pinhole decode: cannot write to standard output\n");
        return EXIT_HARNESS;
    }
    if (status < 0) {
        (void)fprintf(stderr, "pinhole decode: %s\n", error.text);
        return EXIT_HARNESS;
    }
    return decoding.messages ? EXIT_GOOD : EXIT_NOTHING;
}
