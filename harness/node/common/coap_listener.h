/* A libcoap context that listens on a UDP port and, if there are keys, on one for DTLS; and its work loop.
 *
 * libcoap goes through all its sessions for each datagram that coap_io_process() takes, which with ten thousand
 * of them is most of the time spent. coap_listener_take() takes many datagrams before libcoap looks at its
 * sessions' timers.
 */
#ifndef PINHOLE_NODE_COAP_LISTENER_H
#define PINHOLE_NODE_COAP_LISTENER_H

#include "node/common/coap_keys.h"
#include "node/common/coap_rehandshake.h"

struct coap_listener {
    coap_context_t *context;
    struct coap_rehandshake rehandshake;
};

/* Listens on port of all addresses, and on secure_port if keys has any. Sessions that nobody holds stay for five
 * minutes, and are bounded in number, as are handshakes under way. -1 with error. keys must outlive it. */
int coap_listener_open(struct coap_listener *listener, uint16_t port, uint16_t secure_port,
                       const struct coap_keys *keys, struct error *error);

/* Takes what has come; more may be left. */
void coap_listener_take(struct coap_listener *listener);

/* Sends what is due. Returns the ms until both must be called again at the latest, if coap_listener_handle()
 * isn't readable before. */
uint32_t coap_listener_wait(struct coap_listener *listener);

int coap_listener_handle(const struct coap_listener *listener);

#endif
