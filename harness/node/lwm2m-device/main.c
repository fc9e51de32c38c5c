/* pinhole-lwm2m-device: an LwM2M client with the object PCP-context. What its life is made of. */
#include "node/common/clock.h"
#include "node/common/device_life.h"
#include "node/common/say.h"
#include "node/lwm2m-device/device.h"

#include <stdlib.h>

enum { EXIT_FAILED = 1 };

static int64_t process(void *context)
{
    struct device *device = context;
    int64_t wait = device_process(device);
    return device->failed ? -1 : wait;
}

enum { COAP = DEVICE_LIFE_HANDLES, PCP, HANDLES = PCP + PCP_CONTEXT_HANDLES };

static void list_handles(void *context, struct pollfd *handles)
{
    struct device *device = context;
    pcp_context_handles(&device->pcp, &handles[PCP]);
    /* In queue mode the radio is off between times. */
    handles[COAP].fd = device->is_deaf ? -1 : coap_context_get_coap_fd(device->context);
}

static void follow_host(void *device)
{
    device_follow_host(device);
}

static void wake(void *device)
{
    device_wake(device);
}

static void send_temperature(void *device)
{
    device_send(device);
}

static void leave_server(void *context)
{
    struct device *device = context;
    lwm2m_client_leave(&device->client, clock_milliseconds());
}

static bool has_left_server(void *context)
{
    const struct device *device = context;
    return device->client.state == LWM2M_GONE;
}

static void leave_gateway(void *context)
{
    struct device *device = context;
    pcp_context_remove_all(&device->pcp);
}

static bool has_left_gateway(void *context)
{
    struct device *device = context;
    return pcp_context_is_bare(&device->pcp);
}

static const struct device_life_ways ways = {
    .process = process,
    .list_handles = list_handles,
    .follow_host = follow_host,
    .wake = wake,
    .act = send_temperature,
    .leave_server = leave_server,
    .has_left_server = has_left_server,
    .leave_gateway = leave_gateway,
    .has_left_gateway = has_left_gateway,
};

static int live(struct device *device, struct error *error)
{
    struct pollfd handles[HANDLES];
    struct device_life life = {
        .ways = &ways,
        .device = device,
        .farewell = device->options.farewell,
        .handles = handles,
        .handle_count = HANDLES,
    };
    int status = device_life_open(&life, error);
    if (status == 0)
        status = device_open(device, error);
    if (status == 0)
        device_life_run(&life);
    if (device->failed) {
        *error = device->error;
        status = -1;
    }
    device_close(device);
    device_life_close(&life);
    return status;
}

int main(int count, char **arguments)
{
    static struct device device;
    struct error error = {0};
    if (say_version(count, arguments))
        return EXIT_SUCCESS;
    int status = settings_status(options_read(&device.options, count, arguments, &error), &error);
    if (status >= 0)
        return status;
    clock_set_scale(device.options.time_scale);
    coap_support_start();
    status = live(&device, &error);
    if (status < 0)
        complain("%s", error.text);
    coap_cleanup();
    return status < 0 ? EXIT_FAILED : EXIT_SUCCESS;
}
