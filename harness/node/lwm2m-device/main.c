/* pinhole-lwm2m-device: an LwM2M client with the object PCP-context. Its loop, signals and leave-taking. */
#include "node/common/alarm.h"
#include "node/common/clock.h"
#include "node/common/route_watch.h"
#include "node/common/say.h"
#include "node/common/signals.h"
#include "node/lwm2m-device/device.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    LEAVING_TICK = 100 /* ms: how often the time to leave is looked at */
};

enum phase { RUNNING, LEAVING_SERVER, LEAVING_GATEWAY };

struct program {
    struct device device;
    bool asleep;
    enum phase phase;
    uint64_t leave_by; /* ms; when leaving */
};

enum handle { SIGNALS, ALARM, ROUTES, COAP, PCP, HANDLES = PCP + PCP_CONTEXT_HANDLES };

/* One step of leaving: first the server, while the mapping still stands, then the gateway. Returns true when
 * both are done or the time is up. */
static bool leave(struct program *program)
{
    struct device *device = &program->device;
    uint64_t now = clock_milliseconds();
    if (program->phase == LEAVING_SERVER) {
        bool half_time = now + clock_scaled(device->options.farewell) / 2 >= program->leave_by;
        if (device->client.state != LWM2M_GONE && !half_time)
            return false;
        pcp_context_remove_all(&device->pcp);
        program->phase = LEAVING_GATEWAY;
    }
    return pcp_context_is_bare(&device->pcp) || now >= program->leave_by;
}

/* Nothing is sent nor heard while asleep; time goes on. */
static void sleep_or_wake(struct program *program)
{
    program->asleep = !program->asleep;
    if (!program->asleep)
        device_wake(&program->device);
    say(program->asleep ? "asleep" : "awake");
}

/* SIGTERM and SIGINT ask to leave; a second one isn't waited for. Returns true to go at once. */
static bool take_signal(struct program *program, int signals)
{
    struct device *device = &program->device;
    int signal = signals_read(signals);
    bool ends = signal == SIGTERM || signal == SIGINT;
    if (program->phase != RUNNING)
        return ends;
    if (signal == SIGUSR2 || (ends && program->asleep))
        sleep_or_wake(program);
    if (signal == SIGUSR1 && !program->asleep)
        device_send(device);
    if (!ends)
        return false;
    program->phase = LEAVING_SERVER;
    program->leave_by = clock_milliseconds() + clock_scaled(device->options.farewell);
    lwm2m_client_leave(&device->client, clock_milliseconds());
    return false;
}

static void run(struct program *program, struct pollfd handles[HANDLES])
{
    struct device *device = &program->device;
    (void)clock_slept();
    for (;;) {
        uint32_t wait = program->asleep ? PCP_NEVER : device_process(device);
        if (device->failed || (program->phase != RUNNING && leave(program)))
            return;
        if (program->phase != RUNNING && wait > clock_scaled(LEAVING_TICK))
            wait = (uint32_t)clock_scaled(LEAVING_TICK);
        alarm_set(handles[ALARM].fd, wait);
        pcp_context_handles(&device->pcp, &handles[PCP]);
        /* In queue mode the radio is off between times. */
        handles[COAP].fd = device->is_deaf ? -1 : coap_context_get_coap_fd(device->context);
        /* While it sleeps only signals wake it. */
        if (poll(handles, program->asleep ? SIGNALS + 1 : HANDLES, -1) <= 0)
            continue;
        if ((handles[SIGNALS].revents & POLLIN) && take_signal(program, handles[SIGNALS].fd))
            return;
        if (program->asleep)
            continue;
        if (clock_slept()) {
            say("awake");
            device_wake(device);
        }
        if (route_watch_read(handles[ROUTES].fd))
            device_follow_host(device);
    }
}

static int live(struct program *program, struct error *error)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, 0};
    struct pollfd handles[HANDLES];
    for (int i = 0; i < HANDLES; i++)
        handles[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    handles[SIGNALS].fd = signals_open(signals);
    handles[ALARM].fd = alarm_open();
    /* Before the tables are read: no change may fall between. */
    handles[ROUTES].fd = route_watch_open(error);
    int status = handles[ROUTES].fd < 0 ? -1 : device_open(&program->device, error);
    if (status == 0)
        run(program, handles);
    if (program->device.failed) {
        *error = program->device.error;
        status = -1;
    }
    device_close(&program->device);
    for (int i = SIGNALS; i <= ROUTES; i++) {
        if (handles[i].fd >= 0)
            close(handles[i].fd);
    }
    return status;
}

int main(int count, char **arguments)
{
    static struct program program;
    struct error error = {0};
    if (say_version(count, arguments))
        return EXIT_SUCCESS;
    switch (options_read(&program.device.options, count, arguments, &error)) {
    case SETTINGS_HELP:
        return EXIT_SUCCESS;
    case SETTINGS_BAD:
        complain("%s", error.text);
        return EXIT_USAGE;
    case SETTINGS_GO:
        break;
    }
    clock_set_scale(program.device.options.time_scale);
    coap_startup();
    coap_set_log_level(LOG_EMERG); /* a flood of resets or bad messages must not flood our output */
    int status = live(&program, &error);
    if (status < 0)
        complain("%s", error.text);
    coap_cleanup();
    return status < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}
