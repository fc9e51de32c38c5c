#include "cli/ask_socket.h"

#include "node/common/route.h"

#include <errno.h>
/* Before the kernel's, which declares less. */
#include <netinet/in.h>

#include <linux/errqueue.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int find_server(const struct ask_options *options, struct ask_socket *out,
                       struct error *error)
{
    char text[ADDRESS_TEXT_SIZE];
    out->server_port = options->server.has_port ? options->server.port : PCP_SERVER_PORT;
    if (options->has_server) {
        out->server = options->server.place;
        if (options->interface)
            out->server.interface = options->interface;
        address_format(&out->server.address, text);
        if (address_is_any(&out->server.address))
            return error_set(error, "--server: %s is nobody's address", text);
        if (place_is_link_local(&out->server.address) && !out->server.interface)
            return error_set(error, "--server: %s is of one link only: say %s%%INTERFACE", text,
                             text);
        return 0;
    }
    if ((options->ipv6 || route_default_router(AF_INET, &out->server, NULL) != 0) &&
        route_default_router(AF_INET6, &out->server, NULL) != 0)
        return error_set(error, "there is no default router%s; --server says whom to ask",
                         options->ipv6 ? " of IPv6" : "");
    if (options->interface && options->interface != out->server.interface)
        return error_set(error,
                         "the default router, %s, is not on that interface; --server says "
                         "whom to ask",
                         address_format(&out->server.address, text));
    return 0;
}

static int find_source(const struct ask_options *options, struct ask_socket *out,
                       struct error *error)
{
    if (options->has_source) {
        out->source = options->source;
        if (address_is_ipv4(&out->source) != address_is_ipv4(&out->server.address))
            return error_set(error, "--source: expected an address of the server's family");
        return 0;
    }
    struct error cause = {""};
    if (route_source_address(&out->server, &out->source, &cause) != 0)
        return error_set(error, "%.500s%s", cause.text,
                         address_is_ipv4(&out->server.address) ? "" : "; --source names another");
    return 0;
}

/* Errors come to the queue that ask_socket_trouble() reads. */
static int ask_for_errors(int handle, int family)
{
    const int yes = 1;
    return family == AF_INET ? setsockopt(handle, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes)
                             : setsockopt(handle, IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes);
}

static int open_from_source(const struct ask_options *options, struct ask_socket *out,
                            struct error *error)
{
    char text[PLACE_TEXT_SIZE];
    int family = place_family(&out->server);
    int interface = (int)out->server.interface;
    struct place from = {.address = out->source};
    union socket_address address;
    if (place_is_link_local(&from.address))
        from.interface = out->server.interface;
    socklen_t length = place_to_socket(&from, (uint16_t)options->source_port.value, &address);
    out->handle = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->handle < 0)
        return error_set_errno(error, errno, "could not open a socket");
    if (interface &&
        setsockopt(out->handle, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof interface) != 0)
        return error_set_errno(error, errno, "could not keep to the interface");
    if (ask_for_errors(out->handle, family) != 0)
        return error_set_errno(error, errno, "could not ask for ICMP errors");
    if (bind(out->handle, &address.any, length) != 0)
        return error_set_errno(
            error, errno, "could not send from %s",
            place_text(&from.address, (uint16_t)options->source_port.value, text));
    length = sizeof address;
    if (getsockname(out->handle, &address.any, &length) != 0)
        return error_set_errno(error, errno, "could not learn the port to send from");
    place_from_socket(&address, &from, &out->source_port);
    return 0;
}

int ask_socket_open(const struct ask_options *options, struct ask_socket *out, struct error *error)
{
    *out = (struct ask_socket){.handle = -1};
    if (find_server(options, out, error) != 0 || find_source(options, out, error) != 0)
        return -1;
    if (open_from_source(options, out, error) != 0) {
        ask_socket_close(out);
        return -1;
    }
    return 0;
}

void ask_socket_close(const struct ask_socket *socket)
{
    if (socket->handle >= 0)
        (void)close(socket->handle);
}

int ask_socket_send(const struct ask_socket *socket, const uint8_t *octets, size_t length,
                    struct error *error)
{
    char text[PLACE_TEXT_SIZE];
    union socket_address address;
    socklen_t size = place_to_socket(&socket->server, socket->server_port, &address);
    /* The first call may tell of an ICMP error that waits, and send nothing; each does so once. */
    for (int tries = 0; tries < 3; tries++)
        if (sendto(socket->handle, octets, length, 0, &address.any, size) >= 0)
            return 0;
    return error_set_errno(error, errno, "could not send to %s",
                           place_text(&socket->server.address, socket->server_port, text));
}

bool ask_socket_receive(const struct ask_socket *socket, uint8_t *octets, size_t capacity,
                        struct ask_datagram *out)
{
    union socket_address from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(socket->handle, octets, capacity, MSG_TRUNC, &from.any, &size);
    if (got < 0)
        return false; /* nothing there; or an ICMP error, which waits in its queue */
    place_from_socket(&from, &out->from, &out->port);
    out->whole = (size_t)got;
    out->length = out->whole < capacity ? out->whole : capacity;
    return true;
}

/* Who sent the ICMP error, if the kernel knows. */
static bool read_offender(const struct sock_extended_err *failure, struct place *from)
{
    union socket_address address;
    const struct sockaddr *offender = SO_EE_OFFENDER(failure);
    memcpy(&address.any, offender, sizeof address.any);
    if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6)
        return false;
    memcpy(&address, offender,
           address.any.sa_family == AF_INET ? sizeof address.ipv4 : sizeof address.ipv6);
    place_from_socket(&address, from, NULL);
    return true;
}

bool ask_socket_trouble(const struct ask_socket *socket, struct ask_trouble *out)
{
    union {
        struct cmsghdr first;
        char octets[512];
    } control;
    uint8_t quoted[1]; /* of the request: it is known */
    struct iovec piece = {.iov_base = quoted, .iov_len = sizeof quoted};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(socket->handle, &message, MSG_ERRQUEUE) < 0)
        return false;
    *out = (struct ask_trouble){.errno_value = EIO};
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        bool ours = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                    (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
        if (!ours)
            continue;
        const struct sock_extended_err *failure = (const void *)CMSG_DATA(at);
        out->errno_value = (int)failure->ee_errno;
        out->has_from = read_offender(failure, &out->from);
    }
    return true;
}

bool ask_socket_from_server(const struct ask_socket *socket, const struct ask_datagram *datagram)
{
    return datagram->port == socket->server_port &&
           address_equal(&datagram->from.address, &socket->server.address) &&
           (!place_is_link_local(&socket->server.address) ||
            datagram->from.interface == socket->server.interface);
}
