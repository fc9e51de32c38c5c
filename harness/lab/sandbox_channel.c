#include "lab/sandbox_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control { /* room for one descriptor, aligned */
    struct cmsghdr header;
    char octets[CMSG_SPACE(sizeof(int))];
};

int sandbox_channel_pair(int channels[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channels);
}

int sandbox_channel_send(int channel, enum sandbox_message message, const char *text,
                         int descriptor)
{
    union control control = {0};
    char kind = (char)message;
    struct iovec parts[] = {{&kind, 1}, {(void *)text, strlen(text)}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    if (descriptor >= 0) {
        packet.msg_control = &control;
        packet.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    ssize_t sent;
    do
        sent = sendmsg(channel, &packet, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

enum sandbox_message sandbox_channel_receive(int channel, struct error *text, int *descriptor)
{
    union control control = {0};
    char kind = 0;
    struct iovec parts[] = {{&kind, 1}, {text->text, sizeof text->text - 1}};
    struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    if (descriptor) {
        packet.msg_control = &control;
        packet.msg_controllen = sizeof control;
        *descriptor = -1;
    }
    ssize_t got;
    do
        got = recvmsg(channel, &packet, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return SANDBOX_GONE;
    text->text[got - 1] = '\0';
    struct cmsghdr *header = descriptor ? CMSG_FIRSTHDR(&packet) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return (enum sandbox_message)kind;
}
