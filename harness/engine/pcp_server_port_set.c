/* Sets of ports that one MAP asks for (RFC 7753).
 *
 * A set is so many mappings side by side, inside and outside, with one nonce and one lifetime; each but the first
 * is marked as going on from the port below it. So what knows mappings needs not know sets: the device, the state
 * file, expiry, renumbering. A request on a set changes its mappings one by one: pcp_server_request() does
 * that of the port which is named, pcp_server_extend() the others, each with an answer of its own that says
 * nothing and holds what there is to do, or to undo.
 *
 * Decisions where the text leaves room:
 * - The First Internal Port of a request "MUST be set equal to the Internal Port" (section 4), and no error is
 *   named where it is not: it is not looked at.
 * - A new set ends below the first port that is mapped already, or whose external port is not to be had: "MAY map
 *   fewer ports" (4.2). What is mapped already in the range asked for is refreshed, and told by Mapping Updates
 *   (4.4.1), beside the answer for the port that the request names.
 * - Without the option, a MAP for one port of a set refreshes, or deletes, the whole set too (4.4, 4.4.1); its
 *   answer is about that port, since no option may be in it that was not in the request.
 */
#include "engine/pcp_server_internal.h"
#include "wire/octets.h"
#include "wire/pcp_extensions.h"

#include <string.h>

enum {
    PORTS = 65536,
    OPTION_SIZE = PCP_OPTION_HEADER_LENGTH + 8, /* padded */
    MAP_EXTERNAL_PORT = PCP_HEADER_LENGTH + 18  /* where it stands in a message */
};

enum pcp_result pcp_server_take_port_set(struct pcp_exchange *exchange,
                                         const struct pcp_option *option)
{
    struct pcp_port_set set;
    if (pcp_option_port_set(option, &set))
        return PCP_MALFORMED_OPTION;
    if (exchange->request.lifetime != 0 && set.size == 0)
        return PCP_MALFORMED_OPTION;
    exchange->set_asked = true;
    exchange->set_size = set.size;
    return PCP_SUCCESS;
}

enum pcp_result pcp_server_settle_port_set(struct pcp_exchange *exchange)
{
    const struct pcp_map *map = &exchange->request.data.map;
    if (!exchange->set_asked)
        return PCP_SUCCESS;
    if (exchange->prefer_failure && exchange->request.lifetime != 0)
        return PCP_MALFORMED_OPTION;
    uint32_t above = PORTS - (uint32_t)map->internal_port;
    uint32_t most = exchange->server->policy.ports_per_set;
    most = most < above ? most : above;
    if (exchange->set_size > most)
        exchange->set_size = (uint16_t)most;
    if (map->internal_port == 0 || !pcp_server_has_ports(map->protocol))
        exchange->set_size = 1; /* all ports, or none, are no set */
    return PCP_SUCCESS;
}

static uint32_t host_of(const struct pcp_exchange *exchange)
{
    return pcp_table_host_find(&exchange->server->table, &exchange->internal, exchange->realm);
}

/* The MAP mapping of a host's port; PCP_TABLE_NONE: there is none. */
static uint32_t mapping_of(const struct pcp_exchange *exchange, uint32_t host, uint32_t port)
{
    const struct pcp_table *table = &exchange->server->table;
    uint32_t binding = PCP_TABLE_NONE;
    if (port < PORTS)
        binding = pcp_table_binding_find(table, host, exchange->request.data.map.protocol,
                                         (uint16_t)port);
    uint32_t mapping = binding ? table->bindings[binding].map : PCP_TABLE_NONE;
    return mapping && table->mappings[mapping].kind == PCP_TABLE_MAP ? mapping : PCP_TABLE_NONE;
}

/* Whether it goes on from the port below, in a set of the client that asks. */
static bool goes_on(const struct pcp_exchange *exchange, uint32_t host, uint32_t port)
{
    uint32_t mapping = mapping_of(exchange, host, port);
    const struct pcp_table_mapping *record = &exchange->server->table.mappings[mapping];
    return mapping && record->flags & PCP_TABLE_CONTINUES &&
           memcmp(record->nonce, exchange->request.data.map.nonce, PCP_NONCE_LENGTH) == 0;
}

void pcp_server_find_set(struct pcp_exchange *exchange, uint32_t host)
{
    const struct pcp_table *table = &exchange->server->table;
    uint32_t first = exchange->request.data.map.internal_port;
    uint32_t end = first + 1;
    while (host && first > 1 && goes_on(exchange, host, first))
        first--;
    while (host && first && goes_on(exchange, host, end))
        end++;
    exchange->set_first = (uint16_t)first;
    exchange->set_count = (uint16_t)(end - first);
    if (end - first < 2)
        return;
    uint32_t head = mapping_of(exchange, host, first);
    exchange->set_external = table->bindings[table->mappings[head].binding].external_port;
    /* One lifetime for all: what traffic keeps one of them alive for. */
    for (uint32_t port = first; port < end; port++) {
        uint64_t rest = pcp_server_idle_rest(exchange->server, mapping_of(exchange, host, port));
        exchange->set_rest = rest > exchange->set_rest ? rest : exchange->set_rest;
    }
}

