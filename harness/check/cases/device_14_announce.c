/* RFC 6887, section 14.1: ANNOUNCE, as a client sends it and as it takes it. */
#include "check/stage_server.h"

#include <signal.h>
#include <string.h>

enum {
    LAST_REQUEST = 6,   /* s, until 4 s between two requests (11.2.1) hold up nothing more */
    LONGEST_WAIT = 5,   /* s, before a client recreates its mappings */
    QUIET = 12,         /* s, in which it would have done so, on a busy machine, too */
    FIRST_REQUEST = 60, /* s, until the device has asked */
    GENUINE = 30        /* s, likewise, for what isn't judged */
};

/* Grants the mapping for so long that nothing but an announcement makes the peer ask soon. */
static void settle(struct server *server, const struct request *request)
{
    server_grant(server, request, SERVER_LIFETIME);
    stage_pass(server->stage, LAST_REQUEST * SECOND);
}

/* The server has lost its state, and says so. */
static struct reply announce_restart(struct server *server)
{
    server_set_epoch(server, 0);
    return server_announcement(server, NULL);
}

/* --- what the client hears -------------------------------------------------------------------- */

static void announcements_are_heard(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    server_send(&server, &announcement);
    server_expect_request(&server, R6887_14_1_3_05, LONGEST_WAIT,
                          "since the server announced a restart to all hosts of the link");
}

static void unicast_announcements_answer_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    struct reply announcement = server_announcement(&server, &request);
    server_send(&server, &announcement);
    request = server_expect_request(&server, R6887_14_1_3_06, 20,
                                    "since an announcement is not the answer to it");
    settle(&server, &request);
    server_set_epoch(&server, 0);
    announcement = server_announcement(&server, &request);
    server_send(&server, &announcement);
    struct request again = server_await(&server, QUIET);
    if (!again.came) /* it is free not to listen there */
        return;
    server_grant(&server, &again, SERVER_SHORT_LIFETIME);
    server_expect_request(&server, R6887_14_1_3_06, SERVER_SHORT_LIFETIME,
                          "since the mapping is to be renewed as before");
}

