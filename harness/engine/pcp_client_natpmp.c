/* NAT-PMP, RFC 6886: the client's second language, for a server that answered PCP with version 0
 * (RFC 6887 section 9 and appendix A).
 *
 * It has no nonce and no unasked answers, so requests go one at a time (3.1) and only the one that
 * is out can be answered. A mapping's answer tells the external port alone; the address is asked for
 * first, and told again by announcements (3.2.1). Renewals are exchanges here: the one packet of RFC
 * 6887 section 11.2.1 has no counterpart.
 */
#include "wire/natpmp.h"

#include "engine/pcp_client_private.h"
#include "engine/pcp_client_timing.h"

#if PCP_CLIENT_NATPMP

enum {
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    FIRST_TIMEOUT = 250, /* ms, doubling (3.1) */
    MAXIMUM_SENDS = 9,   /* 3.1: the ninth waits for 64 s */
    SHORT_ERROR = 30,    /* s: NAT-PMP errors carry no lifetime, so those that RFC 6887 */
    LONG_ERROR = 1800    /* section 7.4 recommends stand in */
};

static uint32_t timeout_behind(uint8_t sends)
{
    return (uint32_t)FIRST_TIMEOUT << sends;
}

static uint8_t natpmp_opcode_of(const struct pcp_mapping *mapping)
{
    return mapping->data.map.protocol == PROTOCOL_TCP ? NATPMP_MAP_TCP : NATPMP_MAP_UDP;
}

/* What NAT-PMP can say: a port of UDP or TCP on this very host, and to be reached over IPv4. */
static bool is_expressible(const struct pcp_mapping *mapping)
{
    uint8_t protocol = mapping->data.map.protocol;
    return mapping->opcode == PCP_MAP && mapping->data.map.internal_port && !mapping->third_party &&
           !mapping->prefer_failure && !mapping->filter_count &&
           address_is_ipv4(&mapping->data.map.external_address) &&
           (protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP);
}

/* RFC 6886 section 3: only from an address of RFC 1918. */
static bool is_private(const struct address *address)
{
    const uint8_t *octet = address->octet + 12;
    return address_is_ipv4(address) &&
           (octet[0] == 10 || (octet[0] == 172 && (octet[1] & 0xf0) == 16) ||
            (octet[0] == 192 && octet[1] == 168));
}

/* Waits for another request's answer. */
static bool is_blocked(const struct pcp_client *client, const struct pcp_mapping *mapping)
{
    const struct pcp_mapping *asking = client->natpmp.asking;
    return client->natpmp.sends || (asking && asking != mapping && asking->awaiting);
}

/* The request for the address stands in for ANNOUNCE: its answer has the epoch, too. */
static bool wants_probe(const struct pcp_client *client)
{
    return PCP_CLIENT_PROBE && client->probing && !is_blocked(client, NULL);
}

uint32_t pcp_client_natpmp_wait(const struct pcp_client *client, uint32_t now)
{
    uint32_t shortest = PCP_NEVER;
    if (client->natpmp.sends)
        shortest = pcp_time_until(client->natpmp.due, now);
    else if (wants_probe(client))
        shortest = pcp_time_until(client->hold_all, now);
    const struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        uint32_t wait = PCP_NEVER;
        if (!pcp_mapping_is_active(mapping))
            continue;
        if (!is_blocked(client, mapping))
            wait = pcp_time_until(pcp_mapping_wake_time(client, mapping), now);
        else if (mapping->granted || mapping->state == MAPPING_REMOVING)
            wait = pcp_time_until(mapping->expiry, now);
        if (wait < shortest)
            shortest = wait;
    }
    return shortest;
}

/* Nine requests went unanswered: NAT-PMP isn't spoken here (3.1). PCP is tried again in half an hour. */
static void give_up(struct pcp_client *client, uint32_t now)
{
    pcp_client_unsupported(client, now, PCP_VERSION_RETRY);
    client->hold_all = now + PCP_VERSION_RETRY * 1000;
    pcp_client_speak(client, PCP_VERSION, now);
    client->natpmp.resting = true;
    client->natpmp.rest_end = client->hold_all;
}

static size_t send_address_request(struct pcp_client *client, uint32_t now, uint8_t *octets,
                                   size_t capacity)
{
    if (client->natpmp.sends >= MAXIMUM_SENDS) {
        give_up(client, now);
        return 0;
    }
    client->natpmp.due = now + timeout_behind(client->natpmp.sends++);
    const struct natpmp_message message = {.opcode = NATPMP_ADDRESS};
    return natpmp_encode(&message, octets, capacity);
}

