/* A device with all objects of the house, for tests of what it serves. Its owners count what they are told. */
#ifndef PINHOLE_TEST_LWM2M_DEVICE_H
#define PINHOLE_TEST_LWM2M_DEVICE_H

#include "engine/lwm2m/lwm2m_serve.h"

#include <stdlib.h>
#include <string.h>

enum { DEVICE_OBJECTS = 6, DEVICE_INSTANCES = 3, DEVICE_PAYLOAD = 8192 };

struct lwm2m_device {
    struct lwm2m_object objects[DEVICE_OBJECTS];
    struct lwm2m_instance instances[DEVICE_OBJECTS][DEVICE_INSTANCES];
    struct lwm2m_model model;
    struct lwm2m_observations observations;
    struct lwm2m_server server;
    uint8_t payload[DEVICE_PAYLOAD];
    struct lwm2m_response response;

    /* What owners were told. */
    int changes;
    struct lwm2m_path changed;
    int writes, creations, removals, executions, refreshes;
    struct lwm2m_path written; /* the first entry */
    size_t written_count;
    char arguments[64];
    enum lwm2m_code executes_with;
};

static inline void device_changed(void *context, const struct lwm2m_path *path)
{
    struct lwm2m_device *device = context;
    device->changes++;
    device->changed = *path;
    lwm2m_observe_changed(&device->observations, &device->model, path);
}

static inline void device_written(void *context, struct lwm2m_instance *instance,
                                  const struct lwm2m_entry *entries, size_t count, bool created)
{
    struct lwm2m_device *device = context;
    (void)instance;
    device->writes++;
    device->creations += created;
    device->written_count = count;
    if (count)
        device->written = entries[0].path;
}

static inline void device_removed(void *context, struct lwm2m_instance *instance)
{
    (void)instance;
    ((struct lwm2m_device *)context)->removals++;
}

static inline enum lwm2m_code device_execute(void *context, struct lwm2m_instance *instance,
                                             uint16_t resource, const char *arguments,
                                             size_t length)
{
    struct lwm2m_device *device = context;
    (void)instance;
    (void)resource;
    device->executions++;
    if (length >= sizeof device->arguments)
        length = sizeof device->arguments - 1;
    memcpy(device->arguments, arguments, length);
    device->arguments[length] = '\0';
    return device->executes_with;
}

static inline void device_refresh(void *context, struct lwm2m_instance *instance)
{
    (void)instance;
    ((struct lwm2m_device *)context)->refreshes++;
}

/* PCP-context: a new instance has its status, version and protocol; remote ports under 10 are refused by the owner. */
static inline void device_initialise_pcp(void *context, struct lwm2m_instance *instance)
{
    struct lwm2m_device *device = context;
    lwm2m_model_put_integer(&device->model, LWM2M_OBJECT_PCP_CONTEXT, instance->id,
                            PCP_CONTEXT_STATUS, PCP_STATUS_DISABLED);
    lwm2m_model_put_integer(&device->model, LWM2M_OBJECT_PCP_CONTEXT, instance->id,
                            PCP_CONTEXT_VERSION, 2);
    lwm2m_model_put_integer(&device->model, LWM2M_OBJECT_PCP_CONTEXT, instance->id,
                            PCP_CONTEXT_PROTOCOL, 17);
}

static inline enum lwm2m_code device_check_pcp(void *context, const struct lwm2m_entry *entry)
{
    (void)context;
    bool is_bad = entry->path.id[2] == PCP_CONTEXT_REMOTE_PORT && entry->value.as.integer < 10;
    return is_bad ? LWM2M_BAD_REQUEST : LWM2M_CHANGED;
}

