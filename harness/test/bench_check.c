/* Captures of many PCP clients to measure `pinhole check` by, and the least that reading them takes.
 *
 *   bench_check write FILE PACKETS CLIENTS    writes a capture, in pcap
 *   bench_check read FILE                     a bare libpcap loop: prints {"packets": N, "seconds": S}
 *
 * Every client has one mapping of an hour, which it renews by the book: each round of renewals takes
 * its clients in another order and is spread over a part of the lifetime, so that nothing helps
 * the caches that would not help them in front of a real carrier's server. An answer comes a few
 * packets behind its request. There is nothing to find in these captures.
 */
#include "wire/octets.h"
#include "wire/pcp.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LIFETIME = 3600,
    OUTSTANDING = 16, /* requests in front of the first one's answer */
    ETHERNET = 14,
    IP = 20,
    UDP = 8,
    HEADERS = ETHERNET + IP + UDP,
    MESSAGE = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    FRAME = HEADERS + MESSAGE,
    CLIENT_PORT = 1024,
    FIRST_EXTERNAL = 10000,
    PORTS = 40000,       /* of an external address */
    FEWEST_CLIENTS = 300 /* so that the answers of a round are not late */
};

static const uint64_t round_microseconds = LIFETIME * 1000000ULL / 16 * 9; /* 1/2 to 5/8: 11.2.1 */
static const uint64_t spread_microseconds = LIFETIME * 1000000ULL / 17;

struct writer {
    FILE *file;
    unsigned long packets;
    unsigned long clients;
    uint32_t *order; /* of the clients in this round */
    uint64_t random;
};

/* xorshift64*: the same captures everywhere. */
static uint64_t draw(struct writer *writer)
{
    writer->random ^= writer->random >> 12;
    writer->random ^= writer->random << 25;
    writer->random ^= writer->random >> 27;
    return writer->random * 0x2545f4914f6cdd1dU;
}

static void shuffle(struct writer *writer)
{
    for (unsigned long i = writer->clients - 1; i > 0; i--) {
        unsigned long other = draw(writer) % (i + 1);
        uint32_t kept = writer->order[i];
        writer->order[i] = writer->order[other];
        writer->order[other] = kept;
    }
}

