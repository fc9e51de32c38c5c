/* Defects in which external address a mapping gets, RFC 6887 section 10. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"

#include <string.h>

enum { OFFSET_EXTERNAL = PCP_HEADER_LENGTH + 20 };

/* The MAP that came, and whether it is one that asks for a mapping. */
static bool is_map(const struct defect_exchange *exchange, struct pcp_message *request)
{
    return defect_read(exchange->came.octets, exchange->came.length, request) &&
           !request->response && request->opcode == PCP_MAP && request->lifetime != 0;
}

static void put_address(uint8_t *octets, const struct address *address)
{
    memcpy(octets + OFFSET_EXTERNAL, address->octet, sizeof address->octet);
}

static void take_the_next_address(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_map(exchange, &request) && address_is_any(&request.data.map.external_address))
        put_address(
            exchange->octets,
            &defect->config->external[++defect->number[0] % defect->config->policy.external_count]);
}

static void forget_the_address(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    const struct address any = address_any_ipv4();
    if (is_map(exchange, &request) && address_is_ipv4(&exchange->came.source))
        put_address(exchange->octets, &any);
}

/* number[0] counts the mappings that were made. */
static void name_another_address(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    const struct config *config = defect->config;
    struct pcp_message request;
    (void)length;
    if (exchange->change.kind != PCP_SERVER_CREATED || !is_map(exchange, &request) ||
        config->policy.external_count < 2 || defect->number[0]++ == 0)
        return;
    bool first = address_equal(&exchange->change.mapping.external, &config->external[0]);
    put_address(octets, &config->external[first ? 1 : 0]);
}

static void read_any_zeros(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (!is_map(exchange, &request) || !address_is_any(&request.data.map.external_address))
        return;
    bool ipv4 = address_is_ipv4(&exchange->came.source);
    const struct address own = ipv4 ? address_any_ipv4() : address_any_ipv6();
    put_address(exchange->octets, &own);
}

const struct defect_hooks defects_10_addresses[] = {
    {.name = "scatters-a-hosts-mappings", .request = take_the_next_address},
    {.name = "keeps-a-host-to-one-address", .request = forget_the_address},
    {.name = "moves-a-host-in-words-only", .answer = name_another_address},
    {.name = "knows-one-family", .request = read_any_zeros},
    {.name = NULL},
};
