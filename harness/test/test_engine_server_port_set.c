/* The PCP server's PORT_SET option, RFC 7753. */
#include "server_support.h"
#include "wire/octets.h"
#include "wire/pcp_extensions.h"

#include <string.h>

#define HOST  "192.168.1.10"
#define OTHER "192.168.1.20"

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    prepare(&bench);
    bench.policy.first_port = 30000;
    bench.policy.last_port = 30999;
    bench.policy.ports_per_set = 32;
    start(&bench);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop(&bench);
    return 0;
}

static void add_set(struct request *request, uint16_t size, uint16_t first)
{
    uint8_t data[5] = {0};
    octets_put16(data, size);
    octets_put16(data + 2, first);
    add_option(request, PCP_PORT_SET, data, sizeof data);
}

static struct request set_request(const char *source, uint16_t first, uint16_t size,
                                  uint32_t lifetime)
{
    struct pcp_message message = map_message(source, UDP, first, lifetime);
    struct request request = encode(&message);
    add_set(&request, size, first);
    return request;
}

static void ask(const char *source, uint16_t first, uint16_t size, uint32_t lifetime)
{
    struct request request = set_request(source, first, size, lifetime);
    send_request(&bench, source, &request);
}

/* The answer's PORT_SET; a size of 0: it has none. */
static struct pcp_port_set told(void)
{
    struct pcp_port_set set = {0};
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    while (pcp_option_next(bench.response.options, bench.response.options_length, &offset, &option,
                           &fault))
        if (option.code == PCP_PORT_SET)
            assert_int_equal(pcp_option_port_set(&option, &set), PCP_FAULT_NONE);
    return set;
}

/* The external port of an internal one of a host; 0: it is not mapped. */
static uint16_t external_of(const char *source, uint16_t internal_port)
{
    struct pcp_server_mapping mapping;
    struct address internal = at(source);
    for (uint32_t cursor = 0; pcp_server_next(bench.server, &cursor, &mapping);)
        if (mapping.kind == PCP_SERVER_MAP && mapping.internal_port == internal_port &&
            address_equal(&mapping.internal, &internal))
            return mapping.external_port;
    return 0;
}

static uint64_t deadline_of(uint16_t internal_port)
{
    struct pcp_server_mapping mapping;
    for (uint32_t cursor = 0; pcp_server_next(bench.server, &cursor, &mapping);)
        if (mapping.kind == PCP_SERVER_MAP && mapping.internal_port == internal_port)
            return mapping.deadline;
    return 0;
}

static void a_set_stands_side_by_side_inside_and_outside(void **state)
{
    (void)state;
    ask(HOST, 5000, 10, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 10);
    assert_int_equal(told().first_internal_port, 5000);
    uint16_t external = bench.response.data.map.external_port;
    for (uint16_t i = 0; i < 10; i++)
        assert_int_equal(external_of(HOST, 5000 + i), external + i);
    assert_int_equal(live(&bench), 10);
    assert_int_equal(bench.more_count, 9);
}

static void each_port_is_a_change_of_its_own(void **state)
{
    (void)state;
    ask(HOST, 5000, 3, 600);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_CREATED);
    assert_int_equal(bench.answer.change.mapping.internal_port, 5000);
    for (uint16_t i = 0; i < 2; i++) {
        assert_int_equal(bench.more[i].change.kind, PCP_SERVER_CREATED);
        assert_int_equal(bench.more[i].change.mapping.internal_port, 5001 + i);
    }
}

static void a_set_is_no_larger_than_policy_has_it(void **state)
{
    (void)state;
    ask(HOST, 5000, 65535, 600);
    assert_int_equal(told().size, 32);
    assert_int_equal(live(&bench), 32);
}

static void a_set_ends_with_the_last_port(void **state)
{
    (void)state;
    ask(HOST, 65530, 20, 600);
    assert_int_equal(told().size, 6);
    assert_int_equal(live(&bench), 6);
}

static void a_set_ends_with_the_last_port_outside(void **state)
{
    (void)state;
    stop(&bench);
    bench.policy.last_port = 65535;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5000, 600);
    message.data.map.external_port = 65534;
    struct request request = encode(&message);
    add_set(&request, 8, 5000);
    send_request(&bench, HOST, &request);
    assert_int_equal(bench.response.data.map.external_port, 65534);
    assert_int_equal(told().size, 2);
    assert_int_equal(live(&bench), 2);
}

static void a_set_is_no_larger_than_a_quota_leaves(void **state)
{
    (void)state;
    stop(&bench);
    bench.policy.mappings_per_host = 5;
    start(&bench);
    ask(HOST, 5000, 10, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 5);
}

