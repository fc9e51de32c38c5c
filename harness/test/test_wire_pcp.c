/* PCP messages, RFC 6887 sections 7, 8, 11, 12 and 14: golden octets, faults, and back again. */
#include "wire/pcp.h"

#include "test/exact.h"
#include "test/pcp_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const uint8_t *octets;
    size_t length;
} goldens[] = {
    {"MAP request", golden_map_request, sizeof golden_map_request},
    {"MAP response", golden_map_response, sizeof golden_map_response},
    {"PEER request", golden_peer_request, sizeof golden_peer_request},
    {"PEER response", golden_peer_response, sizeof golden_peer_response},
    {"ANNOUNCE request", golden_announce_request, sizeof golden_announce_request},
    {"ANNOUNCE response", golden_announce_response, sizeof golden_announce_response},
};

enum { GOLDENS = sizeof goldens / sizeof goldens[0] };

static void assert_address(const struct address *address, const char *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_format(address, text), expected);
}

static enum pcp_fault decode(const uint8_t *octets, size_t length, struct pcp_message *out)
{
    uint8_t *copy = exact_copy(octets, length);
    enum pcp_fault fault = pcp_decode(copy, length, out);
    free(copy);
    return fault;
}

static void a_map_request_is_decoded(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_map_request, sizeof golden_map_request, &message),
                     PCP_FAULT_NONE);
    assert_int_equal(message.version, 2);
    assert_false(message.response);
    assert_int_equal(message.opcode, PCP_MAP);
    assert_int_equal(message.lifetime, 7200);
    assert_address(&message.client, "192.168.1.10");
    assert_memory_equal(message.data.map.nonce, golden_map_request + 24, 12);
    assert_int_equal(message.data.map.protocol, 17);
    assert_int_equal(message.data.map.internal_port, 5683);
    assert_int_equal(message.data.map.external_port, 0);
    assert_address(&message.data.map.external_address, "0.0.0.0");
    assert_int_equal(message.options_length, 0);
}

static void a_map_response_is_decoded(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_map_response, sizeof golden_map_response, &message),
                     PCP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.opcode, PCP_MAP);
    assert_int_equal(message.result, PCP_SUCCESS);
    assert_int_equal(message.lifetime, 120);
    assert_int_equal(message.epoch, 12);
    assert_int_equal(message.data.map.internal_port, 5683);
    assert_int_equal(message.data.map.external_port, 40000);
    assert_address(&message.data.map.external_address, "11.0.0.1");
    assert_address(&message.client, "::"); /* a response has none */
}

static void a_peer_request_is_decoded_with_its_reserved_fields(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_peer_request, sizeof golden_peer_request, &message),
                     PCP_FAULT_NONE);
    assert_int_equal(message.opcode, PCP_PEER);
    assert_memory_equal(message.reserved_request, "\xe1\xe2", 2);
    assert_memory_equal(message.data.map.reserved, "\xe3\xe4\xe5", 3);
    assert_memory_equal(message.data.reserved, "\xe6\xe7", 2);
    assert_address(&message.client, "2001:db8::a");
    assert_int_equal(message.data.map.protocol, 6);
    assert_int_equal(message.data.map.internal_port, 49152);
    assert_int_equal(message.data.map.external_port, 49153);
    assert_address(&message.data.map.external_address, "2001:db8::b");
    assert_int_equal(message.data.remote_port, 443);
    assert_address(&message.data.remote_address, "2001:db8::c");
}

static void a_peer_response_is_decoded_with_its_reserved_fields(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_peer_response, sizeof golden_peer_response, &message),
                     PCP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.reserved_response, 0xe1);
    assert_int_equal(message.result, PCP_CANNOT_PROVIDE_EXTERNAL);
    assert_int_equal(message.lifetime, 30);
    assert_int_equal(message.epoch, 86400);
    assert_memory_equal(message.reserved_epoch, golden_peer_response + 12, 12);
    assert_int_equal(message.data.remote_port, 443);
}

