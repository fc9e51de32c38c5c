/* CBOR, RFC 8949, read item by item from octets that may be hostile, and written; without a heap.
 *
 * Read are items of definite and of indefinite length, integers to the limits of int64 (others become
 * doubles), halves, singles, doubles and decimal fractions; other tags are passed over. Written is the
 * shortest form that says the same, of definite length (section 4.1).
 *
 * Functions that return int return 0, or what they say, or -1 with what was wrong at which octet in
 * reader->error. After that the reader is of no more use.
 */
#ifndef PINHOLE_WIRE_CBOR_H
#define PINHOLE_WIRE_CBOR_H

#include "base/error.h"
#include "wire/lwm2m.h"
#include "wire/room.h"

/* How deep arrays and maps may lie in each other where they are skipped. */
enum { CBOR_DEPTH = 16 };

/* Section 3.1. */
enum cbor_major {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE,
    CBOR_OCTETS,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE /* false, true, null, and the floating points */
};

struct cbor_reader {
    const uint8_t *octets;
    size_t length;
    size_t at;
    struct error *error; /* may be NULL */
};

/* Says what is wrong where the reader stands; returns -1. */
int cbor_refuse(const struct cbor_reader *reader, const char *problem);

/* What comes, behind its tags. */
int cbor_peek(const struct cbor_reader *reader, enum cbor_major *out);

/* Goes through an array or a map (major says which): read, which is handed context, reads each element or pair. */
int cbor_each(struct cbor_reader *reader, enum cbor_major major,
              int (*read)(struct cbor_reader *reader, void *context), void *context);

/* INTEGER or FLOAT. What isn't finite is refused, as JSON has no such numbers. */
int cbor_number(struct cbor_reader *reader, struct lwm2m_value *out);
int cbor_boolean(struct cbor_reader *reader, bool *out);
/* CBOR_TEXT as a STRING, whose UTF-8 has been checked, or CBOR_OCTETS as an OPAQUE. The value points to where
 * it stands, or, if it came in chunks, into room, which may be NULL to refuse these. */
int cbor_string(struct cbor_reader *reader, enum cbor_major major, struct room *room,
                struct lwm2m_value *out);
/* Any item. */
int cbor_skip(struct cbor_reader *reader);
/* Nothing may be left. */
int cbor_end(const struct cbor_reader *reader);

struct cbor_writer {
    uint8_t *octets;
    size_t size;
    size_t length;
    const char *problem; /* the first; NULL while there is none */
};

/* The head of an item: of an array its elements, of a map its pairs. */
void cbor_write_head(struct cbor_writer *writer, enum cbor_major major, uint64_t argument);
void cbor_write_string(struct cbor_writer *writer, enum cbor_major major, const void *octets,
                       size_t length);
/* CBOR_TEXT; octets that are no UTF-8 are a problem. */
void cbor_write_text(struct cbor_writer *writer, const uint8_t *octets, size_t length);
void cbor_write_boolean(struct cbor_writer *writer, bool boolean);
void cbor_write_integer(struct cbor_writer *writer, int64_t integer);
/* INTEGER, UNSIGNED, TIME, FLOAT. What isn't finite is a problem. */
void cbor_write_number(struct cbor_writer *writer, const struct lwm2m_value *value);

#endif
