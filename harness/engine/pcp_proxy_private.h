/* What the two halves of the proxy share: requests going up, answers coming down. Nothing else includes
 * this. */
#ifndef PINHOLE_ENGINE_PCP_PROXY_PRIVATE_H
#define PINHOLE_ENGINE_PCP_PROXY_PRIVATE_H

#include "engine/pcp_client_epoch.h"
#include "engine/pcp_proxy.h"
#include "engine/pcp_server_internal.h"

enum { PCP_PROXY_MILLISECONDS = 1000 };

/* A request that waits for its answer from upstream. */
struct pcp_proxy_pending {
    uint64_t until; /* 0: free */
    struct address source;
    uint16_t source_port;
    uint16_t path;
    uint8_t opcode;
    uint8_t protocol;
    uint8_t waiting; /* servers that are still to answer, as bits */
    bool answered;   /* the client has its answer: what else comes is told nobody */
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
    struct pcp_epoch epochs[PCP_PROXY_SERVERS]; /* each upstream server's own (3.6) */
    struct pcp_server_outermost *outermost;     /* by index of the server's mapping */
    struct pcp_proxy_pending *pending;
    /* Mappings that are asked for again: those whose outermost is due, in rounds over the table. */
    struct {
        uint8_t rounds_left;
        uint32_t cursor; /* mapping that this round has come to */
        uint64_t next;   /* when this round starts or started */
        uint64_t begun;
        bool ever;
    } repair;
};

/* Our own address of a family. */
const struct address *pcp_proxy_own(const struct pcp_proxy *proxy, const struct address *family);
/* The servers upstream for a client's mapping, as bits; 0: there is none of the external address's family. */
unsigned pcp_proxy_servers_for(const struct pcp_proxy *proxy, const struct address *client,
                               const struct address *external);
/* A request of ours for a mapping; message's internal side and client are filled in here. */
void pcp_proxy_write_upstream(const struct pcp_proxy *proxy, const struct pcp_message *request,
                              const struct pcp_server_mapping *mapping,
                              struct pcp_proxy_packet *packet);
/* Upstream may have lost what it granted: all known mappings, or those of one server, are asked for again. */
void pcp_proxy_begin_repair(struct pcp_proxy *proxy, int server);

/* The live mapping of an internal endpoint and, for PEER, a remote one. */
uint32_t pcp_proxy_find_mapping(const struct pcp_proxy *proxy, uint8_t opcode,
                                const struct address *internal, const struct pcp_peer *data);
void pcp_proxy_set_deadline(struct pcp_proxy *proxy, uint32_t mapping, uint64_t deadline);
/* Appends the options of a message but THIRD_PARTY, which names a host of one side of the proxy. */
size_t pcp_proxy_copy_options(const struct pcp_message *from, uint8_t *octets, size_t used);

#endif
