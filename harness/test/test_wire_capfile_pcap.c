/* Reading pcap: both byte orders, microseconds and nanoseconds, cut and damaged. */
#include "test/reading.h"

/* clang-format off */

/* Written by a little-endian host, with microseconds. */
static const uint8_t golden_little[] = {
    0xd4, 0xc3, 0xb2, 0xa1,                         /* magic: microseconds */
    0x02, 0x00, 0x04, 0x00,                         /* version 2.4 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* reserved */
    0x00, 0x08, 0x00, 0x00,                         /* snapshot length 2048 */
    0x71, 0x00, 0x00, 0x00,                         /* link type 113: Linux cooked */
    0x00, 0x5e, 0xd0, 0xb2,                         /* seconds 3000000000, after 2038 */
    0x40, 0xe2, 0x01, 0x00,                         /* microseconds 123456 */
    0x03, 0x00, 0x00, 0x00,                         /* 3 octets captured */
    0x05, 0x00, 0x00, 0x00,                         /* of 5 */
    0x61, 0x62, 0x63,                               /* "abc": records are not padded */
    0x01, 0x00, 0x00, 0x00,                         /* seconds 1 */
    0x02, 0x00, 0x00, 0x00,                         /* microseconds 2 */
    0x00, 0x00, 0x00, 0x00,                         /* nothing captured */
    0x3c, 0x00, 0x00, 0x00,                         /* of 60 */
};

/* Written by a big-endian host, with nanoseconds. */
static const uint8_t golden_big[] = {
    0xa1, 0xb2, 0x3c, 0x4d,                         /* magic: nanoseconds */
    0x00, 0x02, 0x00, 0x04,                         /* version 2.4 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* reserved */
    0x00, 0x00, 0xff, 0xff,                         /* snapshot length 65535 */
    0x14, 0x00, 0x00, 0x01,                         /* link type 1: Ethernet; 2 octets of frame check sequence */
    0x00, 0x00, 0x00, 0x07,                         /* seconds 7 */
    0x07, 0x5b, 0xcd, 0x15,                         /* nanoseconds 123456789 */
    0x00, 0x00, 0x00, 0x02,                         /* 2 octets captured */
    0x00, 0x00, 0x00, 0x02,                         /* of 2 */
    0x68, 0x69,                                     /* "hi" */
};
/* clang-format on */

static const size_t record_ends_little[] = {24, 43, 59};
static const size_t record_ends_big[] = {24, 42};

static const struct golden {
    const uint8_t *octets;
    size_t length;
    const size_t *ends;
    size_t packets;
} goldens[] = {
    {golden_little, sizeof golden_little, record_ends_little, 2},
    {golden_big, sizeof golden_big, record_ends_big, 1},
};

enum { GOLDENS = sizeof goldens / sizeof goldens[0] };

static void a_little_endian_file_of_microseconds_is_read(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, golden_little, sizeof golden_little);
    assert_int_equal(reading_next(&reading), CAPFILE_SKIPPED);
    assert_int_equal(reading.reader.interface_count, 1);
    assert_int_equal(reading.interfaces[0].link_type, 113);
    assert_int_equal(reading.interfaces[0].snapshot_length, 2048);
    assert_int_equal(reading.interfaces[0].ticks_per_second, 1000000);
    assert_string_equal(reading.interfaces[0].name, "");
    assert_int_equal(reading_next(&reading), CAPFILE_PACKET);
    assert_int_equal(reading.packet.frame, 1);
    assert_int_equal(reading.packet.interface, 0);
    assert_int_equal(reading.packet.time, 3000000000123456000);
    assert_int_equal(reading.packet.direction, DIRECTION_UNKNOWN);
    assert_int_equal(reading.packet.captured, 3);
    assert_int_equal(reading.packet.original, 5);
    assert_memory_equal(reading.packet.octets, "abc", 3);
    assert_int_equal(reading_next(&reading), CAPFILE_PACKET);
    assert_int_equal(reading.packet.frame, 2);
    assert_int_equal(reading.packet.time, 1000002000);
    assert_int_equal(reading.packet.captured, 0);
    assert_int_equal(reading.packet.original, 60);
    assert_int_equal(reading_next(&reading), CAPFILE_MORE);
    assert_int_equal(reading.offset, reading.length);
    reading_end(&reading);
}

static void a_big_endian_file_of_nanoseconds_is_read(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, golden_big, sizeof golden_big);
    assert_int_equal(reading_next(&reading), CAPFILE_SKIPPED);
    assert_int_equal(reading.interfaces[0].link_type, 1);
    assert_int_equal(reading.interfaces[0].snapshot_length, 65535);
    assert_int_equal(reading.interfaces[0].ticks_per_second, 1000000000);
    assert_int_equal(reading_next(&reading), CAPFILE_PACKET);
    assert_int_equal(reading.packet.time, 7123456789);
    assert_int_equal(reading.packet.captured, 2);
    assert_memory_equal(reading.packet.octets, "hi", 2);
    assert_int_equal(reading_next(&reading), CAPFILE_MORE);
    reading_end(&reading);
}

