/* DTLS records, RFC 6347 section 4.1: golden octets, truncations, and what is no DTLS. */
#include "wire/dtls.h"

#include "test/exact.h"
#include "test/pcp_golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The octets stand in rows of fields, which no formatter knows. */
/* clang-format off */
static const uint8_t golden_hello_verify[32] = {
    0x16,                               /* handshake */
    0xfe, 0xff,                         /* DTLS 1.0 */
    0x00, 0x00,                         /* epoch 0 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x02, /* sequence number 2 */
    0x00, 0x13,                         /* length 19 */
    0x03,                               /* Hello Verify Request */
    0x00, 0x00, 0x07,                   /* length 7 */
    0x00, 0x01,                         /* message sequence 1 */
    0x00, 0x00, 0x00,                   /* fragment offset 0 */
    0x00, 0x00, 0x07,                   /* fragment length 7 */
    0xfe, 0xff,                         /* DTLS 1.0 */
    0x04, 0xc0, 0x0c, 0x1e, 0x5a,       /* a cookie of 4 octets */
};

/* The end of a client's handshake: three records in one datagram. */
static const uint8_t golden_flight[67] = {
    0x16,                               /* handshake */
    0xfe, 0xfd,                         /* DTLS 1.2 */
    0x00, 0x00,                         /* epoch 0 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x03, /* sequence number 3 */
    0x00, 0x0f,                         /* length 15 */
    0x10,                               /* Client Key Exchange */
    0x00, 0x00, 0x03,                   /* length 3 */
    0x00, 0x02,                         /* message sequence 2 */
    0x00, 0x00, 0x00,                   /* fragment offset 0 */
    0x00, 0x00, 0x03,                   /* fragment length 3 */
    0x00, 0x01, 0x61,                   /* identity "a" */

    0x14,                               /* change cipher spec */
    0xfe, 0xfd,
    0x00, 0x00,                         /* epoch 0 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x04, /* sequence number 4 */
    0x00, 0x01,                         /* length 1 */
    0x01,

    0x16,                               /* handshake */
    0xfe, 0xfd,
    0x00, 0x01,                         /* epoch 1: encrypted */
    0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, /* sequence number */
    0x00, 0x0c,                         /* length 12 */
    0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

/* Two records of a connection with the ID c1 00 c3, RFC 9146. */
static const uint8_t golden_connection_id[36] = {
    0x19,                               /* with a connection ID */
    0xfe, 0xfd,
    0x00, 0x01,                         /* epoch 1 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x09, /* sequence number 9 */
    0xc1, 0x00, 0xc3,
    0x00, 0x02,                         /* length 2 */
    0xe1, 0xe2,

    0x19,
    0xfe, 0xfd,
    0x00, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, /* sequence number 10 */
    0xc1, 0x00, 0xc3,
    0x00, 0x02,                         /* length 2 */
    0xe3, 0xe4,
};
/* clang-format on */

/* Whether it is told, looked at in memory that ends where the octets end. */
static bool is_dtls(const uint8_t *octets, size_t length)
{
    struct dtls_walk walk;
    uint8_t *copy = exact_copy(octets, length);
    bool is = dtls_recognise(copy, length, &walk);
    free(copy);
    return is;
}

/* The record that stands at place, counted from 0, of what is DTLS. */
static struct dtls_record record_at(const uint8_t *octets, size_t length, size_t place)
{
    struct dtls_walk walk;
    struct dtls_record record;
    assert_true(dtls_recognise(octets, length, &walk));
    for (size_t i = 0; i <= place; i++)
        assert_true(dtls_next_record(octets, length, &walk, &record));
    return record;
}

static void a_record_in_the_clear_tells_its_handshake_message(void **state)
{
    (void)state;
    struct dtls_record record = record_at(golden_hello_verify, sizeof golden_hello_verify, 0);
    assert_int_equal(record.content, DTLS_HANDSHAKE);
    assert_int_equal(record.version, 0xfeff);
    assert_int_equal(record.epoch, 0);
    assert_int_equal(record.sequence, 2);
    assert_int_equal(record.length, 19);
    assert_ptr_equal(record.fragment, golden_hello_verify + DTLS_HEADER_LENGTH);

    struct dtls_handshake handshake;
    assert_true(dtls_handshake_of(&record, &handshake));
    assert_string_equal(dtls_handshake_name(handshake.type), "Hello Verify Request");
    assert_int_equal(handshake.length, 7);
    assert_int_equal(handshake.message_sequence, 1);
    assert_int_equal(handshake.fragment_offset, 0);
    assert_int_equal(handshake.fragment_length, 7);
    record.length = DTLS_HANDSHAKE_HEADER_LENGTH;
    assert_true(dtls_handshake_of(&record, &handshake));
    record.length--;
    assert_false(dtls_handshake_of(&record, &handshake));
}

static void a_datagram_may_hold_several_records(void **state)
{
    (void)state;
    const size_t length = sizeof golden_flight;
    struct dtls_handshake handshake;
    struct dtls_record record = record_at(golden_flight, length, 0);
    assert_true(dtls_handshake_of(&record, &handshake));
    assert_string_equal(dtls_handshake_name(handshake.type), "Client Key Exchange");
    record = record_at(golden_flight, length, 1);
    assert_int_equal(record.content, DTLS_CHANGE_CIPHER_SPEC);
    assert_int_equal(record.sequence, 4);
    assert_false(dtls_handshake_of(&record, &handshake));
    record = record_at(golden_flight, length, 2);
    assert_int_equal(record.content, DTLS_HANDSHAKE);
    assert_int_equal(record.epoch, 1);
    assert_true(record.sequence == 0xa1a2a3a4a5a6);
    assert_false(dtls_handshake_of(&record, &handshake)); /* what looks like a type is encrypted */

    struct dtls_walk walk = {.offset = length};
    assert_false(dtls_next_record(golden_flight, length, &walk, &record));
}

static void a_connection_id_is_as_long_as_makes_all_lengths_fit(void **state)
{
    (void)state;
    struct dtls_record record = record_at(golden_connection_id, sizeof golden_connection_id, 1);
    assert_int_equal(record.content, DTLS_CONNECTION_ID);
    assert_int_equal(record.connection_id_length, 3);
    assert_int_equal(record.sequence, 10);
    assert_int_equal(record.length, 2);
    assert_int_equal(record.fragment[1], 0xe4);

    uint8_t in_the_clear[sizeof golden_connection_id / 2];
    memcpy(in_the_clear, golden_connection_id, sizeof in_the_clear);
    assert_true(is_dtls(in_the_clear, sizeof in_the_clear));
    in_the_clear[4] = 0; /* epoch 0 has no connection IDs, RFC 9146 section 3 */
    assert_false(is_dtls(in_the_clear, sizeof in_the_clear));
}

static void the_longest_connection_id_is_told(void **state)
{
    (void)state;
    enum { LENGTH_AT = 11 + 255 };
    uint8_t octets[LENGTH_AT + 2 + 1] = {DTLS_CONNECTION_ID, 0xfe, 0xfd, 0, 1};
    memset(octets + 11, 0xff, 255);
    octets[LENGTH_AT + 1] = 1;
    assert_int_equal(record_at(octets, sizeof octets, 0).connection_id_length, 255);
}

static void assert_cut_is_no_dtls(const uint8_t *octets, size_t length, const size_t *ends)
{
    assert_true(is_dtls(octets, length));
    for (size_t cut = 0; cut < length; cut++) {
        bool at_end = false;
        for (const size_t *end = ends; *end; end++)
            at_end = at_end || cut == *end;
        assert_int_equal(is_dtls(octets, cut), at_end);
    }
    uint8_t longer[128] = {0};
    memcpy(longer, octets, length);
    assert_false(is_dtls(longer, length + 1));
    assert_false(is_dtls(longer, length + DTLS_HEADER_LENGTH));
}

static void all_records_of_a_datagram_are_whole(void **state)
{
    (void)state;
    static const size_t none[] = {0};
    static const size_t of_flight[] = {28, 42, 0};
    assert_cut_is_no_dtls(golden_hello_verify, sizeof golden_hello_verify, none);
    assert_cut_is_no_dtls(golden_flight, sizeof golden_flight, of_flight);
    assert_cut_is_no_dtls(golden_connection_id, sizeof golden_connection_id / 2, none);
}

static void an_empty_record_is_one(void **state)
{
    (void)state;
    static const uint8_t empty[13] = {DTLS_APPLICATION_DATA, 0xfe, 0xfd, 0, 1};
    assert_int_equal(record_at(empty, sizeof empty, 0).length, 0);
    assert_false(dtls_recognise(NULL, 0, &(struct dtls_walk){0}));
}

static void content_and_version_are_those_of_the_rfcs(void **state)
{
    (void)state;
    uint8_t octets[13] = {0, 0xfe, 0xfd};
    for (unsigned content = 0; content <= UINT8_MAX; content++) {
        octets[0] = (uint8_t)content;
        assert_int_equal(is_dtls(octets, sizeof octets), content >= 20 && content <= 24);
    }
    octets[0] = DTLS_ALERT;
    for (unsigned version = 0; version <= UINT16_MAX; version++) {
        octets[1] = (uint8_t)(version >> 8);
        octets[2] = (uint8_t)version;
        assert_int_equal(is_dtls(octets, sizeof octets), version == 0xfeff || version == 0xfefd);
    }
}

static void what_others_say_is_no_dtls(void **state)
{
    (void)state;
    static const uint8_t coap_get[] = {0x40, 0x01, 0x16, 0xfe, 0xb6, 's', 't', 'a', 't', 'u', 's'};
    static const uint8_t coap_empty[] = {0x60, 0x00, 0xfe, 0xfd};
    static const uint8_t stun_binding[20] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};
    static const uint8_t natpmp_map[12] = {0x00, 0x01, 0x00, 0x00, 0x16, 0x33};
    static const uint8_t tls_hello[13] = {22, 3, 3, 0, 8};
    assert_false(is_dtls(coap_get, sizeof coap_get));
    assert_false(is_dtls(coap_empty, sizeof coap_empty));
    assert_false(is_dtls(stun_binding, sizeof stun_binding));
    assert_false(is_dtls(natpmp_map, sizeof natpmp_map));
    assert_false(is_dtls(tls_hello, sizeof tls_hello));
    assert_false(is_dtls(golden_map_request, sizeof golden_map_request));
    assert_false(is_dtls(golden_map_response, sizeof golden_map_response));
    assert_false(is_dtls((const uint8_t *)"are you there, my friend?", 25));
}

