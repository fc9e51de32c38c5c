/* Defects in what a proxy asks for upstream, RFC 7648 sections 3 and 3.3. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "node/gateway/sockets.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_LIFETIME = 4,
    OFFSET_NONCE = 24,
    OFFSET_INTERNAL_PORT = 40,
    OFFSET_EXTERNAL_PORT = 42,
    OFFSET_EXTERNAL_ADDRESS = 44,
    OFFSET_REMOTE_PORT = 60,
    SEEN = 0 /* in defect->number */
};

static bool is_mapping(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return defect_read(octets, length, out) && (out->opcode == PCP_MAP || out->opcode == PCP_PEER);
}

/* Notes the last client's request, by number: its internal port, its nonce's first octets. */
static void note_request(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    if (is_mapping(exchange->came.octets, exchange->came.length, &request))
        defect->number[SEEN] = request.data.map.internal_port;
}

/* How often a mapping's nonce went upstream before. */
static unsigned times_seen(struct defect *defect, const struct pcp_message *request)
{
    size_t i = 0;
    const uint8_t *nonce = request->data.map.nonce;
    while (i < defect->note_count && memcmp(defect->notes[i].octets, nonce, PCP_NONCE_LENGTH) != 0)
        i++;
    if (i == DEFECT_NOTES)
        return 0;
    if (i == defect->note_count) {
        defect->note_count++;
        memcpy(defect->notes[i].octets, nonce, PCP_NONCE_LENGTH);
    }
    return (unsigned)defect->notes[i].number[0]++;
}

static void take_another_port(struct defect *defect, uint8_t *octets, size_t *length,
                              struct address *source)
{
    struct pcp_message request;
    (void)source;
    if (!is_mapping(octets, *length, &request))
        return;
    unsigned port = request.data.map.internal_port + times_seen(defect, &request);
    octets_put16(octets + OFFSET_INTERNAL_PORT, (uint16_t)port);
}

/* What comes back is for the port as it was. */
static void return_another_port(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (is_mapping(octets, *length, &response) && defect->number[1])
        octets_put16(octets + OFFSET_INTERNAL_PORT, (uint16_t)defect->number[1]);
}

static void pass_the_internal_port_on(struct defect *defect, uint8_t *octets, size_t *length,
                                      struct address *source)
{
    struct pcp_message request;
    (void)source;
    if (!is_mapping(octets, *length, &request))
        return;
    defect->number[1] = request.data.map.internal_port;
    octets_put16(octets + OFFSET_INTERNAL_PORT, (uint16_t)defect->number[SEEN]);
}

static void ask_for_the_port_beside(struct defect *defect, uint8_t *octets, size_t *length,
                                    struct address *source)
{
    struct pcp_message request;
    (void)source;
    if (!is_mapping(octets, *length, &request))
        return;
    defect->number[1] = request.data.map.internal_port;
    octets_put16(octets + OFFSET_INTERNAL_PORT, (uint16_t)(defect->number[1] ^ 1));
}

static bool keep_all(struct defect *defect, struct pcp_server_change *change)
{
    (void)defect;
    return change->kind != PCP_SERVER_REMOVED;
}

static void want_more(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    (void)defect;
    if (is_mapping(exchange->came.octets, exchange->came.length, &request))
        octets_put32(exchange->octets + OFFSET_LIFETIME, 2 * request.lifetime);
}

static void ask_for_half(struct defect *defect, uint8_t *octets, size_t *length,
                         struct address *source)
{
    struct pcp_message request;
    (void)defect;
    (void)source;
    if (is_mapping(octets, *length, &request))
        octets_put32(octets + OFFSET_LIFETIME, request.lifetime / 2);
}

static void tell_all_of_the_lifetime(struct defect *defect, const struct defect_exchange *exchange,
                                     uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    (void)defect;
    if (is_mapping(octets, *length, &response) && response.result == PCP_SUCCESS)
        memcpy(octets + OFFSET_LIFETIME, exchange->came.octets + OFFSET_LIFETIME, 4);
}

