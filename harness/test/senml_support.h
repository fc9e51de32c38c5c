/* What the tests of LwM2M's formats share: entries as one line each, typing from a table, readers and
 * writers by one form, packs in memory of exactly their length. */
#ifndef PINHOLE_TEST_SENML_SUPPORT_H
#define PINHOLE_TEST_SENML_SUPPORT_H

#include "wire/lwm2m_json.h"
#include "wire/senml.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { SENML_ENTRIES = 32, SENML_ROOM = 256, SENML_TEXT = 2048 };

typedef int senml_reader(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                         const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                         struct lwm2m_entry *entries, size_t capacity, struct error *error);
typedef int senml_writer(const struct lwm2m_path *base, const struct lwm2m_entry *entries,
                         size_t count, uint8_t *octets, size_t size, struct error *error);

/* A pack that has been read; octets is the copy that entries point into. */
struct senml_reading {
    uint8_t *octets;
    uint8_t room[SENML_ROOM];
    struct lwm2m_entry entries[SENML_ENTRIES];
    int count;
    struct error error;
};

static inline struct lwm2m_path path_of(const char *text)
{
    struct lwm2m_path path;
    assert_true(lwm2m_path_read(text, strlen(text), &path));
    return path;
}

static inline void read_pack(senml_reader *reader, const char *base, const void *octets,
                             size_t length, const struct lwm2m_typing *typing,
                             struct senml_reading *out)
{
    struct lwm2m_path path = path_of(base);
    out->error.text[0] = 0;
    uint8_t *copy = exact_copy(octets, length);
    out->count = reader(&path, copy, length, typing, out->room, sizeof out->room, out->entries,
                        SENML_ENTRIES, &out->error);
    out->octets = copy;
    assert_int_equal(out->count < 0, out->error.text[0] != 0);
}

/* "/3/0/0=string Open Mobile Alliance; /3/0/9=integer 95" */
static inline const char *entries_text(const struct lwm2m_entry *entries, int count,
                                       char text[SENML_TEXT])
{
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < count; i++) {
        char path[LWM2M_PATH_TEXT_SIZE];
        const struct lwm2m_value *value = &entries[i].value;
        used += (size_t)snprintf(text + used, SENML_TEXT - used, "%s%s", i ? "; " : "",
                                 lwm2m_path_text(&entries[i].path, path));
        if (value->type == LWM2M_TYPE_NONE)
            continue;
        if (value->type == LWM2M_TYPE_FLOAT)
            used +=
                (size_t)snprintf(text + used, SENML_TEXT - used, "=float %.17g", value->as.real);
        else
            used += (size_t)snprintf(text + used, SENML_TEXT - used, "=%s ",
                                     lwm2m_type_name(value->type));
        if (value->type == LWM2M_TYPE_FLOAT)
            continue;
        size_t length = lwm2m_value_to_text(value, text + used, SENML_TEXT - used - 1);
        assert_true(length < SENML_TEXT);
        used += length;
        text[used] = 0;
    }
    return text;
}

static inline void assert_entries(senml_reader *reader, const char *base, const void *octets,
                                  size_t length, const struct lwm2m_typing *typing,
                                  const char *expected)
{
    struct senml_reading reading;
    char text[SENML_TEXT];
    read_pack(reader, base, octets, length, typing, &reading);
    if (reading.count < 0)
        print_error("%s\n", reading.error.text);
    assert_true(reading.count >= 0);
    assert_string_equal(entries_text(reading.entries, reading.count, text), expected);
    free(reading.octets);
}

static inline void assert_refused(senml_reader *reader, const char *base, const void *octets,
                                  size_t length, const struct lwm2m_typing *typing,
                                  enum lwm2m_refusal refusal)
{
    struct senml_reading reading;
    read_pack(reader, base, octets, length, typing, &reading);
    if (reading.count != (int)refusal)
        print_error("not refused: %.*s\n", (int)length, (const char *)octets);
    assert_int_equal(reading.count, refusal);
    free(reading.octets);
}

/* Resources 0 string, 1 integer, 2 unsigned, 3 float, 4 boolean, 5 opaque, 6 time, 7 link, 8 CoRE link,
 * 9 executable; 10 to 18 the same as multiple resources. */
static inline enum lwm2m_type support_type(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    static const enum lwm2m_type types[] = {
        LWM2M_TYPE_STRING, LWM2M_TYPE_INTEGER, LWM2M_TYPE_UNSIGNED,
        LWM2M_TYPE_FLOAT,  LWM2M_TYPE_BOOLEAN, LWM2M_TYPE_OPAQUE,
        LWM2M_TYPE_TIME,   LWM2M_TYPE_LINK,    LWM2M_TYPE_CORELINK};
    size_t kind = path->id[2] % 10;
    return path->id[2] < 20 && kind < LENGTH(types) ? types[kind] : LWM2M_TYPE_NONE;
}

static inline bool support_is_multiple(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    return path->id[2] >= 10;
}

static const struct lwm2m_typing support_typing = {.type_of = support_type,
                                                   .is_multiple = support_is_multiple};

/* Does writing entries and reading that give the same again, and does no smaller memory do? */
static inline void assert_round_trip(senml_reader *reader, senml_writer *writer,
                                     const struct lwm2m_path *base,
                                     const struct lwm2m_entry *entries, int count,
                                     const struct lwm2m_typing *typing)
{
    static uint8_t octets[65536];
    struct error error = {0};
    char path[LWM2M_PATH_TEXT_SIZE];
    char before[SENML_TEXT];
    int length = writer(base, entries, (size_t)count, octets, sizeof octets, &error);
    assert_string_equal(error.text, "");
    assert_true(length > 0);
    assert_entries(reader, lwm2m_path_text(base, path), octets, (size_t)length, typing,
                   entries_text(entries, count, before));
    uint8_t *small = malloc((size_t)length);
    assert_non_null(small);
    assert_int_equal(writer(base, entries, (size_t)count, small, (size_t)length, NULL), length);
    assert_memory_equal(small, octets, (size_t)length);
    assert_int_equal(writer(base, entries, (size_t)count, small, (size_t)length - 1, NULL), -1);
    free(small);
}

#endif
