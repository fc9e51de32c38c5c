/* The PCP server's memory and look-ups: what a mapping costs, a table that fills up, deadlines in
 * order, and undoing, which must leave nothing. */
#include "engine/pcp_server_heap.h"
#include "server_support.h"

#define HOST "192.168.1.10"

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop(&bench);
    return 0;
}

static uint64_t random_next(void)
{
    static uint64_t x = 88172645463325252;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static void a_mapping_takes_no_more_than_200_octets(void **state)
{
    (void)state;
    static const uint32_t capacities[] = {33000, 50000, 65535, 131072, 500000};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        bench.policy.mapping_capacity = capacities[i];
        bench.policy.filter_capacity = capacities[i] / 16;
        size_t size = pcp_server_size(&bench.policy);
        if (size > (size_t)capacities[i] * 200)
            fail_msg("%u mappings take %zu octets each", capacities[i], size / capacities[i]);
    }
    start(&bench);
}

static void host_name(unsigned int number, char text[ADDRESS_TEXT_SIZE])
{
    snprintf(text, ADDRESS_TEXT_SIZE, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
             number & 255);
}

static void fifty_thousand_mappings_of_as_many_hosts_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    bench.policy.mapping_capacity = COUNT;
    bench.policy.first_port = 1024;
    bench.external[1] = at("11.0.0.2");
    bench.policy.external_count = 2;
    bench.policy.nat_pmp = false;
    start(&bench);
    static bool seen[2][65536];
    char host[ADDRESS_TEXT_SIZE];
    for (unsigned int i = 0; i < COUNT; i++) {
        host_name(i + 1, host);
        uint16_t port = map(&bench, host, UDP, 5683, 600 + i % 1000);
        assert_int_not_equal(port, 0);
        unsigned int pool = bench.response.data.map.external_address.octet[15] - 1U;
        assert_false(seen[pool][port]);
        seen[pool][port] = true;
    }
    host_name(COUNT + 1, host);
    map(&bench, host, UDP, 5683, 600);
    assert_result(&bench, PCP_NO_RESOURCES);
    assert_int_equal(live(&bench), COUNT);

    uint64_t last = 0;
    unsigned int expired = 0;
    struct pcp_server_event event;
    while (pcp_server_count(bench.server).live) {
        bench.now = pcp_server_next_time(bench.server);
        while (pcp_server_advance(bench.server, bench.now, &event)) {
            assert_true(event.change.mapping.deadline >= last);
            last = event.change.mapping.deadline;
            expired++;
        }
    }
    assert_int_equal(expired, COUNT);
    elapse(&bench, 120 * SECOND);
    struct pcp_server_counts counts = pcp_server_count(bench.server);
    assert_int_equal(counts.resting, 0);
    assert_int_equal(counts.hosts, 0);
}

static void deadlines_come_out_of_the_heap_in_order(void **state)
{
    (void)state;
    start(&bench);
    enum { COUNT = 3000 };
    static uint64_t deadline[COUNT + 1], wanted[COUNT + 1];
    static uint32_t thing[COUNT + 1], place[COUNT + 1];
    struct pcp_server_heap heap = {deadline, thing, place, 0};
    for (uint32_t i = 1; i <= COUNT; i++) {
        wanted[i] = random_next() % 10000;
        pcp_server_heap_add(&heap, i, wanted[i]);
    }
    for (int i = 0; i < 20000; i++) {
        uint32_t which = (uint32_t)(random_next() % COUNT) + 1;
        wanted[which] = random_next() % 10000;
        if (i % 3) {
            pcp_server_heap_move(&heap, which, wanted[which]);
        } else {
            pcp_server_heap_remove(&heap, which);
            pcp_server_heap_add(&heap, which, wanted[which]);
        }
        assert_int_equal(pcp_server_heap_deadline(&heap, which), wanted[which]);
    }
    uint64_t last = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(pcp_server_heap_first(&heap) >= last);
        last = pcp_server_heap_first(&heap);
        assert_int_equal(last, wanted[heap.thing[0]]);
        pcp_server_heap_remove(&heap, heap.thing[0]);
    }
    assert_int_equal(pcp_server_heap_first(&heap), UINT64_MAX);
}

/* --- undoing -------------------------------------------------------------------------------- */

/* All that can be seen of a server, in an order of its own, as one string of octets. */
struct picture {
    size_t count;
    struct pcp_server_mapping mappings[512];
    struct pcp_filter filters[512][8];
    char descriptions[512][128];
};

