/* RFC 6887, sections 8.1 and 8.1.1: how a client sends a request, and sends it again. */
#include "check/stage_server.h"

#include <string.h>

static void repeats_have_the_nonce_of_the_first(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    for (int i = 0; i < 3; i++) {
        struct request again = server_next(&server, 20);
        stage_expect(stage, R6887_8_1_1_01,
                     !memcmp(again.pcp.data.map.nonce, first.pcp.data.map.nonce, PCP_NONCE_LENGTH),
                     request_describe(stage, &first), "%s", request_describe(stage, &again));
    }
}

static const struct test_case cases[] = {
    {.id = "device.8.1.1.repeats-have-the-nonce-of-the-first",
     .sentence = "A retransmission bears the nonce of the first transmission.",
     .requirements = JUDGES(R6887_8_1_1_01),
     .run = repeats_have_the_nonce_of_the_first,
     .traits = CASE_UNSTARTED,
     .seconds = 25},
};

static const struct defect defects[] = {
    {.name = "repeats-with-another-nonce",
     .text = "sends each repetition with another nonce",
     .requirements = JUDGES(R6887_8_1_1_01)},
};

CASE_FILE(device_08_exchange, CASE_DEVICE, cases, defects);
