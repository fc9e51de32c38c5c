#include "wire/senml_record.h"

#include <string.h>

enum { BASE_VERSION = 10 }; /* section 4.4: the version that is understood */

const struct senml_field_form senml_fields[SENML_FIELDS] = {
    [SENML_BASE_NAME] = {"bn", -2, LWM2M_TYPE_STRING, true},
    [SENML_BASE_TIME] = {"bt", -3, LWM2M_TYPE_FLOAT, false},
    [SENML_BASE_UNIT] = {"bu", -4, LWM2M_TYPE_STRING, false},
    [SENML_BASE_VALUE] = {"bv", -5, LWM2M_TYPE_FLOAT, true},
    [SENML_BASE_SUM] = {"bs", -6, LWM2M_TYPE_FLOAT, false},
    [SENML_BASE_VERSION] = {"bver", -1, LWM2M_TYPE_FLOAT, true},
    [SENML_NAME] = {"n", 0, LWM2M_TYPE_STRING, true},
    [SENML_UNIT] = {"u", 1, LWM2M_TYPE_STRING, false},
    [SENML_VALUE] = {"v", 2, LWM2M_TYPE_FLOAT, true},
    [SENML_STRING] = {"vs", 3, LWM2M_TYPE_STRING, true},
    [SENML_BOOLEAN] = {"vb", 4, LWM2M_TYPE_BOOLEAN, true},
    [SENML_SUM] = {"s", 5, LWM2M_TYPE_FLOAT, false},
    [SENML_TIME] = {"t", 6, LWM2M_TYPE_FLOAT, false},
    [SENML_UPDATE_TIME] = {"ut", 7, LWM2M_TYPE_FLOAT, false},
    [SENML_DATA] = {"vd", 8, LWM2M_TYPE_OPAQUE, true},
    [SENML_LINK] = {"vlo", SENML_NO_LABEL, LWM2M_TYPE_STRING, true},
};

/* Of these a record has one. */
static const uint32_t values = 1U << SENML_VALUE | 1U << SENML_STRING | 1U << SENML_BOOLEAN |
                               1U << SENML_DATA | 1U << SENML_LINK;

static int refuse(const struct senml_pack *pack, const char *problem)
{
    (void)error_set(pack->error, "record %zu: %s", pack->count + 1, problem);
    return -1;
}

/* --- fields --------------------------------------------------------------------------------- */

int senml_field_named(struct senml_pack *pack, const uint8_t *name, size_t length,
                      enum senml_field *out)
{
    for (unsigned field = 0; field < SENML_FIELDS; field++) {
        *out = (enum senml_field)field;
        if (length == strlen(senml_fields[field].name) &&
            memcmp(name, senml_fields[field].name, length) == 0)
            return 0;
    }
    *out = SENML_UNKNOWN;
    if (length && name[length - 1] == '_')
        return refuse(pack, "a field that must be understood, and is not");
    return 0;
}

enum senml_field senml_field_labelled(int64_t label)
{
    unsigned field = 0;
    while (field < SENML_FIELDS && (senml_fields[field].label != label || label == SENML_NO_LABEL))
        field++;
    return (enum senml_field)field;
}

int senml_record_note(struct senml_pack *pack, enum senml_field field)
{
    struct senml_record *record = &pack->record;
    uint32_t bit = 1U << field;
    if (record->present & bit)
        return refuse(pack, "a field comes twice");
    if ((bit & values) && (record->present & values))
        return refuse(pack, "it has two values");
    record->present |= bit;
    return 0;
}

int senml_record_put(struct senml_pack *pack, enum senml_field field,
                     const struct lwm2m_value *value)
{
    struct senml_record *record = &pack->record;
    if (!senml_fields[field].is_used)
        return 0;
    switch (field) {
    case SENML_BASE_VERSION:
        if (value->type != LWM2M_TYPE_INTEGER || value->as.integer < 1 ||
            value->as.integer > BASE_VERSION)
            return refuse(pack, "a base version that is not understood");
        return 0;
    case SENML_BASE_NAME:
        record->base_name = *value;
        return 0;
    case SENML_NAME:
        record->name = *value;
        return 0;
    case SENML_BASE_VALUE:
        record->base_value = *value;
        return 0;
    case SENML_LINK:
        return senml_link(pack, value, &record->value);
    default:
        record->value = *value;
        return 0;
    }
}

