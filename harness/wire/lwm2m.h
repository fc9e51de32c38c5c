/* What LwM2M messages speak of: paths, values, entries (a value at a path), content formats.
 *
 * OMA-TS-LightweightM2M 1.0.2 and, where it says so, LightweightM2M_Core 1.1.1. No I/O, no allocation;
 * texts and octets point into memory of the caller.
 */
#ifndef PINHOLE_WIRE_LWM2M_H
#define PINHOLE_WIRE_LWM2M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Content formats, section 6.4 of 1.0, 7.4 of 1.1, and the CoAP Content-Formats registry. */
enum lwm2m_format {
    LWM2M_FORMAT_TEXT = 0,
    LWM2M_FORMAT_LINK = 40,
    LWM2M_FORMAT_OPAQUE = 42,
    LWM2M_FORMAT_CBOR = 60, /* one value; 1.1 */
    LWM2M_FORMAT_SENML_JSON = 110,
    LWM2M_FORMAT_SENML_CBOR = 112,
    LWM2M_FORMAT_TLV = 11542,
    LWM2M_FORMAT_JSON = 11543, /* of 1.0 */
    LWM2M_FORMAT_NONE = 65536  /* no Content-Format or Accept option */
};

enum { LWM2M_PATH_DEPTH = 4, LWM2M_PATH_TEXT_SIZE = 25, LWM2M_ID_RESERVED = 65535 };

/* /OBJECT/INSTANCE/RESOURCE/RESOURCE INSTANCE, the first depth of them; depth 0 is the root. */
struct lwm2m_path {
    uint8_t depth;
    uint16_t id[LWM2M_PATH_DEPTH];
};

/* Reads "/3/0/1", length octets; a leading slash may lack, "" and "/" are the root. False for anything
 * else: other characters, leading zeros, ids of 65535 (reserved) and over, more than four. */
bool lwm2m_path_read(const char *text, size_t length, struct lwm2m_path *out);

/* "/3/0/1", the root as "/". Returns text. */
const char *lwm2m_path_text(const struct lwm2m_path *path, char text[LWM2M_PATH_TEXT_SIZE]);

/* The path one deeper; one of full depth stays as it is. */
struct lwm2m_path lwm2m_path_child(const struct lwm2m_path *path, uint16_t id);

bool lwm2m_path_equal(const struct lwm2m_path *a, const struct lwm2m_path *b);

/* Is path the same as above, or below it? */
bool lwm2m_path_is_within(const struct lwm2m_path *path, const struct lwm2m_path *above);

/* Data types, Appendix C of 1.0. */
enum lwm2m_type {
    LWM2M_TYPE_NONE = 0, /* executable, or nothing */
    LWM2M_TYPE_STRING,
    LWM2M_TYPE_INTEGER,
    LWM2M_TYPE_UNSIGNED, /* of 1.1; held as an integer, from 0 to 2^63 - 1 */
    LWM2M_TYPE_FLOAT,
    LWM2M_TYPE_BOOLEAN,
    LWM2M_TYPE_OPAQUE,
    LWM2M_TYPE_TIME, /* s since 1970, an integer */
    LWM2M_TYPE_LINK, /* Objlnk */
    LWM2M_TYPE_CORELINK
};

struct lwm2m_value {
    enum lwm2m_type type;
    union {
        struct {
            const uint8_t *octets;
            size_t length;
        } data;          /* STRING, OPAQUE, CORELINK */
        int64_t integer; /* INTEGER, UNSIGNED, TIME */
        double real;     /* FLOAT */
        bool boolean;
        struct {
            uint16_t object, instance; /* 65535, 65535: to nothing */
        } link;
    } as;
};

/* A value at its full path: depth 3 for a single resource, 4 for an instance of a multiple one. An entry
 * of type NONE tells that its path is there and empty (an instance without resources, a multiple resource
 * without instances). */
struct lwm2m_entry {
    struct lwm2m_path path;
    struct lwm2m_value value;
};

/* Why a payload isn't read: what its readers return instead of a number of entries. */
enum lwm2m_refusal {
    LWM2M_MALFORMED = -1, /* it is no such format, or a value not of its resource's type */
    LWM2M_TOO_MUCH = -2   /* it holds more than there is room for */
};

/* What the type of the resource at path is: a reader of formats that don't say it asks this.
 * LWM2M_TYPE_NONE: there is no such resource that has a value. That is no fault of the payload (who writes an
 * instance may know more resources than who reads it), so readers take it as the format has it: OPAQUE in TLV, and
 * multiple if the TLV is. */
struct lwm2m_typing {
    enum lwm2m_type (*type_of)(const void *context, const struct lwm2m_path *path);
    /* Is the resource a multiple one, whose values have paths of depth 4? */
    bool (*is_multiple)(const void *context, const struct lwm2m_path *path);
    const void *context;
};

/* The integer, float, boolean or link that octets of TLV (Appendix C of 1.0; section 6.4.3) mean as type;
 * STRING (which is UTF-8), OPAQUE and CORELINK are the octets themselves. False if their number is none that the type has, for
 * a boolean that is neither 0 nor 1, and for an UNSIGNED over 2^63 - 1. */
bool lwm2m_value_from_octets(enum lwm2m_type type, const uint8_t *octets, size_t length,
                             struct lwm2m_value *out);

/* The shortest octets of a value, in room (8) unless it has its own; their length is written. None for NONE. */
const uint8_t *lwm2m_value_octets(const struct lwm2m_value *value, uint8_t room[8], size_t *length);

/* The value that text (content format 0) means as type; OPAQUE is base64 there. room takes what must be
 * decoded. False if it means none. */
bool lwm2m_value_from_text(enum lwm2m_type type, const char *text, size_t length, uint8_t *room,
                           size_t room_size, struct lwm2m_value *out);

/* Writes it as text, without a NUL. Returns the length, or (size_t)-1 if capacity is too small or the value is
 * NONE or a float that is not a number or infinite, which text can't say. */
size_t lwm2m_value_to_text(const struct lwm2m_value *value, char *text, size_t capacity);

/* "text", "senml-json", ...; NULL for others. "string", "integer", ... Never NULL for types. */
const char *lwm2m_format_name(uint32_t format);
const char *lwm2m_type_name(enum lwm2m_type type);

#endif
