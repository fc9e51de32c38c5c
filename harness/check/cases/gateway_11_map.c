/* RFC 6887, sections 11, 11.1 and 11.2: what a mapping is, and the fields that ask for it. */
#include "check/stage_raw.h"

#include <string.h>

enum {
    TCP = 6,
    OFFSET_RESERVED_24 = PCP_HEADER_LENGTH + 13,
    UNASSIGNED = 253, /* for experiments, RFC 3692: nobody's transport protocol */
    ERROR_TRIES = 6,
    CLOSED_PORT = 7777,
    LONGEST_WAIT = 1800
};

/* --- section 11 -------------------------------------------------------------------------------- */

static void map_can_be_switched_off(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_ask(stage, &wish);
    uint8_t result = answer.pcp.result;
    stage_expect(stage, R6887_11_01, result == PCP_NOT_AUTHORIZED || result == PCP_UNSUPP_OPCODE,
                 "NOT_AUTHORIZED or UNSUPP_OPCODE where MAP is switched off", "%s",
                 stage_describe(stage, &answer));
}

/* Whether what is sent to a port that nobody listens at brings an ICMP error back to the sender. */
static void expect_an_error(struct stage *stage, int from, const struct endpoint *to,
                            const char *expected)
{
    static const uint8_t octets[] = "to nobody";
    struct datagram datagram = {0};
    bool came = false;
    for (int i = 0; i < ERROR_TRIES && !came && !stage->over; i++) {
        stage_send(stage, from, to, octets, sizeof octets);
        while (!came && stage_receive(stage, from, 400 * MILLISECOND, &datagram))
            came = datagram.is_error;
    }
    stage_expect(stage, R6887_11_03, came, expected, "none came in %d tries", ERROR_TRIES);
}

/* Both directions of a mapping, each with a flow that is new and not older than the error needs. */
static void icmp_errors_pass_a_mapping(struct stage *stage)
{
    struct wish open = stage_map_wish(stage, STAGE_HOST, 5000);
    struct wish closed = stage_map_wish(stage, STAGE_HOST, CLOSED_PORT);
    struct answer opened = stage_granted(stage, &open);
    struct answer answer = stage_granted(stage, &closed);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct endpoint nobody = stage_endpoint(stage, STAGE_REMOTE, CLOSED_PORT);
    struct endpoint external = answer_external(&answer);
    expect_an_error(stage, inside, &nobody, "an ICMP error comes in for what left by the mapping");
    expect_an_error(stage, stage_open(stage, STAGE_REMOTE, 0), &external,
                    "an ICMP error goes out for what came by the mapping");
    double lifetime =
        opened.pcp.lifetime < answer.pcp.lifetime ? opened.pcp.lifetime : answer.pcp.lifetime;
    if (lifetime > LONGEST_WAIT)
        lifetime = LONGEST_WAIT;
    stage_pass_until(stage, &opened, lifetime * 3 / 4);
    nobody = stage_endpoint(stage, STAGE_STRANGER, CLOSED_PORT + 1);
    expect_an_error(stage, inside, &nobody,
                    "an ICMP error comes in late in the mapping's lifetime");
    expect_an_error(stage, stage_open(stage, STAGE_STRANGER, 0), &external,
                    "an ICMP error goes out late in the mapping's lifetime");
}

static void every_remote_gets_in(struct stage *stage)
{
    static const enum stage_place places[] = {STAGE_REMOTE, STAGE_REMOTE, STAGE_REMOTE_SECOND,
                                              STAGE_STRANGER};
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    for (size_t i = 0; i < sizeof places / sizeof *places && !stage->over; i++)
        stage_expect_passes(stage, R6887_11_04, stage_open(stage, places[i], 0), &external, inside,
                            NULL);
}

static void every_remote_connects(struct stage *stage)
{
    static const enum stage_place places[] = {STAGE_REMOTE, STAGE_REMOTE_SECOND, STAGE_STRANGER};
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.data.map.protocol = TCP;
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    struct endpoint internal = stage_endpoint(stage, STAGE_HOST, 5000);
    int listener = stage_open_kind(stage, SOCKET_TCP_LISTENER, STAGE_HOST, &internal);
    for (size_t i = 0; i < sizeof places / sizeof *places && !stage->over; i++)
        stage_expect(stage, R6887_11_04,
                     stage_connects(stage, places[i], &external, listener, NULL),
                     "TCP connects from each of the remotes", "not from that of place %zu", i + 1);
}

