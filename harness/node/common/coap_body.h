/* The bodies of requests that come in blocks (RFC 7959, Block1), put together here and not by libcoap: 4.3.1 puts
 * together only what names its size (Size1) at first, calls the handler with each block of what doesn't, and follows
 * a null pointer when such a transfer is repeated. So a context that takes requests is not to be in its mode
 * COAP_BLOCK_SINGLE_BODY; in mode COAP_BLOCK_USE_LIBCOAP it asks for the next block as long as this says 2.31.
 */
#ifndef PINHOLE_NODE_COAP_BODY_H
#define PINHOLE_NODE_COAP_BODY_H

#include <coap3/coap.h>
#include <stdint.h>

enum { COAP_BODIES = 16, COAP_BODY_SIZE = 16384 };

/* One that is not whole yet. */
struct coap_body {
    const coap_session_t *session; /* NULL: free */
    coap_pdu_code_t method;
    coap_str_const_t *path;
    size_t length;
    uint64_t used; /* which use it was, of all */
    uint8_t octets[COAP_BODY_SIZE];
};

struct coap_bodies {
    struct coap_body bodies[COAP_BODIES];
    uint64_t uses;
};

/* The body of a request: 0 with all of it, which is good until the next call; else what is to be answered: 2.31
 * while more is to come, 4.08 where a block before this is missing, 4.13 for more than COAP_BODY_SIZE. One transfer a
 * session, path and method; the one that was used longest ago makes room for others. */
uint8_t coap_body_take(struct coap_bodies *bodies, const coap_session_t *session,
                       const coap_pdu_t *request, const uint8_t **octets, size_t *length);

/* Tells in a response which block it answers, if it answers one (section 2.3). Of 2.31 libcoap tells it. */
void coap_body_acknowledge(const coap_pdu_t *request, coap_pdu_t *response);

/* The session is about to go; NULL: all are. */
void coap_body_forget(struct coap_bodies *bodies, const coap_session_t *session);

#endif
