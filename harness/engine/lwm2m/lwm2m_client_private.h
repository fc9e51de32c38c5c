/* What the two files of the client share. */
#ifndef PINHOLE_ENGINE_LWM2M_CLIENT_PRIVATE_H
#define PINHOLE_ENGINE_LWM2M_CLIENT_PRIVATE_H

#include "engine/lwm2m/lwm2m_client.h"

/* What the Server object of the account says; defaults without one. s. */
uint32_t lwm2m_client_lifetime(const struct lwm2m_client *client);
bool lwm2m_client_queueing(const struct lwm2m_client *client);

/* Fills out with a request of that kind. False if its payload doesn't fit. */
bool lwm2m_client_write(struct lwm2m_client *client, enum lwm2m_asked asked,
                        struct lwm2m_outgoing *out);

#endif
