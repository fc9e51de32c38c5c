/* Both ways go down three levels at most: an object's instances, an instance's resources, a resource's
 * instances. A level is numbered by the depth of the path that it stands at: 1 to 3.
 */
#include "wire/lwm2m_tlv.h"

#include "wire/octets.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bits 7-6 of the type. */
enum kind {
    KIND_OBJECT_INSTANCE = 0,
    KIND_RESOURCE_INSTANCE = 1,
    KIND_MULTIPLE_RESOURCE = 2,
    KIND_RESOURCE = 3
};

enum { LENGTH_LIMIT = 0xffffff, WIDE_ID = 0x20, INLINE_LIMIT = 7 };

static const char *const kind_names[] = {
    [KIND_OBJECT_INSTANCE] = "an object instance",
    [KIND_RESOURCE_INSTANCE] = "a resource instance",
    [KIND_MULTIPLE_RESOURCE] = "a multiple resource",
    [KIND_RESOURCE] = "a resource",
};

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
    const struct lwm2m_path *base;
    const uint8_t *octets; /* the whole payload */
    const struct lwm2m_typing *typing;
    struct lwm2m_entry *entries;
    size_t capacity;
    size_t count;
    enum lwm2m_refusal refusal; /* of what has failed */
    struct error *error;
};

struct element {
    enum kind kind;
    uint16_t id;
    const uint8_t *at; /* its first octet, for messages */
    const uint8_t *value;
    size_t length;
};

/* Says at which octet of the payload. Returns false. */
__attribute__((format(printf, 4, 5))) static bool refuse(struct reading *reading, const uint8_t *at,
                                                         enum lwm2m_refusal refusal,
                                                         const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)error_set(reading->error, "TLV at octet %zu: %s", (size_t)(at - reading->octets), text);
    reading->refusal = refusal;
    return false;
}

/* Reads the element at *offset, which is before length, and moves it behind. */
static bool read_element(struct reading *reading, const uint8_t *octets, size_t length,
                         size_t *offset, struct element *out)
{
    const uint8_t *at = octets + *offset;
    size_t left = length - *offset;
    uint8_t type = at[0];
    size_t id_size = type & WIDE_ID ? 2 : 1;
    size_t length_size = type >> 3 & 3;
    size_t header = 1 + id_size + length_size;
    if (left < header)
        return refuse(reading, at, LWM2M_MALFORMED, "cut: %zu octets where its header takes %zu",
                      left, header);
    out->kind = (enum kind)(type >> 6);
    out->id = id_size == 2 ? octets_get16(at + 1) : at[1];
    out->length = length_size ? 0 : type & 7;
    for (size_t i = 0; i < length_size; i++)
        out->length = out->length << 8 | at[1 + id_size + i];
    if (left - header < out->length)
        return refuse(reading, at, LWM2M_MALFORMED,
                      "cut: %zu octets where its value says it has %zu", left - header,
                      out->length);
    out->at = at;
    out->value = at + header;
    *offset += header + out->length;
    return true;
}

static bool is_resource(const struct element *element)
{
    return element->kind == KIND_RESOURCE || element->kind == KIND_MULTIPLE_RESOURCE;
}

static bool add_entry(struct reading *reading, const struct element *element,
                      const struct lwm2m_path *path, const struct lwm2m_value *value)
{
    if (reading->count == reading->capacity)
        return refuse(reading, element->at, LWM2M_TOO_MUCH, "more than %zu values",
                      reading->capacity);
    reading->entries[reading->count++] = (struct lwm2m_entry){.path = *path, .value = *value};
    return true;
}

/* What resource is to be read as; NONE if typing doesn't know it. */
static enum lwm2m_type type_at(const struct reading *reading, const struct lwm2m_path *resource)
{
    const struct lwm2m_typing *typing = reading->typing;
    return typing ? typing->type_of(typing->context, resource) : LWM2M_TYPE_NONE;
}

static bool read_value(struct reading *reading, const struct element *element,
                       const struct lwm2m_path *path)
{
    struct lwm2m_path resource = *path;
    resource.depth = 3;
    enum lwm2m_type known = type_at(reading, &resource);
    enum lwm2m_type type = known == LWM2M_TYPE_NONE ? LWM2M_TYPE_OPAQUE : known;
    struct lwm2m_value value;
    char text[LWM2M_PATH_TEXT_SIZE];
    if (!lwm2m_value_from_octets(type, element->value, element->length, &value))
        return refuse(reading, element->at, LWM2M_MALFORMED,
                      "%zu octets are no value of %s, which is of type %s", element->length,
                      lwm2m_path_text(path, text), lwm2m_type_name(type));
    return add_entry(reading, element, path, &value);
}