int senml_link(struct senml_pack *pack, const struct lwm2m_value *text, struct lwm2m_value *out)
{
    if (lwm2m_value_from_text(LWM2M_TYPE_LINK, (const char *)text->as.data.octets,
                              text->as.data.length, NULL, 0, out))
        return 0;
    return refuse(pack, "an object link that is none");
}

/* --- records -------------------------------------------------------------------------------- */

int senml_pack_path(struct senml_pack *pack, const uint8_t *name, size_t length,
                    struct lwm2m_path *out)
{
    char joined[LWM2M_PATH_TEXT_SIZE];
    size_t used = pack->base_name_length;
    memcpy(joined, pack->base_name, used);
    bool is_path = length < sizeof joined - used;
    if (is_path && length)
        memcpy(joined + used, name, length);
    used += length;
    if (!is_path || !used || !lwm2m_path_read(joined, used, out))
        return refuse(pack, "its name is no path");
    if (lwm2m_path_is_within(out, pack->base))
        return 0;
    char path[LWM2M_PATH_TEXT_SIZE];
    char base[LWM2M_PATH_TEXT_SIZE];
    return error_set(pack->error, "record %zu: %s is not within %s", pack->count + 1,
                     lwm2m_path_text(out, path), lwm2m_path_text(pack->base, base));
}

/* v plus the base value. */
static int add_base_value(struct senml_pack *pack, struct lwm2m_value *value)
{
    const struct lwm2m_value *base = &pack->base_value;
    if (base->type == LWM2M_TYPE_NONE)
        return 0;
    if (base->type == LWM2M_TYPE_INTEGER && value->type == LWM2M_TYPE_INTEGER) {
        if (__builtin_add_overflow(base->as.integer, value->as.integer, &value->as.integer))
            return refuse(pack, "too large a sum of value and base value");
        return 0;
    }
    struct lwm2m_value summand = *base;
    if (!senml_value_as(LWM2M_TYPE_FLOAT, &summand) || !senml_value_as(LWM2M_TYPE_FLOAT, value))
        return refuse(pack, "a base value that is no number");
    value->as.real += summand.as.real;
    if (value->as.real - value->as.real != 0)
        return refuse(pack, "too large a sum of value and base value");
    return 0;
}

static int add_record(struct senml_pack *pack, const struct senml_record *record)
{
    if (record->present & 1U << SENML_BASE_NAME) {
        if (record->base_name.as.data.length >= sizeof pack->base_name)
            return refuse(pack, "a base name that begins no path");
        pack->base_name_length = record->base_name.as.data.length;
        if (pack->base_name_length)
            memcpy(pack->base_name, record->base_name.as.data.octets, pack->base_name_length);
    }
    if (record->present & 1U << SENML_BASE_VALUE)
        pack->base_value = record->base_value;
    struct lwm2m_value value = record->value;
    if ((record->present & 1U << SENML_VALUE) && add_base_value(pack, &value))
        return -1;
    struct lwm2m_path path;
    bool is_named = record->present & 1U << SENML_NAME;
    if (senml_pack_path(pack, is_named ? record->name.as.data.octets : NULL,
                        is_named ? record->name.as.data.length : 0, &path))
        return -1;
    return senml_pack_add_entry(pack, &path, &value);
}

int senml_pack_add(struct senml_pack *pack)
{
    int status = add_record(pack, &pack->record);
    pack->record = (struct senml_record){0};
    return status;
}

/* --- types ---------------------------------------------------------------------------------- */

/* A double that is an integer; false if it is none, or beyond int64. -2^63 itself is what integers beyond it
 * round to, and no writer's way to say it. */
static bool integer_of(double real, int64_t *out)
{
    if (!(real > -0x1p63 && real < 0x1p63))
        return false;
    *out = (int64_t)real;
    return (double)*out == real;
}

bool senml_value_as(enum lwm2m_type type, struct lwm2m_value *value)
{
    bool is_integer = value->type == LWM2M_TYPE_INTEGER;
    switch (type) {
    case LWM2M_TYPE_FLOAT:
        if (is_integer) {
            value->type = type;
            value->as.real = (double)value->as.integer;
        }
        break;
    case LWM2M_TYPE_INTEGER:
    case LWM2M_TYPE_UNSIGNED:
    case LWM2M_TYPE_TIME:
        if (!is_integer &&
            (value->type != LWM2M_TYPE_FLOAT || !integer_of(value->as.real, &value->as.integer)))
            return false;
        value->type = type;
        return type != LWM2M_TYPE_UNSIGNED || value->as.integer >= 0;
    case LWM2M_TYPE_CORELINK:
        if (value->type == LWM2M_TYPE_STRING)
            value->type = type;
        break;
    default:
        break;
    }
    return value->type == type;
}

