/* The DHCP options of RFC 7291: golden octets, hostile ones, and back again. */
#include "wire/pcp_dhcp.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const uint8_t golden_v4[] = {
    0x35, 0x01, 0x05,       /* option 53, message type: ACK */
    0x00,                   /* pad */
    0x9e, 0x0e,             /* option 158, 14 octets */
    0x08,                   /* a list of 8 octets: two addresses of one server */
    0xc0, 0x00, 0x02, 0x01, /* 192.0.2.1 */
    0xc0, 0x00, 0x02, 0x02, /* 192.0.2.2 */
    0x04,                   /* a list of 4: another server */
    0xc6, 0x33, 0x64, 0x01, /* 198.51.100.1 */
    0xff,                   /* end */
};
static const uint8_t golden_v6[] = {
    0x00, 0x56, 0x00, 0x20, /* option 86, 32 octets: two addresses of one server */
    0x20, 0x01, 0x0d, 0xb8, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,   /* 2001:db8:1111::1 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xc0, 0x00, 0x02, 0x01,   /* 192.0.2.1 */
    0x00, 0x17, 0x00, 0x01, 0x2a,                                       /* another option */
    0x00, 0x56, 0x00, 0x10, /* option 86, 16 octets: another server */
    0x20, 0x01, 0x0d, 0xb8, 0x22, 0x22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,   /* 2001:db8:2222::1 */
};
/* clang-format on */

typedef bool reader(const uint8_t *, size_t, struct pcp_dhcp_servers *);

/* Reads a copy of exactly its length. */
static bool reads(reader *read, const uint8_t *octets, size_t length, struct pcp_dhcp_servers *out)
{
    uint8_t *copy = exact_copy(octets, length);
    memset(out, 0, sizeof *out);
    bool good = read(copy, length, out);
    free(copy);
    return good;
}

static void assert_address(const struct pcp_dhcp_servers *servers, int server, int number,
                           const char *wanted)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_format(&servers->servers[server].addresses[number], text), wanted);
}

static void each_list_of_a_v4_option_is_a_server(void **state)
{
    (void)state;
    struct pcp_dhcp_servers servers;
    assert_true(reads(pcp_dhcp_read_v4, golden_v4, sizeof golden_v4, &servers));
    assert_int_equal(servers.count, 2);
    assert_int_equal(servers.servers[0].count, 2);
    assert_int_equal(servers.servers[1].count, 1);
    assert_address(&servers, 0, 0, "192.0.2.1");
    assert_address(&servers, 0, 1, "192.0.2.2");
    assert_address(&servers, 1, 0, "198.51.100.1");
    uint8_t octets[64];
    assert_int_equal(pcp_dhcp_write_v4(&servers, octets, sizeof octets), 16);
    assert_memory_equal(octets, golden_v4 + 4, 16);
}

static void each_v6_option_is_a_server(void **state)
{
    (void)state;
    struct pcp_dhcp_servers servers;
    assert_true(reads(pcp_dhcp_read_v6, golden_v6, sizeof golden_v6, &servers));
    assert_int_equal(servers.count, 2);
    assert_address(&servers, 0, 0, "2001:db8:1111::1");
    assert_address(&servers, 0, 1, "192.0.2.1"); /* 3.2: IPv4-mapped stands for IPv4 */
    assert_address(&servers, 1, 0, "2001:db8:2222::1");
    uint8_t octets[64];
    assert_int_equal(pcp_dhcp_write_v6(&servers, octets, sizeof octets), 56);
    assert_memory_equal(octets, golden_v6, 36);
    assert_memory_equal(octets + 36, golden_v6 + 41, 20);
}

static void multicast_and_loopback_addresses_are_left_out(void **state)
{
    (void)state;
    /* clang-format off */
    static const uint8_t v4[] = {
        158, 30,
        20, 224, 0, 0, 1, 127, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 255, 255, 255, 255,
        8, 239, 1, 2, 3, 127, 255, 255, 254, /* a list without one of use */
    };
    static const uint8_t v6[] = {
        0, 86, 0, 64,
        0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };
    /* clang-format on */
    struct pcp_dhcp_servers servers;
    assert_true(reads(pcp_dhcp_read_v4, v4, sizeof v4, &servers));
    assert_int_equal(servers.count, 1);
    assert_int_equal(servers.servers[0].count, 1);
    assert_address(&servers, 0, 0, "192.0.2.1");
    assert_true(reads(pcp_dhcp_read_v6, v6, sizeof v6, &servers));
    assert_int_equal(servers.count, 0);
}

