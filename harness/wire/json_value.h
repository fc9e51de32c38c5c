/* Values of LwM2M as JSON, which both of its formats spell alike but for base64. */
#ifndef PINHOLE_WIRE_JSON_VALUE_H
#define PINHOLE_WIRE_JSON_VALUE_H

#include "wire/base64.h"
#include "wire/json.h"

/* Reads a STRING, a number (FLOAT asks for one; it comes as INTEGER or FLOAT), a BOOLEAN, or an OPAQUE (in
 * base64url). What must be decoded goes to room; NULL: the value is only looked at. -1 with error. */
int json_value(struct json_reader *reader, enum lwm2m_type type, struct room *room,
               struct lwm2m_value *out);

/* The octets that a string in base64 means, into room. */
int json_opaque(const struct json_reader *reader, enum base64_alphabet alphabet,
                const struct json_text *text, struct room *room, struct lwm2m_value *out);

/* Writes a value of any type but NONE: a link as the string "3:0", an OPAQUE as one in base64. */
void json_write_value(struct json_writer *writer, const struct lwm2m_value *value,
                      enum base64_alphabet alphabet);

#endif
