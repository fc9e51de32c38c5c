/* Expectations about what LwM2M messages carry, judged from their octets. */
#include "check/expect.h"
#include "check_support.h"

static const char *const interfaces[] = {"server:eth0", "device:eth0", NULL};
static const struct udp_spec to_server = {"11.0.0.1", "11.0.0.2", 40000, 5683, 0};
static const struct udp_spec to_device = {"11.0.0.2", "11.0.0.1", 5683, 40000, 0};

/* --- messages -------------------------------------------------------------------------------- */

/* A CoAP message in the making: token of one octet, options in ascending order. */
struct made {
    uint8_t octets[400];
    size_t length;
    unsigned option;
};

static struct made make(uint8_t type, uint8_t code, uint8_t token)
{
    return (struct made){.octets = {(uint8_t)(0x41 | type << 4), code, 0, token, token},
                         .length = 5};
}

static void add_option(struct made *made, unsigned number, const void *value, size_t length)
{
    unsigned delta = number - made->option;
    assert_true(delta < 13 && length < 13 + 256);
    made->option = number;
    made->octets[made->length++] = (uint8_t)(delta << 4 | (length < 13 ? length : 13));
    if (length >= 13)
        made->octets[made->length++] = (uint8_t)(length - 13);
    memcpy(made->octets + made->length, value, length);
    made->length += length;
}

static void add_text_option(struct made *made, unsigned number, const char *text)
{
    add_option(made, number, text, strlen(text));
}

static void add_path(struct made *made, const char *a, const char *b, const char *c)
{
    const char *const segments[] = {a, b, c};
    for (size_t i = 0; i < 3 && segments[i]; i++)
        add_text_option(made, 11, segments[i]);
}

static void add_format(struct made *made, uint16_t format)
{
    const uint8_t value[2] = {(uint8_t)(format >> 8), (uint8_t)format};
    add_option(made, 12, value + (format < 256), format < 256 ? 1 : 2);
}

static void add_payload(struct made *made, const void *payload, size_t length)
{
    made->octets[made->length++] = 0xff;
    memcpy(made->octets + made->length, payload, length);
    made->length += length;
}

enum { CON = 0, ACK = 2, GET = 1, POST = 2, CHANGED = 0x44, CONTENT = 0x45 };

/* --- a device that registers, is asked, and notifies ----------------------------------------- */

static void put(struct capture_file *capture, int ms, const struct udp_spec *spec,
                const struct made *made)
{
    capture_udp(capture, AT_MS(ms), 0, spec == &to_server ? DIRECTION_IN : DIRECTION_OUT, spec,
                made->octets, made->length);
}

static void put_registration(struct capture_file *capture)
{
    static const char links[] = "</>;rt=\"oma.lwm2m\",</1/0>,</3/0>,</26887/0>";
    struct made made = make(CON, POST, 1);
    add_path(&made, "rd", NULL, NULL);
    add_format(&made, 40);
    add_text_option(&made, 15, "ep=device");
    add_text_option(&made, 15, "lt=300");
    add_text_option(&made, 15, "b=U");
    add_payload(&made, links, strlen(links));
    put(capture, 0, &to_server, &made);
}

/* The status is observed, and goes from 1 to 2. */
static void put_observation(struct capture_file *capture)
{
    struct made made = make(CON, GET, 2);
    add_option(&made, 6, "", 0);
    add_path(&made, "26887", "0", "2");
    put(capture, 10, &to_device, &made);
    made = make(ACK, CONTENT, 2);
    add_option(&made, 6, "\x01", 1);
    add_format(&made, 11542);
    add_payload(&made, "\xc1\x02\x01", 3);
    put(capture, 20, &to_server, &made);
    made = make(CON, CONTENT, 2);
    add_option(&made, 6, "\x02", 1);
    add_format(&made, 11542);
    add_payload(&made, "\xc1\x02\x02", 3);
    put(capture, 500, &to_server, &made);
}

/* A write of lifetime 7200 and enabled, then the instance is read. */
static void put_instance(struct capture_file *capture)
{
    static const uint8_t instance[] = {0xc8, 0x12, 0x08, '1',  '1',  '.',  '0',  '.', '0',
                                       '.',  '1',  0xc4, 0x13, 0x00, 0x00, 0x9c, 0x40};
    struct made made = make(CON, POST, 3);
    add_path(&made, "26887", "0", NULL);
    add_format(&made, 11542);
    add_payload(&made, "\xc2\x00\x1c\x20\xc1\x04\x01", 7);
    put(capture, 600, &to_device, &made);
    made = make(ACK, CHANGED, 3);
    put(capture, 610, &to_server, &made);
    made = make(CON, GET, 4);
    add_path(&made, "26887", "0", NULL);
    put(capture, 620, &to_device, &made);
    made = make(ACK, CONTENT, 4);
    add_format(&made, 11542);
    add_payload(&made, instance, sizeof instance);
    put(capture, 630, &to_server, &made);
}

