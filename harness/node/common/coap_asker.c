#include "node/common/coap_asker.h"

#include "node/common/chance.h"
#include "node/common/coap_asker_table.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_LENGTH = 4, /* 32 random bits, as RFC 7252 section 5.3.1 asks for without security */
    EXCHANGE_LIFETIME = 247,  /* s */
    FRESH_FOR = 128,          /* s; RFC 7641 section 3.4 */
    LONGEST_ANSWER = 1 << 20, /* octets */
    OBSERVE_BEGIN = 0,
    OBSERVE_END = 1
};

struct coap_asker {
    coap_context_t *context;
    struct coap_asker_table table;
};

static const uint8_t *token_of(uint32_t number, uint8_t octets[TOKEN_LENGTH])
{
    for (int i = 0; i < TOKEN_LENGTH; i++)
        octets[i] = (uint8_t)(number >> (8 * (TOKEN_LENGTH - 1 - i)));
    return octets;
}

static uint32_t number_of(const coap_pdu_t *pdu)
{
    coap_bin_const_t token = coap_pdu_get_token(pdu);
    uint32_t number = 0;
    for (size_t i = 0; token.length == TOKEN_LENGTH && i < TOKEN_LENGTH; i++)
        number = number << 8 | token.s[i];
    return number;
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool add_number(coap_pdu_t *pdu, coap_option_num_t option, uint32_t value)
{
    uint8_t octets[4];
    return coap_add_option(pdu, option, coap_encode_var_safe(octets, sizeof octets, value),
                           octets) != 0;
}

static bool add_format(coap_pdu_t *pdu, coap_option_num_t option, uint32_t format)
{
    return format == COAP_NO_FORMAT || add_number(pdu, option, format);
}

static void release_copy(coap_session_t *session, void *copy)
{
    (void)session;
    free(copy);
}

/* libcoap holds on to the payload while it sends blocks of it. */
static bool add_payload(coap_session_t *session, coap_pdu_t *pdu, const uint8_t *payload,
                        size_t length)
{
    if (!length)
        return true;
    uint8_t *copy = malloc(length);
    if (!copy)
        return false;
    memcpy(copy, payload, length);
    return coap_add_data_large_request(session, pdu, length, copy, release_copy, copy) != 0;
}

/* In the order of the options' numbers. */
static bool fill(coap_session_t *session, coap_pdu_t *pdu, uint32_t number,
                 const struct coap_question *question)
{
    uint8_t token[TOKEN_LENGTH];
    uint32_t observe = question->observing == COAP_OBSERVING_END ? OBSERVE_END : OBSERVE_BEGIN;
    return coap_add_token(pdu, TOKEN_LENGTH, token_of(number, token)) &&
           (question->observing == COAP_OBSERVING_NOT ||
            add_number(pdu, COAP_OPTION_OBSERVE, observe)) &&
           coap_support_add_path(pdu, question->path) &&
           add_format(pdu, COAP_OPTION_CONTENT_FORMAT, question->content_format) &&
           coap_support_add_queries(pdu, question->queries) &&
           add_format(pdu, COAP_OPTION_ACCEPT, question->accept) &&
           add_payload(session, pdu, question->payload, question->length);
}

static uint32_t fresh_number(const struct coap_asker *asker, struct error *error)
{
    uint32_t number = 0;
    while (!number || coap_asker_table_find(&asker->table, number)) {
        if (chance_fill(&number, sizeof number, error) < 0)
            return 0;
    }
    return number;
}

static struct coap_asked_question *remember(struct coap_asker *asker, coap_session_t *session,
                                            uint32_t number, const struct coap_question *question)
{
    char *path = NULL;
    if (question->observing == COAP_OBSERVING_BEGIN && !(path = strdup(question->path)))
        return NULL;
    struct coap_asked_question *entry = coap_asker_table_add(&asker->table, number, session);
    if (!entry) {
        free(path);
        return NULL;
    }
    entry->path = path;
    entry->begins_observation = path != NULL;
    coap_ticks(&entry->since);
    return entry;
}

static uint32_t send_question(struct coap_asker *asker, struct coap_asked_question *entry,
                              const struct coap_question *question, struct error *error)
{
    uint32_t number = entry->number;
    coap_session_t *session = entry->session;
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, question->method, session);
    if (!pdu || !fill(session, pdu, number, question)) {
        coap_asker_table_remove(&asker->table, entry);
        coap_delete_pdu(pdu);
        error_set(error, "the request to %s does not fit a CoAP message", question->path);
        return 0;
    }
    if (coap_send(session, pdu) == COAP_INVALID_MID) {
        coap_asker_forget(asker, number);
        error_set(error, "libcoap could not send the request to %s", question->path);
        return 0;
    }
    return number;
}