/* As the resource has it. */
static int set_type(const struct senml_pack *pack, const struct lwm2m_path *path,
                    struct lwm2m_value *value)
{
    const struct lwm2m_typing *typing = pack->typing;
    char text[LWM2M_PATH_TEXT_SIZE];
    enum lwm2m_type type = typing->type_of(typing->context, path);
    enum lwm2m_type found = value->type;
    size_t record = pack->count + 1;
    if (type == LWM2M_TYPE_NONE)
        return 0;
    if (typing->is_multiple(typing->context, path) != (path->depth == LWM2M_PATH_DEPTH))
        return error_set(pack->error, "record %zu: %s is %s multiple resource", record,
                         lwm2m_path_text(path, text),
                         path->depth == LWM2M_PATH_DEPTH ? "in no" : "a");
    if (!senml_value_as(type, value))
        return error_set(pack->error, "record %zu: %s has the type %s, what came is %s", record,
                         lwm2m_path_text(path, text), lwm2m_type_name(type),
                         lwm2m_type_name(found));
    return 0;
}

int senml_pack_add_entry(struct senml_pack *pack, const struct lwm2m_path *path,
                         const struct lwm2m_value *value)
{
    pack->is_full = pack->count == pack->capacity;
    if (pack->is_full)
        return error_set(pack->error, "more than %zu records", pack->capacity);
    struct lwm2m_entry *entry = &pack->entries[pack->count];
    entry->path = *path;
    entry->value = *value;
    if (value->type != LWM2M_TYPE_NONE) {
        if (path->depth < LWM2M_PATH_DEPTH - 1)
            return refuse(pack, "a value where no resource is");
        if (pack->typing && set_type(pack, path, &entry->value))
            return -1;
    }
    pack->count++;
    return 0;
}

struct senml_pack senml_pack_begin(const struct lwm2m_path *base, const struct lwm2m_typing *typing,
                                   uint8_t *room, size_t room_size, struct lwm2m_entry *entries,
                                   size_t capacity, struct error *error)
{
    return (struct senml_pack){
        .base = base,
        .typing = typing,
        .entries = entries,
        .capacity = capacity,
        .error = error,
        .room = {.octets = room, .size = room_size},
    };
}

int senml_pack_end(const struct senml_pack *pack, bool is_read)
{
    if (is_read)
        return (int)pack->count;
    return pack->is_full || pack->room.is_exhausted ? LWM2M_TOO_MUCH : LWM2M_MALFORMED;
}

/* --- writing -------------------------------------------------------------------------------- */

void senml_names_next(struct senml_names *names, const struct lwm2m_path *base,
                      const struct lwm2m_path *path)
{
    (void)lwm2m_path_text(path, names->path);
    names->base_name = NULL;
    names->name = names->path;
    if (!base->depth)
        return;
    bool is_deeper = path->depth > base->depth;
    (void)lwm2m_path_text(base, names->base);
    size_t length = strlen(names->base);
    if (is_deeper)
        memcpy(names->base + length++, "/", 2);
    names->name = is_deeper ? names->path + length : NULL;
    if (!names->is_base_known || names->is_base_slashed != is_deeper)
        names->base_name = names->base;
    names->is_base_known = true;
    names->is_base_slashed = is_deeper;
}

enum senml_field senml_field_of(enum lwm2m_type type)
{
    static const enum senml_field fields[] = {
        [LWM2M_TYPE_NONE] = SENML_UNKNOWN,  [LWM2M_TYPE_STRING] = SENML_STRING,
        [LWM2M_TYPE_INTEGER] = SENML_VALUE, [LWM2M_TYPE_UNSIGNED] = SENML_VALUE,
        [LWM2M_TYPE_FLOAT] = SENML_VALUE,   [LWM2M_TYPE_BOOLEAN] = SENML_BOOLEAN,
        [LWM2M_TYPE_OPAQUE] = SENML_DATA,   [LWM2M_TYPE_TIME] = SENML_VALUE,
        [LWM2M_TYPE_LINK] = SENML_LINK,     [LWM2M_TYPE_CORELINK] = SENML_STRING,
    };
    return fields[type];
}
