/* The line that people read about a message. */
#include "wire/describe.h"

#include "test/exact.h"
#include "test/pcp_golden.h"
#include "wire/pcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef size_t describe(const uint8_t *octets, size_t length, char *text, size_t size);

static void assert_line(describe *function, const uint8_t *octets, size_t length,
                        const char *expected)
{
    char text[DESCRIBE_SIZE];
    size_t used = function(octets, length, text, sizeof text);
    assert_int_equal(used, strlen(text));
    assert_string_equal(text, expected);
}

static void pcp_requests_and_responses_read_like_sentences(void **state)
{
    (void)state;
    assert_line(pcp_describe, golden_map_request, sizeof golden_map_request,
                "MAP request udp 5683 lifetime 7200 nonce 0a1b2c3d.. suggested any");
    assert_line(pcp_describe, golden_map_response, sizeof golden_map_response,
                "MAP response SUCCESS udp 5683 -> 11.0.0.1:40000 lifetime 120 epoch 12");
    assert_line(pcp_describe, golden_peer_request, sizeof golden_peer_request,
                "PEER request tcp 49152 to [2001:db8::c]:443 lifetime 600 nonce 01020304.. "
                "suggested [2001:db8::b]:49153");
    assert_line(pcp_describe, golden_peer_response, sizeof golden_peer_response,
                "PEER response CANNOT_PROVIDE_EXTERNAL tcp 49152 to [2001:db8::c]:443 lifetime 30 "
                "epoch 86400");
    assert_line(pcp_describe, golden_announce_request, sizeof golden_announce_request,
                "ANNOUNCE request");
    assert_line(pcp_describe, golden_announce_response, sizeof golden_announce_response,
                "ANNOUNCE response SUCCESS epoch 3");
}

static void zeroes_are_spelled_out(void **state)
{
    (void)state;
    uint8_t octets[60];
    memcpy(octets, golden_map_request, sizeof octets);
    memset(octets + 40, 0, 2);
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request udp all ports lifetime 7200 nonce 0a1b2c3d.. suggested any");
    octets[36] = 0;
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request all protocols lifetime 7200 nonce 0a1b2c3d.. suggested any");
    octets[36] = 132;
    octets[42] = 0x16;
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request sctp all ports lifetime 7200 nonce 0a1b2c3d.. suggested 0.0.0.0:5632");
    octets[36] = 33;
    octets[42] = 0;
    octets[59] = 9;
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request dccp all ports lifetime 7200 nonce 0a1b2c3d.. suggested 0.0.0.9:0");
    octets[36] = 200;
    memset(octets + 44, 0, 16);
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request protocol 200 all ports lifetime 7200 nonce 0a1b2c3d.. suggested any "
                "IPv6");
}

static void pcp_options_follow_their_message(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_map_request + sizeof golden_options];
    memcpy(octets, golden_map_request, sizeof golden_map_request);
    memcpy(octets + sizeof golden_map_request, golden_options, sizeof golden_options);
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request udp 5683 lifetime 7200 nonce 0a1b2c3d.. suggested any + THIRD_PARTY "
                "192.168.1.20 + PREFER_FAILURE + FILTER 203.0.113.0/24 port 5683 + PREFIX64");
    octets[sizeof golden_map_request + 29] = 0;  /* the filter's prefix */
    octets[sizeof golden_map_request + 51] = 99; /* the last option's length */
    assert_line(pcp_describe, octets, sizeof octets,
                "MAP request udp 5683 lifetime 7200 nonce 0a1b2c3d.. suggested any + THIRD_PARTY "
                "192.168.1.20 + PREFER_FAILURE + FILTER none [an option runs past the end of the "
                "message (section 7.3)]");
}