static uint16_t checksum(const uint8_t *octets, size_t length, uint32_t total)
{
    for (size_t i = 0; i < length; i += 2)
        total += octets_get16(octets + i);
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

static void write_headers(uint8_t frame[FRAME], const uint8_t client[4], bool response)
{
    static const uint8_t server[4] = {10, 0, 0, 1};
    uint8_t *ip = frame + ETHERNET;
    uint8_t *udp = ip + IP;
    memset(frame, 0, HEADERS);
    octets_put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    octets_put16(ip + 2, FRAME - ETHERNET);
    ip[8] = 64;
    ip[9] = 17;
    memcpy(ip + 12, response ? server : client, 4);
    memcpy(ip + 16, response ? client : server, 4);
    octets_put16(ip + 10, checksum(ip, IP, 0));
    octets_put16(udp, response ? PCP_SERVER_PORT : CLIENT_PORT);
    octets_put16(udp + 2, response ? CLIENT_PORT : PCP_SERVER_PORT);
    octets_put16(udp + 4, UDP + MESSAGE);
    octets_put16(udp + 6, checksum(ip + 12, FRAME - ETHERNET - 12, 17 + UDP + MESSAGE));
}

static int write_packet(const struct writer *writer, uint32_t client, uint64_t time, bool response,
                        bool first)
{
    uint8_t record[16 + FRAME];
    const uint8_t host[4] = {10, (uint8_t)(1 + (client >> 16)), (uint8_t)(client >> 8),
                             (uint8_t)client};
    const uint8_t external[4] = {192, 0, 2, (uint8_t)(client / PORTS)};
    const uint32_t header[4] = {(uint32_t)(time / 1000000), (uint32_t)(time % 1000000), FRAME,
                                FRAME};
    uint16_t port = (uint16_t)(FIRST_EXTERNAL + client % PORTS);
    bool suggests = response || !first;
    struct pcp_message message = {
        .version = PCP_VERSION,
        .opcode = PCP_MAP,
        .response = response,
        .lifetime = LIFETIME,
        .client = address_from_ipv4(host),
        .epoch = (uint32_t)(time / 1000000),
        .data.map = {.protocol = 17,
                     .internal_port = 5683,
                     .external_port = suggests ? port : 0,
                     .external_address =
                         suggests ? address_from_ipv4(external) : address_any_ipv4()},
    };
    octets_put32(message.data.map.nonce, client * 2654435761U);
    octets_put32(message.data.map.nonce + 8, ~client);
    memcpy(record, header, sizeof header);
    (void)pcp_encode(&message, record + 16 + HEADERS, MESSAGE);
    write_headers(record + 16, host, response);
    return fwrite(record, sizeof record, 1, writer->file) == 1 ? 0 : -1;
}

/* One round of count exchanges. */
static int write_round(struct writer *writer, uint64_t start, unsigned long count)
{
    shuffle(writer);
    for (unsigned long i = 0; i < count + OUTSTANDING; i++) {
        uint64_t time = start + spread_microseconds * i / writer->clients;
        if (i >= OUTSTANDING &&
            write_packet(writer, writer->order[i - OUTSTANDING], time, true, start == 0) != 0)
            return -1;
        if (i < count && write_packet(writer, writer->order[i], time, false, start == 0) != 0)
            return -1;
    }
    return 0;
}

static int write_all(struct writer *writer)
{
    static const uint32_t header[6] = {0xa1b2c3d4, 4U << 16 | 2, 0, 0, 65535, 1};
    if (fwrite(header, sizeof header, 1, writer->file) != 1)
        return -1;
    uint64_t start = 0;
    for (unsigned long left = writer->packets / 2; left > 0;) {
        unsigned long count = left < writer->clients ? left : writer->clients;
        if (write_round(writer, start, count) != 0)
            return -1;
        left -= count;
        start += round_microseconds;
    }
    return 0;
}

static int write_capture(const char *path, unsigned long packets, unsigned long clients)
{
    struct writer writer = {.packets = packets, .clients = clients, .random = 6887};
    writer.order = malloc(clients * sizeof *writer.order);
    writer.file = fopen(path, "w");
    int result = writer.order && writer.file ? 0 : -1;
    for (uint32_t i = 0; result == 0 && i < clients; i++)
        writer.order[i] = i;
    if (result == 0)
        result = write_all(&writer);
    if (writer.file && fclose(writer.file) != 0)
        result = -1;
    free(writer.order);
    if (result != 0)
        perror(path);
    return result == 0 ? 0 : 1;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void count(u_char *packets, const struct pcap_pkthdr *header, const u_char *octets)
{
    (void)header;
    (void)octets;
    ++*(unsigned long *)(void *)packets;
}

static int read_capture(const char *path)
{
    char problem[PCAP_ERRBUF_SIZE];
    unsigned long packets = 0;
    double start = now();
    pcap_t *capture = pcap_open_offline(path, problem);
    if (!capture) {
        (void)fprintf(stderr, "bench_check: %s\n", problem);
        return 1;
    }
    int result = pcap_loop(capture, -1, count, (u_char *)&packets);
    pcap_close(capture);
    printf("{\"packets\": %lu, \"seconds\": %.6f}\n", packets, now() - start);
    return result == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return read_capture(argv[2]);
    unsigned long packets = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    unsigned long clients = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    if (packets > 0 && clients >= FEWEST_CLIENTS && clients < 1UL << 20 &&
        strcmp(argv[1], "write") == 0)
        return write_capture(argv[2], packets, clients);
    (void)fprintf(stderr, "usage: bench_check write FILE PACKETS CLIENTS | read FILE\n");
    return 2;
}
