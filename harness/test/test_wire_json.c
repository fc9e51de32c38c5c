/* JSON (RFC 8259), and the JSON of LwM2M 1.0, section 6.4.4. */
#include "wire/json.h"

#include "test/senml_support.h"

/* --- numbers -------------------------------------------------------------------------------- */

static int read_number(const char *text, size_t length, struct lwm2m_value *out)
{
    uint8_t *copy = exact_copy((const uint8_t *)text, length);
    struct json_reader reader = {.octets = copy, .length = length};
    int status = json_read_number(&reader, out);
    if (!status)
        status = json_end(&reader);
    free(copy);
    return status;
}

static void integers_are_exact_to_the_limits_of_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t integer;
    } integers[] = {
        {"0", 0},
        {" -1 ", -1},
        {"9007199254740993", 9007199254740993},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < LENGTH(integers); i++) {
        struct lwm2m_value value;
        assert_int_equal(read_number(integers[i].text, strlen(integers[i].text), &value), 0);
        assert_int_equal(value.type, LWM2M_TYPE_INTEGER);
        assert_int_equal(value.as.integer, integers[i].integer);
    }
}

static void other_numbers_are_the_doubles_next_to_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double real;
    } reals[] = {
        {"-0", -0.0},
        {"0.0", 0.0},
        {"1.0", 1.0},
        {"1e3", 1000.0},
        {"1E-2", 0.01},
        {"-1.5e+2", -150.0},
        {"9223372036854775808", 0x1p63},
        {"-9223372036854775809", -0x1p63},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"5e-324", 5e-324},
        {"1e-999", 0.0},
        {"0.1", 0.1},
    };
    for (size_t i = 0; i < LENGTH(reals); i++) {
        struct lwm2m_value value;
        assert_int_equal(read_number(reals[i].text, strlen(reals[i].text), &value), 0);
        assert_int_equal(value.type, LWM2M_TYPE_FLOAT);
        assert_memory_equal(&value.as.real, &reals[i].real, sizeof(double));
    }
}

static void texts_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",     "-",   "+1",  "01",    "-01",    "00",    ".5",  "1.",
        "1.e1", "1e",  "1e+", "1e999", "-1e999", "0x10",  "NaN", "Infinity",
        "inf",  "1 2", "1,2", "--1",   "1-",     "1e1.5", "1f",  "\xd9\xa1",
    };
    for (size_t i = 0; i < LENGTH(refused); i++) {
        struct lwm2m_value value;
        assert_int_equal(read_number(refused[i], strlen(refused[i]), &value), -1);
    }
    struct lwm2m_value value;
    assert_int_equal(read_number("1\0", 2, &value), -1);
}

/* --- strings -------------------------------------------------------------------------------- */

/* Its decoded text and a NUL go to text. */
static int read_string(const char *octets, size_t length, char *text, size_t size)
{
    uint8_t *copy = exact_copy((const uint8_t *)octets, length);
    struct json_reader reader = {.octets = copy, .length = length};
    struct json_text found;
    int status = json_read_string(&reader, &found);
    if (!status)
        status = json_end(&reader);
    if (!status) {
        size_t used = json_text_read(&found, (uint8_t *)text, size - 1);
        assert_true(used < size);
        text[used] = 0;
    }
    free(copy);
    return status;
}

static void strings_are_read_with_their_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } strings[] = {
        {"\"\"", ""},
        {" \"x\" ", "x"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
        {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
        {"\"a\\u0001\x7f\"", "a\x01\x7f"},
    };
    for (size_t i = 0; i < LENGTH(strings); i++) {
        char text[16];
        size_t length = strlen(strings[i].json);
        assert_int_equal(read_string(strings[i].json, length, text, sizeof text), 0);
        assert_string_equal(text, strings[i].text);
        const char *end = strrchr(strings[i].json, '"');
        for (size_t cut = 0; cut <= (size_t)(end - strings[i].json); cut++)
            assert_int_equal(read_string(strings[i].json, cut, text, sizeof text), -1);
    }
}

static void strings_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "'x'",
        "x",
        "\"x",
        "\"\n\"",
        "\"\x1f\"",
        "\"\\x\"",
        "\"\\U0041\"",
        "\"\\u004\"",
        "\"\\u004g\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\ude00\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xed\xa0\xbd\xed\xb8\x80\"",
        "\"\xc0\x80\"",
        "\"\\",
    };
    for (size_t i = 0; i < LENGTH(refused); i++) {
        char text[16];
        assert_int_equal(read_string(refused[i], strlen(refused[i]), text, sizeof text), -1);
    }
    char text[16];
    assert_int_equal(read_string("\"\0\"", 3, text, sizeof text), -1);
    assert_int_equal(read_string("\"\\\0\"", 4, text, sizeof text), -1);
}

