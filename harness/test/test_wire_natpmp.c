/* NAT-PMP messages, RFC 6886 section 3: golden octets, faults, and back again. */
#include "wire/natpmp.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* clang-format off */
static const uint8_t golden_address_request[2] = {
    0x00, /* version 0 */
    0x00, /* opcode 0: external address */
};
static const uint8_t golden_address_response[12] = {
    0x00,                   /* version 0 */
    0x80,                   /* opcode 128 + 0 */
    0x00, 0x00,             /* result 0: success */
    0x00, 0x00, 0x30, 0x39, /* epoch 12345 */
    0x0b, 0x00, 0x00, 0x01, /* external address 11.0.0.1 */
};
static const uint8_t golden_map_request[12] = {
    0x00,                   /* version 0 */
    0x01,                   /* opcode 1: map UDP */
    0xe1, 0xe2,             /* reserved, which no sender may set */
    0x16, 0x33,             /* internal port 5683 */
    0x9c, 0x40,             /* suggested external port 40000 */
    0x00, 0x00, 0x1c, 0x20, /* requested lifetime 7200 */
};
static const uint8_t golden_map_response[16] = {
    0x00,                   /* version 0 */
    0x82,                   /* opcode 128 + 2: map TCP */
    0x00, 0x04,             /* result 4: out of resources */
    0x00, 0x00, 0x00, 0x07, /* epoch 7 */
    0x16, 0x33,             /* internal port 5683 */
    0x9c, 0x40,             /* mapped external port 40000 */
    0x00, 0x00, 0x0e, 0x10, /* lifetime 3600 */
};
static const uint8_t golden_unsupported_version[8] = {
    0x00,                   /* version 0 */
    0x00,                   /* opcode 0, without 128 */
    0x00, 0x01,             /* result 1: unsupported version */
    0x00, 0x00, 0x30, 0x39, /* epoch 12345 */
};
/* clang-format on */

static const struct {
    const char *name;
    const uint8_t *octets;
    size_t length;
} goldens[] = {
    {"address request", golden_address_request, sizeof golden_address_request},
    {"address response", golden_address_response, sizeof golden_address_response},
    {"map request", golden_map_request, sizeof golden_map_request},
    {"map response", golden_map_response, sizeof golden_map_response},
    {"unsupported version", golden_unsupported_version, sizeof golden_unsupported_version},
};

enum { GOLDENS = sizeof goldens / sizeof goldens[0] };

static enum natpmp_fault decode(const uint8_t *octets, size_t length, struct natpmp_message *out)
{
    uint8_t *copy = exact_copy(octets, length);
    enum natpmp_fault fault = natpmp_decode(copy, length, out);
    free(copy);
    return fault;
}

static void a_request_for_the_external_address_is_two_octets(void **state)
{
    (void)state;
    struct natpmp_message message;
    assert_int_equal(decode(golden_address_request, 2, &message), NATPMP_FAULT_NONE);
    assert_false(message.response);
    assert_int_equal(message.opcode, NATPMP_ADDRESS);
}

static void a_response_tells_the_external_address(void **state)
{
    (void)state;
    struct natpmp_message message;
    assert_int_equal(decode(golden_address_response, 12, &message), NATPMP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.opcode, NATPMP_ADDRESS);
    assert_int_equal(message.result, NATPMP_SUCCESS);
    assert_int_equal(message.epoch, 12345);
    assert_memory_equal(message.external_address, "\x0b\x00\x00\x01", 4);
}

static void a_mapping_request_is_decoded(void **state)
{
    (void)state;
    struct natpmp_message message;
    assert_int_equal(decode(golden_map_request, 12, &message), NATPMP_FAULT_NONE);
    assert_false(message.response);
    assert_int_equal(message.opcode, NATPMP_MAP_UDP);
    assert_memory_equal(message.reserved, "\xe1\xe2", 2);
    assert_int_equal(message.internal_port, 5683);
    assert_int_equal(message.external_port, 40000);
    assert_int_equal(message.lifetime, 7200);
}

static void a_mapping_response_is_decoded(void **state)
{
    (void)state;
    struct natpmp_message message;
    assert_int_equal(decode(golden_map_response, 16, &message), NATPMP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.opcode, NATPMP_MAP_TCP);
    assert_int_equal(message.result, NATPMP_OUT_OF_RESOURCES);
    assert_int_equal(message.epoch, 7);
    assert_int_equal(message.internal_port, 5683);
    assert_int_equal(message.external_port, 40000);
    assert_int_equal(message.lifetime, 3600);
}

