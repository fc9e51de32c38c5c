/* SenML as CBOR: an array of maps whose keys are the labels of RFC 8428 section 6. */
#include "wire/cbor.h"
#include "wire/senml.h"
#include "wire/senml_record.h"

#include <string.h>

enum { LINK_TEXT_SIZE = 12 }; /* 65535:65535 */

/* The key of a pair: a label, or a name. */
static int read_key(struct cbor_reader *reader, struct senml_pack *pack, enum senml_field *out)
{
    enum cbor_major major;
    struct lwm2m_value key;
    if (cbor_peek(reader, &major))
        return -1;
    if (major != CBOR_TEXT) {
        if (cbor_number(reader, &key))
            return -1;
        if (key.type != LWM2M_TYPE_INTEGER)
            return cbor_refuse(reader, "a key that is no label");
        *out = senml_field_labelled(key.as.integer);
        return 0;
    }
    uint8_t octets[SENML_NAME_LONGEST];
    struct room room = {.octets = octets, .size = sizeof octets};
    if (cbor_string(reader, CBOR_TEXT, &room, &key))
        return -1;
    return senml_field_named(pack, key.as.data.octets, key.as.data.length, out);
}

/* A value of which form->holds tells the type. */
static int read_value(struct cbor_reader *reader, const struct senml_field_form *form,
                      struct room *room, struct lwm2m_value *out)
{
    out->type = form->holds;
    switch (form->holds) {
    case LWM2M_TYPE_FLOAT:
        return cbor_number(reader, out);
    case LWM2M_TYPE_BOOLEAN:
        return cbor_boolean(reader, &out->as.boolean);
    case LWM2M_TYPE_OPAQUE:
        return cbor_string(reader, CBOR_OCTETS, room, out);
    default:
        return cbor_string(reader, CBOR_TEXT, room, out);
    }
}

static int read_pair(struct cbor_reader *reader, void *context)
{
    struct senml_pack *pack = context;
    enum senml_field field = SENML_UNKNOWN;
    struct lwm2m_value value;
    if (read_key(reader, pack, &field))
        return -1;
    if (field == SENML_UNKNOWN)
        return cbor_skip(reader);
    if (senml_record_note(pack, field) ||
        read_value(reader, &senml_fields[field], &pack->room, &value))
        return -1;
    return senml_record_put(pack, field, &value);
}

static int read_record(struct cbor_reader *reader, void *pack)
{
    return cbor_each(reader, CBOR_MAP, read_pair, pack) ? -1 : senml_pack_add(pack);
}

static int read_pack(struct cbor_reader *reader, struct senml_pack *pack)
{
    return cbor_each(reader, CBOR_ARRAY, read_record, pack) ? -1 : cbor_end(reader);
}

int senml_cbor_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error)
{
    struct cbor_reader reader = {.octets = octets, .length = length, .error = error};
    struct senml_pack pack =
        senml_pack_begin(base, typing, room, room_size, entries, capacity, error);
    return senml_pack_end(&pack, read_pack(&reader, &pack) == 0);
}

/* --- writing -------------------------------------------------------------------------------- */

static void write_value(struct cbor_writer *writer, const struct lwm2m_value *value)
{
    char link[LINK_TEXT_SIZE];
    switch (value->type) {
    case LWM2M_TYPE_BOOLEAN:
        cbor_write_boolean(writer, value->as.boolean);
        break;
    case LWM2M_TYPE_OPAQUE:
        cbor_write_string(writer, CBOR_OCTETS, value->as.data.octets, value->as.data.length);
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELINK:
        cbor_write_text(writer, value->as.data.octets, value->as.data.length);
        break;
    case LWM2M_TYPE_LINK:
        cbor_write_string(writer, CBOR_TEXT, link, lwm2m_value_to_text(value, link, sizeof link));
        break;
    default:
        cbor_write_number(writer, value);
    }
}

static void write_key(struct cbor_writer *writer, enum senml_field field)
{
    const struct senml_field_form *form = &senml_fields[field];
    if (form->label == SENML_NO_LABEL)
        cbor_write_string(writer, CBOR_TEXT, form->name, strlen(form->name));
    else
        cbor_write_integer(writer, form->label);
}

static void write_name(struct cbor_writer *writer, enum senml_field field, const char *name)
{
    if (!name)
        return;
    write_key(writer, field);
    cbor_write_string(writer, CBOR_TEXT, name, strlen(name));
}

int senml_cbor_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error)
{
    struct cbor_writer writer = {.octets = octets, .size = size};
    struct senml_names names = {0};
    cbor_write_head(&writer, CBOR_ARRAY, count);
    for (size_t i = 0; i < count; i++) {
        enum senml_field field = senml_field_of(entries[i].value.type);
        bool has_value = field != SENML_UNKNOWN;
        senml_names_next(&names, base, &entries[i].path);
        cbor_write_head(&writer, CBOR_MAP,
                        (uint64_t)(names.base_name != NULL) + (names.name != NULL) + has_value);
        write_name(&writer, SENML_BASE_NAME, names.base_name);
        write_name(&writer, SENML_NAME, names.name);
        if (has_value) {
            write_key(&writer, field);
            write_value(&writer, &entries[i].value);
        }
    }
    if (writer.problem)
        return error_set(error, "%s", writer.problem);
    return (int)writer.length;
}

/* --- one value ------------------------------------------------------------------------------ */

bool lwm2m_cbor_value_read(enum lwm2m_type type, const uint8_t *octets, size_t length,
                           uint8_t *room, size_t room_size, struct lwm2m_value *out)
{
    struct cbor_reader reader = {.octets = octets, .length = length};
    struct room strings = {.octets = room, .size = room_size};
    enum cbor_major major;
    int status = cbor_peek(&reader, &major);
    if (status)
        return false;
    if (type == LWM2M_TYPE_BOOLEAN) {
        out->type = type;
        status = cbor_boolean(&reader, &out->as.boolean);
    } else if (major == CBOR_OCTETS || major == CBOR_TEXT) {
        status = cbor_string(&reader, major, &strings, out);
    } else {
        status = cbor_number(&reader, out);
    }
    if (status || cbor_end(&reader))
        return false;
    if (type == LWM2M_TYPE_LINK && out->type == LWM2M_TYPE_STRING)
        return lwm2m_value_from_text(type, (const char *)out->as.data.octets, out->as.data.length,
                                     NULL, 0, out);
    return senml_value_as(type, out);
}

int lwm2m_cbor_value_write(const struct lwm2m_value *value, uint8_t *octets, size_t size,
                           struct error *error)
{
    struct cbor_writer writer = {.octets = octets, .size = size};
    if (value->type == LWM2M_TYPE_NONE)
        return error_set(error, "there is no value");
    write_value(&writer, value);
    if (writer.problem)
        return error_set(error, "%s", writer.problem);
    return (int)writer.length;
}
