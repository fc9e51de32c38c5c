/* The proxy's making, and a client's request on its way up. */
#include "engine/pcp_proxy_private.h"

#include <string.h>

/* --- making --------------------------------------------------------------------------------- */

static size_t padded(size_t octets)
{
    return (octets + 7) & ~(size_t)7;
}

size_t pcp_proxy_size(const struct pcp_server_policy *policy,
                      const struct pcp_proxy_settings *settings)
{
    return padded(sizeof(struct pcp_proxy)) +
           padded(((size_t)policy->mapping_capacity + 1) * sizeof(struct pcp_server_outermost)) +
           settings->pending * sizeof(struct pcp_proxy_pending);
}

struct pcp_proxy *pcp_proxy_create(void *memory, size_t size, struct pcp_server *server,
                                   const struct pcp_server_policy *policy,
                                   const struct pcp_proxy_settings *settings, struct error *error)
{
    /* NAT-PMP and Mapping Updates of the server's own would tell of addresses that are not the
     * outermost ones. */
    if (!policy->proxy || policy->mapping_updates || policy->nat_pmp) {
        error_set(error, "proxy: expected a server whose policy is a proxy's, without NAT-PMP and "
                         "Mapping Updates of its own");
        return NULL;
    }
    if (settings->upstream_count == 0 || settings->upstream_count > PCP_PROXY_SERVERS) {
        error_set(error, "proxy: expected 1 to %d servers upstream, got %zu", PCP_PROXY_SERVERS,
                  settings->upstream_count);
        return NULL;
    }
    if (settings->pending == 0 || settings->pending > PCP_PROXY_MAXIMUM_PENDING ||
        size < pcp_proxy_size(policy, settings)) {
        error_set(error, "proxy: expected room for 1 to %d requests in %zu octets, got %u in %zu",
                  PCP_PROXY_MAXIMUM_PENDING, pcp_proxy_size(policy, settings), settings->pending,
                  size);
        return NULL;
    }
    memset(memory, 0, pcp_proxy_size(policy, settings));
    struct pcp_proxy *proxy = memory;
    uint8_t *next = (uint8_t *)memory + padded(sizeof *proxy);
    proxy->server = server;
    proxy->settings = *settings;
    proxy->outermost = (struct pcp_server_outermost *)next;
    next += padded(((size_t)policy->mapping_capacity + 1) * sizeof(struct pcp_server_outermost));
    proxy->pending = (struct pcp_proxy_pending *)next;
    server->outermost = proxy->outermost;
    return proxy;
}

const struct address *pcp_proxy_own(const struct pcp_proxy *proxy, const struct address *family)
{
    return &proxy->settings.own[address_is_ipv4(family) ? 0 : 1];
}

void pcp_proxy_renumber(struct pcp_proxy *proxy, const struct address *own)
{
    proxy->settings.own[address_is_ipv4(own) ? 0 : 1] = *own;
    if (!address_is_any(own))
        pcp_proxy_begin_repair(proxy, -1);
}

unsigned pcp_proxy_servers_for(const struct pcp_proxy *proxy, const struct address *client,
                               const struct address *external)
{
    const struct pcp_proxy_settings *settings = &proxy->settings;
    unsigned chosen = 0;
    uint32_t draw = 0;
    unsigned count = 0;
    for (size_t i = 0; i < sizeof client->octet; i++)
        draw += client->octet[i];
    for (size_t i = 0; i < settings->upstream_count; i++)
        count += address_is_ipv4(&settings->upstream[i]) == address_is_ipv4(external);
    unsigned number = 0;
    for (size_t i = 0; i < settings->upstream_count; i++)
        if (address_is_ipv4(&settings->upstream[i]) == address_is_ipv4(external) &&
            (number++ == draw % count || !settings->spread))
            chosen |= 1U << i;
    return chosen;
}

/* --- mappings ------------------------------------------------------------------------------- */

uint32_t pcp_proxy_find_mapping(const struct pcp_proxy *proxy, uint8_t opcode,
                                const struct address *internal, const struct pcp_peer *data)
{
    const struct pcp_table *table = &proxy->server->table;
    uint32_t host = pcp_table_host_find(table, internal, 0);
    if (opcode == PCP_PEER)
        return pcp_table_peer_find(table, host, data->map.protocol, data->map.internal_port,
                                   &data->remote_address, data->remote_port);
    uint32_t binding =
        pcp_table_binding_find(table, host, data->map.protocol, data->map.internal_port);
    return binding ? table->bindings[binding].map : PCP_TABLE_NONE;
}

