/* The PCP server's MAP: RFC 6887 sections 11.1, 11.3, 15, 15.1, 17.2. */
#include "server_support.h"

#define HOST  "192.168.1.10"
#define OTHER "192.168.1.20"

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

static void a_map_is_granted_and_its_fields_are_copied(void **state)
{
    (void)state;
    start(&bench);
    bench.now += 12 * SECOND;
    struct pcp_message message = map_message(HOST, UDP, 5683, 7200);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.length, 60);
    assert_int_equal(bench.response.opcode, PCP_MAP);
    assert_true(bench.response.response);
    assert_int_equal(bench.response.lifetime, 7200);
    assert_int_equal(bench.response.epoch, 12);
    assert_memory_equal(bench.response.data.map.nonce, message.data.map.nonce, 12);
    assert_int_equal(bench.response.data.map.protocol, UDP);
    assert_int_equal(bench.response.data.map.internal_port, 5683);
    assert_address(&bench.response.data.map.external_address, "11.0.0.1");
    assert_in_range(bench.response.data.map.external_port, 30000, 65535);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_CREATED);
    assert_int_equal(bench.answer.change.mapping.deadline, bench.now + 7200 * SECOND);
    assert_address(&bench.answer.change.mapping.internal, HOST);
    assert_int_equal(bench.answer.change.mapping.path, 7);
}

static void a_nonce_of_zeros_is_as_good_as_any(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 7200);
    memset(message.data.map.nonce, 0, PCP_NONCE_LENGTH);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
}

static void an_error_response_copies_the_suggestion(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(HOST, 253, 5683, 7200);
    message.data.map.external_port = 777;
    message.data.map.external_address = at("11.0.0.9");
    struct request request = encode(&message);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    assert_memory_equal(bench.answer.octets + 24, request.octets + 24, 36);
}

static void the_port_and_protocol_forms_are_told_apart(void **state)
{
    (void)state;
    start(&bench);
    static const struct {
        uint8_t protocol;
        uint16_t port;
        uint32_t lifetime;
        enum pcp_result result;
    } cases[] = {
        {UDP, 5683, 600, PCP_SUCCESS},
        {TCP, 5683, 600, PCP_SUCCESS},
        {132, 5683, 600, PCP_UNSUPP_PROTOCOL}, /* SCTP, not served */
        {253, 5683, 600, PCP_UNSUPP_PROTOCOL},
        {UDP, 0, 600, PCP_UNSUPP_PROTOCOL},    /* all ports: not in its entirety */
        {0, 0, 600, PCP_UNSUPP_PROTOCOL},      /* DMZ host: likewise */
        {0, 5683, 600, PCP_MALFORMED_REQUEST}, /* all protocols, one port */
        {0, 5683, 0, PCP_MALFORMED_REQUEST},
        {0, 0, 0, PCP_SUCCESS}, /* deletion of what isn't there */
        {UDP, 0, 0, PCP_SUCCESS},
        {253, 99, 0, PCP_SUCCESS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        map(&bench, HOST, cases[i].protocol, cases[i].port, cases[i].lifetime);
        assert_result(&bench, cases[i].result);
    }
    assert_int_equal(live(&bench), 2);
}

static void wildcards_are_granted_where_policy_allows_and_stand_beside_single_ports(void **state)
{
    (void)state;
    bench.policy.wildcards = true;
    pcp_server_policy_serve(&bench.policy, 47, true); /* GRE has no ports */
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, HOST, UDP, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, 0);
    map(&bench, HOST, 0, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, HOST, 47, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, HOST, 47, 5, 600);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    map(&bench, OTHER, UDP, 0, 600); /* another host has all ports of the only address */
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    assert_int_equal(live(&bench), 4);

    struct pcp_message message = map_message(HOST, UDP, 0, 0);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    map(&bench, HOST, UDP, 0, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(live(&bench), 3); /* the single port is still there */
    map(&bench, HOST, 0, 0, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(live(&bench), 2);
}

static void wildcards_come_in_full_or_not_at_all(void **state)
{
    (void)state;
    bench.policy.wildcards = true;
    start(&bench);
    map(&bench, OTHER, UDP, 5683, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, HOST, UDP, 0, 600); /* but for the other's port */
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    map(&bench, HOST, 0, 0, 600);
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    map(&bench, HOST, TCP, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, OTHER, UDP, 5683, 0);
    map(&bench, HOST, UDP, 0, 600); /* the other's port rests */
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    struct pcp_server_event event;
    bench.now += 121 * SECOND;
    while (pcp_server_advance(bench.server, bench.now, &event))
        ;
    map(&bench, HOST, UDP, 0, 600);
    assert_result(&bench, PCP_SUCCESS);
}

static void another_nonce_is_refused_for_as_long_as_the_mapping_lasts(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 600);
    static const uint32_t lifetimes[] = {0, 60, 600, 86400};
    for (size_t i = 0; i < 4; i++) {
        struct pcp_message message = map_message(HOST, UDP, 5683, lifetimes[i]);
        message.data.map.nonce[11] ^= 0x80;
        bench.now += 1500;
        send_message(&bench, HOST, &message);
        assert_result(&bench, PCP_NOT_AUTHORIZED);
        /* What is left, rounded up: at its end the error no longer holds. */
        assert_int_equal(bench.response.lifetime, (600000 - 1500 * (i + 1) + 999) / 1000);
        assert_int_equal(bench.answer.change.kind, PCP_SERVER_UNCHANGED);
    }
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), port);
}

