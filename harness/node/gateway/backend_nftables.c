/* The backend of the kernel's NAT and firewall: mappings are elements of nftables sets, so that a
 * packet's way costs the same however many there are, and no rule comes or goes with a mapping. */
#include "node/common/clock.h"
#include "node/gateway/backend.h"
#include "node/gateway/conntrack.h"
#include "node/gateway/nft_elements.h"
#include "node/gateway/nft_ruleset.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENDED = 1024, /* mappings whose flows are ended in one walk */
    /* Elements that one change queues at most: both halves, a claim, an outermost end, filters gone and new. */
    ROOM_A_CHANGE = 5 + 2 * (1 + CONFIG_FILTERS)
};

struct backend {
    struct config config; /* a copy: the tables are made anew from it */
    struct nft_elements *elements;
    struct conntrack *conntrack;
    struct conntrack_inbound ended[ENDED]; /* queued and committed removals whose flows still run */
    size_t ended_queued, ended_committed;
    struct pcp_server_flow_key foreseen[BACKEND_FORESEEN];
    struct nft_found foreseen_flows[BACKEND_FORESEEN];
    size_t foreseen_count, foreseen_next;
    bool installed; /* the tables are there */
    bool overflow;  /* more was queued than one transaction takes */
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

static struct nft_element *new_element(struct backend *backend, const char *set, bool remove,
                                       const struct address *family)
{
    static struct nft_element lost;
    struct nft_element *element = nft_elements_add(backend->elements);
    if (!element) {
        backend->overflow = true; /* commit() says so, and smaller steps follow */
        element = &lost;
        *element = (struct nft_element){.remove = false};
    }
    element->set = set;
    element->remove = remove;
    element->family = address_is_ipv4(family) ? NFPROTO_IPV4 : NFPROTO_IPV6;
    return element;
}

/* --- sets: the names of nft_ruleset.h ------------------------------------------------------- */

#define FORMED(name)                                                                               \
    {                                                                                              \
        name, name "_protocol", name "_all"                                                        \
    }

/* Constants, since nft_elements.h tells sets apart by their names' places. */
static const char *const inbound[NFT_FORMS] = FORMED("inbound");
static const char *const outbound[NFT_FORMS] = FORMED("outbound");
static const char *const pinholes[NFT_FORMS] = FORMED("pinholes");
static const char *const filtered[NFT_FORMS] = FORMED("filtered");
static const char *const allowed[NFT_FORMS] = FORMED("allowed");
static const char *const allowed_port[NFT_FORMS] = FORMED("allowed_port");
static const char peer_inbound[] = "peer_inbound";
static const char peer_outbound[] = "peer_outbound";
static const char peer_pinholes[] = "peer_pinholes";
static const char outermost[] = "outermost";
static const char claimed[] = "claimed";
static const char claimants[] = "claimants";
static const char flows[] = "flows";

static enum nft_form form_of(const struct pcp_server_mapping *mapping)
{
    if (mapping->protocol == 0)
        return NFT_FORM_ALL;
    return mapping->internal_port == 0 ? NFT_FORM_PROTOCOL : NFT_FORM_PORT;
}

static bool is_pinhole(const struct pcp_server_mapping *mapping)
{
    return address_equal(&mapping->internal, &mapping->external);
}

/* One side of a mapping, with the fields of its form. */
static void key_side(struct nft_element *element, const struct pcp_server_mapping *mapping,
                     bool external)
{
    enum nft_form form = form_of(mapping);
    key_address(element->key, &element->key_length,
                external ? &mapping->external : &mapping->internal);
    if (form != NFT_FORM_ALL)
        key_protocol(element->key, &element->key_length, mapping->protocol);
    if (form == NFT_FORM_PORT)
        key_port(element->key, &element->key_length,
                 external ? mapping->external_port : mapping->internal_port);
}

/* One direction of a mapping: from the one side, with the remote peer where it is for that alone, to the
 * other. All ports stay what they are. */
static void queue_half(struct backend *backend, const struct pcp_server_mapping *mapping,
                       bool remove, bool in, bool to_peer)
{
    const char *set = in ? inbound[form_of(mapping)] : outbound[form_of(mapping)];
    if (to_peer)
        set = in ? peer_inbound : peer_outbound;
    const struct address *to = in ? &mapping->internal : &mapping->external;
    struct nft_element *element = new_element(backend, set, remove, to);
    key_side(element, mapping, in);
    if (to_peer)
        key_remote(element, &mapping->remote, mapping->remote_port);
    key_address(element->data, &element->data_length, to);
    if (form_of(mapping) == NFT_FORM_PORT)
        key_port(element->data, &element->data_length,
                 in ? mapping->internal_port : mapping->external_port);
}

static bool is_of_implicit_flows(const struct backend *backend,
                                 const struct pcp_server_mapping *mapping)
{
    const struct pcp_server_policy *policy = &backend->config.policy;
    return form_of(mapping) == NFT_FORM_PORT && (mapping->external_port < policy->first_port ||
                                                 mapping->external_port > policy->last_port);
}

/* A PEER's flow shares its external port with those to other remote peers, as implicit flows do (12, RFC 4787
 * REQ-1). It needs no help where it has an implicit flow's port. */
static void queue_other_flows(struct backend *backend, const struct pcp_server_mapping *mapping,
                              bool remove)
{
    bool implicit = is_of_implicit_flows(backend, mapping);
    bool has_part = mapping->kind != PCP_SERVER_PEER || (!implicit && !mapping->secondary);
    bool others_have = mapping->shares_port && !implicit;
    if (has_part && !(remove && others_have))
        queue_half(backend, mapping, remove, false, false);
}

static void queue_pinhole(struct backend *backend, const struct pcp_server_mapping *mapping,
                          bool remove)
{
    bool peer = mapping->kind == PCP_SERVER_PEER;
    struct nft_element *element = new_element(
        backend, peer ? peer_pinholes : pinholes[form_of(mapping)], remove, &mapping->internal);
    key_side(element, mapping, false);
    if (peer)
        key_remote(element, &mapping->remote, mapping->remote_port);
}

/* A MAP that took over a live flow's port (11.3). */
static bool is_claim(const struct backend *backend, const struct pcp_server_mapping *mapping)
{
    return mapping->kind != PCP_SERVER_PEER && is_of_implicit_flows(backend, mapping);
}

static void queue_claim(struct backend *backend, const struct pcp_server_mapping *mapping,
                        bool remove)
{
    struct nft_element *element = new_element(backend, claimed, remove, &mapping->external);
    key_side(element, mapping, true);
    element = new_element(backend, claimants, remove, &mapping->external);
    key_address(element->key, &element->key_length, &mapping->internal);
    key_side(element, mapping, true);
}

/* Where a proxy's mapping is reached at the far end, for packets from inside. */
static void queue_outermost(struct backend *backend, const struct pcp_server_mapping *mapping,
                            const struct address *there, uint16_t port, bool remove)
{
    if (!port || is_pinhole(mapping) || form_of(mapping) != NFT_FORM_PORT ||
        !address_is_ipv4(there))
        return;
    struct nft_element *element = new_element(backend, outermost, remove, there);
    key_endpoint(element, there, mapping->protocol, port);
    key_address(element->data, &element->data_length, &mapping->internal);
    key_port(element->data, &element->data_length, mapping->internal_port);
}

/* What was told before, in a change. */
static void move_outermost(struct backend *backend, const struct pcp_server_change *change)
{
    const struct pcp_server_mapping *mapping = &change->mapping;
    if (change->outermost_port_before == mapping->outermost_port &&
        address_equal(&change->outermost_before, &mapping->outermost))
        return;
    queue_outermost(backend, mapping, &change->outermost_before, change->outermost_port_before,
                    true);
    queue_outermost(backend, mapping, &mapping->outermost, mapping->outermost_port, false);
}

static void queue_mapping(struct backend *backend, const struct pcp_server_mapping *mapping,
                          bool remove)
{
    if (is_pinhole(mapping)) {
        queue_pinhole(backend, mapping, remove);
        return;
    }
    bool peer = mapping->kind == PCP_SERVER_PEER;
    queue_half(backend, mapping, remove, true, peer);
    if (peer)
        queue_half(backend, mapping, remove, false, true);
    queue_other_flows(backend, mapping, remove);
    queue_outermost(backend, mapping, &mapping->outermost, mapping->outermost_port, remove);
    if (is_claim(backend, mapping))
        queue_claim(backend, mapping, remove);
}

/* --- filters -------------------------------------------------------------------------------- */

struct filters {
    struct pcp_filter filter[CONFIG_FILTERS];
    size_t count;
};

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

/* Whether a filter lets in none that another one of the mapping doesn't; of two alike the first
 * counts. The kernel refuses an interval inside another, and prefixes for one port (or for all) that
 * overlap at all lie one in the other. */
static bool is_spare(const struct filters *filters, size_t index)
{
    const struct pcp_filter *filter = &filters->filter[index];
    for (size_t i = 0; i < filters->count; i++) {
        const struct pcp_filter *other = &filters->filter[i];
        const struct pcp_server_prefix prefix = {other->remote_address, other->prefix_length};
        bool wider = other->prefix_length < filter->prefix_length ||
                     (other->prefix_length == filter->prefix_length && i < index);
        if (wider && other->remote_port == filter->remote_port &&
            pcp_server_prefix_holds(&prefix, &filter->remote_address))
            return true;
    }
    return false;
}

static void queue_filter(struct backend *backend, const struct pcp_server_mapping *mapping,
                         const struct pcp_filter *filter, bool remove)
{
    const char *const *set = filter->remote_port ? allowed_port : allowed;
    struct nft_element *element =
        new_element(backend, set[form_of(mapping)], remove, &mapping->external);
    struct address first = prefix_edge(filter, false);
    struct address last = prefix_edge(filter, true);
    key_side(element, mapping, true);
    memcpy(element->end, element->key, sizeof element->end);
    element->end_length = element->key_length;
    key_address(element->key, &element->key_length, &first);
    key_address(element->end, &element->end_length, &last);
    if (filter->remote_port) {
        key_port(element->key, &element->key_length, filter->remote_port);
        key_port(element->end, &element->end_length, filter->remote_port);
    }
}

static void queue_filters(struct backend *backend, const struct pcp_server *server,
                          const struct pcp_server_mapping *mapping, uint32_t chain, bool remove)
{
    struct filters filters = {.count = 0};
    while (filters.count < CONFIG_FILTERS &&
           pcp_server_filter_next(server, &chain, &filters.filter[filters.count]))
        filters.count++;
    if (filters.count)
        key_side(new_element(backend, filtered[form_of(mapping)], remove, &mapping->external),
                 mapping, true);
    for (size_t i = 0; i < filters.count; i++)
        if (!is_spare(&filters, i))
            queue_filter(backend, mapping, &filters.filter[i], remove);
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
    if (backend->installed)
        nft_ruleset_remove();
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
        queue_end(backend, mapping); /* those that may stay begin again with their next packet */
        break;
    case PCP_SERVER_REMOVED:
        queue_mapping(backend, mapping, true);
        queue_filters(backend, server, mapping, mapping->filters, true);
        queue_end(backend, mapping);
        break;
    case PCP_SERVER_RENEWED:
        move_outermost(backend, change);
        break;
    default:
        break;
    }
}

