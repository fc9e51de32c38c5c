/* The messages of a run, one line each: what a person would read to follow it.
 *
 * Kept are PCP, NAT-PMP and CoAP messages, records of DTLS, ICMP errors, and other UDP datagrams between two hosts
 * (probes through a mapping); not TCP, neighbour discovery, DNS, nor what daemons shout to the link.
 * A message appears once for each interface that saw it.
 *
 * The file is a JSON array of objects:
 *   frame        number in the capture, as Wireshark counts
 *   time         seconds since the capture's first packet
 *   interface    NODE:IFACE
 *   direction    "in", "out" or "unknown", as the interface's node sees it
 *   source, destination   ADDRESS:PORT, [ADDRESS]:PORT; ICMP has no port
 *   protocol     "PCP", "NAT-PMP", "CoAP", "DTLS", "ICMP", "UDP"
 *   summary      one line
 *   payload      16 hexadecimal digits, a digest of what a NAT does not rewrite: equal digests on
 *                several interfaces are sightings of one message on its way
 */
#ifndef PINHOLE_MEASURE_MESSAGES_H
#define PINHOLE_MEASURE_MESSAGES_H

#include "base/error.h"

#include <stdint.h>

/* Reads the capture at capture_path and writes json_path. *count (may be NULL) is the number of
 * objects written. Returns 0; or -1 and an error: then either nothing could be opened or written, or
 * the capture is damaged and the file holds the messages before the damage, and is whole JSON. */
int messages_write(const char *capture_path, const char *json_path, uint64_t *count,
                   struct error *error);

#endif