/* --- values of no concern ------------------------------------------------------------------- */

static int pass_over(const char *text, size_t length)
{
    uint8_t *copy = exact_copy((const uint8_t *)text, length);
    struct json_reader reader = {.octets = copy, .length = length};
    int status = json_skip(&reader);
    if (!status)
        status = json_end(&reader);
    free(copy);
    return status;
}

static void any_value_is_passed_over_whole(void **state)
{
    (void)state;
    static const char *const values[] = {
        "true",
        "false",
        "null",
        "\"\\u0041\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,\"a\",null,[[]],{\"a\":[{}]}]",
        "{\"a\":{\"b\":[1,2]},\"c\":-1.5e3,\"\":true}",
        "\t[\r\n1 , 2 ]",
    };
    for (size_t i = 0; i < LENGTH(values); i++) {
        size_t length = strlen(values[i]);
        assert_int_equal(pass_over(values[i], length), 0);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(pass_over(values[i], cut), -1);
    }
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",      "nul",        "nulL",  "tru",     "True",       "[1,]",       "[,1]",
        "[1 2]", "[1}",        "{1:2}", "{\"a\"}", "{\"a\":}",   "{\"a\":1,}", "{\"a\" 1}",
        "{,}",   "]",          "}",     "[[]",     "[]]",        "[1]x",       "\xef\xbb\xbf[]",
        "/**/1", "{\"a\":1;}", "{a:1}", "[true1]", "[nullnull]",
    };
    for (size_t i = 0; i < LENGTH(refused); i++)
        assert_int_equal(pass_over(refused[i], strlen(refused[i])), -1);
}

static void depth_has_a_bound(void **state)
{
    (void)state;
    char text[100001];
    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    assert_int_equal(pass_over(text, (size_t)2 * JSON_DEPTH), 0);
    memset(text, '[', JSON_DEPTH + 1);
    memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
    assert_int_equal(pass_over(text, (size_t)2 * JSON_DEPTH + 2), -1);
    memset(text, '[', sizeof text);
    assert_int_equal(pass_over(text, sizeof text), -1);
    for (size_t i = 0; i + 5 < sizeof text; i += 5)
        memcpy(text + i, "{\"\":", 5);
    assert_int_equal(pass_over(text, sizeof text), -1);
}

/* --- LwM2M 1.0 ------------------------------------------------------------------------------ */

static const char device[] =
    "{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"Open Mobile "
    "Alliance\"},{\"n\":\"6/0\",\"v\":1},"
    "{\"n\":\"6/1\",\"v\":5},{\"n\":\"9\",\"v\":100},{\"n\":\"14\",\"sv\":\"+02:00\"},"
    "{\"n\":\"15\",\"bv\":true},{\"n\":\"22\",\"ov\":\"33:0\"}]}";
static const char device_meaning[] =
    "/3/0/0=string Open Mobile Alliance; /3/0/6/0=integer 1; /3/0/6/1=integer 5; /3/0/9=integer "
    "100; "
    "/3/0/14=string +02:00; /3/0/15=boolean 1; /3/0/22=object link 33:0";

static void a_device_object_is_read_and_written(void **state)
{
    (void)state;
    assert_entries(lwm2m_json_read, "/3/0", device, sizeof device - 1, NULL, device_meaning);
    struct senml_reading reading;
    uint8_t octets[sizeof device];
    struct lwm2m_path base = path_of("/3/0");
    read_pack(lwm2m_json_read, "/3/0", device, sizeof device - 1, NULL, &reading);
    int length = lwm2m_json_write(&base, reading.entries, (size_t)reading.count, octets,
                                  sizeof octets, NULL);
    assert_int_equal(length, sizeof device - 1);
    assert_memory_equal(octets, device, sizeof device - 1);
    for (size_t cut = 0; cut < sizeof device - 1; cut++)
        assert_refused(lwm2m_json_read, "/3/0", device, cut, NULL, LWM2M_MALFORMED);
    free(reading.octets);
}

