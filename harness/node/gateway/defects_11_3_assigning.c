/* Defects in what a new mapping gets and in limits, RFC 6887 sections 11.3, 11.4 and 11.5. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "node/gateway/nft_ruleset.h"
#include "wire/octets.h"

#include <nftables/libnftables.h>
#include <string.h>

enum {
    OFFSET_RESULT = 3,
    OFFSET_EXTERNAL_PORT = PCP_HEADER_LENGTH + 18,
    OFFSET_EXTERNAL = PCP_HEADER_LENGTH + 20,
    OPTIONLESS = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    TCP = 6,
    UDP = 17
};

static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           !request->response && request->opcode == PCP_MAP;
}

/* A MAP that suggests a port, and its success. */
static bool is_suggested(const struct defect_exchange *exchange, const uint8_t *octets,
                         size_t length, struct pcp_message *request, struct pcp_message *response)
{
    return is_map(exchange, request) && request->data.map.external_port != 0 &&
           request->lifetime != 0 && defect_read(octets, length, response) &&
           response->result == PCP_SUCCESS;
}

static void refuse(struct defect *defect, const struct defect_exchange *exchange,
                   enum pcp_result result, uint8_t *octets, size_t *length)
{
    defect_refuse(defect, exchange, result, defect->config->policy.short_error, octets, length);
}

static bool see_no_flow(struct defect *defect, const struct pcp_server_flow_key *key, bool found,
                        struct pcp_server_flow *flow)
{
    (void)defect;
    (void)key;
    (void)found;
    (void)flow;
    return false;
}

static void take_peers_along(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && request.lifetime == 0)
        pcp_server_forget(defect->server, &exchange->came.source, defect->now);
}

static void clear_suggestions(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (!is_map(exchange, &request) || request.lifetime == 0)
        return;
    bool ipv4 = address_is_ipv4(&exchange->came.source);
    const struct address any = ipv4 ? address_any_ipv4() : address_any_ipv6();
    octets_put16(exchange->octets + OFFSET_EXTERNAL_PORT, 0);
    memcpy(exchange->octets + OFFSET_EXTERNAL, any.octet, sizeof any.octet);
}

static void give_own_ports(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    (void)defect;
    if (is_suggested(exchange, octets, *length, &request, &response) &&
        (request.data.map.external_port == PCP_CLIENT_PORT ||
         request.data.map.external_port == PCP_SERVER_PORT))
        octets_put16(octets + OFFSET_EXTERNAL_PORT, request.data.map.external_port);
}

static void skip_options(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_map(exchange, &request))
        exchange->input->length = OPTIONLESS;
}

static void fail_if_taken(struct defect *defect, const struct defect_exchange *exchange,
                          uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    if (is_suggested(exchange, octets, *length, &request, &response) &&
        request.data.map.external_port != response.data.map.external_port)
        refuse(defect, exchange, PCP_CANNOT_PROVIDE_EXTERNAL, octets, length);
}

static void promise_suggestions(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    struct pcp_message request, response;
    (void)defect;
    if (is_suggested(exchange, octets, *length, &request, &response))
        octets_put16(octets + OFFSET_EXTERNAL_PORT, request.data.map.external_port);
}

/* 127.0.0.0/8, 224.0.0.0/4, ::1, ff00::/8. */
static bool is_poor(const struct address *address)
{
    static const struct address loopback = {.octet = {[15] = 1}};
    if (address_is_ipv4(address))
        return address->octet[12] == 127 || address->octet[12] >> 4 == 14;
    return address_equal(address, &loopback) || address->octet[0] == 0xff;
}

static void refuse_if_poor(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && is_poor(&request.data.map.external_address))
        refuse(defect, exchange, PCP_MALFORMED_REQUEST, octets, length);
}

/* Maps, behind the engine's back, another protocol as one was mapped. */
static bool map_beside(const struct pcp_server_change *change, uint8_t mapped, uint8_t beside)
{
    const struct pcp_server_mapping *mapping = &change->mapping;
    char internal[ADDRESS_TEXT_SIZE], external[ADDRESS_TEXT_SIZE], command[256];
    if (change->kind != PCP_SERVER_CREATED || mapping->protocol != mapped ||
        !address_is_ipv4(&mapping->internal))
        return true;
    (void)snprintf(command, sizeof command,
                   "add element ip " NFT_TABLE " inbound { %s . %u . %u : %s . %u }",
                   address_format(&mapping->external, external), beside, mapping->external_port,
                   address_format(&mapping->internal, internal), mapping->internal_port);
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (context)
        (void)nft_run_cmd_from_buffer(context, command);
    nft_ctx_free(context);
    return true;
}

static bool map_tcp_too(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return map_beside(change, UDP, TCP);
}

static bool map_udp_too(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return map_beside(change, TCP, UDP);
}

static void lift_the_quota(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.mappings_per_host = UINT16_MAX;
}

static void hide_the_quota(struct defect *defect, const struct defect_exchange *exchange,
                           uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    (void)exchange;
    if (defect_read(octets, *length, &response) && response.result == PCP_USER_EX_QUOTA)
        octets[OFFSET_RESULT] = PCP_NO_RESOURCES;
}

static void refuse_to_renew_what_is_gone(struct defect *defect,
                                         const struct defect_exchange *exchange, uint8_t *octets,
                                         size_t *length)
{
    struct pcp_message request, response;
    if (is_suggested(exchange, octets, *length, &request, &response) &&
        exchange->change.kind == PCP_SERVER_CREATED)
        refuse(defect, exchange, PCP_NO_RESOURCES, octets, length);
}

/* Notes have the nonce of their last MAP. What is forgotten ends with the request's own batch, before its answer. */
static void move_by_nonce(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (!is_map(exchange, &request))
        return;
    struct defect_note *own = defect_note(defect, &exchange->came);
    for (size_t i = 0; own && i < defect->note_count; i++)
        if (&defect->notes[i] != own && defect->notes[i].length &&
            memcmp(defect->notes[i].octets, request.data.map.nonce, PCP_NONCE_LENGTH) == 0)
            pcp_server_forget(defect->server, &defect->notes[i].client, defect->now);
    if (own) {
        own->length = PCP_NONCE_LENGTH;
        memcpy(own->octets, request.data.map.nonce, PCP_NONCE_LENGTH);
    }
}

const struct defect_hooks defects_11_3_assigning[] = {
    {.name = "overlooks-outbound-flows", .outbound = see_no_flow},
    {.name = "takes-peer-mappings-along", .request = take_peers_along},
    {.name = "ignores-suggestions", .request = clear_suggestions},
    {.name = "gives-its-own-ports-away", .answer = give_own_ports},
    {.name = "knows-no-preference-for-failure", .request = skip_options},
    {.name = "fails-where-a-port-is-taken", .answer = fail_if_taken},
    {.name = "promises-what-is-taken", .answer = promise_suggestions},
    {.name = "refuses-poor-suggestions", .answer = refuse_if_poor},
    {.name = "maps-tcp-beside-udp", .change = map_tcp_too},
    {.name = "maps-udp-beside-tcp", .change = map_udp_too},
    {.name = "has-no-quota", .configure = lift_the_quota},
    {.name = "has-no-resources-over-quota", .answer = hide_the_quota},
    {.name = "refuses-renewals-of-what-is-gone", .answer = refuse_to_renew_what_is_gone},
    {.name = "moves-mappings-by-their-nonce", .request = move_by_nonce},
    {.name = NULL},
};
