/* The client's one clockwork. Each mapping has a time at which its next request is due, reckoned by
 * one of two rules:
 *
 *   exchange  (section 8.1.1)   from the first request until an answer, and again when the mapping
 *                               ran out or the server seems to have lost it: repeated with growing
 *                               timeouts.
 *   renewal   (section 11.2.1)  while granted: one packet at 1/2, 3/4, 7/8, ... of the lifetime.
 *
 * The text gives both for a renewal that stays unanswered (retransmit after 3 s, or wait for 3/4).
 * Here 11.2.1 rules until the mapping expires: it is the special rule, and the sparing one.
 *
 * An error never makes a request come sooner than it would have come without an answer: a server
 * that refuses with a lifetime of 0 must not be flooded.
 */
#include "engine/pcp_client_private.h"
#include "engine/pcp_client_timing.h"

#include <string.h>

/* Lifetimes in ms, absurd ones cut to a day: for grants (section 15) and for errors (8.3). */
static uint32_t sane(uint32_t seconds)
{
    return (seconds < PCP_SANE_LIFETIME ? seconds : PCP_SANE_LIFETIME) * 1000;
}

static void tell(struct pcp_mapping *mapping, enum pcp_event_kind kind)
{
    mapping->event = (uint8_t)kind;
}

/* What section 8.1.1 counts starts again. */
static void new_exchange(struct pcp_mapping *mapping)
{
    mapping->timeout = 0;
    mapping->elapsed = 0;
    mapping->sends = 0;
}

void pcp_mapping_begin(struct pcp_mapping *mapping, uint32_t at)
{
    new_exchange(mapping);
    mapping->renewing = false;
    mapping->due = mapping->asked ? pcp_time_later(at, mapping->sent + PCP_RENEWAL_GAP) : at;
}

void pcp_mapping_restart(struct pcp_mapping *mapping, uint32_t at)
{
    mapping->asked = false;
    mapping->awaiting = false;
    pcp_mapping_begin(mapping, at);
}

void pcp_mapping_lose(struct pcp_mapping *mapping)
{
    mapping->granted = false;
    tell(mapping, PCP_EVENT_LOST);
}

void pcp_mapping_finish_removal(struct pcp_mapping *mapping)
{
    mapping->granted = false;
    mapping->awaiting = false;
    mapping->state = MAPPING_REMOVED;
    tell(mapping, PCP_EVENT_REMOVED);
}

bool pcp_mapping_is_active(const struct pcp_mapping *mapping)
{
    return mapping->state == MAPPING_WANTED || mapping->state == MAPPING_REMOVING;
}

static void schedule_renewal(struct pcp_mapping *mapping, uint32_t now, uint32_t random)
{
    uint32_t lifetime = mapping->granted_lifetime * 1000;
    uint32_t start = mapping->expiry - lifetime;
    uint32_t due = start + pcp_renewal_time(lifetime, now - start, random);
    mapping->due = pcp_time_later(due, mapping->sent + PCP_RENEWAL_GAP);
}

static void grant(struct pcp_mapping *mapping, uint32_t now, uint32_t random, uint32_t lifetime)
{
    mapping->granted = true;
    mapping->granted_lifetime = lifetime < PCP_SANE_LIFETIME ? lifetime : PCP_SANE_LIFETIME;
    mapping->expiry = now + mapping->granted_lifetime * 1000;
    mapping->state = MAPPING_WANTED;
    mapping->renewing = true;
    mapping->sends = 0;
    schedule_renewal(mapping, now, random);
}

void pcp_mapping_succeeded(struct pcp_mapping *mapping, uint32_t now, uint32_t random,
                           uint32_t lifetime, uint16_t port, const struct address *address)
{
    struct pcp_map *map = &mapping->data.map;
    mapping->result = PCP_SUCCESS;
    /* 15.1: the answer to a deletion brings back the zero port that was sent. One with a port is
     * late and answers a request of before. */
    bool deletion = lifetime == 0 || (map->internal_port && !port);
    if (mapping->state == MAPPING_REMOVING) {
        if (deletion)
            pcp_mapping_finish_removal(mapping);
        return;
    }
    if (deletion) {
        /* Somebody deleted it, or the answer to a deletion of before came late: ask again, no sooner
         * than without an answer. */
        if (mapping->granted) {
            pcp_mapping_lose(mapping);
            pcp_mapping_begin(mapping, now);
        }
        return;
    }
    bool same = map->external_port == port && address_equal(&map->external_address, address);
    /* 13.2: a Mapping Update for a mapping of before may look like the answer. Where no address was
     * suggested, any has the port that was. */
    bool insists = PCP_CLIENT_OPTIONS && mapping->prefer_failure;
    if (insists && !same && !(map->external_port == port && address_is_any(&map->external_address)))
        return;
    map->external_port = port;
    map->external_address = *address;
    if (!mapping->granted)
        tell(mapping, PCP_EVENT_GRANTED);
    else
        tell(mapping, same ? PCP_EVENT_RENEWED : PCP_EVENT_CHANGED);
    grant(mapping, now, random, lifetime);
}

