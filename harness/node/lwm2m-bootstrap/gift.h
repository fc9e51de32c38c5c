/* What a bootstrap server writes into devices: an account of the management server, and the PCP-context with its
 * defaults. Bootstrap has no Create; writing to an instance creates it (section 5.2.7.1 of LwM2M 1.0). */
#ifndef PINHOLE_LWM2M_BOOTSTRAP_GIFT_H
#define PINHOLE_LWM2M_BOOTSTRAP_GIFT_H

#include "engine/lwm2m/lwm2m_content.h"

enum { GIFT_KEY_SIZE = 64, GIFT_PAYLOAD_SIZE = 1024, GIFT_SHORT_SERVER_ID = 1 };

struct gift {
    const char *server_uri; /* coap:// or coaps:// */
    const char *identity;   /* of coaps; else NULL */
    uint8_t key[GIFT_KEY_SIZE];
    size_t key_length;
    uint32_t lifetime; /* s, of the registration */
    const char *binding;
    uint32_t pcp_instances;
    uint32_t mapping_lifetime; /* s */
};

/* The writes, one after the other: index from 0 on. security: the instance of object 0 to write to, one that the
 * bootstrap server's own account hasn't. with_pcp: the device knows PCP-context. Returns the length of the
 * payload, whose path is told; 0 when all is given, -1 with error. */
int gift_write(const struct gift *gift, size_t index, uint16_t security, bool with_pcp,
               uint32_t format, struct lwm2m_path *path, uint8_t payload[GIFT_PAYLOAD_SIZE],
               struct error *error);

#endif
