/* The least that a PCP server has to do, as a limit for those that do more: takes requests from UDP port 5351 in
 * batches, makes each its own success by four octets of the header, and sends it back from the address that
 * it was sent to. Polls busily, keeps nothing, and tells the kernel nothing.
 *
 *   bench_pcp_echo    prints "ready", and serves until it is killed
 */
#include "base/error.h"
#include "wire/pcp.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 1200, CONTROL = 64, RESPONSE_BIT = 0x80 };

struct parcel {
    uint8_t octets[ROOM];
    struct sockaddr_in client;
    struct iovec vector;
    uint8_t control[CONTROL] __attribute__((aligned(8)));
};

static struct parcel parcels[BATCH];
static struct mmsghdr messages[BATCH];

static void make_room(void)
{
    for (int i = 0; i < BATCH; i++) {
        struct parcel *parcel = &parcels[i];
        parcel->vector = (struct iovec){parcel->octets, ROOM};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &parcel->client,
                                              .msg_namelen = sizeof parcel->client,
                                              .msg_iov = &parcel->vector,
                                              .msg_iovlen = 1,
                                              .msg_control = parcel->control,
                                              .msg_controllen = CONTROL};
    }
}

/* The control data that came with a request serves its answer as it is: IP_PKTINFO both ways. */
static void answer(struct mmsghdr *message, struct parcel *parcel)
{
    parcel->octets[1] |= RESPONSE_BIT;
    parcel->octets[2] = 0;
    parcel->octets[3] = PCP_SUCCESS;
    parcel->vector.iov_len = message->msg_len;
}

int main(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PCP_SERVER_PORT)};
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int room = 4 << 20, yes = 1;
    if (descriptor < 0 || bind(descriptor, (const struct sockaddr *)&any, sizeof any) ||
        setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes)) {
        perror("bench_pcp_echo");
        return 2;
    }
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    puts("ready");
    (void)fflush(stdout);
    for (;;) {
        make_room();
        int count = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++)
            answer(&messages[i], &parcels[i]);
        if (count > 0)
            (void)sendmmsg(descriptor, messages, (unsigned int)count, 0);
    }
}
