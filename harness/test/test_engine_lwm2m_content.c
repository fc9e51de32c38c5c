/* Payloads of every content format and what they mean, section 6.4 of LwM2M 1.0, 7.4 of Core 1.1.1. */
#include "test/lwm2m_device_fixture.h"

static struct lwm2m_content content;

static enum lwm2m_code read_at(uint32_t format, const char *path, const char *octets, size_t length)
{
    const struct lwm2m_path base = device_path(path);
    const struct lwm2m_typing typing = lwm2m_model_typing(&device->model);
    struct error error = {0};
    enum lwm2m_code code = lwm2m_content_read(format, &base, (const uint8_t *)octets, length,
                                              &typing, &content, &error);
    assert_int_equal(code == LWM2M_CHANGED, !error.text[0]); /* a refusal says why */
    return code;
}

static enum lwm2m_code read_text(uint32_t format, const char *path, const char *text)
{
    return read_at(format, path, text, strlen(text));
}

struct format_row {
    uint32_t format;
    const char *octets;
    size_t length;
};

static void one_value_is_read_as_text_opaque_or_cbor(void **state)
{
    (void)state;
    assert_int_equal(read_text(LWM2M_FORMAT_TEXT, "/1/0/1", "60"), LWM2M_CHANGED);
    assert_int_equal(content.count, 1);
    assert_int_equal(content.entries[0].value.as.integer, 60);
    assert_int_equal(read_text(LWM2M_FORMAT_CBOR, "/1/0/1", "\x18\x3c"), LWM2M_CHANGED);
    assert_int_equal(content.entries[0].value.as.integer, 60);
    assert_int_equal(read_at(LWM2M_FORMAT_OPAQUE, "/0/1/5", "\0k\xff", 3), LWM2M_CHANGED);
    assert_int_equal(content.entries[0].value.as.data.length, 3);
    assert_int_equal(read_text(LWM2M_FORMAT_TEXT, "/3/0/7/1", "3"), LWM2M_CHANGED);
    assert_int_equal(content.entries[0].path.depth, 4);
}

static void a_text_of_what_is_not_known_is_a_string(void **state)
{
    (void)state;
    assert_int_equal(read_text(LWM2M_FORMAT_TEXT, "/77/0/1", "60"), LWM2M_CHANGED);
    assert_int_equal(content.entries[0].value.type, LWM2M_TYPE_STRING);
}

/* Rows of the texts called tlv, senml, cbor and json. */
#define FORMATS_OF_MANY                                                                            \
    {                                                                                              \
        {LWM2M_FORMAT_TLV, tlv, sizeof tlv - 1},                                                   \
            {LWM2M_FORMAT_SENML_JSON, senml, sizeof senml - 1},                                    \
            {LWM2M_FORMAT_SENML_CBOR, cbor, sizeof cbor - 1},                                      \
        {                                                                                          \
            LWM2M_FORMAT_JSON, json, sizeof json - 1                                               \
        }                                                                                          \
    }

static void the_same_values_are_read_from_every_format_of_many(void **state)
{
    (void)state;
    static const char tlv[] = "\xc1\x01\x3c\xc1\x07U";
    static const char senml[] =
        "[{\"bn\":\"/1/0/\",\"n\":\"1\",\"v\":60},{\"n\":\"7\",\"vs\":\"U\"}]";
    static const char cbor[] = "\x82\xa3\x21\x65/1/0/\x00\x61"
                               "1\x02\x18\x3c\xa2\x00\x61"
                               "7\x03\x61U";
    static const char json[] = "{\"bn\":\"/1/0/\",\"e\":[{\"n\":\"1\",\"v\":60},"
                               "{\"n\":\"7\",\"sv\":\"U\"}]}";
    const struct format_row rows[] = FORMATS_OF_MANY;
    const struct lwm2m_path lifetime = device_path("/1/0/1");
    const struct lwm2m_path binding = device_path("/1/0/7");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_at(rows[i].format, "/1/0", rows[i].octets, rows[i].length),
                         LWM2M_CHANGED);
        assert_int_equal(content.count, 2);
        assert_true(lwm2m_path_equal(&content.entries[0].path, &lifetime));
        assert_int_equal(content.entries[0].value.as.integer, 60);
        assert_true(lwm2m_path_equal(&content.entries[1].path, &binding));
        assert_memory_equal(content.entries[1].value.as.data.octets, "U", 1);
    }
}

static void a_resource_that_is_not_known_is_passed_on_in_every_format_of_many(void **state)
{
    (void)state;
    static const char tlv[] = "\xc1\x63\x01";
    static const char senml[] = "[{\"n\":\"/1/0/99\",\"vb\":true}]";
    static const char cbor[] = "\x81\xa2\x00\x67/1/0/99\x04\xf5";
    static const char json[] = "{\"bn\":\"/1/0/\",\"e\":[{\"n\":\"99\",\"bv\":true}]}";
    const struct format_row rows[] = FORMATS_OF_MANY;
    const struct lwm2m_path unknown = device_path("/1/0/99");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(read_at(rows[i].format, "/1/0", rows[i].octets, rows[i].length),
                         LWM2M_CHANGED);
        assert_int_equal(content.count, 1);
        assert_true(lwm2m_path_equal(&content.entries[0].path, &unknown));
    }
}

