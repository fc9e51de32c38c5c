/* Read (5.4.1 of LwM2M 1.0) and Read-Composite (6.3.8 of Core 1.1.1). */
#include "engine/lwm2m/lwm2m_serve_private.h"

#include <string.h>

/* --- collecting ----------------------------------------------------------------------------- */

/* Adds an entry; false if there is no room for it. */
static bool add(struct lwm2m_content *content, const struct lwm2m_path *path,
                const struct lwm2m_value *value)
{
    if (content->count == LWM2M_ENTRIES)
        return false;
    struct lwm2m_entry *entry = &content->entries[content->count++];
    *entry = (struct lwm2m_entry){.path = *path};
    if (value)
        entry->value = *value;
    return true;
}

/* The readable values of an instance that are within path. With none, the instance itself. */
static bool collect_instance(struct lwm2m_object *object, struct lwm2m_instance *instance,
                             const struct lwm2m_path *path, struct lwm2m_content *content)
{
    const struct lwm2m_path at = {.depth = 2, .id = {object->definition->id, instance->id}};
    if (object->refresh)
        object->refresh(object->context, instance);
    size_t before = content->count;
    for (uint16_t i = 0; i < instance->count; i++) {
        const struct lwm2m_cell *cell = &instance->cells[i];
        const struct lwm2m_resource_definition *resource =
            lwm2m_definition_resource(object->definition, cell->resource);
        if (!resource || !(resource->operations & LWM2M_READ))
            continue;
        struct lwm2m_path full = lwm2m_path_child(&at, cell->resource);
        if (resource->multiple)
            full = lwm2m_path_child(&full, cell->instance);
        if (lwm2m_path_is_within(&full, path) && !add(content, &full, &cell->value))
            return false;
    }
    return content->count > before || path->depth > 2 || add(content, &at, NULL);
}

static bool collect_object(struct lwm2m_object *object, const struct lwm2m_path *path,
                           struct lwm2m_content *content)
{
    int32_t id = -1;
    struct lwm2m_instance *instance;
    for (; (instance = lwm2m_model_next(object, id)); id = instance->id)
        if (!collect_instance(object, instance, path, content))
            return false;
    return true;
}

/* Adds what reading path gives: LWM2M_CONTENT, or the refusal. */
static enum lwm2m_code collect(const struct lwm2m_model *model, const struct lwm2m_path *path,
                               struct lwm2m_content *content)
{
    struct lwm2m_target target = lwm2m_serve_find(model, path);
    if (!target.object || (path->depth >= 2 && !target.instance) ||
        (path->depth >= 3 && !target.resource))
        return LWM2M_NOT_FOUND;
    if (target.resource && !(target.resource->operations & LWM2M_READ))
        return LWM2M_NOT_ALLOWED;
    size_t before = content->count;
    bool fits = target.instance ? collect_instance(target.object, target.instance, path, content)
                                : collect_object(target.object, path, content);
    if (!fits)
        return LWM2M_INTERNAL_ERROR;
    return path->depth >= 3 && content->count == before ? LWM2M_NOT_FOUND : LWM2M_CONTENT;
}

/* --- answering ------------------------------------------------------------------------------ */

/* Records of SenML have values (RFC 8428 section 4.2): what is empty is told by its absence. */
static void drop_empty(struct lwm2m_content *content)
{
    size_t kept = 0;
    for (size_t i = 0; i < content->count; i++)
        if (content->entries[i].value.type != LWM2M_TYPE_NONE)
            content->entries[kept++] = content->entries[i];
    content->count = kept;
}

static enum lwm2m_code answer(struct lwm2m_content *content, const struct lwm2m_path *path,
                              uint32_t format, struct lwm2m_response *response)
{
    if (format != LWM2M_FORMAT_TLV)
        drop_empty(content);
    if (!lwm2m_content_can(format, path, content->entries, content->count))
        return LWM2M_NOT_ACCEPTABLE;
    int length = lwm2m_content_write(format, path, content->entries, content->count,
                                     response->payload, response->capacity, NULL);
    if (length < 0)
        return LWM2M_INTERNAL_ERROR;
    response->format = format;
    response->length = (size_t)length;
    return LWM2M_CONTENT;
}

