/* Reading and writing pcapng: sections, interfaces, every kind of packet block, damage. */
#include "test/reading.h"

/* clang-format off */

/* Written by a big-endian host: a section, an interface of 2^-10 s, a packet in and one out. */
static const uint8_t golden_big[] = {
    0x0a, 0x0d, 0x0d, 0x0a,                         /* section header block */
    0x00, 0x00, 0x00, 0x1c,                         /* block length 28 */
    0x1a, 0x2b, 0x3c, 0x4d,                         /* byte-order magic */
    0x00, 0x01, 0x00, 0x00,                         /* version 1.0 */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* section length unknown */
    0x00, 0x00, 0x00, 0x1c,                         /* block length again */
    0x00, 0x00, 0x00, 0x01,                         /* interface description block */
    0x00, 0x00, 0x00, 0x38,                         /* block length 56 */
    0x00, 0x65, 0x00, 0x00,                         /* link type 101: raw IP; reserved */
    0x00, 0x00, 0x00, 0x40,                         /* snapshot length 64 */
    0x00, 0x02, 0x00, 0x0b,                         /* if_name, 11 octets */
    0x64, 0x65, 0x76, 0x69, 0x63, 0x65, 0x3a, 0x65,
    0x74, 0x68, 0x30, 0x00,                         /* "device:eth0", padding */
    0x00, 0x09, 0x00, 0x01,                         /* if_tsresol, 1 octet */
    0x8a, 0x00, 0x00, 0x00,                         /* 2^-10 seconds */
    0x00, 0x0e, 0x00, 0x08,                         /* if_tsoffset, 8 octets */
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, /* -2 seconds */
    0x00, 0x00, 0x00, 0x38,                         /* block length again: no opt_endofopt, which is not needed */
    0x00, 0x00, 0x00, 0x06,                         /* enhanced packet block */
    0x00, 0x00, 0x00, 0x38,                         /* block length 56 */
    0x00, 0x00, 0x00, 0x00,                         /* interface 0 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2a, 0x00, /* 10752 ticks: 10.5 seconds */
    0x00, 0x00, 0x00, 0x05,                         /* 5 octets captured */
    0x00, 0x00, 0x00, 0x09,                         /* of 9 */
    0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x00, 0x00, /* "hello", padding */
    0x00, 0x01, 0x00, 0x02,                         /* opt_comment, 2 octets */
    0x68, 0x69, 0x00, 0x00,                         /* "hi" */
    0x00, 0x02, 0x00, 0x04,                         /* epb_flags, 4 octets */
    0x00, 0x00, 0x00, 0x05,                         /* inbound, unicast */
    0x00, 0x00, 0x00, 0x38,                         /* block length again */
    0x00, 0x00, 0x00, 0x02,                         /* obsolete packet block */
    0x00, 0x00, 0x00, 0x30,                         /* block length 48 */
    0x00, 0x00, 0x00, 0x03,                         /* interface 0; 3 drops */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, /* 11264 ticks: 11 seconds */
    0x00, 0x00, 0x00, 0x04,                         /* 4 octets captured */
    0x00, 0x00, 0x00, 0x04,                         /* of 4 */
    0x61, 0x62, 0x63, 0x64,                         /* "abcd" */
    0x00, 0x02, 0x00, 0x04,                         /* pack_flags, 4 octets */
    0x00, 0x00, 0x00, 0x02,                         /* outbound */
    0x00, 0x00, 0x00, 0x00,                         /* opt_endofopt */
    0x00, 0x00, 0x00, 0x30,                         /* block length again */
};
/* clang-format on */

enum {
    SECTION = 0x0a0d0d0a,
    INTERFACE = 1,
    OBSOLETE_PACKET = 2,
    SIMPLE_PACKET = 3,
    NAME_RESOLUTION = 4,
    STATISTICS = 5,
    ENHANCED_PACKET = 6,
    CUSTOM = 0xbad
};

/* A pcapng file in the making, in either byte order. */
struct file {
    uint8_t octets[4096];
    size_t length;
    size_t block; /* where the current block starts */
    bool big;
};

static void put(struct file *file, uint64_t value, size_t size)
{
    assert_true(sizeof file->octets - file->length >= size);
    for (size_t i = 0; i < size; i++)
        file->octets[file->length++] = (uint8_t)(value >> 8 * (file->big ? size - 1 - i : i));
}

