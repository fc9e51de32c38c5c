/* Defects in what a mapping is and in MAP's fields, RFC 6887 sections 11, 11.1 and 11.2. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "node/gateway/nft_ruleset.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_NONCE = PCP_HEADER_LENGTH,
    OFFSET_PROTOCOL = OFFSET_NONCE + PCP_NONCE_LENGTH,
    OFFSET_RESERVED_24 = OFFSET_PROTOCOL + 1,
    OFFSET_INTERNAL_PORT = OFFSET_PROTOCOL + 4,
    OFFSET_EXTERNAL_PORT = OFFSET_PROTOCOL + 6,
    OFFSET_EXTERNAL = OFFSET_PROTOCOL + 8,
    RESERVED_24 = 3,
    ADDRESS_LENGTH = 16,
    UDP = 17
};

/* The MAP that came, and whether it is one. */
static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           !request->response && request->opcode == PCP_MAP;
}

static bool answers_map(const uint8_t *octets, size_t length, struct pcp_message *response)
{
    return defect_read(octets, length, response) && response->opcode == PCP_MAP;
}

static void serve_map(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.map = true;
}

static void mind_reserved_bits(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    static const uint8_t zeros[RESERVED_24];
    struct pcp_message request;
    if (is_map(exchange, &request) && memcmp(request.data.map.reserved, zeros, sizeof zeros) != 0)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static void echo_reserved_bits(struct defect *defect, const struct defect_exchange *exchange,
                               uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (answers_map(octets, *length, &response) && response.result == PCP_SUCCESS)
        memcpy(octets + OFFSET_RESERVED_24, exchange->came.octets + OFFSET_RESERVED_24,
               RESERVED_24);
}

static void change_the_nonce(struct defect *defect, const struct defect_exchange *exchange,
                             uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (answers_map(octets, *length, &response))
        octets[OFFSET_NONCE] ^= 1;
}

static void write_the_external_port_twice(struct defect *defect,
                                          const struct defect_exchange *exchange, uint8_t *octets,
                                          size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (answers_map(octets, *length, &response))
        octets_put16(octets + OFFSET_INTERNAL_PORT, response.data.map.external_port);
}

static void clear_the_suggestion(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (answers_map(octets, *length, &response) && response.result != PCP_SUCCESS)
        memset(octets + OFFSET_EXTERNAL_PORT, 0, 2 + ADDRESS_LENGTH);
}

static bool lead_to_the_neighbour(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    change->mapping.internal.octet[ADDRESS_LENGTH - 1] ^= 1;
    return true;
}

static void refuse_zeros(struct defect *defect, const struct defect_exchange *exchange,
                         uint8_t *octets, size_t *length)
{
    static const uint8_t zeros[PCP_NONCE_LENGTH];
    struct pcp_message request;
    if (is_map(exchange, &request) && memcmp(request.data.map.nonce, zeros, sizeof zeros) == 0)
        defect_refuse(defect, exchange, PCP_MALFORMED_REQUEST, defect->config->policy.long_error,
                      octets, length);
}

static bool never_end(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return event->kind != PCP_SERVER_EXPIRED;
}

const struct defect_hooks defects_11_map[] = {
    {.name = "cannot-switch-map-off", .configure = serve_map},
    {.name = "drops-icmp-errors",
     .ruleset = "insert rule ip " NFT_TABLE " forward icmp type destination-unreachable drop\n"
                "insert rule ip6 " NFT_TABLE " forward icmpv6 type destination-unreachable drop\n"},
    {.name = "lets-in-one-remote",
     .ruleset = "insert rule ip " NFT_TABLE " prerouting ip saddr != 11.0.0.2 drop\n"},
    {.name = "maps-the-inbound-half-only",
     .ruleset = "insert rule ip " NFT_TABLE " outward udp sport 1-65535"
                " masquerade to :1024-29999 fully-random\n"},
    {.name = "loses-replies",
     .ruleset = "insert rule ip " NFT_TABLE " forward ct direction reply ct status dnat drop\n"
                "insert rule ip6 " NFT_TABLE " forward ct direction reply udp dport != 53 drop\n"},
    {.name = "minds-reserved-bits-of-map", .answer = mind_reserved_bits},
    {.name = "echoes-reserved-bits-of-map", .answer = echo_reserved_bits},
    {.name = "answers-with-a-nonce-of-its-own", .answer = change_the_nonce},
    {.name = "answers-with-the-external-port-twice", .answer = write_the_external_port_twice},
    {.name = "clears-the-suggestion-in-errors", .answer = clear_the_suggestion},
    {.name = "maps-to-the-neighbour", .change = lead_to_the_neighbour},
    {.name = "refuses-the-nonce-of-zeros", .answer = refuse_zeros},
    {.name = "never-ends-mappings", .event = never_end},
    {.name = NULL},
};