static void an_announce_is_its_header_alone(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_announce_request, sizeof golden_announce_request, &message),
                     PCP_FAULT_NONE);
    assert_false(message.response);
    assert_address(&message.client, "192.168.1.10");
    assert_int_equal(decode(golden_announce_response, sizeof golden_announce_response, &message),
                     PCP_FAULT_NONE);
    assert_true(message.response);
    assert_int_equal(message.epoch, 3);
    assert_int_equal(message.options_length, 0);
}

static void options_stand_behind_the_opcodes_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        struct pcp_message message;
        memcpy(octets, goldens[i].octets, goldens[i].length);
        memcpy(octets + goldens[i].length, golden_options, sizeof golden_options);
        assert_int_equal(pcp_decode(octets, goldens[i].length + sizeof golden_options, &message),
                         PCP_FAULT_NONE);
        assert_ptr_equal(message.options, octets + goldens[i].length);
        assert_int_equal(message.options_length, sizeof golden_options);
    }
}

static void what_was_decoded_is_encoded_to_the_same_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct pcp_message message;
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        assert_int_equal(decode(goldens[i].octets, goldens[i].length, &message), PCP_FAULT_NONE);
        assert_int_equal(pcp_encode(&message, octets, goldens[i].length), goldens[i].length);
        assert_memory_equal(octets, goldens[i].octets, goldens[i].length);
    }
}

static void nothing_is_encoded_into_too_little_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct pcp_message message;
        assert_int_equal(decode(goldens[i].octets, goldens[i].length, &message), PCP_FAULT_NONE);
        for (size_t capacity = 0; capacity < goldens[i].length; capacity++) {
            uint8_t *octets = exact_copy(goldens[i].octets, capacity);
            assert_int_equal(pcp_encode(&message, octets, capacity), 0);
            assert_memory_equal(octets, goldens[i].octets, capacity);
            free(octets);
        }
    }
}

static void an_unknown_opcode_is_not_encoded(void **state)
{
    (void)state;
    struct pcp_message message = {.version = PCP_VERSION, .opcode = 3};
    uint8_t octets[PCP_MAXIMUM_LENGTH];
    assert_int_equal(pcp_encode(&message, octets, sizeof octets), 0);
    message.opcode = 0x81;
    assert_int_equal(pcp_encode(&message, octets, sizeof octets), 0);
}

/* Sections 8.2 and 8.3, for a message cut after `length` octets. */
static enum pcp_fault expected_of_cut(const uint8_t *octets, size_t length)
{
    bool response = length >= 2 && octets[1] & 0x80;
    if (length < (response ? 4 : 2))
        return PCP_FAULT_SHORT;
    if (length < PCP_HEADER_LENGTH)
        return PCP_FAULT_HEADER_CUT;
    return length % 4 ? PCP_FAULT_NOT_MULTIPLE_OF_4 : PCP_FAULT_OPCODE_CUT;
}

static void a_message_cut_anywhere_has_the_fault_of_its_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        for (size_t length = 0; length < goldens[i].length; length++) {
            struct pcp_message message;
            enum pcp_fault expected = expected_of_cut(goldens[i].octets, length);
            if (decode(goldens[i].octets, length, &message) != expected)
                fail_msg("%s of %zu octets", goldens[i].name, length);
            assert_int_equal(message.version, expected == PCP_FAULT_SHORT && length < 2 ? 0 : 2);
            assert_null(message.options);
        }
    }
}

static void a_header_survives_the_loss_of_the_data_behind_it(void **state)
{
    (void)state;
    struct pcp_message message;
    assert_int_equal(decode(golden_map_response, 56, &message), PCP_FAULT_OPCODE_CUT);
    assert_int_equal(message.lifetime, 120);
    assert_int_equal(message.epoch, 12);
    assert_int_equal(message.data.map.internal_port, 0);
}

