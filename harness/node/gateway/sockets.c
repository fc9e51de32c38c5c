#include "node/gateway/sockets.h"

#include "engine/pcp_client_select.h"
#include "node/common/place.h"
#include "node/gateway/defect.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PATHS = 256,
    CONTROL_SIZE = 128,
    RECEIVE_BUFFER = 4 << 20, /* a burst that a rewrite of the state file holds up */
    NAME_COUNT = 2 * CONFIG_INTERFACES
};

struct listener {
    int descriptor;
    int family;
    char interface[IF_NAMESIZE];
    unsigned int interface_index;
    enum pcp_server_side side;
};

struct path {
    size_t listener;
    struct address local;
};

struct datagram {
    uint8_t octets[SOCKETS_DATAGRAM];
    union socket_address from;
    uint8_t control[CONTROL_SIZE] __attribute__((aligned(8)));
};

struct sockets {
    struct listener listeners[SOCKETS_MAXIMUM];
    size_t count;
    struct path paths[PATHS];
    size_t path_count;
    const struct config *config;
    struct datagram datagrams[SOCKETS_BATCH];
    struct iovec vectors[SOCKETS_BATCH];
    struct mmsghdr messages[SOCKETS_BATCH]; /* ready to receive into the datagrams */
};

/* --- opening -------------------------------------------------------------------------------- */

static int set_option(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

static int configure(const struct listener *listener)
{
    int descriptor = listener->descriptor;
    union socket_address any = {.any.sa_family = (sa_family_t)listener->family};
    socklen_t length = sizeof any.ipv4;
    if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, listener->interface,
                   (socklen_t)strlen(listener->interface)))
        return -1;
    set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
        set_option(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    if (listener->family == AF_INET6) {
        any.ipv6.sin6_port = htons(PCP_SERVER_PORT);
        length = sizeof any.ipv6;
        if (set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1) ||
            set_option(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1))
            return -1;
    } else {
        any.ipv4.sin_port = htons(PCP_SERVER_PORT);
        if (set_option(descriptor, IPPROTO_IP, IP_PKTINFO, 1))
            return -1;
    }
    return bind(descriptor, &any.any, length);
}

static int open_listener(struct sockets *sockets, const char *interface, int family,
                         enum pcp_server_side side, struct error *error)
{
    struct listener *listener = &sockets->listeners[sockets->count];
    *listener = (struct listener){.family = family, .side = side};
    memcpy(listener->interface, interface, IF_NAMESIZE);
    listener->interface_index = if_nametoindex(interface);
    if (!listener->interface_index)
        return error_set(error, "interface %s: there is none", interface);
    listener->descriptor = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->descriptor < 0 && errno == EAFNOSUPPORT && family == AF_INET6)
        return 0; /* a machine without IPv6 has no clients of that family */
    if (listener->descriptor < 0)
        return error_set_errno(error, errno, "socket");
    sockets->count++;
    if (configure(listener))
        return error_set_errno(error, errno, "UDP port %d of interface %s", PCP_SERVER_PORT,
                               interface);
    return 0;
}

/* The path of a local address on a listener; a new one if there is room, else any of that listener. */
static uint16_t path_of(struct sockets *sockets, size_t listener, const struct address *local)
{
    size_t fallback = 0;
    for (size_t i = 0; i < sockets->path_count; i++) {
        if (sockets->paths[i].listener != listener)
            continue;
        if (address_equal(&sockets->paths[i].local, local))
            return (uint16_t)i;
        fallback = i;
    }
    if (sockets->path_count == PATHS)
        return (uint16_t)fallback;
    sockets->paths[sockets->path_count] = (struct path){listener, *local};
    return (uint16_t)sockets->path_count++;
}

/* Calls visit for each unicast address that an interface has of a listener's family. */
static void each_address(struct sockets *sockets, size_t which,
                         void (*visit)(struct sockets *sockets, size_t which,
                                       const struct address *local, void *context),
                         void *context)
{
    const struct listener *listener = &sockets->listeners[which];
    struct ifaddrs *all;
    if (getifaddrs(&all))
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != listener->family ||
            strcmp(one->ifa_name, listener->interface) != 0)
            continue;
        union socket_address socket_address;
        struct place place;
        memcpy(&socket_address, one->ifa_addr,
               listener->family == AF_INET ? sizeof socket_address.ipv4
                                           : sizeof socket_address.ipv6);
        place_from_socket(&socket_address, &place, NULL);
        visit(sockets, which, &place.address, context);
    }
    freeifaddrs(all);
}

static void note_path(struct sockets *sockets, size_t which, const struct address *local,
                      void *context)
{
    (void)context;
    path_of(sockets, which, local);
}

static int open_all(struct sockets *sockets, const char names[][IF_NAMESIZE], size_t count,
                    enum pcp_server_side side, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (open_listener(sockets, names[i], AF_INET, side, error) ||
            open_listener(sockets, names[i], AF_INET6, side, error))
            return -1;
    return 0;
}

