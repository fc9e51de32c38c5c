/* The mapping table of a PCP server: hosts, bindings, mappings and filters, in arrays.
 *
 * A binding ties an internal endpoint (host, protocol, port) to an external one; it owns the
 * external port. Mappings hang on it: at most one MAP (or static) mapping, and one for each remote
 * peer of a PEER. So a MAP and all PEERs of an internal port share one external port, as a NAT with
 * endpoint-independent mapping does (RFC 4787 REQ-1), and the port is free again when the last of
 * them has gone and its rest is over. One exception: a PEER for an older flow, which keeps the
 * external port it had before the MAP came, gets a secondary binding.
 *
 * Memory is taken once, in one block; nothing here grows. Records are named by index, and index 0
 * means none. Look-ups are by keyed hashes. Internal to the server: nothing else includes this.
 */
#ifndef PINHOLE_ENGINE_PCP_SERVER_TABLE_H
#define PINHOLE_ENGINE_PCP_SERVER_TABLE_H

#include "engine/pcp_server_heap.h"
#include "engine/pcp_server_policy.h"
#include "wire/address.h"
#include "wire/pcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PCP_TABLE_NONE = 0,
    PCP_TABLE_POOL_WORDS = 2 * 65536 / 64, /* a bit a port of an address: UDP, behind them TCP */
    PCP_TABLE_SAME = UINT16_MAX /* pool of a binding whose external side is its internal one */
};

struct pcp_table_host {
    struct address address;
    uint32_t next;       /* in its hash chain or in the free list */
    uint32_t bindings;   /* first of its bindings */
    uint32_t references; /* bindings, and mappings that it asked for on behalf of others */
    uint16_t charged;    /* mappings and resting ports that count against its quota */
    uint16_t pool;       /* external address of its bindings, while it has any (section 10) */
    uint16_t realm;      /* whose address it is, RFC 7843; 0 where THIRD_PARTY_ID says none */
};

enum pcp_table_binding_flag {
    PCP_TABLE_BINDING_RESTING = 1,   /* no live mapping; found by internal endpoint and nonce */
    PCP_TABLE_BINDING_SECONDARY = 2, /* of an older flow; not found by internal endpoint */
    PCP_TABLE_BINDING_NAT_PMP = 4    /* keeps the companion port for its host, RFC 6886 3.3 */
};

struct pcp_table_binding {
    uint32_t host;
    uint32_t next_internal; /* hash chain by internal endpoint, or free list */
    uint32_t next_external; /* hash chain by external endpoint */
    uint32_t host_next, host_previous;
    uint32_t map;   /* the MAP, static or resting mapping, if any */
    uint16_t peers; /* live PEER mappings */
    uint16_t internal_port;
    uint16_t external_port;
    uint16_t pool; /* index of the external address, or PCP_TABLE_SAME */
    uint8_t protocol;
    uint8_t flags;
};

enum pcp_table_kind {
    PCP_TABLE_FREE,
    PCP_TABLE_MAP,
    PCP_TABLE_PEER,
    PCP_TABLE_STATIC,
    PCP_TABLE_RESTING /* ended; its external port rests until the deadline */
};

enum pcp_table_mapping_flag {
    PCP_TABLE_THIRD_PARTY = 1,    /* the last request had that option */
    PCP_TABLE_PREFER_FAILURE = 2, /* likewise */
    PCP_TABLE_FILTERED = 4,       /* likewise, FILTER */
    PCP_TABLE_UPDATE_DUE = 8,     /* Mapping Updates go out for it, section 14.2 */
    PCP_TABLE_UPDATE_FAILED = 16, /* ... with CANNOT_PROVIDE_EXTERNAL */
    PCP_TABLE_BY_NAT_PMP = 32,    /* asked for by NAT-PMP: it has no nonce */
    PCP_TABLE_WAS_PEER = 64,      /* a resting mapping's former kind */
    PCP_TABLE_CONTINUES = 128     /* the set of the port below it */
};

