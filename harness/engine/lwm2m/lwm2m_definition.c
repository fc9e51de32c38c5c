#include "engine/lwm2m/lwm2m_definition.h"

const struct lwm2m_object_definition *const lwm2m_objects[] = {
    &lwm2m_object_security,
    &lwm2m_object_server_1_1,
    &lwm2m_object_device,
    &lwm2m_object_connectivity,
    &lwm2m_object_temperature,
    &lwm2m_object_pcp_context,
    NULL,
};

/* Objects have few resources, and most are asked for by their place in the table: the id itself. */
const struct lwm2m_resource_definition *
lwm2m_definition_resource(const struct lwm2m_object_definition *object, uint16_t id)
{
    if (id < object->count && object->resources[id].id == id)
        return &object->resources[id];
    for (uint16_t i = 0; i < object->count; i++)
        if (object->resources[i].id == id)
            return &object->resources[i];
    return NULL;
}

/* --- typing by the registry ------------------------------------------------------------------ */

enum { DEPTH_OF_RESOURCES = 3 };

static const struct lwm2m_resource_definition *resource_at(const struct lwm2m_path *path)
{
    if (path->depth < DEPTH_OF_RESOURCES)
        return NULL;
    for (size_t i = 0; lwm2m_objects[i]; i++)
        if (lwm2m_objects[i]->id == path->id[0])
            return lwm2m_definition_resource(lwm2m_objects[i], path->id[2]);
    return NULL;
}

static enum lwm2m_type type_of(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    const struct lwm2m_resource_definition *resource = resource_at(path);
    return resource ? resource->type : LWM2M_TYPE_NONE;
}

static bool is_multiple(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    const struct lwm2m_resource_definition *resource = resource_at(path);
    return resource && resource->multiple;
}

const struct lwm2m_typing lwm2m_typing_of_registry = {
    .type_of = type_of,
    .is_multiple = is_multiple,
};
