/* How the PCP client asks, renews and takes errors, RFC 6887, each rule by its section, in virtual time. */
#include "client_world.h"

enum { DAY = 86400000, HOUR = 3600000 };

/* --- requests: 7.1, 8.1, 11.1, 11.2 ----------------------------------------------------------- */

static void a_request_is_written_octet_by_octet_as_the_rfc_draws_it(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    for (int i = 0; i < PCP_NONCE_LENGTH; i++)
        mapping->data.map.nonce[i] = (uint8_t)(i + 1);
    static const uint8_t expected[60] = {
        2,  1,  0, 0, 0, 0, 14, 16,                                     /* MAP, 3600 s */
        0,  0,  0, 0, 0, 0, 0,  0,  0, 0,  0xff, 0xff, 192, 168, 1, 10, /* client */
        1,  2,  3, 4, 5, 6, 7,  8,  9, 10, 11,   12,                    /* nonce */
        17, 0,  0, 0,                                                   /* UDP */
        22, 51, 0, 0,                                                   /* 5683, no wish */
        0,  0,  0, 0, 0, 0, 0,  0,  0, 0,  0xff, 0xff, 0,   0,   0, 0}; /* ::ffff:0.0.0.0 */
    assert_true(world_sends(&world));
    assert_int_equal(world.length, sizeof expected);
    assert_memory_equal(world.octets, expected, sizeof expected);
}

static void a_request_that_does_not_fit_is_not_sent(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    uint8_t octets[59];
    assert_int_equal(pcp_client_send(&world.client, world.now, 0, octets, sizeof octets), 0);
}

static void a_client_with_no_wish_plans_nothing(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    assert_false(world_sends(&world));
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
}

static void several_mappings_are_asked_for_at_once_each_with_its_own_data(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    world_map(&world, 2);
    assert_true(world_sends(&world));
    assert_int_equal(world.sent.data.map.internal_port, ONE_PORT);
    struct pcp_message first = world_answer(&world, 3600);
    assert_true(world_sends(&world));
    assert_int_equal(world.sent.data.map.internal_port, ONE_PORT + 2);
    assert_false(world_sends(&world));
    world_grant(&world, 3600);
    world_receive(&world, &first);
    struct pcp_event event;
    assert_true(pcp_client_event(&world.client, &event));
    assert_ptr_equal(event.mapping, &world.mappings[0]);
    assert_true(pcp_client_event(&world.client, &event));
    assert_ptr_equal(event.mapping, &world.mappings[2]);
}

static void options_stand_in_each_map_request_and_only_third_party_in_a_deletion(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    const struct pcp_filter filters[2] = {
        {.prefix_length = 0, .remote_address = address_any_ipv4()},
        {.prefix_length = 120, .remote_address = an_address("198.51.100.0"), .remote_port = 9},
    };
    struct pcp_mapping *mapping = world_map(&world, 0);
    mapping->third_party = true;
    mapping->internal_address = an_address("192.168.1.20");
    mapping->prefer_failure = true;
    mapping->data.map.external_port = 40000;
    mapping->data.map.external_address = an_address("11.0.0.1");
    mapping->filters = filters;
    mapping->filter_count = 2;
    assert_true(world_sends(&world));
    assert_int_equal(world.length, 60 + 20 + 4 + 24 + 24);
    static const uint8_t codes[] = {PCP_THIRD_PARTY, PCP_PREFER_FAILURE, PCP_FILTER, PCP_FILTER};
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    for (size_t i = 0; i < sizeof codes; i++) {
        assert_true(pcp_option_next(world.sent.options, world.sent.options_length, &offset, &option,
                                    &fault));
        assert_int_equal(option.code, codes[i]);
    }
    struct pcp_message answer = world_answer(&world, 3600);
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = pcp_encode(&answer, octets, sizeof octets);
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE); /* THIRD_PARTY is missing (11.4) */
    length = pcp_append_third_party(octets, length, sizeof octets, &mapping->internal_address);
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    assert_int_equal(world.length, 60 + 20);
}

