/* Captures every node's end of every link into one pcapng file, in order of time.
 *
 * One thread reads all handles (libpcap, immediate mode, kernel timestamps). Each round takes the
 * clock, drains every handle, and writes what is older than the previous round's clock less a
 * millisecond: timestamps of different handles may otherwise come out of order.
 */
#ifndef PINHOLE_LAB_CAPTURE_H
#define PINHOLE_LAB_CAPTURE_H

#include "base/error.h"
#include "lab/lab.h"

#include <stdint.h>

struct capture;

struct capture_counts {
    uint64_t packets; /* written */
    uint64_t dropped; /* lost by the kernel for want of room: reported, never hidden */
};

/* Opens all handles and starts the thread; when it returns every later packet is seen. */
struct capture *capture_start(const struct lab *lab, const char *path, struct error *error);
/* Drains, writes statistics, closes. counts is filled also on error. Frees capture. */
int capture_stop(struct capture *capture, struct capture_counts *counts, struct error *error);

#endif
