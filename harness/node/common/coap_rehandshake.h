/* Lets a device that lost its DTLS session, as by a loss of power, make a new one from the same address and port.
 *
 * libcoap 4.3.1 hands the new ClientHello to the session that it has for that place, which drops it; so the device
 * would be locked out for as long as that lives. RFC 6347 section 4.2.8 asks for the new handshake, but for the old
 * session to stay until it is known that the ClientHello is no forgery. So before libcoap reads, this looks at
 * what comes first: at such a ClientHello it asks for something over the old session. If nothing comes back in five
 * seconds, that session ends (COAP_EVENT_DTLS_CLOSED), and the next ClientHello, sent again, is a stranger's.
 */
#ifndef PINHOLE_NODE_COAP_REHANDSHAKE_H
#define PINHOLE_NODE_COAP_REHANDSHAKE_H

#include "node/common/coap_asker.h"

enum { REHANDSHAKES = 64 /* at a time */ };

struct rehandshake_probe {
    coap_session_t *session; /* held; NULL: free */
    coap_tick_t since;
    uint32_t question; /* 0: it was answered */
};

struct coap_rehandshake {
    coap_context_t *context;
    int handle;    /* libcoap's socket; -1: none */
    size_t active; /* of the probes */
    struct rehandshake_probe probes[REHANDSHAKES];
};

/* For the socket of context that is bound to port; the context gets a coap_asker. Stays where it is. */
void coap_rehandshake_open(struct coap_rehandshake *rehandshake, coap_context_t *context,
                           uint16_t port);

/* Takes the ClientHellos of those who have a session, as long as one is the next to be read. */
void coap_rehandshake_work(struct coap_rehandshake *rehandshake);

#endif
