/* The objects of the device besides PCP-context, and the memory of all: 0 Security, 1 Server, 3 Device,
 * 4 Connectivity Monitoring, 3303 Temperature. */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_OBJECTS_H
#define PINHOLE_NODE_LWM2M_DEVICE_OBJECTS_H

#include "engine/lwm2m/lwm2m_client.h"
#include "node/common/place.h"

enum {
    OBJECTS = 6,
    OBJECTS_SECURITY = 4, /* instances */
    OBJECTS_SERVERS = 2,
    OBJECTS_PCP_CONTEXTS = 8,
    OBJECTS_INSTANCES = OBJECTS_SECURITY + OBJECTS_SERVERS + 3 + OBJECTS_PCP_CONTEXTS
};

struct thermometer {
    bool is_fixed;
    double fixed;
};

struct objects {
    /* Set by the caller. */
    struct thermometer thermometer;
    const char *serial;  /* number; outlives this */
    const char *binding; /* "U" or "UQ"; likewise */
    bool is_1_1;
    bool has_pcp;                /* PCP-context is there */
    int family;                  /* of the routers that are told */
    struct address source;       /* of the device */
    struct lwm2m_client *client; /* does what Server is executed for; outlives this */
    /* Device is to reboot: its answer goes first. */
    void (*reboot)(void *context);
    void *context;

    struct lwm2m_model model;
    struct lwm2m_object table[OBJECTS];
    struct lwm2m_instance instances[OBJECTS_INSTANCES];
    int64_t clock_ahead; /* s: Current Time as written, before ours */
};

/* Makes the objects, and the instances that every device has: of 3, 4 and 3303. */
void objects_open(struct objects *objects);
/* Makes those of these instances that are gone. A Delete of "/" by a bootstrap server removes all but Device and its
 * own account (5.2.7.5 of LwM2M 1.0.2, 6.1.7.6 of Core 1.1.1), and is obeyed. But the connection and the thermometer are
 * there nevertheless, and neither text keeps a device from making instances by itself: once the bootstrap is over, what
 * the bootstrap server has not written in their place, is there again. */
void objects_equip(struct objects *objects);
/* A bootstrap has been finished just now: the Server object of 1.1 tells when. */
void objects_note_bootstrap(struct objects *objects);
/* Puts the values that change by themselves, so that observations tell of them. */
void objects_refresh(struct objects *objects);

/* What the factory provisions: an account, with its Server object unless it is a bootstrap server's. */
struct objects_account {
    bool is_bootstrap;
    const char *uri;
    const char *identity; /* NULL: NoSec */
    const uint8_t *key;
    size_t key_length;
    uint32_t lifetime; /* s */
};
/* Returns false if there is no room for it. */
bool objects_provision(struct objects *objects, const struct objects_account *account);

/* For the parts: fill the functions of their object. */
void object_device_open(struct lwm2m_object *object);
void object_connectivity_open(struct lwm2m_object *object);
void object_temperature_open(struct lwm2m_object *object);

#endif
