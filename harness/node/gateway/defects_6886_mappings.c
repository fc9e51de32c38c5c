/* Defects in NAT-PMP's mappings, RFC 6886 sections 3.3, 3.4 and 3.9. */
#include "node/gateway/defect.h"

#include "node/gateway/nft_ruleset.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_RESULT = 2,
    OFFSET_REQUEST_PORT = 4,
    OFFSET_REQUEST_LIFETIME = 8,
    OFFSET_INTERNAL_PORT = 8,
    OFFSET_EXTERNAL_PORT = 10,
    OFFSET_LIFETIME = 12,
    IPV4_AT = 12,
    SOME_PORT = 12345,
    HOURS = 7200,
    DAY = 86400,
    TEN_MINUTES = 600
};

/* True, and what was asked for, if the answer is one to a mapping request. */
static bool is_mapping(const struct defect_exchange *exchange, const uint8_t *octets, size_t length,
                       struct natpmp_message *request)
{
    return length == NATPMP_MAP_RESPONSE_LENGTH && octets[0] == NATPMP_VERSION &&
           natpmp_decode(exchange->came.octets, exchange->came.length, request) ==
               NATPMP_FAULT_NONE &&
           request->opcode != NATPMP_ADDRESS;
}

static bool succeeded(const uint8_t *octets)
{
    return octets_get16(octets + OFFSET_RESULT) == NATPMP_SUCCESS;
}

static void fail(uint8_t *octets, enum natpmp_result result)
{
    octets_put16(octets + OFFSET_RESULT, (uint16_t)result);
    octets_put16(octets + OFFSET_EXTERNAL_PORT, 0);
    octets_put32(octets + OFFSET_LIFETIME, 0);
}

/* --- 3.3 --------------------------------------------------------------------------------------- */

static void cut(struct defect *defect, const struct defect_exchange *exchange, uint8_t *octets,
                size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request))
        *length = NATPMP_ADDRESS_RESPONSE_LENGTH;
}

static void grant_hours(struct defect *defect, const struct defect_exchange *exchange,
                        uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request) && succeeded(octets) && request.lifetime &&
        request.lifetime < HOURS)
        octets_put32(octets + OFFSET_LIFETIME, HOURS);
}

static void refuse_long(struct defect *defect, const struct defect_exchange *exchange,
                        uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request) && request.lifetime > DAY)
        fail(octets, NATPMP_NOT_AUTHORIZED);
}

static void mind_the_reserved(struct defect *defect, const struct defect_exchange *exchange,
                              uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request) &&
        (request.reserved[0] || request.reserved[1]))
        fail(octets, NATPMP_NOT_AUTHORIZED);
}

static void map_no_tcp(struct defect *defect, const struct defect_exchange *exchange,
                       uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request) && request.opcode == NATPMP_MAP_TCP)
        fail(octets, NATPMP_NOT_AUTHORIZED);
}

static void tell_the_suggestion(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_mapping(exchange, octets, *length, &request) && succeeded(octets) &&
        request.external_port)
        octets_put16(octets + OFFSET_EXTERNAL_PORT, request.external_port);
}

static bool map_to_the_first(struct defect *defect, struct pcp_server_change *change)
{
    struct pcp_server_mapping *mapping = &change->mapping;
    uint8_t first[4];
    if (!mapping->nat_pmp)
        return true;
    if (!defect->number[0])
        defect->number[0] = octets_get32(mapping->internal.octet + IPV4_AT);
    octets_put32(first, (uint32_t)defect->number[0]);
    mapping->internal = address_from_ipv4(first);
    return true;
}

/* --- 3.4 --------------------------------------------------------------------------------------- */

static bool is_delete(const struct defect_exchange *exchange, const uint8_t *octets, size_t length,
                      struct natpmp_message *request)
{
    return is_mapping(exchange, octets, length, request) && request->lifetime == 0;
}

static void name_a_port(struct defect *defect, const struct defect_exchange *exchange,
                        uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && succeeded(octets))
        octets_put16(octets + OFFSET_EXTERNAL_PORT, SOME_PORT);
}

static bool let_live(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return event->kind != PCP_SERVER_EXPIRED || !event->change.mapping.nat_pmp;
}