/* Send, of a float and a text in SenML; a text and a CBOR value that were asked for. */
static void put_other_formats(struct capture_file *capture)
{
    static const char pack[] = "[{\"bn\":\"/3303/0/\",\"n\":\"5700\",\"v\":21.5},"
                               "{\"n\":\"5701\",\"vs\":\"Cel\"}]";
    struct made made = make(CON, POST, 5);
    add_path(&made, "dp", NULL, NULL);
    add_format(&made, 110);
    add_payload(&made, pack, strlen(pack));
    put(capture, 700, &to_server, &made);
    made = make(CON, GET, 6);
    add_path(&made, "3", "0", "9");
    put(capture, 710, &to_device, &made);
    made = make(ACK, CONTENT, 6);
    add_format(&made, 0);
    add_payload(&made, "95", 2);
    put(capture, 720, &to_server, &made);
    made = make(CON, GET, 7);
    add_path(&made, "3", "0", "10");
    put(capture, 730, &to_device, &made);
    made = make(ACK, CONTENT, 7);
    add_format(&made, 60);
    add_payload(&made, "\x18\x63", 2);
    put(capture, 740, &to_server, &made);
    static const char json[] = "{\"e\":[{\"n\":\"1\",\"v\":60},{\"n\":\"6\",\"bv\":true}]}";
    made = make(CON, GET, 8);
    add_path(&made, "1", "0", NULL);
    put(capture, 750, &to_device, &made);
    made = make(ACK, CONTENT, 8);
    add_format(&made, 11543);
    add_payload(&made, json, strlen(json));
    put(capture, 760, &to_server, &made);
}

static void judge(const struct expectation *list, size_t count, struct expect_verdict *verdicts)
{
    struct capture_file capture;
    struct error error = {{0}};
    capture_open(&capture, interfaces);
    put_registration(&capture);
    put_observation(&capture);
    put_instance(&capture);
    put_other_formats(&capture);
    capture_close(&capture);
    assert_int_equal(expect_validate(list, count, "test.yaml", &error), 0);
    int result = expect_judge(capture.path, list, count, verdicts, &error);
    (void)unlink(capture.path);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
}