static void a_pinhole_is_renewed_and_ended_by_its_own_nonce_alone(void **state)
{
    (void)state;
    start(&bench);
    const char *host = "2001:db8::10";
    map(&bench, host, UDP, 5683, 600);
    elapse(&bench, 300 * SECOND);
    struct pcp_message message = map_message(host, UDP, 5683, 600);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, host, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    message.lifetime = 0;
    send_message(&bench, host, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    map(&bench, host, UDP, 5683, 600);
    assert_result(&bench, PCP_SUCCESS);
    elapse(&bench, 599 * SECOND);
    assert_int_equal(live(&bench), 1);
    map(&bench, host, UDP, 5683, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(live(&bench), 0);
}

static void unchecked_nonces_let_any_client_of_the_host_renew(void **state)
{
    (void)state;
    bench.policy.check_nonces = false;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 600);
    struct pcp_message message = map_message(HOST, UDP, 5683, 1200);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, port);
}

static void the_protocol_is_judged_before_the_nonce_and_the_nonce_before_options(void **state)
{
    (void)state;
    bench.policy.wildcards = true;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    struct pcp_message message = map_message(HOST, UDP, 5683, 0);
    message.data.map.nonce[0] ^= 1;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0); /* makes no sense with lifetime 0 */
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    message.data.map.nonce[0] ^= 1;
    request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_MALFORMED_OPTION);
    message.data.map.protocol = 0;
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
}

static void lifetimes_are_kept_between_minimum_and_maximum(void **state)
{
    (void)state;
    start(&bench);
    static const uint32_t cases[][2] = {{1, 120},           {119, 120},     {120, 120},
                                        {86400, 86400},     {86401, 86400}, {UINT32_MAX, 86400},
                                        {0x7fffffff, 86400}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        map(&bench, HOST, UDP, (uint16_t)(1000 + i), cases[i][0]);
        assert_int_equal(bench.response.lifetime, cases[i][1]);
    }
}

static void a_mapping_lives_exactly_its_lifetime(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    struct pcp_server_event event;
    assert_int_equal(pcp_server_next_time(bench.server), bench.now + 600 * SECOND);
    bench.now += 600 * SECOND - 1;
    assert_false(pcp_server_advance(bench.server, bench.now, &event));
    bench.now += 1;
    assert_true(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(event.kind, PCP_SERVER_EXPIRED);
    assert_int_equal(event.change.kind, PCP_SERVER_REMOVED);
    assert_int_equal(event.change.mapping.internal_port, 5683);
    assert_false(pcp_server_advance(bench.server, bench.now, &event));
    assert_int_equal(live(&bench), 0);
}

static void a_day_of_renewals_extends_the_lifetime_each_time(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 600);
    for (int i = 0; i < 288; i++) {
        elapse(&bench, 300 * SECOND);
        assert_int_equal(map(&bench, HOST, UDP, 5683, 600), port);
        assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    }
    elapse(&bench, 599 * SECOND);
    assert_int_equal(live(&bench), 1);
    elapse(&bench, SECOND);
    assert_int_equal(live(&bench), 0);
}

