/* What a PCP client must not believe (RFC 6887 sections 7.2, 8.3, 11.4), and must survive. */
#include "client_world.h"

enum { HOUR = 3600000 };

/* An honest grant's octets, for the world's one request. */
static size_t honest(struct world *world, uint8_t octets[PCP_MAXIMUM_LENGTH])
{
    world_begin(world);
    world_map(world, 0);
    assert_true(world_sends(world));
    struct pcp_message answer = world_answer(world, 3600);
    size_t length = pcp_encode(&answer, octets, PCP_MAXIMUM_LENGTH);
    assert_int_equal(length, 60);
    return length;
}

static void an_answer_with_one_wrong_octet_where_it_must_match_is_ignored(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint8_t flip;
    } wrong[] = {
        {0, 1},                         /* version 3 */
        {0, 2},                         /* version 0, not UNSUPP_VERSION */
        {1, 0x80},                      /* R bit clear */
        {1, 1},                         /* ANNOUNCE with MAP's data: no answer to MAP */
        {1, 3},                         /* PEER, too short */
        {1, 4},                         /* opcode 5 */
        {24, 1},   {29, 0x80}, {35, 1}, /* nonce: first, middle, last octet */
        {36, 1},                        /* protocol */
        {40, 1},   {41, 1},             /* internal port */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct world world;
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        size_t length = honest(&world, octets);
        octets[wrong[i].offset] ^= wrong[i].flip;
        world_receive_octets(&world, octets, length);
        assert_int_equal(world_event(&world), PCP_EVENT_NONE);
        octets[wrong[i].offset] ^= wrong[i].flip;
        world_receive_octets(&world, octets, length);
        assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    }
}

static void an_answer_from_another_address_or_port_is_ignored(void **state)
{
    (void)state;
    struct world world;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = honest(&world, octets);
    struct address other = an_address("192.168.1.2");
    struct address mapped_badly = an_address("::fffe:192.168.1.1");
    pcp_client_receive(&world.client, world.now, 0, &other, PCP_SERVER_PORT, octets, length);
    pcp_client_receive(&world.client, world.now, 0, &mapped_badly, PCP_SERVER_PORT, octets, length);
    pcp_client_receive(&world.client, world.now, 0, &world.client.server, PCP_SERVER_PORT + 1,
                       octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
}

static void an_answer_cut_short_or_stretched_is_ignored(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 60; cut++) {
        struct world world;
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        honest(&world, octets);
        world_receive_octets(&world, octets, cut);
        assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    }
    static const size_t stretched[] = {61, 62, 63, 1101, 1104};
    for (size_t i = 0; i < sizeof stretched / sizeof stretched[0]; i++) {
        struct world world;
        uint8_t octets[1200] = {0};
        honest(&world, octets);
        world_receive_octets(&world, octets, stretched[i]);
        assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    }
}

static void an_answer_before_any_request_is_ignored(void **state)
{
    (void)state;
    struct world world;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = honest(&world, octets);
    world_begin(&world);
    world_receive_octets(&world, octets, length);
    world_map(&world, 0); /* wanted, the nonce is right, but nothing was sent yet */
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_true(world_sends(&world));
}

static void an_answer_for_a_mapping_that_is_gone_is_ignored(void **state)
{
    (void)state;
    struct world world;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = honest(&world, octets);
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    pcp_mapping_remove(&world.mappings[0], world.now);
    assert_true(world_sends(&world));
    world_grant(&world, 0);
    assert_int_equal(world_event(&world), PCP_EVENT_REMOVED);
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_NONE);
    assert_false(world.mappings[0].granted);
}

static void an_ignored_answer_leaves_the_epoch_alone(void **state)
{
    (void)state;
    struct world world;
    world_begin(&world);
    world.epoch = 100000;
    world_mapped(&world, 3600);
    world.now += 60000;
    struct pcp_message forged = world_answer(&world, 3600);
    forged.epoch = 0;
    forged.data.map.nonce[0] ^= 1;
    world_receive(&world, &forged);
    assert_true(world_until_sent(&world, HOUR) > 1000000); /* no recovery */
    world_grant(&world, 3600);
    assert_true(world_until_sent(&world, HOUR) > 1000000);
}

