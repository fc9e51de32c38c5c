/* Requests over libcoap sessions, each with whom to tell of its answer: what servers ask of devices, and
 * devices of servers. One asker a libcoap context; it takes the context's response and nack handlers, and
 * the sessions' app data stay the caller's. libcoap sends and asks for blocks (RFC 7959), and an answer is always
 * told whole; for that the asker must be opened before the context has sessions.
 */
#ifndef PINHOLE_NODE_COAP_ASKER_H
#define PINHOLE_NODE_COAP_ASKER_H

#include "node/common/coap_support.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COAP_NO_FORMAT = 65536, COAP_ASKER_LOCATION = 64 };

/* END takes the observation of the same path on the same session back, which ends with its answer: whoever
 * began it is told nothing more. Without such an observation it is an ordinary GET. */
enum coap_observing { COAP_OBSERVING_NOT, COAP_OBSERVING_BEGIN, COAP_OBSERVING_END };

struct coap_question {
    coap_pdu_code_t method;
    const char *path;           /* "rd/7", without the first slash */
    const char *const *queries; /* ended by NULL, or NULL */
    uint32_t content_format;    /* COAP_NO_FORMAT: none */
    uint32_t accept;            /* likewise */
    enum coap_observing observing;
    const uint8_t *payload; /* copied */
    size_t length;
};

struct coap_answer {
    uint8_t code;            /* as on the wire; 0: none came */
    const char *why;         /* of 0: "unanswered", "reset", "session lost"; else NULL */
    uint32_t content_format; /* COAP_NO_FORMAT: none */
    const uint8_t *payload;
    size_t length;
    char location[COAP_ASKER_LOCATION]; /* the joined Location-Path; "": none, or too long */
    bool is_notification;               /* a further answer to BEGIN */
    bool is_observed;                   /* the answer to BEGIN that more may follow */
};

/* Called once; for an observation with each notification, as long as is_observed. It may ask. */
typedef void coap_asked(void *context, coap_session_t *session, const struct coap_answer *answer);

struct coap_asker;

/* Takes the handlers of context, and has libcoap do blocks. NULL without memory. */
struct coap_asker *coap_asker_open(coap_context_t *context);
/* Tells nobody any more; before the context is freed. */
void coap_asker_close(struct coap_asker *asker);

/* Sends a confirmable request. The number names it, to be forgotten; 0 with error if nothing was sent, and
 * then nobody is told. */
uint32_t coap_asker_send(struct coap_asker *asker, coap_session_t *session,
                         const struct coap_question *question, coap_asked *asked, void *context,
                         struct error *error);

/* Nobody is told of its answer; an observation's next notification is answered by a reset (RFC 7641, 3.6). */
void coap_asker_forget(struct coap_asker *asker, uint32_t number);
/* The same of all that is out on session. */
void coap_asker_forget_session(struct coap_asker *asker, const coap_session_t *session);

/* The session is no more, or about to be (COAP_EVENT_DTLS_CLOSED and the like): all that is out on it is told
 * "session lost". */
void coap_asker_lose_session(struct coap_asker *asker, coap_session_t *session);

/* Gives up on answers that were acknowledged and did not come within EXCHANGE_LIFETIME (247 s, RFC 7252, 4.8.2).
 * To be called now and then; takes no time. */
void coap_asker_give_up(struct coap_asker *asker);

#endif
