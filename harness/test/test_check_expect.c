/* Expectations are judged from packets, and from nothing else. */
#include "check/expect.h"
#include "check_support.h"

static const char *const interfaces[] = {"device:eth0", "gateway:eth1", NULL};
static const struct udp_spec to_gateway = {"192.168.1.10", "192.168.1.1", 40001, 5351, 0};
static const struct udp_spec from_gateway = {"192.168.1.1", "192.168.1.10", 5351, 40001, 0};
static const struct udp_spec from_server = {"11.0.0.2", "11.0.0.1", 5683, 40000, 0};
static const struct udp_spec to_device = {"11.0.0.2", "192.168.1.10", 5683, 5683, 0};
static const uint8_t coap_get[] = {0x40, 0x01, 0x12, 0x34, 0xb3, 'f', 'o', 'o'};

static size_t make_map(bool response, uint16_t external_port, uint8_t *out)
{
    struct pcp_message message = {
        .version = PCP_VERSION, .response = response, .opcode = PCP_MAP, .lifetime = 120};
    message.data.map.protocol = 17;
    message.data.map.internal_port = 5683;
    message.data.map.external_port = external_port;
    (void)address_parse("192.168.1.10", &message.client);
    (void)address_parse("11.0.0.1", &message.data.map.external_address);
    return pcp_encode(&message, out, 1100);
}

/* A device maps its port at 0 s; the server's GET comes through the mapping at second_ms. */
static void make_capture(struct capture_file *capture, int second_ms)
{
    uint8_t payload[1100];
    capture_open(capture, interfaces);
    size_t length = make_map(false, 0, payload);
    capture_udp(capture, AT_MS(0), 0, DIRECTION_OUT, &to_gateway, payload, length);
    length = make_map(true, 40000, payload);
    capture_udp(capture, AT_MS(5), 0, DIRECTION_IN, &from_gateway, payload, length);
    capture_udp(capture, AT_MS(10), 1, DIRECTION_IN, &from_server, coap_get, sizeof coap_get);
    capture_udp(capture, AT_MS(10), 0, DIRECTION_IN, &to_device, coap_get, sizeof coap_get);
    capture_udp(capture, AT_MS(second_ms), 1, DIRECTION_IN, &from_server, coap_get,
                sizeof coap_get);
    capture_close(capture);
}

static void judge(const struct expectation *list, size_t count, struct expect_verdict *verdicts)
{
    struct capture_file capture;
    struct error error = {{0}};
    make_capture(&capture, 3010);
    assert_int_equal(expect_validate(list, count, "test.yaml", &error), 0);
    int result = expect_judge(capture.path, list, count, verdicts, &error);
    (void)unlink(capture.path);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
}

static const struct expectation mapping = {
    .name = "mapping",
    .see = "pcp",
    .at = "device:eth0",
    .direction = "in",
    .where = {{"opcode", "MAP", 0}, {"result", "SUCCESS", 0}, {"lifetime", ">=120", 0}},
    .where_count = 3};

static void a_message_is_found_by_its_fields(void **state)
{
    (void)state;
    struct expect_verdict verdict;
    judge(&mapping, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_PASS);
    assert_int_equal(verdict.matched, 1);
    assert_int_equal(verdict.frames[0], 2);
}

/* Judges what a capture holds, and removes it. */
static enum expect_outcome judge_capture(struct capture_file *capture,
                                         const struct expectation *wanted)
{
    struct error error = {{0}};
    struct expect_verdict verdict;
    capture_close(capture);
    assert_int_equal(expect_validate(wanted, 1, "test.yaml", &error), 0);
    int result = expect_judge(capture->path, wanted, 1, &verdict, &error);
    (void)unlink(capture->path);
    assert_int_equal(result, 0);
    return verdict.outcome;
}

/* Judges one datagram from the server that comes in at the device. */
static enum expect_outcome judge_datagram(const struct expectation *wanted, const uint8_t *payload,
                                          size_t length)
{
    struct capture_file capture;
    capture_open(&capture, interfaces);
    capture_udp(&capture, AT_MS(0), 0, DIRECTION_IN, &to_device, payload, length);
    return judge_capture(&capture, wanted);
}

static void a_payload_that_is_no_text_is_found_by_its_octets(void **state)
{
    (void)state;
    /* CON POST, message 1, payload c1 00 02: with a NUL in it. */
    static const uint8_t post[] = {0x40, 0x02, 0x00, 0x01, 0xff, 0xc1, 0x00, 0x02};
    struct expectation wanted = {
        .name = "w", .see = "coap", .where = {{"octets", "c10002", 0}}, .where_count = 1};
    assert_int_equal(judge_datagram(&wanted, post, sizeof post), EXPECT_PASS);
    wanted.where[0].value = "c10003";
    assert_int_equal(judge_datagram(&wanted, post, sizeof post), EXPECT_FAIL);
    assert_int_equal(judge_datagram(&wanted, post, 4), EXPECT_FAIL); /* without a payload */
}