static void ask_once(struct defect *defect, uint8_t *octets, size_t *length, struct address *source)
{
    struct pcp_message request;
    (void)source;
    if (is_mapping(octets, *length, &request) && times_seen(defect, &request))
        *length = 0;
}

static void keep_deletions(struct defect *defect, uint8_t *octets, size_t *length,
                           struct address *source)
{
    struct pcp_message request;
    (void)defect;
    (void)source;
    if (is_mapping(octets, *length, &request) && request.lifetime == 0)
        *length = 0;
}

/* One that is there, but no router of ours: of the internet's network, its last address but one. */
static void choose_another_server(struct defect *defect, struct config *config)
{
    (void)defect;
    config->upstream_auto = false;
    config->upstream_count = 1;
    config->upstream[0].port = PCP_SERVER_PORT;
    config->upstream[0].place.address = sockets_interface_address(config->outside);
    config->upstream[0].place.address.octet[15] = 254;
}

static void drop_the_suggestion(struct defect *defect, uint8_t *octets, size_t *length,
                                struct address *source)
{
    struct pcp_message request;
    (void)defect;
    (void)source;
    if (!is_mapping(octets, *length, &request))
        return;
    octets_put16(octets + OFFSET_EXTERNAL_PORT, 0);
    memset(octets + OFFSET_EXTERNAL_ADDRESS, 0, 16);
}

static void ask_for_twice_the_lifetime(struct defect *defect, uint8_t *octets, size_t *length,
                                       struct address *source)
{
    struct pcp_message request;
    (void)defect;
    (void)source;
    if (is_mapping(octets, *length, &request))
        octets_put32(octets + OFFSET_LIFETIME, 2 * request.lifetime);
}

static void turn_the_nonce(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message message;
    (void)defect;
    if (is_mapping(octets, *length, &message))
        octets[OFFSET_NONCE] ^= 0xff;
}

static void draw_a_nonce(struct defect *defect, uint8_t *octets, size_t *length,
                         struct address *source)
{
    (void)source;
    turn_the_nonce(defect, octets, length);
}

static void move_the_remote_peer(struct defect *defect, uint8_t *octets, size_t *length,
                                 struct address *source)
{
    struct pcp_message request;
    (void)defect;
    (void)source;
    if (is_mapping(octets, *length, &request) && request.opcode == PCP_PEER)
        octets[OFFSET_REMOTE_PORT] ^= 1;
}

const struct defect_hooks defects_proxy_requests[] = {
    {.name = "takes-another-port-each-time", .forward = take_another_port},
    {.name = "passes-the-internal-port-on",
     .request = note_request,
     .forward = pass_the_internal_port_on,
     .upstream = return_another_port},
    {.name = "asks-for-the-port-beside",
     .forward = ask_for_the_port_beside,
     .upstream = return_another_port},
    {.name = "keeps-what-upstream-refused", .change = keep_all},
    {.name = "asks-upstream-each-time", .request = want_more, .forward = ask_for_half},
    {.name = "tells-the-lifetime-of-the-beginning", .answer = tell_all_of_the_lifetime},
    {.name = "keeps-renewals-to-itself", .forward = ask_once},
    {.name = "keeps-deletions-to-itself", .forward = keep_deletions},
    {.name = "asks-another-server", .configure = choose_another_server},
    {.name = "drops-suggestions", .forward = drop_the_suggestion},
    {.name = "asks-for-twice-the-lifetime", .forward = ask_for_twice_the_lifetime},
    {.name = "draws-a-nonce-of-its-own", .forward = draw_a_nonce, .upstream = turn_the_nonce},
    {.name = "moves-the-remote-peer", .forward = move_the_remote_peer},
    {.name = "asks-from-another-address",
     .ruleset =
         "add chain ip pinhole elsewhere { type nat hook postrouting priority srcnat - 2; }\n"
         "add rule ip pinhole elsewhere udp dport 5351 snat to 11.0.0.5\n"},
    {.name = NULL},
};
