/* NAT-PMP as the PCP server's second protocol: RFC 6886 sections 3.2 to 3.5. */
#include "server_support.h"
#include "wire/natpmp.h"

#define HOST  "192.168.1.10"
#define OTHER "192.168.1.20"

static struct bench bench;
static struct natpmp_message reply;

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

static void ask(const char *host, uint8_t opcode, uint16_t internal_port, uint16_t external_port,
                uint32_t lifetime)
{
    struct natpmp_message message = {.opcode = opcode,
                                     .internal_port = internal_port,
                                     .external_port = external_port,
                                     .lifetime = lifetime};
    uint8_t octets[16];
    size_t length = natpmp_encode(&message, octets, sizeof octets);
    assert_int_not_equal(length, 0);
    send_octets(&bench, host, octets, length);
    assert_int_equal(natpmp_decode(bench.answer.octets, bench.answer.length, &reply),
                     NATPMP_FAULT_NONE);
    assert_true(reply.response);
    assert_int_equal(reply.opcode, opcode);
}

static void the_external_address_is_told(void **state)
{
    (void)state;
    start(&bench);
    bench.now += 9 * SECOND;
    ask(HOST, NATPMP_ADDRESS, 0, 0, 0);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_equal(reply.epoch, 9);
    assert_memory_equal(reply.external_address, "\x0b\x00\x00\x01", 4);
}

static void without_an_address_it_is_zero_and_network_failure(void **state)
{
    (void)state;
    bench.external[0] = address_any_ipv4();
    start(&bench);
    ask(HOST, NATPMP_ADDRESS, 0, 0, 0);
    assert_int_equal(reply.result, NATPMP_NETWORK_FAILURE);
    assert_memory_equal(reply.external_address, "\0\0\0\0", 4);
    ask(HOST, NATPMP_MAP_UDP, 5683, 0, 600);
    assert_int_equal(reply.result, NATPMP_NETWORK_FAILURE);
    assert_int_equal(reply.internal_port, 5683);
    assert_int_equal(reply.external_port, 0);
    assert_int_equal(reply.lifetime, 0);
}

static void a_mapping_is_granted_for_no_longer_than_asked(void **state)
{
    (void)state;
    start(&bench);
    ask(HOST, NATPMP_MAP_UDP, 5683, 40000, 60);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_equal(reply.external_port, 40000);
    assert_int_equal(reply.lifetime, 60);
    ask(HOST, NATPMP_MAP_UDP, 5683, 40000, UINT32_MAX);
    assert_int_equal(reply.lifetime, 86400);
    ask(HOST, NATPMP_MAP_UDP, 5683, 50000, 7200); /* mapped already: it stays where it is */
    assert_int_equal(reply.external_port, 40000);
    assert_int_equal(live(&bench), 1);
    elapse(&bench, 7200 * SECOND);
    assert_int_equal(live(&bench), 0);
}

static void the_companion_port_waits_for_the_same_host(void **state)
{
    (void)state;
    start(&bench);
    ask(HOST, NATPMP_MAP_TCP, 80, 40000, 600);
    ask(OTHER, NATPMP_MAP_UDP, 80, 40000, 600);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_not_equal(reply.external_port, 40000);
    struct pcp_message message = map_message(OTHER, UDP, 81, 600);
    message.data.map.external_port = 40000;
    send_message(&bench, OTHER, &message);
    assert_int_not_equal(bench.response.data.map.external_port, 40000);
    ask(HOST, NATPMP_MAP_UDP, 80, 40000, 600);
    assert_int_equal(reply.external_port, 40000);
}

static void a_delete_is_answered_with_zeros_even_when_repeated(void **state)
{
    (void)state;
    start(&bench);
    ask(HOST, NATPMP_MAP_UDP, 5683, 0, 600);
    for (int i = 0; i < 3; i++) {
        ask(HOST, NATPMP_MAP_UDP, 5683, 40000, 0);
        assert_int_equal(reply.result, NATPMP_SUCCESS);
        assert_int_equal(reply.internal_port, 5683);
        assert_int_equal(reply.external_port, 0);
        assert_int_equal(reply.lifetime, 0);
    }
    assert_int_equal(live(&bench), 0);
}

static void a_delete_is_done_at_once_whatever_flows(void **state)
{
    (void)state;
    start(&bench);
    ask(HOST, NATPMP_MAP_TCP, 5000, 0, 600);
    bench.flows.present = bench.flows.any_remote = true;
    bench.flows.key =
        (struct pcp_server_flow_key){.protocol = 6, .internal = at(HOST), .internal_port = 5000};
    ask(HOST, NATPMP_MAP_TCP, 5000, 0, 0);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
}

