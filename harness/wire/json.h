/* JSON, RFC 8259, read value by value from octets that may be hostile, and written; without a heap.
 *
 * The reader goes forwards and knows what it expects:
 *
 *   json_each(reader, '{', read_member, ...), and there json_key(); json_read_number(), json_skip() ...
 *
 * Functions that return int return 0, or what they say, or -1 with what was wrong at which octet in
 * reader->error. After that the reader is of no more use.
 */
#ifndef PINHOLE_WIRE_JSON_H
#define PINHOLE_WIRE_JSON_H

#include "base/error.h"
#include "wire/lwm2m.h"
#include "wire/room.h"

/* How deep arrays and objects may lie in each other where they are skipped. */
enum { JSON_DEPTH = 16 };

struct json_reader {
    const uint8_t *octets;
    size_t length;
    size_t at;
    struct error *error; /* may be NULL */
};

/* A string as it stands between its quotes: UTF-8 and its escapes have been checked. */
struct json_text {
    const uint8_t *octets;
    size_t length;
    bool is_escaped;
};

/* Says what is wrong where the reader stands; returns -1. */
int json_refuse(const struct json_reader *reader, const char *problem);

/* Goes through an array ('[') or object ('{'): read, which is handed context, reads each element or member. */
int json_each(struct json_reader *reader, char bracket,
              int (*read)(struct json_reader *reader, void *context), void *context);
/* The key of a member and its colon. */
int json_key(struct json_reader *reader, struct json_text *out);

int json_read_string(struct json_reader *reader, struct json_text *out);
int json_read_boolean(struct json_reader *reader, bool *out);
/* An INTEGER if it has neither fraction nor exponent, is not -0 and fits; otherwise a FLOAT. */
int json_read_number(struct json_reader *reader, struct lwm2m_value *out);
/* Any value. */
int json_skip(struct json_reader *reader);
/* Nothing but space may be left. */
int json_end(struct json_reader *reader);

/* The octets that text means, up to capacity of them. Returns their number, or (size_t)-1 if there are
 * more. */
size_t json_text_read(const struct json_text *text, uint8_t *out, size_t capacity);
/* The same as a value of type STRING, which points to where text stands, or into room if it has
 * escapes. */
int json_text_value(const struct json_reader *reader, const struct json_text *text,
                    struct room *room, struct lwm2m_value *out);

struct json_writer {
    char *text;
    size_t size;
    size_t length;
    const char *problem; /* the first; NULL while there is none */
};

void json_write(struct json_writer *writer, const char *text);
/* In quotes; what must be escaped is. Octets that are no UTF-8 are a problem. */
void json_write_string(struct json_writer *writer, const uint8_t *octets, size_t length);
/* INTEGER, UNSIGNED, TIME, FLOAT. What isn't finite is a problem. */
void json_write_number(struct json_writer *writer, const struct lwm2m_value *value);

#endif
