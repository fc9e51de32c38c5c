#include "wire/base64.h"
#include "wire/decimal.h"
#include "wire/lwm2m.h"
#include "wire/octets.h"
#include "wire/utf8.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_data(enum lwm2m_type type)
{
    return type == LWM2M_TYPE_STRING || type == LWM2M_TYPE_OPAQUE || type == LWM2M_TYPE_CORELINK;
}

static bool is_integer(enum lwm2m_type type)
{
    return type == LWM2M_TYPE_INTEGER || type == LWM2M_TYPE_UNSIGNED || type == LWM2M_TYPE_TIME;
}

/* --- octets ---------------------------------------------------------------------------------- */

static uint64_t get_octets(const uint8_t *octets, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value = value << 8 | octets[i];
    return value;
}

static void put_octets(uint8_t *octets, size_t length, uint64_t value)
{
    for (size_t i = length; i-- > 0; value >>= 8)
        octets[i] = (uint8_t)value;
}

static bool integer_from_octets(const uint8_t *octets, size_t length, struct lwm2m_value *out)
{
    if (length != 1 && length != 2 && length != 4 && length != 8)
        return false;
    uint64_t bits = get_octets(octets, length);
    bool negative = octets[0] & 0x80;
    if (out->type == LWM2M_TYPE_UNSIGNED) {
        if (length == 8 && negative)
            return false;
    } else if (negative && length < 8) {
        bits |= UINT64_MAX << (8 * length);
    }
    memcpy(&out->as.integer, &bits, sizeof bits);
    return true;
}

/* IEEE 754, section 6.4.3. */
static bool real_from_octets(const uint8_t *octets, size_t length, struct lwm2m_value *out)
{
    if (length == sizeof(float)) {
        uint32_t bits = octets_get32(octets);
        float single;
        memcpy(&single, &bits, sizeof single);
        out->as.real = single;
        return true;
    }
    uint64_t bits = get_octets(octets, length);
    memcpy(&out->as.real, &bits, sizeof bits);
    return length == sizeof(double);
}

static bool data_from_octets(const uint8_t *octets, size_t length, struct lwm2m_value *out)
{
    out->as.data.octets = octets;
    out->as.data.length = length;
    return is_data(out->type) && (out->type != LWM2M_TYPE_STRING || utf8_is_valid(octets, length));
}

bool lwm2m_value_from_octets(enum lwm2m_type type, const uint8_t *octets, size_t length,
                             struct lwm2m_value *out)
{
    *out = (struct lwm2m_value){.type = type};
    if (is_integer(type))
        return integer_from_octets(octets, length, out);
    if (type == LWM2M_TYPE_FLOAT)
        return real_from_octets(octets, length, out);
    if (type == LWM2M_TYPE_BOOLEAN) {
        if (length != 1 || octets[0] > 1)
            return false;
        out->as.boolean = octets[0];
        return true;
    }
    if (type == LWM2M_TYPE_LINK) {
        if (length != 4)
            return false;
        out->as.link.object = octets_get16(octets);
        out->as.link.instance = octets_get16(octets + 2);
        return true;
    }
    return data_from_octets(octets, length, out);
}

static size_t integer_octets(const struct lwm2m_value *value, uint8_t room[8])
{
    int64_t integer = value->as.integer;
    bool is_unsigned = value->type == LWM2M_TYPE_UNSIGNED;
    size_t length = 1;
    for (; length < 8; length *= 2) {
        int64_t limit = (int64_t)1 << (8 * length - (is_unsigned ? 0 : 1));
        if (integer < limit && integer >= (is_unsigned ? 0 : -limit))
            break;
    }
    put_octets(room, length, (uint64_t)integer);
    return length;
}

static size_t real_octets(double real, uint8_t room[8])
{
    bool in_range = fabs(real) <= (double)FLT_MAX || !isfinite(real);
    float single = in_range ? (float)real : 0.0F;
    if (in_range && ((double)single == real || isnan(real))) {
        uint32_t bits;
        memcpy(&bits, &single, sizeof bits);
        octets_put32(room, bits);
        return sizeof bits;
    }
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    put_octets(room, sizeof bits, bits);
    return sizeof bits;
}

