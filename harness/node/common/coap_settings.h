/* Rows for the tables of settings of programs that speak CoAP. */
#ifndef PINHOLE_NODE_COAP_SETTINGS_H
#define PINHOLE_NODE_COAP_SETTINGS_H

#include "node/common/coap_support.h"
#include "node/common/settings.h"

/* patience: a struct coap_patience *, which is coap_patience_default before. */
#define COAP_PATIENCE_SETTINGS(patience)                                                           \
    {"ack-timeout",                                                                                \
     "PINHOLE_ACK_TIMEOUT",                                                                        \
     SETTING_SECONDS,                                                                              \
     &(patience)->ack_timeout,                                                                     \
     1000,                                                                                         \
     60000,                                                                                        \
     "CoAP's ACK_TIMEOUT, from 1 (2)"},                                                            \
    {                                                                                              \
        "max-retransmit", "PINHOLE_MAX_RETRANSMIT", SETTING_NUMBER, &(patience)->max_retransmit,   \
            1, 20, "CoAP's MAX_RETRANSMIT (4)"                                                     \
    }

/* For a server with DTLS. port and secure_port: uint32_t *; psk: struct setting_texts *. */
#define COAP_SERVER_SETTINGS(port, secure_port, psk)                                               \
    {"port", "PINHOLE_SERVER_PORT", SETTING_NUMBER, port, 1, UINT16_MAX, "the CoAP port (5683)"},  \
        {"secure-port",                                                                            \
         NULL,                                                                                     \
         SETTING_NUMBER,                                                                           \
         secure_port,                                                                              \
         1,                                                                                        \
         UINT16_MAX,                                                                               \
         "the port for DTLS, open if there are keys (5684)"},                                      \
    {                                                                                              \
        "psk", "PINHOLE_PSK", SETTING_TEXTS, psk, 0, 0,                                            \
            "IDENTITY:HEXKEY, as often as there are devices"                                       \
    }

#endif
