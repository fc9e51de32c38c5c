/* Defects in how NAT-PMP goes with the rest of a gateway, RFC 6886 sections 3.7, 3.8, 4.3.2 and 5. */
#include "node/gateway/defect.h"

#include "node/common/clock.h"
#include "node/gateway/config.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum { RESPONSE_BIT = 0x80, OFFSET_ADDRESS = 8, IPV4_AT = 12 };

static void forget_what_was_stored(struct defect *defect)
{
    struct pcp_server_mapping mapping;
    uint32_t cursor = 0;
    while (pcp_server_next(defect->server, &cursor, &mapping))
        pcp_server_forget(defect->server, &mapping.internal, clock_milliseconds());
}

static bool asks_by_natpmp(const struct defect_exchange *exchange)
{
    return exchange->came.length >= 2 && exchange->came.octets[0] == NATPMP_VERSION;
}

/* What it has to say is that there is no address. */
static void answer_all_the_same(struct defect *defect, const struct defect_exchange *exchange,
                                uint8_t *octets, size_t *length)
{
    struct natpmp_message message = {.response = true, .result = NATPMP_NETWORK_FAILURE};
    if (!asks_by_natpmp(exchange))
        return;
    message.epoch = pcp_server_epoch(defect->server, defect->now);
    *length = natpmp_encode(&message, octets, PCP_MAXIMUM_LENGTH);
}

static void be_silent(struct defect *defect, const struct defect_exchange *exchange,
                      uint8_t *octets, size_t *length)
{
    (void)defect;
    if (asks_by_natpmp(exchange) && *length && octets[0] == PCP_VERSION)
        *length = 0;
}

static void show_another_address(struct defect *defect, uint8_t *octets, size_t *length)
{
    const struct config *config = defect->config;
    if (*length != NATPMP_ADDRESS_RESPONSE_LENGTH || octets[0] != NATPMP_VERSION ||
        octets[1] != RESPONSE_BIT)
        return;
    const struct address *address =
        &config->external[defect->number[0]++ % config->policy.external_count];
    memcpy(octets + OFFSET_ADDRESS, address->octet + IPV4_AT, 4);
}

static void switch_it_on(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.nat_pmp = true;
}

const struct defect_hooks defects_6886_setups[] = {
    {.name = "forgets-what-it-stored", .start = forget_what_was_stored},
    {.name = "speaks-nat-pmp-without-nat", .answer = answer_all_the_same},
    {.name = "is-silent-to-nat-pmp", .answer = be_silent},
    {.name = "nat-pmp-shows-all-addresses", .message = show_another_address},
    {.name = "speaks-nat-pmp-anyhow", .configure = switch_it_on},
    {.name = NULL},
};