static void a_third_party_answer_for_another_host_is_no_answer(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct address other = an_address("192.168.1.20");
    world_map(&world, 0);
    assert_true(world_sends(&world));
    struct pcp_message answer = world_answer(&world, 3600);
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = pcp_encode(&answer, octets, sizeof octets);
    length = pcp_append_third_party(octets, length, sizeof octets, &other);
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

/* --- success and renewal: 11.2.1, 11.4, 15 ---------------------------------------------------- */

static void a_grant_is_told_with_its_address_port_and_lifetime(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    struct address external = an_address("11.0.0.1");
    assert_true(mapping->granted);
    assert_true(address_equal(&mapping->data.map.external_address, &external));
    assert_int_equal(mapping->data.map.external_port, 40000);
    assert_int_equal(mapping->granted_lifetime, 3600);
}

static void a_renewal_suggests_what_was_assigned(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 3600);
    struct address external = an_address("11.0.0.1");
    assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_int_equal(world.sent.lifetime, 3600);
    assert_int_equal(world.sent.data.map.external_port, 40000);
    assert_true(address_equal(&world.sent.data.map.external_address, &external));
}

static void an_absurd_lifetime_is_taken_for_a_day(void **state)
{
    (void)state;
    static const uint32_t absurd[] = {86401, 157680000, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_begin(&world);
        struct pcp_mapping *mapping = world_mapped(&world, absurd[i]);
        assert_int_equal(mapping->granted_lifetime, 86400);
        uint32_t waited = world_until_sent(&world, DAY);
        assert_in_range(waited, DAY / 2, DAY / 8 * 5);
    }
}

static void a_grant_of_one_second_is_lost_and_asked_for_again_but_not_in_a_flood(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    uint32_t start = world.now;
    int sends = 0;
    while (world.now - start < 60000) {
        assert_int_not_equal(world_until_sent(&world, 60000), PCP_NEVER);
        world_grant(&world, 1);
        sends++;
    }
    assert_in_range(sends, 14, 16);
    assert_int_equal(mapping->state != 0, 1);
}

