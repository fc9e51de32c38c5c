/* Defects of a proxy in what it doesn't know, in mapping repair, and with several servers: RFC 7648 sections
 * 3.3 to 3.6 and 4. */
#include "node/gateway/defect.h"

#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_OPCODE = 1,
    OFFSET_RESULT = 3,
    OFFSET_EPOCH = 8,
    OFFSET_INTERNAL_PORT = 40,
    R_BIT = 0x80,
    STAND_IN = 101 /* an opcode that nobody has */
};

/* --- 3.3, 3.4 -------------------------------------------------------------------------------- */

/* It stands first, since the proxy puts it there. */
static void strip_third_party(struct defect *defect, uint8_t *octets, size_t *length,
                              struct address *source)
{
    struct pcp_message request;
    struct pcp_option option;
    (void)defect;
    (void)source;
    if (!defect_read(octets, *length, &request))
        return;
    long at = defect_option(&request, PCP_THIRD_PARTY, &option);
    if (at < 0)
        return;
    size_t begin = *length - request.options_length + (size_t)at;
    size_t size = PCP_OPTION_HEADER_LENGTH + PCP_THIRD_PARTY_LENGTH;
    memmove(octets + begin, octets + begin + size, *length - begin - size);
    *length -= size;
}

static void turn_the_port(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message message;
    (void)defect;
    if (defect_read(octets, *length, &message) && message.opcode != PCP_ANNOUNCE)
        octets[OFFSET_INTERNAL_PORT] ^= 1;
}

static void change_the_port(struct defect *defect, uint8_t *octets, size_t *length,
                            struct address *source)
{
    (void)source;
    turn_the_port(defect, octets, length);
}

static void relay_nothing(struct defect *defect, struct config *config)
{
    (void)defect;
    config->relay_unknown = false;
}

static void relay_all(struct defect *defect, struct config *config)
{
    (void)defect;
    config->relay_unknown = true;
}

static void call_it_malformed(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (*length >= PCP_HEADER_LENGTH &&
        (octets[OFFSET_RESULT] == PCP_UNSUPP_OPCODE || octets[OFFSET_RESULT] == PCP_UNSUPP_OPTION))
        octets[OFFSET_RESULT] = PCP_MALFORMED_REQUEST;
}

/* --- 3.5 ------------------------------------------------------------------------------------- */

static bool is_announce(const uint8_t *octets, size_t length)
{
    return length == PCP_HEADER_LENGTH && (octets[OFFSET_OPCODE] & ~R_BIT) == PCP_ANNOUNCE;
}

static void turn_opcode(uint8_t *octets, size_t length, uint8_t from, uint8_t to)
{
    if (length == PCP_HEADER_LENGTH && (octets[OFFSET_OPCODE] & ~R_BIT) == from)
        octets[OFFSET_OPCODE] = (uint8_t)((octets[OFFSET_OPCODE] & R_BIT) | to);
}

/* An ANNOUNCE goes its way through the proxy as something unknown. */
static void disguise_the_request(struct defect *defect, struct defect_exchange *exchange)
{
    (void)defect;
    turn_opcode(exchange->octets, exchange->came.length, PCP_ANNOUNCE, STAND_IN);
}

static void undisguise_the_request(struct defect *defect, uint8_t *octets, size_t *length,
                                   struct address *source)
{
    (void)defect;
    (void)source;
    turn_opcode(octets, *length, STAND_IN, PCP_ANNOUNCE);
}

static void disguise_the_answer(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    turn_opcode(octets, *length, PCP_ANNOUNCE, STAND_IN);
}

static void undisguise_the_answer(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    turn_opcode(octets, *length, STAND_IN, PCP_ANNOUNCE);
}

/* What is told of the start must not look as if it told of more. */
static void announce_once(struct defect *defect, struct config *config)
{
    (void)defect;
    config->policy.announcements = 1;
}

static void ignore_announcements(struct defect *defect, uint8_t *octets, size_t *length)
{
    (void)defect;
    if (is_announce(octets, *length))
        *length = 0;
}

static void follow_one_announcement(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (is_announce(octets, *length) && defect->number[0]++)
        *length = 0;
}

static void pass_announcements_on(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (is_announce(octets, *length))
        pcp_server_reset_epoch(defect->server, 0);
}

static bool no_announcement(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    return event->kind != PCP_SERVER_ANNOUNCE;
}

static void note_that_one_asked(struct defect *defect, struct defect_exchange *exchange)
{
    (void)exchange;
    defect->number[1] = 1;
}

static void send_what_was_asked_for(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (!defect_read(octets, *length, &response) || response.opcode != PCP_MAP)
        return;
    if (!defect->number[1])
        *length = 0;
    defect->number[1] = 0;
}

static bool overlook(struct defect *defect, const struct address *external)
{
    (void)defect;
    (void)external;
    return false;
}

/* --- 3.6 ------------------------------------------------------------------------------------- */

static void know_one_server(struct defect *defect, struct config *config)
{
    (void)defect;
    config->upstream_count = 1;
}

/* As if each answer were compared with the last one of any server. */
static void mix_epochs(struct defect *defect, uint8_t *octets, size_t *length)
{
    struct pcp_message response;
    if (defect_read(octets, *length, &response) && defect->number[2]++ > 1)
        octets_put32(octets + OFFSET_EPOCH, response.epoch ^ UINT32_C(0x100000));
}

static void spread_nobody(struct defect *defect, struct config *config)
{
    (void)defect;
    config->upstream_spread = false;
}

static void spread_requests(struct defect *defect, uint8_t *octets, size_t *length,
                            struct address *source)
{
    (void)octets;
    (void)length;
    (void)source;
    *defect->servers = 1U << (defect->number[3]++ % 3 == 0);
}

const struct defect_hooks defects_proxy_repair[] = {
    {.name = "names-no-third-party", .forward = strip_third_party},
    {.name = "changes-ports-on-a-firewall", .forward = change_the_port, .upstream = turn_the_port},
    {.name = "relays-nothing-unknown", .configure = relay_nothing},
    {.name = "relays-in-spite", .configure = relay_all},
    {.name = "calls-the-unknown-malformed", .message = call_it_malformed},
    {.name = "blocks-half-of-what-is-direct",
     .ruleset = "add chain ip pinhole direct { type filter hook forward priority filter - 2; }\n"
                "add rule ip pinhole direct udp sport 5351 drop\n"
                "add chain ip6 pinhole direct { type filter hook forward priority filter - 2; }\n"
                "add rule ip6 pinhole direct udp sport 5351 drop\n"},
    {.name = "relays-announce-requests",
     .request = disguise_the_request,
     .forward = undisguise_the_request,
     .upstream = disguise_the_answer,
     .message = undisguise_the_answer},
    {.name = "ignores-announcements", .configure = announce_once, .upstream = ignore_announcements},
    {.name = "follows-one-announcement",
     .configure = announce_once,
     .upstream = follow_one_announcement},
    {.name = "announces-without-a-change", .upstream = pass_announcements_on},
    {.name = "keeps-changes-to-itself",
     .request = note_that_one_asked,
     .message = send_what_was_asked_for,
     .event = no_announcement},
    {.name = "overlooks-its-new-address", .configure = announce_once, .renumber = overlook},
    {.name = "knows-one-server", .configure = know_one_server},
    {.name = "mixes-epochs", .upstream = mix_epochs},
    {.name = "spreads-nobody", .configure = spread_nobody},
    {.name = "spreads-requests", .forward = spread_requests},
    {.name = NULL},
};
