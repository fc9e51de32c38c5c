/* What links tell: Discover (5.4.2 of LwM2M 1.0), Bootstrap-Discover (5.2.7.3), registrations (5.3.1). */
#include "engine/lwm2m/lwm2m_serve_private.h"
#include "wire/core_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_path(struct core_link_writer *writer, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    core_link_write_target(writer, lwm2m_path_text(path, text));
}

static void write_number(struct core_link_writer *writer, const char *name, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    core_link_write_attribute(writer, name, text, false);
}

/* The version of an object, where it isn't the initial one. 1.0 has it quoted (table 3), 1.1 bare. */
static void write_version(struct core_link_writer *writer,
                          const struct lwm2m_object_definition *definition, bool is_1_1)
{
    if (strcmp(definition->version, "1.0") != 0)
        core_link_write_attribute(writer, "ver", definition->version, !is_1_1);
}

static enum lwm2m_code answer(const struct core_link_writer *writer,
                              struct lwm2m_response *response)
{
    if (!writer->fits)
        return LWM2M_INTERNAL_ERROR;
    response->format = LWM2M_FORMAT_LINK;
    response->length = writer->length;
    return LWM2M_CONTENT;
}

static struct core_link_writer writer_of(const struct lwm2m_response *response)
{
    return (struct core_link_writer){
        .text = (char *)response->payload, .capacity = response->capacity, .fits = true};
}

/* --- Discover ------------------------------------------------------------------------------- */

struct discovery {
    struct lwm2m_server *server;
    const struct lwm2m_path *asked;
    struct core_link_writer writer;
};

/* The attributes that were written to path itself. */
static struct lwm2m_attributes own_attributes(const struct lwm2m_observations *observations,
                                              const struct lwm2m_path *path)
{
    for (size_t i = 0; i < LWM2M_ATTRIBUTE_SETS; i++) {
        const struct lwm2m_attributes *set = &observations->attributes[i];
        if (set->used && lwm2m_path_equal(&set->path, path))
            return *set;
    }
    return (struct lwm2m_attributes){0};
}

static void write_real(struct core_link_writer *writer, const char *name, double number)
{
    char text[40];
    const struct lwm2m_value value = {.type = LWM2M_TYPE_FLOAT, .as.real = number};
    size_t length = lwm2m_value_to_text(&value, text, sizeof text - 1);
    if (length == (size_t)-1)
        return;
    text[length] = '\0';
    core_link_write_attribute(writer, name, text, false);
}

/* Those of the path that was asked for include what it inherits: of a resource in 1.0, of instances too in 1.1. */
static void write_attributes(struct discovery *discovery, const struct lwm2m_path *path)
{
    const struct lwm2m_observations *observations = discovery->server->observations;
    if (!observations)
        return;
    bool inherits = lwm2m_path_equal(path, discovery->asked) &&
                    path->depth >= (discovery->server->is_1_1 ? 2 : 3);
    const struct lwm2m_attributes set = inherits ? lwm2m_observe_attributes(observations, path)
                                                 : own_attributes(observations, path);
    if (set.given & LWM2M_PMIN)
        write_number(&discovery->writer, "pmin", set.pmin);
    if (set.given & LWM2M_PMAX)
        write_number(&discovery->writer, "pmax", set.pmax);
    if (set.given & LWM2M_GT)
        write_real(&discovery->writer, "gt", set.gt);
    if (set.given & LWM2M_LT)
        write_real(&discovery->writer, "lt", set.lt);
    if (set.given & LWM2M_ST)
        write_real(&discovery->writer, "st", set.st);
}

static uint16_t dimension(const struct lwm2m_instance *instance, uint16_t resource)
{
    uint16_t count = 0;
    for (uint16_t i = 0; i < instance->count; i++)
        count = (uint16_t)(count + (instance->cells[i].resource == resource));
    return count;
}

/* A resource, if it is instantiated: if it has a value, or can be executed. */
static void discover_resource(struct discovery *discovery, const struct lwm2m_object *object,
                              const struct lwm2m_instance *instance,
                              const struct lwm2m_resource_definition *resource)
{
    const struct lwm2m_path path = {.depth = 3,
                                    .id = {object->definition->id, instance->id, resource->id}};
    uint16_t count = dimension(instance, resource->id);
    if (!count && !((resource->operations & LWM2M_EXECUTE) && object->execute))
        return;
    write_path(&discovery->writer, &path);
    if (resource->multiple)
        write_number(&discovery->writer, "dim", count);
    write_attributes(discovery, &path);

    bool tells_instances =
        discovery->server->is_1_1 && discovery->asked->depth == 3 && resource->multiple;
    for (uint16_t i = 0; tells_instances && i < instance->count; i++) {
        if (instance->cells[i].resource != resource->id)
            continue;
        const struct lwm2m_path deeper = lwm2m_path_child(&path, instance->cells[i].instance);
        write_path(&discovery->writer, &deeper);
        write_attributes(discovery, &deeper);
    }
}

static void discover_instance(struct discovery *discovery, struct lwm2m_object *object,
                              struct lwm2m_instance *instance)
{
    const struct lwm2m_object_definition *definition = object->definition;
    const struct lwm2m_path path = {.depth = 2, .id = {definition->id, instance->id}};
    write_path(&discovery->writer, &path);
    write_attributes(discovery, &path);
    for (uint16_t i = 0; i < definition->count; i++)
        discover_resource(discovery, object, instance, &definition->resources[i]);
}

