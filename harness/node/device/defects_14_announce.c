/* Defects in ANNOUNCE: RFC 6887 section 14.1. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/device/mapper.h"
#include "wire/octets.h"

#include <string.h>

enum {
    LIFETIME_AT = 4,
    EPOCH_AT = 8,
    MINUTES = 60000,  /* ms */
    TOO_LATE = 20000, /* ms */
    A_LIFETIME = 7200 /* s */
};

static bool is_announce(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode == PCP_ANNOUNCE;
}

/* --- requests --------------------------------------------------------------------------------- */

static void filter_in_announce(struct defect *defect, struct defect_datagram *datagram)
{
    static const uint8_t filter[] = {PCP_FILTER, 0,   0,    PCP_FILTER_LENGTH,
                                     0,          128, 0,    0,
                                     0,          0,   0,    0,
                                     0,          0,   0,    0,
                                     0,          0,   0xff, 0xff,
                                     11,         0,   0,    2};
    (void)defect;
    if (is_announce(datagram))
        defect_append(datagram, filter, sizeof filter);
}

static void send_to(struct defect *defect, const struct defect_datagram *datagram,
                    const char *address, uint16_t port)
{
    struct place place = defect->endpoint->peer;
    union socket_address to;
    if (address)
        (void)address_parse(address, &place.address);
    socklen_t length = place_to_socket(&place, port, &to);
    (void)sendto(defect->endpoint->requests, datagram->octets, datagram->length, 0, &to.any,
                 length);
}

static void ask_at_port_5350(struct defect *defect, struct defect_datagram *datagram)
{
    send_to(defect, datagram, NULL, PCP_CLIENT_PORT);
    datagram->length = 0;
}

static void ask_everybody(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_announce(datagram))
        send_to(defect, datagram, "224.0.0.1", PCP_SERVER_PORT);
}

static void say_a_lifetime(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_announce(datagram))
        octets_put32(datagram->octets + LIFETIME_AT, A_LIFETIME);
}

/* --- announcements ---------------------------------------------------------------------------- */

static void want_it_bare(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_announce(datagram) && datagram->length > PCP_HEADER_LENGTH)
        datagram->length = 0;
}

static void want_no_lifetime(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_announce(datagram) && datagram->sent.lifetime != 0)
        datagram->length = 0;
}

static void take_for_an_answer(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; is_announce(datagram) && i < client->mapping_count; i++)
        client->mappings[i].due += 10 * MINUTES;
}

static void believe_anyone(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_announce(datagram) || datagram->octets[0] == 0)
        datagram->source = defect->endpoint->peer.address;
}

/* The engine plans to recreate its mappings; the next turn changes its plan. */
static void note_restart(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_announce(datagram) && datagram->sent.epoch <= defect->endpoint->client.epoch.server_time)
        defect->number[0] = 1;
}

static void recreate_at_once(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; defect->number[0] && i < client->mapping_count; i++)
        defect_hasten(&client->mappings[i], now);
    defect->number[0] = 0;
}

static void recreate_late(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; defect->number[0] && i < client->mapping_count; i++)
        client->mappings[i].due = now + TOO_LATE;
    defect->number[0] = 0;
}

static void recreate_the_first(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 1; defect->number[0] && i < client->mapping_count; i++)
        client->mappings[i].due = now + 10 * MINUTES;
    defect->number[0] = 0;
}

/* Any announcement while it waits, however often. */
static void note_each(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_announce(datagram))
        defect->number[0] = 1;
}

static void wait_anew(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; defect->number[0] && i < client->mapping_count; i++)
        if (!client->mappings[i].renewing)
            client->mappings[i].due = now + PCP_RECOVERY_SPREAD;
    defect->number[0] = 0;
}

static void recreate_each_time(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    if (is_announce(datagram))
        octets_put32(datagram->octets + EPOCH_AT, 0);
}

static void note_any_restart(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_announce(datagram) && datagram->sent.epoch < MINUTES)
        defect->number[0] = 1;
}

static void recreate_everywhere(struct defect *defect, uint32_t now)
{
    for (size_t s = 0; defect->number[0] && s < defect->servers->count; s++)
        for (size_t i = 0; defect->mapper->at[s].open && i < defect->ports->count; i++)
            defect_hasten(&defect->mapper->at[s].mappings[i], now);
    defect->number[0] = 0;
}

const struct defect_hooks defects_14_announce[] = {
    {.name = "filters-in-announce", .request = filter_in_announce},
    {.name = "wants-bare-announcements", .answer = want_it_bare},
    {.name = "wants-announcements-of-no-lifetime", .answer = want_no_lifetime},
    {.name = "asks-at-port-5350", .request = ask_at_port_5350, .tap = {.hears_anyone = true}},
    {.name = "asks-everybody-by-announce", .request = ask_everybody, .tap = {.hears_anyone = true}},
    {.name = "asks-by-announce-with-a-lifetime", .request = say_a_lifetime},
    {.name = "hears-no-announcements", .tap = {.hears_no_announcements = true}},
    {.name = "takes-announcements-for-answers", .answer = take_for_an_answer},
    {.name = "believes-any-announcement", .answer = believe_anyone},
    {.name = "recreates-without-a-wait", .answer = note_restart, .turn = recreate_at_once},
    {.name = "recreates-too-late", .answer = note_restart, .turn = recreate_late},
    {.name = "recreates-the-first-mapping-alone",
     .answer = note_restart,
     .turn = recreate_the_first},
    {.name = "waits-anew-at-each-announcement", .answer = note_each, .turn = wait_anew},
    {.name = "recreates-at-each-announcement", .answer = recreate_each_time},
    {.name = "recreates-at-all-servers", .answer = note_any_restart, .turn = recreate_everywhere},
    {.name = "hears-announcements-alone", .tap = {.hears_announcements_alone = true}},
    {.name = NULL},
};