/* A request to delete, as the engine is to get it. */
static bool read_delete(const struct defect_exchange *exchange, struct natpmp_message *request)
{
    return natpmp_decode(exchange->octets, exchange->input->length, request) == NATPMP_FAULT_NONE &&
           request->opcode != NATPMP_ADDRESS && request->lifetime == 0;
}

static void renew_instead(struct defect *defect, struct defect_exchange *exchange)
{
    struct natpmp_message request;
    (void)defect;
    if (read_delete(exchange, &request) && request.external_port)
        octets_put32(exchange->octets + OFFSET_REQUEST_LIFETIME, TEN_MINUTES);
}

static void say_that_it_went(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && request.external_port)
        fail(octets, NATPMP_SUCCESS);
}

static void refuse_the_absent(struct defect *defect, const struct defect_exchange *exchange,
                              uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && request.internal_port &&
        exchange->change.kind == PCP_SERVER_UNCHANGED)
        fail(octets, NATPMP_NOT_AUTHORIZED);
}

static void give_failures_a_lifetime(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && !succeeded(octets))
        octets_put32(octets + OFFSET_LIFETIME, TEN_MINUTES);
}

static void lack_resources(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && !succeeded(octets))
        fail(octets, NATPMP_OUT_OF_RESOURCES);
}

static bool keep_flows(struct defect *defect)
{
    (void)defect;
    return false;
}

static void delete_port_1(struct defect *defect, struct defect_exchange *exchange)
{
    struct natpmp_message request;
    (void)defect;
    if (read_delete(exchange, &request) && request.internal_port == 0)
        octets_put16(exchange->octets + OFFSET_REQUEST_PORT, 1);
}

static void name_no_port(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && request.internal_port == 0)
        octets_put16(octets + OFFSET_INTERNAL_PORT, 0);
}

static void refuse_all(struct defect *defect, const struct defect_exchange *exchange,
                       uint8_t *octets, size_t *length)
{
    struct natpmp_message request;
    (void)defect;
    if (is_delete(exchange, octets, *length, &request) && request.internal_port == 0)
        fail(octets, NATPMP_NOT_AUTHORIZED);
}

const struct defect_hooks defects_6886_mappings[] = {
    {.name = "nat-pmp-mappings-are-short", .answer = cut},
    {.name = "nat-pmp-grants-hours", .answer = grant_hours},
    {.name = "nat-pmp-refuses-long-lifetimes", .answer = refuse_long},
    {.name = "nat-pmp-minds-the-reserved-field", .answer = mind_the_reserved},
    {.name = "nat-pmp-maps-no-tcp", .answer = map_no_tcp},
    {.name = "maps-tcp-along",
     .ruleset = "insert rule ip " NFT_TABLE
                " prerouting ip saddr 11.0.0.2 tcp dport 30000-65535 dnat to 192.168.1.10\n"},
    {.name = "nat-pmp-tells-the-suggestion", .answer = tell_the_suggestion},
    {.name = "nat-pmp-maps-its-first-client", .change = map_to_the_first},
    {.name = "nat-pmp-deletes-without-zeros", .answer = name_a_port},
    {.name = "nat-pmp-mappings-live-on", .event = let_live},
    {.name = "nat-pmp-minds-the-port-in-deletes",
     .request = renew_instead,
     .answer = say_that_it_went},
    {.name = "nat-pmp-deletes-once", .answer = refuse_the_absent},
    {.name = "nat-pmp-refuses-deletes-with-a-lifetime", .answer = give_failures_a_lifetime},
    {.name = "nat-pmp-lacks-resources-to-delete", .answer = lack_resources},
    {.name = "lets-connections-outlive-mappings", .flush = keep_flows},
    {.name = "nat-pmp-deletes-none-for-all", .request = delete_port_1, .answer = name_no_port},
    {.name = "nat-pmp-refuses-to-delete-all", .answer = refuse_all},
    {.name = "maps-inbound-alone",
     .ruleset = "insert rule ip " NFT_TABLE
                " outward udp sport 1-65535 masquerade to :2000-2999 fully-random\n"},
    {.name = NULL},
};
