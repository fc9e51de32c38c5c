/* Write (5.4.3 of LwM2M 1.0), Write-Composite (6.3.9 of Core 1.1.1), Bootstrap-Write (5.2.7.4). */
#include "engine/lwm2m/lwm2m_serve_private.h"

/* Reads the payload into server->content. Where the path is that of a single value, there must be one. */
static enum lwm2m_code read_payload(struct lwm2m_server *server,
                                    const struct lwm2m_request *request, bool is_single)
{
    if (request->content_format == LWM2M_FORMAT_NONE)
        return LWM2M_BAD_REQUEST; /* 6.4: a message with data says how they are encoded */
    struct lwm2m_typing typing = lwm2m_model_typing(server->model);
    enum lwm2m_code code =
        lwm2m_content_read(request->content_format, &request->path, request->payload,
                           request->length, &typing, &server->content, NULL);
    return code == LWM2M_CHANGED && is_single && server->content.count != 1 ? LWM2M_BAD_REQUEST
                                                                            : code;
}

static bool is_single(const struct lwm2m_path *path, const struct lwm2m_target *target)
{
    return path->depth == 4 || (path->depth == 3 && !target->resource->multiple);
}

/* In an instance, what the device hasn't is ignored; a path that leads to nothing is an error. */
enum lwm2m_code lwm2m_serve_write(struct lwm2m_server *server, const struct lwm2m_request *request,
                                  struct lwm2m_response *response)
{
    const struct lwm2m_path *path = &request->path;
    struct lwm2m_target target = lwm2m_serve_find(server->model, path);
    if (!target.instance || (path->depth >= 3 && !target.resource))
        return LWM2M_NOT_FOUND;
    if (path->depth >= 3 && !(target.resource->operations & LWM2M_WRITE))
        return LWM2M_NOT_ALLOWED;
    if (path->depth == 4 && !target.has_value)
        return LWM2M_NOT_FOUND;
    enum lwm2m_code code = read_payload(server, request, is_single(path, &target));
    const struct lwm2m_write_rules rules = {.instances = LWM2M_TO_EXISTING,
                                            .is_replacing = request->method == LWM2M_PUT,
                                            .needs_mandatory = true,
                                            .skips_unknown = path->depth == 2};
    return code == LWM2M_CHANGED ? lwm2m_serve_apply(server, path, &rules, response) : code;
}

enum lwm2m_code lwm2m_serve_write_composite(struct lwm2m_server *server,
                                            const struct lwm2m_request *request,
                                            struct lwm2m_response *response)
{
    if (request->content_format != LWM2M_FORMAT_SENML_JSON &&
        request->content_format != LWM2M_FORMAT_SENML_CBOR)
        return LWM2M_UNSUPPORTED;
    enum lwm2m_code code = read_payload(server, request, false);
    const struct lwm2m_write_rules rules = {.instances = LWM2M_TO_EXISTING};
    return code == LWM2M_CHANGED ? lwm2m_serve_apply(server, &request->path, &rules, response)
                                 : code;
}

/* Whatever is there or not, it is written (5.2.7.4); whether it makes sense is told when the bootstrap finishes. */
enum lwm2m_code lwm2m_serve_bootstrap_write(struct lwm2m_server *server,
                                            const struct lwm2m_request *request,
                                            struct lwm2m_response *response)
{
    const struct lwm2m_path *path = &request->path;
    struct lwm2m_target target = lwm2m_serve_find(server->model, path);
    if (path->depth == 0)
        return LWM2M_NOT_ALLOWED;
    if (path->depth >= 3 && !target.resource)
        return LWM2M_NOT_FOUND;
    if (path->depth >= 3 && !lwm2m_serve_has_values(target.resource))
        return LWM2M_NOT_ALLOWED;
    if (path->depth == 4 && !target.resource->multiple)
        return LWM2M_NOT_FOUND;
    enum lwm2m_code code =
        read_payload(server, request, path->depth >= 3 && is_single(path, &target));
    if (code == LWM2M_CHANGED && path->depth == 1 && server->content.count == 0)
        return LWM2M_BAD_REQUEST; /* 5.2.7.4: the instances must be specified in the payload */
    const struct lwm2m_write_rules rules = {.instances = LWM2M_TO_EITHER,
                                            .is_replacing = true,
                                            .writes_everything = true,
                                            .skips_unknown = path->depth <= 2};
    return code == LWM2M_CHANGED ? lwm2m_serve_apply(server, path, &rules, response) : code;
}
