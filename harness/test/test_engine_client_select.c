/* Server selection, RFC 7488, and its last resort, RFC 7723, in virtual time: which address is asked
 * when. RAND of RFC 6887 section 8.1.1 is 0 throughout, so requests go out at 0, 3, 9 and 21 s and an
 * address is given up at 45 s, to the millisecond but for the rounding of a fifth. */
#include "client_world.h"

#include "engine/pcp_client_select.h"
#include "engine/pcp_client_timing.h"
#include "wire/natpmp.h"

enum { LIFETIME = 3600, ADDRESSES = 3, DAY = 86400000 };

struct choice {
    struct world world;
    struct pcp_selection selection;
    struct pcp_select_address list[ADDRESSES];
};

static const char *const servers[] = {"192.168.1.1", "192.168.1.2", "192.168.1.3"};

/* count addresses of one server, or of as many servers; mapping 0 is asked for. */
static struct pcp_mapping *begin(struct choice *choice, uint8_t count, bool one_server)
{
    memset(choice, 0, sizeof *choice);
    struct world *world = &choice->world;
    world_begin(world);
    for (uint8_t i = 0; i < count; i++) {
        choice->list[i].server = an_address(servers[i]);
        choice->list[i].source = an_address("192.168.1.10");
        memset(choice->list[i].nonce, one_server ? 0x10 : 0x10 + i, PCP_NONCE_LENGTH);
    }
    pcp_select_init(&choice->selection, &world->client, choice->list, count, world->mappings,
                    WORLD_MAPPINGS, world->now);
    return world_map(world, 0);
}

/* As world_until_sent(). */
static uint32_t until_sent(struct choice *choice, uint32_t limit)
{
    struct world *world = &choice->world;
    uint32_t passed = 0;
    for (;;) {
        world->length = pcp_select_send(&choice->selection, world->now, world->random,
                                        world->octets, sizeof world->octets);
        if (world->length) {
            pcp_decode(world->octets, world->length, &world->sent);
            return passed;
        }
        uint32_t wait = pcp_client_wait(&world->client, world->now);
        assert_true(wait > 0);
        if (wait > limit - passed) {
            world->now += limit - passed;
            return PCP_NEVER;
        }
        world->now += wait;
        passed += wait;
    }
}

static void receive(struct choice *choice, const char *from, const struct pcp_message *message)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    struct address source = an_address(from);
    size_t length = pcp_encode(message, octets, sizeof octets);
    assert_true(length > 0);
    pcp_select_receive(&choice->selection, choice->world.now, choice->world.random, &source,
                       PCP_SERVER_PORT, octets, length);
}

static void grant(struct choice *choice, const char *from, uint32_t lifetime)
{
    struct pcp_message answer = world_answer(&choice->world, lifetime);
    receive(choice, from, &answer);
}

static void assert_asks(const struct choice *choice, int number)
{
    struct address wanted = an_address(servers[number]);
    assert_true(address_equal(&choice->world.client.server, &wanted));
}

static void assert_near(uint32_t got, uint32_t wanted, uint32_t allowed)
{
    if (got + allowed < wanted || got > wanted + allowed)
        fail_msg("%u ms, expected %u", got, wanted);
}

/* The four requests of section 8.1.1 to server number; the first after wait ms. */
static void assert_four_requests(struct choice *choice, int number, uint32_t wait)
{
    const uint32_t times[] = {wait, 3000, 6000, 12000};
    for (int i = 0; i < 4; i++) {
        assert_near(until_sent(choice, DAY), times[i], 2);
        assert_asks(choice, number);
    }
}

static void an_address_is_given_up_after_four_requests_and_45_seconds(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 3, true);
    assert_four_requests(&choice, 0, 0);
    assert_four_requests(&choice, 1, 24000);
    assert_four_requests(&choice, 2, 24000);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_NONE);
}

