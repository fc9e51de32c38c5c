/* CBOR, RFC 8949: the examples of its Appendix A, and what is no CBOR; one value as content format 60. */
#include "wire/cbor.h"
#include "wire/senml.h"

#include "test/exact.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
/* The octets of a literal, and how many they are. */
#define OCTETS(text) text, sizeof(text) - 1

struct octets {
    const char *octets;
    size_t length;
};

static struct cbor_reader reader_of(const uint8_t *copy, size_t length)
{
    return (struct cbor_reader){.octets = copy, .length = length};
}

/* --- numbers -------------------------------------------------------------------------------- */

static const struct {
    int64_t integer;
    struct octets octets;
} integers[] = {
    {0, {OCTETS("\x00")}},
    {1, {OCTETS("\x01")}},
    {23, {OCTETS("\x17")}},
    {24, {OCTETS("\x18\x18")}},
    {255, {OCTETS("\x18\xff")}},
    {256, {OCTETS("\x19\x01\x00")}},
    {1000, {OCTETS("\x19\x03\xe8")}},
    {65535, {OCTETS("\x19\xff\xff")}},
    {65536, {OCTETS("\x1a\x00\x01\x00\x00")}},
    {4294967295, {OCTETS("\x1a\xff\xff\xff\xff")}},
    {4294967296, {OCTETS("\x1b\x00\x00\x00\x01\x00\x00\x00\x00")}},
    {INT64_MAX, {OCTETS("\x1b\x7f\xff\xff\xff\xff\xff\xff\xff")}},
    {-1, {OCTETS("\x20")}},
    {-10, {OCTETS("\x29")}},
    {-24, {OCTETS("\x37")}},
    {-25, {OCTETS("\x38\x18")}},
    {-1000, {OCTETS("\x39\x03\xe7")}},
    {INT64_MIN, {OCTETS("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff")}},
};

static const struct {
    double real;
    struct octets octets;
} reals[] = {
    {0.0, {OCTETS("\xf9\x00\x00")}},
    {-0.0, {OCTETS("\xf9\x80\x00")}},
    {1.0, {OCTETS("\xf9\x3c\x00")}},
    {1.5, {OCTETS("\xf9\x3e\x00")}},
    {-4.0, {OCTETS("\xf9\xc4\x00")}},
    {65504.0, {OCTETS("\xf9\x7b\xff")}},
    {0x1p-24, {OCTETS("\xf9\x00\x01")}},
    {-0x3ffp-24, {OCTETS("\xf9\x83\xff")}},
    {0x1p-14, {OCTETS("\xf9\x04\x00")}},
    {0x1p-25, {OCTETS("\xfa\x33\x00\x00\x00")}},
    {65536.0, {OCTETS("\xfa\x47\x80\x00\x00")}},
    {100000.0, {OCTETS("\xfa\x47\xc3\x50\x00")}},
    {3.4028234663852886e+38, {OCTETS("\xfa\x7f\x7f\xff\xff")}},
    {0x1p-149, {OCTETS("\xfa\x00\x00\x00\x01")}},
    {1.1, {OCTETS("\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a")}},
    {1.0e+300, {OCTETS("\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c")}},
    {-4.1, {OCTETS("\xfb\xc0\x10\x66\x66\x66\x66\x66\x66")}},
    {5e-324, {OCTETS("\xfb\x00\x00\x00\x00\x00\x00\x00\x01")}},
};

static void assert_number(const struct octets *octets, const struct lwm2m_value *expected)
{
    uint8_t *copy = exact_copy((const uint8_t *)octets->octets, octets->length);
    struct cbor_reader reader = reader_of(copy, octets->length);
    struct lwm2m_value value;
    assert_int_equal(cbor_number(&reader, &value), 0);
    assert_int_equal(cbor_end(&reader), 0);
    assert_int_equal(value.type, expected->type);
    assert_memory_equal(&value.as, &expected->as, sizeof(int64_t));
    for (size_t cut = 0; cut < octets->length; cut++) {
        uint8_t *part = exact_copy(copy, cut);
        struct error error = {0};
        reader = (struct cbor_reader){.octets = part, .length = cut, .error = &error};
        assert_int_equal(cbor_number(&reader, &value), -1);
        assert_string_equal(error.text + strlen(error.text) - 9, "truncated");
        free(part);
    }
    free(copy);
}