static void what_is_written_reads_as_the_same(void **state)
{
    (void)state;
    static const uint32_t formats[] = {LWM2M_FORMAT_TLV, LWM2M_FORMAT_SENML_JSON,
                                       LWM2M_FORMAT_SENML_CBOR, LWM2M_FORMAT_JSON};
    const struct lwm2m_path base = device_path("/26887/0");
    struct lwm2m_entry entries[3] = {
        {.path = device_path("/26887/0/0"), .value = {LWM2M_TYPE_INTEGER, {.integer = 7200}}},
        {.path = device_path("/26887/0/4"), .value = {LWM2M_TYPE_BOOLEAN, {.boolean = true}}},
        {.path = device_path("/26887/0/11/3"), .value = {.type = LWM2M_TYPE_STRING}}};
    entries[2].value.as.data.octets = (const uint8_t *)"x";
    entries[2].value.as.data.length = 1;
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        uint8_t octets[256];
        int length =
            lwm2m_content_write(formats[f], &base, entries, 3, octets, sizeof octets, NULL);
        assert_true(length > 0);
        assert_int_equal(read_at(formats[f], "/26887/0", (const char *)octets, (size_t)length),
                         LWM2M_CHANGED);
        assert_int_equal(content.count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_true(lwm2m_path_equal(&content.entries[i].path, &entries[i].path));
            assert_int_equal(content.entries[i].value.type, entries[i].value.type);
        }
        for (size_t room = 0; room < (size_t)length; room++)
            assert_int_equal(lwm2m_content_write(formats[f], &base, entries, 3, octets, room, NULL),
                             -1);
    }
}

static void formats_of_one_value_say_no_more(void **state)
{
    (void)state;
    const struct lwm2m_path base = device_path("/1/0");
    const struct lwm2m_path resource = device_path("/1/0/1");
    const struct lwm2m_entry entry = {.path = resource,
                                      .value = {LWM2M_TYPE_INTEGER, {.integer = 60}}};
    assert_true(lwm2m_content_can(LWM2M_FORMAT_TEXT, &resource, &entry, 1));
    assert_true(lwm2m_content_can(LWM2M_FORMAT_CBOR, &resource, &entry, 1));
    assert_false(lwm2m_content_can(LWM2M_FORMAT_OPAQUE, &resource, &entry, 1));
    assert_false(lwm2m_content_can(LWM2M_FORMAT_TEXT, &base, &entry, 1));
    assert_false(lwm2m_content_can(LWM2M_FORMAT_TEXT, &resource, &entry, 0));
    assert_true(lwm2m_content_can(LWM2M_FORMAT_TLV, &base, &entry, 1));
    assert_false(lwm2m_content_can(LWM2M_FORMAT_LINK, &base, &entry, 1));
    assert_false(lwm2m_content_can(LWM2M_FORMAT_NONE, &base, &entry, 1));
}

static void refusals_have_their_codes(void **state)
{
    (void)state;
    const struct {
        const char *path;
        const char *text;
        uint32_t format;
        enum lwm2m_code code;
    } rows[] = {
        {"/1/0", "60", LWM2M_FORMAT_TEXT, LWM2M_UNSUPPORTED},
        {"/3/0/7", "60", LWM2M_FORMAT_TEXT, LWM2M_UNSUPPORTED},
        {"/1/0", "\x01", LWM2M_FORMAT_CBOR, LWM2M_UNSUPPORTED},
        {"/1/0/7", "U", LWM2M_FORMAT_OPAQUE, LWM2M_UNSUPPORTED},
        {"/1/0", "</1>", LWM2M_FORMAT_LINK, LWM2M_UNSUPPORTED},
        {"/1/0/1", "60", LWM2M_FORMAT_NONE, LWM2M_UNSUPPORTED},
        {"/1/0/1", "", LWM2M_FORMAT_TEXT, LWM2M_BAD_REQUEST},
        {"/1/0/1", "6o", LWM2M_FORMAT_TEXT, LWM2M_BAD_REQUEST},
        {"/1/0/1", "\x61U", LWM2M_FORMAT_CBOR, LWM2M_BAD_REQUEST},
        {"/1/0", "\xc1", LWM2M_FORMAT_TLV, LWM2M_BAD_REQUEST},
        {"/1/0", "[{\"n\":\"/3/0/15\",\"vs\":\"\"}]", LWM2M_FORMAT_SENML_JSON, LWM2M_BAD_REQUEST},
        {"/1/0", "{", LWM2M_FORMAT_JSON, LWM2M_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(read_text(rows[i].format, rows[i].path, rows[i].text), rows[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_value_is_read_as_text_opaque_or_cbor, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_text_of_what_is_not_known_is_a_string, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_values_are_read_from_every_format_of_many, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_resource_that_is_not_known_is_passed_on_in_every_format_of_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_reads_as_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formats_of_one_value_say_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_have_their_codes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
