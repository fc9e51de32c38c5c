/* The PCP server's checks that hold for every opcode: RFC 6887 sections 7.1, 7.2, 8.2, 9. */
#include "server_support.h"

#define HOST "192.168.1.10"

static void a_request_of_less_than_2_octets_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    const uint8_t octets[1] = {2};
    send_octets(&bench, HOST, octets, 0);
    assert_int_equal(bench.answer.length, 0);
    send_octets(&bench, HOST, octets, 1);
    assert_int_equal(bench.answer.length, 0);
    stop(&bench);
}

static void a_response_is_dropped_whatever_its_version(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 3600);
    struct request request = encode(&message);
    request.octets[1] |= 0x80;
    for (uint8_t version = 0; version < 4; version++) {
        request.octets[0] = version;
        send_request(&bench, HOST, &request);
        assert_int_equal(bench.answer.length, 0);
    }
    stop(&bench);
}

static void another_version_draws_unsupp_version_from_2_octets_on(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    bench.now += 5 * SECOND;
    for (size_t length = 2; length <= 60; length++) {
        uint8_t octets[60];
        memset(octets, 0xa5, sizeof octets);
        octets[0] = 3;
        octets[1] = 1;
        send_octets(&bench, HOST, octets, length);
        size_t padded = (length + 3) & ~(size_t)3;
        assert_int_equal(bench.answer.length, padded < 24 ? 24 : padded);
        assert_int_equal(bench.answer.octets[0], 2); /* the closest version spoken here */
        assert_int_equal(bench.answer.octets[1], 0x81);
        assert_int_equal(bench.answer.octets[2], 0);
        assert_int_equal(bench.answer.octets[3], PCP_UNSUPP_VERSION);
        assert_int_equal(bench.response.lifetime, 1800);
        assert_int_equal(bench.response.epoch, 5);
        for (size_t i = 12; i < bench.answer.length; i++) /* a copy, and zeros behind it */
            assert_int_equal(bench.answer.octets[i], i < length ? 0xa5 : 0);
    }
    stop(&bench);
}

static void the_version_is_checked_before_the_length(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    uint8_t octets[1300] = {1, 1};
    send_octets(&bench, HOST, octets, sizeof octets);
    assert_int_equal(bench.answer.length, 1100);
    assert_int_equal(bench.answer.octets[3], PCP_UNSUPP_VERSION);
    stop(&bench);
}

static void a_nat_pmp_request_to_a_pcp_only_server_draws_unsupp_version(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    bench.policy.nat_pmp = false;
    start(&bench);
    const uint8_t octets[2] = {0, 0};
    send_octets(&bench, HOST, octets, sizeof octets);
    /* As a NAT-PMP client reads it: opcode 128 + 0, result 1 in 16 bits. */
    assert_memory_equal(bench.answer.octets, "\x02\x80\x00\x01", 4);
    stop(&bench);
}

static void a_request_of_2_to_23_octets_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    uint8_t octets[24] = {2, PCP_ANNOUNCE};
    struct address client = at(HOST);
    memcpy(octets + 8, client.octet, 16);
    for (size_t length = 2; length < 24; length++) {
        send_octets(&bench, HOST, octets, length);
        assert_int_equal(bench.answer.length, 0);
    }
    send_octets(&bench, HOST, octets, 24);
    assert_result(&bench, PCP_SUCCESS);
    stop(&bench);
}