struct pcp_table_mapping {
    uint8_t nonce[PCP_NONCE_LENGTH];
    struct address remote; /* PEER */
    uint32_t binding;
    uint32_t next;    /* PEER: hash chain by five-tuple; or free list */
    uint32_t filters; /* first of its filters */
    uint32_t description;
    uint32_t client; /* host that sent the last request */
    uint16_t client_port;
    uint16_t path; /* where that request came in, in the caller's numbers */
    uint16_t remote_port;
    uint8_t kind;
    uint8_t flags;
};

struct pcp_table_filter {
    struct address remote;
    uint32_t next;
    uint16_t remote_port;
    uint8_t prefix_length;
};

struct pcp_table_description {
    uint32_t next; /* free list */
    uint8_t length;
    uint8_t text[PCP_SERVER_MAXIMUM_DESCRIPTION];
};

struct pcp_table {
    uint64_t key[2];
    struct pcp_table_host *hosts;
    struct pcp_table_binding *bindings;
    struct pcp_table_mapping *mappings;
    struct pcp_table_filter *filters;
    struct pcp_table_description *descriptions;
    uint32_t *host_buckets, *internal_buckets, *external_buckets, *peer_buckets;
    uint64_t *taken;             /* a bit for each UDP and TCP port of each external address */
    struct pcp_server_heap heap; /* deadlines of mappings, resting ones included */
    uint32_t pools;
    uint32_t capacity, filter_capacity, description_capacity, bucket_mask;
    /* Records given back, and those ever used. */
    uint32_t free_host, free_binding, free_mapping, free_filter, free_description;
    uint32_t hosts_touched, bindings_touched, mappings_touched, filters_touched;
    uint32_t descriptions_touched, descriptions_used;
    uint32_t hosts_used, bindings_used, mappings_used, filters_used;
};

/* Room for records. */
struct pcp_table_room {
    uint32_t mappings, filters, descriptions, pools;
};

/* Octets that a table needs behind its struct. */
size_t pcp_table_size(const struct pcp_table_room *room);
/* Makes an empty table in memory, which must be aligned for uint64_t. */
void pcp_table_init(struct pcp_table *table, void *memory, const struct pcp_table_room *room,
                    const uint64_t key[2]);

/* Hosts: an address in one realm is another host than the same address in another one. Taking makes one
 * where there is none (PCP_TABLE_NONE: no room) and counts a reference. */
uint32_t pcp_table_host_find(const struct pcp_table *table, const struct address *address,
                             uint16_t realm);
uint32_t pcp_table_host_take(struct pcp_table *table, const struct address *address,
                             uint16_t realm);
void pcp_table_host_drop(struct pcp_table *table, uint32_t host);

/* The live binding of an internal endpoint, the resting one that a client with this nonce may have
 * back (section 15), and the one that holds an external endpoint. */
uint32_t pcp_table_binding_find(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                                uint16_t internal_port);
uint32_t pcp_table_binding_find_resting(const struct pcp_table *table, uint32_t host,
                                        uint8_t protocol, uint16_t internal_port,
                                        const uint8_t nonce[PCP_NONCE_LENGTH]);
uint32_t pcp_table_binding_find_external(const struct pcp_table *table, uint16_t pool,
                                         uint8_t protocol, uint16_t external_port);

/* Where a new binding stands. */
struct pcp_table_endpoint {
    struct address host;
    uint16_t realm;
    uint8_t protocol;
    uint16_t internal_port;
    uint16_t pool;
    uint16_t external_port;
    bool secondary;
};

/* Makes a binding without mappings (PCP_TABLE_NONE: no room). The caller attaches one at once. */
uint32_t pcp_table_bind(struct pcp_table *table, const struct pcp_table_endpoint *endpoint);
/* Takes away a binding that has no mappings left. */
void pcp_table_unbind(struct pcp_table *table, uint32_t binding);
/* Says whether a binding rests, which changes how it is found; its map must name the nonce. */
void pcp_table_set_resting(struct pcp_table *table, uint32_t binding, bool resting);

