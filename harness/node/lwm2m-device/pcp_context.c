#include "node/lwm2m-device/pcp_context_private.h"

#include "node/common/mapping_words.h"
#include "node/common/say.h"

#include <string.h>

/* --- the model -------------------------------------------------------------------------------- */

struct lwm2m_instance *pcp_context_instance(const struct pcp_context *context, uint16_t id)
{
    const struct lwm2m_object *object =
        lwm2m_model_object(context->model, LWM2M_OBJECT_PCP_CONTEXT);
    return object ? lwm2m_model_instance(object, id) : NULL;
}

void pcp_context_put(struct pcp_context *context, uint16_t instance, uint16_t resource,
                     int64_t value)
{
    lwm2m_model_put_integer(context->model, LWM2M_OBJECT_PCP_CONTEXT, instance, resource, value);
}

void pcp_context_tell(struct pcp_context_server *server, struct pcp_context_slot *slot,
                      enum pcp_context_status status, bool is_elsewhere)
{
    struct pcp_context *context = server->context;
    pcp_context_put(context, slot->instance, PCP_CONTEXT_STATUS, status);
    if (slot->is_lwm2m && !slot->leaving)
        context->settled(context->caller, status == PCP_STATUS_MAPPED, is_elsewhere);
}

/* --- slots ------------------------------------------------------------------------------------ */

struct found_slot {
    struct pcp_context_server *server;
    struct pcp_context_slot *slot; /* NULL: none */
};

/* The mapping that an instance has, but for those that are being deleted. */
static struct found_slot find_slot(struct pcp_context *context, uint16_t instance)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        struct pcp_context_server *server = &context->at[s];
        for (size_t i = 0; server->open && i < PCP_CONTEXT_SLOTS; i++) {
            struct pcp_context_slot *slot = &server->slots[i];
            if (slot->used && !slot->leaving && slot->instance == instance)
                return (struct found_slot){server, slot};
        }
    }
    return (struct found_slot){NULL, NULL};
}

/* A server tells two mappings apart by these alone. */
static bool is_same_mapping(const struct pcp_mapping *mapping, const struct pcp_wish *wish,
                            uint16_t internal_port)
{
    const struct pcp_map *map = &mapping->data.map;
    return mapping->opcode == wish->opcode && map->protocol == wish->protocol &&
           map->internal_port == internal_port && mapping->third_party == wish->is_foreign &&
           (!wish->is_foreign || address_equal(&mapping->internal_address, &wish->host)) &&
           (wish->opcode != PCP_PEER ||
            (mapping->data.remote_port == wish->remote_port &&
             address_equal(&mapping->data.remote_address, &wish->remote_address)));
}

/* The slot for a wish at server: that of the same mapping if it is there still, else a free one. NULL with error if
 * another instance has that mapping, or there is no room. */
static struct pcp_context_slot *choose_slot(struct pcp_context_server *server, uint16_t instance,
                                            const struct pcp_wish *wish, struct error *error)
{
    uint16_t port =
        wish->internal_port || wish->is_foreign ? wish->internal_port : server->context->lwm2m_port;
    struct pcp_context_slot *chosen = NULL;
    for (size_t i = 0; i < PCP_CONTEXT_SLOTS; i++) {
        struct pcp_context_slot *slot = &server->slots[i];
        if (slot->used && is_same_mapping(&server->mappings[i], wish, port)) {
            if (slot->instance == instance || slot->leaving)
                return slot;
            error_set(error, "instance %u has that mapping", slot->instance);
            return NULL;
        }
        if (!slot->used && !chosen)
            chosen = slot;
    }
    if (!chosen)
        error_set(error, "there is no room for another mapping");
    return chosen;
}

static void delete_mapping(struct pcp_context *context, uint16_t instance)
{
    struct found_slot found = find_slot(context, instance);
    if (found.slot)
        pcp_context_delete(found.server, found.slot);
}

/* --- what is executed ------------------------------------------------------------------------- */

static enum lwm2m_code fail(struct pcp_context *context, uint16_t instance,
                            const struct error *error)
{
    complain("pcp %u: %s", instance, error->text);
    pcp_context_put(context, instance, PCP_CONTEXT_STATUS, PCP_STATUS_FAILED);
    return LWM2M_CHANGED; /* the request was understood; the status tells what became of it */
}

