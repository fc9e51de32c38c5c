/* A PCP client, RFC 6887, without sockets, clock, randomness, heap or globals.
 *
 * One struct pcp_client speaks with one server from one address; a host with several servers (one
 * for each family, say) has several. The mappings are structs of the caller, in one array that
 * outlives the client. The caller
 *
 *   - fills the wish of a mapping and hands it to pcp_mapping_request(),
 *   - calls pcp_client_send() until it returns 0, and sends each datagram it gives,
 *   - hands every datagram that its sockets receive to pcp_client_receive(),
 *   - reads pcp_client_event() until it returns false, after each of those calls,
 *   - and does all this again after pcp_client_wait() milliseconds, or earlier.
 *
 * Time is a counter of milliseconds that starts anywhere and wraps, as the smallest processors have
 * it. It must never go backwards (section 8.5), it should run while the host sleeps, since mappings
 * run out then too, and no more than 24 days may lie between two calls of pcp_client_send().
 *
 * Random numbers come in as 32 uniform bits a call. They need not be unguessable, only the nonces
 * must be, and those the caller chooses.
 *
 * For the smallest build, each of these may be defined to 0: PCP_CLIENT_PEER, PCP_CLIENT_OPTIONS
 * (THIRD_PARTY, PREFER_FAILURE, FILTER), PCP_CLIENT_PROBE (ANNOUNCE requests; announcements of the
 * server are always heard) and PCP_CLIENT_NATPMP.
 */
#ifndef PINHOLE_ENGINE_PCP_CLIENT_H
#define PINHOLE_ENGINE_PCP_CLIENT_H

#include "engine/pcp_client_epoch.h"
#include "wire/address.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef PCP_CLIENT_PEER
#define PCP_CLIENT_PEER 1
#endif
#ifndef PCP_CLIENT_OPTIONS
#define PCP_CLIENT_OPTIONS 1
#endif
#ifndef PCP_CLIENT_PROBE
#define PCP_CLIENT_PROBE 1
#endif
#ifndef PCP_CLIENT_NATPMP
#define PCP_CLIENT_NATPMP 1
#endif

enum {
    PCP_INITIAL_TIMEOUT = 3000,       /* IRT in ms, section 8.1.1 */
    PCP_MAXIMUM_TIMEOUT = 1024000,    /* MRT in ms, section 8.1.1 */
    PCP_RENEWAL_GAP = 4000,           /* ms between requests for a mapping, section 11.2.1 */
    PCP_SANE_LIFETIME = 86400,        /* s: longer ones are taken for this, section 15 */
    PCP_VERSION_RETRY = 1800,         /* s until version 2 is tried again, section 9 */
    PCP_RECOVERY_SPREAD = 5000,       /* ms over which recoveries are spread, section 14.1.3 */
    PCP_CLIENT_DATAGRAM_LENGTH = 1100 /* what pcp_client_send() may need */
};

/* A wait that never ends. */
#define PCP_NEVER UINT32_MAX

/* One mapping: the wish of the caller, and how far it has come. The order of the fields is for the
 * smallest processors, whose code reaches the octets at the start of a struct more cheaply. */
struct pcp_mapping {
    /* The wish, filled by the caller before pcp_mapping_request(). */
    uint8_t opcode;       /* PCP_MAP or PCP_PEER */
    bool third_party;     /* THIRD_PARTY: the mapping is internal_address's, not our own */
    bool prefer_failure;  /* PREFER_FAILURE: the suggestion or nothing; MAP only */
    uint8_t filter_count; /* FILTER: sent in this order with each request; MAP only */

    /* Readable by the caller. */
    bool granted;   /* an external address and port are ours now */
    uint8_t result; /* of the last response; enum pcp_result */

    /* Private. */
    uint8_t state;
    uint8_t event;
    uint8_t sends; /* of this exchange of section 8.1.1, or renewals since the grant */
    bool renewing; /* times of 11.2.1 apply, else those of 8.1.1 */
    bool awaiting; /* a request is out that has no response yet */
    bool asked;    /* a request ever went out */
    uint32_t timeout;
    uint32_t elapsed;
    uint32_t due;
    uint32_t sent;

    /* Readable by the caller. */
    uint32_t expiry;           /* when the grant ends; when a deletion is given up */
    uint32_t granted_lifetime; /* seconds, capped at PCP_SANE_LIFETIME */

    /* More of the wish. */
    uint32_t lifetime; /* seconds to ask for, over 0 */
    /* Nonce, protocol and internal port; external address and port: a suggestion, or the all-zeros
     * address of the family wanted and port 0; for PEER the remote address and port. A grant writes
     * its external address and port here, so that each later request suggests them (11.2.1). */
    struct pcp_peer data;
    const struct pcp_filter *filters; /* caller's memory, while the mapping is in use */
    struct address internal_address;
};

