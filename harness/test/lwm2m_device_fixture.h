/* For tests of cmocka: a fresh device for each, which must be sound behind it. */
#ifndef PINHOLE_TEST_LWM2M_DEVICE_FIXTURE_H
#define PINHOLE_TEST_LWM2M_DEVICE_FIXTURE_H

#include "test/lwm2m_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct lwm2m_device *device;

static int set_up(void **state)
{
    (void)state;
    device = device_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bool sound = device_is_sound(device);
    free(device);
    return sound ? 0 : -1;
}

/* A request that was answered with a payload: without room for it there is an error, and nothing is written. */
static inline void assert_needs_its_room(const struct lwm2m_request *request)
{
    assert_int_equal(device_serve(device, request), LWM2M_CONTENT);
    size_t length = device->response.length;
    assert_true(length > 0);
    for (size_t capacity = 0; capacity < length; capacity++) {
        uint8_t *room = malloc(capacity ? capacity : 1);
        device->response.payload = room;
        device->response.capacity = capacity;
        lwm2m_serve(&device->server, request, &device->response);
        assert_int_equal(device->response.code, LWM2M_INTERNAL_ERROR);
        assert_int_equal(device->response.length, 0);
        free(room);
    }
}

#endif
