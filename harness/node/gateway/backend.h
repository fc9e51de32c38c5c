/* What carries mappings out: one small interface, so that the gateway runs with the kernel's NAT or
 * with none at all.
 *
 * Changes are queued and then committed as one transaction: all of them hold, or none does.
 */
#ifndef PINHOLE_NODE_GATEWAY_BACKEND_H
#define PINHOLE_NODE_GATEWAY_BACKEND_H

#include "base/error.h"
#include "engine/pcp_server.h"
#include "node/gateway/config.h"

enum { BACKEND_FORESEEN = 64 };

struct backend;

struct backend_operations {
    const char *name;
    /* NULL with error if it can't work here. */
    struct backend *(*open)(const struct config *config, struct error *error);
    /* Takes back all that it made; NULL is fine. */
    void (*close)(struct backend *backend);
    /* Queues a change of server's; its filters are read now. */
    void (*queue)(struct backend *backend, const struct pcp_server *server,
                  const struct pcp_server_change *change);
    /* Carries out what is queued; -1 with error: nothing of it. The queue is empty afterwards. */
    int (*commit)(struct backend *backend, struct error *error);
    /* Takes back what is queued, uncommitted. */
    void (*discard)(struct backend *backend);
    /* Ends flows that came in through mappings that were removed in committed changes. */
    void (*flush)(struct backend *backend);
    /* Makes it hold all mappings of server and nothing else. Flows through former, an external
     * address that is no more, end; NULL: there is none. */
    int (*rebuild)(struct backend *backend, const struct pcp_server *server,
                   const struct address *former, struct error *error);
    /* Told what outbound will be asked in the course of a batch, count being at most
     * BACKEND_FORESEEN, so that it can look it all up at once; 0 ends the batch. */
    void (*foresee)(struct backend *backend, const struct pcp_server_flow_key *keys, size_t count);
    /* For struct pcp_server_device; the context is the backend. */
    bool (*outbound)(void *backend, const struct pcp_server_flow_key *key,
                     struct pcp_server_flow *flow);
};

extern const struct backend_operations backend_none;
extern const struct backend_operations backend_nftables;

/* The backend of a name, or NULL. */
const struct backend_operations *backend_find(const char *name);

#endif