static void a_v4_option_parted_anywhere_reads_as_one(void **state)
{
    (void)state;
    struct pcp_dhcp_servers whole;
    assert_true(reads(pcp_dhcp_read_v4, golden_v4, sizeof golden_v4, &whole));
    for (uint8_t cut = 0; cut <= 14; cut++) { /* RFC 3396 */
        uint8_t parted[24] = {158, cut};
        memcpy(parted + 2, golden_v4 + 6, cut);
        parted[2 + cut] = 158;
        parted[3 + cut] = (uint8_t)(14 - cut);
        memcpy(parted + 4 + cut, golden_v4 + 6 + cut, 14U - cut);
        struct pcp_dhcp_servers servers;
        assert_true(reads(pcp_dhcp_read_v4, parted, 18, &servers));
        assert_memory_equal(&servers, &whole, sizeof whole);
    }
}

static void a_malformed_option_adds_nothing(void **state)
{
    (void)state;
    struct pcp_dhcp_servers servers;
    static const uint8_t nothing[sizeof servers] = {0};
    static const uint8_t odd_list[] = {158, 6, 5, 192, 0, 2, 1, 9};
    static const uint8_t empty_list[] = {158, 6, 4, 192, 0, 2, 1, 0};
    static const uint8_t long_list[] = {158, 5, 8, 192, 0, 2, 1};
    static const uint8_t odd_v6[] = {0, 86, 0, 4, 192, 0, 2, 1};
    static const uint8_t empty_v6[] = {0, 86, 0, 0};
    assert_false(reads(pcp_dhcp_read_v4, odd_list, sizeof odd_list, &servers));
    assert_memory_equal(&servers, nothing, sizeof servers);
    assert_false(reads(pcp_dhcp_read_v4, empty_list, sizeof empty_list, &servers));
    assert_memory_equal(&servers, nothing, sizeof servers);
    assert_false(reads(pcp_dhcp_read_v4, long_list, sizeof long_list, &servers));
    assert_memory_equal(&servers, nothing, sizeof servers);
    assert_false(reads(pcp_dhcp_read_v6, odd_v6, sizeof odd_v6, &servers));
    assert_false(reads(pcp_dhcp_read_v6, empty_v6, sizeof empty_v6, &servers));
    for (size_t length = 5; length < 20; length++) /* cut off within the option */
        assert_false(reads(pcp_dhcp_read_v4, golden_v4, length, &servers));
    for (size_t length = 1; length < 36; length++)
        assert_false(reads(pcp_dhcp_read_v6, golden_v6, length, &servers));
}

static void more_servers_and_addresses_than_there_is_room_for_are_left_out(void **state)
{
    (void)state;
    uint8_t octets[1024];
    size_t length = 0;
    for (int s = 0; s < 7; s++) { /* seven lists of ten addresses, parted */
        octets[length++] = 158;
        octets[length++] = 41;
        octets[length++] = 40;
        for (int i = 0; i < 40; i++)
            octets[length++] = (uint8_t)(1 + s);
    }
    struct pcp_dhcp_servers servers;
    assert_true(reads(pcp_dhcp_read_v4, octets, length, &servers));
    assert_int_equal(servers.count, PCP_DHCP_SERVERS);
    for (int s = 0; s < PCP_DHCP_SERVERS; s++)
        assert_int_equal(servers.servers[s].count, PCP_DHCP_ADDRESSES);
}

static void writing_stays_within_its_room(void **state)
{
    (void)state;
    struct pcp_dhcp_servers servers;
    assert_true(reads(pcp_dhcp_read_v4, golden_v4, sizeof golden_v4, &servers));
    for (size_t capacity = 1; capacity < 16; capacity++) {
        uint8_t *octets = exact_copy(golden_v4, capacity);
        assert_int_equal(pcp_dhcp_write_v4(&servers, octets, capacity), 0);
        assert_int_equal(pcp_dhcp_write_v6(&servers, octets, capacity), 0);
        free(octets);
    }
    assert_true(reads(pcp_dhcp_read_v6, golden_v6, sizeof golden_v6, &servers));
    uint8_t octets[64];
    assert_int_equal(pcp_dhcp_write_v4(&servers, octets, sizeof octets), 0); /* IPv6 in it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_list_of_a_v4_option_is_a_server),
        cmocka_unit_test(each_v6_option_is_a_server),
        cmocka_unit_test(multicast_and_loopback_addresses_are_left_out),
        cmocka_unit_test(a_v4_option_parted_anywhere_reads_as_one),
        cmocka_unit_test(a_malformed_option_adds_nothing),
        cmocka_unit_test(more_servers_and_addresses_than_there_is_room_for_are_left_out),
        cmocka_unit_test(writing_stays_within_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
