/* The CoAP side of the device: one UDP port for all it does. It answers GET /status there, and
 * registers from there at a resource directory (RFC 9176: POST /rd?ep=NAME&lt=SECONDS&base=URI).
 *
 * Section 10.2 of RFC 6887 rules: nothing leaves the port before the mapping is granted. Opening
 * sends nothing; registering is for the caller to begin when the time has come. The port is held
 * exclusively from before the first MAP request (section 11).
 */
#ifndef PINHOLE_NODE_COAP_DEVICE_H
#define PINHOLE_NODE_COAP_DEVICE_H

#include "node/common/coap_asker.h"
#include "node/device/finder.h"

#include <stdbool.h>
#include <stdint.h>

enum registration_state {
    REGISTRATION_NONE,    /* not wanted, or no server to register at */
    REGISTRATION_ASKING,  /* the request is out */
    REGISTRATION_WAITING, /* it failed; the next one waits for its time */
    REGISTRATION_DONE,
    REGISTRATION_LEAVING /* the deletion is out */
};

struct coap_device_facts {
    const char *name; /* the endpoint's; outlives the device */
    struct place local;
    uint16_t port;
    bool has_server;
    struct place server;
    uint16_t server_port;
    struct coap_patience patience;
    const char *find; /* the endpoint that coap_device_find() is about; NULL: none */
    /* The directory is libcoap's, which follows a draft of what became RFC 9176: a registration is named by the
     * parameter h, tells of links that are whole URIs, and is looked up at its own path. */
    bool draft_directory;
};

struct coap_device {
    struct coap_device_facts facts;
    coap_context_t *context;
    struct coap_asker *asker;
    coap_session_t *session; /* to the server; NULL without one */

    enum registration_state state;
    char base[96]; /* where we are reached, as a URI; empty: whence the request comes */
    char location[COAP_ASKER_LOCATION]; /* of our registration, once it is done */
    uint32_t question;                  /* about our registration, that is out; 0: none */
    uint64_t next;                      /* ms of clock_milliseconds(): when to register again */
    uint32_t pause;                     /* ms before the next try */

    struct finder finder;
};

/* Takes the port and prepares a session from there to the server, if there is one. device must stay
 * where it is. Returns 0, or -1 with error. */
int coap_device_open(struct coap_device *device, const struct coap_device_facts *facts,
                     struct error *error);

void coap_device_close(struct coap_device *device);

/* Registers, or registers anew, as reachable at base, "" for the address that the server sees. */
void coap_device_register(struct coap_device *device, const char *base);

/* The port must be silent: nothing that is out is repeated, nothing new is sent. The handle may
 * change. Returns 0, or -1 with error and the device closed. */
int coap_device_hush(struct coap_device *device, struct error *error);

/* Finds the other endpoint and asks it for its status, as soon as we are registered. */
void coap_device_find(struct coap_device *device);

/* Deletes the registration, if there is one; REGISTRATION_NONE tells that it is over. */
void coap_device_leave(struct coap_device *device);

/* Readable when coap_device_process() has something to do. */
int coap_device_handle(const struct coap_device *device);

/* Does what is due, and returns the ms until it must be called again at the latest. */
uint32_t coap_device_process(struct coap_device *device);

#endif
