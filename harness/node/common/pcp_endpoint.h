/* The PCP client engine on real sockets: one for requests and their answers, one for the server's
 * announcements. It follows the selection of RFC 7488 from address to address.
 *
 * The request socket is bound to the very address that the requests name as the client's (RFC 6887
 * section 8.1) and to a random port, and connected to the server, so that no stranger's datagram
 * comes in. Announcements come to 224.0.0.1 or ff02::1, port 5350, which all clients of a host share
 * (14.1.3).
 */
#ifndef PINHOLE_NODE_PCP_ENDPOINT_H
#define PINHOLE_NODE_PCP_ENDPOINT_H

#include "base/error.h"
#include "engine/pcp_client_select.h"
#include "node/common/place.h"

#include <poll.h>

enum { PCP_ENDPOINT_HANDLES = 2, PCP_ENDPOINT_ROOM = 1500 };

/* The addresses to try, in this order; element i of both arrays is one. */
struct pcp_endpoint_list {
    uint8_t count;
    struct pcp_select_address addresses[PCP_SELECT_ADDRESSES];
    uint32_t interfaces[PCP_SELECT_ADDRESSES]; /* of link-local ones, else 0 */
};

struct pcp_endpoint;

/* What may stand between an endpoint and its network. Each member may be absent. */
struct pcp_endpoint_tap {
    void *context;
    /* The time, ms, before the engine reads it. */
    uint32_t (*clock)(void *context, uint32_t now);
    /* Before the engine is asked for what is due. */
    void (*turn)(void *context, struct pcp_endpoint *endpoint, uint32_t now);
    /* A request on its way out, and a datagram on its way in: edited in place, PCP_ENDPOINT_ROOM octets of
     * room. They return the length, 0: it goes no further. */
    size_t (*request)(void *context, struct pcp_endpoint *endpoint, uint8_t *octets, size_t length);
    size_t (*answer)(void *context, struct pcp_endpoint *endpoint, struct address *source,
                     uint16_t *port, uint8_t *octets, size_t length);
    bool hears_anyone;              /* requests is not connected */
    bool hears_no_announcements;    /* announcements is not opened */
    bool hears_announcements_alone; /* or not shared */
    uint16_t port;                  /* that requests go out from; 0: a random one */
};

struct pcp_endpoint {
    struct pcp_client client;
    struct pcp_selection selection;
    uint32_t interfaces[PCP_SELECT_ADDRESSES];

    /* Set by the caller before it opens. Told each event of the engine as it happens, and each time
     * that another address is asked. */
    void (*happened)(void *context, const struct pcp_event *event);
    void (*turned)(void *context, const struct address *server);
    void *context;
    const struct pcp_endpoint_tap *tap; /* or NULL; outlives the endpoint */

    int requests;      /* -1: there is no way to the server */
    int announcements; /* -1: they can't be heard, the port being held by another */
    struct place peer; /* whom requests is connected to, and from where */
    struct address source;
};

/* Starts the engine on mappings, the caller's array of count zeroed structs. The sockets are opened
 * when there is something to send. */
void pcp_endpoint_open(struct pcp_endpoint *endpoint, const struct pcp_endpoint_list *list,
                       struct pcp_mapping *mappings, uint16_t count);

void pcp_endpoint_close(struct pcp_endpoint *endpoint);

/* Another endpoint, on mappings of its own, takes over all that this one has to do, sockets included; this one
 * opens others when it has something to send. False, and nothing is done, if the address that it asks from is
 * no longer the host's. */
bool pcp_endpoint_hand_over(struct pcp_endpoint *endpoint, struct pcp_endpoint *to,
                            struct pcp_mapping *mappings);

/* Other addresses to try; see pcp_select_replace(). */
void pcp_endpoint_replace(struct pcp_endpoint *endpoint, const struct pcp_endpoint_list *list);

/* The host woke up: what came meanwhile is stale and thrown away, and the server is asked for its
 * epoch, since its announcements may have been missed. */
void pcp_endpoint_wake(struct pcp_endpoint *endpoint);

/* What to poll for. */
void pcp_endpoint_handles(const struct pcp_endpoint *endpoint,
                          struct pollfd handles[PCP_ENDPOINT_HANDLES]);

/* Hands what has come to the engine and sends what is due. */
void pcp_endpoint_process(struct pcp_endpoint *endpoint);

/* Sends a datagram to the server that is asked, past the engine and the tap: for taps. */
void pcp_endpoint_send(struct pcp_endpoint *endpoint, const uint8_t *octets, size_t length);

/* Which mapping a datagram is about, in or out: a message of MAP or PEER as decoded. NULL: none. */
struct pcp_mapping *pcp_endpoint_mapping(const struct pcp_endpoint *endpoint,
                                         const struct pcp_message *message);

/* Milliseconds of clock_milliseconds() until pcp_endpoint_process() has something to do by itself;
 * PCP_NEVER if never. */
uint32_t pcp_endpoint_wait(const struct pcp_endpoint *endpoint);

#endif