static void datagrams_of_any_octets_are_looked_at(void **state)
{
    (void)state;
    uint32_t draw = 1;
    unsigned told = 0;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t octets[64];
        for (size_t i = 0; i < sizeof octets; i++) {
            draw = draw * 1664525 + 1013904223;
            octets[i] = (uint8_t)(draw >> 24);
        }
        told += is_dtls(octets, octets[0] % sizeof octets);
    }
    assert_int_equal(told, 0);
}

static void names_have_ends(void **state)
{
    (void)state;
    assert_string_equal(dtls_content_name(25), "Connection ID");
    assert_null(dtls_content_name(19));
    assert_null(dtls_content_name(26));
    assert_string_equal(dtls_handshake_name(22), "Certificate Status");
    assert_null(dtls_handshake_name(5));
    assert_null(dtls_handshake_name(23));
    assert_string_equal(dtls_alert_name(0), "close notify");
    assert_null(dtls_alert_name(121));
    assert_string_equal(dtls_alert_level_name(2), "fatal");
    assert_null(dtls_alert_level_name(0));
    assert_null(dtls_alert_level_name(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_in_the_clear_tells_its_handshake_message),
        cmocka_unit_test(a_datagram_may_hold_several_records),
        cmocka_unit_test(a_connection_id_is_as_long_as_makes_all_lengths_fit),
        cmocka_unit_test(the_longest_connection_id_is_told),
        cmocka_unit_test(all_records_of_a_datagram_are_whole),
        cmocka_unit_test(an_empty_record_is_one),
        cmocka_unit_test(content_and_version_are_those_of_the_rfcs),
        cmocka_unit_test(what_others_say_is_no_dtls),
        cmocka_unit_test(datagrams_of_any_octets_are_looked_at),
        cmocka_unit_test(names_have_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
