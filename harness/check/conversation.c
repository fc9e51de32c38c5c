#include "check/conversation.h"

#include <string.h>

enum {
    PAIR_LIMIT = 1 << 18,
    MAPPING_LIMIT = 1 << 18,
    OFFSET_SUGGESTION = PCP_HEADER_LENGTH + 18, /* external port and address, section 11.1 */
    OFFSET_BEHIND_SUGGESTION = PCP_HEADER_LENGTH + PCP_MAP_LENGTH
};

int conversations_create(struct conversations *all)
{
    struct table_shape pairs = {.key_size = sizeof(struct pair_key),
                                .entry_size = sizeof(struct pair),
                                .limit = PAIR_LIMIT};
    struct table_shape mappings = {.key_size = sizeof(struct mapping_key),
                                   .entry_size = sizeof(struct mapping_state),
                                   .limit = MAPPING_LIMIT};
    all->pairs = table_create(&pairs);
    all->mappings = table_create(&mappings);
    return all->pairs && all->mappings ? 0 : -1;
}

void conversations_destroy(struct conversations *all)
{
    table_destroy(all->pairs);
    table_destroy(all->mappings);
}

uint64_t request_hash(const struct message *message)
{
    return table_hash(0, message->octets, message->length);
}

uint64_t request_basis(const struct message *message)
{
    if (!message_has_data(message))
        return request_hash(message);
    uint64_t front = table_hash(0, message->octets, OFFSET_SUGGESTION);
    return table_hash(front, message->octets + OFFSET_BEHIND_SUGGESTION,
                      message->length - OFFSET_BEHIND_SUGGESTION);
}

static void fill_mapping_key(const struct message *message, struct mapping_key *key)
{
    const struct pcp_peer *data = &message->pcp.data;
    *key = (struct mapping_key){.interface = message->event->interface,
                                .opcode = message->pcp.opcode,
                                .protocol = data->map.protocol,
                                .internal_port = data->map.internal_port};
    memcpy(key->client, message->client.octet, sizeof key->client);
    memcpy(key->nonce, data->map.nonce, sizeof key->nonce);
    if (message->pcp.opcode == PCP_PEER)
        key->others = table_hash(data->remote_port, data->remote_address.octet, 16);
    struct pcp_option option;
    struct address internal;
    if (message->pcp.options_length > 0 && message_option(message, PCP_THIRD_PARTY, &option) &&
        pcp_option_third_party(&option, &internal) == PCP_FAULT_NONE)
        key->others = table_hash(key->others, internal.octet, 16);
}

static int find_or_make(struct table *table, const void *key, bool make, void **out)
{
    bool made = false;
    *out = make ? table_get(table, key, &made) : table_find(table, key);
    return make && !*out ? -1 : 0;
}

int conversation_find(struct conversations *all, const struct message *message,
                      struct conversation *out)
{
    struct pair_key pair_key = {.interface = message->event->interface};
    memcpy(pair_key.client, message->client.octet, sizeof pair_key.client);
    memcpy(pair_key.server, message->server.octet, sizeof pair_key.server);
    void *pair = NULL;
    void *mapping = NULL;
    if (find_or_make(all->pairs, &pair_key, true, &pair) != 0)
        return -1;
    if (message_has_data(message)) {
        struct mapping_key key;
        fill_mapping_key(message, &key);
        if (find_or_make(all->mappings, &key, !message->from_server, &mapping) != 0)
            return -1;
    }
    *out = (struct conversation){.pair = pair, .mapping = mapping};
    return 0;
}

static void copy_request(const struct message *message, struct request_copy *copy)
{
    size_t kept = message->length < REQUEST_KEPT ? message->length : REQUEST_KEPT;
    copy->time = message->event->time;
    copy->frame = message->event->frame;
    copy->hash = request_hash(message);
    copy->source = message->client;
    copy->server = message->server;
    copy->client_port = message->client_port;
    copy->length = message->length < UINT16_MAX ? (uint16_t)message->length : UINT16_MAX;
    copy->fresh = message->fresh;
    copy->whole = message->whole;
    copy->copy = message->copy;
    memcpy(copy->octets, message->octets, kept);
}

static void note_request(const struct conversation *conversation, const struct message *message)
{
    struct pair *pair = conversation->pair;
    struct mapping_state *mapping = conversation->mapping;
    uint64_t hash = request_hash(message);
    if (pair->waiting == 0 || pair->last.hash != hash)
        pair->waiting++;
    copy_request(message, &pair->last);
    if (!mapping)
        return;
    bool equal = mapping->request.frame != 0 && mapping->request.hash == hash &&
                 address_equal(&mapping->request.server, &message->server);
    int64_t gap = message->event->time - mapping->request.time;
    mapping->series_gap = equal ? gap : 0;
    if (equal && mapping->waiting) {
        mapping->previous_gap = gap;
        mapping->transmissions++;
    } else {
        mapping->mixed = mapping->waiting;
        mapping->previous_gap = 0;
        mapping->transmissions = 1;
    }
    if (mapping->answered && request_basis(message) == mapping->response_basis)
        mapping->renewals++;
    mapping->waiting = true;
    copy_request(message, &mapping->request);
}

static uint64_t basis_of_copy(const struct request_copy *copy)
{
    if (copy->length > REQUEST_KEPT || copy->length < OFFSET_BEHIND_SUGGESTION)
        return 0; /* compares equal to nothing: renewals of such requests are not timed */
    uint64_t front = table_hash(0, copy->octets, OFFSET_SUGGESTION);
    return table_hash(front, copy->octets + OFFSET_BEHIND_SUGGESTION,
                      copy->length - OFFSET_BEHIND_SUGGESTION);
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
    if (!mapping || message->is_natpmp)
        return;
    mapping->answered = true;
    mapping->response_time = message->event->time;
    mapping->result = message->pcp.result;
    mapping->lifetime = message->pcp.lifetime;
    mapping->response_basis = mapping->mixed ? 0 : basis_of_copy(&mapping->request);
    mapping->renewals = 0;
    mapping->transmissions = 0;
    mapping->previous_gap = 0;
    mapping->waiting = false;
    mapping->mixed = false;
    if (message->pcp.result == PCP_SUCCESS && message->pcp.lifetime > 0)
        mapping->was_mapped = true;
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
