#include "node/common/pcp_endpoint.h"

#include "node/common/chance.h"
#include "node/common/clock.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

static int fail(int handle, struct error *error, const char *what)
{
    error_set_errno(error, errno, "%s", what);
    if (handle >= 0)
        close(handle);
    return -1;
}

static int open_requests(const struct place *server, const struct address *source,
                         const struct pcp_endpoint_tap *tap, struct error *error)
{
    const struct place from = {.address = *source};
    union socket_address address;
    int handle = socket(place_family(server), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle < 0)
        return fail(-1, error, "could not open a socket for PCP");
    socklen_t length = place_to_socket(&from, tap ? tap->port : 0, &address);
    if (bind(handle, &address.any, length) < 0)
        return fail(handle, error, "could not bind to the address that the mapping is for");
    if (tap && tap->hears_anyone)
        return handle;
    length = place_to_socket(server, PCP_SERVER_PORT, &address);
    if (connect(handle, &address.any, length) < 0)
        return fail(handle, error, "there is no way to the PCP server");
    return handle;
}

/* The interface that holds source: there the server's announcements arrive. 0 if none does. */
static uint32_t interface_of(const struct address *source)
{
    struct ifaddrs *all;
    uint32_t index = 0;
    if (getifaddrs(&all) < 0)
        return 0;
    for (const struct ifaddrs *at = all; at && !index; at = at->ifa_next) {
        union socket_address address;
        struct place place;
        if (!at->ifa_addr ||
            (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
            continue;
        memcpy(&address, at->ifa_addr,
               at->ifa_addr->sa_family == AF_INET ? sizeof address.ipv4 : sizeof address.ipv6);
        place_from_socket(&address, &place, NULL);
        if (address_equal(&place.address, source))
            index = if_nametoindex(at->ifa_name);
    }
    freeifaddrs(all);
    return index;
}

static int join(int handle, const struct place *group)
{
    if (place_family(group) == AF_INET6) {
        struct ipv6_mreq request = {.ipv6mr_interface = group->interface};
        memcpy(&request.ipv6mr_multiaddr, group->address.octet, 16);
        return setsockopt(handle, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
    }
    struct ip_mreqn request = {.imr_ifindex = (int)group->interface};
    memcpy(&request.imr_multiaddr, group->address.octet + 12, 4);
    return setsockopt(handle, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
}

/* Bound to the group itself: RFC 6886 section 3.2.1 tells of trouble with port 5350 on all
 * addresses. */
static int open_announcements(const struct address *source, bool shared)
{
    struct place group = {.interface = interface_of(source)};
    address_parse(address_is_ipv4(source) ? "224.0.0.1" : "ff02::1", &group.address);
    int handle = socket(place_family(&group), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle < 0)
        return -1;
    const int yes = 1;
    union socket_address address;
    socklen_t length = place_to_socket(&group, PCP_CLIENT_PORT, &address);
    /* Either option lets only those share who set it too, so both are set. */
    if ((shared && (setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
                    setsockopt(handle, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) < 0)) ||
        bind(handle, &address.any, length) < 0 || join(handle, &group) < 0) {
        close(handle);
        return -1;
    }
    return handle;
}

static uint32_t now(const struct pcp_endpoint *endpoint)
{
    uint32_t time = (uint32_t)clock_milliseconds(); /* the engine's clock wraps */
    const struct pcp_endpoint_tap *tap = endpoint->tap;
    return tap && tap->clock ? tap->clock(tap->context, time) : time;
}

static void close_sockets(struct pcp_endpoint *endpoint)
{
    if (endpoint->requests >= 0)
        close(endpoint->requests);
    if (endpoint->announcements >= 0)
        close(endpoint->announcements);
    endpoint->requests = -1;
    endpoint->announcements = -1;
}

void pcp_endpoint_open(struct pcp_endpoint *endpoint, const struct pcp_endpoint_list *list,
                       struct pcp_mapping *mappings, uint16_t count)
{
    endpoint->requests = -1;
    endpoint->announcements = -1;
    memcpy(endpoint->interfaces, list->interfaces, sizeof endpoint->interfaces);
    pcp_select_init(&endpoint->selection, &endpoint->client, list->addresses, list->count, mappings,
                    count, now(endpoint));
}

void pcp_endpoint_close(struct pcp_endpoint *endpoint)
{
    close_sockets(endpoint);
}

bool pcp_endpoint_hand_over(struct pcp_endpoint *endpoint, struct pcp_endpoint *to,
                            struct pcp_mapping *mappings)
{
    struct pcp_client *client = &endpoint->client;
    if (endpoint->requests < 0 || !interface_of(&endpoint->source))
        return false;
    *to = *endpoint;
    memcpy(mappings, client->mappings, client->mapping_count * sizeof *mappings);
    to->client.mappings = mappings;
    to->selection.client = &to->client;
    endpoint->requests = -1;
    endpoint->announcements = -1;
    return true;
}

void pcp_endpoint_replace(struct pcp_endpoint *endpoint, const struct pcp_endpoint_list *list)
{
    memcpy(endpoint->interfaces, list->interfaces, sizeof endpoint->interfaces);
    pcp_select_replace(&endpoint->selection, list->addresses, list->count, now(endpoint));
}

void pcp_endpoint_handles(const struct pcp_endpoint *endpoint,
                          struct pollfd handles[PCP_ENDPOINT_HANDLES])
{
    handles[0] = (struct pollfd){.fd = endpoint->requests, .events = POLLIN};
    handles[1] = (struct pollfd){.fd = endpoint->announcements, .events = POLLIN};
}

/* Jitter needs no secrecy: without random octets it is the same each time, and no harm is done. */
static uint32_t random_number(void)
{
    uint32_t number = 0;
    (void)chance_fill(&number, sizeof number, NULL);
    return number;
}

static void tell_events(struct pcp_endpoint *endpoint)
{
    struct pcp_event event;
    while (pcp_client_event(&endpoint->client, &event))
        endpoint->happened(endpoint->context, &event);
}

/* The sockets lead to the address that the selection has chosen. False if there is no way to it. */
static bool follow(struct pcp_endpoint *endpoint)
{
    const struct pcp_client *client = &endpoint->client;
    const struct place peer = {
        .address = client->server,
        .interface = endpoint->interfaces[endpoint->selection.current],
    };
    bool same = address_equal(&peer.address, &endpoint->peer.address) &&
                peer.interface == endpoint->peer.interface &&
                address_equal(&client->address, &endpoint->source);
    if (same && endpoint->requests >= 0)
        return true;
    close_sockets(endpoint);
    if (!same)
        endpoint->turned(endpoint->context, &peer.address);
    endpoint->peer = peer;
    endpoint->source = client->address;
    endpoint->requests = open_requests(&peer, &client->address, endpoint->tap, NULL);
    const struct pcp_endpoint_tap *tap = endpoint->tap;
    if (!tap || !tap->hears_no_announcements)
        endpoint->announcements =
            open_announcements(&client->address, !tap || !tap->hears_announcements_alone);
    return endpoint->requests >= 0;
}

/* A hard error of RFC 1122, as Linux tells it: port or protocol unreachable. */
static bool is_refused(int problem)
{
    return problem == ECONNREFUSED || problem == ENOPROTOOPT;
}

/* One datagram; false if there is none. */
static bool receive(struct pcp_endpoint *endpoint, int handle)
{
    uint8_t octets[PCP_ENDPOINT_ROOM]; /* one that is too long shows itself */
    union socket_address from;
    socklen_t length = sizeof from;
    const struct pcp_endpoint_tap *tap = endpoint->tap;
    ssize_t got = recvfrom(handle, octets, sizeof octets, 0, &from.any, &length);
    if (got < 0 && is_refused(errno)) {
        pcp_select_unreachable(&endpoint->selection, now(endpoint));
        return true;
    }
    if (got < 0)
        return errno == EINTR;
    struct place source;
    uint16_t port;
    place_from_socket(&from, &source, &port);
    if (tap && tap->answer)
        got = (ssize_t)tap->answer(tap->context, endpoint, &source.address, &port, octets,
                                   (size_t)got);
    pcp_select_receive(&endpoint->selection, now(endpoint), random_number(), &source.address, port,
                       octets, (size_t)got);
    tell_events(endpoint);
    return true;
}

void pcp_endpoint_send(struct pcp_endpoint *endpoint, const uint8_t *octets, size_t length)
{
    union socket_address to;
    socklen_t to_length = place_to_socket(&endpoint->peer, PCP_SERVER_PORT, &to);
    (void)sendto(endpoint->requests, octets, length, 0, &to.any, to_length);
}

/* One that can't go out is lost, as it may be anywhere on the way; it is repeated. */
static void send_request(struct pcp_endpoint *endpoint, uint8_t *octets, size_t length)
{
    const struct pcp_endpoint_tap *tap = endpoint->tap;
    if (tap && tap->request)
        length = tap->request(tap->context, endpoint, octets, length);
    if (length == 0)
        return;
    if (tap && tap->hears_anyone) {
        pcp_endpoint_send(endpoint, octets, length);
        return;
    }
    if (send(endpoint->requests, octets, length, 0) >= 0 || !is_refused(errno))
        return;
    /* The error is that of a request of before, and this one has not been sent. */
    uint8_t address = endpoint->selection.current;
    pcp_select_unreachable(&endpoint->selection, now(endpoint));
    if (endpoint->selection.current == address && !endpoint->selection.resting)
        (void)send(endpoint->requests, octets, length, 0);
}

void pcp_endpoint_process(struct pcp_endpoint *endpoint)
{
    /* Some at a time: a flood must not keep the caller from its other work. */
    enum { AT_ONCE = 32 };
    for (int i = 0; i < AT_ONCE && endpoint->requests >= 0; i++) {
        if (!receive(endpoint, endpoint->requests))
            break;
    }
    for (int i = 0; i < AT_ONCE && endpoint->announcements >= 0; i++) {
        if (!receive(endpoint, endpoint->announcements))
            break;
    }
    if (endpoint->tap && endpoint->tap->turn)
        endpoint->tap->turn(endpoint->tap->context, endpoint, now(endpoint));
    uint8_t octets[PCP_ENDPOINT_ROOM];
    size_t length;
    while ((length = pcp_select_send(&endpoint->selection, now(endpoint), random_number(), octets,
                                     PCP_CLIENT_DATAGRAM_LENGTH)) > 0) {
        if (!follow(endpoint))
            pcp_select_unreachable(&endpoint->selection, now(endpoint));
        else
            send_request(endpoint, octets, length);
        tell_events(endpoint);
    }
    tell_events(endpoint);
}

static void discard(int handle)
{
    uint8_t octet;
    while (handle >= 0 && (recv(handle, &octet, 1, 0) >= 0 || errno == EINTR || is_refused(errno)))
        ;
}

void pcp_endpoint_wake(struct pcp_endpoint *endpoint)
{
    discard(endpoint->requests);
    discard(endpoint->announcements);
    if (endpoint->client.version == PCP_VERSION)
        pcp_client_probe(&endpoint->client, now(endpoint));
}

struct pcp_mapping *pcp_endpoint_mapping(const struct pcp_endpoint *endpoint,
                                         const struct pcp_message *message)
{
    const struct pcp_client *client = &endpoint->client;
    const struct pcp_map *theirs = &message->data.map;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        const struct pcp_map *ours = &client->mappings[i].data.map;
        if (client->mappings[i].opcode == message->opcode && ours->protocol == theirs->protocol &&
            ours->internal_port == theirs->internal_port)
            return &client->mappings[i];
    }
    return NULL;
}

uint32_t pcp_endpoint_wait(const struct pcp_endpoint *endpoint)
{
    return pcp_client_wait(&endpoint->client, now(endpoint));
}
