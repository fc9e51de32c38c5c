/* The client's fall back to NAT-PMP: RFC 6887 section 9 and appendix A, RFC 6886. */
#include "client_world.h"

#include "wire/natpmp.h"

enum { HOUR = 3600000, HALF_AN_HOUR = 1800000 };

/* RFC 6886 section 3.5, as drawn there: opcode 0, no top bit. */
static const uint8_t unsupported[8] = {0, 0, 0, 1, 0, 0, 0, 9};

static struct natpmp_message natpmp_sent(const struct world *world)
{
    struct natpmp_message message;
    assert_int_equal(natpmp_decode(world->octets, world->length, &message), NATPMP_FAULT_NONE);
    assert_false(message.response);
    return message;
}

static void natpmp_receive(struct world *world, const struct natpmp_message *message)
{
    uint8_t octets[16];
    size_t length = natpmp_encode(message, octets, sizeof octets);
    assert_true(length > 0);
    world_receive_octets(world, octets, length);
}

static struct natpmp_message natpmp_answer(const struct world *world)
{
    struct natpmp_message answer = natpmp_sent(world);
    answer.response = true;
    answer.epoch = world->epoch + (world->now - world->start) / 1000;
    answer.external_address[0] = 11;
    answer.external_address[3] = 1;
    if (answer.lifetime)
        answer.external_port = 40000;
    else
        answer.external_port = 0;
    return answer;
}

static void natpmp_answers(struct world *world)
{
    struct natpmp_message answer = natpmp_answer(world);
    natpmp_receive(world, &answer);
}

/* Count mappings asked for by PCP, and the server speaks NAT-PMP only. */
static void fall_back(struct world *world, int count)
{
    world_begin(world);
    for (int i = 0; i < count; i++)
        world_map(world, i);
    assert_true(world_sends(world));
    assert_int_equal(world->sent.version, 2);
    world_receive_octets(world, unsupported, sizeof unsupported);
}

static void natpmp_mapped(struct world *world)
{
    fall_back(world, 1);
    assert_true(world_sends(world));
    natpmp_answers(world);
    assert_true(world_sends(world));
    natpmp_answers(world);
    assert_int_equal(world_event(world), PCP_EVENT_GRANTED);
}

static void a_natpmp_server_is_asked_for_its_address_and_then_for_the_mapping(void **state)
{
    (void)state;
    struct world world;
    fall_back(&world, 1);
    assert_true(world_sends(&world));
    assert_int_equal(natpmp_sent(&world).opcode, NATPMP_ADDRESS);
    natpmp_answers(&world);
    assert_true(world_sends(&world));
    struct natpmp_message request = natpmp_sent(&world);
    assert_int_equal(request.opcode, NATPMP_MAP_UDP);
    assert_int_equal(request.internal_port, ONE_PORT);
    assert_int_equal(request.external_port, 0);
    assert_int_equal(request.lifetime, 3600);
    natpmp_answers(&world);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    struct address external = an_address("11.0.0.1");
    assert_true(address_equal(&world.mappings[0].data.map.external_address, &external));
    assert_int_equal(world.mappings[0].data.map.external_port, 40000);
}

static void an_unsupported_version_of_any_length_and_form_leads_there(void **state)
{
    (void)state;
    static const uint8_t forms[][16] = {
        {0, 0, 0, 1}, {0, 0x80, 0, 1}, {0, 0, 0, 1, 0, 0, 0, 9}, {0, 0x81, 0, 1}};
    static const size_t lengths[] = {4, 4, 8, 16};
    for (size_t i = 0; i < 4; i++) {
        struct world world;
        world_begin(&world);
        world_map(&world, 0);
        assert_true(world_sends(&world));
        world_receive_octets(&world, forms[i], lengths[i]);
        assert_true(world_sends(&world));
        assert_int_equal(world.length, NATPMP_ADDRESS_REQUEST_LENGTH);
    }
}