static void unsupported_version_is_a_response_though_it_has_no_flag(void **state)
{
    (void)state;
    struct natpmp_message message;
    assert_int_equal(decode(golden_unsupported_version, 8, &message), NATPMP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.result, NATPMP_UNSUPPORTED_VERSION);
    assert_int_equal(message.epoch, 12345);
    /* Some gateways set the flag. */
    static const uint8_t flagged[8] = {0x00, 0x80, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05};
    assert_int_equal(decode(flagged, 8, &message), NATPMP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.epoch, 5);
    static const uint8_t of_a_mapping[8] = {0x00, 0x81, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05};
    uint8_t octets[8];
    assert_int_equal(decode(of_a_mapping, 8, &message), NATPMP_FAULT_NONE);
    assert_int_equal(natpmp_encode(&message, octets, sizeof octets), 8);
    assert_memory_equal(octets, "\0\0\0\1\0\0\0\5", 8);
    /* From 4 octets on the result is known. */
    assert_int_equal(decode(golden_unsupported_version, 4, &message), NATPMP_FAULT_CUT);
    assert_true(message.response);
    assert_int_equal(message.result, NATPMP_UNSUPPORTED_VERSION);
}

static void what_was_decoded_is_encoded_to_the_same_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct natpmp_message message;
        uint8_t octets[16];
        assert_int_equal(decode(goldens[i].octets, goldens[i].length, &message), NATPMP_FAULT_NONE);
        assert_int_equal(natpmp_encode(&message, octets, sizeof octets), goldens[i].length);
        assert_memory_equal(octets, goldens[i].octets, goldens[i].length);
        for (size_t capacity = 0; capacity < goldens[i].length; capacity++)
            assert_int_equal(natpmp_encode(&message, octets, capacity), 0);
    }
}

static void a_message_cut_anywhere_is_told_as_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        for (size_t length = 0; length < goldens[i].length; length++) {
            struct natpmp_message message;
            enum natpmp_fault fault = decode(goldens[i].octets, length, &message);
            enum natpmp_fault expected = length < 2 ? NATPMP_FAULT_SHORT : NATPMP_FAULT_CUT;
            /* Its first two octets alone are a request for the external address, a third is one
             * too many. */
            if (goldens[i].octets == golden_unsupported_version && length >= 2 && length < 4)
                expected = length == 2 ? NATPMP_FAULT_NONE : NATPMP_FAULT_LONG;
            if (fault != expected)
                fail_msg("%s of %zu octets", goldens[i].name, length);
            assert_int_equal(message.internal_port, 0);
        }
    }
}

static void octets_behind_the_message_are_a_fault_but_it_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        uint8_t octets[17] = {0};
        struct natpmp_message message;
        struct natpmp_message longer;
        memcpy(octets, goldens[i].octets, goldens[i].length);
        (void)decode(goldens[i].octets, goldens[i].length, &message);
        assert_int_equal(decode(octets, goldens[i].length + 1, &longer), NATPMP_FAULT_LONG);
        assert_int_equal(longer.epoch, message.epoch);
        assert_int_equal(longer.lifetime, message.lifetime);
    }
}

static void another_opcode_is_told_and_its_result_read(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0x00, 0x83, 0x00, 0x05};
    struct natpmp_message message;
    assert_int_equal(decode(octets, sizeof octets, &message), NATPMP_FAULT_OPCODE);
    assert_true(message.response);
    assert_int_equal(message.opcode, 3);
    assert_int_equal(message.result, NATPMP_UNSUPPORTED_OPCODE);
    uint8_t out[16];
    assert_int_equal(natpmp_encode(&message, out, sizeof out), 0);
}

static void the_first_octet_tells_nat_pmp_from_pcp(void **state)
{
    (void)state;
    static const uint8_t natpmp[] = {0x00, 0x00};
    static const uint8_t pcp[] = {0x02, 0x01};
    struct natpmp_message message;
    assert_true(natpmp_recognise(natpmp, sizeof natpmp));
    assert_false(natpmp_recognise(pcp, sizeof pcp));
    assert_true(natpmp_recognise(natpmp, 1));
    assert_false(natpmp_recognise(natpmp, 0));
    assert_int_equal(decode(pcp, sizeof pcp, &message), NATPMP_FAULT_VERSION);
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(natpmp_opcode_name(NATPMP_MAP_TCP), "map TCP");
    assert_null(natpmp_opcode_name(3));
    assert_string_equal(natpmp_result_name(NATPMP_UNSUPPORTED_OPCODE), "Unsupported opcode");
    assert_null(natpmp_result_name(6));
    assert_null(natpmp_result_name(UINT16_MAX));
    for (int fault = 0; fault < NATPMP_FAULT_COUNT; fault++)
        assert_string_not_equal(natpmp_fault_text((enum natpmp_fault)fault), "unknown fault");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_for_the_external_address_is_two_octets),
        cmocka_unit_test(a_response_tells_the_external_address),
        cmocka_unit_test(a_mapping_request_is_decoded),
        cmocka_unit_test(a_mapping_response_is_decoded),
        cmocka_unit_test(unsupported_version_is_a_response_though_it_has_no_flag),
        cmocka_unit_test(what_was_decoded_is_encoded_to_the_same_octets),
        cmocka_unit_test(a_message_cut_anywhere_is_told_as_cut),
        cmocka_unit_test(octets_behind_the_message_are_a_fault_but_it_is_read),
        cmocka_unit_test(another_opcode_is_told_and_its_result_read),
        cmocka_unit_test(the_first_octet_tells_nat_pmp_from_pcp),
        cmocka_unit_test(every_code_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