static void an_existing_mapping_is_told_whatever_is_suggested(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 600);
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.data.map.external_port = port == 40404 ? 40405 : 40404;
    message.data.map.external_address = at("203.0.113.9");
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.data.map.external_port, port);
    assert_address(&bench.response.data.map.external_address, "11.0.0.1");
    assert_int_equal(live(&bench), 1);
}

static void a_shorter_lifetime_shortens_within_the_limits(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 3600);
    map(&bench, HOST, UDP, 5683, 60);
    assert_int_equal(bench.response.lifetime, 120);
    elapse(&bench, 120 * SECOND);
    assert_int_equal(live(&bench), 0);
}

static uint16_t suggest(const char *address, uint16_t port, uint16_t internal_port)
{
    struct pcp_message message = map_message(HOST, UDP, internal_port, 600);
    message.data.map.external_address = at(address);
    message.data.map.external_port = port;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    return bench.response.data.map.external_port;
}

static void a_free_suggestion_is_granted(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(suggest("11.0.0.1", 40404, 1), 40404);
    assert_int_equal(suggest("0.0.0.0", 40405, 2), 40405);
}

static void a_poor_suggestion_does_no_harm(void **state)
{
    (void)state;
    start(&bench);
    static const char *const addresses[] = {"127.0.0.1", "224.0.0.1", "255.255.255.255", "10.1.1.1",
                                            "::1",       "ff02::1",   "2001:db8::1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        suggest(addresses[i], 40404, (uint16_t)(100 + i));
        assert_address(&bench.response.data.map.external_address, "11.0.0.1");
    }
    assert_in_range(suggest("11.0.0.1", 80, 1), 30000, 65535);
    suggest("11.0.0.1", 40404, 2);
    assert_int_not_equal(suggest("11.0.0.1", 40404, 3), 40404); /* taken */
}

static void ports_5350_and_5351_of_udp_are_given_to_nobody(void **state)
{
    (void)state;
    bench.policy.first_port = 5349;
    bench.policy.last_port = 5352;
    start(&bench);
    assert_int_not_equal(suggest("11.0.0.1", 5350, 1), 5350);
    assert_int_not_equal(suggest("11.0.0.1", 5351, 2), 5351);
    map(&bench, HOST, UDP, 3, 600); /* nothing but those two is left */
    assert_result(&bench, PCP_NO_RESOURCES);
    struct pcp_message message = map_message(HOST, TCP, 5351, 600);
    send_message(&bench, HOST, &message);
    assert_int_equal(bench.response.data.map.external_port, 5351);
}

static void a_full_address_yields_every_port_once_and_then_no_resources(void **state)
{
    (void)state;
    bench.policy.first_port = 40000;
    bench.policy.last_port = 40999;
    start(&bench);
    static bool seen[65536];
    memset(seen, 0, sizeof seen);
    for (uint16_t i = 1; i <= 1000; i++) {
        uint16_t port = map(&bench, HOST, UDP, i, 600);
        assert_in_range(port, 40000, 40999);
        assert_false(seen[port]);
        seen[port] = true;
    }
    map(&bench, HOST, UDP, 1001, 600);
    assert_result(&bench, PCP_NO_RESOURCES);
    assert_int_equal(bench.response.lifetime, 30);
    assert_int_equal(live(&bench), 1000);
    map(&bench, HOST, TCP, 1001, 600); /* the ports of TCP are others */
    assert_result(&bench, PCP_SUCCESS);
}

