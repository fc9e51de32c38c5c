/* A PCP server (RFC 6887), with NAT-PMP (RFC 6886) as its second protocol: an engine that touches
 * nothing. Time, randomness and datagrams go in; answers, changes and things to send come out.
 *
 * A request changes the server's state at once, but its answer must not leave before the device
 * (NAT or firewall) has done what the answer claims. So the caller works in three steps:
 *
 *     pcp_server_request()    for one datagram or a batch of them, each with an answer of its own;
 *     the device carries out the answers' changes, a batch in one transaction, and what is stored
 *                             for a restart is stored;
 *     pcp_server_commit()     for each answer, and the answers are sent; or, if the device failed,
 *     pcp_server_refuse()     for each answer in reverse order: the state is as it was before the
 *                             request, and the answer says NO_RESOURCES.
 *
 * Whatever time brings (expiry, announcements, Mapping Updates) comes from pcp_server_advance(). Ask
 * it after the requests of a batch too, before the device's transaction: one of them may have ended
 * more mappings than its answer shows (NAT-PMP can delete all).
 * Memory is taken once, from the caller; no datagram makes the server take more.
 * Milliseconds count from any fixed point, and never run backwards: a now that does is ignored.
 */
#ifndef PINHOLE_ENGINE_PCP_SERVER_H
#define PINHOLE_ENGINE_PCP_SERVER_H

#include "base/error.h"
#include "engine/pcp_server_policy.h"
#include "wire/address.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCP_SERVER_NEVER    UINT64_MAX /* the deadline of a static mapping */
#define PCP_SERVER_INFINITE UINT32_MAX /* its lifetime on the wire, section 11.3 */

struct pcp_server;

enum pcp_server_kind {
    PCP_SERVER_MAP = 1,
    PCP_SERVER_PEER,
    PCP_SERVER_STATIC,
    PCP_SERVER_RESTING /* ended; its external port is kept from others until the deadline */
};

/* A mapping as seen from outside: what the device carries out, and what is stored for a restart. */
struct pcp_server_mapping {
    enum pcp_server_kind kind;
    uint8_t protocol; /* 0: all protocols */
    struct address internal, external;
    uint16_t realm; /* 1 + index in the policy's realms; 0: none (THIRD_PARTY_ID, RFC 7843) */
    uint16_t internal_port, external_port; /* 0: all ports */
    struct address remote;                 /* PEER */
    uint16_t remote_port;                  /* PEER */
    uint8_t nonce[PCP_NONCE_LENGTH];
    uint16_t client_port, path; /* from which port who asked last did, and where that came in */
    uint16_t outermost_port;    /* 0: not known, or another mapping's, too */
    uint64_t deadline;          /* milliseconds */
    struct address client;      /* who asked last */
    bool third_party, prefer_failure, filtered; /* options of the last request */
    bool continues;                             /* the set of the port below it, RFC 7753 */
    bool nat_pmp;                               /* asked for by NAT-PMP */
    bool secondary;           /* a PEER on the port of a flow older than the MAP */
    bool was_peer;            /* resting: it was a PEER */
    bool shares_port;         /* others of its internal endpoint live on the same external one */
    uint32_t filters;         /* for pcp_server_filter_next() */
    uint32_t description;     /* for pcp_server_description() */
    struct address outermost; /* of a proxy's MAP: where its packets come in at the far end */
};

enum pcp_server_change_kind {
    PCP_SERVER_UNCHANGED,
    PCP_SERVER_CREATED,
    PCP_SERVER_RENEWED,  /* deadline, client or options; nothing for the device to do */
    PCP_SERVER_FILTERED, /* as renewed, and the filters are others now */
    PCP_SERVER_REMOVED   /* the device must end it, and flows that came in through it, at once */
};

struct pcp_server_change {
    enum pcp_server_change_kind kind;
    struct pcp_server_mapping mapping; /* as it is now; for REMOVED as it was */
    uint64_t rest_until;               /* REMOVED: its port rests until then; 0: it doesn't */
    uint32_t filters_before;           /* FILTERED: those that no longer hold */
    struct address
        outermost_before; /* RENEWED: what the outermost endpoint was, as in the mapping */
    uint16_t outermost_port_before;
};

