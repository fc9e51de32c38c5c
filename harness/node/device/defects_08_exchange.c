/* Defects in when and how a request is sent: RFC 6887 section 8.1.1. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/device/mapper.h"
#include "wire/octets.h"

enum {
    NONCE_AT = PCP_HEADER_LENGTH,
    A_SECOND = 1000, /* ms */
    AN_HOUR = 3600000,
    NEVER = 20 * 86400000 /* as far as times can be compared */
};

static void take_another_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.opcode != PCP_ANNOUNCE)
        octets_put32(datagram->octets + NONCE_AT, (uint32_t)++defect->number[0]);
}

/* --- other waits ------------------------------------------------------------------------------ */

/* The mapping whose request has just gone out, if 8.1.1 says when it is sent again. */
static struct pcp_mapping *in_exchange(struct defect *defect, const struct defect_datagram *sent)
{
    struct pcp_mapping *mapping = defect_mapping(defect, sent);
    return mapping && !mapping->renewing ? mapping : NULL;
}

/* Waits of first ms that grow each time, as if there were no jitter. */
static void wait_for(struct defect *defect, const struct defect_datagram *datagram, uint32_t first,
                     uint32_t growth)
{
    struct pcp_mapping *mapping = in_exchange(defect, datagram);
    uint32_t wait = first;
    for (unsigned i = 1; mapping && i < mapping->sends && wait < AN_HOUR; i++)
        wait *= growth;
    if (mapping)
        mapping->due = mapping->sent + wait;
}

static void start_with_a_second(struct defect *defect, struct defect_datagram *datagram)
{
    wait_for(defect, datagram, A_SECOND, 2);
}

static void triple(struct defect *defect, struct defect_datagram *datagram)
{
    wait_for(defect, datagram, PCP_INITIAL_TIMEOUT, 3);
}

static void stay(struct defect *defect, struct defect_datagram *datagram)
{
    wait_for(defect, datagram, PCP_INITIAL_TIMEOUT, 1);
}

static void double_exactly(struct defect *defect, struct defect_datagram *datagram)
{
    wait_for(defect, datagram, PCP_INITIAL_TIMEOUT, 2);
}

/* --- no more requests ------------------------------------------------------------------------- */

static void give_up_after(struct defect *defect, const struct defect_datagram *datagram,
                          uint8_t sends)
{
    struct pcp_mapping *mapping = in_exchange(defect, datagram);
    if (mapping && mapping->sends >= sends)
        mapping->due = mapping->sent + NEVER;
}

static void ask_once(struct defect *defect, struct defect_datagram *datagram)
{
    give_up_after(defect, datagram, 1);
}

static void ask_nine_times(struct defect *defect, struct defect_datagram *datagram)
{
    enum { TIMES = 9 };
    give_up_after(defect, datagram, TIMES);
}

static void ask_for_90_minutes(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = in_exchange(defect, datagram);
    if (mapping && mapping->elapsed > AN_HOUR / 2 * 3)
        mapping->due = mapping->sent + NEVER;
}

static void forget_number(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = in_exchange(defect, datagram);
    if (mapping)
        mapping->sends = 1;
}

static void forget_time(struct defect *defect, struct defect_datagram *datagram)
{
    struct pcp_mapping *mapping = in_exchange(defect, datagram);
    if (mapping)
        mapping->elapsed = 0;
}

/* --- behind a response ------------------------------------------------------------------------ */

static void renew_after_a_third(struct defect *defect, uint32_t now)
{
    (void)now;
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        struct pcp_mapping *mapping = &client->mappings[i];
        uint32_t lifetime = mapping->granted_lifetime * A_SECOND;
        if (mapping->granted && mapping->renewing && mapping->sends == 0)
            mapping->due = mapping->expiry - lifetime + lifetime / 3;
    }
}

/* The server's neighbour gets it. */
static void renew_elsewhere(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping = defect_mapping(defect, datagram);
    uint8_t *last = &defect->endpoint->peer.address.octet[15];
    if (!mapping || !mapping->renewing)
        return;
    (*last)++;
    pcp_endpoint_send(defect->endpoint, datagram->octets, datagram->length);
    (*last)--;
    datagram->length = 0;
}

static bool stay_for_deletions_that_nobody_sent(struct defect *defect)
{
    defect->mapper->removing = 1;
    return false;
}

/* A client whose waits have no cap. */
static void lift_the_cap(struct defect *defect, uint32_t now)
{
    (void)now;
    defect->endpoint->client.maximum_timeout = 0;
}

const struct defect_hooks defects_08_exchange[] = {
    {.name = "repeats-with-another-nonce", .request = take_another_nonce},
    {.name = "asks-once", .request = ask_once},
    {.name = "repeats-after-a-second", .request = start_with_a_second},
    {.name = "triples-its-waits", .request = triple},
    {.name = "never-waits-over-3-seconds", .request = stay},
    {.name = "doubles-without-end", .turn = lift_the_cap},
    {.name = "asks-nine-times", .request = ask_nine_times},
    {.name = "gives-up-after-90-minutes", .request = ask_for_90_minutes},
    {.name = "forgets-its-limit-in-number", .request = forget_number},
    {.name = "forgets-its-limit-in-time", .request = forget_time},
    {.name = "draws-the-same-jitters", .request = double_exactly},
    {.name = "renews-after-a-third", .turn = renew_after_a_third},
    {.name = "renews-elsewhere", .request = renew_elsewhere},
    {.name = "goes-on-asking-at-its-end", .leave = stay_for_deletions_that_nobody_sent},
    {.name = NULL},
};
