/* The gateway as a PCP proxy (RFC 7648): the engine's proxy on a socket towards the server upstream.
 *
 * Its sockets, one a family, are bound to outside and to the clients' port, 5350: answers come there, and the
 * announcements of a server upstream that starts anew (RFC 6887 section 14.1.3), and neither is taken
 * for a packet to a mapping. Where a datagram leaves from is said with each one, since it must be the
 * external address of the mapping that it is about, and that changes at times.
 */
#ifndef PINHOLE_NODE_GATEWAY_PROXY_H
#define PINHOLE_NODE_GATEWAY_PROXY_H

#include "base/error.h"
#include "engine/pcp_proxy.h"
#include "node/gateway/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy;

/* Fills in the default routers as servers upstream, where config says auto, and has only the families served
 * that there is a server of. Before the server of config's policy is made. -1 with error. */
int proxy_find_servers(struct config *config, struct error *error);

/* Opens the way to the servers upstream that config names. The server, whose policy is config's, outlives it.
 * NULL with error. */
struct proxy *proxy_open(const struct config *config, struct pcp_server *server,
                         struct error *error);
/* NULL is none, and fine. */
void proxy_close(struct proxy *proxy);

enum { PROXY_DESCRIPTORS = 2 };
/* For poll(): something came from upstream. -1 where there is none. NULL is no proxy. */
int proxy_descriptor(const struct proxy *proxy, size_t which);

/* The gateway's external address is now another. */
void proxy_renumber(struct proxy *proxy, const struct address *external);

/* pcp_proxy_request() and pcp_proxy_refuse() on request number which of a batch, below SOCKETS_BATCH.
 * What is to go upstream is kept until proxy_forward(). */
void proxy_request(struct proxy *proxy, size_t which, const struct pcp_server_input *input,
                   struct pcp_server_answer *answer);
void proxy_refuse(struct proxy *proxy, size_t which, const struct pcp_server_input *input,
                  struct pcp_server_answer *answer);

/* Sends upstream what the first count requests of the batch led to. */
void proxy_forward(struct proxy *proxy, size_t count);

/* Sends upstream what the proxy has to ask there by itself; when that is next. NULL is no proxy. */
void proxy_advance(struct proxy *proxy, uint64_t now);
uint64_t proxy_next_time(const struct proxy *proxy);

/* Reads one datagram from upstream without waiting, and works on it; false if there is none. The
 * relay's change is to be carried out, and then committed or refused, before its answer is sent. */
bool proxy_receive(struct proxy *proxy, uint64_t now, struct pcp_proxy_relay *relay);
void proxy_refuse_relay(struct proxy *proxy, struct pcp_proxy_relay *relay);

#endif
