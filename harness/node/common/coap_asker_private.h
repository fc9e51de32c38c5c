/* What the two halves of coap_asker share: asking (coap_asker.c) and being answered (coap_asker_answers.c). */
#ifndef PINHOLE_NODE_COAP_ASKER_PRIVATE_H
#define PINHOLE_NODE_COAP_ASKER_PRIVATE_H

#include "node/common/coap_asker_table.h"

/* 32 random bits, as RFC 7252 section 5.3.1 asks for without security: the question's number. */
enum { TOKEN_LENGTH = 4 };

struct coap_asker {
    coap_context_t *context;
    struct coap_asker_table table;
};

/* The handlers that libcoap calls. */
coap_response_t coap_asker_take_response(coap_session_t *session, const coap_pdu_t *sent,
                                         const coap_pdu_t *received, coap_mid_t mid);
void coap_asker_take_failure(coap_session_t *session, const coap_pdu_t *sent,
                             coap_nack_reason_t reason, coap_mid_t mid);

#endif