/* The frame that met a single condition; 0 if none did. */
static uint64_t frame_with(const char *field, const char *value)
{
    struct expectation wanted = {
        .name = "wanted", .see = "coap", .where = {{field, value, 0}}, .where_count = 1};
    struct expect_verdict verdict;
    judge(&wanted, 1, &verdict);
    return verdict.frame_count ? verdict.frames[0] : 0;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_registration_is_found_by_its_queries_and_links(void **state)
{
    (void)state;
    struct expectation wanted = {.name = "registration",
                                 .see = "coap",
                                 .where = {{"code", "POST", 0},
                                           {"query", "ep=device", 0},
                                           {"query", "b=U", 0},
                                           {"query", "!=b=UQ", 0},
                                           {"link", "/26887/0", 0},
                                           {"link", "!=/0/0", 0}},
                                 .where_count = 6};
    struct expect_verdict verdict;
    judge(&wanted, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_PASS);
    assert_int_equal(verdict.frames[0], 1);
    assert_int_equal(frame_with("link", "/26887"), 0);
}

static void a_notification_has_the_path_of_the_request_with_its_token(void **state)
{
    (void)state;
    assert_int_equal(frame_with("number:/26887/0/2", "1"), 3);
    assert_int_equal(frame_with("number:/26887/0/2", "2"), 4);
    assert_int_equal(frame_with("number:/26887/1/2", "2"), 0);
    assert_int_equal(frame_with("number:/26887/0/3", "2"), 0);
    struct expectation notification = {.name = "notification",
                                       .see = "coap",
                                       .direction = "in", /* the request went out */
                                       .where = {{"type", "CON", 0},
                                                 {"request-path", "/26887/0/2", 0},
                                                 {"number:/26887/0/2", ">1", 0}},
                                       .where_count = 3};
    struct expect_verdict verdict;
    judge(&notification, 1, &verdict);
    assert_int_equal(verdict.outcome, EXPECT_PASS);
    assert_int_equal(verdict.matched, 1);
    assert_int_equal(verdict.frames[0], 4);
}

static void a_response_without_its_request_has_no_path(void **state)
{
    (void)state;
    struct capture_file capture;
    struct error error = {{0}};
    struct made made = make(CON, CONTENT, 2);
    add_format(&made, 11542);
    add_payload(&made, "\xc1\x02\x02", 3);
    /* The request went another way: another token, another direction, another interface. */
    struct made other = make(CON, GET, 3);
    add_path(&other, "26887", "0", "2");
    struct made backwards = make(CON, GET, 2);
    add_path(&backwards, "26887", "0", "2");
    capture_open(&capture, interfaces);
    put(&capture, 0, &to_device, &other);
    put(&capture, 0, &to_server, &backwards);
    capture_udp(&capture, AT_MS(0), 1, DIRECTION_IN, &to_device, backwards.octets,
                backwards.length);
    put(&capture, 10, &to_server, &made);
    capture_close(&capture);
    struct expectation wanted = {.name = "wanted",
                                 .see = "coap",
                                 .where = {{"number:/26887/0/2", "2", 0}},
                                 .where_count = 1};
    struct expect_verdict verdict;
    assert_int_equal(expect_judge(capture.path, &wanted, 1, &verdict, &error), 0);
    (void)unlink(capture.path);
    assert_int_equal(verdict.outcome, EXPECT_FAIL);
    assert_non_null(strstr(verdict.actual, "number:/26887/0/2 is missing"));
}

static void values_of_tlv_are_read_as_the_field_says(void **state)
{
    (void)state;
    assert_int_equal(frame_with("number:/26887/0/0", "7200"), 5);
    assert_int_equal(frame_with("number:/26887/0/4", "1"), 5);
    assert_int_equal(frame_with("number:/26887/0/19", "40000"), 8);
    assert_int_equal(frame_with("text:/26887/0/18", "11.0.0.1"), 8);
    assert_int_equal(frame_with("address:/26887/0/18", "11.0.0.1"), 8);
    assert_int_equal(frame_with("address:/26887/0/18", "11.0.0.2"), 0);
}

static void other_formats_are_read_as_well(void **state)
{
    (void)state;
    assert_int_equal(frame_with("float:/3303/0/5700", "21.5"), 9);
    assert_int_equal(frame_with("text:/3303/0/5701", "Cel"), 9);
    assert_int_equal(frame_with("number:/3/0/9", "95"), 11);
    assert_int_equal(frame_with("text:/3/0/9", "95"), 11);
    assert_int_equal(frame_with("float:/3/0/9", "95.0"), 11);
    assert_int_equal(frame_with("number:/3/0/10", "99"), 13);
    assert_int_equal(frame_with("number:/1/0/1", "60"), 15);
    assert_int_equal(frame_with("number:/1/0/6", "1"), 15);
    assert_int_equal(frame_with("number:/3303/0/5701", "0"), 0);
}

static void a_value_may_refer_to_that_of_another_message(void **state)
{
    (void)state;
    struct expectation list[] = {
        {.name = "registration", .see = "coap", .where = {{"path", "/rd", 0}}, .where_count = 1},
        {.name = "instance",
         .see = "coap",
         .where = {{"number:/26887/0/19", "${registration.source-port}", 0},
                   {"address:/26887/0/18", "${registration.source}", 0}},
         .where_count = 2},
        {.name = "again",
         .see = "coap",
         .where = {{"source-port", "${instance.number:/26887/0/19}", 0}},
         .where_count = 1,
         .after = "instance"}};
    struct expect_verdict verdicts[3];
    judge(list, 3, verdicts);
    assert_int_equal(verdicts[1].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[1].frames[0], 8);
    assert_int_equal(verdicts[2].outcome, EXPECT_PASS);
    assert_int_equal(verdicts[2].frames[0], 9);
}

static void only_resources_have_values(void **state)
{
    (void)state;
    static const char *const fields[] = {"number:",      "number:/26887/0", "number:/26887/0/2/3/4",
                                         "number:x",     "number",          "link:/3/0/1",
                                         "source:/3/0/1"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct error error = {{0}};
        struct expectation wanted = {
            .name = "x", .see = "coap", .where = {{fields[i], "1", 9}}, .where_count = 1};
        assert_int_equal(expect_validate(&wanted, 1, "test.yaml", &error), -1);
        assert_non_null(strstr(error.text, "test.yaml:9: "));
    }
    struct expectation pcp = {
        .name = "x", .see = "pcp", .where = {{"number:/3/0/9", "1", 9}}, .where_count = 1};
    assert_int_equal(expect_validate(&pcp, 1, "test.yaml", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_is_found_by_its_queries_and_links),
        cmocka_unit_test(a_notification_has_the_path_of_the_request_with_its_token),
        cmocka_unit_test(a_response_without_its_request_has_no_path),
        cmocka_unit_test(values_of_tlv_are_read_as_the_field_says),
        cmocka_unit_test(other_formats_are_read_as_well),
        cmocka_unit_test(a_value_may_refer_to_that_of_another_message),
        cmocka_unit_test(only_resources_have_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
