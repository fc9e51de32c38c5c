/* The PCP server's PEER: RFC 6887 sections 12.1 and 12.3. */
#include "server_support.h"

#define HOST   "192.168.1.10"
#define OTHER  "192.168.1.20"
#define REMOTE "11.9.9.9"

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

static void show_flow(uint16_t external_port)
{
    bench.flows = (struct flows){
        .key = {.protocol = UDP,
                .internal = at(HOST),
                .internal_port = 5683,
                .remote = at(REMOTE),
                .remote_port = 9},
        .flow = {.external = at("11.0.0.1"), .external_port = external_port},
        .present = true,
    };
}

static void a_peer_is_granted_before_any_traffic_and_its_fields_are_copied(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 9, 600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 80);
    assert_int_equal(bench.response.opcode, PCP_PEER);
    assert_int_equal(bench.response.lifetime, 600);
    assert_memory_equal(bench.response.data.map.nonce, message.data.map.nonce, 12);
    assert_int_equal(bench.response.data.map.protocol, UDP);
    assert_int_equal(bench.response.data.map.internal_port, 5683);
    assert_int_equal(bench.response.data.remote_port, 9);
    assert_address(&bench.response.data.remote_address, REMOTE);
    assert_address(&bench.response.data.map.external_address, "11.0.0.1");
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_CREATED);
    assert_int_equal(bench.answer.change.mapping.kind, PCP_SERVER_PEER);
}

static void zeros_that_12_1_forbids_are_malformed(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = peer_message(HOST, 0, 5683, REMOTE, 9, 600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    message = peer_message(HOST, UDP, 0, REMOTE, 9, 600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    message = peer_message(HOST, UDP, 5683, REMOTE, 0, 600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    message = peer_message(HOST, 132, 5683, REMOTE, 9, 600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    assert_int_equal(live(&bench), 0);
}

static void a_remote_peer_that_no_flow_could_have_is_malformed(void **state)
{
    (void)state;
    start(&bench);
    static const char *const remotes[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
                                          "::",        "::1",     "ff02::1",   "2001:db8::9"};
    for (size_t i = 0; i < sizeof remotes / sizeof *remotes; i++) {
        peer(&bench, HOST, 5683, remotes[i], 9, 600);
        assert_result(&bench, PCP_MALFORMED_REQUEST);
    }
    assert_int_equal(live(&bench), 0);
}

static void a_suggestion_that_cannot_be_met_fails_and_leaves_nothing(void **state)
{
    (void)state;
    start(&bench);
    uint16_t taken = map(&bench, OTHER, UDP, 1, 600);
    static const char *const addresses[] = {"11.0.0.1", "0.0.0.0", "203.0.113.1", "11.0.0.1"};
    const uint16_t ports[] = {taken, taken, 0, 5351};
    for (size_t i = 0; i < 4; i++) {
        struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 9, 600);
        message.data.map.external_address = at(addresses[i]);
        message.data.map.external_port = ports[i];
        send_message(&bench, HOST, &message);
        assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
        assert_int_equal(bench.response.data.map.external_port, ports[i]);
        assert_address(&bench.response.data.map.external_address, addresses[i]);
    }
    assert_int_equal(live(&bench), 1);
}

static void a_suggestion_that_can_be_met_recreates_a_lost_flow(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 9, 600);
    message.data.map.external_address = at("11.0.0.1");
    message.data.map.external_port = 41234;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, 41234);
}

static void all_peers_and_the_map_of_a_port_share_its_external_port(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = peer(&bench, HOST, 5683, REMOTE, 9, 600);
    for (uint16_t remote = 10; remote < 100; remote++)
        assert_int_equal(peer(&bench, HOST, 5683, REMOTE, remote, 600), port);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), port);
    struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 200, 600);
    message.data.map.external_port = port == 40000 ? 40001 : 40000;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(live(&bench), 92);
    /* The map goes, the peers stay, and so does their port. */
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
    assert_int_equal(bench.answer.change.rest_until, 0);
    assert_int_equal(peer(&bench, HOST, 5683, REMOTE, 9, 600), port);
    assert_int_equal(live(&bench), 91);
}

static void the_nonce_is_checked_on_the_five_tuple(void **state)
{
    (void)state;
    start(&bench);
    peer(&bench, HOST, 5683, REMOTE, 9, 600);
    struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 9, 900);
    message.data.map.nonce[0] ^= 1;
    bench.now += 500;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_equal(bench.response.lifetime, 600);
    message.data.remote_port = 10; /* another flow, another nonce */
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
}

static void a_short_request_reads_what_is_left_and_cuts_nothing(void **state)
{
    (void)state;
    start(&bench);
    peer(&bench, HOST, 5683, REMOTE, 9, 600);
    bench.now += 100 * SECOND;
    static const uint32_t lifetimes[] = {0, 1, 120, 500};
    for (size_t i = 0; i < 4; i++) {
        peer(&bench, HOST, 5683, REMOTE, 9, lifetimes[i]);
        assert_result(&bench, PCP_SUCCESS);
        assert_int_equal(bench.response.lifetime, 500);
    }
    peer(&bench, HOST, 5683, REMOTE, 9, 3600);
    assert_int_equal(bench.response.lifetime, 3600);
    peer(&bench, HOST, 5683, REMOTE, 9, UINT32_MAX);
    assert_int_equal(bench.response.lifetime, 86400);
}