static void a_message_over_1100_octets_is_too_long_but_read(void **state)
{
    (void)state;
    static uint8_t octets[PCP_MAXIMUM_LENGTH + 4];
    struct pcp_message message;
    memcpy(octets, golden_map_request, sizeof golden_map_request);
    assert_int_equal(decode(octets, PCP_MAXIMUM_LENGTH, &message), PCP_FAULT_NONE);
    assert_int_equal(message.options_length, PCP_MAXIMUM_LENGTH - sizeof golden_map_request);
    assert_int_equal(decode(octets, PCP_MAXIMUM_LENGTH + 4, &message), PCP_FAULT_LONG);
    assert_int_equal(message.data.map.internal_port, 5683);
    /* Length is looked at before its remainder. */
    assert_int_equal(decode(octets, PCP_MAXIMUM_LENGTH + 1, &message), PCP_FAULT_LONG);
}

static void a_length_that_is_no_multiple_of_4_is_a_fault_but_read(void **state)
{
    (void)state;
    uint8_t octets[62] = {0};
    struct pcp_message message;
    memcpy(octets, golden_map_request, sizeof golden_map_request);
    for (size_t length = 61; length < 63; length++) {
        assert_int_equal(decode(octets, length, &message), PCP_FAULT_NOT_MULTIPLE_OF_4);
        assert_int_equal(message.data.map.internal_port, 5683);
        assert_int_equal(message.options_length, length - 60);
    }
}

static void an_unknown_opcode_leaves_the_header_readable(void **state)
{
    (void)state;
    uint8_t octets[60];
    struct pcp_message message;
    memcpy(octets, golden_map_request, sizeof octets);
    for (unsigned opcode = 3; opcode < 128; opcode++) {
        octets[1] = (uint8_t)opcode;
        assert_int_equal(decode(octets, sizeof octets, &message), PCP_FAULT_OPCODE);
        assert_int_equal(message.opcode, opcode);
        assert_int_equal(message.lifetime, 7200);
        assert_null(message.options);
    }
}

static void another_version_is_told_before_any_length(void **state)
{
    (void)state;
    struct pcp_message message;
    for (unsigned version = 0; version < 256; version++) {
        uint8_t octets[2] = {(uint8_t)version, 0x01};
        assert_int_equal(decode(octets, sizeof octets, &message),
                         version == 2 ? PCP_FAULT_HEADER_CUT : PCP_FAULT_VERSION);
        assert_int_equal(message.version, version);
        assert_int_equal(message.opcode, PCP_MAP);
    }
}

static void a_client_sees_unsupp_version_in_a_response_of_4_octets(void **state)
{
    (void)state;
    /* Section 8.3: from 4 octets on, before the test for 24. */
    static const uint8_t of_version_1[] = {0x01, 0x81, 0x00, 0x01};
    static const uint8_t of_version_2[] = {0x02, 0x81, 0x00, 0x01};
    struct pcp_message message;
    assert_int_equal(decode(of_version_1, 4, &message), PCP_FAULT_VERSION);
    assert_true(message.response);
    assert_int_equal(message.version, 1);
    assert_int_equal(message.opcode, PCP_MAP);
    assert_int_equal(message.result, PCP_UNSUPP_VERSION);
    assert_int_equal(decode(of_version_2, 4, &message), PCP_FAULT_HEADER_CUT);
    assert_true(message.response);
    assert_int_equal(message.result, PCP_UNSUPP_VERSION);
}

static void a_client_sees_the_unsupported_version_of_a_nat_pmp_server(void **state)
{
    (void)state;
    /* RFC 6886 section 3.5: version 0, opcode 0 without the response flag, result 1, epoch. */
    static const uint8_t octets[] = {0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x30, 0x39};
    struct pcp_message message;
    assert_int_equal(decode(octets, sizeof octets, &message), PCP_FAULT_VERSION);
    assert_int_equal(message.version, 0);
    assert_int_equal(message.result, PCP_UNSUPP_VERSION);
    assert_int_equal(message.lifetime, 0); /* the octets there are an epoch */
}

