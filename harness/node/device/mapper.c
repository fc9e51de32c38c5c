#include "node/device/mapper.h"

#include "node/common/clock.h"
#include "node/common/say.h"

#include <stdio.h>
#include <string.h>

/* --- what is told ----------------------------------------------------------------------------- */

/* Ends each line where there are several servers. */
static const char *by_server(const struct mapper_server *server, char text[ADDRESS_TEXT_SIZE + 8])
{
    char address[ADDRESS_TEXT_SIZE];
    text[0] = '\0';
    if (server->mapper->servers->count > 1)
        snprintf(text, ADDRESS_TEXT_SIZE + 8, " by %s",
                 address_format(&server->endpoint.client.server, address));
    return text;
}

/* Which flow a PEER mapping is for. */
static const char *towards_text(const struct pcp_mapping *mapping, char text[PLACE_TEXT_SIZE + 16])
{
    char place[PLACE_TEXT_SIZE];
    text[0] = '\0';
    if (mapping->opcode == PCP_PEER)
        snprintf(text, PLACE_TEXT_SIZE + 16, " towards %s",
                 place_text(&mapping->data.remote_address, mapping->data.remote_port, place));
    return text;
}

static void say_grant(const struct mapper_server *server, const char *what,
                      const struct pcp_mapping *mapping)
{
    const struct pcp_map *map = &mapping->data.map;
    char place[PLACE_TEXT_SIZE];
    char by[ADDRESS_TEXT_SIZE + 8];
    char towards[PLACE_TEXT_SIZE + 16];
    say("%s %s %u%s -> %s lifetime %u%s", what, mapping_protocol_name(map->protocol),
        map->internal_port, towards_text(mapping, towards),
        place_text(&map->external_address, map->external_port, place), mapping->granted_lifetime,
        by_server(server, by));
}

static void say_mapping(const struct mapper_server *server, const char *what,
                        const struct pcp_mapping *mapping, const char *why)
{
    const struct pcp_map *map = &mapping->data.map;
    char by[ADDRESS_TEXT_SIZE + 8];
    char towards[PLACE_TEXT_SIZE + 16];
    say("%s %s %u%s%s%s%s", what, mapping_protocol_name(map->protocol), map->internal_port,
        towards_text(mapping, towards), *why ? " " : "", why, by_server(server, by));
}

/* The first server that grants the CoAP port says where it is reached. */
static void find_place(struct mapper *mapper)
{
    const struct pcp_map *found = NULL;
    for (uint8_t s = 0; s < mapper->servers->count && !found; s++) {
        const struct pcp_mapping *mapping = &mapper->at[s].mappings[0];
        if (mapper->at[s].open && mapping->granted)
            found = &mapping->data.map;
    }
    uint16_t port = found ? found->external_port : 0;
    if (port == mapper->port &&
        (!found || address_equal(&mapper->address, &found->external_address)))
        return;
    mapper->port = port;
    if (found)
        mapper->address = found->external_address;
    mapper->placed(mapper->context, found);
}

/* It has served its purpose: 11.6. */
static void learn_address(const struct mapper_server *server, struct pcp_mapping *mapping)
{
    char address[ADDRESS_TEXT_SIZE];
    char by[ADDRESS_TEXT_SIZE + 8];
    say("external address %s%s", address_format(&mapping->data.map.external_address, address),
        by_server(server, by));
    pcp_mapping_leave(mapping);
}

static void on_event(void *context, const struct pcp_event *event)
{
    struct mapper_server *server = context;
    const struct pcp_mapping *mapping = event->mapping;
    if (!mapping) /* PCP_EVENT_ALIVE */
        return;
    if (event->kind == PCP_EVENT_GRANTED &&
        server->mapper->ports->ports[mapping - server->mappings].is_left) {
        learn_address(server, event->mapping);
        return;
    }
    const char *result = pcp_result_name(mapping->result);
    switch (event->kind) {
    case PCP_EVENT_GRANTED:
    case PCP_EVENT_CHANGED:
        say_grant(server, "mapped", mapping);
        break;
    case PCP_EVENT_RENEWED:
        say_grant(server, "renewed", mapping);
        return;
    case PCP_EVENT_REFUSED:
        say_mapping(server, "refused", mapping, result ? result : "with an unknown result");
        return;
    case PCP_EVENT_LOST:
        say_mapping(server, "lost", mapping, "");
        break;
    case PCP_EVENT_REMOVED:
        say_mapping(server, "unmapped", mapping, "");
        server->mapper->removing--;
        return;
    case PCP_EVENT_UNANSWERED:
    case PCP_EVENT_ALIVE:
    case PCP_EVENT_NONE:
        return;
    }
    struct mapper *mapper = server->mapper;
    if (mapping == &server->mappings[0])
        find_place(mapper);
    else if (event->kind == PCP_EVENT_CHANGED && mapping->opcode == PCP_PEER && mapper->port != 0)
        /* 12.4: what was said over this flow before is said anew, from where it now comes. */
        mapper->placed(mapper->context, &server->mappings[0].data.map);
}