static void a_round_without_an_answer_is_repeated_every_15_minutes(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    for (int round = 0; round < 5; round++) {
        uint32_t start = choice.world.now;
        assert_four_requests(&choice, 0, round ? 900000 - 66000 : 0);
        if (round)
            assert_near(choice.world.now - start, 900000 - 66000 + 21000, 2 * 8);
        assert_four_requests(&choice, 1, 24000);
    }
}

static void addresses_of_one_server_see_the_same_nonce_and_others_another(void **state)
{
    (void)state;
    for (int one = 0; one < 2; one++) {
        struct choice choice;
        begin(&choice, 2, one);
        assert_four_requests(&choice, 0, 0);
        const struct pcp_message first = choice.world.sent;
        assert_four_requests(&choice, 1, 24000);
        const struct pcp_message second = choice.world.sent;
        assert_memory_equal(first.data.map.nonce, choice.list[0].nonce, PCP_NONCE_LENGTH);
        assert_memory_equal(second.data.map.nonce, choice.list[1].nonce, PCP_NONCE_LENGTH);
        /* back at the first, the first's again */
        assert_four_requests(&choice, 0, 900000 - 66000);
        assert_memory_equal(choice.world.sent.data.map.nonce, choice.list[0].nonce,
                            PCP_NONCE_LENGTH);
    }
}

static void a_late_answer_of_an_address_given_up_is_ignored(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    assert_four_requests(&choice, 0, 0);
    assert_near(until_sent(&choice, DAY), 24000, 2);
    grant(&choice, servers[0], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_NONE);
    grant(&choice, servers[1], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
}

static void an_address_that_answered_is_kept(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    assert_four_requests(&choice, 0, 0);
    for (int i = 0; i < 50; i++) {
        until_sent(&choice, DAY);
        assert_asks(&choice, 1);
        grant(&choice, servers[1], LIFETIME);
    }
}

static void an_error_is_an_answer(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    for (int i = 0; i < 10; i++) {
        until_sent(&choice, DAY);
        assert_asks(&choice, 0);
        struct pcp_message answer = world_answer(&choice.world, 30);
        answer.result = PCP_NOT_AUTHORIZED;
        receive(&choice, servers[0], &answer);
        assert_int_equal(world_event(&choice.world), PCP_EVENT_REFUSED);
    }
}

static void after_four_renewals_in_vain_the_next_address_renews_what_is_granted(void **state)
{
    (void)state;
    struct choice choice;
    struct pcp_mapping *mapping = begin(&choice, 2, true);
    until_sent(&choice, 0);
    grant(&choice, servers[0], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
    uint32_t granted = choice.world.now;
    double start = 0.5;
    double width = 0.125;
    for (int i = 0; i < 4; i++) { /* 11.2.1, the middle of each range */
        until_sent(&choice, DAY);
        assert_asks(&choice, 0);
        assert_near(choice.world.now - granted, (uint32_t)(3600000 * (start + width / 2)), 4);
        start += (1 - start) / 2;
        width /= 2;
    }
    until_sent(&choice, DAY);
    assert_asks(&choice, 1);
    assert_near(choice.world.now - granted, (uint32_t)(3600000 * (start + width / 2)), 4);
    assert_true(mapping->granted);
    assert_int_equal(choice.world.sent.data.map.external_port, 40000);
    grant(&choice, servers[1], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_RENEWED);
}

static void another_server_grants_anew_what_the_silent_one_had(void **state)
{
    (void)state;
    struct choice choice;
    struct pcp_mapping *mapping = begin(&choice, 2, false);
    until_sent(&choice, 0);
    grant(&choice, servers[0], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
    for (int i = 0; i < 5; i++)
        until_sent(&choice, DAY);
    assert_asks(&choice, 1);
    assert_false(mapping->granted);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_LOST);
    assert_memory_equal(choice.world.sent.data.map.nonce, choice.list[1].nonce, PCP_NONCE_LENGTH);
}

static void an_address_that_fell_silent_comes_last(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 3, true);
    assert_four_requests(&choice, 0, 0);
    until_sent(&choice, DAY);
    grant(&choice, servers[1], 8); /* so short that no renewal counts: one at 4 s, the end at 8 s */
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
    assert_near(until_sent(&choice, DAY), 4500, 2);
    uint32_t last = 0;
    for (int i = 0; i < 4; i++)
        last = until_sent(&choice, DAY);
    assert_asks(&choice, 1);
    assert_near(last, 12000, 2);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_LOST);
    assert_four_requests(&choice, 0, 24000); /* the list is gone through from its head */
    assert_four_requests(&choice, 2, 24000);
    assert_four_requests(&choice, 0, 900000 - 66000);
}

