#include "engine/pcp_client.h"

#include "engine/pcp_client_private.h"
#include "engine/pcp_client_timing.h"

#include <string.h>

void pcp_client_recover(struct pcp_client *client, uint32_t now, uint32_t wait)
{
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        /* One that isn't renewing is being asked for already: a second jump of the epoch must not
         * push the first recovery away. */
        if (mapping->state == MAPPING_WANTED && mapping->renewing)
            pcp_mapping_begin(mapping, now + wait);
    }
}

void pcp_client_init(struct pcp_client *client, const struct address *server,
                     const struct address *address, struct pcp_mapping *mappings, uint16_t count,
                     uint32_t now)
{
    memset(client, 0, sizeof *client);
    client->server = *server;
    client->address = *address;
    client->mappings = mappings;
    client->mapping_count = count;
    client->initial_timeout = PCP_INITIAL_TIMEOUT;
    client->maximum_timeout = PCP_MAXIMUM_TIMEOUT;
    client->version = PCP_VERSION;
    client->hold_all = now;
    client->hold_new = now;
}

void pcp_client_move(struct pcp_client *client, const struct address *server,
                     const struct address *address, const uint8_t fresh[PCP_NONCE_LENGTH],
                     uint32_t now)
{
    client->server = *server;
    client->address = *address;
    client->hold_all = now;
    client->hold_new = now;
    pcp_client_speak(client, PCP_VERSION, now);
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        for (int n = 0; n < PCP_NONCE_LENGTH; n++)
            mapping->data.map.nonce[n] ^= fresh[n];
        if (mapping->state == MAPPING_REMOVING)
            pcp_mapping_finish_removal(mapping);
        if (mapping->state != MAPPING_WANTED)
            continue;
        if (mapping->granted)
            pcp_mapping_lose(mapping);
        pcp_mapping_restart(mapping, now);
    }
}

void pcp_client_speak(struct pcp_client *client, uint8_t version, uint32_t now)
{
    client->version = version;
    client->epoch.known = false;
#if PCP_CLIENT_NATPMP
    memset(&client->natpmp, 0, sizeof client->natpmp);
#endif
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        /* Requests of the other version died unread. */
        if (mapping->awaiting)
            pcp_mapping_restart(mapping, now);
    }
}

void pcp_client_unsupported(struct pcp_client *client, uint32_t now, uint32_t lifetime)
{
    uint32_t seconds = lifetime < PCP_VERSION_RETRY ? lifetime : PCP_VERSION_RETRY;
    bool asked = PCP_CLIENT_PROBE && client->probing;
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (!mapping->awaiting)
            continue;
        asked = true;
        pcp_mapping_refused(client, mapping, now, PCP_UNSUPP_VERSION, seconds);
        mapping->awaiting = false;
    }
    if (asked)
        client->hold_all = pcp_time_later(client->hold_all, now + seconds * 1000);
}

#if PCP_CLIENT_PROBE
void pcp_client_probe(struct pcp_client *client, uint32_t now)
{
    client->probing = true;
    client->probe_due = now;
    client->probe_timeout = 0;
}
#endif

/* --- sending ---------------------------------------------------------------------------------- */

uint32_t pcp_client_wait(const struct pcp_client *client, uint32_t now)
{
#if PCP_CLIENT_NATPMP
    if (client->version != PCP_VERSION)
        return pcp_client_natpmp_wait(client, now);
#endif
    uint32_t shortest = PCP_NEVER;
    if (PCP_CLIENT_PROBE && client->probing)
        shortest = pcp_time_until(pcp_time_later(client->probe_due, client->hold_all), now);
    const struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (!pcp_mapping_is_active(mapping))
            continue;
        uint32_t wait = pcp_time_until(pcp_mapping_wake_time(client, mapping), now);
        if (wait < shortest)
            shortest = wait;
    }
    return shortest;
}