static int by_endpoints(const void *a, const void *b)
{
    const struct pcp_server_mapping *x = a, *y = b;
    const struct {
        int order;
    } keys[] = {
        {memcmp(&x->internal, &y->internal, sizeof x->internal)},
        {x->protocol - y->protocol},
        {x->internal_port - y->internal_port},
        {x->external_port - y->external_port},
        {x->remote_port - y->remote_port},
        {(int)x->kind - (int)y->kind},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].order)
            return keys[i].order;
    return memcmp(x->nonce, y->nonce, PCP_NONCE_LENGTH);
}

static void take_picture(struct picture *picture)
{
    memset(picture, 0, sizeof *picture);
    uint32_t cursor = 0;
    while (pcp_server_next(bench.server, &cursor, &picture->mappings[picture->count]))
        picture->count++;
    qsort(picture->mappings, picture->count, sizeof *picture->mappings, by_endpoints);
    for (size_t i = 0; i < picture->count; i++) {
        uint32_t at_filter = picture->mappings[i].filters;
        for (int f = 0; f < 8; f++)
            pcp_server_filter_next(bench.server, &at_filter, &picture->filters[i][f]);
        size_t length;
        const uint8_t *text = pcp_server_description(bench.server, &picture->mappings[i], &length);
        memcpy(picture->descriptions[i], text, length);
    }
}

static bool same_mapping(const struct pcp_server_mapping *a, const struct pcp_server_mapping *b)
{
    return by_endpoints(a, b) == 0 && address_equal(&a->external, &b->external) &&
           address_equal(&a->remote, &b->remote) && a->deadline == b->deadline &&
           address_equal(&a->client, &b->client) && a->client_port == b->client_port &&
           a->path == b->path && a->third_party == b->third_party &&
           a->prefer_failure == b->prefer_failure && a->filtered == b->filtered &&
           a->nat_pmp == b->nat_pmp && a->secondary == b->secondary && a->was_peer == b->was_peer;
}

static void assert_same_picture(const struct picture *a, const struct picture *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_true(same_mapping(&a->mappings[i], &b->mappings[i]));
    assert_memory_equal(a->filters, b->filters, sizeof a->filters);
    assert_memory_equal(a->descriptions, b->descriptions, sizeof a->descriptions);
}

/* Some request that may do anything, from few hosts and ports so that they meet. */
static struct request some_request(char host[ADDRESS_TEXT_SIZE])
{
    static const uint32_t lifetimes[] = {0, 0, 130, 600, 86400};
    uint64_t dice = random_next();
    host_name(1 + dice % 4, host);
    uint32_t lifetime = lifetimes[(dice >> 8) % 5];
    uint16_t port = (uint16_t)(40000 + (dice >> 16) % 6);
    uint8_t protocol = (dice >> 24) & 1 ? UDP : TCP;
    struct pcp_message message = map_message(host, protocol, port, lifetime);
    if ((dice >> 25) % 4 == 0)
        message = peer_message(host, protocol, port, "11.9.9.9", (uint16_t)(1 + (dice >> 27) % 3),
                               lifetime);
    message.data.map.nonce[0] = (uint8_t)((dice >> 30) % 8 == 0);
    if ((dice >> 33) % 4 == 0)
        message.data.map.external_port = (uint16_t)(40000 + (dice >> 35) % 6);
    struct request request = encode(&message);
    if (message.opcode == PCP_MAP && (dice >> 40) % 4 == 0)
        add_filter(&request, "11.8.8.8", (uint8_t)(120 + (dice >> 42) % 9), 0);
    if (message.opcode == PCP_MAP && (dice >> 46) % 8 == 0)
        add_filter(&request, "0.0.0.0", 0, 0);
    if (message.opcode == PCP_MAP && (dice >> 49) % 8 == 0)
        add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    if ((dice >> 52) % 4 == 0)
        add_option(&request, 128, "a text of some length", (uint16_t)((dice >> 54) % 20));
    return request;
}

