#include "wire/cbor.h"

#include "wire/cbor_real.h"
#include "wire/decimal.h"
#include "wire/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LENGTH_FOLLOWS = 24, /* 24 to 27: 1, 2, 4 or 8 octets follow */
    LENGTH_RESERVED = 28,
    INDEFINITE = 31,
    BREAK = 0xff,
    TAG_DECIMAL_FRACTION = 4,
    SIMPLE_FALSE = 20,
    SIMPLE_TRUE = 21,
};

struct head {
    enum cbor_major major;
    uint8_t information; /* the low five bits */
    uint64_t argument;
    uint64_t tag; /* the innermost of those in front, or 0 */
};

int cbor_refuse(const struct cbor_reader *reader, const char *problem)
{
    (void)error_set(reader->error, "octet %zu: %s", reader->at, problem);
    return -1;
}

/* One head; that of a tag too. */
static int read_one_head(struct cbor_reader *reader, struct head *out)
{
    if (reader->at == reader->length)
        return cbor_refuse(reader, "truncated");
    uint8_t first = reader->octets[reader->at];
    out->major = (enum cbor_major)(first >> 5);
    out->information = first & 31;
    out->argument = out->information;
    size_t following = 0;
    if (out->information >= LENGTH_RESERVED) {
        bool may_be_indefinite = out->major >= CBOR_OCTETS && out->major <= CBOR_MAP;
        if (out->information != INDEFINITE || !may_be_indefinite)
            return cbor_refuse(reader, "no head of an item");
    } else if (out->information >= LENGTH_FOLLOWS) {
        following = (size_t)1 << (out->information - LENGTH_FOLLOWS);
        if (reader->length - reader->at - 1 < following)
            return cbor_refuse(reader, "truncated");
        out->argument = 0;
    }
    reader->at++;
    for (size_t i = 0; i < following; i++)
        out->argument = out->argument << 8 | reader->octets[reader->at++];
    return 0;
}

static int read_head(struct cbor_reader *reader, struct head *out)
{
    uint64_t tag = 0;
    for (;;) {
        if (read_one_head(reader, out))
            return -1;
        out->tag = tag;
        if (out->major != CBOR_TAG)
            return 0;
        tag = out->argument;
    }
}

/* The head of an item that must be of this major type; otherwise the problem is told of where it stands. */
static int read_head_of(struct cbor_reader *reader, enum cbor_major major, const char *problem,
                        struct head *out)
{
    size_t start = reader->at;
    if (read_head(reader, out))
        return -1;
    if (out->major == major)
        return 0;
    reader->at = start;
    return cbor_refuse(reader, problem);
}

int cbor_peek(const struct cbor_reader *reader, enum cbor_major *out)
{
    struct cbor_reader ahead = *reader;
    struct head head;
    if (read_head(&ahead, &head))
        return -1;
    *out = head.major;
    return 0;
}

/* --- structure ------------------------------------------------------------------------------ */

/* An array or map that is being walked through. */
struct container {
    uint64_t left; /* elements, or pairs */
    bool is_indefinite;
};

static struct container container_of(const struct head *head)
{
    struct container container = {.is_indefinite = head->information == INDEFINITE};
    container.left = container.is_indefinite ? 0 : head->argument;
    return container;
}

static bool take_break(struct cbor_reader *reader)
{
    if (reader->at == reader->length || reader->octets[reader->at] != BREAK)
        return false;
    reader->at++;
    return true;
}

/* 1: another element or pair comes; 0: it ends, and its end is behind the reader. */
static int next(struct cbor_reader *reader, struct container *container)
{
    if (container->is_indefinite ? take_break(reader) : container->left == 0)
        return 0;
    if (reader->at == reader->length)
        return cbor_refuse(reader, "truncated");
    if (!container->is_indefinite)
        container->left--;
    return 1;
}

int cbor_each(struct cbor_reader *reader, enum cbor_major major,
              int (*read)(struct cbor_reader *reader, void *context), void *context)
{
    struct head head;
    if (read_head_of(reader, major, major == CBOR_ARRAY ? "no array" : "no map", &head))
        return -1;
    struct container container = container_of(&head);
    int more;
    while ((more = next(reader, &container)) > 0) {
        if (read(reader, context))
            return -1;
    }
    return more;
}

