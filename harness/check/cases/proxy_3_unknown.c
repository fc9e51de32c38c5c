/* RFC 7648, sections 3.3, 3.4 and 4: firewalls, what a proxy doesn't know, and what goes past it. */
#include "check/stage_proxy.h"
#include "check/stage_raw.h"

#include <string.h>

enum { GRANTED = 600 };

static const uint8_t four[4] = {0xde, 0xad, 0xbe, 0xef};

/* --- on a firewall ------------------------------------------------------------------------------ */

/* A passage through a proxy that translates nothing; one that does ends the case. */
static struct passage through_a_firewall(struct server *server, const struct wish *wish,
                                         struct answer *told)
{
    struct stage *stage = server->stage;
    struct passage passage = proxy_granted(server, wish, GRANTED, told);
    struct endpoint there = {stage_address(stage, wish->from),
                             wish->message.data.map.internal_port};
    int inside = stage_open(stage, wish->from, there.port);
    if (!stage->over &&
        !stage_passes(stage, stage_open(stage, STAGE_REMOTE, 0), &there, inside, NULL))
        stage_end(stage, VERDICT_UNSUPPORTED, "the proxy translates: %s",
                  request_describe(stage, &passage.up));
    return passage;
}

static void a_pinholes_host_is_named_by_third_party(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct passage passage = through_a_firewall(&server, &wish, NULL);
    struct pcp_option option;
    struct address named = stage_any(stage);
    bool found = request_option(&passage.up, PCP_THIRD_PARTY, &option) &&
                 pcp_option_third_party(&option, &named) == PCP_FAULT_NONE;
    struct address host = stage_address(stage, STAGE_HOST);
    stage_expect(stage, R7648_3_3_02, found && address_equal(&named, &host),
                 "THIRD_PARTY with the address of the host whose mapping it is", "%s",
                 request_describe(stage, &passage.up));
}

static void a_firewalls_proxy_changes_no_ports(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer told;
    struct passage passage = through_a_firewall(&server, &wish, &told);
    stage_expect_number(stage, R7648_3_4_1_01, "the internal port upstream",
                        passage.up.pcp.data.map.internal_port, 5000, 5000);
    stage_expect_number(stage, R7648_3_4_1_01, "the internal port told to the client",
                        told.pcp.data.map.internal_port, 5000, 5000);
    stage_expect_number(stage, R7648_3_4_1_01, "the external port told to the client",
                        told.pcp.data.map.external_port, PROXY_OUTERMOST_PORT,
                        PROXY_OUTERMOST_PORT);
}

/* --- what is unknown ---------------------------------------------------------------------------- */

static void passes_an_option(struct server *server, enum requirement_id requirement, uint16_t port,
                             uint8_t code)
{
    struct stage *stage = server->stage;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, port);
    struct pcp_option option;
    wish_add_option(&wish, code, four, sizeof four);
    struct passage passage = proxy_passes(server, requirement, &wish);
    stage_expect(stage, requirement,
                 request_option(&passage.up, code, &option) && option.length == sizeof four &&
                     !memcmp(option.data, four, sizeof four),
                 "the unknown option of the client in the request upstream", "%s",
                 request_describe(stage, &passage.up));
    struct reply reply = server_success(server, &passage.up);
    struct answer told = proxy_answer(&passage, &reply);
    stage_expect_result(stage, requirement, &told, PCP_SUCCESS);
}

static void passes_an_opcode(struct server *server, enum requirement_id requirement)
{
    struct stage *stage = server->stage;
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    wish.message.opcode = UNKNOWN_OPCODE;
    struct passage passage = proxy_passes(server, requirement, &wish);
    struct reply reply = server_error(server, &passage.up, PCP_NO_RESOURCES, 30);
    struct answer told = proxy_answer(&passage, &reply);
    stage_expect_result(stage, requirement, &told, PCP_NO_RESOURCES);
}

