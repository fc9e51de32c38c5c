/* The life of an LwM2M device: bootstrap, registration, updates, queue mode, leave-taking (5.2, 5.3, 8.3 of
 * LwM2M 1.0; the backoff of 6.2.1.2 of Core 1.1.1). Decides what is to be sent to whom and when; sockets,
 * CoAP and its retransmissions are the caller's, and so is time: ms of a counter that does not wrap.
 *
 * It reads objects 0 and 1 of the model: without a server account it asks the bootstrap server, and takes what
 * that one writes until it finishes (POST /bs). A bootstrap that isn't finished in time is undone: the model
 * goes back to what it was before, and another is asked for after a pause that grows from 10 s to an hour.
 *
 *   IDLE -> BOOTSTRAPPING -> REGISTERING -> REGISTERED -> DEREGISTERING -> GONE
 *                ^  |  after a pause  ^   |       |  the server doesn't know it: 4.04
 *                +--+                 +---+<------+
 *
 * A registration is renewed before its end by so much as a message that meets loss may take, MAX_TRANSMIT_WAIT
 * (93 s); of a lifetime under twice that, in the middle. A lifetime or binding that the server has written
 * is told by an update by itself.
 */
#ifndef PINHOLE_ENGINE_LWM2M_CLIENT_H
#define PINHOLE_ENGINE_LWM2M_CLIENT_H

#include "engine/lwm2m/lwm2m_account.h"
#include "engine/lwm2m/lwm2m_serve.h"

enum {
    LWM2M_ENDPOINT_SIZE = 64,
    LWM2M_LOCATION_SIZE = 64,
    LWM2M_QUERIES = 8,
    LWM2M_AWAKE =
        93000 /* ms: MAX_TRANSMIT_WAIT, for which a device in queue mode stays awake after a message (8.3) */
};

enum lwm2m_client_state {
    LWM2M_IDLE,
    LWM2M_BOOTSTRAPPING, /* the request is out, or was answered and the server writes */
    LWM2M_REGISTERING,
    LWM2M_REGISTERED,
    LWM2M_PAUSING, /* before another try, or disabled by the server (resource 4 of object 1) */
    LWM2M_DEREGISTERING,
    LWM2M_GONE
};

/* What waits for its answer. */
enum lwm2m_asked {
    LWM2M_ASKED_NOTHING,
    LWM2M_ASKED_BOOTSTRAP,
    LWM2M_ASKED_REGISTER,
    LWM2M_ASKED_UPDATE,
    LWM2M_ASKED_SEND,
    LWM2M_ASKED_DEREGISTER
};

/* What is to be sent next. */
struct lwm2m_outgoing {
    const struct lwm2m_account *to;
    enum lwm2m_method method;
    char path[LWM2M_LOCATION_SIZE + 8];     /* "bs", "rd", "rd/7", "dp" */
    const char *queries[LWM2M_QUERIES + 1]; /* ended by NULL; point into the client */
    uint32_t content_format;                /* LWM2M_FORMAT_NONE: no payload */
    const uint8_t *payload;                 /* in the client, until the next call */
    size_t length;
};

struct lwm2m_client {
    /* Set by the caller; all else zero. */
    struct lwm2m_model *model;
    struct lwm2m_server *serve;
    /* Room for as many instances as the model has room for, to undo bootstraps by. NULL: they can't be undone, and
     * what an unfinished one wrote stays. */
    struct lwm2m_instance *snapshot;
    char endpoint[LWM2M_ENDPOINT_SIZE];
    bool is_1_1; /* speaks 1.1, else 1.0 */
    /* Wants queue mode: told as UQ in 1.0, as Q in 1.1. In 1.0 a Binding in the Server object, U or UQ, is
     * obeyed instead. */
    bool queue_mode;
    uint32_t
        bootstrap_timeout;     /* ms that a bootstrap may last, from the answer to its request on */
    uint32_t bootstrap_format; /* pct= of 1.1: the content format that is liked; 0: it isn't told */
    /* What happened, for the caller to say; NULL: nobody listens. REGISTERED once more tells that an
     * update was accepted. */
    void (*turned)(void *context, enum lwm2m_client_state state);
    void *context;