int cbor_end(const struct cbor_reader *reader)
{
    return reader->at == reader->length ? 0 : cbor_refuse(reader, "something behind the end");
}

/* --- strings -------------------------------------------------------------------------------- */

/* The octets of a string or chunk whose head has been read. */
static int take_octets(struct cbor_reader *reader, const struct head *head, const uint8_t **out)
{
    if (reader->length - reader->at < head->argument)
        return cbor_refuse(reader, "truncated");
    *out = reader->octets + reader->at;
    /* Section 3.2.3: a chunk ends between characters, so each is looked at alone. */
    if (head->major == CBOR_TEXT && !utf8_is_valid(*out, (size_t)head->argument))
        return cbor_refuse(reader, "a text that is no UTF-8");
    reader->at += (size_t)head->argument;
    return 0;
}

/* Chunks of a string, up to their end, joined in room; NULL: only looked at. */
static int take_chunks(struct cbor_reader *reader, enum cbor_major major, struct room *room)
{
    while (!take_break(reader)) {
        struct head head;
        const uint8_t *octets;
        if (read_one_head(reader, &head))
            return -1;
        if (head.major != major || head.information == INDEFINITE)
            return cbor_refuse(reader, "no chunk of the string that it stands in");
        if (take_octets(reader, &head, &octets))
            return -1;
        if (!room)
            continue;
        room->is_exhausted = room_left(room) < head.argument;
        if (room->is_exhausted)
            return cbor_refuse(reader, "more chunks than there is room to join them");
        if (head.argument)
            memcpy(room_at(room), octets, (size_t)head.argument);
        room->used += (size_t)head.argument;
    }
    return 0;
}

int cbor_string(struct cbor_reader *reader, enum cbor_major major, struct room *room,
                struct lwm2m_value *out)
{
    struct head head;
    if (read_head_of(reader, major, major == CBOR_TEXT ? "no text" : "no octets", &head))
        return -1;
    out->type = major == CBOR_TEXT ? LWM2M_TYPE_STRING : LWM2M_TYPE_OPAQUE;
    if (head.information != INDEFINITE) {
        out->as.data.length = (size_t)head.argument;
        return take_octets(reader, &head, &out->as.data.octets);
    }
    if (!room)
        return cbor_refuse(reader, "a string in chunks");
    size_t before = room->used;
    out->as.data.octets = room_at(room);
    if (take_chunks(reader, major, room))
        return -1;
    out->as.data.length = room->used - before;
    return 0;
}

/* --- numbers and truth values --------------------------------------------------------------- */

static bool is_float(const struct head *head)
{
    return head->major == CBOR_SIMPLE && head->information > LENGTH_FOLLOWS;
}

/* Section 3.1: a negative integer is -1 - argument. */
static void number_from_integer(const struct head *head, struct lwm2m_value *out)
{
    bool is_negative = head->major == CBOR_NEGATIVE;
    if (head->argument <= INT64_MAX) {
        out->type = LWM2M_TYPE_INTEGER;
        out->as.integer = is_negative ? -1 - (int64_t)head->argument : (int64_t)head->argument;
    } else {
        out->type = LWM2M_TYPE_FLOAT;
        out->as.real = is_negative ? -1 - (double)head->argument : (double)head->argument;
    }
}

/* mantissa * 10^exponent, by the text that says it; false if no double does. */
static bool fraction(int64_t exponent, int64_t mantissa, struct lwm2m_value *out)
{
    char text[2 * DECIMAL_TEXT_SIZE];
    int length = snprintf(text, sizeof text, "%" PRId64 "e%" PRId64, mantissa, exponent);
    out->type = LWM2M_TYPE_FLOAT;
    return decimal_read_real(text, (size_t)length, &out->as.real);
}

