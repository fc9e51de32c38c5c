/* `pinhole ask`: any PCP or NAT-PMP request, every field settable, and its answer decoded.
 *
 * Exit codes: 0 if each request was answered with success; 1 if one was answered with an error or not
 * at all, or if --epoch-check was asked for and fails; 2 if the arguments are bad or nothing could be
 * sent.
 */
#include "cli/ask_exchange.h"
#include "cli/ask_options.h"
#include "cli/ask_request.h"
#include "cli/ask_socket.h"
#include "cli/ask_view.h"
#include "cli/verbs.h"
#include "engine/pcp_client_epoch.h"

#include <stdio.h>

/* What is known of the server's epoch. */
struct clockwork {
    struct pcp_epoch epoch;
    bool natpmp;
    uint64_t answered; /* ns */
    bool invalid;      /* an epoch was */
};

/* Compares an answer's epoch with that of the one before it. */
static void check_epoch(const struct ask_plan *plan, const struct ask_view *view,
                        const struct ask_outcome *outcome, struct clockwork *clockwork)
{
    const struct ask_verdict *verdict = &outcome->verdict;
    if (outcome->result == ASK_SILENCE || !verdict->has_epoch)
        return;
    if (verdict->natpmp != clockwork->natpmp) /* the rules differ, so the answers don't compare */
        clockwork->epoch.known = false;
    struct ask_epoch told = {.natpmp = verdict->natpmp,
                             .before = clockwork->epoch.server_time,
                             .now = verdict->epoch,
                             .elapsed = outcome->answered - clockwork->answered};
    bool known = clockwork->epoch.known;
    uint32_t time = (uint32_t)(outcome->answered / 1000000); /* wraps, as it may */
    told.valid = (verdict->natpmp ? natpmp_epoch_validate
                                  : pcp_epoch_validate)(&clockwork->epoch, time, verdict->epoch);
    clockwork->natpmp = verdict->natpmp;
    clockwork->answered = outcome->answered;
    clockwork->invalid |= !told.valid;
    if (known)
        view->epoch(plan, &told);
}

/* Asks as often as it is to be asked; returns the exit code. */
static int ask(const struct ask_plan *plan, const struct ask_view *view, struct error *error)
{
    const struct ask_options *options = plan->options;
    struct clockwork clockwork = {0};
    unsigned epochs = 0;
    enum ask_result worst = ASK_SUCCESS;
    int status = 0;
    view->begin(plan);
    for (uint32_t i = 0; i < options->count.value && status == 0; i++) {
        struct ask_outcome outcome;
        bool last = i + 1 == options->count.value;
        uint32_t linger =
            last || options->listen > options->interval ? options->listen : options->interval;
        status = ask_exchange(plan, view, linger, &outcome, error);
        if (status != 0)
            break;
        check_epoch(plan, view, &outcome, &clockwork);
        epochs += outcome.result != ASK_SILENCE && outcome.verdict.has_epoch;
        view->asked(plan, outcome.result, outcome.untold);
        if (outcome.result > worst)
            worst = outcome.result;
    }
    view->end(plan, worst);
    if (status != 0)
        return EXIT_HARNESS;
    bool epoch_good = !clockwork.invalid && epochs > 1;
    return worst == ASK_SUCCESS && (epoch_good || !options->epoch_check) ? EXIT_GOOD : EXIT_SHORT;
}

int verb_ask(int argc, char **argv)
{
    static struct ask_options options; /* large, as the next is */
    static struct ask_octets request;
    struct error error = {""};
    struct ask_socket socket;
    int code = EXIT_HARNESS;
    if (ask_options_read(argc, argv, &options, &error) == 0) {
        if (options.help) {
            ask_options_help(stdout);
            code = EXIT_GOOD;
        } else if (ask_socket_open(&options, &socket, &error) == 0) {
            const struct ask_plan plan = {&options, &socket, &request};
            if (ask_compose(&options, &socket.source, &request, &error) == 0)
                code = ask(&plan, options.json ? &ask_view_json : &ask_view_text, &error);
            ask_socket_close(&socket);
        }
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "pinhole ask: cannot write to standard output\n");
        return EXIT_HARNESS;
    }
    if (error.text[0])
        (void)fprintf(stderr, "pinhole ask: %s\n", error.text);
    return code;
}