static void an_unanswered_renewal_ends_in_a_loss_and_a_new_exchange(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    uint32_t expiry = world.now + HOUR;
    while (mapping->granted)
        assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
    assert_in_range(world.now - expiry, 0, 4000);
    assert_in_range(world_until_sent(&world, HOUR), 2900, 3100); /* 8.1.1 again, from IRT */
    assert_int_equal(world.sent.data.map.external_port, 40000);  /* and what we had (11.2) */
    world_grant(&world, 3600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
}

static void a_host_that_overslept_learns_that_its_mapping_is_lost(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 3600);
    world.now += 20 * (uint32_t)DAY;
    assert_true(world_sends(&world));
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

static void a_mapping_update_changes_the_external_address_and_the_renewal(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    struct pcp_message update = world_answer(&world, 1800);
    update.data.map.external_address = an_address("11.0.0.2");
    update.data.map.external_port = 41000;
    world.now += 60000;
    update.epoch += 60;
    for (int copy = 0; copy < 3; copy++) { /* 14.2: sent three times */
        world_receive(&world, &update);
        assert_int_equal(world_event(&world), copy ? PCP_EVENT_RENEWED : PCP_EVENT_CHANGED);
    }
    assert_int_equal(mapping->data.map.external_port, 41000);
    assert_in_range(world_until_sent(&world, HOUR), 900000, 1125000);
    assert_int_equal(world.sent.data.map.external_port, 41000);
}

static void prefer_failure_ignores_a_grant_of_anything_else(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    mapping->prefer_failure = true;
    mapping->data.map.external_port = 41000;
    mapping->data.map.external_address = an_address("11.0.0.1");
    assert_true(world_sends(&world));
    world_grant(&world, 3600); /* 40000: a Mapping Update of an older mapping (13.2) */
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    struct pcp_message answer = world_answer(&world, 3600);
    answer.data.map.external_port = 41000;
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
}

/* --- errors: 7.4, 8.3, 11.4 ------------------------------------------------------------------- */

static void prefer_failure_without_an_address_insists_on_the_port(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    mapping->prefer_failure = true;
    mapping->data.map.external_port = 40001;
    assert_true(world_sends(&world));
    world_grant(&world, 3600); /* of 40000 */
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    struct pcp_message answer = world_answer(&world, 3600);
    answer.data.map.external_port = 40001;
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    answer.data.map.external_address = an_address("11.0.0.2"); /* now there is one */
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

static void every_error_is_told_and_its_lifetime_is_waited_for(void **state)
{
    (void)state;
    static const uint32_t lifetimes[] = {30, 1800, 86400};
    for (unsigned result = 2; result <= 255; result++) {
        for (size_t i = 0; i < 3; i++) {
            struct world world;
            world_begin(&world);
            struct pcp_mapping *mapping = world_map(&world, 0);
            assert_true(world_sends(&world));
            world_refuse(&world, (uint8_t)result, lifetimes[i]);
            assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
            assert_int_equal(mapping->result, result);
            assert_false(mapping->granted);
            assert_int_equal(world_until_sent(&world, DAY), lifetimes[i] * 1000);
        }
    }
}

static void an_exchange_behind_an_error_begins_with_irt_again(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    for (int n = 0; n < 6; n++) /* up to a timeout of 96 s */
        assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    world_refuse(&world, PCP_NOT_AUTHORIZED, 1800);
    assert_int_equal(world_until_sent(&world, HOUR), 1800000);
    assert_in_range(world_until_sent(&world, HOUR), 2700, 3300);
}

static void a_success_without_lifetime_is_no_grant(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    assert_true(world_sends(&world));
    world_grant(&world, 0);
    assert_false(mapping->granted);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_in_range(world_until_sent(&world, HOUR), 2700, 3300); /* as if no answer had come */
    world_grant(&world, 3600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    world_grant(&world, 0); /* somebody deleted it */
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
    assert_int_equal(world_until_sent(&world, HOUR), 4000);
}

static void an_absurd_error_lifetime_ends_after_a_day(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NOT_AUTHORIZED, UINT32_MAX);
    assert_int_equal(world_until_sent(&world, 2 * (uint32_t)DAY), DAY);
}

static void an_error_without_lifetime_is_no_licence_to_flood(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    assert_true(world_sends(&world));
    uint32_t timeout = 3000;
    for (int n = 0; n < 12; n++) { /* the times of 8.1.1, as if no answer had come */
        world_refuse(&world, PCP_NOT_AUTHORIZED, 0);
        uint32_t waited = world_until_sent(&world, DAY);
        assert_in_range(waited, timeout - 40, timeout);
        timeout = 2 * waited < 1024000 ? 2 * waited : 1024000;
    }
}

static void a_late_success_behind_an_error_counts(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 30);
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    world.now += 5000;
    world_grant(&world, 3600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 2, HOUR / 8 * 5);
}

static void a_refused_renewal_keeps_the_mapping_until_it_expires(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    world_until_sent(&world, HOUR);
    world_refuse(&world, PCP_NETWORK_FAILURE, 30);
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    assert_true(mapping->granted);
    uint32_t waited = world_until_sent(&world, HOUR);
    assert_in_range(waited, HOUR / 8, HOUR / 4); /* the next is that of 3/4 (11.2.1) */
    world_refuse(&world, PCP_NETWORK_FAILURE, 7200);
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    waited = world_until_sent(&world, 3 * HOUR);
    assert_int_equal(waited, 2 * HOUR); /* not within the error's lifetime */
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
}

static void an_error_that_nobody_asked_for_takes_the_mapping_away(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    world.now += 60000;
    world_refuse(&world, PCP_NOT_AUTHORIZED, 1800);
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
    assert_int_equal(mapping->result, PCP_NOT_AUTHORIZED);
    assert_int_equal(world_until_sent(&world, HOUR), 1800000);
}

static void an_error_that_comes_twice_takes_nothing_away(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    world_until_sent(&world, HOUR);
    world_refuse(&world, PCP_USER_EX_QUOTA, 30);
    world.now += 20;
    world_refuse(&world, PCP_USER_EX_QUOTA, 30); /* the network's copy, section 8.3 */
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    assert_true(mapping->granted);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 8, HOUR / 4);
    world_grant(&world, 3600);
    world.now += 1000;
    world_refuse(&world, PCP_USER_EX_QUOTA, 30); /* behind a grant it is news */
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
}

static void no_resources_holds_back_new_mappings_but_no_renewals(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 120);
    world_map(&world, 1);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 1800);
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    uint32_t start = world.now;
    world_map(&world, 2);
    assert_in_range(world_until_sent(&world, HOUR), 60000, 75000);
    assert_int_equal(world.sent.data.map.internal_port, ONE_PORT);
    world_grant(&world, 86400);
    assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_int_equal(world.now - start, 1800000);
    assert_int_not_equal(world.sent.data.map.internal_port, ONE_PORT);
}

static void no_resources_for_a_deletion_holds_back_everything(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 300);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    assert_int_equal(mapping->result, PCP_NO_RESOURCES);
    world_map(&world, 1);
    assert_int_equal(world_until_sent(&world, HOUR), 300000);
}

