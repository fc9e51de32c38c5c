/* The life of a device: it does what is due, follows its host, sleeps and wakes as SIGUSR2 has it, and takes leave
 * on SIGTERM and SIGINT: of its server first, while the mapping still stands, then of its gateway. A second one of
 * these isn't waited for. */
#ifndef PINHOLE_NODE_DEVICE_LIFE_H
#define PINHOLE_NODE_DEVICE_LIFE_H

#include "base/error.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a kind of device has to tell. All functions are there. */
struct device_life_ways {
    /* Does what is due. Returns the ms until it must be called again, UINT32_MAX if never, or -1 if the device has
     * failed for good. */
    int64_t (*process)(void *device);
    /* Has the device's handles polled: those behind the first DEVICE_LIFE_HANDLES. */
    void (*list_handles)(void *device, struct pollfd *handles);
    /* The host's routes or addresses changed. */
    void (*follow_host)(void *device);
    /* It slept: nothing was sent nor heard meanwhile. */
    void (*wake)(void *device);
    /* SIGUSR1. */
    void (*act)(void *device);
    /* Begin to take leave, and whether it is taken. */
    void (*leave_server)(void *device);
    bool (*has_left_server)(void *device);
    void (*leave_gateway)(void *device);
    bool (*has_left_gateway)(void *device);
};

enum device_phase { DEVICE_RUNNING, DEVICE_LEAVING_SERVER, DEVICE_LEAVING_GATEWAY };

/* Of the handles that are polled these are the first. */
enum { DEVICE_LIFE_SIGNALS, DEVICE_LIFE_ALARM, DEVICE_LIFE_ROUTES, DEVICE_LIFE_HANDLES };

struct device_life {
    const struct device_life_ways *ways;
    void *device;
    uint32_t farewell; /* ms, real ones: how long to take leave at most */
    bool
        stays; /* the host's routes are not watched, and it is not noticed when the machine slept */
    struct pollfd *handles; /* room for the first and the device's own */
    size_t handle_count;

    enum device_phase phase;
    bool asleep;
    uint64_t leave_by; /* ms; when leaving */
};

/* Begins to watch signals and the host; the device is opened behind it, so that no change falls between. Returns 0, or
 * -1 with error. To be closed in either case. */
int device_life_open(struct device_life *life, struct error *error);
/* Until the device has taken leave or failed. */
void device_life_run(struct device_life *life);
void device_life_close(struct device_life *life);

#endif
