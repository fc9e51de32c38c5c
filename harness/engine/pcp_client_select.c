#include "engine/pcp_client_select.h"

#include "engine/pcp_client_private.h"
#include "engine/pcp_client_timing.h"

#include <string.h>

struct address pcp_select_anycast_ipv4(void)
{
    return address_from_ipv4((const uint8_t[]){192, 0, 0, 9}); /* RFC 7723 section 4.1 */
}

struct address pcp_select_anycast_ipv6(void)
{
    /* 2001:1::1, section 4.2 */
    return address_from_ipv6(
        (const uint8_t[]){0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

static bool same_address(const struct pcp_select_address *a, const struct pcp_select_address *b)
{
    return address_equal(&a->server, &b->server) && address_equal(&a->source, &b->source) &&
           memcmp(a->nonce, b->nonce, PCP_NONCE_LENGTH) == 0;
}

static bool same_nonce(const struct pcp_select_address *a, const struct pcp_select_address *b)
{
    return memcmp(a->nonce, b->nonce, PCP_NONCE_LENGTH) == 0;
}

static void take_list(struct pcp_selection *selection, const struct pcp_select_address *addresses,
                      uint8_t count, uint32_t now)
{
    selection->count = count < PCP_SELECT_ADDRESSES ? count : PCP_SELECT_ADDRESSES;
    memcpy(selection->addresses, addresses, selection->count * sizeof *addresses);
    selection->current = 0;
    selection->tried = 0;
    selection->resting = false;
    selection->round_start = now;
}

void pcp_select_init(struct pcp_selection *selection, struct pcp_client *client,
                     const struct pcp_select_address *addresses, uint8_t count,
                     struct pcp_mapping *mappings, uint16_t mapping_count, uint32_t now)
{
    memset(selection, 0, sizeof *selection);
    selection->client = client;
    pcp_client_init(client, &addresses->server, &addresses->source, mappings, mapping_count, now);
    take_list(selection, addresses, count, now);
}

/* Those that gave up at the address before are wanted again. */
static void revive(struct pcp_client *client, uint32_t at)
{
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (mapping->state != MAPPING_STOPPED)
            continue;
        mapping->state = MAPPING_WANTED;
        mapping->event = PCP_EVENT_NONE; /* UNANSWERED: the selection's business alone */
        pcp_mapping_restart(mapping, at);
    }
}

/* All that was said to the address before is forgotten, and asked at this one. */
static void turn(struct pcp_client *client, const struct pcp_select_address *from,
                 const struct pcp_select_address *to, uint32_t now)
{
    revive(client, now);
    if (same_nonce(from, to) && address_equal(&from->source, &to->source)) {
        client->server = to->server;
        client->hold_all = now;
        client->hold_new = now;
        pcp_client_speak(client, PCP_VERSION, now);
        return;
    }
    uint8_t fresh[PCP_NONCE_LENGTH];
    for (int i = 0; i < PCP_NONCE_LENGTH; i++)
        fresh[i] = from->nonce[i] ^ to->nonce[i];
    pcp_client_move(client, &to->server, &to->source, fresh, now);
}

static void turn_to(struct pcp_selection *selection, uint8_t index, uint32_t now)
{
    const struct pcp_select_address *from = &selection->addresses[selection->current];
    selection->current = index;
    turn(selection->client, from, &selection->addresses[index], now);
}

void pcp_select_replace(struct pcp_selection *selection, const struct pcp_select_address *addresses,
                        uint8_t count, uint32_t now)
{
    bool same = count == selection->count;
    for (uint8_t i = 0; same && i < count; i++)
        same = same_address(&selection->addresses[i], &addresses[i]);
    if (same)
        return;
    const struct pcp_select_address from = selection->addresses[selection->current];
    take_list(selection, addresses, count, now);
    if (same_address(&from, addresses))
        revive(selection->client, now);
    else
        turn(selection->client, &from, addresses, now);
}

/* Nobody answered: nothing is sent before the next round, which begins with the first address. */
static void rest(struct pcp_selection *selection, uint32_t now)
{
    selection->rest_end =
        pcp_time_later(selection->round_start + PCP_SELECT_PERIOD, now + PCP_RENEWAL_GAP);
    selection->resting = true;
    selection->tried = 0;
    turn_to(selection, 0, now);
    selection->client->hold_all = selection->rest_end;
}

/* The address in use is given up. */
static void leave_address(struct pcp_selection *selection, uint32_t now)
{
    if (selection->client->epoch.known) { /* it answered once: this begins the procedure anew */
        selection->tried = 0;
        selection->round_start = now;
    }
    selection->tried |= (uint8_t)(1U << selection->current);
    for (uint8_t i = 0; i < selection->count; i++) {
        if (!(selection->tried >> i & 1)) {
            turn_to(selection, i, now);
            return;
        }
    }
    rest(selection, now);
}

/* --- what failed ------------------------------------------------------------------------------ */

/* MRC; 0: no bound, as RFC 6887 section 8.1.1 has it for the only server. */
static uint8_t most_sends(const struct pcp_selection *selection)
{
    return selection->maximum_sends || selection->count == 1 ? selection->maximum_sends
                                                             : PCP_SELECT_SENDS;
}

/* An answer came from the address in use within the last span ms. */
static bool heard_within(const struct pcp_client *client, uint32_t now, uint32_t span)
{
    return client->epoch.known && now - client->epoch.client_time <= span;
}

/* MRC renewals went out without an answer, and the time for the next has come. */
static bool is_renewed_in_vain(const struct pcp_selection *selection,
                               const struct pcp_mapping *mapping, uint32_t now)
{
    uint32_t lifetime = mapping->granted_lifetime * 1000;
    return selection->count > 1 && mapping->state == MAPPING_WANTED && mapping->renewing &&
           mapping->awaiting && mapping->sends >= most_sends(selection) &&
           pcp_time_reached(mapping->due, now) &&
           !heard_within(selection->client, now, lifetime / 2);
}

/* Looks for an exchange that failed, and does what follows from it. */
static bool see_to_failures(struct pcp_selection *selection, uint32_t now)
{
    struct pcp_client *client = selection->client;
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        bool stopped = mapping->state == MAPPING_STOPPED;
        if (stopped && heard_within(client, now, mapping->elapsed)) {
            mapping->state = MAPPING_WANTED;
            mapping->event = PCP_EVENT_NONE;
            pcp_mapping_restart(mapping, now + PCP_SELECT_PERIOD);
        } else if (stopped || is_renewed_in_vain(selection, mapping, now)) {
            leave_address(selection, now);
            return true;
        }
    }
    return false;
}

/* NAT-PMP went unanswered here, and the client would wait for half an hour before it asks by PCP. */
static void leave_natpmp(struct pcp_selection *selection, uint32_t now)
{
    struct pcp_mapping *mapping = selection->client->mappings;
    for (unsigned i = 0; i < selection->client->mapping_count; i++, mapping++) {
        if (mapping->state == MAPPING_WANTED && !mapping->renewing &&
            mapping->result == PCP_UNSUPP_VERSION)
            pcp_mapping_restart(mapping, now);
    }
    leave_address(selection, now);
}

size_t pcp_select_send(struct pcp_selection *selection, uint32_t now, uint32_t random,
                       uint8_t *octets, size_t capacity)
{
    struct pcp_client *client = selection->client;
    if (selection->resting && pcp_time_reached(selection->rest_end, now)) {
        selection->resting = false;
        selection->round_start = now;
    }
    bool older = client->version != PCP_VERSION;
    /* NAT-PMP counts for itself, to nine. */
    client->maximum_sends = older ? 0 : most_sends(selection);
    see_to_failures(selection, now);
    size_t length = pcp_client_send(client, now, random, octets, capacity);
    if (length)
        return length;
    /* The client goes back to PCP by itself only when NAT-PMP went unanswered (RFC 6886, 3.1). */
    if (older && client->version == PCP_VERSION && selection->count > 1)
        leave_natpmp(selection, now);
    else if (!see_to_failures(selection, now))
        return 0;
    return pcp_client_send(client, now, random, octets, capacity);
}

void pcp_select_unreachable(struct pcp_selection *selection, uint32_t now)
{
    const struct pcp_client *client = selection->client;
    bool asked = PCP_CLIENT_PROBE && client->probing;
    for (unsigned i = 0; i < client->mapping_count; i++)
        asked = asked || client->mappings[i].awaiting;
    if (asked && selection->count > 1 && !selection->resting)
        leave_address(selection, now);
}

/* --- receiving -------------------------------------------------------------------------------- */

static bool is_announcement(const uint8_t *octets, size_t length)
{
    struct pcp_message message;
    return pcp_decode(octets, length, &message) == PCP_FAULT_NONE && message.response &&
           message.opcode == PCP_ANNOUNCE && message.result == PCP_SUCCESS;
}

void pcp_select_receive(struct pcp_selection *selection, uint32_t now, uint32_t random,
                        const struct address *source, uint16_t source_port, const uint8_t *octets,
                        size_t length)
{
    /* Only while resting: else a stranger's announcements could drive us from address to address. */
    for (uint8_t i = 0; selection->resting && i < selection->count; i++) {
        if (source_port != PCP_SERVER_PORT ||
            !address_equal(source, &selection->addresses[i].server) ||
            !is_announcement(octets, length))
            continue;
        selection->resting = false;
        selection->round_start = now;
        turn_to(selection, i, now);
        /* 14.1.3: not all clients at once */
        selection->client->hold_all = now + pcp_uniform(PCP_RECOVERY_SPREAD, random);
    }
    pcp_client_receive(selection->client, now, random, source, source_port, octets, length);
}