/* An observation is taken back by its own token (RFC 7641 section 3.6); in coap_send() libcoap would choose
 * another. The number; 0 if there is no such observation. */
static uint32_t take_back(struct coap_asker *asker, coap_session_t *session,
                          const struct coap_question *question, coap_asked *asked, void *context)
{
    struct coap_asked_question *entry = coap_asker_table_first(&asker->table, session);
    while (entry && !(entry->begins_observation && !strcmp(entry->path, question->path)))
        entry = coap_asker_table_next(&asker->table, entry);
    if (!entry)
        return 0;
    uint32_t number = entry->number;
    uint8_t octets[TOKEN_LENGTH];
    token_of(number, octets);
    coap_binary_t token = {.length = TOKEN_LENGTH, .s = octets};
    coap_asker_table_remove(&asker->table, entry);
    struct coap_question once = *question;
    once.observing = COAP_OBSERVING_NOT;
    entry = remember(asker, session, number, &once);
    if (!entry)
        return 0;
    entry->asked = asked;
    entry->context = context;
    if (coap_cancel_observe(session, &token, COAP_MESSAGE_CON))
        return number;
    coap_asker_forget(asker, number);
    return 0;
}

uint32_t coap_asker_send(struct coap_asker *asker, coap_session_t *session,
                         const struct coap_question *question, coap_asked *asked, void *context,
                         struct error *error)
{
    uint32_t number = 0;
    if (question->observing == COAP_OBSERVING_END &&
        (number = take_back(asker, session, question, asked, context)))
        return number;
    number = fresh_number(asker, error);
    struct coap_asked_question *entry = number ? remember(asker, session, number, question) : NULL;
    if (!entry) {
        error_set(error, "no memory");
        return 0;
    }
    entry->asked = asked;
    entry->context = context;
    return send_question(asker, entry, question, error);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool read_number(const coap_pdu_t *pdu, coap_option_num_t option, uint32_t *out)
{
    coap_opt_iterator_t iterator;
    const coap_opt_t *found = coap_check_option(pdu, option, &iterator);
    if (found)
        *out = coap_decode_var_bytes(coap_opt_value(found), coap_opt_length(found));
    return found != NULL;
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
    struct coap_answer answer = {.code = (uint8_t)coap_pdu_get_code(pdu),
                                 .content_format = COAP_NO_FORMAT};
    if (!coap_get_data_large(pdu, &answer.length, &answer.payload, offset, total)) {
        answer.length = 0;
        *offset = 0;
        *total = 0;
    }
    read_number(pdu, COAP_OPTION_CONTENT_FORMAT, &answer.content_format);
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

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
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
    if (offset == 0) /* later blocks have none (RFC 7959 section 2.6) */
        entry->has_sequence = read_number(received, COAP_OPTION_OBSERVE, &entry->next_sequence);
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

static void on_failure(coap_session_t *session, const coap_pdu_t *sent,
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

/* --- forgetting ------------------------------------------------------------------------------- */

void coap_asker_forget(struct coap_asker *asker, uint32_t number)
{
    struct coap_asked_question *entry = coap_asker_table_find(&asker->table, number);
    if (entry)
        coap_asker_table_remove(&asker->table, entry);
}

void coap_asker_forget_session(struct coap_asker *asker, const coap_session_t *session)
{
    struct coap_asked_question *entry;
    while ((entry = coap_asker_table_first(&asker->table, session)))
        coap_asker_table_remove(&asker->table, entry);
}

void coap_asker_forget_context(struct coap_asker *asker, const void *context)
{
    for (uint32_t slot = 1; slot < asker->table.size; slot++) {
        struct coap_asked_question *entry = &asker->table.slots[slot];
        if (entry->number && entry->context == context)
            coap_asker_table_remove(&asker->table, entry);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

struct coap_asker *coap_asker_open(coap_context_t *context)
{
    struct coap_asker *asker = calloc(1, sizeof *asker);
    if (!asker || !coap_asker_table_open(&asker->table)) {
        free(asker);
        return NULL;
    }
    asker->context = context;
    coap_set_app_data(context, asker);
    coap_context_set_block_mode(context, COAP_BLOCK_USE_LIBCOAP); /* see coap_body.h */
    coap_register_response_handler(context, on_response);
    coap_register_nack_handler(context, on_failure);
    return asker;
}

void coap_asker_close(struct coap_asker *asker)
{
    coap_set_app_data(asker->context, NULL);
    coap_asker_table_close(&asker->table);
    free(asker);
}
