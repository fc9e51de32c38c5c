/* LwM2M paths, and values as octets (section 6.4.3 and Appendix C of 1.0) and as text (6.4.1). */
#include "wire/lwm2m.h"

#include "test/exact.h"
#include "wire/decimal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* --- paths ----------------------------------------------------------------------------------- */

static bool read_path(const char *text, struct lwm2m_path *out)
{
    size_t length = strlen(text);
    uint8_t *copy = exact_copy((const uint8_t *)text, length);
    bool good = lwm2m_path_read((const char *)copy, length, out);
    free(copy);
    return good;
}

static void a_path_has_up_to_four_identifiers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *again;
        uint8_t depth;
    } paths[] = {{"", "/", 0},
                 {"/", "/", 0},
                 {"/3", "/3", 1},
                 {"3/0", "/3/0", 2},
                 {"/3/0/65534", "/3/0/65534", 3},
                 {"/65534/65534/65534/65534", "/65534/65534/65534/65534", 4}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct lwm2m_path path;
        char text[LWM2M_PATH_TEXT_SIZE];
        assert_true(read_path(paths[i].text, &path));
        assert_int_equal(path.depth, paths[i].depth);
        assert_string_equal(lwm2m_path_text(&path, text), paths[i].again);
    }
}

static void what_is_no_path_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"//",     "/3/",    "/3//0",         "/03",        "/3/00",
                                        "/65535", "/65536", "/3/4294967296", "/-1",        "/+1",
                                        "/a",     "/3/0 ",  " /3",           "/3/0/1/2/3", "/3?0"};
    struct lwm2m_path path;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(read_path(texts[i], &path));
    assert_false(lwm2m_path_read("/3\0", 3, &path));
}

static void a_path_is_within_those_above_it(void **state)
{
    (void)state;
    struct lwm2m_path root;
    struct lwm2m_path instance;
    struct lwm2m_path resource;
    struct lwm2m_path other;
    assert_true(read_path("/", &root) && read_path("/3/0", &instance) &&
                read_path("/3/0/9", &resource) && read_path("/3/1/9", &other));
    assert_true(lwm2m_path_is_within(&resource, &root));
    assert_true(lwm2m_path_is_within(&resource, &instance));
    assert_true(lwm2m_path_is_within(&resource, &resource));
    assert_false(lwm2m_path_is_within(&instance, &resource));
    assert_false(lwm2m_path_is_within(&other, &instance));
    assert_true(lwm2m_path_equal(&instance, &instance));
    assert_false(lwm2m_path_equal(&instance, &resource));
    assert_false(lwm2m_path_equal(&other, &resource));
    struct lwm2m_path child = lwm2m_path_child(&instance, 9);
    assert_true(lwm2m_path_equal(&child, &resource));
    for (uint16_t id = 1; id < 4; id++)
        child = lwm2m_path_child(&child, id);
    assert_int_equal(child.depth, LWM2M_PATH_DEPTH);
    assert_int_equal(child.id[3], 1);
}

/* --- octets ---------------------------------------------------------------------------------- */

static bool from_octets(enum lwm2m_type type, const void *octets, size_t length,
                        struct lwm2m_value *out)
{
    uint8_t *copy = exact_copy(octets, length);
    bool good = lwm2m_value_from_octets(type, copy, length, out);
    free(copy);
    return good;
}

static void assert_octets(const struct lwm2m_value *value, const void *expected, size_t length)
{
    uint8_t room[8];
    size_t got;
    const uint8_t *octets = lwm2m_value_octets(value, room, &got);
    assert_int_equal(got, length);
    assert_memory_equal(octets, expected, length);
}

