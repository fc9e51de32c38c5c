/* RFC 6887, section 8.2: what a server does with a request before it looks at its opcode. */
#include "check/stage.h"

static void every_opcode_minds_the_client_address(struct stage *stage)
{
    struct endpoint remote = stage_endpoint(stage, STAGE_REMOTE, 7000);
    struct wish wishes[] = {stage_map_wish(stage, STAGE_HOST, 5000),
                            stage_peer_wish(stage, STAGE_HOST, 5000, &remote),
                            stage_announce_wish(stage, STAGE_HOST)};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        wishes[i].message.client = stage_address(stage, STAGE_OTHER);
        struct answer answer = stage_ask(stage, &wishes[i]);
        stage_expect_result(stage, R6887_8_2_07, &answer, PCP_ADDRESS_MISMATCH);
    }
}

static const struct test_case cases[] = {
    {.id = "gateway.8.2.every-opcode-minds-the-client-address",
     .sentence = "A client address field that is not the source address draws ADDRESS_MISMATCH.",
     .requirements = JUDGES(R6887_8_2_07),
     .run = every_opcode_minds_the_client_address,
     .traits = CASE_BOTH},
};

static const struct defect defects[] = {
    {.name = "ignores-the-client-address",
     .text = "serves a request whose client address field is another's",
     .requirements = JUDGES(R6887_8_2_07)},
};

CASE_FILE(gateway_08_requests, CASE_GATEWAY, cases, defects);