/* Reads path, whoever asks. */
static enum lwm2m_code read(struct lwm2m_server *server, const struct lwm2m_path *path,
                            uint32_t accept, struct lwm2m_response *response)
{
    server->content.count = 0;
    enum lwm2m_code code = collect(server->model, path, &server->content);
    if (code != LWM2M_CONTENT)
        return code;
    uint32_t format = accept == LWM2M_FORMAT_NONE ? server->default_format : accept;
    return answer(&server->content, path, format, response);
}

enum lwm2m_code lwm2m_serve_get(struct lwm2m_server *server, const struct lwm2m_request *request,
                                struct lwm2m_response *response)
{
    return read(server, &request->path, request->accept, response);
}

enum lwm2m_code lwm2m_serve_read(struct lwm2m_server *server, const struct lwm2m_path *path,
                                 uint32_t accept, struct lwm2m_response *response)
{
    response->format = LWM2M_FORMAT_NONE;
    response->length = 0;
    if (path->depth == 0)
        return LWM2M_NOT_ALLOWED;
    return path->id[0] == LWM2M_OBJECT_SECURITY ? LWM2M_UNAUTHORIZED
                                                : read(server, path, accept, response);
}

/* --- Read-Composite ------------------------------------------------------------------------- */

static bool is_senml(uint32_t format)
{
    return format == LWM2M_FORMAT_SENML_JSON || format == LWM2M_FORMAT_SENML_CBOR;
}

enum { COMPOSITE_PATHS = LWM2M_ROOM / sizeof(struct lwm2m_path) };

/* The paths that were asked for make way to what they give: they wait in the room that texts had. One that
 * stands within another is passed over, lest values come twice. Returns their number, or -1: too many, or one
 * has a value. */
static int keep_paths(struct lwm2m_content *content)
{
    size_t count = 0;
    if (content->count > COMPOSITE_PATHS)
        return -1;
    for (size_t i = 0; i < content->count; i++) {
        const struct lwm2m_path *path = &content->entries[i].path;
        if (content->entries[i].value.type != LWM2M_TYPE_NONE)
            return -1;
        bool is_told = false;
        for (size_t j = 0; j < content->count && !is_told; j++) {
            const struct lwm2m_path *other = &content->entries[j].path;
            bool is_equal = lwm2m_path_equal(path, other);
            is_told = lwm2m_path_is_within(path, other) && (!is_equal || j < i);
        }
        if (is_told)
            continue;
        memcpy(content->room + count * sizeof *path, path, sizeof *path);
        count++;
    }
    return (int)count;
}

/* What a path gives, as far as it can be read: the operation does what it can (6.3.8). */
static enum lwm2m_code collect_composite(const struct lwm2m_model *model,
                                         const struct lwm2m_path *path,
                                         struct lwm2m_content *content)
{
    if (path->depth > 0 && path->id[0] == LWM2M_OBJECT_SECURITY)
        return LWM2M_UNAUTHORIZED;
    if (path->depth > 0) {
        enum lwm2m_code code = collect(model, path, content);
        return code == LWM2M_INTERNAL_ERROR ? code : LWM2M_CONTENT;
    }
    for (size_t i = 0; i < model->count; i++)
        if (model->objects[i].definition->id != LWM2M_OBJECT_SECURITY &&
            !collect_object(&model->objects[i], path, content))
            return LWM2M_INTERNAL_ERROR;
    return LWM2M_CONTENT;
}

enum lwm2m_code lwm2m_serve_fetch(struct lwm2m_server *server, const struct lwm2m_request *request,
                                  struct lwm2m_response *response)
{
    struct lwm2m_content *content = &server->content;
    if (!is_senml(request->content_format))
        return LWM2M_UNSUPPORTED;
    uint32_t format =
        request->accept == LWM2M_FORMAT_NONE ? request->content_format : request->accept;
    if (!is_senml(format))
        return LWM2M_NOT_ACCEPTABLE;
    enum lwm2m_code code =
        lwm2m_content_read(request->content_format, &request->path, request->payload,
                           request->length, NULL, content, NULL);
    if (code != LWM2M_CHANGED)
        return code;
    int paths = keep_paths(content);
    if (paths < 0)
        return LWM2M_BAD_REQUEST;

    content->count = 0;
    for (int i = 0; i < paths; i++) {
        struct lwm2m_path path;
        memcpy(&path, content->room + (size_t)i * sizeof path, sizeof path);
        code = collect_composite(server->model, &path, content);
        if (code != LWM2M_CONTENT)
            return code;
    }
    return answer(content, &request->path, format, response);
}
