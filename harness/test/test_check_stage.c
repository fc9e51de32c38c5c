/* The stage on a scripted world in virtual time: verdicts, exchanges and probes, without a network. */
#include "check/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { INBOX = 64 };

/* What the peer does with a request. */
enum manner {
    HONEST,       /* grants everything */
    DEAF,         /* answers nothing */
    SLOW,         /* answers each request after 900 ms */
    LOST_FIRST,   /* answers from the second on */
    OTHER_FIRST,  /* sends a response for another mapping ahead of the answer */
    TALKATIVE,    /* answers what it should keep silent about */
    MUTE_ANNOUNCE /* answers all but ANNOUNCE */
};

struct queued {
    bool used;
    int64_t due;
    struct datagram datagram;
};

struct world {
    enum manner manner;
    uint8_t result; /* of its answers */
    bool forwards;  /* the data plane lets everything in, else nothing */
    bool refuses;   /* and answers with ICMP then */
    bool running;
    bool fails_to_open, fails_to_send, fails_to_receive, fails_to_run, fails_to_start;
    int64_t now;
    unsigned requests, opened, closed;
    int next;
    struct endpoint local[STAGE_SOCKETS + 10];
    struct queued inbox[INBOX];
    char told[100];
    char command[100];
};

static struct address at(const char *text)
{
    struct address address;
    assert_true(address_parse(text, &address));
    return address;
}

static bool failed(struct error *error, const char *text)
{
    (void)error_set(error, "%s", text);
    return false;
}

static bool world_find(void *context, enum stage_place place, bool ipv6, struct address *out)
{
    static const char *const texts[STAGE_PLACES] = {[STAGE_HOST] = "192.168.1.10",
                                                    [STAGE_GATEWAY] = "192.168.1.1",
                                                    [STAGE_OUTSIDE] = "11.0.0.1",
                                                    [STAGE_REMOTE] = "11.0.0.2"};
    (void)context;
    return !ipv6 && texts[place] && address_parse(texts[place], out);
}

static int world_open(void *context, enum socket_kind kind, enum stage_place place,
                      const struct endpoint *local, struct error *error)
{
    struct world *world = context;
    (void)kind;
    (void)place;
    if (world->fails_to_open)
        return error_set(error, "no sockets today");
    world->local[world->next] = *local;
    if (!local->port)
        world->local[world->next].port = (uint16_t)(30000 + world->next);
    world->opened++;
    return world->next++;
}

static void world_close(void *context, int socket)
{
    struct world *world = context;
    (void)socket;
    world->closed++;
}

static uint16_t world_port(void *context, int socket)
{
    return ((struct world *)context)->local[socket].port;
}

static void deliver(struct world *world, int socket, int64_t after, const struct datagram *datagram)
{
    for (size_t i = 0; i < INBOX; i++)
        if (!world->inbox[i].used) {
            world->inbox[i] = (struct queued){true, world->now + after, *datagram};
            world->inbox[i].datagram.socket = socket;
            world->inbox[i].datagram.time = world->now + after;
            return;
        }
    fail_msg("the inbox is full");
}

static void answer_request(struct world *world, int socket, const uint8_t *octets, size_t length)
{
    struct pcp_message message;
    struct datagram datagram = {.from = {at("192.168.1.1"), PCP_SERVER_PORT}};
    enum pcp_fault fault = pcp_decode(octets, length, &message);
    world->requests++;
    if (world->manner == DEAF || (world->manner == LOST_FIRST && world->requests == 1) ||
        (world->manner == MUTE_ANNOUNCE && message.opcode == PCP_ANNOUNCE) ||
        (fault != PCP_FAULT_NONE && world->manner != TALKATIVE))
        return;
    message.version = PCP_VERSION;
    message.response = true;
    message.result = world->result;
    message.epoch = world->requests;
    message.data.map.external_address = at("11.0.0.1");
    message.data.map.external_port = 40000;
    if (world->manner == OTHER_FIRST) {
        struct pcp_message other = message;
        other.data.map.nonce[0] ^= 1;
        datagram.length = pcp_encode(&other, datagram.octets, sizeof datagram.octets);
        deliver(world, socket, MILLISECOND, &datagram);
    }
    datagram.length = pcp_encode(&message, datagram.octets, sizeof datagram.octets);
    deliver(world, socket, world->manner == SLOW ? 900 * MILLISECOND : MILLISECOND, &datagram);
}