static void one_silent_mapping_does_not_condemn_an_address_that_answers_others(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    struct pcp_mapping *other = world_map(&choice.world, 1);
    memcpy(other->data.map.nonce, choice.list[0].nonce, PCP_NONCE_LENGTH);
    uint32_t renewals = 0;
    uint32_t in_vain = 0;
    uint32_t last = choice.world.now;
    uint32_t longest = 0;
    while (choice.world.now - choice.world.start < 4000000) {
        if (until_sent(&choice, DAY / 10) == PCP_NEVER)
            break;
        assert_asks(&choice, 0);
        if (choice.world.sent.data.map.internal_port == ONE_PORT) {
            grant(&choice, servers[0], 120);
            renewals++;
            continue;
        }
        in_vain++;
        longest = choice.world.now - last > longest ? choice.world.now - last : longest;
        last = choice.world.now;
    }
    assert_true(renewals > 4000000 / 120000);
    assert_in_range(in_vain, 16, 20); /* four each 15 minutes and 45 s */
    assert_near(longest, 900000 + 24000, 4);
}

static void a_hard_icmp_error_leads_to_the_next_address_at_once(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 3, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(until_sent(&choice, 0), 0);
        assert_asks(&choice, i);
        choice.world.now += 1;
        pcp_select_unreachable(&choice.selection, choice.world.now);
    }
    assert_near(until_sent(&choice, DAY), 900000 - 3, 2);
    assert_asks(&choice, 0);
}

static void an_icmp_error_that_answers_no_request_changes_nothing(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    until_sent(&choice, 0);
    grant(&choice, servers[0], LIFETIME);
    pcp_select_unreachable(&choice.selection, choice.world.now);
    until_sent(&choice, DAY);
    assert_asks(&choice, 0);
}

static void a_flood_of_icmp_errors_makes_one_round_and_no_more(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 3, true);
    pcp_client_probe(&choice.world.client, choice.world.now); /* out, and never answered */
    uint32_t sends = 0;
    for (int i = 0; i < 1000; i++) {
        if (until_sent(&choice, 10) != PCP_NEVER)
            sends++;
        pcp_select_unreachable(&choice.selection, choice.world.now);
    }
    assert_int_equal(sends, 3);
}

static void a_single_address_is_asked_without_bound(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 1, true);
    double base = 3000;
    until_sent(&choice, DAY);
    for (int i = 0; i < 40; i++) {
        assert_near(until_sent(&choice, DAY), (uint32_t)base, 40);
        pcp_select_unreachable(&choice.selection, choice.world.now);
        base = base * 2 > 1024000 ? 1024000 : base * 2;
    }
    assert_asks(&choice, 0);
}

static struct pcp_message announcement(const struct choice *choice)
{
    const struct world *world = &choice->world;
    return (struct pcp_message){.version = PCP_VERSION,
                                .response = true,
                                .opcode = PCP_ANNOUNCE,
                                .epoch = (world->now - world->start) / 1000};
}