static size_t send_mapping_request(struct pcp_client *client, struct pcp_mapping *mapping,
                                   uint32_t now, uint32_t random, uint8_t *octets, size_t capacity)
{
    if (mapping->renewing)
        pcp_mapping_begin(mapping, now);
    if (mapping->sends >= MAXIMUM_SENDS) {
        give_up(client, now);
        return 0;
    }
    pcp_mapping_sent(mapping, now, random, timeout_behind(mapping->sends));
    client->natpmp.asking = mapping;
    const struct natpmp_message message = {
        .opcode = natpmp_opcode_of(mapping),
        .internal_port = mapping->data.map.internal_port,
        .external_port = mapping->data.map.external_port,
        .lifetime = mapping->state == MAPPING_REMOVING ? 0 : mapping->lifetime,
    };
    return natpmp_encode(&message, octets, capacity);
}

size_t pcp_client_natpmp_send(struct pcp_client *client, uint32_t now, uint32_t random,
                              uint8_t *octets, size_t capacity)
{
    if (client->natpmp.sends && pcp_time_reached(client->natpmp.due, now))
        return send_address_request(client, now, octets, capacity);
    /* If its end has come, those that stand before it needn't wait for the next call. */
    if (client->natpmp.asking)
        pcp_mapping_is_ripe(client, client->natpmp.asking, now);
    if (wants_probe(client) && pcp_time_reached(client->hold_all, now))
        return send_address_request(client, now, octets, capacity);
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (!pcp_mapping_is_ripe(client, mapping, now) || is_blocked(client, mapping))
            continue;
        if (!is_expressible(mapping)) {
            pcp_mapping_refused(client, mapping, now, PCP_UNSUPP_PROTOCOL, LONG_ERROR);
            continue;
        }
        if (!client->natpmp.known && mapping->state == MAPPING_WANTED)
            return send_address_request(client, now, octets, capacity);
        return send_mapping_request(client, mapping, now, random, octets, capacity);
    }
    return 0;
}

static uint8_t pcp_result_of(uint16_t result)
{
    static const uint8_t table[] = {
        [NATPMP_SUCCESS] = PCP_SUCCESS,
        [NATPMP_UNSUPPORTED_VERSION] = PCP_UNSUPP_VERSION,
        [NATPMP_NOT_AUTHORIZED] = PCP_NOT_AUTHORIZED,
        [NATPMP_NETWORK_FAILURE] = PCP_NETWORK_FAILURE,
        [NATPMP_OUT_OF_RESOURCES] = PCP_NO_RESOURCES,
        [NATPMP_UNSUPPORTED_OPCODE] = PCP_UNSUPP_OPCODE,
    };
    /* 3.5: what isn't known is fatal to the request. */
    return result < sizeof table ? table[result] : PCP_MALFORMED_REQUEST;
}

static uint32_t error_lifetime(uint16_t result)
{
    bool passing = result == NATPMP_NETWORK_FAILURE || result == NATPMP_OUT_OF_RESOURCES;
    return passing ? SHORT_ERROR : LONG_ERROR;
}

static void learn_address(struct pcp_client *client, const struct address *external)
{
    client->natpmp.external = *external;
    client->natpmp.known = true;
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        struct address *ours = &mapping->data.map.external_address;
        if (mapping->granted && !address_equal(ours, external)) {
            *ours = *external;
            mapping->event = PCP_EVENT_CHANGED;
        }
    }
}

static void tell_alive(struct pcp_client *client)
{
    client->probing = false;
    client->alive = true;
}

/* The answer to our request for the address, or an announcement of it. */
static void process_address(struct pcp_client *client, uint32_t now,
                            const struct natpmp_message *message)
{
    bool asked = client->natpmp.sends > 0;
    client->natpmp.sends = 0;
    if (PCP_CLIENT_PROBE && asked && client->probing)
        tell_alive(client);
    if (message->result == NATPMP_SUCCESS) {
        struct address external = address_from_ipv4(message->external_address);
        learn_address(client, &external);
        return;
    }
    if (!asked)
        return;
    uint32_t lifetime = error_lifetime(message->result);
    client->hold_all = pcp_time_later(client->hold_all, now + lifetime * 1000);
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (mapping->state == MAPPING_WANTED && !mapping->granted) {
            pcp_mapping_refused(client, mapping, now, pcp_result_of(message->result), lifetime);
        }
    }
}