static void a_run_of_free_ports_is_looked_for(void **state)
{
    (void)state;
    /* Every tenth external port is taken, but for one gap that has room. */
    for (uint16_t i = 0; i < 100; i++) {
        struct pcp_message message = map_message(OTHER, UDP, (uint16_t)(1000 + i), 600);
        message.data.map.external_port = (uint16_t)(30000 + 10 * i);
        if (i != 50 && i != 51)
            send_message(&bench, OTHER, &message);
    }
    ask(HOST, 5000, 29, 600);
    assert_int_equal(told().size, 29);
    assert_int_equal(bench.response.data.map.external_port, 30491);
}

static void the_longest_run_is_taken_where_none_is_long_enough(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 100; i++) {
        struct pcp_message message = map_message(OTHER, UDP, (uint16_t)(1000 + i), 600);
        message.data.map.external_port = (uint16_t)(30000 + 10 * i);
        send_message(&bench, OTHER, &message);
    }
    ask(HOST, 5000, 29, 600);
    assert_int_equal(told().size, 9);
}

static void a_single_port_has_no_option_in_its_answer(void **state)
{
    (void)state;
    ask(HOST, 5000, 1, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 0);
    assert_int_equal(bench.answer.length, 60);
}

static void a_server_that_knows_no_sets_maps_the_one_port(void **state)
{
    (void)state;
    stop(&bench);
    bench.policy.ports_per_set = 0;
    start(&bench);
    ask(HOST, 5000, 10, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 0);
    assert_int_equal(live(&bench), 1);
}

static void what_makes_no_sense_is_malformed(void **state)
{
    (void)state;
    ask(HOST, 5000, 0, 600);
    assert_result(&bench, PCP_MALFORMED_OPTION);
    struct request twice = set_request(HOST, 5000, 4, 600);
    add_set(&twice, 4, 5000);
    send_request(&bench, HOST, &twice);
    assert_result(&bench, PCP_MALFORMED_OPTION);
    struct pcp_message message = map_message(HOST, UDP, 5000, 600);
    message.data.map.external_port = 30500;
    struct request insisting = encode(&message);
    add_option(&insisting, PCP_PREFER_FAILURE, NULL, 0);
    add_set(&insisting, 4, 5000);
    send_request(&bench, HOST, &insisting);
    assert_result(&bench, PCP_MALFORMED_OPTION);
    assert_int_equal(live(&bench), 0);
}

static void a_set_is_renewed_as_one(void **state)
{
    (void)state;
    ask(HOST, 5000, 4, 600);
    uint16_t external = bench.response.data.map.external_port;
    elapse(&bench, 100 * SECOND);
    ask(HOST, 5000, 4, 600);
    assert_int_equal(told().size, 4);
    assert_int_equal(bench.response.data.map.external_port, external);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(deadline_of(5000 + i), bench.now + 600 * SECOND);
}

static void a_request_for_one_port_of_a_set_renews_it_whole(void **state)
{
    (void)state;
    ask(HOST, 5000, 4, 600);
    uint16_t external = bench.response.data.map.external_port;
    elapse(&bench, 100 * SECOND);
    assert_int_equal(map(&bench, HOST, UDP, 5002, 900), external + 2);
    assert_int_equal(told().size, 0);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(deadline_of(5000 + i), bench.now + 900 * SECOND);
}

static void a_request_inside_a_set_is_told_where_it_begins(void **state)
{
    (void)state;
    ask(HOST, 5000, 4, 600);
    uint16_t external = bench.response.data.map.external_port;
    ask(HOST, 5002, 2, 600);
    assert_int_equal(bench.response.data.map.internal_port, 5002);
    assert_int_equal(bench.response.data.map.external_port, external);
    assert_int_equal(told().size, 4);
    assert_int_equal(told().first_internal_port, 5000);
}

static void a_set_is_deleted_as_one(void **state)
{
    (void)state;
    ask(HOST, 5000, 4, 600);
    ask(HOST, 5000, 4, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.lifetime, 0);
    assert_int_equal(live(&bench), 0);
}

static void traffic_of_one_port_keeps_the_set_alive_for_its_idle_time(void **state)
{
    (void)state;
    ask(HOST, 5000, 4, 600);
    bench.flows = (struct flows){
        .key = {.protocol = UDP, .internal = at(HOST), .internal_port = 5002},
        .flow = {.external = bench.external[0],
                 .external_port = (uint16_t)(bench.response.data.map.external_port + 2),
                 .idle = 20 * SECOND},
        .present = true,
        .any_remote = true,
    };
    ask(HOST, 5000, 4, 0);
    uint32_t rest = bench.policy.idle.udp - 20;
    assert_int_equal(bench.response.lifetime, rest);
    assert_int_equal(live(&bench), 4);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(deadline_of(5000 + i), bench.now + rest * SECOND);
}

