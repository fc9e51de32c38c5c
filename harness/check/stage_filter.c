#include "check/stage_filter.h"

struct wish filter_wish(struct stage *stage, uint16_t internal_port, enum stage_place remote,
                        uint8_t prefix_length, uint16_t remote_port)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, internal_port);
    struct address address = stage_address(stage, remote);
    wish_add_filter(&wish, &address, prefix_length, remote_port);
    return wish;
}

struct wish filter_begin(struct stage *stage, struct endpoint *external, int *inside)
{
    enum { PORT = 5000 };
    struct wish wish = filter_wish(stage, PORT, STAGE_REMOTE, FILTER_WHOLE, 0);
    struct answer answer = stage_granted(stage, &wish);
    *external = answer_external(&answer);
    *inside = stage_open(stage, STAGE_HOST, PORT);
    return wish;
}

void filter_forget(struct wish *wish)
{
    wish->options_length = 0;
}

void filter_add(struct stage *stage, struct wish *wish, enum stage_place remote)
{
    struct address address = stage_address(stage, remote);
    wish_add_filter(wish, &address, FILTER_WHOLE, 0);
}

void filter_expect_in(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                      uint16_t port, const struct endpoint *external, int inside)
{
    stage_expect_passes(stage, requirement, stage_open(stage, from, port), external, inside, NULL);
}

void filter_expect_out(struct stage *stage, enum requirement_id requirement, enum stage_place from,
                       uint16_t port, const struct endpoint *external, int inside)
{
    stage_expect_blocked(stage, requirement, stage_open(stage, from, port), external, inside);
}

void filter_expect_to_hold(struct stage *stage, const struct endpoint *external, int inside)
{
    if (!stage_is_blocked(stage, stage_open(stage, STAGE_REMOTE_SECOND, 0), external, inside))
        stage_end(stage, VERDICT_INCONCLUSIVE, "a mapping with FILTER lets others in, too");
}

void filter_expect_error(struct stage *stage, enum requirement_id requirement,
                         const struct answer *answer)
{
    stage_expect(stage, requirement, answer->came && answer->pcp.result != PCP_SUCCESS, "an error",
                 "%s", stage_describe(stage, answer));
}
