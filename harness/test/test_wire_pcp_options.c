/* PCP options, RFC 6887 sections 7.3 and 13. */
#include "wire/pcp.h"

#include "test/exact.h"
#include "test/pcp_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void options_are_walked_in_their_order(void **state)
{
    (void)state;
    static const uint8_t codes[] = {PCP_THIRD_PARTY, PCP_PREFER_FAILURE, PCP_FILTER, 129};
    static const uint16_t lengths[] = {16, 0, 20, 5};
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault;
    for (size_t i = 0; i < sizeof codes; i++) {
        assert_true(
            pcp_option_next(golden_options, sizeof golden_options, &offset, &option, &fault));
        assert_int_equal(fault, PCP_FAULT_NONE);
        assert_int_equal(option.code, codes[i]);
        assert_int_equal(option.length, lengths[i]);
    }
    assert_int_equal(option.reserved, 0x99);
    assert_memory_equal(option.data, "hello", 5);
    assert_int_equal(offset, sizeof golden_options);
    assert_false(pcp_option_next(golden_options, sizeof golden_options, &offset, &option, &fault));
    assert_int_equal(fault, PCP_FAULT_NONE);
}

static void no_options_are_no_fault(void **state)
{
    (void)state;
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault = PCP_FAULT_SHORT;
    assert_false(pcp_option_next(NULL, 0, &offset, &option, &fault));
    assert_int_equal(fault, PCP_FAULT_NONE);
}

static void an_option_area_cut_anywhere_is_walked_up_to_the_cut(void **state)
{
    (void)state;
    /* Where whole options end: their padding may be missing at the very end. */
    for (size_t length = 0; length < sizeof golden_options; length++) {
        uint8_t *octets = exact_copy(golden_options, length);
        size_t offset = 0;
        struct pcp_option option;
        enum pcp_fault fault;
        size_t options = 0;
        while (pcp_option_next(octets, length, &offset, &option, &fault))
            options++;
        assert_int_equal(options,
                         (length >= 20) + (length >= 24) + (length >= 48) + (length >= 57));
        bool between = length == 0 || length == 20 || length == 24 || length == 48 || length >= 57;
        assert_int_equal(fault, between ? PCP_FAULT_NONE : PCP_FAULT_OPTION_CUT);
        free(octets);
    }
}

static void a_length_past_the_datagram_is_a_fault(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0x81, 0x00, 0xff, 0xff, 1, 2, 3, 4};
    size_t offset = 0;
    struct pcp_option option;
    enum pcp_fault fault;
    assert_false(pcp_option_next(octets, sizeof octets, &offset, &option, &fault));
    assert_int_equal(fault, PCP_FAULT_OPTION_CUT);
    assert_int_equal(offset, 0);
}

static void third_party_holds_an_address(void **state)
{
    (void)state;
    struct pcp_option option = {.code = 1, .length = 16, .data = golden_options + 4};
    struct address internal;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(pcp_option_third_party(&option, &internal), PCP_FAULT_NONE);
    assert_string_equal(address_format(&internal, text), "192.168.1.20");
    for (option.length = 0; option.length < 32; option.length++)
        if (option.length != 16)
            assert_int_equal(pcp_option_third_party(&option, &internal), PCP_FAULT_OPTION_LENGTH);
}

static void filter_holds_prefix_port_and_address(void **state)
{
    (void)state;
    struct pcp_option option = {.code = 3, .length = 20, .data = golden_options + 28};
    struct pcp_filter filter;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(pcp_option_filter(&option, &filter), PCP_FAULT_NONE);
    assert_int_equal(filter.reserved, 0);
    assert_int_equal(filter.prefix_length, 120);
    assert_int_equal(filter.remote_port, 5683);
    assert_string_equal(address_format(&filter.remote_address, text), "203.0.113.0");
    for (option.length = 0; option.length < 32; option.length++)
        if (option.length != 20)
            assert_int_equal(pcp_option_filter(&option, &filter), PCP_FAULT_OPTION_LENGTH);
}

/* golden_options, built: the reserved octet of the last one aside, which no call sets. */
static size_t build(uint8_t *octets, size_t capacity)
{
    struct address internal;
    struct pcp_filter filter = {.prefix_length = 120, .remote_port = 5683};
    assert_true(address_parse("192.168.1.20", &internal));
    assert_true(address_parse("203.0.113.0", &filter.remote_address));
    size_t used = pcp_append_third_party(octets, 0, capacity, &internal);
    if (used)
        used = pcp_append_option(octets, used, capacity, PCP_PREFER_FAILURE, NULL, 0);
    if (used)
        used = pcp_append_filter(octets, used, capacity, &filter);
    return used ? pcp_append_option(octets, used, capacity, 129, (const uint8_t *)"hello", 5) : 0;
}

static void options_are_appended_with_their_padding(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_options];
    uint8_t expected[sizeof golden_options];
    memcpy(expected, golden_options, sizeof expected);
    expected[49] = 0;
    memset(octets, 0xaa, sizeof octets);
    assert_int_equal(build(octets, sizeof octets), sizeof octets);
    assert_memory_equal(octets, expected, sizeof expected);
}

static void nothing_is_appended_into_too_little_room(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < sizeof golden_options; capacity++) {
        uint8_t *octets = exact_copy(golden_options, capacity);
        assert_int_equal(build(octets, capacity), 0);
        free(octets);
    }
    uint8_t octet = 0;
    assert_int_equal(pcp_append_option(&octet, 2, 1, 129, NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_walked_in_their_order),
        cmocka_unit_test(no_options_are_no_fault),
        cmocka_unit_test(an_option_area_cut_anywhere_is_walked_up_to_the_cut),
        cmocka_unit_test(a_length_past_the_datagram_is_a_fault),
        cmocka_unit_test(third_party_holds_an_address),
        cmocka_unit_test(filter_holds_prefix_port_and_address),
        cmocka_unit_test(options_are_appended_with_their_padding),
        cmocka_unit_test(nothing_is_appended_into_too_little_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
