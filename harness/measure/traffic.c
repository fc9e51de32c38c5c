#include "measure/traffic.h"

#include "check/event.h"
#include "measure/json_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const int64_t sleep_after = 1000000000; /* nanoseconds of silence before a wake-up */

/* The entry of an event's interface, made at its first packet; NULL without memory. index holds, for
 * each interface of the file, its entry's number plus one. */
static struct traffic_interface *entry_of(struct traffic *traffic, uint32_t *index,
                                          const struct event_source *source,
                                          const struct event *event)
{
    uint32_t *number = &index[event->interface];
    if (*number)
        return &traffic->interfaces[*number - 1];
    struct traffic_interface *grown =
        realloc(traffic->interfaces, (traffic->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    traffic->interfaces = grown;
    struct traffic_interface *entry = &grown[traffic->count++];
    memset(entry, 0, sizeof *entry);
    const char *name = event_interface_name(source, event->interface);
    strncpy(entry->name, name, sizeof entry->name - 1);
    *number = (uint32_t)traffic->count;
    /* Its first packet wakes it up: as if the one before had come long ago. */
    entry->last = event->time - sleep_after - 1;
    return entry;
}

static void count_event(struct traffic_interface *entry, const struct event *event,
                        enum protocol protocol)
{
    struct traffic_count *count = &entry->counts[protocol][event->direction];
    count->packets++;
    count->octets += event->packet.ip_length; /* 0 without IP */
    if (event->time - entry->last > sleep_after)
        count->wakeups++;
    entry->last = event->time;
}

/* Counts every packet. As event_next: 0 at the end, -1 and an error if the file is damaged. */
static int count_all(struct traffic *traffic, struct protocol_memory *memory, uint32_t *index,
                     struct event_source *source, struct error *error)
{
    struct event event;
    int status;
    while ((status = event_next(source, &event, error)) > 0) {
        struct traffic_interface *entry = entry_of(traffic, index, source, &event);
        if (!entry)
            return error_set_errno(error, ENOMEM, "counting traffic");
        count_event(entry, &event, protocol_of(memory, &event.packet));
        if (event.frame == 1)
            traffic->first = event.time;
        traffic->last = event.time;
    }
    return status;
}

int traffic_measure(const char *capture_path, struct traffic *out, struct error *error)
{
    memset(out, 0, sizeof *out);
    struct event_source *source = event_open(capture_path, error);
    if (!source)
        return -1;
    struct protocol_memory *memory = calloc(1, sizeof *memory);
    uint32_t *index = calloc(CAPFILE_INTERFACES, sizeof *index);
    int status = memory && index ? count_all(out, memory, index, source, error)
                                 : error_set_errno(error, ENOMEM, "%s", capture_path);
    free(index);
    free(memory);
    event_close(source);
    return status;
}

static json_t *row(const struct traffic_interface *entry, enum protocol protocol)
{
    json_t *object = json_object();
    bool used = false;
    for (unsigned d = 0; d < TRAFFIC_DIRECTIONS; d++) {
        const struct traffic_count *count = &entry->counts[protocol][d];
        used = used || count->packets;
        if (d == DIRECTION_UNKNOWN && !count->packets)
            continue;
        json_object_set_new(object, protocol_direction_name((enum capfile_direction)d),
                            json_pack("{s:I,s:I,s:I}", "packets", (json_int_t)count->packets,
                                      "octets", (json_int_t)count->octets, "wakeups",
                                      (json_int_t)count->wakeups));
    }
    if (!used) {
        json_decref(object);
        return NULL;
    }
    json_object_set_new(object, "interface", json_file_text(entry->name));
    json_object_set_new(object, "protocol", json_string(protocol_name(protocol)));
    return object;
}

int traffic_write(const struct traffic *traffic, const char *json_path, struct error *error)
{
    struct json_file file;
    if (json_file_open(&file, json_path, error) < 0)
        return -1;
    for (size_t i = 0; i < traffic->count; i++)
        for (unsigned p = 0; p < PROTOCOL_COUNT; p++) {
            json_t *object = row(&traffic->interfaces[i], (enum protocol)p);
            if (object)
                json_file_add(&file, object);
        }
    return json_file_close(&file, error);
}

void traffic_free(struct traffic *traffic)
{
    free(traffic->interfaces);
    memset(traffic, 0, sizeof *traffic);
}
