/* Object 4, Connectivity Monitoring. Its routers are whom a PCP client asks first (RFC 6887 section 8.1). */
#include "node/common/route.h"
#include "node/lwm2m-device/objects.h"

enum { BEARER = 0, BEARERS = 1, SIGNAL = 2, ADDRESSES = 4, ROUTERS = 5, ETHERNET = 41 };

static void on_refresh(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    const uint16_t object = lwm2m_object_connectivity.id;
    char text[ADDRESS_TEXT_SIZE];
    struct place router;
    lwm2m_model_put_text(&objects->model, object, instance->id, ADDRESSES,
                         address_format(&objects->source, text));
    if (route_default_router(objects->family, &router, NULL) == 0) {
        lwm2m_model_put_text(&objects->model, object, instance->id, ROUTERS,
                             address_format(&router.address, text));
    } else {
        const struct lwm2m_path path = {3, {object, instance->id, ROUTERS}};
        lwm2m_model_drop(&objects->model, &path);
    }
}

static void initialise(void *context, struct lwm2m_instance *instance)
{
    struct objects *objects = context;
    const uint16_t object = lwm2m_object_connectivity.id;
    lwm2m_model_put_integer(&objects->model, object, instance->id, BEARER, ETHERNET);
    lwm2m_model_put_integer(&objects->model, object, instance->id, BEARERS, ETHERNET);
    lwm2m_model_put_integer(&objects->model, object, instance->id, SIGNAL, 0);
    on_refresh(objects, instance);
}

void object_connectivity_open(struct lwm2m_object *object)
{
    object->refresh = on_refresh;
    object->initialise = initialise;
}
