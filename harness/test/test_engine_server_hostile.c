/* The PCP server against datagrams that nobody should send: answered or dropped as RFC 6887 section
 * 8.2 says, in the memory it began with. */
#include "server_support.h"

#define HOST "192.168.1.10"

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    bench.policy.mapping_capacity = 64;
    bench.policy.filter_capacity = 32;
    bench.policy.mappings_per_host = 16;
    bench.policy.wildcards = true;
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

/* Section 8.2, first paragraphs: is there an answer at all? NAT-PMP has rules of its own. */
static bool deserves_an_answer(const uint8_t *octets, size_t length)
{
    if (length < 2 || octets[1] & 0x80)
        return false;
    return octets[0] != 2 || length >= 24;
}

static void judge(const uint8_t *octets, size_t length)
{
    const struct pcp_server_answer *answer = &bench.answer;
    if (length > 0 && octets[0] == 0)
        return;
    assert_int_equal(answer->length != 0, deserves_an_answer(octets, length));
    if (answer->length == 0)
        return;
    assert_in_range(answer->length, 24, PCP_MAXIMUM_LENGTH);
    assert_int_equal(answer->length % 4, 0);
    assert_int_equal(answer->octets[0], 2);
    assert_int_equal(answer->octets[1], 0x80 | octets[1]);
    assert_int_equal(answer->octets[2], 0);
    assert_in_range(answer->octets[3], 0, PCP_EXCESSIVE_REMOTE_PEERS);
    if (octets[0] != 2)
        assert_int_equal(answer->octets[3], PCP_UNSUPP_VERSION);
    if (answer->octets[3] == PCP_SUCCESS)
        return;
    size_t copied = length < PCP_MAXIMUM_LENGTH ? length : PCP_MAXIMUM_LENGTH;
    if (copied > 24)
        assert_memory_equal(answer->octets + 24, octets + 24, copied - 24);
    assert_int_equal(answer->change.kind, PCP_SERVER_UNCHANGED);
}

static void random_octets_are_answered_or_dropped(void **state)
{
    (void)state;
    start(&bench);
    for (int i = 0; i < 50000; i++) {
        uint8_t octets[1400];
        size_t length = random_next() % (i % 16 ? 128 : sizeof octets + 1);
        for (size_t j = 0; j < length; j++)
            octets[j] = (uint8_t)random_next();
        if (i % 2 && length)
            octets[0] = (uint8_t)(random_next() % 4);
        send_octets(&bench, HOST, octets, length);
        judge(octets, length);
    }
    assert_in_range(live(&bench), 0, 16); /* NAT-PMP ones, to which octets make sense sooner */
}

/* A good request, options and all, with a few octets changed and its end cut or drawn out. */
static void damaged_requests_are_answered_or_dropped(void **state)
{
    (void)state;
    start(&bench);
    for (int i = 0; i < 50000; i++) {
        uint64_t dice = random_next();
        char host[ADDRESS_TEXT_SIZE];
        snprintf(host, sizeof host, "192.168.1.%u", (unsigned int)(dice % 100) + 1);
        struct pcp_message message =
            dice & 128 ? map_message(host, UDP, (uint16_t)(dice >> 8), 600)
                       : peer_message(host, TCP, (uint16_t)(dice >> 8), "11.9.9.9", 9, 600);
        struct request request = encode(&message);
        if (dice & 256)
            add_filter(&request, "11.8.8.8", 120, 0);
        if (dice & 512)
            add_option(&request, (uint8_t)(dice >> 24), "octets", (uint16_t)(dice >> 32) % 7);
        for (uint64_t changes = (dice >> 40) % 4; changes; changes--)
            request.octets[random_next() % request.length] = (uint8_t)random_next();
        if ((dice >> 44) % 4 == 0)
            request.length = random_next() % (request.length + 1);
        send_request(&bench, host, &request);
        judge(request.octets, request.length);
        if (i % 100 == 0)
            elapse(&bench, 10 * SECOND);
        struct pcp_server_counts counts = pcp_server_count(bench.server);
        assert_in_range(counts.live + counts.resting, 0, 64);
        assert_in_range(counts.filters, 0, 32);
    }
}

static void a_flood_of_new_mappings_ends_no_live_one(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 86400);
    for (int i = 0; i < 20000; i++) {
        char host[ADDRESS_TEXT_SIZE];
        snprintf(host, sizeof host, "10.9.%d.%d", i / 250 % 250, i % 250 + 1);
        map(&bench, host, UDP, (uint16_t)(i + 1), 86400);
    }
    assert_int_equal(live(&bench), 64);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 86400), port);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(random_octets_are_answered_or_dropped),
        T(damaged_requests_are_answered_or_dropped),
        T(a_flood_of_new_mappings_ends_no_live_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
