/* What an instance of the object PCP-context asks a PCP server for. */
#ifndef PINHOLE_NODE_PCP_WISH_H
#define PINHOLE_NODE_PCP_WISH_H

#include "base/error.h"
#include "engine/lwm2m/lwm2m_model.h"
#include "engine/pcp_client.h"
#include "node/common/place.h"

enum { PCP_WISH_LIFETIME = 7200 /* s, unless another is written */, PCP_WISH_FILTERS = 8 };

struct pcp_wish {
    bool enabled;
    uint8_t opcode; /* PCP_MAP or PCP_PEER */
    uint8_t protocol;
    uint16_t internal_port; /* 0: that of LwM2M */
    uint32_t lifetime;      /* s */
    bool is_foreign;        /* the port is that of host: THIRD_PARTY (13.1) */
    struct address host;
    bool has_suggestion;
    struct address suggested_address;
    uint16_t suggested_port;
    bool has_server; /* else the default router, and anycast behind it */
    struct place server;
    struct address remote_address; /* of PEER */
    uint16_t remote_port;
    uint8_t filter_count;
    struct pcp_filter filters[PCP_WISH_FILTERS];
};

/* Reads the instance. -1 with error for what can't be asked for: resources that don't go together, or texts that mean
 * nothing. */
int pcp_wish_read(const struct lwm2m_instance *instance, struct pcp_wish *wish,
                  struct error *error);

/* For lwm2m_object.check: may this one be written? 4.00 for a text that means nothing. */
enum lwm2m_code pcp_wish_check(void *context, const struct lwm2m_entry *entry);

/* Fills the wish of a mapping, at a server that is asked from source: all but nonce and filters. internal_port stands
 * for one of 0, unless that is another host's. */
void pcp_wish_fill(const struct pcp_wish *wish, uint16_t internal_port,
                   const struct address *source, struct pcp_mapping *mapping);

#endif
