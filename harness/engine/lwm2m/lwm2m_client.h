/* The life of an LwM2M device: bootstrap, registration, updates, queue mode, leave-taking (5.2, 5.3, 8.3 of
 * LwM2M 1.0; the backoff of 6.2.1.2 of Core 1.1.1). Decides what is to be sent to whom and when; sockets,
 * CoAP and its retransmissions are the caller's, and so is time: ms of a counter that does not wrap.
 *
 * It reads objects 0 and 1 of the model: without a server account it asks the bootstrap server, and takes what
 * that one writes until it finishes (POST /bs). A bootstrap that isn't finished in time is undone: the model
 * goes back to what it was before, and another is asked for later.
 *
 *   IDLE -> BOOTSTRAPPING -> REGISTERING -> REGISTERED -> DEREGISTERING -> GONE
 *                ^  |  after a pause  ^   |       |  the server doesn't know it: 4.04
 *                +--+                 +---+<------+
 */
#ifndef PINHOLE_ENGINE_LWM2M_CLIENT_H
#define PINHOLE_ENGINE_LWM2M_CLIENT_H

#include "engine/lwm2m/lwm2m_serve.h"

enum {
    LWM2M_ENDPOINT_SIZE = 64,
    LWM2M_LOCATION_SIZE = 64,
    LWM2M_AWAKE =
        93000 /* ms: MAX_TRANSMIT_WAIT, for which a device in queue mode stays awake after a message (8.3) */
};

enum lwm2m_client_state {
    LWM2M_IDLE,
    LWM2M_BOOTSTRAPPING, /* the request is out, or was answered and the server writes */
    LWM2M_REGISTERING,
    LWM2M_REGISTERED,
    LWM2M_PAUSING, /* before another try */
    LWM2M_DEREGISTERING,
    LWM2M_GONE
};

/* Where a server is and how it is spoken to, from the Security object. */
struct lwm2m_account {
    uint16_t security; /* the instance of object 0 */
    uint16_t server;   /* that of object 1; of no meaning for the bootstrap server */
    bool is_bootstrap;
    bool is_secure; /* security mode 0, PSK; else mode 3, NoSec. Others are not supported */
    char uri[128];  /* "coap://11.0.0.2:5683" */
    uint8_t identity[64];
    size_t identity_length;
    uint8_t key[64];
    size_t key_length;
};

/* What is to be sent next. */
struct lwm2m_outgoing {
    const struct lwm2m_account *to;
    enum lwm2m_method method;
    char path[LWM2M_LOCATION_SIZE + 8]; /* "bs", "rd", "rd/7", "dp" */
    const char *queries[8];             /* ended by NULL; point into the client */
    uint32_t content_format;            /* LWM2M_FORMAT_NONE: no payload */
    const uint8_t *payload;             /* in the client, until the next call */
    size_t length;
};

struct lwm2m_client {
    /* Set by the caller. */
    struct lwm2m_model *model;
    struct lwm2m_server *serve;
    char endpoint[LWM2M_ENDPOINT_SIZE];
    bool is_1_1;                /* speaks 1.1, else 1.0 */
    bool queue_mode;            /* told as UQ in 1.0, as Q in 1.1 */
    uint32_t bootstrap_timeout; /* ms that a bootstrap may last */
    /* What happened, for the caller to say; NULL: nobody listens. */
    void (*turned)(void *context, enum lwm2m_client_state state);
    void *context;

    /* Readable. */
    enum lwm2m_client_state state;
    struct lwm2m_account account;       /* whom we speak to */
    char location[LWM2M_LOCATION_SIZE]; /* of the registration: "rd/7" */

    /* Private. */
    bool is_out;      /* a request waits for its answer */
    bool is_finished; /* the bootstrap server said so */
    bool wants_update;
    bool tells_links; /* the update carries the links */
    bool tells_binding;
    uint64_t due; /* ms; of the pause, the update, the end of the bootstrap */
    uint64_t awake_until;
    uint32_t lifetime; /* s, as registered */
    uint8_t failures;
    char texts[8][96]; /* the queries */
    uint8_t payload[2048];
    uint8_t sends[1024]; /* of Send, waiting */
    size_t sends_length;
    uint32_t sends_format;
};

void lwm2m_client_start(struct lwm2m_client *client, uint64_t now);

/* Something to send now? It counts as out until one of the two below. */
bool lwm2m_client_next(struct lwm2m_client *client, uint64_t now, struct lwm2m_outgoing *out);

/* Its answer came: location is the joined Location-Path, or "". Or none did (timeout, reset, no session). */
void lwm2m_client_answered(struct lwm2m_client *client, uint64_t now, enum lwm2m_code code,
                           const char *location);
void lwm2m_client_failed(struct lwm2m_client *client, uint64_t now);

/* POST /bs from the bootstrap server: is what stands in the model enough to go on with? LWM2M_CHANGED, or
 * 4.06 (5.2.7.? of 1.1: Not Acceptable) and the bootstrap is not over. */
enum lwm2m_code lwm2m_client_bootstrap_finish(struct lwm2m_client *client, uint64_t now);
/* May requests of the bootstrap server be served now? */
bool lwm2m_client_is_bootstrapping(const struct lwm2m_client *client);

/* Any message came from, or went to, the server: queue mode stays awake. */
void lwm2m_client_heard(struct lwm2m_client *client, uint64_t now);
/* Is a device in queue mode to hear messages now? Always true without it. */
bool lwm2m_client_is_awake(const struct lwm2m_client *client, uint64_t now);

/* A Registration Update is to be sent as soon as may be: with the links if instances changed, else bare. */
void lwm2m_client_update(struct lwm2m_client *client, bool instances_changed);
/* The address or the session that the server knows is no more: registers anew (a new handshake). */
void lwm2m_client_register_anew(struct lwm2m_client *client, uint64_t now);
/* Sends the values at path to the server (1.1 Send, POST /dp). False in 1.0 or if there is no room. */
bool lwm2m_client_send(struct lwm2m_client *client, const struct lwm2m_path *path);
/* Asks for a bootstrap (resource 9 of object 1, or lack of a server account). */
void lwm2m_client_bootstrap(struct lwm2m_client *client, uint64_t now);
/* De-registers; LWM2M_GONE when done. */
void lwm2m_client_leave(struct lwm2m_client *client, uint64_t now);

/* ms until lwm2m_client_next() has something, UINT64_MAX if nothing is planned. */
uint64_t lwm2m_client_wait(const struct lwm2m_client *client, uint64_t now);

#endif
