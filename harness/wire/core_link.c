#include "wire/core_link.h"

#include <string.h>

/* --- characters, RFC 6690 section 2 ---------------------------------------------------------- */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* parmname, of RFC 5987's attr-char; an ext-name-star ends in a star. */
static bool is_name(char c)
{
    return c && (is_letter_or_digit(c) || strchr("!#$&+-.^_`|~*", c));
}

/* ptokenchar */
static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\",;\\", c);
}

/* What a URI reference may hold, of RFC 3986, generously. */
static bool is_target(char c)
{
    return c > ' ' && c < 0x7f && !strchr("<>\"\\^`{|}", c);
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* --- reading --------------------------------------------------------------------------------- */

struct walk {
    const char *text;
    size_t length;
    size_t at;
};

static bool take(struct walk *walk, char wanted)
{
    if (walk->at == walk->length || walk->text[walk->at] != wanted)
        return false;
    walk->at++;
    return true;
}

/* Takes characters as long as they are allowed; how many? */
static size_t take_all(struct walk *walk, bool (*allowed)(char))
{
    size_t begin = walk->at;
    while (walk->at < walk->length && allowed(walk->text[walk->at]))
        walk->at++;
    return walk->at - begin;
}

/* Takes what stands behind an opening quote, and the closing one. */
static bool take_quoted(struct walk *walk, struct core_link_attribute *out)
{
    out->value = walk->text + walk->at;
    while (walk->at < walk->length && walk->text[walk->at] != '"') {
        if (walk->text[walk->at] == '\\')
            walk->at++;
        if (walk->at == walk->length || is_control(walk->text[walk->at]))
            return false;
        walk->at++;
    }
    out->value_length = (size_t)(walk->text + walk->at - out->value);
    return take(walk, '"');
}

/* Takes name, name=token or name="text", behind the semicolon. */
static bool take_attribute(struct walk *walk, struct core_link_attribute *out)
{
    *out = (struct core_link_attribute){.name = walk->text + walk->at};
    out->name_length = take_all(walk, is_name);
    if (out->name_length == 0)
        return false;
    if (!take(walk, '='))
        return true;
    if (take(walk, '"'))
        return take_quoted(walk, out);
    out->value = walk->text + walk->at;
    out->value_length = take_all(walk, is_token);
    return out->value_length > 0;
}

/* Takes <target> and its attributes. */
static bool take_link(struct walk *walk, struct core_link *out)
{
    struct core_link_attribute attribute;
    if (!take(walk, '<'))
        return false;
    out->target = walk->text + walk->at;
    out->target_length = take_all(walk, is_target);
    if (!take(walk, '>'))
        return false;
    out->attributes = walk->text + walk->at;
    while (take(walk, ';'))
        if (!take_attribute(walk, &attribute))
            return false;
    out->attributes_length = (size_t)(walk->text + walk->at - out->attributes);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum core_link_step core_link_next(const char *text, size_t length, size_t *offset,
                                   struct core_link *out)
{
    struct walk walk = {text, length, *offset};
    memset(out, 0, sizeof *out);
    if (*offset == length)
        return CORE_LINK_END;
    if (*offset > 0) {
        if (!take(&walk, ','))
            return CORE_LINK_BAD;
        (void)take_all(&walk, is_blank);
    }
    if (!take_link(&walk, out))
        return CORE_LINK_BAD;
    *offset = walk.at;
    return CORE_LINK_FOUND;
}

bool core_link_attribute_next(const struct core_link *link, size_t *offset,
                              struct core_link_attribute *out)
{
    struct walk walk = {link->attributes, link->attributes_length, *offset};
    if (!take(&walk, ';') || !take_attribute(&walk, out))
        return false;
    *offset = walk.at;
    return true;
}

bool core_link_attribute(const struct core_link *link, const char *name,
                         struct core_link_attribute *out)
{
    size_t length = strlen(name);
    size_t offset = 0;
    while (core_link_attribute_next(link, &offset, out))
        if (out->name_length == length && memcmp(out->name, name, length) == 0)
            return true;
    return false;
}

/* --- writing --------------------------------------------------------------------------------- */

static void put(struct core_link_writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (!writer->fits || length > writer->capacity - writer->length) {
        writer->fits = false;
        return;
    }
    memcpy(writer->text + writer->length, text, length);
    writer->length += length;
}

void core_link_write_target(struct core_link_writer *writer, const char *target)
{
    if (writer->length > 0)
        put(writer, ",");
    put(writer, "<");
    put(writer, target);
    put(writer, ">");
}

void core_link_write_attribute(struct core_link_writer *writer, const char *name, const char *value,
                               bool quoted)
{
    put(writer, ";");
    put(writer, name);
    if (!value)
        return;
    put(writer, quoted ? "=\"" : "=");
    put(writer, value);
    if (quoted)
        put(writer, "\"");
}