/* [exponent, mantissa], section 3.4.4. */
static int read_fraction(struct cbor_reader *reader, const struct head *array,
                         struct lwm2m_value *out)
{
    struct container container = container_of(array);
    struct lwm2m_value parts[2];
    for (size_t i = 0; i < 2; i++) {
        struct head head;
        int more = next(reader, &container);
        if (more < 0 || (more && read_one_head(reader, &head)))
            return -1;
        if (!more || head.major > CBOR_NEGATIVE)
            return cbor_refuse(reader, "no decimal fraction");
        number_from_integer(&head, &parts[i]);
        if (parts[i].type != LWM2M_TYPE_INTEGER)
            return cbor_refuse(reader, "too large a decimal fraction");
    }
    int more = next(reader, &container);
    if (more < 0)
        return -1;
    if (more)
        return cbor_refuse(reader, "no decimal fraction");
    if (!fraction(parts[0].as.integer, parts[1].as.integer, out))
        return cbor_refuse(reader, "too large a decimal fraction");
    return 0;
}

int cbor_number(struct cbor_reader *reader, struct lwm2m_value *out)
{
    size_t start = reader->at;
    struct head head;
    if (read_head(reader, &head))
        return -1;
    if (head.major == CBOR_ARRAY && head.tag == TAG_DECIMAL_FRACTION)
        return read_fraction(reader, &head, out);
    if (head.major <= CBOR_NEGATIVE) {
        number_from_integer(&head, out);
        return 0;
    }
    if (!is_float(&head)) {
        reader->at = start;
        return cbor_refuse(reader, "no number");
    }
    out->type = LWM2M_TYPE_FLOAT;
    out->as.real =
        cbor_real_from_bits((size_t)1 << (head.information - LENGTH_FOLLOWS), head.argument);
    return isfinite(out->as.real) ? 0 : cbor_refuse(reader, "a number that isn't finite");
}

int cbor_boolean(struct cbor_reader *reader, bool *out)
{
    size_t start = reader->at;
    struct head head;
    if (read_head(reader, &head))
        return -1;
    if (head.major != CBOR_SIMPLE ||
        (head.information != SIMPLE_FALSE && head.information != SIMPLE_TRUE)) {
        reader->at = start;
        return cbor_refuse(reader, "neither true nor false");
    }
    *out = head.information == SIMPLE_TRUE;
    return 0;
}

/* --- items of no concern -------------------------------------------------------------------- */

/* A string or scalar, whose head has been read. */
static int skip_rest(struct cbor_reader *reader, const struct head *head)
{
    const uint8_t *octets;
    if (head->major != CBOR_OCTETS && head->major != CBOR_TEXT) {
        /* Section 3.3: two octets are for the simple values that one can't say. */
        if (head->major == CBOR_SIMPLE && head->information == LENGTH_FOLLOWS &&
            head->argument < 32)
            return cbor_refuse(reader, "no simple value");
        return 0;
    }
    return head->information == INDEFINITE ? take_chunks(reader, head->major, NULL)
                                           : take_octets(reader, head, &octets);
}

int cbor_skip(struct cbor_reader *reader)
{
    struct {
        struct container container;
        bool is_map, is_value_due;
    } levels[CBOR_DEPTH];
    size_t depth = 0;
    for (;;) {
        struct head head;
        if (read_head(reader, &head))
            return -1;
        if (head.major == CBOR_ARRAY || head.major == CBOR_MAP) {
            if (depth == CBOR_DEPTH)
                return cbor_refuse(reader, "too deep");
            levels[depth].container = container_of(&head);
            levels[depth].is_map = head.major == CBOR_MAP;
            levels[depth].is_value_due = false;
            depth++;
        } else if (skip_rest(reader, &head)) {
            return -1;
        }
        for (int more = 0; depth && !more;) {
            bool *is_value_due = &levels[depth - 1].is_value_due;
            if (*is_value_due) {
                *is_value_due = false;
                break;
            }
            more = next(reader, &levels[depth - 1].container);
            if (more < 0)
                return -1;
            if (!more)
                depth--;
            else
                *is_value_due = levels[depth - 1].is_map;
        }
        if (!depth)
            return 0;
    }
}
