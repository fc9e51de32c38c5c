#include "node/common/clock.h"

#include <stdbool.h>
#include <time.h>

/* One for the whole program, as time is. */
static uint32_t scale = 1;

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_milliseconds(void)
{
    return clock_scaled(read_clock(CLOCK_BOOTTIME));
}

void clock_set_scale(uint32_t factor)
{
    scale = factor;
}

uint64_t clock_real_wait(uint64_t wait)
{
    return wait / scale + (wait % scale != 0);
}

uint64_t clock_scaled(uint64_t real)
{
    return real * scale;
}

uint32_t clock_scale(void)
{
    return scale;
}

uint64_t clock_slept(void)
{
    static bool known;
    static uint64_t gap;
    uint64_t monotonic = read_clock(CLOCK_MONOTONIC);
    uint64_t now = read_clock(CLOCK_BOOTTIME) - monotonic; /* grows by each sleep, and jitters */
    uint64_t slept = known && now > gap + 100 ? now - gap : 0;
    if (!known || slept)
        gap = now;
    known = true;
    return slept;
}