static size_t append_options(const struct pcp_mapping *mapping, uint8_t *octets, size_t used,
                             size_t capacity)
{
    if (mapping->third_party)
        used = pcp_append_third_party(octets, used, capacity, &mapping->internal_address);
    /* Neither of these makes sense with a deletion, nor is allowed there (11.3, 13.3), nor in PEER. */
    if (mapping->state == MAPPING_REMOVING || mapping->opcode != PCP_MAP)
        return used;
    if (used && mapping->prefer_failure)
        used = pcp_append_option(octets, used, capacity, PCP_PREFER_FAILURE, NULL, 0);
    for (uint8_t i = 0; used && i < mapping->filter_count; i++)
        used = pcp_append_filter(octets, used, capacity, &mapping->filters[i]);
    return used;
}

static size_t encode_request(const struct pcp_client *client, const struct pcp_mapping *mapping,
                             uint8_t opcode, uint8_t *octets, size_t capacity)
{
    struct pcp_message message;
    memset(&message, 0, sizeof message);
    message.version = PCP_VERSION;
    message.opcode = opcode;
    message.client = client->address;
    if (mapping) {
        message.lifetime = mapping->state == MAPPING_REMOVING ? 0 : mapping->lifetime;
        message.data = mapping->data;
    }
    return pcp_encode(&message, octets, capacity);
}

static size_t send_probe(struct pcp_client *client, uint32_t now, uint32_t random, uint8_t *octets,
                         size_t capacity)
{
    client->probe_timeout = pcp_retransmission_timeout(
        client->probe_timeout, client->initial_timeout, client->maximum_timeout, random);
    client->probe_due = now + client->probe_timeout;
    return encode_request(client, NULL, PCP_ANNOUNCE, octets, capacity);
}

size_t pcp_client_send(struct pcp_client *client, uint32_t now, uint32_t random, uint8_t *octets,
                       size_t capacity)
{
    /* Holds that are over move along, lest they seem to lie ahead when the clock has gone half round. */
    client->hold_all = pcp_time_later(client->hold_all, now);
    client->hold_new = pcp_time_later(client->hold_new, now);
#if PCP_CLIENT_NATPMP
    if (client->version != PCP_VERSION) {
        size_t length = pcp_client_natpmp_send(client, now, random, octets, capacity);
        if (length || client->version != PCP_VERSION)
            return length; /* else it has just given up */
    }
#endif
    if (PCP_CLIENT_PROBE && client->probing &&
        pcp_time_reached(pcp_time_later(client->probe_due, client->hold_all), now))
        return send_probe(client, now, random, octets, capacity);
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (!pcp_mapping_is_ripe(client, mapping, now))
            continue;
        uint8_t opcode = PCP_CLIENT_PEER ? mapping->opcode : PCP_MAP;
        size_t length = encode_request(client, mapping, opcode, octets, capacity);
        if (PCP_CLIENT_OPTIONS && length)
            length = append_options(mapping, octets, length, capacity);
        uint32_t timeout = pcp_retransmission_timeout(mapping->timeout, client->initial_timeout,
                                                      client->maximum_timeout, random);
        pcp_mapping_sent(mapping, now, random, timeout);
        if (length)
            return length;
    }
    return 0;
}

/* --- receiving -------------------------------------------------------------------------------- */

/* The internal address of a response: THIRD_PARTY's, else ours, which is where it was sent to. */
static bool same_internal_address(const struct pcp_mapping *mapping,
                                  const struct pcp_message *message)
{
    struct pcp_option option;
    enum pcp_fault fault;
    struct address internal;
    size_t offset = 0;
    while (pcp_option_next(message->options, message->options_length, &offset, &option, &fault)) {
        if (option.code == PCP_THIRD_PARTY)
            return mapping->third_party && !pcp_option_third_party(&option, &internal) &&
                   address_equal(&internal, &mapping->internal_address);
    }
    return !mapping->third_party;
}

