#include "node/probe/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Connected, so that the kernel lets in the answers of the address probed and nobody else's, and hands
 * over ICMP errors. */
static int open_socket(const struct probe_options *options)
{
    int fd = socket(options->to.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const struct sockaddr *from = (const struct sockaddr *)&options->from.address;
    const struct sockaddr *to = (const struct sockaddr *)&options->to.address;
    if ((options->has_from && bind(fd, from, options->from.length) != 0) ||
        connect(fd, to, options->to.length) != 0) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

/* An ICMP error ends no wait: the next try may meet a mapping. */
static bool await_answer(int fd, unsigned milliseconds)
{
    int64_t deadline = now_milliseconds() + milliseconds;
    int64_t left;
    while ((left = deadline - now_milliseconds()) >= 0) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, (int)left) <= 0)
            continue;
        char datagram[PROBE_DATAGRAM + 1];
        ssize_t length = recv(fd, datagram, sizeof datagram - 1, 0);
        if (length < 0) {
            if (errno != EAGAIN && errno != EINTR)
                printf("pinhole-probe: refused: %s\n", strerror(errno));
            continue;
        }
        datagram[length] = '\0';
        if (strncmp(datagram, PROBE_MARK, sizeof PROBE_MARK - 1) == 0)
            return true;
        printf("pinhole-probe: received something else of %zd octets\n", length);
    }
    return false;
}

enum probe_exit probe_send(const struct probe_options *options)
{
    char to[ENDPOINT_TEXT_SIZE];
    endpoint_format(&options->to, to);
    int fd = open_socket(options);
    if (fd < 0)
        return probe_fail("cannot open a socket");
    enum probe_exit result = PROBE_SILENCE;
    for (unsigned i = 1; i <= options->count && result == PROBE_SILENCE; i++) {
        /* A refusal of the try before may be reported by this send. */
        if (send(fd, options->text, strlen(options->text), 0) < 0)
            printf("pinhole-probe: refused: %s\n", strerror(errno));
        else
            printf("pinhole-probe: sent %u to %s\n", i, to);
        if (await_answer(fd, options->wait)) {
            printf("pinhole-probe: answered by %s\n", to);
            result = PROBE_ANSWERED;
        }
    }
    if (result == PROBE_SILENCE)
        printf("pinhole-probe: no answer from %s\n", to);
    close(fd);
    return result;
}