static void put_octets(struct file *file, const void *octets, size_t length)
{
    assert_true(sizeof file->octets - file->length >= length + 3);
    memcpy(file->octets + file->length, octets, length);
    file->length += length;
    while (file->length % 4)
        file->octets[file->length++] = 0;
}

static void put_option(struct file *file, uint16_t code, const void *octets, uint16_t length)
{
    put(file, code, 2);
    put(file, length, 2);
    put_octets(file, octets, length);
}

static void begin_block(struct file *file, uint32_t type)
{
    file->block = file->length;
    put(file, type, 4);
    put(file, 0, 4);
}

static void end_block(struct file *file)
{
    size_t length = file->length + 4 - file->block;
    put(file, length, 4);
    size_t end = file->length;
    file->length = file->block + 4;
    put(file, length, 4);
    file->length = end;
}

static void put_section(struct file *file, bool big)
{
    file->big = big;
    begin_block(file, SECTION);
    put(file, 0x1a2b3c4d, 4);
    put(file, 1, 2);
    put(file, 0, 2);
    put(file, UINT64_MAX, 8);
    end_block(file);
}

static void put_interface(struct file *file, uint16_t link_type, uint32_t snapshot_length,
                          const char *name)
{
    begin_block(file, INTERFACE);
    put(file, link_type, 2);
    put(file, 0, 2);
    put(file, snapshot_length, 4);
    put_option(file, 2, name, (uint16_t)strlen(name));
    put(file, 0, 4);
    end_block(file);
}

/* As put_interface, with if_tsresol. */
static void put_resolution(struct file *file, uint8_t resolution)
{
    begin_block(file, INTERFACE);
    put(file, 1, 4);
    put(file, 0, 4);
    put_option(file, 9, &resolution, 1);
    end_block(file);
}

static void put_packet(struct file *file, uint32_t interface, uint64_t ticks, const char *text)
{
    begin_block(file, ENHANCED_PACKET);
    put(file, interface, 4);
    put(file, ticks >> 32, 4);
    put(file, ticks & UINT32_MAX, 4);
    put(file, strlen(text), 4);
    put(file, strlen(text), 4);
    put_octets(file, text, strlen(text));
    end_block(file);
}

/* Reads on to the next packet over what holds none. */
static enum capfile_status next_packet(struct reading *reading)
{
    enum capfile_status status;
    while ((status = reading_next(reading)) == CAPFILE_SKIPPED)
        ;
    return status;
}

static void assert_packet(struct reading *reading, uint32_t interface, int64_t time,
                          const char *text)
{
    assert_int_equal(next_packet(reading), CAPFILE_PACKET);
    assert_int_equal(reading->packet.interface, interface);
    assert_int_equal(reading->packet.time, time);
    assert_int_equal(reading->packet.captured, strlen(text));
    assert_memory_equal(reading->packet.octets, text, strlen(text));
}

static void a_big_endian_file_is_read_with_all_its_options(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, golden_big, sizeof golden_big);
    assert_packet(&reading, 0, 8500000000, "hello"); /* 10.5 s less the offset of 2 s */
    assert_int_equal(reading.packet.frame, 1);
    assert_int_equal(reading.packet.original, 9);
    assert_int_equal(reading.packet.direction, DIRECTION_IN);
    assert_packet(&reading, 0, 9000000000, "abcd");
    assert_int_equal(reading.packet.frame, 2);
    assert_int_equal(reading.packet.direction, DIRECTION_OUT);
    assert_int_equal(next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(reading.offset, reading.length);
    assert_int_equal(reading.reader.interface_count, 1);
    assert_int_equal(reading.interfaces[0].link_type, 101);
    assert_int_equal(reading.interfaces[0].snapshot_length, 64);
    assert_int_equal(reading.interfaces[0].ticks_per_second, 1024);
    assert_int_equal(reading.interfaces[0].offset_seconds, -2);
    assert_string_equal(reading.interfaces[0].name, "device:eth0");
    reading_end(&reading);
}

static void a_file_cut_anywhere_gives_every_whole_packet_before(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof golden_big; length++) {
        struct reading reading;
        reading_begin(&reading, golden_big, length);
        size_t packets = 0;
        enum capfile_status status;
        while ((status = next_packet(&reading)) == CAPFILE_PACKET)
            packets++;
        assert_int_equal(status, CAPFILE_MORE);
        assert_int_equal(packets, length >= 28 + 56 + 56);
        reading_end(&reading);
    }
}

