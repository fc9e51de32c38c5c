#include "engine/lwm2m/lwm2m_snapshot.h"

#include <string.h>

/* Values point into the arena of the live instance, in a snapshot too, where their octets are not. */
void lwm2m_snapshot_take(const struct lwm2m_model *model, struct lwm2m_instance *snapshot)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct lwm2m_object *object = &model->objects[i];
        memcpy(snapshot, object->instances, object->capacity * sizeof *snapshot);
        snapshot += object->capacity;
    }
}

/* --- what was touched ------------------------------------------------------------------------ */

/* Whose octets a value of instance has: live's, or those that stood at that place of its arena. */
static const uint8_t *octets_of(const struct lwm2m_instance *live,
                                const struct lwm2m_instance *holder,
                                const struct lwm2m_value *value)
{
    return value->as.data.length ? holder->arena + (value->as.data.octets - live->arena)
                                 : holder->arena;
}

static bool is_same_value(const struct lwm2m_instance *live, const struct lwm2m_cell *now,
                          const struct lwm2m_instance *before, const struct lwm2m_cell *then)
{
    if (now->value.type != then->value.type)
        return false;
    switch (now->value.type) {
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_CORELINK:
        return now->value.as.data.length == then->value.as.data.length &&
               !memcmp(octets_of(live, live, &now->value), octets_of(live, before, &then->value),
                       now->value.as.data.length);
    case LWM2M_TYPE_FLOAT:
        return now->value.as.real == then->value.as.real;
    case LWM2M_TYPE_BOOLEAN:
        return now->value.as.boolean == then->value.as.boolean;
    case LWM2M_TYPE_LINK:
        return now->value.as.link.object == then->value.as.link.object &&
               now->value.as.link.instance == then->value.as.link.instance;
    default:
        return now->value.as.integer == then->value.as.integer;
    }
}

enum { OBJECT_SERVER = 1 };

/* What an object changes by itself is read only; objects 0 and 1 change nothing by themselves. */
static bool is_others(const struct lwm2m_object *object, uint16_t id)
{
    const struct lwm2m_resource_definition *resource =
        lwm2m_definition_resource(object->definition, id);
    return object->definition->id <= OBJECT_SERVER ||
           (resource && (!resource->operations || resource->operations & LWM2M_WRITE));
}

/* The next cell from index on that others may write. */
static const struct lwm2m_cell *next_written(const struct lwm2m_object *object,
                                             const struct lwm2m_instance *instance, size_t *index)
{
    while (*index < instance->count) {
        const struct lwm2m_cell *cell = &instance->cells[(*index)++];
        if (is_others(object, cell->resource))
            return cell;
    }
    return NULL;
}

static bool is_touched(const struct lwm2m_object *object, const struct lwm2m_instance *live,
                       const struct lwm2m_instance *before)
{
    if (live->used != before->used || (live->used && live->id != before->id))
        return true;
    if (!live->used)
        return false;
    for (size_t l = 0, b = 0;;) {
        const struct lwm2m_cell *now = next_written(object, live, &l);
        const struct lwm2m_cell *then = next_written(object, before, &b);
        if (!now || !then)
            return now || then;
        if (now->resource != then->resource || now->instance != then->instance ||
            !is_same_value(live, now, before, then))
            return true;
    }
}

/* --- back to what was ------------------------------------------------------------------------ */

/* An id may have moved to another place of the array: those that go do so before any comes back. */
static void restore_object(struct lwm2m_object *object, const struct lwm2m_instance *snapshot)
{
    for (uint16_t i = 0; i < object->capacity; i++) {
        struct lwm2m_instance *live = &object->instances[i];
        if (!live->used || !is_touched(object, live, &snapshot[i]))
            continue;
        if (object->removed)
            object->removed(object->context, live);
        live->used = false;
    }
    for (uint16_t i = 0; i < object->capacity; i++) {
        struct lwm2m_instance *live = &object->instances[i];
        if (live->used || !snapshot[i].used)
            continue;
        *live = snapshot[i];
        if (object->written)
            object->written(object->context, live, NULL, 0, true);
    }
}

void lwm2m_snapshot_restore(struct lwm2m_model *model, const struct lwm2m_instance *snapshot)
{
    for (size_t i = 0; i < model->count; i++) {
        restore_object(&model->objects[i], snapshot);
        snapshot += model->objects[i].capacity;
    }
}
