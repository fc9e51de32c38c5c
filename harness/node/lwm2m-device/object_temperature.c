/* Object 3303, Temperature: a thermometer whose day lasts two minutes, so that there is something to observe. */
#include "node/common/clock.h"
#include "node/lwm2m-device/objects.h"

enum { MINIMUM = 5601, MAXIMUM = 5602, LOWEST = 5603, HIGHEST = 5604, RESET = 5605 };
enum { VALUE = 5700, UNITS = 5701 };

/* From 16 to 24 and back, in steps of a tenth: the same at the same second of the clock. */
static double temperature(const struct thermometer *thermometer)
{
    enum { DAY = 120, HALF = DAY / 2, COLDEST = 160, SPAN = 80 };
    if (thermometer->is_fixed)
        return thermometer->fixed;
    int second = (int)(clock_milliseconds() / 1000 % DAY);
    int from_middle = second < HALF ? second : DAY - second;
    int tenths = COLDEST + SPAN * from_middle / HALF;
    return tenths / 10.0;
}

static double value_of(const struct lwm2m_instance *instance, uint16_t resource, double otherwise)
{
    const struct lwm2m_value *value = lwm2m_model_get(instance, resource, 0);
    return value ? value->as.real : otherwise;
}

static void put(struct objects *objects, const struct lwm2m_instance *instance, uint16_t resource,
                double value)
{
    lwm2m_model_put_real(&objects->model, lwm2m_object_temperature.id, instance->id, resource,
                         value);
}

static void on_refresh(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    double now = temperature(&objects->thermometer);
    put(objects, instance, VALUE, now);
    if (now < value_of(instance, MINIMUM, now + 1))
        put(objects, instance, MINIMUM, now);
    if (now > value_of(instance, MAXIMUM, now - 1))
        put(objects, instance, MAXIMUM, now);
}

static enum lwm2m_code on_execute(void *context, struct lwm2m_instance *instance, uint16_t resource,
                                  const char *arguments, size_t length)
{
    (void)arguments;
    (void)length;
    struct objects *objects = context;
    if (resource != RESET)
        return LWM2M_NOT_ALLOWED;
    double now = temperature(&objects->thermometer);
    put(objects, instance, MINIMUM, now);
    put(objects, instance, MAXIMUM, now);
    return LWM2M_CHANGED;
}

static void initialise(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    put(objects, instance, LOWEST, -40);
    put(objects, instance, HIGHEST, 85);
    lwm2m_model_put_text(&objects->model, lwm2m_object_temperature.id, instance->id, UNITS, "Cel");
    on_refresh(objects, instance);
}

void object_temperature_open(struct lwm2m_object *object)
{
    object->refresh = on_refresh;
    object->execute = on_execute;
    object->initialise = initialise;
}