static void sections_have_their_own_byte_order_and_interfaces(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, false);
    put_interface(&file, 1, 2048, "a:eth0");
    put_interface(&file, 113, 64, "b:eth0");
    put_packet(&file, 1, 1000000, "one");
    put_section(&file, true);
    put_interface(&file, 101, 0, "c:eth0");
    put_packet(&file, 0, 2000000, "two");
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_packet(&reading, 1, 1000000000, "one");
    assert_packet(&reading, 2, 2000000000, "two");
    assert_int_equal(reading.packet.frame, 2);
    assert_int_equal(next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(reading.reader.interface_count, 3);
    assert_string_equal(reading.interfaces[1].name, "b:eth0");
    assert_int_equal(reading.interfaces[1].link_type, 113);
    assert_string_equal(reading.interfaces[2].name, "c:eth0");
    assert_int_equal(reading.interfaces[2].link_type, 101);
    reading_end(&reading);
}

static void every_resolution_of_time_is_understood(void **state)
{
    (void)state;
    static const struct {
        uint8_t resolution;
        uint64_t ticks;
        int64_t time;
    } cases[] = {
        {0, 3, 3000000000},                            /* seconds */
        {3, 1500, 1500000000},                         /* milliseconds */
        {6, 1700000000000001, 1700000000000001000},    /* microseconds */
        {9, 1700000000000000001, 1700000000000000001}, /* nanoseconds */
        {12, 1500000000999, 1500000000},               /* picoseconds, rounded down */
        {19, 15000000000000000000U, 1500000000},       /* 10^-19 s */
        {0x80, 2, 2000000000},                         /* 2^0 */
        {0x8a, 1025, 1000976562},                      /* 2^-10 */
        {0xa0, 0x180000000, 1500000000},               /* 2^-32 */
        {0xbf, 0xc000000000000000, 1500000000},        /* 2^-63 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file file = {.length = 0};
        put_section(&file, false);
        put_resolution(&file, cases[i].resolution);
        put_packet(&file, 0, cases[i].ticks, "");
        struct reading reading;
        reading_begin(&reading, file.octets, file.length);
        assert_packet(&reading, 0, cases[i].time, "");
        reading_end(&reading);
    }
    static const uint8_t too_fine[] = {20, 127, 0xc0, 0xff};
    for (size_t i = 0; i < sizeof too_fine; i++) {
        struct file file = {.length = 0};
        put_section(&file, false);
        put_resolution(&file, too_fine[i]);
        struct reading reading;
        reading_begin(&reading, file.octets, file.length);
        assert_int_equal(next_packet(&reading), CAPFILE_BAD);
        assert_non_null(strstr(reading.reader.problem, "resolution"));
        reading_end(&reading);
    }
}

static void a_simple_packet_is_cut_to_the_snapshot_length(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, false);
    put_interface(&file, 1, 4, "eth0");
    begin_block(&file, SIMPLE_PACKET);
    put(&file, 7, 4); /* 7 octets on the wire */
    put_octets(&file, "long", 4);
    end_block(&file);
    begin_block(&file, SIMPLE_PACKET);
    put(&file, 2, 4);
    put_octets(&file, "hi", 2);
    end_block(&file);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_packet(&reading, 0, 0, "long");
    assert_int_equal(reading.packet.original, 7);
    assert_packet(&reading, 0, 0, "hi");
    reading_end(&reading);
}

static void blocks_without_a_packet_are_skipped(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, false);
    put_interface(&file, 1, 0, "eth0");
    begin_block(&file, NAME_RESOLUTION);
    put(&file, 0, 4);
    end_block(&file);
    begin_block(&file, CUSTOM);
    put_octets(&file, "whatever this may be", 20);
    end_block(&file);
    begin_block(&file, 0x0d0a0d0a); /* nothing but its frame */
    end_block(&file);
    put_packet(&file, 0, 0, "here");
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_packet(&reading, 0, 0, "here");
    assert_int_equal(reading.packet.frame, 1);
    reading_end(&reading);
}

