/* How a registered device is reached: the session that it registered with, what it was asked, and what waits
 * for it to wake up (queue mode, section 8.3 of LwM2M 1.0). */
#ifndef PINHOLE_LWM2M_SERVER_CONTACT_H
#define PINHOLE_LWM2M_SERVER_CONTACT_H

#include "node/lwm2m-server/manager.h"
#include "node/lwm2m-server/pcp_policy.h"

enum { CONTACT_ERRANDS = 16 /* that wait for a device, or are out to it, at a time */ };

struct errand;

struct contact {
    struct manager *manager;
    uint64_t number;         /* of the registration */
    coap_session_t *session; /* held; NULL once it is lost */
    struct contact *next_on_session;
    uint64_t heard; /* ms; when anything came from it */
    /* The registration that it came with: a repeated one is answered again. */
    coap_mid_t message;
    uint64_t registered;
    coap_mid_t sent; /* what it sent last by Send, and when: what is repeated is told once */
    uint64_t sent_at;
    struct errand *errands;
    bool is_due;
    struct contact *next_due;
    uint64_t doubted_until; /* ms; 0: it is not in doubt */
    TAILQ_ENTRY(contact) doubted;
    char identity[COAP_IDENTITY_SIZE]; /* "": without DTLS */
    struct pcp_policy pcp;
};

/* Told as coap_asked is. contact is NULL once the registration is no more; answer->why then says so. */
typedef void contact_asked(void *context, struct contact *contact,
                           const struct coap_answer *answer);

/* NULL without memory. */
struct contact *contact_open(struct manager *manager, uint64_t number, coap_session_t *session);
/* All that it was asked is told why. */
void contact_close(struct contact *contact, const char *why);

/* The first of those on session, NULL if there is none. */
struct contact *contact_on(const coap_session_t *session);
/* The session is no more; all that was asked on it has been told. */
void contact_lose_session(coap_session_t *session);
/* It speaks from session now: what is observed, or read at the moment, is asked for anew there. */
void contact_move(struct contact *contact, coap_session_t *session);

/* It is awake: it gets what waits, by contact_send_due(). */
void contact_heard(struct contact *contact);
/* Does it hear nothing now, being in queue mode and silent for MAX_TRANSMIT_WAIT? */
bool contact_is_asleep(const struct contact *contact);

/* The registration; never NULL as long as the contact is there. */
struct lwm2m_registration *contact_registration(const struct contact *contact);

/* Asks it by contact_send_due(), or when it wakes up. question is copied. -1 with error: too much waits; then
 * nobody is told. */
int contact_ask(struct contact *contact, const struct coap_question *question, contact_asked *asked,
                void *context, struct error *error);

/* Sends what was asked for since. Apart, so that no request overtakes the response to a registration. */
void contact_send_due(struct manager *manager);

#endif