static bool world_send(void *context, int socket, const struct endpoint *to, const uint8_t *octets,
                       size_t length, struct error *error)
{
    struct world *world = context;
    struct datagram datagram = {.from = world->local[socket], .length = length};
    if (world->fails_to_send)
        return failed(error, "the network is down");
    if (to->port == PCP_SERVER_PORT) {
        answer_request(world, socket, octets, length);
        return true;
    }
    memcpy(datagram.octets, octets, length);
    if (world->forwards) {
        for (int i = 0; i < world->next; i++)
            if (i != socket)
                deliver(world, i, MILLISECOND, &datagram);
    } else if (world->refuses) {
        datagram = (struct datagram){.from = *to, .is_error = true, .icmp_type = 3, .icmp_code = 3};
        deliver(world, socket, MILLISECOND, &datagram);
    }
    return true;
}

static int world_receive(void *context, const int *sockets, size_t count, int64_t until,
                         struct datagram *out, struct error *error)
{
    struct world *world = context;
    struct queued *first = NULL;
    if (world->fails_to_receive)
        return error_set(error, "no ears today");
    for (size_t i = 0; i < INBOX; i++)
        for (size_t j = 0; j < count; j++) {
            struct queued *queued = &world->inbox[i];
            if (queued->used && queued->datagram.socket == sockets[j] &&
                (queued->due <= until || queued->due <= world->now) &&
                (!first || queued->due < first->due))
                first = queued;
        }
    if (first) {
        if (first->due > world->now)
            world->now = first->due;
        *out = first->datagram;
        first->used = false;
        return 1;
    }
    if (until > world->now)
        world->now = until;
    return 0;
}

static bool world_connect(void *context, enum stage_place from, const struct endpoint *to,
                          int listener, int64_t until, struct endpoint *accepted)
{
    struct world *world = context;
    (void)from;
    (void)listener;
    (void)until;
    if (world->forwards && accepted)
        *accepted = *to;
    return world->forwards;
}

static int64_t world_now(void *context)
{
    return ((struct world *)context)->now;
}

static void world_tell(void *context, const char *name, const char *value)
{
    struct world *world = context;
    (void)snprintf(world->told, sizeof world->told, "%s=%s", name, value);
}

static bool world_start(void *context, struct error *error)
{
    struct world *world = context;
    if (world->fails_to_start)
        return failed(error, "it says exit code 2");
    world->running = true;
    return true;
}

static bool world_stop(void *context, int signal_number, struct error *error)
{
    struct world *world = context;
    (void)signal_number;
    (void)error;
    world->running = false;
    return true;
}

static bool world_signal(void *context, int signal_number, struct error *error)
{
    (void)context;
    (void)signal_number;
    (void)error;
    return true;
}

static bool world_running(void *context)
{
    return ((struct world *)context)->running;
}

static bool world_renumbered(void *context, struct error *error)
{
    (void)context;
    (void)error;
    return true;
}

static bool world_run(void *context, enum stage_place place, const char *command, char *out,
                      size_t size, struct error *error)
{
    struct world *world = context;
    (void)place;
    (void)snprintf(world->command, sizeof world->command, "%s", command);
    if (world->fails_to_run)
        return failed(error, "exit code 1");
    if (out)
        (void)snprintf(out, size, "printed");
    return true;
}

static bool world_send_packet(void *context, enum stage_place place, const uint8_t *octets,
                              size_t length, struct error *error)
{
    (void)context;
    (void)place;
    (void)octets;
    (void)length;
    (void)error;
    return true;
}

static const struct stage_operations operations = {
    .find = world_find,
    .open = world_open,
    .close = world_close,
    .port = world_port,
    .send = world_send,
    .send_packet = world_send_packet,
    .receive = world_receive,
    .connect = world_connect,
    .now = world_now,
    .tell = world_tell,
    .start = world_start,
    .stop = world_stop,
    .signal = world_signal,
    .running = world_running,
    .renumbered = world_renumbered,
    .run = world_run,
};

