/* Contents of PCP's later options: PREFIX64 (RFC 7225) and PORT_SET (RFC 7753). */
#include "wire/pcp_extensions.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The golden octets cut to a length, with nothing readable behind. */
static enum pcp_fault read_prefix64(const uint8_t *octets, uint16_t length,
                                    struct pcp_prefix64 *out)
{
    uint8_t *copy = exact_copy(octets, length);
    struct pcp_option option = {.code = PCP_PREFIX64, .length = length, .data = copy};
    enum pcp_fault fault = pcp_option_prefix64(&option, out);
    free(copy);
    return fault;
}

static const uint8_t whole_ipv4[14] = {
    0x00, 0x0c,                                     /* 12 octets */
    0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, /* 64:ff9b::/96 */
};

static const uint8_t some_ipv4[28] = {
    0x00, 0x06,                         /* 6 octets */
    0x20, 0x01, 0x0d, 0xb8, 0x01, 0x22, /* 2001:db8:122::/48 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x07, /* suffix */
    0x00, 0x02,                         /* two IPv4 prefixes */
    0x00, 0x18, 0xc0, 0x00, 0x02, 0x00, /* 192.0.2.0/24 */
    0x00, 0x20, 0xcb, 0x00, 0x71, 0x05, /* 203.0.113.5/32 */
};

static void prefix64_holds_a_prefix_for_all_of_ipv4(void **state)
{
    (void)state;
    struct pcp_prefix64 prefix64;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(read_prefix64(whole_ipv4, sizeof whole_ipv4, &prefix64), PCP_FAULT_NONE);
    assert_int_equal(prefix64.octets, 12);
    assert_string_equal(address_format(&prefix64.prefix, text), "64:ff9b::");
    assert_int_equal(prefix64.ipv4_count, 0);
}

static void prefix64_holds_a_suffix_and_the_ipv4_prefixes_it_is_for(void **state)
{
    (void)state;
    static const uint8_t suffix[8] = {0, 0, 0, 0, 0, 7};
    struct pcp_option option = {.length = sizeof some_ipv4, .data = some_ipv4};
    struct pcp_prefix64 prefix64;
    char text[ADDRESS_TEXT_SIZE];
    uint16_t length;
    assert_int_equal(pcp_option_prefix64(&option, &prefix64), PCP_FAULT_NONE);
    assert_int_equal(prefix64.octets, 6);
    assert_string_equal(address_format(&prefix64.prefix, text), "2001:db8:122::");
    assert_memory_equal(prefix64.suffix, suffix, sizeof suffix);
    assert_int_equal(prefix64.ipv4_count, 2);
    struct address first = pcp_prefix64_ipv4(&prefix64, 0, &length);
    assert_string_equal(address_format(&first, text), "192.0.2.0");
    assert_int_equal(length, 24);
    struct address second = pcp_prefix64_ipv4(&prefix64, 1, &length);
    assert_string_equal(address_format(&second, text), "203.0.113.5");
    assert_int_equal(length, 32);
}

static void prefix64_of_another_length_than_it_says_is_a_fault(void **state)
{
    (void)state;
    struct pcp_prefix64 prefix64;
    for (size_t length = 0; length < sizeof some_ipv4; length++) {
        bool sound = length == sizeof whole_ipv4; /* it just has no IPv4 prefixes then */
        assert_int_equal(read_prefix64(some_ipv4, (uint16_t)length, &prefix64),
                         sound ? PCP_FAULT_NONE : PCP_FAULT_OPTION_LENGTH);
    }
    for (unsigned int octets = 0; octets < 256; octets++) {
        uint8_t changed[sizeof whole_ipv4] = {0, (uint8_t)octets};
        bool sound = (octets >= 4 && octets <= 8) || octets == 12;
        assert_int_equal(read_prefix64(changed, sizeof changed, &prefix64),
                         sound ? PCP_FAULT_NONE : PCP_FAULT_OPTION_LENGTH);
    }
    uint8_t many[sizeof some_ipv4];
    memcpy(many, some_ipv4, sizeof many);
    many[14] = 0xff; /* 65282 IPv4 prefixes */
    assert_int_equal(read_prefix64(many, sizeof many, &prefix64), PCP_FAULT_OPTION_LENGTH);
}

static void port_set_holds_size_first_port_and_parity(void **state)
{
    (void)state;
    static const uint8_t octets[] = {
        0x00, 0x64, /* 100 ports */
        0xc3, 0x50, /* from 50000 on */
        0x81,       /* reserved 0x40, P */
    };
    uint8_t plain[sizeof octets];
    struct pcp_option option = {.length = sizeof octets, .data = octets};
    struct pcp_port_set ports;
    assert_int_equal(pcp_option_port_set(&option, &ports), PCP_FAULT_NONE);
    assert_int_equal(ports.size, 100);
    assert_int_equal(ports.first_internal_port, 50000);
    assert_int_equal(ports.reserved, 0x40);
    assert_true(ports.parity);
    memcpy(plain, octets, sizeof plain);
    plain[4] = 0x80;
    option.data = plain;
    assert_int_equal(pcp_option_port_set(&option, &ports), PCP_FAULT_NONE);
    assert_false(ports.parity);
    static const uint16_t wrong[] = {0, 4, 6, 8};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        option.length = wrong[i];
        assert_int_equal(pcp_option_port_set(&option, &ports), PCP_FAULT_OPTION_LENGTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix64_holds_a_prefix_for_all_of_ipv4),
        cmocka_unit_test(prefix64_holds_a_suffix_and_the_ipv4_prefixes_it_is_for),
        cmocka_unit_test(prefix64_of_another_length_than_it_says_is_a_fault),
        cmocka_unit_test(port_set_holds_size_first_port_and_parity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