static void sctp_keeps_its_port_number_or_fails(void **state)
{
    (void)state;
    enum { SCTP = 132 };
    pcp_server_policy_serve(&bench.policy, SCTP, true);
    start(&bench);
    assert_int_equal(map(&bench, HOST, SCTP, 80, 600), 80);
    assert_int_equal(map(&bench, HOST, SCTP, 80, 600), 80);
    map(&bench, OTHER, SCTP, 80, 600);
    assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
    struct pcp_message message = map_message(OTHER, SCTP, 81, 600);
    message.data.map.external_port = 40000; /* PREFER_FAILURE is implied, section 7.4 */
    send_message(&bench, OTHER, &message);
    assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
    message.data.map.external_port = 81;
    send_message(&bench, OTHER, &message);
    assert_result(&bench, PCP_SUCCESS);
}

static void the_internal_port_is_kept_where_free_and_else_its_parity(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(map(&bench, HOST, UDP, 40001, 600), 40001);
    for (int i = 0; i < 100; i++) {
        char host[ADDRESS_TEXT_SIZE];
        snprintf(host, sizeof host, "192.168.2.%d", i + 1);
        assert_int_equal(map(&bench, host, UDP, 40001, 600) % 2, 1);
    }
}

static void all_mappings_of_a_host_share_an_external_address(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char text[ADDRESS_TEXT_SIZE];
        snprintf(text, sizeof text, "11.0.0.%d", i + 1);
        bench.external[i] = at(text);
    }
    bench.policy.external_count = 4;
    start(&bench);
    for (int host = 1; host <= 20; host++) {
        char text[ADDRESS_TEXT_SIZE];
        snprintf(text, sizeof text, "192.168.2.%d", host);
        map(&bench, text, UDP, 1, 600);
        struct address first = bench.response.data.map.external_address;
        for (uint16_t port = 2; port <= 10; port++) {
            map(&bench, text, TCP, port, 600);
            assert_true(address_equal(&bench.response.data.map.external_address, &first));
        }
        /* ... but a wish for another one is met (section 10). */
        struct pcp_message message = map_message(text, UDP, 99, 600);
        message.data.map.external_address = bench.external[host % 4];
        send_message(&bench, text, &message);
        assert_true(
            address_equal(&bench.response.data.map.external_address, &bench.external[host % 4]));
    }
}

static void without_an_external_address_yet_there_is_network_failure(void **state)
{
    (void)state;
    bench.external[0] = address_any_ipv4();
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    assert_result(&bench, PCP_NETWORK_FAILURE);
    assert_int_equal(bench.response.lifetime, 30);
    struct address external = at("11.0.0.7");
    pcp_server_renumber(bench.server, 0, &external, bench.now);
    assert_int_not_equal(map(&bench, HOST, UDP, 5683, 600), 0);
}

static void the_all_zeros_of_a_family_that_cannot_be_had_fail(void **state)
{
    (void)state;
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.data.map.external_address = address_any_ipv6();
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_NETWORK_FAILURE);
    assert_int_equal(live(&bench), 0);
}

static void an_ipv6_pinhole_is_its_internal_endpoint(void **state)
{
    (void)state;
    start(&bench);
    const char *host = "2001:db8::10";
    assert_int_equal(map(&bench, host, UDP, 5683, 600), 5683);
    assert_address(&bench.response.data.map.external_address, host);
    assert_int_equal(map(&bench, host, UDP, 5683, 1200), 5683); /* a renewal works too */
    assert_int_equal(bench.response.lifetime, 1200);
    struct pcp_message message = map_message(host, UDP, 5683, 600);
    message.data.map.nonce[0] ^= 1;
    send_message(&bench, host, &message);
    assert_result(&bench, PCP_NOT_AUTHORIZED); /* and its nonce is checked */
    map(&bench, host, UDP, 5351, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_equal(live(&bench), 1);
    map(&bench, host, UDP, 5683, 0);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_REMOVED);
    assert_int_equal(bench.answer.change.rest_until, 0); /* nobody else could get that port */
    assert_int_equal(pcp_server_count(bench.server).hosts, 0);
}

