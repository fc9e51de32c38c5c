#include "node/device/defect.h"

#include "engine/pcp_client_private.h"

#include <string.h>

#define DEFECTS(name) extern const struct defect_hooks defects_##name[];
#include "node/device/defects.def"
#undef DEFECTS

#define DEFECTS(name) defects_##name,
static const struct defect_hooks *const files[] = {
#include "node/device/defects.def"
    NULL};
#undef DEFECTS

struct defect *defect_find(const char *name)
{
    static struct defect chosen;
    for (size_t i = 0; files[i]; i++)
        for (const struct defect_hooks *hooks = files[i]; hooks->name; hooks++)
            if (strcmp(hooks->name, name) == 0) {
                chosen.hooks = hooks;
                return &chosen;
            }
    return NULL;
}

void defect_list_names(FILE *to)
{
    for (size_t i = 0; files[i]; i++)
        for (const struct defect_hooks *hooks = files[i]; hooks->name; hooks++)
            fprintf(to, "%s\n", hooks->name);
}

/* --- the points ------------------------------------------------------------------------------- */

static uint32_t run_clock(void *context, uint32_t now)
{
    struct defect *defect = context;
    return defect->hooks->clock(defect, now);
}

static void run_turn(void *context, struct pcp_endpoint *endpoint, uint32_t now)
{
    struct defect *defect = context;
    defect->endpoint = endpoint;
    defect->hooks->turn(defect, now);
}

static struct defect_datagram read_datagram(uint8_t *octets, size_t length)
{
    struct defect_datagram datagram = {.octets = octets, .length = length};
    datagram.is_pcp = pcp_decode(octets, length, &datagram.sent) == PCP_FAULT_NONE;
    return datagram;
}

static size_t run_request(void *context, struct pcp_endpoint *endpoint, uint8_t *octets,
                          size_t length)
{
    struct defect *defect = context;
    struct defect_datagram datagram = read_datagram(octets, length);
    defect->endpoint = endpoint;
    defect->hooks->request(defect, &datagram);
    return datagram.length;
}

static size_t run_answer(void *context, struct pcp_endpoint *endpoint, struct address *source,
                         uint16_t *port, uint8_t *octets, size_t length)
{
    struct defect *defect = context;
    struct defect_datagram datagram = read_datagram(octets, length);
    datagram.source = *source;
    datagram.port = *port;
    defect->endpoint = endpoint;
    defect->hooks->answer(defect, &datagram);
    *source = datagram.source;
    *port = datagram.port;
    return datagram.length;
}

void defect_run_start(struct defect *defect, struct servers *servers, struct ports *ports,
                      struct mapper *mapper)
{
    const struct defect_hooks *hooks = defect->hooks;
    defect->servers = servers;
    defect->ports = ports;
    defect->mapper = mapper;
    defect->tap = hooks->tap;
    defect->tap.context = defect;
    defect->tap.clock = hooks->clock ? run_clock : NULL;
    defect->tap.turn = hooks->turn ? run_turn : NULL;
    defect->tap.request = hooks->request ? run_request : NULL;
    defect->tap.answer = hooks->answer ? run_answer : NULL;
    if (hooks->start)
        hooks->start(defect);
}

/* --- for the hooks ---------------------------------------------------------------------------- */

static bool has_data(const struct defect_datagram *datagram)
{
    return datagram->is_pcp &&
           (datagram->sent.opcode == PCP_MAP || datagram->sent.opcode == PCP_PEER);
}

struct defect_note *defect_note(struct defect *defect, const struct defect_datagram *datagram)
{
    const struct pcp_message *sent = &datagram->sent;
    const struct pcp_map *map = &sent->data.map;
    if (!has_data(datagram))
        return NULL;
    for (size_t i = 0; i < defect->note_count; i++) {
        struct defect_note *note = &defect->notes[i];
        if (note->opcode == sent->opcode && note->protocol == map->protocol &&
            note->internal_port == map->internal_port)
            return note;
    }
    if (defect->note_count == DEFECT_NOTES)
        return NULL;
    struct defect_note *note = &defect->notes[defect->note_count++];
    note->opcode = sent->opcode;
    note->protocol = map->protocol;
    note->internal_port = map->internal_port;
    return note;
}

struct pcp_mapping *defect_mapping(struct defect *defect, const struct defect_datagram *datagram)
{
    return has_data(datagram) ? pcp_endpoint_mapping(defect->endpoint, &datagram->sent) : NULL;
}

void defect_hasten(struct pcp_mapping *mapping, uint32_t now)
{
    if (pcp_mapping_is_active(mapping))
        mapping->due = now;
}

void defect_append(struct defect_datagram *datagram, const uint8_t *option, size_t size)
{
    if (datagram->length + size > PCP_ENDPOINT_ROOM)
        return;
    memcpy(datagram->octets + datagram->length, option, size);
    datagram->length += size;
}
