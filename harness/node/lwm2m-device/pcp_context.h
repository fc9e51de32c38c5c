/* The object PCP-context at work: each of its instances is a mapping, asked for when the management server executes
 * Request, with what it has written before. What becomes of it is put into the model, whence observations tell it.
 *
 *   instance -> wish -> slot (a mapping of the engine) at a server (the default router with anycast behind it, or
 *   the one that resource 9 names; each server an endpoint)
 *
 * The deck that this flow comes from registers first, and maps through the registration; section 10.2 of RFC 6887
 * wants the mapping first. So this maps a port that is in use already, and a fresh one where that doesn't do: Request
 * with an internal port of 0, when the port of LwM2M is mapped already, moves LwM2M to a port which is silent until
 * its mapping is granted.
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_PCP_CONTEXT_H
#define PINHOLE_NODE_LWM2M_DEVICE_PCP_CONTEXT_H

#include "node/common/pcp_wish.h"
#include "node/common/servers.h"

enum {
    PCP_CONTEXT_INSTANCES = 8,
    PCP_CONTEXT_SERVERS = 4,
    PCP_CONTEXT_SLOTS = 2 * PCP_CONTEXT_INSTANCES, /* those of before may not be deleted yet */
    PCP_CONTEXT_HANDLES = PCP_CONTEXT_SERVERS * PCP_ENDPOINT_HANDLES
};

/* One mapping of an instance, or one that it had before. */
struct pcp_context_slot {
    bool used;
    bool leaving;  /* is being deleted */
    bool is_lwm2m; /* its port is that of LwM2M */
    bool awaiting; /* a request is out */
    bool asked;    /* whom it asks has been told */
    bool mapped;   /* at address and port, until it is lost */
    bool was_mapped;
    bool had_filters;
    uint16_t instance;
    struct address address;
    uint16_t port;
    struct pcp_filter filters[1 + PCP_WISH_FILTERS];
};

struct pcp_context;

struct pcp_context_server {
    struct pcp_context *context;
    bool open;
    bool is_named; /* by an instance, else it is the default router */
    struct servers servers;
    struct pcp_endpoint endpoint;
    struct pcp_endpoint_tap tap;
    struct pcp_mapping mappings[PCP_CONTEXT_SLOTS];
    struct pcp_context_slot slots[PCP_CONTEXT_SLOTS]; /* in the order of the mappings */
};

struct pcp_context {
    /* Set by the caller; all outlive this. */
    struct lwm2m_model *model;
    const struct servers *servers; /* for instances that name none */
    struct nonces *nonces;
    uint8_t maximum_sends; /* MRC of 8.1.1; 0: no bound, where no other server stands behind */
    uint16_t lwm2m_port;
    /* LwM2M is to move to a fresh local port, which is chosen here, and be silent there until settled() is
     * called. Returns 0, or -1 with error. */
    int (*move)(void *caller, uint16_t *port, struct error *error);
    /* What became of asking for the port of LwM2M: is it mapped, and at another place than told before? */
    void (*settled)(void *caller, bool is_mapped, bool is_elsewhere);
    void *caller;

    struct pcp_context_server at[PCP_CONTEXT_SERVERS];
};

/* Fills the functions of an object whose definition and instances are set. */
void pcp_context_open(struct pcp_context *context, struct lwm2m_object *object);
void pcp_context_close(struct pcp_context *context);

/* The device has started again: what was asked for is asked for again, with the nonces that it had, so that the
 * server renews it (RFC 6887 section 11.2). Returns true if that concerns the port of LwM2M: then settled() tells what
 * becomes of it. */
bool pcp_context_reboot(struct pcp_context *context);

/* The host's routes or addresses changed: asks whoever is the server now. */
void pcp_context_update(struct pcp_context *context);
void pcp_context_wake(struct pcp_context *context);

/* Begins to delete all mappings; pcp_context_is_bare() tells when it is done. */
void pcp_context_remove_all(struct pcp_context *context);
bool pcp_context_is_bare(const struct pcp_context *context);

/* As pcp_endpoint_handles(), _process() and _wait(). */
void pcp_context_handles(const struct pcp_context *context,
                         struct pollfd handles[PCP_CONTEXT_HANDLES]);
void pcp_context_process(struct pcp_context *context);
uint32_t pcp_context_wait(const struct pcp_context *context);

#endif