static void a_client_with_a_public_address_does_not_fall_back(void **state)
{
    (void)state;
    static const char *const public[] = {"11.0.0.7", "172.32.0.1", "192.167.1.1", "2001:db8::1"};
    static const char *const private[] = {"10.9.9.9", "172.31.0.1", "192.168.255.1"};
    for (size_t i = 0; i < 4 + 3; i++) {
        struct world world;
        world_begin(&world);
        world.client.address = an_address(i < 4 ? public[i] : private[i - 4]);
        world_map(&world, 0);
        assert_true(world_sends(&world));
        world_receive_octets(&world, unsupported, sizeof unsupported);
        assert_int_equal(world_until_sent(&world, HOUR), i < 4 ? HALF_AN_HOUR : 0);
        assert_int_equal(world.octets[0], i < 4 ? 2 : 0);
    }
}

/* Nothing more goes out now; what was sent last stays in the world. */
static bool is_silent(struct world *world)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    return pcp_client_send(&world->client, world->now, 0, octets, sizeof octets) == 0 &&
           pcp_client_wait(&world->client, world->now) > 0;
}

static void natpmp_requests_go_out_one_at_a_time(void **state)
{
    (void)state;
    struct world world;
    fall_back(&world, 3);
    assert_true(world_sends(&world));
    assert_true(is_silent(&world)); /* RFC 6886 section 3.1 */
    natpmp_answers(&world);
    for (int i = 0; i < 3; i++) {
        assert_true(world_sends(&world));
        assert_true(is_silent(&world));
        assert_int_equal(natpmp_sent(&world).internal_port, ONE_PORT + i);
        natpmp_answers(&world);
        assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    }
}

static void nine_unanswered_requests_lead_back_to_pcp_in_half_an_hour(void **state)
{
    (void)state;
    for (int address_known = 0; address_known < 2; address_known++) {
        struct world world;
        fall_back(&world, 1);
        assert_true(world_sends(&world));
        if (address_known) {
            natpmp_answers(&world);
            assert_true(world_sends(&world));
        }
        for (uint32_t timeout = 250; timeout < 64000; timeout *= 2) {
            assert_int_equal(world_until_sent(&world, HOUR), timeout);
            assert_int_equal(world.octets[0], 0);
        }
        assert_int_equal(world_until_sent(&world, HOUR), 64000 + HALF_AN_HOUR);
        assert_int_equal(world.sent.version, 2);
    }
}

static void an_announcement_ends_the_rest_of_a_client_that_gave_natpmp_up(void **state)
{
    (void)state;
    const struct natpmp_message announcement = {
        .opcode = NATPMP_ADDRESS, .response = true, .epoch = 5};
    struct world world;
    fall_back(&world, 1);
    for (uint32_t timeout = 125; timeout < 64000; timeout *= 2)
        world_until_sent(&world, HOUR);
    assert_int_equal(world_until_sent(&world, HALF_AN_HOUR), PCP_NEVER);
    natpmp_receive(&world, &announcement);
    assert_in_range(world_until_sent(&world, HOUR), 0, 5000);
    assert_int_equal(world.sent.version, 2);
    /* Once, and not at each of the ten. */
    natpmp_receive(&world, &announcement);
    assert_in_range(world_until_sent(&world, HOUR), 2700, 3300);
}

static void a_natpmp_renewal_comes_halfway_and_suggests_the_mapped_port(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 2, HOUR / 8 * 5);
    assert_int_equal(natpmp_sent(&world).external_port, 40000);
    assert_int_equal(world_until_sent(&world, HOUR), 250); /* repeated as any request (3.1) */
    natpmp_answers(&world);
    assert_int_equal(world_event(&world), PCP_EVENT_RENEWED);
}

static void a_natpmp_deletion_asks_for_no_port_and_no_lifetime(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    pcp_mapping_remove(&world.mappings[0], world.now);
    assert_true(world_sends(&world));
    assert_int_equal(natpmp_sent(&world).lifetime, 0);
    assert_int_equal(natpmp_sent(&world).external_port, 0);
    natpmp_answers(&world);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
}