static void a_hold_that_is_long_over_does_not_come_back_when_the_clock_wraps(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 86400);
    world_map(&world, 1);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 10);
    pcp_mapping_remove(&world.mappings[1], world.now);
    world_map(&world, 3);
    world.now += 10000;
    assert_true(world_sends(&world));
    world_grant(&world, 3600);
    pcp_mapping_remove(&world.mappings[3], world.now);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 10); /* and one on everything */
    uint32_t start = world.now;
    while (world.now - start < 30 * (uint32_t)DAY) { /* more than half round the clock */
        assert_int_not_equal(world_until_sent(&world, DAY), PCP_NEVER);
        world_grant(&world, 86400);
    }
    world_map(&world, 2);
    assert_true(world_sends(&world));
}

/* --- version negotiation: 9 ------------------------------------------------------------------- */

static void an_unsupported_version_is_tried_again_after_its_lifetime_or_half_an_hour(void **state)
{
    (void)state;
    static const uint32_t lifetimes[][2] = {{60, 60}, {1800, 1800}, {86400, 1800}};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_begin(&world);
        world_map(&world, 0);
        world_map(&world, 1);
        assert_true(world_sends(&world));
        struct pcp_message answer = world_answer(&world, lifetimes[i][0]);
        answer.version = 3;
        answer.result = PCP_UNSUPP_VERSION;
        world_receive(&world, &answer);
        assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
        assert_int_equal(world_until_sent(&world, DAY), lifetimes[i][1] * 1000);
        assert_int_equal(world.sent.version, 2);
    }
}

static void a_short_unsupported_version_counts_from_four_octets_on(void **state)
{
    (void)state;
    static const uint8_t answer[8] = {3, 0x81, 0, PCP_UNSUPP_VERSION, 0, 0, 0, 90};
    for (size_t length = 0; length <= sizeof answer; length++) {
        struct world world;
        world_begin(&world);
        world_map(&world, 0);
        assert_true(world_sends(&world));
        world_receive_octets(&world, answer, length);
        enum pcp_event_kind expected = length < 4 ? PCP_EVENT_NONE : PCP_EVENT_REFUSED;
        assert_int_equal(world_event(&world), expected);
        if (length >= 4)
            assert_int_equal(world_until_sent(&world, DAY), length == 8 ? 90000 : 1800000);
    }
}

static void an_unsupported_version_that_answers_nothing_is_ignored(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 3600);
    static const uint8_t answer[4] = {3, 0x81, 0, PCP_UNSUPP_VERSION};
    world_receive_octets(&world, answer, sizeof answer);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 2, HOUR / 8 * 5);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_written_octet_by_octet_as_the_rfc_draws_it),
        TEST(a_request_that_does_not_fit_is_not_sent),
        TEST(a_client_with_no_wish_plans_nothing),
        TEST(several_mappings_are_asked_for_at_once_each_with_its_own_data),
        TEST(options_stand_in_each_map_request_and_only_third_party_in_a_deletion),
        TEST(a_third_party_answer_for_another_host_is_no_answer),
        TEST(a_grant_is_told_with_its_address_port_and_lifetime),
        TEST(a_renewal_suggests_what_was_assigned),
        TEST(an_absurd_lifetime_is_taken_for_a_day),
        TEST(a_grant_of_one_second_is_lost_and_asked_for_again_but_not_in_a_flood),
        TEST(an_unanswered_renewal_ends_in_a_loss_and_a_new_exchange),
        TEST(a_host_that_overslept_learns_that_its_mapping_is_lost),
        TEST(a_mapping_update_changes_the_external_address_and_the_renewal),
        TEST(prefer_failure_ignores_a_grant_of_anything_else),
        TEST(prefer_failure_without_an_address_insists_on_the_port),
        TEST(every_error_is_told_and_its_lifetime_is_waited_for),
        TEST(an_exchange_behind_an_error_begins_with_irt_again),
        TEST(a_success_without_lifetime_is_no_grant),
        TEST(an_absurd_error_lifetime_ends_after_a_day),
        TEST(an_error_without_lifetime_is_no_licence_to_flood),
        TEST(a_late_success_behind_an_error_counts),
        TEST(a_refused_renewal_keeps_the_mapping_until_it_expires),
        TEST(an_error_that_nobody_asked_for_takes_the_mapping_away),
        TEST(an_error_that_comes_twice_takes_nothing_away),
        TEST(no_resources_holds_back_new_mappings_but_no_renewals),
        TEST(no_resources_for_a_deletion_holds_back_everything),
        TEST(a_hold_that_is_long_over_does_not_come_back_when_the_clock_wraps),
        TEST(an_unsupported_version_is_tried_again_after_its_lifetime_or_half_an_hour),
        TEST(a_short_unsupported_version_counts_from_four_octets_on),
        TEST(an_unsupported_version_that_answers_nothing_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
