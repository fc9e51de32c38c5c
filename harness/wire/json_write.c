#include "wire/decimal.h"
#include "wire/json.h"
#include "wire/utf8.h"

#include <string.h>

static void write_octets(struct json_writer *writer, const char *text, size_t length)
{
    if (writer->size - writer->length < length) {
        if (!writer->problem)
            writer->problem = "there is no room for all of it";
        return;
    }
    memcpy(writer->text + writer->length, text, length);
    writer->length += length;
}

void json_write(struct json_writer *writer, const char *text)
{
    write_octets(writer, text, strlen(text));
}

void json_write_string(struct json_writer *writer, const uint8_t *octets, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    json_write(writer, "\"");
    for (size_t at = 0; at < length;) {
        uint8_t octet = octets[at];
        size_t count = utf8_character(octets + at, length - at);
        if (!count) {
            if (!writer->problem)
                writer->problem = "a string is no UTF-8";
            return;
        }
        if (octet < 0x20) {
            char escape[] = {'\\', 'u', '0', '0', digits[octet >> 4], digits[octet & 15]};
            write_octets(writer, escape, sizeof escape);
        } else {
            if (octet == '"' || octet == '\\')
                json_write(writer, "\\");
            write_octets(writer, (const char *)octets + at, count);
        }
        at += count;
    }
    json_write(writer, "\"");
}

void json_write_number(struct json_writer *writer, const struct lwm2m_value *value)
{
    char text[DECIMAL_TEXT_SIZE];
    size_t length = lwm2m_value_to_text(value, text, sizeof text);
    if (length != (size_t)-1)
        write_octets(writer, text, length);
    else if (!writer->problem)
        writer->problem = "a number isn't finite";
}