/* Plays a script that judges 6887-11.3-11 (a MUST), -13 (a SHOULD) and -11.2-01 (a MAY). */
static struct stage stage; /* large: datagrams that it keeps */
static struct world world;

static void set_up_world(enum manner manner)
{
    world = (struct world){.manner = manner, .running = true, .forwards = true, .now = SECOND};
}

static void play(void (*script)(struct stage *))
{
    const struct test_case test_case = {.id = "gateway.0.test",
                                        .sentence = "A test.",
                                        .requirements =
                                            JUDGES(R6887_11_3_11, R6887_11_3_13, R6887_11_2_01),
                                        .run = script};
    stage = (struct stage){.operations = &operations, .world = &world, .scale = 10, .seed = 1};
    stage.test_case = &test_case;
    stage_play(&stage);
    assert_int_equal(world.opened, world.closed);
}

static int after_the_end; /* how often a script got there with the stage alive */

/* --- verdicts --------------------------------------------------------------------------------- */

static void expects_all(struct stage *s)
{
    assert_true(stage_expect(s, R6887_11_3_11, true, "one", "two"));
}

static void breaks_a_must(struct stage *s)
{
    assert_false(stage_expect(s, R6887_11_3_11, false, "one", "two and %d", 3));
    stage_expect(s, R6887_11_3_13, false, "later", "too late");
    stage_end(s, VERDICT_ERROR, "later still");
}

static void breaks_a_should(struct stage *s)
{
    stage_expect(s, R6887_11_3_13, false, "one", "two");
}

static void breaks_a_may(struct stage *s)
{
    stage_expect(s, R6887_11_2_01, false, "one", "two");
}

static void judges_what_it_does_not_name(struct stage *s)
{
    stage_expect(s, R6887_8_2_01, true, "one", "two");
}

static void a_breach_weighs_what_its_level_says(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(expects_all);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    assert_int_equal(stage.requirement, R6887_11_3_11);
    play(breaks_a_must);
    assert_int_equal(stage.verdict, VERDICT_FAIL);
    assert_string_equal(stage.expected, "one");
    assert_string_equal(stage.actual, "two and 3");
    assert_int_equal(stage.requirement, R6887_11_3_11);
    play(breaks_a_should);
    assert_int_equal(stage.verdict, VERDICT_WARN);
    assert_int_equal(stage.requirement, R6887_11_3_13);
    play(breaks_a_may);
    assert_int_equal(stage.verdict, VERDICT_INFO);
}

static void a_case_that_judges_what_it_does_not_name_is_an_error(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(judges_what_it_does_not_name);
    assert_int_equal(stage.verdict, VERDICT_ERROR);
    assert_non_null(strstr(stage.actual, "6887-8.2-01"));
}

static void goes_on_after_the_end(struct stage *s)
{
    int ends[2];
    struct datagram datagram;
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    stage_end(s, VERDICT_INCONCLUSIVE, "over");
    struct endpoint to = stage_endpoint(s, STAGE_GATEWAY, 9);
    int socket = stage_open(s, STAGE_HOST, 0);
    assert_int_equal(socket, -1);
    stage_send(s, socket, &to, to.address.octet, 16);
    stage_send_packet(s, STAGE_HOST, to.address.octet, 16);
    stage_pass(s, 100 * SECOND);
    stage_restart(s);
    stage_signal(s, 1);
    stage_run(s, STAGE_HOST, "true");
    stage_tell(s, "NAME", "value");
    after_the_end += stage_receive(s, socket, SECOND, &datagram) + stage_ask(s, &wish).came +
                     stage_granted(s, &wish).came + stage_passes(s, socket, &to, socket, NULL) +
                     stage_is_blocked(s, socket, &to, socket) +
                     stage_is_silent(s, STAGE_HOST, to.address.octet, 16) +
                     stage_connects(s, STAGE_HOST, &to, socket, NULL) +
                     stage_holds(s, STAGE_HOST, &to, socket, ends) + stage_is_reset(s, socket);
    stage_close(s, socket);
}

