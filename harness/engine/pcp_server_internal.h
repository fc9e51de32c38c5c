/* What the files of the PCP server share. Nothing else includes this. */
#ifndef PINHOLE_ENGINE_PCP_SERVER_INTERNAL_H
#define PINHOLE_ENGINE_PCP_SERVER_INTERNAL_H

#include "engine/pcp_server.h"
#include "engine/pcp_server_table.h"

/* Announcements and Mapping Updates under way, section 14. */
struct pcp_server_recovery {
    uint8_t announcements_left;
    uint64_t announce_gap; /* milliseconds between the last two; 0 if there were no two */
    uint64_t announced_from, announced_at; /* the last one left between these */
    uint64_t announce_next;
    bool nat_pmp_due;       /* the NAT-PMP half of a pair is still to go out */
    uint8_t updates_left;   /* rounds of Mapping Updates, this one included */
    uint32_t update_cursor; /* mapping that this round has come to */
    uint64_t update_next;   /* when this round starts or started */
    uint64_t updated_at;    /* when the last one left */
};

/* Where a mapping's packets come in at the far end, as the proxy that the server is part of was told. */
struct pcp_server_outermost {
    struct address address;
    uint16_t port;
    bool known;
    bool shared;    /* another mapping was there first */
    bool unsure;    /* upstream may have it no more */
    bool due;       /* and is to be asked */
    uint8_t server; /* upstream, whose word it is */
};

struct pcp_server {
    struct pcp_server_policy policy;
    struct pcp_server_device device;
    struct address *external; /* policy.external_count of them, as they are */
    struct address *former;   /* ... and as they were before the last renumbering */
    uint64_t now;
    uint64_t epoch_start; /* milliseconds; the Epoch Time was 0 then */
    struct pcp_server_recovery recovery;
    uint32_t expired_filters, expired_description; /* of the last event's mapping, for its reader */
    const struct pcp_server_outermost *outermost;  /* a proxy's, by mapping; or NULL */
    struct pcp_table table;
};

/* One PCP request in work. */
struct pcp_exchange {
    struct pcp_server *server;
    const struct pcp_server_input *input;
    struct pcp_server_answer *answer;
    struct pcp_message request;
    struct address internal; /* source, or that of THIRD_PARTY */
    uint16_t realm;          /* of THIRD_PARTY_ID, or 0 */
    bool third_party, prefer_failure, filtered;
    const uint8_t *description; /* that was asked for, inside the request, or NULL */
    size_t description_length;
    bool described;     /* and it was kept */
    uint32_t processed; /* options, a bit a rule of pcp_server_options.c */
    bool set_asked;     /* by PORT_SET: for so many ports */
    uint16_t set_size;
    bool follows, goes_on; /* it is done for another port of the set; which it maps anew */
    uint16_t set_first, set_count, set_external; /* the set that the mapping is of */
    uint64_t set_rest; /* milliseconds for which traffic keeps one of its ports alive */
    bool nat_pmp;      /* a NAT-PMP request in the form of a MAP without a nonce */
    uint32_t lifetime; /* of the answer: seconds granted, or of an error that needs its own */
    bool lifetime_set;
    struct address external; /* of the answer */
    uint16_t external_port;
};

/* Opcodes. Each checks, changes the table and fills lifetime, external and external_port; an error
 * leaves no trace. */
enum pcp_result pcp_server_map(struct pcp_exchange *exchange);
enum pcp_result pcp_server_peer(struct pcp_exchange *exchange);

/* Options of the request: checks all, fills the exchange. Called before the opcode's own checks. */
enum pcp_result pcp_server_read_options(struct pcp_exchange *exchange);
/* The filter chain that the mapping will have once the request's FILTERs are applied to the chain
 * it has (13.3). On an error nothing is kept. */
enum pcp_result pcp_server_apply_filters(struct pcp_exchange *exchange, uint32_t present,
                                         uint32_t *chain);
/* Appends the processed options of the request to a success response; 0 if they don't fit. */
size_t pcp_server_echo_options(const struct pcp_exchange *exchange, uint8_t *octets, size_t used);

/* THIRD_PARTY_ID, RFC 7843: fills the exchange's realm, or says why it can't. Appends the option that
 * names a realm to a message; 0 if it doesn't fit. */
enum pcp_result pcp_server_take_realm(struct pcp_exchange *exchange,
                                      const struct pcp_option *option);
