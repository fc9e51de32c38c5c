/* How a write comes about, whole or not at all: entries have been checked and sorted; each instance is looked up, or
 * made on probation; only when all can take what is written for them is anything put.
 */
#include "engine/lwm2m/lwm2m_serve_private.h"

struct change {
    struct lwm2m_server *server;
    struct lwm2m_path base;
    const struct lwm2m_write_rules *rules;
    struct lwm2m_response *response;
    uint8_t is_new[LWM2M_ENTRIES /
                   8]; /* a bit an entry: its instance was made for it, and it is the first */
};

/* The entries of one instance. */
struct group {
    struct lwm2m_object *object;
    struct lwm2m_instance *instance;
    struct lwm2m_entry *entries;
    size_t count;
    bool is_new;
};

/* --- one instance --------------------------------------------------------------------------- */

static bool has_entry(const struct group *group, uint16_t resource, bool multiple, uint16_t place)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct lwm2m_entry *entry = &group->entries[i];
        if (entry->value.type != LWM2M_TYPE_NONE && entry->path.id[2] == resource &&
            (!multiple || entry->path.id[3] == place))
            return true;
    }
    return false;
}

/* What becomes of a value that is there? */
enum fate { STAYS, IS_OVERWRITTEN, GOES };

static enum fate fate_of(const struct change *change, const struct group *group,
                         const struct lwm2m_cell *cell)
{
    const struct lwm2m_resource_definition *resource =
        lwm2m_definition_resource(group->object->definition, cell->resource);
    if (!resource)
        return STAYS;
    if (has_entry(group, cell->resource, resource->multiple, cell->instance))
        return IS_OVERWRITTEN;
    /* What only the device itself can say (read-only resources) nobody's replacement takes away. */
    bool is_replaceable = lwm2m_serve_has_values(resource) &&
                          ((resource->operations & LWM2M_WRITE) ||
                           (change->rules->writes_everything && !resource->operations));
    bool is_within =
        change->base.depth < 3 || (change->base.depth == 3 && change->base.id[2] == cell->resource);
    return change->rules->is_replacing && !group->is_new && is_replaceable && is_within ? GOES
                                                                                        : STAYS;
}

static enum lwm2m_code check_room(const struct change *change, const struct group *group)
{
    size_t cells = 0;
    size_t octets = 0;
    for (uint16_t i = 0; i < group->instance->count; i++) {
        const struct lwm2m_cell *cell = &group->instance->cells[i];
        if (fate_of(change, group, cell) != STAYS)
            continue;
        cells++;
        octets += lwm2m_model_octets(&cell->value);
    }
    for (size_t i = 0; i < group->count; i++) {
        cells += group->entries[i].value.type != LWM2M_TYPE_NONE;
        octets += lwm2m_model_octets(&group->entries[i].value);
    }
    return cells > LWM2M_CELLS || octets > LWM2M_ARENA ? LWM2M_TOO_LARGE : LWM2M_CHANGED;
}

/* Is a mandatory resource that can be written missing in a new instance, or about to go from an old one? */
static bool lacks(const struct change *change, const struct group *group,
                  const struct lwm2m_resource_definition *resource)
{
    if (!resource->mandatory || !lwm2m_serve_has_values(resource) ||
        !(resource->operations & LWM2M_WRITE) || has_entry(group, resource->id, false, 0))
        return false;
    bool was_there = false;
    for (uint16_t i = 0; i < group->instance->count; i++) {
        const struct lwm2m_cell *cell = &group->instance->cells[i];
        if (cell->resource != resource->id)
            continue;
        if (fate_of(change, group, cell) == STAYS)
            return false;
        was_there = true;
    }
    return group->is_new || was_there;
}

static enum lwm2m_code check_mandatory(const struct change *change, const struct group *group)
{
    const struct lwm2m_object_definition *definition = group->object->definition;
    for (uint16_t i = 0; change->rules->needs_mandatory && i < definition->count; i++)
        if (lacks(change, group, &definition->resources[i]))
            return LWM2M_BAD_REQUEST;
    return LWM2M_CHANGED;
}

/* --- all instances -------------------------------------------------------------------------- */

/* The group that begins at index; its instance is NULL if there is none yet. */
static struct group group_at(const struct change *change, size_t index)
{
    struct lwm2m_content *content = &change->server->content;
    struct group group = {.entries = &content->entries[index]};
    const struct lwm2m_path *path = &group.entries[0].path;
    while (index + group.count < content->count &&
           group.entries[group.count].path.id[0] == path->id[0] &&
           group.entries[group.count].path.id[1] == path->id[1])
        group.count++;
    group.object = lwm2m_model_object(change->server->model, path->id[0]);
    group.instance = lwm2m_model_instance(group.object, path->id[1]);
    group.is_new = change->is_new[index / 8] >> (index % 8) & 1;
    return group;
}