/* The port of LwM2M, whoever says its number. */
static bool is_of_lwm2m(const struct pcp_context *context, const struct pcp_wish *wish)
{
    return (wish->internal_port == 0 || wish->internal_port == context->lwm2m_port) &&
           !wish->is_foreign && wish->protocol == PROTOCOL_UDP;
}

static enum lwm2m_code ask(struct pcp_context *context, uint16_t instance,
                           const struct pcp_wish *asked)
{
    struct error error = {0};
    struct pcp_wish wish = *asked;
    struct found_slot before = find_slot(context, instance);
    struct pcp_context_server *server = pcp_context_find_server(context, &wish, &error);
    /* 13.1: THIRD_PARTY must not name whom the request comes from. */
    if (server && wish.is_foreign && address_equal(&wish.host, pcp_context_source(server)))
        wish.is_foreign = false;
    struct pcp_context_slot *slot = server ? choose_slot(server, instance, &wish, &error) : NULL;
    if (!slot) {
        if (is_of_lwm2m(context, &wish))
            context->settled(context->caller, false, false);
        return fail(context, instance, &error);
    }
    if (before.slot && before.slot != slot)
        pcp_context_delete(before.server, before.slot);
    slot->used = true;
    slot->instance = instance;
    slot->is_lwm2m = is_of_lwm2m(context, &wish);
    pcp_context_put(context, instance, PCP_CONTEXT_STATUS, PCP_STATUS_ASKING);
    pcp_context_ask(server, slot, &wish);
    return LWM2M_CHANGED;
}

/* LwM2M has a fresh port: all that was asked for its old one is asked for the new. */
static void follow_port(struct pcp_context *context, uint16_t but)
{
    const struct lwm2m_object *object =
        lwm2m_model_object(context->model, LWM2M_OBJECT_PCP_CONTEXT);
    const struct lwm2m_instance *instance = NULL;
    while ((instance = lwm2m_model_next(object, instance ? instance->id : -1))) {
        struct pcp_wish wish;
        struct found_slot found = find_slot(context, instance->id);
        if (instance->id != but && found.slot && found.slot->is_lwm2m &&
            pcp_wish_read(instance, &wish, NULL) == 0 && wish.internal_port == 0)
            (void)ask(context, instance->id, &wish);
    }
}

static enum lwm2m_code on_request(struct pcp_context *context, struct lwm2m_instance *instance,
                                  bool may_move)
{
    struct pcp_wish wish;
    struct error error = {0};
    if (pcp_wish_read(instance, &wish, &error) < 0)
        return fail(context, instance->id, &error);
    if (!wish.enabled)
        return LWM2M_NOT_ALLOWED;
    struct found_slot found = find_slot(context, instance->id);
    bool moves = may_move && wish.internal_port == 0 && !wish.is_foreign && found.slot &&
                 found.slot->is_lwm2m && found.slot->was_mapped;
    if (moves) {
        if (context->move(context->caller, &context->lwm2m_port, &error) < 0)
            return fail(context, instance->id, &error);
        follow_port(context, instance->id);
    }
    return ask(context, instance->id, &wish);
}

static enum lwm2m_code on_execute(void *owner, struct lwm2m_instance *instance, uint16_t resource,
                                  const char *arguments, size_t length)
{
    (void)arguments;
    (void)length;
    struct pcp_context *context = owner;
    switch (resource) {
    case PCP_CONTEXT_REQUEST:
        return on_request(context, instance, true);
    case PCP_CONTEXT_REFRESH:
        return on_request(context, instance, false);
    case PCP_CONTEXT_DELETE:
        delete_mapping(context, instance->id);
        return LWM2M_CHANGED;
    default:
        return LWM2M_NOT_ALLOWED;
    }
}

/* --- what is written -------------------------------------------------------------------------- */

static void on_written(void *owner, struct lwm2m_instance *instance,
                       const struct lwm2m_entry *entries, size_t count, bool created)
{
    (void)entries;
    (void)count;
    (void)created;
    if (!lwm2m_model_boolean(instance, PCP_CONTEXT_ENABLED, false))
        delete_mapping(owner, instance->id);
}

static void on_removed(void *owner, struct lwm2m_instance *instance)
{
    delete_mapping(owner, instance->id);
}