static void a_bad_length_is_malformed_and_the_copy_padded_and_cut_at_1100(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 3600);
    struct request request = encode(&message);
    memset(request.octets + 60, 0x5a, sizeof request.octets - 60);
    static const struct {
        size_t sent, answered;
    } cases[] = {{24, 24},     {28, 28},     {56, 56},     {59, 60},    {61, 64},
                 {1098, 1100}, {1101, 1100}, {1104, 1100}, {1399, 1100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send_octets(&bench, HOST, request.octets, cases[i].sent);
        assert_result(&bench, PCP_MALFORMED_REQUEST);
        assert_int_equal(bench.answer.length, cases[i].answered);
        assert_int_equal(bench.response.lifetime, 1800);
        size_t copied = cases[i].sent < 1100 ? cases[i].sent : 1100;
        assert_memory_equal(bench.answer.octets + 12, request.octets + 12, copied - 12);
        for (size_t j = copied; j < bench.answer.length; j++)
            assert_int_equal(bench.answer.octets[j], 0);
    }
    assert_int_equal(live(&bench), 0);
    stop(&bench);
}

static void an_unknown_opcode_is_copied_with_its_payload_unread(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    for (uint8_t opcode = 3; opcode < 128; opcode++) {
        uint8_t octets[64];
        memset(octets, opcode, sizeof octets);
        octets[0] = 2;
        octets[1] = opcode;
        send_octets(&bench, HOST, octets, sizeof octets);
        assert_result(&bench, PCP_UNSUPP_OPCODE);
        assert_int_equal(bench.answer.octets[1], 0x80 | opcode);
        assert_memory_equal(bench.answer.octets + 12, octets + 12, sizeof octets - 12);
    }
    stop(&bench);
}

static void a_source_other_than_the_client_address_is_a_mismatch(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    struct pcp_message message = map_message("192.168.1.99", UDP, 5683, 3600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
    message = peer_message("192.168.1.99", UDP, 5683, "11.9.9.9", 1, 3600);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
    message.opcode = PCP_ANNOUNCE;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
    assert_int_equal(bench.response.lifetime, 1800);
    /* An almost IPv4-mapped address is another one: all 96 bits count (section 5). */
    message = map_message(HOST, UDP, 5683, 3600);
    message.client.octet[0] = 1;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
    assert_int_equal(live(&bench), 0);
    stop(&bench);
}

static void the_length_is_judged_before_the_client_address(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    struct pcp_message message = map_message("192.168.1.99", UDP, 5683, 3600);
    struct request request = encode(&message);
    request.length = 56;
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    stop(&bench);
}

static void only_an_unparsed_request_gets_its_96_bits_back(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    static const uint8_t zeros[12];
    struct pcp_message message = map_message(HOST, UDP, 5683, 3600);
    struct request request = encode(&message);
    send_request(&bench, HOST, &request); /* SUCCESS */
    assert_memory_equal(bench.answer.octets + 12, zeros, 12);
    send_octets(&bench, "192.168.1.11", request.octets, request.length);
    assert_result(&bench, PCP_ADDRESS_MISMATCH);
    assert_memory_equal(bench.answer.octets + 12, zeros, 12);
    send_octets(&bench, HOST, request.octets, 56);
    assert_result(&bench, PCP_MALFORMED_REQUEST);
    assert_memory_equal(bench.answer.octets + 12, message.client.octet + 4, 12);
    add_option(&request, 100, NULL, 0);
    send_request(&bench, HOST, &request);
    assert_result(&bench, PCP_UNSUPP_OPTION);
    assert_memory_equal(bench.answer.octets + 12, zeros, 12);
    stop(&bench);
}

static void reserved_bits_of_the_header_change_nothing_and_come_back_zero(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    struct pcp_message message = map_message(HOST, UDP, 5683, 3600);
    memset(message.reserved_request, 0xff, sizeof message.reserved_request);
    memset(message.data.map.reserved, 0xff, sizeof message.data.map.reserved);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    static const uint8_t zeros[12];
    assert_int_equal(bench.response.reserved_response, 0);
    assert_memory_equal(bench.response.reserved_epoch, zeros, 12);
    assert_memory_equal(bench.response.data.map.reserved, zeros, 3);

    message = peer_message(HOST, UDP, 5684, "11.9.9.9", 9, 3600);
    memset(message.data.map.reserved, 0xff, sizeof message.data.map.reserved);
    memset(message.data.reserved, 0xff, sizeof message.data.reserved);
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_SUCCESS);
    assert_memory_equal(bench.response.data.map.reserved, zeros, 3);
    assert_memory_equal(bench.response.data.reserved, zeros, 2);

    /* In an error the header alone is the server's; the rest is the copy of the request. */
    message.data.map.protocol = 253;
    send_message(&bench, HOST, &message);
    assert_result(&bench, PCP_UNSUPP_PROTOCOL);
    assert_int_equal(bench.response.reserved_response, 0);
    assert_memory_equal(bench.response.data.map.reserved, message.data.map.reserved, 3);
    stop(&bench);
}

