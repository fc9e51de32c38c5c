/* pinhole-probe: shows whether UDP gets through, and answers where it should arrive.
 *
 * Some clients only make a mapping (natpmpc, libtorrent); whether it works is shown by a datagram from
 * outside and its answer. What this program prints tells people what it does; verdicts come from the
 * packets.
 */
#ifndef PINHOLE_NODE_PROBE_PROBE_H
#define PINHOLE_NODE_PROBE_PROBE_H

#include "node/probe/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

enum probe_exit { PROBE_ANSWERED = 0, PROBE_SILENCE = 1, PROBE_FAILED = 2 };

/* In front of the text in an answer; a datagram that begins so is never answered, or two that answer
 * would go on for ever. */
#define PROBE_MARK "answer: "

enum { PROBE_DATAGRAM = 1200 }; /* octets of payload, answers included: passes every path whole */

struct probe_options {
    struct endpoint to;
    struct endpoint from;
    bool has_from;
    uint16_t port;
    unsigned count; /* send: tries; answer: answers before it ends, 0 for ever */
    unsigned wait;  /* ms for the answer to one try */
    const char *text;
};

/* Sends up to count datagrams, each once the one before stayed without answer for wait ms. */
enum probe_exit probe_send(const struct probe_options *options);
/* Answers every datagram to port, of IPv4 and IPv6, from the address it was sent to. */
enum probe_exit probe_answer(const struct probe_options *options);

/* Prints one line about a system call that failed; returns PROBE_FAILED. */
enum probe_exit probe_fail(const char *what);

#endif
