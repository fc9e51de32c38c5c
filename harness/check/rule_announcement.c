/* Announcements nobody asked for, section 14.1.3. */
#include "check/rule_state.h"

#include <string.h>

const enum requirement_id announcement_requirements[] = {
    R6887_14_1_3_01, R6887_14_1_3_02, R6887_14_1_3_04, R6887_14_1_3_09, REQUIREMENT_COUNT,
};

enum { BURSTS = 1024, COPIES = 10 };

static const double first_gap = 0.250; /* seconds */
static const double tolerance = 0.020; /* of our seconds, by which a gap may shrink on its way */

static const double epoch_slack = 1.1; /* seconds by which an epoch may lag that goes on */

static const struct address all_hosts = {{[10] = 0xff, 0xff, 224, 0, 0, 1}};
static const struct address all_nodes = {{0xff, 0x02, [15] = 1}};

/* The copies of one announcement, as one server sends them. */
struct burst {
    struct burst_key {
        uint8_t server[16];
        uint8_t destination[16];
        uint32_t interface;
    } key;
    int64_t time;
    double gap; /* seconds; 0 behind the first copy */
    uint32_t epoch;
    uint32_t copies;
};

struct table *bursts_create(void)
{
    struct table_shape shape = {
        .key_size = sizeof(struct burst_key), .entry_size = sizeof(struct burst), .limit = BURSTS};
    return table_create(&shape);
}

static void judge_ends(struct rules *rules, const struct message *message)
{
    char text[ADDRESS_TEXT_SIZE];
    const struct address *to = &message->client;
    bool group = address_equal(to, &all_hosts) || address_equal(to, &all_nodes);
    if (message->server_port != rules->options.server_port)
        rule_report(rules, message, R6887_14_1_3_02, CERTAIN,
                    "expected an announcement from port %u, where requests go, came one from port "
                    "%u",
                    rules->options.server_port, message->server_port);
    if (!group || message->client_port != PCP_CLIENT_PORT)
        rule_report(rules, message, R6887_14_1_3_09, CERTAIN,
                    "expected an announcement to 224.0.0.1 or ff02::1, port 5350, came one to %s "
                    "port %u",
                    address_format(to, text), message->client_port);
}

/* Up to ten copies, the first gap 250 ms or more, then each at least twice the one before. An epoch that has
 * fallen, or does not keep up, begins another announcement. */
static void judge_repetition(struct rules *rules, const struct message *message)
{
    struct burst_key key = {.interface = message->event->interface};
    memcpy(key.server, message->server.octet, sizeof key.server);
    memcpy(key.destination, message->client.octet, sizeof key.destination);
    bool made = false;
    struct burst *burst = table_get(rules->bursts, &key, &made);
    if (!burst)
        return;
    double gap = rule_seconds(rules, message->event->time - burst->time);
    double lag = burst->epoch + gap - message->pcp.epoch;
    bool same = !made && message->pcp.epoch >= burst->epoch && gap >= 0 && lag < epoch_slack;
    double shortest = burst->gap > 0 ? 2 * burst->gap : first_gap;
    burst->copies = same ? burst->copies + 1 : 1;
    if (same && gap < shortest - tolerance * rules->options.time_scale)
        rule_report(rules, message, R6887_14_1_3_04, CERTAIN,
                    "expected %.3f s or more between copies %u and %u of an announcement, came "
                    "%.3f s",
                    shortest, burst->copies - 1, burst->copies, gap);
    if (same && burst->copies == COPIES + 1)
        rule_report(rules, message, R6887_14_1_3_04, CERTAIN,
                    "expected at most ten copies of an announcement, came an eleventh");
    burst->gap = same ? gap : 0;
    burst->epoch = message->pcp.epoch;
    burst->time = message->event->time;
}

bool announced_since(const struct rules *rules, const struct message *message, int64_t time)
{
    struct burst_key key = {.interface = message->event->interface};
    memcpy(key.server, message->server.octet, sizeof key.server);
    const struct address *group = address_is_ipv4(&message->server) ? &all_hosts : &all_nodes;
    memcpy(key.destination, group->octet, sizeof key.destination);
    const struct burst *burst = table_find(rules->bursts, &key);
    return burst && burst->time >= time;
}

void judge_announcement(struct rules *rules, const struct message *message,
                        const struct conversation *conversation)
{
    (void)conversation;
    if (!message->from_server || !message->multicast || message->pcp.opcode != PCP_ANNOUNCE)
        return;
    if (message->pcp.result != PCP_SUCCESS)
        rule_report(rules, message, R6887_14_1_3_01, CERTAIN,
                    "expected result 0 in an announcement, came %u", message->pcp.result);
    judge_ends(rules, message);
    judge_repetition(rules, message);
}
