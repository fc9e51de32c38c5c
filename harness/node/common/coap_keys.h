/* Pre-shared keys of a CoAP server, by the identities of its clients (RFC 4279; section 7.1.7 of LwM2M 1.0). */
#ifndef PINHOLE_NODE_COAP_KEYS_H
#define PINHOLE_NODE_COAP_KEYS_H

#include "base/error.h"
#include "node/common/coap_support.h"
#include "node/common/settings.h"

enum { COAP_KEYS = 32, COAP_KEY_SIZE = 64, COAP_IDENTITY_SIZE = 64 };

struct coap_key {
    char identity[COAP_IDENTITY_SIZE];
    uint8_t octets[COAP_KEY_SIZE];
    coap_bin_const_t key; /* octets, as libcoap asks for it */
};

struct coap_keys {
    size_t count;
    struct coap_key keys[COAP_KEYS];
};

/* "IDENTITY:HEXKEY"; an identity may hold colons. -1 with error. keys stays where it is from here on. */
int coap_keys_add(struct coap_keys *keys, const char *text, struct error *error);

/* Each of texts, likewise. */
int coap_keys_add_all(struct coap_keys *keys, const struct setting_texts *texts,
                      struct error *error);

/* context asks for them at each handshake; -1 with error. */
int coap_keys_use(const struct coap_keys *keys, coap_context_t *context, struct error *error);

/* Who is at the other end of a session: the identity that its handshake proved; "" without DTLS. */
void coap_keys_identity(const coap_session_t *session, char identity[COAP_IDENTITY_SIZE]);

#endif