/* --- quotas and rules ----------------------------------------------------------------------- */

static void a_host_over_its_quota_is_told_so_and_others_are_served(void **state)
{
    (void)state;
    bench.policy.mappings_per_host = 3;
    start(&bench);
    for (uint16_t port = 1; port <= 3; port++)
        assert_int_not_equal(map(&bench, HOST, UDP, port, 600), 0);
    map(&bench, HOST, UDP, 4, 600);
    assert_result(&bench, PCP_USER_EX_QUOTA);
    assert_int_equal(bench.response.lifetime, 30);
    assert_int_not_equal(map(&bench, HOST, UDP, 3, 600), 0); /* renewals are free */
    assert_int_not_equal(map(&bench, OTHER, UDP, 1, 600), 0);
    map(&bench, HOST, UDP, 1, 0);
    elapse(&bench, 120 * SECOND);
    assert_int_not_equal(map(&bench, HOST, UDP, 4, 600), 0);
}

static void a_full_table_refuses_and_evicts_nothing(void **state)
{
    (void)state;
    bench.policy.mapping_capacity = 10;
    start(&bench);
    for (int i = 0; i < 1000; i++) {
        char host[ADDRESS_TEXT_SIZE];
        snprintf(host, sizeof host, "10.0.%d.%d", i / 250, i % 250 + 1);
        map(&bench, host, UDP, 5683, 600);
        assert_result(&bench, i < 10 ? PCP_SUCCESS : PCP_NO_RESOURCES);
    }
    assert_int_equal(live(&bench), 10);
    map(&bench, "10.0.0.3", UDP, 5683, 600);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
}

static void the_first_rule_that_fits_decides(void **state)
{
    (void)state;
    const struct pcp_server_rule rules[] = {
        {true, {at(HOST), 128}, 1024, 65535},
        {false, {at("192.168.1.0"), 120}, 0, 65535},
    };
    bench.policy.rules = rules;
    bench.policy.rule_count = 2;
    bench.policy.wildcards = true;
    start(&bench);
    map(&bench, HOST, UDP, 1024, 600);
    assert_result(&bench, PCP_SUCCESS);
    map(&bench, HOST, UDP, 1023, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_equal(bench.response.lifetime, 1800);
    map(&bench, HOST, UDP, 0, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    map(&bench, OTHER, UDP, 1024, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    map(&bench, "192.168.2.1", UDP, 1, 600);
    assert_result(&bench, PCP_SUCCESS);
}

static void map_can_be_switched_off(void **state)
{
    (void)state;
    bench.policy.map = false;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
}

/* --- static mappings ------------------------------------------------------------------------ */

static void add_static(uint16_t external_port)
{
    struct pcp_server_mapping mapping = {.protocol = UDP,
                                         .internal = at(HOST),
                                         .internal_port = 5683,
                                         .external = at("11.0.0.1"),
                                         .external_port = external_port};
    struct error error = {{0}};
    if (pcp_server_add_static(bench.server, &mapping, &error))
        fail_msg("%s", error.text);
}

static void a_static_mapping_answers_for_ever_and_keeps_no_nonce(void **state)
{
    (void)state;
    start(&bench);
    add_static(5683);
    for (uint8_t i = 0; i < 3; i++) {
        struct pcp_message message = map_message(HOST, UDP, 5683, 600);
        message.data.map.nonce[0] = i;
        message.data.map.external_port = 40000;
        send_message(&bench, HOST, &message);
        assert_result(&bench, PCP_SUCCESS);
        assert_int_equal(bench.response.lifetime, UINT32_MAX);
        assert_int_equal(bench.response.data.map.external_port, 5683);
        assert_int_equal(bench.response.data.map.nonce[0], i);
        assert_int_equal(bench.answer.change.kind, PCP_SERVER_UNCHANGED);
    }
    map(&bench, HOST, UDP, 5683, 0);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    elapse(&bench, UINT32_MAX * SECOND * 2);
    assert_int_equal(live(&bench), 1);
    map(&bench, OTHER, UDP, 5683, 600);
    assert_int_not_equal(bench.response.data.map.external_port, 5683);
}

static void a_static_mapping_fails_prefer_failure_and_filter(void **state)
{
    (void)state;
    start(&bench);
    add_static(5683);
    struct pcp_message message = map_message(HOST, UDP, 5683, 600);
    message.data.map.external_port = 40000;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_CANNOT_PROVIDE_EXTERNAL);
    request = encode(&message);
    add_filter(&request, "11.9.9.9", 128, 0);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_EXCESSIVE_REMOTE_PEERS);
}

static void dynamic_mappings_follow_a_static_one_to_its_address(void **state)
{
    (void)state;
    bench.external[1] = at("11.0.0.2");
    bench.policy.external_count = 2;
    start(&bench);
    struct pcp_server_mapping mapping = {.protocol = TCP,
                                         .internal = at(HOST),
                                         .internal_port = 80,
                                         .external = at("11.0.0.2"),
                                         .external_port = 80};
    assert_int_equal(pcp_server_add_static(bench.server, &mapping, NULL), 0);
    for (uint16_t port = 1; port <= 10; port++) {
        map(&bench, HOST, UDP, port, 600);
        assert_address(&bench.response.data.map.external_address, "11.0.0.2");
    }
}

/* --- deletion, 15 and 15.1 ------------------------------------------------------------------ */

static void a_delete_removes_at_once_and_copies_the_suggestion(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, UDP, 5683, 600);
    struct pcp_message message = map_message(HOST, UDP, 5683, 0);
    message.data.map.external_port = 4711;
    message.data.map.external_address = at("11.0.0.77");
    for (int i = 0; i < 3; i++) { /* a repeat gets the same answer */
        send_message(&bench, HOST, &message);
        assert_result(&bench, PCP_SUCCESS);
        assert_int_equal(bench.response.lifetime, 0);
        assert_int_equal(bench.response.data.map.protocol, UDP);
        assert_int_equal(bench.response.data.map.internal_port, 5683);
        assert_int_equal(bench.response.data.map.external_port, 4711);
        assert_address(&bench.response.data.map.external_address, "11.0.0.77");
        assert_int_equal(bench.answer.change.kind, i ? PCP_SERVER_UNCHANGED : PCP_SERVER_REMOVED);
    }
    assert_int_equal(live(&bench), 0);
}