/* Sections 11.4 and 12.4: which fields tell whose response this is. */
static bool answers(const struct pcp_mapping *mapping, const struct pcp_message *message)
{
    const struct pcp_map *ours = &mapping->data.map;
    const struct pcp_map *theirs = &message->data.map;
    if (!mapping->asked || !pcp_mapping_is_active(mapping) || ours->protocol != theirs->protocol ||
        ours->internal_port != theirs->internal_port ||
        memcmp(ours->nonce, theirs->nonce, PCP_NONCE_LENGTH) != 0)
        return false;
    if (PCP_CLIENT_PEER && message->opcode != mapping->opcode)
        return false;
    if (PCP_CLIENT_PEER && message->opcode == PCP_PEER &&
        (mapping->data.remote_port != message->data.remote_port ||
         !address_equal(&mapping->data.remote_address, &message->data.remote_address)))
        return false;
    return !PCP_CLIENT_OPTIONS || same_internal_address(mapping, message);
}

/* An announcement that nobody asked for is the response to no request, and so ignored by 8.3; 14.1.3
 * has it taken, from the server's address and port "so that 8.3 will accept" it. The special rule
 * holds: no mapping is touched by it, and the Epoch that it brings is validated as any other. */
static void process_announcement(struct pcp_client *client, uint32_t now, uint32_t random,
                                 const struct pcp_message *message)
{
    if (PCP_CLIENT_PROBE && client->probing) {
        client->probing = false;
        client->alive = true;
    } else if (message->result != PCP_SUCCESS) {
        return; /* 14.1.3: an announcement that nobody asked for is a SUCCESS */
    }
    if (!pcp_epoch_validate(&client->epoch, now, message->epoch))
        pcp_client_recover(client, now, pcp_uniform(PCP_RECOVERY_SPREAD, random));
}

static void process_answer(struct pcp_client *client, struct pcp_mapping *mapping, uint32_t now,
                           uint32_t random, const struct pcp_message *message)
{
    if (!pcp_epoch_validate(&client->epoch, now, message->epoch))
        pcp_client_recover(client, now, 0);
    if (message->result == PCP_SUCCESS)
        pcp_mapping_succeeded(mapping, now, random, message->lifetime,
                              message->data.map.external_port, &message->data.map.external_address);
    else
        pcp_mapping_refused(client, mapping, now, message->result, message->lifetime);
    mapping->awaiting = false;
}

void pcp_client_receive(struct pcp_client *client, uint32_t now, uint32_t random,
                        const struct address *source, uint16_t source_port, const uint8_t *octets,
                        size_t length)
{
    if (source_port != PCP_SERVER_PORT || !address_equal(source, &client->server))
        return;
#if PCP_CLIENT_NATPMP
    if (length >= 4 && (octets[0] == 0 || client->version == 0)) {
        pcp_client_natpmp_receive(client, now, random, octets, length);
        return;
    }
#endif
    struct pcp_message message;
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    if (fault == PCP_FAULT_SHORT || !message.response)
        return;
    /* Section 9, and before the length is judged (8.3). Nothing lower than version 2 is left to try. */
    if (message.result == PCP_UNSUPP_VERSION) {
        pcp_client_unsupported(client, now, length < 8 ? PCP_VERSION_RETRY : message.lifetime);
        return;
    }
    if (fault != PCP_FAULT_NONE)
        return;
    if (message.opcode == PCP_ANNOUNCE) {
        process_announcement(client, now, random, &message);
        return;
    }
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (answers(mapping, &message)) {
            process_answer(client, mapping, now, random, &message);
            return;
        }
    }
}

bool pcp_client_event(struct pcp_client *client, struct pcp_event *event)
{
    event->mapping = NULL;
    event->kind = PCP_EVENT_ALIVE;
    if (client->alive) {
        client->alive = false;
        return true;
    }
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (mapping->event == PCP_EVENT_NONE)
            continue;
        event->mapping = mapping;
        event->kind = mapping->event;
        mapping->event = PCP_EVENT_NONE;
        if (mapping->state == MAPPING_REMOVED)
            mapping->state = MAPPING_FREE;
        return true;
    }
    return false;
}