static void a_natpmp_restart_is_recovered_from_after_a_random_wait(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    world.now += 600000;
    const struct natpmp_message announcement = {
        .response = true, .opcode = NATPMP_ADDRESS, .epoch = 0, .external_address = {11, 0, 0, 2}};
    natpmp_receive(&world, &announcement);
    assert_int_equal(world_event(&world), PCP_EVENT_CHANGED); /* the address, 3.2.1 */
    struct address external = an_address("11.0.0.2");
    assert_true(address_equal(&world.mappings[0].data.map.external_address, &external));
    assert_int_equal(world_until_sent(&world, HOUR), 2500); /* 3.7 */
    assert_int_equal(natpmp_sent(&world).external_port, 40000);
}

static void natpmp_errors_are_told_as_those_of_pcp_and_waited_for(void **state)
{
    (void)state;
    static const struct {
        uint16_t natpmp;
        uint8_t pcp;
        uint32_t wait; /* s */
    } table[] = {
        {NATPMP_NOT_AUTHORIZED, PCP_NOT_AUTHORIZED, 1800},
        {NATPMP_NETWORK_FAILURE, PCP_NETWORK_FAILURE, 30},
        {NATPMP_OUT_OF_RESOURCES, PCP_NO_RESOURCES, 30},
        {NATPMP_UNSUPPORTED_OPCODE, PCP_UNSUPP_OPCODE, 1800},
        {77, PCP_MALFORMED_REQUEST, 1800},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int address_known = 0; address_known < 2; address_known++) {
            struct world world;
            fall_back(&world, 1);
            assert_true(world_sends(&world));
            if (address_known) {
                natpmp_answers(&world);
                assert_true(world_sends(&world));
            }
            struct natpmp_message answer = natpmp_answer(&world);
            answer.result = table[i].natpmp;
            natpmp_receive(&world, &answer);
            assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
            assert_int_equal(world.mappings[0].result, table[i].pcp);
            assert_int_equal(world_until_sent(&world, HOUR), table[i].wait * 1000);
        }
    }
}

static void what_natpmp_cannot_say_is_refused_without_a_packet(void **state)
{
    (void)state;
    for (int what = 0; what < 5; what++) {
        struct world world;
        world_begin(&world);
        struct pcp_mapping *mapping = world_map(&world, 0);
        if (what == 0)
            mapping->opcode = PCP_PEER;
        if (what == 1)
            mapping->data.map.protocol = 132;
        if (what == 2)
            mapping->third_party = true;
        if (what == 3)
            mapping->data.map.internal_port = 0;
        if (what == 4)
            mapping->data.map.external_address = address_any_ipv6();
        assert_true(world_sends(&world));
        world_receive_octets(&world, unsupported, sizeof unsupported);
        assert_false(world_sends(&world));
        assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
        assert_int_equal(mapping->result, PCP_UNSUPP_PROTOCOL);
    }
}

static void a_server_that_learns_pcp_is_spoken_to_in_pcp(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    world.now += 60000;
    world_announce(&world, 0);
    world_until_sent(&world, HOUR);
    assert_int_equal(world.octets[0], 2);

    natpmp_mapped(&world);
    world_until_sent(&world, HOUR); /* a NAT-PMP renewal, at a gateway that speaks PCP alone now */
    static const uint8_t too_old[16] = {2, 0x81, 0, PCP_UNSUPP_VERSION, 0, 0, 7, 8};
    world_receive_octets(&world, too_old, sizeof too_old);
    assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_int_equal(world.octets[0], 2);
}

static void a_mapping_that_is_dropped_while_it_asks_lets_the_others_ask(void **state)
{
    (void)state;
    struct world world;
    fall_back(&world, 2);
    assert_true(world_sends(&world));
    natpmp_answers(&world);
    assert_true(world_sends(&world));
    assert_int_equal(natpmp_sent(&world).internal_port, ONE_PORT);
    pcp_mapping_remove(&world.mappings[0], world.now);
    assert_true(world_sends(&world)); /* it may exist: it is deleted */
    world.mappings[0].expiry = world.now;
    assert_true(world_sends(&world)); /* and when that is given up, it is the other's turn */
    assert_int_equal(natpmp_sent(&world).internal_port, ONE_PORT + 1);
}

