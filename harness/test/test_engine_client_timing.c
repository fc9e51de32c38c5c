/* The formulas of RFC 6887 sections 8.1.1, 11.2.1 and 8.5, and the client's obedience to them. */
#include "client_world.h"

#include "engine/pcp_client_epoch.h"
#include "engine/pcp_client_timing.h"

enum { LOW = 0, HIGH = 0xffffffff };

/* uniform in [0, 1) as the engine reads it */
static double fraction(uint32_t random)
{
    return (random >> 16) / 65536.0;
}

/* RT = (1 + RAND) * base, RAND from -0.1 to +0.1 */
static void assert_timeout(uint32_t got, double base, uint32_t random)
{
    double wanted = base * (0.9 + 0.2 * fraction(random));
    double allowed = 2 + base / 65536; /* whole ms; a fifth is taken in 1/65536 */
    if (got < wanted - allowed || got > wanted + allowed)
        fail_msg("RT %u for a base of %.0f and random %08x, expected %.1f", got, base, random,
                 wanted);
}

static const uint32_t randoms[] = {LOW, HIGH, HALF, 0x12345678, 0xdeadbeef, 0x40000000, 0xfffeffff};
#define RANDOMS (sizeof randoms / sizeof randoms[0])

static void a_first_timeout_is_irt_within_a_tenth(void **state)
{
    (void)state;
    for (size_t i = 0; i < RANDOMS; i++)
        assert_timeout(pcp_retransmission_timeout(0, 3000, 1024000, randoms[i]), 3000, randoms[i]);
    assert_int_equal(pcp_retransmission_timeout(0, 3000, 1024000, LOW), 2701); /* a fifth is 599 */
    assert_true(pcp_retransmission_timeout(0, 3000, 1024000, HIGH) <= 3300);
}

static void a_timeout_doubles_the_jittered_one_before_it(void **state)
{
    (void)state;
    for (uint32_t previous = 2700; previous < 512000; previous += 4999) {
        for (size_t i = 0; i < RANDOMS; i++)
            assert_timeout(pcp_retransmission_timeout(previous, 3000, 1024000, randoms[i]),
                           2.0 * previous, randoms[i]);
    }
}

static void a_timeout_is_bounded_by_mrt_before_the_jitter(void **state)
{
    (void)state;
    for (size_t i = 0; i < RANDOMS; i++) {
        assert_timeout(pcp_retransmission_timeout(600000, 3000, 1024000, randoms[i]), 1024000,
                       randoms[i]);
        assert_timeout(pcp_retransmission_timeout(600000, 3000, 0, randoms[i]), 1200000,
                       randoms[i]); /* MRT 0: infinity */
    }
}

static void a_timeout_without_mrt_stays_what_the_clock_can_tell(void **state)
{
    (void)state;
    uint32_t previous = 0;
    for (int i = 0; i < 40; i++) {
        uint32_t timeout = pcp_retransmission_timeout(previous, 3000, 0, HIGH);
        assert_true(timeout < HALF); /* or the next sending would seem to be overdue */
        assert_true(timeout >= previous / 2);
        previous = timeout;
    }
}

static void a_renewal_falls_into_the_first_range_that_has_not_begun(void **state)
{
    (void)state;
    static const uint32_t lifetimes[] = {120000, 3600000, 7201000, 86400000, 60000, 16000};
    for (size_t l = 0; l < sizeof lifetimes / sizeof lifetimes[0]; l++) {
        double lifetime = lifetimes[l];
        for (size_t i = 0; i < RANDOMS; i++) {
            double share = fraction(randoms[i]);
            /* 1/2 to 5/8, then 3/4 to 3/4 + 1/16, then 7/8 to 7/8 + 1/32, ... */
            double start = 0.5;
            double width = 0.125;
            uint32_t elapsed = 0;
            for (int n = 0; n < 4; n++) {
                uint32_t got = pcp_renewal_time(lifetimes[l], elapsed, randoms[i]);
                double wanted = lifetime * (start + width * share);
                if (got < wanted - 3 || got > wanted + 3)
                    fail_msg("renewal %d of %.0f ms at %u, expected %.1f", n, lifetime, got,
                             wanted);
                elapsed = got;
                start += (1 - start) / 2;
                width /= 2;
            }
        }
    }
}

static void a_renewal_that_is_late_skips_the_ranges_that_have_begun(void **state)
{
    (void)state;
    assert_int_equal(pcp_renewal_time(800000, 420000, LOW), 600000);
    assert_int_equal(pcp_renewal_time(800000, 650000, LOW), 700000);
    assert_int_equal(pcp_renewal_time(800000, 600000, LOW), 700000); /* one that begins now has */
    assert_int_equal(pcp_renewal_time(800000, 800000, HIGH), 800000);
}