/* A free external port in first..last, at start or behind it (going round), of start's parity as
 * long as one is left if keep_parity (RFC 4787 REQ-4); 0 if none is free. */
uint16_t pcp_table_port_search(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                               uint16_t first, uint16_t last, uint16_t start, bool keep_parity);
/* Where in first..last a run of free ports begins, as long as wanted or else the longest; from start on, going
 * round. 0 if none is free, or the protocol is one whose ports have no bits. */
uint16_t pcp_table_run_search(const struct pcp_table *table, uint16_t pool, uint8_t protocol,
                              uint16_t first, uint16_t last, uint16_t start, uint16_t wanted);
/* Keeps a port of UDP or TCP out of that search for good. */
void pcp_table_port_reserve(struct pcp_table *table, uint16_t pool, uint8_t protocol,
                            uint16_t port);

/* The mapping of a five-tuple. */
uint32_t pcp_table_peer_find(const struct pcp_table *table, uint32_t host, uint8_t protocol,
                             uint16_t internal_port, const struct address *remote,
                             uint16_t remote_port);

/* Attaches a mapping of a kind (MAP, PEER or STATIC; remote is looked at for PEER alone) to a
 * binding and charges its host, static ones free. PCP_TABLE_NONE: no room. */
uint32_t pcp_table_attach(struct pcp_table *table, uint32_t binding, enum pcp_table_kind kind,
                          const struct address *remote, uint16_t remote_port, uint64_t deadline);

/* Ends a mapping. If it was the last of its binding the port rests until the deadline given, and
 * the record goes on as PCP_TABLE_RESTING; otherwise it is erased. Its filters and description are
 * let go of, not freed: the caller keeps them. */
void pcp_table_release(struct pcp_table *table, uint32_t mapping, uint64_t rest_until);

/* Removes a mapping, live or resting, and its binding and host where nothing else needs them. Its
 * filters and description are let go of, not freed. */
void pcp_table_erase(struct pcp_table *table, uint32_t mapping);

/* Remembers who asked for a mapping last; false: no room for that host. */
bool pcp_table_set_client(struct pcp_table *table, uint32_t mapping, const struct address *client,
                          uint16_t port, uint16_t path);

/* Puts a filter at the end of a chain; false: no room. Frees a whole chain. */
bool pcp_table_filter_add(struct pcp_table *table, uint32_t *chain,
                          const struct pcp_filter *filter);
void pcp_table_filter_free(struct pcp_table *table, uint32_t chain);

/* Keeps a description of at most PCP_SERVER_MAXIMUM_DESCRIPTION octets; PCP_TABLE_NONE: no room. */
uint32_t pcp_table_description_add(struct pcp_table *table, const uint8_t *text, size_t length);
void pcp_table_description_free(struct pcp_table *table, uint32_t description);

/* --- for the files of the table alone ------------------------------------------------------- */

/* A record given back, or else one never used so far (memory is touched as it is needed); 0: none. */
static inline uint32_t pcp_table_fresh(uint32_t *free_list, uint32_t next_free, uint32_t *touched,
                                       uint32_t capacity)
{
    if (*free_list != PCP_TABLE_NONE) {
        uint32_t index = *free_list;
        *free_list = next_free;
        return index;
    }
    return *touched < capacity ? ++*touched : PCP_TABLE_NONE;
}

/* An internal endpoint as a word to hash. */
static inline uint64_t pcp_table_internal_word(uint32_t host, uint8_t protocol, uint16_t port)
{
    return (uint64_t)host << 32 | (uint64_t)protocol << 16 | port;
}

static inline bool pcp_table_same_internal(const struct pcp_table_binding *binding, uint32_t host,
                                           uint8_t protocol, uint16_t port)
{
    return binding->host == host && binding->protocol == protocol && binding->internal_port == port;
}

#endif