static void nothing_touches_the_world_when_the_case_is_over(void **state)
{
    (void)state;
    set_up_world(HONEST);
    after_the_end = 0;
    play(goes_on_after_the_end);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(after_the_end, 0);
    assert_int_equal(world.opened, 0);
    assert_int_equal(world.now, SECOND);
    assert_string_equal(world.command, "");
    assert_string_equal(world.told, "");
}

/* --- exchanges -------------------------------------------------------------------------------- */

static struct answer got;

static void asks(struct stage *s)
{
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    got = stage_ask(s, &wish);
}

static void rests_on_a_grant(struct stage *s)
{
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    got = stage_granted(s, &wish);
}

static void an_answer_is_decoded_and_witnessed(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    assert_true(got.came);
    assert_int_equal(got.fault, PCP_FAULT_NONE);
    assert_int_equal(answer_external(&got).port, 40000);
    assert_int_equal(got.datagram.time, world.now);
    assert_int_equal(stage.evidence_count, 2); /* what was sent, what came */
    assert_true(stage.evidence[1].hash == stage_hash(got.datagram.octets, got.datagram.length));
    assert_int_equal(stage.evidence[1].length, got.datagram.length);
}

static void a_request_without_an_answer_is_repeated_for_four_seconds(void **state)
{
    (void)state;
    set_up_world(DEAF);
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_FAIL);
    assert_int_equal(stage.requirement, R6887_11_3_11);
    assert_non_null(strstr(stage.expected, "MAP request"));
    assert_string_equal(stage.actual, "no answer");
    assert_int_equal(world.requests, 10);
    assert_int_equal(world.now, 5 * SECOND);
    set_up_world(LOST_FIRST);
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    assert_int_equal(world.requests, 2);
}

static void silence_of_a_peer_that_has_ended_is_told_as_such(void **state)
{
    (void)state;
    set_up_world(DEAF);
    world.running = false;
    play(rests_on_a_grant);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(stage.actual, "the peer has ended"));
}

static void only_a_result_that_says_so_makes_a_case_unsupported(void **state)
{
    static const struct {
        uint8_t result;
        enum verdict verdict;
    } rows[] = {{PCP_SUCCESS, VERDICT_PASS},
                {PCP_UNSUPP_OPCODE, VERDICT_UNSUPPORTED},
                {PCP_UNSUPP_OPTION, VERDICT_UNSUPPORTED},
                {PCP_UNSUPP_PROTOCOL, VERDICT_UNSUPPORTED},
                {PCP_NOT_AUTHORIZED, VERDICT_UNSUPPORTED},
                {PCP_NO_RESOURCES, VERDICT_INCONCLUSIVE},
                {PCP_MALFORMED_REQUEST, VERDICT_INCONCLUSIVE}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_up_world(HONEST);
        world.result = rows[i].result;
        play(rests_on_a_grant);
        assert_int_equal(stage.verdict, rows[i].verdict);
        if (rows[i].result)
            assert_non_null(strstr(stage.actual, pcp_result_name(rows[i].result)));
    }
    set_up_world(DEAF);
    play(rests_on_a_grant);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
}

static void asks_from_a_socket_of_its_own(struct stage *s)
{
    struct datagram datagram;
    struct pcp_message message;
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    wish.socket = stage_open(s, STAGE_HOST, 0);
    got = stage_ask(s, &wish);
    assert_memory_equal(got.pcp.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH);
    assert_true(stage_receive(s, wish.socket, SECOND, &datagram));
    assert_int_equal(pcp_decode(datagram.octets, datagram.length, &message), PCP_FAULT_NONE);
    assert_memory_not_equal(message.data.map.nonce, wish.message.data.map.nonce, PCP_NONCE_LENGTH);
    assert_false(stage_receive(s, wish.socket, SECOND, &datagram));
}

static void a_socket_of_the_case_keeps_what_is_not_the_answer(void **state)
{
    (void)state;
    set_up_world(OTHER_FIRST);
    play(asks_from_a_socket_of_its_own);
    assert_int_equal(stage.verdict, VERDICT_PASS);
}

static void asks_twice_from_one_socket(struct stage *s)
{
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    wish.socket = stage_open(s, STAGE_HOST, 0);
    (void)stage_ask(s, &wish);
    unsigned before = world.requests;
    got = stage_ask(s, &wish);
    assert_true(got.pcp.epoch > before); /* it counts requests in this world */
}

