#include "node/gateway/proxy.h"

#include "node/common/clock.h"
#include "node/common/place.h"
#include "node/common/route.h"
#include "node/common/say.h"
#include "node/gateway/defect.h"
#include "node/gateway/sockets.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PENDING = 1024, /* each takes a little over a datagram's memory */
    OLDEST =
        10000 /* milliseconds that a datagram may lie in its socket; more is a clock that was set */
};

struct proxy {
    struct pcp_proxy *engine;
    int descriptors[PROXY_DESCRIPTORS]; /* IPv4, IPv6; -1: none */
    const struct config *config;
    struct defect *defect;
    struct pcp_proxy_packet packets[SOCKETS_BATCH];
};

/* --- opening -------------------------------------------------------------------------------- */

static const int families[PROXY_DESCRIPTORS] = {AF_INET, AF_INET6};

static bool has_family(const struct config *config, int family)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (place_family(&config->upstream[i].place) == family)
            return true;
    return false;
}

int proxy_find_servers(struct config *config, struct error *error)
{
    struct error none[PROXY_DESCRIPTORS] = {{{0}}, {{0}}};
    for (size_t i = 0; config->upstream_auto && i < PROXY_DESCRIPTORS; i++) {
        struct config_upstream *server = &config->upstream[config->upstream_count];
        server->port = PCP_SERVER_PORT;
        if (route_default_router(families[i], &server->place, &none[i]) == 0)
            config->upstream_count++;
    }
    if (!has_family(config, AF_INET))
        config->policy.external_count = 0;
    config->policy.ipv6_firewall = config->policy.ipv6_firewall && has_family(config, AF_INET6);
    return config->upstream_count ? 0 : error_set(error, "%s", none[0].text);
}

static int set_option(int descriptor, int level, int option, int value)
{
    return setsockopt(descriptor, level, option, &value, sizeof value);
}

static int open_socket(struct proxy *proxy, size_t which, struct error *error)
{
    const char *outside = proxy->config->outside;
    bool ipv6 = families[which] == AF_INET6;
    const struct place any = {.address = ipv6 ? address_any_ipv6() : address_any_ipv4()};
    union socket_address local;
    socklen_t length = place_to_socket(&any, PCP_CLIENT_PORT, &local);
    int descriptor = socket(families[which], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    proxy->descriptors[which] = descriptor;
    if (descriptor < 0 ||
        setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, outside, (socklen_t)strlen(outside)) ||
        set_option(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, 1) ||
        (ipv6 && set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        bind(descriptor, &local.any, length))
        return error_set_errno(error, errno, "UDP port %d of interface %s", PCP_CLIENT_PORT,
                               outside);
    return 0;
}

static int make_engine(struct proxy *proxy, struct pcp_server *server, struct error *error)
{
    const struct config *config = proxy->config;
    struct pcp_proxy_settings settings = {.upstream_count = config->upstream_count,
                                          .spread = config->upstream_spread,
                                          .own = {config->external[0]},
                                          .pending = PENDING,
                                          .relay_opcodes = config->relay_unknown};
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct place *place = &config->upstream[i].place;
        settings.upstream[i] = place->address;
        if (place_family(place) == AF_INET6 && route_source_address(place, &settings.own[1], error))
            return -1;
    }
    size_t size = pcp_proxy_size(&config->policy, &settings);
    void *memory = malloc(size);
    if (!memory)
        return error_set(error, "proxy: no memory for %u mappings",
                         config->policy.mapping_capacity);
    proxy->engine = pcp_proxy_create(memory, size, server, &config->policy, &settings, error);
    if (!proxy->engine)
        free(memory);
    return proxy->engine ? 0 : -1;
}

struct proxy *proxy_open(const struct config *config, struct pcp_server *server,
                         struct error *error)
{
    char text[PLACE_TEXT_SIZE];
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy) {
        error_set(error, "proxy: no memory");
        return NULL;
    }
    proxy->config = config;
    proxy->defect = config->defect;
    bool failed = false;
    for (size_t i = 0; i < PROXY_DESCRIPTORS; i++) {
        proxy->descriptors[i] = -1;
        failed = failed || (has_family(config, families[i]) && open_socket(proxy, i, error));
    }
    if (failed || make_engine(proxy, server, error)) {
        proxy_close(proxy);
        return NULL;
    }
    for (size_t i = 0; i < config->upstream_count; i++)
        say("upstream %s",
            place_text(&config->upstream[i].place.address, config->upstream[i].port, text));
    return proxy;
}

void proxy_close(struct proxy *proxy)
{
    if (!proxy)
        return;
    for (size_t i = 0; i < PROXY_DESCRIPTORS; i++)
        if (proxy->descriptors[i] >= 0)
            close(proxy->descriptors[i]);
    free(proxy->engine);
    free(proxy);
}

int proxy_descriptor(const struct proxy *proxy, size_t which)
{
    return proxy ? proxy->descriptors[which] : -1;
}

void proxy_renumber(struct proxy *proxy, const struct address *external)
{
    pcp_proxy_renumber(proxy->engine, external);
}

