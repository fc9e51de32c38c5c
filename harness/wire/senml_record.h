/* What SenML says apart from how it is spelled (RFC 8428 section 4): fields, records, how base fields apply
 * to the records behind them, and how names become paths and numbers the types of resources. The readers of
 * JSON and CBOR put records together by it. For the wire/ folder alone. */
#ifndef PINHOLE_WIRE_SENML_RECORD_H
#define PINHOLE_WIRE_SENML_RECORD_H

#include "base/error.h"
#include "wire/lwm2m.h"
#include "wire/room.h"

/* Section 4.1 to 4.3, and LwM2M's object link. */
enum senml_field {
    SENML_BASE_NAME,
    SENML_BASE_TIME,
    SENML_BASE_UNIT,
    SENML_BASE_VALUE,
    SENML_BASE_SUM,
    SENML_BASE_VERSION,
    SENML_NAME,
    SENML_UNIT,
    SENML_VALUE,
    SENML_STRING,
    SENML_BOOLEAN,
    SENML_SUM,
    SENML_TIME,
    SENML_UPDATE_TIME,
    SENML_DATA,
    SENML_LINK,
    SENML_FIELDS,
    SENML_UNKNOWN = SENML_FIELDS
};

/* What stands in a field: STRING, FLOAT (any number), BOOLEAN or OPAQUE. */
struct senml_field_form {
    const char *name; /* in JSON; in CBOR if it has no label */
    int label;        /* section 6; SENML_NO_LABEL if it has none */
    enum lwm2m_type holds;
    bool is_used; /* others are read and dropped */
};

enum { SENML_NO_LABEL = 100, SENML_NAME_LONGEST = 31 };

extern const struct senml_field_form senml_fields[SENML_FIELDS];

struct senml_record {
    uint32_t present;                   /* a bit for each field */
    struct lwm2m_value base_name, name; /* STRING */
    struct lwm2m_value base_value;
    struct lwm2m_value value; /* type NONE: has none */
};

/* A pack while it is read. */
struct senml_pack {
    const struct lwm2m_path *base;
    const struct lwm2m_typing *typing; /* may be NULL */
    struct lwm2m_entry *entries;
    size_t capacity;
    struct error *error;
    struct room room;

    bool is_full; /* there came more records than entries have room for */
    size_t count;
    char base_name[LWM2M_PATH_TEXT_SIZE]; /* as the records before have it, without a NUL */
    size_t base_name_length;
    struct lwm2m_value base_value; /* NONE, INTEGER or FLOAT */
    struct senml_record record;    /* the one that is being read */
};

/* As the readers are given it: typing may be NULL, room holds what strings and octets are unescaped to, entries what
 * is read. */
struct senml_pack senml_pack_begin(const struct lwm2m_path *base, const struct lwm2m_typing *typing,
                                   uint8_t *room, size_t room_size, struct lwm2m_entry *entries,
                                   size_t capacity, struct error *error);

/* The field called so; SENML_UNKNOWN is to be passed over. Returns -1 for one that may not be (section 4.4). */
int senml_field_named(struct senml_pack *pack, const uint8_t *name, size_t length,
                      enum senml_field *out);
enum senml_field senml_field_labelled(int64_t label);

/* Notes that a field is in the record; -1 if it is there twice, or beside a value of another kind. */
int senml_record_note(struct senml_pack *pack, enum senml_field field);
/* Puts what stands in a field into the record, if it is used. Strings, numbers, octets come as STRING, INTEGER or
 * FLOAT, OPAQUE. */
int senml_record_put(struct senml_pack *pack, enum senml_field field,
                     const struct lwm2m_value *value);
/* Makes an entry of the whole record, keeps its base fields for the next, and begins that. */
int senml_pack_add(struct senml_pack *pack);

/* value at a path, as typing has it, if it knows the resource: checked, turned to its type, and put behind
 * the others. */
int senml_pack_add_entry(struct senml_pack *pack, const struct lwm2m_path *path,
                         const struct lwm2m_value *value);
/* What a reader returns: the number of entries if the pack is_read, otherwise an enum lwm2m_refusal. */
int senml_pack_end(const struct senml_pack *pack, bool is_read);
/* The path that a base name and a name make. -1 if they make none, or one outside pack->base. */
int senml_pack_path(struct senml_pack *pack, const uint8_t *name, size_t length,
                    struct lwm2m_path *out);
/* "3:0" as a LINK. */
int senml_link(struct senml_pack *pack, const struct lwm2m_value *text, struct lwm2m_value *out);

/* Turns a value to a type that holds the same: 1.0 to 1, a string to a CoRE link. False if none does. */
bool senml_value_as(enum lwm2m_type type, struct lwm2m_value *value);

/* --- writing -------------------------------------------------------------------------------- */

/* The base name and the name of an entry's record; NULL: the field is left out. */
struct senml_names {
    char path[LWM2M_PATH_TEXT_SIZE];
    char base[LWM2M_PATH_TEXT_SIZE + 1];
    const char *base_name;
    const char *name;
    bool is_base_slashed; /* as the records before have it */
    bool is_base_known;
};

/* Begins with a zeroed struct, which goes from entry to entry. */
void senml_names_next(struct senml_names *names, const struct lwm2m_path *base,
                      const struct lwm2m_path *path);

/* The field that says a value; SENML_UNKNOWN for NONE. */
enum senml_field senml_field_of(enum lwm2m_type type);

#endif