/* The kernel overwrites the lengths of what it fills. */
static void make_room(struct sockets *sockets, size_t index)
{
    struct datagram *datagram = &sockets->datagrams[index];
    sockets->vectors[index] = (struct iovec){datagram->octets, SOCKETS_DATAGRAM};
    sockets->messages[index].msg_hdr = (struct msghdr){.msg_name = &datagram->from,
                                                       .msg_namelen = sizeof datagram->from,
                                                       .msg_iov = &sockets->vectors[index],
                                                       .msg_iovlen = 1,
                                                       .msg_control = datagram->control,
                                                       .msg_controllen = CONTROL_SIZE};
}

struct sockets *sockets_open(const struct config *config, struct error *error)
{
    struct sockets *sockets = calloc(1, sizeof *sockets);
    if (!sockets) {
        error_set(error, "sockets: no memory");
        return NULL;
    }
    sockets->config = config;
    for (size_t i = 0; i < SOCKETS_BATCH; i++)
        make_room(sockets, i);
    if (open_all(sockets, config->inside, config->inside_count, PCP_SERVER_INSIDE, error) ||
        open_all(sockets, config->trusted, config->trusted_count, PCP_SERVER_TRUSTED, error)) {
        sockets_close(sockets);
        return NULL;
    }
    /* In the same order at each start, so that the numbers in a state file stay true. */
    for (size_t i = 0; i < sockets->count; i++)
        each_address(sockets, i, note_path, NULL);
    return sockets;
}

void sockets_close(struct sockets *sockets)
{
    for (size_t i = 0; sockets && i < sockets->count; i++)
        close(sockets->listeners[i].descriptor);
    free(sockets);
}

size_t sockets_count(const struct sockets *sockets)
{
    return sockets->count;
}

void sockets_poll(const struct sockets *sockets, struct pollfd *descriptors)
{
    for (size_t i = 0; i < sockets->count; i++)
        descriptors[i] = (struct pollfd){.fd = sockets->listeners[i].descriptor, .events = POLLIN};
}

/* --- receiving ------------------------------------------------------------------------------ */

/* The local address that a datagram was sent to; false if that is none of one host. */
static bool asked_address(const struct msghdr *message, struct address *local)
{
    struct msghdr copy = *message;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&copy); part; part = CMSG_NXTHDR(&copy, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            uint8_t octets[4];
            memcpy(octets, &info.ipi_addr, sizeof octets);
            *local = address_from_ipv4(octets);
            return info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr; /* no multicast, broadcast */
        }
        if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            *local = address_from_ipv6(info.ipi6_addr.s6_addr);
            return !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
        }
    }
    return false;
}

/* Requests to an external address are none of ours, wherever they come from (RFC 6886 3.3), unless that
 * interface is trusted: it may have no other. */
static bool is_external(const struct config *config, const struct address *local)
{
    for (size_t i = 0; i < config->policy.external_count && !defect_hears_outside(config->defect);
         i++)
        if (address_equal(&config->external[i], local))
            return true;
    return false;
}

/* RFC 7723 section 1 wants a means to disable these. */
static bool is_unwanted(const struct config *config, const struct address *local)
{
    const struct address anycast[] = {pcp_select_anycast_ipv4(), pcp_select_anycast_ipv6()};
    return !config->anycast &&
           (address_equal(local, &anycast[0]) || address_equal(local, &anycast[1]));
}

size_t sockets_receive(struct sockets *sockets, size_t which, struct pcp_server_input *inputs)
{
    const struct listener *listener = &sockets->listeners[which];
    int received =
        recvmmsg(listener->descriptor, sockets->messages, SOCKETS_BATCH, MSG_DONTWAIT, NULL);
    size_t count = 0;
    for (int i = 0; i < received; i++) {
        struct address local;
        struct place from;
        uint16_t port;
        bool is_ours =
            asked_address(&sockets->messages[i].msg_hdr, &local) &&
            !is_unwanted(sockets->config, &local) &&
            (listener->side == PCP_SERVER_TRUSTED || !is_external(sockets->config, &local));
        make_room(sockets, (size_t)i);
        if (!is_ours)
            continue;
        place_from_socket(&sockets->datagrams[i].from, &from, &port);
        inputs[count++] = (struct pcp_server_input){
            .octets = sockets->datagrams[i].octets,
            .length = sockets->messages[i].msg_len,
            .source = from.address,
            .source_port = port,
            .side = listener->side,
            .path = path_of(sockets, which, &local),
        };
    }
    return count;
}

/* --- sending -------------------------------------------------------------------------------- */

/* One datagram to go out, with the parts that msghdr points to. */
struct parcel {
    union socket_address to;
    struct iovec vector;
    uint8_t control[CONTROL_SIZE] __attribute__((aligned(8)));
};

