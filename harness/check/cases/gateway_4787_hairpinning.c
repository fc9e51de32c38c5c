/* RFC 4787, section 6, REQ-9: hosts behind a NAT that talk to each other by their external endpoints. */
#include "check/stage_raw.h"

static struct answer map_host(struct stage *stage, int *inside)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, &wish);
    struct endpoint internal = stage_endpoint(stage, STAGE_HOST, 5000);
    struct endpoint external = answer_external(&granted);
    *inside = stage_open(stage, STAGE_HOST, 5000);
    if (!stage->over && address_equal(&internal.address, &external.address))
        stage_end(stage, VERDICT_INCONCLUSIVE, "the gateway does not translate");
    return granted;
}

static void hosts_reach_each_other(struct stage *stage)
{
    int inside;
    struct answer granted = map_host(stage, &inside);
    struct endpoint external = answer_external(&granted);
    int other = stage_open(stage, STAGE_OTHER, 0);
    stage_expect_passes(stage, R4787_6_01, other, &external, inside, NULL);
}

/* The sender has a mapping too, so that its external endpoint is known. */
static void they_see_external_endpoints(struct stage *stage)
{
    int inside;
    char text[ADDRESS_TEXT_SIZE];
    struct datagram arrival;
    struct answer granted = map_host(stage, &inside);
    struct endpoint external = answer_external(&granted);
    struct wish wish = stage_map_wish(stage, STAGE_OTHER, 5100);
    struct answer others = stage_granted(stage, &wish);
    struct endpoint expected = answer_external(&others);
    int other = stage_open(stage, STAGE_OTHER, 5100);
    if (!stage_passes(stage, other, &external, inside, &arrival))
        stage_end(stage, VERDICT_INCONCLUSIVE, "nothing is hairpinned");
    stage_expect(stage, R4787_6_02,
                 address_equal(&arrival.from.address, &expected.address) &&
                     arrival.from.port == expected.port,
                 "a hairpinned datagram from its sender's external endpoint",
                 "it comes from %s port %u", address_format(&arrival.from.address, text),
                 arrival.from.port);
    stage_expect_passes(stage, R4787_6_02, inside, &arrival.from, other, NULL);
}

static const struct test_case cases[] = {
    {.id = "gateway.4787.6.hosts-reach-each-other-outside-in",
     .sentence = "A host reaches another behind the same NAT at its external endpoint.",
     .requirements = JUDGES(R4787_6_01),
     .run = hosts_reach_each_other,
     .traits = CASE_NEIGHBOURS},
    {.id = "gateway.4787.6.what-is-hairpinned-comes-from-outside",
     .sentence = "What is hairpinned comes from its sender's external address and port.",
     .requirements = JUDGES(R4787_6_02),
     .run = they_see_external_endpoints,
     .traits = CASE_NEIGHBOURS},
};

static const struct defect defects[] = {
    {.name = "does-not-hairpin",
     .text = "lets no host inside send to an external endpoint of another",
     .requirements = JUDGES(R4787_6_01)},
    {.name = "hairpins-internal-sources",
     .text = "leaves the internal source of what it hairpins",
     .requirements = JUDGES(R4787_6_02)},
};

CASE_FILE(gateway_4787_hairpinning, CASE_GATEWAY, cases, defects);