static void a_late_answer_is_not_taken_for_that_of_the_next_request(void **state)
{
    (void)state;
    set_up_world(SLOW);
    play(asks_twice_from_one_socket);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    assert_true(world.requests > 2);
}

static const uint8_t nonsense[] = {9};

static void expects_silence(struct stage *s)
{
    after_the_end = stage_is_silent(s, STAGE_HOST, nonsense, sizeof nonsense);
}

static void silence_is_believed_behind_a_fence(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(expects_silence);
    assert_true(after_the_end);
    assert_int_equal(world.requests, 4); /* three times, and the fence */
    world.result = PCP_UNSUPP_OPCODE;    /* to the fence: an answer all the same */
    play(expects_silence);
    assert_true(after_the_end);
    set_up_world(TALKATIVE);
    play(expects_silence);
    assert_false(after_the_end);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    set_up_world(MUTE_ANNOUNCE);
    play(expects_silence);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
}

static void encodes_wishes(struct stage *s)
{
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    struct pcp_message message;
    struct pcp_option option;
    size_t offset = 0;
    enum pcp_fault fault;
    struct address any = address_any_ipv4();
    struct wish wish = stage_map_wish(s, STAGE_HOST, 5000);
    wish_add_filter(&wish, &any, 96, 7);
    wish_add_option(&wish, PCP_PREFER_FAILURE, NULL, 0);
    size_t length = wish_encode(&wish, octets, sizeof octets);
    assert_int_equal(pcp_decode(octets, length, &message), PCP_FAULT_NONE);
    assert_int_equal(message.data.map.internal_port, 5000);
    assert_true(pcp_option_next(message.options, message.options_length, &offset, &option, &fault));
    assert_int_equal(option.code, PCP_FILTER);
    assert_true(pcp_option_next(message.options, message.options_length, &offset, &option, &fault));
    assert_int_equal(option.code, PCP_PREFER_FAILURE);
    wish.message.opcode = 99;
    wish.options_length = 0;
    assert_int_equal(wish_encode(&wish, octets, sizeof octets), PCP_HEADER_LENGTH);
    assert_int_equal(octets[1], 99);
}

static void a_wish_becomes_the_octets_that_it_says(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(encodes_wishes);
}

/* --- the data plane --------------------------------------------------------------------------- */

static void expects_passage(struct stage *s)
{
    int inside = stage_open(s, STAGE_HOST, 5000), outside = stage_open(s, STAGE_REMOTE, 0);
    struct endpoint to = {at("11.0.0.1"), 40000};
    struct datagram arrival;
    if (stage_expect_passes(s, R6887_11_3_11, outside, &to, inside, &arrival))
        assert_int_equal(arrival.from.port, stage_port(s, outside));
}

static void expects_none(struct stage *s)
{
    int inside = stage_open(s, STAGE_HOST, 5000), outside = stage_open(s, STAGE_REMOTE, 0);
    struct endpoint to = {at("11.0.0.1"), 40000};
    stage_expect_blocked(s, R6887_11_3_11, outside, &to, inside);
}

static void probes_judge_what_arrives(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(expects_passage);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    play(expects_none);
    assert_int_equal(stage.verdict, VERDICT_FAIL);
    assert_non_null(strstr(stage.actual, "it arrived, from 11.0.0.2:"));
    set_up_world(HONEST);
    world.forwards = false;
    world.refuses = true;
    play(expects_none);
    assert_int_equal(stage.verdict, VERDICT_PASS);
    play(expects_passage);
    assert_int_equal(stage.verdict, VERDICT_FAIL);
    assert_string_equal(stage.actual, "none of 15 arrived; ICMP type 3 code 3 came back");
    assert_non_null(strstr(stage.expected, "to 11.0.0.1:40000 arrives at host 192.168.1.10:5000"));
}