static inline void device_fill(struct lwm2m_device *device)
{
    struct lwm2m_model *model = &device->model;
    for (uint16_t i = 0; i < 2; i++)
        lwm2m_model_add(&device->objects[0], i);
    lwm2m_model_put_text(model, 0, 0, 0, "coap://11.0.0.2");
    lwm2m_model_put_boolean(model, 0, 0, 1, true);
    lwm2m_model_put_integer(model, 0, 0, 2, 3);
    lwm2m_model_put_text(model, 0, 1, 0, "coap://11.0.0.3");
    lwm2m_model_put_boolean(model, 0, 1, 1, false);
    lwm2m_model_put_integer(model, 0, 1, 2, 3);
    lwm2m_model_put_integer(model, 0, 1, 10, 101);

    lwm2m_model_add(&device->objects[1], 0);
    lwm2m_model_put_integer(model, 1, 0, 0, 101);
    lwm2m_model_put_integer(model, 1, 0, 1, 300);
    lwm2m_model_put_integer(model, 1, 0, 2, 1);
    lwm2m_model_put_boolean(model, 1, 0, 6, false);
    lwm2m_model_put_text(model, 1, 0, 7, "U");

    lwm2m_model_add(&device->objects[2], 0);
    lwm2m_model_put_text(model, 3, 0, 0, "pinhole");
    lwm2m_model_put_integer(model, 3, 0, 11, 0);
    lwm2m_model_put_text(model, 3, 0, 14, "+01:00");
    lwm2m_model_put_text(model, 3, 0, 16, "U");
    for (uint16_t i = 0; i < 2; i++) {
        const struct lwm2m_path voltage = {4, {3, 0, 7, i}};
        const struct lwm2m_value value = {LWM2M_TYPE_INTEGER, {.integer = 3800 + i}};
        lwm2m_model_put(model, &voltage, &value);
    }

    lwm2m_model_add(&device->objects[4], 0);
    lwm2m_model_put_real(model, 3303, 0, 5700, 21.5);
    lwm2m_model_put_text(model, 3303, 0, 5701, "Cel");

    lwm2m_model_add(&device->objects[5], 0);
    lwm2m_model_put_integer(model, LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_LIFETIME, 7200);
    lwm2m_model_put_integer(model, LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_STATUS, 0);
    lwm2m_model_put_integer(model, LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_VERSION, 2);
    lwm2m_model_put_boolean(model, LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_ENABLED, false);
    lwm2m_model_put_integer(model, LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_INTERNAL_PORT, 5683);
    for (uint16_t i = 0; i < 2; i++) {
        const struct lwm2m_path filter = {4, {LWM2M_OBJECT_PCP_CONTEXT, 0, PCP_CONTEXT_FILTERS, i}};
        static const char *const texts[] = {"11.0.0.2/32", "11.0.0.3/32"};
        struct lwm2m_value value = {.type = LWM2M_TYPE_STRING};
        value.as.data.octets = (const uint8_t *)texts[i];
        value.as.data.length = strlen(texts[i]);
        lwm2m_model_put(model, &filter, &value);
    }
}

/* A device that speaks 1.1: a bootstrap account (/0/0), a server account (/0/1, /1/0), /3/0, /3303/0, /26887/0, and
 * /4 without an instance. The caller frees it. */
static inline struct lwm2m_device *device_make(void)
{
    struct lwm2m_device *device = calloc(1, sizeof *device);
    if (!device)
        abort();
    static const struct lwm2m_object_definition *const definitions[DEVICE_OBJECTS] = {
        &lwm2m_object_security,     &lwm2m_object_server,      &lwm2m_object_device,
        &lwm2m_object_connectivity, &lwm2m_object_temperature, &lwm2m_object_pcp_context};
    for (size_t i = 0; i < DEVICE_OBJECTS; i++)
        device->objects[i] =
            (struct lwm2m_object){.definition = definitions[i],
                                  .instances = device->instances[i],
                                  .capacity = definitions[i]->multiple ? DEVICE_INSTANCES : 1,
                                  .context = device,
                                  .written = device_written,
                                  .removed = device_removed,
                                  .execute = device_execute,
                                  .refresh = device_refresh};
    device->objects[5].initialise = device_initialise_pcp;
    device->objects[5].check = device_check_pcp;
    device->model = (struct lwm2m_model){
        .objects = device->objects, .count = DEVICE_OBJECTS, .context = device};
    device_fill(device);
    device->model.changed = device_changed;
    device->server.model = &device->model;
    device->server.observations = &device->observations;
    device->server.is_1_1 = true;
    device->server.default_format = LWM2M_FORMAT_TLV;
    device->executes_with = LWM2M_CHANGED;
    return device;
}

static inline struct lwm2m_path device_path(const char *text)
{
    struct lwm2m_path path;
    if (!lwm2m_path_read(text, strlen(text), &path))
        abort();
    return path;
}

/* Serves a request; its answer is in device->response. */
static inline enum lwm2m_code device_serve(struct lwm2m_device *device,
                                           const struct lwm2m_request *request)
{
    device->response.payload = device->payload;
    device->response.capacity = sizeof device->payload;
    lwm2m_serve(&device->server, request, &device->response);
    return device->response.code;
}

