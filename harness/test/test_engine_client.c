/* The PCP client's rules, RFC 6887, each by its section, in virtual time. */
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

/* --- deletion: 15.1 --------------------------------------------------------------------------- */

static void a_deletion_asks_for_no_lifetime_port_or_address_of_the_same_family(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    struct address any = address_any_ipv4();
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    assert_int_equal(world.sent.lifetime, 0);
    assert_int_equal(world.sent.data.map.external_port, 0);
    assert_true(address_equal(&world.sent.data.map.external_address, &any)); /* erratum 3621 */
    uint8_t nonce[PCP_NONCE_LENGTH];
    memset(nonce, 0x10, sizeof nonce); /* that of world_map(): a fresh one would delete nothing */
    assert_memory_equal(world.sent.data.map.nonce, nonce, sizeof nonce);
    world_grant(&world, 0);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
}

static void a_deletion_of_an_ipv6_mapping_names_the_ipv6_address_of_zeros(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    assert_true(world_sends(&world));
    struct pcp_message answer = world_answer(&world, 3600);
    answer.data.map.external_address = an_address("2001:db8::10");
    world_receive(&world, &answer);
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    struct address any = address_any_ipv6();
    assert_true(address_equal(&world.sent.data.map.external_address, &any));
}

static void a_late_grant_does_not_end_a_deletion(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    assert_true(world_sends(&world));
    struct pcp_message grant = world_answer(&world, 3600);
    pcp_mapping_remove(mapping, world.now); /* asked, but never answered: it may exist */
    assert_true(world_sends(&world));
    world_receive(&world, &grant);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_in_range(world_until_sent(&world, HOUR), 2700, 3300); /* deletion is repeated (8.1.1) */
    assert_int_equal(world.sent.lifetime, 0);
}

static void a_deletion_that_leaves_the_rest_of_the_idle_time_is_done(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    struct pcp_message answer = world_answer(&world, 0);
    answer.lifetime = 17; /* section 15 */
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
}

static void a_deletion_is_given_up_when_the_mapping_has_expired_by_itself(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 120);
    uint32_t granted = world.now;
    pcp_mapping_remove(mapping, world.now);
    while (world_until_sent(&world, HOUR) != PCP_NEVER)
        assert_true(world.now - granted < 120000);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
}

static void what_cannot_exist_at_the_server_is_removed_without_a_word(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_map(&world, 0);
    pcp_mapping_remove(mapping, world.now); /* never asked for */
    assert_false(world_sends(&world));
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    world_map(&world, 0);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NOT_AUTHORIZED, 1800);
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    pcp_mapping_remove(mapping, world.now);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    assert_int_equal(world_until_sent(&world, HOUR), PCP_NEVER);
}

static void the_late_answer_to_a_deletion_does_not_grant_port_zero(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    pcp_mapping_remove(mapping, world.now);
    assert_true(world_sends(&world));
    struct pcp_message late = world_answer(&world, 0);
    late.lifetime = 17;
    pcp_mapping_request(mapping, world.now); /* the caller wants it after all, same nonce */
    assert_true(world_sends(&world));
    world_receive(&world, &late);
    assert_false(mapping->granted);
    world_grant(&world, 3600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    assert_int_equal(mapping->data.map.external_port, 40000);
}

/* --- rapid recovery: 8.5, 14.1.3, 16.3 -------------------------------------------------------- */

static void a_restart_that_is_announced_is_recovered_from_within_five_seconds(void **state)
{
    (void)state;
    static const uint32_t randoms[] = {0, 0x40000000, HALF, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct world world;
        world_begin(&world);
        world.epoch = 100000;
        world_mapped(&world, 3600);
        world.now += 600000;
        world.random = randoms[i];
        world_announce(&world, 0);
        uint32_t expected = (uint32_t)((randoms[i] >> 16) / 65536.0 * 5000);
        assert_int_equal(world_until_sent(&world, HOUR), expected);
        assert_int_equal(world.sent.data.map.external_port, 40000); /* reminds it (14.1.3) */
        uint32_t retransmission = world_until_sent(&world, HOUR);   /* a new exchange */
        assert_in_range(retransmission, 2700, 3300);
        struct pcp_message answer = world_answer(&world, 3600);
        answer.epoch = 6;
        world_receive(&world, &answer);
        assert_int_equal(world_event(&world), PCP_EVENT_RENEWED);
        assert_in_range(world_until_sent(&world, HOUR), HOUR / 2, HOUR / 8 * 5);
    }
}

static void an_announcement_with_the_expected_epoch_changes_nothing(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.epoch = 100000;
    world_mapped(&world, 3600);
    world.now += 600000;
    world_announce(&world, 100600);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 2 - 600000, HOUR / 8 * 5 - 600000);
}