static void an_integer_has_1_2_4_or_8_octets_as_few_as_can_be(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        size_t length;
        const char *octets;
    } integers[] = {
        {0, 1, "\x00"},
        {127, 1, "\x7f"},
        {128, 2, "\x00\x80"},
        {-1, 1, "\xff"},
        {-128, 1, "\x80"},
        {-129, 2, "\xff\x7f"},
        {32767, 2, "\x7f\xff"},
        {32768, 4, "\x00\x00\x80\x00"},
        {-32769, 4, "\xff\xff\x7f\xff"},
        {INT32_MAX, 4, "\x7f\xff\xff\xff"},
        {INT32_MIN, 4, "\x80\x00\x00\x00"},
        {INT64_C(2147483648), 8, "\x00\x00\x00\x00\x80\x00\x00\x00"},
        {INT64_MAX, 8, "\x7f\xff\xff\xff\xff\xff\xff\xff"},
        {INT64_MIN, 8, "\x80\x00\x00\x00\x00\x00\x00\x00"},
    };
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        struct lwm2m_value value = {.type = LWM2M_TYPE_INTEGER, .as.integer = integers[i].number};
        assert_octets(&value, integers[i].octets, integers[i].length);
        value.type = LWM2M_TYPE_TIME;
        assert_octets(&value, integers[i].octets, integers[i].length);
        assert_true(
            from_octets(LWM2M_TYPE_INTEGER, integers[i].octets, integers[i].length, &value));
        assert_true(value.as.integer == integers[i].number);
    }
    struct lwm2m_value value;
    for (size_t length = 0; length < 12; length++)
        assert_int_equal(from_octets(LWM2M_TYPE_INTEGER, "\0\0\0\0\0\0\0\0\0\0\0", length, &value),
                         length == 1 || length == 2 || length == 4 || length == 8);
}

static void an_unsigned_integer_has_no_sign(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_octets(LWM2M_TYPE_UNSIGNED, "\xff", 1, &value));
    assert_true(value.as.integer == 255);
    assert_octets(&value, "\xff", 1);
    assert_true(from_octets(LWM2M_TYPE_UNSIGNED, "\xff\xff\xff\xff", 4, &value));
    assert_true(value.as.integer == UINT32_MAX);
    assert_octets(&value, "\xff\xff\xff\xff", 4);
    value.as.integer++;
    assert_octets(&value, "\x00\x00\x00\x01\x00\x00\x00\x00", 8);
    assert_false(from_octets(LWM2M_TYPE_UNSIGNED, "\x80\0\0\0\0\0\0\0", 8, &value));
}

static void a_float_has_4_octets_where_they_say_it_all_and_8_otherwise(void **state)
{
    (void)state;
    struct lwm2m_value value = {.type = LWM2M_TYPE_FLOAT, .as.real = -22.5};
    assert_octets(&value, "\xc1\xb4\x00\x00", 4);
    value.as.real = 0.1;
    assert_octets(&value, "\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8);
    value.as.real = 1e300;
    assert_octets(&value, "\x7e\x37\xe4\x3c\x88\x00\x75\x9c", 8);
    value.as.real = -0.0;
    assert_octets(&value, "\x80\x00\x00\x00", 4);
    value.as.real = (double)INFINITY;
    assert_octets(&value, "\x7f\x80\x00\x00", 4);
    assert_true(from_octets(LWM2M_TYPE_FLOAT, "\x7f\xc0\x00\x00", 4, &value));
    assert_true(isnan(value.as.real));
    assert_octets(&value, "\x7f\xc0\x00\x00", 4);
    assert_true(from_octets(LWM2M_TYPE_FLOAT, "\xc1\xb4\x00\x00", 4, &value));
    assert_true(value.as.real == -22.5);
    assert_true(from_octets(LWM2M_TYPE_FLOAT, "\x3f\xb9\x99\x99\x99\x99\x99\x9a", 8, &value));
    assert_true(value.as.real == 0.1);
    for (size_t length = 0; length < 12; length++)
        assert_int_equal(from_octets(LWM2M_TYPE_FLOAT, "\0\0\0\0\0\0\0\0\0\0\0", length, &value),
                         length == 4 || length == 8);
}

static void a_boolean_is_one_octet_0_or_1(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_octets(LWM2M_TYPE_BOOLEAN, "\x01", 1, &value));
    assert_true(value.as.boolean);
    assert_octets(&value, "\x01", 1);
    assert_true(from_octets(LWM2M_TYPE_BOOLEAN, "\x00", 1, &value));
    assert_false(value.as.boolean);
    assert_octets(&value, "\x00", 1);
    assert_false(from_octets(LWM2M_TYPE_BOOLEAN, "\x02", 1, &value));
    assert_false(from_octets(LWM2M_TYPE_BOOLEAN, "", 0, &value));
    assert_false(from_octets(LWM2M_TYPE_BOOLEAN, "\x00\x01", 2, &value));
}

