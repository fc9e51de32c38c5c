/* SenML as JSON: [{"bn":"/3/0/","n":"0","vs":"..."},{"n":"9","v":95}], RFC 8428 section 5. */
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/json_value.h"
#include "wire/senml.h"
#include "wire/senml_record.h"

#include <string.h>

static int read_field(struct json_reader *reader, void *context)
{
    struct senml_pack *pack = context;
    struct json_text key;
    uint8_t name[SENML_NAME_LONGEST];
    enum senml_field field;
    if (json_key(reader, &key))
        return -1;
    size_t length = json_text_read(&key, name, sizeof name);
    if (length == (size_t)-1)
        return json_refuse(reader, "too long a name of a field");
    if (senml_field_named(pack, name, length, &field))
        return -1;
    if (field == SENML_UNKNOWN)
        return json_skip(reader);
    struct lwm2m_value value;
    const struct senml_field_form *form = &senml_fields[field];
    if (senml_record_note(pack, field) ||
        json_value(reader, form->holds, form->is_used ? &pack->room : NULL, &value))
        return -1;
    return senml_record_put(pack, field, &value);
}

static int read_record(struct json_reader *reader, void *pack)
{
    return json_each(reader, '{', read_field, pack) ? -1 : senml_pack_add(pack);
}

static int read_pack(struct json_reader *reader, struct senml_pack *pack)
{
    return json_each(reader, '[', read_record, pack) ? -1 : json_end(reader);
}

int senml_json_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error)
{
    struct json_reader reader = {.octets = octets, .length = length, .error = error};
    struct senml_pack pack =
        senml_pack_begin(base, typing, room, room_size, entries, capacity, error);
    return senml_pack_end(&pack, read_pack(&reader, &pack) == 0);
}

/* --- writing -------------------------------------------------------------------------------- */

static void write_name(struct json_writer *writer, bool *is_first, enum senml_field field)
{
    json_write(writer, *is_first ? "\"" : ",\"");
    json_write(writer, senml_fields[field].name);
    json_write(writer, "\":");
    *is_first = false;
}

static void write_text(struct json_writer *writer, bool *is_first, enum senml_field field,
                       const char *text)
{
    if (!text)
        return;
    write_name(writer, is_first, field);
    json_write_string(writer, (const uint8_t *)text, strlen(text));
}

int senml_json_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error)
{
    struct json_writer writer = {.text = (char *)octets, .size = size};
    struct senml_names names = {0};
    json_write(&writer, "[");
    for (size_t i = 0; i < count; i++) {
        bool is_first = true;
        enum senml_field field = senml_field_of(entries[i].value.type);
        senml_names_next(&names, base, &entries[i].path);
        json_write(&writer, i ? ",{" : "{");
        write_text(&writer, &is_first, SENML_BASE_NAME, names.base_name);
        write_text(&writer, &is_first, SENML_NAME, names.name);
        if (field != SENML_UNKNOWN) {
            write_name(&writer, &is_first, field);
            json_write_value(&writer, &entries[i].value, BASE64_URL);
        }
        json_write(&writer, "}");
    }
    json_write(&writer, "]");
    if (writer.problem)
        return error_set(error, "%s", writer.problem);
    return (int)writer.length;
}
