/* Defects in what is made of a MAP response: RFC 6887 section 11.4. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "wire/octets.h"

#include <string.h>

enum {
    NONCE_AT = PCP_HEADER_LENGTH,
    PROTOCOL_AT = NONCE_AT + PCP_NONCE_LENGTH,
    PORT_AT = PROTOCOL_AT + 4,
    FIVE_SECONDS = 5000 /* ms */
};

static bool is_map_answer(const struct defect_datagram *datagram)
{
    return datagram->is_pcp && datagram->sent.response && datagram->sent.opcode == PCP_MAP;
}

/* The mapping that waits for an answer, and is taken for whose it is. */
static const struct pcp_map *awaiting(const struct defect *defect)
{
    const struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++)
        if (client->mappings[i].awaiting)
            return &client->mappings[i].data.map;
    return NULL;
}

static void copy_nonce(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_map *map = is_map_answer(datagram) ? awaiting(defect) : NULL;
    if (map)
        memcpy(datagram->octets + NONCE_AT, map->nonce, PCP_NONCE_LENGTH);
}

static void copy_protocol(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_map *map = is_map_answer(datagram) ? awaiting(defect) : NULL;
    if (map)
        datagram->octets[PROTOCOL_AT] = map->protocol;
}

static void copy_port(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_map *map = is_map_answer(datagram) ? awaiting(defect) : NULL;
    if (map)
        octets_put16(datagram->octets + PORT_AT, map->internal_port);
}

static void drop_other_port(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping =
        is_map_answer(datagram) ? defect_mapping(defect, datagram) : NULL;
    uint16_t suggested = mapping ? mapping->data.map.external_port : 0;
    if (suggested && datagram->sent.data.map.external_port != suggested)
        datagram->length = 0;
}

static void forget_error(struct defect *defect, uint32_t now)
{
    const struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        struct pcp_mapping *mapping = &client->mappings[i];
        uint32_t again = mapping->sent + FIVE_SECONDS;
        if (mapping->state == MAPPING_WANTED && mapping->result != PCP_SUCCESS &&
            !mapping->awaiting && pcp_time_until(mapping->due, now) > FIVE_SECONDS)
            mapping->due = again;
    }
}

/* A granted one alone: the first request is asked for again. */
static void give_up(struct defect *defect, uint32_t now)
{
    const struct pcp_client *client = &defect->endpoint->client;
    for (unsigned i = 0; i < client->mapping_count; i++) {
        struct pcp_mapping *mapping = &client->mappings[i];
        if (mapping->granted && mapping->result != PCP_SUCCESS)
            mapping->state = MAPPING_STOPPED;
    }
    (void)now;
}

static void lift_hold(struct defect *defect, uint32_t now)
{
    defect->endpoint->client.hold_new = now;
}

/* number[0]: NO_RESOURCES came for a deletion */
static void see_deletion_refused(struct defect *defect, struct defect_datagram *datagram)
{
    const struct pcp_mapping *mapping =
        is_map_answer(datagram) ? defect_mapping(defect, datagram) : NULL;
    if (mapping && mapping->state == MAPPING_REMOVING)
        defect->number[0] = datagram->sent.result == PCP_NO_RESOURCES;
}

static void delete_on(struct defect *defect, uint32_t now)
{
    if (defect->number[0])
        defect->endpoint->client.hold_all = now;
}

const struct defect_hooks defects_11_4_responses[] = {
    {.name = "takes-any-nonce", .answer = copy_nonce},
    {.name = "takes-any-protocol", .answer = copy_protocol},
    {.name = "takes-any-internal-port", .answer = copy_port},
    {.name = "wants-the-port-it-suggested", .answer = drop_other_port},
    {.name = "forgets-errors", .turn = forget_error},
    {.name = "gives-up-after-a-failed-renewal", .turn = give_up},
    {.name = "asks-for-more-without-resources", .turn = lift_hold},
    {.name = "deletes-on-without-resources", .answer = see_deletion_refused, .turn = delete_on},
    {.name = NULL},
};
