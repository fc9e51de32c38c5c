/* An answer on its way down, and what upstream says unasked. */
#include "engine/pcp_proxy_private.h"

#include <string.h>

/* The request that a response answers, by what upstream copies from it. */
static struct pcp_proxy_pending *find_pending(struct pcp_proxy *proxy, unsigned server,
                                              const struct pcp_message *response)
{
    const struct pcp_peer *data = &response->data;
    bool known = response->opcode == PCP_MAP || response->opcode == PCP_PEER;
    for (uint32_t i = 0; i < proxy->settings.pending; i++) {
        struct pcp_proxy_pending *slot = &proxy->pending[i];
        if (slot->until <= proxy->server->now || slot->opcode != response->opcode ||
            !(slot->waiting & 1U << server))
            continue;
        bool same = slot->protocol == data->map.protocol &&
                    slot->upstream_port == data->map.internal_port &&
                    memcmp(slot->nonce, data->map.nonce, PCP_NONCE_LENGTH) == 0;
        bool same_remote =
            response->opcode != PCP_PEER || (slot->remote_port == data->remote_port &&
                                             address_equal(&slot->remote, &data->remote_address));
        if (!known || (same && same_remote))
            return slot;
    }
    return NULL;
}

/* Whether another live MAP has the same outermost endpoint: a server upstream that errs, or knows a PEER by the
 * same flow. */
static bool is_shared(const struct pcp_proxy *proxy, uint32_t mapping, const struct pcp_map *map)
{
    const struct pcp_table *table = &proxy->server->table;
    for (uint32_t i = 1; i <= table->mappings_touched; i++) {
        const struct pcp_server_outermost *other = &proxy->outermost[i];
        if (i != mapping && other->known && !other->shared &&
            table->mappings[i].kind == PCP_TABLE_MAP && other->port == map->external_port &&
            address_equal(&other->address, &map->external_address) &&
            table->bindings[table->mappings[i].binding].protocol == map->protocol)
            return true;
    }
    return false;
}

/* A SUCCESS makes the local mapping last as long as the outermost one. */
static void confirm(struct pcp_proxy *proxy, uint32_t mapping, unsigned server,
                    const struct pcp_message *response, uint32_t lifetime,
                    struct pcp_server_answer *answer)
{
    const struct pcp_map *map = &response->data.map;
    struct pcp_server_outermost *outermost = &proxy->outermost[mapping];
    bool same = outermost->known && outermost->port == map->external_port &&
                address_equal(&outermost->address, &map->external_address);
    pcp_server_note_before(proxy->server, answer, mapping);
    pcp_proxy_set_deadline(proxy, mapping,
                           proxy->server->now + (uint64_t)lifetime * PCP_PROXY_MILLISECONDS);
    *outermost = (struct pcp_server_outermost){
        .address = map->external_address,
        .port = map->external_port,
        .known = true,
        .shared = same ? outermost->shared : is_shared(proxy, mapping, map),
        .server = (uint8_t)server,
    };
    pcp_server_note_renewed(proxy->server, answer, mapping);
}

/* An error ends a mapping that upstream never had. One that it had goes on as long as it may. */
static void disappoint(struct pcp_proxy *proxy, uint32_t mapping, struct pcp_server_answer *answer)
{
    if (!mapping || proxy->outermost[mapping].known)
        return;
    pcp_server_end_noted(proxy->server, answer, mapping);
}

/* What a delete has left here, since it has traffic, goes on only while it does upstream. */
static void follow_delete(struct pcp_proxy *proxy, uint32_t mapping, uint32_t lifetime,
                          struct pcp_server_answer *answer)
{
    uint64_t until = proxy->server->now + (uint64_t)lifetime * PCP_PROXY_MILLISECONDS;
    if (lifetime == 0) {
        pcp_server_end_noted(proxy->server, answer, mapping);
        return;
    }
    pcp_server_note_before(proxy->server, answer, mapping);
    pcp_proxy_set_deadline(proxy, mapping, until);
    pcp_server_note_renewed(proxy->server, answer, mapping);
}

