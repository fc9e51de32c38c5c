/* Reading pcapng: sections, interfaces, every kind of packet block, damage. */
#include "test/pcapng_file.h"
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

/* As put_interface, with if_tsresol. */
static void put_resolution(struct pcapng_file *file, uint8_t resolution)
{
    pcapng_begin_block(file, PCAPNG_INTERFACE);
    pcapng_put(file, 1, 4);
    pcapng_put(file, 0, 4);
    pcapng_put_option(file, 9, &resolution, 1);
    pcapng_end_block(file);
}

static void a_big_endian_file_is_read_with_all_its_options(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, golden_big, sizeof golden_big);
    reading_assert_packet(&reading, 0, 8500000000, "hello"); /* 10.5 s less the offset of 2 s */
    assert_int_equal(reading.packet.frame, 1);
    assert_int_equal(reading.packet.original, 9);
    assert_int_equal(reading.packet.direction, DIRECTION_IN);
    reading_assert_packet(&reading, 0, 9000000000, "abcd");
    assert_int_equal(reading.packet.frame, 2);
    assert_int_equal(reading.packet.direction, DIRECTION_OUT);
    assert_int_equal(reading_next_packet(&reading), CAPFILE_MORE);
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
        while ((status = reading_next_packet(&reading)) == CAPFILE_PACKET)
            packets++;
        assert_int_equal(status, CAPFILE_MORE);
        assert_int_equal(packets, length >= 28 + 56 + 56);
        reading_end(&reading);
    }
}

static void sections_have_their_own_byte_order_and_interfaces(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    pcapng_put_interface(&file, 1, 2048, "a:eth0");
    pcapng_put_interface(&file, 113, 64, "b:eth0");
    pcapng_put_packet(&file, 1, 1000000, "one");
    pcapng_put_section(&file, true);
    pcapng_put_interface(&file, 101, 0, "c:eth0");
    pcapng_put_packet(&file, 0, 2000000, "two");
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    reading_assert_packet(&reading, 1, 1000000000, "one");
    reading_assert_packet(&reading, 2, 2000000000, "two");
    assert_int_equal(reading.packet.frame, 2);
    assert_int_equal(reading_next_packet(&reading), CAPFILE_MORE);
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
        struct pcapng_file file = {.length = 0};
        pcapng_put_section(&file, false);
        put_resolution(&file, cases[i].resolution);
        pcapng_put_packet(&file, 0, cases[i].ticks, "");
        struct reading reading;
        reading_begin(&reading, file.octets, file.length);
        reading_assert_packet(&reading, 0, cases[i].time, "");
        reading_end(&reading);
    }
    static const uint8_t too_fine[] = {20, 127, 0xc0, 0xff};
    for (size_t i = 0; i < sizeof too_fine; i++) {
        struct pcapng_file file = {.length = 0};
        pcapng_put_section(&file, false);
        put_resolution(&file, too_fine[i]);
        struct reading reading;
        reading_begin(&reading, file.octets, file.length);
        assert_int_equal(reading_next_packet(&reading), CAPFILE_BAD);
        assert_non_null(strstr(reading.reader.problem, "resolution"));
        reading_end(&reading);
    }
}

static void a_simple_packet_is_cut_to_the_snapshot_length(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    pcapng_put_interface(&file, 1, 4, "eth0");
    pcapng_begin_block(&file, PCAPNG_SIMPLE_PACKET);
    pcapng_put(&file, 7, 4); /* 7 octets on the wire */
    pcapng_put_octets(&file, "long", 4);
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_SIMPLE_PACKET);
    pcapng_put(&file, 2, 4);
    pcapng_put_octets(&file, "hi", 2);
    pcapng_end_block(&file);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    reading_assert_packet(&reading, 0, 0, "long");
    assert_int_equal(reading.packet.original, 7);
    reading_assert_packet(&reading, 0, 0, "hi");
    reading_end(&reading);
}

static void blocks_without_a_packet_are_skipped(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    pcapng_put_interface(&file, 1, 0, "eth0");
    pcapng_begin_block(&file, PCAPNG_NAME_RESOLUTION);
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_CUSTOM);
    pcapng_put_octets(&file, "whatever this may be", 20);
    pcapng_end_block(&file);
    pcapng_begin_block(&file, 0x0d0a0d0a); /* nothing but its frame */
    pcapng_end_block(&file);
    pcapng_put_packet(&file, 0, 0, "here");
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    reading_assert_packet(&reading, 0, 0, "here");
    assert_int_equal(reading.packet.frame, 1);
    reading_end(&reading);
}

/* The file is bad at its last block, and says so with this text; what was before is still read. */
static void assert_damage(const struct pcapng_file *file, const char *problem)
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

static struct pcapng_file file_with_interface(void)
{
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, true);
    pcapng_put_interface(&file, 1, 0, "eth0");
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
        struct pcapng_file file = file_with_interface();
        pcapng_put_packet(&file, 0, 0, "data");
        file.length = file.block + 4;
        pcapng_put(&file, cases[i].length, 4);
        file.length = file.block + 36;
        assert_damage(&file, cases[i].problem);
    }
}

static void a_length_that_differs_at_the_blocks_end_is_damage(void **state)
{
    (void)state;
    struct pcapng_file file = file_with_interface();
    pcapng_put_packet(&file, 0, 0, "data");
    file.octets[file.length - 1] = 40;
    assert_damage(&file, "expected the block's length 36 again at its end, found 40");
}

