/* RFC 6887, section 10: which external address a mapping gets, of several and of two families.
 *
 * The variant with-address-pool has two external addresses. The second is not the gateway's own until a case
 * makes it so.
 */
#include "check/stage_raw.h"

enum { STATIC_INTERNAL = 6000, RESTED = 300, LONGEST_WAIT = 1800 };

static const char pool[2][ADDRESS_TEXT_SIZE] = {"11.0.0.4", "11.0.0.1"};

static void start_with_pool(struct stage *stage)
{
    stage_run(stage, STAGE_GATEWAY, "ip address add %s/24 dev eth1", pool[0]);
    stage_start(stage);
}

/* The other address of the pool. */
static struct address other_than(const struct address *one)
{
    struct address address;
    (void)address_parse(pool[0], &address);
    if (address_equal(&address, one))
        (void)address_parse(pool[1], &address);
    return address;
}

static void expect_address(struct stage *stage, enum requirement_id requirement,
                           const struct answer *answer, const struct address *expected)
{
    struct endpoint came = answer_external(answer);
    struct endpoint wanted = {*expected, came.port};
    stage_expect_endpoint(stage, requirement, "the external endpoint", &came, &wanted);
}

static void a_host_keeps_to_the_address_of_its_static_mapping(struct stage *stage)
{
    start_with_pool(stage);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, STATIC_INTERNAL);
    struct answer fixed = stage_granted(stage, &wish);
    for (uint16_t port = 5000; port < 5004 && !stage->over; port++) {
        wish = stage_map_wish(stage, STAGE_OTHER, port);
        struct answer answer = stage_granted(stage, &wish);
        expect_address(stage, R6887_10_01, &answer, &fixed.pcp.data.map.external_address);
        if (port == 5000)
            stage_expect_mapped(stage, R6887_10_01, &answer, stage_open(stage, STAGE_OTHER, port));
    }
}

static void a_suggested_address_is_had_beside_others(struct stage *stage)
{
    start_with_pool(stage);
    struct wish first = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer present = stage_granted(stage, &first);
    struct address other = other_than(&present.pcp.data.map.external_address);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    wish.message.data.map.external_address = other;
    struct answer answer = stage_granted(stage, &wish);
    expect_address(stage, R6887_10_02, &answer, &other);
    stage_expect_mapped(stage, R6887_10_02, &answer, stage_open(stage, STAGE_HOST, 5001));
    stage_expect_mapped(stage, R6887_10_02, &present, stage_open(stage, STAGE_HOST, 5000));
}

/* It may or may not: wherever it is, it works. */
static void a_host_without_mappings_may_move(struct stage *stage)
{
    start_with_pool(stage);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    for (int i = 0; i < 2 && !stage->over; i++) {
        struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
        wish.message.lifetime = 1; /* whatever is the least that the peer grants */
        struct answer answer = stage_granted(stage, &wish);
        if (answer.pcp.lifetime > LONGEST_WAIT)
            stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %u s",
                      answer.pcp.lifetime);
        stage_expect_mapped(stage, R6887_10_03, &answer, inside);
        if (i == 0)
            stage_pass_until(stage, &answer, answer.pcp.lifetime + (double)RESTED);
    }
}

/* The zeros of the family that the client is not of. An error says that such a mapping can't be had; a
 * success in the client's own family is not what it asked for. */
static void zeros_pick_the_family(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    struct wish plain = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)stage_granted(stage, &plain);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5001);
    wish.message.data.map.external_address = stage->ipv6 ? address_any_ipv4() : address_any_ipv6();
    struct answer answer = stage_ask(stage, &wish);
    const struct address *external = &answer.pcp.data.map.external_address;
    if (answer.pcp.result == PCP_SUCCESS)
        stage_expect(stage, R6887_10_05, address_is_ipv4(external) == stage->ipv6,
                     "an external address of the family whose zeros are suggested, or an error",
                     "%s", address_format(external, text));
}

static const struct test_case cases[] = {
    {.id = "gateway.10.a-host-keeps-to-the-address-of-its-static-mapping",
     .sentence = "What suggests no address gets the one of its host's static mapping.",
     .requirements = JUDGES(R6887_10_01),
     .run = a_host_keeps_to_the_address_of_its_static_mapping,
     .traits = CASE_UNSTARTED | CASE_NEIGHBOURS,
     .variant = "with-address-pool"},
    {.id = "gateway.10.a-suggested-address-is-had-beside-others",
     .sentence = "A suggested address is granted though the host has mappings on another.",
     .requirements = JUDGES(R6887_10_02),
     .run = a_suggested_address_is_had_beside_others,
     .traits = CASE_UNSTARTED,
     .variant = "with-address-pool"},
    {.id = "gateway.10.a-host-without-mappings-may-move",
     .sentence = "A host that had no mapping left gets one that works, on whichever address.",
     .requirements = JUDGES(R6887_10_03),
     .run = a_host_without_mappings_may_move,
     .traits = CASE_UNSTARTED,
     .seconds = 420,
     .variant = "with-address-pool"},
    {.id = "gateway.10.zeros-pick-the-family",
     .sentence = "The all-zeros of a family bring a mapping of that family, or an error.",
     .requirements = JUDGES(R6887_10_05),
     .run = zeros_pick_the_family,
     .traits = CASE_BOTH},
};

static const struct defect defects[] = {
    {.name = "scatters-a-hosts-mappings",
     .text = "takes the next address of its pool for each mapping without a suggestion",
     .requirements = JUDGES(R6887_10_01)},
    {.name = "keeps-a-host-to-one-address",
     .text = "ignores the suggested address of a host that has mappings",
     .requirements = JUDGES(R6887_10_02)},
    {.name = "moves-a-host-in-words-only",
     .text = "names another address to a host that comes back, and maps on the former",
     .requirements = JUDGES(R6887_10_03)},
    {.name = "knows-one-family",
     .text = "takes the all-zeros of any family for the client's own",
     .requirements = JUDGES(R6887_10_05)},
};

CASE_FILE(gateway_10_addresses, CASE_GATEWAY, cases, defects);