/* Where a datagram came in. */
enum pcp_server_side {
    PCP_SERVER_INSIDE,  /* the interface on which packets of this client come in */
    PCP_SERVER_TRUSTED, /* another interface, which policy names for THIRD_PARTY requests (8.2) */
    PCP_SERVER_OUTSIDE  /* any other: silence */
};

struct pcp_server_input {
    const uint8_t *octets;
    size_t length; /* the whole datagram's, 1101 octets at least being readable of a longer one */
    struct address source;
    uint16_t source_port;
    enum pcp_server_side side;
    uint16_t path;   /* the caller's number for interface and address asked; comes back later */
    uint64_t now;    /* milliseconds */
    uint64_t random; /* fresh for each request: it picks external ports */
};

/* How to undo a request; the server's own business. */
struct pcp_server_undo {
    enum { PCP_UNDO_NONE, PCP_UNDO_ERASE, PCP_UNDO_RESTORE, PCP_UNDO_REPLACE } action;
    struct pcp_server_mapping before;
    uint8_t flags_before;
    uint32_t filters_before; /* chain to free when committed, to put back when refused */
    bool filters_replaced;
    uint32_t description_before; /* likewise */
    bool description_replaced;
};

/* How far a request on a set of ports has come (RFC 7753); the server's own business. */
struct pcp_server_set {
    bool grows;         /* ports are mapped anew */
    bool told;          /* in the answer */
    uint16_t first;     /* internal port of the set that is answered */
    uint16_t size;      /* its ports */
    uint16_t external;  /* external port of the first */
    uint32_t next, end; /* internal ports still to look at */
    uint64_t rest;      /* milliseconds for which traffic keeps one of them alive */
};

struct pcp_server_answer {
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length; /* 0: silence */
    struct pcp_server_change change;
    struct pcp_server_undo undo;
    struct pcp_server_set set;
};

/* An outbound flow of an internal endpoint, as the device knows it. */
struct pcp_server_flow {
    struct address external; /* where it leaves from */
    uint16_t external_port;
    uint64_t idle; /* milliseconds since the last outbound packet */
};

struct pcp_server_flow_key {
    uint8_t protocol;
    struct address internal;
    uint16_t realm; /* as of a mapping */
    uint16_t internal_port;
    bool to_remote; /* only the flow to this remote peer; else any, the last used */
    struct address remote;
    uint16_t remote_port;
};

/* What the server asks of its device; outbound may be NULL where there is no telling. */
struct pcp_server_device {
    void *context;
    /* True, and the flow, if an outbound flow lives that left from this internal endpoint. */
    bool (*outbound)(void *context, const struct pcp_server_flow_key *key,
                     struct pcp_server_flow *flow);
};

/* Octets of memory that a server of this policy needs. */
size_t pcp_server_size(const struct pcp_server_policy *policy);

/* Makes a server in memory (aligned for uint64_t), with an Epoch that starts at now. The key seeds
 * its hashes and must be secret. NULL with error if the policy is no good or size too small. */
struct pcp_server *pcp_server_create(void *memory, size_t size,
                                     const struct pcp_server_policy *policy,
                                     const struct pcp_server_device *device, const uint64_t key[2],
                                     uint64_t now, struct error *error);

/* Works on one datagram of any length from anyone. */
void pcp_server_request(struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_answer *answer);
/* A MAP for a set of ports (RFC 7753) changes one mapping a port: pcp_server_request() did that of the port which
 * it names, and this does the next. False when there is no more to do; only then is the first answer whole.
 * What was done has an answer of its own, whose octets say nothing: it is committed, or refused before those done
 * earlier, like any. */
bool pcp_server_extend(struct pcp_server *server, const struct pcp_server_input *input,
                       struct pcp_server_answer *first, struct pcp_server_answer *next);
/* True, and which flow, if working on the request is going to ask the device for it: so a caller with
 * many requests can look their flows up together, before. */
bool pcp_server_foresee(const struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_flow_key *key);
void pcp_server_commit(struct pcp_server *server, struct pcp_server_answer *answer);
/* input must be that of the request, its octets included. */
void pcp_server_refuse(struct pcp_server *server, const struct pcp_server_input *input,
                       struct pcp_server_answer *answer);

enum pcp_server_event_kind {
    PCP_SERVER_EXPIRED,  /* change says what the device must end */
    PCP_SERVER_ANNOUNCE, /* send octets on all paths that take requests: 14.1.3; RFC 6886 3.2.1 */
    PCP_SERVER_UPDATE    /* send octets to destination by path: a Mapping Update, 14.2 */
};