static void on_turn(void *context, const struct address *address)
{
    (void)context;
    char text[ADDRESS_TEXT_SIZE];
    say("asking %s", address_format(address, text));
}

/* --- the servers ------------------------------------------------------------------------------ */

static int list_servers(struct mapper *mapper, uint8_t number, struct pcp_endpoint_list *list,
                        struct error *error)
{
    struct error warning = {0};
    int status = servers_list(mapper->servers, number, mapper->nonces, list, &warning, error);
    if (warning.text[0])
        complain("%s", warning.text);
    if (status == 0)
        defect_list(mapper->defect, list);
    return status;
}

/* What is asked for, of a server whose address it is. */
static void fill_wish(struct pcp_mapping *mapping, const struct mapper *mapper, uint8_t index,
                      const struct pcp_select_address *address)
{
    const struct ports *ports = mapper->ports;
    const struct port *port = &ports->ports[index];
    const struct address *family = port->is_flow ? &port->remote : &address->source;
    mapping->opcode = port->is_flow ? PCP_PEER : PCP_MAP;
    mapping->lifetime = port->lifetime;
    mapping->third_party = port->is_foreign;
    mapping->internal_address = port->host;
    mapping->data.map.protocol = port->protocol;
    mapping->data.map.internal_port = port->number;
    mapping->data.map.external_port = index ? 0 : mapper->external_port;
    mapping->data.map.external_address =
        address_is_ipv4(family) != port->is_other_family ? address_any_ipv4() : address_any_ipv6();
    mapping->data.remote_address = port->remote;
    mapping->data.remote_port = port->remote_port;
    memcpy(mapping->data.map.nonce, address->nonce, PCP_NONCE_LENGTH);
    /* A response names neither family that was asked for: only the nonce tells the two mappings apart. */
    mapping->data.map.nonce[PCP_NONCE_LENGTH - 1] ^= port->is_other_family;
    if (index == 0)
        mapping->prefer_failure = ports->prefer_failure;
    if (index == 0 || port->is_other_family) {
        bool changes = ports->filter_count && nonces_is_kept(mapper->nonces, address->nonce);
        mapping->filter_count = ports->filter_count + changes;
        mapping->filters = changes ? ports->filters : ports->filters + 1;
    }
}

static void request_all(struct mapper *mapper, struct mapper_server *server,
                        const struct pcp_select_address *address)
{
    for (uint8_t i = 0; i < mapper->ports->count; i++) {
        fill_wish(&server->mappings[i], mapper, i, address);
        pcp_mapping_request(&server->mappings[i], (uint32_t)clock_milliseconds());
    }
}

static void open_server(struct mapper *mapper, uint8_t number, const struct pcp_endpoint_list *list)
{
    struct mapper_server *server = &mapper->at[number];
    server->mapper = mapper;
    server->endpoint.happened = on_event;
    server->endpoint.turned = on_turn;
    server->endpoint.context = server;
    server->endpoint.tap = defect_tap(mapper->defect);
    pcp_endpoint_open(&server->endpoint, list, server->mappings, mapper->ports->count);
    server->endpoint.selection.maximum_sends = mapper->maximum_sends;
    server->endpoint.client.maximum_duration = mapper->maximum_duration;
    request_all(mapper, server, &list->addresses[0]);
    server->open = true;
}

int mapper_open(struct mapper *mapper, struct address *source, struct error *error)
{
    struct error problem = {0};
    bool any = false;
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        struct pcp_endpoint_list list;
        if (list_servers(mapper, s, &list, &problem) < 0)
            continue;
        if (!any)
            *source = list.addresses[0].source;
        any = true;
        open_server(mapper, s, &list);
    }
    return any ? 0 : error_set(error, "%s", problem.text);
}

static void on_former_event(void *context, const struct pcp_event *event)
{
    struct mapper_server *former = context;
    if (event->kind != PCP_EVENT_REMOVED)
        return;
    say_mapping(former, "unmapped", event->mapping, "of before");
    former->deleting--;
}

