/* When a client sends again: retransmission (8.1.1), renewal (11.2.1), rest after errors (8.3).
 *
 * A capture shows when packets passed, not when they were sent, and it may lack some. So what came too
 * early is a fault, within a tolerance for delays that vary; what came too late may have been sent
 * in time and lost, and is a hint at most. A client may have a cap of its own on its interval,
 * against a SHOULD only; so gaps that stop to double weigh as that SHOULD. An answer that is seen here
 * may be lost further on: what keeps to the times of retransmission is one, answered or not.
 */
#include "check/rule_state.h"

const enum requirement_id timing_requirements[] = {
    R6887_8_1_1_02,  R6887_8_1_1_04,  R6887_8_1_1_08,  R6887_8_3_04,
    R6887_11_2_1_04, R6887_11_2_1_05, R6887_11_2_1_07, REQUIREMENT_COUNT,
};

static const double first_wait = 3.0; /* IRT, 8.1.1 */
static const double jitter = 0.1;     /* RAND */
static const double varying = 0.15;   /* seconds by which a gap may shrink on its way */
static const double late = 0.5;       /* by which it may grow, if the sender is preempted */
static const double preempted = 0.08; /* likewise, where the sender's clock runs faster than ours */
static const double renewal_gap = 4.0;    /* 11.2.1 */
static const double longest_sane = 86400; /* lifetimes beyond may be cut by the client: 15 */
static const double fastest =
    60; /* time scale: above, a repetition looks like a second sight of it */
static const int64_t crossing = 1000000000; /* 1 s: a request and an error may cross on their way */

/* What a busy machine delays counts so many times as much where the sender's time is scaled. */
static double tolerance(const struct rules *rules)
{
    double scale = rules->options.time_scale;
    return scale > 1 ? varying + preempted * scale : varying;
}

/* By how much what was meant in time may have come too late. */
static double lateness(const struct rules *rules)
{
    double scale = rules->options.time_scale;
    return scale > 1 ? late * scale : 0;
}

/* True if gap is wait within a tenth. */
static bool is_near(const struct rules *rules, double gap, double wait)
{
    return gap >= wait * (1 - jitter) - tolerance(rules) &&
           gap <= wait * (1 + jitter) + tolerance(rules);
}

/* The shortest wait that a gap may stand for, the count-th since the first request. In scaled time it may have
 * come much too late, but was meant for no longer than 8.1.1 has it. */
static double likely_wait(const struct rules *rules, double gap, unsigned count)
{
    double longest = first_wait * (1 + jitter);
    if (rules->options.time_scale <= 1)
        return gap;
    while (--count > 0 && longest < gap)
        longest *= 2 * (1 + jitter);
    gap -= lateness(rules);
    return gap < longest ? gap : longest;
}

static void judge_retransmission(struct rules *rules, const struct message *message,
                                 const struct mapping_state *mapping, double gap)
{
    unsigned long long before = mapping->request.frame;
    if (mapping->transmissions == 1) {
        if (gap < first_wait * (1 - jitter) - tolerance(rules))
            rule_report(rules, message, R6887_8_1_1_02, CERTAIN,
                        "expected the first retransmission 2.7 to 3.3 s after frame %llu, came "
                        "after %.3f s",
                        before, gap);
        else if (gap > first_wait * (1 + jitter) + tolerance(rules) + lateness(rules))
            rule_report(rules, message, R6887_8_1_1_02, HINT,
                        "expected the first retransmission 2.7 to 3.3 s after frame %llu, came "
                        "after %.3f s: late, or the one before it is missing here",
                        before, gap);
        return;
    }
    double previous = rule_seconds(rules, mapping->previous_gap);
    double meant = likely_wait(rules, previous, mapping->transmissions - 1);
    double shortest = meant * 2 * (1 - jitter);
    if (gap >= shortest - tolerance(rules) || gap >= 1024 * (1 - jitter) - tolerance(rules))
        return;
    if (gap < meant * (1 - jitter) - tolerance(rules))
        rule_report(rules, message, R6887_8_1_1_08, CERTAIN,
                    "expected a wait of %.3f s or more, twice the %.3f s before it within a tenth, "
                    "came %.3f s behind frame %llu",
                    shortest, previous, gap, before);
    else if (gap > previous * (1 + jitter) + tolerance(rules))
        rule_report(rules, message, R6887_8_1_1_08, LIKELY,
                    "expected a wait of %.3f s or more, twice the %.3f s before it within a tenth, "
                    "came %.3f s behind frame %llu",
                    shortest, previous, gap, before);
    else
        rule_report(rules, message, R6887_8_1_1_04, CERTAIN,
                    "expected waits that double up to 1024 s, came %.3f s behind frame %llu, as "
                    "long as the one before",
                    gap, before);
}

/* The window of the n-th renewal as parts of the lifetime: 1/2 to 5/8, 3/4 to 13/16, 7/8 to 29/32... */
static void renewal_window(uint32_t renewal, double *from, double *to)
{
    double rest = 0.5;
    for (uint32_t i = 0; i < renewal && i < 20; i++)
        rest /= 2;
    *from = 1 - rest;
    *to = *from + rest / 4;
}