/* Once all options are read: the realm that the internal address is of, where none was named; or what
 * is wrong with the one that was. */
enum pcp_result pcp_server_settle_realm(struct pcp_exchange *exchange);
size_t pcp_server_append_realm(const struct pcp_server *server, uint16_t realm, uint8_t *octets,
                               size_t used);

/* DESCRIPTION, RFC 7220: takes a sound one of the request; puts it in the place of *description (the
 * former one stays the caller's), or leaves that where the request has none or there is no room. */
void pcp_server_take_description(struct pcp_exchange *exchange, const struct pcp_option *option);
void pcp_server_describe(struct pcp_exchange *exchange, uint32_t *description);

/* PORT_SET, RFC 7753: takes the option; says what is wrong with it once all are read. */
enum pcp_result pcp_server_take_port_set(struct pcp_exchange *exchange,
                                         const struct pcp_option *option);
enum pcp_result pcp_server_settle_port_set(struct pcp_exchange *exchange);
/* The set that the mapping of the request's internal port is of, before the request changes it; host is that of the
 * mapping, PCP_TABLE_NONE where there is none. */
void pcp_server_find_set(struct pcp_exchange *exchange, uint32_t host);
/* The port that a MAP names is done: what is left for pcp_server_extend(). */
void pcp_server_begin_set(const struct pcp_exchange *exchange);
/* An answer without octets, change or undo. */
void pcp_server_answer_nothing(struct pcp_server_answer *answer);
/* Mapping Updates go out from now on, for the mappings that are marked. */
void pcp_server_start_updates(struct pcp_server *server);

/* Appends all PREFIX64 options that policy knows (RFC 7225); 0 if they don't fit. */
size_t pcp_server_append_prefix64(const struct pcp_server *server, uint8_t *octets, size_t used);

/* NAT-PMP, RFC 6886. */
/* A device that isn't a NAT takes no part in NAT-PMP (RFC 6886 section 3.8). */
static inline bool pcp_server_speaks_nat_pmp(const struct pcp_server *server)
{
    return server->policy.nat_pmp && !server->policy.ipv4_firewall;
}
void pcp_server_nat_pmp(struct pcp_server *server, const struct pcp_server_input *input,
                        struct pcp_server_answer *answer);
size_t pcp_server_nat_pmp_announcement(const struct pcp_server *server, uint8_t *octets);
void pcp_server_nat_pmp_refuse(struct pcp_server *server, const struct pcp_server_input *input,
                               struct pcp_server_answer *answer);

/* --- mappings ------------------------------------------------------------------------------- */

/* What a new mapping should be; the caller has made sure that none like it exists. */
struct pcp_server_wish {
    struct address internal;
    uint16_t realm;
    uint8_t protocol;
    uint16_t internal_port;
    bool firewall;            /* external is internal */
    struct address suggested; /* all-zeros: none */
    uint16_t suggested_port;  /* 0: none */
    bool first_address;       /* NAT-PMP shows one external address alone, RFC 6886 section 4.3.2 */
    bool insist;              /* the suggestion or nothing */
    uint16_t run;             /* ports side by side that are wanted, if they are to be had */
    const uint8_t *nonce;     /* of a client that may have a resting port back; or NULL */
    uint64_t random;
};

/* Takes the suggestion out of a wish: it is for a server upstream. */
void pcp_server_wish_freely(struct pcp_server_wish *wish);

/* Finds an external endpoint (section 11.3; 15 for resting ports): PCP_SUCCESS and the pool and
 * port, CANNOT_PROVIDE_EXTERNAL with the milliseconds until that may change in *conflict (0: it
 * won't), NETWORK_FAILURE or NO_RESOURCES. *resting is the resting mapping to be had back. */
enum pcp_result pcp_server_choose(const struct pcp_server *server,
                                  const struct pcp_server_wish *wish, uint16_t *pool,
                                  uint16_t *port, uint32_t *resting, uint64_t *conflict);

/* The index of an external address, or -1. */
int pcp_server_pool_of(const struct pcp_server *server, const struct address *external);

/* Whether a mapping for the internal address is a firewall's, a NAT's or not to be had, given the
 * family that the suggested address asks for. */
