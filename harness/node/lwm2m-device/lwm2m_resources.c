#include "node/lwm2m-device/lwm2m_coap.h"

#include "node/common/clock.h"

#include <string.h>

static const coap_request_t methods[] = {
    COAP_REQUEST_GET,   COAP_REQUEST_POST,  COAP_REQUEST_PUT,   COAP_REQUEST_DELETE,
    COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};

static void take_all_methods(coap_resource_t *resource)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        coap_register_request_handler(resource, methods[i], lwm2m_coap_answer);
}

coap_resource_t *lwm2m_coap_resource_at(const struct lwm2m_coap *coap,
                                        const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    lwm2m_path_text(path, text);
    return coap_get_resource_from_uri_path(coap->context, coap_make_str_const(text + 1));
}

static struct lwm2m_coap_resource *find_free(struct lwm2m_coap *coap)
{
    for (size_t i = 0; i < LWM2M_COAP_RESOURCES; i++) {
        if (!coap->resources[i].resource)
            return &coap->resources[i];
    }
    return NULL;
}

/* What a device tells of its mappings must not be lost on the way; a temperature comes again. */
static int flags_of(const struct lwm2m_path *path)
{
    bool is_precious = path->depth > 0 && path->id[0] == LWM2M_OBJECT_PCP_CONTEXT;
    return is_precious ? COAP_RESOURCE_FLAGS_NOTIFY_CON : COAP_RESOURCE_FLAGS_NOTIFY_NON;
}

/* One without a resource of its own is served all the same, but can't be observed. */
static void add(struct lwm2m_coap *coap, const struct lwm2m_path *path)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    struct lwm2m_coap_resource *entry = find_free(coap);
    lwm2m_path_text(path, text);
    coap_resource_t *resource =
        entry ? coap_resource_init(coap_make_str_const(text + 1), flags_of(path)) : NULL;
    if (!resource)
        return;
    *entry = (struct lwm2m_coap_resource){.coap = coap, .resource = resource, .path = *path};
    entry->generation = coap->generation;
    take_all_methods(resource);
    coap_resource_set_get_observable(resource, path->depth > 0);
    coap_resource_set_userdata(resource, entry);
    coap_add_resource(coap->context, resource);
}

static void see(struct lwm2m_coap *coap, const struct lwm2m_path *path)
{
    coap_resource_t *resource = lwm2m_coap_resource_at(coap, path);
    if (!resource) {
        add(coap, path);
        return;
    }
    struct lwm2m_coap_resource *entry = coap_resource_get_userdata(resource);
    entry->generation = coap->generation;
}

static void see_instance(struct lwm2m_coap *coap, const struct lwm2m_object *object,
                         const struct lwm2m_instance *instance)
{
    struct lwm2m_path path = {2, {object->definition->id, instance->id}};
    see(coap, &path);
    for (uint16_t i = 0; i < instance->count; i++) {
        const struct lwm2m_cell *cell = &instance->cells[i];
        const struct lwm2m_path resource = lwm2m_path_child(&path, cell->resource);
        const struct lwm2m_resource_definition *definition =
            lwm2m_definition_resource(object->definition, cell->resource);
        if (i == 0 || cell[-1].resource != cell->resource)
            see(coap, &resource);
        if (definition && definition->multiple) {
            const struct lwm2m_path at = lwm2m_path_child(&resource, cell->instance);
            see(coap, &at);
        }
    }
}

static void synchronise(struct lwm2m_coap *coap)
{
    const struct lwm2m_model *model = coap->serve->model;
    coap->is_stale = false;
    coap->generation++;
    see(coap, &(struct lwm2m_path){0, {0}});
    for (size_t i = 0; i < model->count; i++) {
        const struct lwm2m_object *object = &model->objects[i];
        see(coap, &(struct lwm2m_path){1, {object->definition->id}});
        const struct lwm2m_instance *instance = NULL;
        while ((instance = lwm2m_model_next(object, instance ? instance->id : -1)))
            see_instance(coap, object, instance);
    }
    for (size_t i = 0; i < LWM2M_COAP_RESOURCES; i++) {
        struct lwm2m_coap_resource *entry = &coap->resources[i];
        if (!entry->resource || entry->generation == coap->generation)
            continue;
        coap_delete_resource(coap->context, entry->resource); /* its observers are told 4.04 */
        entry->resource = NULL;
    }
}

int lwm2m_coap_open(struct lwm2m_coap *coap, struct error *error)
{
    static const char *const named[] = {"status", ".well-known/core"};
    coap_resource_t *others = coap_resource_unknown_init2(lwm2m_coap_answer, 0);
    coap->others.coap = coap;
    if (!others)
        return error_set(error, "libcoap made no resource");
    take_all_methods(others);
    coap_resource_set_userdata(others, &coap->others);
    coap_add_resource(coap->context, others);
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        coap_resource_t *resource = coap_resource_init(coap_make_str_const(named[i]), 0);
        if (!resource)
            return error_set(error, "libcoap made no resource");
        take_all_methods(resource);
        coap_resource_set_userdata(resource, &coap->others);
        coap_add_resource(coap->context, resource);
    }
    synchronise(coap);
    return 0;
}

void lwm2m_coap_changed(void *context, const struct lwm2m_path *path)
{
    struct lwm2m_coap *coap = context;
    lwm2m_observe_changed(coap->serve->observations, coap->serve->model, path);
    if (!lwm2m_coap_resource_at(coap, path))
        coap->is_stale = true;
}

/* Seconds; none of a server that says nothing, or nothing that makes sense. */
static uint32_t period_of(const struct lwm2m_instance *server, uint16_t resource)
{
    int64_t period = server ? lwm2m_model_integer(server, resource, 0) : 0;
    return period > 0 && period <= UINT32_MAX ? (uint32_t)period : 0;
}

/* The Server object has periods for observations whose attributes say none. */
static void follow_defaults(const struct lwm2m_coap *coap)
{
    struct lwm2m_observations *observations = coap->serve->observations;
    const struct lwm2m_instance *server =
        lwm2m_account_server(coap->serve->model, &coap->client->account);
    observations->default_pmin = period_of(server, LWM2M_SERVER_DEFAULT_PMIN);
    observations->default_pmax = period_of(server, LWM2M_SERVER_DEFAULT_PMAX);
}

void lwm2m_coap_process(struct lwm2m_coap *coap)
{
    struct lwm2m_observations *observations = coap->serve->observations;
    struct lwm2m_path path;
    if (coap->is_stale)
        synchronise(coap);
    follow_defaults(coap);
    while (lwm2m_observe_due(observations, coap->serve->model, clock_milliseconds(), &path)) {
        coap_resource_t *resource = lwm2m_coap_resource_at(coap, &path);
        /* Of the end of an observation libcoap tells by having no observer any more. */
        if (!resource || !coap_resource_notify_observers(resource, NULL))
            lwm2m_observe_end(observations, &path);
    }
}