void pcp_server_begin_set(const struct pcp_exchange *exchange)
{
    struct pcp_server_set *set = &exchange->answer->set;
    uint32_t named = exchange->request.data.map.internal_port;
    bool made = exchange->answer->change.kind == PCP_SERVER_CREATED;
    uint32_t first = made ? named : exchange->set_first;
    uint32_t size = made ? 1 : exchange->set_count;
    uint32_t asked = exchange->set_asked ? exchange->set_size : 1;
    if (exchange->answer->length + OPTION_SIZE > PCP_MAXIMUM_LENGTH)
        asked = 1; /* there is no room to tell of a set */
    *set = (struct pcp_server_set){
        .grows = made,
        .told = exchange->set_asked && exchange->answer->length + OPTION_SIZE <= PCP_MAXIMUM_LENGTH,
        .first = (uint16_t)first,
        .size = (uint16_t)size,
        .external = made ? exchange->external_port : exchange->set_external,
        .next = first,
        .end = first + size > named + asked ? first + size : named + asked,
        .rest = exchange->set_rest,
    };
}

/* The request as if it were for one port alone. */
static void aim(struct pcp_exchange *exchange, const struct pcp_server_set *set, uint32_t port)
{
    struct pcp_map *map = &exchange->request.data.map;
    map->internal_port = (uint16_t)port;
    exchange->set_rest = set->rest;
    exchange->follows = true;
    exchange->goes_on = set->grows;
    if (exchange->request.lifetime == 0 || !set->grows)
        return;
    map->external_port = (uint16_t)(set->external + (port - set->first));
    map->external_address = exchange->external;
}

/* It is refreshed by a request for other ports: its client learns of it so (4.4.1). */
static void tell_overlap(struct pcp_exchange *exchange, uint32_t port)
{
    struct pcp_server *server = exchange->server;
    uint32_t mapping = mapping_of(exchange, host_of(exchange), port);
    if (!mapping || !server->policy.mapping_updates)
        return;
    server->table.mappings[mapping].flags |= PCP_TABLE_UPDATE_DUE;
    pcp_server_start_updates(server);
}

/* Does one port: true if that changed something. */
static bool extend_to(struct pcp_exchange *exchange, struct pcp_server_set *set, uint32_t port)
{
    bool present = mapping_of(exchange, host_of(exchange), port) != PCP_TABLE_NONE;
    bool of_set = port - set->first < set->size;
    if (present || set->external + (port - set->first) >= PORTS)
        set->grows = false; /* nor is there a port above the last one outside */
    if (!present && !set->grows)
        return false;
    aim(exchange, set, port);
    bool done = pcp_server_map(exchange) == PCP_SUCCESS &&
                exchange->answer->change.kind != PCP_SERVER_UNCHANGED;
    if (!present && done)
        set->size++;
    else if (!present)
        set->grows = false;
    else if (done && !of_set)
        tell_overlap(exchange, port);
    return done;
}

/* The answer for the port that was named tells of the set, as it has come out (4.2). */
static void tell_set(struct pcp_server_answer *first)
{
    const struct pcp_server_set *set = &first->set;
    uint8_t data[5] = {0};
    if (!set->told || set->size < 2)
        return;
    octets_put16(data, set->size);
    octets_put16(data + 2, set->first);
    if (set->external)
        octets_put16(first->octets + MAP_EXTERNAL_PORT, set->external);
    first->length = pcp_append_option(first->octets, first->length, PCP_MAXIMUM_LENGTH,
                                      PCP_PORT_SET, data, sizeof data);
}

bool pcp_server_extend(struct pcp_server *server, const struct pcp_server_input *input,
                       struct pcp_server_answer *first, struct pcp_server_answer *next)
{
    struct pcp_server_set *set = &first->set;
    struct pcp_exchange exchange = {.server = server, .input = input, .answer = next};
    if (set->end == 0)
        return false;
    pcp_decode(input->octets, input->length, &exchange.request);
    exchange.internal = input->source;
    (void)pcp_server_read_options(&exchange); /* they were good for the first */
    exchange.external = first->change.mapping.external;
    const uint32_t named = exchange.request.data.map.internal_port;
    struct pcp_exchange one;
    for (; set->next < set->end; set->next++) {
        if (set->next == named)
            continue;
        pcp_server_answer_nothing(next);
        one = exchange;
        if (extend_to(&one, set, set->next)) {
            set->next++;
            return true;
        }
    }
    tell_set(first);
    set->end = 0;
    return false;
}