static void a_dtls_record_is_told_by_what_is_in_the_clear(void **state)
{
    (void)state;
    static const uint8_t hello[] = {22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 1, [24] = 0};
    static const uint8_t data[] = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9};
    struct expectation wanted = {
        .name = "w",
        .see = "dtls",
        .where = {{"content", "handshake", 0}, {"handshake", "client-hello", 0}, {"epoch", "0", 0}},
        .where_count = 3};
    assert_int_equal(judge_datagram(&wanted, hello, sizeof hello), EXPECT_PASS);
    assert_int_equal(judge_datagram(&wanted, hello, sizeof hello - 1), EXPECT_FAIL); /* cut off */
    assert_int_equal(judge_datagram(&wanted, data, sizeof data), EXPECT_FAIL);
    wanted.where[0].value = "application-data";
    assert_int_equal(judge_datagram(&wanted, data, sizeof data), EXPECT_FAIL); /* no handshake */
    wanted.where[1] = (struct expect_condition){"epoch", "1", 0};
    wanted.where_count = 2;
    assert_int_equal(judge_datagram(&wanted, data, sizeof data), EXPECT_PASS);
}

/* A datagram of UDP becomes a segment of TCP: both begin with the ports. */
static enum expect_outcome judge_segment(const struct expectation *wanted, uint8_t flags)
{
    enum { PROTOCOL = 9, IP_HEADER = 20, FLAGS = IP_HEADER + 13, TCP = 6 };
    struct capture_file capture;
    uint8_t frame[64];
    const uint8_t rest[12] = {0, 0, 0, 0, 5 << 4};
    size_t length = make_udp(&to_device, rest, sizeof rest, frame);
    frame[PROTOCOL] = TCP;
    frame[FLAGS] = flags;
    capture_open(&capture, interfaces);
    capture_frame(&capture, AT_MS(0), 0, DIRECTION_IN, frame, length);
    return judge_capture(&capture, wanted);
}

static void a_tcp_segment_is_told_by_what_it_does_to_the_connection(void **state)
{
    (void)state;
    enum { SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, ECE = 0x40 };
    struct expectation wanted = {.name = "w",
                                 .see = "tcp",
                                 .where = {{"segment", "SYN", 0},
                                           {"source", "11.0.0.2", 0},
                                           {"destination-port", "5683", 0}},
                                 .where_count = 3};
    assert_int_equal(judge_segment(&wanted, SYN), EXPECT_PASS);
    assert_int_equal(judge_segment(&wanted, SYN | ECE), EXPECT_PASS);
    assert_int_equal(judge_segment(&wanted, SYN | ACK), EXPECT_FAIL);
    wanted.where[0].value = "RST-ACK";
    assert_int_equal(judge_segment(&wanted, RST | ACK), EXPECT_PASS);
    assert_int_equal(judge_segment(&wanted, RST), EXPECT_FAIL);
    wanted.where[0].value = "ACK";
    assert_int_equal(judge_segment(&wanted, PSH | ACK), EXPECT_PASS);
    wanted.see = "udp";
    wanted.where[0] = (struct expect_condition){"source-port", "5683", 0};
    assert_int_equal(judge_segment(&wanted, SYN), EXPECT_FAIL);
}

static void a_missing_message_fails_and_the_nearest_one_is_shown(void **state)
{
    (void)state;
    struct expectation wanted = mapping;
    wanted.where[2].value = ">120";
    struct expect_verdict verdict;
    judge(&wanted, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_FAIL);
    assert_non_null(strstr(verdict.actual, "frame 2: lifetime is 120"));
}

static void a_value_of_an_earlier_match_is_followed_across_links(void **state)
{
    (void)state;
    struct expectation list[] = {mapping,
                                 {.name = "get",
                                  .see = "coap",
                                  .at = "gateway:eth1",
                                  .where = {{"code", "GET", 0},
                                            {"path", "/foo", 0},
                                            {"destination", "${mapping.external-address}", 0},
                                            {"destination-port", "${mapping.external-port}", 0}},
                                  .where_count = 4,
                                  .after = "mapping"},
                                 {.name = "inside",
                                  .see = "coap",
                                  .at = "device:eth0",
                                  .where = {{"message-id", "${get.message-id}", 0},
                                            {"destination-port", "!=${mapping.external-port}", 0}},
                                  .where_count = 2,
                                  .after = "get"}};
    struct expect_verdict verdicts[3];
    judge(list, 3, verdicts);
    assert_int_equal(verdicts[1].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[1].frames[0], 3);
    assert_int_equal(verdicts[2].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[2].frames[0], 4);
}

