/* LwM2M's TLV format, section 6.4.3 of 1.0 (7.4.5 of Core 1.1.1):
 *
 *     0 1 2 3 4 5 6 7
 *   +-+-+-+-+-+-+-+-+----------------+------------------+-----------
 *   |kind |I|len|inl |  identifier    |  length          |  value ...
 *   +-+-+-+-+-+-+-+-+----------------+------------------+-----------
 *    7-6: 00 object instance, 01 resource instance, 10 multiple resource, 11 resource with value
 *    5: the identifier has 16 bits instead of 8
 *    4-3: octets of the length field, 0 to 3; 2-0: the length itself where that field lacks
 */
#ifndef PINHOLE_WIRE_LWM2M_TLV_H
#define PINHOLE_WIRE_LWM2M_TLV_H

#include "base/error.h"
#include "wire/lwm2m.h"

/* Reads a payload that stands at path base (depth 1 to 4) into entries, in their order. Values point into
 * octets; of resources that typing doesn't know they are OPAQUE. typing may be NULL: it knows none.
 * Resources that stand at an object without an instance around them, as Create may send them (section
 * 5.4.5), get LWM2M_ID_RESERVED as that of their instance. An object instance around the resources of just
 * that instance is accepted where base names it.
 * Returns their number, or an enum lwm2m_refusal with error, which says at which octet: truncated, a kind or
 * an identifier where it may not stand, a single resource where typing has a multiple one or the reverse, a
 * length that its type has not, more than capacity. */
int lwm2m_tlv_read(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                   const struct lwm2m_typing *typing, struct lwm2m_entry *entries, size_t capacity,
                   struct error *error);

/* Writes entries, all within base and in ascending order of their paths, with identifiers and lengths as
 * short as can be. Returns the length, or -1 with error if size is too small, or an entry is elsewhere, or no
 * value. */
int lwm2m_tlv_write(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                    uint8_t *octets, size_t size, struct error *error);

#endif
