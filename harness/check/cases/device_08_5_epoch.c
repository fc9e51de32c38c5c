/* RFC 6887, section 8.5: what a client makes of the epochs that it is told.
 *
 * The answer that tells of a loss grants its own mapping, too, so what a client does about it shows in another
 * one: most cases need two. The first is granted for long, and asked for again only if the client takes the
 * server for one that lost its state; the answers for the second bring the epochs.
 */
#include "check/stage_server.h"

#define TWO_PORTS "mapping-two-ports"

enum {
    PROMPTLY = 20,    /* s: 14.1.3 spreads renewals over 5 s, 11.2.1 holds them 4 s apart */
    QUIETLY = 40,     /* s without a request that nothing calls for */
    LONG_ENOUGH = 240 /* s: at half of it a sixteenth is far more than what clocks round away */
};

static uint32_t whole(double seconds)
{
    return seconds > 0 ? (uint32_t)seconds : 0;
}

/* Grants with an epoch. */
static void tell_epoch(struct server *server, const struct request *request, uint32_t lifetime,
                       uint32_t epoch)
{
    struct reply reply = server_success(server, request);
    reply.pcp.lifetime = lifetime;
    reply.pcp.epoch = epoch;
    server_send(server, &reply);
}

/* What the epochs are told by. */
struct second {
    struct request request; /* a renewal, not answered */
    uint32_t epoch;         /* in the answer before it */
    double passed;          /* since that answer */
};

/* Both mappings are granted, and the second is up for renewal. */
static struct second begin_with_two(struct stage *stage, struct server *server, uint32_t lifetime)
{
    struct second second;
    struct request first = server_begin(stage, server);
    server_grant(server, &first, SERVER_LIFETIME);
    struct request other = server_next_other(server, PROMPTLY);
    second.epoch = server_epoch(server);
    tell_epoch(server, &other, lifetime, second.epoch);
    second.request = server_next_other(server, lifetime);
    second.passed = server_since_answer(server, &second.request);
    return second;
}

static void the_first_epoch_is_valid_whatever_it_is(struct stage *stage)
{
    struct server server;
    struct request first = server_begin(stage, &server);
    server_set_epoch(&server, 3000000000);
    server_grant(&server, &first, SERVER_LIFETIME);
    server_expect_silence(&server, R6887_8_5_07, QUIETLY,
                          "the mapping being granted, with an epoch of 95 years");
}

static void a_restart_makes_all_mappings_be_renewed(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, 0);
    tell_epoch(&server, &second.request, SERVER_LIFETIME, server_epoch(&server));
    server_expect_request(&server, R6887_8_5_10, PROMPTLY,
                          "the other mapping's answer having epoch 0");
}

static void an_epoch_that_fell_by_two_is_invalid(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, second.epoch - 2);
    tell_epoch(&server, &second.request, SERVER_LIFETIME, second.epoch - 2);
    server_expect_request(&server, R6887_8_5_08, PROMPTLY,
                          "the epoch having fallen by 2 in the other mapping's answer");
}

static double tolerance(const struct server *server)
{
    return server_early(server) + server_late(server);
}

static void an_epoch_that_is_too_fast_is_invalid(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    /* client_delta + 2 < server_delta - server_delta/16 */
    double delta = (second.passed + 2 + 1 + tolerance(&server)) * 16 / 15 + 1;
    server_set_epoch(&server, second.epoch + whole(delta));
    tell_epoch(&server, &second.request, SERVER_LIFETIME, second.epoch + whole(delta));
    server_expect_request(&server, R6887_8_5_09, PROMPTLY,
                          "the epoch having run 5 s too far in the other mapping's answer");
}

static void an_epoch_that_is_too_slow_is_invalid(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    /* server_delta + 2 < client_delta - client_delta/16 */
    double delta = second.passed * 15 / 16 - 2 - 1 - tolerance(&server);
    server_set_epoch(&server, second.epoch + whole(delta));
    tell_epoch(&server, &second.request, SERVER_LIFETIME, second.epoch + whole(delta));
    server_expect_request(&server, R6887_8_5_09, PROMPTLY,
                          "the epoch having run 5 s too little in the other mapping's answer");
}

static void clocks_may_drift_by_a_sixteenth(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, LONG_ENOUGH);
    double drift = second.passed / 16 + 2 - 1 - server_late(&server);
    uint32_t epoch = second.epoch + whole(second.passed + drift);
    tell_epoch(&server, &second.request, LONG_ENOUGH, epoch);
    server_set_epoch(&server, epoch);
    server.ignores_others = true;
    server_expect_silence(&server, R6887_8_5_14, QUIETLY,
                          "the epoch having run ahead by less than a sixteenth and 2 s");
    second.request = server_next_other(&server, LONG_ENOUGH);
    second.passed = server_since_answer(&server, &second.request);
    drift = second.passed / 16 + 2 - 1 - server_late(&server);
    epoch += whole(second.passed - drift);
    tell_epoch(&server, &second.request, SERVER_LIFETIME, epoch);
    server_set_epoch(&server, epoch);
    server_expect_silence(&server, R6887_8_5_14, QUIETLY,
                          "the epoch having fallen behind by less than a sixteenth and 2 s");
}

static void the_epochs_of_errors_count(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, 0);
    server_refuse(&server, &second.request, PCP_NETWORK_FAILURE, SERVER_LIFETIME);
    server_expect_request(&server, R6887_8_5_12, PROMPTLY,
                          "the other mapping's error having epoch 0");
}