static void a_file_cut_anywhere_gives_every_whole_packet_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        for (size_t length = 0; length < goldens[i].length; length++) {
            struct reading reading;
            reading_begin(&reading, goldens[i].octets, length);
            size_t packets = 0;
            enum capfile_status status;
            while ((status = reading_next(&reading)) != CAPFILE_MORE) {
                assert_true(status == CAPFILE_PACKET || status == CAPFILE_SKIPPED);
                packets += status == CAPFILE_PACKET;
            }
            size_t expected = 0;
            while (expected < goldens[i].packets && goldens[i].ends[expected + 1] <= length)
                expected++;
            assert_int_equal(packets, expected);
            reading_end(&reading);
        }
    }
}

/* Reads a golden file through a window that shows `step` octets more each time. */
static void assert_read_in_steps(const struct golden *golden, size_t step)
{
    struct reading reading;
    reading_begin(&reading, golden->octets, golden->length);
    reading.length = 0;
    while (reading.length < golden->length) {
        size_t left = golden->length - reading.length;
        reading.length += left < step ? left : step;
        enum capfile_status status;
        while ((status = reading_next(&reading)) != CAPFILE_MORE)
            assert_int_not_equal(status, CAPFILE_BAD);
    }
    assert_int_equal(reading.reader.frames, golden->packets);
    assert_int_equal(reading.offset, golden->length);
    reading_end(&reading);
}

static void a_window_that_grows_shows_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++)
        for (size_t step = 1; step < goldens[i].length; step++)
            assert_read_in_steps(&goldens[i], step);
}

static void what_is_cut_off_is_told(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, golden_little, 42);
    assert_int_equal(reading_next(&reading), CAPFILE_SKIPPED);
    assert_int_equal(reading_next(&reading), CAPFILE_MORE);
    assert_string_equal(reading.reader.problem,
                        "at octet 24: expected a record of 19 octets, the file ends after 18");
    reading_end(&reading);
    reading_begin(&reading, golden_little, 0);
    assert_int_equal(reading_next(&reading), CAPFILE_MORE);
    assert_string_equal(reading.reader.problem, "at octet 0: expected a pcap or pcapng header of "
                                                "24 octets, the file ends after 0");
    reading_end(&reading);
}

static void a_record_larger_than_any_packet_is_damage(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_little];
    memcpy(octets, golden_little, sizeof octets);
    memset(octets + 32, 0xff, 4); /* captured octets of the first record */
    struct reading reading;
    reading_begin(&reading, octets, sizeof octets);
    assert_int_equal(reading_next(&reading), CAPFILE_SKIPPED);
    for (int i = 0; i < 2; i++) { /* and stays damage */
        assert_int_equal(reading_next(&reading), CAPFILE_BAD);
        assert_string_equal(reading.reader.problem, "at octet 24: expected a record of at most "
                                                    "16777216 octets, found one of 4294967295");
    }
    reading_end(&reading);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_little];
    memcpy(octets, golden_little, sizeof octets);
    octets[4] = 3;
    struct reading reading;
    reading_begin(&reading, octets, sizeof octets);
    assert_int_equal(reading_next(&reading), CAPFILE_BAD);
    assert_string_equal(reading.reader.problem, "at octet 0: expected pcap version 2, found 3");
    reading_end(&reading);
}

static void what_is_no_capture_is_refused(void **state)
{
    (void)state;
    struct reading reading;
    reading_begin(&reading, (const uint8_t *)"# a README file", 15);
    assert_int_equal(reading_next(&reading), CAPFILE_BAD);
    assert_string_equal(reading.reader.problem,
                        "at octet 0: expected a pcap or pcapng file, found 23 20 61 20");
    reading_end(&reading);
    reading_begin(&reading, (const uint8_t *)"\x1f\x8b\x08\x00", 4);
    assert_int_equal(reading_next(&reading), CAPFILE_BAD);
    assert_non_null(strstr(reading.reader.problem, "gzip"));
    reading_end(&reading);
    reading_begin(&reading, (const uint8_t *)"\x1f\x8c\x08\x00", 4);
    assert_int_equal(reading_next(&reading), CAPFILE_BAD);
    assert_null(strstr(reading.reader.problem, "gzip"));
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_little_endian_file_of_microseconds_is_read),
        cmocka_unit_test(a_big_endian_file_of_nanoseconds_is_read),
        cmocka_unit_test(a_file_cut_anywhere_gives_every_whole_packet_before),
        cmocka_unit_test(a_window_that_grows_shows_the_same),
        cmocka_unit_test(what_is_cut_off_is_told),
        cmocka_unit_test(a_record_larger_than_any_packet_is_damage),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(what_is_no_capture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