/* A delete has its suggestion back (RFC 6887 section 15.1), which upstream never saw. */
static size_t write_success(const struct pcp_proxy *proxy, const struct pcp_message *request,
                            const struct pcp_message *response, uint32_t lifetime, uint8_t *octets)
{
    const struct pcp_map *map = request->lifetime ? &response->data.map : &request->data.map;
    struct pcp_server_mapping view = {
        .protocol = request->data.map.protocol,
        .internal_port = request->data.map.internal_port,
        .external = map->external_address,
        .external_port = map->external_port,
        .remote = request->data.remote_address,
        .remote_port = request->data.remote_port,
    };
    memcpy(view.nonce, request->data.map.nonce, PCP_NONCE_LENGTH);
    size_t used = pcp_server_write(proxy->server, &view, request->opcode, lifetime, octets,
                                   PCP_MAXIMUM_LENGTH);
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (pcp_option_next(request->options, request->options_length, &offset, &option, &fault))
        if (option.code == PCP_THIRD_PARTY)
            used = pcp_append_option(octets, used, PCP_MAXIMUM_LENGTH, option.code, option.data,
                                     option.length);
    return pcp_proxy_copy_options(response, octets, used);
}

/* The answer to an opcode that we don't know: as it came, with our Epoch. */
static void relay_as_is(const struct pcp_proxy *proxy, const uint8_t *octets, size_t length,
                        struct pcp_server_answer *answer)
{
    uint32_t epoch = pcp_server_epoch(proxy->server, proxy->server->now);
    memcpy(answer->octets, octets, length);
    for (int i = 0; i < 4; i++)
        answer->octets[8 + i] = (uint8_t)(epoch >> (24 - 8 * i));
    answer->length = length;
}

/* The mapping that a pending request is about, if it is still that client's. */
static uint32_t pending_mapping(const struct pcp_proxy *proxy, const struct pcp_proxy_pending *slot,
                                const struct pcp_message *request)
{
    uint32_t mapping = pcp_proxy_find_mapping(proxy, slot->opcode, &slot->internal, &request->data);
    const struct pcp_table_mapping *record = &proxy->server->table.mappings[mapping];
    bool same = mapping && record->kind != PCP_TABLE_STATIC &&
                memcmp(record->nonce, slot->nonce, PCP_NONCE_LENGTH) == 0;
    return same ? mapping : PCP_TABLE_NONE;
}

static void answer_pending(struct pcp_proxy *proxy, struct pcp_proxy_pending *slot, unsigned server,
                           const struct pcp_message *response, struct pcp_proxy_relay *relay)
{
    struct pcp_message request;
    pcp_decode(slot->octets, slot->length, &request);
    uint32_t mapping = pending_mapping(proxy, slot, &request);
    uint32_t most = proxy->server->policy.maximum_lifetime;
    uint32_t lifetime = response->lifetime < most ? response->lifetime : most;
    if (response->result != PCP_SUCCESS) {
        const struct pcp_server_input input = {.octets = slot->octets, .length = slot->length};
        if (request.lifetime)
            disappoint(proxy, mapping, &relay->answer);
        pcp_server_answer_error(proxy->server, &input, (enum pcp_result)response->result,
                                response->lifetime, &relay->answer);
        return;
    }
    if (request.lifetime && !mapping)
        return; /* it has gone here meanwhile: a SUCCESS would not be true */
    if (!request.lifetime && mapping)
        follow_delete(proxy, mapping, lifetime, &relay->answer);
    if (request.lifetime && lifetime)
        confirm(proxy, mapping, server, response, lifetime, &relay->answer);
    relay->answer.length = write_success(proxy, &request, response, lifetime, relay->answer.octets);
}

