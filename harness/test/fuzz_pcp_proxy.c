/* libFuzzer target: a PCP proxy between clients and an upstream server that may say anything.
 *
 * The input is cut into steps: two octets of length, one that says from where and what happens behind
 * it, and the datagram. A step may also hand the proxy's last upstream request to a real server, and
 * that one's answer, damaged or not, back to it: most of the way lies behind a matching answer.
 */
#include "engine/pcp_proxy.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_HEAD = 4, MAPPINGS = 16, PENDING = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t near_memory[65536 / sizeof(uint64_t)], far_memory[65536 / sizeof(uint64_t)];
static uint64_t proxy_memory[16384 / sizeof(uint64_t)];
static struct pcp_server_answer answer;
static struct pcp_proxy_packet packet;
static struct pcp_proxy_relay relay;

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static struct address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return address_from_ipv4((const uint8_t[4]){a, b, c, d});
}

static struct pcp_server *make(uint64_t *memory, size_t size, bool proxy,
                               struct pcp_server_policy *policy, const struct address *external)
{
    const uint64_t key[2] = {1, 2};
    *policy = pcp_server_policy_default();
    policy->mapping_capacity = MAPPINGS;
    policy->filter_capacity = MAPPINGS;
    policy->nat_pmp = false;
    policy->proxy = proxy;
    policy->relay_unknown = proxy;
    policy->mapping_updates = !proxy;
    policy->external = external;
    policy->external_count = 1;
    return pcp_server_create(memory, size, policy, NULL, key, 0, NULL);
}

static void drain(struct pcp_server *server, uint64_t now)
{
    static struct pcp_server_event event;
    while (pcp_server_advance(server, now, &event))
        demand(event.length <= sizeof event.octets);
}

/* The last upstream request goes to a real server; its answer comes back with one octet changed. */
static void answer_last(struct pcp_proxy *proxy, struct pcp_server *far, uint8_t damage,
                        uint64_t now)
{
    static struct pcp_server_answer reply;
    struct address upstream = ipv4(100, 64, 0, 1);
    struct pcp_server_input input = {.octets = packet.octets,
                                     .length = packet.length,
                                     .source = packet.source,
                                     .side = PCP_SERVER_INSIDE,
                                     .now = now,
                                     .random = damage};
    if (packet.length == 0)
        return;
    pcp_server_request(far, &input, &reply);
    pcp_server_commit(far, &reply);
    if (reply.length && damage & 1)
        reply.octets[damage % reply.length] ^= damage;
    pcp_proxy_response(proxy, &upstream, reply.octets, reply.length, now, &relay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct address outer = ipv4(100, 64, 0, 2), outermost = ipv4(11, 0, 0, 1);
    struct pcp_server_policy near_policy, far_policy;
    struct pcp_server *near = make(near_memory, sizeof near_memory, true, &near_policy, &outer);
    struct pcp_server *far = make(far_memory, sizeof far_memory, false, &far_policy, &outermost);
    demand(near && far);
    const struct pcp_proxy_settings settings = {.upstream = {ipv4(100, 64, 0, 1)},
                                                .upstream_count = 1,
                                                .own = {outer},
                                                .pending = PENDING,
                                                .relay_opcodes = true};
    struct pcp_proxy *proxy =
        pcp_proxy_create(proxy_memory, sizeof proxy_memory, near, &near_policy, &settings, NULL);
    demand(proxy != NULL);
    packet.length = 0;
    uint64_t now = 0;
    while (size >= STEP_HEAD) {
        size_t length = (size_t)(data[0] << 8 | data[1]) % 1300;
        uint8_t who = data[2], then = data[3];
        data += STEP_HEAD;
        size -= STEP_HEAD;
        length = length < size ? length : size;
        struct pcp_server_input input = {.octets = data,
                                         .length = length,
                                         .source = ipv4(192, 168, 1, who % 4),
                                         .side = PCP_SERVER_INSIDE,
                                         .now = now,
                                         .random = then};
        if (who & 128) {
            pcp_proxy_response(proxy, &settings.upstream[0], data, length, now, &relay);
            demand(relay.answer.length <= PCP_MAXIMUM_LENGTH);
            pcp_server_commit(near, &relay.answer);
        } else {
            pcp_proxy_request(proxy, &input, &answer, &packet);
            demand(answer.length <= PCP_MAXIMUM_LENGTH && packet.length <= PCP_MAXIMUM_LENGTH);
            demand(answer.length == 0 || packet.length == 0);
            if (then & 1)
                pcp_proxy_refuse(proxy, &input, &answer);
            else
                pcp_server_commit(near, &answer);
        }
        if (then & 2) {
            relay.answer.change.kind = PCP_SERVER_UNCHANGED;
            relay.answer.undo.action = PCP_UNDO_NONE;
            relay.answer.undo.filters_replaced = false;
            relay.answer.undo.description_replaced = false;
            answer_last(proxy, far, (uint8_t)(then >> 2), now);
            pcp_server_commit(near, &relay.answer);
        }
        if (who & 64)
            now += (uint64_t)then * 500;
        drain(near, now);
        drain(far, now);
        while (pcp_proxy_advance(proxy, now, &packet))
            demand(packet.length && packet.length <= PCP_MAXIMUM_LENGTH);
        struct pcp_server_counts counts = pcp_server_count(near);
        demand(counts.live + counts.resting <= MAPPINGS);
        data += length;
        size -= length;
    }
    drain(near, now + (uint64_t)UINT32_MAX * 1000);
    drain(near, now + (uint64_t)UINT32_MAX * 2000);
    struct pcp_server_counts counts = pcp_server_count(near);
    demand(counts.live + counts.resting + counts.filters + counts.hosts == 0);
    return 0;
}