static void names_stand_behind_the_base_name_or_the_path_asked(void **state)
{
    (void)state;
    static const struct {
        const char *base, *json, *meaning;
    } examples[] = {
        {"/3/0/0", "{\"bn\":\"/3/0/0\",\"e\":[{\"sv\":\"x\"}]}", "/3/0/0=string x"},
        {"/3/0/0", "{\"e\":[{\"n\":\"\",\"sv\":\"x\"}]}", "/3/0/0=string x"},
        {"/3/0", "{\"e\":[{\"n\":\"1\",\"v\":1},{\"n\":\"11/2\",\"v\":2}]}",
         "/3/0/1=integer 1; /3/0/11/2=integer 2"},
        {"/", "{\"e\":[{\"n\":\"3/0/1\",\"v\":1}]}", "/3/0/1=integer 1"},
        {"/3", "{\"e\":[{\"v\":1,\"n\":\"0/1\"}],\"bt\":1,\"bn\":\"/3/\"}", "/3/0/1=integer 1"},
        {"/3", "{\"x\":{\"e\":[]},\"e\":[{\"n\":\"0/1\",\"t\":5,\"x\":[],\"v\":1}]}",
         "/3/0/1=integer 1"},
        {"/3", "{\"bn\":\"/3/\",\"e\":[]}", ""},
        {"/3", "{\"bn\":\"/3\",\"e\":[{\"n\":\"0/1\",\"v\":1},{\"n\":\"/0/9\",\"v\":2}]}",
         "/3/0/1=integer 1; /3/0/9=integer 2"},
        {"/3", "{\"e\":[{\"n\":\"0/5\",\"sv\":\"+/8=\"},{\"n\":\"0/15/1\",\"sv\":\"\\u0041QID\"}]}",
         "/3/0/5=opaque +/8=; /3/0/15/1=opaque AQID"},
        {"/3", "{\"e\":[{\"n\":\"0/8\",\"sv\":\"</3>\"},{\"n\":\"0/7\",\"ov\":\"1:2\"}]}",
         "/3/0/8=link format </3>; /3/0/7=object link 1:2"},
        {"/3", "{\"e\":[{\"n\":\"0/3\",\"v\":1},{\"n\":\"0/6\",\"v\":1.0}]}",
         "/3/0/3=float 1; /3/0/6=time 1"},
    };
    for (size_t i = 0; i < LENGTH(examples); i++)
        assert_entries(lwm2m_json_read, examples[i].base, examples[i].json,
                       strlen(examples[i].json), &support_typing, examples[i].meaning);
}

static void payloads_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "[]",
        "{}",
        "{\"bn\":\"/3/\"}",
        "{\"e\":{}}",
        "{\"e\":[1]}",
        "{\"e\":[{}]}",
        "{\"e\":[{\"n\":\"0/1\"}]}",
        "{\"e\":[{\"n\":\"0/1\",\"v\":1,\"sv\":\"1\"}]}",
        "{\"e\":[{\"n\":\"0/1\",\"v\":1,\"v\":1}]}",
        "{\"e\":[{\"n\":\"0/1\",\"n\":\"0/1\",\"v\":1}]}",
        "{\"e\":[],\"e\":[]}",
        "{\"bn\":\"/3/\",\"bn\":\"/3/\",\"e\":[]}",
        "{\"bn\":3,\"e\":[]}",
        "{\"bn\":\"/3/000000000000000000000000\",\"e\":[]}",
        "{\"bt\":\"now\",\"e\":[]}",
        "{\"bn\":\"/4/\",\"e\":[{\"n\":\"0/1\",\"v\":1}]}",
        "{\"bn\":\"/\",\"e\":[{\"n\":\"0/1\",\"v\":1}]}",
        "{\"bn\":\"/3/0\",\"e\":[{\"n\":\"1\",\"v\":1}]}",
        "{\"e\":[{\"n\":\"/4/0/1\",\"v\":1}]}",
        "{\"e\":[{\"n\":\"0\",\"v\":1}]}",
        "{\"e\":[{\"n\":\"0/1\",\"v\":\"1\"}]}",
        "{\"e\":[{\"n\":\"0/1\",\"v\":1.5}]}",
        "{\"e\":[{\"n\":\"0/1\",\"bv\":true}]}",
        "{\"e\":[{\"n\":\"0/4\",\"bv\":1}]}",
        "{\"e\":[{\"n\":\"0/5\",\"sv\":\"-_8\"}]}",
        "{\"e\":[{\"n\":\"0/7\",\"ov\":\"1\"}]}",
        "{\"e\":[{\"n\":\"0/7\",\"sv\":\"1:1\"}]}",
        "{\"e\":[{\"n\":\"0/11\",\"v\":1}]}",
        "{\"e\":[]}{}",
    };
    for (size_t i = 0; i < LENGTH(refused); i++)
        assert_refused(lwm2m_json_read, "/3", refused[i], strlen(refused[i]), &support_typing,
                       LWM2M_MALFORMED);
}

