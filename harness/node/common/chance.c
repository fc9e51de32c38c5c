#include "node/common/chance.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* One series a process; programs draw from one thread. */
static struct {
    bool begun;
    bool repeatable;
    uint64_t state;
} series;

/* splitmix64, which passes the usual tests and needs a line. */
static uint64_t next_number(void)
{
    uint64_t z = series.state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void begin(void)
{
    const char *seed = getenv("PINHOLE_SEED");
    const char *program = getenv("PINHOLE_PROGRAM");
    series.begun = true;
    series.repeatable = seed && *seed;
    series.state = 14695981039346656037U; /* FNV-1a over both texts */
    for (const char *text = seed; series.repeatable && *text; text++)
        series.state = (series.state ^ (uint8_t)*text) * 1099511628211U;
    for (const char *text = program; text && *text; text++)
        series.state = (series.state ^ (uint8_t)*text) * 1099511628211U;
}

int chance_fill(void *octets, size_t size, struct error *error)
{
    if (!series.begun)
        begin();
    uint8_t *next = octets;
    while (size > 0) {
        uint64_t number;
        size_t count = size < sizeof number ? size : sizeof number;
        if (series.repeatable) {
            number = next_number();
            memcpy(next, &number, count);
        } else {
            ssize_t given = getrandom(next, size, 0);
            if (given < 0 && errno == EINTR)
                continue;
            if (given < 0)
                return error_set_errno(error, errno, "the kernel gave no random octets");
            count = (size_t)given;
        }
        next += count;
        size -= count;
    }
    return 0;
}