static void an_object_link_is_two_identifiers(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_octets(LWM2M_TYPE_LINK, "\x00\x42\xff\xff", 4, &value));
    assert_int_equal(value.as.link.object, 66);
    assert_int_equal(value.as.link.instance, 65535);
    assert_octets(&value, "\x00\x42\xff\xff", 4);
    assert_false(from_octets(LWM2M_TYPE_LINK, "\x00\x42\xff", 3, &value));
    assert_false(from_octets(LWM2M_TYPE_LINK, "\x00\x42\xff\xff\x00", 5, &value));
}

static void a_string_is_utf_8_and_an_opaque_anything(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_octets(LWM2M_TYPE_STRING, "gr\xc3\xbcn", 5, &value));
    assert_true(from_octets(LWM2M_TYPE_STRING, "", 0, &value));
    assert_false(from_octets(LWM2M_TYPE_STRING, "gr\xfcn", 4, &value));
    assert_true(from_octets(LWM2M_TYPE_OPAQUE, "gr\xfcn", 4, &value));
    assert_int_equal(value.as.data.length, 4);
    assert_false(from_octets(LWM2M_TYPE_NONE, "", 0, &value));
}

/* --- text ------------------------------------------------------------------------------------ */

static bool from_text(enum lwm2m_type type, const char *text, struct lwm2m_value *out)
{
    static uint8_t room[16]; /* what is decoded outlives the call */
    size_t length = strlen(text);
    uint8_t *copy = exact_copy((const uint8_t *)text, length);
    bool good = lwm2m_value_from_text(type, (const char *)copy, length, room, sizeof room, out);
    free(copy);
    return good;
}

static void assert_text(const struct lwm2m_value *value, const char *expected)
{
    char text[64];
    size_t length = strlen(expected);
    assert_int_equal(lwm2m_value_to_text(value, text, sizeof text), length);
    assert_memory_equal(text, expected, length);
    if (length > 0)
        assert_true(lwm2m_value_to_text(value, text, length - 1) == (size_t)-1);
    assert_int_equal(lwm2m_value_to_text(value, text, length), length);
}

static void an_integer_is_read_up_to_its_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } integers[] = {{"0", 0},
                    {"-1", -1},
                    {"9223372036854775807", INT64_MAX},
                    {"-9223372036854775808", INT64_MIN}};
    static const char *const others[] = {"",
                                         "-",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "1.0",
                                         "1e3",
                                         "0x1",
                                         "--1",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "99999999999999999999999999999999"};
    struct lwm2m_value value;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        assert_true(from_text(LWM2M_TYPE_INTEGER, integers[i].text, &value));
        assert_true(value.as.integer == integers[i].number);
        assert_text(&value, integers[i].text);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(from_text(LWM2M_TYPE_INTEGER, others[i], &value));
    assert_true(from_text(LWM2M_TYPE_TIME, "1367491215", &value));
    assert_true(from_text(LWM2M_TYPE_UNSIGNED, "9223372036854775807", &value));
    assert_false(from_text(LWM2M_TYPE_UNSIGNED, "-1", &value));
}