static void a_refused_request_leaves_the_state_as_it_was(void **state)
{
    (void)state;
    bench.policy.filters_per_mapping = 4;
    bench.policy.description_capacity = 20;
    start(&bench);
    static struct picture before, after;
    unsigned int refused = 0;
    for (int i = 0; i < 20000; i++) {
        char host[ADDRESS_TEXT_SIZE];
        struct request request = some_request(host);
        bool refuse = i % 2;
        if (refuse)
            take_picture(&before);
        submit(&bench, host, request.octets, request.length);
        if (!refuse || bench.answer.change.kind == PCP_SERVER_UNCHANGED) {
            pcp_server_commit(bench.server, &bench.answer);
        } else {
            struct pcp_server_input input = {.octets = request.octets, .length = request.length};
            pcp_server_refuse(bench.server, &input, &bench.answer);
            assert_int_equal(bench.answer.octets[3], PCP_NO_RESOURCES);
            assert_int_equal(bench.answer.length, request.length);
            refused++;
        }
        if (refuse && bench.answer.octets[3] == PCP_NO_RESOURCES) {
            take_picture(&after);
            assert_same_picture(&before, &after);
        }
        if (i % 64 == 0)
            elapse(&bench, 40 * SECOND);
    }
    assert_true(refused > 1000);
    elapse(&bench, 100000000 * SECOND);
    elapse(&bench, 100000000 * SECOND);
    struct pcp_server_counts counts = pcp_server_count(bench.server);
    assert_int_equal(counts.live + counts.resting + counts.filters + counts.hosts, 0);
    assert_int_equal(counts.descriptions, 0);
}

static void a_batch_refused_in_reverse_order_leaves_the_state_as_it_was(void **state)
{
    (void)state;
    enum { BATCH = 32 };
    bench.policy.filters_per_mapping = 4;
    bench.policy.description_capacity = 20;
    start(&bench);
    static struct picture before, after;
    static struct pcp_server_answer answers[BATCH];
    static struct request requests[BATCH];
    for (int round = 0; round < 500; round++) {
        take_picture(&before);
        for (int i = 0; i < BATCH; i++) {
            char host[ADDRESS_TEXT_SIZE];
            requests[i] = some_request(host);
            submit(&bench, host, requests[i].octets, requests[i].length);
            answers[i] = bench.answer;
        }
        bool refuse = round % 2;
        for (int i = BATCH - 1; i >= 0 && refuse; i--) {
            struct pcp_server_input input = {.octets = requests[i].octets,
                                             .length = requests[i].length};
            pcp_server_refuse(bench.server, &input, &answers[i]);
        }
        take_picture(&after);
        if (refuse)
            assert_same_picture(&before, &after);
        for (int i = 0; i < BATCH && !refuse; i++)
            pcp_server_commit(bench.server, &answers[i]);
        elapse(&bench, 10 * SECOND);
    }
}

static void a_batch_can_be_refused_after_another_mapping_has_expired(void **state)
{
    (void)state;
    static const char *const host = "2001:db8::10"; /* pinholes leave no resting record */
    start(&bench);
    map(&bench, host, UDP, 1, 600);
    map(&bench, host, UDP, 2, 120);
    bench.now += 120 * SECOND;
    struct pcp_message renewal = map_message(host, UDP, 1, 3600);
    struct pcp_message deletion = map_message(host, UDP, 1, 0);
    struct request requests[2] = {encode(&renewal), encode(&deletion)};
    static struct pcp_server_answer answers[2];
    for (int i = 0; i < 2; i++) {
        submit(&bench, host, requests[i].octets, requests[i].length);
        answers[i] = bench.answer;
    }
    settle(&bench);
    for (int i = 1; i >= 0; i--) {
        struct pcp_server_input input = {.octets = requests[i].octets,
                                         .length = requests[i].length};
        pcp_server_refuse(bench.server, &input, &answers[i]);
    }
    assert_int_equal(live(&bench), 1);
    elapse(&bench, 479 * SECOND); /* the 600 s of before, not those of the refused renewal */
    assert_int_equal(live(&bench), 1);
    elapse(&bench, SECOND);
    struct pcp_server_counts counts = pcp_server_count(bench.server);
    assert_int_equal(counts.live + counts.resting + counts.hosts, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_mapping_takes_no_more_than_200_octets),
        T(fifty_thousand_mappings_of_as_many_hosts_come_and_go),
        T(deadlines_come_out_of_the_heap_in_order),
        T(a_refused_request_leaves_the_state_as_it_was),
        T(a_batch_refused_in_reverse_order_leaves_the_state_as_it_was),
        T(a_batch_can_be_refused_after_another_mapping_has_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
