/* Payloads of entries from strangers: what a reader accepts lies where it may and has its resource's type, and
 * says the same when it is written and read again. */
#ifndef PINHOLE_TEST_SENML_FUZZ_H
#define PINHOLE_TEST_SENML_FUZZ_H

#include "wire/senml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef int fuzz_reader(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                        const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                        struct lwm2m_entry *entries, size_t capacity, struct error *error);
typedef int fuzz_writer(const struct lwm2m_path *base, const struct lwm2m_entry *entries,
                        size_t count, uint8_t *octets, size_t size, struct error *error);

/* Of inputs up to FUZZ_LONGEST any that is read can be written: a character becomes six at most. */
enum { FUZZ_ENTRIES = 16, FUZZ_LONGEST = 4096, FUZZ_WRITTEN = 8 * FUZZ_LONGEST };

static inline void require(bool condition)
{
    if (!condition)
        abort();
}

static inline enum lwm2m_type fuzz_type(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    return (enum lwm2m_type)(path->id[2] % 10);
}

static inline bool fuzz_is_multiple(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    return path->id[2] % 20 >= 10;
}

static inline bool is_inside(const struct lwm2m_value *value, const uint8_t *octets, size_t length)
{
    const uint8_t *from = value->as.data.octets;
    return from >= octets && from <= octets + length &&
           value->as.data.length <= (size_t)(octets + length - from);
}

static inline void require_sound(const struct lwm2m_entry *entry, const struct lwm2m_typing *typing)
{
    const struct lwm2m_value *value = &entry->value;
    if (value->type == LWM2M_TYPE_NONE)
        return;
    require(entry->path.depth >= LWM2M_PATH_DEPTH - 1);
    if (value->type == LWM2M_TYPE_FLOAT)
        require(isfinite(value->as.real));
    enum lwm2m_type type =
        typing ? typing->type_of(typing->context, &entry->path) : LWM2M_TYPE_NONE;
    if (type == LWM2M_TYPE_NONE)
        return;
    require(value->type == type);
    require(typing->is_multiple(NULL, &entry->path) == (entry->path.depth == LWM2M_PATH_DEPTH));
    if (type == LWM2M_TYPE_UNSIGNED)
        require(value->as.integer >= 0);
}

/* What is read of octets is written to out; returns its length, or -1 if it was refused. */
static inline int read_and_write(fuzz_reader *reader, fuzz_writer *writer,
                                 const struct lwm2m_typing *typing, const uint8_t *octets,
                                 size_t length, size_t room_size, uint8_t *out)
{
    const struct lwm2m_path root = {0};
    struct lwm2m_entry entries[FUZZ_ENTRIES];
    struct error error = {0};
    uint8_t *room = malloc(room_size);
    require(room != NULL);
    int count =
        reader(&root, octets, length, typing, room, room_size, entries, FUZZ_ENTRIES, &error);
    require(count >= LWM2M_TOO_MUCH && count <= FUZZ_ENTRIES);
    require((count < 0) == (error.text[0] != 0));
    int written = -1;
    for (int i = 0; i < count; i++) {
        const struct lwm2m_value *value = &entries[i].value;
        require_sound(&entries[i], typing);
        if (value->type == LWM2M_TYPE_STRING || value->type == LWM2M_TYPE_OPAQUE ||
            value->type == LWM2M_TYPE_CORELINK)
            require(is_inside(value, octets, length) || is_inside(value, room, room_size));
    }
    if (count >= 0) {
        written = writer(&root, entries, (size_t)count, out, FUZZ_WRITTEN, &error);
        require(written >= 0);
    }
    free(room);
    return written;
}

static inline void fuzz_format(fuzz_reader *reader, fuzz_writer *writer, const uint8_t *octets,
                               size_t length)
{
    static const struct lwm2m_typing typing = {fuzz_type, fuzz_is_multiple, NULL};
    static const struct lwm2m_typing *const typings[] = {NULL, &typing};
    static uint8_t first[FUZZ_WRITTEN];
    static uint8_t second[FUZZ_WRITTEN];
    if (length > FUZZ_LONGEST)
        return;
    for (size_t i = 0; i < 2; i++) {
        int once = read_and_write(reader, writer, typings[i], octets, length, 128, first);
        if (once < 0)
            continue;
        int twice =
            read_and_write(reader, writer, typings[i], first, (size_t)once, FUZZ_WRITTEN, second);
        require(twice == once && memcmp(first, second, (size_t)once) == 0);
    }
}

#endif
