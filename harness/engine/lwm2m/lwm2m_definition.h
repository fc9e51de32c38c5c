/* What an LwM2M object is made of: a table, as the OMA registry's XML files have it. */
#ifndef PINHOLE_ENGINE_LWM2M_DEFINITION_H
#define PINHOLE_ENGINE_LWM2M_DEFINITION_H

#include "wire/lwm2m.h"

/* Operations on a resource; several may be or'ed. Without any it is the bootstrap server's alone (object 0). */
enum lwm2m_operation { LWM2M_READ = 1, LWM2M_WRITE = 2, LWM2M_EXECUTE = 4 };

struct lwm2m_resource_definition {
    const char *name;
    const char
        *range; /* RangeEnumeration of the registry, for people: "0..255", "U, UQ"; "" for none */
    const char *units; /* "s"; "" for none */
    /* The same range for machines: of a number, or of the length of a string or opaque. Both 0: none. */
    int64_t minimum;
    int64_t maximum;
    uint16_t id;
    uint8_t operations;
    enum lwm2m_type type;
    bool multiple;
    bool mandatory;
};

struct lwm2m_object_definition {
    const char *name;
    const char *version; /* "1.0": not told in registrations, others as ;ver= */
    uint16_t id;
    bool multiple;
    bool mandatory;
    uint16_t count;
    const struct lwm2m_resource_definition *resources; /* ascending ids */
};

/* NULL if it has no such resource. */
const struct lwm2m_resource_definition *
lwm2m_definition_resource(const struct lwm2m_object_definition *object, uint16_t id);

/* Of the LwM2M specification: 0 Security, 1 Server, 3 Device, 4 Connectivity Monitoring; of the registry
 * (IPSO): 3303 Temperature; and ours: PCP-context.
 *
 * Of LwM2M 1.1 only the Server object is another, by resources that the device acts on. What 1.1 adds to Security is
 * about certificates, OSCORE and cipher suites, which nobody here speaks, and to Device nothing: these stay 1.0. */
extern const struct lwm2m_object_definition lwm2m_object_security;
extern const struct lwm2m_object_definition lwm2m_object_server;
extern const struct lwm2m_object_definition lwm2m_object_server_1_1; /* of a device of LwM2M 1.1 */
extern const struct lwm2m_object_definition lwm2m_object_device;
extern const struct lwm2m_object_definition lwm2m_object_connectivity;
extern const struct lwm2m_object_definition lwm2m_object_temperature;
extern const struct lwm2m_object_definition lwm2m_object_pcp_context;

/* All of them in their newest versions, ended by NULL: what a reader of strange devices knows the types of. */
extern const struct lwm2m_object_definition *const lwm2m_objects[];

/* Typing by lwm2m_objects, for readers that hold no model (servers). */
extern const struct lwm2m_typing lwm2m_typing_of_registry;

/* The resources of PCP-context. DECK: the slides or the patents that followed them name it; the others are
 * this project's design. */
enum lwm2m_pcp_resource {
    PCP_CONTEXT_LIFETIME = 0, /* DECK: wanted, s */
    PCP_CONTEXT_REQUEST = 1,  /* DECK: execute: send the request which carries the values written */
    PCP_CONTEXT_STATUS = 2,   /* DECK: enum pcp_context_status; observed */
    PCP_CONTEXT_VERSION =
        3, /* DECK: the highest version it speaks; once a server answered, the one in use */
    PCP_CONTEXT_ENABLED = 4,
    PCP_CONTEXT_INTERNAL_PORT =
        5, /* 0: that of LwM2M, and on execution a fresh one if it was mapped before */
    PCP_CONTEXT_PROTOCOL = 6,
    PCP_CONTEXT_SUGGESTED_ADDRESS = 7,
    PCP_CONTEXT_SUGGESTED_PORT = 8,
    PCP_CONTEXT_SERVER = 9,       /* instead of the default router and anycast */
    PCP_CONTEXT_THIRD_PARTY = 10, /* whose port it is: delegation */
    PCP_CONTEXT_FILTERS = 11,     /* ADDRESS/LENGTH[,PORT], multiple */
    PCP_CONTEXT_OPCODE = 12,      /* 1 MAP, 2 PEER */
    PCP_CONTEXT_REMOTE_ADDRESS = 13,
    PCP_CONTEXT_REMOTE_PORT = 14,
    PCP_CONTEXT_REFRESH = 15, /* execute */
    PCP_CONTEXT_DELETE = 16,  /* execute */
    PCP_CONTEXT_RESULT = 17,  /* of the last response, 0..255 */
    PCP_CONTEXT_EXTERNAL_ADDRESS = 18,
    PCP_CONTEXT_EXTERNAL_PORT = 19,
    PCP_CONTEXT_GRANTED = 20, /* s */
    PCP_CONTEXT_EXPIRY = 21,
    PCP_CONTEXT_EPOCH = 22,
    PCP_CONTEXT_ASKED_SERVER = 23,
    PCP_CONTEXT_REQUESTS = 24,
    PCP_CONTEXT_RETRANSMISSIONS = 25,
    PCP_CONTEXT_OCTETS_OUT = 26,
    PCP_CONTEXT_OCTETS_IN = 27
};

enum { LWM2M_OBJECT_PCP_CONTEXT = 26887 };

enum pcp_context_status {
    PCP_STATUS_DISABLED = 0,   /* nothing asked for */
    PCP_STATUS_ASKING = 1,     /* a request is out */
    PCP_STATUS_MAPPED = 2,     /* a mapping stands, as External Address and Port say */
    PCP_STATUS_REFUSED = 3,    /* Result says why; asking goes on when its lifetime has passed */
    PCP_STATUS_UNANSWERED = 4, /* no server answered; asking goes on */
    PCP_STATUS_LOST = 5,       /* it expired, or the server lost it; asking goes on */
    PCP_STATUS_FAILED = 6      /* what was written can't be asked for (no route, no such address) */
};

#endif
