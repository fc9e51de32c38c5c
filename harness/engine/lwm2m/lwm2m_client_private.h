/* What the files of the client share. */
#ifndef PINHOLE_ENGINE_LWM2M_CLIENT_PRIVATE_H
#define PINHOLE_ENGINE_LWM2M_CLIENT_PRIVATE_H

#include "engine/lwm2m/lwm2m_client.h"

enum { LWM2M_SECOND = 1000 };

/* --- states, lwm2m_client.c ------------------------------------------------------------------ */

void lwm2m_client_turn(struct lwm2m_client *client, enum lwm2m_client_state state);
void lwm2m_client_pause_for(struct lwm2m_client *client, uint64_t now, uint64_t seconds,
                            const char *why);
/* A pause in seconds after so many failures, 1 or more. */
uint64_t lwm2m_client_doubled(uint64_t seconds, unsigned int failures);

/* --- lwm2m_client_bootstrap.c ---------------------------------------------------------------- */

bool lwm2m_client_has_account(const struct lwm2m_client *client, bool bootstrap);
/* False if there is no account for it. */
bool lwm2m_client_begin_bootstrap(struct lwm2m_client *client);
void lwm2m_client_undo_bootstrap(struct lwm2m_client *client);
void lwm2m_client_fail_bootstrap(struct lwm2m_client *client, uint64_t now, const char *why);

/* --- lwm2m_client_registration.c ------------------------------------------------------------- */

/* With the account that the client has. */
void lwm2m_client_begin_registration(struct lwm2m_client *client);
/* The answer to a registration. */
void lwm2m_client_registered(struct lwm2m_client *client, uint64_t now, uint8_t code,
                             const char *location);
void lwm2m_client_fail_registration(struct lwm2m_client *client, uint64_t now, const char *why);
/* A registration or update was accepted. */
void lwm2m_client_settle(struct lwm2m_client *client);
/* The registration is over, and an end or a pause follows. */
void lwm2m_client_left(struct lwm2m_client *client, uint64_t now);

/* --- messages, lwm2m_client_messages.c ------------------------------------------------------- */

/* What the Server object of the account says; defaults without one. s. */
uint32_t lwm2m_client_lifetime(const struct lwm2m_client *client);
bool lwm2m_client_queueing(const struct lwm2m_client *client);

/* Fills out with a request of that kind. False if its payload doesn't fit. */
bool lwm2m_client_write(struct lwm2m_client *client, enum lwm2m_asked asked,
                        struct lwm2m_outgoing *out);

#endif