/* May the element stand at a level, and where does it lead? */
static bool place_element(struct reading *reading, const struct lwm2m_path *at,
                          const struct element *element, struct lwm2m_path *out)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    const struct lwm2m_path *base = reading->base;
    if ((at->depth == 3) != (element->kind == KIND_RESOURCE_INSTANCE))
        return refuse(reading, element->at, LWM2M_MALFORMED, "%s can't stand in %s",
                      kind_names[element->kind], lwm2m_path_text(at, text));
    if (element->id == LWM2M_ID_RESERVED)
        return refuse(reading, element->at, LWM2M_MALFORMED, "identifier %u is reserved",
                      element->id);
    *out = *at;
    if (at->depth == 1 && is_resource(element))
        *out = lwm2m_path_child(at, LWM2M_ID_RESERVED);
    else if (at->depth == 2 && !is_resource(element))
        out->depth = 1; /* the instance itself, around its resources */
    *out = lwm2m_path_child(out, element->id);
    bool leads_there = element->kind != KIND_RESOURCE && lwm2m_path_is_within(base, out);
    bool outside = out->depth >= base->depth ? !lwm2m_path_is_within(out, base) : !leads_there;
    if (outside)
        return refuse(reading, element->at, LWM2M_MALFORMED, "%s %u isn't within %s",
                      kind_names[element->kind], element->id, lwm2m_path_text(base, text));
    return true;
}

/* A resource that typing knows must have come as single or multiple as it is. */
static bool check_resource(struct reading *reading, const struct element *element,
                           const struct lwm2m_path *resource)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    if (type_at(reading, resource) == LWM2M_TYPE_NONE)
        return true;
    bool multiple = element->kind == KIND_MULTIPLE_RESOURCE;
    if (reading->typing->is_multiple(reading->typing->context, resource) != multiple)
        return refuse(reading, element->at, LWM2M_MALFORMED, "%s is %s multiple resource",
                      lwm2m_path_text(resource, text), multiple ? "no" : "a");
    return true;
}

/* Reads all elements of octets, which stand at path at, nested being inside another element. What lies
 * within an element is of a deeper level; only an instance around its own resources keeps the level,
 * and must not be nested. So this calls itself three times at most. */
static bool read_level(struct reading *reading, const struct lwm2m_path *at, bool nested,
                       const uint8_t *octets, size_t length)
{
    static const struct lwm2m_value nothing = {.type = LWM2M_TYPE_NONE};
    size_t offset = 0;
    while (offset < length) {
        struct element element = {.kind = KIND_RESOURCE};
        struct lwm2m_path path = {0};
        if (!read_element(reading, octets, length, &offset, &element) ||
            !place_element(reading, at, &element, &path))
            return false;
        if (nested && element.kind == KIND_OBJECT_INSTANCE)
            return refuse(reading, element.at, LWM2M_MALFORMED,
                          "an object instance can't stand in another");
        if (is_resource(&element) && !check_resource(reading, &element, &path))
            return false;
        bool good = true;
        if (element.kind == KIND_RESOURCE || element.kind == KIND_RESOURCE_INSTANCE)
            good = read_value(reading, &element, &path);
        else if (element.length > 0)
            good = read_level(reading, &path, true, element.value, element.length);
        else if (path.depth >= reading->base->depth && path.depth > at->depth)
            good = add_entry(reading, &element, &path, &nothing);
        if (!good)
            return false;
    }
    return true;
}

int lwm2m_tlv_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                   const struct lwm2m_typing *typing, struct lwm2m_entry *entries, size_t capacity,
                   struct error *error)
{
    struct reading reading = {.base = base,
                              .octets = octets,
                              .typing = typing,
                              .entries = entries,
                              .capacity = capacity,
                              .error = error};
    if (base->depth == 0) {
        (void)error_set(error, "TLV can't stand at the root");
        return LWM2M_MALFORMED;
    }
    /* What stands at a resource comes with its identifier, hence as if at the level above. */
    struct lwm2m_path at = *base;
    if (at.depth > 2)
        at.depth = 2;
    if (base->depth == 4 && length > 0 && octets[0] >> 6 == KIND_RESOURCE_INSTANCE)
        at.depth = 3;
    return read_level(&reading, &at, false, octets, length) ? (int)reading.count
                                                            : (int)reading.refusal;
}

/* --- writing --------------------------------------------------------------------------------- */

struct writing {
    uint8_t *octets; /* NULL: only counted */
    size_t size;
    size_t length;
    bool fits;
};

static void put(struct writing *writing, const uint8_t *octets, size_t length)
{
    if (writing->octets && length > 0) {
        if (length > writing->size - writing->length)
            writing->fits = false;
        else
            memcpy(writing->octets + writing->length, octets, length);
    }
    if (writing->fits)
        writing->length += length;
}

