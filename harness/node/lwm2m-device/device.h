/* An LwM2M device: its objects, its life at the servers, its port and its mappings, put together.
 *
 *   lwm2m_client   decides what is sent to whom -> asker -> session of an account -> network
 *   lwm2m_coap     requests from those sessions -> lwm2m_serve -> model
 *   pcp_context    what the model asks for -> PCP -> model -> observations
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_DEVICE_H
#define PINHOLE_NODE_LWM2M_DEVICE_DEVICE_H

#include "node/common/coap_asker.h"
#include "node/lwm2m-device/account_session.h"
#include "node/lwm2m-device/lwm2m_coap.h"
#include "node/lwm2m-device/objects.h"
#include "node/lwm2m-device/options.h"
#include "node/lwm2m-device/pcp_context.h"

/* The port that LwM2M has, or is about to have. */
struct device_port {
    uint16_t number; /* 0: none */
    coap_endpoint_t *endpoint;
};

struct device {
    struct options options;
    struct objects objects;
    struct lwm2m_observations observations;
    struct lwm2m_server serve;
    struct lwm2m_client client;
    struct lwm2m_instance snapshot[OBJECTS_INSTANCES];

    coap_context_t *context;
    struct coap_asker *asker;
    struct lwm2m_coap coap;
    struct place local;
    struct device_port port;
    struct device_port next; /* LwM2M moves there once it is known what becomes of its mapping */
    struct account_session server;
    struct account_session bootstrap;
    uint32_t question; /* that is out; 0: none */

    struct servers servers;
    struct nonces nonces;
    struct pcp_context pcp;
    bool was_mapped;     /* the port of LwM2M was, and the server was told */
    bool awaits_mapping; /* before it registers after a reboot */

    enum lwm2m_client_state state; /* as told last */
    bool is_deaf;                  /* in queue mode */
    bool reboots;
    bool moves;       /* to the next port, now */
    bool is_mapped;   /* the next port is */
    bool reregisters; /* with a new handshake, as its place is another */
    bool lost_session;
    uint64_t refresh; /* ms: when objects are to look at themselves */
    bool failed;      /* for good, with error */
    struct error error;
};

/* options are set. Returns 0, or -1 with error. device must stay where it is. */
int device_open(struct device *device, struct error *error);
void device_close(struct device *device);

/* Does what is due. Returns the ms until it must be called again at the latest. */
uint32_t device_process(struct device *device);

/* The host's routes or addresses changed. */
void device_follow_host(struct device *device);
/* It slept: what came meanwhile was not heard. */
void device_wake(struct device *device);
/* Sends the temperature to the server. */
void device_send(struct device *device);

#endif
