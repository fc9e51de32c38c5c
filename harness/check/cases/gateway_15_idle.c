/* RFC 6887, section 15: no request ends a mapping sooner than its outbound traffic would let it go.
 *
 * The flows are the kernel's own, and so are their timers: all of this takes place in real time. */
#include "check/stage_raw.h"

enum { LEAST_IDLE = 20, SOON = 5, MARGIN = 2, LONGEST_WAIT = 130 };

/* A mapping whose host has sent through it just now. */
static struct answer map_and_send(struct stage *stage, struct wish *wish, int *inside)
{
    struct datagram arrival;
    *wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer granted = stage_granted(stage, wish);
    *inside = stage_open(stage, STAGE_HOST, 5000);
    int outside = stage_open(stage, STAGE_REMOTE, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, stage_port(stage, outside));
    if (!stage_passes(stage, *inside, &remote, outside, &arrival))
        stage_end(stage, VERDICT_INCONCLUSIVE, "what the host sends does not get out");
    return granted;
}

/* Section 15.1 has a delete take place immediately, and section 15 not before the idle time is over. Whoever keeps
 * to the first says lifetime 0 and means it; whoever grants a rest must keep it. */
static void a_delete_leaves_what_it_says(struct stage *stage)
{
    int inside;
    struct wish wish;
    struct answer granted = map_and_send(stage, &wish, &inside);
    wish.message.lifetime = 0;
    struct answer deleted = stage_ask_for(stage, R6887_15_10, &wish);
    stage_expect_result(stage, R6887_15_10, &deleted, PCP_SUCCESS);
    double rest = deleted.pcp.lifetime;
    if (rest > 0)
        stage_expect_mapped(stage, R6887_15_10, &granted, inside);
    if (rest > MARGIN && rest <= LONGEST_WAIT) {
        stage_pass_until(stage, &deleted, rest - MARGIN);
        stage_expect_mapped(stage, R6887_15_10, &granted, inside);
    }
    if (rest <= LONGEST_WAIT) {
        stage_pass_until(stage, &deleted, rest + MARGIN);
        stage_expect_unmapped(stage, R6887_15_1_10, &granted, inside);
    }
}

static void a_short_lifetime_yields_to_traffic(struct stage *stage)
{
    int inside;
    struct wish wish;
    struct answer granted = map_and_send(stage, &wish, &inside);
    wish.message.lifetime = 1;
    struct answer renewed = stage_granted(stage, &wish);
    stage_expect_number(stage, R6887_15_11,
                        "the lifetime granted for 1 s, just after outbound traffic",
                        renewed.pcp.lifetime, LEAST_IDLE, UINT32_MAX);
    stage_pass_until(stage, &renewed, SOON);
    stage_expect_mapped(stage, R6887_15_10, &granted, inside);
}

static const struct test_case cases[] = {
    {.id = "gateway.15.a-delete-leaves-the-idle-time-that-it-says",
     .sentence = "A delete ends a mapping with traffic when its answer says, no sooner or later.",
     .requirements = JUDGES(R6887_15_10, R6887_15_1_10),
     .run = a_delete_leaves_what_it_says,
     .traits = CASE_REAL_TIME | CASE_ANY_VARIANT,
     .seconds = 10,
     .variant = "with-short-idle-times"},
    {.id = "gateway.15.a-short-lifetime-yields-to-traffic",
     .sentence = "A lifetime is not set below the idle time that is still to run.",
     .requirements = JUDGES(R6887_15_11, R6887_15_10),
     .run = a_short_lifetime_yields_to_traffic,
     .traits = CASE_REAL_TIME,
     .seconds = SOON,
     .variant = "with-short-lifetimes"},
};

static const struct defect defects[] = {
    {.name = "ends-what-has-traffic",
     .text = "does not look at outbound traffic when a lifetime is cut",
     .requirements = JUDGES(R6887_15_11)},
    {.name = "ends-what-it-says-has-traffic",
     .text = "says that traffic keeps a mapping, and ends it",
     .requirements = JUDGES(R6887_15_10)},
};

CASE_FILE(gateway_15_idle, CASE_GATEWAY, cases, defects);
