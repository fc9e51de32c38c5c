/* Rules: what a capture alone can show, over one peer or thousands at once.
 *
 * Events go in one by one, in the order of the capture; findings come out. State is kept in tables of
 * bounded size, keyed by the interface where packets were seen: one packet that was captured at both
 * ends of a link, or before and after a router, is one packet and no retransmission. A packet
 * that was seen before at another interface moves the state of its own interface, and is not
 * reported twice.
 *
 * A finding accuses; so a rule is silent wherever the capture leaves another explanation. Where the
 * RFC contradicts itself, either reading passes.
 */
#ifndef PINHOLE_CHECK_RULE_H
#define PINHOLE_CHECK_RULE_H

#include "base/error.h"
#include "check/event.h"
#include "check/register.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule_options {
    uint16_t server_port; /* 0: 5351 */
    /* Seconds of the protocol in one second of the capture: 60 for peers that ran sixty times as
     * fast. 0: 1. */
    double time_scale;
};

struct finding {
    enum requirement_id requirement;
    enum finding_level level;
    uint64_t frame;
    char text[400]; /* expected ..., came ... */
};

struct rules;

/* NULL if memory is out. */
struct rules *rules_create(const struct rule_options *options);
void rules_destroy(struct rules *rules);

/* Judges one event. -1 if memory is out. */
int rules_event(struct rules *rules, const struct event *event);
/* The same for several, in their order: faster, since the state of them all is fetched at once. */
int rules_events(struct rules *rules, const struct event *events, size_t count);
/* Nothing more will come: writes the "and N more" lines of faults that were seen too often to be
 * listed one by one. */
void rules_end(struct rules *rules);

/* In order of their frames; alive until the next call of a function that changes rules. */
const struct finding *rules_findings(const struct rules *rules, size_t *count);
/* Packets given to rules_event, and the PCP and NAT-PMP messages among them. */
uint64_t rules_packets(const struct rules *rules);
uint64_t rules_messages(const struct rules *rules);

/* One rule of the list: what it looks at, and the requirements it judges (ends with
 * REQUIREMENT_COUNT). */
struct rule_description {
    const char *name;
    const char *looks_at;
    const enum requirement_id *requirements;
    bool
        of_time; /* what it finds may also come of a busy machine where the peer's time is scaled */
};
/* NULL behind the last. */
const struct rule_description *rule_describe(size_t index);

#endif
