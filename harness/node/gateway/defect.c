#include "node/gateway/defect.h"

#include "node/common/place.h"
#include "node/gateway/config.h"
#include "wire/octets.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFECTS(name) extern const struct defect_hooks defects_##name[];
#include "node/gateway/defects.def"
#undef DEFECTS

#define DEFECTS(name) defects_##name,
static const struct defect_hooks *const files[] = {
#include "node/gateway/defects.def"
    NULL};
#undef DEFECTS

enum { R_BIT = 0x80 };

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

void defect_list(FILE *to)
{
    for (size_t i = 0; files[i]; i++)
        for (const struct defect_hooks *hooks = files[i]; hooks->name; hooks++)
            fprintf(to, "%s\n", hooks->name);
}

/* --- the points ------------------------------------------------------------------------------- */

void defect_run_configure(struct defect *defect, struct config *config)
{
    defect->config = config;
    if (defect->hooks->hears_outside && config->inside_count < CONFIG_INTERFACES)
        memcpy(config->inside[config->inside_count++], config->outside, sizeof config->outside);
    if (defect->hooks->configure)
        defect->hooks->configure(defect, config);
}

void defect_run_start(struct defect *defect, struct pcp_server *server, struct sockets *sockets)
{
    defect->server = server;
    defect->sockets = sockets;
    if (defect->hooks->start)
        defect->hooks->start(defect);
}

void defect_run_requests(struct defect *defect, struct pcp_server_input *inputs, size_t count,
                         uint64_t now)
{
    defect->now = now;
    for (size_t i = 0; i < count; i++) {
        struct defect_exchange *exchange = &defect->exchanges[i];
        size_t length = inputs[i].length < SOCKETS_DATAGRAM ? inputs[i].length : SOCKETS_DATAGRAM;
        *exchange = (struct defect_exchange){
            .came = inputs[i], .input = &inputs[i], .octets = defect->octets[i]};
        memcpy(exchange->octets, inputs[i].octets, length);
        inputs[i].octets = exchange->octets;
        if (defect->hooks->request)
            defect->hooks->request(defect, exchange);
    }
}

void defect_run_answers(struct defect *defect, struct pcp_server_answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        defect->exchanges[i].change = answers[i].change;
        if (defect->hooks->answer)
            defect->hooks->answer(defect, &defect->exchanges[i], answers[i].octets,
                                  &answers[i].length);
        defect_run_message(defect, answers[i].octets, &answers[i].length);
    }
}

void defect_run_message(struct defect *defect, uint8_t *octets, size_t *length)
{
    if (*length && defect->hooks->message)
        defect->hooks->message(defect, octets, length);
}

bool defect_run_event(struct defect *defect, struct pcp_server_event *event, uint64_t now)
{
    defect->now = now;
    if (defect->hooks->event && !defect->hooks->event(defect, event))
        return false;
    if (event->kind != PCP_SERVER_EXPIRED)
        defect_run_message(defect, event->octets, &event->length);
    return event->kind == PCP_SERVER_EXPIRED || event->length > 0;
}

/* What defect_hold() kept is past its hook: it takes place as it is. */
bool defect_release(struct defect *defect, uint64_t now, struct pcp_server_event *event)
{
    for (size_t i = 0; defect && i < defect->held_count; i++) {
        if (defect->held[i].due > now)
            continue;
        *event = defect->held[i].event;
        defect->held[i] = defect->held[--defect->held_count];
        return true;
    }
    return false;
}

uint64_t defect_due(const struct defect *defect)
{
    uint64_t due = PCP_SERVER_NEVER;
    for (size_t i = 0; defect && i < defect->held_count; i++)
        if (defect->held[i].due < due)
            due = defect->held[i].due;
    return due;
}

static bool outbound(void *context, const struct pcp_server_flow_key *key,
                     struct pcp_server_flow *flow)
{
    struct defect *defect = context;
    bool found = defect->device.outbound(defect->device.context, key, flow);
    return defect->hooks->outbound(defect, key, found, flow);
}

void defect_wrap_device(struct defect *defect, struct pcp_server_device *device)
{
    if (!defect || !defect->hooks->outbound || !device->outbound)
        return;
    defect->device = *device;
    *device = (struct pcp_server_device){.context = defect, .outbound = outbound};
}

static const struct pcp_server_change *
edited(struct defect *defect, bool (*hook)(struct defect *, struct pcp_server_change *),
       struct pcp_server_change *copy, const struct pcp_server_change *change)
{
    if (!hook)
        return change;
    *copy = *change;
    return hook(defect, copy) ? copy : NULL;
}

const struct pcp_server_change *defect_run_change(struct defect *defect,
                                                  const struct pcp_server_change *change)
{
    return edited(defect, defect->hooks->change, &defect->changes[0], change);
}