/* What leaves a socket inside is seen by remotes to come from the external endpoint. */
static void expect_to_leave_from(struct stage *stage, enum requirement_id requirement, int inside,
                                 const struct endpoint *external)
{
    static const enum stage_place places[] = {STAGE_REMOTE, STAGE_STRANGER};
    for (size_t i = 0; i < sizeof places / sizeof *places && !stage->over; i++) {
        struct datagram arrival;
        int outside = stage_open(stage, places[i], 0);
        struct endpoint remote = stage_endpoint(stage, places[i], stage_port(stage, outside));
        stage_expect_passes(stage, requirement, inside, &remote, outside, &arrival);
        stage_expect_endpoint(stage, requirement, "the source that a remote host sees",
                              &arrival.from, external);
    }
}

/* Nothing has left the port before, so no flow is older than the mapping. */
static void what_leaves_the_port_leaves_by_the_mapping(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    expect_to_leave_from(stage, R6887_11_05, stage_open(stage, STAGE_HOST, 5000), &external);
}

/* First to what came in, then to what went out. */
static void replies_are_translated_back(struct stage *stage)
{
    struct datagram arrival;
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    int caller = stage_open(stage, STAGE_REMOTE, 0);
    stage_expect_passes(stage, R6887_11_06, caller, &external, inside, &arrival);
    struct endpoint source = arrival.from;
    stage_expect_passes(stage, R6887_11_06, inside, &source, caller, &arrival);
    stage_expect_endpoint(stage, R6887_11_06, "the source of the reply", &arrival.from, &external);
    int called = stage_open(stage, STAGE_STRANGER, 0);
    struct endpoint remote = stage_endpoint(stage, STAGE_STRANGER, stage_port(stage, called));
    stage_expect_passes(stage, R6887_11_06, inside, &remote, called, &arrival);
    source = arrival.from;
    stage_expect_passes(stage, R6887_11_06, called, &source, inside, NULL);
}

/* --- section 11.1 ------------------------------------------------------------------------------ */

static void reserved_bits_of_a_map_are_ignored(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer plain = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&plain);
    struct raw raw = stage_raw(&wish);
    memset(raw.octets + OFFSET_RESERVED_24, 0xff, 3);
    struct answer answer = stage_ask_raw(stage, R6887_11_1_02, &raw);
    stage_expect_result(stage, R6887_11_1_02, &answer, PCP_SUCCESS);
    struct endpoint renewed = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_1_02, "the external endpoint, the bits being set",
                          &renewed, &external);
    wish = stage_map_wish(stage, STAGE_HOST, 5001);
    raw = stage_raw(&wish);
    memset(raw.octets + OFFSET_RESERVED_24, 0xff, 3);
    answer = stage_ask_raw(stage, R6887_11_1_02, &raw);
    stage_expect_result(stage, R6887_11_1_02, &answer, PCP_SUCCESS);
    stage_expect_mapped(stage, R6887_11_1_02, &answer, stage_open(stage, STAGE_HOST, 5001));
}

static void reserved_bits_of_a_success_are_zero(struct stage *stage)
{
    static const uint8_t zeros[3];
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct raw raw = stage_raw(&wish);
    memset(raw.octets + OFFSET_RESERVED_24, 0xff, 3);
    struct answer answer = stage_ask_raw(stage, R6887_11_1_07, &raw);
    stage_expect_success(stage, R6887_11_1_07, &answer);
    const uint8_t *reserved = answer.pcp.data.map.reserved;
    stage_expect(stage, R6887_11_1_07, memcmp(reserved, zeros, sizeof zeros) == 0,
                 "24 zero bits behind the protocol", "they are 0x%02x%02x%02x", reserved[0],
                 reserved[1], reserved[2]);
}

/* Either it is ignored, as 11.1 has it, or the request is called malformed, as 11.3 and 15.1 have it. */
static void protocol_0_has_no_internal_port(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 0);
    wish.message.data.map.protocol = 0;
    struct answer all = stage_granted(stage, &wish);
    struct endpoint external = answer_external(&all);
    wish.message.data.map.internal_port = 5000;
    struct answer answer = stage_ask(stage, &wish);
    if (answer.pcp.result == PCP_MALFORMED_REQUEST)
        return;
    stage_expect_result(stage, R6887_11_1_04, &answer, PCP_SUCCESS);
    struct endpoint again = answer_external(&answer);
    stage_expect_endpoint(stage, R6887_11_1_04, "the external endpoint, the port being ignored",
                          &again, &external);
}

