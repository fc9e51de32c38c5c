/* The JSON of LwM2M 1.0 (content format 11543), section 6.4.4:
 *
 *     {"bn":"/3/0/","e":[{"n":"0","sv":"..."},{"n":"1","v":1},{"n":"2","bv":true},{"n":"3","ov":"1:2"}]}
 */
#ifndef PINHOLE_WIRE_LWM2M_JSON_H
#define PINHOLE_WIRE_LWM2M_JSON_H

#include "base/error.h"
#include "wire/lwm2m.h"

/* Reads a payload. Names (bn + n) must be paths within base; without bn they stand behind base, and so they do behind
 * a bn that is base without a slash at its end. v is a number, bv a
 * BOOLEAN, ov a LINK, sv a STRING, which typing, which may be NULL, makes an OPAQUE (base64) or a CORELINK;
 * numbers turn to the type of the resource, and other types are refused. Values of resources that it doesn't
 * know stay as they came. Times (bt, t) are read and dropped. Texts that must be decoded go to room.
 * Returns the number of entries, or an enum lwm2m_refusal with error, which says where. */
int lwm2m_json_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error);

/* Writes entries, all within base. Those of type NONE are left out, since the format has no way to say them.
 * Returns the length, or -1 with error if size is too small, or the format can't say a value. */
int lwm2m_json_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                     uint8_t *octets, size_t size, struct error *error);

#endif