/* The file is bad at its last block, and says so with this text; what was before is still read. */
static void assert_damage(const struct file *file, const char *problem)
{
    struct reading reading;
    reading_begin(&reading, file->octets, file->length);
    while (reading.offset < file->block)
        assert_int_equal(reading_next(&reading), CAPFILE_SKIPPED);
    for (int i = 0; i < 2; i++) { /* and stays bad */
        assert_int_equal(reading_next(&reading), CAPFILE_BAD);
        char expected[sizeof reading.reader.problem];
        (void)snprintf(expected, sizeof expected, "at octet %zu: %s", file->block, problem);
        assert_string_equal(reading.reader.problem, expected);
    }
    reading_end(&reading);
}

static struct file file_with_interface(void)
{
    struct file file = {.length = 0};
    put_section(&file, true);
    put_interface(&file, 1, 0, "eth0");
    return file;
}

static void block_lengths_that_cannot_be_are_damage(void **state)
{
    (void)state;
    static const struct {
        uint32_t length;
        const char *problem;
    } cases[] = {
        {0, "expected a block length from 12 to 16777216, a multiple of 4, found 0"},
        {8, "expected a block length from 12 to 16777216, a multiple of 4, found 8"},
        {33, "expected a block length from 12 to 16777216, a multiple of 4, found 33"},
        {16777220, "expected a block length from 12 to 16777216, a multiple of 4, found 16777220"},
        {UINT32_MAX,
         "expected a block length from 12 to 16777216, a multiple of 4, found 4294967295"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file file = file_with_interface();
        put_packet(&file, 0, 0, "data");
        file.length = file.block + 4;
        put(&file, cases[i].length, 4);
        file.length = file.block + 36;
        assert_damage(&file, cases[i].problem);
    }
}

static void a_length_that_differs_at_the_blocks_end_is_damage(void **state)
{
    (void)state;
    struct file file = file_with_interface();
    put_packet(&file, 0, 0, "data");
    file.octets[file.length - 1] = 40;
    assert_damage(&file, "expected the block's length 36 again at its end, found 40");
}

static void a_packet_larger_than_its_block_is_damage(void **state)
{
    (void)state;
    struct file file = file_with_interface();
    put_packet(&file, 0, 0, "data");
    file.octets[file.block + 23] = 5; /* captured octets, of 4 */
    assert_damage(&file, "expected a packet within its block of 36 octets, found one of 5");
    memset(file.octets + file.block + 20, 0xff, 4);
    assert_damage(&file,
                  "expected a packet within its block of 36 octets, found one of 4294967295");

    file = file_with_interface();
    begin_block(&file, SIMPLE_PACKET);
    put(&file, 5, 4);
    put_octets(&file, "data", 4);
    end_block(&file);
    assert_damage(&file, "expected a packet within its block of 20 octets, found one of 5");
}

static void a_packet_of_an_unknown_interface_is_damage(void **state)
{
    (void)state;
    struct file file = file_with_interface();
    put_packet(&file, 1, 0, "data");
    assert_damage(&file, "expected one of the 1 interfaces of the section, found number 1");
    /* Those of an earlier section don't count. */
    file = file_with_interface();
    put_section(&file, true);
    put_packet(&file, 0, 0, "data");
    assert_damage(&file, "expected one of the 0 interfaces of the section, found number 0");
    file = file_with_interface();
    put_section(&file, true);
    begin_block(&file, SIMPLE_PACKET);
    put(&file, 0, 4);
    end_block(&file);
    assert_damage(&file, "expected one of the 0 interfaces of the section, found number 0");
}

static void blocks_too_short_for_their_kind_are_damage(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        size_t least;
        const char *problem;
    } cases[] = {
        {INTERFACE, 8, "expected 8 octets or more in an interface description, found 4"},
        {OBSOLETE_PACKET, 20, "expected 20 octets or more in a packet, found 16"},
        {SIMPLE_PACKET, 4, "expected 4 octets or more in a simple packet, found 0"},
        {ENHANCED_PACKET, 20, "expected 20 octets or more in an enhanced packet, found 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file file = file_with_interface();
        begin_block(&file, cases[i].type);
        for (size_t octets = 4; octets < cases[i].least; octets += 4)
            put(&file, 0, 4);
        end_block(&file);
        assert_damage(&file, cases[i].problem);
    }
    struct file file = file_with_interface();
    begin_block(&file, SECTION);
    put(&file, 0x1a2b3c4d, 4);
    put(&file, 0x00010000, 4);
    put(&file, 0, 4);
    end_block(&file);
    assert_damage(&file, "expected 16 octets or more in a section header, found 12");
}

static void options_past_their_block_are_damage(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, true);
    begin_block(&file, INTERFACE);
    put(&file, 1, 4);
    put(&file, 0, 4);
    put(&file, 0x00020005, 4); /* if_name of 5 octets */
    put_octets(&file, "eth0", 4);
    end_block(&file);
    assert_damage(&file, "an option of an interface description runs past its block");

    file = file_with_interface();
    put_packet(&file, 0, 0, "");
    file.length -= 4;
    put(&file, 0x00010001, 4); /* opt_comment of 1 octet */
    end_block(&file);
    assert_damage(&file, "an option of a packet runs past its block");
}

