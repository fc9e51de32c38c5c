/* Addresses as RFC 6887 section 5 writes them. */
#include "wire/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct address parsed(const char *text)
{
    struct address address;
    if (!address_parse(text, &address))
        fail_msg("%s is an address", text);
    return address;
}

static void an_ipv4_address_stands_as_ipv4_mapped(void **state)
{
    (void)state;
    static const uint8_t octets[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    struct address from_octets = address_from_ipv4(octets + 12);
    assert_memory_equal(from_octets.octet, octets, 16);
    struct address from_text = parsed("192.0.2.1");
    assert_true(address_equal(&from_octets, &from_text));
    assert_true(address_is_ipv4(&from_octets));
}

static void ipv4_is_told_by_all_96_bits_of_the_prefix(void **state)
{
    (void)state;
    struct address address = parsed("::ffff:192.0.2.1");
    assert_true(address_is_ipv4(&address));
    for (size_t bit = 0; bit < 96; bit++) {
        struct address other = address;
        other.octet[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_false(address_is_ipv4(&other));
    }
    for (size_t bit = 96; bit < 128; bit++) {
        struct address other = address;
        other.octet[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        assert_true(address_is_ipv4(&other));
    }
}

static void each_family_has_its_own_unspecified_address(void **state)
{
    (void)state;
    struct address ipv4 = address_any_ipv4();
    struct address ipv6 = address_any_ipv6();
    struct address one = parsed("::1");
    struct address mapped_one = parsed("0.0.0.1");
    assert_false(address_equal(&ipv4, &ipv6));
    assert_true(address_is_ipv4(&ipv4));
    assert_false(address_is_ipv4(&ipv6));
    assert_true(address_is_any(&ipv4));
    assert_true(address_is_any(&ipv6));
    assert_false(address_is_any(&one));
    assert_false(address_is_any(&mapped_one));
}

static void text_is_read_and_written_alike(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0.0.0", "192.0.2.1",   "255.255.255.255", "::",
        "::1",     "2001:db8::1", "fe80::1:2:3:4",   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address address = parsed(texts[i]);
        char text[ADDRESS_TEXT_SIZE];
        assert_ptr_equal(address_format(&address, text), text);
        assert_string_equal(text, texts[i]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "1.2.3",    "1.2.3.4.5",    "256.0.0.1", ":::",
                                        "::g", "1.2.3.4 ", "fe80::1%eth0", "localhost"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address address;
        if (address_parse(texts[i], &address))
            fail_msg("'%s' is no address", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_stands_as_ipv4_mapped),
        cmocka_unit_test(ipv4_is_told_by_all_96_bits_of_the_prefix),
        cmocka_unit_test(each_family_has_its_own_unspecified_address),
        cmocka_unit_test(text_is_read_and_written_alike),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