static void a_firewalls_proxy_relays_what_it_does_not_know(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    (void)through_a_firewall(&server, &wish, NULL);
    passes_an_option(&server, R7648_3_4_1_02, 5001, UNKNOWN_MANDATORY);
    passes_an_option(&server, R7648_3_4_1_02, 5002, UNKNOWN_OPTIONAL);
    passes_an_opcode(&server, R7648_3_4_1_02);
}

static void unknown_opcodes_are_relayed(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    passes_an_opcode(&server, R7648_3_4_2_01);
}

static void unknown_mandatory_options_are_relayed(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    passes_an_option(&server, R7648_3_4_2_01, 5000, UNKNOWN_MANDATORY);
}

static struct wish of_an_unknown_opcode(struct stage *stage)
{
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    wish.message.opcode = UNKNOWN_OPCODE;
    return wish;
}

static struct wish with_an_unknown_option(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_option(&wish, UNKNOWN_MANDATORY, four, sizeof four);
    return wish;
}

static void relaying_can_be_switched_off(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wishes[] = {of_an_unknown_opcode(stage), with_an_unknown_option(stage)};
    for (size_t i = 0; i < 2; i++) {
        struct passage passage = proxy_ask(&server, &wishes[i]);
        stage_expect(stage, R7648_3_4_2_02, !passage.up.came, "nothing of it upstream", "%s",
                     request_describe(stage, &passage.up));
    }
}

static void an_unknown_opcode_draws_unsupp_opcode(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = of_an_unknown_opcode(stage);
    struct passage passage = proxy_ask(&server, &wish);
    stage_expect_result(stage, R7648_3_4_2_03, &passage.down, PCP_UNSUPP_OPCODE);
}

static void an_unknown_option_draws_unsupp_option(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct wish wish = with_an_unknown_option(stage);
    struct passage passage = proxy_ask(&server, &wish);
    stage_expect_result(stage, R7648_3_4_2_04, &passage.down, PCP_UNSUPP_OPTION);
}

/* --- past the proxy ------------------------------------------------------------------------------ */

/* Two outcomes are the proxy's choice: nothing gets there, or all is as if the proxy weren't there. */
static void who_asks_upstream_directly_is_blocked_or_answered(struct stage *stage)
{
    struct server server = proxy_upstream(stage);
    struct raw raw;
    struct wish wish = stage_announce_wish(stage, STAGE_HOST);
    raw = stage_raw(&wish);
    struct endpoint to = stage_endpoint(stage, STAGE_REMOTE, PCP_SERVER_PORT);
    struct passage passage = {.server = &server, .client = stage_open(stage, STAGE_HOST, 0)};
    for (int i = 0; i < 3 && !passage.up.came; i++) {
        stage_send(stage, passage.client, &to, raw.octets, raw.length);
        passage.up = proxy_await(&server, PCP_ANNOUNCE, 0);
    }
    if (stage->over || !passage.up.came)
        return;
    stage_expect(stage, R7648_4_04,
                 passage.up.datagram.length == raw.length &&
                     !memcmp(passage.up.datagram.octets, raw.octets, raw.length),
                 "the request as the client sent it, or nothing", "%s",
                 request_describe(stage, &passage.up));
    struct reply reply = server_success(&server, &passage.up);
    struct answer told = proxy_answer(&passage, &reply);
    stage_expect(stage, R7648_4_04, told.came && told.pcp.result == PCP_SUCCESS,
                 "the server's answer to the request that it was let have", "%s",
                 stage_describe(stage, &told));
}

