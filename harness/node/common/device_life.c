#include "node/common/device_life.h"

#include "node/common/alarm.h"
#include "node/common/clock.h"
#include "node/common/route_watch.h"
#include "node/common/say.h"
#include "node/common/signals.h"

#include <signal.h>
#include <unistd.h>

enum { LEAVING_TICK = 100 }; /* ms, real ones: how often the time to leave is looked at */

int device_life_open(struct device_life *life, struct error *error)
{
    struct pollfd *handles = life->handles;
    for (size_t i = 0; i < life->handle_count; i++)
        handles[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    handles[DEVICE_LIFE_SIGNALS].fd =
        signals_open((const int[]){SIGTERM, SIGINT, SIGUSR1, SIGUSR2, 0});
    handles[DEVICE_LIFE_ALARM].fd = alarm_open();
    if (life->stays)
        return 0;
    handles[DEVICE_LIFE_ROUTES].fd = route_watch_open(error);
    return handles[DEVICE_LIFE_ROUTES].fd < 0 ? -1 : 0;
}

void device_life_close(struct device_life *life)
{
    for (size_t i = 0; i < DEVICE_LIFE_HANDLES; i++) {
        if (life->handles[i].fd >= 0)
            close(life->handles[i].fd);
    }
}

/* Time goes on while it is asleep. That it is awake is said when what came meanwhile is thrown away. */
static void sleep_or_wake(struct device_life *life)
{
    life->asleep = !life->asleep;
    if (!life->asleep)
        life->ways->wake(life->device);
    say(life->asleep ? "asleep" : "awake");
}

/* Returns true to go at once. */
static bool take_signal(struct device_life *life)
{
    int signal = signals_read(life->handles[DEVICE_LIFE_SIGNALS].fd);
    bool ends = signal == SIGTERM || signal == SIGINT;
    if (life->phase != DEVICE_RUNNING)
        return ends;
    if (signal == SIGUSR2 || (ends && life->asleep))
        sleep_or_wake(life);
    if (signal == SIGUSR1 && !life->asleep)
        life->ways->act(life->device);
    if (!ends)
        return false;
    life->phase = DEVICE_LEAVING_SERVER;
    life->leave_by = clock_milliseconds() + clock_scaled(life->farewell);
    life->ways->leave_server(life->device);
    return false;
}

/* One step of leaving. Each of the two has half of the time. Returns true when both are done or the time is up. */
static bool leave(struct device_life *life)
{
    uint64_t now = clock_milliseconds();
    if (life->phase == DEVICE_LEAVING_SERVER) {
        bool half_time = now + clock_scaled(life->farewell) / 2 >= life->leave_by;
        if (!life->ways->has_left_server(life->device) && !half_time)
            return false;
        life->ways->leave_gateway(life->device);
        life->phase = DEVICE_LEAVING_GATEWAY;
    }
    return life->ways->has_left_gateway(life->device) || now >= life->leave_by;
}

/* What is due now. Returns the ms until the next, or -1 at the end. */
static int64_t process(struct device_life *life)
{
    if (life->asleep)
        return UINT32_MAX;
    int64_t wait = life->ways->process(life->device);
    if (wait < 0 || life->phase == DEVICE_RUNNING)
        return wait;
    if (leave(life))
        return -1;
    int64_t tick = (int64_t)clock_scaled(LEAVING_TICK);
    return wait < tick ? wait : tick;
}

void device_life_run(struct device_life *life)
{
    struct pollfd *handles = life->handles;
    int64_t wait;
    (void)clock_slept();
    while ((wait = process(life)) >= 0) {
        alarm_set(handles[DEVICE_LIFE_ALARM].fd, (uint32_t)wait);
        life->ways->list_handles(life->device, handles);
        /* While it sleeps only signals wake it. */
        if (poll(handles, life->asleep ? DEVICE_LIFE_SIGNALS + 1 : life->handle_count, -1) <= 0)
            continue;
        if ((handles[DEVICE_LIFE_SIGNALS].revents & POLLIN) && take_signal(life))
            return;
        if (life->asleep || life->stays)
            continue;
        if (clock_slept()) {
            life->ways->wake(life->device);
            say("awake");
        }
        if (route_watch_read(handles[DEVICE_LIFE_ROUTES].fd))
            life->ways->follow_host(life->device);
    }
}