enum pcp_event_kind {
    PCP_EVENT_NONE = 0,
    PCP_EVENT_GRANTED,    /* the mapping is there */
    PCP_EVENT_RENEWED,    /* it is there for longer, all else as it was */
    PCP_EVENT_CHANGED,    /* its external address or port is another now */
    PCP_EVENT_REFUSED,    /* an error came; result says which. A granted mapping lives on until it
                           * expires; asking goes on when the error's lifetime has passed */
    PCP_EVENT_LOST,       /* it expired, or the server took it away; asking goes on */
    PCP_EVENT_UNANSWERED, /* the exchange failed by MRC or MRD (8.1.1); asking has stopped */
    PCP_EVENT_REMOVED,    /* deletion confirmed, refused (see result) or given up: the struct is
                           * the caller's again */
    PCP_EVENT_ALIVE       /* the server answered an ANNOUNCE request; mapping is NULL */
};

struct pcp_event {
    enum pcp_event_kind kind;
    struct pcp_mapping *mapping;
};

struct pcp_client {
    /* Private. */
    uint8_t version; /* PCP_VERSION, or 0 after a fall back to NAT-PMP */
    bool alive;      /* an ALIVE event waits */
    bool probing;    /* an ANNOUNCE request is not answered yet */

    /* Section 8.1.1; pcp_client_init() sets what it recommends, the caller may change it then. */
    uint8_t maximum_sends;     /* MRC; 0: no bound */
    uint32_t initial_timeout;  /* IRT, ms */
    uint32_t maximum_timeout;  /* MRT, ms; 0: no bound */
    uint32_t maximum_duration; /* MRD, ms; 0: no bound */

    uint16_t mapping_count;
    struct pcp_mapping *mappings;

    /* Private. */
    struct pcp_epoch epoch;
    uint32_t hold_all; /* nothing is sent before this; never far in the past */
    uint32_t hold_new; /* no mapping is newly asked for before this; likewise */
    uint32_t probe_due;
    uint32_t probe_timeout;

    struct address server;
    struct address address; /* PCP Client's IP Address: the source of our datagrams (8.1) */

#if PCP_CLIENT_NATPMP
    struct {
        struct pcp_mapping *asking; /* whose request is out; requests go one at a time */
        struct address external;    /* the gateway's, if known */
        bool known;
        uint8_t sends; /* of the request for the external address; 0 if none is out */
        uint32_t due;  /* its repetition */
        bool resting;  /* NAT-PMP was given up; nothing is sent until rest_end */
        uint32_t rest_end;
    } natpmp;
#endif
};

/* mappings is the caller's array of count zeroed structs, and outlives the client. address is the
 * address that our datagrams will carry as their source. */
void pcp_client_init(struct pcp_client *client, const struct address *server,
                     const struct address *address, struct pcp_mapping *mappings, uint16_t count,
                     uint32_t now);

/* Begins to ask for mapping, an element of the client's array whose wish is filled. The request
 * goes out with the next pcp_client_send(). */
void pcp_mapping_request(struct pcp_mapping *mapping, uint32_t now);

/* Ends a mapping: deletes it at the server if it may exist there (15.1); a PEER mapping is left to
 * expire, since PEER can't shorten it (12.1). PCP_EVENT_REMOVED tells when it is done; the caller
 * may stop waiting for that at any time. */
void pcp_mapping_remove(struct pcp_mapping *mapping, uint32_t now);

/* Asks no more and deletes nothing: what is granted is left to expire, and the struct is the caller's again. */
void pcp_mapping_leave(struct pcp_mapping *mapping);

/* The server or our own address changed: all grants are lost, and every mapping is asked for anew
 * and at once (8.3, 11.5). fresh holds unguessable octets: with them each mapping gets another
 * nonce, since no two servers may see the same (11.2). */
void pcp_client_move(struct pcp_client *client, const struct address *server,
                     const struct address *address, const uint8_t fresh[PCP_NONCE_LENGTH],
                     uint32_t now);

#if PCP_CLIENT_PROBE
/* Sends an ANNOUNCE request until it is answered (14.1.2): is the server there, what is its epoch? To
 * a NAT-PMP server the request for the external address goes instead. */
void pcp_client_probe(struct pcp_client *client, uint32_t now);
#endif

/* Milliseconds until pcp_client_send() has something to do: 0 if it has now, PCP_NEVER if nothing is
 * planned. */
uint32_t pcp_client_wait(const struct pcp_client *client, uint32_t now);

/* Writes the next datagram that is due, for port PCP_SERVER_PORT of client->server, and returns its
 * length; 0 if none is due. A datagram larger than capacity is not sent at all. */
size_t pcp_client_send(struct pcp_client *client, uint32_t now, uint32_t random, uint8_t *octets,
                       size_t capacity);

/* A datagram came, on the requests' socket or on port PCP_CLIENT_PORT. What doesn't come from the
 * server, is malformed or answers nothing is ignored (8.3). */
void pcp_client_receive(struct pcp_client *client, uint32_t now, uint32_t random,
                        const struct address *source, uint16_t source_port, const uint8_t *octets,
                        size_t length);

/* The next thing that happened to a mapping; false if there is none. */
bool pcp_client_event(struct pcp_client *client, struct pcp_event *event);

#endif