/* --- requests ------------------------------------------------------------------------------- */

void proxy_request(struct proxy *proxy, size_t which, const struct pcp_server_input *input,
                   struct pcp_server_answer *answer)
{
    pcp_proxy_request(proxy->engine, input, answer, &proxy->packets[which]);
}

void proxy_refuse(struct proxy *proxy, size_t which, const struct pcp_server_input *input,
                  struct pcp_server_answer *answer)
{
    proxy->packets[which].length = 0;
    pcp_proxy_refuse(proxy->engine, input, answer);
}

/* Sends a datagram from an address of ours to one server. */
static void send_to(const struct proxy *proxy, const struct config_upstream *server,
                    const struct address *from, uint8_t *octets, size_t length)
{
    union socket_address to;
    struct iovec vector = {octets, length};
    uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] __attribute__((aligned(8))) = {0};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = place_to_socket(&server->place, server->port, &to),
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control};
    struct in_pktinfo source = {.ipi_ifindex = 0};
    struct in6_pktinfo source6 = {.ipi6_ifindex = 0};
    bool ipv6 = place_family(&server->place) == AF_INET6;
    size_t size = ipv6 ? sizeof source6 : sizeof source;
    if (address_is_ipv4(from) == ipv6)
        return;
    memcpy(&source.ipi_spec_dst, from->octet + 12, 4);
    memcpy(&source6.ipi6_addr, from->octet, 16);
    message.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
    part->cmsg_type = ipv6 ? IPV6_PKTINFO : IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(part), ipv6 ? (void *)&source6 : (void *)&source, size);
    /* Lost like any datagram if it fails: the client asks again. */
    (void)sendmsg(proxy->descriptors[ipv6 ? 1 : 0], &message, 0);
}

static void forward(struct proxy *proxy, struct pcp_proxy_packet *packet)
{
    defect_forward(proxy->defect, packet->octets, &packet->length, &packet->source,
                   &packet->servers);
    for (size_t i = 0; packet->length && i < proxy->config->upstream_count; i++)
        if (packet->servers & 1U << i)
            send_to(proxy, &proxy->config->upstream[i], &packet->source, packet->octets,
                    packet->length);
}

void proxy_forward(struct proxy *proxy, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (proxy->packets[i].length)
            forward(proxy, &proxy->packets[i]);
}

void proxy_advance(struct proxy *proxy, uint64_t now)
{
    struct pcp_proxy_packet packet;
    while (proxy && pcp_proxy_advance(proxy->engine, now, &packet))
        forward(proxy, &packet);
}

uint64_t proxy_next_time(const struct proxy *proxy)
{
    return proxy ? pcp_proxy_next_time(proxy->engine) : PCP_SERVER_NEVER;
}

/* --- from upstream -------------------------------------------------------------------------- */

/* How long a datagram has lain in its socket, in the protocol's milliseconds: its epoch is judged by when it
 * came. */
static uint64_t age_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        struct timespec came;
        struct timespec now;
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&came, CMSG_DATA(part), sizeof came);
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t age = (now.tv_sec - came.tv_sec) * 1000 + (now.tv_nsec - came.tv_nsec) / 1000000;
        return age > 0 && age < OLDEST ? clock_scaled((uint64_t)age) : 0;
    }
    return 0;
}

/* An empty datagram, nothing to the engine, where it comes from nobody that we asked. */
static size_t from_server(const struct proxy *proxy, const struct place *source, uint16_t port,
                          size_t length)
{
    for (size_t i = 0; i < proxy->config->upstream_count; i++)
        if (proxy->config->upstream[i].port == port &&
            address_equal(&proxy->config->upstream[i].place.address, &source->address))
            return length;
    return 0;
}

static bool receive(struct proxy *proxy, int descriptor, uint64_t now,
                    struct pcp_proxy_relay *relay)
{
    uint8_t octets[SOCKETS_DATAGRAM];
    uint8_t control[CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    union socket_address from;
    struct place source;
    uint16_t port;
    struct iovec vector = {octets, sizeof octets};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t received = descriptor < 0 ? -1 : recvmsg(descriptor, &message, 0);
    if (received < 0)
        return false;
    size_t length = (size_t)received;
    uint64_t age = age_of(&message);
    defect_upstream(proxy->defect, octets, &length);
    place_from_socket(&from, &source, &port);
    if (defect_believes_everybody(proxy->defect))
        source = proxy->config->upstream[0].place;
    pcp_proxy_response(proxy->engine, &source.address, octets,
                       from_server(proxy, &source, port, length), age < now ? now - age : now,
                       relay);
    return true;
}

bool proxy_receive(struct proxy *proxy, uint64_t now, struct pcp_proxy_relay *relay)
{
    return receive(proxy, proxy->descriptors[0], now, relay) ||
           receive(proxy, proxy->descriptors[1], now, relay);
}

void proxy_refuse_relay(struct proxy *proxy, struct pcp_proxy_relay *relay)
{
    const struct pcp_server_input none = {.length = 0};
    pcp_proxy_refuse(proxy->engine, &none, &relay->answer);
    relay->answer.length = 0;
}
