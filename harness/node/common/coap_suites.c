#include "node/common/coap_suites.h"

#include <netinet/in.h>
#include <openssl/ssl.h>

static const char suites[] = "PSK-AES128-CCM8:PSK-AES128-CBC-SHA256";

/* Nobody is spoken to there: this machine's port for what is to be thrown away (RFC 863). */
enum { DISCARD = 9 };

/* A session gives away its OpenSSL object, and that the context which libcoap makes all of them from, servers' too. A
 * server's own can't be had before its suite is agreed on, so this is a client's; it ends before its handshake is
 * answered. */
static coap_session_t *begin_session(coap_context_t *context)
{
    coap_dtls_cpsk_t nobody = {
        .version = COAP_DTLS_CPSK_SETUP_VERSION,
        .psk_info = {.identity = {1, (const uint8_t *)"-"}, .key = {1, (const uint8_t *)"-"}}};
    coap_address_t address;
    coap_address_init(&address);
    address.size = sizeof address.addr.sin;
    address.addr.sin = (struct sockaddr_in){.sin_family = AF_INET,
                                            .sin_port = htons(DISCARD),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return coap_new_client_session_psk2(context, NULL, &address, COAP_PROTO_DTLS, &nobody);
}

void coap_suites_choose(coap_context_t *context)
{
    coap_session_t *session = begin_session(context);
    coap_tls_library_t library = COAP_TLS_LIBRARY_NOTLS;
    if (!session)
        return;
    const SSL *ssl = coap_session_get_tls(session, &library);
    if (ssl && library == COAP_TLS_LIBRARY_OPENSSL)
        SSL_CTX_set_cipher_list(SSL_get_SSL_CTX(ssl), suites);
    coap_session_release(session);
}