static void show_flow(uint16_t internal_port, uint16_t external_port, uint64_t idle)
{
    bench.flows = (struct flows){
        .key = {.protocol = UDP, .internal = at(HOST), .internal_port = internal_port},
        .flow = {.external = at("11.0.0.1"), .external_port = external_port, .idle = idle},
        .present = true,
        .any_remote = true,
    };
}

static void recent_outbound_traffic_holds_a_deleted_mapping_for_the_idle_time(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    show_flow(5683, port, 30 * SECOND);
    map(&bench, HOST, UDP, 5683, 0);
    assert_result(&bench, PCP_SUCCESS);
    assert_int_equal(bench.response.lifetime, 90);
    assert_int_equal(bench.answer.change.kind, PCP_SERVER_RENEWED);
    bench.flows.flow.idle = 120 * SECOND;
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(bench.response.lifetime, 0);
    assert_int_equal(live(&bench), 0);
}

static void recent_outbound_traffic_bounds_how_far_a_lifetime_is_cut(void **state)
{
    (void)state;
    bench.policy.minimum_lifetime = 10;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 3600);
    show_flow(5683, port, 30 * SECOND);
    map(&bench, HOST, UDP, 5683, 20);
    assert_int_equal(bench.response.lifetime, 90);
    elapse(&bench, 89 * SECOND);
    assert_int_equal(live(&bench), 1);
    elapse(&bench, SECOND);
    assert_int_equal(live(&bench), 0);
}

static void a_mapping_shorter_than_the_idle_time_is_not_prolonged_by_a_delete(void **state)
{
    (void)state;
    bench.policy.minimum_lifetime = 10;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 20);
    show_flow(5683, port, 0);
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(bench.response.lifetime, 20);
}

