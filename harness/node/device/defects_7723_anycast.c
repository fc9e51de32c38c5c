/* Defects in the use of the anycast addresses: RFC 7723. */
#include "node/device/defect.h"

#include "node/common/clock.h"
#include "node/common/route.h"
#include "node/common/servers.h"
#include "wire/natpmp.h"
#include "wire/octets.h"

#include <string.h>

enum { EPOCH_AT = 8, LAST = 15 /* octet of an address */ };

static bool is_anycast(const struct address *address)
{
    struct address ipv4 = pcp_select_anycast_ipv4();
    struct address ipv6 = pcp_select_anycast_ipv6();
    return address_equal(address, &ipv4) || address_equal(address, &ipv6);
}

static void switch_on(struct defect *defect)
{
    defect->servers->anycast = true;
}

static void switch_off(struct defect *defect)
{
    defect->servers->anycast = false;
}

static void put_it_first(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    if (list->count != 2)
        return;
    const struct pcp_select_address router = list->addresses[0];
    list->addresses[0] = list->addresses[1];
    list->addresses[1] = router;
    list->interfaces[1] = list->interfaces[0];
    list->interfaces[0] = 0;
}

/* 192.0.0.10 and 2001:1::2 */
static void take_another(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 0; i < list->count; i++)
        if (is_anycast(&list->addresses[i].server))
            list->addresses[i].server.octet[LAST]++;
}

static void put_the_router_first(struct defect *defect, struct pcp_endpoint_list *list)
{
    struct place router = {0};
    if (list->count != 1 || route_default_router(defect->servers->family, &router, NULL) < 0)
        return;
    list->addresses[1] = list->addresses[0];
    list->addresses[0].server = router.address;
    list->count = 2;
}

static void speak_natpmp(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t request[NATPMP_ADDRESS_REQUEST_LENGTH] = {NATPMP_VERSION, NATPMP_ADDRESS};
    if (!is_anycast(&defect->endpoint->client.server))
        return;
    memcpy(datagram->octets, request, sizeof request);
    datagram->length = sizeof request;
}

/* As if the server went on counting. */
static void hide_the_epoch(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_epoch *epoch = &defect->endpoint->client.epoch;
    if (datagram->is_pcp && datagram->sent.response && epoch->known)
        octets_put32(datagram->octets + EPOCH_AT,
                     epoch->server_time +
                         ((uint32_t)clock_milliseconds() - epoch->client_time) / 1000);
}

const struct defect_hooks defects_7723_anycast[] = {
    {.name = "always-uses-anycast", .start = switch_on},
    {.name = "knows-no-anycast", .start = switch_off},
    {.name = "asks-anycast-first", .list = put_it_first},
    {.name = "asks-anycast-by-natpmp", .request = speak_natpmp},
    {.name = "asks-the-router-beside-anycast", .list = put_the_router_first},
    {.name = "trusts-any-epoch", .answer = hide_the_epoch},
    {.name = "has-another-anycast-address", .list = take_another},
    {.name = NULL},
};