static uint64_t deadline_of(const struct pcp_proxy *proxy, uint32_t mapping)
{
    return pcp_server_heap_deadline(&proxy->server->table.heap, mapping);
}

void pcp_proxy_set_deadline(struct pcp_proxy *proxy, uint32_t mapping, uint64_t deadline)
{
    pcp_server_heap_move(&proxy->server->table.heap, mapping, deadline);
}

/* --- pending requests ----------------------------------------------------------------------- */

static bool is_same_request(const struct pcp_proxy_pending *pending,
                            const struct pcp_server_input *input, const struct pcp_message *request,
                            const struct address *internal)
{
    const struct pcp_peer *data = &request->data;
    return pending->opcode == request->opcode && pending->protocol == data->map.protocol &&
           pending->source_port == input->source_port &&
           address_equal(&pending->source, &input->source) &&
           address_equal(&pending->internal, internal) &&
           pending->remote_port == data->remote_port &&
           address_equal(&pending->remote, &data->remote_address) &&
           memcmp(pending->nonce, data->map.nonce, PCP_NONCE_LENGTH) == 0;
}

/* A slot for a request: that of its former copy, or a free one, or NULL. A full table drops requests
 * (8.2 lets an overloaded server do so) rather than forget one that is under way. */
static struct pcp_proxy_pending *take_slot(struct pcp_proxy *proxy,
                                           const struct pcp_server_input *input,
                                           const struct pcp_message *request,
                                           const struct address *internal, uint16_t upstream_port)
{
    struct pcp_proxy_pending *free_slot = NULL;
    for (uint32_t i = 0; i < proxy->settings.pending; i++) {
        struct pcp_proxy_pending *slot = &proxy->pending[i];
        if (slot->until <= proxy->server->now)
            slot->until = 0;
        if (slot->until == 0)
            free_slot = slot;
        else if (is_same_request(slot, input, request, internal) &&
                 slot->upstream_port == upstream_port)
            return slot;
    }
    return free_slot;
}

static void fill_slot(const struct pcp_proxy *proxy, struct pcp_proxy_pending *slot,
                      const struct pcp_server_input *input, const struct pcp_message *request,
                      const struct address *internal, uint16_t upstream_port, unsigned servers)
{
    const struct pcp_peer *data = &request->data;
    *slot = (struct pcp_proxy_pending){
        .until = proxy->server->now + (uint64_t)PCP_PROXY_TEMPORARY * PCP_PROXY_MILLISECONDS,
        .source = input->source,
        .source_port = input->source_port,
        .path = input->path,
        .opcode = request->opcode,
        .protocol = data->map.protocol,
        .waiting = (uint8_t)servers,
        .upstream_port = upstream_port,
        .internal = *internal,
        .remote = data->remote_address,
        .remote_port = data->remote_port,
        .length = (uint16_t)input->length,
    };
    memcpy(slot->nonce, data->map.nonce, PCP_NONCE_LENGTH);
    memcpy(slot->octets, input->octets, input->length);
}

/* --- towards upstream ----------------------------------------------------------------------- */

/* One option as it goes on: what we know has its reserved octet as zero. */
static size_t copy_option(const struct pcp_option *option, uint8_t *octets, size_t used)
{
    struct pcp_filter filter;
    if (option->code != PCP_FILTER || pcp_option_filter(option, &filter) != PCP_FAULT_NONE)
        return pcp_append_option(octets, used, PCP_MAXIMUM_LENGTH, option->code, option->data,
                                 option->length);
    filter.reserved = 0;
    return pcp_append_filter(octets, used, PCP_MAXIMUM_LENGTH, &filter);
}

size_t pcp_proxy_copy_options(const struct pcp_message *from, uint8_t *octets, size_t used)
{
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (used && pcp_option_next(from->options, from->options_length, &offset, &option, &fault))
        if (option.code != PCP_THIRD_PARTY) /* it names a host of this side of the proxy */
            used = copy_option(&option, octets, used);
    return used;
}

/* The upstream request for a client's (section 3): internal side and address are our external ones;
 * suggestion, nonce, remote peer and options are the client's. */
