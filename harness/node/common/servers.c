#include "node/common/servers.h"

#include "engine/pcp_destinations.h"
#include "node/common/hex.h"
#include "node/common/route.h"
#include "wire/pcp_dhcp.h"

#include <stdio.h>
#include <string.h>

/* --- what is configured ----------------------------------------------------------------------- */

/* "192.0.2.1,2001:db8::1": the addresses of one server */
static int add_server(struct servers *servers, const char *text, struct error *error)
{
    if (servers->count == SERVERS_ROOM)
        return error_set(error, "at most %d PCP servers", SERVERS_ROOM);
    uint8_t count = 0;
    while (*text) {
        char address[64];
        size_t length = strcspn(text, ",");
        snprintf(address, sizeof address, "%.*s", (int)length, text);
        if (count == PCP_SELECT_ADDRESSES)
            return error_set(error, "at most %d addresses of a PCP server", PCP_SELECT_ADDRESSES);
        if (length >= sizeof address ||
            !place_parse(address, &servers->servers[servers->count].places[count]))
            return error_set(error, "--gateway: expected an IPv4 or IPv6 address, got '%s'",
                             address);
        count++;
        text += length + (text[length] == ',');
    }
    servers->servers[servers->count].count = count;
    servers->count += count > 0;
    return 0;
}

static int add_dhcp(struct servers *servers, const char *option, const char *text,
                    bool (*read)(const uint8_t *, size_t, struct pcp_dhcp_servers *),
                    struct error *error)
{
    uint8_t octets[2048];
    struct pcp_dhcp_servers found = {0};
    int length = text ? hex_read(text, octets, sizeof octets) : 0;
    if (length < 0 || !read(octets, (size_t)length, &found))
        return error_set(error, "%s: expected the hex octets of DHCP options, got '%s'", option,
                         text);
    for (uint8_t s = 0; s < found.count && servers->count < SERVERS_ROOM; s++) {
        uint8_t number = servers->count++;
        servers->servers[number].count = found.servers[s].count;
        for (uint8_t i = 0; i < found.servers[s].count; i++)
            servers->servers[number].places[i].address = found.servers[s].addresses[i];
    }
    return 0;
}

int servers_read(struct servers *servers, const struct setting_texts *gateways, const char *dhcp4,
                 const char *dhcp6, struct error *error)
{
    for (uint8_t i = 0; i < gateways->count; i++) {
        if (add_server(servers, gateways->text[i], error) < 0)
            return -1;
    }
    /* 8.1: one source of configuration alone. What a person wrote goes before DHCP. */
    if (servers->count == 0 && (add_dhcp(servers, "--dhcp4", dhcp4, pcp_dhcp_read_v4, error) < 0 ||
                                add_dhcp(servers, "--dhcp6", dhcp6, pcp_dhcp_read_v6, error) < 0))
        return -1;
    servers->from_router = servers->count == 0;
    if (servers->from_router)
        servers->count = 1;
    return 0;
}

/* --- what the host has a way to --------------------------------------------------------------- */

/* The nonce goes by owner, an address of the server; NULL: it is that of the address before. */
static int append(struct pcp_endpoint_list *list, const struct place *place,
                  const struct address *owner, struct nonces *nonces, struct error *warning,
                  struct error *error)
{
    struct pcp_select_address *address = &list->addresses[list->count];
    address->server = place->address;
    list->interfaces[list->count] = place->interface;
    if (route_source_address(place, &address->source, error) < 0)
        return -1;
    struct error problem = {0};
    int status = 0;
    if (owner)
        status = nonces_get(nonces, owner, &address->source, address->nonce, &problem);
    else
        memcpy(address->nonce, address[-1].nonce, PCP_NONCE_LENGTH);
    if (status != 0)
        error_set(status < 0 ? error : warning, "%s", problem.text);
    if (status >= 0)
        list->count++;
    return status < 0 ? -1 : 0;
}

static int list_router(const struct servers *servers, struct nonces *nonces,
                       struct pcp_endpoint_list *list, struct error *warning, struct error *error)
{
    struct place router = {0};
    if (route_default_router(servers->family, &router, error) < 0 ||
        append(list, &router, &router.address, nonces, warning, error) < 0)
        return -1;
    if (!servers->anycast)
        return 0;
    const struct place anycast = {.address = servers->family == AF_INET
                                                 ? pcp_select_anycast_ipv4()
                                                 : pcp_select_anycast_ipv6()};
    /* Another server, maybe, hence another nonce. Without a way to it there is the router alone. */
    (void)append(list, &anycast, &anycast.address, nonces, warning, NULL);
    return 0;
}

static void sort(struct pcp_endpoint_list *list)
{
    const struct pcp_endpoint_list unsorted = *list;
    uint8_t order[PCP_SELECT_ADDRESSES];
    pcp_destinations_order(unsorted.addresses, unsorted.count, order);
    for (uint8_t i = 0; i < unsorted.count; i++) {
        list->addresses[i] = unsorted.addresses[order[i]];
        list->interfaces[i] = unsorted.interfaces[order[i]];
    }
}

int servers_list(const struct servers *servers, uint8_t number, struct nonces *nonces,
                 struct pcp_endpoint_list *list, struct error *warning, struct error *error)
{
    memset(list, 0, sizeof *list);
    if (servers->from_router)
        return list_router(servers, nonces, list, warning, error);
    struct error problem = {0};
    const struct place *places = servers->servers[number].places;
    for (uint8_t i = 0; i < servers->servers[number].count; i++) {
        /* The mapping is of one family, that of the first address that there is a way to. */
        if (list->count &&
            address_is_ipv4(&places[i].address) != address_is_ipv4(&list->addresses[0].server))
            continue;
        (void)append(list, &places[i], list->count ? NULL : &places[0].address, nonces, warning,
                     &problem);
    }
    sort(list);
    return list->count ? 0 : error_set(error, "%s", problem.text);
}