static void discard(struct backend *backend)
{
    nft_elements_discard(backend->elements);
    backend->ended_queued = backend->ended_committed;
    backend->overflow = false;
}

static int commit(struct backend *backend, struct error *error)
{
    if (backend->overflow) {
        discard(backend);
        return error_set(error, "nftables: more changes at once than a transaction takes");
    }
    int result = nft_elements_commit(backend->elements, error);
    if (result == 0)
        backend->ended_committed = backend->ended_queued;
    backend->ended_queued = backend->ended_committed;
    return result;
}

static int rebuild(struct backend *backend, const struct pcp_server *server,
                   const struct address *former, struct error *error)
{
    discard(backend);
    if (former)
        conntrack_end_address(backend->conntrack, former);
    if (nft_ruleset_install(&backend->config, error))
        return -1;
    backend->installed = true;
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

static void flow_element(const struct pcp_server_flow_key *key, struct nft_element *element)
{
    *element = (struct nft_element){.set = flows};
    element->family = address_is_ipv4(&key->internal) ? NFPROTO_IPV4 : NFPROTO_IPV6;
    key_endpoint(element, &key->internal, key->protocol, key->internal_port);
}

/* What an element of flows tells. */
static void read_flow(const struct backend *backend, const struct pcp_server_flow_key *key,
                      const struct nft_found *found, struct pcp_server_flow *flow)
{
    bool translated = address_is_ipv4(&key->internal) && !backend->config.policy.ipv4_firewall;
    const uint8_t *data = found->data;
    flow->external = translated ? address_from_ipv4(data) : key->internal;
    flow->external_port = translated ? (uint16_t)(data[4] << 8 | data[5]) : key->internal_port;
    uint64_t limit =
        (uint64_t)pcp_server_times_of(&backend->config.policy.idle, key->protocol) * 1000;
    uint64_t left = clock_scaled(found->expires);
    flow->idle = left < limit ? limit - left : 0;
}

static void foresee(struct backend *backend, const struct pcp_server_flow_key *keys, size_t count)
{
    struct nft_element elements[BACKEND_FORESEEN];
    for (size_t i = 0; i < count; i++)
        flow_element(&keys[i], &elements[i]);
    if (count)
        memcpy(backend->foreseen, keys, count * sizeof *keys);
    bool looked =
        count && nft_elements_get(backend->elements, elements, count, backend->foreseen_flows) == 0;
    backend->foreseen_count = looked ? count : 0;
    backend->foreseen_next = 0;
}

/* What was looked up for the batch. The questions come in the order in which they were foreseen. */
static const struct nft_found *find_foreseen(struct backend *backend,
                                             const struct pcp_server_flow_key *key)
{
    for (size_t i = 0; i < backend->foreseen_count; i++) {
        size_t at = (backend->foreseen_next + i) % backend->foreseen_count;
        const struct pcp_server_flow_key *other = &backend->foreseen[at];
        if (other->internal_port != key->internal_port || other->protocol != key->protocol ||
            !address_equal(&other->internal, &key->internal))
            continue;
        backend->foreseen_next = at + 1;
        return &backend->foreseen_flows[at];
    }
    return NULL;
}

static bool recent_flow(struct backend *backend, const struct pcp_server_flow_key *key,
                        struct pcp_server_flow *flow)
{
    const struct nft_found *found = find_foreseen(backend, key);
    struct nft_found asked;
    if (!found) {
        struct nft_element element;
        flow_element(key, &element);
        if (nft_elements_get(backend->elements, &element, 1, &asked))
            return false;
        found = &asked;
    }
    if (found->present)
        read_flow(backend, key, found, flow);
    return found->present;
}

static bool find_outbound(void *context, const struct pcp_server_flow_key *key,
                          struct pcp_server_flow *flow)
{
    struct backend *backend = context;
    if (!key->to_remote)
        return recent_flow(backend, key, flow);
    const struct conntrack_tuple outward = {
        .protocol = key->protocol,
        .source = key->internal,
        .source_port = key->internal_port,
        .destination = key->remote,
        .destination_port = key->remote_port,
    };
    flow->idle = 0;
    return conntrack_find(backend->conntrack, &outward, &flow->external, &flow->external_port);
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
    .foresee = foresee,
    .outbound = find_outbound,
};