void pcp_proxy_write_upstream(const struct pcp_proxy *proxy, const struct pcp_message *request,
                              const struct pcp_server_mapping *mapping,
                              struct pcp_proxy_packet *packet)
{
    const struct address *own = pcp_proxy_own(proxy, &mapping->external);
    bool ours =
        !address_equal(&mapping->internal, &mapping->external); /* a NAT's, not a firewall's */
    struct pcp_message upstream = *request;
    memset(upstream.reserved_request, 0, sizeof upstream.reserved_request);
    memset(upstream.data.map.reserved, 0, sizeof upstream.data.map.reserved);
    memset(upstream.data.reserved, 0, sizeof upstream.data.reserved);
    upstream.client = ours ? mapping->external : *own;
    upstream.data.map.internal_port = mapping->external_port;
    if (request->lifetime) {
        upstream.lifetime = pcp_server_clamp(proxy->server, request->lifetime);
    } else { /* a delete suggests nothing (RFC 6887 section 15.1) */
        bool ipv4 = address_is_ipv4(&request->data.map.external_address);
        upstream.data.map.external_port = 0;
        upstream.data.map.external_address = ipv4 ? address_any_ipv4() : address_any_ipv6();
    }
    size_t used = pcp_encode(&upstream, packet->octets, sizeof packet->octets);
    if (used && !ours && !address_equal(&mapping->external, own))
        used =
            pcp_append_third_party(packet->octets, used, sizeof packet->octets, &mapping->external);
    packet->length = pcp_proxy_copy_options(request, packet->octets, used);
    packet->source = upstream.client;
}

/* --- requests ------------------------------------------------------------------------------- */

/* An answer at once, out of what was learned: the mapping has at least three quarters of the wanted
 * lifetime left, and nothing else is asked for (section 3). */
static bool answer_known(struct pcp_proxy *proxy, const struct pcp_message *request,
                         uint32_t mapping, uint64_t before, struct pcp_server_answer *answer)
{
    const struct pcp_server_outermost *outermost = &proxy->outermost[mapping];
    struct pcp_server *server = proxy->server;
    uint64_t wanted =
        (uint64_t)pcp_server_clamp(server, request->lifetime) * PCP_PROXY_MILLISECONDS;
    uint64_t left = before > server->now ? before - server->now : 0;
    if (!outermost->known || outermost->unsure || request->options_length || left * 4 < wanted * 3)
        return false;
    pcp_server_undo(server, answer);
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    view.external = outermost->address;
    view.external_port = outermost->port;
    answer->length =
        pcp_server_write(server, &view, request->opcode, (uint32_t)(left / PCP_PROXY_MILLISECONDS),
                         answer->octets, sizeof answer->octets);
    return true;
}

/* Until upstream has confirmed it, a new mapping is temporary, and a renewed one as old as it was. */
static void make_temporary(struct pcp_proxy *proxy, uint32_t mapping, uint64_t before,
                           struct pcp_server_answer *answer)
{
    uint64_t deadline = before;
    if (answer->change.kind == PCP_SERVER_CREATED) {
        deadline = proxy->server->now + (uint64_t)PCP_PROXY_TEMPORARY * PCP_PROXY_MILLISECONDS;
        proxy->outermost[mapping] = (struct pcp_server_outermost){.known = false};
        answer->change.mapping.outermost_port = 0;
    }
    pcp_proxy_set_deadline(proxy, mapping, deadline);
    answer->change.mapping.deadline = deadline;
}

/* Passes a request on whose local part has succeeded; the local answer is not for the client. */
static void pass_on(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                    const struct pcp_message *request, const struct address *internal,
                    const struct pcp_server_mapping *mapping, struct pcp_server_answer *answer,
                    struct pcp_proxy_packet *packet)
{
    struct pcp_proxy_pending *slot =
        take_slot(proxy, input, request, internal, mapping->external_port);
    packet->servers = pcp_proxy_servers_for(proxy, &input->source, &mapping->external);
    if (!packet->servers) {
        pcp_server_undo(proxy->server, answer);
        pcp_server_answer_error(proxy->server, input, PCP_NETWORK_FAILURE,
                                proxy->server->policy.short_error, answer);
        return;
    }
    if (slot) {
        pcp_proxy_write_upstream(proxy, request, mapping, packet);
        if (packet->length == 0) { /* with a THIRD_PARTY of ours it is too long */
            pcp_server_undo(proxy->server, answer);
            pcp_server_answer_error(proxy->server, input, PCP_MALFORMED_REQUEST,
                                    proxy->server->policy.long_error, answer);
            return;
        }
        fill_slot(proxy, slot, input, request, internal, mapping->external_port, packet->servers);
    }
    answer->length = 0;
}