static void values_are_read_back_as_they_were_written(void **state)
{
    (void)state;
    static const uint8_t data[] = {0xfb, 0xff, 0x00};
    static const uint8_t text[] = "\"\\\n\xe2\x82\xac";
    const struct lwm2m_entry entries[] = {
        {.path = path_of("/3/0/0"),
         .value = {.type = LWM2M_TYPE_STRING, .as.data = {text, sizeof text - 1}}},
        {.path = path_of("/3/0/1"), .value = {.type = LWM2M_TYPE_INTEGER, .as.integer = INT64_MIN}},
        {.path = path_of("/3/0/2"),
         .value = {.type = LWM2M_TYPE_UNSIGNED, .as.integer = INT64_MAX}},
        {.path = path_of("/3/0/3"), .value = {.type = LWM2M_TYPE_FLOAT, .as.real = 0.1}},
        {.path = path_of("/3/0/4"), .value = {.type = LWM2M_TYPE_BOOLEAN}},
        {.path = path_of("/3/0/5"),
         .value = {.type = LWM2M_TYPE_OPAQUE, .as.data = {data, sizeof data}}},
        {.path = path_of("/3/0/6"), .value = {.type = LWM2M_TYPE_TIME, .as.integer = 1}},
        {.path = path_of("/3/0/7"), .value = {.type = LWM2M_TYPE_LINK, .as.link = {65535, 65535}}},
        {.path = path_of("/3/0/18/7"),
         .value = {.type = LWM2M_TYPE_CORELINK, .as.data = {(const uint8_t *)"</3>", 4}}},
    };
    static const char *const bases[] = {"/", "/3", "/3/0"};
    for (size_t i = 0; i < LENGTH(bases); i++) {
        struct lwm2m_path base = path_of(bases[i]);
        assert_round_trip(lwm2m_json_read, lwm2m_json_write, &base, entries, LENGTH(entries),
                          &support_typing);
    }
    assert_round_trip(lwm2m_json_read, lwm2m_json_write, &entries[3].path, &entries[3], 1,
                      &support_typing);
}

static void what_has_no_value_is_not_written(void **state)
{
    (void)state;
    struct lwm2m_path base = path_of("/3/0");
    const struct lwm2m_entry entries[] = {{.path = base}, {.path = path_of("/3/0/11")}};
    uint8_t octets[64];
    int length = lwm2m_json_write(&base, entries, LENGTH(entries), octets, sizeof octets, NULL);
    assert_true(length > 0);
    octets[length] = 0;
    assert_string_equal((const char *)octets, "{\"bn\":\"/3/0/\",\"e\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact_to_the_limits_of_64_bits),
        cmocka_unit_test(other_numbers_are_the_doubles_next_to_them),
        cmocka_unit_test(texts_that_are_no_numbers_are_refused),
        cmocka_unit_test(strings_are_read_with_their_escapes),
        cmocka_unit_test(strings_that_are_none_are_refused),
        cmocka_unit_test(any_value_is_passed_over_whole),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(a_device_object_is_read_and_written),
        cmocka_unit_test(names_stand_behind_the_base_name_or_the_path_asked),
        cmocka_unit_test(payloads_that_are_none_are_refused),
        cmocka_unit_test(values_are_read_back_as_they_were_written),
        cmocka_unit_test(what_has_no_value_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
