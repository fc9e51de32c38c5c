#include "check/stage_natpmp.h"

#include "check/stage_private.h"
#include "wire/describe.h"

#include <stdio.h>

struct natpmp_message natpmp_address_wish(void)
{
    return (struct natpmp_message){.opcode = NATPMP_ADDRESS};
}

struct natpmp_message natpmp_map_wish(uint16_t internal_port)
{
    enum { TEN_MINUTES = 600 };
    return (struct natpmp_message){
        .opcode = NATPMP_MAP_UDP, .internal_port = internal_port, .lifetime = TEN_MINUTES};
}

struct natpmp_message natpmp_delete_wish(uint16_t internal_port)
{
    return (struct natpmp_message){.opcode = NATPMP_MAP_UDP, .internal_port = internal_port};
}

static const char *line(struct stage *stage, const uint8_t *octets, size_t length)
{
    char *text = stage_text(stage);
    (void)natpmp_describe(octets, length, text, STAGE_TEXT_SIZE);
    return text;
}

const char *stage_natpmp_describe(struct stage *stage, const struct natpmp_answer *answer)
{
    return answer->came ? line(stage, answer->datagram.octets, answer->datagram.length)
                        : "no answer";
}

static struct natpmp_answer exchange(struct stage *stage, enum stage_place from,
                                     const uint8_t *octets, size_t length)
{
    struct answer came = stage_exchange(stage, from, -1, octets, length);
    struct natpmp_answer answer = {.came = came.came, .datagram = came.datagram};
    answer.fault = natpmp_decode(answer.datagram.octets, answer.datagram.length, &answer.natpmp);
    return answer;
}

struct natpmp_answer stage_natpmp_ask_octets(struct stage *stage, enum requirement_id requirement,
                                             enum stage_place from, const uint8_t *octets,
                                             size_t length)
{
    struct natpmp_answer answer = exchange(stage, from, octets, length);
    if (!stage->over && !answer.came) {
        char *expected = stage_text(stage);
        (void)snprintf(expected, STAGE_TEXT_SIZE, "an answer to %.360s",
                       line(stage, octets, length));
        stage_expect(stage, requirement, false, expected, "no answer");
    }
    return answer;
}

struct natpmp_answer stage_natpmp_ask(struct stage *stage, enum requirement_id requirement,
                                      enum stage_place from, const struct natpmp_message *request)
{
    uint8_t octets[NATPMP_MAP_RESPONSE_LENGTH];
    size_t length = natpmp_encode(request, octets, sizeof octets);
    return stage_natpmp_ask_octets(stage, requirement, from, octets, length);
}

struct natpmp_answer stage_natpmp_granted(struct stage *stage, enum stage_place from,
                                          const struct natpmp_message *request)
{
    uint8_t octets[NATPMP_MAP_RESPONSE_LENGTH];
    size_t length = natpmp_encode(request, octets, sizeof octets);
    struct natpmp_answer answer = exchange(stage, from, octets, length);
    bool sound = answer.came && answer.fault == NATPMP_FAULT_NONE && answer.natpmp.response &&
                 answer.natpmp.opcode == request->opcode;
    if (!stage->over && !(sound && answer.natpmp.result == NATPMP_SUCCESS))
        stage_end(stage,
                  sound && answer.natpmp.result == NATPMP_NOT_AUTHORIZED ? VERDICT_UNSUPPORTED
                                                                         : VERDICT_INCONCLUSIVE,
                  "%s draws: %s", line(stage, octets, length),
                  stage_natpmp_describe(stage, &answer));
    return answer;
}

struct endpoint stage_natpmp_external(struct stage *stage, const struct natpmp_answer *answer)
{
    return stage_endpoint(stage, STAGE_OUTSIDE, answer->natpmp.external_port);
}

bool stage_natpmp_expect_result(struct stage *stage, enum requirement_id requirement,
                                const struct natpmp_answer *answer, enum natpmp_result result)
{
    char *expected = stage_text(stage);
    (void)snprintf(expected, STAGE_TEXT_SIZE, "result %d, %s", (int)result,
                   natpmp_result_name((uint16_t)result));
    return stage_expect(stage, requirement,
                        answer->came && answer->natpmp.response &&
                            answer->natpmp.version == NATPMP_VERSION &&
                            answer->natpmp.result == result,
                        expected, "%s", stage_natpmp_describe(stage, answer));
}
