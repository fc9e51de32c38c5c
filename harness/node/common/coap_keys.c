#include "node/common/coap_keys.h"

#include "node/common/hex.h"

#include <string.h>

int coap_keys_add(struct coap_keys *keys, const char *text, struct error *error)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (keys->count == COAP_KEYS)
        return error_set(error, "at most %d keys", COAP_KEYS);
    if (!length || length >= COAP_IDENTITY_SIZE)
        return error_set(error, "expected IDENTITY:HEXKEY with an identity of up to %d octets",
                         COAP_IDENTITY_SIZE - 1);
    struct coap_key *key = &keys->keys[keys->count];
    int size = hex_read(colon + 1, key->octets, sizeof key->octets);
    if (size <= 0)
        return error_set(error, "the key of %.*s: expected 1 to %d octets as hex digits",
                         (int)length, text, COAP_KEY_SIZE);
    memcpy(key->identity, text, length);
    key->identity[length] = '\0';
    key->key = (coap_bin_const_t){.length = (size_t)size, .s = key->octets};
    keys->count++;
    return 0;
}

int coap_keys_add_all(struct coap_keys *keys, const struct setting_texts *texts,
                      struct error *error)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (coap_keys_add(keys, texts->text[i], error) < 0)
            return -1;
    }
    return 0;
}

static const coap_bin_const_t *choose(coap_bin_const_t *identity, coap_session_t *session,
                                      void *argument)
{
    (void)session;
    const struct coap_keys *keys = argument;
    for (size_t i = 0; i < keys->count; i++) {
        const struct coap_key *key = &keys->keys[i];
        if (strlen(key->identity) == identity->length &&
            memcmp(key->identity, identity->s, identity->length) == 0)
            return &key->key;
    }
    return NULL;
}

int coap_keys_use(const struct coap_keys *keys, coap_context_t *context, struct error *error)
{
    /* libcoap wants a key for all as well; nobody has it, as choose() decides. No hint, not even an empty one: then
     * there is no ServerKeyExchange with a bare pre-shared key (RFC 4279 section 2), at which some clients end. */
    coap_dtls_spsk_t setup = {.version = COAP_DTLS_SPSK_SETUP_VERSION,
                              .validate_id_call_back = choose,
                              .id_call_back_arg = (void *)keys,
                              .psk_info = {.key = keys->keys[0].key}};
    if (!coap_context_set_psk2(context, &setup))
        return error_set(error, "libcoap took no pre-shared keys");
    return 0;
}

void coap_keys_identity(const coap_session_t *session, char identity[COAP_IDENTITY_SIZE])
{
    identity[0] = '\0';
    if (coap_session_get_proto(session) != COAP_PROTO_DTLS)
        return;
    const coap_bin_const_t *proven = coap_session_get_psk_identity(session);
    if (!proven || proven->length >= COAP_IDENTITY_SIZE)
        return;
    memcpy(identity, proven->s, proven->length);
    identity[proven->length] = '\0';
}