static void process_mapping(struct pcp_client *client, uint32_t now, uint32_t random,
                            const struct natpmp_message *message)
{
    struct pcp_mapping *mapping = client->natpmp.asking;
    if (!mapping || message->opcode != natpmp_opcode_of(mapping) ||
        message->internal_port != mapping->data.map.internal_port)
        return;
    client->natpmp.asking = NULL;
    uint8_t result = pcp_result_of(message->result);
    if (result == PCP_SUCCESS)
        pcp_mapping_succeeded(mapping, now, random, message->lifetime, message->external_port,
                              &client->natpmp.external);
    else
        pcp_mapping_refused(client, mapping, now, result, error_lifetime(message->result));
    mapping->awaiting = false;
}

/* A request of either protocol is out and has no answer. */
static bool is_awaiting(const struct pcp_client *client)
{
    bool awaiting = client->natpmp.sends > 0 || (PCP_CLIENT_PROBE && client->probing);
    for (unsigned i = 0; i < client->mapping_count && !awaiting; i++)
        awaiting = client->mappings[i].awaiting;
    return awaiting;
}

/* PCP from a server that we speak NAT-PMP with: it knows PCP now, for it announces its restart or
 * says that it doesn't know version 0. */
static bool is_upgrade(const struct pcp_client *client, const uint8_t *octets, size_t length)
{
    struct pcp_message message;
    pcp_decode(octets, length, &message);
    if (!message.response || message.version != PCP_VERSION)
        return false;
    return message.opcode == PCP_ANNOUNCE ||
           (message.result == PCP_UNSUPP_VERSION && is_awaiting(client));
}

/* 3.1: that there is no NAT-PMP here is not held on to when the gateway announces its address by it. What waits
 * for the next try of PCP is asked for, and the gateway says which version it has. */
static void resume(struct pcp_client *client, uint32_t now, uint32_t random)
{
    bool resting = client->natpmp.resting && client->hold_all == client->natpmp.rest_end;
    client->natpmp.resting = false;
    if (!resting)
        return;
    client->hold_all = now;
    struct pcp_mapping *mapping = client->mappings;
    for (unsigned i = 0; i < client->mapping_count; i++, mapping++) {
        if (mapping->state == MAPPING_WANTED && !mapping->granted)
            pcp_mapping_begin(mapping, now + pcp_uniform(PCP_RECOVERY_SPREAD, random));
    }
}

void pcp_client_natpmp_receive(struct pcp_client *client, uint32_t now, uint32_t random,
                               const uint8_t *octets, size_t length)
{
    struct natpmp_message message;
    enum natpmp_fault fault = natpmp_decode(octets, length, &message);
    bool unsupported = message.response && message.result == NATPMP_UNSUPPORTED_VERSION;
    if (client->version == PCP_VERSION) {
        /* Contradiction of the two protocols: RFC 6887 8.3 drops what has the R bit clear, RFC 6886
         * 3.5 draws Unsupported Version so. Without it appendix A couldn't work: it is accepted. */
        bool announces = fault == NATPMP_FAULT_NONE && message.response &&
                         message.opcode == NATPMP_ADDRESS && message.result == NATPMP_SUCCESS;
        if (announces)
            resume(client, now, random);
        if (!unsupported || !is_awaiting(client))
            return;
        if (PCP_CLIENT_PROBE && client->probing)
            tell_alive(client);
        if (is_private(&client->address))
            pcp_client_speak(client, NATPMP_VERSION, now);
        else
            pcp_client_unsupported(client, now, PCP_VERSION_RETRY);
        return;
    }
    if (fault == NATPMP_FAULT_VERSION) {
        if (is_upgrade(client, octets, length))
            pcp_client_speak(client, PCP_VERSION, now);
        return;
    }
    if (fault || !message.response || unsupported)
        return;
    if (!natpmp_epoch_validate(&client->epoch, now, message.epoch))
        pcp_client_recover(client, now, pcp_uniform(PCP_RECOVERY_SPREAD, random));
    if (message.opcode == NATPMP_ADDRESS)
        process_address(client, now, &message);
    else
        process_mapping(client, now, random, &message);
}

#endif