static void expect_copies(struct stage *stage, const struct wish *wish, const struct answer *answer)
{
    const struct pcp_map *asked = &wish->message.data.map, *came = &answer->pcp.data.map;
    stage_expect(stage, R6887_11_1_09, memcmp(asked->nonce, came->nonce, PCP_NONCE_LENGTH) == 0,
                 "the nonce of the request", "it begins with 0x%02x%02x: %s", came->nonce[0],
                 came->nonce[1], stage_describe(stage, answer));
    stage_expect_number(stage, R6887_11_1_09, "the protocol", came->protocol, asked->protocol,
                        asked->protocol);
    stage_expect_number(stage, R6887_11_1_09, "the internal port", came->internal_port,
                        asked->internal_port, asked->internal_port);
}

/* Creation, renewal, deletion, and errors from before and within section 11.3. */
static void responses_repeat_what_they_are_about(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    const uint32_t lifetimes[] = {600, 600, 0};
    for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes && !stage->over; i++) {
        wish.message.lifetime = lifetimes[i];
        struct answer answer = stage_ask(stage, &wish);
        expect_copies(stage, &wish, &answer);
    }
    struct wish strange = stage_map_wish(stage, STAGE_HOST, 5001);
    strange.message.data.map.protocol = UNASSIGNED;
    struct answer answer = stage_ask(stage, &strange);
    expect_copies(stage, &strange, &answer);
    struct wish optioned = stage_map_wish(stage, STAGE_HOST, 5002);
    wish_add_option(&optioned, UNKNOWN_MANDATORY, NULL, 0);
    answer = stage_ask(stage, &optioned);
    expect_copies(stage, &optioned, &answer);
}

static void errors_repeat_the_suggestion(struct stage *stage)
{
    struct wish wishes[] = {stage_map_wish(stage, STAGE_HOST, 5000),
                            stage_map_wish(stage, STAGE_HOST, 5000)};
    wish_add_option(&wishes[0], UNKNOWN_MANDATORY, NULL, 0);
    wishes[1].message.data.map.protocol = UNASSIGNED;
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes && !stage->over; i++) {
        struct pcp_map *map = &wishes[i].message.data.map;
        struct endpoint suggested = stage_endpoint(stage, STAGE_OUTSIDE, 45678);
        map->external_address = suggested.address;
        map->external_port = suggested.port;
        struct answer answer = stage_ask(stage, &wishes[i]);
        if (answer.pcp.result == PCP_SUCCESS)
            continue;
        struct endpoint came = answer_external(&answer);
        stage_expect_endpoint(stage, R6887_11_1_10, "the suggestion in the error", &came,
                              &suggested);
    }
}

/* The same port of three addresses: each is mapped to itself. */
static void a_mapping_leads_to_who_asked_for_it(struct stage *stage)
{
    static const enum stage_place places[] = {STAGE_HOST, STAGE_HOST_SECOND, STAGE_OTHER};
    struct answer answers[3];
    int sockets[3];
    for (size_t i = 0; i < 3; i++) {
        struct wish wish = stage_map_wish(stage, places[i], 5000);
        answers[i] = stage_granted(stage, &wish);
        sockets[i] = stage_open(stage, places[i], 5000);
    }
    for (size_t i = 0; i < 3; i++)
        stage_expect_mapped(stage, R6887_11_1_11, &answers[i], sockets[i]);
}

static void a_third_partys_mapping_leads_to_it(struct stage *stage)
{
    struct address other = stage_address(stage, STAGE_OTHER);
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish_add_third_party(&wish, &other);
    struct answer answer = stage_granted(stage, &wish);
    stage_expect_mapped(stage, R6887_11_1_11, &answer, stage_open(stage, STAGE_OTHER, 5000));
}

/* What the peer refuses whatever the nonce is nothing of zeros: another port goes ahead, with a usual one. */
static void zeros_are_a_nonce_too(struct stage *stage)
{
    struct wish usual = stage_map_wish(stage, STAGE_HOST, 5001);
    struct wish zeros = stage_map_wish(stage, STAGE_HOST, 5000);
    memset(zeros.message.data.map.nonce, 0, PCP_NONCE_LENGTH);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    struct answer mapped = {0};
    const uint32_t lifetimes[] = {600, 600, 0}; /* map, renew, delete */
    for (size_t i = 0; i < sizeof lifetimes / sizeof *lifetimes && !stage->over; i++) {
        usual.message.lifetime = zeros.message.lifetime = lifetimes[i];
        (void)stage_granted(stage, &usual);
        struct answer answer = stage_ask(stage, &zeros);
        stage_expect_result(stage, R6887_11_1_12, &answer, PCP_SUCCESS);
        if (i == 0) {
            mapped = answer;
            stage_expect_mapped(stage, R6887_11_1_12, &mapped, inside);
        }
    }
    stage_expect_unmapped(stage, R6887_11_1_12, &mapped, inside);
}

