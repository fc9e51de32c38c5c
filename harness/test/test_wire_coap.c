/* CoAP messages as captures show them, RFC 7252 section 3. */
#include "wire/coap.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* clang-format off */
static const uint8_t golden_post[] = {
    0x44,                                                 /* version 1, CON, 4 octets of token */
    0x02,                                                 /* code 0.02: POST */
    0x12, 0x67,                                           /* message id 4711 */
    0xde, 0xad, 0xbe, 0xef,                               /* token */
    0xb2, 0x72, 0x64,                                     /* delta 11, length 2: Uri-Path "rd" */
    0x10,                                                 /* delta 1, length 0: Content-Format 0 */
    0x3d, 0x02, 0x65, 0x70, 0x3d, 0x6e, 0x6f, 0x64, 0x65,
    0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,       /* delta 3, length 13 + 2: Uri-Query */
};
static const uint8_t golden_content[] = {
    0x61,                   /* version 1, ACK, 1 octet of token */
    0x45,                   /* code 2.05: Content */
    0x12, 0x67,             /* message id 4711 */
    0x07,                   /* token */
    0x62, 0x01, 0x02,       /* delta 6, length 2: Observe 258 */
    0xd1, 0x07, 0x3c,       /* delta 13 + 7, length 1: option 26 */
    0xe1, 0x00, 0x03, 0xaa, /* delta 269 + 3, length 1: option 298 */
    0xff,                   /* payload marker */
    0x6f, 0x6b,             /* "ok" */
};
static const uint8_t golden_reset[] = {
    0x70,       /* version 1, RST, no token */
    0x00,       /* code 0.00: Empty */
    0x12, 0x67, /* message id 4711 */
};
/* clang-format on */

static enum coap_message_fault decode(const uint8_t *octets, size_t length,
                                      struct coap_message *out)
{
    uint8_t *copy = exact_copy(octets, length);
    enum coap_message_fault fault = coap_message_decode(copy, length, out);
    free(copy);
    return fault;
}

static void assert_option(const struct coap_message *message, struct coap_message_walk *walk,
                          uint32_t number, const void *value, size_t length)
{
    struct coap_message_option option;
    assert_true(coap_message_next_option(message, walk, &option));
    assert_int_equal(option.number, number);
    assert_int_equal(option.length, length);
    assert_memory_equal(option.value, value, length);
}

static void a_request_is_decoded(void **state)
{
    (void)state;
    struct coap_message message;
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    assert_int_equal(coap_message_decode(golden_post, sizeof golden_post, &message),
                     COAP_FAULT_NONE);
    assert_int_equal(message.version, 1);
    assert_int_equal(message.type, COAP_TYPE_CONFIRMABLE);
    assert_int_equal(message.code, 2);
    assert_true(coap_message_is_request(&message));
    assert_int_equal(message.message_id, 4711);
    assert_int_equal(message.token_length, 4);
    assert_memory_equal(message.token, "\xde\xad\xbe\xef", 4);
    assert_option(&message, &walk, 11, "rd", 2);
    assert_option(&message, &walk, 12, "", 0);
    assert_option(&message, &walk, 15, "ep=node12345678", 15);
    assert_false(coap_message_next_option(&message, &walk, &option));
    assert_null(message.payload);
    assert_int_equal(message.payload_length, 0);
}

static void a_response_is_decoded_with_long_deltas_and_payload(void **state)
{
    (void)state;
    struct coap_message message;
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    assert_int_equal(coap_message_decode(golden_content, sizeof golden_content, &message),
                     COAP_FAULT_NONE);
    assert_int_equal(message.type, COAP_TYPE_ACKNOWLEDGEMENT);
    assert_false(coap_message_is_request(&message));
    assert_true(coap_message_next_option(&message, &walk, &option));
    assert_int_equal(option.number, 6);
    assert_int_equal(coap_message_option_uint(&option), 258);
    assert_option(&message, &walk, 26, "\x3c", 1);
    assert_option(&message, &walk, 298, "\xaa", 1);
    assert_false(coap_message_next_option(&message, &walk, &option));
    assert_int_equal(message.payload_length, 2);
    assert_memory_equal(message.payload, "ok", 2);
}

