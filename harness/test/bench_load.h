/* For programs that load a server with more requests than wait for their turn: batches of datagrams, each from the
 * local address that it says. */
#ifndef PINHOLE_TEST_BENCH_LOAD_H
#define PINHOLE_TEST_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { LOAD_BATCH = 64, LOAD_ROOM = 256, LOAD_CONTROL = 64 };

struct load_parcel {
    uint8_t octets[LOAD_ROOM];
    struct iovec vector;
    uint8_t control[LOAD_CONTROL] __attribute__((aligned(8)));
};

/* What came at a time. */
struct load_answers {
    uint8_t octets[LOAD_BATCH][LOAD_ROOM];
    struct mmsghdr messages[LOAD_BATCH];
    struct iovec vectors[LOAD_BATCH];
};

static inline double load_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Addresses the first length octets of parcel to server, from source. */
static inline void load_address(struct load_parcel *parcel, size_t length,
                                const struct sockaddr_in *server, struct in_addr source,
                                struct msghdr *message)
{
    parcel->vector = (struct iovec){parcel->octets, length};
    memset(parcel->control, 0, sizeof parcel->control);
    *message = (struct msghdr){.msg_name = (void *)server,
                               .msg_namelen = sizeof *server,
                               .msg_iov = &parcel->vector,
                               .msg_iovlen = 1,
                               .msg_control = parcel->control,
                               .msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo))};
    struct cmsghdr *part = CMSG_FIRSTHDR(message);
    struct in_pktinfo info = {.ipi_spec_dst = source};
    part->cmsg_level = IPPROTO_IP;
    part->cmsg_type = IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(part), &info, sizeof info);
}

/* Requests that are to be sent, of which so many may be out at a time. */
struct load_flow {
    unsigned long count, window;
    unsigned long sent, answered;
};

/* Sends as many as may be out, up to a batch. write() is handed context, and the number of a request from 0. */
static inline void load_send(int descriptor, struct load_flow *flow,
                             void (*write)(const void *context, unsigned long number,
                                           struct load_parcel *parcel, struct msghdr *message),
                             const void *context)
{
    static struct load_parcel parcels[LOAD_BATCH];
    struct mmsghdr messages[LOAD_BATCH];
    unsigned int count = 0;
    while (count < LOAD_BATCH && flow->sent + count < flow->count &&
           flow->sent + count - flow->answered < flow->window) {
        write(context, flow->sent + count, &parcels[count], &messages[count].msg_hdr);
        count++;
    }
    int sent = count ? sendmmsg(descriptor, messages, count, 0) : 0;
    if (sent > 0)
        flow->sent += (unsigned int)sent;
}

/* Returns how many came. flags: those of recvmmsg(). */
static inline unsigned int load_receive(int descriptor, int flags, struct load_answers *answers)
{
    for (int i = 0; i < LOAD_BATCH; i++) {
        answers->vectors[i] = (struct iovec){answers->octets[i], sizeof answers->octets[i]};
        answers->messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &answers->vectors[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(descriptor, answers->messages, LOAD_BATCH, flags, NULL);
    return count > 0 ? (unsigned int)count : 0;
}

/* So that answers are not lost before they are read. */
static inline void load_make_room(int descriptor)
{
    const int room = 4 << 20;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
}

#endif
