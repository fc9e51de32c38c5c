/* What the parts of the PCP-context share:
 *   pcp_context.c         the object: what is written and executed, the instances and their slots
 *   pcp_context_server.c  a server: its endpoint, and what its answers make of the model
 *   pcp_context_count.c   what is sent and heard there, counted in the model
 */
#ifndef PINHOLE_NODE_LWM2M_DEVICE_PCP_CONTEXT_PRIVATE_H
#define PINHOLE_NODE_LWM2M_DEVICE_PCP_CONTEXT_PRIVATE_H

#include "node/lwm2m-device/pcp_context.h"

/* NULL if it has gone. */
struct lwm2m_instance *pcp_context_instance(const struct pcp_context *context, uint16_t id);
void pcp_context_put(struct pcp_context *context, uint16_t instance, uint16_t resource,
                     int64_t value);
/* Puts the status, and settles where the port of LwM2M is concerned. */
void pcp_context_tell(struct pcp_context_server *server, struct pcp_context_slot *slot,
                      enum pcp_context_status status, bool is_elsewhere);

/* The slot of a server's mapping; NULL of NULL. */
struct pcp_context_slot *pcp_context_slot_of(struct pcp_context_server *server,
                                             const struct pcp_mapping *mapping);
/* Counts from now on what the server's endpoint sends and hears, instance by instance, and says whom it asks. */
void pcp_context_count(struct pcp_context_server *server);

/* Opens the server that the wish names, or finds it open. NULL with error: there is no way to it, or no room. */
struct pcp_context_server *pcp_context_find_server(struct pcp_context *context,
                                                   const struct pcp_wish *wish,
                                                   struct error *error);
/* Asks for a slot's mapping, which may have been asked for before. */
void pcp_context_ask(struct pcp_context_server *server, struct pcp_context_slot *slot,
                     const struct pcp_wish *wish);
void pcp_context_delete(struct pcp_context_server *server, struct pcp_context_slot *slot);

/* The address that the server is asked from. */
const struct address *pcp_context_source(const struct pcp_context_server *server);
int pcp_context_list(struct pcp_context_server *server, struct pcp_endpoint_list *list,
                     struct error *error);
void pcp_context_server_process(struct pcp_context_server *server);

#endif
