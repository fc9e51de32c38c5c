#include "engine/lwm2m/lwm2m_content.h"
#include "wire/lwm2m_json.h"
#include "wire/lwm2m_tlv.h"
#include "wire/senml.h"

#include <string.h>

/* --- formats of one value ------------------------------------------------------------------- */

static bool read_text(enum lwm2m_type type, const uint8_t *octets, size_t length,
                      struct lwm2m_content *out)
{
    return lwm2m_value_from_text(type ? type : LWM2M_TYPE_STRING, (const char *)octets, length,
                                 out->room, sizeof out->room, &out->entries[0].value);
}

static bool read_opaque(enum lwm2m_type type, const uint8_t *octets, size_t length,
                        struct lwm2m_content *out)
{
    (void)type;
    struct lwm2m_value *value = &out->entries[0].value;
    *value = (struct lwm2m_value){.type = LWM2M_TYPE_OPAQUE};
    value->as.data.octets = octets;
    value->as.data.length = length;
    return true;
}

static bool read_cbor(enum lwm2m_type type, const uint8_t *octets, size_t length,
                      struct lwm2m_content *out)
{
    return lwm2m_cbor_value_read(type, octets, length, out->room, sizeof out->room,
                                 &out->entries[0].value);
}

static int write_text(const struct lwm2m_value *value, uint8_t *octets, size_t size,
                      struct error *error)
{
    size_t length = lwm2m_value_to_text(value, (char *)octets, size);
    return length == (size_t)-1 ? error_set(error, "the text has no room in %zu octets", size)
                                : (int)length;
}

static int write_opaque(const struct lwm2m_value *value, uint8_t *octets, size_t size,
                        struct error *error)
{
    size_t length = value->as.data.length;
    if (length > size)
        return error_set(error, "%zu octets have no room in %zu", length, size);
    if (length)
        memcpy(octets, value->as.data.octets, length);
    return (int)length;
}

struct single {
    uint32_t format;
    bool is_opaque; /* of resources of type OPAQUE alone (6.4.2 of 1.0) */
    bool (*read)(enum lwm2m_type type, const uint8_t *octets, size_t length,
                 struct lwm2m_content *out);
    int (*write)(const struct lwm2m_value *value, uint8_t *octets, size_t size,
                 struct error *error);
};

static const struct single singles[] = {
    {LWM2M_FORMAT_TEXT, false, read_text, write_text},
    {LWM2M_FORMAT_OPAQUE, true, read_opaque, write_opaque},
    {LWM2M_FORMAT_CBOR, false, read_cbor, lwm2m_cbor_value_write},
};

static const struct single *single_of(uint32_t format)
{
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (singles[i].format == format)
            return &singles[i];
    return NULL;
}

static enum lwm2m_code read_single(const struct single *single, const struct lwm2m_path *base,
                                   const uint8_t *octets, size_t length,
                                   const struct lwm2m_typing *typing, struct lwm2m_content *out,
                                   struct error *error)
{
    enum lwm2m_type type = typing->type_of(typing->context, base);
    bool is_multiple = typing->is_multiple(typing->context, base);
    char text[LWM2M_PATH_TEXT_SIZE];
    if (base->depth < 3 || (base->depth == 3 && is_multiple) ||
        (single->is_opaque && type && type != LWM2M_TYPE_OPAQUE)) {
        error_set(error, "%s can't be the format of %s", lwm2m_format_name(single->format),
                  lwm2m_path_text(base, text));
        return LWM2M_UNSUPPORTED;
    }
    out->entries[0].path = *base;
    if (!single->read(type, octets, length, out)) {
        error_set(error, "the %s of %s is no %s", lwm2m_format_name(single->format),
                  lwm2m_path_text(base, text), lwm2m_type_name(type));
        return LWM2M_BAD_REQUEST;
    }
    out->count = 1;
    return LWM2M_CHANGED;
}

/* --- formats of many values ----------------------------------------------------------------- */

/* As the readers of wire/senml.h, for TLV, whose values need no room. */
static int read_tlv(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                    const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                    struct lwm2m_entry *entries, size_t capacity, struct error *error)
{
    (void)room;
    (void)room_size;
    return lwm2m_tlv_read(base, octets, length, typing, entries, capacity, error);
}

struct pack {
    uint32_t format;
    int (*read)(const struct lwm2m_path *base, const uint8_t *octets, size_t length,
                const struct lwm2m_typing *typing, uint8_t *room, size_t room_size,
                struct lwm2m_entry *entries, size_t capacity, struct error *error);
    int (*write)(const struct lwm2m_path *base, const struct lwm2m_entry *entries, size_t count,
                 uint8_t *octets, size_t size, struct error *error);
};

static const struct pack packs[] = {
    {LWM2M_FORMAT_TLV, read_tlv, lwm2m_tlv_write},
    {LWM2M_FORMAT_SENML_JSON, senml_json_read, senml_json_write},
    {LWM2M_FORMAT_SENML_CBOR, senml_cbor_read, senml_cbor_write},
    {LWM2M_FORMAT_JSON, lwm2m_json_read, lwm2m_json_write},
};

static const struct pack *pack_of(uint32_t format)
{
    for (size_t i = 0; i < sizeof packs / sizeof *packs; i++)
        if (packs[i].format == format)
            return &packs[i];
    return NULL;
}

/* --- all formats ---------------------------------------------------------------------------- */

enum lwm2m_code lwm2m_content_read(uint32_t format, const struct lwm2m_path *base,
                                   const uint8_t *octets, size_t length,
                                   const struct lwm2m_typing *typing, struct lwm2m_content *out,
                                   struct error *error)
{
    out->count = 0;
    if (length > LWM2M_ROOM) {
        error_set(error, "a payload of %zu octets, of %d at most", length, LWM2M_ROOM);
        return LWM2M_TOO_LARGE;
    }
    const struct single *single = single_of(format);
    if (single)
        return read_single(single, base, octets, length, typing, out, error);
    const struct pack *pack = pack_of(format);
    if (!pack) {
        error_set(error, "content format %u is not supported", (unsigned)format);
        return LWM2M_UNSUPPORTED;
    }
    int count = pack->read(base, octets, length, typing, out->room, sizeof out->room, out->entries,
                           LWM2M_ENTRIES, error);
    if (count < 0)
        return count == LWM2M_TOO_MUCH ? LWM2M_TOO_LARGE : LWM2M_BAD_REQUEST;
    out->count = (size_t)count;
    return LWM2M_CHANGED;
}

bool lwm2m_content_can(uint32_t format, const struct lwm2m_path *base,
                       const struct lwm2m_entry *entries, size_t count)
{
    const struct single *single = single_of(format);
    if (single)
        return count == 1 && lwm2m_path_equal(&entries[0].path, base) &&
               entries[0].value.type != LWM2M_TYPE_NONE &&
               (!single->is_opaque || entries[0].value.type == LWM2M_TYPE_OPAQUE);
    return pack_of(format);
}

int lwm2m_content_write(uint32_t format, const struct lwm2m_path *base,
                        const struct lwm2m_entry *entries, size_t count, uint8_t *octets,
                        size_t size, struct error *error)
{
    if (!lwm2m_content_can(format, base, entries, count))
        return error_set(error, "content format %u can't say %zu values of it", (unsigned)format,
                         count);
    const struct single *single = single_of(format);
    return single ? single->write(&entries[0].value, octets, size, error)
                  : pack_of(format)->write(base, entries, count, octets, size, error);
}