/* Read, and written in as few octets. */
static void numbers_are_those_of_the_specification(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(integers) + LENGTH(reals); i++) {
        bool is_integer = i < LENGTH(integers);
        struct lwm2m_value value = {.type = is_integer ? LWM2M_TYPE_INTEGER : LWM2M_TYPE_FLOAT};
        struct octets octets = is_integer ? integers[i].octets : reals[i - LENGTH(integers)].octets;
        if (is_integer)
            value.as.integer = integers[i].integer;
        else
            value.as.real = reals[i - LENGTH(integers)].real;
        assert_number(&octets, &value);
        uint8_t room[9];
        struct cbor_writer writer = {.octets = room, .size = sizeof room};
        cbor_write_number(&writer, &value);
        assert_null(writer.problem);
        assert_int_equal(writer.length, octets.length);
        assert_memory_equal(room, octets.octets, octets.length);
    }
}

static void longer_forms_than_needed_and_decimal_fractions_are_read(void **state)
{
    (void)state;
    static const struct {
        struct octets octets;
        double real; /* NAN: the integer 1 */
    } forms[] = {
        {{OCTETS("\x18\x01")}, NAN},
        {{OCTETS("\x1b\x00\x00\x00\x00\x00\x00\x00\x01")}, NAN},
        {{OCTETS("\xfa\x3f\xc0\x00\x00")}, 1.5},
        {{OCTETS("\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00")}, 1.5},
        {{OCTETS("\x1b\xff\xff\xff\xff\xff\xff\xff\xff")}, 18446744073709551615.0},
        {{OCTETS("\x3b\xff\xff\xff\xff\xff\xff\xff\xff")}, -18446744073709551616.0},
        {{OCTETS("\xc1\x01")}, NAN},
        {{OCTETS("\xd9\xd9\xf7\xc1\xf9\x3e\x00")}, 1.5},
        {{OCTETS("\xc4\x82\x21\x19\x6a\xb3")}, 273.15},
        {{OCTETS("\xc4\x9f\x21\x19\x6a\xb3\xff")}, 273.15},
        {{OCTETS("\xc4\x82\x39\x0f\xff\x01")}, 0.0},
        {{OCTETS("\xc4\x82\x19\x0f\xff\x00")}, 0.0},
    };
    for (size_t i = 0; i < LENGTH(forms); i++) {
        struct lwm2m_value value = {.type = LWM2M_TYPE_INTEGER, .as.integer = 1};
        if (!isnan(forms[i].real)) {
            value.type = LWM2M_TYPE_FLOAT;
            value.as.real = forms[i].real;
        }
        assert_number(&forms[i].octets, &value);
    }
}

