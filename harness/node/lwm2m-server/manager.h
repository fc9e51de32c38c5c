/* What the parts of the management server share. */
#ifndef PINHOLE_LWM2M_SERVER_MANAGER_H
#define PINHOLE_LWM2M_SERVER_MANAGER_H

#include "engine/lwm2m/lwm2m_content.h"
#include "engine/lwm2m/lwm2m_registry.h"
#include "node/common/coap_asker.h"
#include "node/common/coap_body.h"
#include "node/common/coap_listener.h"

#include <sys/queue.h>

/* When a device's PCP-context is enabled. NEEDED: its binding is U without queue mode, so that it is to hear of
 * the server at any time, and without a mapping would have to keep its NAT's binding alive. */
enum pcp_use { PCP_WHEN_NEEDED, PCP_ALWAYS, PCP_NEVER };

struct contact;
TAILQ_HEAD(doubted, contact);

struct manager {
    enum pcp_use pcp;
    uint32_t mapping_lifetime; /* s; wanted of PCP */
    bool names_are_identities; /* of a registration through DTLS */
    uint8_t refusals_told;
    struct coap_patience patience;
    struct coap_keys keys;

    struct coap_listener listener;
    struct coap_asker *asker;
    struct lwm2m_registry *registry;
    struct contact *due;    /* those to whom something is to be sent */
    struct doubted doubted; /* see doubt.h */
    struct coap_bodies bodies;
    struct lwm2m_content content; /* scratch */
};

#endif
