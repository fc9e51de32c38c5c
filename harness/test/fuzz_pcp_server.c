/* libFuzzer target: a PCP server that lives through a series of datagrams, refusals and waits.
 *
 * The input is cut into steps: two octets of length, one of source and side, one of what happens
 * behind it, and then the datagram. Sources and ports are few, so that requests meet. With so little
 * room the server must fill up, refuse, and never hold more than it was made for.
 */
#include "engine/pcp_server.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_HEAD = 4, MAPPINGS = 24, FILTERS = 12, DESCRIPTIONS = 4, SET = 6, SETS = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t memory[65536 / sizeof(uint64_t)];

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* A flow for every second internal port, which leaves from that port and one. */
static bool outbound(void *context, const struct pcp_server_flow_key *key,
                     struct pcp_server_flow *flow)
{
    (void)context;
    *flow = (struct pcp_server_flow){.external_port = (uint16_t)(key->internal_port + 1),
                                     .idle = (uint64_t)key->protocol * 1000};
    flow->external = address_from_ipv4((const uint8_t[4]){11, 0, 0, 1});
    return key->internal_port & 1;
}

static struct pcp_server *make(const struct address *external)
{
    struct pcp_server_policy policy = pcp_server_policy_default();
    const struct pcp_server_prefix third_party = {address_any_ipv4(), 96};
    static struct pcp_server_prefix clients;
    clients = third_party;
    policy.mapping_capacity = MAPPINGS;
    policy.filter_capacity = FILTERS;
    policy.description_capacity = DESCRIPTIONS;
    policy.mappings_per_host = 10;
    policy.filters_per_mapping = 4;
    policy.ports_per_set = SET;
    policy.wildcards = true;
    policy.third_party = true;
    policy.third_party_clients = &clients;
    policy.third_party_client_count = 1;
    static const uint8_t ids[] = {0, 1, 2};
    static const struct pcp_server_realm realms[] = {{ids, 1}, {ids + 1, 1}, {ids, 2}};
    policy.realms = realms;
    policy.realm_count = sizeof realms / sizeof *realms;
    policy.external = external;
    policy.external_count = 2;
    pcp_server_policy_serve(&policy, 132, true);
    pcp_server_policy_serve(&policy, 47, true);
    const struct pcp_server_device device = {NULL, outbound};
    const uint64_t key[2] = {1, 2};
    struct error error = {{0}};
    return pcp_server_create(memory, sizeof memory, &policy, &device, key, 0, &error);
}

static void drain(struct pcp_server *server, uint64_t now)
{
    static struct pcp_server_event event;
    int events = 0;
    while (pcp_server_advance(server, now, &event)) {
        demand(event.length <= sizeof event.octets);
        demand(++events < 10000);
    }
    demand(pcp_server_next_time(server) > now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct address external[2] = {address_from_ipv4((const uint8_t[4]){11, 0, 0, 1}),
                                        address_from_ipv4((const uint8_t[4]){11, 0, 0, 2})};
    struct pcp_server *server = make(external);
    demand(server != NULL);
    static struct pcp_server_answer answer;
    uint64_t now = 0;
    while (size >= STEP_HEAD) {
        size_t length = (size_t)(data[0] << 8 | data[1]) % 1300;
        uint8_t who = data[2];
        uint8_t then = data[3];
        data += STEP_HEAD;
        size -= STEP_HEAD;
        length = length < size ? length : size;
        struct pcp_server_input input = {
            .octets = data,
            .length = length,
            .source = address_from_ipv4((const uint8_t[4]){192, 168, 1, who % 4}),
            .source_port = 1000,
            .side = who & 64 ? PCP_SERVER_TRUSTED : PCP_SERVER_INSIDE,
            .now = now,
            .random = (uint64_t)then * 0x9e3779b97f4a7c15,
        };
        if (who & 128 && length >= 24) /* from wherever it says, IPv6 too */
            input.source = address_from_ipv6(data + 8);
        pcp_server_request(server, &input, &answer);
        demand(answer.length <= PCP_MAXIMUM_LENGTH);
        demand(answer.length == 0 || answer.octets[1] & 0x80);
        static struct pcp_server_answer more[SETS];
        size_t count = 0;
        while (pcp_server_extend(server, &input, &answer, &more[count]))
            demand(++count < SETS);
        demand(answer.length <= PCP_MAXIMUM_LENGTH);
        for (size_t i = count; then & 1 && i > 0; i--)
            pcp_server_refuse(server, &input, &more[i - 1]);
        for (size_t i = 0; !(then & 1) && i < count; i++)
            pcp_server_commit(server, &more[i]);
        if (then & 1)
            pcp_server_refuse(server, &input, &answer);
        else
            pcp_server_commit(server, &answer);
        if (then & 2)
            pcp_server_renumber(server, then >> 7, &external[then >> 6 & 1], now);
        if (then & 4)
            pcp_server_forget(server, &input.source, now);
        if (then & 8)
            now += (uint64_t)then * 1000;
        drain(server, now);
        struct pcp_server_counts counts = pcp_server_count(server);
        demand(counts.live + counts.resting <= MAPPINGS && counts.filters <= FILTERS);
        demand(counts.descriptions <= DESCRIPTIONS);
        data += length;
        size -= length;
    }
    drain(server, now + (uint64_t)UINT32_MAX * 1000);
    drain(server, now + (uint64_t)UINT32_MAX * 2000);
    struct pcp_server_counts counts = pcp_server_count(server);
    demand(counts.live + counts.resting + counts.filters + counts.hosts == 0);
    demand(counts.descriptions == 0);
    return 0;
}
