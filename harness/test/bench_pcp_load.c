/* Asks a PCP server for mappings as fast as it answers.
 *
 *   bench_pcp_load SERVER FIRST-HOST MAPPINGS-A-HOST FIRST COUNT WINDOW LIFETIME
 *       prints {"requests": N, "success": N, "refused": N, "seconds": S}
 *
 * Mapping number i is that of UDP port 1 + i % MAPPINGS-A-HOST of host FIRST-HOST + i / MAPPINGS-A-HOST;
 * all hosts' addresses must be local here. WINDOW requests are out at a time; with 1 the answer is
 * awaited by polling busily, so that no wake-up is measured. A request without an answer within 5 s
 * is counted as failed.
 */
#include "base/error.h"
#include "test/bench_load.h"
#include "wire/octets.h"
#include "wire/pcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST = 60, PATIENCE_MILLISECONDS = 5000 };

struct load {
    int descriptor;
    struct sockaddr_in server;
    uint32_t first_host; /* host order */
    unsigned long per_host, first, lifetime;
    struct load_flow flow;
    unsigned long succeeded, refused;
};

static void write_request(const void *context, unsigned long number, struct load_parcel *parcel,
                          struct msghdr *message)
{
    const struct load *load = context;
    number += load->first;
    uint8_t host[4];
    octets_put32(host, load->first_host + (uint32_t)(number / load->per_host));
    struct pcp_message request = {
        .version = PCP_VERSION,
        .opcode = PCP_MAP,
        .lifetime = (uint32_t)load->lifetime,
        .client = address_from_ipv4(host),
        .data.map = {.nonce = "load-of-pcp",
                     .protocol = IPPROTO_UDP,
                     .internal_port = (uint16_t)(1 + number % load->per_host),
                     .external_address = address_any_ipv4()},
    };
    pcp_encode(&request, parcel->octets, REQUEST);
    struct in_addr source;
    memcpy(&source, host, sizeof source);
    load_address(parcel, REQUEST, &load->server, source, message);
}

static unsigned int receive_some(struct load *load)
{
    static struct load_answers answers;
    unsigned int count = load_receive(load->descriptor, MSG_DONTWAIT, &answers);
    for (unsigned int i = 0; i < count; i++) {
        bool success =
            answers.messages[i].msg_len == REQUEST && answers.octets[i][3] == PCP_SUCCESS;
        load->succeeded += success;
        load->refused += !success;
    }
    load->flow.answered += count;
    return count;
}

static void run(struct load *load)
{
    double last = load_seconds();
    while (load->flow.answered < load->flow.count) {
        load_send(load->descriptor, &load->flow, write_request, load);
        if (receive_some(load))
            last = load_seconds();
        else if (load_seconds() - last > PATIENCE_MILLISECONDS / 1e3)
            load->flow.answered = load->flow.sent; /* what is out is lost */
    }
}

int main(int argc, char **argv)
{
    struct load load = {.server = {.sin_family = AF_INET, .sin_port = htons(PCP_SERVER_PORT)}};
    struct in_addr first;
    if (argc != 8 || inet_pton(AF_INET, argv[1], &load.server.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[2], &first) != 1) {
        (void)fprintf(stderr, "usage: bench_pcp_load SERVER FIRST-HOST MAPPINGS-A-HOST FIRST COUNT "
                              "WINDOW LIFETIME\n");
        return 2;
    }
    load.first_host = ntohl(first.s_addr);
    load.per_host = strtoul(argv[3], NULL, 10);
    load.first = strtoul(argv[4], NULL, 10);
    load.flow.count = strtoul(argv[5], NULL, 10);
    load.flow.window = strtoul(argv[6], NULL, 10);
    load.lifetime = strtoul(argv[7], NULL, 10);
    load.descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (load.descriptor < 0 || load.per_host == 0 || load.per_host > 65535) {
        perror("bench_pcp_load");
        return 2;
    }
    load_make_room(load.descriptor);
    double begin = load_seconds();
    run(&load);
    printf("{\"requests\": %lu, \"success\": %lu, \"refused\": %lu, \"seconds\": %.6f}\n",
           load.flow.count, load.succeeded, load.refused, load_seconds() - begin);
    close(load.descriptor);
    return 0;
}