static inline struct lwm2m_request device_request(enum lwm2m_method method, const char *path,
                                                  uint32_t format, const void *payload,
                                                  size_t length)
{
    return (struct lwm2m_request){.method = method,
                                  .path = device_path(path),
                                  .content_format = format,
                                  .accept = LWM2M_FORMAT_NONE,
                                  .payload = payload,
                                  .length = length};
}

/* A request of the management server. */
static inline enum lwm2m_code device_ask(struct lwm2m_device *device, enum lwm2m_method method,
                                         const char *path, uint32_t format, const void *payload,
                                         size_t length)
{
    const struct lwm2m_request request = device_request(method, path, format, payload, length);
    return device_serve(device, &request);
}

/* The same with a text, of whatever format. */
static inline enum lwm2m_code device_tell(struct lwm2m_device *device, enum lwm2m_method method,
                                          const char *path, uint32_t format, const char *text)
{
    return device_ask(device, method, path, format, text, strlen(text));
}

static inline enum lwm2m_code device_get(struct lwm2m_device *device, const char *path,
                                         uint32_t accept)
{
    const struct lwm2m_request request = {.method = LWM2M_GET,
                                          .path = device_path(path),
                                          .content_format = LWM2M_FORMAT_NONE,
                                          .accept = accept};
    return device_serve(device, &request);
}

/* A request of the bootstrap server. */
static inline enum lwm2m_code device_bootstrap(struct lwm2m_device *device,
                                               enum lwm2m_method method, const char *path,
                                               uint32_t format, const void *payload, size_t length)
{
    struct lwm2m_request request = device_request(method, path, format, payload, length);
    request.from_bootstrap = true;
    return device_serve(device, &request);
}

static inline const struct lwm2m_value *device_value(const struct lwm2m_device *device,
                                                     const char *text)
{
    struct lwm2m_path path = device_path(text);
    const struct lwm2m_object *object = lwm2m_model_object(&device->model, path.id[0]);
    const struct lwm2m_instance *instance =
        object ? lwm2m_model_instance(object, path.id[1]) : NULL;
    return instance ? lwm2m_model_get(instance, path.id[2], path.depth == 4 ? path.id[3] : 0)
                    : NULL;
}

/* -1 if there is none. */
static inline int64_t device_integer(const struct lwm2m_device *device, const char *path)
{
    const struct lwm2m_value *value = device_value(device, path);
    return value ? value->as.integer : -1;
}

static inline bool device_has_text(const struct lwm2m_device *device, const char *path,
                                   const char *text)
{
    const struct lwm2m_value *value = device_value(device, path);
    return value && value->as.data.length == strlen(text) &&
           !memcmp(value->as.data.octets, text, strlen(text));
}

static inline bool device_answered(const struct lwm2m_device *device, const char *text)
{
    return device->response.length == strlen(text) &&
           !memcmp(device->response.payload, text, strlen(text));
}

/* Is the model as it must always be: cells ascending, each of a resource that there is and of its type, texts one
 * after the other in their arena, without a gap? */
static inline bool device_is_sound(const struct lwm2m_device *device)
{
    for (size_t o = 0; o < DEVICE_OBJECTS; o++) {
        const struct lwm2m_object *object = &device->objects[o];
        for (uint16_t i = 0; i < object->capacity; i++) {
            const struct lwm2m_instance *instance = &object->instances[i];
            size_t octets = 0;
            if (!instance->used)
                continue;
            if (lwm2m_model_instance(object, instance->id) != instance ||
                instance->count > LWM2M_CELLS || instance->id == LWM2M_ID_RESERVED)
                return false;
            for (uint16_t c = 0; c < instance->count; c++) {
                const struct lwm2m_cell *cell = &instance->cells[c];
                const struct lwm2m_resource_definition *resource =
                    lwm2m_definition_resource(object->definition, cell->resource);
                if (!resource || resource->type != cell->value.type ||
                    (!resource->multiple && cell->instance))
                    return false;
                if (c &&
                    (cell[-1].resource > cell->resource ||
                     (cell[-1].resource == cell->resource && cell[-1].instance >= cell->instance)))
                    return false;
                if (cell->value.type != LWM2M_TYPE_STRING && cell->value.type != LWM2M_TYPE_OPAQUE)
                    continue;
                if (cell->value.as.data.length &&
                    (cell->value.as.data.octets < instance->arena ||
                     cell->value.as.data.octets + cell->value.as.data.length >
                         instance->arena + instance->arena_used))
                    return false;
                octets += cell->value.as.data.length;
            }
            if (octets != instance->arena_used)
                return false;
        }
    }
    return true;
}

#endif
