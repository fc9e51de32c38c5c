/* Packet events: what rules judge, whatever the packets come from.
 *
 * A source reads a capture file (pcap or pcapng, also from a pipe) and yields one event a packet.
 * Octets of an event live until the next call.
 */
#ifndef PINHOLE_CHECK_EVENT_H
#define PINHOLE_CHECK_EVENT_H

#include "base/error.h"
#include "wire/capfile.h"
#include "wire/packet.h"

#include <stdint.h>

struct event {
    uint64_t frame;                   /* as Wireshark numbers it */
    int64_t time;                     /* nanoseconds since 1970 */
    uint32_t interface;               /* index, see event_interface_name */
    enum capfile_direction direction; /* as seen by the node that owns the interface */
    uint32_t captured;
    uint32_t original;
    struct packet packet;
};

struct event_source;

/* Opens path ("-" is standard input). NULL and an error if it can't be opened or is no capture. */
struct event_source *event_open(const char *path, struct error *error);
/* 1: *event is the next packet; 0: end of file; -1: the file is damaged from here on (error says
 * where); the packets before that have all been returned. */
int event_next(struct event_source *source, struct event *event, struct error *error);
/* The same for up to capacity packets at once, whose octets all live until the next call. Returns how
 * many there are; 0 and -1 as above, behind the last of them. */
int event_next_several(struct event_source *source, struct event *events, int capacity,
                       struct error *error);
/* "NODE:IFACE" of a lab capture; "" where the file names none. */
const char *event_interface_name(const struct event_source *source, uint32_t interface);
void event_close(struct event_source *source);

#endif
