/* The registration interface (section 5.3 of LwM2M 1.0) and Send (section 6.4.5 of Core 1.1.1), as resources of the
 * server's context. */
#ifndef PINHOLE_LWM2M_SERVER_REGISTRATION_H
#define PINHOLE_LWM2M_SERVER_REGISTRATION_H

#include "node/lwm2m-server/manager.h"

/* POST /rd, POST and DELETE /rd/NUMBER, POST /dp. */
int registration_serve(struct manager *manager, struct error *error);

/* Those whose lifetime is over go. Returns the ms of the engine's clock until the next does. */
uint64_t registration_expire(struct manager *manager);

#endif
