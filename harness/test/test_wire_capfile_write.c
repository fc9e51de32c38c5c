/* Writing pcapng. */
#include "test/pcapng_file.h"
#include "test/reading.h"

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
    reading_assert_packet(&reading, 0, 1700000000123456789, "hello");
    assert_int_equal(reading.packet.original, 9);
    assert_int_equal(reading.packet.direction, DIRECTION_OUT);
    reading_assert_packet(&reading, 0, 1700000000123456789, "hello");
    assert_int_equal(reading.packet.direction, DIRECTION_UNKNOWN);
    assert_int_equal(reading_next_packet(&reading), CAPFILE_MORE);
    assert_int_equal(reading.offset, reading.length);
    assert_int_equal(reading.interfaces[0].link_type, 1);
    assert_int_equal(reading.interfaces[0].snapshot_length, 2048);
    assert_int_equal(reading.interfaces[0].ticks_per_second, 1000000000);
    assert_string_equal(reading.interfaces[0].name, "device:eth0");
    reading_end(&reading);
}

/* What write_all has to write, made by other code. */
static struct pcapng_file expected_of_write_all(void)
{
    struct pcapng_file file = {.big = *(const uint8_t *)&(uint16_t){1} == 0};
    pcapng_begin_block(&file, PCAPNG_SECTION);
    pcapng_put(&file, 0x1a2b3c4d, 4);
    pcapng_put(&file, 1, 2);
    pcapng_put(&file, 0, 2);
    pcapng_put(&file, UINT64_MAX, 8);
    pcapng_put_option(&file, 4, "pinhole", 7); /* shb_userappl */
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_INTERFACE);
    pcapng_put(&file, 1, 4);
    pcapng_put(&file, 2048, 4);
    pcapng_put_option(&file, 2, "device:eth0", 11); /* if_name */
    pcapng_put_option(&file, 9, "\x09", 1);         /* if_tsresol */
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    pcapng_put_packet(&file, 0, 1700000000123456789, "hello");
    file.length = file.block + 24;
    pcapng_put(&file, 9, 4); /* original length */
    pcapng_put_octets(&file, "hello", 5);
    pcapng_put(&file, 2, 2); /* epb_flags: outbound */
    pcapng_put(&file, 4, 2);
    pcapng_put(&file, 2, 4);
    pcapng_put_option(&file, 1, "a comment", 9);
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    pcapng_put_packet(&file, 0, 1700000000123456789, "hello");
    file.length = file.block + 24;
    pcapng_put(&file, 9, 4);
    pcapng_put_octets(&file, "hello", 5);
    pcapng_end_block(&file);
    pcapng_begin_block(&file, PCAPNG_STATISTICS);
    pcapng_put(&file, 0, 4);
    pcapng_put(&file, 1700000000123456789 >> 32, 4);
    pcapng_put(&file, 1700000000123456789 & UINT32_MAX, 4);
    pcapng_put(&file, 4, 2); /* isb_ifrecv */
    pcapng_put(&file, 8, 2);
    pcapng_put(&file, 7, 8);
    pcapng_put(&file, 5, 2); /* isb_ifdrop */
    pcapng_put(&file, 8, 2);
    pcapng_put(&file, 1, 8);
    pcapng_put(&file, 0, 4);
    pcapng_end_block(&file);
    return file;
}

static void what_is_written_is_what_the_specification_says(void **state)
{
    (void)state;
    uint8_t octets[512];
    struct pcapng_file expected = expected_of_write_all();
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
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_is_written_is_what_the_specification_says),
        cmocka_unit_test(nothing_is_written_past_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
