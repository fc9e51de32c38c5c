#include "wire/cbor.h"
#include "wire/cbor_real.h"
#include "wire/utf8.h"

#include <math.h>
#include <string.h>

enum { LENGTH_FOLLOWS = 24, SIMPLE_FALSE = 20 };

/* NULL if there are not count octets left. */
static uint8_t *reserve(struct cbor_writer *writer, size_t count)
{
    if (writer->size - writer->length < count) {
        if (!writer->problem)
            writer->problem = "there is no room for all of it";
        return NULL;
    }
    writer->length += count;
    return writer->octets + writer->length - count;
}

/* A first octet, and count octets of argument behind it. */
static void write_head(struct cbor_writer *writer, enum cbor_major major, uint8_t information,
                       uint64_t argument, size_t count)
{
    uint8_t *at = reserve(writer, 1 + count);
    if (!at)
        return;
    at[0] = (uint8_t)((unsigned)major << 5 | information);
    for (size_t i = count; i; i--, argument >>= 8)
        at[i] = (uint8_t)argument;
}

void cbor_write_head(struct cbor_writer *writer, enum cbor_major major, uint64_t argument)
{
    if (argument < LENGTH_FOLLOWS) {
        write_head(writer, major, (uint8_t)argument, 0, 0);
        return;
    }
    uint8_t power = 0;
    while (power < 3 && argument >> (8U << power))
        power++;
    write_head(writer, major, (uint8_t)(LENGTH_FOLLOWS + power), argument, (size_t)1 << power);
}

void cbor_write_string(struct cbor_writer *writer, enum cbor_major major, const void *octets,
                       size_t length)
{
    cbor_write_head(writer, major, length);
    uint8_t *at = reserve(writer, length);
    if (at && length)
        memcpy(at, octets, length);
}

void cbor_write_text(struct cbor_writer *writer, const uint8_t *octets, size_t length)
{
    if (utf8_is_valid(octets, length))
        cbor_write_string(writer, CBOR_TEXT, octets, length);
    else if (!writer->problem)
        writer->problem = "a string is no UTF-8";
}

void cbor_write_boolean(struct cbor_writer *writer, bool boolean)
{
    cbor_write_head(writer, CBOR_SIMPLE, SIMPLE_FALSE + (uint64_t)boolean);
}

void cbor_write_integer(struct cbor_writer *writer, int64_t integer)
{
    if (integer < 0)
        cbor_write_head(writer, CBOR_NEGATIVE, (uint64_t)(-1 - integer));
    else
        cbor_write_head(writer, CBOR_UNSIGNED, (uint64_t)integer);
}

void cbor_write_number(struct cbor_writer *writer, const struct lwm2m_value *value)
{
    if (value->type != LWM2M_TYPE_FLOAT) {
        cbor_write_integer(writer, value->as.integer);
        return;
    }
    if (!isfinite(value->as.real)) {
        if (!writer->problem)
            writer->problem = "a number isn't finite";
        return;
    }
    uint64_t bits;
    size_t count = cbor_real_to_bits(value->as.real, &bits);
    uint8_t power = count == 2 ? 1 : count == 4 ? 2 : 3;
    write_head(writer, CBOR_SIMPLE, LENGTH_FOLLOWS + power, bits, count);
}