static void a_float_is_read_as_the_double_next_to_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
    } reals[] = {
        {"0", 0.0},
        {"-22.5", -22.5},
        {"1e3", 1000.0},
        {"1E+3", 1000.0},
        {"12.5e-1", 1.25},
        {"007.50", 7.5},
        {"0.1", 0.1},
        {"0.1000000000000000055511151231257827021181583404541015625", 0.1},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"5e-324", 5e-324},
        {"1e-999999999999", 0.0},
        {"0e999999999999", 0.0},
        /* Exactly between two doubles, the even one is next; by the least bit more, the other. */
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.0000000000000000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000000000001",
         9007199254740994.0},
    };
    static const char *const others[] = {
        "",      "-",    ".5",  "5.",  "1e",    "1e+",   "+1",
        " 1",    "1,5",  "nan", "inf", "0x1p3", "1e309", "-1e9999999999999999999",
        "1.5.2", "1e1.5"};
    struct lwm2m_value value;
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        assert_true(from_text(LWM2M_TYPE_FLOAT, reals[i].text, &value));
        assert_true(value.as.real == reals[i].number);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(from_text(LWM2M_TYPE_FLOAT, others[i], &value));
}

static void a_float_is_written_plainly_and_short(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } reals[] = {{0.0, "0.0"},
                 {-0.0, "-0.0"},
                 {1.0, "1.0"},
                 {-22.5, "-22.5"},
                 {0.1, "0.1"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {0.00001, "0.00001"},
                 {0.000001, "1e-6"},
                 {1e15, "1000000000000000.0"},
                 {1e16, "1e16"},
                 {1.5e300, "1.5e300"},
                 {-2.2250738585072014e-308, "-2.2250738585072014e-308"}};
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        struct lwm2m_value value = {.type = LWM2M_TYPE_FLOAT, .as.real = reals[i].number};
        assert_text(&value, reals[i].text);
    }
    char text[DECIMAL_TEXT_SIZE];
    struct lwm2m_value value = {.type = LWM2M_TYPE_FLOAT, .as.real = (double)NAN};
    assert_true(lwm2m_value_to_text(&value, text, sizeof text) == (size_t)-1);
    value.as.real = (double)INFINITY;
    assert_true(lwm2m_value_to_text(&value, text, sizeof text) == (size_t)-1);
}

static void assert_reads_back(double number)
{
    char text[DECIMAL_TEXT_SIZE];
    double again = 0;
    size_t length = decimal_write_real(number, text);
    assert_int_equal(length, strlen(text));
    assert_true(decimal_read_real(text, length, &again));
    assert_memory_equal(&again, &number, sizeof number);
}

/* Doubles of all magnitudes, by a generator whose numbers are the same in every run. */
static void every_float_reads_back_as_it_was_written(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 100000; i++) {
        double number;
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&number, &bits, sizeof number);
        if (isfinite(number))
            assert_reads_back(number);
    }
}

static void a_boolean_is_written_as_0_or_1(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_text(LWM2M_TYPE_BOOLEAN, "1", &value));
    assert_true(value.as.boolean);
    assert_text(&value, "1");
    assert_true(from_text(LWM2M_TYPE_BOOLEAN, "0", &value));
    assert_false(value.as.boolean);
    assert_text(&value, "0");
    static const char *const others[] = {"", "2", "true", "false", "01", "1 "};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(from_text(LWM2M_TYPE_BOOLEAN, others[i], &value));
}

static void an_object_link_is_written_with_a_colon(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_text(LWM2M_TYPE_LINK, "66:0", &value));
    assert_int_equal(value.as.link.object, 66);
    assert_int_equal(value.as.link.instance, 0);
    assert_text(&value, "66:0");
    assert_true(from_text(LWM2M_TYPE_LINK, "65535:65535", &value));
    assert_text(&value, "65535:65535");
    static const char *const others[] = {"", ":", "66", "66:", ":0", "66:65536", "-1:0", "1:2:3"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(from_text(LWM2M_TYPE_LINK, others[i], &value));
}