void pcp_mapping_refused(struct pcp_client *client, struct pcp_mapping *mapping, uint32_t now,
                         uint8_t result, uint32_t lifetime)
{
    uint32_t end = now + sane(lifetime);
    bool repeated = mapping->result == result;
    mapping->result = result;
    if (mapping->state == MAPPING_REMOVING) {
        if (result == PCP_NO_RESOURCES) /* 11.4: requests of no kind */
            client->hold_all = pcp_time_later(client->hold_all, end);
        pcp_mapping_finish_removal(mapping);
        return;
    }
    if (result == PCP_NO_RESOURCES) /* 11.4, 12.4: no new mappings */
        client->hold_new = pcp_time_later(client->hold_new, end);
    if (!mapping->awaiting && mapping->granted && !repeated) {
        /* Nothing was asked: the server tells what became of the mapping (8.3, 14.2). A repeated error
         * may be the same datagram again. */
        pcp_mapping_lose(mapping);
        pcp_mapping_begin(mapping, end);
        return;
    }
    tell(mapping, PCP_EVENT_REFUSED);
    if (!pcp_time_reached(end, mapping->due)) {
        mapping->due = end;
        new_exchange(mapping);
    }
}

void pcp_mapping_sent(struct pcp_mapping *mapping, uint32_t now, uint32_t random, uint32_t timeout)
{
    mapping->sent = now;
    mapping->asked = true;
    mapping->awaiting = true;
    if (mapping->sends < UINT8_MAX)
        mapping->sends++;
    if (mapping->renewing) {
        schedule_renewal(mapping, now, random);
        return;
    }
    mapping->timeout = timeout;
    mapping->elapsed += timeout;
    mapping->due = now + timeout;
}

void pcp_mapping_request(struct pcp_mapping *mapping, uint32_t now)
{
    mapping->state = MAPPING_WANTED;
    mapping->event = PCP_EVENT_NONE;
    mapping->granted = false;
    pcp_mapping_restart(mapping, now);
}

void pcp_mapping_remove(struct pcp_mapping *mapping, uint32_t now)
{
    bool is_peer = PCP_CLIENT_PEER && mapping->opcode == PCP_PEER;
    if (!pcp_mapping_is_active(mapping) || is_peer || !(mapping->granted || mapping->awaiting)) {
        pcp_mapping_finish_removal(mapping);
        return;
    }
    if (!mapping->granted)
        mapping->expiry = now + sane(mapping->lifetime);
    mapping->state = MAPPING_REMOVING;
    pcp_mapping_begin(mapping, now);
    mapping->due = now; /* a deletion is no renewal: 4 s of distance aren't asked for */
    mapping->awaiting = false;
    /* 15.1: the suggestion is zero; by erratum 3621 the address that of the mapping's family. */
    struct address *external = &mapping->data.map.external_address;
    size_t prefix = address_is_ipv4(external) ? sizeof external->octet - 4 : 0;
    memset(external->octet + prefix, 0, sizeof external->octet - prefix);
    mapping->data.map.external_port = 0;
}

void pcp_mapping_leave(struct pcp_mapping *mapping)
{
    mapping->granted = false;
    mapping->awaiting = false;
    mapping->event = PCP_EVENT_NONE;
    mapping->state = MAPPING_FREE;
}

uint32_t pcp_mapping_wake_time(const struct pcp_client *client, const struct pcp_mapping *mapping)
{
    uint32_t time = pcp_time_later(mapping->due, client->hold_all);
    if (mapping->granted || mapping->state == MAPPING_REMOVING)
        return pcp_time_reached(time, mapping->expiry) ? time : mapping->expiry;
    return pcp_time_later(time, client->hold_new);
}

/* The exchange failed by MRC or MRD of section 8.1.1; looked at when its timeout has run out. */
static bool has_failed(const struct pcp_client *client, const struct pcp_mapping *mapping)
{
    return (client->maximum_sends && mapping->sends >= client->maximum_sends) ||
           (client->maximum_duration && mapping->elapsed >= client->maximum_duration);
}

bool pcp_mapping_is_ripe(const struct pcp_client *client, struct pcp_mapping *mapping, uint32_t now)
{
    if (!pcp_mapping_is_active(mapping))
        return false;
    if (pcp_time_reached(mapping->due, now))
        mapping->due = now; /* what is held back moves along, as the holds do */
    bool removing = mapping->state == MAPPING_REMOVING;
    if ((mapping->granted || removing) && pcp_time_reached(mapping->expiry, now)) {
        if (removing) {
            pcp_mapping_finish_removal(mapping);
            return false;
        }
        pcp_mapping_lose(mapping);
        if (mapping->renewing) /* when an error's lifetime is over, too */
            pcp_mapping_begin(mapping, pcp_time_later(mapping->due, now));
    }
    if (!pcp_time_reached(pcp_mapping_wake_time(client, mapping), now))
        return false;
    if (mapping->renewing || !has_failed(client, mapping))
        return true;
    if (removing) {
        pcp_mapping_finish_removal(mapping);
    } else {
        mapping->awaiting = false;
        mapping->state = MAPPING_STOPPED;
        tell(mapping, PCP_EVENT_UNANSWERED);
    }
    return false;
}