static void a_reference_to_what_was_not_met_fails(void **state)
{
    (void)state;
    struct expectation list[] = {mapping,
                                 {.name = "later",
                                  .see = "udp",
                                  .where = {{"source-port", "${mapping.external-port}", 0}},
                                  .where_count = 1,
                                  .after = "mapping"}};
    list[0].where[1].value = "NOT_AUTHORIZED";
    struct expect_verdict verdicts[2];
    judge(list, 2, verdicts);
    assert_int_equal(verdicts[1].outcome, EXPECT_FAIL);
    assert_non_null(strstr(verdicts[1].actual, "'mapping'"));
}

static void silence_before_a_packet_must_be_proven(void **state)
{
    (void)state;
    struct expectation get = {
        .name = "get", .see = "coap", .at = "gateway:eth1", .quiet = INT64_C(3000) * MILLISECOND};
    struct expect_verdict verdict;
    judge(&get, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_PASS);
    assert_int_equal(verdict.matched, 1);
    assert_int_equal(verdict.frames[0], 5);
    get.quiet += MILLISECOND;
    judge(&get, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_FAIL);
    assert_non_null(strstr(verdict.actual, "3.000 s of silence"));
}

static void order_and_absence_are_judged(void **state)
{
    (void)state;
    struct expectation list[] = {
        mapping,
        {.name = "none before",
         .see = "coap",
         .absent = true,
         .before = "mapping",
         .at = "gateway:eth1"},
        {.name = "none after", .see = "coap", .absent = true, .after = "mapping"},
        {.name = "three", .see = "coap", .count = "3"},
        {.name = "two", .see = "coap", .count = "2"},
        {.name = "elsewhere", .see = "udp", .absent = true, .at = "server:eth0"},
    };
    struct expect_verdict verdicts[6];
    judge(list, 6, verdicts);
    assert_int_equal(verdicts[1].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[2].outcome, EXPECT_FAIL);
    assert_int_equal(verdicts[2].matched, 3);
    assert_int_equal(verdicts[3].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[4].outcome, EXPECT_FAIL);
    assert_int_equal(verdicts[5].outcome, EXPECT_FAIL); /* nothing was captured there: no proof */
}

static void unknown_words_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        struct expectation expectation;
        const char *says;
    } table[] = {
        {{.name = "x", .see = "dns", .line = 7}, "test.yaml:7: 'see: dns'"},
        {{.name = "x", .see = "pcp", .where = {{"opcod", "MAP", 9}}, .where_count = 1},
         "test.yaml:9: 'opcod'"},
        {{.name = "x", .see = "pcp", .where = {{"opcode", "MUP", 9}}, .where_count = 1}, "'MUP'"},
        {{.name = "x", .see = "pcp", .where = {{"lifetime", "120x", 9}}, .where_count = 1}, "120x"},
        {{.name = "x", .see = "udp", .where = {{"source", ">=1.2.3.4", 9}}, .where_count = 1},
         "only numbers"},
        {{.name = "x", .see = "udp", .where = {{"source", "${y.source}", 9}}, .where_count = 1},
         "earlier expectation"},
        {{.name = "x", .see = "udp", .after = "x", .line = 8}, "test.yaml:8: 'after: x'"},
        {{.name = "x", .see = "udp", .direction = "up"}, "expected in or out"},
        {{.name = "x", .see = "udp", .count = "0"}, "'count: 0'"},
        {{.name = "x", .see = "udp", .count = "2", .absent = true}, "'count: 2'"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct error error = {{0}};
        assert_int_equal(expect_validate(&table[i].expectation, 1, "test.yaml", &error), -1);
        if (!strstr(error.text, table[i].says))
            fail_msg("'%s' does not say '%s'", error.text, table[i].says);
    }
    struct expectation twins[] = {mapping, mapping};
    struct error error = {{0}};
    assert_int_equal(expect_validate(twins, 2, "test.yaml", &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_found_by_its_fields),
        cmocka_unit_test(a_payload_that_is_no_text_is_found_by_its_octets),
        cmocka_unit_test(a_dtls_record_is_told_by_what_is_in_the_clear),
        cmocka_unit_test(a_tcp_segment_is_told_by_what_it_does_to_the_connection),
        cmocka_unit_test(a_missing_message_fails_and_the_nearest_one_is_shown),
        cmocka_unit_test(a_value_of_an_earlier_match_is_followed_across_links),
        cmocka_unit_test(a_reference_to_what_was_not_met_fails),
        cmocka_unit_test(silence_before_a_packet_must_be_proven),
        cmocka_unit_test(order_and_absence_are_judged),
        cmocka_unit_test(unknown_words_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