static void deleting_what_is_only_an_outbound_flow_is_not_authorized(void **state)
{
    (void)state;
    start(&bench);
    show_flow(5683, 2000, 0);
    map(&bench, HOST, UDP, 5683, 0);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    bench.flows.present = false;
    peer(&bench, HOST, 5684, "11.9.9.9", 9, 600);
    map(&bench, HOST, UDP, 5684, 0);
    assert_result(&bench, PCP_NOT_AUTHORIZED);
    assert_int_equal(live(&bench), 1);
}

static void a_map_takes_the_port_of_a_live_flow_even_outside_the_range(void **state)
{
    (void)state;
    start(&bench);
    show_flow(5683, 2000, 0);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), 2000);
    map(&bench, OTHER, UDP, 5683, 600);
    assert_int_not_equal(bench.response.data.map.external_port, 2000);
}

static void the_ports_of_pcp_are_given_to_nobody_even_where_a_flow_has_them(void **state)
{
    (void)state;
    start(&bench);
    for (uint16_t port = 5350; port <= 5351; port++) {
        show_flow(port, port, 0);
        map(&bench, HOST, UDP, port, 600);
        assert_result(&bench, PCP_SUCCESS);
        assert_int_not_equal(bench.response.data.map.external_port, port);
        bench.flows.any_remote = true;
        show_flow((uint16_t)(port + 10), port, 0);
        peer(&bench, HOST, (uint16_t)(port + 10), "11.9.9.9", 9, 600);
        assert_result(&bench, PCP_SUCCESS);
        assert_int_not_equal(bench.response.data.map.external_port, port);
    }
}

/* --- rest, 15 ------------------------------------------------------------------------------- */

static enum pcp_result insist(const char *host, uint16_t internal_port, uint16_t port, char nonce)
{
    struct pcp_message message = map_message(host, UDP, internal_port, 600);
    message.data.map.nonce[0] = (uint8_t)nonce;
    message.data.map.external_address = at("11.0.0.1");
    message.data.map.external_port = port;
    struct request request = encode(&message);
    add_option(&request, PCP_PREFER_FAILURE, NULL, 0);
    send_request(&bench, host, &request);
    return (enum pcp_result)bench.response.result;
}

