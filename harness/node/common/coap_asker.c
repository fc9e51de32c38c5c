#include "node/common/coap_asker.h"

#include "node/common/chance.h"
#include "node/common/coap_asker_private.h"

#include <stdlib.h>
#include <string.h>

enum { OBSERVE_BEGIN = 0, OBSERVE_END = 1 };

static const uint8_t *token_of(uint32_t number, uint8_t octets[TOKEN_LENGTH])
{
    for (int i = 0; i < TOKEN_LENGTH; i++)
        octets[i] = (uint8_t)(number >> (8 * (TOKEN_LENGTH - 1 - i)));
    return octets;
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

static bool add_payload(coap_session_t *session, coap_pdu_t *pdu, const uint8_t *payload,
                        size_t length)
{
    if (!length)
        return true;
    uint8_t *copy = coap_support_copy(payload, length);
    return copy &&
           coap_add_data_large_request(session, pdu, length, copy, coap_support_free, copy) != 0;
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
    coap_register_response_handler(context, coap_asker_take_response);
    coap_register_nack_handler(context, coap_asker_take_failure);
    return asker;
}

void coap_asker_close(struct coap_asker *asker)
{
    coap_set_app_data(asker->context, NULL);
    coap_asker_table_close(&asker->table);
    free(asker);
}