static void probes_twice(struct stage *s)
{
    int inside = stage_open(s, STAGE_HOST, 5000), outside = stage_open(s, STAGE_REMOTE, 0);
    int third = stage_open(s, STAGE_REMOTE, 0); /* everything reaches everybody in this world */
    struct endpoint to = {at("11.0.0.1"), 40000};
    struct datagram datagram;
    assert_true(stage_passes(s, outside, &to, inside, NULL));
    world.forwards = false;
    assert_true(stage_is_blocked(s, outside, &to, third)); /* the first probe's copy waits there */
    assert_false(stage_receive(s, third, SECOND, &datagram));
}

static void a_late_copy_of_one_probe_is_not_taken_for_another(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(probes_twice);
}

/* --- time and the harness's own faults -------------------------------------------------------- */

static void lets_time_pass(struct stage *s)
{
    int64_t before = stage_now(s);
    stage_pass(s, 30 * SECOND);
    assert_int_equal(stage_now(s) - before, 3 * SECOND);
    assert_float_equal(stage_peer_seconds(s, before, stage_now(s)), 30, 0.001);
    char out[20];
    stage_run_for(s, STAGE_HOST, out, sizeof out, "ip address show dev %s", "eth0");
    assert_string_equal(out, "printed");
    assert_string_equal(world.command, "ip address show dev eth0");
    uint64_t one = stage_draw(s), two = stage_draw(s);
    assert_true(one != two);
}

static void time_is_the_peers_times_the_scale(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(lets_time_pass);
    assert_int_equal(stage.verdict, VERDICT_PASS);
}

static void restarts(struct stage *s)
{
    stage_restart(s);
}

static void runs(struct stage *s)
{
    stage_run(s, STAGE_HOST, "false");
}

static void what_the_world_fails_at_is_never_the_peers_fault(void **state)
{
    (void)state;
    set_up_world(HONEST);
    world.fails_to_open = true;
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_ERROR);
    assert_non_null(strstr(stage.actual, "no sockets today"));
    set_up_world(HONEST);
    world.fails_to_send = true;
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_ERROR);
    set_up_world(HONEST);
    world.fails_to_receive = true;
    play(asks);
    assert_int_equal(stage.verdict, VERDICT_ERROR);
    set_up_world(HONEST);
    world.fails_to_run = true;
    play(runs);
    assert_int_equal(stage.verdict, VERDICT_ERROR);
    set_up_world(HONEST);
    world.fails_to_start = true;
    play(restarts);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(stage.actual, "exit code 2"));
}

/* Asks until nothing comes back, which never is. */
static void asks_for_ever(struct stage *s)
{
    struct wish wish = stage_announce_wish(s, STAGE_HOST);
    s->deadline = stage_now(s) + SECOND;
    while (stage_ask(s, &wish).came)
        stage_pass(s, SECOND);
}

static void a_case_that_its_peer_keeps_going_ends_at_its_deadline(void **state)
{
    (void)state;
    set_up_world(HONEST);
    play(asks_for_ever);
    assert_int_equal(stage.verdict, VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(stage.actual, "kept the case going"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_breach_weighs_what_its_level_says),
        cmocka_unit_test(a_case_that_judges_what_it_does_not_name_is_an_error),
        cmocka_unit_test(nothing_touches_the_world_when_the_case_is_over),
        cmocka_unit_test(an_answer_is_decoded_and_witnessed),
        cmocka_unit_test(a_request_without_an_answer_is_repeated_for_four_seconds),
        cmocka_unit_test(silence_of_a_peer_that_has_ended_is_told_as_such),
        cmocka_unit_test(only_a_result_that_says_so_makes_a_case_unsupported),
        cmocka_unit_test(a_socket_of_the_case_keeps_what_is_not_the_answer),
        cmocka_unit_test(a_late_answer_is_not_taken_for_that_of_the_next_request),
        cmocka_unit_test(silence_is_believed_behind_a_fence),
        cmocka_unit_test(a_wish_becomes_the_octets_that_it_says),
        cmocka_unit_test(probes_judge_what_arrives),
        cmocka_unit_test(a_late_copy_of_one_probe_is_not_taken_for_another),
        cmocka_unit_test(time_is_the_peers_times_the_scale),
        cmocka_unit_test(what_the_world_fails_at_is_never_the_peers_fault),
        cmocka_unit_test(a_case_that_its_peer_keeps_going_ends_at_its_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