static void a_set_ends_below_what_is_mapped_which_is_refreshed_and_told(void **state)
{
    (void)state;
    assert_int_not_equal(map(&bench, HOST, UDP, 5003, 600), 0);
    elapse(&bench, 60 * SECOND);
    ask(HOST, 5000, 8, 600);
    assert_int_equal(told().size, 3);
    assert_int_equal(live(&bench), 4);
    assert_int_equal(deadline_of(5003), bench.now + 600 * SECOND);
    struct pcp_server_event event;
    struct pcp_message update;
    assert_true(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(event.kind, PCP_SERVER_UPDATE);
    assert_int_equal(pcp_decode(event.octets, event.length, &update), PCP_FAULT_NONE);
    assert_int_equal(update.data.map.internal_port, 5003);
    assert_int_equal(update.lifetime, 600);
}

static void another_clients_mapping_in_the_range_is_left_alone(void **state)
{
    (void)state;
    struct pcp_message message = map_message(HOST, UDP, 5002, 600);
    memcpy(message.data.map.nonce, "another-one!", PCP_NONCE_LENGTH);
    send_message(&bench, HOST, &message);
    uint64_t deadline = deadline_of(5002);
    elapse(&bench, 60 * SECOND);
    ask(HOST, 5000, 8, 600);
    assert_int_equal(told().size, 2);
    assert_int_equal(deadline_of(5002), deadline);
}

static void what_the_device_can_not_do_is_undone_whole(void **state)
{
    (void)state;
    struct request request = set_request(HOST, 5000, 8, 600);
    submit(&bench, HOST, request.octets, request.length);
    struct pcp_server_input input = {
        .octets = request.octets, .length = request.length, .source = at(HOST), .now = bench.now};
    assert_int_equal(live(&bench), 8);
    while (bench.more_count > 0)
        pcp_server_refuse(bench.server, &input, &bench.more[--bench.more_count]);
    pcp_server_refuse(bench.server, &input, &bench.answer);
    assert_int_equal(live(&bench), 0);
    assert_int_equal(bench.answer.octets[3], PCP_NO_RESOURCES);
    ask(HOST, 5000, 8, 600);
    assert_int_equal(told().size, 8);
}

static void filters_are_those_of_every_port(void **state)
{
    (void)state;
    struct request request = set_request(HOST, 5000, 3, 600);
    add_filter(&request, "11.0.0.9", 128, 0);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(pcp_server_count(bench.server).filters, 3);
    assert_int_equal(told().size, 3);
}

static void a_pinhole_may_be_a_set_too(void **state)
{
    (void)state;
    stop(&bench);
    bench.policy.ipv6_firewall = true;
    start(&bench);
    ask("2001:db8::10", 5000, 4, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 4);
    assert_int_equal(bench.response.data.map.external_port, 5000);
    assert_int_equal(live(&bench), 4);
}

static void all_ports_are_no_set(void **state)
{
    (void)state;
    stop(&bench);
    bench.policy.wildcards = true;
    start(&bench);
    ask(HOST, 0, 4, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(told().size, 0);
    assert_int_equal(live(&bench), 1);
}

/* What is stored of each port is enough to know the set again. */
static void a_set_survives_a_restart(void **state)
{
    (void)state;
    struct pcp_server_mapping kept[4];
    size_t count = 0;
    ask(HOST, 5000, 4, 600);
    for (uint32_t cursor = 0; count < 4 && pcp_server_next(bench.server, &cursor, &kept[count]);)
        count++;
    stop(&bench);
    start(&bench);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pcp_server_restore(bench.server, &kept[i], NULL, NULL), 0);
    assert_int_not_equal(map(&bench, HOST, UDP, 5003, 900), 0);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(deadline_of(5000 + i), bench.now + 900 * SECOND);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_set_stands_side_by_side_inside_and_outside),
        T(each_port_is_a_change_of_its_own),
        T(a_set_is_no_larger_than_policy_has_it),
        T(a_set_ends_with_the_last_port),
        T(a_set_ends_with_the_last_port_outside),
        T(a_set_is_no_larger_than_a_quota_leaves),
        T(a_run_of_free_ports_is_looked_for),
        T(the_longest_run_is_taken_where_none_is_long_enough),
        T(a_single_port_has_no_option_in_its_answer),
        T(a_server_that_knows_no_sets_maps_the_one_port),
        T(what_makes_no_sense_is_malformed),
        T(a_set_is_renewed_as_one),
        T(a_request_for_one_port_of_a_set_renews_it_whole),
        T(a_request_inside_a_set_is_told_where_it_begins),
        T(a_set_is_deleted_as_one),
        T(traffic_of_one_port_keeps_the_set_alive_for_its_idle_time),
        T(a_set_ends_below_what_is_mapped_which_is_refreshed_and_told),
        T(another_clients_mapping_in_the_range_is_left_alone),
        T(what_the_device_can_not_do_is_undone_whole),
        T(filters_are_those_of_every_port),
        T(a_pinhole_may_be_a_set_too),
        T(all_ports_are_no_set),
        T(a_set_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
