#include "engine/lwm2m/lwm2m_model.h"

#include <string.h>

/* --- objects and instances ------------------------------------------------------------------ */

struct lwm2m_object *lwm2m_model_object(const struct lwm2m_model *model, uint16_t id)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->objects[i].definition->id == id)
            return &model->objects[i];
    return NULL;
}

struct lwm2m_instance *lwm2m_model_instance(const struct lwm2m_object *object, uint16_t id)
{
    for (uint16_t i = 0; i < object->capacity; i++)
        if (object->instances[i].used && object->instances[i].id == id)
            return &object->instances[i];
    return NULL;
}

struct lwm2m_instance *lwm2m_model_next(const struct lwm2m_object *object, int32_t id)
{
    struct lwm2m_instance *next = NULL;
    for (uint16_t i = 0; i < object->capacity; i++) {
        struct lwm2m_instance *instance = &object->instances[i];
        if (instance->used && instance->id > id && (!next || instance->id < next->id))
            next = instance;
    }
    return next;
}

static uint16_t lowest_free(const struct lwm2m_object *object)
{
    uint16_t id = 0;
    while (lwm2m_model_instance(object, id))
        id++;
    return id;
}

struct lwm2m_instance *lwm2m_model_add(struct lwm2m_object *object, uint16_t id)
{
    if (id == LWM2M_ID_RESERVED)
        id = lowest_free(object);
    else if (lwm2m_model_instance(object, id))
        return NULL;
    for (uint16_t i = 0; i < object->capacity; i++) {
        struct lwm2m_instance *instance = &object->instances[i];
        if (instance->used)
            continue;
        instance->used = true;
        instance->id = id;
        instance->count = 0;
        instance->arena_used = 0;
        return instance;
    }
    return NULL;
}

void lwm2m_model_remove(struct lwm2m_object *object, struct lwm2m_instance *instance)
{
    (void)object;
    instance->used = false;
    instance->count = 0;
    instance->arena_used = 0;
}

/* --- cells and their arena ------------------------------------------------------------------ */

static bool has_octets(enum lwm2m_type type)
{
    return type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_OPAQUE || type == LWM2M_TYPE_CORELINK;
}

/* The first cell that is not before the place; that of the place itself, if there is one. */
static uint16_t cell_at(const struct lwm2m_instance *instance, uint16_t resource, uint16_t place)
{
    uint16_t i = 0;
    while (i < instance->count &&
           (instance->cells[i].resource < resource ||
            (instance->cells[i].resource == resource && instance->cells[i].instance < place)))
        i++;
    return i;
}

static bool is_cell_of(const struct lwm2m_instance *instance, uint16_t index, uint16_t resource,
                       uint16_t place)
{
    return index < instance->count && instance->cells[index].resource == resource &&
           instance->cells[index].instance == place;
}

size_t lwm2m_model_octets(const struct lwm2m_value *value)
{
    return has_octets(value->type) ? value->as.data.length : 0;
}

/* Gives the octets of a value back: those behind them move down, and so do the values that point there. */
static void arena_release(struct lwm2m_instance *instance, const struct lwm2m_value *value)
{
    size_t length = lwm2m_model_octets(value);
    if (!length)
        return;
    size_t at = (size_t)(value->as.data.octets - instance->arena);
    memmove(instance->arena + at, instance->arena + at + length,
            instance->arena_used - at - length);
    instance->arena_used = (uint16_t)(instance->arena_used - length);
    for (uint16_t i = 0; i < instance->count; i++) {
        struct lwm2m_value *other = &instance->cells[i].value;
        if (lwm2m_model_octets(other) && other->as.data.octets > instance->arena + at)
            other->as.data.octets -= length;
    }
}

static void arena_keep(struct lwm2m_instance *instance, struct lwm2m_value *value)
{
    if (!has_octets(value->type))
        return;
    uint8_t *octets = instance->arena + instance->arena_used;
    if (value->as.data.length)
        memcpy(octets, value->as.data.octets, value->as.data.length);
    instance->arena_used = (uint16_t)(instance->arena_used + value->as.data.length);
    value->as.data.octets = octets;
}

static void cell_remove(struct lwm2m_instance *instance, uint16_t index)
{
    arena_release(instance, &instance->cells[index].value);
    instance->count--;
    memmove(&instance->cells[index], &instance->cells[index + 1],
            (size_t)(instance->count - index) * sizeof instance->cells[0]);
}

