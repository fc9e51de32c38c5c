/* Defects in what a client of NAT-PMP makes of a loss of state: RFC 6886 sections 3.1 and 3.7. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"

enum { MUCH_LATER = 600000 /* ms */ };

/* It is to be recreated, and waits for its time. */
static bool is_waiting(const struct pcp_mapping *mapping)
{
    return mapping->state == MAPPING_WANTED && mapping->granted && !mapping->renewing &&
           !mapping->awaiting;
}

static void recreate_at_once(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++)
        if (is_waiting(&client->mappings[i]))
            defect_hasten(&client->mappings[i], now);
}

static void recreate_one(struct defect *defect, uint32_t now)
{
    struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 1; i < client->mapping_count; i++)
        if (is_waiting(&client->mappings[i]))
            client->mappings[i].due = now + MUCH_LATER;
}

/* It was spoken, and isn't any more. */
static void drop_when_given_up(struct defect *defect, struct defect_datagram *datagram)
{
    if (defect->endpoint->client.natpmp.resting && datagram->octets[0] == 0)
        datagram->length = 0;
}

const struct defect_hooks defects_6886_recovery[] = {
    {.name = "recreates-by-nat-pmp-at-once", .turn = recreate_at_once},
    {.name = "recreates-one-by-nat-pmp", .turn = recreate_one},
    {.name = "gives-nat-pmp-up-for-good", .answer = drop_when_given_up},
    {.name = NULL},
};