static void a_jump_makes_one_recovery(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, SERVER_SHORT_LIFETIME);
    server_set_epoch(&server, 0);
    tell_epoch(&server, &second.request, SERVER_SHORT_LIFETIME, server_epoch(&server));
    server.lifetime = SERVER_SHORT_LIFETIME;
    struct request renewal = server_next(&server, PROMPTLY);
    server_grant(&server, &renewal, SERVER_LIFETIME);
    server_expect_silence(&server, R6887_8_5_13, 2 * SERVER_SHORT_LIFETIME,
                          "the epoch running on from where it fell to");
}

/* The peer's wall clock goes back between two answers, which must not matter. */
static void the_clients_clock_never_goes_back(struct stage *stage)
{
    struct server server;
    struct second second = begin_with_two(stage, &server, LONG_ENOUGH);
    tell_epoch(&server, &second.request, SERVER_LIFETIME, server_epoch(&server));
    server_expect_silence(&server, R6887_8_5_05, QUIETLY,
                          "the epoch having run as fast as time, whatever the wall clock says");
}

static const struct test_case cases[] = {
    {.id = "device.8.5.the-clients-clock-never-goes-back",
     .sentence = "A client measures epochs by a clock that never goes back.",
     .requirements = JUDGES(R6887_8_5_05),
     .run = the_clients_clock_never_goes_back,
     .traits = CASE_UNSTARTED,
     .seconds = 190,
     .variant = "mapping-two-ports-while-wall-time-goes-back"},
    {.id = "device.8.5.the-first-epoch-is-valid-whatever-it-is",
     .sentence = "A client takes the first epoch of a server as valid, however large.",
     .requirements = JUDGES(R6887_8_5_07),
     .run = the_first_epoch_is_valid_whatever_it_is,
     .traits = CASE_UNSTARTED,
     .seconds = 45},
    {.id = "device.8.5.a-restart-makes-all-mappings-be-renewed",
     .sentence = "When the epoch says that the server lost its state, a client promptly renews all "
                 "its mappings.",
     .requirements = JUDGES(R6887_8_5_10),
     .run = a_restart_makes_all_mappings_be_renewed,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = TWO_PORTS},
    {.id = "device.8.5.an-epoch-that-fell-by-two-is-invalid",
     .sentence = "A client takes an epoch that fell by more than a second as a loss of state.",
     .requirements = JUDGES(R6887_8_5_08),
     .run = an_epoch_that_fell_by_two_is_invalid,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = TWO_PORTS},
    {.id = "device.8.5.an-epoch-that-is-too-fast-is-invalid",
     .sentence = "A client takes an epoch that outran its own clock by more than 2 s and a "
                 "sixteenth as a loss of state.",
     .requirements = JUDGES(R6887_8_5_09),
     .run = an_epoch_that_is_too_fast_is_invalid,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = TWO_PORTS},
    {.id = "device.8.5.an-epoch-that-is-too-slow-is-invalid",
     .sentence = "A client takes an epoch that its own clock outran by more than 2 s and a "
                 "sixteenth as a loss of state.",
     .requirements = JUDGES(R6887_8_5_09),
     .run = an_epoch_that_is_too_slow_is_invalid,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = TWO_PORTS},
    {.id = "device.8.5.clocks-may-drift-by-a-sixteenth",
     .sentence = "A client takes no epoch as a loss of state that is off by less than 2 s and a "
                 "sixteenth.",
     .requirements = JUDGES(R6887_8_5_14),
     .run = clocks_may_drift_by_a_sixteenth,
     .traits = CASE_UNSTARTED,
     .seconds = 340,
     .variant = TWO_PORTS},
    {.id = "device.8.5.the-epochs-of-errors-count",
     .sentence = "A client validates the epoch of errors as that of successes.",
     .requirements = JUDGES(R6887_8_5_12),
     .run = the_epochs_of_errors_count,
     .traits = CASE_UNSTARTED,
     .seconds = 25,
     .variant = TWO_PORTS},
    {.id = "device.8.5.a-jump-makes-one-recovery",
     .sentence = "An epoch that jumped is what a client compares the next one with.",
     .requirements = JUDGES(R6887_8_5_13),
     .run = a_jump_makes_one_recovery,
     .traits = CASE_UNSTARTED,
     .seconds = 70,
     .variant = TWO_PORTS},
};

static const struct defect defects[] = {
    {.name = "measures-by-the-wall-clock",
     .text = "measures the time between epochs by the wall clock",
     .requirements = JUDGES(R6887_8_5_05)},
    {.name = "looks-at-no-epoch",
     .text = "takes every epoch as valid",
     .requirements = JUDGES(R6887_8_5_08, R6887_8_5_09, R6887_8_5_10, R6887_8_5_12, R6886_3_6_02,
                            R6886_3_7_03)},
    {.name = "looks-at-epochs-of-successes-alone",
     .text = "doesn't look at the epoch of an error",
     .requirements = JUDGES(R6887_8_5_12)},
    {.name = "sees-no-slow-epoch",
     .text = "takes an epoch as valid that rose too little",
     .requirements = JUDGES(R6887_8_5_09)},
    {.name = "doubts-the-first-epoch",
     .text = "asks again when the first epoch of a server isn't near zero",
     .requirements = JUDGES(R6887_8_5_07)},
    {.name = "allows-clocks-no-drift",
     .text = "takes an epoch that is off by more than 2 s as a loss of state",
     .requirements = JUDGES(R6887_8_5_14)},
    {.name = "keeps-the-first-epoch",
     .text = "compares each epoch with the first one",
     .requirements = JUDGES(R6887_8_5_13)},
};

CASE_FILE(device_08_5_epoch, CASE_DEVICE, cases, defects);
