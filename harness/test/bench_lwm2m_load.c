/* Registers devices at an LwM2M server on loopback as fast as it answers.
 *
 *   bench_lwm2m_load PORT DEVICES COUNT WINDOW
 *       prints {"success": N, "first": S, "again": S}: the seconds for each device's first registration, and
 *       for COUNT further ones of the same devices
 *
 * Registration number i is that of device i % DEVICES, which has the address 127.1.0.0 + that. WINDOW requests
 * are out at a time. What has no answer within 5 s is counted as failed.
 */
#include "test/bench_load.h"
#include "wire/octets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENCE = 5, /* s */
    CODE_CREATED = 0x41,
    OPTION_URI_PATH = 11,
    OPTION_CONTENT_FORMAT = 12,
    OPTION_URI_QUERY = 15,
    FORMAT_LINK = 40
};

static const uint32_t first_device = 0x7f010000; /* 127.1.0.0 */
static const char links[] = "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>,</4/0>,</3303/0>,</26887/0>";

struct load {
    int descriptor;
    struct sockaddr_in server;
    unsigned long devices;
    struct load_flow flow;
    unsigned long succeeded;
};

/* Deltas and lengths are under 13 or, for longer values, under 269. */
static uint8_t *put_option(uint8_t *at, unsigned int delta, const void *value, size_t length)
{
    *at++ = (uint8_t)(delta << 4 | (length < 13 ? length : 13));
    if (length >= 13)
        *at++ = (uint8_t)(length - 13);
    memcpy(at, value, length);
    return at + length;
}

/* POST /rd?ep=device-N&lt=86400&lwm2m=1.0&b=U, confirmable, with a token of four octets. */
static size_t write_registration(unsigned long device, unsigned long number, uint8_t *octets)
{
    const uint8_t format = FORMAT_LINK;
    char endpoint[32];
    int length = snprintf(endpoint, sizeof endpoint, "ep=device-%lu", device);
    uint8_t *at = octets;
    *at++ = 0x44;
    *at++ = 0x02;
    octets_put16(at, (uint16_t)number);
    octets_put32(at + 2, (uint32_t)number);
    at = put_option(at + 6, OPTION_URI_PATH, "rd", 2);
    at = put_option(at, OPTION_CONTENT_FORMAT - OPTION_URI_PATH, &format, 1);
    at = put_option(at, OPTION_URI_QUERY - OPTION_CONTENT_FORMAT, endpoint, (size_t)length);
    at = put_option(at, 0, "lt=86400", 8);
    at = put_option(at, 0, "lwm2m=1.0", 9);
    at = put_option(at, 0, "b=U", 3);
    *at++ = 0xff;
    memcpy(at, links, sizeof links - 1);
    return (size_t)(at - octets) + sizeof links - 1;
}

static void write_parcel(const void *context, unsigned long number, struct load_parcel *parcel,
                         struct msghdr *message)
{
    const struct load *load = context;
    unsigned long device = number % load->devices;
    size_t length = write_registration(device, number, parcel->octets);
    const struct in_addr source = {htonl(first_device + (uint32_t)device)};
    load_address(parcel, length, &load->server, source, message);
}

/* Waits for the first for at most a while; others are taken as they are there. */
static unsigned int receive_some(struct load *load)
{
    static struct load_answers answers;
    unsigned int count = load_receive(load->descriptor, MSG_WAITFORONE, &answers);
    for (unsigned int i = 0; i < count; i++)
        load->succeeded += answers.messages[i].msg_len >= 4 && answers.octets[i][1] == CODE_CREATED;
    load->flow.answered += count;
    return count;
}

/* So many more; the seconds that they took. */
static double run(struct load *load, unsigned long count)
{
    double begin = load_seconds();
    load->flow.count += count;
    while (load->flow.answered < load->flow.count) {
        load_send(load->descriptor, &load->flow, write_parcel, load);
        if (!receive_some(load))
            load->flow.answered = load->flow.sent; /* what is out is lost */
    }
    return load_seconds() - begin;
}

int main(int argc, char **argv)
{
    struct load load = {.server = {.sin_family = AF_INET}};
    const struct timeval patience = {.tv_sec = PATIENCE};
    if (argc != 5) {
        (void)fprintf(stderr, "usage: bench_lwm2m_load PORT DEVICES COUNT WINDOW\n");
        return 2;
    }
    load.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load.server.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    load.devices = strtoul(argv[2], NULL, 10);
    load.flow.window = strtoul(argv[4], NULL, 10);
    load.descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (load.descriptor < 0 || load.devices == 0 ||
        setsockopt(load.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience)) {
        perror("bench_lwm2m_load");
        return 2;
    }
    load_make_room(load.descriptor);
    double first = run(&load, load.devices);
    double again = run(&load, strtoul(argv[3], NULL, 10));
    printf("{\"success\": %lu, \"first\": %.6f, \"again\": %.6f}\n", load.succeeded, first, again);
    close(load.descriptor);
    return 0;
}