static void what_is_no_finite_number_is_refused(void **state)
{
    (void)state;
    static const struct octets refused[] = {
        {OCTETS("\xf9\x7c\x00")},             /* infinite */
        {OCTETS("\xf9\xfc\x00")},             /* -infinite */
        {OCTETS("\xf9\x7e\x00")},             /* NaN */
        {OCTETS("\xfa\x7f\x80\x00\x00")},     /* infinite */
        {OCTETS("\xfa\xff\xc0\x00\x00")},     /* NaN */
        {OCTETS("\xfb\x7f\xf0\0\0\0\0\0\0")}, /* infinite */
        {OCTETS("\xfb\x7f\xf8\0\0\0\0\0\0")}, /* NaN */
        {OCTETS("\xc4\x82\x19\x0f\xff\x01")}, /* 1e4095 */
        {OCTETS("\xc4\x81\x01")},             /* fractions of one, three, other elements */
        {OCTETS("\xc4\x83\x01\x01\x01")},
        {OCTETS("\xc4\x9f\x01\x01\x01\xff")},
        {OCTETS("\xc4\x82\x01\xf9\x3c\x00")},
        {OCTETS("\xc4\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {OCTETS("\x82\x01\x01")},     /* an array that is no fraction */
        {OCTETS("\xc2\x41\x01")},     /* a bignum */
        {OCTETS("\xf4")},             /* false */
        {OCTETS("\xf6")},             /* null */
        {OCTETS("\x61\x31")},         /* "1" */
        {OCTETS("\x1c")},             /* reserved */
        {OCTETS("\x1f")},             /* an integer of indefinite length */
        {OCTETS("\xdf\x01")},         /* a tag of one */
        {OCTETS("\xff")},             /* a break of nothing */
        {OCTETS("\xc1\xc1\xc1\xc1")}, /* tags of nothing */
    };
    for (size_t i = 0; i < LENGTH(refused); i++) {
        uint8_t *copy = exact_copy((const uint8_t *)refused[i].octets, refused[i].length);
        struct error error = {0};
        struct cbor_reader reader = {.octets = copy, .length = refused[i].length, .error = &error};
        struct lwm2m_value value;
        assert_int_equal(cbor_number(&reader, &value), -1);
        assert_string_not_equal(error.text, "");
        free(copy);
    }
}

/* --- strings -------------------------------------------------------------------------------- */

static int read_string(const struct octets *octets, enum cbor_major major, char text[16])
{
    uint8_t room_octets[8];
    struct room room = {.octets = room_octets, .size = sizeof room_octets};
    uint8_t *copy = exact_copy((const uint8_t *)octets->octets, octets->length);
    struct cbor_reader reader = reader_of(copy, octets->length);
    struct lwm2m_value value;
    int status = cbor_string(&reader, major, &room, &value);
    if (!status)
        status = cbor_end(&reader);
    if (!status) {
        memcpy(text, value.as.data.octets, value.as.data.length);
        text[value.as.data.length] = 0;
    }
    free(copy);
    return status;
}

static void strings_are_read_in_one_piece_or_in_chunks(void **state)
{
    (void)state;
    static const struct {
        struct octets octets;
        enum cbor_major major;
        const char *text;
    } strings[] = {
        {{OCTETS("\x60")}, CBOR_TEXT, ""},
        {{OCTETS("\x64IETF")}, CBOR_TEXT, "IETF"},
        {{OCTETS("\x62\xc3\xbc")}, CBOR_TEXT, "\xc3\xbc"},
        {{OCTETS("\x78\x04IETF")}, CBOR_TEXT, "IETF"},
        {{OCTETS("\x7f\x65strea\x63min\xff")}, CBOR_TEXT, "streamin"},
        {{OCTETS("\x7f\xff")}, CBOR_TEXT, ""},
        {{OCTETS("\x44\x01\x02\xff\x04")}, CBOR_OCTETS, "\x01\x02\xff\x04"},
        {{OCTETS("\x5f\x42\xff\x02\x40\x43\x03\x04\x05\xff")}, CBOR_OCTETS, "\xff\x02\x03\x04\x05"},
    };
    for (size_t i = 0; i < LENGTH(strings); i++) {
        char text[16];
        assert_int_equal(read_string(&strings[i].octets, strings[i].major, text), 0);
        assert_string_equal(text, strings[i].text);
        for (size_t cut = 0; cut < strings[i].octets.length; cut++) {
            struct octets part = {strings[i].octets.octets, cut};
            assert_int_equal(read_string(&part, strings[i].major, text), -1);
        }
    }
}

static void strings_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct octets refused[] = {
        {OCTETS("\x61\xff")},                                 /* no UTF-8 */
        {OCTETS("\x62\xc3(")},                                /* no UTF-8 */
        {OCTETS("\x7f\x61\xc3\x61\xbc\xff")},                 /* a character in two chunks */
        {OCTETS("\x7f\x41x\xff")},                            /* octets in a text */
        {OCTETS("\x7f\x7f\xff\xff")},                         /* chunks in chunks */
        {OCTETS("\x7f\x01\xff")},                             /* a number in a text */
        {OCTETS("\x7f\xc1\x61x\xff")},                        /* a tag in a text */
        {OCTETS("\x7f\x65strea\x64ming\xff")},                /* more than there is room for */
        {OCTETS("\x7b\xff\xff\xff\xff\xff\xff\xff\xffx")},    /* 2^64 - 1 octets */
        {OCTETS("\x7b\x7f\xff\xff\xff\xff\xff\xff\xffx")},    /* 2^63 - 1 octets */
        {OCTETS("\x7f\x7b\xff\xff\xff\xff\xff\xff\xff\xff")}, /* the same in a chunk */
        {OCTETS("\x41x")},                                    /* octets */
        {OCTETS("\xf6")},
    };
    for (size_t i = 0; i < LENGTH(refused); i++) {
        char text[16];
        assert_int_equal(read_string(&refused[i], CBOR_TEXT, text), -1);
    }
}

/* --- items of no concern -------------------------------------------------------------------- */

static int pass_over(const char *octets, size_t length)
{
    uint8_t *copy = exact_copy((const uint8_t *)octets, length);
    struct cbor_reader reader = reader_of(copy, length);
    int status = cbor_skip(&reader);
    if (!status)
        status = cbor_end(&reader);
    free(copy);
    return status;
}

static void any_item_is_passed_over_whole(void **state)
{
    (void)state;
    static const struct octets items[] = {
        {OCTETS("\x00")},
        {OCTETS("\xf6")},
        {OCTETS("\xf0")},
        {OCTETS("\xf8\xff")},
        {OCTETS("\xfb\x7f\xf8\0\0\0\0\0\0")},
        {OCTETS("\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00")},
        {OCTETS("\x80")},
        {OCTETS("\xa0")},
        {OCTETS("\x9f\xff")},
        {OCTETS("\xbf\xff")},
        {OCTETS("\x83\x01\x82\x02\x03\x82\x04\x05")},
        {OCTETS("\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff")},
        {OCTETS("\xa2\x61\x61\x01\x61\x62\x82\x02\x03")},
        {OCTETS("\xbf\x61\x61\x01\x61\x62\x9f\x02\x03\xff\xff")},
        {OCTETS("\xa1\xa1\x01\x02\xa1\x03\x04")},
        {OCTETS("\x7f\x65strea\x64ming\xff")},
        {OCTETS("\xd8\x20\x76http://www.example.com")},
    };
    for (size_t i = 0; i < LENGTH(items); i++) {
        assert_int_equal(pass_over(items[i].octets, items[i].length), 0);
        for (size_t cut = 0; cut < items[i].length; cut++)
            assert_int_equal(pass_over(items[i].octets, cut), -1);
    }
}

static void malformed_items_are_refused(void **state)
{
    (void)state;
    static const struct octets refused[] = {
        {OCTETS("\xff")},
        {OCTETS("\x81\xff")},     /* a break for an element */
        {OCTETS("\xbf\x01\xff")}, /* a break for the value of a pair */
        {OCTETS("\xa1\x01")},     /* a pair without a value */
        {OCTETS("\xf8\x18")},     /* a simple value in two octets that one can say */
        {OCTETS("\xfc")},         /* reserved */
        {OCTETS("\x5c")},         /* reserved */
        {OCTETS("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {OCTETS("\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01")},
        {OCTETS("\x81\x61\xff")}, /* no UTF-8 */
    };
    for (size_t i = 0; i < LENGTH(refused); i++)
        assert_int_equal(pass_over(refused[i].octets, refused[i].length), -1);
}

static void depth_has_a_bound(void **state)
{
    (void)state;
    char octets[10001];
    for (int indefinite = 0; indefinite < 2; indefinite++) {
        memset(octets, indefinite ? 0x9f : 0x81, sizeof octets);
        octets[CBOR_DEPTH] = 0;
        memset(octets + CBOR_DEPTH + 1, 0xff, CBOR_DEPTH);
        size_t breaks = indefinite ? CBOR_DEPTH : 0;
        assert_int_equal(pass_over(octets, CBOR_DEPTH + 1 + breaks), 0);
        octets[CBOR_DEPTH] = octets[0];
        octets[CBOR_DEPTH + 1] = 0;
        memset(octets + CBOR_DEPTH + 2, 0xff, CBOR_DEPTH + 1);
        breaks = indefinite ? CBOR_DEPTH + 1 : 0;
        assert_int_equal(pass_over(octets, CBOR_DEPTH + 2 + breaks), -1);
        memset(octets, indefinite ? 0x9f : 0x81, sizeof octets);
        assert_int_equal(pass_over(octets, sizeof octets), -1);
    }
}

/* --- one value ------------------------------------------------------------------------------ */

static void one_value_is_read_as_the_type_of_its_resource(void **state)
{
    (void)state;
    static const struct {
        enum lwm2m_type type;
        struct octets octets;
        const char *text; /* NULL: refused */
    } values[] = {
        {LWM2M_TYPE_INTEGER, {OCTETS("\x18\x5f")}, "95"},
        {LWM2M_TYPE_INTEGER, {OCTETS("\xf9\x3c\x00")}, "1"},
        {LWM2M_TYPE_INTEGER, {OCTETS("\xf9\x3e\x00")}, NULL},
        {LWM2M_TYPE_INTEGER, {OCTETS("\x1b\xff\xff\xff\xff\xff\xff\xff\xff")}, NULL},
        {LWM2M_TYPE_INTEGER, {OCTETS("\x3b\x80\x00\x00\x00\x00\x00\x00\x00")}, NULL},
        {LWM2M_TYPE_UNSIGNED, {OCTETS("\x20")}, NULL},
        {LWM2M_TYPE_TIME, {OCTETS("\xc1\x1a\x51\x4b\x67\xb0")}, "1363896240"},
        {LWM2M_TYPE_FLOAT, {OCTETS("\x01")}, "1.0"},
        {LWM2M_TYPE_FLOAT, {OCTETS("\xf9\x7e\x00")}, NULL},
        {LWM2M_TYPE_BOOLEAN, {OCTETS("\xf5")}, "1"},
        {LWM2M_TYPE_BOOLEAN, {OCTETS("\xf4")}, "0"},
        {LWM2M_TYPE_BOOLEAN, {OCTETS("\x01")}, NULL},
        {LWM2M_TYPE_STRING, {OCTETS("\x61x")}, "x"},
        {LWM2M_TYPE_STRING, {OCTETS("\x7f\x61x\x61y\xff")}, "xy"},
        {LWM2M_TYPE_STRING, {OCTETS("\x41x")}, NULL},
        {LWM2M_TYPE_STRING, {OCTETS("\x61x\x00")}, NULL},
        {LWM2M_TYPE_STRING, {OCTETS("\x01")}, NULL},
        {LWM2M_TYPE_CORELINK, {OCTETS("\x64</3>")}, "</3>"},
        {LWM2M_TYPE_OPAQUE, {OCTETS("\x43\x01\x02\x03")}, "AQID"},
        {LWM2M_TYPE_OPAQUE, {OCTETS("\x61x")}, NULL},
        {LWM2M_TYPE_LINK, {OCTETS("\x63\x33:0")}, "3:0"},
        {LWM2M_TYPE_LINK, {OCTETS("\x61\x33")}, NULL},
        {LWM2M_TYPE_LINK, {OCTETS("\x03")}, NULL},
        {LWM2M_TYPE_NONE, {OCTETS("\x03")}, NULL},
        {LWM2M_TYPE_INTEGER, {"", 0}, NULL},
    };
    for (size_t i = 0; i < LENGTH(values); i++) {
        const struct octets *octets = &values[i].octets;
        uint8_t *copy = exact_copy((const uint8_t *)octets->octets, octets->length);
        uint8_t room[8];
        char text[32];
        struct lwm2m_value value;
        bool is_read =
            lwm2m_cbor_value_read(values[i].type, copy, octets->length, room, sizeof room, &value);
        assert_int_equal(is_read, values[i].text != NULL);
        if (is_read && values[i].text) {
            uint8_t again[32];
            struct lwm2m_value second;
            assert_int_equal(value.type, values[i].type);
            size_t length = lwm2m_value_to_text(&value, text, sizeof text);
            assert_int_equal(length, strlen(values[i].text));
            assert_memory_equal(text, values[i].text, length);
            int written = lwm2m_cbor_value_write(&value, again, sizeof again, NULL);
            assert_true(written > 0);
            assert_true(lwm2m_cbor_value_read(value.type, again, (size_t)written, room, sizeof room,
                                              &second));
            assert_int_equal(lwm2m_value_to_text(&second, text, sizeof text), length);
            assert_memory_equal(text, values[i].text, length);
            assert_int_equal(lwm2m_cbor_value_write(&value, again, (size_t)written - 1, NULL), -1);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_the_specification),
        cmocka_unit_test(longer_forms_than_needed_and_decimal_fractions_are_read),
        cmocka_unit_test(what_is_no_finite_number_is_refused),
        cmocka_unit_test(strings_are_read_in_one_piece_or_in_chunks),
        cmocka_unit_test(strings_that_are_none_are_refused),
        cmocka_unit_test(any_item_is_passed_over_whole),
        cmocka_unit_test(malformed_items_are_refused),
        cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(one_value_is_read_as_the_type_of_its_resource),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
