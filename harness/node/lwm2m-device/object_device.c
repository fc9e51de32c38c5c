/* Object 3, Device. */
#include "base/version.h"
#include "node/lwm2m-device/objects.h"

#include <time.h>

enum {
    MANUFACTURER = 0,
    MODEL = 1,
    SERIAL = 2,
    FIRMWARE = 3,
    REBOOT = 4,
    POWER_SOURCES = 6,
    BATTERY_LEVEL = 9,
    ERROR_CODES = 11,
    RESET_ERRORS = 12,
    CURRENT_TIME = 13,
    UTC_OFFSET = 14,
    BINDINGS = 16,
    INTERNAL_BATTERY = 1, /* a power source */
    NO_ERROR = 0,
    HOURS_OF_BATTERY = 2400
};

static void on_refresh(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    const uint16_t object = lwm2m_object_device.id;
    int64_t now = (int64_t)time(NULL);
    lwm2m_model_put_integer(&objects->model, object, instance->id, CURRENT_TIME,
                            now + objects->clock_ahead);
}

static void on_written(void *context, struct lwm2m_instance *instance,
                       const struct lwm2m_entry *entries, size_t count, bool created)
{
    (void)created;
    struct objects *objects = context;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].path.depth >= 3 && entries[i].path.id[2] == CURRENT_TIME)
            objects->clock_ahead =
                lwm2m_model_integer(instance, CURRENT_TIME, 0) - (int64_t)time(NULL);
    }
}

static enum lwm2m_code on_execute(void *context, struct lwm2m_instance *instance, uint16_t resource,
                                  const char *arguments, size_t length)
{
    (void)arguments;
    (void)length;
    struct objects *objects = context;
    const struct lwm2m_path errors = {3, {lwm2m_object_device.id, instance->id, ERROR_CODES}};
    switch (resource) {
    case REBOOT:
        objects->reboot(objects->context);
        return LWM2M_CHANGED;
    case RESET_ERRORS:
        lwm2m_model_drop(&objects->model, &errors);
        lwm2m_model_put_integer(&objects->model, errors.id[0], instance->id, ERROR_CODES, NO_ERROR);
        return LWM2M_CHANGED;
    default:
        return LWM2M_NOT_ALLOWED;
    }
}

static void initialise(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    struct lwm2m_model *model = &objects->model;
    const uint16_t id = lwm2m_object_device.id;
    lwm2m_model_put_text(model, id, instance->id, MANUFACTURER, "pinhole");
    lwm2m_model_put_text(model, id, instance->id, MODEL, "pinhole-lwm2m-device");
    lwm2m_model_put_text(model, id, instance->id, SERIAL, objects->serial);
    lwm2m_model_put_text(model, id, instance->id, FIRMWARE, PINHOLE_VERSION);
    lwm2m_model_put_integer(model, id, instance->id, POWER_SOURCES, INTERNAL_BATTERY);
    lwm2m_model_put_integer(model, id, instance->id, BATTERY_LEVEL, 100);
    lwm2m_model_put_integer(model, id, instance->id, ERROR_CODES, NO_ERROR);
    lwm2m_model_put_text(model, id, instance->id, UTC_OFFSET, "+00");
    lwm2m_model_put_text(model, id, instance->id, BINDINGS,
                         objects->is_1_1 ? "U" : objects->binding);
    on_refresh(objects, instance);
}

void object_device_open(struct lwm2m_object *object)
{
    object->refresh = on_refresh;
    object->written = on_written;
    object->execute = on_execute;
    object->initialise = initialise;
}