static void on_initialise(void *owner, struct lwm2m_instance *instance)
{
    struct pcp_context *context = owner;
    static const struct {
        uint16_t resource;
        uint16_t value;
    } numbers[] = {
        {PCP_CONTEXT_LIFETIME, PCP_WISH_LIFETIME},
        {PCP_CONTEXT_STATUS, PCP_STATUS_DISABLED},
        {PCP_CONTEXT_VERSION, PCP_VERSION},
        {PCP_CONTEXT_INTERNAL_PORT, 0},
        {PCP_CONTEXT_PROTOCOL, PROTOCOL_UDP},
        {PCP_CONTEXT_OPCODE, PCP_MAP},
        {PCP_CONTEXT_RESULT, PCP_SUCCESS},
        {PCP_CONTEXT_REQUESTS, 0},
        {PCP_CONTEXT_RETRANSMISSIONS, 0},
        {PCP_CONTEXT_OCTETS_OUT, 0},
        {PCP_CONTEXT_OCTETS_IN, 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        pcp_context_put(context, instance->id, numbers[i].resource, numbers[i].value);
    lwm2m_model_put_boolean(context->model, LWM2M_OBJECT_PCP_CONTEXT, instance->id,
                            PCP_CONTEXT_ENABLED, false);
}

/* --- life ------------------------------------------------------------------------------------- */

void pcp_context_open(struct pcp_context *context, struct lwm2m_object *object)
{
    object->context = context;
    object->check = pcp_wish_check;
    object->written = on_written;
    object->removed = on_removed;
    object->execute = on_execute;
    object->initialise = on_initialise;
}

void pcp_context_close(struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        if (context->at[s].open)
            pcp_endpoint_close(&context->at[s].endpoint);
        context->at[s].open = false;
    }
}

bool pcp_context_reboot(struct pcp_context *context)
{
    const struct lwm2m_object *object =
        lwm2m_model_object(context->model, LWM2M_OBJECT_PCP_CONTEXT);
    struct lwm2m_instance *instance = NULL;
    bool concerns_lwm2m = false;
    while (object && (instance = lwm2m_model_next(object, instance ? instance->id : -1))) {
        struct found_slot found = find_slot(context, instance->id);
        if (!found.slot)
            continue;
        found.slot->was_mapped = false; /* nothing has left from there since */
        (void)on_request(context, instance, false);
        found = find_slot(context, instance->id);
        concerns_lwm2m = concerns_lwm2m || (found.slot && found.slot->is_lwm2m);
    }
    return concerns_lwm2m;
}

void pcp_context_update(struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        struct pcp_endpoint_list list;
        /* Without a way to it the server stays as it was: its mappings live on until they expire. */
        if (context->at[s].open && pcp_context_list(&context->at[s], &list, NULL) == 0)
            pcp_endpoint_replace(&context->at[s].endpoint, &list);
    }
}

void pcp_context_wake(struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        if (context->at[s].open)
            pcp_endpoint_wake(&context->at[s].endpoint);
    }
}

void pcp_context_remove_all(struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        struct pcp_context_server *server = &context->at[s];
        for (size_t i = 0; server->open && i < PCP_CONTEXT_SLOTS; i++) {
            if (server->slots[i].used && !server->slots[i].leaving)
                pcp_context_delete(server, &server->slots[i]);
        }
    }
}

bool pcp_context_is_bare(const struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        for (size_t i = 0; context->at[s].open && i < PCP_CONTEXT_SLOTS; i++) {
            if (context->at[s].slots[i].used)
                return false;
        }
    }
    return true;
}

void pcp_context_handles(const struct pcp_context *context,
                         struct pollfd handles[PCP_CONTEXT_HANDLES])
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        struct pollfd *at = &handles[s * PCP_ENDPOINT_HANDLES];
        if (context->at[s].open)
            pcp_endpoint_handles(&context->at[s].endpoint, at);
        else
            at[0] = at[1] = (struct pollfd){.fd = -1};
    }
}

void pcp_context_process(struct pcp_context *context)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        if (context->at[s].open)
            pcp_context_server_process(&context->at[s]);
    }
}

uint32_t pcp_context_wait(const struct pcp_context *context)
{
    uint32_t shortest = PCP_NEVER;
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        uint32_t wait =
            context->at[s].open ? pcp_endpoint_wait(&context->at[s].endpoint) : PCP_NEVER;
        shortest = wait < shortest ? wait : shortest;
    }
    return shortest;
}
