#include "node/common/coap_asker_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    EXCHANGE_LIFETIME = 247,  /* s; RFC 7252 section 4.8.2 */
    FRESH_FOR = 128,          /* s; RFC 7641 section 3.4 */
    LONGEST_ANSWER = 1 << 20, /* octets */
    NO_SEQUENCE = 1 << 24     /* Observe has 24 bits at most (RFC 7641 section 2) */
};

/* --- what an answer says ---------------------------------------------------------------------- */

static uint32_t number_of(const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    uint32_t number = 0;
    for (size_t i = 0; token.length == TOKEN_LENGTH && i < TOKEN_LENGTH; i++)
        number = number << 8 | token.s[i];
    return number;
}

/* Notifications overtake each other: is this one newer than the last (RFC 7641 section 3.4)? */
static bool is_fresh(const struct coap_asked_question *entry, uint32_t sequence, coap_tick_t now)
{
    const uint32_t half = 1 << 23;
    uint32_t ahead = (sequence - entry->sequence) & (2 * half - 1);
    return !entry->is_observed || (ahead > 0 && ahead < half) ||
           now > entry->sequenced + (coap_tick_t)FRESH_FOR * COAP_TICKS_PER_SECOND;
}

static struct coap_answer read_answer(const coap_pdu_t *pdu, size_t *offset, size_t *total)
{
    struct coap_answer answer = {
        .code = (uint8_t)coap_pdu_get_code(pdu),
        .content_format = coap_support_number(pdu, COAP_OPTION_CONTENT_FORMAT, COAP_NO_FORMAT)};
    if (!coap_get_data_large(pdu, &answer.length, &answer.payload, offset, total)) {
        answer.length = 0;
        *offset = 0;
        *total = 0;
    }
    coap_support_location(pdu, answer.location, sizeof answer.location);
    return answer;
}

static void drop_body(struct coap_asked_question *entry)
{
    free(entry->body);
    entry->body = NULL;
    entry->body_length = 0;
}

