/* The Epoch Time of a server, section 8.5.
 *
 * A server may count for each client anew, so epochs are compared within one client. A fall is what a
 * restart looks like and no fault; nor is one jump, since another device may have taken over. What is
 * wrong is an epoch that keeps being wrong, or that falls to where no restart can have put it.
 */
#include "check/rule_state.h"

#include <inttypes.h>

const enum requirement_id epoch_requirements[] = {R6887_8_5_06, REQUIREMENT_COUNT};

enum { ODD_IN_A_ROW = 3, SLACK = 2 /* s: 8.5 */ };

/* Seconds of ours by which a message may leave later than its epoch was read, on a machine that is busy: in
 * scaled time that is many of the peer's. */
static const double held_up = 0.5;

/* The client's test of section 8.5, with the fall of exactly one second left open as the text does. */
static bool is_valid(int64_t server, int64_t client, int64_t slack)
{
    if (server < -1)
        return false;
    if (server < 0)
        return true;
    return client + slack >= server - server / 16 && server + slack >= client - client / 16;
}

static void judge_change(struct rules *rules, const struct message *message, struct pair *pair,
                         int64_t client)
{
    int64_t server = (int64_t)message->pcp.epoch - (int64_t)pair->epoch;
    double scale = rules->options.time_scale;
    int64_t delay = scale > 1 ? (int64_t)(held_up * scale) : 0;
    /* The client reckons by its own clock, and rounds otherwise: what it may take for a loss excuses it. */
    if (!is_valid(server, client, SLACK - 1)) {
        pair->lost = true;
        pair->loss_time = message->event->time;
    }
    if (is_valid(server, client, SLACK + delay)) {
        pair->epoch_odd = 0;
        return;
    }
    pair->epoch_odd++;
    bool restart = (int64_t)message->pcp.epoch <= client + 2;
    if (server < 0 && !restart)
        rule_report(rules, message, R6887_8_5_06, LIKELY,
                    "expected an epoch near %" PRId64 ", or a restart from 0, came %u",
                    pair->epoch + client, message->pcp.epoch);
    else if (pair->epoch_odd == ODD_IN_A_ROW)
        rule_report(rules, message, R6887_8_5_06, CERTAIN,
                    "expected an epoch that rises by one a second, came %u, %" PRId64
                    " more than %" PRId64 " s before, for the third time",
                    message->pcp.epoch, server, client);
}

void judge_epoch(struct rules *rules, const struct message *message,
                 const struct conversation *conversation)
{
    struct pair *pair = conversation->pair;
    if (!message->from_server)
        return;
    if (pair->epoch_known) {
        double passed = rule_seconds(rules, message->event->time - pair->epoch_time);
        if (passed < 0)
            return;
        judge_change(rules, message, pair, (int64_t)passed);
    }
    pair->epoch_known = true;
    pair->epoch = message->pcp.epoch;
    pair->epoch_time = message->event->time;
}
