/* A libcoap context that listens on a UDP port and, if there are keys, on one for DTLS; and its work loop.
 *
 * libcoap goes through all its sessions for each datagram that coap_io_process() takes, which with ten thousand
 * of them is most of the time spent. coap_listener_take() takes many datagrams before libcoap looks at its
 * sessions' timers.
 */
#ifndef PINHOLE_NODE_COAP_LISTENER_H
#define PINHOLE_NODE_COAP_LISTENER_H

#include "node/common/coap_keys.h"

/* A context that listens on port of all addresses, and on secure_port if keys has any. It keeps sessions that
 * nobody holds for five minutes and is bounded in those and in handshakes under way. NULL with error. keys must
 * outlive it. */
coap_context_t *coap_listener_open(uint16_t port, uint16_t secure_port,
                                   const struct coap_keys *keys, struct error *error);

/* Takes what has come; more may be left. */
void coap_listener_take(coap_context_t *context);

/* Sends what is due. Returns the ms until both must be called again at the latest, if
 * coap_context_get_coap_fd() isn't readable before. */
uint32_t coap_listener_wait(coap_context_t *context);

#endif
