/* What is looked at in each value before anything is written: may it be, of which type and range is it, and does it
 * come once?
 */
#include "engine/lwm2m/lwm2m_serve_private.h"

#include <string.h>

struct preparation {
    const struct lwm2m_model *model;
    const struct lwm2m_path *base;
    const struct lwm2m_write_rules *rules;
};

/* --- values --------------------------------------------------------------------------------- */

static bool is_of_type(enum lwm2m_type type, const struct lwm2m_value *value)
{
    bool is_counted = type == LWM2M_TYPE_UNSIGNED || type == LWM2M_TYPE_TIME;
    return (value->type == type || (is_counted && value->type == LWM2M_TYPE_INTEGER)) &&
           (type != LWM2M_TYPE_UNSIGNED || value->as.integer >= 0);
}

static bool is_in_range(const struct lwm2m_resource_definition *resource,
                        const struct lwm2m_value *value)
{
    if (resource->minimum == 0 && resource->maximum == 0)
        return true;
    switch (resource->type) {
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_UNSIGNED:
    case LWM2M_TYPE_TIME:
        return value->as.integer >= resource->minimum && value->as.integer <= resource->maximum;
    case LWM2M_TYPE_FLOAT:
        return value->as.real >= (double)resource->minimum &&
               value->as.real <= (double)resource->maximum;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_OPAQUE:
    case LWM2M_TYPE_CORELINK:
        return (int64_t)value->as.data.length >= resource->minimum &&
               (int64_t)value->as.data.length <= resource->maximum;
    default:
        return true;
    }
}

/* A link leads to an object that is here, or to an instance that is, or to nothing (6.3.3 of Core 1.1.1). */
static bool leads_somewhere(const struct lwm2m_model *model, const struct lwm2m_value *value)
{
    if (value->as.link.object == LWM2M_ID_RESERVED)
        return value->as.link.instance == LWM2M_ID_RESERVED;
    const struct lwm2m_object *object = lwm2m_model_object(model, value->as.link.object);
    return object && (value->as.link.instance == LWM2M_ID_RESERVED ||
                      lwm2m_model_instance(object, value->as.link.instance));
}

enum lwm2m_code lwm2m_serve_check_value(const struct lwm2m_model *model,
                                        const struct lwm2m_resource_definition *resource,
                                        const struct lwm2m_value *value)
{
    bool is_good = is_of_type(resource->type, value) && is_in_range(resource, value) &&
                   (resource->type != LWM2M_TYPE_LINK || leads_somewhere(model, value));
    return is_good ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;
}

/* --- one entry ------------------------------------------------------------------------------ */

static bool may_write(const struct lwm2m_write_rules *rules,
                      const struct lwm2m_resource_definition *resource)
{
    return lwm2m_serve_has_values(resource) &&
           (rules->writes_everything || (resource->operations & LWM2M_WRITE));
}

/* Has the entry the depth of a value of its resource? A multiple resource as such may become empty by
 * replacement (section 6.3.3 of Core 1.1.1: partial updates delete nothing). */
static bool is_in_place(const struct preparation *preparation, const struct lwm2m_entry *entry,
                        const struct lwm2m_resource_definition *resource)
{
    if (entry->value.type == LWM2M_TYPE_NONE)
        return resource->multiple && entry->path.depth == 3 &&
               (preparation->rules->is_replacing || preparation->rules->instances == LWM2M_TO_NEW);
    return entry->path.depth == (resource->multiple ? 4 : 3) &&
           (!resource->multiple || entry->path.id[3] != LWM2M_ID_RESERVED);
}

/* Is there no resource in the entry, but an instance that shall be? */
static bool is_bare_instance(const struct preparation *preparation, const struct lwm2m_entry *entry)
{
    return entry->path.depth == 2 && entry->value.type == LWM2M_TYPE_NONE &&
           (preparation->rules->instances != LWM2M_TO_EXISTING || preparation->base->depth == 2);
}

/* LWM2M_CHANGED, or the refusal. is_kept tells whether the entry is to be written or passed over. */
static enum lwm2m_code check_entry(const struct preparation *preparation,
                                   const struct lwm2m_entry *entry, bool *is_kept)
{
    const struct lwm2m_path *path = &entry->path;
    *is_kept = true;
    if (!lwm2m_path_is_within(path, preparation->base) || path->depth < 2)
        return LWM2M_BAD_REQUEST;
    if (!preparation->rules->writes_everything && path->id[0] == LWM2M_OBJECT_SECURITY)
        return LWM2M_UNAUTHORIZED;
    struct lwm2m_object *object = lwm2m_model_object(preparation->model, path->id[0]);
    if (!object)
        return LWM2M_NOT_FOUND;
    if (path->id[1] == LWM2M_ID_RESERVED && preparation->base->depth < 2)
        return LWM2M_BAD_REQUEST;
    if (path->depth == 2)
        return is_bare_instance(preparation, entry) ? LWM2M_CHANGED : LWM2M_BAD_REQUEST;

    const struct lwm2m_resource_definition *resource =
        lwm2m_definition_resource(object->definition, path->id[2]);
    bool is_writable = resource && may_write(preparation->rules, resource);
    bool is_skipped = resource ? !is_writable && preparation->rules->skips_read_only
                               : preparation->rules->skips_unknown;
    *is_kept = !is_skipped;
    if (is_skipped)
        return LWM2M_CHANGED;
    if (!resource)
        return LWM2M_NOT_FOUND;
    if (!is_writable)
        return LWM2M_NOT_ALLOWED;
    if (!is_in_place(preparation, entry, resource))
        return LWM2M_BAD_REQUEST;
    if (entry->value.type == LWM2M_TYPE_NONE)
        return LWM2M_CHANGED;

    /* A bootstrap server writes the accounts one by one: what one of them points to may still come. */
    bool is_anywhere =
        preparation->rules->writes_everything && entry->value.type == LWM2M_TYPE_LINK;
    enum lwm2m_code code =
        is_anywhere ? LWM2M_CHANGED
                    : lwm2m_serve_check_value(preparation->model, resource, &entry->value);
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

enum lwm2m_code lwm2m_serve_prepare(const struct lwm2m_model *model, const struct lwm2m_path *base,
                                    const struct lwm2m_write_rules *rules,
                                    struct lwm2m_content *content)
{
    const struct preparation preparation = {model, base, rules};
    bool is_open = base->depth < 2 && rules->instances != LWM2M_TO_EXISTING;
    size_t kept = 0;
    for (size_t i = 0; i < content->count; i++) {
        struct lwm2m_entry entry = content->entries[i];
        bool is_kept;
        enum lwm2m_code code = check_entry(&preparation, &entry, &is_kept);
        if (!is_kept)
            entry = bare_instance(&entry.path);
        if (code == LWM2M_CHANGED && (is_kept || is_open))
            code = keep(content, &entry, &kept);
        if (code != LWM2M_CHANGED)
            return code;
    }
    content->count = kept;
    if (kept == 0 && base->depth >= 2) {
        content->entries[0] = bare_instance(base);
        content->count = 1;
    }
    return LWM2M_CHANGED;
}
