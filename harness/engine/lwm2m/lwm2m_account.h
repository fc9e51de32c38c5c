/* Where a server is and how it is spoken to, from the objects Security (0) and Server (1) of a model: E.1 and
 * E.2 of LwM2M 1.0. */
#ifndef PINHOLE_ENGINE_LWM2M_ACCOUNT_H
#define PINHOLE_ENGINE_LWM2M_ACCOUNT_H

#include "engine/lwm2m/lwm2m_model.h"

enum { LWM2M_URI_SIZE = 128, LWM2M_CREDENTIAL_SIZE = 64 };

/* Resources of object 0. */
enum {
    LWM2M_SECURITY_URI = 0,
    LWM2M_SECURITY_BOOTSTRAP = 1,
    LWM2M_SECURITY_MODE = 2, /* 0 PSK, 3 NoSec */
    LWM2M_SECURITY_IDENTITY = 3,
    LWM2M_SECURITY_KEY = 5,
    LWM2M_SECURITY_SHORT_ID = 10,
    LWM2M_SECURITY_HOLD_OFF = 11 /* s before a bootstrap is asked for */
};

/* Resources of object 1; those from 9 on are of 1.1. */
enum {
    LWM2M_SERVER_SHORT_ID = 0,
    LWM2M_SERVER_LIFETIME = 1,
    LWM2M_SERVER_DEFAULT_PMIN = 2,
    LWM2M_SERVER_DEFAULT_PMAX = 3,
    LWM2M_SERVER_DISABLE = 4,
    LWM2M_SERVER_DISABLE_TIMEOUT = 5,
    LWM2M_SERVER_BINDING = 7,
    LWM2M_SERVER_UPDATE_TRIGGER = 8,
    LWM2M_SERVER_BOOTSTRAP_TRIGGER = 9,
    LWM2M_SERVER_LAST_BOOTSTRAPPED = 12,
    LWM2M_SERVER_BOOTSTRAP_ON_FAILURE = 16,
    LWM2M_SERVER_RETRY_COUNT = 17,
    LWM2M_SERVER_RETRY_TIMER = 18,
    LWM2M_SERVER_SEQUENCE_DELAY = 19,
    LWM2M_SERVER_SEQUENCE_COUNT = 20,
    LWM2M_SERVER_MUTE_SEND = 23
};

struct lwm2m_account {
    uint16_t security; /* the instance of object 0 */
    uint16_t server;   /* that of object 1; of no meaning for the bootstrap server */
    bool is_bootstrap;
    bool is_secure; /* security mode 0, PSK; else mode 3, NoSec. Others are not supported */
    char uri[LWM2M_URI_SIZE]; /* "coap://11.0.0.2:5683" */
    uint8_t identity[LWM2M_CREDENTIAL_SIZE];
    size_t identity_length;
    uint8_t key[LWM2M_CREDENTIAL_SIZE];
    size_t key_length;
};

/* The first account that can be used: of a bootstrap server; or of a management server, which has an instance
 * of each object with the same Short Server ID. An account whose URI doesn't fit its security mode, or that
 * lacks credentials, can't be used. False if there is none. */
bool lwm2m_account_find(const struct lwm2m_model *model, bool bootstrap, struct lwm2m_account *out);

/* The instance of object 1 that belongs to a management server's account; NULL if it has gone. */
const struct lwm2m_instance *lwm2m_account_server(const struct lwm2m_model *model,
                                                  const struct lwm2m_account *account);

#endif
