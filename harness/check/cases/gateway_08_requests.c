/* RFC 6887, section 8.2: what a server does with a request before it looks at its opcode. */
#include "check/stage.h"

static void a_request_is_answered(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_ask(stage, &wish);
    stage_expect(stage, R6887_8_2_01, answer.pcp.response, "a response, its R bit set", "%s",
                 stage_describe(stage, &answer));
}

static const struct test_case cases[] = {
    {.id = "gateway.8.2.a-request-is-answered",
     .sentence = "A server answers a request with a response.",
     .requirements = JUDGES(R6887_8_2_01),
     .run = a_request_is_answered},
};

static const struct defect defects[] = {
    {.name = "answers-with-requests",
     .text = "leaves the R bit of its answers clear",
     .requirements = JUDGES(R6887_8_2_01)},
};

CASE_FILE(gateway_08_requests, CASE_GATEWAY, cases, defects);
