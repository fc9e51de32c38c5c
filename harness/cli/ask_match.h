/* Does a datagram answer a request? */
#ifndef PINHOLE_CLI_ASK_MATCH_H
#define PINHOLE_CLI_ASK_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL if answer, which came from the server asked, answers request by RFC 6887 sections 8.3, 11.4 and
 * 12.4 or RFC 6886 sections 3.2 and 3.3; else why it doesn't. Where the request itself is broken the
 * answer may be broken in the same way, since a server copies it (8.2). */
const char *ask_mismatch(const uint8_t *request, size_t request_length, const uint8_t *answer,
                         size_t answer_length);

/* What an answer says, of which ask_mismatch() said NULL. */
struct ask_verdict {
    bool success;
    bool natpmp;
    bool has_epoch;
    uint32_t epoch;
};

struct ask_verdict ask_judge(const uint8_t *answer, size_t length);

#endif
