#include "check/rule_state.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they look at a message. Rules that need the state of the conversation see it
 * as it was before the message. */
static const struct rule rules_all[] = {
    {{"header", "version, R bit, reserved bits and length", header_requirements, false},
     SCOPE_PCP,
     judge_header},
    {{"option", "options: structure, padding, lengths, counts, where they may stand",
      option_requirements, false},
     SCOPE_SOUND,
     judge_options},
    {{"address", "how addresses are written, and the client address field", address_requirements,
      false},
     SCOPE_SOUND,
     judge_addresses},
    {{"field", "opcode data of ANNOUNCE, MAP and PEER", field_requirements, false},
     SCOPE_SOUND,
     judge_fields},
    {{"match", "a response against its request", match_requirements, false},
     SCOPE_SOUND,
     judge_match},
    {{"error", "result codes, lifetimes and copies of requests in errors", error_requirements,
      false},
     SCOPE_SOUND,
     judge_error},
    {{"timing", "retransmissions, renewals and rest after errors", timing_requirements, true},
     SCOPE_SOUND,
     judge_timing},
    {{"epoch", "the epochs of a server over time", epoch_requirements, true},
     SCOPE_SOUND,
     judge_epoch},
    {{"announcement", "multicast ANNOUNCEs: ends, ports, repetition", announcement_requirements,
      true},
     SCOPE_SOUND,
     judge_announcement},
    {{"traffic", "packets that leave a port before its mapping is there", traffic_requirements,
      false},
     SCOPE_SOUND,
     judge_traffic},
    {{"natpmp", "NAT-PMP on the same ports", natpmp_requirements, false},
     SCOPE_NATPMP,
     judge_natpmp},
};

enum {
    RULES = sizeof rules_all / sizeof *rules_all,
    RECENT_SLOTS = 1024, /* a power of two */
    ROUND = 16,          /* events whose state is fetched at once */
};

static const int64_t copy_window = 1000000000;    /* 1 s: from one end of a path to the other */
static const int64_t duplicate_window = 50000000; /* 50 ms: the network or the capture did it */

/* What was seen a moment ago, to know a packet again. */
struct recent {
    uint64_t payload; /* hash */
    int64_t time;
    struct ends {
        struct address client;
        struct address server;
        uint16_t client_port;
        uint16_t server_port;
    } ends;
    uint32_t interface;
    bool used;
};

/* An event on its way to the rules. */
struct sight {
    struct message message;
    struct conversation_keys keys;
    bool is_message;
};

const struct rule_description *rule_describe(size_t index)
{
    return index < RULES ? &rules_all[index].description : NULL;
}

struct rules *rules_create(const struct rule_options *options)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (!rules)
        return NULL;
    rules->options = *options;
    if (rules->options.server_port == 0)
        rules->options.server_port = PCP_SERVER_PORT;
    if (rules->options.time_scale <= 0)
        rules->options.time_scale = 1;
    rules->findings = findings_create();
    rules->bursts = bursts_create();
    rules->watched = traffic_create();
    rules->recent = calloc(RECENT_SLOTS, sizeof *rules->recent);
    if (rules->findings && rules->bursts && rules->watched && rules->recent &&
        conversations_create(&rules->conversations) == 0)
        return rules;
    rules_destroy(rules);
    return NULL;
}

void rules_destroy(struct rules *rules)
{
    if (!rules)
        return;
    conversations_destroy(&rules->conversations);
    findings_destroy(rules->findings);
    table_destroy(rules->bursts);
    table_destroy(rules->watched);
    free(rules->recent);
    free(rules);
}

static struct recent *recent_slot(const struct rules *rules, const struct message *message)
{
    return &rules->recent[message->hash & (RECENT_SLOTS - 1)];
}

/* True for a second sight of the same packet at the same interface: it says nothing about anybody.
 * Otherwise *copy says whether it was seen at another interface. */
static bool seen_before(struct rules *rules, const struct message *message, bool *copy)
{
    const struct event *event = message->event;
    const struct ends ends = {.client = message->client,
                              .server = message->server,
                              .client_port = message->client_port,
                              .server_port = message->server_port};
    struct recent *recent = recent_slot(rules, message);
    int64_t age = event->time - recent->time;
    bool same = recent->used && recent->payload == message->hash && age >= 0;
    bool same_ends = same && memcmp(&recent->ends, &ends, sizeof ends) == 0;
    *copy = false;
    if (same_ends && recent->interface == event->interface && age < duplicate_window)
        return true;
    /* Without a nonce two clients may well send the same octets. */
    if (same && recent->interface != event->interface && age < copy_window &&
        (same_ends || message->length > PCP_HEADER_LENGTH)) {
        *copy = true;
        return false;
    }
    *recent = (struct recent){.payload = message->hash,
                              .ends = ends,
                              .time = event->time,
                              .interface = event->interface,
                              .used = true};
    return false;
}

