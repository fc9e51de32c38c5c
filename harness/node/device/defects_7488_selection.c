/* Defects in which address of which server is asked: RFC 7488. */
#include "node/device/defect.h"

#include "engine/pcp_client_private.h"
#include "node/common/servers.h"

#include <net/if.h>
#include <string.h>

enum { FIVE_MINUTES = 300000 /* ms */, ONE_PORT = 45351, OTHER_OCTET = 11 };

/* --- lists ------------------------------------------------------------------------------------ */

static void take_the_last_interface(struct defect *defect, struct pcp_endpoint_list *list)
{
    struct if_nameindex *all = if_nameindex();
    (void)defect;
    for (const struct if_nameindex *at = all; at && at->if_index; at++)
        if (list->interfaces[0] && strcmp(at->if_name, "lo") != 0 &&
            at->if_index > list->interfaces[0])
            list->interfaces[0] = at->if_index;
    if_freenameindex(all);
}

/* Back as they were configured. */
static void unsort(struct defect *defect, struct pcp_endpoint_list *list)
{
    const struct address *first = &defect->servers->servers[0].places[0].address;
    for (uint8_t i = 1; i < list->count; i++) {
        if (!address_equal(&list->addresses[i].server, first))
            continue;
        const struct pcp_select_address address = list->addresses[i];
        list->addresses[i] = list->addresses[0];
        list->addresses[0] = address;
    }
}

static void take_one(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    list->count = 1;
}

static void draw_for_each_address(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 1; i < list->count; i++)
        list->addresses[i].nonce[0] ^= i;
}

static void draw_once(struct defect *defect, struct pcp_endpoint_list *list)
{
    (void)defect;
    for (uint8_t i = 0; i < list->count; i++)
        memset(list->addresses[i].nonce, 0x5a, PCP_NONCE_LENGTH);
}

static void take_one_server(struct defect *defect)
{
    if (defect->servers->count > 1)
        defect->servers->count = 1;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void ask_from_elsewhere(struct defect *defect, uint32_t now)
{
    (void)now;
    defect->endpoint->client.address.octet[15] = OTHER_OCTET;
}

static void count_tries(struct defect *defect, struct defect_datagram *datagram)
{
    (void)datagram;
    defect->number[0]++;
}

static void give_up_behind_two(struct defect *defect, uint32_t now)
{
    struct pcp_selection *selection = &defect->endpoint->selection;
    if (defect->number[0] < 2 || selection->current != 0)
        return;
    defect->number[0] = 0;
    pcp_select_unreachable(selection, now);
}

static void rest_briefly(struct defect *defect, uint32_t now)
{
    struct pcp_selection *selection = &defect->endpoint->selection;
    if (!selection->resting || defect->number[0])
        return;
    defect->number[0] = 1;
    selection->rest_end = now + FIVE_MINUTES;
    selection->client->hold_all = selection->rest_end;
}

/* One address of the list is left, once something is granted. */
static void stay_with(struct defect *defect, uint8_t index, uint32_t now)
{
    struct pcp_selection *selection = &defect->endpoint->selection;
    const struct pcp_select_address address = selection->addresses[index];
    if (defect->endpoint->client.mappings[0].granted && selection->count > 1)
        pcp_select_replace(selection, &address, 1, now);
}

static void go_back_to_the_first(struct defect *defect, uint32_t now)
{
    stay_with(defect, 0, now);
}

static void stay_with_what_answered(struct defect *defect, uint32_t now)
{
    stay_with(defect, defect->endpoint->selection.current, now);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void listen_to_all(struct defect *defect, struct defect_datagram *datagram)
{
    datagram->source = defect->endpoint->client.server;
}

const struct defect_hooks defects_7488_selection[] = {
    {.name = "asks-through-another-interface", .list = take_the_last_interface},
    {.name = "asks-where-nothing-listens", .turn = ask_from_elsewhere},
    {.name = "takes-addresses-as-they-come", .list = unsort},
    {.name = "tries-an-address-twice", .request = count_tries, .turn = give_up_behind_two},
    {.name = "knows-one-address-of-a-server", .list = take_one},
    {.name = "listens-to-what-it-gave-up",
     .answer = listen_to_all,
     .tap = {.hears_anyone = true, .port = ONE_PORT}},
    {.name = "overlooks-icmp-errors", .tap = {.hears_anyone = true}},
    {.name = "rests-for-five-minutes", .turn = rest_briefly},
    {.name = "goes-back-to-the-first-address", .turn = go_back_to_the_first},
    {.name = "stays-with-what-answered", .turn = stay_with_what_answered},
    {.name = "draws-a-nonce-for-each-address", .list = draw_for_each_address},
    {.name = "asks-the-first-server-alone", .start = take_one_server},
    {.name = "draws-one-nonce-for-several-servers", .list = draw_once},
    {.name = NULL},
};