static void a_path_is_put_together_from_its_segments(void **state)
{
    (void)state;
    static const uint8_t twice[] = {0x40, 0x01, 0x00, 0x01, 0xb5, '2',  '6',
                                    '8',  '8',  '7',  0x01, '0',  0x41, 'q'};
    static const uint8_t nul[] = {0x40, 0x01, 0x00, 0x01, 0xb1, 0x00};
    struct coap_message message;
    char text[9];
    assert_int_equal(coap_message_decode(twice, sizeof twice, &message), COAP_FAULT_NONE);
    assert_true(coap_message_path(&message, 11, text, sizeof text));
    assert_string_equal(text, "/26887/0");
    for (size_t size = 0; size < sizeof text; size++)
        assert_false(coap_message_path(&message, 11, text, size));
    assert_true(coap_message_path(&message, 8, text, sizeof text));
    assert_string_equal(text, "/");
    assert_int_equal(coap_message_decode(nul, sizeof nul, &message), COAP_FAULT_NONE);
    assert_false(coap_message_path(&message, 11, text, sizeof text));
}

static void an_empty_message_is_its_header_alone(void **state)
{
    (void)state;
    struct coap_message message;
    assert_int_equal(decode(golden_reset, sizeof golden_reset, &message), COAP_FAULT_NONE);
    assert_int_equal(message.type, COAP_TYPE_RESET);
    static const uint8_t longer[] = {0x70, 0x00, 0x12, 0x67, 0x00};
    assert_int_equal(decode(longer, sizeof longer, &message), COAP_FAULT_EMPTY);
    assert_int_equal(message.message_id, 4711);
}

static void a_message_cut_anywhere_is_read_no_further(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof golden_post; length++) {
        struct coap_message message;
        enum coap_message_fault fault = decode(golden_post, length, &message);
        enum coap_message_fault expected = COAP_FAULT_OPTION_CUT;
        if (length < 4)
            expected = COAP_FAULT_SHORT;
        else if (length < 8)
            expected = COAP_FAULT_TOKEN_CUT;
        else if (length == 8 || length == 11 || length == 12) /* between two options */
            expected = COAP_FAULT_NONE;
        if (fault != expected)
            fail_msg("%zu octets: %s", length, coap_message_fault_text(fault));
    }
    for (size_t length = 5; length < sizeof golden_content; length++) {
        struct coap_message message;
        enum coap_message_fault fault = decode(golden_content, length, &message);
        enum coap_message_fault expected = COAP_FAULT_OPTION_CUT;
        if (length == 16) /* the marker and nothing behind it */
            expected = COAP_FAULT_PAYLOAD;
        else if (length == 5 || length == 8 || length == 11 || length >= 15)
            expected = COAP_FAULT_NONE;
        if (fault != expected)
            fail_msg("%zu octets: %s", length, coap_message_fault_text(fault));
    }
}

static void options_before_a_faulty_one_are_walked(void **state)
{
    (void)state;
    /* CON GET, Uri-Path "a", then delta 15. */
    static const uint8_t octets[] = {0x40, 0x01, 0x00, 0x01, 0xb1, 0x61, 0xf0};
    struct coap_message message;
    struct coap_message_walk walk = {0};
    struct coap_message_option option;
    assert_int_equal(coap_message_decode(octets, sizeof octets, &message), COAP_FAULT_OPTION);
    assert_option(&message, &walk, 11, "a", 1);
    assert_false(coap_message_next_option(&message, &walk, &option));
}