const uint8_t *lwm2m_value_octets(const struct lwm2m_value *value, uint8_t room[8], size_t *length)
{
    *length = 0;
    if (is_data(value->type)) {
        *length = value->as.data.length;
        return value->as.data.octets;
    }
    if (is_integer(value->type)) {
        *length = integer_octets(value, room);
    } else if (value->type == LWM2M_TYPE_FLOAT) {
        *length = real_octets(value->as.real, room);
    } else if (value->type == LWM2M_TYPE_BOOLEAN) {
        room[0] = value->as.boolean;
        *length = 1;
    } else if (value->type == LWM2M_TYPE_LINK) {
        octets_put16(room, value->as.link.object);
        octets_put16(room + 2, value->as.link.instance);
        *length = 4;
    }
    return room;
}

/* --- text ------------------------------------------------------------------------------------ */

/* "3:0" */
static bool link_from_text(const char *text, size_t length, struct lwm2m_value *out)
{
    const char *colon = length ? memchr(text, ':', length) : NULL;
    if (!colon)
        return false;
    int64_t object;
    int64_t instance;
    size_t first = (size_t)(colon - text);
    if (!decimal_read_integer(text, first, &object) ||
        !decimal_read_integer(colon + 1, length - first - 1, &instance) || object < 0 ||
        object > UINT16_MAX || instance < 0 || instance > UINT16_MAX)
        return false;
    out->as.link.object = (uint16_t)object;
    out->as.link.instance = (uint16_t)instance;
    return true;
}

bool lwm2m_value_from_text(enum lwm2m_type type, const char *text, size_t length, uint8_t *room,
                           size_t room_size, struct lwm2m_value *out)
{
    *out = (struct lwm2m_value){.type = type};
    if (is_integer(type))
        return decimal_read_integer(text, length, &out->as.integer) &&
               (type != LWM2M_TYPE_UNSIGNED || out->as.integer >= 0);
    if (type == LWM2M_TYPE_FLOAT)
        return decimal_read_real(text, length, &out->as.real);
    if (type == LWM2M_TYPE_BOOLEAN) {
        out->as.boolean = length == 1 && text[0] == '1';
        return length == 1 && (text[0] == '0' || text[0] == '1');
    }
    if (type == LWM2M_TYPE_LINK)
        return link_from_text(text, length, out);
    if (type == LWM2M_TYPE_OPAQUE) {
        out->as.data.octets = room;
        out->as.data.length = base64_read(BASE64_STANDARD, text, length, room, room_size);
        return out->as.data.length != (size_t)-1;
    }
    return data_from_octets((const uint8_t *)text, length, out);
}

static size_t copy_text(const void *source, size_t length, char *text, size_t capacity)
{
    if (length > capacity)
        return (size_t)-1;
    if (length)
        memcpy(text, source, length);
    return length;
}

size_t lwm2m_value_to_text(const struct lwm2m_value *value, char *text, size_t capacity)
{
    if (value->type == LWM2M_TYPE_OPAQUE)
        return base64_write(BASE64_STANDARD, value->as.data.octets, value->as.data.length, text,
                            capacity);
    if (is_data(value->type))
        return copy_text(value->as.data.octets, value->as.data.length, text, capacity);
    char number[DECIMAL_TEXT_SIZE] = "";
    size_t length = 0;
    if (is_integer(value->type))
        length = (size_t)snprintf(number, sizeof number, "%" PRId64, value->as.integer);
    else if (value->type == LWM2M_TYPE_FLOAT)
        length = decimal_write_real(value->as.real, number);
    else if (value->type == LWM2M_TYPE_BOOLEAN)
        length = (size_t)snprintf(number, sizeof number, "%d", value->as.boolean);
    else if (value->type == LWM2M_TYPE_LINK)
        length = (size_t)snprintf(number, sizeof number, "%u:%u", value->as.link.object,
                                  value->as.link.instance);
    return length ? copy_text(number, length, text, capacity) : (size_t)-1;
}