static void an_opaque_is_written_as_base64(void **state)
{
    (void)state;
    struct lwm2m_value value;
    assert_true(from_text(LWM2M_TYPE_OPAQUE, "Zm9vYg==", &value));
    assert_int_equal(value.as.data.length, 4);
    assert_memory_equal(value.as.data.octets, "foob", 4);
    assert_text(&value, "Zm9vYg==");
    assert_true(from_text(LWM2M_TYPE_OPAQUE, "", &value));
    assert_text(&value, "");
    assert_false(from_text(LWM2M_TYPE_OPAQUE, "Zm9v!A==", &value));
    assert_true(from_text(LWM2M_TYPE_OPAQUE, "AAAAAAAAAAAAAAAAAAAAAA==", &value));
    /* one octet more than there is room for */
    assert_false(from_text(LWM2M_TYPE_OPAQUE, "AAAAAAAAAAAAAAAAAAAAAAA=", &value));
}

static void a_string_is_written_as_it_is(void **state)
{
    (void)state;
    uint8_t room[1];
    struct lwm2m_value value;
    assert_true(lwm2m_value_from_text(LWM2M_TYPE_STRING, "U", 1, room, sizeof room, &value));
    assert_text(&value, "U");
    assert_true(lwm2m_value_from_text(LWM2M_TYPE_CORELINK, "</3/0>", 6, room, sizeof room, &value));
    assert_text(&value, "</3/0>");
    assert_false(lwm2m_value_from_text(LWM2M_TYPE_STRING, "\xff", 1, room, sizeof room, &value));
    assert_false(lwm2m_value_from_text(LWM2M_TYPE_NONE, "", 0, room, sizeof room, &value));
    value.type = LWM2M_TYPE_NONE;
    assert_true(lwm2m_value_to_text(&value, (char *)room, sizeof room) == (size_t)-1);
}

/* --- names ----------------------------------------------------------------------------------- */

static void formats_and_types_have_names(void **state)
{
    (void)state;
    assert_string_equal(lwm2m_format_name(LWM2M_FORMAT_TLV), "tlv");
    assert_string_equal(lwm2m_format_name(LWM2M_FORMAT_SENML_CBOR), "senml-cbor");
    assert_null(lwm2m_format_name(LWM2M_FORMAT_NONE));
    assert_null(lwm2m_format_name(1));
    for (int type = LWM2M_TYPE_NONE; type <= LWM2M_TYPE_CORELINK; type++)
        assert_string_not_equal(lwm2m_type_name((enum lwm2m_type)type), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_has_up_to_four_identifiers),
        cmocka_unit_test(what_is_no_path_is_refused),
        cmocka_unit_test(a_path_is_within_those_above_it),
        cmocka_unit_test(an_integer_has_1_2_4_or_8_octets_as_few_as_can_be),
        cmocka_unit_test(an_unsigned_integer_has_no_sign),
        cmocka_unit_test(a_float_has_4_octets_where_they_say_it_all_and_8_otherwise),
        cmocka_unit_test(a_boolean_is_one_octet_0_or_1),
        cmocka_unit_test(an_object_link_is_two_identifiers),
        cmocka_unit_test(a_string_is_utf_8_and_an_opaque_anything),
        cmocka_unit_test(an_integer_is_read_up_to_its_limits),
        cmocka_unit_test(a_float_is_read_as_the_double_next_to_it),
        cmocka_unit_test(a_float_is_written_plainly_and_short),
        cmocka_unit_test(every_float_reads_back_as_it_was_written),
        cmocka_unit_test(a_boolean_is_written_as_0_or_1),
        cmocka_unit_test(an_object_link_is_written_with_a_colon),
        cmocka_unit_test(an_opaque_is_written_as_base64),
        cmocka_unit_test(a_string_is_written_as_it_is),
        cmocka_unit_test(formats_and_types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