static void cell_insert(struct lwm2m_instance *instance, uint16_t index, uint16_t resource,
                        uint16_t place)
{
    memmove(&instance->cells[index + 1], &instance->cells[index],
            (size_t)(instance->count - index) * sizeof instance->cells[0]);
    instance->count++;
    instance->cells[index] = (struct lwm2m_cell){.resource = resource, .instance = place};
}

/* --- putting and dropping ------------------------------------------------------------------- */

static bool is_same(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_UNSIGNED:
    case LWM2M_TYPE_TIME:
        return a->as.integer == b->as.integer;
    case LWM2M_TYPE_FLOAT: /* not a number is the same as itself here */
        return a->as.real == b->as.real || (a->as.real != a->as.real && b->as.real != b->as.real);
    case LWM2M_TYPE_BOOLEAN:
        return a->as.boolean == b->as.boolean;
    case LWM2M_TYPE_LINK:
        return a->as.link.object == b->as.link.object && a->as.link.instance == b->as.link.instance;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_CORELINK:
        return a->as.data.length == b->as.data.length &&
               (!a->as.data.length ||
                !memcmp(a->as.data.octets, b->as.data.octets, a->as.data.length));
    default:
        return true;
    }
}

/* The value as the definition wants it; type NONE if it is of another type. */
static struct lwm2m_value as_defined(const struct lwm2m_resource_definition *definition,
                                     const struct lwm2m_value *value)
{
    struct lwm2m_value out = *value;
    bool is_counted =
        definition->type == LWM2M_TYPE_UNSIGNED || definition->type == LWM2M_TYPE_TIME;
    if (value->type == LWM2M_TYPE_INTEGER && is_counted)
        out.type = definition->type;
    if (out.type != definition->type || (out.type == LWM2M_TYPE_UNSIGNED && out.as.integer < 0))
        out.type = LWM2M_TYPE_NONE;
    return out;
}

/* The instance and the definition of the resource that path (depth 3 or 4) names. */
static struct lwm2m_instance *look_up(const struct lwm2m_model *model,
                                      const struct lwm2m_path *path,
                                      const struct lwm2m_resource_definition **definition)
{
    struct lwm2m_object *object = path->depth >= 3 ? lwm2m_model_object(model, path->id[0]) : NULL;
    *definition = object ? lwm2m_definition_resource(object->definition, path->id[2]) : NULL;
    return *definition ? lwm2m_model_instance(object, path->id[1]) : NULL;
}

static void tell(struct lwm2m_model *model, const struct lwm2m_path *path)
{
    if (model->changed)
        model->changed(model->context, path);
}

bool lwm2m_model_put(struct lwm2m_model *model, const struct lwm2m_path *path,
                     const struct lwm2m_value *value)
{
    const struct lwm2m_resource_definition *definition;
    struct lwm2m_instance *instance = look_up(model, path, &definition);
    if (!instance || path->depth != (definition->multiple ? 4 : 3))
        return false;
    struct lwm2m_value wanted = as_defined(definition, value);
    if (wanted.type == LWM2M_TYPE_NONE)
        return false;

    uint16_t place = definition->multiple ? path->id[3] : 0;
    uint16_t index = cell_at(instance, definition->id, place);
    bool is_there = is_cell_of(instance, index, definition->id, place);
    if (is_there && is_same(&instance->cells[index].value, &wanted))
        return true;
    size_t freed = is_there ? lwm2m_model_octets(&instance->cells[index].value) : 0;
    if ((!is_there && instance->count == LWM2M_CELLS) ||
        lwm2m_model_octets(&wanted) > LWM2M_ARENA - (instance->arena_used - freed))
        return false;

    if (is_there)
        arena_release(instance, &instance->cells[index].value);
    else
        cell_insert(instance, index, definition->id, place);
    arena_keep(instance, &wanted);
    instance->cells[index].value = wanted;
    tell(model, path);
    return true;
}

void lwm2m_model_drop(struct lwm2m_model *model, const struct lwm2m_path *path)
{
    const struct lwm2m_resource_definition *definition;
    struct lwm2m_instance *instance = look_up(model, path, &definition);
    if (!instance)
        return;
    uint16_t count = instance->count;
    uint16_t index = cell_at(instance, path->id[2], path->depth == 4 ? path->id[3] : 0);
    while (index < instance->count && instance->cells[index].resource == path->id[2] &&
           (path->depth == 3 || instance->cells[index].instance == path->id[3]))
        cell_remove(instance, index);
    if (instance->count != count)
        tell(model, path);
}

