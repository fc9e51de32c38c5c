/* What a run cost each interface: packets, octets and wake-ups, by protocol and direction.
 *
 * Octets are those of the IP datagram, its header included, link layer excluded; packets without IP
 * (ARP) count with no octets. A wake-up is a packet that comes more than a second after the previous
 * one of its interface, either way, whatever the protocol; the first is one. A radio that sleeps
 * after a second of silence would be woken by exactly these.
 */
#ifndef PINHOLE_MEASURE_TRAFFIC_H
#define PINHOLE_MEASURE_TRAFFIC_H

#include "base/error.h"
#include "measure/protocol.h"
#include "wire/capfile.h"

#include <stddef.h>
#include <stdint.h>

enum { TRAFFIC_DIRECTIONS = DIRECTION_OUT + 1 };

struct traffic_count {
    uint64_t packets;
    uint64_t octets;
    uint64_t wakeups;
};

struct traffic_interface {
    char name[CAPFILE_NAME_SIZE]; /* NODE:IFACE; empty where the capture names none */
    int64_t last;                 /* time of its latest packet, nanoseconds since 1970 */
    struct traffic_count counts[PROTOCOL_COUNT]
                               [TRAFFIC_DIRECTIONS]; /* [..][enum capfile_direction] */
};

struct traffic {
    struct traffic_interface *interfaces; /* those with packets first seen first */
    size_t count;
    int64_t first; /* of the capture, nanoseconds since 1970 */
    int64_t last;
};

/* Fills out from a capture; the caller frees it with traffic_free, also after an error. -1 and an
 * error if the capture can't be opened, or is damaged: then out holds what came before. */
int traffic_measure(const char *capture_path, struct traffic *out, struct error *error);

/* One object for each interface and protocol that had packets:
 *   {"interface", "protocol", "in": {"packets", "octets", "wakeups"}, "out": {...}}
 * and "unknown" likewise, if the capture tells no direction. 0, or -1 and an error. */
int traffic_write(const struct traffic *traffic, const char *json_path, struct error *error);

void traffic_free(struct traffic *traffic);

#endif
