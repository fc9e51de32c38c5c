/* The backend of the kernel's NAT and firewall: mappings are elements of nftables sets, so that a
 * packet's way costs the same however many there are, and no rule comes or goes with a mapping. */
#include "node/gateway/backend.h"
#include "node/gateway/conntrack.h"
#include "node/gateway/nft_elements.h"
#include "node/gateway/nft_ruleset.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENDED = 1024,      /* mappings whose flows are ended in one walk */
    ROOM_A_CHANGE = 32 /* elements that one change queues at most */
};

struct backend {
    struct config config; /* a copy: the tables are made anew from it */
    struct nft_elements *elements;
    struct conntrack *conntrack;
    struct conntrack_inbound ended[ENDED]; /* queued and committed removals whose flows still run */
    size_t ended_queued, ended_committed;
};

/* --- keys ----------------------------------------------------------------------------------- */

/* Fields of a concatenated key stand one behind the other, each padded to four octets. */
static void key_address(uint8_t *key, uint8_t *length, const struct address *address)
{
    size_t octets = address_is_ipv4(address) ? 4 : 16;
    memcpy(key + *length, address->octet + 16 - octets, octets);
    *length = (uint8_t)(*length + octets);
}

static void key_protocol(uint8_t *key, uint8_t *length, uint8_t protocol)
{
    key[*length] = protocol;
    *length = (uint8_t)(*length + 4);
}

static void key_port(uint8_t *key, uint8_t *length, uint16_t port)
{
    key[*length] = (uint8_t)(port >> 8);
    key[*length + 1] = (uint8_t)port;
    *length = (uint8_t)(*length + 4);
}

static void key_endpoint(struct nft_element *element, const struct address *address,
                         uint8_t protocol, uint16_t port)
{
    key_address(element->key, &element->key_length, address);
    key_protocol(element->key, &element->key_length, protocol);
    key_port(element->key, &element->key_length, port);
}

static void key_remote(struct nft_element *element, const struct address *address, uint16_t port)
{
    key_address(element->key, &element->key_length, address);
    key_port(element->key, &element->key_length, port);
}

static void data_endpoint(struct nft_element *element, const struct address *address, uint16_t port)
{
    key_address(element->data, &element->data_length, address);
    key_port(element->data, &element->data_length, port);
}

static struct nft_element *new_element(struct backend *backend, const char *set, bool remove,
                                       const struct address *family)
{
    /* pcp_server's answers are committed in batches far below the queue's size. */
    struct nft_element *element = nft_elements_add(backend->elements);
    if (!element)
        abort();
    element->set = set;
    element->remove = remove;
    element->family = address_is_ipv4(family) ? NFPROTO_IPV4 : NFPROTO_IPV6;
    return element;
}

/* --- sets: the names of nft_ruleset.c ------------------------------------------------------- */

static const char inbound[] = "inbound";
static const char outbound[] = "outbound";
static const char peer_inbound[] = "peer_inbound";
static const char peer_outbound[] = "peer_outbound";
static const char peers[] = "peers";
static const char pinholes[] = "pinholes";
static const char filtered[] = "filtered";
static const char flows[] = "flows";
static const char *const allowed[NFT_FILTER_SLOTS] = {
    "allowed0", "allowed1", "allowed2", "allowed3", "allowed4", "allowed5", "allowed6", "allowed7"};

/* One direction of a mapping: an endpoint of from, with the remote peer for a PEER, to one of to. */
static void queue_half(struct backend *backend, const struct pcp_server_mapping *mapping,
                       bool remove, bool in)
{
    bool peer = mapping->kind == PCP_SERVER_PEER;
    const char *set = in ? inbound : outbound;
    if (peer)
        set = in ? peer_inbound : peer_outbound;
    const struct address *from = in ? &mapping->external : &mapping->internal;
    const struct address *to = in ? &mapping->internal : &mapping->external;
    struct nft_element *element = new_element(backend, set, remove, from);
    key_endpoint(element, from, mapping->protocol,
                 in ? mapping->external_port : mapping->internal_port);
    if (peer)
        key_remote(element, &mapping->remote, mapping->remote_port);
    data_endpoint(element, to, in ? mapping->internal_port : mapping->external_port);
}

