/* Defects in how long a response holds: RFC 6887 section 8.3. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"

#include <string.h>

enum {
    A_SECOND = 1000,        /* ms */
    NEVER = 20 * 86400000,  /* as far as times can be compared */
    BEYOND_DOUBT = 2000000, /* s */
    ABSURD = 0              /* number[]: an absurd lifetime has come */
};

/* Those that were refused with a result are asked for every second. */
static void hurry(struct defect *defect, bool (*is_it)(uint8_t result))
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        struct pcp_mapping *mapping = &client->mappings[i];
        if (mapping->state == MAPPING_WANTED && !mapping->granted && is_it(mapping->result))
            mapping->due = mapping->sent + A_SECOND;
    }
}

static bool is_not_authorized(uint8_t result)
{
    return result == PCP_NOT_AUTHORIZED;
}

static bool is_address_mismatch(uint8_t result)
{
    return result == PCP_ADDRESS_MISMATCH;
}

static bool is_error(uint8_t result)
{
    return result != PCP_SUCCESS;
}

static void flood_after_not_authorized(struct defect *defect, uint32_t now)
{
    (void)now;
    hurry(defect, is_not_authorized);
}

static void flood_after_address_mismatch(struct defect *defect, uint32_t now)
{
    (void)now;
    hurry(defect, is_address_mismatch);
}

static void never_rest(struct defect *defect, uint32_t now)
{
    (void)now;
    hurry(defect, is_error);
}

/* --- absurd lifetimes ------------------------------------------------------------------------- */

static void believe_grant(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.result == PCP_SUCCESS &&
        datagram->sent.lifetime > BEYOND_DOUBT)
        defect->number[ABSURD] = 1;
}

static void believe_error(struct defect *defect, struct defect_datagram *datagram)
{
    if (datagram->is_pcp && datagram->sent.result != PCP_SUCCESS &&
        datagram->sent.lifetime > BEYOND_DOUBT)
        defect->number[ABSURD] = 1;
}

static void wait_for_ever(struct defect *defect, uint32_t now)
{
    struct pcp_mapping *mapping = defect->endpoint->client.mappings;
    if (!defect->number[ABSURD])
        return;
    defect->number[ABSURD] = 0;
    mapping->due = now + NEVER;
    mapping->expiry = now + NEVER;
}

/* --- another server --------------------------------------------------------------------------- */

/* The first server stands in octets. */
static void ask_the_old_one_too(struct defect *defect, struct defect_datagram *datagram)
{
    struct address *peer = &defect->endpoint->peer.address;
    struct address now = *peer;
    struct address before;
    if (defect->length == 0) {
        memcpy(defect->octets, peer, sizeof *peer);
        defect->length = sizeof *peer;
    }
    memcpy(&before, defect->octets, sizeof before);
    if (address_equal(&before, peer))
        return;
    *peer = before;
    pcp_endpoint_send(defect->endpoint, datagram->octets, datagram->length);
    *peer = now;
}

const struct defect_hooks defects_08_3_results[] = {
    {.name = "floods-after-not-authorized", .turn = flood_after_not_authorized},
    {.name = "floods-after-address-mismatch", .turn = flood_after_address_mismatch},
    {.name = "never-rests", .turn = never_rest},
    {.name = "believes-any-lifetime", .answer = believe_grant, .turn = wait_for_ever},
    {.name = "believes-any-error", .answer = believe_error, .turn = wait_for_ever},
    {.name = "asks-the-old-server-again", .request = ask_the_old_one_too},
    {.name = NULL},
};
