#include "node/gateway/proxy.h"

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
#include <unistd.h>

enum {
    PENDING = 1024 /* each takes a little over a datagram's memory */
};

struct proxy {
    struct pcp_proxy *engine;
    int descriptor;
    uint16_t port; /* of the server upstream */
    union socket_address upstream;
    socklen_t upstream_length;
    struct address server; /* upstream's address */
    struct defect *defect;
    struct pcp_proxy_packet packets[SOCKETS_BATCH];
};

/* --- opening -------------------------------------------------------------------------------- */

static int find_upstream(const struct config *config, struct place *upstream, struct error *error)
{
    if (!config->upstream_auto) {
        *upstream = (struct place){.address = config->upstream};
        return 0;
    }
    return route_default_router(AF_INET, upstream, error);
}

static int open_socket(struct proxy *proxy, const struct config *config, struct error *error)
{
    const struct place any = {.address = address_any_ipv4()};
    union socket_address local;
    socklen_t length = place_to_socket(&any, PCP_CLIENT_PORT, &local);
    proxy->descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (proxy->descriptor < 0 ||
        setsockopt(proxy->descriptor, SOL_SOCKET, SO_BINDTODEVICE, config->outside,
                   (socklen_t)strlen(config->outside)) ||
        bind(proxy->descriptor, &local.any, length))
        return error_set_errno(error, errno, "UDP port %d of interface %s", PCP_CLIENT_PORT,
                               config->outside);
    return 0;
}

static int make_engine(struct proxy *proxy, const struct config *config, struct pcp_server *server,
                       struct error *error)
{
    const struct pcp_proxy_settings settings = {.upstream = proxy->server,
                                                .own = config->external[0],
                                                .pending = PENDING,
                                                .relay_opcodes = true};
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
    struct place upstream;
    char text[PLACE_TEXT_SIZE];
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy) {
        error_set(error, "proxy: no memory");
        return NULL;
    }
    proxy->descriptor = -1;
    proxy->port = config->upstream_port;
    proxy->defect = config->defect;
    if (find_upstream(config, &upstream, error)) {
        proxy_close(proxy);
        return NULL;
    }
    proxy->server = upstream.address;
    proxy->upstream_length = place_to_socket(&upstream, proxy->port, &proxy->upstream);
    if (open_socket(proxy, config, error) || make_engine(proxy, config, server, error)) {
        proxy_close(proxy);
        return NULL;
    }
    say("upstream %s", place_text(&proxy->server, proxy->port, text));
    return proxy;
}

void proxy_close(struct proxy *proxy)
{
    if (!proxy)
        return;
    if (proxy->descriptor >= 0)
        close(proxy->descriptor);
    free(proxy->engine);
    free(proxy);
}

int proxy_descriptor(const struct proxy *proxy)
{
    return proxy->descriptor;
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

static void forward(struct proxy *proxy, struct pcp_proxy_packet *packet)
{
    defect_forward(proxy->defect, packet->octets, &packet->length, &packet->source);
    if (packet->length == 0)
        return;
    struct iovec vector = {packet->octets, packet->length};
    uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] __attribute__((aligned(8))) = {0};
    struct msghdr message = {.msg_name = &proxy->upstream,
                             .msg_namelen = proxy->upstream_length,
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct in_pktinfo source = {.ipi_ifindex = 0};
    memcpy(&source.ipi_spec_dst, packet->source.octet + 12, 4);
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = IPPROTO_IP;
    part->cmsg_type = IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof source);
    memcpy(CMSG_DATA(part), &source, sizeof source);
    /* Lost like any datagram if it fails: the client asks again. */
    (void)sendmsg(proxy->descriptor, &message, 0);
}

void proxy_forward(struct proxy *proxy, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (proxy->packets[i].length)
            forward(proxy, &proxy->packets[i]);
}

/* --- from upstream -------------------------------------------------------------------------- */

bool proxy_receive(struct proxy *proxy, uint64_t now, struct pcp_proxy_relay *relay)
{
    uint8_t octets[SOCKETS_DATAGRAM];
    union socket_address from;
    struct place source;
    uint16_t port;
    socklen_t from_length = sizeof from;
    ssize_t received =
        recvfrom(proxy->descriptor, octets, sizeof octets, 0, &from.any, &from_length);
    if (received < 0)
        return false;
    size_t length = (size_t)received;
    defect_upstream(proxy->defect, octets, &length);
    place_from_socket(&from, &source, &port);
    /* From another port it is nobody that we asked: an empty datagram is nothing to the engine. */
    pcp_proxy_response(proxy->engine, &source.address, octets, port == proxy->port ? length : 0,
                       now, relay);
    return true;
}

void proxy_refuse_relay(struct proxy *proxy, struct pcp_proxy_relay *relay)
{
    const struct pcp_server_input none = {.length = 0};
    pcp_proxy_refuse(proxy->engine, &none, &relay->answer);
    relay->answer.length = 0;
}