static void reserved_bits_in_an_answer_change_nothing(void **state)
{
    (void)state;
    struct world world;
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    size_t length = honest(&world, octets);
    octets[2] = 0xff;              /* 7.2, 8 bits */
    memset(octets + 12, 0xff, 12); /* 7.2, 96 bits */
    memset(octets + 37, 0xff, 3);  /* 11.1, 24 bits */
    world_receive_octets(&world, octets, length);
    assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    assert_int_not_equal(world_until_sent(&world, HOUR), PCP_NEVER);
    assert_memory_equal(world.sent.data.map.reserved, "\0\0\0", 3); /* nor do they come back */
}

static void options_that_nobody_asked_for_change_nothing(void **state)
{
    (void)state;
    static const uint8_t areas[][8] = {
        {200, 0, 0, 4, 1, 2, 3, 4}, /* unknown, optional */
        {99, 0, 0, 4, 1, 2, 3, 4},  /* unknown, mandatory: for servers */
        {99, 0, 0xff, 0xff},        /* longer than the datagram */
        {3, 0, 0, 0},               /* FILTER without data */
    };
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        struct world world;
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        size_t length = honest(&world, octets);
        memcpy(octets + length, areas[i], sizeof areas[i]);
        world_receive_octets(&world, octets, length + sizeof areas[i]);
        assert_int_equal(world_event(&world), PCP_EVENT_GRANTED);
    }
}

static uint32_t draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Mutates an honest answer somewhere behind what must match, or anywhere. */
static size_t mutate(uint8_t *octets, size_t length, uint32_t *seed)
{
    for (uint32_t n = draw(seed) % 4; n > 0; n--)
        octets[draw(seed) % length] = (uint8_t)draw(seed);
    if (draw(seed) % 8 == 0)
        length = draw(seed) % (length + 1);
    return length;
}

static void a_server_gone_mad_gets_neither_a_flood_nor_a_crash(void **state)
{
    (void)state;
    uint32_t seed = 0x2545f491;
    for (int run = 0; run < 30; run++) {
        struct world world;
        world_begin(&world);
        for (int i = 0; i < WORLD_MAPPINGS; i++)
            world_map(&world, i);
        world.mappings[3].opcode = PCP_PEER;
        world.mappings[3].data.remote_port = 80;
        uint32_t sends = 0;
        uint32_t start = world.now;
        while (world.now - start < 600000) { /* ten minutes, an answer or two every 100 ms */
            world.now += 100;
            world.random = draw(&seed);
            while (world_sends(&world))
                sends++;
            if (!world.sent.opcode && !world.sent.version)
                continue;
            uint8_t octets[PCP_MAXIMUM_LENGTH];
            struct pcp_message answer = world_answer(&world, draw(&seed) % 200);
            size_t length = pcp_encode(&answer, octets, sizeof octets);
            length = length ? mutate(octets, length, &seed) : 0;
            world_receive_octets(&world, octets, length);
            while (world_event(&world) != PCP_EVENT_NONE)
                ;
            uint32_t wait = pcp_client_wait(&world.client, world.now);
            assert_true(wait == PCP_NEVER || wait <= 86400000);
        }
        /* Each mapping sends at 4 s apart at most, but for 8.1.1's first timeouts of 2.7 s (and NAT-
         * PMP's quarter of a second, if the madness led there). */
        assert_true(sends < WORLD_MAPPINGS * 600 / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_with_one_wrong_octet_where_it_must_match_is_ignored),
        cmocka_unit_test(an_answer_from_another_address_or_port_is_ignored),
        cmocka_unit_test(an_answer_cut_short_or_stretched_is_ignored),
        cmocka_unit_test(an_answer_before_any_request_is_ignored),
        cmocka_unit_test(an_answer_for_a_mapping_that_is_gone_is_ignored),
        cmocka_unit_test(an_ignored_answer_leaves_the_epoch_alone),
        cmocka_unit_test(reserved_bits_in_an_answer_change_nothing),
        cmocka_unit_test(options_that_nobody_asked_for_change_nothing),
        cmocka_unit_test(a_server_gone_mad_gets_neither_a_flood_nor_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