static void requests_from_outside_meet_silence(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    bench.side = PCP_SERVER_OUTSIDE;
    uint8_t octets[64] = {0};
    for (uint8_t version = 0; version < 4; version++) {
        octets[0] = version;
        for (size_t length = 0; length <= sizeof octets; length++) {
            send_octets(&bench, HOST, octets, length);
            assert_int_equal(bench.answer.length, 0);
        }
    }
    map(&bench, HOST, UDP, 5683, 3600);
    assert_int_equal(bench.answer.length, 0);
    assert_int_equal(live(&bench), 0);
    stop(&bench);
}

static void sources_outside_the_inside_prefixes_meet_silence(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    const struct pcp_server_prefix inside = {at("192.168.1.0"), 120};
    bench.policy.inside = &inside;
    bench.policy.inside_count = 1;
    start(&bench);
    map(&bench, "192.168.2.10", UDP, 5683, 3600);
    assert_int_equal(bench.answer.length, 0);
    assert_int_not_equal(map(&bench, HOST, UDP, 5683, 3600), 0);
    stop(&bench);
}

static void the_epoch_counts_seconds_in_success_and_error(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    for (unsigned int second = 0; second < 100; second++) {
        map(&bench, HOST, UDP, 5683, 3600);
        assert_int_equal(bench.response.epoch, second);
        bench.now += SECOND - 1;
        map(&bench, HOST, 253, 5683, 3600);
        assert_result(&bench, PCP_UNSUPP_PROTOCOL);
        assert_int_equal(bench.response.epoch, second);
        bench.now += 1;
    }
    stop(&bench);
}

static void time_that_runs_backwards_is_ignored(void **state)
{
    (void)state;
    struct bench bench;
    prepare(&bench);
    start(&bench);
    bench.now += 100 * SECOND;
    map(&bench, HOST, UDP, 5683, 3600);
    bench.now -= 90 * SECOND;
    map(&bench, HOST, UDP, 5684, 3600);
    assert_int_equal(bench.response.epoch, 100);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_less_than_2_octets_is_dropped),
        cmocka_unit_test(a_response_is_dropped_whatever_its_version),
        cmocka_unit_test(another_version_draws_unsupp_version_from_2_octets_on),
        cmocka_unit_test(the_version_is_checked_before_the_length),
        cmocka_unit_test(a_nat_pmp_request_to_a_pcp_only_server_draws_unsupp_version),
        cmocka_unit_test(a_request_of_2_to_23_octets_is_dropped),
        cmocka_unit_test(a_bad_length_is_malformed_and_the_copy_padded_and_cut_at_1100),
        cmocka_unit_test(an_unknown_opcode_is_copied_with_its_payload_unread),
        cmocka_unit_test(a_source_other_than_the_client_address_is_a_mismatch),
        cmocka_unit_test(the_length_is_judged_before_the_client_address),
        cmocka_unit_test(only_an_unparsed_request_gets_its_96_bits_back),
        cmocka_unit_test(reserved_bits_of_the_header_change_nothing_and_come_back_zero),
        cmocka_unit_test(requests_from_outside_meet_silence),
        cmocka_unit_test(sources_outside_the_inside_prefixes_meet_silence),
        cmocka_unit_test(the_epoch_counts_seconds_in_success_and_error),
        cmocka_unit_test(time_that_runs_backwards_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