static const struct test_case cases[] = {
    {.id = "proxy.3.3.a-pinholes-host-is-named-by-third-party",
     .sentence = "Where the external address isn't the proxy's own, THIRD_PARTY carries it "
                 "upstream.",
     .requirements = JUDGES(R7648_3_3_02),
     .run = a_pinholes_host_is_named_by_third_party,
     .traits = CASE_IPV6},
    {.id = "proxy.3.4.1.a-firewalls-proxy-changes-no-ports",
     .sentence = "Without a NAT beside it, the proxy changes no port numbers.",
     .requirements = JUDGES(R7648_3_4_1_01),
     .run = a_firewalls_proxy_changes_no_ports,
     .traits = CASE_IPV6},
    {.id = "proxy.3.4.1.a-firewalls-proxy-relays-what-it-does-not-know",
     .sentence = "Without a NAT beside it, the proxy relays unknown opcodes and options.",
     .requirements = JUDGES(R7648_3_4_1_02),
     .run = a_firewalls_proxy_relays_what_it_does_not_know,
     .traits = CASE_IPV6},
    {.id = "proxy.3.4.2.unknown-opcodes-are-relayed",
     .sentence = "A proxy that wasn't told otherwise relays unknown opcodes.",
     .requirements = JUDGES(R7648_3_4_2_01),
     .run = unknown_opcodes_are_relayed},
    {.id = "proxy.3.4.2.unknown-mandatory-options-are-relayed",
     .sentence = "A proxy that wasn't told otherwise relays unknown mandatory options.",
     .requirements = JUDGES(R7648_3_4_2_01),
     .run = unknown_mandatory_options_are_relayed},
    {.id = "proxy.3.4.2.relaying-can-be-switched-off",
     .sentence = "A proxy can be told to relay no unknown opcodes and mandatory options.",
     .requirements = JUDGES(R7648_3_4_2_02),
     .run = relaying_can_be_switched_off,
     .variant = "without-relaying"},
    {.id = "proxy.3.4.2.an-unknown-opcode-draws-unsupp-opcode",
     .sentence = "A proxy that relays no unknown opcodes answers them with UNSUPP_OPCODE.",
     .requirements = JUDGES(R7648_3_4_2_03),
     .run = an_unknown_opcode_draws_unsupp_opcode,
     .variant = "without-relaying"},
    {.id = "proxy.3.4.2.an-unknown-option-draws-unsupp-option",
     .sentence = "A proxy that relays no unknown mandatory options answers UNSUPP_OPTION.",
     .requirements = JUDGES(R7648_3_4_2_04),
     .run = an_unknown_option_draws_unsupp_option,
     .variant = "without-relaying"},
    {.id = "proxy.4.who-asks-upstream-directly-is-blocked-or-answered",
     .sentence = "The proxy's host lets requests to the upstream server through, or blocks them.",
     .requirements = JUDGES(R7648_4_04),
     .run = who_asks_upstream_directly_is_blocked_or_answered,
     .traits = CASE_BOTH},
};

static const struct defect defects[] = {
    {.name = "names-no-third-party",
     .text = "asks upstream for a pinhole without naming its host",
     .requirements = JUDGES(R7648_3_3_02)},
    {.name = "changes-ports-on-a-firewall",
     .text = "asks upstream for another port than the pinhole's",
     .requirements = JUDGES(R7648_3_4_1_01)},
    {.name = "relays-nothing-unknown",
     .text = "answers unknown opcodes and mandatory options by itself",
     .requirements = JUDGES(R7648_3_4_1_02, R7648_3_4_2_01)},
    {.name = "relays-in-spite",
     .text = "relays what is unknown though it was told not to",
     .requirements = JUDGES(R7648_3_4_2_02)},
    {.name = "calls-the-unknown-malformed",
     .text = "answers unknown opcodes and mandatory options with MALFORMED_REQUEST",
     .requirements = JUDGES(R7648_3_4_2_03, R7648_3_4_2_04)},
    {.name = "blocks-half-of-what-is-direct",
     .text = "lets requests to the upstream server through, but no answers",
     .requirements = JUDGES(R7648_4_04)},
};

CASE_FILE(proxy_3_unknown, CASE_PROXY, cases, defects);
