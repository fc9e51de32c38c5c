/* Reads a capture through one window of memory.
 *
 * The window slides: wire/capfile says how much of its front it has used, what is left moves to the
 * front once nothing more can be read from it, and read() fills up behind. So a pipe works like a
 * file, and memory depends on the largest block alone, never on the file's length.
 */
#include "check/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    WINDOW_START = 1 << 20,
    WINDOW_LIMIT = CAPFILE_BLOCK_LIMIT + WINDOW_START /* capfile refuses larger blocks itself */
};

struct event_source {
    int descriptor;
    bool at_end; /* read() has returned 0 */
    char *path;
    uint8_t *window;
    size_t capacity;
    size_t start; /* of what is not used yet */
    size_t end;   /* of what was read */
    bool has_pending;
    struct capfile_packet pending; /* found by event_open already */
    struct capfile_reader reader;
    struct capfile_interface interfaces[CAPFILE_INTERFACES];
};

/* Makes room behind the unused octets and reads once. 1: there are more octets; 0: end of file. */
static int fill(struct event_source *source, struct error *error)
{
    if (source->at_end)
        return 0;
    if (source->start > 0) {
        memmove(source->window, source->window + source->start, source->end - source->start);
        source->end -= source->start;
        source->start = 0;
    }
    if (source->end == source->capacity) {
        size_t capacity = source->capacity * 2 < WINDOW_LIMIT ? source->capacity * 2 : WINDOW_LIMIT;
        if (capacity == source->capacity)
            return error_set(error, "%s: a block at octet %llu is larger than %d octets",
                             source->path, (unsigned long long)source->reader.offset,
                             CAPFILE_BLOCK_LIMIT);
        uint8_t *larger = realloc(source->window, capacity);
        if (!larger)
            return error_set_errno(error, ENOMEM, "%s", source->path);
        source->window = larger;
        source->capacity = capacity;
    }
    ssize_t got;
    do
        got =
            read(source->descriptor, source->window + source->end, source->capacity - source->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set_errno(error, errno, "%s", source->path);
    source->end += (size_t)got;
    source->at_end = got == 0;
    return got > 0;
}

/* 1: *packet is the next one; 0: a clean end; -1: an error or a damaged file. With stop_early set, 1
 * is also returned after the first block that is no packet, *packet then having no octets. */
static int next_packet(struct event_source *source, bool stop_early, struct capfile_packet *packet,
                       struct error *error)
{
    for (;;) {
        size_t used = 0;
        size_t length = source->end - source->start;
        enum capfile_status status =
            capfile_read(&source->reader, source->window + source->start, length, &used, packet);
        source->start += used;
        switch (status) {
        case CAPFILE_PACKET:
            return 1;
        case CAPFILE_SKIPPED:
            if (stop_early) {
                *packet = (struct capfile_packet){0};
                return 1;
            }
            break;
        case CAPFILE_BAD:
            return error_set(error, "%s: %s", source->path, source->reader.problem);
        case CAPFILE_MORE: {
            int more = fill(source, error);
            if (more < 0)
                return -1;
            if (more == 0 && length > 0)
                return error_set(error,
                                 "%s: cut off: the block at octet %llu, behind frame %llu, should "
                                 "go on past the file's end",
                                 source->path, (unsigned long long)source->reader.offset,
                                 (unsigned long long)source->reader.frames);
            if (more == 0)
                return 0;
            break;
        }
        }
    }
}

/* Reads as far as the file's header, so that a file of another kind is refused before any packet. */
static int read_header(struct event_source *source, struct error *error)
{
    int got = next_packet(source, true, &source->pending, error);
    if (got == 0)
        return error_set(error, "%s: empty: expected a pcap or pcapng file", source->path);
    source->has_pending = got > 0 && source->pending.octets;
    return got;
}

struct event_source *event_open(const char *path, struct error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct event_source *source = calloc(1, sizeof *source);
    if (!source) {
        (void)error_set_errno(error, ENOMEM, "%s", path);
        return NULL;
    }
    source->descriptor = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (source->descriptor < 0) {
        (void)error_set_errno(error, errno, "%s", path);
        free(source);
        return NULL;
    }
    source->capacity = WINDOW_START;
    source->window = malloc(source->capacity);
    source->path = strdup(standard_input ? "standard input" : path);
    capfile_reader_init(&source->reader, source->interfaces, CAPFILE_INTERFACES);
    if (!source->window || !source->path)
        (void)error_set_errno(error, ENOMEM, "%s", path);
    else if (read_header(source, error) > 0)
        return source;
    event_close(source);
    return NULL;
}

static void fill_event(const struct event_source *source, const struct capfile_packet *packet,
                       struct event *event)
{
    event->frame = packet->frame;
    event->time = packet->time;
    event->interface = packet->interface;
    event->direction = packet->direction;
    event->captured = packet->captured;
    event->original = packet->original;
    uint32_t link_type = packet->interface < source->reader.interface_count
                             ? source->interfaces[packet->interface].link_type
                             : LINK_NULL;
    (void)packet_parse(link_type, packet->octets, packet->captured, &event->packet);
}

int event_next(struct event_source *source, struct event *event, struct error *error)
{
    struct capfile_packet packet;
    if (source->has_pending) {
        packet = source->pending;
        source->has_pending = false;
    } else {
        int got = next_packet(source, false, &packet, error);
        if (got <= 0)
            return got;
    }
    fill_event(source, &packet, event);
    return 1;
}

/* The next packet if all of it is in the window already. What is wrong with the file is found again
 * by the next call that may read. */
static bool next_in_window(struct event_source *source, struct capfile_packet *packet)
{
    enum capfile_status status;
    do {
        size_t used = 0;
        status = capfile_read(&source->reader, source->window + source->start,
                              source->end - source->start, &used, packet);
        source->start += used;
    } while (status == CAPFILE_SKIPPED);
    return status == CAPFILE_PACKET;
}

int event_next_several(struct event_source *source, struct event *events, int capacity,
                       struct error *error)
{
    int count = event_next(source, events, error);
    struct capfile_packet packet;
    while (count > 0 && count < capacity && next_in_window(source, &packet))
        fill_event(source, &packet, &events[count++]);
    return count;
}

const char *event_interface_name(const struct event_source *source, uint32_t interface)
{
    return interface < source->reader.interface_count ? source->interfaces[interface].name : "";
}

void event_close(struct event_source *source)
{
    if (!source)
        return;
    if (source->descriptor > STDIN_FILENO)
        (void)close(source->descriptor);
    free(source->path);
    free(source->window);
    free(source);
}
