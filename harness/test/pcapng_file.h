/* pcapng files made block by block, in either byte order, by no code of wire/. */
#ifndef PINHOLE_TEST_PCAPNG_FILE_H
#define PINHOLE_TEST_PCAPNG_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    PCAPNG_SECTION = 0x0a0d0d0a,
    PCAPNG_INTERFACE = 1,
    PCAPNG_OBSOLETE_PACKET = 2,
    PCAPNG_SIMPLE_PACKET = 3,
    PCAPNG_NAME_RESOLUTION = 4,
    PCAPNG_STATISTICS = 5,
    PCAPNG_ENHANCED_PACKET = 6,
    PCAPNG_CUSTOM = 0xbad
};

/* A pcapng file in the making, in either byte order. */
struct pcapng_file {
    uint8_t octets[4096];
    size_t length;
    size_t block; /* where the current block starts */
    bool big;
};

static inline void pcapng_put(struct pcapng_file *file, uint64_t value, size_t size)
{
    assert_true(sizeof file->octets - file->length >= size);
    for (size_t i = 0; i < size; i++)
        file->octets[file->length++] = (uint8_t)(value >> 8 * (file->big ? size - 1 - i : i));
}

static inline void pcapng_put_octets(struct pcapng_file *file, const void *octets, size_t length)
{
    assert_true(sizeof file->octets - file->length >= length + 3);
    memcpy(file->octets + file->length, octets, length);
    file->length += length;
    while (file->length % 4)
        file->octets[file->length++] = 0;
}

static inline void pcapng_put_option(struct pcapng_file *file, uint16_t code, const void *octets,
                                     uint16_t length)
{
    pcapng_put(file, code, 2);
    pcapng_put(file, length, 2);
    pcapng_put_octets(file, octets, length);
}

static inline void pcapng_begin_block(struct pcapng_file *file, uint32_t type)
{
    file->block = file->length;
    pcapng_put(file, type, 4);
    pcapng_put(file, 0, 4);
}

static inline void pcapng_end_block(struct pcapng_file *file)
{
    size_t length = file->length + 4 - file->block;
    pcapng_put(file, length, 4);
    size_t end = file->length;
    file->length = file->block + 4;
    pcapng_put(file, length, 4);
    file->length = end;
}

static inline void pcapng_put_section(struct pcapng_file *file, bool big)
{
    file->big = big;
    pcapng_begin_block(file, PCAPNG_SECTION);
    pcapng_put(file, 0x1a2b3c4d, 4);
    pcapng_put(file, 1, 2);
    pcapng_put(file, 0, 2);
    pcapng_put(file, UINT64_MAX, 8);
    pcapng_end_block(file);
}

static inline void pcapng_put_interface(struct pcapng_file *file, uint16_t link_type,
                                        uint32_t snapshot_length, const char *name)
{
    pcapng_begin_block(file, PCAPNG_INTERFACE);
    pcapng_put(file, link_type, 2);
    pcapng_put(file, 0, 2);
    pcapng_put(file, snapshot_length, 4);
    pcapng_put_option(file, 2, name, (uint16_t)strlen(name));
    pcapng_put(file, 0, 4);
    pcapng_end_block(file);
}

static inline void pcapng_put_packet(struct pcapng_file *file, uint32_t interface, uint64_t ticks,
                                     const char *text)
{
    pcapng_begin_block(file, PCAPNG_ENHANCED_PACKET);
    pcapng_put(file, interface, 4);
    pcapng_put(file, ticks >> 32, 4);
    pcapng_put(file, ticks & UINT32_MAX, 4);
    pcapng_put(file, strlen(text), 4);
    pcapng_put(file, strlen(text), 4);
    pcapng_put_octets(file, text, strlen(text));
    pcapng_end_block(file);
}

#endif