/* Makes the instance of a group, with the values that it begins with; nobody is told yet. */
static enum lwm2m_code make(struct change *change, struct group *group, size_t index)
{
    struct lwm2m_model *model = change->server->model;
    uint16_t id = group->entries[0].path.id[1];
    if (change->rules->instances == LWM2M_TO_EXISTING)
        return LWM2M_NOT_FOUND;
    if (!group->object->definition->multiple) {
        if (lwm2m_model_next(group->object, -1))
            return LWM2M_NOT_ALLOWED;
        if (id != 0 && id != LWM2M_ID_RESERVED) /* 5.4.7: its only instance is 0 */
            return LWM2M_BAD_REQUEST;
    }
    group->instance = lwm2m_model_add(group->object, id);
    if (!group->instance)
        return LWM2M_INTERNAL_ERROR;
    group->is_new = true;
    change->is_new[index / 8] |= (uint8_t)(1 << (index % 8));
    for (size_t i = 0; i < group->count; i++)
        group->entries[i].path.id[1] = group->instance->id;
    if (group->object->initialise) {
        void (*changed)(void *context, const struct lwm2m_path *path) = model->changed;
        model->changed = NULL;
        group->object->initialise(group->object->context, group->instance);
        model->changed = changed;
    }
    return LWM2M_CHANGED;
}

static enum lwm2m_code try_group(struct change *change, struct group *group, size_t index)
{
    enum lwm2m_code code = LWM2M_CHANGED;
    if (!group->instance)
        code = make(change, group, index);
    else if (change->rules->instances == LWM2M_TO_NEW)
        code = group->object->definition->multiple ? LWM2M_BAD_REQUEST : LWM2M_NOT_ALLOWED;
    if (code == LWM2M_CHANGED)
        code = check_mandatory(change, group);
    return code == LWM2M_CHANGED ? check_room(change, group) : code;
}

static void undo(const struct change *change)
{
    struct group group;
    for (size_t i = 0; i < change->server->content.count; i += group.count) {
        group = group_at(change, i);
        if (group.is_new)
            lwm2m_model_remove(group.object, group.instance);
    }
}

/* Puts what is written. Values that shrink go first, so that there is room at every moment. */
static bool put_all(struct lwm2m_model *model, const struct group *group)
{
    for (int grows = 0; grows <= 1; grows++)
        for (size_t i = 0; i < group->count; i++) {
            const struct lwm2m_entry *entry = &group->entries[i];
            if (entry->value.type == LWM2M_TYPE_NONE)
                continue;
            const struct lwm2m_value *old = lwm2m_model_get(
                group->instance, entry->path.id[2], entry->path.depth == 4 ? entry->path.id[3] : 0);
            bool is_growing = !old || lwm2m_model_octets(&entry->value) > lwm2m_model_octets(old);
            if (is_growing == grows && !lwm2m_model_put(model, &entry->path, &entry->value))
                return false;
        }
    return true;
}

static void drop_what_goes(const struct change *change, const struct group *group)
{
    const struct lwm2m_path at = {.depth = 2,
                                  .id = {group->object->definition->id, group->instance->id}};
    uint16_t i = 0;
    while (i < group->instance->count) {
        const struct lwm2m_cell cell = group->instance->cells[i];
        if (fate_of(change, group, &cell) != GOES) {
            i++;
            continue;
        }
        struct lwm2m_path path = lwm2m_path_child(&at, cell.resource);
        if (lwm2m_definition_resource(group->object->definition, cell.resource)->multiple)
            path = lwm2m_path_child(&path, cell.instance);
        lwm2m_model_drop(change->server->model, &path);
    }
}

static bool commit(const struct change *change, const struct group *group)
{
    struct lwm2m_model *model = change->server->model;
    struct lwm2m_response *response = change->response;
    const struct lwm2m_path at = {.depth = 2,
                                  .id = {group->object->definition->id, group->instance->id}};
    drop_what_goes(change, group);
    if (!put_all(model, group))
        return false;
    if (group->is_new) {
        response->instances_changed = true;
        response->location = at;
        if (model->changed)
            model->changed(model->context, &at);
    }
    if (group->object->written) {
        size_t bare = group->entries[0].path.depth == 2;
        group->object->written(group->object->context, group->instance, group->entries + bare,
                               group->count - bare, group->is_new);
    }
    return true;
}

enum lwm2m_code lwm2m_serve_apply(struct lwm2m_server *server, const struct lwm2m_path *base,
                                  const struct lwm2m_write_rules *rules,
                                  struct lwm2m_response *response)
{
    struct change change = {server, *base, rules, response, {0}};
    enum lwm2m_code code = lwm2m_serve_prepare(server->model, base, rules, &server->content);
    if (code != LWM2M_CHANGED)
        return code;
    struct group group;
    for (size_t i = 0; code == LWM2M_CHANGED && i < server->content.count; i += group.count) {
        group = group_at(&change, i);
        code = try_group(&change, &group, i);
    }
    if (code != LWM2M_CHANGED) {
        undo(&change);
        return code;
    }
    for (size_t i = 0; i < server->content.count; i += group.count) {
        group = group_at(&change, i);
        if (!commit(&change, &group))
            return LWM2M_INTERNAL_ERROR;
    }
    return LWM2M_CHANGED;
}
