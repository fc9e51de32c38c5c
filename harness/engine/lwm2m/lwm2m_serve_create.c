/* Create and Delete (5.4.6 and 5.4.7 of LwM2M 1.0), and Bootstrap-Delete (5.2.7.5). */
#include "engine/lwm2m/lwm2m_serve_private.h"

/* --- Create --------------------------------------------------------------------------------- */

/* A payload that names no instance leaves the choice of its id to the device: resources alone, or nothing. */
enum lwm2m_code lwm2m_serve_create(struct lwm2m_server *server, const struct lwm2m_request *request,
                                   struct lwm2m_response *response)
{
    struct lwm2m_content *content = &server->content;
    struct lwm2m_typing typing = lwm2m_model_typing(server->model);
    bool has_format = request->content_format != LWM2M_FORMAT_NONE;
    content->count = 0;
    if (!has_format && request->length > 0)
        return LWM2M_BAD_REQUEST;
    enum lwm2m_code code = LWM2M_CHANGED;
    if (has_format)
        code = lwm2m_content_read(request->content_format, &request->path, request->payload,
                                  request->length, &typing, content, NULL);
    if (code != LWM2M_CHANGED)
        return code;
    struct lwm2m_path base = request->path;
    if (content->count == 0 || content->entries[0].path.id[1] == LWM2M_ID_RESERVED)
        base = lwm2m_path_child(&base, LWM2M_ID_RESERVED);

    const struct lwm2m_write_rules rules = {.instances = LWM2M_TO_NEW,
                                            .needs_mandatory = true,
                                            .skips_read_only = true,
                                            .skips_unknown = true};
    code = lwm2m_serve_apply(server, &base, &rules, response);
    if (code != LWM2M_CHANGED)
        return code;
    response->has_location = true;
    return LWM2M_CREATED;
}

/* --- Delete --------------------------------------------------------------------------------- */

/* Takes an instance away, with what observes it. */
static void remove_instance(struct lwm2m_server *server, struct lwm2m_object *object,
                            struct lwm2m_instance *instance, struct lwm2m_response *response)
{
    struct lwm2m_model *model = server->model;
    const struct lwm2m_path path = {.depth = 2, .id = {object->definition->id, instance->id}};
    if (object->removed)
        object->removed(object->context, instance);
    lwm2m_model_remove(object, instance);
    if (server->observations)
        lwm2m_observe_forget(server->observations, &path);
    if (model->changed)
        model->changed(model->context, &path);
    response->instances_changed = true;
}

/* The Device object's instance can't be deleted (5.4.7). Nor can, since mandatory objects have one, the last of
 * the Server object: who deletes it would be the last to speak to the device. */
enum lwm2m_code lwm2m_serve_delete(struct lwm2m_server *server, const struct lwm2m_request *request,
                                   struct lwm2m_response *response)
{
    struct lwm2m_target target = lwm2m_serve_find(server->model, &request->path);
    if (request->path.depth >= 2 && !target.instance)
        return LWM2M_NOT_FOUND;
    if (request->path.depth != 2)
        return LWM2M_NOT_ALLOWED;
    const struct lwm2m_instance *first = lwm2m_model_next(target.object, -1);
    bool is_last = !lwm2m_model_next(target.object, first->id);
    if (target.object->definition->mandatory && is_last)
        return LWM2M_NOT_ALLOWED;
    remove_instance(server, target.object, target.instance, response);
    return LWM2M_DELETED;
}

/* --- Bootstrap-Delete ----------------------------------------------------------------------- */

/* The bootstrap server's own account, and the device, are not affected by any Delete. */
static bool is_spared(const struct lwm2m_object *object, const struct lwm2m_instance *instance)
{
    return object->definition->id == LWM2M_OBJECT_DEVICE ||
           (object->definition->id == LWM2M_OBJECT_SECURITY &&
            lwm2m_model_boolean(instance, LWM2M_SECURITY_IS_BOOTSTRAP, false));
}

static void remove_all(struct lwm2m_server *server, struct lwm2m_object *object,
                       struct lwm2m_response *response)
{
    struct lwm2m_instance *instance;
    for (int32_t id = -1; (instance = lwm2m_model_next(object, id));) {
        id = instance->id;
        if (!is_spared(object, instance))
            remove_instance(server, object, instance, response);
    }
}

enum lwm2m_code lwm2m_serve_bootstrap_delete(struct lwm2m_server *server,
                                             const struct lwm2m_request *request,
                                             struct lwm2m_response *response)
{
    struct lwm2m_target target = lwm2m_serve_find(server->model, &request->path);
    switch (request->path.depth) {
    case 0:
        for (size_t i = 0; i < server->model->count; i++)
            remove_all(server, &server->model->objects[i], response);
        return LWM2M_DELETED;
    case 1:
        remove_all(server, target.object, response);
        return LWM2M_DELETED;
    case 2:
        if (!target.instance)
            return LWM2M_NOT_FOUND;
        if (is_spared(target.object, target.instance))
            return LWM2M_NOT_ALLOWED;
        remove_instance(server, target.object, target.instance, response);
        return LWM2M_DELETED;
    default:
        return LWM2M_NOT_ALLOWED;
    }
}
