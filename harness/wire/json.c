#include "wire/json.h"

#include "wire/decimal.h"
#include "wire/utf8.h"

#include <string.h>

enum { ESCAPE_DIGITS = 4 };

/* Section 7: what stands behind a backslash, and what it means. */
static const char escape_marks[] = "\"\\/bfnrt";
static const char escape_meanings[] = "\"\\/\b\f\n\r\t";

int json_refuse(const struct json_reader *reader, const char *problem)
{
    (void)error_set(reader->error, "octet %zu: %s", reader->at, problem);
    return -1;
}

static void skip_space(struct json_reader *reader)
{
    while (reader->at < reader->length) {
        uint8_t octet = reader->octets[reader->at];
        if (octet != ' ' && octet != '\t' && octet != '\n' && octet != '\r')
            return;
        reader->at++;
    }
}

/* The octet that comes behind space; NUL, which begins nothing, at the end. */
static char peek(struct json_reader *reader)
{
    skip_space(reader);
    return (char)(reader->at < reader->length ? reader->octets[reader->at] : 0);
}

static bool take(struct json_reader *reader, char character)
{
    if (peek(reader) != character || reader->at == reader->length)
        return false;
    reader->at++;
    return true;
}

/* --- structure ------------------------------------------------------------------------------ */

/* 1: another element or member comes; 0: it ends, and is behind the reader. *is_first starts as true. */
static int next(struct json_reader *reader, char closing_bracket, bool *is_first)
{
    if (take(reader, closing_bracket))
        return 0;
    if (!*is_first && !take(reader, ','))
        return json_refuse(reader, closing_bracket == ']' ? "neither , nor ]" : "neither , nor }");
    *is_first = false;
    return 1;
}

static char closing(char bracket)
{
    return bracket == '[' ? ']' : '}';
}

int json_each(struct json_reader *reader, char bracket,
              int (*read)(struct json_reader *reader, void *context), void *context)
{
    bool is_first = true;
    int more;
    if (!take(reader, bracket))
        return json_refuse(reader, bracket == '[' ? "no array" : "no object");
    while ((more = next(reader, closing(bracket), &is_first)) > 0) {
        if (read(reader, context))
            return -1;
    }
    return more;
}

int json_key(struct json_reader *reader, struct json_text *out)
{
    if (json_read_string(reader, out))
        return -1;
    return take(reader, ':') ? 0 : json_refuse(reader, "no colon behind a key");
}

int json_end(struct json_reader *reader)
{
    skip_space(reader);
    return reader->at == reader->length ? 0 : json_refuse(reader, "something behind the end");
}

static int skip_scalar(struct json_reader *reader)
{
    struct json_text text;
    struct lwm2m_value number;
    bool boolean;
    switch (peek(reader)) {
    case '"':
        return json_read_string(reader, &text);
    case 't':
    case 'f':
        return json_read_boolean(reader, &boolean);
    case 'n':
        if (reader->length - reader->at < 4 || memcmp(reader->octets + reader->at, "null", 4) != 0)
            return json_refuse(reader, "no value");
        reader->at += 4;
        return 0;
    default:
        return json_read_number(reader, &number);
    }
}

int json_skip(struct json_reader *reader)
{
    struct {
        bool is_first;
        char closing_bracket;
    } levels[JSON_DEPTH];
    size_t depth = 0;
    for (;;) {
        char character = peek(reader);
        if (character == '[' || character == '{') {
            if (depth == JSON_DEPTH)
                return json_refuse(reader, "too deep");
            reader->at++;
            levels[depth].is_first = true;
            levels[depth].closing_bracket = closing(character);
            depth++;
        } else if (skip_scalar(reader)) {
            return -1;
        }
        int more = 0;
        while (depth && !more) {
            more = next(reader, levels[depth - 1].closing_bracket, &levels[depth - 1].is_first);
            if (more < 0)
                return -1;
            if (!more)
                depth--;
        }
        if (!depth)
            return 0;
        struct json_text key;
        if (levels[depth - 1].closing_bracket == '}' && json_key(reader, &key))
            return -1;
    }
}

/* --- values --------------------------------------------------------------------------------- */

/* Section 6 knows no zero in front of other digits. */
static bool has_leading_zero(const char *text, size_t length)
{
    size_t first = text[0] == '-' ? 1 : 0;
    return length > first + 1 && text[first] == '0' && text[first + 1] >= '0' &&
           text[first + 1] <= '9';
}