static void discover_object(struct discovery *discovery, struct lwm2m_object *object)
{
    write_path(&discovery->writer, discovery->asked);
    write_version(&discovery->writer, object->definition, discovery->server->is_1_1);
    write_attributes(discovery, discovery->asked);
    struct lwm2m_instance *instance;
    for (int32_t id = -1; (instance = lwm2m_model_next(object, id)); id = instance->id)
        discover_instance(discovery, object, instance);
}

enum lwm2m_code lwm2m_serve_discover(struct lwm2m_server *server,
                                     const struct lwm2m_request *request,
                                     struct lwm2m_response *response)
{
    const struct lwm2m_path *path = &request->path;
    struct discovery discovery = {server, path, writer_of(response)};
    struct lwm2m_target target = lwm2m_serve_find(server->model, path);
    if (path->depth >= 2 && !target.instance)
        return LWM2M_NOT_FOUND;
    if (path->depth > 3)
        return LWM2M_NOT_ALLOWED;
    if (path->depth == 3) {
        if (!target.resource)
            return LWM2M_NOT_FOUND;
        discover_resource(&discovery, target.object, target.instance, target.resource);
        if (!discovery.writer.length && discovery.writer.fits)
            return LWM2M_NOT_FOUND;
    } else if (path->depth == 2) {
        discover_instance(&discovery, target.object, target.instance);
    } else {
        discover_object(&discovery, target.object);
    }
    return answer(&discovery.writer, response);
}

/* --- Bootstrap-Discover --------------------------------------------------------------------- */

/* Which server an account is for; 1.1 says in object 0 where that is, too. The bootstrap server's own account has
 * no short id. */
static void write_account(struct core_link_writer *writer, uint16_t object,
                          const struct lwm2m_instance *instance, bool is_1_1)
{
    bool is_security = object == LWM2M_OBJECT_SECURITY;
    if (is_security && lwm2m_model_boolean(instance, LWM2M_SECURITY_IS_BOOTSTRAP, false))
        return;
    uint16_t resource = is_security ? LWM2M_SECURITY_SHORT_ID : LWM2M_SERVER_SHORT_ID;
    int64_t id = lwm2m_model_integer(instance, resource, 0);
    if (id)
        write_number(writer, "ssid", id);
    char uri[256];
    if (is_security && is_1_1 && lwm2m_model_text(instance, LWM2M_SECURITY_URI, uri, sizeof uri)[0])
        core_link_write_attribute(writer, "uri", uri, true);
}

/* An object and its instances; what accounts tell is for the bootstrap server alone. */
static void list_object(struct core_link_writer *writer, const struct lwm2m_object *object,
                        bool is_1_1, bool tells_accounts)
{
    const struct lwm2m_object_definition *definition = object->definition;
    const struct lwm2m_path path = {.depth = 1, .id = {definition->id}};
    struct lwm2m_instance *instance = lwm2m_model_next(object, -1);
    if (!instance || strcmp(definition->version, "1.0") != 0) {
        write_path(writer, &path);
        write_version(writer, definition, is_1_1);
    }
    for (; instance; instance = lwm2m_model_next(object, instance->id)) {
        const struct lwm2m_path at = lwm2m_path_child(&path, instance->id);
        write_path(writer, &at);
        if (tells_accounts && definition->id <= LWM2M_OBJECT_SERVER)
            write_account(writer, definition->id, instance, is_1_1);
    }
}

/* The examples of 1.0 begin with a bare lwm2m="1.0", which is no link; 6.1.7.3 of Core 1.1.1 hangs it to the root,
 * so that the answer is of the format that it claims. */
enum lwm2m_code lwm2m_serve_bootstrap_discover(struct lwm2m_server *server,
                                               const struct lwm2m_request *request,
                                               struct lwm2m_response *response)
{
    struct core_link_writer writer = writer_of(response);
    if (request->path.depth > 1)
        return LWM2M_NOT_ALLOWED;
    core_link_write_target(&writer, "/");
    core_link_write_attribute(&writer, "lwm2m", server->is_1_1 ? "1.1" : "1.0", !server->is_1_1);
    for (size_t i = 0; i < server->model->count; i++) {
        const struct lwm2m_object *object = &server->model->objects[i];
        if (request->path.depth == 0 || object->definition->id == request->path.id[0])
            list_object(&writer, object, server->is_1_1, true);
    }
    return answer(&writer, response);
}

/* --- registrations -------------------------------------------------------------------------- */

int lwm2m_serve_links(const struct lwm2m_model *model, bool is_1_1, char *text, size_t size)
{
    struct core_link_writer writer = {.text = text, .capacity = size, .fits = true};
    core_link_write_target(&writer, "/");
    core_link_write_attribute(&writer, "rt", "oma.lwm2m", true);
    /* The formats beyond those that every device has (5.3.1). */
    core_link_write_attribute(&writer, "ct", is_1_1 ? "60 110 112 11542" : "11543", is_1_1);
    for (size_t i = 0; i < model->count; i++)
        if (model->objects[i].definition->id != LWM2M_OBJECT_SECURITY)
            list_object(&writer, &model->objects[i], is_1_1, false);
    return writer.fits ? (int)writer.length : -1;
}
