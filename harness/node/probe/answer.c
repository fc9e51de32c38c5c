#include "node/probe/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* One socket for both families: IPv4 comes with mapped addresses. */
static int open_socket(uint16_t port)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const int off = 0;
    const int on = 1;
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&any, sizeof any) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

/* Answers one datagram with its own text behind the mark. The control data received says which address
 * it was sent to; sent back as it is, it makes that the answer's source. */
static int answer_one(int fd, unsigned number, bool *answered)
{
    char datagram[PROBE_DATAGRAM] = PROBE_MARK;
    const size_t mark = sizeof PROBE_MARK - 1;
    union {
        struct cmsghdr aligned;
        uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control;
    struct endpoint from;
    struct iovec part = {.iov_base = datagram + mark, .iov_len = sizeof datagram - mark};
    struct msghdr message = {.msg_name = &from.address,
                             .msg_namelen = sizeof from.address,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    *answered = false;
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < 0)
        return errno == EINTR ? 0 : -1;
    from.length = message.msg_namelen;
    char text[ENDPOINT_TEXT_SIZE];
    printf("pinhole-probe: received %u from %s\n", number, endpoint_format(&from, text));
    if ((size_t)length >= mark && memcmp(part.iov_base, PROBE_MARK, mark) == 0)
        return 0;
    part = (struct iovec){.iov_base = datagram, .iov_len = mark + (size_t)length};
    /* No route back, a firewall: the asker's misfortune, not the end of this program. */
    if (sendmsg(fd, &message, 0) < 0) {
        printf("pinhole-probe: cannot answer %s: %s\n", text, strerror(errno));
        return 0;
    }
    printf("pinhole-probe: answered %u\n", number);
    *answered = true;
    return 0;
}

enum probe_exit probe_answer(const struct probe_options *options)
{
    int fd = open_socket(options->port);
    if (fd < 0)
        return probe_fail("cannot bind the port");
    printf("pinhole-probe: ready on port %u\n", options->port);
    unsigned received = 0;
    unsigned answers = 0;
    while (options->count == 0 || answers < options->count) {
        bool answered;
        if (answer_one(fd, ++received, &answered) != 0) {
            close(fd);
            return probe_fail("cannot receive");
        }
        answers += answered;
    }
    close(fd);
    return PROBE_ANSWERED;
}