enum pcp_server_mode { PCP_SERVER_NO_MODE, PCP_SERVER_NAT, PCP_SERVER_FIREWALL };
enum pcp_server_mode pcp_server_mode_of(const struct pcp_server *server,
                                        const struct address *internal,
                                        const struct address *suggested);

/* Fills external and external_port of a mapping to be from the implicit flow that its internal
 * endpoint has (to remote, or to any peer if that is NULL); false if there is none to follow. */
bool pcp_server_flow_place(const struct pcp_server *server, struct pcp_server_mapping *view,
                           const struct address *remote);

/* Whether an address is of the inside; whether an internal endpoint may be mapped at all. */
bool pcp_server_is_inside(const struct pcp_server *server, const struct address *address);
bool pcp_server_is_allowed(const struct pcp_server *server, const struct address *internal,
                           uint16_t internal_port);
/* Neither unspecified, loopback, multicast nor broadcast. */
bool pcp_server_is_unicast(const struct address *address);

/* PCP_SUCCESS if the internal host may have one more mapping: quota and room. */
enum pcp_result pcp_server_may_create(const struct pcp_server *server,
                                      const struct address *internal, uint16_t realm);

/* The view of a table's mapping. */
void pcp_server_view(const struct pcp_server *server, uint32_t mapping,
                     struct pcp_server_mapping *view);
/* Adds the mapping of a view to the table; its filter chain goes with it. PCP_TABLE_NONE: no room. */
uint32_t pcp_server_insert(struct pcp_server *server, const struct pcp_server_mapping *view);

/* The live mapping of a view's endpoints and kind, as it stands now, or PCP_TABLE_NONE. */
uint32_t pcp_server_find(const struct pcp_server *server, const struct pcp_server_mapping *view);

/* The kind that a view's record has, or had while it lived, and its flags. */
enum pcp_table_kind pcp_server_table_kind(const struct pcp_server_mapping *view);
uint8_t pcp_server_flags_of(const struct pcp_server_mapping *view);

/* Adds a mapping, in place of the resting one that its client has back (or PCP_TABLE_NONE), and
 * notes that. False: no room, nothing changed; the view's filters are still the caller's. */
bool pcp_server_create_mapping(struct pcp_server *server, struct pcp_server_answer *answer,
                               const struct pcp_server_mapping *view, uint32_t resting);
/* Before and after a mapping's deadline, client or filters change. */
void pcp_server_note_before(struct pcp_server *server, struct pcp_server_answer *answer,
                            uint32_t mapping);
void pcp_server_note_renewed(struct pcp_server *server, struct pcp_server_answer *answer,
                             uint32_t mapping);
/* Ends a mapping and lets its port rest. Its filters are let go of, not freed. */
void pcp_server_end(struct pcp_server *server, uint32_t mapping, struct pcp_server_change *change);
/* The same for the mapping that a request ends. */
void pcp_server_end_noted(struct pcp_server *server, struct pcp_server_answer *answer,
                          uint32_t mapping);
/* Lets go of what the last event's reader may have looked at. */
void pcp_server_forget_event(struct pcp_server *server);
/* Puts the state back to where it was before the request. */
void pcp_server_undo(struct pcp_server *server, struct pcp_server_answer *answer);

/* Milliseconds that a mapping must still live after its last outbound packet (section 15). */
uint64_t pcp_server_idle_rest(const struct pcp_server *server, uint32_t mapping);

/* Seconds that are left of a mapping: rounded up, and down. */
uint32_t pcp_server_seconds_left(const struct pcp_server *server, uint32_t mapping, bool round_up);
uint32_t pcp_server_clamp(const struct pcp_server *server, uint32_t lifetime);

/* Makes answer the error response that section 8.2 describes to the request of input. */
void pcp_server_answer_error(const struct pcp_server *server, const struct pcp_server_input *input,
                             enum pcp_result result, uint32_t lifetime,
                             struct pcp_server_answer *answer);
/* Writes a success response for a mapping of the table, without options. */
size_t pcp_server_write(const struct pcp_server *server, const struct pcp_server_mapping *view,
                        uint8_t opcode, uint32_t lifetime, uint8_t *octets, size_t capacity);

/* Answers a MAP or PEER with SUCCESS: the mapping's external endpoint, and lifetime in seconds. */
enum pcp_result pcp_server_grant(struct pcp_exchange *exchange,
                                 const struct pcp_server_mapping *view, uint32_t lifetime);

#endif
