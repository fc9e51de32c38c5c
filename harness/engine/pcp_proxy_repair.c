/* What the proxy asks upstream by itself: whether the mappings that it was granted are there still.
 *
 * All mappings share one schedule, as the server's Mapping Updates do: rounds over the table, each for those
 * that are still due. An answer, to us or to a client that asks meanwhile, ends its own.
 */
#include "engine/pcp_proxy_private.h"

#include <string.h>

enum {
    FIRST_GAP =
        3000 /* milliseconds, IRT of RFC 6887 section 8.1.1; each next one is twice as long */
};

/* Not all proxies of a network at the same instant (RFC 6887 section 14.1.3): by what they were told. */
static uint64_t scatter(const struct pcp_proxy *proxy, uint32_t mapping)
{
    uint64_t mix = proxy->server->now;
    for (size_t i = 0; i < PCP_NONCE_LENGTH; i++)
        mix = mix * 31 + proxy->server->table.mappings[mapping].nonce[i];
    return mix % PCP_PROXY_SCATTER;
}

static bool is_live(const struct pcp_proxy *proxy, uint32_t mapping)
{
    enum pcp_table_kind kind = proxy->server->table.mappings[mapping].kind;
    return kind == PCP_TABLE_MAP || kind == PCP_TABLE_PEER;
}

void pcp_proxy_begin_repair(struct pcp_proxy *proxy, int server)
{
    uint32_t first = PCP_TABLE_NONE;
    for (uint32_t i = 1; i <= proxy->server->table.mappings_touched; i++) {
        struct pcp_server_outermost *outermost = &proxy->outermost[i];
        if (!is_live(proxy, i) || !outermost->known || (server >= 0 && outermost->server != server))
            continue;
        outermost->unsure = outermost->due = true;
        first = first ? first : i;
    }
    if (!first)
        return;
    proxy->repair.ever = true;
    proxy->repair.begun = proxy->server->now;
    proxy->repair.rounds_left = PCP_PROXY_ROUNDS + 1;
    proxy->repair.cursor = 0;
    proxy->repair.next = proxy->server->now + scatter(proxy, first);
}

/* The mapping as the client that has it asks for it, for the time that is left, at the place that it had. */
static void write_request(struct pcp_proxy *proxy, uint32_t mapping,
                          struct pcp_proxy_packet *packet)
{
    const struct pcp_server *server = proxy->server;
    const struct pcp_server_outermost *outermost = &proxy->outermost[mapping];
    struct pcp_server_mapping view;
    pcp_server_view(server, mapping, &view);
    packet->length = 0;
    packet->servers = pcp_proxy_servers_for(proxy, &view.client, &view.external);
    uint32_t left = pcp_server_seconds_left(server, mapping, true);
    if (!packet->servers || left == 0 || address_is_any(&view.external))
        return;
    struct pcp_message request = {.version = PCP_VERSION,
                                  .opcode = view.kind == PCP_SERVER_PEER ? PCP_PEER : PCP_MAP,
                                  .lifetime = left};
    memcpy(request.data.map.nonce, view.nonce, PCP_NONCE_LENGTH);
    request.data.map.protocol = view.protocol;
    request.data.map.external_address = outermost->address;
    request.data.map.external_port = outermost->port;
    request.data.remote_address = view.remote;
    request.data.remote_port = view.remote_port;
    uint8_t options[PCP_MAXIMUM_LENGTH];
    uint32_t cursor = view.filters;
    struct pcp_filter filter;
    if (view.prefer_failure)
        request.options_length = pcp_append_option(options, request.options_length, sizeof options,
                                                   PCP_PREFER_FAILURE, NULL, 0);
    while (view.filtered && pcp_server_filter_next(server, &cursor, &filter))
        request.options_length =
            pcp_append_filter(options, request.options_length, sizeof options, &filter);
    request.options = options;
    pcp_proxy_write_upstream(proxy, &request, &view, packet);
}

/* Nobody upstream has answered: what the clients know may be true no more. */
static void give_up(struct pcp_proxy *proxy)
{
    bool lost = false;
    for (uint32_t i = 1; i <= proxy->server->table.mappings_touched; i++) {
        lost = lost || (proxy->outermost[i].due && is_live(proxy, i));
        proxy->outermost[i].due = false;
    }
    if (lost)
        pcp_server_reset_epoch(proxy->server, proxy->server->now);
}

bool pcp_proxy_advance(struct pcp_proxy *proxy, uint64_t now, struct pcp_proxy_packet *packet)
{
    const struct pcp_table *table = &proxy->server->table;
    if (now > proxy->server->now)
        proxy->server->now = now;
    while (proxy->repair.rounds_left && proxy->repair.next <= proxy->server->now) {
        if (proxy->repair.rounds_left == 1) { /* the last one has only waited for answers */
            proxy->repair.rounds_left = 0;
            give_up(proxy);
            break;
        }
        while (proxy->repair.cursor < table->mappings_touched) {
            uint32_t mapping = ++proxy->repair.cursor;
            if (!proxy->outermost[mapping].due || !is_live(proxy, mapping))
                continue;
            write_request(proxy, mapping, packet);
            if (packet->length)
                return true;
        }
        proxy->repair.rounds_left--;
        proxy->repair.cursor = 0;
        proxy->repair.next =
            proxy->server->now +
            ((uint64_t)FIRST_GAP << (PCP_PROXY_ROUNDS - proxy->repair.rounds_left));
    }
    return false;
}

uint64_t pcp_proxy_next_time(const struct pcp_proxy *proxy)
{
    return proxy->repair.rounds_left ? proxy->repair.next : PCP_SERVER_NEVER;
}