static void put_header(struct writing *writing, enum kind kind, uint16_t id, size_t length)
{
    uint8_t header[6] = {(uint8_t)(kind << 6)};
    size_t used = 1;
    size_t length_size = length <= INLINE_LIMIT ? 0 : length <= 0xff ? 1 : length <= 0xffff ? 2 : 3;
    if (id > 0xff) {
        header[0] |= WIDE_ID;
        header[used++] = (uint8_t)(id >> 8);
    }
    header[used++] = (uint8_t)id;
    header[0] |= (uint8_t)(length_size ? length_size << 3 : length);
    for (size_t i = length_size; i-- > 0;)
        header[used++] = (uint8_t)(length >> (8 * i));
    if (length > LENGTH_LIMIT)
        writing->fits = false;
    put(writing, header, used);
}

static void put_value(struct writing *writing, enum kind kind, const struct lwm2m_entry *entry)
{
    uint8_t room[8];
    size_t length;
    const uint8_t *octets = lwm2m_value_octets(&entry->value, room, &length);
    put_header(writing, kind, entry->path.id[entry->path.depth - 1], length);
    put(writing, octets, length);
}

static void write_level(struct writing *writing, uint8_t level, const struct lwm2m_entry *entries,
                        size_t count);

/* An element around what lies below it: its length must be known first. */
static void put_nested(struct writing *writing, enum kind kind, uint16_t id, uint8_t level,
                       const struct lwm2m_entry *entries, size_t count)
{
    struct writing counted = {.fits = true};
    write_level(&counted, level, entries, count);
    put_header(writing, kind, id, counted.length);
    write_level(writing, level, entries, count);
}

/* How many entries from the first on share its path down to depth. */
static size_t run_of(const struct lwm2m_entry *entries, size_t count, uint8_t depth)
{
    struct lwm2m_path shared = entries[0].path;
    shared.depth = depth;
    size_t run = 1;
    while (run < count && lwm2m_path_is_within(&entries[run].path, &shared))
        run++;
    return run;
}

static void write_level(struct writing *writing, uint8_t level, const struct lwm2m_entry *entries,
                        size_t count)
{
    for (size_t i = 0, run = 0; i < count; i += run) {
        const struct lwm2m_entry *entry = &entries[i];
        run = 1;
        if (entry->path.depth <= level)
            continue; /* what the base itself holds: nothing */
        uint16_t id = entry->path.id[level];
        bool value = entry->value.type != LWM2M_TYPE_NONE;
        if (level == 3) {
            put_value(writing, KIND_RESOURCE_INSTANCE, entry);
        } else if (level == 2 && entry->path.depth == 3 && value) {
            put_value(writing, KIND_RESOURCE, entry);
        } else {
            run = run_of(entries + i, count - i, level + 1);
            if (level == 1 && id == LWM2M_ID_RESERVED)
                write_level(writing, 2, entry, run);
            else
                put_nested(writing, level == 1 ? KIND_OBJECT_INSTANCE : KIND_MULTIPLE_RESOURCE, id,
                           level + 1, entry, run);
        }
    }
}

/* A value stands at a resource or an instance of one, and nothing stands above. */
static int check_entries(const struct lwm2m_path *base, const struct lwm2m_entry *entries,
                         size_t count, struct error *error)
{
    char text[LWM2M_PATH_TEXT_SIZE];
    char base_text[LWM2M_PATH_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        const struct lwm2m_entry *entry = &entries[i];
        if (!lwm2m_path_is_within(&entry->path, base))
            return error_set(error, "%s isn't within %s, which TLV is to be written of",
                             lwm2m_path_text(&entry->path, text), lwm2m_path_text(base, base_text));
        bool is_leaf = entry->path.depth == 4;
        bool may_be = entry->path.depth >= 3;
        bool is_value = entry->value.type != LWM2M_TYPE_NONE;
        if (is_value ? !may_be : is_leaf)
            return error_set(error, "%s can't be %s value", lwm2m_path_text(&entry->path, text),
                             is_value ? "a" : "without");
    }
    return 0;
}

int lwm2m_tlv_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                    uint8_t *octets, size_t size, struct error *error)
{
    if (base->depth == 0)
        return error_set(error, "TLV can't stand at the root");
    if (check_entries(base, entries, count, error))
        return -1;
    struct writing writing = {.octets = octets, .size = size, .fits = true};
    uint8_t level = base->depth == 4 ? 3 : base->depth == 1 ? 1 : 2;
    write_level(&writing, level, entries, count);
    if (!writing.fits)
        return error_set(error, "%zu octets are too few for the TLV of %zu values", size, count);
    return (int)writing.length;
}