/* An opcode that we don't know goes on as it is, but for the client's address. */
static void relay_opcode(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                         const struct pcp_message *request, struct pcp_server_answer *answer,
                         struct pcp_proxy_packet *packet)
{
    answer->length = 0;
    struct pcp_proxy_pending *slot = take_slot(proxy, input, request, &input->source, 0);
    packet->servers = pcp_proxy_servers_for(proxy, &input->source, &input->source);
    if (!slot || !packet->servers)
        return;
    fill_slot(proxy, slot, input, request, &input->source, 0, packet->servers);
    packet->source = *pcp_proxy_own(proxy, &input->source);
    memcpy(packet->octets, input->octets, input->length);
    memcpy(packet->octets + 8, packet->source.octet, 16);
    packet->length = input->length;
}

/* The internal address that a request is about. */
static struct address internal_of(const struct pcp_server_input *input,
                                  const struct pcp_message *request)
{
    struct address internal = input->source;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault))
        if (option.code == PCP_THIRD_PARTY)
            (void)pcp_option_third_party(&option, &internal);
    return internal;
}

static bool is_granted(const struct pcp_message *request, const struct pcp_server_answer *answer)
{
    return answer->length && answer->octets[0] == PCP_VERSION && answer->octets[3] == PCP_SUCCESS &&
           (request->opcode == PCP_MAP || request->opcode == PCP_PEER);
}

/* The mapping that a deletion of none is about upstream, which may have it still: one of the internal port,
 * or of the next that isn't another mapping's here. */
static struct pcp_server_mapping absent_mapping(const struct pcp_proxy *proxy,
                                                const struct pcp_message *request,
                                                const struct address *internal)
{
    const struct pcp_table *table = &proxy->server->table;
    const struct pcp_map *map = &request->data.map;
    bool pinhole = pcp_server_mode_of(proxy->server, internal, internal) == PCP_SERVER_FIREWALL;
    struct pcp_server_mapping mapping = {.internal = *internal,
                                         .external =
                                             pinhole ? *internal : *pcp_proxy_own(proxy, internal),
                                         .external_port = map->internal_port};
    while (!pinhole &&
           pcp_table_binding_find_external(table, 0, map->protocol, mapping.external_port))
        mapping.external_port++;
    return mapping;
}

void pcp_proxy_request(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                       struct pcp_server_answer *answer, struct pcp_proxy_packet *packet)
{
    struct pcp_message request;
    packet->length = 0;
    enum pcp_fault fault = pcp_decode(input->octets, input->length, &request);
    struct address internal = internal_of(input, &request);
    uint32_t present = pcp_proxy_find_mapping(proxy, request.opcode, &internal, &request.data);
    uint64_t before = present ? deadline_of(proxy, present) : 0;

    pcp_server_request(proxy->server, input, answer);
    if (fault == PCP_FAULT_OPCODE && answer->length && proxy->settings.relay_opcodes &&
        input->side == PCP_SERVER_INSIDE && address_equal(&request.client, &input->source)) {
        relay_opcode(proxy, input, &request, answer, packet);
        return;
    }
    if (fault != PCP_FAULT_NONE || !is_granted(&request, answer))
        return; /* an error, an ANNOUNCE */
    if (answer->change.kind == PCP_SERVER_UNCHANGED) {
        if (request.lifetime || present || !request.data.map.internal_port)
            return; /* nothing that upstream could know of */
        struct pcp_server_mapping absent = absent_mapping(proxy, &request, &internal);
        pass_on(proxy, input, &request, &internal, &absent, answer, packet);
        return;
    }
    uint32_t mapping = pcp_proxy_find_mapping(proxy, request.opcode, &internal, &request.data);
    if (answer->change.kind == PCP_SERVER_RENEWED && request.lifetime &&
        answer_known(proxy, &request, mapping, before, answer))
        return;
    if (mapping && request.lifetime)
        make_temporary(proxy, mapping, before, answer);
    pass_on(proxy, input, &request, &internal, &answer->change.mapping, answer, packet);
}

void pcp_proxy_refuse(struct pcp_proxy *proxy, const struct pcp_server_input *input,
                      struct pcp_server_answer *answer)
{
    for (uint32_t i = 0; i < proxy->settings.pending; i++) {
        struct pcp_proxy_pending *slot = &proxy->pending[i];
        if (slot->until && slot->source_port == input->source_port &&
            address_equal(&slot->source, &input->source) && slot->length == input->length &&
            memcmp(slot->octets, input->octets, input->length) == 0)
            slot->until = 0;
    }
    if (answer->change.kind == PCP_SERVER_UNCHANGED)
        return;
    pcp_server_undo(proxy->server, answer);
    pcp_server_answer_error(proxy->server, input, PCP_NO_RESOURCES,
                            proxy->server->policy.short_error, answer);
}
