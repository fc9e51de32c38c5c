/* TLV from strangers, at every depth of path, of typed resources and of unknown ones: what is read, is
 * written, and reads as the same again. */
#include "wire/lwm2m_tlv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum { CAPACITY = 128, ROOM = 1 << 16 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Resources 0 to 9 of each object are of all types, 10 to 19 the same and multiple, others unknown. */
static enum lwm2m_type type_of(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    return path->id[2] < 20 ? (enum lwm2m_type)(path->id[2] % 10) : LWM2M_TYPE_NONE;
}

static bool is_multiple(const void *context, const struct lwm2m_path *path)
{
    (void)context;
    return path->id[2] >= 10;
}

static void require_same_value(const struct lwm2m_value *a, const struct lwm2m_value *b)
{
    require(a->type == b->type);
    if (a->type == LWM2M_TYPE_FLOAT && isnan(a->as.real)) {
        require(isnan(b->as.real));
        return;
    }
    uint8_t rooms[2][8];
    size_t lengths[2];
    const uint8_t *left = lwm2m_value_octets(a, rooms[0], &lengths[0]);
    const uint8_t *right = lwm2m_value_octets(b, rooms[1], &lengths[1]);
    require(lengths[0] == lengths[1]);
    require(lengths[0] == 0 || memcmp(left, right, lengths[0]) == 0);
}

/* A value that has a text is what its text means. */
static void require_text(const struct lwm2m_value *value)
{
    static char text[2 * ROOM];
    static uint8_t room[ROOM];
    struct lwm2m_value again;
    size_t length = lwm2m_value_to_text(value, text, sizeof text);
    if (length == (size_t)-1)
        return;
    require(lwm2m_value_from_text(value->type, text, length, room, sizeof room, &again));
    require_same_value(value, &again);
}

/* Does every entry stand behind the one before it, and not within that? Only such are asked to be written. */
static bool are_ascending(const struct lwm2m_entry *entries, int count)
{
    for (int i = 1; i < count; i++) {
        const struct lwm2m_path *a = &entries[i - 1].path;
        const struct lwm2m_path *b = &entries[i].path;
        uint8_t depth = 0;
        while (depth < a->depth && depth < b->depth && a->id[depth] == b->id[depth])
            depth++;
        if (depth == a->depth || depth == b->depth || a->id[depth] > b->id[depth])
            return false;
    }
    return true;
}

static void read_write_read(const struct lwm2m_path *base, const struct lwm2m_typing *typing,
                            const uint8_t *octets, size_t length)
{
    static struct lwm2m_entry entries[CAPACITY];
    static struct lwm2m_entry again[CAPACITY];
    static uint8_t written[ROOM];
    struct error error = {{0}};
    int count = lwm2m_tlv_read(base, octets, length, typing, entries, CAPACITY, &error);
    require((count < 0) == (error.text[0] != '\0'));
    if (count < 0)
        return;
    for (int i = 0; i < count; i++) {
        require(lwm2m_path_is_within(&entries[i].path, base));
        require_text(&entries[i].value);
    }
    int used = lwm2m_tlv_write(base, entries, (size_t)count, written, sizeof written, &error);
    require(used >= 0);
    if (!are_ascending(entries, count))
        return;
    require((size_t)used <= length);
    require(lwm2m_tlv_read(base, written, (size_t)used, typing, again, CAPACITY, NULL) == count);
    for (int i = 0; i < count; i++) {
        require(lwm2m_path_equal(&entries[i].path, &again[i].path));
        require_same_value(&entries[i].value, &again[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    static const struct lwm2m_typing typing = {.type_of = type_of, .is_multiple = is_multiple};
    if (length < 1 || length > ROOM)
        return 0;
    /* The first octet chooses how deep the payload stands, and what the last of the path is. */
    struct lwm2m_path base = {(uint8_t)(1 + octets[0] % 4), {3, 0, 5, 0}};
    if (base.depth >= 3)
        base.id[base.depth - 1] = octets[0] >> 2;
    if (base.depth == 4)
        base.id[2] = 15;
    read_write_read(&base, &typing, octets + 1, length - 1);
    read_write_read(&base, NULL, octets + 1, length - 1);
    return 0;
}