int json_read_number(struct json_reader *reader, struct lwm2m_value *out)
{
    skip_space(reader);
    const char *text = (const char *)reader->octets + reader->at;
    size_t left = reader->length - reader->at;
    size_t length = 0;
    while (length < left && text[length] && strchr("+-.0123456789eE", text[length]))
        length++;
    if (!length || has_leading_zero(text, length))
        return json_refuse(reader, "no number");
    reader->at += length;
    /* An integer has but one zero. */
    bool is_minus_zero = length == 2 && memcmp(text, "-0", 2) == 0;
    out->type = LWM2M_TYPE_INTEGER;
    if (!is_minus_zero && decimal_read_integer(text, length, &out->as.integer))
        return 0;
    out->type = LWM2M_TYPE_FLOAT;
    if (decimal_read_real(text, length, &out->as.real))
        return 0;
    reader->at -= length;
    return json_refuse(reader, "no number, or too large a one");
}

int json_read_boolean(struct json_reader *reader, bool *out)
{
    *out = peek(reader) == 't';
    const char *word = *out ? "true" : "false";
    size_t length = strlen(word);
    if (reader->length - reader->at < length ||
        memcmp(reader->octets + reader->at, word, length) != 0)
        return json_refuse(reader, "neither true nor false");
    reader->at += length;
    return 0;
}

/* The four digits of \uXXXX; false if they are none. */
static bool hex_digits(const uint8_t *at, size_t length, uint32_t *out)
{
    *out = 0;
    if (length < ESCAPE_DIGITS)
        return false;
    for (size_t i = 0; i < ESCAPE_DIGITS; i++) {
        uint8_t octet = at[i];
        uint8_t letter = octet | 0x20;
        if (octet >= '0' && octet <= '9')
            *out = *out << 4 | (uint32_t)(octet - '0');
        else if (letter >= 'a' && letter <= 'f')
            *out = *out << 4 | (uint32_t)(letter - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* The character behind a backslash, and how many octets of at it takes; 0 if it is none. A character beyond
 * U+FFFF is a pair of surrogates, which mean nothing alone. */
static size_t read_escape(const uint8_t *at, size_t length, uint32_t *character)
{
    if (!length)
        return 0;
    if (at[0] != 'u') {
        const char *mark = at[0] ? strchr(escape_marks, at[0]) : NULL;
        if (!mark)
            return 0;
        *character = (uint8_t)escape_meanings[mark - escape_marks];
        return 1;
    }
    if (!hex_digits(at + 1, length - 1, character))
        return 0;
    size_t used = 1 + ESCAPE_DIGITS;
    if ((*character & 0xf800) != 0xd800)
        return used;
    uint32_t low;
    if (*character >= 0xdc00 || length < used + 2 || at[used] != '\\' || at[used + 1] != 'u' ||
        !hex_digits(at + used + 2, length - used - 2, &low) || (low & 0xfc00) != 0xdc00)
        return 0;
    *character = 0x10000 + ((*character & 0x3ff) << 10) + (low & 0x3ff);
    return used + 2 + ESCAPE_DIGITS;
}

int json_read_string(struct json_reader *reader, struct json_text *out)
{
    if (!take(reader, '"'))
        return json_refuse(reader, "no string");
    size_t start = reader->at;
    out->octets = reader->octets + start;
    out->is_escaped = false;
    while (reader->at < reader->length && reader->octets[reader->at] != '"') {
        const uint8_t *at = reader->octets + reader->at;
        size_t left = reader->length - reader->at;
        size_t count;
        if (*at == '\\') {
            uint32_t character;
            out->is_escaped = true;
            count = read_escape(at + 1, left - 1, &character);
            if (!count)
                return json_refuse(reader, "no escape");
            count++;
        } else {
            count = *at < 0x20 ? 0 : utf8_character(at, left);
            if (!count)
                return json_refuse(reader, "no character");
        }
        reader->at += count;
    }
    out->length = reader->at - start;
    if (reader->at == reader->length)
        return json_refuse(reader, "a string without an end");
    reader->at++;
    return 0;
}

size_t json_text_read(const struct json_text *text, uint8_t *out, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < text->length;) {
        uint8_t octets[UTF8_LONGEST] = {text->octets[at]};
        size_t count = 1;
        if (octets[0] == '\\') {
            uint32_t character = 0;
            at += read_escape(text->octets + at + 1, text->length - at - 1, &character);
            count = utf8_put(character, octets);
        }
        at++;
        if (capacity - used < count)
            return (size_t)-1;
        memcpy(out + used, octets, count);
        used += count;
    }
    return used;
}

int json_text_value(const struct json_reader *reader, const struct json_text *text,
                    struct room *room, struct lwm2m_value *out)
{
    out->type = LWM2M_TYPE_STRING;
    out->as.data.octets = text->octets;
    out->as.data.length = text->length;
    if (!text->is_escaped)
        return 0;
    size_t length = json_text_read(text, room_at(room), room_left(room));
    if (length == (size_t)-1) {
        room->is_exhausted = true;
        return json_refuse(reader, "more text than there is room to decode it");
    }
    out->as.data.octets = room_at(room);
    out->as.data.length = length;
    room->used += length;
    return 0;
}
