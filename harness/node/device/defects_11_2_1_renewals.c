/* Defects in when mappings are renewed, and by what: RFC 6887 section 11.2.1. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/common/clock.h"
#include "wire/octets.h"

#include <string.h>

enum {
    LIFETIME_AT = 4,
    NONCE_AT = PCP_HEADER_LENGTH,
    SUGGESTION_AT = PCP_HEADER_LENGTH + 18,
    SUGGESTION_LENGTH = 18,
    RENEWALS = 2,
    TEN_SECONDS = 10000, /* ms */
    CLOSEST = 200,       /* ms */
    NEVER = 1 << 30      /* ms */
};

static uint32_t clock_now(void)
{
    return (uint32_t)clock_milliseconds();
}

static bool is_success(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.response && datagram->sent.result == PCP_SUCCESS &&
           datagram->sent.opcode != PCP_ANNOUNCE && datagram->sent.lifetime > 0;
}

static bool is_renewal(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.opcode != PCP_ANNOUNCE &&
           datagram->sent.lifetime > 0 && datagram->sent.data.map.external_port != 0;
}

/* Calls change(mapping) for each mapping that waits for its renewal. */
static void each_renewing(const struct defect *defect, void (*change)(struct pcp_mapping *mapping))
{
    const struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++)
        if (client->mappings[i].state == MAPPING_WANTED && client->mappings[i].renewing)
            change(&client->mappings[i]);
}

static void draw_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    if (is_renewal(datagram))
        octets_put32(datagram->octets + NONCE_AT, (uint32_t)++defect->number[0]);
}

static void count_successes(struct defect *defect, struct defect_datagram *datagram)
{
    struct defect_note *note = is_success(datagram) ? defect_note(defect, datagram) : NULL;
    if (note)
        defect->number[0] = ++note->number[0] > RENEWALS;
}

static void put_off(struct pcp_mapping *mapping)
{
    mapping->due = clock_now() + NEVER;
}

static void renew_no_more(struct defect *defect, uint32_t now)
{
    (void)now;
    if (defect->number[0])
        each_renewing(defect, put_off);
}

static void suggest_nothing(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    const struct address any =
        address_is_ipv4(&datagram->sent.client) ? address_any_ipv4() : address_any_ipv6();
    if (!is_renewal(datagram))
        return;
    memset(datagram->octets + SUGGESTION_AT, 0, SUGGESTION_LENGTH);
    memcpy(datagram->octets + SUGGESTION_AT + 2, any.octet, sizeof any.octet);
}

static void grant_what_was_asked(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && is_success(datagram))
        octets_put32(datagram->octets + LIFETIME_AT, mapping->lifetime);
}

static void be_due_at_half(struct pcp_mapping *mapping)
{
    if (mapping->sends == 0)
        mapping->due = mapping->expiry - mapping->granted_lifetime * 500;
}

static void renew_at_half(struct defect *defect, uint32_t now)
{
    (void)now;
    each_renewing(defect, be_due_at_half);
}

static void be_due_at_three_quarters(struct pcp_mapping *mapping)
{
    if (mapping->sends == 0)
        mapping->due = mapping->expiry - mapping->granted_lifetime * 250;
}

static void renew_at_three_quarters(struct defect *defect, uint32_t now)
{
    (void)now;
    each_renewing(defect, be_due_at_three_quarters);
}

static void overflow(struct defect *defect, struct defect_datagram *datagram)
{
    (void)defect;
    uint32_t seconds = datagram->sent.lifetime * 1000 / 1000; /* as 32 bits have it */
    if (is_success(datagram))
        octets_put32(datagram->octets + LIFETIME_AT, seconds ? seconds : 1);
}

static void come_closer(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    uint32_t now = clock_now();
    if (!mapping || !mapping->renewing)
        return;
    uint32_t half = pcp_time_until(mapping->expiry, now) / 2;
    mapping->due = now + (half > CLOSEST ? half : CLOSEST);
}

static void hurry_if_short(struct pcp_mapping *mapping)
{
    uint32_t lifetime = mapping->granted_lifetime * 1000;
    if (lifetime < PCP_RENEWAL_GAP)
        mapping->due = mapping->expiry - lifetime / 2;
}

static void renew_short_at_once(struct defect *defect, uint32_t now)
{
    (void)now;
    each_renewing(defect, hurry_if_short);
}

static void repeat_in_ten_seconds(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    if (mapping && mapping->renewing)
        mapping->due = clock_now() + TEN_SECONDS;
}

const struct defect_hooks defects_11_2_1_renewals[] = {
    {.name = "renews-with-another-nonce", .request = draw_nonce},
    {.name = "gives-up-renewing", .answer = count_successes, .turn = renew_no_more},
    {.name = "suggests-nothing-in-renewals", .request = suggest_nothing},
    {.name = "counts-on-the-lifetime-it-asked-for", .answer = grant_what_was_asked},
    {.name = "renews-at-half-to-the-second", .turn = renew_at_half},
    {.name = "renews-at-three-quarters", .turn = renew_at_three_quarters},
    {.name = "overflows-its-milliseconds", .answer = overflow},
    {.name = "renews-ever-closer", .request = come_closer},
    {.name = "renews-short-mappings-at-once", .turn = renew_short_at_once},
    {.name = "renews-every-ten-seconds", .request = repeat_in_ten_seconds},
    {.name = NULL},
};
