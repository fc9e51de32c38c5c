#include "node/lwm2m-device/pcp_context_private.h"

#include "node/common/clock.h"
#include "node/common/mapping_words.h"
#include "node/common/say.h"

#include <string.h>
#include <time.h>

struct pcp_context_slot *pcp_context_slot_of(struct pcp_context_server *server,
                                             const struct pcp_mapping *mapping)
{
    return mapping ? &server->slots[mapping - server->mappings] : NULL;
}

static struct pcp_mapping *mapping_of(struct pcp_context_server *server,
                                      const struct pcp_context_slot *slot)
{
    return &server->mappings[slot - server->slots];
}

/* --- what became of it ------------------------------------------------------------------------ */

/* What any answer tells. */
static void put_server(struct pcp_context_server *server, const struct pcp_context_slot *slot)
{
    const struct pcp_client *client = &server->endpoint.client;
    struct pcp_context *context = server->context;
    if (!client->epoch.known || !pcp_context_instance(context, slot->instance))
        return;
    pcp_context_put(context, slot->instance, PCP_CONTEXT_VERSION, client->version);
    pcp_context_put(context, slot->instance, PCP_CONTEXT_EPOCH, client->epoch.server_time);
}

static void put_grant(struct pcp_context *context, uint16_t instance,
                      const struct pcp_mapping *mapping)
{
    char text[ADDRESS_TEXT_SIZE];
    uint64_t lasts = clock_real_wait((uint64_t)mapping->granted_lifetime * 1000) / 1000;
    lwm2m_model_put_text(context->model, LWM2M_OBJECT_PCP_CONTEXT, instance,
                         PCP_CONTEXT_EXTERNAL_ADDRESS,
                         address_format(&mapping->data.map.external_address, text));
    pcp_context_put(context, instance, PCP_CONTEXT_EXTERNAL_PORT, mapping->data.map.external_port);
    pcp_context_put(context, instance, PCP_CONTEXT_GRANTED, mapping->granted_lifetime);
    pcp_context_put(context, instance, PCP_CONTEXT_EXPIRY, (int64_t)time(NULL) + (int64_t)lasts);
    pcp_context_put(context, instance, PCP_CONTEXT_RESULT, PCP_SUCCESS);
}

static void granted(struct pcp_context_server *server, struct pcp_context_slot *slot,
                    const struct pcp_mapping *mapping)
{
    const struct pcp_map *map = &mapping->data.map;
    bool same = slot->mapped && slot->port == map->external_port &&
                address_equal(&slot->address, &map->external_address);
    bool same_as_ever = slot->was_mapped && slot->port == map->external_port &&
                        address_equal(&slot->address, &map->external_address);
    slot->mapped = true;
    slot->was_mapped = true;
    slot->address = map->external_address;
    slot->port = map->external_port;
    put_grant(server->context, slot->instance, mapping);
    char place[PLACE_TEXT_SIZE];
    if (same)
        say("pcp %u renewed", slot->instance);
    else
        say("pcp %u mapped %s %u -> %s lifetime %u", slot->instance,
            mapping_protocol_name(map->protocol), map->internal_port,
            place_text(&map->external_address, map->external_port, place),
            mapping->granted_lifetime);
    pcp_context_tell(server, slot, PCP_STATUS_MAPPED, !same_as_ever);
}

static void refused(struct pcp_context_server *server, struct pcp_context_slot *slot,
                    const struct pcp_mapping *mapping)
{
    const char *result = pcp_result_name(mapping->result);
    pcp_context_put(server->context, slot->instance, PCP_CONTEXT_RESULT, mapping->result);
    say("pcp %u refused %s", slot->instance, result ? result : "with an unknown result");
    if (!mapping->granted) /* else it lives on until it expires */
        pcp_context_tell(server, slot, PCP_STATUS_REFUSED, false);
}

static void drop_grant(struct pcp_context *context, uint16_t instance)
{
    static const uint16_t resources[] = {PCP_CONTEXT_EXTERNAL_ADDRESS, PCP_CONTEXT_EXTERNAL_PORT,
                                         PCP_CONTEXT_GRANTED, PCP_CONTEXT_EXPIRY};
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        const struct lwm2m_path path = {3, {LWM2M_OBJECT_PCP_CONTEXT, instance, resources[i]}};
        lwm2m_model_drop(context->model, &path);
    }
}