/* That nothing is translated is seen where packets for the internal address get in. */
static void a_firewall_answers_with_the_internal_endpoint(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    struct answer answer = stage_granted(stage, &wish);
    struct endpoint internal = stage_endpoint(stage, STAGE_HOST, 5000);
    struct endpoint external = answer_external(&answer);
    int inside = stage_open(stage, STAGE_HOST, 5000);
    if (!stage_passes(stage, stage_open(stage, STAGE_REMOTE, 0), &internal, inside, NULL))
        stage_end(stage, VERDICT_UNSUPPORTED, "the internal address is not reached: it translates");
    stage_expect_endpoint(stage, R6887_11_1_14, "the external endpoint", &external, &internal);
}

/* --- section 11.2.1 ---------------------------------------------------------------------------- */

/* Nothing ever leaves the port, so no flow keeps the mapping alive (section 15). */
static void what_is_not_renewed_ends(struct stage *stage)
{
    struct wish wish = stage_map_wish(stage, STAGE_HOST, 5000);
    wish.message.lifetime = 1; /* whatever is the least that the peer grants */
    struct answer answer = stage_granted(stage, &wish);
    if (answer.pcp.lifetime > LONGEST_WAIT)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the shortest lifetime is %u s",
                  answer.pcp.lifetime);
    stage_pass_until(stage, &answer, answer.pcp.lifetime + 30.0);
    stage_await_work(stage);
    stage_expect_unmapped(stage, R6887_11_2_1_08, &answer, stage_open(stage, STAGE_HOST, 5000));
}

static const struct test_case cases[] = {
    {.id = "gateway.11.map-can-be-switched-off",
     .sentence = "Where the administrator has switched MAP off, MAP draws an error.",
     .requirements = JUDGES(R6887_11_01),
     .run = map_can_be_switched_off,
     .variant = "without-map"},
    {.id = "gateway.11.icmp-errors-pass-a-mapping",
     .sentence = "ICMP errors that belong to a mapping pass it, inward and outward.",
     .requirements = JUDGES(R6887_11_03),
     .run = icmp_errors_pass_a_mapping,
     .traits = CASE_BOTH,
     .seconds = 450},
    {.id = "gateway.11.every-remote-gets-in",
     .sentence = "A mapping without FILTER lets in whoever sends to its external port.",
     .requirements = JUDGES(R6887_11_04),
     .run = every_remote_gets_in,
     .traits = CASE_BOTH},
    {.id = "gateway.11.every-remote-connects",
     .sentence = "A TCP mapping without FILTER lets whoever asks for it connect.",
     .requirements = JUDGES(R6887_11_04),
     .run = every_remote_connects,
     .traits = CASE_BOTH},
    {.id = "gateway.11.what-leaves-the-port-leaves-by-the-mapping",
     .sentence = "What leaves the internal port comes from the mapping's external endpoint.",
     .requirements = JUDGES(R6887_11_05),
     .run = what_leaves_the_port_leaves_by_the_mapping,
     .traits = CASE_BOTH},
    {.id = "gateway.11.replies-are-translated-back",
     .sentence = "The reply to a packet that was translated is translated back, both ways.",
     .requirements = JUDGES(R6887_11_06),
     .run = replies_are_translated_back,
     .traits = CASE_BOTH},
    {.id = "gateway.11.1.reserved-bits-of-a-map-are-ignored",
     .sentence = "A MAP is served alike whatever its 24 reserved bits hold.",
     .requirements = JUDGES(R6887_11_1_02),
     .run = reserved_bits_of_a_map_are_ignored},
    {.id = "gateway.11.1.reserved-bits-of-a-success-are-zero",
     .sentence = "The 24 reserved bits of a MAP success are zero, whatever the request's hold.",
     .requirements = JUDGES(R6887_11_1_07),
     .run = reserved_bits_of_a_success_are_zero,
     .traits = CASE_BOTH},
    {.id = "gateway.11.1.protocol-0-has-no-internal-port",
     .sentence = "With protocol 0 an internal port is ignored, or the request is malformed.",
     .requirements = JUDGES(R6887_11_1_04),
     .run = protocol_0_has_no_internal_port,
     .variant = "with-wildcards"},
    {.id = "gateway.11.1.responses-repeat-what-they-are-about",
     .sentence = "Nonce, protocol and internal port of a response are those of its request.",
     .requirements = JUDGES(R6887_11_1_09),
     .run = responses_repeat_what_they_are_about,
     .traits = CASE_BOTH},
    {.id = "gateway.11.1.errors-repeat-the-suggestion",
     .sentence = "An error has the suggested external address and port of its request.",
     .requirements = JUDGES(R6887_11_1_10),
     .run = errors_repeat_the_suggestion},
    {.id = "gateway.11.1.a-mapping-leads-to-who-asked-for-it",
     .sentence = "The internal address of a mapping is the source of its request.",
     .requirements = JUDGES(R6887_11_1_11),
     .run = a_mapping_leads_to_who_asked_for_it,
     .traits = CASE_BOTH | CASE_NEIGHBOURS},
    {.id = "gateway.11.1.a-third-partys-mapping-leads-to-it",
     .sentence = "The internal address of a mapping is that of THIRD_PARTY, where that is given.",
     .requirements = JUDGES(R6887_11_1_11),
     .run = a_third_partys_mapping_leads_to_it,
     .traits = CASE_BOTH | CASE_NEIGHBOURS,
     .variant = "with-third-party"},
    {.id = "gateway.11.1.zeros-are-a-nonce-too",
     .sentence = "A nonce of zeros maps, renews and deletes as any other does.",
     .requirements = JUDGES(R6887_11_1_12),
     .run = zeros_are_a_nonce_too,
     .traits = CASE_BOTH},
    {.id = "gateway.11.1.a-firewall-answers-with-the-internal-endpoint",
     .sentence = "A firewall that does not translate assigns the internal address and port.",
     .requirements = JUDGES(R6887_11_1_14),
     .run = a_firewall_answers_with_the_internal_endpoint,
     .traits = CASE_IPV6},
    {.id = "gateway.11.2.1.what-is-not-renewed-ends",
     .sentence = "A mapping that is not renewed ends when its lifetime does.",
     .requirements = JUDGES(R6887_11_2_1_08),
     .run = what_is_not_renewed_ends,
     .traits = CASE_BOTH,
     .seconds = 150},
};

