/* The paths of a model as resources of libcoap, which has tokens, observers (RFC 7641), blocks (RFC 7959) and
 * retransmissions. It knows no pattern of paths with observers, so that every object, instance, resource and
 * resource instance is a resource of its own, in step with the model; one for all others says which refusal they get.
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_LWM2M_COAP_H
#define PINHOLE_NODE_LWM2M_DEVICE_LWM2M_COAP_H

#include "engine/lwm2m/lwm2m_client.h"
#include "node/common/coap_body.h"
#include "node/common/coap_support.h"

enum {
    LWM2M_COAP_RESOURCES = 1024,
    LWM2M_COAP_RECENT = 32,
    LWM2M_COAP_WATCHERS = 8 /* strangers that may observe at a time */
};

/* Who asks. */
enum lwm2m_caller { LWM2M_CALLER_STRANGER, LWM2M_CALLER_SERVER, LWM2M_CALLER_BOOTSTRAP };

struct lwm2m_coap;

/* A path that libcoap has a resource of. */
struct lwm2m_coap_resource {
    struct lwm2m_coap *coap;
    coap_resource_t *resource; /* NULL: free */
    struct lwm2m_path path;
    uint32_t generation; /* in which it was in the model last */
};

/* What was done already, and is not to be done again if the message comes again (RFC 7252 section 4.5). */
struct lwm2m_coap_done {
    const coap_session_t *session; /* NULL: free */
    coap_mid_t message;
    uint64_t until; /* ms */
    uint8_t code;
    bool has_location;
    struct lwm2m_path location;
};

struct lwm2m_coap {
    /* Set by the caller; all else zero. */
    coap_context_t *context;
    struct lwm2m_server *serve;
    struct lwm2m_client *client;
    bool open_read; /* strangers may read the temperature */
    enum lwm2m_caller (*caller_of)(void *owner, const coap_session_t *session);
    /* Instances came to be or went. */
    void (*instances_changed)(void *owner);
    void *owner;

    bool is_stale; /* the resources are out of step with the model */
    uint32_t generation;
    struct lwm2m_coap_resource resources[LWM2M_COAP_RESOURCES];
    struct lwm2m_coap_resource others; /* without a path of their own */
    uint8_t next_done;
    struct lwm2m_coap_done done[LWM2M_COAP_RECENT];
    /* Sessions of strangers that began to observe; their app data is owner, so that it hears of their end. */
    const coap_session_t *watchers[LWM2M_COAP_WATCHERS];
    struct coap_bodies bodies;
    uint8_t payload[16384];
};

/* Returns 0, or -1 with error. */
int lwm2m_coap_open(struct lwm2m_coap *coap, struct error *error);

/* For lwm2m_model.changed, with the lwm2m_coap as its context. */
void lwm2m_coap_changed(void *context, const struct lwm2m_path *path);

/* The session is about to go. */
void lwm2m_coap_forget(struct lwm2m_coap *coap, const coap_session_t *session);

/* Brings the resources in step, and has libcoap send the notifications that are due. Not while a request is served. */
void lwm2m_coap_process(struct lwm2m_coap *coap);

/* For the parts: the handler of requests, and the resources. */
void lwm2m_coap_answer(coap_resource_t *resource, coap_session_t *session,
                       const coap_pdu_t *request, const coap_string_t *query, coap_pdu_t *response);
coap_resource_t *lwm2m_coap_resource_at(const struct lwm2m_coap *coap,
                                        const struct lwm2m_path *path);

#endif
