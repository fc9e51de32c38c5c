/* The PCP client engine on real sockets: one for requests and their answers, one for the server's
 * announcements.
 *
 * The request socket is bound to the very address that the requests name as the client's (RFC 6887
 * section 8.1) and to a random port, and connected to the server, so that no stranger's datagram
 * comes in. Announcements come to 224.0.0.1 or ff02::1, port 5350, which all clients of a host share
 * (14.1.3).
 */
#ifndef PINHOLE_NODE_PCP_ENDPOINT_H
#define PINHOLE_NODE_PCP_ENDPOINT_H

#include "base/error.h"
#include "engine/pcp_client.h"
#include "node/common/place.h"

#include <poll.h>

enum { PCP_ENDPOINT_HANDLES = 2 };

/* Told each event of the engine, as it happens. */
typedef void pcp_endpoint_listener(void *context, const struct pcp_event *event);

struct pcp_endpoint {
    struct pcp_client client;
    pcp_endpoint_listener *listener;
    void *context;
    int requests;
    int announcements; /* -1: they can't be heard, the port being held by another */
};

/* Opens the sockets toward server and starts the engine on mappings, the caller's array of count
 * zeroed structs; the caller has set listener and context. Returns 0, or -1 with error and nothing
 * open. */
int pcp_endpoint_open(struct pcp_endpoint *endpoint, const struct place *server,
                      const struct address *source, struct pcp_mapping *mappings, uint16_t count,
                      struct error *error);

void pcp_endpoint_close(struct pcp_endpoint *endpoint);

/* What to poll for. */
void pcp_endpoint_handles(const struct pcp_endpoint *endpoint,
                          struct pollfd handles[PCP_ENDPOINT_HANDLES]);

/* Hands what has come to the engine and sends what is due. */
void pcp_endpoint_process(struct pcp_endpoint *endpoint);

/* Milliseconds until pcp_endpoint_process() has something to do by itself; PCP_NEVER if never. */
uint32_t pcp_endpoint_wait(const struct pcp_endpoint *endpoint);

/* Fills in a fresh unguessable nonce (11.2). Returns 0, or -1 with error. */
int pcp_endpoint_nonce(uint8_t nonce[PCP_NONCE_LENGTH], struct error *error);

#endif