static void the_client_retransmits_at_the_instants_of_the_formula(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world_map(&world, 0);
    assert_true(world_sends(&world));
    uint8_t first[PCP_MAXIMUM_LENGTH];
    size_t length = world.length;
    memcpy(first, world.octets, length);

    double base = 3000;
    uint32_t random_of_last = world.random;
    uint32_t seed = 1;
    for (int n = 0; n < 40; n++) { /* far into the plateau of MRT: over ten hours */
        seed = seed * 1664525 + 1013904223;
        world.random = seed; /* the next RT is drawn when this retransmission goes out */
        uint32_t waited = world_until_sent(&world, 2000000);
        assert_timeout(waited, base, random_of_last);
        base = 2.0 * waited < 1024000 ? 2.0 * waited : 1024000;
        random_of_last = seed;
        assert_int_equal(world.length, length); /* the same nonce, the same all (8.1.1) */
        assert_memory_equal(world.octets, first, length);
    }
}

static void an_exchange_fails_after_mrc_sends(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.client.maximum_sends = 3;
    struct pcp_mapping *mapping = world_map(&world, 0);
    for (int n = 0; n < 3; n++)
        assert_int_not_equal(world_until_sent(&world, 100000), PCP_NEVER);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_int_equal(world_until_sent(&world, 100000), PCP_NEVER);
    assert_int_equal(world_event(&world), PCP_EVENT_UNANSWERED);
    assert_int_equal(pcp_client_wait(&world.client, world.now), PCP_NEVER);
    pcp_mapping_request(mapping, world.now);
    assert_true(world_sends(&world));
}

static void an_exchange_fails_after_mrd(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.client.maximum_duration = 60000;
    world_map(&world, 0);
    uint32_t start = world.now;
    int sends = 0;
    while (world_until_sent(&world, 100000) != PCP_NEVER) {
        sends++;
        assert_true(world.now - start < 60000);
    }
    assert_int_equal(sends, 5); /* at about 0, 3, 9, 21, 45 s; the sixth would be due at 93 s */
    assert_int_equal(world_event(&world), PCP_EVENT_UNANSWERED);
}

static void renewals_come_at_the_instants_of_the_formula_and_once_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < RANDOMS; i++) {
        struct world world;
        world_begin(&world);
        world.random = randoms[i];
        world_mapped(&world, 7200);
        uint32_t granted = world.now;
        double start = 0.5;
        double width = 0.125;
        for (int n = 0; n < 8; n++) {
            assert_int_not_equal(world_until_sent(&world, 7200000), PCP_NEVER);
            double wanted = 7200000 * (start + width * fraction(randoms[i]));
            double at = world.now - granted;
            assert_true(at > wanted - 3 && at < wanted + 3);
            start += (1 - start) / 2;
            width /= 2;
        }
    }
}

static void renewals_are_never_under_four_seconds_apart(void **state)
{
    (void)state;
    for (uint32_t lifetime = 1; lifetime < 300; lifetime += 7) {
        for (size_t i = 0; i < RANDOMS; i++) {
            struct world world;
            world_begin(&world);
            world.random = randoms[i];
            struct pcp_mapping *mapping = world_mapped(&world, lifetime);
            uint32_t end = world.now + lifetime * 1000;
            uint32_t last = world.now;
            while (world_until_sent(&world, lifetime * 1000) != PCP_NEVER && mapping->granted) {
                assert_true(world.now - last >= 4000);
                assert_true((int32_t)(end - world.now) >= 0);
                last = world.now;
            }
        }
    }
}

static void a_day_of_renewals_takes_24_exchanges_at_most(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    uint32_t start = world.now;
    world_mapped(&world, 7200);
    int exchanges = 1;
    uint32_t seed = 7;
    for (;;) {
        seed = seed * 1664525 + 1013904223;
        world.random = seed;
        world_until_sent(&world, 86400000);
        if (world.now - start > 86400000)
            break;
        world_grant(&world, 7200);
        assert_int_equal(world_event(&world), PCP_EVENT_RENEWED);
        exchanges++;
    }
    /* a renewal every 3600 to 4500 s */
    assert_in_range(exchanges, 1 + 86400 / 4500, 1 + 86400 / 3600);
}

/* --- 8.5 -------------------------------------------------------------------------------------- */

