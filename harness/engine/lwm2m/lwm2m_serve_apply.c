/* How a write comes about, whole or not at all: entries are checked and sorted; each instance is looked up, or
 * made on probation; only when all can take what is written for them is anything put.
 */
#include "engine/lwm2m/lwm2m_serve_private.h"

#include <string.h>

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

/* --- one entry ------------------------------------------------------------------------------ */

static bool may_write(const struct lwm2m_write_rules *rules,
                      const struct lwm2m_resource_definition *resource)
{
    return lwm2m_serve_has_values(resource) &&
           (rules->writes_everything || (resource->operations & LWM2M_WRITE));
}

/* Has the entry the depth of a value of its resource? A multiple resource as such may become empty by
 * replacement (section 6.3.3 of Core 1.1.1: partial updates delete nothing). */
static bool is_in_place(const struct change *change, const struct lwm2m_entry *entry,
                        const struct lwm2m_resource_definition *resource)
{
    if (entry->value.type == LWM2M_TYPE_NONE)
        return resource->multiple && entry->path.depth == 3 &&
               (change->rules->is_replacing || change->rules->instances == LWM2M_TO_NEW);
    return entry->path.depth == (resource->multiple ? 4 : 3) &&
           (!resource->multiple || entry->path.id[3] != LWM2M_ID_RESERVED);
}

/* Is there no resource in the entry, but an instance that shall be? */
static bool is_bare_instance(const struct change *change, const struct lwm2m_entry *entry)
{
    return entry->path.depth == 2 && entry->value.type == LWM2M_TYPE_NONE &&
           (change->rules->instances != LWM2M_TO_EXISTING || change->base.depth == 2);
}

/* LWM2M_CHANGED, or the refusal. is_kept tells whether the entry is to be written or passed over. */
static enum lwm2m_code check_entry(const struct change *change, const struct lwm2m_entry *entry,
                                   bool *is_kept)
{
    const struct lwm2m_path *path = &entry->path;
    *is_kept = true;
    if (!lwm2m_path_is_within(path, &change->base) || path->depth < 2)
        return LWM2M_BAD_REQUEST;
    if (!change->rules->writes_everything && path->id[0] == LWM2M_OBJECT_SECURITY)
        return LWM2M_UNAUTHORIZED;
    struct lwm2m_object *object = lwm2m_model_object(change->server->model, path->id[0]);
    if (!object)
        return LWM2M_NOT_FOUND;
    if (path->id[1] == LWM2M_ID_RESERVED && change->base.depth < 2)
        return LWM2M_BAD_REQUEST;
    if (path->depth == 2)
        return is_bare_instance(change, entry) ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;

    const struct lwm2m_resource_definition *resource =
        lwm2m_definition_resource(object->definition, path->id[2]);
    bool is_writable = resource && may_write(change->rules, resource);
    bool is_skipped =
        resource ? !is_writable && change->rules->skips_read_only : change->rules->skips_unknown;
    *is_kept = !is_skipped;
    if (is_skipped)
        return LWM2M_CHANGED;
    if (!resource)
        return LWM2M_NOT_FOUND;
    if (!is_writable)
        return LWM2M_NOT_ALLOWED;
    if (!is_in_place(change, entry, resource))
        return LWM2M_BAD_REQUEST;
    if (entry->value.type == LWM2M_TYPE_NONE)
        return LWM2M_CHANGED;

    /* A bootstrap server writes the accounts one by one: what one of them points to may still come. */
    bool is_anywhere = change->rules->writes_everything && entry->value.type == LWM2M_TYPE_LINK;
    enum lwm2m_code code =
        is_anywhere ? LWM2M_CHANGED
                    : lwm2m_serve_check_value(change->server->model, resource, &entry->value);
    return code == LWM2M_CHANGED && object->check ? object->check(object->context, entry) : code;
}

/* Negative, 0 or positive as a is before, at or behind b; what is above goes first. */
static int order(const struct lwm2m_path *a, const struct lwm2m_path *b)
{
    for (uint8_t i = 0; i < a->depth && i < b->depth; i++)
        if (a->id[i] != b->id[i])
            return a->id[i] < b->id[i] ? -1 : 1;
    return a->depth - b->depth;
}

/* Keeps an entry, in order of the paths, behind kept others. LWM2M_CHANGED, or 4.00 for a value that comes twice. */
static enum lwm2m_code keep(struct lwm2m_content *content, const struct lwm2m_entry *entry,
                            size_t *kept)
{
    size_t at = *kept;
    while (at > 0 && order(&entry->path, &content->entries[at - 1].path) < 0)
        at--;
    if (at > 0 && lwm2m_path_equal(&content->entries[at - 1].path, &entry->path))
        return entry->path.depth == 2 ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;
    memmove(&content->entries[at + 1], &content->entries[at],
            (*kept - at) * sizeof content->entries[0]);
    content->entries[at] = *entry;
    ++*kept;
    return LWM2M_CHANGED;
}

static struct lwm2m_entry bare_instance(const struct lwm2m_path *path)
{
    struct lwm2m_entry entry = {.path = *path};
    entry.path.depth = 2;
    return entry;
}

/* Checks all entries, drops those that are passed over, and sorts the others. An instance stays known even if
 * nothing that is written for it does. */
static enum lwm2m_code prepare(const struct change *change)
{
    struct lwm2m_content *content = &change->server->content;
    bool is_open = change->base.depth < 2 && change->rules->instances != LWM2M_TO_EXISTING;
    size_t kept = 0;
    for (size_t i = 0; i < content->count; i++) {
        struct lwm2m_entry entry = content->entries[i];
        bool is_kept;
        enum lwm2m_code code = check_entry(change, &entry, &is_kept);
        if (!is_kept)
            entry = bare_instance(&entry.path);
        if (code == LWM2M_CHANGED && (is_kept || is_open))
            code = keep(content, &entry, &kept);
        if (code != LWM2M_CHANGED)
            return code;
    }
    content->count = kept;
    if (kept == 0 && change->base.depth >= 2) {
        content->entries[0] = bare_instance(&change->base);
        content->count = 1;
    }
    return LWM2M_CHANGED;
}

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

static size_t octets_of(const struct lwm2m_value *value)
{
    bool has = value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_OPAQUE ||
               value->type == LWM2M_TYPE_CORELINK;
    return has ? value->as.data.length : 0;
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
        octets += octets_of(&cell->value);
    }
    for (size_t i = 0; i < group->count; i++) {
        cells += group->entries[i].value.type != LWM2M_TYPE_NONE;
        octets += octets_of(&group->entries[i].value);
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
            bool is_growing = !old || octets_of(&entry->value) > octets_of(old);
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
    enum lwm2m_code code = prepare(&change);
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
