#include "wire/capfile.h"

#include "wire/capfile_format.h"

#include <string.h>

/* Appends to a block while it fits; a block that doesn't fit has ended with fits false. */
struct writer {
    uint8_t *out;
    size_t capacity;
    size_t length;
    bool fits;
};

static void put(struct writer *writer, const void *octets, size_t count)
{
    size_t space = capfile_padded(count);
    if (!writer->fits || writer->capacity - writer->length < space) {
        writer->fits = false;
        return;
    }
    if (count)
        memcpy(writer->out + writer->length, octets, count);
    memset(writer->out + writer->length + count, 0, space - count);
    writer->length += space;
}

static void put16_16(struct writer *writer, uint16_t first, uint16_t second)
{
    uint16_t values[2] = {first, second};
    put(writer, values, sizeof values);
}

static void put32(struct writer *writer, uint32_t value)
{
    put(writer, &value, sizeof value);
}

/* Time stamps are the one 64-bit number that pcapng keeps upper half first in both orders. */
static void put_time(struct writer *writer, int64_t time)
{
    put32(writer, (uint32_t)((uint64_t)time >> 32));
    put32(writer, (uint32_t)time);
}

static void put_option(struct writer *writer, uint16_t code, const void *data, size_t length)
{
    if (length > UINT16_MAX)
        length = UINT16_MAX;
    put16_16(writer, code, (uint16_t)length);
    put(writer, data, length);
}

static struct writer begin_block(uint8_t *out, size_t capacity, uint32_t type)
{
    struct writer writer = {.out = out, .capacity = capacity, .fits = true};
    put32(&writer, type);
    put32(&writer, 0); /* the length, once it is known */
    return writer;
}

static size_t end_block(struct writer *writer)
{
    uint32_t whole = (uint32_t)writer->length + 4;
    put32(writer, whole);
    if (!writer->fits)
        return 0;
    memcpy(writer->out + 4, &whole, sizeof whole);
    return whole;
}

size_t capfile_write_section(uint8_t *out, size_t capacity, const char *application)
{
    static const uint64_t unknown_length = UINT64_MAX;
    struct writer writer = begin_block(out, capacity, BLOCK_SECTION);
    put32(&writer, BYTE_ORDER_MAGIC);
    put16_16(&writer, 1, 0);
    put(&writer, &unknown_length, sizeof unknown_length);
    put_option(&writer, OPTION_SECTION_APPLICATION, application, strlen(application));
    put_option(&writer, OPTION_END, NULL, 0);
    return end_block(&writer);
}

size_t capfile_write_interface(uint8_t *out, size_t capacity, const struct capfile_interface *itf)
{
    static const uint8_t nanosecond_resolution = 9;
    struct writer writer = begin_block(out, capacity, BLOCK_INTERFACE);
    put16_16(&writer, itf->link_type, 0);
    put32(&writer, itf->snapshot_length);
    if (itf->name[0])
        put_option(&writer, OPTION_INTERFACE_NAME, itf->name, strnlen(itf->name, sizeof itf->name));
    put_option(&writer, OPTION_INTERFACE_RESOLUTION, &nanosecond_resolution, 1);
    put_option(&writer, OPTION_END, NULL, 0);
    return end_block(&writer);
}

size_t capfile_write_packet(uint8_t *out, size_t capacity, const struct capfile_packet *packet,
                            const char *comment)
{
    struct writer writer = begin_block(out, capacity, BLOCK_ENHANCED_PACKET);
    put32(&writer, packet->interface);
    put_time(&writer, packet->time);
    put32(&writer, packet->captured);
    put32(&writer, packet->original);
    put(&writer, packet->octets, packet->captured);
    if (packet->direction != DIRECTION_UNKNOWN) {
        uint32_t flags = packet->direction;
        put_option(&writer, OPTION_PACKET_FLAGS, &flags, sizeof flags);
    }
    if (comment)
        put_option(&writer, OPTION_COMMENT, comment, strlen(comment));
    if (comment || packet->direction != DIRECTION_UNKNOWN)
        put_option(&writer, OPTION_END, NULL, 0);
    return end_block(&writer);
}

size_t capfile_write_statistics(uint8_t *out, size_t capacity, uint32_t interface, int64_t time,
                                uint64_t received, uint64_t dropped)
{
    struct writer writer = begin_block(out, capacity, BLOCK_STATISTICS);
    put32(&writer, interface);
    put_time(&writer, time);
    put_option(&writer, OPTION_STATISTICS_RECEIVED, &received, sizeof received);
    put_option(&writer, OPTION_STATISTICS_DROPPED, &dropped, sizeof dropped);
    put_option(&writer, OPTION_END, NULL, 0);
    return end_block(&writer);
}