static void a_single_address_may_have_bounds_the_first_of_which_counts(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 1, true);
    choice.selection.maximum_sends = 3;
    assert_int_equal(until_sent(&choice, DAY), 0);
    assert_near(until_sent(&choice, DAY), 3000, 1);
    assert_near(until_sent(&choice, DAY), 6000, 1);
    /* 12 s later the exchange has failed, and the next begins 15 minutes behind its start. */
    assert_near(until_sent(&choice, DAY), PCP_SELECT_PERIOD - 9000, 5);
    begin(&choice, 1, true);
    choice.selection.maximum_sends = 9;
    choice.world.client.maximum_duration = 5000;
    assert_int_equal(until_sent(&choice, DAY), 0);
    assert_near(until_sent(&choice, DAY), 3000, 1);
    assert_near(until_sent(&choice, DAY), PCP_SELECT_PERIOD - 3000, 5);
}

static void another_bound_of_requests_holds_for_each_address_and_for_renewals(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    choice.selection.maximum_sends = 2;
    static const uint32_t waits[][2] = {{0, 3000}, {6000, 3000}};
    for (int number = 0; number < 2; number++) {
        for (int i = 0; i < 2; i++) {
            assert_near(until_sent(&choice, DAY), waits[number][i], 2);
            assert_asks(&choice, number);
        }
    }
    grant(&choice, servers[1], LIFETIME);
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(until_sent(&choice, DAY), PCP_NEVER);
        assert_asks(&choice, 1);
    }
    assert_int_not_equal(until_sent(&choice, DAY), PCP_NEVER);
    assert_asks(&choice, 0);
}

static void an_announcement_ends_the_rest_within_five_seconds(void **state)
{
    (void)state;
    static const uint32_t randoms[] = {0, HALF, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        struct choice choice;
        begin(&choice, 2, false);
        assert_four_requests(&choice, 0, 0);
        assert_four_requests(&choice, 1, 24000);
        assert_int_equal(until_sent(&choice, 100000), PCP_NEVER);
        choice.world.random = randoms[i];
        struct pcp_message message = announcement(&choice);
        receive(&choice, "192.168.1.66", &message); /* a stranger's */
        assert_int_equal(until_sent(&choice, 10000), PCP_NEVER);
        receive(&choice, servers[1], &message);
        assert_near(until_sent(&choice, DAY), pcp_uniform(5000, randoms[i]), 1);
        assert_asks(&choice, 1);
    }
}

static void announcements_do_not_drive_a_client_from_address_to_address(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 3, true);
    uint32_t sends = 0;
    for (int i = 0; i < 3000; i++) {
        struct pcp_message message = announcement(&choice);
        receive(&choice, servers[i % 3], &message);
        sends += until_sent(&choice, 1) != PCP_NEVER;
    }
    assert_int_equal(sends, 1);
}

/* RFC 6887 sections 8.3 and 11.5 */
static void another_list_is_asked_at_once(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 1, true);
    until_sent(&choice, 0);
    grant(&choice, servers[0], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
    struct pcp_select_address list[2] = {choice.list[0], choice.list[0]};
    pcp_select_replace(&choice.selection, list, 1, choice.world.now);
    assert_int_equal(until_sent(&choice, 1000), PCP_NEVER); /* the same: nothing happens */
    list[0].server = an_address(servers[2]);
    memset(list[0].nonce, 0x77, PCP_NONCE_LENGTH);
    pcp_select_replace(&choice.selection, list, 2, choice.world.now);
    assert_int_equal(until_sent(&choice, 0), 0);
    assert_asks(&choice, 2);
    assert_memory_equal(choice.world.sent.data.map.nonce, list[0].nonce, PCP_NONCE_LENGTH);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_LOST);
    grant(&choice, servers[2], LIFETIME);
    assert_int_equal(world_event(&choice.world), PCP_EVENT_GRANTED);
    list[0].source = an_address("192.168.1.11"); /* our own address changed */
    pcp_select_replace(&choice.selection, list, 1, choice.world.now);
    assert_int_equal(until_sent(&choice, 0), 0);
    assert_true(address_equal(&choice.world.sent.client, &list[0].source));
    assert_int_equal(world_event(&choice.world), PCP_EVENT_LOST);
}

