#include "node/lwm2m-device/account_session.h"

#include "node/common/coap_port.h"
#include "node/common/coap_uri.h"

#include <string.h>

enum { REQUESTS_AT_ONCE = 4 /* NSTART: a notification needn't wait for an update's answer */ };

int account_uri_read(const char *uri, struct place *place, uint16_t *port, struct error *error)
{
    struct coap_uri read;
    if (!coap_uri_parse(uri, &read))
        return error_set(error, "expected coap://ADDRESS:PORT or coaps://ADDRESS:PORT, got '%s'",
                         uri);
    *place = read.place;
    *port = read.port;
    return 0;
}

static bool is_same_account(const struct lwm2m_account *a, const struct lwm2m_account *b)
{
    return a->is_secure == b->is_secure && strcmp(a->uri, b->uri) == 0 &&
           a->identity_length == b->identity_length && a->key_length == b->key_length &&
           memcmp(a->identity, b->identity, a->identity_length) == 0 &&
           memcmp(a->key, b->key, a->key_length) == 0;
}

static coap_session_t *open_secure(coap_context_t *context, const coap_address_t *from,
                                   const coap_address_t *to, const struct lwm2m_account *account)
{
    coap_dtls_cpsk_t credentials = {.version = COAP_DTLS_CPSK_SETUP_VERSION};
    credentials.psk_info.identity.s = account->identity;
    credentials.psk_info.identity.length = account->identity_length;
    credentials.psk_info.key.s = account->key;
    credentials.psk_info.key.length = account->key_length;
    return coap_new_client_session_psk2(context, from, to, COAP_PROTO_DTLS, &credentials);
}

int account_session_open(struct account_session *session, coap_context_t *context,
                         const struct lwm2m_account *account, const struct place *local,
                         uint16_t port, const struct coap_patience *patience, struct error *error)
{
    struct place server;
    uint16_t server_port = 0;
    if (session->session && is_same_account(&session->account, account) &&
        coap_session_get_state(session->session) != COAP_SESSION_STATE_NONE)
        return 0;
    account_session_close(session);
    if (account_uri_read(account->uri, &server, &server_port, error) < 0)
        return -1;
    coap_address_t from = coap_support_address(local, port);
    coap_address_t to = coap_support_address(&server, server_port);
    coap_port_share(local, port);
    session->session = account->is_secure
                           ? open_secure(context, &from, &to, account)
                           : coap_new_client_session(context, &from, &to, COAP_PROTO_UDP);
    coap_port_stop_sharing(local, port);
    if (!session->session)
        return error_set(error, "libcoap could not reach for %s", account->uri);
    session->account = *account;
    coap_session_set_nstart(session->session, REQUESTS_AT_ONCE);
    coap_support_set_patience(session->session, patience);
    return 0;
}

void account_session_close(struct account_session *session)
{
    if (!session->session)
        return;
    coap_session_set_app_data(session->session, NULL);
    coap_session_set_no_observe_cancel(session->session);
    /* Else its observers would keep it, and its socket. */
    coap_session_disconnected(session->session, COAP_NACK_NOT_DELIVERABLE);
    coap_session_release(session->session);
    session->session = NULL;
}
