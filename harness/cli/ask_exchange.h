/* One request and what comes of it. */
#ifndef PINHOLE_CLI_ASK_EXCHANGE_H
#define PINHOLE_CLI_ASK_EXCHANGE_H

#include "base/error.h"
#include "cli/ask_match.h"
#include "cli/ask_view.h"

#include <stdbool.h>
#include <stdint.h>

struct ask_outcome {
    enum ask_result result;
    struct ask_verdict verdict; /* of the answer, unless there was silence */
    uint64_t answered;          /* when it came, ns of the monotonic clock */
    uint64_t untold;            /* datagrams and errors that were too many to be shown */
};

/* Sends and retransmits until an answer comes or the time is up; listens on for linger ms behind the
 * answer. Whatever comes in, this takes no longer and no more memory. 0; or -1 and an error if the
 * request can't leave. */
int ask_exchange(const struct ask_plan *plan, const struct ask_view *view, uint32_t linger,
                 struct ask_outcome *out, struct error *error);

#endif
