/* SenML (RFC 8428) as LwM2M 1.1 uses it, section 7.4.3 and 7.4.4 of Core 1.1.1: one pack, an array of
 * records, whose names joined with the base name are LwM2M paths. As JSON (110) and as CBOR (112).
 *
 * Both are read and written here without a heap. Records without a value are paths alone: that is how a
 * composite read asks (section 6.3.8), and entries of type NONE are written so.
 */
#ifndef PINHOLE_WIRE_SENML_H
#define PINHOLE_WIRE_SENML_H

#include "base/error.h"
#include "wire/lwm2m.h"

/* Reads a pack. Names (bn + n) must be paths within base; base of depth 0 allows all. A number becomes
 * an INTEGER or a FLOAT, vs a STRING, vb a BOOLEAN, vd an OPAQUE (base64url in JSON), vlo a LINK; typing, which
 * may be NULL, turns numbers to the type of the resource (1 to 1.0, 1.0 to 1), and refuses other types; values of
 * resources that it doesn't know stay what they are.
 * Times (bt, t), units and sums are read and dropped; a "bver" over 10 and a field with a name that ends
 * in _ and is not known are refused (RFC 8428 section 4.4). Texts that must be decoded go to room.
 * Returns the number of entries, or -1 with error, which says where: at which octet, in which record. */
int senml_json_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error);

int senml_cbor_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error);

/* Writes a pack whose base name is base's path with a slash behind it, where an entry is deeper than that.
 * Returns the length, or -1 with error if size is too small. */
int senml_json_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error);

int senml_cbor_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error);

/* One value as CBOR (content format 60, section 7.4.2 of Core 1.1.1). As the functions above. */
bool lwm2m_cbor_value_read(enum lwm2m_type type, const uint8_t *octets, size_t length,
                           uint8_t *room, size_t room_size, struct lwm2m_value *out);
int lwm2m_cbor_value_write(const struct lwm2m_value *value, uint8_t *octets, size_t size,
                           struct error *error);

#endif