static void an_ended_mapping_leaves_its_port_to_rest_for_all_but_its_client(void **state)
{
    (void)state;
    start(&bench);
    assert_int_equal(insist(HOST, 1, 40000, 'a'), PCP_SUCCESS);
    struct pcp_message message = map_message(HOST, UDP, 1, 0);
    message.data.map.nonce[0] = 'a';
    send_message(&bench, HOST, &message);
    assert_int_equal(bench.answer.change.rest_until, bench.now + 120 * SECOND);
    elapse(&bench, 60 * SECOND);
    assert_int_equal(insist(OTHER, 1, 40000, 'a'), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(bench.response.lifetime, 60 + 240); /* what is left, and TIME_WAIT */
    assert_int_equal(insist(HOST, 2, 40000, 'a'), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(insist(HOST, 1, 40000, 'b'), PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(insist(HOST, 1, 40000, 'a'), PCP_SUCCESS); /* same address, port and nonce */
    elapse(&bench, 600 * SECOND);
    assert_int_equal(live(&bench), 0); /* expired: the rest begins anew */
    elapse(&bench, 119 * SECOND);
    assert_int_equal(insist(OTHER, 1, 40000, 'c'), PCP_CANNOT_PROVIDE_EXTERNAL);
    elapse(&bench, SECOND);
    assert_int_equal(insist(OTHER, 1, 40000, 'c'), PCP_SUCCESS);
}

static void the_same_client_has_its_resting_port_back_unasked(void **state)
{
    (void)state;
    start(&bench);
    uint16_t port = map(&bench, HOST, UDP, 5683, 600);
    map(&bench, HOST, UDP, 5683, 0);
    assert_int_equal(map(&bench, HOST, UDP, 5683, 600), port);
    assert_int_equal(pcp_server_count(bench.server).resting, 0);
}

static void tcp_ports_rest_for_as_long_as_an_idle_connection_may(void **state)
{
    (void)state;
    start(&bench);
    map(&bench, HOST, TCP, 80, 600);
    map(&bench, HOST, TCP, 80, 0);
    assert_int_equal(bench.answer.change.rest_until, bench.now + 7440 * SECOND);
}

static void churn_of_one_host_meets_its_quota_before_it_takes_all_ports(void **state)
{
    (void)state;
    bench.policy.mappings_per_host = 50;
    start(&bench);
    for (uint16_t i = 1; i <= 1000; i++) {
        map(&bench, HOST, UDP, i, 600);
        assert_result(&bench, i <= 50 ? PCP_SUCCESS : PCP_USER_EX_QUOTA);
        map(&bench, HOST, UDP, i, 0);
    }
    assert_int_equal(pcp_server_count(bench.server).resting, 50);
    assert_int_not_equal(map(&bench, OTHER, UDP, 1, 600), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_map_is_granted_and_its_fields_are_copied),
        T(a_nonce_of_zeros_is_as_good_as_any),
        T(an_error_response_copies_the_suggestion),
        T(the_port_and_protocol_forms_are_told_apart),
        T(wildcards_are_granted_where_policy_allows_and_stand_beside_single_ports),
        T(wildcards_come_in_full_or_not_at_all),
        T(another_nonce_is_refused_for_as_long_as_the_mapping_lasts),
        T(a_pinhole_is_renewed_and_ended_by_its_own_nonce_alone),
        T(unchecked_nonces_let_any_client_of_the_host_renew),
        T(the_protocol_is_judged_before_the_nonce_and_the_nonce_before_options),
        T(lifetimes_are_kept_between_minimum_and_maximum),
        T(a_mapping_lives_exactly_its_lifetime),
        T(a_day_of_renewals_extends_the_lifetime_each_time),
        T(an_existing_mapping_is_told_whatever_is_suggested),
        T(a_shorter_lifetime_shortens_within_the_limits),
        T(a_free_suggestion_is_granted),
        T(a_poor_suggestion_does_no_harm),
        T(ports_5350_and_5351_of_udp_are_given_to_nobody),
        T(a_full_address_yields_every_port_once_and_then_no_resources),
        T(sctp_keeps_its_port_number_or_fails),
        T(the_internal_port_is_kept_where_free_and_else_its_parity),
        T(all_mappings_of_a_host_share_an_external_address),
        T(without_an_external_address_yet_there_is_network_failure),
        T(the_all_zeros_of_a_family_that_cannot_be_had_fail),
        T(an_ipv6_pinhole_is_its_internal_endpoint),
        T(a_host_over_its_quota_is_told_so_and_others_are_served),
        T(a_full_table_refuses_and_evicts_nothing),
        T(the_first_rule_that_fits_decides),
        T(map_can_be_switched_off),
        T(a_static_mapping_answers_for_ever_and_keeps_no_nonce),
        T(a_static_mapping_fails_prefer_failure_and_filter),
        T(dynamic_mappings_follow_a_static_one_to_its_address),
        T(a_delete_removes_at_once_and_copies_the_suggestion),
        T(recent_outbound_traffic_holds_a_deleted_mapping_for_the_idle_time),
        T(recent_outbound_traffic_bounds_how_far_a_lifetime_is_cut),
        T(a_mapping_shorter_than_the_idle_time_is_not_prolonged_by_a_delete),
        T(deleting_what_is_only_an_outbound_flow_is_not_authorized),
        T(a_map_takes_the_port_of_a_live_flow_even_outside_the_range),
        T(the_ports_of_pcp_are_given_to_nobody_even_where_a_flow_has_them),
        T(an_ended_mapping_leaves_its_port_to_rest_for_all_but_its_client),
        T(the_same_client_has_its_resting_port_back_unasked),
        T(tcp_ports_rest_for_as_long_as_an_idle_connection_may),
        T(churn_of_one_host_meets_its_quota_before_it_takes_all_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