static void a_delete_of_all_takes_one_protocol_of_one_host(void **state)
{
    (void)state;
    start(&bench);
    for (uint16_t port = 1; port <= 5; port++) {
        ask(HOST, NATPMP_MAP_UDP, port, 0, 600);
        ask(HOST, NATPMP_MAP_TCP, port, 0, 600);
        ask(OTHER, NATPMP_MAP_UDP, port, 0, 600);
    }
    ask(HOST, NATPMP_MAP_UDP, 0, 0, 0);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_equal(reply.internal_port, 0);
    struct pcp_server_event event;
    for (int i = 0; i < 5; i++) {
        assert_true(pcp_server_advance(bench.server, bench.now, &event));
        assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
        assert_int_equal(event.change.mapping.protocol, UDP);
        assert_address(&event.change.mapping.internal, HOST);
    }
    assert_false(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(live(&bench), 10);
}

static void a_delete_of_all_prolongs_nothing(void **state)
{
    (void)state;
    start(&bench);
    bench.flows = (struct flows){
        .key = {.protocol = UDP, .internal = at(HOST), .internal_port = 1},
        .flow = {.external = at("11.0.0.1"), .external_port = 2000},
        .present = true,
    };
    ask(HOST, NATPMP_MAP_UDP, 1, 0, 60);
    ask(HOST, NATPMP_MAP_UDP, 0, 0, 0);
    elapse(&bench, 60 * SECOND);
    assert_int_equal(live(&bench), 0);
}

static void a_request_can_be_refused_after_a_delete_of_all_has_ended_its_mapping(void **state)
{
    (void)state;
    bench.policy.rest.udp = 0;
    start(&bench);
    static const uint8_t new[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, all[12] = {0, 1};
    submit(&bench, HOST, new, sizeof new);
    struct pcp_server_answer first = bench.answer;
    submit(&bench, HOST, new, sizeof new);
    struct pcp_server_answer second = bench.answer;
    submit(&bench, HOST, all, sizeof all);
    settle(&bench);
    struct pcp_server_input input = {.octets = new, .length = sizeof new};
    pcp_server_refuse(bench.server, &input, &second);
    pcp_server_refuse(bench.server, &input, &first);
    assert_int_equal(first.octets[3], NATPMP_OUT_OF_RESOURCES);
    struct pcp_server_counts counts = pcp_server_count(bench.server);
    assert_int_equal(counts.live + counts.resting + counts.hosts, 0);
    ask(HOST, NATPMP_MAP_UDP, 1, 0, 60);
    ask(HOST, NATPMP_MAP_UDP, 2, 0, 60);
    elapse(&bench, 60 * SECOND);
    assert_int_equal(live(&bench), 0);
}

static void what_pcp_made_is_named_but_not_touched(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    bench.now += 100 * SECOND;
    ask(HOST, NATPMP_MAP_UDP, 5683, 0, 7200);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
    assert_int_equal(reply.external_port, port);
    assert_int_equal(reply.lifetime, 3500);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_UNCHANGED);
    ask(HOST, NATPMP_MAP_UDP, 5683, 0, 0);
    assert_int_equal(reply.result, NATPMP_NOT_AUTHORIZED);
    ask(HOST, NATPMP_MAP_UDP, 0, 0, 0);
    assert_int_equal(reply.result, NATPMP_NOT_AUTHORIZED);
    settle(&bench);
    assert_int_equal(live(&bench), 1);
    /* Nor does PCP end what NAT-PMP made, with a nonce of zeros or another. */
    ask(HOST, NATPMP_MAP_UDP, 1, 0, 600);
    struct pcp_message message = map_message(HOST, UDP, 1, 0);
    memset(message.data.map.nonce, 0, PCP_NONCE_LENGTH);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

static void quota_and_switched_off_have_their_results(void **state)
{
    (void)state;
    bench.policy.mappings_per_host = 1;
    start(&bench);
    ask(HOST, NATPMP_MAP_UDP, 1, 0, 600);
    ask(HOST, NATPMP_MAP_UDP, 2, 0, 600);
    assert_int_equal(reply.result, NATPMP_OUT_OF_RESOURCES);
    stop(&bench);
    bench.policy.map = false;
    start(&bench);
    ask(HOST, NATPMP_MAP_UDP, 1, 0, 600);
    assert_int_equal(reply.result, NATPMP_NOT_AUTHORIZED);
}

static void an_unknown_opcode_sends_the_request_back(void **state)
{
    (void)state;
    start(&bench);
    bench.now += 3 * SECOND;
    const uint8_t octets[12] = {0, 3, 0xaa, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8};
    send_octets(&bench, HOST, octets, sizeof octets);
    assert_int_equal(bench.answer.length, 12);
    assert_memory_equal(bench.answer.octets, "\x00\x83\x00\x05\x00\x00\x00\x03\x05\x06\x07\x08",
                        12);
    send_octets(&bench, HOST, octets, 2);
    assert_int_equal(bench.answer.length, 8);
}

static void what_is_no_request_is_dropped(void **state)
{
    (void)state;
    start(&bench);
    const uint8_t octets[12] = {0, 128, 0};
    send_octets(&bench, HOST, octets, sizeof octets); /* a response */
    assert_int_equal(bench.answer.length, 0);
    const uint8_t cut[12] = {0, 1};
    for (size_t length = 2; length < 12; length++) {
        send_octets(&bench, HOST, cut, length);
        assert_int_equal(bench.answer.length, 0);
    }
    send_octets(&bench, "2001:db8::1", (const uint8_t[2]){0, 0}, 2); /* IPv4 alone */
    assert_int_equal(bench.answer.length, 0);
}

static void of_several_external_addresses_the_first_has_the_mappings(void **state)
{
    (void)state;
    bench.policy.external_count = 3;
    bench.external[0] = address_any_ipv4(); /* there is none yet */
    bench.external[1] = at("11.0.0.2");
    bench.external[2] = at("11.0.0.3");
    start(&bench);
    for (int i = 1; i <= 16; i++) {
        char host[24];
        (void)snprintf(host, sizeof host, "192.168.1.%d", 100 + i);
        ask(host, NATPMP_MAP_UDP, 5000, 0, 600);
        assert_int_equal(reply.result, NATPMP_SUCCESS);
        assert_true(address_equal(&bench.answer.change.mapping.external, &bench.external[1]));
    }
    ask(OTHER, NATPMP_MAP_UDP, 5000, reply.external_port, 600);
    assert_true(address_equal(&bench.answer.change.mapping.external, &bench.external[1]));
    ask(HOST, NATPMP_ADDRESS, 0, 0, 0);
    assert_memory_equal(reply.external_address, "\x0b\0\0\x02", 4);
}

static void what_speaks_it_alone_knows_no_other_version(void **state)
{
    (void)state;
    uint8_t octets[PCP_HEADER_LENGTH] = {PCP_VERSION};
    bench.policy.nat_pmp_alone = true;
    start(&bench);
    bench.now += 9 * SECOND;
    send_octets(&bench, HOST, octets, sizeof octets);
    assert_int_equal(bench.answer.length, NATPMP_UNSUPPORTED_VERSION_LENGTH);
    assert_memory_equal(bench.answer.octets, "\0\0\0\1\0\0\0\x09", 8);
    ask(HOST, NATPMP_ADDRESS, 0, 0, 0);
    assert_int_equal(reply.result, NATPMP_SUCCESS);
}

static void what_is_no_nat_takes_no_part(void **state)
{
    (void)state;
    uint8_t octets[NATPMP_ADDRESS_REQUEST_LENGTH] = {0};
    bench.policy.ipv4_firewall = true;
    start(&bench);
    send_octets(&bench, HOST, octets, sizeof octets);
    assert_int_equal(bench.answer.octets[0], PCP_VERSION);
    assert_int_equal(bench.answer.octets[3], PCP_UNSUPP_VERSION);
    struct pcp_server_event event;
    while (pcp_server_advance(bench.server, bench.now, &event))
        assert_false(event.nat_pmp);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_external_address_is_told),
        T(without_an_address_it_is_zero_and_network_failure),
        T(a_mapping_is_granted_for_no_longer_than_asked),
        T(the_companion_port_waits_for_the_same_host),
        T(a_delete_is_answered_with_zeros_even_when_repeated),
        T(a_delete_is_done_at_once_whatever_flows),
        T(a_delete_of_all_takes_one_protocol_of_one_host),
        T(a_delete_of_all_prolongs_nothing),
        T(a_request_can_be_refused_after_a_delete_of_all_has_ended_its_mapping),
        T(what_pcp_made_is_named_but_not_touched),
        T(quota_and_switched_off_have_their_results),
        T(an_unknown_opcode_sends_the_request_back),
        T(what_is_no_request_is_dropped),
        T(of_several_external_addresses_the_first_has_the_mappings),
        T(what_speaks_it_alone_knows_no_other_version),
        T(what_is_no_nat_takes_no_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
