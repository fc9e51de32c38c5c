#include "engine/lwm2m/lwm2m_account.h"

#include <string.h>

enum {
    OBJECT_SECURITY = 0,
    OBJECT_SERVER = 1,
    MODE_PSK = 0,
    MODE_NOSEC = 3,
    SHORT_ID_LAST = 65534
};

/* Copies a string or opaque of 1 to LWM2M_CREDENTIAL_SIZE octets. */
static bool copy_credential(const struct lwm2m_instance *instance, uint16_t resource,
                            uint8_t octets[LWM2M_CREDENTIAL_SIZE], size_t *length)
{
    const struct lwm2m_value *value = lwm2m_model_get(instance, resource, 0);
    if (!value || (value->type != LWM2M_TYPE_OPAQUE && value->type != LWM2M_TYPE_STRING))
        return false;
    if (value->as.data.length < 1 || value->as.data.length > LWM2M_CREDENTIAL_SIZE)
        return false;
    *length = value->as.data.length;
    memcpy(octets, value->as.data.octets, *length);
    return true;
}

static bool begins(const char *text, const char *beginning)
{
    size_t length = strlen(beginning);
    return !strncmp(text, beginning, length) && text[length];
}

static bool read_security(const struct lwm2m_instance *security, struct lwm2m_account *out)
{
    out->security = security->id;
    out->is_bootstrap = lwm2m_model_boolean(security, LWM2M_SECURITY_BOOTSTRAP, false);
    lwm2m_model_text(security, LWM2M_SECURITY_URI, out->uri, sizeof out->uri);
    switch (lwm2m_model_integer(security, LWM2M_SECURITY_MODE, MODE_NOSEC)) {
    case MODE_NOSEC:
        return begins(out->uri, "coap://");
    case MODE_PSK:
        out->is_secure = true;
        return begins(out->uri, "coaps://") &&
               copy_credential(security, LWM2M_SECURITY_IDENTITY, out->identity,
                               &out->identity_length) &&
               copy_credential(security, LWM2M_SECURITY_KEY, out->key, &out->key_length);
    default:
        return false;
    }
}

/* The Short Server ID is in 1..65534: 0 and 65535 are reserved. */
static const struct lwm2m_instance *server_of(const struct lwm2m_object *servers, int64_t short_id)
{
    if (short_id < 1 || short_id > SHORT_ID_LAST)
        return NULL;
    const struct lwm2m_instance *server = lwm2m_model_next(servers, -1);
    while (server && lwm2m_model_integer(server, LWM2M_SERVER_SHORT_ID, 0) != short_id)
        server = lwm2m_model_next(servers, server->id);
    return server;
}

bool lwm2m_account_find(const struct lwm2m_model *model, bool bootstrap, struct lwm2m_account *out)
{
    const struct lwm2m_object *securities = lwm2m_model_object(model, OBJECT_SECURITY);
    const struct lwm2m_object *servers = lwm2m_model_object(model, OBJECT_SERVER);
    if (!securities)
        return false;
    for (const struct lwm2m_instance *security = lwm2m_model_next(securities, -1); security;
         security = lwm2m_model_next(securities, security->id)) {
        struct lwm2m_account account = {0};
        if (!read_security(security, &account) || account.is_bootstrap != bootstrap)
            continue;
        if (!bootstrap) {
            int64_t short_id = lwm2m_model_integer(security, LWM2M_SECURITY_SHORT_ID, 0);
            const struct lwm2m_instance *server = servers ? server_of(servers, short_id) : NULL;
            if (!server)
                continue;
            account.server = server->id;
        }
        *out = account;
        return true;
    }
    return false;
}

const struct lwm2m_instance *lwm2m_account_server(const struct lwm2m_model *model,
                                                  const struct lwm2m_account *account)
{
    const struct lwm2m_object *servers = lwm2m_model_object(model, OBJECT_SERVER);
    return servers && !account->is_bootstrap ? lwm2m_model_instance(servers, account->server)
                                             : NULL;
}