/* The internal side, by which the firewall knows a PEER or an IPv6 pinhole. */
static void queue_internal(struct backend *backend, const struct pcp_server_mapping *mapping,
                           bool remove, const char *set)
{
    struct nft_element *element = new_element(backend, set, remove, &mapping->internal);
    key_endpoint(element, &mapping->internal, mapping->protocol, mapping->internal_port);
    if (set == peers)
        key_remote(element, &mapping->remote, mapping->remote_port);
}

static void queue_mapping(struct backend *backend, const struct pcp_server_mapping *mapping,
                          bool remove)
{
    if (address_is_ipv4(&mapping->internal) &&
        !address_equal(&mapping->internal, &mapping->external)) {
        queue_half(backend, mapping, remove, true);
        queue_half(backend, mapping, remove, false);
    }
    if (mapping->kind == PCP_SERVER_PEER)
        queue_internal(backend, mapping, remove, peers);
    else if (!address_is_ipv4(&mapping->internal))
        queue_internal(backend, mapping, remove, pinholes);
}

/* --- filters -------------------------------------------------------------------------------- */

/* The first or last address of a filter's prefix. */
static struct address prefix_edge(const struct pcp_filter *filter, bool last)
{
    struct address edge = filter->remote_address;
    for (unsigned int bit = filter->prefix_length; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        if (last)
            edge.octet[bit / 8] |= mask;
        else
            edge.octet[bit / 8] &= (uint8_t)~mask;
    }
    return edge;
}

static void queue_filter(struct backend *backend, const struct pcp_server_mapping *mapping,
                         const struct pcp_filter *filter, unsigned int slot, bool remove)
{
    struct nft_element *element = new_element(backend, allowed[slot], remove, &mapping->internal);
    struct address first = prefix_edge(filter, false);
    struct address last = prefix_edge(filter, true);
    key_endpoint(element, &mapping->internal, mapping->protocol, mapping->internal_port);
    memcpy(element->end, element->key, sizeof element->end);
    element->end_length = element->key_length;
    key_remote(element, &first, filter->remote_port);
    key_address(element->end, &element->end_length, &last);
    key_port(element->end, &element->end_length,
             filter->remote_port ? filter->remote_port : UINT16_MAX);
}

static void queue_filters(struct backend *backend, const struct pcp_server *server,
                          const struct pcp_server_mapping *mapping, uint32_t chain, bool remove)
{
    struct pcp_filter filter;
    if (chain)
        queue_internal(backend, mapping, remove, filtered);
    for (unsigned int slot = 0;
         slot < NFT_FILTER_SLOTS && pcp_server_filter_next(server, &chain, &filter); slot++)
        queue_filter(backend, mapping, &filter, slot, remove);
}

/* --- flows that came in --------------------------------------------------------------------- */

static void queue_end(struct backend *backend, const struct pcp_server_mapping *mapping)
{
    if (backend->ended_queued == ENDED)
        return; /* more than any batch holds */
    struct conntrack_inbound *ended = &backend->ended[backend->ended_queued++];
    *ended = (struct conntrack_inbound){
        .protocol = mapping->protocol,
        .external = mapping->external,
        .external_port = mapping->external_port,
        .from_remote = mapping->kind == PCP_SERVER_PEER,
        .remote = mapping->remote,
        .remote_port = mapping->remote_port,
    };
}

static void flush(struct backend *backend)
{
    if (backend->ended_committed)
        conntrack_end(backend->conntrack, backend->ended, backend->ended_committed);
    backend->ended_queued = 0;
    backend->ended_committed = 0;
}

/* --- the backend ---------------------------------------------------------------------------- */

static void close_nftables(struct backend *backend)
{
    if (!backend)
        return;
    nft_elements_close(backend->elements);
    conntrack_close(backend->conntrack);
    free(backend);
}

static struct backend *open_nftables(const struct config *config, struct error *error)
{
    if (!config->outside[0]) {
        error_set(error, "nftables: expected an outside interface (--outside NAME)");
        return NULL;
    }
    if (config->policy.wildcards || config->policy.filters_per_mapping > NFT_FILTER_SLOTS) {
        error_set(error, "nftables: no all-ports mappings, and at most %d filters a mapping",
                  NFT_FILTER_SLOTS);
        return NULL;
    }
    struct backend *backend = calloc(1, sizeof *backend);
    if (!backend) {
        error_set(error, "nftables: no memory");
        return NULL;
    }
    backend->config = *config;
    backend->elements = nft_elements_open(NFT_TABLE, error);
    backend->conntrack = backend->elements ? conntrack_open(error) : NULL;
    if (backend->conntrack)
        return backend;
    close_nftables(backend);
    return NULL;
}