static void judge_first_renewal(struct rules *rules, const struct message *message,
                                const struct mapping_state *mapping, double passed)
{
    double lifetime = mapping->lifetime;
    double from = 0;
    double to = 0;
    renewal_window(0, &from, &to);
    if (passed < from * lifetime - tolerance(rules))
        rule_report(rules, message, R6887_11_2_1_04, CERTAIN,
                    "expected the renewal of a mapping of %u s after %.1f to %.1f s, came after "
                    "%.3f s",
                    mapping->lifetime, from * lifetime, to * lifetime, passed);
    else if (passed > to * lifetime + tolerance(rules) + lateness(rules) &&
             passed > renewal_gap + tolerance(rules) && passed < lifetime)
        rule_report(rules, message, R6887_11_2_1_04, HINT,
                    "expected the renewal of a mapping of %u s after %.1f to %.1f s, came after "
                    "%.3f s: late, or one before it is missing here",
                    mapping->lifetime, from * lifetime, to * lifetime, passed);
}

/* 8.1.1 reads as if an unanswered renewal were retransmitted after 3 s, 11.2.1 sends it at 3/4 of the
 * lifetime and never within 4 s: a client that follows either passes. */
static void judge_next_renewal(struct rules *rules, const struct message *message,
                               const struct mapping_state *mapping, double gap, double passed)
{
    double previous = rule_seconds(rules, mapping->previous_gap);
    double wait = mapping->transmissions > 1 ? 2 * previous : first_wait;
    double from = 0;
    double to = 0;
    if (is_near(rules, gap, wait) || passed > mapping->lifetime)
        return;
    if (gap < renewal_gap - tolerance(rules)) {
        rule_report(rules, message, R6887_11_2_1_05, CERTAIN,
                    "expected renewals 4 s apart or more, came %.3f s behind frame %llu", gap,
                    (unsigned long long)mapping->request.frame);
        return;
    }
    renewal_window(mapping->renewals, &from, &to);
    if (passed < from * mapping->lifetime - tolerance(rules))
        rule_report(rules, message, R6887_11_2_1_07, CERTAIN,
                    "expected the next renewal of a mapping of %u s after %.1f to %.1f s, came "
                    "after %.3f s",
                    mapping->lifetime, from * mapping->lifetime, to * mapping->lifetime, passed);
}

/* True if the client may have learned since then that the server lost its state: it then recreates its
 * mappings at once (8.5, 14.1.3). */
static bool was_told(const struct rules *rules, const struct message *message,
                     const struct conversation *conversation, int64_t since)
{
    const struct pair *pair = conversation->pair;
    return (pair->lost && pair->loss_time >= since) || announced_since(rules, message, since);
}

static void judge_renewal(struct rules *rules, const struct message *message,
                          const struct conversation *conversation)
{
    const struct mapping_state *mapping = conversation->mapping;
    double passed = rule_seconds(rules, message->event->time - mapping->response_time);
    if (mapping->lifetime == 0 || mapping->lifetime > longest_sane || passed < 0 ||
        was_told(rules, message, conversation, mapping->response_time))
        return;
    /* From another port it may be a client that started anew, and renews by a nonce that it kept. */
    if (mapping->request.client_port != message->client_port)
        return;
    if (mapping->renewals == 0) {
        judge_first_renewal(rules, message, mapping, passed);
        return;
    }
    double gap = rule_seconds(rules, message->event->time - mapping->request.time);
    if (mapping->waiting && gap >= 0)
        judge_next_renewal(rules, message, mapping, gap, passed);
}

static void judge_rest(struct rules *rules, const struct message *message,
                       const struct conversation *conversation)
{
    const struct mapping_state *mapping = conversation->mapping;
    int64_t age = message->event->time - mapping->response_time;
    double lifetime = mapping->lifetime < longest_sane ? mapping->lifetime : longest_sane;
    if (age < crossing || rule_seconds(rules, age) >= lifetime - tolerance(rules) ||
        was_told(rules, message, conversation, mapping->response_time))
        return;
    rule_report(rules, message, R6887_8_3_04, CERTAIN,
                "expected no such request for %.0f s after %s, came after %.3f s", lifetime,
                pcp_result_name(mapping->result) ? pcp_result_name(mapping->result) : "an error",
                rule_seconds(rules, age));
}

/* The octets of the request before, 3 s behind it or twice as late as that one behind its own: the answer
 * between them may never have reached the client. */
static bool may_retransmit(const struct rules *rules, const struct message *message,
                           const struct mapping_state *mapping, double gap)
{
    double previous = rule_seconds(rules, mapping->series_gap);
    if (mapping->request.hash != message->hash)
        return false;
    return (is_near(rules, gap, first_wait) && !is_near(rules, previous, first_wait)) ||
           (previous >= first_wait * (1 - jitter) - tolerance(rules) &&
            is_near(rules, gap, 2 * previous));
}

void judge_timing(struct rules *rules, const struct message *message,
                  const struct conversation *conversation)
{
    const struct mapping_state *mapping = conversation->mapping;
    /* Another server may be asked at once: 8.3. */
    if (message->from_server || !mapping || mapping->request.frame == 0 ||
        !address_equal(&mapping->server, &message->server))
        return;
    double gap = rule_seconds(rules, message->event->time - mapping->request.time);
    /* A clock that went back, or frames out of order, tell nothing. */
    if (gap < 0 || rules->options.time_scale > fastest || conversation_is_refused(conversation))
        return;
    bool answered = mapping->answered && mapping->response_basis != 0 &&
                    mapping->response_basis == request_basis(message);
    if (answered && !mapping->waiting && may_retransmit(rules, message, mapping, gap))
        return;
    if (answered && mapping->result == PCP_SUCCESS)
        judge_renewal(rules, message, conversation);
    else if (answered)
        judge_rest(rules, message, conversation);
    else if (mapping->waiting && mapping->request.hash == message->hash &&
             !was_told(rules, message, conversation, mapping->request.time - mapping->previous_gap))
        judge_retransmission(rules, message, mapping, gap);
}