/* --- the same by ids ------------------------------------------------------------------------ */

static bool put_by_ids(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                       uint16_t resource, struct lwm2m_value value)
{
    struct lwm2m_path path = {.depth = 3, .id = {object, instance, resource}};
    const struct lwm2m_resource_definition *definition;
    if (!look_up(model, &path, &definition))
        return false;
    path.depth = definition->multiple ? 4 : 3;
    return lwm2m_model_put(model, &path, &value);
}

bool lwm2m_model_put_integer(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                             uint16_t resource, int64_t value)
{
    return put_by_ids(model, object, instance, resource,
                      (struct lwm2m_value){.type = LWM2M_TYPE_INTEGER, .as.integer = value});
}

bool lwm2m_model_put_text(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                          uint16_t resource, const char *text)
{
    struct lwm2m_value value = {.type = LWM2M_TYPE_STRING};
    value.as.data.octets = (const uint8_t *)text;
    value.as.data.length = strlen(text);
    return put_by_ids(model, object, instance, resource, value);
}

bool lwm2m_model_put_real(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                          uint16_t resource, double value)
{
    return put_by_ids(model, object, instance, resource,
                      (struct lwm2m_value){.type = LWM2M_TYPE_FLOAT, .as.real = value});
}

bool lwm2m_model_put_boolean(struct lwm2m_model *model, uint16_t object, uint16_t instance,
                             uint16_t resource, bool value)
{
    return put_by_ids(model, object, instance, resource,
                      (struct lwm2m_value){.type = LWM2M_TYPE_BOOLEAN, .as.boolean = value});
}

/* --- reading -------------------------------------------------------------------------------- */

const struct lwm2m_value *lwm2m_model_get(const struct lwm2m_instance *instance, uint16_t resource,
                                          uint16_t resource_instance)
{
    uint16_t index = cell_at(instance, resource, resource_instance);
    return is_cell_of(instance, index, resource, resource_instance) ? &instance->cells[index].value
                                                                    : NULL;
}

int64_t lwm2m_model_integer(const struct lwm2m_instance *instance, uint16_t resource,
                            int64_t otherwise)
{
    const struct lwm2m_value *value = lwm2m_model_get(instance, resource, 0);
    bool is_integer =
        value && (value->type == LWM2M_TYPE_INTEGER || value->type == LWM2M_TYPE_UNSIGNED ||
                  value->type == LWM2M_TYPE_TIME);
    return is_integer ? value->as.integer : otherwise;
}

bool lwm2m_model_boolean(const struct lwm2m_instance *instance, uint16_t resource, bool otherwise)
{
    const struct lwm2m_value *value = lwm2m_model_get(instance, resource, 0);
    return value && value->type == LWM2M_TYPE_BOOLEAN ? value->as.boolean : otherwise;
}

const char *lwm2m_model_text(const struct lwm2m_instance *instance, uint16_t resource, char *text,
                             size_t size)
{
    const struct lwm2m_value *value = lwm2m_model_get(instance, resource, 0);
    size_t length = 0;
    if (value && has_octets(value->type) && value->as.data.length < size)
        length = value->as.data.length;
    if (length)
        memcpy(text, value->as.data.octets, length);
    text[length] = '\0';
    return text;
}

/* --- typing --------------------------------------------------------------------------------- */

static const struct lwm2m_resource_definition *defined_at(const void *context,
                                                          const struct lwm2m_path *path)
{
    const struct lwm2m_object *object =
        path->depth >= 3 ? lwm2m_model_object(context, path->id[0]) : NULL;
    return object ? lwm2m_definition_resource(object->definition, path->id[2]) : NULL;
}

static enum lwm2m_type type_of(const void *context, const struct lwm2m_path *path)
{
    const struct lwm2m_resource_definition *definition = defined_at(context, path);
    return definition ? definition->type : LWM2M_TYPE_NONE;
}

static bool is_multiple(const void *context, const struct lwm2m_path *path)
{
    const struct lwm2m_resource_definition *definition = defined_at(context, path);
    return definition && definition->multiple;
}

struct lwm2m_typing lwm2m_model_typing(const struct lwm2m_model *model)
{
    return (struct lwm2m_typing){type_of, is_multiple, model};
}