static void reserved_lengths_are_faults(void **state)
{
    (void)state;
    struct coap_message message;
    static const uint8_t option_length_15[] = {0x40, 0x01, 0x00, 0x01, 0x1f, 0x00};
    assert_int_equal(decode(option_length_15, sizeof option_length_15, &message),
                     COAP_FAULT_OPTION);
    for (uint8_t token_length = 0; token_length < 16; token_length++) {
        uint8_t octets[20] = {(uint8_t)(0x40 | token_length), 0x01, 0x00, 0x01};
        assert_int_equal(decode(octets, 4 + (size_t)token_length, &message),
                         token_length <= 8 ? COAP_FAULT_NONE : COAP_FAULT_TOKEN);
    }
}

static void a_long_delta_may_end_the_message(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0x40, 0x01, 0x00, 0x01, 0xd0, 0x2f}; /* Size1, empty */
    struct coap_message message;
    struct coap_message_walk walk = {0};
    assert_int_equal(coap_message_decode(octets, sizeof octets, &message), COAP_FAULT_NONE);
    assert_option(&message, &walk, 60, "", 0);
}

static void requests_have_the_codes_of_class_0_but_the_first(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        struct coap_message message = {.code = (uint8_t)code};
        assert_int_equal(coap_message_is_request(&message), code >= 1 && code <= 31);
    }
}

static void another_version_is_not_read(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_reset];
    struct coap_message message;
    memcpy(octets, golden_reset, sizeof octets);
    for (unsigned version = 0; version < 4; version++) {
        octets[0] = (uint8_t)(version << 6 | 0x30);
        assert_int_equal(decode(octets, sizeof octets, &message),
                         version == 1 ? COAP_FAULT_NONE : COAP_FAULT_VERSION);
        assert_int_equal(message.version, version);
    }
}

static void codes_are_written_as_the_rfc_writes_them(void **state)
{
    (void)state;
    char text[COAP_MESSAGE_CODE_TEXT_SIZE];
    assert_string_equal(coap_message_code_text(1, text), "GET");
    assert_string_equal(coap_message_code_text(7, text), "iPATCH");
    assert_string_equal(coap_message_code_text(8, text), "0.08");
    assert_string_equal(coap_message_code_text(0, text), "0.00");
    assert_string_equal(coap_message_code_text(0x45, text), "2.05");
    assert_string_equal(coap_message_code_text(0xff, text), "7.31");
    assert_string_equal(coap_message_code_name(0x45), "Content");
    assert_string_equal(coap_message_code_name(0x84), "Not Found");
    assert_null(coap_message_code_name(0x46));
    assert_null(coap_message_code_name(0xff));
}

static void types_options_and_faults_have_names(void **state)
{
    (void)state;
    assert_string_equal(coap_message_type_name(COAP_TYPE_CONFIRMABLE), "CON");
    assert_string_equal(coap_message_type_name(COAP_TYPE_RESET), "RST");
    assert_string_equal(coap_message_option_name(11), "Uri-Path");
    assert_string_equal(coap_message_option_name(60), "Size1");
    assert_null(coap_message_option_name(2));
    assert_null(coap_message_option_name(UINT32_MAX));
    for (int fault = 0; fault < COAP_FAULT_COUNT; fault++)
        assert_string_not_equal(coap_message_fault_text((enum coap_message_fault)fault),
                                "unknown fault");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_decoded),
        cmocka_unit_test(a_response_is_decoded_with_long_deltas_and_payload),
        cmocka_unit_test(a_path_is_put_together_from_its_segments),
        cmocka_unit_test(an_empty_message_is_its_header_alone),
        cmocka_unit_test(a_message_cut_anywhere_is_read_no_further),
        cmocka_unit_test(options_before_a_faulty_one_are_walked),
        cmocka_unit_test(reserved_lengths_are_faults),
        cmocka_unit_test(a_long_delta_may_end_the_message),
        cmocka_unit_test(requests_have_the_codes_of_class_0_but_the_first),
        cmocka_unit_test(another_version_is_not_read),
        cmocka_unit_test(codes_are_written_as_the_rfc_writes_them),
        cmocka_unit_test(types_options_and_faults_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