static void a_peer_for_zero_seconds_makes_nothing(void **state)
{
    (void)state;
    start(&bench);
    peer(&bench, HOST, 5683, REMOTE, 9, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.lifetime, 0);
    assert_int_equal(live(&bench), 0);
}

static void a_live_flow_is_told_whatever_is_suggested_and_the_nonce_remembered(void **state)
{
    (void)state;
    start(&bench);
    show_flow(2345);
    struct pcp_message message = peer_message(HOST, UDP, 5683, REMOTE, 9, 600);
    message.data.map.external_port = 40000;
    message.data.map.external_address = at("11.0.0.1");
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, 2345);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

static void a_flow_older_than_the_map_keeps_its_own_port(void **state)
{
    (void)state;
    start(&bench);
    uint16_t mapped = map(&bench, HOST, UDP, 5683, 600);
    show_flow(2345);
    assert_int_equal(peer(&bench, HOST, 5683, REMOTE, 9, 600), 2345);
    assert_true(bench.answer.change.mapping.secondary);
    assert_int_equal(peer(&bench, HOST, 5683, REMOTE, 10, 600), mapped); /* a new remote */
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), mapped);
    map(&bench, OTHER, UDP, 5683, 600);
    assert_int_not_equal(bench.response.data.map.external_port, 2345);
    elapse(&bench, 600 * SECOND);
    elapse(&bench, 120 * SECOND); /* and the rest of both ports */
    assert_int_equal(live(&bench), 0);
    assert_int_equal(pcp_server_count(bench.server).hosts, 0);
}

static void two_peers_of_an_older_port_share_one_secondary_binding(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    show_flow(2345);
    bench.flows.any_remote = true;
    assert_int_equal(peer(&bench, HOST, 5683, REMOTE, 9, 600), 2345);
    assert_int_equal(peer(&bench, HOST, 5683, REMOTE, 10, 900), 2345);
    elapse(&bench, 700 * SECOND);
    assert_int_equal(live(&bench), 1);
    elapse(&bench, 500 * SECOND);
    assert_int_equal(pcp_server_count(bench.server).hosts, 0);
}

static void the_last_on_a_port_is_told_from_the_others(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_server_event event;
    peer(&bench, HOST, 5683, REMOTE, 9, 600);
    assert_false(bench.answer.change.mapping.shares_port);
    map(&bench, HOST, UDP, 5683, 700);
    assert_true(bench.answer.change.mapping.shares_port);
    peer(&bench, HOST, 5683, REMOTE, 10, 800);
    for (int i = 0; i < 3; i++) {
        bench.now += (i ? 100 : 600) * SECOND;
        assert_true(pcp_server_advance(bench.server, bench.now, &event));
        assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
        assert_int_equal(event.change.mapping.shares_port, i < 2);
    }
}

static void an_expired_peer_is_taken_away(void **state)
{
    (void)state;
    start(&bench);
    peer(&bench, HOST, 5683, REMOTE, 9, 600);
    bench.now += 600 * SECOND;
    struct pcp_server_event event;
    assert_true(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(event.change.mapping.kind, PCP_SERVER_PEER);
    assert_int_equal(event.change.mapping.remote_port, 9);
}

static void peers_count_against_the_quota(void **state)
{
    (void)state;
    bench.policy.mappings_per_host = 5;
    start(&bench);
    for (uint16_t remote = 1; remote <= 6; remote++) {
        peer(&bench, HOST, 5683, REMOTE, remote, 600);
        assert_result(&bench, remote <= 5 ? PCP_SUCCESS : PCP_USER_EX_QUOTA);
    }
}

static void peer_can_be_switched_off(void **state)
{
    (void)state;
    bench.policy.peer = false;
    start(&bench);
    peer(&bench, HOST, 5683, REMOTE, 9, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

static void a_pinhole_peer_keeps_its_endpoint(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = peer_message("2001:db8::10", UDP, 5683, "2001:db8:9::9", 9, 600);
    send_message(&bench, "2001:db8::10", &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, 5683);
    assert_address(&bench.response.data.map.external_address, "2001:db8::10");
    message.data.remote_port = 10;
    message.data.map.external_port = 5684;
    send_message(&bench, "2001:db8::10", &message);
    assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_peer_is_granted_before_any_traffic_and_its_fields_are_copied),
        T(zeros_that_12_1_forbids_are_malformed),
        T(a_remote_peer_that_no_flow_could_have_is_malformed),
        T(a_suggestion_that_cannot_be_met_fails_and_leaves_nothing),
        T(a_suggestion_that_can_be_met_recreates_a_lost_flow),
        T(all_peers_and_the_map_of_a_port_share_its_external_port),
        T(the_nonce_is_checked_on_the_five_tuple),
        T(a_short_request_reads_what_is_left_and_cuts_nothing),
        T(a_peer_for_zero_seconds_makes_nothing),
        T(a_live_flow_is_told_whatever_is_suggested_and_the_nonce_remembered),
        T(a_flow_older_than_the_map_keeps_its_own_port),
        T(two_peers_of_an_older_port_share_one_secondary_binding),
        T(the_last_on_a_port_is_told_from_the_others),
        T(an_expired_peer_is_taken_away),
        T(peers_count_against_the_quota),
        T(peer_can_be_switched_off),
        T(a_pinhole_peer_keeps_its_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