static void add_control(struct msghdr *message, struct parcel *parcel, int level, int type,
                        const void *value, size_t length)
{
    message->msg_control = parcel->control;
    message->msg_controllen = CMSG_SPACE(length);
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    part->cmsg_level = level;
    part->cmsg_type = type;
    part->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(part), value, length);
}

/* Addresses a parcel from a local address of a listener. */
static void address_parcel(const struct listener *listener, const struct address *local,
                           const struct address *destination, uint16_t port, const uint8_t *octets,
                           size_t length, struct parcel *parcel, struct msghdr *message)
{
    struct place place = {.address = *destination, .interface = listener->interface_index};
    memset(parcel->control, 0, sizeof parcel->control);
    parcel->vector = (struct iovec){(void *)octets, length};
    *message = (struct msghdr){.msg_name = &parcel->to,
                               .msg_namelen = place_to_socket(&place, port, &parcel->to),
                               .msg_iov = &parcel->vector,
                               .msg_iovlen = 1};
    if (listener->family == AF_INET) {
        struct in_pktinfo info = {.ipi_ifindex = (int)listener->interface_index};
        memcpy(&info.ipi_spec_dst, local->octet + 12, 4);
        add_control(message, parcel, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_ifindex = listener->interface_index};
        memcpy(&info.ipi6_addr, local->octet, 16);
        add_control(message, parcel, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
}

void sockets_answer(struct sockets *sockets, size_t which, const struct pcp_server_input *inputs,
                    const struct pcp_server_answer *answers, size_t count)
{
    static struct parcel parcels[SOCKETS_BATCH];
    struct mmsghdr messages[SOCKETS_BATCH];
    const struct listener *listener = &sockets->listeners[which];
    unsigned int used = 0;
    for (size_t i = 0; i < count; i++) {
        if (answers[i].length == 0)
            continue;
        address_parcel(listener, &sockets->paths[inputs[i].path].local, &inputs[i].source,
                       inputs[i].source_port, answers[i].octets, answers[i].length, &parcels[used],
                       &messages[used].msg_hdr);
        used++;
    }
    for (unsigned int sent = 0; sent < used;) {
        int now = sendmmsg(listener->descriptor, messages + sent, used - sent, 0);
        /* One that can't be sent is lost as any datagram may be: its client asks again. */
        sent += now > 0 ? (unsigned int)now : 1;
    }
}

static void send_from(const struct listener *listener, const struct address *local,
                      const struct address *destination, uint16_t port, const uint8_t *octets,
                      size_t length)
{
    struct parcel parcel;
    struct msghdr message;
    address_parcel(listener, local, destination, port, octets, length, &parcel, &message);
    /* Lost like any datagram if it fails: announcements and updates are repeated. */
    (void)sendmsg(listener->descriptor, &message, 0);
}

void sockets_send(struct sockets *sockets, uint16_t path, const struct address *destination,
                  uint16_t port, const uint8_t *octets, size_t length)
{
    if (path >= sockets->path_count)
        return;
    const struct path *way = &sockets->paths[path];
    const struct listener *listener = &sockets->listeners[way->listener];
    if ((listener->family == AF_INET) == address_is_ipv4(destination))
        send_from(listener, &way->local, destination, port, octets, length);
}

struct announcement {
    const uint8_t *octets;
    size_t length;
};

static void announce_from(struct sockets *sockets, size_t which, const struct address *local,
                          void *context)
{
    static const uint8_t all_hosts4[4] = {224, 0, 0, 1};
    static const uint8_t all_nodes6[16] = {0xff, 0x02, [15] = 1};
    const struct announcement *announcement = context;
    const struct listener *listener = &sockets->listeners[which];
    struct address group =
        listener->family == AF_INET ? address_from_ipv4(all_hosts4) : address_from_ipv6(all_nodes6);
    send_from(listener, local, &group, PCP_CLIENT_PORT, announcement->octets, announcement->length);
}

void sockets_announce(struct sockets *sockets, const uint8_t *octets, size_t length,
                      bool ipv4_alone)
{
    struct announcement announcement = {octets, length};
    for (size_t i = 0; i < sockets->count; i++) {
        const struct listener *listener = &sockets->listeners[i];
        if (listener->side == PCP_SERVER_INSIDE && (listener->family == AF_INET || !ipv4_alone))
            each_address(sockets, i, announce_from, &announcement);
    }
}

struct address sockets_interface_address(const char *name)
{
    struct address found = address_any_ipv4();
    struct ifaddrs *all;
    if (getifaddrs(&all))
        return found;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET ||
            strcmp(one->ifa_name, name) != 0)
            continue;
        struct sockaddr_in address;
        uint8_t octets[4];
        memcpy(&address, one->ifa_addr, sizeof address);
        memcpy(octets, &address.sin_addr, sizeof octets);
        found = address_from_ipv4(octets);
        break;
    }
    freeifaddrs(all);
    return found;
}