static void ten_announcements_of_one_restart_cause_one_recovery(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.epoch = 100000;
    world_mapped(&world, 3600);
    world.now += 600000;
    uint32_t restarted = world.now;
    for (uint32_t n = 0, gap = 250; n < 4; n++, gap *= 2) {
        world_announce(&world, (world.now - restarted) / 1000);
        world.now += gap / 4;
    }
    assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_in_range(world.now - restarted, 2499, 2500); /* the first one's wait */
    struct pcp_message answer = world_answer(&world, 3600);
    answer.epoch = (world.now - restarted) / 1000;
    world_receive(&world, &answer);
    assert_in_range(world_until_sent(&world, HOUR), HOUR / 2, HOUR / 8 * 5);
}

static void a_storm_of_lying_announcements_gets_a_request_in_four_seconds_at_most(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_mapped(&world, 3600);
    uint32_t sends = 0;
    for (uint32_t n = 0; n < 6000; n++) { /* a minute */
        world_announce(&world, n % 2 ? 0 : 1000000);
        world.now += 10;
        while (world_sends(&world)) {
            sends++;
            world_grant(&world, 3600);
        }
    }
    assert_in_range(sends, 1, 15);
}

static void an_announcement_from_elsewhere_or_with_an_error_is_ignored(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.epoch = 100000;
    world_mapped(&world, 3600);
    world.now += 600000;
    struct pcp_message announcement = {
        .version = 2, .response = true, .opcode = PCP_ANNOUNCE, .result = PCP_NETWORK_FAILURE};
    world_receive(&world, &announcement);
    announcement.result = PCP_SUCCESS;
    uint8_t octets[24];
    pcp_encode(&announcement, octets, sizeof octets);
    struct address stranger = an_address("192.168.1.2");
    pcp_client_receive(&world.client, world.now, 0, &stranger, PCP_SERVER_PORT, octets, 24);
    pcp_client_receive(&world.client, world.now, 0, &world.client.server, 5350, octets, 24);
    assert_true(world_until_sent(&world, HOUR) > 1000000);
}

static void an_answer_that_tells_of_a_restart_renews_all_other_mappings_at_once(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.epoch = 100000;
    for (int i = 0; i < 3; i++) {
        world_map(&world, i);
        assert_true(world_sends(&world));
        world_grant(&world, i == 1 ? 600 : 86400);
    }
    assert_in_range(world_until_sent(&world, HOUR), 300000, 375000);
    assert_int_equal(world.sent.data.map.internal_port, ONE_PORT + 1);
    struct pcp_message answer = world_answer(&world, 600);
    answer.epoch = 5;
    world_receive(&world, &answer);
    unsigned seen = 0;
    while (world_sends(&world))
        seen |= 1u << (world.sent.data.map.internal_port - ONE_PORT);
    assert_int_equal(seen, 1 << 0 | 1 << 2);
}

static void a_solicited_announce_is_repeated_until_it_is_answered(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    pcp_client_probe(&world.client, world.now);
    assert_true(world_sends(&world));
    assert_int_equal(world.length, 24);
    assert_int_equal(world.sent.opcode, PCP_ANNOUNCE);
    assert_int_equal(world.sent.lifetime, 0);
    assert_in_range(world_until_sent(&world, HOUR), 2700, 3300);
    assert_in_range(world_until_sent(&world, HOUR), 5400, 6600);
    world_announce(&world, 77);
    assert_int_equal(world_event(&world), PCP_EVENT_ALIVE);
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
}

/* --- another server or address: 8.3, 11.2, 11.5 ----------------------------------------------- */