/* 8.4: the mappings of an address that went out of use, but is ours still, are deleted; from that address. */
static void part(struct mapper *mapper, uint8_t number, const struct pcp_endpoint_list *list)
{
    struct mapper_server *server = &mapper->at[number];
    struct mapper_server *former = &mapper->former[number];
    if (mapper->removing > 0 || /* all is being deleted already */
        address_equal(&server->endpoint.source, &list->addresses[0].source) ||
        !address_equal(&server->endpoint.client.server, &list->addresses[0].server))
        return;
    if (former->open)
        pcp_endpoint_close(&former->endpoint);
    former->open = pcp_endpoint_hand_over(&server->endpoint, &former->endpoint, former->mappings);
    if (!former->open)
        return;
    former->mapper = mapper;
    former->endpoint.happened = on_former_event;
    former->endpoint.context = former;
    former->deleting = mapper->ports->count;
    for (uint8_t i = 0; i < mapper->ports->count; i++)
        pcp_mapping_remove(&former->mappings[i], (uint32_t)clock_milliseconds());
}

bool mapper_update(struct mapper *mapper, struct address *source)
{
    const struct address before = *source;
    bool any = false;
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        struct pcp_endpoint_list list;
        /* Without a way to it the server stays as it was: its mappings live on until they expire. */
        if (list_servers(mapper, s, &list, NULL) < 0)
            continue;
        if (!any)
            *source = list.addresses[0].source;
        any = true;
        if (mapper->at[s].open) {
            part(mapper, s, &list);
            pcp_endpoint_replace(&mapper->at[s].endpoint, &list);
        } else {
            open_server(mapper, s, &list);
        }
    }
    return !address_equal(&before, source);
}

void mapper_wake(struct mapper *mapper)
{
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        if (mapper->at[s].open)
            pcp_endpoint_wake(&mapper->at[s].endpoint);
    }
}

/* --- leaving ---------------------------------------------------------------------------------- */

void mapper_remove_all(struct mapper *mapper)
{
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        for (uint8_t i = 0; mapper->at[s].open && i < mapper->ports->count; i++) {
            pcp_mapping_remove(&mapper->at[s].mappings[i], (uint32_t)clock_milliseconds());
            mapper->removing++;
        }
    }
}

bool mapper_is_bare(const struct mapper *mapper)
{
    return mapper->removing == 0;
}

void mapper_close(struct mapper *mapper)
{
    for (size_t s = 0; s < SERVERS_ROOM; s++) {
        if (mapper->at[s].open)
            pcp_endpoint_close(&mapper->at[s].endpoint);
        if (mapper->former[s].open)
            pcp_endpoint_close(&mapper->former[s].endpoint);
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

static void set_handles(const struct mapper_server *server, struct pollfd *at)
{
    if (server->open)
        pcp_endpoint_handles(&server->endpoint, at);
    else
        at[0] = at[1] = (struct pollfd){.fd = -1};
}

void mapper_handles(const struct mapper *mapper, struct pollfd handles[MAPPER_HANDLES])
{
    for (size_t s = 0; s < SERVERS_ROOM; s++) {
        set_handles(&mapper->at[s], &handles[2 * s * PCP_ENDPOINT_HANDLES]);
        set_handles(&mapper->former[s], &handles[(2 * s + 1) * PCP_ENDPOINT_HANDLES]);
    }
}

static void process_former(struct mapper_server *former)
{
    pcp_endpoint_process(&former->endpoint);
    if (former->deleting > 0)
        return;
    pcp_endpoint_close(&former->endpoint);
    former->open = false;
}

void mapper_process(struct mapper *mapper)
{
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        if (mapper->at[s].open)
            pcp_endpoint_process(&mapper->at[s].endpoint);
        if (mapper->former[s].open)
            process_former(&mapper->former[s]);
    }
}

static uint32_t wait_of(const struct mapper_server *server)
{
    return server->open ? pcp_endpoint_wait(&server->endpoint) : PCP_NEVER;
}

uint32_t mapper_wait(const struct mapper *mapper)
{
    uint32_t shortest = PCP_NEVER;
    for (uint8_t s = 0; s < mapper->servers->count; s++) {
        uint32_t wait = wait_of(&mapper->at[s]);
        uint32_t other = wait_of(&mapper->former[s]);
        wait = other < wait ? other : wait;
        shortest = wait < shortest ? wait : shortest;
    }
    return shortest;
}