static bool has_nonce(const struct pcp_proxy *proxy, uint32_t mapping, const struct pcp_map *map)
{
    const struct pcp_table_mapping *record = &proxy->server->table.mappings[mapping];
    return mapping && (record->kind == PCP_TABLE_MAP || record->kind == PCP_TABLE_PEER) &&
           memcmp(record->nonce, map->nonce, PCP_NONCE_LENGTH) == 0;
}

/* A firewall's mapping is known by the host that THIRD_PARTY names. */
static uint32_t updated_pinhole(const struct pcp_proxy *proxy, const struct pcp_message *response)
{
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    struct address internal = {{0}};
    while (pcp_option_next(response->options, response->options_length, &offset, &option, &fault))
        if (option.code == PCP_THIRD_PARTY)
            (void)pcp_option_third_party(&option, &internal);
    uint32_t mapping =
        address_is_any(&internal)
            ? PCP_TABLE_NONE
            : pcp_proxy_find_mapping(proxy, response->opcode, &internal, &response->data);
    return has_nonce(proxy, mapping, &response->data.map) ? mapping : PCP_TABLE_NONE;
}

/* Unasked: a Mapping Update. The mapping whose external endpoint it names as internal, or none. */
static uint32_t updated_mapping(const struct pcp_proxy *proxy, const struct pcp_message *response)
{
    const struct pcp_table *table = &proxy->server->table;
    const struct pcp_map *map = &response->data.map;
    uint32_t pinhole = updated_pinhole(proxy, response);
    if (pinhole)
        return pinhole;
    for (uint32_t pool = 0; pool < proxy->server->table.pools; pool++) {
        uint32_t binding = pcp_table_binding_find_external(table, (uint16_t)pool, map->protocol,
                                                           map->internal_port);
        const struct pcp_table_binding *record = &table->bindings[binding];
        uint32_t mapping = binding && response->opcode == PCP_MAP ? record->map : PCP_TABLE_NONE;
        if (binding && response->opcode == PCP_PEER)
            mapping =
                pcp_table_peer_find(table, record->host, record->protocol, record->internal_port,
                                    &response->data.remote_address, response->data.remote_port);
        if (has_nonce(proxy, mapping, map))
            return mapping;
    }
    return PCP_TABLE_NONE;
}

/* What a client was told of a mapping is true no more: it is to ask again. */
static void lose(struct pcp_proxy *proxy, uint32_t mapping)
{
    proxy->outermost[mapping].due = false;
    pcp_server_reset_epoch(proxy->server, proxy->server->now);
}

/* The answer to a request of our own, or an update that says what we would have asked. True if it says that all
 * is as it was. */
static bool is_repaired(struct pcp_proxy *proxy, uint32_t mapping,
                        const struct pcp_message *response, uint32_t lifetime)
{
    enum { SLACK = 2 }; /* seconds that it may seem shorter, on its way and by rounding */
    const struct pcp_server_outermost *outermost = &proxy->outermost[mapping];
    const struct pcp_map *map = &response->data.map;
    return outermost->port == map->external_port &&
           address_equal(&outermost->address, &map->external_address) &&
           lifetime + SLACK >= pcp_server_seconds_left(proxy->server, mapping, false);
}

static void pass_update_on(struct pcp_proxy *proxy, uint32_t mapping, unsigned server,
                           const struct pcp_message *response, struct pcp_proxy_relay *relay)
{
    bool due = proxy->outermost[mapping].due;
    if (response->result != PCP_SUCCESS || response->lifetime == 0) {
        if (due)
            lose(proxy, mapping);
        return;
    }
    uint32_t most = proxy->server->policy.maximum_lifetime;
    uint32_t lifetime = response->lifetime < most ? response->lifetime : most;
    bool repaired = due && is_repaired(proxy, mapping, response, lifetime);
    if (due && !repaired)
        lose(proxy, mapping);
    confirm(proxy, mapping, server, response, lifetime, &relay->answer);
    if (repaired)
        return;
    struct pcp_server_mapping view;
    pcp_server_view(proxy->server, mapping, &view);
    view.external = response->data.map.external_address;
    view.external_port = response->data.map.external_port;
    relay->answer.length = pcp_server_write(proxy->server, &view, response->opcode, lifetime,
                                            relay->answer.octets, PCP_MAXIMUM_LENGTH);
    if (view.third_party)
        relay->answer.length = pcp_append_third_party(relay->answer.octets, relay->answer.length,
                                                      PCP_MAXIMUM_LENGTH, &view.internal);
    relay->destination = view.client;
    relay->destination_port = view.client_port;
    relay->path = view.path;
}

