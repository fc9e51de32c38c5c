/* Where a CoAP URI points (RFC 7252 section 6): "coap://192.0.2.1:5683", "coaps://[2001:db8::1]/rd". Names are
 * not resolved; a link-local address needs an interface of ours, as in coap://[fe80::1%eth0]. */
#ifndef PINHOLE_NODE_COAP_URI_H
#define PINHOLE_NODE_COAP_URI_H

#include "node/common/place.h"

#include <stdbool.h>
#include <stdint.h>

struct coap_uri {
    bool is_secure; /* coaps: over DTLS */
    struct place place;
    uint16_t port; /* 5683, or 5684 of coaps, where the text names none */
};

/* What stands behind the authority is skipped. False if text, which may be hostile, is no such URI. */
bool coap_uri_parse(const char *text, struct coap_uri *out);

#endif