static void a_packet_larger_than_its_block_is_damage(void **state)
{
    (void)state;
    struct pcapng_file file = file_with_interface();
    pcapng_put_packet(&file, 0, 0, "data");
    file.octets[file.block + 23] = 5; /* captured octets, of 4 */
    assert_damage(&file, "expected a packet within its block of 36 octets, found one of 5");
    memset(file.octets + file.block + 20, 0xff, 4);
    assert_damage(&file,
                  "expected a packet within its block of 36 octets, found one of 4294967295");

    file = file_with_interface();
    pcapng_begin_block(&file, PCAPNG_SIMPLE_PACKET);
    pcapng_put(&file, 5, 4);
    pcapng_put_octets(&file, "data", 4);
    pcapng_end_block(&file);
    assert_damage(&file, "expected a packet within its block of 20 octets, found one of 5");
}

static void a_packet_of_an_unknown_interface_is_damage(void **state)
{
    (void)state;
    struct pcapng_file file = file_with_interface();
    pcapng_put_packet(&file, 1, 0, "data");
    assert_damage(&file, "expected one of the 1 interfaces of the section, found number 1");
    /* Those of an earlier section don't count. */
    file = file_with_interface();
    pcapng_put_section(&file, true);
    pcapng_put_packet(&file, 0, 0, "data");
    assert_damage(&file, "expected one of the 0 interfaces of the section, found number 0");
    file = file_with_interface();
    pcapng_put_section(&file, true);
    pcapng_begin_block(&file, PCAPNG_SIMPLE_PACKET);
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
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
        {PCAPNG_INTERFACE, 8, "expected 8 octets or more in an interface description, found 4"},
        {PCAPNG_OBSOLETE_PACKET, 20, "expected 20 octets or more in a packet, found 16"},
        {PCAPNG_SIMPLE_PACKET, 4, "expected 4 octets or more in a simple packet, found 0"},
        {PCAPNG_ENHANCED_PACKET, 20, "expected 20 octets or more in an enhanced packet, found 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pcapng_file file = file_with_interface();
        pcapng_begin_block(&file, cases[i].type);
        for (size_t octets = 4; octets < cases[i].least; octets += 4)
            pcapng_put(&file, 0, 4);
        pcapng_end_block(&file);
        assert_damage(&file, cases[i].problem);
    }
    struct pcapng_file file = file_with_interface();
    pcapng_begin_block(&file, PCAPNG_SECTION);
    pcapng_put(&file, 0x1a2b3c4d, 4);
    pcapng_put(&file, 0x00010000, 4);
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    assert_damage(&file, "expected 16 octets or more in a section header, found 12");
}

static void options_past_their_block_are_damage(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, true);
    pcapng_begin_block(&file, PCAPNG_INTERFACE);
    pcapng_put(&file, 1, 4);
    pcapng_put(&file, 0, 4);
    pcapng_put(&file, 0x00020005, 4); /* if_name of 5 octets */
    pcapng_put_octets(&file, "eth0", 4);
    pcapng_end_block(&file);
    assert_damage(&file, "an option of an interface description runs past its block");

    file = file_with_interface();
    pcapng_put_packet(&file, 0, 0, "");
    file.length -= 4;
    pcapng_put(&file, 0x00010001, 4); /* opt_comment of 1 octet */
    pcapng_end_block(&file);
    assert_damage(&file, "an option of a packet runs past its block");
}

static void options_of_a_wrong_length_are_passed_over(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    pcapng_begin_block(&file, PCAPNG_INTERFACE);
    pcapng_put(&file, 1, 4);
    pcapng_put(&file, 0, 4);
    pcapng_put_option(&file, 9, "\x09\x09", 2);    /* if_tsresol */
    pcapng_put_option(&file, 14, "\x09\0\0\0", 4); /* if_tsoffset */
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_OBSOLETE_PACKET);
    for (int i = 0; i < 5; i++)
        pcapng_put(&file, 0, 4);
    pcapng_put_option(&file, 2, "\x01\0", 2); /* pack_flags */
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_OBSOLETE_PACKET);
    for (int i = 0; i < 5; i++)
        pcapng_put(&file, i == 2, 4);
    pcapng_end_block(&file);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    reading_assert_packet(&reading, 0, 0, "");
    assert_int_equal(reading.packet.direction, DIRECTION_UNKNOWN);
    reading_assert_packet(&reading, 0, 1000, ""); /* one microsecond, which is the default */
    reading_end(&reading);
}

static void sections_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct pcapng_file file = file_with_interface();
    pcapng_put_section(&file, true);
    file.octets[file.block + 13] = 2;
    assert_damage(&file, "expected pcapng version 1, found 2");
    file.octets[file.block + 8] = 0;
    assert_damage(&file, "expected byte-order magic 1a 2b 3c 4d or its reverse, found 00 2b 3c 4d");
}

static void more_interfaces_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    for (int i = 0; i < 5; i++)
        pcapng_put_interface(&file, 1, 0, "eth0");
    assert_damage(&file, "expected at most 4 interfaces, found more");
}

static void a_long_interface_name_is_cut(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct pcapng_file file = {.length = 0};
    pcapng_put_section(&file, false);
    pcapng_put_interface(&file, 1, 0, name);
    struct reading reading;
    reading_begin(&reading, file.octets, file.length);
    assert_int_equal(reading_next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(strlen(reading.interfaces[0].name), CAPFILE_NAME_SIZE - 1);
    reading_end(&reading);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
