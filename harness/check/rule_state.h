/* What the rules share. Internal to check/rule*.c. */
#ifndef PINHOLE_CHECK_RULE_STATE_H
#define PINHOLE_CHECK_RULE_STATE_H

#include "check/conversation.h"
#include "check/finding.h"
#include "check/message.h"
#include "check/rule.h"

struct rules {
    struct rule_options options;
    struct conversations conversations;
    struct findings *findings;
    struct table *bursts;  /* of announcements: rule_announce.c */
    struct table *watched; /* ports whose mapping is under way: rule_traffic.c */
    int64_t watch_until;   /* no port is watched after this time */
    struct recent *recent; /* what was seen a moment ago: rule.c */
    uint64_t packets;
    uint64_t messages;
    int64_t last_time;
};

/* Which messages a rule looks at. Sound ones are PCP version 2 with a whole header, going the way their
 * R bit says; others would only draw one fault after another. */
enum rule_scope { SCOPE_PCP, SCOPE_SOUND, SCOPE_NATPMP };

/* One rule: judges a message by itself and by the state that it meets. */
struct rule {
    struct rule_description description;
    enum rule_scope scope;
    void (*judge)(struct rules *rules, const struct message *message,
                  const struct conversation *conversation);
};

/* How sure a finding is: each step of doubt makes it weigh one level less. */
enum certainty { CERTAIN, LIKELY, HINT };

/* Reports a fault of message. A copy of a message is never reported twice, and a datagram with a bad
 * checksum, which may have been damaged on its way, counts for one level less. */
__attribute__((format(printf, 5, 6))) void
rule_report(struct rules *rules, const struct message *message, enum requirement_id requirement,
            enum certainty certainty, const char *format, ...);

/* The same for a fault that showed only later, or that no single message has. */
__attribute__((format(printf, 6, 7))) void
rule_report_at(struct rules *rules, uint64_t frame, const struct address *peer,
               enum requirement_id requirement, enum certainty certainty, const char *format, ...);

/* Nanoseconds of the capture as seconds of the protocol. */
double rule_seconds(const struct rules *rules, int64_t nanoseconds);

void judge_header(struct rules *, const struct message *, const struct conversation *);
void judge_options(struct rules *, const struct message *, const struct conversation *);
void judge_addresses(struct rules *, const struct message *, const struct conversation *);
void judge_fields(struct rules *, const struct message *, const struct conversation *);
void judge_match(struct rules *, const struct message *, const struct conversation *);
void judge_error(struct rules *, const struct message *, const struct conversation *);
void judge_timing(struct rules *, const struct message *, const struct conversation *);
void judge_epoch(struct rules *, const struct message *, const struct conversation *);
void judge_announcement(struct rules *, const struct message *, const struct conversation *);
void judge_traffic(struct rules *, const struct message *, const struct conversation *);
void judge_natpmp(struct rules *, const struct message *, const struct conversation *);

extern const enum requirement_id header_requirements[];
extern const enum requirement_id option_requirements[];
extern const enum requirement_id address_requirements[];
extern const enum requirement_id field_requirements[];
extern const enum requirement_id match_requirements[];
extern const enum requirement_id error_requirements[];
extern const enum requirement_id timing_requirements[];
extern const enum requirement_id epoch_requirements[];
extern const enum requirement_id announcement_requirements[];
extern const enum requirement_id traffic_requirements[];
extern const enum requirement_id natpmp_requirements[];

/* A packet that is no message: may leave a watched port too early (rule_traffic.c). */
void traffic_packet(struct rules *rules, const struct event *event);
struct table *traffic_create(void);
struct table *bursts_create(void);
/* True if message's server has announced itself by multicast since time: its clients may then recreate
 * their mappings (rule_announcement.c). */
bool announced_since(const struct rules *rules, const struct message *message, int64_t time);
/* Requests that nothing answered, at the end of the capture (rule_match.c). */
void match_end(struct rules *rules);

#endif
