#include "check/conversation.h"

#include <string.h>

_Static_assert(sizeof(struct pair) <= 256 && sizeof(struct mapping_state) <= 256,
               "the state of a client outgrows its four cache lines");
_Static_assert(sizeof(struct mapping_key) == 44 && sizeof(struct pair_key) == 36,
               "keys must have no padding");

enum {
    ENTRY_SIZE = 256,
    PAIR_LIMIT = 1 << 18,
    MAPPING_LIMIT = 1 << 18,
    OFFSET_SUGGESTION = PCP_HEADER_LENGTH + 18, /* external port and address, section 11.1 */
    OFFSET_BEHIND_SUGGESTION = PCP_HEADER_LENGTH + PCP_MAP_LENGTH
};

int conversations_create(struct conversations *all)
{
    struct table_shape pairs = {
        .key_size = sizeof(struct pair_key), .entry_size = ENTRY_SIZE, .limit = PAIR_LIMIT};
    struct table_shape mappings = {
        .key_size = sizeof(struct mapping_key), .entry_size = ENTRY_SIZE, .limit = MAPPING_LIMIT};
    all->pairs = table_create(&pairs);
    all->mappings = table_create(&mappings);
    return all->pairs && all->mappings ? 0 : -1;
}

void conversations_destroy(struct conversations *all)
{
    table_destroy(all->pairs);
    table_destroy(all->mappings);
}

uint64_t request_basis(const struct message *message)
{
    if (!message_has_data(message))
        return message->hash;
    uint64_t front = table_hash(0, message->octets, OFFSET_SUGGESTION);
    size_t behind = message->length - OFFSET_BEHIND_SUGGESTION;
    return behind > 0 ? table_hash(front, message->octets + OFFSET_BEHIND_SUGGESTION, behind)
                      : front;
}

static void fill_mapping_key(const struct message *message, struct mapping_key *key)
{
    const struct pcp_peer *data = &message->pcp.data;
    uint64_t others = 0;
    *key = (struct mapping_key){.interface = message->event->interface,
                                .opcode = message->pcp.opcode,
                                .protocol = data->map.protocol,
                                .internal_port = data->map.internal_port};
    memcpy(key->client, message->client.octet, sizeof key->client);
    memcpy(key->nonce, data->map.nonce, sizeof key->nonce);
    if (message->pcp.opcode == PCP_PEER)
        others = table_hash(data->remote_port, data->remote_address.octet, 16);
    struct pcp_option option;
    struct address internal;
    if (message->pcp.options_length > 0 && message_option(message, PCP_THIRD_PARTY, &option) &&
        pcp_option_third_party(&option, &internal) == PCP_FAULT_NONE)
        others = table_hash(others, internal.octet, 16);
    memcpy(key->others, &others, sizeof key->others);
}

void conversation_prepare(const struct conversations *all, const struct message *message,
                          struct conversation_keys *keys)
{
    keys->pair.interface = message->event->interface;
    memcpy(keys->pair.client, message->client.octet, sizeof keys->pair.client);
    memcpy(keys->pair.server, message->server.octet, sizeof keys->pair.server);
    keys->pair_hash = table_key_hash(all->pairs, &keys->pair);
    table_fetch_slot(all->pairs, keys->pair_hash);
    keys->has_mapping = message_has_data(message);
    if (!keys->has_mapping)
        return;
    fill_mapping_key(message, &keys->mapping);
    keys->mapping_hash = table_key_hash(all->mappings, &keys->mapping);
    table_fetch_slot(all->mappings, keys->mapping_hash);
}

void conversation_fetch(const struct conversations *all, const struct conversation_keys *keys)
{
    table_fetch_entry(all->pairs, keys->pair_hash);
    if (keys->has_mapping)
        table_fetch_entry(all->mappings, keys->mapping_hash);
}

int conversation_find(struct conversations *all, const struct message *message,
                      const struct conversation_keys *keys, struct conversation *out)
{
    bool made = false;
    *out = (struct conversation){0};
    out->pair = table_get_hashed(all->pairs, &keys->pair, keys->pair_hash, &made);
    if (!out->pair)
        return -1;
    if (!keys->has_mapping)
        return 0;
    if (message->from_server) {
        out->mapping = table_find_hashed(all->mappings, &keys->mapping, keys->mapping_hash);
        return 0;
    }
    out->mapping = table_get_hashed(all->mappings, &keys->mapping, keys->mapping_hash, &made);
    return out->mapping ? 0 : -1;
}

static void copy_request(const struct message *message, struct request_copy *copy)
{
    size_t kept = message->length < REQUEST_KEPT ? message->length : REQUEST_KEPT;
    copy->time = message->event->time;
    copy->frame = message->event->frame;
    copy->hash = message->hash;
    copy->client_port = message->client_port;
    copy->length = message->length < UINT16_MAX ? (uint16_t)message->length : UINT16_MAX;
    copy->fresh = message->fresh;
    copy->whole = message->whole;
    copy->copy = message->copy;
    memcpy(copy->octets, message->octets, kept);
}