static void lost(struct pcp_context_server *server, struct pcp_context_slot *slot)
{
    slot->mapped = false;
    slot->asked = false;
    drop_grant(server->context, slot->instance);
    say("pcp %u lost", slot->instance);
    pcp_context_tell(server, slot, PCP_STATUS_LOST, false);
}

/* Has the instance another mapping than one that is being deleted? */
static bool has_another(const struct pcp_context *context, const struct pcp_context_slot *slot)
{
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        for (size_t i = 0; context->at[s].open && i < PCP_CONTEXT_SLOTS; i++) {
            const struct pcp_context_slot *other = &context->at[s].slots[i];
            if (other != slot && other->used && !other->leaving &&
                other->instance == slot->instance)
                return true;
        }
    }
    return false;
}

static void removed(struct pcp_context_server *server, struct pcp_context_slot *slot)
{
    say("pcp %u unmapped", slot->instance);
    if (!has_another(server->context, slot)) {
        drop_grant(server->context, slot->instance);
        pcp_context_put(server->context, slot->instance, PCP_CONTEXT_STATUS, PCP_STATUS_DISABLED);
    }
    memset(mapping_of(server, slot), 0, sizeof(struct pcp_mapping));
    memset(slot, 0, sizeof *slot);
}

static void on_event(void *context, const struct pcp_event *event)
{
    struct pcp_context_server *server = context;
    struct pcp_context_slot *slot = pcp_context_slot_of(server, event->mapping);
    if (!slot || !slot->used)
        return;
    put_server(server, slot);
    switch (event->kind) {
    case PCP_EVENT_GRANTED:
    case PCP_EVENT_CHANGED:
    case PCP_EVENT_RENEWED:
        granted(server, slot, event->mapping);
        break;
    case PCP_EVENT_REFUSED:
        refused(server, slot, event->mapping);
        break;
    case PCP_EVENT_LOST:
        lost(server, slot);
        break;
    case PCP_EVENT_REMOVED:
        removed(server, slot);
        break;
    case PCP_EVENT_UNANSWERED: /* the selection's business, which rests then */
    case PCP_EVENT_ALIVE:
    case PCP_EVENT_NONE:
        break;
    }
}