    /* Readable. */
    enum lwm2m_client_state state;
    struct lwm2m_account account;       /* whom we speak to */
    char location[LWM2M_LOCATION_SIZE]; /* of the registration: "rd/7"; "" without one */
    const char *why;      /* of PAUSING and IDLE: "refused", "unanswered", ...; or NULL */
    uint8_t refusal;      /* the code of "refused" */
    bool is_queueing;     /* registered in queue mode */
    uint64_t awake_until; /* ms */

    /* Private. */
    enum lwm2m_asked asked;
    bool is_answered;     /* the bootstrap request was: the server writes */
    bool wants_bootstrap; /* these four are done as soon as may be */
    bool wants_disable;
    bool wants_update;
    bool wants_links; /* the update is to carry the links */
    bool is_disabled; /* after its leave a pause follows */
    bool is_leaving;
    uint64_t due;      /* ms; of the pause, the update, the end of the bootstrap */
    uint64_t sent;     /* ms: when the last request was */
    uint32_t lifetime; /* s, as registered */
    /* As the request that is out tells them; registered once that is answered. */
    uint32_t told_lifetime;
    bool told_queueing;
    bool told_links;
    uint8_t failures;  /* registrations that failed, in this sequence (6.2.1.2 of 1.1) */
    uint8_t sequences; /* that failed */
    uint8_t bootstrap_failures;
    char texts[LWM2M_QUERIES][96]; /* the queries */
    uint8_t payload[2048];
    uint8_t sends[1024]; /* of Send, waiting */
    size_t sends_length; /* 0: none */
    uint32_t sends_format;
};

void lwm2m_client_start(struct lwm2m_client *client, uint64_t now);
/* After a pause of seconds, which lwm2m_client_register_anew() may end. */
void lwm2m_client_start_later(struct lwm2m_client *client, uint64_t now, uint32_t seconds);

/* Something to send now? It counts as out until one of the two below is told, or until the next one, which
 * takes its place: the caller then forgets what was out before, and its answer. */
bool lwm2m_client_next(struct lwm2m_client *client, uint64_t now, struct lwm2m_outgoing *out);

/* Its answer came: location is the joined Location-Path, or "". Or none did (timeout, reset, no session).
 * Answers to nothing are ignored. */
void lwm2m_client_answered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                           const char *location);
void lwm2m_client_failed(struct lwm2m_client *client, uint64_t now);

/* POST /bs from the bootstrap server: is what stands in the model enough to go on with? LWM2M_CHANGED, or
 * 4.06 (6.1.7.5 of 1.1: Not Acceptable) and the bootstrap is not over; 4.05 if there is none. */
enum lwm2m_code lwm2m_client_bootstrap_finish(struct lwm2m_client *client, uint64_t now);
/* May requests of the bootstrap server be served now? */
bool lwm2m_client_is_bootstrapping(const struct lwm2m_client *client);

/* Any message came from, or went to, the server: queue mode stays awake. */
void lwm2m_client_heard(struct lwm2m_client *client, uint64_t now);
/* Is the device to hear messages of the server now? Queue mode lets it sleep when nothing came or went for
 * LWM2M_AWAKE; a server that has disabled it is not heard. */
bool lwm2m_client_is_awake(const struct lwm2m_client *client, uint64_t now);

/* Executes a resource of object 1 (context is the client): Disable, Registration Update Trigger, and
 * Bootstrap-Request Trigger of 1.1. Fits lwm2m_object.execute; what follows is sent after the response, as
 * lwm2m_client_next() is called then. */
enum lwm2m_code lwm2m_client_execute(void *context, struct lwm2m_instance *instance,
                                     uint16_t resource, const char *arguments, size_t length);

/* A Registration Update is to be sent as soon as may be: with the links if instances changed, else bare. */
void lwm2m_client_update(struct lwm2m_client *client, bool instances_changed);
/* The address or the session that the server knows is no more: registers anew (a new handshake), and at once
 * if it paused. */
void lwm2m_client_register_anew(struct lwm2m_client *client, uint64_t now);
/* Sends the values at path to the server (1.1 Send, POST /dp). False in 1.0, if the server has muted it, if
 * another waits, or if there is nothing or no room. */
bool lwm2m_client_send(struct lwm2m_client *client, const struct lwm2m_path *path);
/* De-registers; LWM2M_GONE when done. */
void lwm2m_client_leave(struct lwm2m_client *client, uint64_t now);

/* ms until lwm2m_client_next() is to be called, UINT64_MAX if nothing is planned. */
uint64_t lwm2m_client_wait(const struct lwm2m_client *client, uint64_t now);

#endif
