/* What has passed between a client and a server so far, as seen at one interface.
 *
 * Two tables: a *pair* for each client and server address, with what belongs to all of their mappings
 * (epoch, last request); a *mapping state* for each nonce, protocol, port and remote peer. Both
 * are bounded: what has not been heard of for longest makes room, and is then judged as if it
 * were new, that is, not at all. Rules look at the state as it was before the message at hand.
 * Internal to check/rule*.c.
 */
#ifndef PINHOLE_CHECK_CONVERSATION_H
#define PINHOLE_CHECK_CONVERSATION_H

#include "check/message.h"
#include "check/table.h"

enum { REQUEST_KEPT = 104 }; /* octets of a request: MAP or PEER with an option */

/* A request, as far as its response is judged by it. */
struct request_copy {
    int64_t time;
    uint64_t frame; /* 0: none was seen */
    uint64_t hash;  /* over all of its octets */
    struct address source;
    struct address server;
    uint16_t client_port;
    uint16_t length;
    bool fresh;
    bool whole;
    bool copy;
    uint8_t octets[REQUEST_KEPT]; /* the first length of them */
};

struct pair {
    struct pair_key {
        uint8_t client[16];
        uint8_t server[16];
        uint32_t interface;
    } key;
    /* --- epoch, rule_epoch.c */
    bool epoch_known;
    bool lost; /* an epoch told of lost state: clients may recreate their mappings at will */
    uint32_t epoch;
    uint32_t epoch_odd; /* anomalies in a row */
    int64_t epoch_time;
    int64_t loss_time;
    /* --- the last request, of any opcode or of NAT-PMP, and how many different ones wait */
    struct request_copy last;
    uint32_t waiting;
    uint32_t nonce_changes; /* in a row, between requests that are otherwise the same */
    /* --- a response that looks like a bad answer to `last`, unless a better one comes */
    struct suspicion {
        uint64_t frame; /* 0: none */
        uint32_t requirement;
        char text[160];
    } suspicion;
};

struct mapping_state {
    struct mapping_key {
        uint64_t others; /* hash over remote peer and THIRD_PARTY address */
        uint8_t client[16];
        uint8_t nonce[PCP_NONCE_LENGTH];
        uint32_t interface;
        uint8_t opcode;
        uint8_t protocol;
        uint16_t internal_port;
        uint32_t zero; /* no padding in keys */
    } key;
    struct request_copy request; /* the last one */
    uint32_t transmissions;      /* of it, since something came back or something new was asked */
    bool waiting;                /* for a response */
    bool mixed;                  /* the requests that wait differ in their octets */
    int64_t previous_gap;        /* ns of capture time, between the last two transmissions */
    int64_t series_gap;          /* the same between two equal requests, answered or not; 0: none */
    /* --- the last response */
    bool answered;
    int64_t response_time;
    uint8_t result;
    bool was_mapped; /* a success with a lifetime over 0 has been seen at some time */
    uint32_t lifetime;
    uint64_t response_basis; /* hash of the answered request, its suggestion left out */
    uint32_t renewals;       /* sent since */
};

/* The state that a message meets. */
struct conversation {
    struct pair *pair;
    struct mapping_state *mapping; /* NULL without opcode data, and for a response to no request */
};

struct conversations {
    struct table *pairs;
    struct table *mappings;
};

/* -1 if memory is out. */
int conversations_create(struct conversations *all);
void conversations_destroy(struct conversations *all);

/* Finds or makes the state of message; a mapping's is made by requests only. -1 if memory is out. */
int conversation_find(struct conversations *all, const struct message *message,
                      struct conversation *out);
/* Takes message over into the state. */
void conversation_note(const struct conversation *conversation, const struct message *message);

/* Hash over all that makes two requests of a mapping the same wish: everything but what is
 * suggested, which a client may change as it learns (section 6). */
uint64_t request_basis(const struct message *message);
uint64_t request_hash(const struct message *message);

/* The request that message may be the response to, or NULL if none waits. */
const struct request_copy *conversation_request(const struct conversation *conversation,
                                                const struct message *message);

#endif
