/* Defects on hosts that move, and in learning an address: RFC 6887 sections 11.5 and 11.6. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/device/mapper.h"
#include "wire/octets.h"

#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIFETIME_AT = 4, CLIENT_AT = 8, A_DAY = 86400, PAUSE = 10000 /* ms */ };

static bool is_request(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && !datagram->sent.response && datagram->sent.lifetime > 0;
}

/* The last IPv4 address that the kernel lists. */
static bool find_newest(struct place *place)
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        union socket_address address = {0};
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&address, at->ifa_addr, sizeof address.ipv4);
        place_from_socket(&address, place, NULL);
        found = true;
    }
    freeifaddrs(all);
    return found;
}

static void send_from_newest(struct defect *defect, struct defect_datagram *datagram)
{
    struct place from;
    union socket_address address;
    if (!is_request(datagram) || datagram->sent.data.map.external_port == 0 || !find_newest(&from))
        return;
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = place_to_socket(&from, 0, &address);
    if (bind(handle, &address.any, length) == 0) {
        length = place_to_socket(&defect->endpoint->peer, PCP_SERVER_PORT, &address);
        (void)sendto(handle, datagram->octets, datagram->length, 0, &address.any, length);
    }
    (void)close(handle);
    datagram->length = 0;
}

/* octets: the address */
static void name_first_address(struct defect *defect, struct defect_datagram *datagram)
{
    if (!datagram->is_pcp)
        return;
    if (!defect->number[0]++)
        memcpy(defect->octets, datagram->sent.client.octet, sizeof datagram->sent.client.octet);
    memcpy(datagram->octets + CLIENT_AT, defect->octets, sizeof datagram->sent.client.octet);
}

/* octets: the list that was there first */
static void keep_list(struct defect *defect, struct pcp_endpoint_list *list)
{
    _Static_assert(sizeof *list <= sizeof defect->octets, "a list has room in octets");
    if (!defect->number[0]++)
        memcpy(defect->octets, list, sizeof *list);
    memcpy(list, defect->octets, sizeof *list);
}

static struct pcp_mapping *left_mapping(const struct defect *defect)
{
    const struct ports *ports = defect->ports;
    for (uint8_t i = 0; i < ports->count; i++)
        if (ports->ports[i].is_left)
            return &defect->mapper->at[0].mappings[i];
    return NULL;
}

static void ask_for_ever(struct defect *defect, uint32_t now)
{
    struct pcp_mapping *mapping = left_mapping(defect);
    if (!mapping || mapping->state != MAPPING_FREE)
        return;
    pcp_mapping_request(mapping, now);
    mapping->due = now + PAUSE;
}

static void ask_for_a_day(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_request(datagram) && defect_mapping(defect, datagram) == left_mapping(defect))
        octets_put32(datagram->octets + LIFETIME_AT, A_DAY);
}

const struct defect_hooks defects_11_5_addresses[] = {
    {.name = "renews-from-its-newest-address", .request = send_from_newest},
    {.name = "names-its-first-address", .request = name_first_address},
    {.name = "stays-where-it-was", .list = keep_list},
    {.name = "renews-for-ever", .turn = ask_for_ever},
    {.name = "learns-its-address-for-a-day", .request = ask_for_a_day},
    {.name = NULL},
};