const struct pcp_server_change *defect_run_record(struct defect *defect,
                                                  const struct pcp_server_change *change)
{
    return edited(defect, defect->hooks->record, &defect->changes[1], change);
}

/* --- for the hooks ---------------------------------------------------------------------------- */

bool defect_read(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    return pcp_decode(octets, length, out) == PCP_FAULT_NONE;
}

struct defect_note *defect_note(struct defect *defect, const struct pcp_server_input *input)
{
    struct pcp_message request;
    if (!defect_read(input->octets, input->length, &request) || request.opcode == PCP_ANNOUNCE)
        return NULL;
    const struct pcp_map *map = &request.data.map;
    struct defect_note *note = defect->notes;
    while (note < &defect->notes[defect->note_count] &&
           (!address_equal(&note->client, &input->source) || note->protocol != map->protocol ||
            note->internal_port != map->internal_port))
        note++;
    if (note == &defect->notes[DEFECT_NOTES])
        return NULL;
    if (note == &defect->notes[defect->note_count]) {
        defect->note_count++;
        note->client = input->source;
        note->protocol = map->protocol;
        note->internal_port = map->internal_port;
    }
    note->time = defect->now;
    return note;
}

void defect_refuse(const struct defect *defect, const struct defect_exchange *exchange,
                   enum pcp_result result, uint32_t lifetime, uint8_t *octets, size_t *length)
{
    size_t whole = (exchange->came.length + 3) & ~(size_t)3;
    *length = whole < PCP_HEADER_LENGTH    ? (size_t)PCP_HEADER_LENGTH
              : whole > PCP_MAXIMUM_LENGTH ? (size_t)PCP_MAXIMUM_LENGTH
                                           : whole;
    memset(octets, 0, *length);
    memcpy(octets, exchange->came.octets,
           exchange->came.length < *length ? exchange->came.length : *length);
    octets[0] = PCP_VERSION;
    octets[1] |= R_BIT;
    octets[2] = 0;
    octets[3] = (uint8_t)result;
    octets_put32(octets + 4, lifetime);
    octets_put32(octets + 8, pcp_server_epoch(defect->server, defect->now));
    memset(octets + 12, 0, PCP_HEADER_LENGTH - 12);
}

void defect_send(const char *interface, const struct address *from, uint16_t from_port,
                 const struct address *to, uint16_t to_port, const uint8_t *octets, size_t length)
{
    union socket_address local, remote;
    const struct place there = {.address = *to};
    const struct place here = {.address = from                  ? *from
                                          : address_is_ipv4(to) ? address_any_ipv4()
                                                                : (struct address){{0}}};
    socklen_t remote_length = place_to_socket(&there, to_port, &remote);
    socklen_t local_length = place_to_socket(&here, from_port, &local);
    int descriptor = socket(remote.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (descriptor < 0)
        return;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (interface[0])
        setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface,
                   (socklen_t)strlen(interface));
    if (bind(descriptor, &local.any, local_length) == 0)
        (void)sendto(descriptor, octets, length, 0, &remote.any, remote_length);
    close(descriptor);
}

void defect_hold(struct defect *defect, const struct pcp_server_event *event, uint64_t delay)
{
    if (defect->held_count == DEFECT_HELD)
        return;
    defect->held[defect->held_count].event = *event;
    defect->held[defect->held_count++].due = defect->now + delay;
}

void defect_edit_options(struct defect_exchange *exchange,
                         bool (*edit)(struct pcp_option *option, unsigned occurrence))
{
    uint8_t copy[PCP_MAXIMUM_LENGTH];
    unsigned occurrences[256] = {0};
    struct pcp_message request;
    struct pcp_option option;
    enum pcp_fault fault;
    size_t offset = 0;
    if (exchange->input->length > sizeof copy)
        return;
    memcpy(copy, exchange->octets, exchange->input->length);
    if (!defect_read(copy, exchange->input->length, &request) || request.opcode == PCP_ANNOUNCE)
        return;
    size_t used = exchange->input->length - request.options_length;
    while (pcp_option_next(request.options, request.options_length, &offset, &option, &fault))
        if (edit(&option, ++occurrences[option.code]))
            used = pcp_append_option(exchange->octets, used, sizeof copy, option.code, option.data,
                                     option.length);
    exchange->input->length = used;
}

long defect_option(const struct pcp_message *message, uint8_t code, struct pcp_option *out)
{
    size_t offset = 0;
    enum pcp_fault fault;
    for (size_t at = 0;
         pcp_option_next(message->options, message->options_length, &offset, out, &fault);
         at = offset)
        if (out->code == code)
            return (long)at;
    return -1;
}
