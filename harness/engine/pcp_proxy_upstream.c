/* An answer on its way down, and what upstream says unasked. */
#include "engine/pcp_proxy_private.h"

#include <string.h>

/* The request that a response answers, by what upstream copies from it. */
static struct pcp_proxy_pending *find_pending(struct pcp_proxy *proxy,
                                              const struct pcp_message *response)
{
    const struct pcp_peer *data = &response->data;
    bool known = response->opcode == PCP_MAP || response->opcode == PCP_PEER;
    for (uint32_t i = 0; i < proxy->settings.pending; i++) {
        struct pcp_proxy_pending *slot = &proxy->pending[i];
        if (slot->until <= proxy->server->now || slot->opcode != response->opcode)
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

/* A SUCCESS makes the local mapping last as long as the outermost one. */
static void confirm(struct pcp_proxy *proxy, uint32_t mapping, const struct pcp_message *response,
                    uint32_t lifetime, struct pcp_server_answer *answer)
{
    const struct pcp_map *map = &response->data.map;
    pcp_server_note_before(proxy->server, answer, mapping);
    pcp_proxy_set_deadline(proxy, mapping,
                           proxy->server->now + (uint64_t)lifetime * PCP_PROXY_MILLISECONDS);
    proxy->outermost[mapping] =
        (struct pcp_proxy_outermost){map->external_address, map->external_port, true};
    pcp_server_note_renewed(proxy->server, answer, mapping);
}

/* An error ends a mapping that upstream never had. One that it had goes on as long as it may. */
static void disappoint(struct pcp_proxy *proxy, uint32_t mapping, struct pcp_server_answer *answer)
{
    if (!mapping || proxy->outermost[mapping].known)
        return;
    pcp_server_end_noted(proxy->server, answer, mapping);
}

static size_t write_success(const struct pcp_proxy *proxy, const struct pcp_message *request,
                            const struct pcp_message *response, uint32_t lifetime, uint8_t *octets)
{
    struct pcp_server_mapping view = {
        .protocol = request->data.map.protocol,
        .internal_port = request->data.map.internal_port,
        .external = response->data.map.external_address,
        .external_port = response->data.map.external_port,
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

static void answer_pending(struct pcp_proxy *proxy, struct pcp_proxy_pending *slot,
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
    if (request.lifetime && lifetime)
        confirm(proxy, mapping, response, lifetime, &relay->answer);
    relay->answer.length = write_success(proxy, &request, response, lifetime, relay->answer.octets);
}

/* Unasked: a Mapping Update. The mapping whose external endpoint it names as internal, or none. */
static uint32_t updated_mapping(const struct pcp_proxy *proxy, const struct pcp_message *response)
{
    const struct pcp_table *table = &proxy->server->table;
    const struct pcp_map *map = &response->data.map;
    for (uint32_t pool = 0; pool < proxy->server->table.pools; pool++) {
        uint32_t binding = pcp_table_binding_find_external(table, (uint16_t)pool, map->protocol,
                                                           map->internal_port);
        const struct pcp_table_binding *record = &table->bindings[binding];
        uint32_t mapping = binding && response->opcode == PCP_MAP ? record->map : PCP_TABLE_NONE;
        if (binding && response->opcode == PCP_PEER)
            mapping =
                pcp_table_peer_find(table, record->host, record->protocol, record->internal_port,
                                    &response->data.remote_address, response->data.remote_port);
        bool live = mapping && (table->mappings[mapping].kind == PCP_TABLE_MAP ||
                                table->mappings[mapping].kind == PCP_TABLE_PEER);
        if (live && memcmp(table->mappings[mapping].nonce, map->nonce, PCP_NONCE_LENGTH) == 0)
            return mapping;
    }
    return PCP_TABLE_NONE;
}

static void pass_update_on(struct pcp_proxy *proxy, const struct pcp_message *response,
                           struct pcp_proxy_relay *relay)
{
    uint32_t mapping = updated_mapping(proxy, response);
    if (!mapping || response->result != PCP_SUCCESS || response->lifetime == 0)
        return;
    uint32_t most = proxy->server->policy.maximum_lifetime;
    uint32_t lifetime = response->lifetime < most ? response->lifetime : most;
    confirm(proxy, mapping, response, lifetime, &relay->answer);
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

/* Upstream may have lost its mappings: what it said of them is no answer to a renewal any more, and
 * our clients are to ask for them again (section 3). */
static void start_anew(struct pcp_proxy *proxy)
{
    for (uint32_t i = 1; i <= proxy->server->table.mappings_touched; i++)
        proxy->outermost[i].known = false;
    pcp_server_reset_epoch(proxy->server, proxy->server->now);
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
    if (!sound || !response.response || !address_equal(source, &proxy->settings.upstream))
        return;
    struct pcp_proxy_pending *slot = find_pending(proxy, &response);
    uint32_t updated = slot || fault ? PCP_TABLE_NONE : updated_mapping(proxy, &response);
    if (!slot && !updated && response.opcode != PCP_ANNOUNCE)
        return; /* it answers nothing of ours: its Epoch counts for nothing either (8.3) */
    if (!pcp_epoch_validate(&proxy->epoch, (uint32_t)server->now, response.epoch))
        start_anew(proxy);
    if (!slot) {
        if (updated)
            pass_update_on(proxy, &response, relay);
        return;
    }
    relay->destination = slot->source;
    relay->destination_port = slot->source_port;
    relay->path = slot->path;
    if (fault == PCP_FAULT_OPCODE)
        relay_as_is(proxy, octets, length, &relay->answer);
    else
        answer_pending(proxy, slot, &response, relay);
    slot->until = 0;
}
