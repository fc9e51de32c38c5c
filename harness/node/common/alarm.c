#include "node/common/alarm.h"

#include "node/common/clock.h"

#include <stddef.h>
#include <sys/timerfd.h>

int alarm_open(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

void alarm_set(int handle, uint32_t wait)
{
    wait = (uint32_t)clock_real_wait(wait);
    struct itimerspec time = {
        .it_value = {.tv_sec = wait / 1000, .tv_nsec = (long)(wait % 1000) * 1000000}};
    if (wait == 0)
        time.it_value.tv_nsec = 1; /* 0 would be never */
    timerfd_settime(handle, 0, &time, NULL);
}