static const struct defect defects[] = {
    {.name = "cannot-switch-map-off",
     .text = "serves MAP whatever its configuration says",
     .requirements = JUDGES(R6887_11_01)},
    {.name = "drops-icmp-errors",
     .text = "forwards no ICMP errors",
     .requirements = JUDGES(R6887_11_03)},
    {.name = "lets-in-one-remote",
     .text = "lets in by a mapping only one of the hosts outside",
     .requirements = JUDGES(R6887_11_04)},
    {.name = "maps-the-inbound-half-only",
     .text = "translates what leaves a mapped port to another one",
     .requirements = JUDGES(R6887_11_05)},
    {.name = "loses-replies",
     .text = "drops the replies to what came in by a mapping",
     .requirements = JUDGES(R6887_11_06)},
    {.name = "minds-reserved-bits-of-map",
     .text = "calls a MAP malformed whose 24 reserved bits are set",
     .requirements = JUDGES(R6887_11_1_02)},
    {.name = "echoes-reserved-bits-of-map",
     .text = "sends the 24 reserved bits of a MAP back in its success",
     .requirements = JUDGES(R6887_11_1_07)},
    {.name = "answers-with-a-nonce-of-its-own",
     .text = "has another nonce in its MAP responses",
     .requirements = JUDGES(R6887_11_1_09)},
    {.name = "answers-with-the-external-port-twice",
     .text = "has the external port for the internal one in its MAP responses",
     .requirements = JUDGES(R6887_11_1_09)},
    {.name = "clears-the-suggestion-in-errors",
     .text = "has zeros for the suggestion in its MAP errors",
     .requirements = JUDGES(R6887_11_1_10)},
    {.name = "maps-to-the-neighbour",
     .text = "leads mappings to the address beside that of who asked",
     .requirements = JUDGES(R6887_11_1_11)},
    {.name = "refuses-the-nonce-of-zeros",
     .text = "calls a MAP malformed whose nonce is zero",
     .requirements = JUDGES(R6887_11_1_12)},
    {.name = "never-ends-mappings",
     .text = "leaves mappings in the device when their lifetime is over",
     .requirements = JUDGES(R6887_11_2_1_08)},
};

CASE_FILE(gateway_11_map, CASE_GATEWAY, cases, defects);
