/* RFC 7723: a server at the anycast addresses, which the lab gives to the gateway's loopback. */
#include "check/stage_raw.h"

static const int64_t repeat_after = 400 * MILLISECOND;

enum { TRIES = 10 };

static struct endpoint anycast(struct stage *stage)
{
    struct endpoint server = {.port = PCP_SERVER_PORT};
    (void)address_parse(stage->ipv6 ? "2001:1::1" : "192.0.0.9", &server.address);
    return server;
}

static void start_with_anycast(struct stage *stage)
{
    stage_run(stage, STAGE_GATEWAY, "ip address add %s dev lo",
              stage->ipv6 ? "2001:1::1/128 nodad" : "192.0.0.9/32");
    stage_start(stage);
}

/* Whatever comes back from port 5351, wherever from. */
static struct answer ask_there(struct stage *stage, const struct wish *wish, int tries)
{
    struct answer answer = {0};
    struct raw raw = stage_raw(wish);
    struct endpoint server = anycast(stage);
    int socket = stage_open(stage, wish->from, 0);
    for (int i = 0; i < tries && !answer.came && !stage->over; i++) {
        stage_send(stage, socket, &server, raw.octets, raw.length);
        answer.came = stage_receive(stage, socket, repeat_after, &answer.datagram) &&
                      !answer.datagram.is_error && answer.datagram.from.port == PCP_SERVER_PORT;
    }
    if (answer.came)
        answer.fault = pcp_decode(answer.datagram.octets, answer.datagram.length, &answer.pcp);
    answer.pcp.options = NULL;
    stage_close(stage, socket);
    return answer;
}

static void it_answers_there(struct stage *stage, enum requirement_id requirement)
{
    start_with_anycast(stage);
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    struct answer answer = ask_there(stage, &wish, TRIES);
    stage_expect(stage, requirement, answer.came, "an answer from the anycast address",
                 "no answer in 4 s");
}

static void it_answers_at_the_ipv4_address(struct stage *stage)
{
    it_answers_there(stage, R7723_4_1_01);
}

static void it_answers_at_the_ipv6_address(struct stage *stage)
{
    it_answers_there(stage, R7723_4_2_01);
}

static void it_serves_there(struct stage *stage)
{
    start_with_anycast(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = ask_there(stage, &wish, TRIES);
    stage_expect(stage, R7723_2_2_01, answer.came && answer.pcp.result == PCP_SUCCESS,
                 "a mapping that was asked for at the anycast address", "%s",
                 stage_describe(stage, &answer));
    stage_expect_mapped(stage, R7723_2_2_01, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static void it_answers_from_there(struct stage *stage)
{
    char text[ADDRESS_TEXT_SIZE];
    start_with_anycast(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = ask_there(stage, &wish, TRIES);
    struct endpoint server = anycast(stage);
    if (!stage->over && !answer.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no answer at the anycast address");
    stage_expect(stage, R7723_2_2_02, address_equal(&answer.datagram.from.address, &server.address),
                 "an answer from the anycast address that was asked", "it comes from %s",
                 address_format(&answer.datagram.from.address, text));
}

/* The answer at the usual address is the fence. */
static void it_can_be_left_off(struct stage *stage)
{
    start_with_anycast(stage);
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    struct answer there = ask_there(stage, &wish, 2);
    stage_ask(stage, &wish);
    stage_expect(stage, R7723_1_01, !there.came,
                 "no answer from the anycast address, where that is switched off", "%s",
                 stage_describe(stage, &there));
}

static const struct test_case cases[] = {
    {.id = "gateway.7723.4.1.it-answers-at-192.0.0.9",
     .sentence = "The IPv4 anycast address of PCP servers is 192.0.0.9.",
     .requirements = JUDGES(R7723_4_1_01),
     .run = it_answers_at_the_ipv4_address,
     .traits = CASE_UNSTARTED,
     .variant = "with-anycast"},
    {.id = "gateway.7723.4.2.it-answers-at-2001-1--1",
     .sentence = "The IPv6 anycast address of PCP servers is 2001:1::1.",
     .requirements = JUDGES(R7723_4_2_01),
     .run = it_answers_at_the_ipv6_address,
     .traits = CASE_UNSTARTED | CASE_IPV6,
     .variant = "with-anycast"},
    {.id = "gateway.7723.2.2.it-serves-at-the-anycast-address",
     .sentence = "A server can be set up to serve at the anycast addresses.",
     .requirements = JUDGES(R7723_2_2_01),
     .run = it_serves_there,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .variant = "with-anycast"},
    {.id = "gateway.7723.2.2.it-answers-from-the-anycast-address",
     .sentence = "A request to an anycast address is answered from that same address.",
     .requirements = JUDGES(R7723_2_2_02),
     .run = it_answers_from_there,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .variant = "with-anycast"},
    {.id = "gateway.7723.1.the-anycast-address-can-be-left-off",
     .sentence = "Use of the anycast addresses can be switched off.",
     .requirements = JUDGES(R7723_1_01),
     .run = it_can_be_left_off,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .variant = "without-anycast"},
};

static const struct defect defects[] = {
    {.name = "ignores-the-anycast-address",
     .text = "hears nothing at the anycast addresses",
     .requirements = JUDGES(R7723_4_1_01, R7723_4_2_01)},
    {.name = "maps-nothing-at-the-anycast-address",
     .text = "answers ANNOUNCE alone at the anycast addresses",
     .requirements = JUDGES(R7723_2_2_01)},
    {.name = "answers-anycast-from-its-own-address",
     .text = "answers from whatever address the route to the client gives",
     .requirements = JUDGES(R7723_2_2_02)},
    {.name = "cannot-leave-anycast-off",
     .text = "serves at the anycast addresses though that is switched off",
     .requirements = JUDGES(R7723_1_01)},
};

CASE_FILE(gateway_7723_anycast, CASE_GATEWAY, cases, defects);
