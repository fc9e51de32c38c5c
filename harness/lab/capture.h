/* Captures every node's end of every link into one pcapng file, in order of time.
 *
 * One thread reads all handles (libpcap, immediate mode, kernel timestamps in nanoseconds). A packet
 * that crosses a link is seen at both ends, out and then in; but each end's ring is filled and read on
 * its own, and under load one may lag another by half a second, so no fixed window puts them in order.
 * What does hold: a packet lies in its ring at most a fraction of a millisecond after its time stamp.
 * So the thread goes in rounds. A round takes the clock, then drains every handle; once it is over,
 * no packet older than that clock (less a millisecond, for safety) is still to come. What is older
 * than the clock of the round before is written, in order; the rest waits for the next round.
 *
 * Each round's packets are handed to the kernel as whole blocks, so a lab that is killed leaves a
 * file that reads well up to its last round.
 */
#ifndef PINHOLE_LAB_CAPTURE_H
#define PINHOLE_LAB_CAPTURE_H

#include "base/error.h"
#include "lab/lab.h"

#include <stdint.h>

/* Above every frame of an Ethernet of 1500 octets; a larger snapshot makes the ring's slots larger,
 * and their number so small that packets are lost. */
enum { CAPTURE_SNAPSHOT = 2048 };

struct capture;

struct capture_counts {
    uint64_t packets; /* written */
    uint64_t dropped; /* lost by the kernel for want of room: reported, never hidden */
    uint64_t cut; /* longer than the snapshot: written with their first octets and true length */
};

/* Opens all handles and starts the thread; when it returns every later packet is seen. */
struct capture *capture_start(const struct lab *lab, const char *path, struct error *error);
/* Reads what was captured up to now, writes statistics, closes. -1 if any packet could not be read or
 * written (the file then is whole up to there); counts is filled also then. Frees capture. */
int capture_stop(struct capture *capture, struct capture_counts *counts, struct error *error);

#endif