/* The number of a server upstream, or -1. */
static int server_of(const struct pcp_proxy *proxy, const struct address *source)
{
    for (size_t i = 0; i < proxy->settings.upstream_count; i++)
        if (address_equal(source, &proxy->settings.upstream[i]))
            return (int)i;
    return -1;
}

/* An ANNOUNCE comes in several copies; that its Epoch is in step says that they bring nothing new. */
static bool is_news(const struct pcp_proxy *proxy, const struct pcp_message *response)
{
    uint64_t rest = (uint64_t)PCP_PROXY_REPAIR_REST * PCP_PROXY_MILLISECONDS;
    return response->opcode == PCP_ANNOUNCE &&
           (!proxy->repair.ever || proxy->server->now >= proxy->repair.begun + rest);
}

/* An answer to a client's request: the first SUCCESS of several servers, or the last error. */
static void answer_client(struct pcp_proxy *proxy, struct pcp_proxy_pending *slot, unsigned server,
                          const struct pcp_message *response, enum pcp_fault fault,
                          const uint8_t *octets, size_t length, struct pcp_proxy_relay *relay)
{
    slot->waiting &= (uint8_t) ~(1U << server);
    bool last = slot->waiting == 0;
    if (slot->answered || (response->result != PCP_SUCCESS && !last)) {
        if (last)
            slot->until = 0;
        return;
    }
    relay->destination = slot->source;
    relay->destination_port = slot->source_port;
    relay->path = slot->path;
    if (fault == PCP_FAULT_OPCODE)
        relay_as_is(proxy, octets, length, &relay->answer);
    else
        answer_pending(proxy, slot, server, response, relay);
    slot->answered = true;
    if (last)
        slot->until = 0;
}

void pcp_proxy_response(struct pcp_proxy *proxy, const struct address *source,
                        const uint8_t *octets, size_t length, uint64_t now,
                        struct pcp_proxy_relay *relay)
{
    struct pcp_message response;
    struct pcp_server *server = proxy->server;
    relay->answer.length = 0;
    relay->answer.change.kind = PCP_SERVER_UNCHANGED;
    relay->answer.undo = (struct pcp_server_undo){.action = PCP_UNDO_NONE};
    if (now > server->now)
        server->now = now;
    enum pcp_fault fault = pcp_decode(octets, length, &response);
    bool sound = fault == PCP_FAULT_NONE || fault == PCP_FAULT_OPCODE;
    int number = server_of(proxy, source);
    if (!sound || !response.response || number < 0)
        return;
    unsigned from = (unsigned)number;
    struct pcp_proxy_pending *slot = find_pending(proxy, from, &response);
    uint32_t updated = slot || fault ? PCP_TABLE_NONE : updated_mapping(proxy, &response);
    if (!slot && !updated && response.opcode != PCP_ANNOUNCE)
        return; /* it answers nothing of ours: its Epoch counts for nothing either (8.3) */
    if (!pcp_epoch_validate(&proxy->epochs[from], (uint32_t)now, response.epoch) ||
        (!slot && is_news(proxy, &response)))
        pcp_proxy_begin_repair(proxy, number);
    if (slot)
        answer_client(proxy, slot, from, &response, fault, octets, length, relay);
    else if (updated)
        pass_update_on(proxy, updated, from, &response, relay);
}
