/* Defects in what is made of a server's epoch: RFC 6887 section 8.5. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/common/clock.h"
#include "wire/octets.h"

#include <stdlib.h>
#include <time.h>

enum { EPOCH_AT = 8, MILLISECONDS = 1000 };

static bool is_answer(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.response;
}

static uint32_t clock_now(void)
{
    return (uint32_t)clock_milliseconds();
}

static struct pcp_client *client_of(struct defect *defect)
{
    return &defect->endpoint->client;
}

static void forget_epoch(struct defect *defect, struct defect_datagram *datagram)
{
    (void)datagram;
    client_of(defect)->epoch.known = false;
}

/* The epoch that the answer before lets expect. */
static uint32_t expected_epoch(const struct pcp_epoch *epoch)
{
    return epoch->server_time + (clock_now() - epoch->client_time) / MILLISECONDS;
}

static void correct_epoch_of_error(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_epoch *epoch = &client_of(defect)->epoch;
    if (is_answer(datagram) && datagram->sent.result != PCP_SUCCESS && epoch->known)
        octets_put32(datagram->octets + EPOCH_AT, expected_epoch(epoch));
}

static void correct_slow_epoch(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_epoch *epoch = &client_of(defect)->epoch;
    if (is_answer(datagram) && epoch->known && datagram->sent.epoch >= epoch->server_time &&
        datagram->sent.epoch < expected_epoch(epoch))
        octets_put32(datagram->octets + EPOCH_AT, expected_epoch(epoch));
}

/* number[0]: an answer has come; number[1]: and its mapping is to be asked for again */
static void doubt_first_epoch(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_answer(datagram) && defect->number[0]++ == 0)
        defect->number[1] = datagram->sent.epoch > MILLISECONDS;
}

static void ask_again(struct defect *defect, uint32_t now)
{
    if (!defect->number[1])
        return;
    defect->number[1] = 0;
    pcp_client_recover(client_of(defect), now, 0);
}

static void allow_no_drift(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_epoch *epoch = &client_of(defect)->epoch;
    if (is_answer(datagram) && epoch->known &&
        llabs((long long)datagram->sent.epoch - expected_epoch(epoch)) > 2)
        pcp_client_recover(client_of(defect), clock_now(), 0);
}

/* number[0]: one is kept; number[1], number[2]: its two times */
static void keep_first_epoch(struct defect *defect, uint32_t now)
{
    (void)now;
    struct pcp_epoch *epoch = &client_of(defect)->epoch;
    if (!epoch->known)
        return;
    if (!defect->number[0]) {
        defect->number[0] = 1;
        defect->number[1] = epoch->server_time;
        defect->number[2] = epoch->client_time;
    }
    epoch->server_time = (uint32_t)defect->number[1];
    epoch->client_time = (uint32_t)defect->number[2];
}

/* number[0]: the wall time of the answer before, ms; 0: there was none */
static void measure_by_wall_clock(struct defect *defect, struct defect_datagram *datagram)
{
    struct timespec wall;
    struct pcp_epoch *epoch = &client_of(defect)->epoch;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t now = (uint64_t)wall.tv_sec * MILLISECONDS + (uint64_t)wall.tv_nsec / 1000000;
    if (!is_answer(datagram))
        return;
    if (defect->number[0] > now)
        epoch->client_time = clock_now() - (uint32_t)(now - defect->number[0]);
    defect->number[0] = now;
}

const struct defect_hooks defects_08_5_epoch[] = {
    {.name = "measures-by-the-wall-clock", .answer = measure_by_wall_clock},
    {.name = "looks-at-no-epoch", .answer = forget_epoch},
    {.name = "looks-at-epochs-of-successes-alone", .answer = correct_epoch_of_error},
    {.name = "sees-no-slow-epoch", .answer = correct_slow_epoch},
    {.name = "doubts-the-first-epoch", .answer = doubt_first_epoch, .turn = ask_again},
    {.name = "allows-clocks-no-drift", .answer = allow_no_drift},
    {.name = "keeps-the-first-epoch", .turn = keep_first_epoch},
    {.name = NULL},
};