struct pcp_server_event {
    enum pcp_server_event_kind kind;
    struct pcp_server_change change; /* EXPIRED */
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length;
    bool nat_pmp;               /* ANNOUNCE: a NAT-PMP one, for IPv4 paths alone */
    struct address destination; /* UPDATE */
    uint16_t destination_port;
    uint16_t path;
};

/* Gives what is due at now, one event a call; false when there is no more. */
bool pcp_server_advance(struct pcp_server *server, uint64_t now, struct pcp_server_event *event);
/* An ANNOUNCE event left at now, later perhaps than it was given out: the next gap counts from there, 14.1.3. */
void pcp_server_announced(struct pcp_server *server, uint64_t now);
/* Likewise an UPDATE event: the gap to the next round counts from the last that left, 14.2. */
void pcp_server_updated(struct pcp_server *server, uint64_t now);
/* When the next event comes; PCP_SERVER_NEVER if none is to come. */
uint64_t pcp_server_next_time(const struct pcp_server *server);

/* --- what the administrator and the network do ---------------------------------------------- */

/* Adds a static mapping (kind, protocol, endpoints), which no request can change. */
int pcp_server_add_static(struct pcp_server *server, const struct pcp_server_mapping *mapping,
                          struct error *error);

/* The external address of an index in the policy's list is now another (0.0.0.0: none for now).
 * Mappings move along with their ports; the Epoch starts anew (8.5), ANNOUNCE and Mapping Updates
 * go out (14). Mappings whose clients insisted on the old address (PREFER_FAILURE) end instead, as
 * EXPIRED events. The caller then carries out all mappings anew. */
void pcp_server_renumber(struct pcp_server *server, size_t index, const struct address *external,
                         uint64_t now);

/* Ends all mappings of an internal address that is no longer valid (DHCP, section 15), as EXPIRED
 * events; those of the same address in a realm are another host's. */
void pcp_server_forget(struct pcp_server *server, const struct address *internal, uint64_t now);

/* State was lost, or may have been: the Epoch starts at 0 and ANNOUNCE says so (8.5, 14.1). */
void pcp_server_reset_epoch(struct pcp_server *server, uint64_t now);

/* --- state that survives a restart ---------------------------------------------------------- */

uint32_t pcp_server_epoch(const struct pcp_server *server, uint64_t now);
/* The Epoch goes on from seconds, where no mapping was lost. */
void pcp_server_set_epoch(struct pcp_server *server, uint32_t seconds, uint64_t now);

/* Walks all mappings, resting ones included; cursor starts at 0. */
bool pcp_server_next(const struct pcp_server *server, uint32_t *cursor,
                     struct pcp_server_mapping *mapping);
/* Walks the filters of a mapping; cursor starts at mapping->filters. */
bool pcp_server_filter_next(const struct pcp_server *server, uint32_t *cursor,
                            struct pcp_filter *filter);
/* What the mapping's client says of it, UTF-8 without a NUL (RFC 7220); *length is 0 if nothing. */
const uint8_t *pcp_server_description(const struct pcp_server *server,
                                      const struct pcp_server_mapping *mapping, size_t *length);
/* What a stored mapping has beside itself. */
struct pcp_server_belongings {
    const struct pcp_filter *filters;
    size_t filter_count;
    const uint8_t *description; /* at most PCP_SERVER_MAXIMUM_DESCRIPTION octets are kept */
    size_t description_length;
};

/* Puts a stored mapping back, with its belongings (NULL: none); -1 if it doesn't fit this server's
 * policy any more (address, room), in which case the Epoch must be reset. A description that there is
 * no room for is no reason. */
int pcp_server_restore(struct pcp_server *server, const struct pcp_server_mapping *mapping,
                       const struct pcp_server_belongings *belongings, struct error *error);

/* Does again what a change did before the restart: a log of changes, played from its beginning, gives
 * back the state. Mappings that have expired meanwhile come as EXPIRED events. */
int pcp_server_replay(struct pcp_server *server, const struct pcp_server_change *change,
                      const struct pcp_server_belongings *belongings, struct error *error);

/* Live mappings, resting ports and filters, as they stand. */
struct pcp_server_counts {
    uint32_t live, resting, filters, hosts, descriptions;
};
struct pcp_server_counts pcp_server_count(const struct pcp_server *server);

#endif
