/* Rows for the tables of settings of devices that ask for mappings by PCP. */
#ifndef PINHOLE_NODE_PCP_SETTINGS_H
#define PINHOLE_NODE_PCP_SETTINGS_H

#include "node/common/settings.h"

/* Whom to ask. gateways: struct setting_texts *; no_anycast: bool *. */
#define PCP_GATEWAY_SETTINGS(gateways, no_anycast)                                                 \
    {"gateway",                                                                                    \
     "PINHOLE_GATEWAY",                                                                            \
     SETTING_TEXTS,                                                                                \
     gateways,                                                                                     \
     0,                                                                                            \
     0,                                                                                            \
     "a PCP server, as ADDRESS[,ADDRESS]... (the default router)"},                                \
    {                                                                                              \
        "no-anycast", "PINHOLE_NO_ANYCAST", SETTING_FLAG, no_anycast, 0, 0,                        \
            "never ask 192.0.0.9 or 2001:1::1 behind a silent default router"                      \
    }

/* How often to ask. environment: of the setting, or NULL; count: uint32_t *; otherwise: what 0, and no number, mean. */
#define PCP_REQUESTS_SETTING(environment, count, otherwise)                                        \
    {                                                                                              \
        "requests", environment, SETTING_NUMBER, count, 0, UINT8_MAX,                              \
            "how often to send a request that a PCP server does not answer, before the next one "  \
            "is asked, and none for a quarter of an hour when all are silent (" otherwise ")"      \
    }

#endif
