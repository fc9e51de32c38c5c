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

#endif