static void a_hold_of_natpmp_that_is_over_does_not_come_back_when_the_clock_wraps(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    world_map(&world, 1);
    assert_true(world_sends(&world));
    struct natpmp_message answer = natpmp_answer(&world);
    answer.result = NATPMP_OUT_OF_RESOURCES;
    natpmp_receive(&world, &answer);
    pcp_mapping_remove(&world.mappings[1], world.now);
    for (int hour = 0; hour < 30 * 24; hour++) { /* more than half round the clock */
        assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
        natpmp_answers(&world);
    }
    world_map(&world, 2);
    world.now += 40000;
    assert_true(world_sends(&world));
    assert_int_equal(natpmp_sent(&world).internal_port, ONE_PORT + 2);
}

static void a_probe_of_a_natpmp_server_finds_it_alive(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    pcp_client_probe(&world.client, world.now);
    assert_true(world_sends(&world));
    world_receive_octets(&world, unsupported, sizeof unsupported);
    assert_int_equal(world_event(&world), PCP_EVENT_ALIVE);
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
}

static void a_probe_in_natpmp_asks_for_the_address_and_tells_of_a_restart(void **state)
{
    (void)state;
    struct world world;
    natpmp_mapped(&world);
    world.now += 600000;
    pcp_client_probe(&world.client, world.now);
    assert_int_equal(pcp_client_wait(&world.client, world.now), 0);
    assert_true(world_sends(&world));
    assert_int_equal(natpmp_sent(&world).opcode, NATPMP_ADDRESS);
    world.epoch -= (world.now - world.start) / 1000; /* it has just restarted */
    natpmp_answers(&world);
    assert_int_equal(world_event(&world), PCP_EVENT_ALIVE);
    assert_in_range(world_until_sent(&world, HOUR), 0, 5000);
    assert_int_equal(natpmp_sent(&world).opcode, NATPMP_MAP_UDP);
    natpmp_answers(&world);
    assert_in_range(world_until_sent(&world, HOUR), HALF_AN_HOUR, HOUR);
}

static void natpmp_answers_that_match_no_request_are_ignored(void **state)
{
    (void)state;
    struct world world;
    fall_back(&world, 1);
    assert_true(world_sends(&world));
    natpmp_answers(&world);
    assert_true(world_sends(&world));
    struct natpmp_message answer = natpmp_answer(&world);
    answer.internal_port++;
    natpmp_receive(&world, &answer);
    answer = natpmp_answer(&world);
    answer.opcode = NATPMP_MAP_TCP;
    natpmp_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    natpmp_answers(&world);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    answer = natpmp_answer(&world);
    answer.external_port = 50000; /* unasked: NAT-PMP has no Mapping Update */
    natpmp_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_natpmp_server_is_asked_for_its_address_and_then_for_the_mapping),
        cmocka_unit_test(an_unsupported_version_of_any_length_and_form_leads_there),
        cmocka_unit_test(a_client_with_a_public_address_does_not_fall_back),
        cmocka_unit_test(natpmp_requests_go_out_one_at_a_time),
        cmocka_unit_test(nine_unanswered_requests_lead_back_to_pcp_in_half_an_hour),
        cmocka_unit_test(an_announcement_ends_the_rest_of_a_client_that_gave_natpmp_up),
        cmocka_unit_test(a_natpmp_renewal_comes_halfway_and_suggests_the_mapped_port),
        cmocka_unit_test(a_natpmp_deletion_asks_for_no_port_and_no_lifetime),
        cmocka_unit_test(a_natpmp_restart_is_recovered_from_after_a_random_wait),
        cmocka_unit_test(natpmp_errors_are_told_as_those_of_pcp_and_waited_for),
        cmocka_unit_test(what_natpmp_cannot_say_is_refused_without_a_packet),
        cmocka_unit_test(a_server_that_learns_pcp_is_spoken_to_in_pcp),
        cmocka_unit_test(a_mapping_that_is_dropped_while_it_asks_lets_the_others_ask),
        cmocka_unit_test(a_hold_of_natpmp_that_is_over_does_not_come_back_when_the_clock_wraps),
        cmocka_unit_test(a_probe_of_a_natpmp_server_finds_it_alive),
        cmocka_unit_test(a_probe_in_natpmp_asks_for_the_address_and_tells_of_a_restart),
        cmocka_unit_test(natpmp_answers_that_match_no_request_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
