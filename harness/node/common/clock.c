#include "node/common/clock.h"

#include <stdbool.h>
#include <time.h>

/* One for the whole program, as time is. */
static uint32_t scale = 1;

/* Milliseconds, of which factor make one. */
static uint64_t read_clock(clockid_t clock, uint32_t factor)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 * factor + (uint64_t)now.tv_nsec * factor / 1000000;
}

uint64_t clock_milliseconds(void)
{
    return read_clock(CLOCK_BOOTTIME, scale);
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
    uint64_t monotonic = read_clock(CLOCK_MONOTONIC, 1);
    uint64_t now = read_clock(CLOCK_BOOTTIME, 1) - monotonic; /* grows by each sleep, and jitters */
    uint64_t slept = known && now > gap + 100 ? now - gap : 0;
    if (!known || slept)
        gap = now;
    known = true;
    return slept;
}
