/* A capture file in memory of exactly its length, read step by step. */
#ifndef PINHOLE_TEST_READING_H
#define PINHOLE_TEST_READING_H

#include "test/exact.h"
#include "wire/capfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct reading {
    struct capfile_reader reader;
    struct capfile_interface interfaces[4];
    uint8_t *octets;
    size_t length;
    size_t offset;
    struct capfile_packet packet;
};

static inline void reading_begin(struct reading *reading, const uint8_t *octets, size_t length)
{
    reading->octets = exact_copy(octets, length);
    reading->length = length;
    reading->offset = 0;
    capfile_reader_init(&reading->reader, reading->interfaces, 4);
}

static inline enum capfile_status reading_next(struct reading *reading)
{
    size_t used;
    enum capfile_status status =
        capfile_read(&reading->reader, reading->octets + reading->offset,
                     reading->length - reading->offset, &used, &reading->packet);
    reading->offset += used;
    assert_true(reading->offset <= reading->length);
    assert_int_equal(reading->reader.offset, reading->offset);
    return status;
}

static inline void reading_end(struct reading *reading)
{
    free(reading->octets);
}

/* Reads on to the next packet over what holds none. */
static inline enum capfile_status reading_next_packet(struct reading *reading)
{
    enum capfile_status status;
    while ((status = reading_next(reading)) == CAPFILE_SKIPPED)
        ;
    return status;
}

static inline void reading_assert_packet(struct reading *reading, uint32_t interface, int64_t time,
                                         const char *text)
{
    assert_int_equal(reading_next_packet(reading), CAPFILE_PACKET);
    assert_int_equal(reading->packet.interface, interface);
    assert_int_equal(reading->packet.time, time);
    assert_int_equal(reading->packet.captured, strlen(text));
    assert_memory_equal(reading->packet.octets, text, strlen(text));
}

#endif
