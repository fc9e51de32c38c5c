#include "wire/json_value.h"

enum { LINK_TEXT_SIZE = 12 }; /* 65535:65535 */

int json_opaque(const struct json_reader *reader, enum base64_alphabet alphabet,
                const struct json_text *text, struct room *room, struct lwm2m_value *out)
{
    /* Escapes are decoded where the octets go, which are fewer. */
    struct lwm2m_value digits;
    size_t before = room->used;
    if (json_text_value(reader, text, room, &digits))
        return -1;
    room->used = before;
    out->type = LWM2M_TYPE_OPAQUE;
    out->as.data.octets = room_at(room);
    out->as.data.length = base64_read(alphabet, (const char *)digits.as.data.octets,
                                      digits.as.data.length, room_at(room), room_left(room));
    if (out->as.data.length == (size_t)-1) {
        room->is_exhausted = digits.as.data.length / 4 * 3 > room_left(room);
        return json_refuse(reader, room->is_exhausted
                                       ? "more octets than there is room to decode them"
                                       : "no base64");
    }
    room->used += out->as.data.length;
    return 0;
}

int json_value(struct json_reader *reader, enum lwm2m_type type, struct room *room,
               struct lwm2m_value *out)
{
    struct json_text text;
    out->type = type;
    switch (type) {
    case LWM2M_TYPE_FLOAT:
        return json_read_number(reader, out);
    case LWM2M_TYPE_BOOLEAN:
        return json_read_boolean(reader, &out->as.boolean);
    case LWM2M_TYPE_OPAQUE:
        if (json_read_string(reader, &text))
            return -1;
        return room ? json_opaque(reader, BASE64_URL, &text, room, out) : 0;
    default:
        if (json_read_string(reader, &text))
            return -1;
        return room ? json_text_value(reader, &text, room, out) : 0;
    }
}

static void write_base64(struct json_writer *writer, const struct lwm2m_value *value,
                         enum base64_alphabet alphabet)
{
    json_write(writer, "\"");
    size_t length = base64_write(alphabet, value->as.data.octets, value->as.data.length,
                                 writer->text + writer->length, writer->size - writer->length);
    if (length != (size_t)-1)
        writer->length += length;
    else if (!writer->problem)
        writer->problem = "there is no room for all of it";
    json_write(writer, "\"");
}

void json_write_value(struct json_writer *writer, const struct lwm2m_value *value,
                      enum base64_alphabet alphabet)
{
    char link[LINK_TEXT_SIZE];
    switch (value->type) {
    case LWM2M_TYPE_BOOLEAN:
        json_write(writer, value->as.boolean ? "true" : "false");
        break;
    case LWM2M_TYPE_OPAQUE:
        write_base64(writer, value, alphabet);
        break;
    case LWM2M_TYPE_LINK:
        json_write_string(writer, (const uint8_t *)link,
                          lwm2m_value_to_text(value, link, sizeof link));
        break;
    case LWM2M_TYPE_STRING:
    case LWM2M_TYPE_CORELINK:
        json_write_string(writer, value->as.data.octets, value->as.data.length);
        break;
    default:
        json_write_number(writer, value);
    }
}