/* Puts the blocks together, which libcoap asks for one by one: true with the whole. */
static bool gather(struct coap_asked_question *entry, struct coap_answer *answer, size_t offset,
                   size_t total)
{
    if (offset == 0) {
        drop_body(entry);
        if (answer->length >= total)
            return true;
    }
    size_t length = offset + answer->length;
    uint8_t *body = offset == entry->body_length && length <= LONGEST_ANSWER
                        ? realloc(entry->body, length ? length : 1)
                        : NULL;
    if (!body) {
        drop_body(entry);
        return false; /* whoever asked is told when it has waited for long enough */
    }
    memcpy(body + offset, answer->payload, answer->length);
    entry->body = body;
    entry->body_length = length;
    answer->payload = body;
    answer->length = length;
    return length >= total;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The entry may move or go when the caller is told, as it may ask. */
static void tell(struct coap_asker *asker, struct coap_asked_question *entry,
                 const struct coap_answer *answer)
{
    coap_asked *asked = entry->asked;
    void *context = entry->context;
    coap_session_t *session = entry->session;
    uint8_t *body = entry->body;
    entry->body = NULL;
    entry->body_length = 0;
    if (!answer->is_observed)
        coap_asker_table_remove(&asker->table, entry);
    asked(context, session, answer);
    free(body);
}

coap_response_t coap_asker_take_response(coap_session_t *session, const coap_pdu_t *sent,
                                         const coap_pdu_t *received, const coap_mid_t mid)
{
    (void)sent;
    (void)mid;
    struct coap_asker *asker = coap_get_app_data(coap_session_get_context(session));
    struct coap_asked_question *entry =
        asker ? coap_asker_table_find(&asker->table, number_of(received)) : NULL;
    if (!entry || entry->session != session)
        return COAP_RESPONSE_FAIL; /* nobody waits for it: a reset */
    size_t offset;
    size_t total;
    struct coap_answer answer = read_answer(received, &offset, &total);
    if (offset == 0) { /* later blocks have none (RFC 7959 section 2.6) */
        entry->next_sequence = coap_support_number(received, COAP_OPTION_OBSERVE, NO_SEQUENCE);
        entry->has_sequence = entry->next_sequence != NO_SEQUENCE;
    }
    if (!gather(entry, &answer, offset, total))
        return COAP_RESPONSE_OK;
    answer.is_notification = entry->is_observed;
    answer.is_observed =
        entry->begins_observation && entry->has_sequence && COAP_RESPONSE_CLASS(answer.code) == 2;
    if (answer.is_observed) {
        coap_tick_t now;
        coap_ticks(&now);
        if (!is_fresh(entry, entry->next_sequence, now))
            return COAP_RESPONSE_OK;
        entry->sequence = entry->next_sequence;
        entry->sequenced = now;
        coap_asker_table_settle(&asker->table, entry);
    }
    tell(asker, entry, &answer);
    return COAP_RESPONSE_OK;
}

/* --- no answer -------------------------------------------------------------------------------- */

static void fail(struct coap_asker *asker, struct coap_asked_question *entry, const char *why)
{
    const struct coap_answer answer = {.why = why, .content_format = COAP_NO_FORMAT};
    tell(asker, entry, &answer);
}

/* libcoap sends the later blocks of a body under tokens of its own: then it is the one that has waited longest
 * on its session, as they go out one by one (NSTART). */
static struct coap_asked_question *
find_failed(const struct coap_asker *asker, const coap_session_t *session, const coap_pdu_t *sent)
{
    struct coap_asked_question *entry = coap_asker_table_find(&asker->table, number_of(sent));
    if (entry && entry->session == session)
        return entry;
    struct coap_asked_question *oldest = NULL;
    for (entry = coap_asker_table_first(&asker->table, session); entry;
         entry = coap_asker_table_next(&asker->table, entry)) {
        if (!entry->is_observed && (!oldest || entry->since < oldest->since))
            oldest = entry;
    }
    return oldest;
}

static bool is_request(const coap_pdu_t *pdu)
{
    int code = coap_pdu_get_code(pdu);
    return code != 0 && COAP_RESPONSE_CLASS(code) == 0;
}

void coap_asker_take_failure(coap_session_t *session, const coap_pdu_t *sent,
                             const coap_nack_reason_t reason, const coap_mid_t mid)
{
    (void)mid;
    struct coap_asker *asker = coap_get_app_data(coap_session_get_context(session));
    /* An ICMP error is a hint that anybody can forge: the retransmissions go on. With DTLS libcoap has
     * given the session up. */
    bool is_lost =
        reason == COAP_NACK_TLS_FAILED || reason == COAP_NACK_NOT_DELIVERABLE ||
        (reason == COAP_NACK_ICMP_ISSUE && coap_session_get_proto(session) == COAP_PROTO_DTLS);
    if (!asker)
        return;
    if (is_lost) {
        coap_asker_lose_session(asker, session);
        return;
    }
    if (reason == COAP_NACK_ICMP_ISSUE || !sent || !is_request(sent))
        return;
    struct coap_asked_question *entry = find_failed(asker, session, sent);
    if (entry)
        fail(asker, entry, reason == COAP_NACK_RST ? "reset" : "unanswered");
}

void coap_asker_give_up(struct coap_asker *asker)
{
    coap_tick_t now;
    coap_ticks(&now);
    struct coap_asked_question *oldest;
    while ((oldest = coap_asker_table_oldest(&asker->table)) &&
           now > oldest->since + (coap_tick_t)EXCHANGE_LIFETIME * COAP_TICKS_PER_SECOND)
        fail(asker, oldest, "unanswered");
}

void coap_asker_lose_session(struct coap_asker *asker, coap_session_t *session)
{
    /* Those that are told may ask again, and that is not lost. */
    struct coap_asked_question *entry;
    for (entry = coap_asker_table_first(&asker->table, session); entry;
         entry = coap_asker_table_next(&asker->table, entry))
        entry->is_lost = true;
    entry = coap_asker_table_first(&asker->table, session);
    while (entry) {
        if (entry->is_lost) {
            fail(asker, entry, "session lost");
            entry = coap_asker_table_first(&asker->table, session);
        } else {
            entry = coap_asker_table_next(&asker->table, entry);
        }
    }
}