static void unsupp_version_of_a_later_version_has_its_lifetime(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0x03, 0x81, 0x00, 0x01, 0x00, 0x00, 0x07, 0x08};
    struct pcp_message message;
    assert_int_equal(decode(octets, sizeof octets, &message), PCP_FAULT_VERSION);
    assert_int_equal(message.lifetime, 1800);
    assert_int_equal(decode(octets, 7, &message), PCP_FAULT_VERSION);
    assert_int_equal(message.lifetime, 0);
}

static void every_code_has_the_name_the_rfc_gives(void **state)
{
    (void)state;
    assert_string_equal(pcp_opcode_name(0), "ANNOUNCE");
    assert_string_equal(pcp_opcode_name(1), "MAP");
    assert_string_equal(pcp_opcode_name(2), "PEER");
    assert_null(pcp_opcode_name(3));
    assert_null(pcp_opcode_name(255));
    assert_string_equal(pcp_result_name(0), "SUCCESS");
    assert_string_equal(pcp_result_name(2), "NOT_AUTHORIZED");
    assert_string_equal(pcp_result_name(13), "EXCESSIVE_REMOTE_PEERS");
    assert_null(pcp_result_name(14));
    assert_string_equal(pcp_result_name(24), "THIRD_PARTY_ID_UNKNOWN"); /* RFC 7843 */
    assert_string_equal(pcp_result_name(25), "THIRD_PARTY_MISSING_OPTION");
    assert_string_equal(pcp_result_name(26), "UNSUPP_THIRD_PARTY_ID_LENGTH");
    assert_null(pcp_result_name(27));
    assert_null(pcp_option_name(0));
    assert_string_equal(pcp_option_name(1), "THIRD_PARTY");
    assert_string_equal(pcp_option_name(2), "PREFER_FAILURE");
    assert_string_equal(pcp_option_name(3), "FILTER");
    assert_null(pcp_option_name(4));
    assert_string_equal(pcp_option_name(13), "THIRD_PARTY_ID");
    assert_string_equal(pcp_option_name(128), "DESCRIPTION");
    assert_string_equal(pcp_option_name(129), "PREFIX64");
    assert_string_equal(pcp_option_name(130), "PORT_SET");
    assert_null(pcp_option_name(131));
    for (int fault = 0; fault < PCP_FAULT_COUNT; fault++)
        assert_string_not_equal(pcp_fault_text((enum pcp_fault)fault), "unknown fault");
    assert_string_equal(pcp_fault_text(PCP_FAULT_COUNT), "unknown fault");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_request_is_decoded),
        cmocka_unit_test(a_map_response_is_decoded),
        cmocka_unit_test(a_peer_request_is_decoded_with_its_reserved_fields),
        cmocka_unit_test(a_peer_response_is_decoded_with_its_reserved_fields),
        cmocka_unit_test(an_announce_is_its_header_alone),
        cmocka_unit_test(options_stand_behind_the_opcodes_data),
        cmocka_unit_test(what_was_decoded_is_encoded_to_the_same_octets),
        cmocka_unit_test(nothing_is_encoded_into_too_little_room),
        cmocka_unit_test(an_unknown_opcode_is_not_encoded),
        cmocka_unit_test(a_message_cut_anywhere_has_the_fault_of_its_length),
        cmocka_unit_test(a_header_survives_the_loss_of_the_data_behind_it),
        cmocka_unit_test(a_message_over_1100_octets_is_too_long_but_read),
        cmocka_unit_test(a_length_that_is_no_multiple_of_4_is_a_fault_but_read),
        cmocka_unit_test(an_unknown_opcode_leaves_the_header_readable),
        cmocka_unit_test(another_version_is_told_before_any_length),
        cmocka_unit_test(a_client_sees_unsupp_version_in_a_response_of_4_octets),
        cmocka_unit_test(a_client_sees_the_unsupported_version_of_a_nat_pmp_server),
        cmocka_unit_test(unsupp_version_of_a_later_version_has_its_lifetime),
        cmocka_unit_test(every_code_has_the_name_the_rfc_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
