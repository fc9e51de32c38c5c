/* What the two halves of the proxy share: requests going up, answers coming down. Nothing else includes
 * this. */
#ifndef PINHOLE_ENGINE_PCP_PROXY_PRIVATE_H
#define PINHOLE_ENGINE_PCP_PROXY_PRIVATE_H

#include "engine/pcp_client_epoch.h"
#include "engine/pcp_proxy.h"
#include "engine/pcp_server_internal.h"

enum { PCP_PROXY_MILLISECONDS = 1000 };

/* Where a mapping's traffic comes in at the far end. */
struct pcp_proxy_outermost {
    struct address address;
    uint16_t port;
    bool known;
};

/* A request that waits for its answer from upstream. */
struct pcp_proxy_pending {
    uint64_t until; /* 0: free */
    struct address source;
    uint16_t source_port;
    uint16_t path;
    uint8_t opcode;
    uint8_t protocol;
    uint8_t nonce[PCP_NONCE_LENGTH];
    uint16_t upstream_port;  /* internal port in the upstream request */
    struct address internal; /* of the mapping here, whose external endpoint that port is */
    struct address remote;   /* PEER */
    uint16_t remote_port;    /* PEER */
    uint16_t length;         /* of the client's request */
    uint8_t octets[PCP_MAXIMUM_LENGTH];
};

struct pcp_proxy {
    struct pcp_server *server;
    struct pcp_proxy_settings settings;
    struct pcp_epoch epoch;                /* of the upstream server */
    struct pcp_proxy_outermost *outermost; /* by index of the server's mapping */
    struct pcp_proxy_pending *pending;
};

/* The live mapping of an internal endpoint and, for PEER, a remote one. */
uint32_t pcp_proxy_find_mapping(const struct pcp_proxy *proxy, uint8_t opcode,
                                const struct address *internal, const struct pcp_peer *data);
void pcp_proxy_set_deadline(struct pcp_proxy *proxy, uint32_t mapping, uint64_t deadline);
/* Appends the options of a message but THIRD_PARTY, which names a host of one side of the proxy. */
size_t pcp_proxy_copy_options(const struct pcp_message *from, uint8_t *octets, size_t used);

#endif
