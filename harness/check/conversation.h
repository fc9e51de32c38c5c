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
    uint16_t client_port;
    uint16_t length;
    bool fresh;
    bool whole;
    bool copy;
    uint8_t octets[REQUEST_KEPT]; /* the first length of them */
};

/* What a client and a server, or a mapping, are known by. No padding in keys. */
struct pair_key {
    uint8_t client[16];
    uint8_t server[16];
    uint32_t interface;
};

struct mapping_key {
    uint8_t others[8]; /* hash over remote peer and THIRD_PARTY address */
    uint8_t client[16];
    uint8_t nonce[PCP_NONCE_LENGTH];
    uint32_t interface;
    uint8_t opcode;
    uint8_t protocol;
    uint16_t internal_port;
};

/* Four lines of a processor's cache each: with many clients, fetching them is what judging costs. What
 * every message touches stands in front. */
struct pair {
    struct pair_key key;
    /* --- epoch, rule_epoch.c */
    bool epoch_known;
    bool lost; /* an epoch told of lost state: clients may recreate their mappings at will */
    uint32_t epoch;
    uint32_t epoch_odd; /* anomalies in a row */
    /* --- requests that wait, of any opcode or of NAT-PMP: how many different ones */
    uint32_t waiting;
    uint32_t nonce_changes; /* in a row, between requests that are otherwise the same */
    int64_t epoch_time;
    int64_t loss_time;
    int64_t version_time;     /* of the last UNSUPP_VERSION, which names no request; 0: none */
    struct request_copy last; /* request */
    /* --- a response that looks like a bad answer to a request, unless a better one comes */
    struct suspicion {
        uint64_t frame; /* 0: none */
        uint64_t request_frame;
        const char *difference; /* a text that stays */
        uint32_t requirement;
    } suspicion;
};

struct mapping_state {
    struct mapping_key key;
    struct address server; /* of the last request */
    /* --- the last response */
    uint32_t lifetime;
    uint8_t result;
    bool answered;
    /* --- requests */
    uint16_t former_port; /* that they came from before they came from another; 0: none */
    bool waiting;         /* for a response */
    bool mixed;           /* the requests that wait differ in their octets */
    uint32_t
        transmissions; /* of the last one, since something came back or something new was asked */
    uint16_t renewals; /* sent since the last response */
    uint16_t repeated_port; /* from which a request came again: it may be answered again, too */
    int64_t response_time;
    uint64_t response_basis; /* request_basis of the answered request; 0: not to be compared */
    uint64_t basis;          /* that of the last request; 0 if it was longer than what is kept */
    int64_t previous_gap;    /* ns of capture time, between the last two transmissions */
    int64_t series_gap;      /* the same between two equal requests, answered or not; 0: none */
    struct request_copy request; /* the last one */
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

/* Under which keys the state of a message stands. */
struct conversation_keys {
    struct pair_key pair;
    struct mapping_key mapping; /* with opcode data only */
    uint32_t pair_hash;
    uint32_t mapping_hash;
    bool has_mapping;
};

/* Three steps towards the state of message: each has the processor fetch what the next one needs, so
 * that it is there in time if other messages' steps come in between (check/table.h). */
void conversation_prepare(const struct conversations *all, const struct message *message,
                          struct conversation_keys *keys);
void conversation_fetch(const struct conversations *all, const struct conversation_keys *keys);
/* Finds or makes the state; a mapping's is made by requests only. -1 if memory is out. */
int conversation_find(struct conversations *all, const struct message *message,
                      const struct conversation_keys *keys, struct conversation *out);

/* Takes over into the state what a message of another version says, by its first octets alone. */
void conversation_note_version(const struct conversation *conversation,
                               const struct message *message);
/* Takes message over into the state. */
void conversation_note(const struct conversation *conversation, const struct message *message);

/* The mapping's last request may have been answered by an UNSUPP_VERSION, which doesn't tell whose it is. */
bool conversation_is_refused(const struct conversation *conversation);

/* Hash over all that makes two requests of a mapping the same wish: everything but what is
 * suggested, which a client may change as it learns (section 6). */
uint64_t request_basis(const struct message *message);

/* The request that message may be the response to, or NULL if none waits. */
const struct request_copy *conversation_request(const struct conversation *conversation,
                                                const struct message *message);

#endif
