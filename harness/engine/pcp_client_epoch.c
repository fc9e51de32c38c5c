#include "engine/pcp_client_epoch.h"

/* Whole seconds in milliseconds. By subtraction: the smallest processors can't divide. */
static uint32_t whole_seconds(uint32_t milliseconds)
{
    uint32_t seconds = 0;
    for (uint32_t bit = 1 << 22; bit; bit >>= 1) {
        if (milliseconds >= 1000 * bit) {
            milliseconds -= 1000 * bit;
            seconds |= bit;
        }
    }
    return seconds;
}

static bool plausible(uint32_t client_delta, uint32_t from, uint32_t to)
{
    /* The text lets Epoch Time fall by one second as "not invalid" and goes on to the comparison of
     * the deltas, which its notes promise to work in unsigned arithmetic; there a fall of 1 could
     * never pass. Decided for the purpose given, tolerance for reordered packets: the procedure is
     * taken as written, with a server_delta of -1. Of its two tests only the second can then fail,
     * -1 + 2 < client_delta - client_delta / 16, and it does from 2 s of our own time on. */
    if (from > to)
        return from - to == 1 && client_delta <= 1;
    uint32_t server_delta = to - from;
    return client_delta + 2 >= server_delta - server_delta / 16 &&
           server_delta + 2 >= client_delta - client_delta / 16;
}

static void record(struct pcp_epoch *epoch, uint32_t client_time, uint32_t server_time)
{
    epoch->known = true;
    epoch->client_time = client_time;
    epoch->server_time = server_time;
}

bool pcp_epoch_validate(struct pcp_epoch *epoch, uint32_t client_time, uint32_t server_time)
{
    uint32_t delta = whole_seconds(client_time - epoch->client_time);
    bool valid = !epoch->known || plausible(delta, epoch->server_time, server_time);
    record(epoch, client_time, server_time);
    return valid;
}

bool natpmp_epoch_validate(struct pcp_epoch *epoch, uint32_t client_time, uint32_t server_time)
{
    uint32_t delta = whole_seconds(client_time - epoch->client_time);
    uint32_t expected = epoch->server_time + (delta - delta / 8);
    bool valid = !epoch->known || server_time >= expected || expected - server_time <= 2;
    record(epoch, client_time, server_time);
    return valid;
}
