/* The CoAP session to a server, from the account that the Security object has of it: NoSec, or DTLS with a
 * pre-shared key. It leaves from the one port of LwM2M, so that it comes through that port's mapping.
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_ACCOUNT_SESSION_H
#define PINHOLE_NODE_LWM2M_DEVICE_ACCOUNT_SESSION_H

#include "engine/lwm2m/lwm2m_account.h"
#include "node/common/coap_support.h"

struct account_session {
    struct lwm2m_account account;
    coap_session_t *session; /* NULL: none */
};

/* Where a URI leads: "coap://ADDRESS:PORT" or "coaps://", with a literal address; brackets around one of IPv6; without
 * a port CoAP's. Returns 0, or -1 with error. */
int account_uri_read(const char *uri, struct place *place, uint16_t *port, struct error *error);

/* Opens a session from port, unless one to this very account is open and alive. It sends nothing, but for a
 * handshake. Returns 0, or -1 with error. */
int account_session_open(struct account_session *session, coap_context_t *context,
                         const struct lwm2m_account *account, const struct place *local,
                         uint16_t port, const struct coap_patience *patience, struct error *error);

/* Ends it, with an alert where there is DTLS: the server forgets it, if that arrives. */
void account_session_close(struct account_session *session);

#endif
