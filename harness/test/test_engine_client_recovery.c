/* How the PCP client deletes, recovers from restarts, moves and speaks PEER, RFC 6887, each rule by its
 * section, in virtual time. */
#include "client_world.h"

enum { DAY = 86400000, HOUR = 3600000 };

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