static void a_filters_prefix_is_written_as_its_family_counts(void **state)
{
    (void)state;
    static const struct {
        uint8_t prefix_length;
        const char *address;
        const char *expected;
    } cases[] = {
        {96, "0.0.0.0", "0.0.0.0/0"},
        {128, "203.0.113.9", "203.0.113.9/32"},
        {95, "203.0.113.0", "::ffff:203.0.113.0/95"},
        /* section 13.3 forbids it: shown as it is */
        {200, "203.0.113.9", "::ffff:203.0.113.9/200"},
        {64, "2001:db8::", "2001:db8::/64"},
        {128, "2001:db8::1", "2001:db8::1/128"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t octets[PCP_MAXIMUM_LENGTH];
        struct pcp_filter filter = {.prefix_length = cases[i].prefix_length};
        char expected[200];
        assert_true(address_parse(cases[i].address, &filter.remote_address));
        memcpy(octets, golden_map_response, sizeof golden_map_response);
        size_t length =
            pcp_append_filter(octets, sizeof golden_map_response, sizeof octets, &filter);
        (void)snprintf(expected, sizeof expected,
                       "MAP response SUCCESS udp 5683 -> 11.0.0.1:40000 lifetime 120 epoch 12 + "
                       "FILTER %s",
                       cases[i].expected);
        assert_line(pcp_describe, octets, length, expected);
    }
}

static void a_broken_pcp_message_tells_what_it_can(void **state)
{
    (void)state;
    static const uint8_t unsupported[] = {0x01, 0x81, 0x00, 0x01};
    static const uint8_t unknown[24] = {0x02, 0xff, 0x00, 0xc8, 0x00, 0x00, 0x00, 0x1e};
    assert_line(pcp_describe, golden_map_request, 1,
                "PCP [shorter than 2 octets, or 4 for a response (sections 8.2, 8.3)]");
    assert_line(pcp_describe, golden_map_response, 20,
                "MAP response SUCCESS [shorter than the 24 octets of the header (sections 8.2, "
                "8.3)]");
    assert_line(pcp_describe, unsupported, sizeof unsupported,
                "version 1 MAP response UNSUPP_VERSION [version is not 2 (section 9)]");
    assert_line(pcp_describe, unknown, sizeof unknown,
                "opcode 127 response result 200 lifetime 30 epoch 0 [opcode is not ANNOUNCE, MAP "
                "or PEER (section 19.2)]");
}

static void nat_pmp_is_called_so(void **state)
{
    (void)state;
    static const uint8_t address_request[] = {0x00, 0x00};
    static const uint8_t address_response[] = {0, 0x80, 0, 0, 0, 0, 0, 9, 11, 22, 33, 44};
    static const uint8_t map_request[] = {0, 1, 0, 0, 0x16, 0x33, 0, 0, 0, 0, 0x1c, 0x20};
    static const uint8_t map_response[] = {0,    0x81, 0,    0,    0, 0, 0,    9,
                                           0x16, 0x33, 0x9c, 0x40, 0, 0, 0x1c, 0x20};
    static const uint8_t refused[] = {0, 0x82, 0, 2, 0, 0, 0, 9, 0x16, 0x33, 0, 0, 0, 0, 0, 0};
    static const uint8_t unsupported[] = {0, 0, 0, 1, 0, 0, 0, 9};
    static const uint8_t unknown[] = {0, 5, 0};
    assert_line(natpmp_describe, address_request, sizeof address_request,
                "NAT-PMP external address request");
    assert_line(natpmp_describe, address_response, sizeof address_response,
                "NAT-PMP external address response Success 11.22.33.44 epoch 9");
    assert_line(natpmp_describe, map_request, sizeof map_request,
                "NAT-PMP map UDP request 5683 suggested 0 lifetime 7200");
    assert_line(natpmp_describe, map_response, sizeof map_response,
                "NAT-PMP map UDP response Success 5683 -> 40000 lifetime 7200 epoch 9");
    assert_line(natpmp_describe, refused, sizeof refused,
                "NAT-PMP map TCP response Not Authorized/Refused 5683 lifetime 0 epoch 9");
    assert_line(natpmp_describe, unsupported, sizeof unsupported,
                "NAT-PMP response Unsupported Version epoch 9");
    assert_line(natpmp_describe, unknown, sizeof unknown,
                "NAT-PMP opcode 5 request [opcode is not 0, 1 or 2 (RFC 6886 section 3.5)]");
    assert_line(natpmp_describe, unknown, 1, "NAT-PMP [shorter than 2 octets]");
}

static void coap_shows_method_path_and_message_id(void **state)
{
    (void)state;
    static const uint8_t get[] = {0x40, 0x01, 0x12, 0x67, 0xb6, 's', 't',  'a', 't',
                                  'u',  's',  0x01, 'x',  0x41, 'q', 0x01, 'r'};
    static const uint8_t content[] = {0x61, 0x45, 0x12, 0x67, 0x07, 0x61, 0x0c, 0xff, 'o', 'k'};
    static const uint8_t observe[] = {0x50, 0x01, 0x00, 0x01, 0x60, 0x51, '/'};
    static const uint8_t cancel[] = {0x50, 0x01, 0x00, 0x01, 0x61, 0x01};
    static const uint8_t created[] = {0x60, 0x41, 0x00, 0x01, 0x82, 'r', 'd',
                                      0x05, 0x0a, ' ',  '%',  '~',  0x7f};
    static const uint8_t reset[] = {0x70, 0x00, 0x12, 0x67};
    static const uint8_t odd[] = {0x40, 0x1f, 0x00, 0x01, 0xff};
    assert_line(coap_describe, get, sizeof get, "CON GET /status/x?q&r [mid 4711]");
    assert_line(coap_describe, content, sizeof content,
                "ACK 2.05 Content observe 12 [mid 4711] 2 octets");
    assert_line(coap_describe, observe, sizeof observe, "NON GET observe // [mid 1]");
    assert_line(coap_describe, cancel, sizeof cancel, "NON GET stop observing [mid 1]");
    assert_line(coap_describe, created, sizeof created,
                "ACK 2.01 Created at /rd/%0A%20%25~%7F [mid 1]");
    assert_line(coap_describe, reset, sizeof reset, "RST [mid 4711]");
    assert_line(coap_describe, odd, sizeof odd,
                "CON 0.31 [mid 1] [payload marker without a payload (RFC 7252 section 3)]");
    assert_line(coap_describe, odd, 3, "CoAP [shorter than 4 octets (RFC 7252 section 3)]");
}

static void coap_shows_what_tells_messages_of_lwm2m_apart(void **state)
{
    (void)state;
    static const uint8_t registration[] = {0x40, 0x02, 0x00, 0x01, 0xb2, 'r', 'd',  0x11,
                                           0x28, 0x34, 'e',  'p',  '=',  'd', 0x03, 'b',
                                           '=',  'U',  0xff, '<',  '/',  '>'};
    static const uint8_t notification[] = {0x51, 0x45, 0x00, 0x02, 0x07, 0x61, 0x03,
                                           0x62, 0x2d, 0x16, 0xff, 0xc1, 0x02, 0x02};
    static const uint8_t read[] = {0x40, 0x01, 0x00, 0x03, 0xb1, '3', 0x62, 0x2d, 0x16};
    static const uint8_t text[] = {0x60, 0x45, 0x00, 0x04, 0xc0, 0xff, '"', ' ', 'x', '\n'};
    static const uint8_t block[] = {0x60, 0x45, 0x00, 0x05, 0xc2, 0x27, 0x0f,
                                    0xb1, 0x1a, 0x41, 0x06, 0xff, 'x'};
    assert_line(coap_describe, registration, sizeof registration,
                "CON POST /rd?ep=d&b=U [mid 1] link 3 octets");
    assert_line(coap_describe, notification, sizeof notification,
                "NON 2.05 Content notify 3 [mid 2] tlv 3 octets");
    assert_line(coap_describe, read, sizeof read, "CON GET /3 accept tlv [mid 3]");
    assert_line(coap_describe, text, sizeof text, "ACK 2.05 Content [mid 4] text \"%22 x%0A\"");
    assert_line(coap_describe, block, sizeof block,
                "ACK 2.05 Content 2:1/1/64 1:0/0/1024 [mid 5] format 9999 1 octets");
}

/* A record's header: its content, epoch, sequence number and length; what follows is its fragment. */
#define RECORD(content, epoch, sequence, length)                                                   \
    content, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence, 0, length

static void dtls_tells_what_is_in_the_clear(void **state)
{
    (void)state;
    static const uint8_t hello[] = {RECORD(22, 0, 1, 13), 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 'x'};
    static const uint8_t part[] = {
        RECORD(22, 0, 2, 14), 11, 0, 1, 4, 0, 2, 0, 0, 200, 0, 0, 2, 'x', 'y'};
    static const uint8_t unknown[] = {RECORD(22, 0, 0, 12), 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t flight[] = {RECORD(20, 0, 3, 1), 1, RECORD(22, 1, 0, 2), 'x', 'y'};
    static const uint8_t data[] = {RECORD(23, 1, 7, 2), 'x', 'y'};
    static const uint8_t alert[] = {RECORD(21, 0, 4, 2), 2, 115};
    static const uint8_t odd_alert[] = {RECORD(21, 0, 4, 2), 3, 200};
    static const uint8_t hidden_alert[] = {RECORD(21, 1, 8, 2), 2, 115};
    assert_line(dtls_describe, hello, sizeof hello, "DTLS Client Hello [epoch 0 sequence 1]");
    assert_line(dtls_describe, part, sizeof part,
                "DTLS Certificate 200+2/260 octets [epoch 0 sequence 2]");
    assert_line(dtls_describe, unknown, sizeof unknown, "DTLS handshake 99 [epoch 0 sequence 0]");
    assert_line(dtls_describe, flight, sizeof flight,
                "DTLS Change Cipher Spec + Encrypted Handshake 2 octets [epoch 0 sequence 3]");
    assert_line(dtls_describe, data, sizeof data,
                "DTLS Application Data 2 octets [epoch 1 sequence 7]");
    assert_line(dtls_describe, alert, sizeof alert,
                "DTLS Alert fatal unknown PSK identity [epoch 0 sequence 4]");
    assert_line(dtls_describe, odd_alert, sizeof odd_alert,
                "DTLS Alert level 3 description 200 [epoch 0 sequence 4]");
    assert_line(dtls_describe, hidden_alert, sizeof hidden_alert,
                "DTLS Encrypted Alert 2 octets [epoch 1 sequence 8]");
    assert_line(dtls_describe, data, sizeof data - 1,
                "DTLS [not whole records (RFC 6347 section 4.1)]");
}

static void a_line_is_cut_to_its_room(void **state)
{
    (void)state;
    static const char whole[] = "MAP request udp 5683 lifetime 7200 nonce 0a1b2c3d.. suggested any";
    for (size_t size = 1; size < sizeof whole; size++) {
        char *text = (char *)exact_copy((const uint8_t *)whole, size);
        memset(text, 'x', size);
        assert_int_equal(pcp_describe(golden_map_request, sizeof golden_map_request, text, size),
                         size - 1);
        assert_memory_equal(text, whole, size - 1);
        assert_int_equal(text[size - 1], '\0');
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcp_requests_and_responses_read_like_sentences),
        cmocka_unit_test(zeroes_are_spelled_out),
        cmocka_unit_test(pcp_options_follow_their_message),
        cmocka_unit_test(a_filters_prefix_is_written_as_its_family_counts),
        cmocka_unit_test(a_broken_pcp_message_tells_what_it_can),
        cmocka_unit_test(nat_pmp_is_called_so),
        cmocka_unit_test(coap_shows_method_path_and_message_id),
        cmocka_unit_test(coap_shows_what_tells_messages_of_lwm2m_apart),
        cmocka_unit_test(dtls_tells_what_is_in_the_clear),
        cmocka_unit_test(a_line_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