static void options_of_a_wrong_length_are_passed_over(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, false);
    begin_block(&file, INTERFACE);
    put(&file, 1, 4);
    put(&file, 0, 4);
    put_option(&file, 9, "\x09\x09", 2);    /* if_tsresol */
    put_option(&file, 14, "\x09\0\0\0", 4); /* if_tsoffset */
    end_block(&file);
    begin_block(&file, OBSOLETE_PACKET);
    for (int i = 0; i < 5; i++)
        put(&file, 0, 4);
    put_option(&file, 2, "\x01\0", 2); /* pack_flags */
    end_block(&file);
    begin_block(&file, OBSOLETE_PACKET);
    for (int i = 0; i < 5; i++)
        put(&file, i == 2, 4);
    end_block(&file);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_packet(&reading, 0, 0, "");
    assert_int_equal(reading.packet.direction, DIRECTION_UNKNOWN);
    assert_packet(&reading, 0, 1000, ""); /* one microsecond, which is the default */
    reading_end(&reading);
}

static void sections_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct file file = file_with_interface();
    put_section(&file, true);
    file.octets[file.block + 13] = 2;
    assert_damage(&file, "expected pcapng version 1, found 2");
    file.octets[file.block + 8] = 0;
    assert_damage(&file, "expected byte-order magic 1a 2b 3c 4d or its reverse, found 00 2b 3c 4d");
}

static void more_interfaces_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    struct file file = {.length = 0};
    put_section(&file, false);
    for (int i = 0; i < 5; i++)
        put_interface(&file, 1, 0, "eth0");
    assert_damage(&file, "expected at most 4 interfaces, found more");
}

