/* Payloads of every content format <-> entries. */
#ifndef PINHOLE_ENGINE_LWM2M_CONTENT_H
#define PINHOLE_ENGINE_LWM2M_CONTENT_H

#include "base/error.h"
#include "engine/lwm2m/lwm2m_model.h"

enum { LWM2M_ENTRIES = 256, LWM2M_ROOM = 4096 };

/* What reading a payload needs of memory. */
struct lwm2m_content {
    struct lwm2m_entry entries[LWM2M_ENTRIES];
    size_t count;
    uint8_t room[LWM2M_ROOM];
};

/* Reads a payload that stands at base. LWM2M_CHANGED, or the code of the refusal: 4.15 for a format that is
 * not known or can't stand there (text on an instance), 4.00 for what is malformed, has another type or names
 * paths outside base, 4.13 for one of more than LWM2M_ROOM octets
 * or LWM2M_ENTRIES values. Resources that typing doesn't know are in the entries, too, as
 * the format has them: only the reader knows whether they may be passed over. */
enum lwm2m_code lwm2m_content_read(uint32_t format, const struct lwm2m_path *base,
                                   const uint8_t *octets, size_t length,
                                   const struct lwm2m_typing *typing, struct lwm2m_content *out,
                                   struct error *error);

/* Can the format say these entries of base? Those of one value (text, opaque, CBOR) say the value at base,
 * and no other. */
bool lwm2m_content_can(uint32_t format, const struct lwm2m_path *base,
                       const struct lwm2m_entry *entries, size_t count);

/* Writes entries, which stand within base. Returns the length, or -1 with error: the format can't say it
 * (text of two values), or there is no room. */
int lwm2m_content_write(uint32_t format, const struct lwm2m_path *base,
                        const struct lwm2m_entry *entries, size_t count, uint8_t *octets,
                        size_t size, struct error *error);

#endif