static void strangers_are_not_believed(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    int stranger = stage_open(stage, STAGE_ROUTER, PCP_SERVER_PORT);
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    announcement.socket = stranger;
    server_send(&server, &announcement);
    server_expect_silence(&server, R6887_14_1_3_07, QUIET,
                          "since the announcement comes from another address than the server's");
    announcement = announce_restart(&server);
    server_send(&server, &announcement);
    if (!server_await(&server, GENUINE).came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the server's own announcement is not heeded");
}

static void the_wait_is_random(struct stage *stage)
{
    enum { ROUNDS = 10 };
    struct server server;
    struct request request = server_begin(stage, &server);
    double shortest = 0;
    double longest = 0;
    for (int i = 0; i < ROUNDS && !stage->over; i++) {
        settle(&server, &request);
        struct reply announcement = announce_restart(&server);
        server_send(&server, &announcement);
        request = server_expect_request(&server, R6887_14_1_3_08, LONGEST_WAIT,
                                        "since the server announced a restart");
        double wait = server_since_answer(&server, &request);
        stage_expect(stage, R6887_14_1_3_08, wait <= LONGEST_WAIT + server_late(&server),
                     "a request 0 to 5 s behind the announcement", "after %.1f s: %s", wait,
                     request_describe(stage, &request));
        shortest = i == 0 || wait < shortest ? wait : shortest;
        longest = wait > longest ? wait : longest;
    }
    /* Ten draws from 0 to 5 s lie within one second once in 200 000 times. */
    stage_expect(stage, R6887_14_1_3_08, longest - shortest >= 1,
                 "waits that are drawn at random from 0 to 5 s", "%d waits, all of %.2f to %.2f s",
                 ROUNDS, shortest, longest);
}

/* Which of two mappings a request is for; -1: none of them. */
static int which(const struct request *request, const struct request *first,
                 const struct request *second)
{
    const struct pcp_map *map = &request->pcp.data.map;
    const struct pcp_map *one = &first->pcp.data.map;
    const struct pcp_map *other = &second->pcp.data.map;
    if (map->protocol == one->protocol && map->internal_port == one->internal_port)
        return 0;
    return map->protocol == other->protocol && map->internal_port == other->internal_port ? 1 : -1;
}

static void all_mappings_are_asked_for(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    struct request second;
    do {
        second = server_hear(&server, FIRST_REQUEST);
    } while (second.came && server_follows(&server, &second)); /* repeated meanwhile */
    if (!second.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks for one mapping alone");
    struct reply reply = server_success(&server, &second);
    server_send(&server, &reply);
    settle(&server, &first);
    struct reply announcement = announce_restart(&server);
    server_send(&server, &announcement);
    bool came[2] = {false};
    struct request request;
    do {
        request = server_hear(&server, QUIET);
        int number = which(&request, &first, &second);
        if (request.came && number >= 0) {
            came[number] = true;
            reply = server_success(&server, &request);
            server_send(&server, &reply);
        }
    } while (!stage->over && request.came && !(came[0] && came[1]));
    stage_expect(stage, R6887_14_1_3_08, came[0] && came[1],
                 "requests for both mappings, since the server announced a restart",
                 "none for port %u",
                 came[0] ? second.pcp.data.map.internal_port : first.pcp.data.map.internal_port);
}

static void a_steady_epoch_changes_nothing(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    settle(&server, &request);
    struct reply announcement = server_announcement(&server, NULL);
    server_send(&server, &announcement);
    server_expect_silence(&server, R6887_14_1_3_10, QUIET,
                          "since the epoch in the announcement goes on as before");
    announcement = announce_restart(&server);
    server_send(&server, &announcement);
    if (!server_await(&server, GENUINE).came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "announcements are not heeded");
}

/* Answers requests for the mapping until a time. Those that the client sent before it had the answer are one
 * with what they repeat. */
static void count_until(struct server *server, int64_t until, unsigned *count, int64_t *first)
{
    const int64_t crossing = 50 * MILLISECOND;
    struct stage *stage = server->stage;
    struct datagram datagram;
    int64_t granted = 0;
    while (stage_now(stage) < until &&
           stage_receive(stage, server->socket, until - stage_now(stage), &datagram)) {
        struct request request = server_read(&datagram);
        if (datagram.is_error || !server_follows(server, &request) ||
            datagram.time < granted + crossing)
            continue;
        if ((*count)++ == 0)
            *first = datagram.time;
        server_grant(server, &request, SERVER_LIFETIME);
        granted = stage_now(stage);
    }
}

static void a_repeated_announcement_recreates_once(struct stage *stage)
{
    static const double times[] = {0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75}; /* s */
    struct server server;
    struct request request = server_begin(stage, &server);
    unsigned count = 0;
    int64_t first = 0;
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    int64_t start = stage_now(stage);
    server_send(&server, &announcement);
    for (size_t i = 0; i < sizeof times / sizeof *times && !stage->over; i++) {
        count_until(&server, start + (int64_t)(times[i] / stage->scale * (double)SECOND), &count,
                    &first);
        announcement = server_announcement(&server, NULL);
        server_send(&server, &announcement);
    }
    count_until(&server, stage_now(stage) + (int64_t)(QUIET / stage->scale * (double)SECOND),
                &count, &first);
    double wait = stage_peer_seconds(stage, start, first);
    stage_expect(stage, R6887_14_1_3_08, count > 0 && wait <= LONGEST_WAIT + server_late(&server),
                 "a request 0 to 5 s behind the first of eight announcements",
                 count ? "after %.1f s" : "none", wait);
    stage_expect(stage, R6887_14_1_3_10, count == 1,
                 "one request, since the epochs of the further announcements go on from the first",
                 "%u", count);
}

static void other_servers_are_left_alone(struct stage *stage)
{
    struct server one;
    struct server other;
    server_begin_two(stage, " ", &one, &other);
    struct request first = server_next(&one, FIRST_REQUEST);
    struct request second = server_next(&other, FIRST_REQUEST);
    server_grant(&one, &first, SERVER_LIFETIME);
    struct reply given = server_success(&other, &second);
    server_send(&other, &given);
    stage_pass(stage, LAST_REQUEST * SECOND);
    struct reply announcement = announce_restart(&other);
    server_send(&other, &announcement);
    second = server_expect_request(&other, R6887_14_1_3_11, LONGEST_WAIT,
                                   "since this server announced a restart");
    stage_expect(stage, R6887_14_1_3_11, request_suggests(&second, &given),
                 "the external address and port of before, suggested", "%s",
                 request_describe(stage, &second));
    server_expect_silence(&one, R6887_14_1_3_11, QUIET, "since it was the other server's restart");
}

static void clients_of_a_host_share_the_port(struct stage *stage)
{
    struct server server;
    struct datagram datagram;
    const struct endpoint all = {stage_any(stage), PCP_CLIENT_PORT};
    int neighbour = stage_open_kind(stage, SOCKET_UDP_MULTICAST, STAGE_HOST, &all);
    struct request request = server_begin(stage, &server);
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    server_send(&server, &announcement);
    if (!stage_receive(stage, neighbour, SECOND, &datagram))
        stage_end(stage, VERDICT_ERROR, "the announcement doesn't come to the host");
    server_expect_request(&server, R6887_14_1_3_12, LONGEST_WAIT,
                          "since the server announced a restart, though another client of the host "
                          "listens, too");
}

static void options_are_passed_over(struct stage *stage)
{
    enum { UNKNOWN = 200 };
    const uint8_t data[] = {1, 2, 3, 4};
    struct server server;
    struct request request = server_begin(stage, &server);
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    reply_add_option(&announcement, UNKNOWN, data, sizeof data);
    server_send(&server, &announcement);
    server_expect_request(&server, R6887_14_1_1_01, LONGEST_WAIT,
                          "since an announcement may have options to come");
}

static void the_lifetime_is_not_looked_at(struct stage *stage)
{
    struct server server;
    struct request request = server_begin(stage, &server);
    settle(&server, &request);
    struct reply announcement = announce_restart(&server);
    announcement.pcp.lifetime = SERVER_LIFETIME;
    server_send(&server, &announcement);
    server_expect_request(&server, R6887_14_1_1_02, LONGEST_WAIT,
                          "since the lifetime of an announcement is not looked at");
}

/* --- what the client sends -------------------------------------------------------------------- */

static void requests_go_to_the_servers_port(struct stage *stage)
{
    struct datagram datagram;
    struct server server = server_open(stage, STAGE_GATEWAY);
    const int sockets[] = {server.socket, stage_open(stage, STAGE_GATEWAY, PCP_CLIENT_PORT)};
    char text[ADDRESS_TEXT_SIZE];
    struct address address = stage_address(stage, STAGE_GATEWAY);
    stage_tell(stage, "PINHOLE_GATEWAY", address_format(&address, text));
    server_start_peer(stage);
    if (!stage_receive_any(stage, sockets, 2, 5 * SECOND, &datagram))
        stage_end(stage, VERDICT_INCONCLUSIVE, "no request came");
    stage_expect(stage, R6887_14_1_1_04, datagram.socket == server.socket,
                 "requests at port 5351, where servers listen", "one at port 5350");
}

/* The peer has a mapping, slept and woke up. */
static struct request wake(struct stage *stage, struct server *server)
{
    struct request request = server_begin(stage, server);
    settle(server, &request);
    stage_signal(stage, SIGUSR2); /* as the variant says */
    stage_pass(stage, LAST_REQUEST * SECOND);
    stage_signal(stage, SIGUSR2);
    request = server_hear(server, FIRST_REQUEST);
    if (request.came && request.pcp.opcode != PCP_ANNOUNCE)
        stage_end(stage, VERDICT_INCONCLUSIVE, "the peer asks by another opcode: %s",
                  request_describe(stage, &request));
    return request;
}

static void one_server_is_asked(struct stage *stage)
{
    struct server server;
    struct datagram datagram;
    struct endpoint group = {.port = PCP_SERVER_PORT};
    (void)address_parse("224.0.0.1", &group.address);
    int all = stage_open_kind(stage, SOCKET_UDP_MULTICAST, STAGE_GATEWAY, &group);
    struct request request = wake(stage, &server);
    stage_expect(stage, R6887_14_1_2_01, request.came, "ANNOUNCE, sent to the server alone", "%s",
                 request_describe(stage, &request));
    stage_expect(stage, R6887_14_1_2_01, !stage_receive(stage, all, 0, &datagram),
                 "ANNOUNCE, sent to the server alone", "one to all hosts of the link");
}

static void the_lifetime_is_zero(struct stage *stage)
{
    struct server server;
    struct request request = wake(stage, &server);
    if (!request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no ANNOUNCE came");
    stage_expect(stage, R6887_14_1_2_02, request.pcp.lifetime == 0, "lifetime 0", "%s",
                 request_describe(stage, &request));
}

static void options_of_mappings_stay_out(struct stage *stage)
{
    struct pcp_option option;
    struct server server;
    struct request request = wake(stage, &server);
    if (!request.came)
        stage_end(stage, VERDICT_INCONCLUSIVE, "no ANNOUNCE came");
    for (unsigned code = PCP_THIRD_PARTY; code <= PCP_FILTER; code++)
        stage_expect(stage, R6887_13_01, !request_option(&request, (uint8_t)code, &option),
                     "no option of MAP and PEER in ANNOUNCE", "%s", pcp_option_name((uint8_t)code));
}

static const struct test_case cases[] = {
    {.id = "device.13.options-of-mappings-stay-out-of-announce",
     .sentence = "The options of section 13 do not appear in ANNOUNCE.",
     .requirements = JUDGES(R6887_13_01),
     .run = options_of_mappings_stay_out,
     .traits = CASE_UNSTARTED,
     .seconds = 15,
     .variant = "that-sleeps-with-a-filter"},
    {.id = "device.14.1.1.options-of-announcements-are-passed-over",
     .sentence = "An announcement is heeded though it has an option that the client doesn't know.",
     .requirements = JUDGES(R6887_14_1_1_01),
     .run = options_are_passed_over,
     .traits = CASE_UNSTARTED,
     .seconds = 12,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.1.the-lifetime-of-announcements-is-not-looked-at",
     .sentence = "An announcement is heeded whatever its lifetime.",
     .requirements = JUDGES(R6887_14_1_1_02),
     .run = the_lifetime_is_not_looked_at,
     .traits = CASE_UNSTARTED,
     .seconds = 12,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.1.requests-go-to-the-servers-port",
     .sentence = "Requests go to port 5351 of the server.",
     .requirements = JUDGES(R6887_14_1_1_04),
     .run = requests_go_to_the_servers_port,
     .traits = CASE_UNSTARTED,
     .seconds = 5},
    {.id = "device.14.1.2.announce-is-asked-of-one-server",
     .sentence = "A client that asks by ANNOUNCE sends it to its server alone.",
     .requirements = JUDGES(R6887_14_1_2_01),
     .run = one_server_is_asked,
     .traits = CASE_UNSTARTED,
     .seconds = 15,
     .variant = "that-sleeps"},
    {.id = "device.14.1.2.announce-is-asked-with-lifetime-0",
     .sentence = "The lifetime of an ANNOUNCE request is 0.",
     .requirements = JUDGES(R6887_14_1_2_02),
     .run = the_lifetime_is_zero,
     .traits = CASE_UNSTARTED,
     .seconds = 15,
     .variant = "that-sleeps"},
    {.id = "device.14.1.3.announcements-to-all-hosts-are-heard",
     .sentence = "A client hears what its server announces to all hosts of the link.",
     .requirements = JUDGES(R6887_14_1_3_05),
     .run = announcements_are_heard,
     .traits = CASE_UNSTARTED | CASE_BOTH,
     .seconds = 12,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.3.unicast-announcements-answer-no-request",
     .sentence =
         "An announcement to the client's own port is heeded or passed over, and never taken "
         "for the answer to a request.",
     .requirements = JUDGES(R6887_14_1_3_06),
     .run = unicast_announcements_answer_nothing,
     .traits = CASE_UNSTARTED,
     .seconds = 45},
    {.id = "device.14.1.3.strangers-announcements-are-not-believed",
     .sentence = "An announcement from another address than the server's is ignored.",
     .requirements = JUDGES(R6887_14_1_3_07),
     .run = strangers_are_not_believed,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.3.mappings-are-recreated-after-a-random-wait",
     .sentence =
         "Behind an announcement with another epoch a client waits for 0 to 5 s, at random, "
         "before it asks.",
     .requirements = JUDGES(R6887_14_1_3_08),
     .run = the_wait_is_random,
     .traits = CASE_UNSTARTED,
     .seconds = 90,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.3.all-mappings-are-recreated",
     .sentence = "Behind an announcement with another epoch a client asks for all its mappings.",
     .requirements = JUDGES(R6887_14_1_3_08),
     .run = all_mappings_are_asked_for,
     .traits = CASE_UNSTARTED,
     .seconds = 20,
     .variant = "that-hears-announcements-for-two-ports"},
    {.id = "device.14.1.3.a-steady-epoch-recreates-nothing",
     .sentence = "An announcement whose epoch goes on as before makes the client ask for nothing.",
     .requirements = JUDGES(R6887_14_1_3_10),
     .run = a_steady_epoch_changes_nothing,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.3.a-repeated-announcement-recreates-once",
     .sentence =
         "A restart that is announced eight times makes the client ask once, 0 to 5 s behind "
         "the first.",
     .requirements = JUDGES(R6887_14_1_3_10, R6887_14_1_3_08),
     .run = a_repeated_announcement_recreates_once,
     .traits = CASE_UNSTARTED,
     .seconds = 50,
     .variant = "that-hears-announcements"},
    {.id = "device.14.1.3.other-servers-mappings-are-left-alone",
     .sentence = "Only mappings of the server that announced are asked for, and as they were.",
     .requirements = JUDGES(R6887_14_1_3_11),
     .run = other_servers_are_left_alone,
     .traits = CASE_UNSTARTED,
     .seconds = 30,
     .variant = "asking-several-servers"},
    {.id = "device.14.1.3.clients-of-a-host-share-port-5350",
     .sentence = "A client hears announcements though another client of its host listens for them.",
     .requirements = JUDGES(R6887_14_1_3_12),
     .run = clients_of_a_host_share_the_port,
     .traits = CASE_UNSTARTED,
     .seconds = 12,
     .variant = "that-hears-announcements"},
};

static const struct defect defects[] = {
    {.name = "filters-in-announce",
     .text = "puts FILTER into ANNOUNCE requests",
     .requirements = JUDGES(R6887_13_01)},
    {.name = "wants-bare-announcements",
     .text = "drops announcements with an option",
     .requirements = JUDGES(R6887_14_1_1_01)},
    {.name = "wants-announcements-of-no-lifetime",
     .text = "drops announcements whose lifetime is not 0",
     .requirements = JUDGES(R6887_14_1_1_02)},
    {.name = "asks-at-port-5350",
     .text = "sends its requests to port 5350",
     .requirements = JUDGES(R6887_14_1_1_04)},
    {.name = "asks-everybody-by-announce",
     .text = "sends its ANNOUNCE to all hosts of the link, too",
     .requirements = JUDGES(R6887_14_1_2_01)},
    {.name = "asks-by-announce-with-a-lifetime",
     .text = "says a lifetime in ANNOUNCE",
     .requirements = JUDGES(R6887_14_1_2_02)},
    {.name = "hears-no-announcements",
     .text = "doesn't listen at 224.0.0.1 and ff02::1",
     .requirements = JUDGES(R6887_14_1_3_05)},
    {.name = "takes-announcements-for-answers",
     .text = "waits for nothing more once an announcement has come",
     .requirements = JUDGES(R6887_14_1_3_06)},
    {.name = "believes-any-announcement",
     .text = "doesn't look at the source address of announcements",
     .requirements = JUDGES(R6887_14_1_3_07, R6886_3_2_1_06)},
    {.name = "recreates-without-a-wait",
     .text = "asks at once when the server announces a restart",
     .requirements = JUDGES(R6887_14_1_3_08)},
    {.name = "recreates-too-late",
     .text = "asks 20 s after the server announced a restart",
     .requirements = JUDGES(R6887_14_1_3_08)},
    {.name = "recreates-the-first-mapping-alone",
     .text = "asks for one of its mappings when the server announces a restart",
     .requirements = JUDGES(R6887_14_1_3_08)},
    {.name = "recreates-at-each-announcement",
     .text = "asks for its mappings whatever the epoch of an announcement",
     .requirements = JUDGES(R6887_14_1_3_10)},
    {.name = "waits-anew-at-each-announcement",
     .text = "begins its wait again when the announcement is repeated",
     .requirements = JUDGES(R6887_14_1_3_08),
     .shown_by = "device.14.1.3.a-repeated-announcement-recreates-once"},
    {.name = "recreates-at-all-servers",
     .text = "asks all servers for its mappings when one announces a restart",
     .requirements = JUDGES(R6887_14_1_3_11)},
    {.name = "hears-announcements-alone",
     .text = "wants port 5350 for itself alone",
     .requirements = JUDGES(R6887_14_1_3_12)},
};

CASE_FILE(device_14_announce, CASE_DEVICE, cases, defects);