static bool is_sound(const struct message *message)
{
    return message->pcp.version == PCP_VERSION && message->length >= PCP_HEADER_LENGTH &&
           message->pcp.response == message->from_server;
}

/* What comes from the server's port without a request before it, and is no message in itself, is
 * somebody else's. */
static bool is_accident(const struct message *message, const struct conversation *conversation)
{
    bool faulty = message->is_natpmp ? message->natpmp_fault != NATPMP_FAULT_NONE
                                     : message->fault != PCP_FAULT_NONE;
    return message->from_server && faulty && conversation->pair->last.frame == 0;
}

static int judge_message(struct rules *rules, struct message *message,
                         const struct conversation_keys *keys)
{
    struct conversation conversation;
    bool again = seen_before(rules, message, &message->copy);
    if (again) {
        rules->messages++;
        return 0;
    }
    if (conversation_find(&rules->conversations, message, keys, &conversation) != 0)
        return -1;
    if (is_accident(message, &conversation))
        return 0;
    rules->messages++;
    bool sound = message->is_natpmp || is_sound(message);
    for (size_t i = 0; i < RULES; i++) {
        enum rule_scope scope = rules_all[i].scope;
        if ((scope == SCOPE_NATPMP) == message->is_natpmp && (sound || scope == SCOPE_PCP))
            rules_all[i].judge(rules, message, &conversation);
    }
    conversation_note_version(&conversation, message);
    if (sound)
        conversation_note(&conversation, message);
    return findings_incomplete(rules->findings) ? -1 : 0;
}

static int judge_round(struct rules *rules, const struct event *events, size_t count)
{
    struct sight sights[ROUND];
    for (size_t i = 0; i < count; i++) {
        struct sight *sight = &sights[i];
        sight->is_message = message_read(&events[i], rules->options.server_port, &sight->message);
        if (!sight->is_message)
            continue;
        __builtin_prefetch(recent_slot(rules, &sight->message), 1);
        conversation_prepare(&rules->conversations, &sight->message, &sight->keys);
    }
    for (size_t i = 0; i < count; i++)
        if (sights[i].is_message)
            conversation_fetch(&rules->conversations, &sights[i].keys);
    for (size_t i = 0; i < count; i++) {
        rules->packets++;
        rules->last_time = events[i].time;
        if (!sights[i].is_message)
            traffic_packet(rules, &events[i]);
        else if (judge_message(rules, &sights[i].message, &sights[i].keys) != 0)
            return -1;
    }
    return 0;
}

int rules_events(struct rules *rules, const struct event *events, size_t count)
{
    while (count > 0) {
        size_t round = count < ROUND ? count : ROUND;
        if (judge_round(rules, events, round) != 0)
            return -1;
        events += round;
        count -= round;
    }
    return 0;
}

int rules_event(struct rules *rules, const struct event *event)
{
    return judge_round(rules, event, 1);
}

void rules_end(struct rules *rules)
{
    match_end(rules);
    findings_finish(rules->findings);
}

const struct finding *rules_findings(const struct rules *rules, size_t *count)
{
    return findings_list(rules->findings, count);
}

uint64_t rules_packets(const struct rules *rules)
{
    return rules->packets;
}

uint64_t rules_messages(const struct rules *rules)
{
    return rules->messages;
}

/* The level of a finding: its requirement's, less the doubts. */
static enum finding_level lower(enum requirement_id requirement, int doubts)
{
    int level = (int)requirement_weight(requirement_get(requirement)->level) + doubts;
    return level < FINDING_INFO ? (enum finding_level)level : FINDING_INFO;
}

void rule_report(struct rules *rules, const struct message *message,
                 enum requirement_id requirement, enum certainty certainty, const char *format, ...)
{
    if (message->copy)
        return;
    const struct packet *packet = &message->event->packet;
    bool damaged = packet->checksum_known && !packet->checksum_good;
    va_list arguments;
    va_start(arguments, format);
    (void)findings_add(rules->findings, requirement, lower(requirement, (int)certainty + damaged),
                       message->event->frame,
                       message->from_server ? &message->server : &message->client, format,
                       arguments);
    va_end(arguments);
}

void rule_report_at(struct rules *rules, uint64_t frame, const struct address *peer,
                    enum requirement_id requirement, enum certainty certainty, const char *format,
                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)findings_add(rules->findings, requirement, lower(requirement, (int)certainty), frame,
                       peer, format, arguments);
    va_end(arguments);
}

double rule_seconds(const struct rules *rules, int64_t nanoseconds)
{
    return (double)nanoseconds / 1e9 * rules->options.time_scale;
}
