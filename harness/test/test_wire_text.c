/* Texts that carry octets, and octets that claim to be text: RFC 4648 and RFC 3629. */
#include "wire/base64.h"
#include "wire/utf8.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* --- base64 --------------------------------------------------------------------------------- */

/* The first seven: section 10 of RFC 4648. */
static const struct {
    const char *octets;
    size_t length;
    const char *standard, *url;
} golden[] = {
    {"", 0, "", ""},
    {"f", 1, "Zg==", "Zg"},
    {"fo", 2, "Zm8=", "Zm8"},
    {"foo", 3, "Zm9v", "Zm9v"},
    {"foob", 4, "Zm9vYg==", "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", 3, "+//+", "-__-"},
    {"\0\0", 2, "AAA=", "AAA"},
};

static size_t read_text(enum base64_alphabet alphabet, const char *text, uint8_t *out,
                        size_t capacity)
{
    uint8_t *copy = exact_copy((const uint8_t *)text, strlen(text));
    size_t count = base64_read(alphabet, (const char *)copy, strlen(text), out, capacity);
    free(copy);
    return count;
}

static void octets_are_written_as_the_specification_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(golden); i++) {
        const uint8_t *octets = (const uint8_t *)golden[i].octets;
        const char *texts[] = {golden[i].standard, golden[i].url};
        for (int alphabet = BASE64_STANDARD; alphabet <= BASE64_URL; alphabet++) {
            const char *text = texts[alphabet];
            char out[8];
            assert_int_equal(base64_write(alphabet, octets, golden[i].length, out, sizeof out),
                             strlen(text));
            assert_memory_equal(out, text, strlen(text));
            for (size_t room = 0; room < strlen(text); room++)
                assert_int_equal(base64_write(alphabet, octets, golden[i].length, out, room),
                                 (size_t)-1);
        }
    }
}

static void texts_are_read_with_their_padding_or_without(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(golden); i++) {
        uint8_t out[6];
        assert_int_equal(read_text(BASE64_STANDARD, golden[i].standard, out, sizeof out),
                         golden[i].length);
        assert_memory_equal(out, golden[i].octets, golden[i].length);
        assert_int_equal(read_text(BASE64_URL, golden[i].url, out, sizeof out), golden[i].length);
        assert_memory_equal(out, golden[i].octets, golden[i].length);
        if (golden[i].length)
            assert_int_equal(read_text(BASE64_URL, golden[i].url, out, golden[i].length - 1),
                             (size_t)-1);
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",        "Zg=",  "Zg===", "=",    "====",   "Z===", "Zm9vY",      "Zm 9",
        "Zg==Zg==", "-__-", "Zh==",  "Zm9=", "Zm9v\n", "\xff", "Zm9vYg====", "Zg==="};
    uint8_t out[8];
    for (size_t i = 0; i < LENGTH(bad); i++)
        assert_int_equal(read_text(BASE64_STANDARD, bad[i], out, sizeof out), (size_t)-1);
    assert_int_equal(read_text(BASE64_URL, "+//+", out, sizeof out), (size_t)-1);
}

/* --- UTF-8 ---------------------------------------------------------------------------------- */

static const struct {
    uint32_t code_point;
    const char *octets;
} characters[] = {
    {0x24, "$"},
    {0x7f, "\x7f"},
    {0x80, "\xc2\x80"},
    {0x7ff, "\xdf\xbf"},
    {0x800, "\xe0\xa0\x80"},
    {0x20ac, "\xe2\x82\xac"},
    {0xd7ff, "\xed\x9f\xbf"},
    {0xe000, "\xee\x80\x80"},
    {0xffff, "\xef\xbf\xbf"},
    {0x10000, "\xf0\x90\x80\x80"},
    {0x1f600, "\xf0\x9f\x98\x80"},
    {0x10ffff, "\xf4\x8f\xbf\xbf"},
};

static void every_length_of_character_is_known_and_no_part_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(characters); i++) {
        const uint8_t *octets = (const uint8_t *)characters[i].octets;
        size_t length = strlen(characters[i].octets);
        uint8_t out[UTF8_LONGEST];
        assert_int_equal(utf8_put(characters[i].code_point, out), length);
        assert_memory_equal(out, octets, length);
        for (size_t cut = 0; cut <= length; cut++) {
            uint8_t *copy = exact_copy(octets, cut);
            assert_int_equal(utf8_character(copy, cut), cut == length ? length : 0);
            assert_int_equal(utf8_is_valid(copy, cut), cut == 0 || cut == length);
            free(copy);
        }
    }
}

static void octets_that_are_no_characters_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* goes on, but nothing began */
        "\xc0\x80",         /* NUL in two octets */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* over U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3(",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "a\x80",
    };
    for (size_t i = 0; i < LENGTH(bad); i++)
        assert_false(utf8_is_valid((const uint8_t *)bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_are_written_as_the_specification_shows),
        cmocka_unit_test(texts_are_read_with_their_padding_or_without),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(every_length_of_character_is_known_and_no_part_of_it),
        cmocka_unit_test(octets_that_are_no_characters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
