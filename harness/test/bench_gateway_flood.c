/* Sends UDP packets as fast as the kernel takes them, of as many flows as are wanted: what a gateway's
 * data plane is measured with.
 *
 *   bench_gateway_flood FROM FROM-PORT TO TO-PORT COUNT FLOWS SPREAD [out]
 *       prints the seconds that it took
 *
 * The packets are of each of FLOWS flows in turn. Flow number i is from port FROM-PORT + i / SPREAD to
 * port TO-PORT + i % SPREAD. With "out" the two ports change places, which makes the answers to what
 * the same command sends without it. Needs CAP_NET_RAW: the packets come from no socket, and checksums
 * are left out.
 */
#include "wire/octets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { IP_HEADER = 20, UDP_HEADER = 8, PACKET = 64, BATCH = 64 };

struct flood {
    uint8_t template[PACKET];
    struct sockaddr_in target;
    unsigned long from_port, to_port, count, flows, spread;
    bool out;
    int handle;
};

/* An IPv4 and a UDP header, ports left open. The kernel fills in the IP checksum. */
static int write_template(struct flood *flood, const char *from, const char *to)
{
    struct in_addr source;
    if (inet_pton(AF_INET, from, &source) != 1 ||
        inet_pton(AF_INET, to, &flood->target.sin_addr) != 1)
        return -1;
    flood->target.sin_family = AF_INET;
    uint8_t *ip = flood->template;
    ip[0] = 0x45;
    octets_put16(ip + 2, PACKET);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    memcpy(ip + 12, &source, 4);
    memcpy(ip + 16, &flood->target.sin_addr, 4);
    octets_put16(ip + IP_HEADER + 4, PACKET - IP_HEADER);
    return 0;
}

static void write_packet(const struct flood *flood, unsigned long number, uint8_t packet[PACKET])
{
    unsigned long flow = number % flood->flows;
    uint16_t near = (uint16_t)(flood->from_port + flow / flood->spread);
    uint16_t far = (uint16_t)(flood->to_port + flow % flood->spread);
    memcpy(packet, flood->template, PACKET);
    octets_put16(packet + IP_HEADER, flood->out ? far : near);
    octets_put16(packet + IP_HEADER + 2, flood->out ? near : far);
}

static int send_all(const struct flood *flood)
{
    static uint8_t packets[BATCH][PACKET];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    for (unsigned long sent = 0; sent < flood->count;) {
        unsigned long left = flood->count - sent;
        unsigned int batch = left < BATCH ? (unsigned int)left : BATCH;
        for (unsigned int i = 0; i < batch; i++) {
            write_packet(flood, sent + i, packets[i]);
            parts[i] = (struct iovec){packets[i], PACKET};
            messages[i].msg_hdr = (struct msghdr){.msg_name = (void *)(uintptr_t)&flood->target,
                                                  .msg_namelen = sizeof flood->target,
                                                  .msg_iov = &parts[i],
                                                  .msg_iovlen = 1};
        }
        int done = sendmmsg(flood->handle, messages, batch, 0);
        if (done <= 0)
            return -1;
        sent += (unsigned int)done;
    }
    return 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct flood flood;
    if (argc < 8 || write_template(&flood, argv[1], argv[3]) != 0) {
        (void)fprintf(stderr, "usage: bench_gateway_flood FROM FROM-PORT TO TO-PORT COUNT FLOWS "
                              "SPREAD [out]\n");
        return 2;
    }
    flood.from_port = strtoul(argv[2], NULL, 10);
    flood.to_port = strtoul(argv[4], NULL, 10);
    flood.count = strtoul(argv[5], NULL, 10);
    flood.flows = strtoul(argv[6], NULL, 10);
    flood.spread = strtoul(argv[7], NULL, 10);
    flood.out = argc > 8;
    flood.handle = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (flood.handle < 0 || flood.flows == 0 || flood.spread == 0) {
        perror("bench_gateway_flood");
        return 1;
    }
    double start = now();
    if (send_all(&flood) != 0) {
        perror("bench_gateway_flood");
        return 1;
    }
    printf("%.6f\n", now() - start);
    return 0;
}
