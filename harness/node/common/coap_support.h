/* Small helps around libcoap, shared by the device and the server. */
#ifndef PINHOLE_NODE_COAP_SUPPORT_H
#define PINHOLE_NODE_COAP_SUPPORT_H

#include "base/error.h"
#include "node/common/place.h"

#include <coap3/coap.h>

/* What a program does before all else with libcoap. */
void coap_support_start(void);

/* How patient a sender of confirmable messages is, RFC 7252 section 4.8. */
struct coap_patience {
    uint32_t ack_timeout;    /* ACK_TIMEOUT in ms; libcoap 4.3.1 takes none under 1 s */
    uint32_t max_retransmit; /* MAX_RETRANSMIT; it takes none under 1 */
};

/* What RFC 7252 recommends: 2 s, 4 retransmissions, so 93 s until a sender gives up. */
extern const struct coap_patience coap_patience_default;

void coap_support_set_patience(coap_session_t *session, const struct coap_patience *patience);

coap_address_t coap_support_address(const struct place *place, uint16_t port);

void coap_support_place(const coap_address_t *from, struct place *place, uint16_t *port);

/* "2.05" for 69. Returns text. */
const char *coap_support_code(int code, char text[8]);

/* One confirmable request without payload on session; queries is a list ended by NULL. The token is
 * written to *token. Returns 0, or -1 with error. */
struct coap_token {
    uint8_t octet[8];
    size_t length;
};
int coap_support_request(coap_session_t *session, coap_pdu_code_t method, const char *path,
                         const char *const *queries, struct coap_token *token, struct error *error);

/* Does what is due, without waiting. Returns the ms until it must be called again at the latest. */
uint32_t coap_support_process(coap_context_t *context);

/* Adds a Uri-Path option for each step of "rd/7", or a Uri-Query option for each of queries, ended by NULL (NULL:
 * none). False if they do not fit. */
bool coap_support_add_path(coap_pdu_t *pdu, const char *path);
bool coap_support_add_queries(coap_pdu_t *pdu, const char *const *queries);

/* For coap_option_next(): the options of pdu that have this number. */
void coap_support_options(const coap_pdu_t *pdu, coap_option_num_t number,
                          coap_opt_iterator_t *iterator);

/* The unsigned integer of the first option of pdu that has this number (RFC 7252 section 3.2). */
uint32_t coap_support_number(const coap_pdu_t *pdu, coap_option_num_t number, uint32_t otherwise);

/* For payloads that libcoap holds on to while it sends blocks of them: a copy, NULL without memory, and what frees that,
 * or other memory from the heap, when libcoap is done. */
uint8_t *coap_support_copy(const uint8_t *octets, size_t length);
void coap_support_free(coap_session_t *session, void *memory);

/* Has handler answer requests for resource, which may be NULL: libcoap made none. Its user data is owner. Returns 0, or
 * -1 with error. */
int coap_support_serve(coap_context_t *context, coap_resource_t *resource, void *owner,
                       coap_request_t method, coap_method_handler_t handler, struct error *error);

/* The Uri-Query options of a request as texts. */
struct coap_queries {
    const char *list[17]; /* ended by NULL */
    char octets[512];
};

/* False for more than fit, or a NUL in one. */
bool coap_support_queries(const coap_pdu_t *request, struct coap_queries *out);

/* The Location-Path options of a response, joined: "rd/7"; "" if there are none, or they need more than size. */
void coap_support_location(const coap_pdu_t *response, char *out, size_t size);

/* Does pdu carry this token? */
bool coap_support_is(const coap_pdu_t *pdu, const struct coap_token *token);

#endif
