#include "cli/ladder.h"

#include "check/event.h"
#include "measure/protocol.h"
#include "measure/summary.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* NULL for what is not told. */
static const char *colour_of(enum protocol protocol)
{
    static const char *const colours[PROTOCOL_COUNT] = {
        [PROTOCOL_PCP] = "\033[32m",  [PROTOCOL_NAT_PMP] = "\033[32m", [PROTOCOL_COAP] = "\033[36m",
        [PROTOCOL_DTLS] = "\033[35m", [PROTOCOL_ICMP] = "\033[31m",    [PROTOCOL_UDP] = "\033[33m",
    };
    return colours[protocol];
}

/* Errors yes, pings and neighbour discovery no. */
static bool is_message(enum protocol protocol, const struct packet *packet)
{
    struct packet quoted;
    return colour_of(protocol) &&
           (protocol != PROTOCOL_ICMP || packet_parse_quoted(packet, &quoted));
}

static void tell(const struct ladder *ladder, const struct event_source *source,
                 const struct event *event, enum protocol protocol)
{
    char from[ADDRESS_TEXT_SIZE];
    char to[ADDRESS_TEXT_SIZE];
    char summary[SUMMARY_SIZE];
    const struct packet *packet = &event->packet;
    const char *name = protocol_name(protocol);
    summary_write(protocol, packet, summary);
    const bool says_itself = strncmp(summary, name, strlen(name)) == 0;
    (void)printf("%9.3f  %-14s %s -> %s  %s%s%s%s%s\n", (double)(event->time - ladder->first) / 1e9,
                 event_interface_name(source, event->interface),
                 address_format(&packet->source, from), address_format(&packet->destination, to),
                 ladder->colours ? colour_of(protocol) : "", name, ladder->colours ? "\033[0m" : "",
                 says_itself ? "" : " ", summary + (says_itself ? strlen(name) : 0));
}

void ladder_follow(struct ladder *ladder)
{
    struct stat status;
    if (stat(ladder->capture, &status) != 0 || status.st_size == ladder->size)
        return;
    ladder->size = status.st_size;
    struct error ignored = {0}; /* the writer may be in the middle of a packet */
    struct event_source *source = event_open(ladder->capture, &ignored);
    if (!source)
        return;
    struct protocol_memory memory = {0};
    struct event event;
    while (event_next(source, &event, &ignored) == 1) {
        enum protocol protocol = protocol_of(&memory, &event.packet);
        if (event.frame <= ladder->frames)
            continue;
        if (ladder->frames == 0)
            ladder->first = event.time;
        ladder->frames = event.frame;
        if (event.direction == DIRECTION_OUT && is_message(protocol, &event.packet))
            tell(ladder, source, &event, protocol);
    }
    event_close(source);
}