static void the_same_list_again_changes_nothing(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, false);
    assert_four_requests(&choice, 0, 0);
    until_sent(&choice, DAY);
    assert_asks(&choice, 1);
    pcp_select_replace(&choice.selection, choice.list, 2, choice.world.now);
    assert_near(until_sent(&choice, DAY), 3000, 2);
    assert_asks(&choice, 1);
}

/* RFC 6886 section 3.1: nine requests; 3.5: the answer of a server that knows nothing newer. */
static void a_natpmp_server_that_falls_silent_is_given_up_after_its_nine_requests(void **state)
{
    (void)state;
    struct choice choice;
    begin(&choice, 2, true);
    until_sent(&choice, 0);
    static const uint8_t unsupported[] = {0, 0, 0, 1, 0, 0, 0, 9};
    struct address server = an_address(servers[0]);
    pcp_select_receive(&choice.selection, choice.world.now, HALF, &server, PCP_SERVER_PORT,
                       unsupported, sizeof unsupported);
    until_sent(&choice, DAY); /* for the address, which is told */
    static const uint8_t told[] = {0, 128, 0, 0, 0, 0, 0, 9, 11, 0, 0, 1};
    pcp_select_receive(&choice.selection, choice.world.now, HALF, &server, PCP_SERVER_PORT, told,
                       sizeof told);
    uint32_t start = choice.world.now;
    for (int i = 0; i < 9; i++) {
        until_sent(&choice, DAY);
        assert_int_equal(choice.world.octets[0], NATPMP_VERSION);
        assert_int_equal(choice.world.octets[1], NATPMP_MAP_UDP);
        assert_asks(&choice, 0);
    }
    until_sent(&choice, DAY);
    assert_int_equal(choice.world.octets[0], PCP_VERSION);
    assert_asks(&choice, 1);
    assert_near(choice.world.now - start, 250 * 511, 2);
}

static void the_anycast_addresses_are_those_of_rfc_7723(void **state)
{
    (void)state;
    struct address ipv4 = pcp_select_anycast_ipv4();
    struct address ipv6 = pcp_select_anycast_ipv6();
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_format(&ipv4, text), "192.0.0.9");
    assert_string_equal(address_format(&ipv6, text), "2001:1::1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_given_up_after_four_requests_and_45_seconds),
        cmocka_unit_test(a_round_without_an_answer_is_repeated_every_15_minutes),
        cmocka_unit_test(addresses_of_one_server_see_the_same_nonce_and_others_another),
        cmocka_unit_test(a_late_answer_of_an_address_given_up_is_ignored),
        cmocka_unit_test(an_address_that_answered_is_kept),
        cmocka_unit_test(an_error_is_an_answer),
        cmocka_unit_test(after_four_renewals_in_vain_the_next_address_renews_what_is_granted),
        cmocka_unit_test(another_server_grants_anew_what_the_silent_one_had),
        cmocka_unit_test(an_address_that_fell_silent_comes_last),
        cmocka_unit_test(one_silent_mapping_does_not_condemn_an_address_that_answers_others),
        cmocka_unit_test(a_hard_icmp_error_leads_to_the_next_address_at_once),
        cmocka_unit_test(an_icmp_error_that_answers_no_request_changes_nothing),
        cmocka_unit_test(a_flood_of_icmp_errors_makes_one_round_and_no_more),
        cmocka_unit_test(a_single_address_is_asked_without_bound),
        cmocka_unit_test(a_single_address_may_have_bounds_the_first_of_which_counts),
        cmocka_unit_test(another_bound_of_requests_holds_for_each_address_and_for_renewals),
        cmocka_unit_test(an_announcement_ends_the_rest_within_five_seconds),
        cmocka_unit_test(announcements_do_not_drive_a_client_from_address_to_address),
        cmocka_unit_test(another_list_is_asked_at_once),
        cmocka_unit_test(the_same_list_again_changes_nothing),
        cmocka_unit_test(a_natpmp_server_that_falls_silent_is_given_up_after_its_nine_requests),
        cmocka_unit_test(the_anycast_addresses_are_those_of_rfc_7723),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