static void a_long_interface_name_is_cut(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct file file = {.length = 0};
    put_section(&file, false);
    put_interface(&file, 1, 0, name);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_int_equal(next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(strlen(reading.interfaces[0].name), CAPFILE_NAME_SIZE - 1);
    reading_end(&reading);
}

/* One block of each kind that is written; returns the length, or 0 if one didn't fit. */
static size_t write_all(uint8_t *out, size_t capacity)
{
    static const struct capfile_interface interface = {
        .link_type = 1, .snapshot_length = 2048, .name = "device:eth0"};
    struct capfile_packet packet = {.interface = 0,
                                    .time = 1700000000123456789,
                                    .direction = DIRECTION_OUT,
                                    .captured = 5,
                                    .original = 9,
                                    .octets = (const uint8_t *)"hello"};
    size_t total = 0;
    size_t length = capfile_write_section(out, capacity, "pinhole");
    for (int block = 0; length > 0; block++) {
        total += length;
        if (block == 4)
            return total;
        uint8_t *at = out + total;
        size_t room = capacity - total;
        if (block == 0) {
            length = capfile_write_interface(at, room, &interface);
        } else if (block == 1) {
            length = capfile_write_packet(at, room, &packet, "a comment");
        } else if (block == 2) {
            packet.direction = DIRECTION_UNKNOWN;
            length = capfile_write_packet(at, room, &packet, NULL);
        } else {
            length = capfile_write_statistics(at, room, 0, packet.time, 7, 1);
        }
    }
    return 0;
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    uint8_t octets[512];
    size_t length = write_all(octets, sizeof octets);
    assert_true(length > 0);
    struct reading reading;
    reading_begin(&reading, octets, length);
    assert_packet(&reading, 0, 1700000000123456789, "hello");
    assert_int_equal(reading.packet.original, 9);
    assert_int_equal(reading.packet.direction, DIRECTION_OUT);
    assert_packet(&reading, 0, 1700000000123456789, "hello");
    assert_int_equal(reading.packet.direction, DIRECTION_UNKNOWN);
    assert_int_equal(next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(reading.offset, reading.length);
    assert_int_equal(reading.interfaces[0].link_type, 1);
    assert_int_equal(reading.interfaces[0].snapshot_length, 2048);
    assert_int_equal(reading.interfaces[0].ticks_per_second, 1000000000);
    assert_string_equal(reading.interfaces[0].name, "device:eth0");
    reading_end(&reading);
}

/* What write_all has to write, made by the other hand that is in this file. */
static struct file expected_of_write_all(void)
{
    struct file file = {.big = *(const uint8_t *)&(uint16_t){1} == 0};
    begin_block(&file, SECTION);
    put(&file, 0x1a2b3c4d, 4);
    put(&file, 1, 2);
    put(&file, 0, 2);
    put(&file, UINT64_MAX, 8);
    put_option(&file, 4, "pinhole", 7); /* shb_userappl */
    put(&file, 0, 4);
    end_block(&file);
    begin_block(&file, INTERFACE);
    put(&file, 1, 4);
    put(&file, 2048, 4);
    put_option(&file, 2, "device:eth0", 11); /* if_name */
    put_option(&file, 9, "\x09", 1);         /* if_tsresol */
    put(&file, 0, 4);
    end_block(&file);
    put_packet(&file, 0, 1700000000123456789, "hello");
    file.length = file.block + 24;
    put(&file, 9, 4); /* original length */
    put_octets(&file, "hello", 5);
    put(&file, 2, 2); /* epb_flags: outbound */
    put(&file, 4, 2);
    put(&file, 2, 4);
    put_option(&file, 1, "a comment", 9);
    put(&file, 0, 4);
    end_block(&file);
    put_packet(&file, 0, 1700000000123456789, "hello");
    file.length = file.block + 24;
    put(&file, 9, 4);
    put_octets(&file, "hello", 5);
    end_block(&file);
    begin_block(&file, STATISTICS);
    put(&file, 0, 4);
    put(&file, 1700000000123456789 >> 32, 4);
    put(&file, 1700000000123456789 & UINT32_MAX, 4);
    put(&file, 4, 2); /* isb_ifrecv */
    put(&file, 8, 2);
    put(&file, 7, 8);
    put(&file, 5, 2); /* isb_ifdrop */
    put(&file, 8, 2);
    put(&file, 1, 8);
    put(&file, 0, 4);
    end_block(&file);
    return file;
}

static void what_is_written_is_what_the_specification_says(void **state)
{
    (void)state;
    uint8_t octets[512];
    struct file expected = expected_of_write_all();
    memset(octets, 0xaa, sizeof octets);
    assert_int_equal(write_all(octets, sizeof octets), expected.length);
    assert_memory_equal(octets, expected.octets, expected.length);
}

static void nothing_is_written_past_the_room(void **state)
{
    (void)state;
    uint8_t octets[512];
    size_t length = write_all(octets, sizeof octets);
    for (size_t capacity = 0; capacity <= length; capacity++) {
        uint8_t *room = exact_copy(octets, capacity);
        assert_int_equal(write_all(room, capacity), capacity == length ? length : 0);
        free(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_big_endian_file_is_read_with_all_its_options),
        cmocka_unit_test(a_file_cut_anywhere_gives_every_whole_packet_before),
        cmocka_unit_test(sections_have_their_own_byte_order_and_interfaces),
        cmocka_unit_test(every_resolution_of_time_is_understood),
        cmocka_unit_test(a_simple_packet_is_cut_to_the_snapshot_length),
        cmocka_unit_test(blocks_without_a_packet_are_skipped),
        cmocka_unit_test(block_lengths_that_cannot_be_are_damage),
        cmocka_unit_test(a_length_that_differs_at_the_blocks_end_is_damage),
        cmocka_unit_test(a_packet_larger_than_its_block_is_damage),
        cmocka_unit_test(a_packet_of_an_unknown_interface_is_damage),
        cmocka_unit_test(blocks_too_short_for_their_kind_are_damage),
        cmocka_unit_test(options_past_their_block_are_damage),
        cmocka_unit_test(options_of_a_wrong_length_are_passed_over),
        cmocka_unit_test(sections_of_another_kind_are_refused),
        cmocka_unit_test(more_interfaces_than_there_is_room_for_are_refused),
        cmocka_unit_test(a_long_interface_name_is_cut),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_is_written_is_what_the_specification_says),
        cmocka_unit_test(nothing_is_written_past_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
