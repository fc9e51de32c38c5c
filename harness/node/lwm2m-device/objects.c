#include "node/lwm2m-device/objects.h"

#include "engine/lwm2m/lwm2m_binding.h"

#include <string.h>
#include <time.h>

/* --- Server ----------------------------------------------------------------------------------- */

/* For what a bootstrap server doesn't write. */
static void initialise_server(void *context, struct lwm2m_instance *instance)
{
    enum { STORING = 6, DEFAULT_LIFETIME = 86400 };
    struct objects *objects = context;
    const uint16_t object = lwm2m_object_server.id;
    lwm2m_model_put_integer(&objects->model, object, instance->id, LWM2M_SERVER_LIFETIME,
                            DEFAULT_LIFETIME);
    lwm2m_model_put_boolean(&objects->model, object, instance->id, STORING, false);
    lwm2m_model_put_text(&objects->model, object, instance->id, LWM2M_SERVER_BINDING,
                         objects->binding);
}

static enum lwm2m_code execute_server(void *context, struct lwm2m_instance *instance,
                                      uint16_t resource, const char *arguments, size_t length)
{
    const struct objects *objects = context;
    return lwm2m_client_execute(objects->client, instance, resource, arguments, length);
}

static enum lwm2m_code check_server(void *context, const struct lwm2m_entry *entry)
{
    const struct objects *objects = context;
    bool is_good = entry->path.id[2] != LWM2M_SERVER_BINDING ||
                   lwm2m_binding_is_known((const char *)entry->value.as.data.octets,
                                          entry->value.as.data.length, objects->is_1_1);
    return is_good ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;
}

static void open_server(struct lwm2m_object *object)
{
    object->check = check_server;
    object->initialise = initialise_server;
    object->execute = execute_server;
}

void objects_note_bootstrap(struct objects *objects)
{
    struct lwm2m_object *object = lwm2m_model_object(&objects->model, lwm2m_object_server.id);
    struct lwm2m_instance *instance = NULL;
    int64_t now = (int64_t)time(NULL) + objects->clock_ahead;
    while ((instance = lwm2m_model_next(object, instance ? instance->id : -1)))
        lwm2m_model_put_integer(&objects->model, lwm2m_object_server.id, instance->id,
                                LWM2M_SERVER_LAST_BOOTSTRAPPED, now);
}

/* --- all -------------------------------------------------------------------------------------- */

static const struct {
    const struct lwm2m_object_definition *definition;
    const struct lwm2m_object_definition *of_1_1; /* instead, in a device of LwM2M 1.1 */
    uint16_t capacity;
    bool is_of_hardware; /* it has the one instance, whoever provisions the device */
    void (*open)(struct lwm2m_object *object);
} kinds[OBJECTS] = {
    {&lwm2m_object_security, NULL, OBJECTS_SECURITY, false, NULL},
    {&lwm2m_object_server, &lwm2m_object_server_1_1, OBJECTS_SERVERS, false, open_server},
    {&lwm2m_object_device, NULL, 1, true, object_device_open},
    {&lwm2m_object_connectivity, NULL, 1, true, object_connectivity_open},
    {&lwm2m_object_temperature, NULL, 1, true, object_temperature_open},
    {&lwm2m_object_pcp_context, NULL, OBJECTS_PCP_CONTEXTS, false, NULL},
};

void objects_open(struct objects *objects)
{
    struct lwm2m_instance *room = objects->instances;
    objects->model.objects = objects->table;
    objects->model.count = objects->has_pcp ? OBJECTS : OBJECTS - 1;
    for (size_t i = 0; i < objects->model.count; i++) {
        struct lwm2m_object *object = &objects->table[i];
        object->definition =
            objects->is_1_1 && kinds[i].of_1_1 ? kinds[i].of_1_1 : kinds[i].definition;
        object->capacity = kinds[i].capacity;
        object->instances = room;
        object->context = objects;
        room += object->capacity;
        if (kinds[i].open)
            kinds[i].open(object);
    }
    objects_equip(objects);
}

void objects_equip(struct objects *objects)
{
    for (size_t i = 0; i < objects->model.count; i++) {
        struct lwm2m_object *object = &objects->table[i];
        struct lwm2m_instance *instance =
            kinds[i].is_of_hardware ? lwm2m_model_add(object, 0) : NULL;
        if (instance)
            object->initialise(objects, instance);
    }
}

void objects_refresh(struct objects *objects)
{
    for (size_t i = 0; i < objects->model.count; i++) {
        struct lwm2m_object *object = &objects->table[i];
        struct lwm2m_instance *instance = NULL;
        while (object->refresh &&
               (instance = lwm2m_model_next(object, instance ? instance->id : -1)))
            object->refresh(object->context, instance);
    }
}

/* --- provisioning ----------------------------------------------------------------------------- */

static void put_octets(struct objects *objects, uint16_t instance, uint16_t resource,
                       const uint8_t *octets, size_t length)
{
    const struct lwm2m_path path = {3, {lwm2m_object_security.id, instance, resource}};
    const struct lwm2m_value value = {.type = LWM2M_TYPE_OPAQUE,
                                      .as.data = {.octets = octets, .length = length}};
    lwm2m_model_put(&objects->model, &path, &value);
}

bool objects_provision(struct objects *objects, const struct objects_account *account)
{
    enum { PSK = 0, NO_SEC = 3, SERVER_KEY = 4, SHORT_ID = 1 };
    struct lwm2m_model *model = &objects->model;
    const uint16_t security = lwm2m_object_security.id;
    const uint16_t server = lwm2m_object_server.id;
    const struct lwm2m_instance *instance =
        lwm2m_model_add(lwm2m_model_object(model, security), LWM2M_ID_RESERVED);
    if (!instance)
        return false;
    const char *identity = account->identity ? account->identity : "";
    lwm2m_model_put_text(model, security, instance->id, LWM2M_SECURITY_URI, account->uri);
    lwm2m_model_put_boolean(model, security, instance->id, LWM2M_SECURITY_BOOTSTRAP,
                            account->is_bootstrap);
    lwm2m_model_put_integer(model, security, instance->id, LWM2M_SECURITY_MODE,
                            account->identity ? PSK : NO_SEC);
    put_octets(objects, instance->id, LWM2M_SECURITY_IDENTITY, (const uint8_t *)identity,
               strlen(identity));
    put_octets(objects, instance->id, SERVER_KEY, (const uint8_t *)"", 0);
    put_octets(objects, instance->id, LWM2M_SECURITY_KEY, account->key, account->key_length);
    if (account->is_bootstrap)
        return true;
    lwm2m_model_put_integer(model, security, instance->id, LWM2M_SECURITY_SHORT_ID, SHORT_ID);
    struct lwm2m_instance *told = lwm2m_model_add(lwm2m_model_object(model, server), 0);
    if (!told)
        return false;
    initialise_server(objects, told);
    lwm2m_model_put_integer(model, server, told->id, LWM2M_SERVER_SHORT_ID, SHORT_ID);
    lwm2m_model_put_integer(model, server, told->id, LWM2M_SERVER_LIFETIME, account->lifetime);
    return true;
}