/* Is `after` valid, client_delta seconds behind `before`? */
static bool epoch_holds(uint32_t before, uint32_t client_delta, uint32_t after)
{
    struct pcp_epoch epoch = {0};
    uint32_t now = UINT32_MAX - 5000;                     /* the clock wraps in between */
    assert_true(pcp_epoch_validate(&epoch, now, before)); /* the first is always valid */
    return pcp_epoch_validate(&epoch, now + client_delta * 1000, after);
}

static void an_epoch_is_judged_by_the_formula_at_its_edges(void **state)
{
    (void)state;
    for (uint32_t client_delta = 0; client_delta < 400; client_delta++) {
        for (uint32_t server_delta = 0; server_delta < 400; server_delta++) {
            bool invalid = client_delta + 2 < server_delta - server_delta / 16 ||
                           server_delta + 2 < client_delta - client_delta / 16;
            assert_int_equal(epoch_holds(1000, client_delta, 1000 + server_delta), !invalid);
        }
    }
    assert_true(epoch_holds(0, 40000, 37499));
    assert_false(epoch_holds(0, 40000, 37497));
}

static void an_epoch_that_falls_by_one_second_passes_within_a_second_only(void **state)
{
    (void)state;
    assert_true(epoch_holds(1000, 0, 999));
    assert_true(epoch_holds(1000, 1, 999));
    assert_false(epoch_holds(1000, 2, 999));
    assert_false(epoch_holds(1000, 0, 998));
    assert_false(epoch_holds(1000, 1000, 0));
}

static void an_epoch_at_the_ends_of_its_range_is_no_trap(void **state)
{
    (void)state;
    assert_false(epoch_holds(0, 0, UINT32_MAX));
    assert_false(epoch_holds(0, 10, UINT32_MAX - 1));
    assert_false(epoch_holds(UINT32_MAX, 0, 0));
    assert_true(epoch_holds(UINT32_MAX, 1, UINT32_MAX - 1));
    assert_true(epoch_holds(UINT32_MAX - 10, 10, UINT32_MAX));
}

static void an_epoch_is_the_reference_for_the_next_even_if_it_was_invalid(void **state)
{
    (void)state;
    struct pcp_epoch epoch = {0};
    pcp_epoch_validate(&epoch, 0, 5000);
    assert_false(pcp_epoch_validate(&epoch, 10000, 3));
    assert_true(pcp_epoch_validate(&epoch, 20000, 13));
}

static void a_natpmp_epoch_fails_only_when_it_lags_by_more_than_two_seconds(void **state)
{
    (void)state;
    struct pcp_epoch epoch = {0};
    assert_true(natpmp_epoch_validate(&epoch, 0, 1000));
    assert_true(natpmp_epoch_validate(&epoch, 800000, 1698)); /* 7/8 of 800 s, less 2 */
    epoch = (struct pcp_epoch){0};
    natpmp_epoch_validate(&epoch, 0, 1000);
    assert_false(natpmp_epoch_validate(&epoch, 800000, 1697));
    assert_true(natpmp_epoch_validate(&epoch, 800000, 999999)); /* ahead is no matter (3.6) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_timeout_is_irt_within_a_tenth),
        cmocka_unit_test(a_timeout_doubles_the_jittered_one_before_it),
        cmocka_unit_test(a_timeout_is_bounded_by_mrt_before_the_jitter),
        cmocka_unit_test(a_timeout_without_mrt_stays_what_the_clock_can_tell),
        cmocka_unit_test(a_renewal_falls_into_the_first_range_that_has_not_begun),
        cmocka_unit_test(a_renewal_that_is_late_skips_the_ranges_that_have_begun),
        cmocka_unit_test(the_client_retransmits_at_the_instants_of_the_formula),
        cmocka_unit_test(an_exchange_fails_after_mrc_sends),
        cmocka_unit_test(an_exchange_fails_after_mrd),
        cmocka_unit_test(renewals_come_at_the_instants_of_the_formula_and_once_each),
        cmocka_unit_test(renewals_are_never_under_four_seconds_apart),
        cmocka_unit_test(a_day_of_renewals_takes_24_exchanges_at_most),
        cmocka_unit_test(an_epoch_is_judged_by_the_formula_at_its_edges),
        cmocka_unit_test(an_epoch_that_falls_by_one_second_passes_within_a_second_only),
        cmocka_unit_test(an_epoch_at_the_ends_of_its_range_is_no_trap),
        cmocka_unit_test(an_epoch_is_the_reference_for_the_next_even_if_it_was_invalid),
        cmocka_unit_test(a_natpmp_epoch_fails_only_when_it_lags_by_more_than_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
