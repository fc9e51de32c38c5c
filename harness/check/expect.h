/* Expectations: what a scenario says must, or must not, be seen in its packets.
 *
 * An expectation is data: which packets it is about, where, when, and how many. It is judged from a
 * capture, after the run; nothing that a program prints counts. One packet, the *anchor*, stands
 * for an expectation that was met: the first that matched, or the Nth where N are expected. Later
 * expectations may refer to it: by time (`after`, `before`) and by value, as in
 *
 *     destination-port = ${mapping.external-port}
 *
 * so that one flow can be followed through every NAT. References name expectations that stand earlier
 * in the list. A reference to an expectation that was not met fails the one that refers to it.
 */
#ifndef PINHOLE_CHECK_EXPECT_H
#define PINHOLE_CHECK_EXPECT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPECT_CONDITIONS = 16, /* in one expectation */
    EXPECT_FRAMES = 16      /* listed in one verdict */
};

/* value is a number, a name ("MAP", "SUCCESS", "2.05", "udp"), an address or a text, with ">=",
 * "<=", ">", "<" or "!=" in front where that makes sense; or ${NAME.FIELD}. Fields of CoAP may name a
 * resource of LwM2M, as in "number:/26887/0/2": check/expect_lwm2m.c. */
struct expect_condition {
    const char *field;
    const char *value;
    int line; /* in the scenario file, for messages; 0 if there is none */
};

/* Strings belong to the caller. What is NULL or 0 makes no demand. */
struct expectation {
    const char *name;      /* of this expectation, unique in its list; never NULL */
    const char *see;       /* "pcp", "natpmp", "coap", "dtls", "udp", "tcp" or "icmp"; never NULL */
    const char *at;        /* "NODE:IFACE" */
    const char *direction; /* "in" or "out", as seen by the node that owns the interface */
    struct expect_condition where[EXPECT_CONDITIONS];
    size_t where_count;
    int64_t quiet;      /* nanoseconds: no packet between the same two endpoints (addresses and
                           ports), either way, for so long before; so long a capture is needed too */
    const char *after;  /* only packets behind the anchor of this one */
    const char *before; /* only packets in front of the anchor of this one, if that was met */
    const char *count;  /* "3", ">=3" or "<=3" packets; NULL is ">=1" */
    bool absent;        /* no such packet may be seen */
    int line;           /* in the scenario file, for messages; 0 if there is none */
};

enum expect_outcome { EXPECT_PASS, EXPECT_FAIL };

struct expect_verdict {
    enum expect_outcome outcome;
    char expected[400]; /* what was to be seen, in one line */
    char actual[500];   /* what was seen instead, or what met it; the nearest packet if none did */
    uint64_t frames[EXPECT_FRAMES];
    size_t frame_count;
    uint64_t matched; /* packets, all of them */
};

/* Looks for unknown words, fields, values and references before anything is run. 0, or -1 with
 * "FILE:LINE: what is wrong"; file may be NULL. */
int expect_validate(const struct expectation *list, size_t count, const char *file,
                    struct error *error);

/* Judges a capture file: verdicts[i] belongs to list[i], which expect_validate has accepted. -1 with
 * an error if the file can't be read to its end. */
int expect_judge(const char *capture, const struct expectation *list, size_t count,
                 struct expect_verdict *verdicts, struct error *error);

#endif