bool conversation_is_refused(const struct conversation *conversation)
{
    const struct pair *pair = conversation->pair;
    return pair->version_time != 0 && pair->version_time >= conversation->mapping->request.time;
}

static void note_request(const struct conversation *conversation, const struct message *message)
{
    struct pair *pair = conversation->pair;
    struct mapping_state *mapping = conversation->mapping;
    uint64_t hash = message->hash;
    if (pair->waiting == 0 || pair->last.hash != hash)
        pair->waiting++;
    copy_request(message, &pair->last);
    if (!mapping)
        return;
    bool equal = mapping->request.frame != 0 && mapping->request.hash == hash &&
                 address_equal(&mapping->server, &message->server);
    int64_t gap = message->event->time - mapping->request.time;
    mapping->series_gap = equal ? gap : 0;
    if (equal && mapping->waiting && !conversation_is_refused(conversation)) {
        mapping->previous_gap = gap;
        mapping->transmissions++;
        mapping->repeated_port = message->client_port;
    } else {
        mapping->mixed = mapping->waiting;
        mapping->previous_gap = 0;
        mapping->transmissions = 1;
    }
    uint64_t basis = request_basis(message);
    if (mapping->answered && basis == mapping->response_basis)
        mapping->renewals++;
    mapping->waiting = true;
    /* What is longer than a copy compares equal to nothing: its renewals are not timed. */
    mapping->basis = message->length <= REQUEST_KEPT ? basis : 0;
    mapping->server = message->server;
    if (mapping->request.frame != 0 && mapping->request.client_port != message->client_port)
        mapping->former_port = mapping->request.client_port;
    copy_request(message, &mapping->request);
}

/* 13.2: behind PREFER_FAILURE a success with another external port is some older mapping's. */
static bool is_older(const struct request_copy *request, const struct message *message)
{
    struct pcp_message asked;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    if (message->pcp.opcode != PCP_MAP || message->pcp.result != PCP_SUCCESS ||
        request->length <= PCP_HEADER_LENGTH + PCP_MAP_LENGTH || request->length > REQUEST_KEPT ||
        pcp_decode(request->octets, request->length, &asked) != PCP_FAULT_NONE ||
        asked.data.map.external_port == message->pcp.data.map.external_port)
        return false;
    while (pcp_option_next(asked.options, asked.options_length, &offset, &option, &fault))
        if (option.code == PCP_PREFER_FAILURE)
            return true;
    return false;
}

/* 8.3: what comes from elsewhere, or is no whole response, is dropped by the client. */
static bool is_dropped(const struct mapping_state *mapping, const struct message *message)
{
    return !message->pcp.response || (message->whole && message->fault != PCP_FAULT_NONE) ||
           message->client_port != mapping->request.client_port ||
           !address_equal(&message->server, &mapping->server) ||
           is_older(&mapping->request, message);
}

static void note_response(const struct conversation *conversation, const struct message *message)
{
    struct pair *pair = conversation->pair;
    struct mapping_state *mapping = conversation->mapping;
    /* A response that fits no request leaves the one that waits waiting. */
    bool fits =
        message->is_natpmp || mapping || message->pcp.opcode == (pair->last.octets[1] & 0x7f);
    if (fits && !(message_has_data(message) && !mapping)) {
        pair->waiting = pair->waiting > 0 ? pair->waiting - 1 : 0;
        pair->nonce_changes = 0;
    }
    if (!mapping || message->is_natpmp || is_dropped(mapping, message))
        return;
    mapping->answered = true;
    mapping->response_time = message->event->time;
    mapping->result = message->pcp.result;
    mapping->lifetime = message->pcp.lifetime;
    mapping->response_basis = mapping->mixed ? 0 : mapping->basis;
    mapping->renewals = 0;
    mapping->transmissions = 0;
    mapping->previous_gap = 0;
    mapping->waiting = false;
    mapping->mixed = false;
}

void conversation_note_version(const struct conversation *conversation,
                               const struct message *message)
{
    bool unsupported = message->is_natpmp
                           ? message->natpmp.result == NATPMP_UNSUPPORTED_VERSION
                           : message->pcp.response && message->pcp.result == PCP_UNSUPP_VERSION;
    if (message->from_server && unsupported)
        conversation->pair->version_time = message->event->time;
}

void conversation_note(const struct conversation *conversation, const struct message *message)
{
    if (message->from_server)
        note_response(conversation, message);
    else
        note_request(conversation, message);
}

const struct request_copy *conversation_request(const struct conversation *conversation,
                                                const struct message *message)
{
    const struct mapping_state *mapping = conversation->mapping;
    const struct pair *pair = conversation->pair;
    if (mapping)
        return mapping->waiting && !mapping->mixed ? &mapping->request : NULL;
    /* Messages without opcode data name no request: only a lone one can be theirs. */
    if (pair->waiting == 1 && pair->last.client_port == message->client_port)
        return &pair->last;
    return NULL;
}
