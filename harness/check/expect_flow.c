#include "check/expect_flow.h"

#include "check/table.h"

#include <stdio.h>
#include <string.h>

enum { FLOW_LIMIT = 1 << 16, REQUEST_LIMIT = 1 << 14, OPTION_URI_PATH = 11 };

/* Addresses and ports of both ends of a packet. */
struct ends {
    uint8_t octets[2][18];
    uint32_t interface;
};

static struct ends ends_of(const struct event *event, bool destination_first)
{
    const struct packet *packet = &event->packet;
    struct ends ends = {.interface = event->interface};
    uint8_t *source = ends.octets[destination_first];
    uint8_t *destination = ends.octets[!destination_first];
    memcpy(source, packet->source.octet, 16);
    memcpy(source + 16, &packet->source_port, 2);
    memcpy(destination, packet->destination.octet, 16);
    memcpy(destination + 16, &packet->destination_port, 2);
    return ends;
}

/* The smaller end first: the same for both directions. */
static struct ends sorted_ends_of(const struct event *event)
{
    struct ends ends = ends_of(event, false);
    bool swap = memcmp(ends.octets[0], ends.octets[1], sizeof ends.octets[0]) > 0;
    return swap ? ends_of(event, true) : ends;
}

/* --- quiet ----------------------------------------------------------------------------------- */

struct flow {
    struct flow_key {
        struct ends ends;
        uint32_t protocol;
    } key;
    int64_t last;
};

static void forget_flow(void *entry, void *argument)
{
    const struct flow *flow = entry;
    struct flow_quiet *quiet = argument;
    if (flow->last > quiet->unknown_before)
        quiet->unknown_before = flow->last;
}

bool flow_quiet_open(struct flow_quiet *quiet)
{
    struct table_shape shape = {.key_size = sizeof(struct flow_key),
                                .entry_size = sizeof(struct flow),
                                .limit = FLOW_LIMIT,
                                .evicted = forget_flow,
                                .argument = quiet};
    quiet->flows = table_create(&shape);
    return quiet->flows != NULL;
}

void flow_quiet_close(struct flow_quiet *quiet)
{
    table_destroy(quiet->flows);
}

int64_t flow_quiet_note(struct flow_quiet *quiet, const struct event *event)
{
    struct flow_key key = {.ends = sorted_ends_of(event), .protocol = event->packet.protocol};
    bool made = false;
    struct flow *flow = table_get(quiet->flows, &key, &made);
    if (!flow)
        return -1;
    int64_t since = made ? quiet->unknown_before : flow->last;
    flow->last = event->time;
    return event->time > since ? event->time - since : 0;
}

/* --- requests -------------------------------------------------------------------------------- */

struct request {
    struct request_key {
        struct ends ends;
        uint32_t token_length;
        uint8_t token[COAP_MESSAGE_TOKEN_LIMIT];
    } key;
    char path[FLOW_PATH_SIZE];
};

bool flow_requests_open(struct flow_requests *requests)
{
    struct table_shape shape = {.key_size = sizeof(struct request_key),
                                .entry_size = sizeof(struct request),
                                .limit = REQUEST_LIMIT};
    requests->paths = table_create(&shape);
    return requests->paths != NULL;
}

void flow_requests_close(struct flow_requests *requests)
{
    table_destroy(requests->paths);
}

void flow_requests_path(struct flow_requests *requests, const struct event *event,
                        const struct coap_message *message, char path[FLOW_PATH_SIZE])
{
    bool asks = coap_message_is_request(message);
    path[0] = '\0';
    if (message->code == 0)
        return;
    struct request_key key = {.ends = ends_of(event, !asks), .token_length = message->token_length};
    memcpy(key.token, message->token, message->token_length);
    if (asks) {
        bool made = false;
        if (!coap_message_path(message, OPTION_URI_PATH, path, FLOW_PATH_SIZE))
            path[0] = '\0';
        struct request *request = table_get(requests->paths, &key, &made);
        if (request)
            memcpy(request->path, path, FLOW_PATH_SIZE);
        return;
    }
    const struct request *request = table_find(requests->paths, &key);
    if (request)
        memcpy(path, request->path, FLOW_PATH_SIZE);
}
