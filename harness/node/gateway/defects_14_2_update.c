/* Defects in Mapping Updates, RFC 6887 section 14.2. */
#include "node/gateway/defect.h"

#include "wire/octets.h"

#include <string.h>

enum {
    OFFSET_EPOCH = 8,
    OFFSET_NONCE = PCP_HEADER_LENGTH,
    OFFSET_EXTERNAL_PORT = PCP_HEADER_LENGTH + 18,
    OFFSET_EXTERNAL = PCP_HEADER_LENGTH + 20,
    BEHIND_MAP = PCP_HEADER_LENGTH + PCP_MAP_LENGTH,
    FIRST_GAP = 250,
    SECOND_GAP = 500
};

static bool is_update(const struct pcp_server_event *event)
{
    return event->kind == PCP_SERVER_UPDATE && event->length >= BEHIND_MAP;
}

static bool name_another_port(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    if (is_update(event))
        octets_put16(event->octets + OFFSET_EXTERNAL_PORT,
                     octets_get16(event->octets + OFFSET_EXTERNAL_PORT) ^ 1);
    return true;
}

/* notes[].octets: the address that its client was told last. */
static void remember_the_address(struct defect *defect, const struct defect_exchange *exchange,
                                 uint8_t *octets, size_t *length)
{
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && *length >= BEHIND_MAP)
        memcpy(note->octets, octets + OFFSET_EXTERNAL, sizeof(struct address));
}

static const struct defect_note *note_of(const struct defect *defect,
                                         const struct pcp_server_event *event)
{
    struct pcp_message update;
    if (!is_update(event) || !defect_read(event->octets, event->length, &update))
        return NULL;
    for (size_t i = 0; i < defect->note_count; i++)
        if (address_equal(&defect->notes[i].client, &event->destination) &&
            defect->notes[i].internal_port == update.data.map.internal_port)
            return &defect->notes[i];
    return NULL;
}

static bool name_the_former_address(struct defect *defect, struct pcp_server_event *event)
{
    const struct defect_note *note = note_of(defect, event);
    if (note)
        memcpy(event->octets + OFFSET_EXTERNAL, note->octets, sizeof(struct address));
    return true;
}

static bool clear_the_nonce(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    if (is_update(event))
        memset(event->octets + OFFSET_NONCE, 0, PCP_NONCE_LENGTH);
    return true;
}

/* number[0]: the port that the first request for the mapping came from. */
static void remember_the_port(struct defect *defect, struct defect_exchange *exchange)
{
    struct defect_note *note = defect_note(defect, &exchange->came);
    if (note && note->number[0] == 0)
        note->number[0] = exchange->came.source_port;
}

static bool update_the_first_port(struct defect *defect, struct pcp_server_event *event)
{
    const struct defect_note *note = note_of(defect, event);
    if (note)
        event->destination_port = (uint16_t)note->number[0];
    return true;
}

static bool leave_out_options(struct defect *defect, struct pcp_server_event *event)
{
    (void)defect;
    if (is_update(event))
        event->length = BEHIND_MAP;
    return true;
}

static void forget_the_insistence(struct defect *defect, struct defect_exchange *exchange)
{
    struct pcp_message request;
    struct pcp_option option;
    (void)defect;
    if (defect_read(exchange->octets, exchange->input->length, &request) &&
        request.opcode == PCP_MAP && defect_option(&request, PCP_PREFER_FAILURE, &option) == 0)
        exchange->input->length = BEHIND_MAP;
}

static bool describe(struct defect *defect, struct pcp_server_event *event)
{
    static const uint8_t text[4] = "lamp";
    (void)defect;
    if (is_update(event))
        event->length = pcp_append_option(event->octets, event->length, sizeof event->octets,
                                          PCP_DESCRIPTION, text, sizeof text);
    return true;
}

/* number[0]: updates so far, of the only mapping. */
static bool update_once(struct defect *defect, struct pcp_server_event *event)
{
    return !is_update(event) || defect->number[0]++ == 0;
}

static bool keep_the_former_epoch(struct defect *defect, struct pcp_server_event *event)
{
    enum { FORMER = 4000 };
    if (is_update(event) && defect->number[0]++ == 1)
        octets_put32(event->octets + OFFSET_EPOCH, FORMER);
    return true;
}

/* The copies of the first update come when the defect wants, and the engine's own never. */
static bool copy_the_first(struct defect *defect, struct pcp_server_event *event, uint64_t gap,
                           uint64_t next_gap)
{
    if (!is_update(event))
        return true;
    if (defect->number[0] && defect->now < defect->number[0])
        return false;
    defect->number[0] = defect->now + FIRST_GAP + SECOND_GAP + FIRST_GAP;
    defect_hold(defect, event, gap);
    defect_hold(defect, event, gap + next_gap);
    return true;
}

static bool hurry(struct defect *defect, struct pcp_server_event *event)
{
    enum { HURRY = 50 };
    return copy_the_first(defect, event, HURRY, HURRY);
}

static bool go_on(struct defect *defect, struct pcp_server_event *event)
{
    return copy_the_first(defect, event, FIRST_GAP, SECOND_GAP);
}

const struct defect_hooks defects_14_2_update[] = {
    {.name = "updates-name-another-port", .event = name_another_port},
    {.name = "updates-name-the-former-address",
     .answer = remember_the_address,
     .event = name_the_former_address},
    {.name = "updates-without-a-nonce", .event = clear_the_nonce},
    {.name = "updates-whoever-asked-first",
     .request = remember_the_port,
     .event = update_the_first_port},
    {.name = "updates-without-options", .event = leave_out_options},
    {.name = "moves-insistent-mappings", .request = forget_the_insistence},
    {.name = "updates-with-a-description", .event = describe},
    {.name = "updates-once", .event = update_once},
    {.name = "updates-with-the-former-epoch", .event = keep_the_former_epoch},
    {.name = "updates-in-a-hurry", .event = hurry},
    {.name = "updates-who-knows", .event = go_on},
    {.name = NULL},
};
