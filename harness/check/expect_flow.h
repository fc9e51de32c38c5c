/* What is remembered of flows while a capture goes by: how long they have been quiet, and which path the
 * request of a token asked for. Internal to check/expect*.c. */
#ifndef PINHOLE_CHECK_EXPECT_FLOW_H
#define PINHOLE_CHECK_EXPECT_FLOW_H

#include "check/event.h"
#include "wire/coap.h"

struct table;

/* The times of flows' packets at one interface. A flow that had to make room for others counts as seen at
 * the time of the youngest that went: quiet is never claimed without proof. */
struct flow_quiet {
    struct table *flows;
    int64_t unknown_before; /* set by the caller to the time of the first packet */
};

/* False if memory is out. */
bool flow_quiet_open(struct flow_quiet *quiet);
void flow_quiet_close(struct flow_quiet *quiet);
/* Notes the packet and returns how long, in ns, its flow has been provably quiet; -1 if memory is out. */
int64_t flow_quiet_note(struct flow_quiet *quiet, const struct event *event);

/* The paths of CoAP requests, by interface, client, server and token: responses and notifications don't
 * repeat them. The oldest make room. */
struct flow_requests {
    struct table *paths;
};

enum { FLOW_PATH_SIZE = 64 };

/* False if memory is out. */
bool flow_requests_open(struct flow_requests *requests);
void flow_requests_close(struct flow_requests *requests);
/* Writes the path of a request, and notes it; of a response, that of its request. "" if that isn't known, or is
 * longer. */
void flow_requests_path(struct flow_requests *requests, const struct event *event,
                        const struct coap_message *message, char path[FLOW_PATH_SIZE]);

#endif
