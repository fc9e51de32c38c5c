/* All mappings of a device: each of its ports at each of its PCP servers. Prints what becomes of them,
 * and says where the CoAP port is reached. */
#ifndef PINHOLE_NODE_MAPPER_H
#define PINHOLE_NODE_MAPPER_H

#include "node/common/servers.h"
#include "node/device/defect.h"
#include "node/device/ports.h"

enum { MAPPER_HANDLES = 2 * SERVERS_ROOM * PCP_ENDPOINT_HANDLES };

struct mapper;

struct mapper_server {
    struct mapper *mapper;
    struct pcp_endpoint endpoint;
    struct pcp_mapping mappings[PORTS_ROOM]; /* in the order of the ports */
    bool open;
    uint8_t deleting; /* of a former one: mappings that aren't gone */
};

struct mapper {
    /* Set by the caller; all outlive the mapper. */
    const struct servers *servers;
    const struct ports *ports;
    struct nonces *nonces;
    uint16_t external_port;    /* suggested for the CoAP port; 0: none */
    uint8_t maximum_sends;     /* MRC of 8.1.1; 0: that of RFC 7488 */
    uint32_t maximum_duration; /* MRD, ms; likewise */
    /* The CoAP port is reached at another place now; NULL: nowhere, and it must be silent (RFC 6887
     * section 10.2). It is the place that the first server which granted one gave. */
    void (*placed)(void *context, const struct pcp_map *map);
    void *context;
    struct defect *defect; /* or NULL */

    struct mapper_server at[SERVERS_ROOM];
    struct mapper_server former[SERVERS_ROOM]; /* delete what they have for an address of before */
    struct address address;                    /* of the place told last */
    uint16_t port;                             /* likewise; 0: nowhere */
    uint16_t removing;                         /* deletions that aren't over */
};

/* Asks all servers that there is a way to. Fills source with the address that the first of them is asked
 * from. Returns 0, or -1 with error if there is none. mapper must stay where it is. */
int mapper_open(struct mapper *mapper, struct address *source, struct error *error);

/* The host's routes or addresses changed: lists the servers anew and moves to them at once (8.3, 11.5).
 * Returns true if source, the address that the ports must be held at, changed. */
bool mapper_update(struct mapper *mapper, struct address *source);

void mapper_wake(struct mapper *mapper);

/* Begins to delete all mappings; mapper_is_bare() tells when it is done. */
void mapper_remove_all(struct mapper *mapper);
bool mapper_is_bare(const struct mapper *mapper);

void mapper_close(struct mapper *mapper);

/* As pcp_endpoint_handles(), _process() and _wait(). */
void mapper_handles(const struct mapper *mapper, struct pollfd handles[MAPPER_HANDLES]);
void mapper_process(struct mapper *mapper);
uint32_t mapper_wait(const struct mapper *mapper);

#endif
