/* A UDP port that is libcoap's and nobody else's. libcoap opens its sockets to be shared, and needs that for
 * two on one port (an endpoint and a session to a server): so the port is claimed before it opens them, and
 * sharing ends afterwards. What comes through a mapping must not reach another program (RFC 6887 section 11).
 */
#ifndef PINHOLE_NODE_COAP_PORT_H
#define PINHOLE_NODE_COAP_PORT_H

#include "base/error.h"
#include "node/common/place.h"

#include <stdint.h>

/* Fails if any other program has the port, or may share it. Returns 0, or -1 with error. */
int coap_port_claim(const struct place *local, uint16_t port, struct error *error);

/* From now on nobody else may share the port. Sockets that are opened later have to be told, too. */
void coap_port_stop_sharing(const struct place *local, uint16_t port);

/* Sharing is allowed again, for another socket of ours: between this and coap_port_stop_sharing(). */
void coap_port_share(const struct place *local, uint16_t port);

/* Of what comes to the sockets that have the port now, only CoAP of version 1 is heard. Other versions must be silently
 * ignored (RFC 7252 section 3), and libcoap answers them with a Reset: even a DTLS record that comes after its session. */
void coap_port_ignore_other_versions(const struct place *local, uint16_t port);

/* A port that is free now: to be claimed next. Returns 0, or -1 with error. */
int coap_port_choose(const struct place *local, uint16_t *port, struct error *error);

/* libcoap keeps its handles to itself. The next one behind after (-1: the first) that is bound to the port, and where;
 * -1 if there is none. */
int coap_port_handle(int after, uint16_t port, struct place *place);

/* Throws away what has come to the port and was not read yet. */
void coap_port_discard(const struct place *local, uint16_t port);

#endif