static void queue(struct backend *backend, const struct pcp_server *server,
                  const struct pcp_server_change *change)
{
    const struct pcp_server_mapping *mapping = &change->mapping;
    if (address_is_any(&mapping->external))
        return; /* the kernel holds nothing of it while its external address is lost */
    switch (change->kind) {
    case PCP_SERVER_CREATED:
        queue_mapping(backend, mapping, false);
        queue_filters(backend, server, mapping, mapping->filters, false);
        break;
    case PCP_SERVER_FILTERED:
        queue_filters(backend, server, mapping, change->filters_before, true);
        queue_filters(backend, server, mapping, mapping->filters, false);
        break;
    case PCP_SERVER_REMOVED:
        queue_mapping(backend, mapping, true);
        queue_filters(backend, server, mapping, mapping->filters, true);
        queue_end(backend, mapping);
        break;
    default:
        break;
    }
}

static int commit(struct backend *backend, struct error *error)
{
    int result = nft_elements_commit(backend->elements, error);
    if (result == 0)
        backend->ended_committed = backend->ended_queued;
    backend->ended_queued = backend->ended_committed;
    return result;
}

static void discard(struct backend *backend)
{
    nft_elements_discard(backend->elements);
    backend->ended_queued = backend->ended_committed;
}

static int rebuild(struct backend *backend, const struct pcp_server *server, struct error *error)
{
    discard(backend);
    if (nft_ruleset_install(&backend->config, error))
        return -1;
    struct pcp_server_change change = {.kind = PCP_SERVER_CREATED};
    uint32_t cursor = 0;
    while (pcp_server_next(server, &cursor, &change.mapping)) {
        if (change.mapping.kind == PCP_SERVER_RESTING || address_is_any(&change.mapping.external))
            continue;
        queue(backend, server, &change);
        if (nft_elements_queued(backend->elements) + ROOM_A_CHANGE > NFT_QUEUE_SIZE &&
            commit(backend, error))
            return -1;
    }
    return commit(backend, error);
}

/* --- what the kernel knows of outbound flows ------------------------------------------------ */

static bool recent_flow(struct backend *backend, const struct pcp_server_flow_key *key,
                        struct pcp_server_flow *flow)
{
    struct nft_element element = {.set = flows};
    bool ipv4 = address_is_ipv4(&key->internal);
    element.family = ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
    key_endpoint(&element, &key->internal, key->protocol, key->internal_port);
    uint8_t data[NFT_DATA_SIZE];
    uint64_t expires;
    if (nft_elements_get(backend->elements, &element, data, &expires) != 1)
        return false;
    flow->external = ipv4 ? address_from_ipv4(data) : key->internal;
    flow->external_port = ipv4 ? (uint16_t)(data[4] << 8 | data[5]) : key->internal_port;
    uint64_t limit =
        (uint64_t)pcp_server_times_of(&backend->config.policy.idle, key->protocol) * 1000;
    flow->idle = expires < limit ? limit - expires : 0;
    return true;
}

static bool find_outbound(void *context, const struct pcp_server_flow_key *key,
                          struct pcp_server_flow *flow)
{
    struct backend *backend = context;
    if (!key->to_remote)
        return recent_flow(backend, key, flow);
    struct conntrack_tuple original = {
        .protocol = key->protocol,
        .source = key->internal,
        .source_port = key->internal_port,
        .destination = key->remote,
        .destination_port = key->remote_port,
    };
    struct conntrack_tuple reply;
    if (!conntrack_find(backend->conntrack, &original, &reply))
        return false;
    *flow = (struct pcp_server_flow){.external = reply.destination,
                                     .external_port = reply.destination_port};
    return true;
}

const struct backend_operations backend_nftables = {
    .name = "nftables",
    .open = open_nftables,
    .close = close_nftables,
    .queue = queue,
    .commit = commit,
    .discard = discard,
    .flush = flush,
    .rebuild = rebuild,
    .outbound = find_outbound,
};