/* Another address is asked. */
static void on_turn(void *context, const struct address *address)
{
    (void)address;
    struct pcp_context_server *server = context;
    for (size_t i = 0; i < PCP_CONTEXT_SLOTS; i++) {
        server->slots[i].asked = false;
        server->slots[i].awaiting = false;
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

int pcp_context_list(struct pcp_context_server *server, struct pcp_endpoint_list *list,
                     struct error *error)
{
    struct error warning = {0};
    int status = servers_list(&server->servers, 0, server->context->nonces, list, &warning, error);
    if (warning.text[0])
        complain("%s", warning.text);
    return status;
}

static bool is_server(const struct pcp_context_server *server, const struct pcp_wish *wish)
{
    const struct place *place = &server->servers.servers[0].places[0];
    return server->is_named == wish->has_server &&
           (!wish->has_server || (place->interface == wish->server.interface &&
                                  address_equal(&place->address, &wish->server.address)));
}

static bool is_idle(const struct pcp_context_server *server)
{
    for (size_t i = 0; i < PCP_CONTEXT_SLOTS; i++) {
        if (server->slots[i].used)
            return false;
    }
    return true;
}

static int open_server(struct pcp_context_server *server, const struct pcp_wish *wish,
                       struct error *error)
{
    struct pcp_endpoint_list list;
    if (server->open)
        pcp_endpoint_close(&server->endpoint);
    struct pcp_context *context = server->context;
    memset(server, 0, sizeof *server);
    server->context = context;
    server->is_named = wish->has_server;
    if (wish->has_server) {
        server->servers.family = place_family(&wish->server);
        server->servers.count = 1;
        server->servers.servers[0].count = 1;
        server->servers.servers[0].places[0] = wish->server;
    } else {
        server->servers = *context->servers;
    }
    if (pcp_context_list(server, &list, error) < 0)
        return -1;
    server->endpoint.happened = on_event;
    server->endpoint.turned = on_turn;
    server->endpoint.context = server;
    pcp_context_count(server);
    pcp_endpoint_open(&server->endpoint, &list, server->mappings, PCP_CONTEXT_SLOTS);
    server->endpoint.selection.maximum_sends = context->maximum_sends;
    server->open = true;
    return 0;
}

struct pcp_context_server *pcp_context_find_server(struct pcp_context *context,
                                                   const struct pcp_wish *wish, struct error *error)
{
    struct pcp_context_server *idle = NULL;
    for (size_t s = 0; s < PCP_CONTEXT_SERVERS; s++) {
        struct pcp_context_server *server = &context->at[s];
        if (server->open && is_server(server, wish))
            return server;
        if (!idle && (!server->open || is_idle(server)))
            idle = server;
    }
    if (!idle) {
        error_set(error, "at most %d PCP servers", PCP_CONTEXT_SERVERS);
        return NULL;
    }
    idle->context = context;
    return open_server(idle, wish, error) < 0 ? NULL : idle;
}

/* 13.3: filters add to those that the mapping has; one of prefix 0 in front clears these. */
static void fill_filters(struct pcp_context_slot *slot, const struct pcp_wish *wish,
                         const struct address *source, struct pcp_mapping *mapping)
{
    slot->filters[0] = (struct pcp_filter){
        .remote_address = address_is_ipv4(source) ? address_any_ipv4() : address_any_ipv6()};
    memcpy(slot->filters + 1, wish->filters, sizeof wish->filters);
    mapping->filters = slot->had_filters ? slot->filters : slot->filters + 1;
    mapping->filter_count = (uint8_t)(wish->filter_count + slot->had_filters);
    slot->had_filters = slot->had_filters || wish->filter_count > 0;
}

static const struct pcp_select_address *asked_address(const struct pcp_context_server *server)
{
    const struct pcp_selection *selection = &server->endpoint.selection;
    return &selection->addresses[selection->current];
}

const struct address *pcp_context_source(const struct pcp_context_server *server)
{
    return &asked_address(server)->source;
}

void pcp_context_ask(struct pcp_context_server *server, struct pcp_context_slot *slot,
                     const struct pcp_wish *wish)
{
    struct pcp_mapping *mapping = mapping_of(server, slot);
    const struct pcp_select_address *address = asked_address(server);
    pcp_wish_fill(wish, server->context->lwm2m_port, &address->source, mapping);
    if (slot->mapped && !wish->has_suggestion) { /* 11.2.1: suggests what it has */
        mapping->data.map.external_address = slot->address;
        if (wish->suggested_port == 0)
            mapping->data.map.external_port = slot->port;
    }
    fill_filters(slot, wish, &address->source, mapping);
    memcpy(mapping->data.map.nonce, address->nonce, PCP_NONCE_LENGTH);
    slot->asked = false;
    slot->awaiting = false;
    slot->leaving = false;
    pcp_mapping_request(mapping, (uint32_t)clock_milliseconds());
}

void pcp_context_delete(struct pcp_context_server *server, struct pcp_context_slot *slot)
{
    const struct pcp_context *context = server->context;
    struct pcp_mapping *mapping = mapping_of(server, slot);
    bool is_awaited = slot->is_lwm2m && mapping->data.map.internal_port == context->lwm2m_port;
    slot->leaving = true;
    slot->mapped = false;
    pcp_mapping_remove(mapping, (uint32_t)clock_milliseconds());
    if (is_awaited) /* a fresh port waits for no mapping any more */
        context->settled(context->caller, false, false);
}

/* A request is out no more, and nothing came: the exchange failed (8.1.1), here and wherever else it was tried. The
 * engine asks again after a quarter of an hour. */
static bool is_given_up(const struct pcp_context_slot *slot, const struct pcp_mapping *mapping)
{
    return slot->used && !slot->leaving && !mapping->granted && slot->awaiting &&
           !mapping->awaiting;
}

void pcp_context_server_process(struct pcp_context_server *server)
{
    pcp_endpoint_process(&server->endpoint);
    for (size_t i = 0; i < PCP_CONTEXT_SLOTS; i++) {
        struct pcp_context_slot *slot = &server->slots[i];
        if (!is_given_up(slot, &server->mappings[i]))
            continue;
        slot->awaiting = false;
        say("pcp %u unanswered", slot->instance);
        pcp_context_tell(server, slot, PCP_STATUS_UNANSWERED, false);
    }
}
