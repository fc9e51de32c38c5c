/* What `pinhole ask` shows of an exchange while it goes on: as text for people, or as JSON. */
#ifndef PINHOLE_CLI_ASK_VIEW_H
#define PINHOLE_CLI_ASK_VIEW_H

#include "cli/ask_socket.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A datagram that came in, and whether it is the answer. */
struct ask_arrival {
    const uint8_t *octets;
    struct ask_datagram datagram;
    const char *why_not; /* it isn't the answer; NULL: it is */
    bool stranger;       /* it doesn't come from the server */
    uint64_t round_trip; /* ns since the first transmission, and since the last one */
    uint64_t since_last;
    unsigned transmissions;
};

/* Two epochs and whether they fit (RFC 6887 section 8.5, RFC 6886 section 3.6). */
struct ask_epoch {
    bool natpmp;
    bool valid;
    uint32_t before, now;
    uint64_t elapsed; /* ns between them */
};

struct ask_plan {
    const struct ask_options *options;
    const struct ask_socket *socket;
    const struct ask_octets *request;
};

enum ask_result { ASK_SUCCESS, ASK_FAILURE, ASK_SILENCE };

/* The functions are called in this order: begin; for each request sent first `sent` (elapsed: ns since
 * the first transmission), then what happens, then `asked` with how many arrivals were too many to be
 * told; at last end. */
struct ask_view {
    void (*begin)(const struct ask_plan *plan);
    void (*sent)(const struct ask_plan *plan, unsigned transmission, uint64_t elapsed);
    void (*arrival)(const struct ask_plan *plan, const struct ask_arrival *arrival);
    void (*trouble)(const struct ask_plan *plan, const struct ask_trouble *trouble);
    void (*epoch)(const struct ask_plan *plan, const struct ask_epoch *epoch);
    void (*asked)(const struct ask_plan *plan, enum ask_result result, uint64_t untold);
    void (*end)(const struct ask_plan *plan, enum ask_result result);
};

extern const struct ask_view ask_view_text;
extern const struct ask_view ask_view_json;

/* "success", "error", "silence" */
const char *ask_result_name(enum ask_result result);

/* One line about a message, and its fields. PCP and NAT-PMP are told apart by the first octet. */
size_t ask_describe(const uint8_t *octets, size_t length, char *text, size_t size);
json_t *ask_fields(const uint8_t *octets, size_t length);

#endif