static void a_new_server_is_asked_at_once_with_another_nonce(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_mapped(&world, 3600);
    world_map(&world, 1);
    assert_true(world_sends(&world));
    world_refuse(&world, PCP_NO_RESOURCES, 86400); /* the old server's hold time */
    assert_int_equal(world_event(&world), PCP_EVENT_REFUSED);
    uint8_t old[PCP_NONCE_LENGTH];
    memcpy(old, mapping->data.map.nonce, sizeof old);
    const uint8_t fresh[PCP_NONCE_LENGTH] = {0xa5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    struct address server = an_address("10.0.0.1");
    struct address own = an_address("10.0.0.7");
    pcp_client_move(&world.client, &server, &own, fresh, world.now);
    assert_false(world.client.epoch.known);
    assert_int_equal(world_event(&world), PCP_EVENT_LOST);
    assert_true(world_sends(&world));
    assert_true(address_equal(&world.sent.client, &own));
    assert_memory_not_equal(world.sent.data.map.nonce, old, sizeof old);
    struct pcp_message answer = world_answer(&world, 3600);
    answer.epoch = 5; /* the first of a new server is valid */
    assert_true(world_sends(&world));
    assert_memory_not_equal(world.sent.data.map.nonce, answer.data.map.nonce, sizeof old);
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
}

/* --- PEER: 12 --------------------------------------------------------------------------------- */

static struct pcp_mapping *world_peer(struct world *world)
{
    struct pcp_mapping *mapping = world_map(world, 0);
    mapping->opcode = PCP_PEER;
    mapping->data.remote_port = 443;
    mapping->data.remote_address = an_address("198.51.100.1");
    return mapping;
}

static void a_peer_request_names_the_remote_peer(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_peer(&world);
    assert_true(world_sends(&world));
    assert_int_equal(world.length, 80);
    assert_int_equal(world.sent.opcode, PCP_PEER);
    assert_int_equal(world.sent.data.remote_port, 443);
    world_grant(&world, 600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    assert_in_range(world_until_sent(&world, HOUR), 300000, 375000);
}

static void a_peer_response_for_another_peer_is_no_answer(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_peer(&world);
    assert_true(world_sends(&world));
    struct pcp_message answer = world_answer(&world, 600);
    answer.data.remote_port = 444;
    world_receive(&world, &answer);
    answer = world_answer(&world, 600);
    answer.data.remote_address = an_address("198.51.100.2");
    world_receive(&world, &answer);
    answer = world_answer(&world, 600);
    answer.opcode = PCP_MAP;
    world_receive(&world, &answer);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

static void a_peer_mapping_is_left_to_expire(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    struct pcp_mapping *mapping = world_peer(&world);
    assert_true(world_sends(&world));
    world_grant(&world, 600);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    pcp_mapping_remove(mapping, world.now);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    assert_int_equal(world_until_sent(&world, HOUR), PCP_NEVER);
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
        TEST(a_deletion_asks_for_no_lifetime_port_or_address_of_the_same_family),
        TEST(a_deletion_of_an_ipv6_mapping_names_the_ipv6_address_of_zeros),
        TEST(a_late_grant_does_not_end_a_deletion),
        TEST(a_deletion_that_leaves_the_rest_of_the_idle_time_is_done),
        TEST(a_deletion_is_given_up_when_the_mapping_has_expired_by_itself),
        TEST(what_cannot_exist_at_the_server_is_removed_without_a_word),
        TEST(the_late_answer_to_a_deletion_does_not_grant_port_zero),
        TEST(a_restart_that_is_announced_is_recovered_from_within_five_seconds),
        TEST(an_announcement_with_the_expected_epoch_changes_nothing),
        TEST(ten_announcements_of_one_restart_cause_one_recovery),
        TEST(a_storm_of_lying_announcements_gets_a_request_in_four_seconds_at_most),
        TEST(an_announcement_from_elsewhere_or_with_an_error_is_ignored),
        TEST(an_answer_that_tells_of_a_restart_renews_all_other_mappings_at_once),
        TEST(a_solicited_announce_is_repeated_until_it_is_answered),
        TEST(a_new_server_is_asked_at_once_with_another_nonce),
        TEST(a_peer_request_names_the_remote_peer),
        TEST(a_peer_response_for_another_peer_is_no_answer),
        TEST(a_peer_mapping_is_left_to_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
