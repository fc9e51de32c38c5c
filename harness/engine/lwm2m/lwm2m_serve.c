#include "engine/lwm2m/lwm2m_serve_private.h"

/* --- paths ---------------------------------------------------------------------------------- */

struct lwm2m_target lwm2m_serve_find(const struct lwm2m_model *model, const struct lwm2m_path *path)
{
    struct lwm2m_target target = {0};
    if (path->depth >= 1)
        target.object = lwm2m_model_object(model, path->id[0]);
    if (target.object && path->depth >= 2)
        target.instance = lwm2m_model_instance(target.object, path->id[1]);
    if (target.object && path->depth >= 3)
        target.resource = lwm2m_definition_resource(target.object->definition, path->id[2]);
    if (!target.instance || !target.resource)
        return target;
    if (path->depth == 4) {
        target.has_value =
            target.resource->multiple && lwm2m_model_get(target.instance, path->id[2], path->id[3]);
        return target;
    }
    for (uint16_t i = 0; i < target.instance->count && !target.has_value; i++)
        target.has_value = target.instance->cells[i].resource == path->id[2];
    return target;
}

bool lwm2m_serve_has_values(const struct lwm2m_resource_definition *resource)
{
    return resource->type != LWM2M_TYPE_NONE && !(resource->operations & LWM2M_EXECUTE);
}

/* --- operations ----------------------------------------------------------------------------- */

static bool is_discover(const struct lwm2m_request *request)
{
    return request->accept == LWM2M_FORMAT_LINK;
}

static enum lwm2m_code get(struct lwm2m_server *server, const struct lwm2m_request *request,
                           struct lwm2m_response *response)
{
    return is_discover(request) ? lwm2m_serve_discover(server, request, response)
                                : lwm2m_serve_get(server, request, response);
}

static enum lwm2m_code write_attributes(struct lwm2m_server *server,
                                        const struct lwm2m_request *request)
{
    const struct lwm2m_path *path = &request->path;
    struct lwm2m_target target = lwm2m_serve_find(server->model, path);
    if ((path->depth >= 2 && !target.instance) || (path->depth >= 3 && !target.has_value))
        return LWM2M_NOT_FOUND;
    if (!server->observations)
        return LWM2M_NOT_ALLOWED;
    return lwm2m_observe_write(server->observations, server->model, path, request->queries);
}

/* PUT is Write-Attributes where it has a query and no payload (8.2.5 of 1.0), else Write. */
static enum lwm2m_code put(struct lwm2m_server *server, const struct lwm2m_request *request,
                           struct lwm2m_response *response)
{
    bool has_query = request->queries && request->queries[0];
    if (has_query && !request->length)
        return write_attributes(server, request);
    if (request->path.depth == 1)
        return LWM2M_NOT_ALLOWED; /* of the bootstrap interface alone */
    return lwm2m_serve_write(server, request, response);
}

/* POST creates in an object, updates an instance, executes a resource; and updates a multiple resource, which
 * can't be executed (6.3.3 of Core 1.1.1). */
static enum lwm2m_code post(struct lwm2m_server *server, const struct lwm2m_request *request,
                            struct lwm2m_response *response)
{
    switch (request->path.depth) {
    case 1:
        return lwm2m_serve_create(server, request, response);
    case 2:
        return lwm2m_serve_write(server, request, response);
    case 3: {
        struct lwm2m_target target = lwm2m_serve_find(server->model, &request->path);
        bool is_update =
            target.resource && target.resource->multiple && lwm2m_serve_has_values(target.resource);
        return is_update ? lwm2m_serve_write(server, request, response)
                         : lwm2m_serve_execute(server, request, response);
    }
    default:
        return LWM2M_NOT_ALLOWED; /* 5.4.5: resource instances can't be executed */
    }
}

static enum lwm2m_code bootstrap_get(struct lwm2m_server *server,
                                     const struct lwm2m_request *request,
                                     struct lwm2m_response *response)
{
    if (is_discover(request))
        return lwm2m_serve_bootstrap_discover(server, request, response);
    /* 6.1.7.4 of Core 1.1.1: the server accounts and who may do what, and nothing else. */
    bool may = server->is_1_1 && (request->path.depth == 1 || request->path.depth == 2) &&
               (request->path.id[0] == LWM2M_OBJECT_SERVER || request->path.id[0] == 2);
    return may ? lwm2m_serve_get(server, request, response) : LWM2M_NOT_ALLOWED;
}

/* Where requests go, by their method: of a management server, and of the bootstrap server. */
static const struct {
    lwm2m_operation_function *manage;
    lwm2m_operation_function *bootstrap;
    bool is_composite; /* of the root, and of 1.1 */
} operations[] = {
    [LWM2M_GET] = {get, bootstrap_get, false},
    [LWM2M_POST] = {post, NULL, false},
    [LWM2M_PUT] = {put, lwm2m_serve_bootstrap_write, false},
    [LWM2M_DELETE] = {lwm2m_serve_delete, lwm2m_serve_bootstrap_delete, false},
    [LWM2M_FETCH] = {lwm2m_serve_fetch, NULL, true},
    [LWM2M_PATCH] = {NULL, NULL, false},
    [LWM2M_IPATCH] = {lwm2m_serve_write_composite, NULL, true},
};

static enum lwm2m_code dispatch(struct lwm2m_server *server, const struct lwm2m_request *request,
                                struct lwm2m_response *response)
{
    size_t method = request->method;
    if (method >= sizeof operations / sizeof *operations)
        return LWM2M_NOT_ALLOWED;
    const struct lwm2m_path *path = &request->path;
    /* 8.2 of 1.0, 6.3 of Core 1.1.1: whatever a management server wants of object 0, and whether it is there. */
    if (!request->from_bootstrap && path->depth >= 1 && path->id[0] == LWM2M_OBJECT_SECURITY)
        return LWM2M_UNAUTHORIZED;
    if (path->depth >= 1 && !lwm2m_model_object(server->model, path->id[0]))
        return LWM2M_NOT_FOUND;

    bool is_composite = operations[method].is_composite;
    if (is_composite && (!server->is_1_1 || path->depth > 0))
        return LWM2M_NOT_ALLOWED;
    if (!is_composite && !request->from_bootstrap && path->depth == 0)
        return LWM2M_NOT_ALLOWED;
    lwm2m_operation_function *serve =
        request->from_bootstrap ? operations[method].bootstrap : operations[method].manage;
    return serve ? serve(server, request, response) : LWM2M_NOT_ALLOWED;
}

void lwm2m_serve(struct lwm2m_server *server, const struct lwm2m_request *request,
                 struct lwm2m_response *response)
{
    response->format = LWM2M_FORMAT_NONE;
    response->length = 0;
    response->has_location = false;
    response->instances_changed = false;
    response->code = dispatch(server, request, response);
    if (response->code >= LWM2M_BAD_REQUEST) {
        response->format = LWM2M_FORMAT_NONE;
        response->length = 0;
    }
}
