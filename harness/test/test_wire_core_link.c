/* The CoRE link format, RFC 6690. */
#include "wire/core_link.h"

#include "test/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_target(const struct core_link *link, const char *target)
{
    assert_int_equal(link->target_length, strlen(target));
    assert_memory_equal(link->target, target, strlen(target));
}

/* value NULL: it has none. */
static void assert_attribute(const struct core_link *link, const char *name, const char *value)
{
    struct core_link_attribute attribute;
    assert_true(core_link_attribute(link, name, &attribute));
    assert_int_equal(attribute.value != NULL, value != NULL);
    if (!value)
        return;
    assert_int_equal(attribute.value_length, strlen(value));
    assert_memory_equal(attribute.value, value, strlen(value));
}

/* How many links are there, and how does it end? */
static size_t count_links(const char *text, size_t length, enum core_link_step *end)
{
    uint8_t *copy = exact_copy((const uint8_t *)text, length);
    struct core_link link;
    size_t offset = 0;
    size_t count = 0;
    while ((*end = core_link_next((const char *)copy, length, &offset, &link)) == CORE_LINK_FOUND)
        count++;
    free(copy);
    return count;
}

static void the_links_of_a_registration_are_found_one_after_another(void **state)
{
    (void)state;
    static const char text[] = "</>;rt=\"oma.lwm2m\";ct=11543,</1/0>,</3/0>;ver=1.1,</26887/0>";
    struct core_link link;
    struct core_link_attribute attribute;
    size_t offset = 0;
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_FOUND);
    assert_target(&link, "/");
    assert_attribute(&link, "rt", "oma.lwm2m");
    assert_attribute(&link, "ct", "11543");
    assert_false(core_link_attribute(&link, "c", &attribute));
    assert_false(core_link_attribute(&link, "ctt", &attribute));
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_FOUND);
    assert_target(&link, "/1/0");
    assert_int_equal(link.attributes_length, 0);
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_FOUND);
    assert_target(&link, "/3/0");
    assert_attribute(&link, "ver", "1.1");
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_FOUND);
    assert_target(&link, "/26887/0");
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_END);
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_END);
}

static void attributes_are_words_tokens_and_quoted_texts(void **state)
{
    (void)state;
    static const char text[] =
        "</s>;obs;if=\"core.s\";title=\"a \\\"b\\\", c;d\";sz=10;title*=UTF-8''x;anchor=\"\";sz=20";
    static const char *const names[] = {"obs", "if", "title", "sz", "title*", "anchor", "sz"};
    struct core_link link;
    struct core_link_attribute attribute;
    size_t offset = 0;
    assert_int_equal(core_link_next(text, strlen(text), &offset, &link), CORE_LINK_FOUND);
    assert_int_equal(offset, strlen(text));
    assert_attribute(&link, "obs", NULL);
    assert_attribute(&link, "if", "core.s");
    assert_attribute(&link, "title", "a \\\"b\\\", c;d");
    assert_attribute(&link, "anchor", "");
    assert_attribute(&link, "sz", "10"); /* the first */
    offset = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(core_link_attribute_next(&link, &offset, &attribute));
        assert_int_equal(attribute.name_length, strlen(names[i]));
        assert_memory_equal(attribute.name, names[i], strlen(names[i]));
    }
    assert_false(core_link_attribute_next(&link, &offset, &attribute));
}

static void blanks_behind_a_comma_are_forgiven(void **state)
{
    (void)state;
    static const char text[] = "</1>, </2>,\r\n </3>";
    enum core_link_step end;
    assert_int_equal(count_links(text, strlen(text), &end), 3);
    assert_int_equal(end, CORE_LINK_END);
}

static void no_links_at_all_are_no_fault(void **state)
{
    (void)state;
    enum core_link_step end;
    assert_int_equal(count_links("", 0, &end), 0);
    assert_int_equal(end, CORE_LINK_END);
}

static void what_is_no_link_is_refused_behind_those_that_are(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t links;
    } bad[] = {
        {"/1", 0},
        {"<", 0},
        {"</1", 0},
        {"</1>x", 1},
        {"</1>,", 1},
        {",</1>", 0},
        {"</1>,,</2>", 1},
        {"</1></2>", 1},
        {"</1>;", 0},
        {"</1>;;a", 0},
        {"</1>;=1", 0},
        {"</1>;a=", 0},
        {"</1>;a=,</2>", 0},
        {"</1>;a=\"", 0},
        {"</1>;a=\"\\", 0},
        {"</1>;a=\"\\\"", 0},
        {"</1>;a=\"b\"c", 1},
        {"</1>;a =1", 1},
        {"</1> ,</2>", 1},
        {" </1>", 0},
        {"</1 2>", 0},
        {"<</1>>", 0},
        {"</1>;a=b\"c", 1},
        {"</1>;a=\"\n\"", 0},
        {"</\xc3\xbc>", 0},
        {"</1>;\xc3\xbc", 0},
        {"</1>,</2>;a=\x7f", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum core_link_step end;
        assert_int_equal(count_links(bad[i].text, strlen(bad[i].text), &end), bad[i].links);
        assert_int_equal(end, CORE_LINK_BAD);
    }
    enum core_link_step end;
    assert_int_equal(count_links("</1\0>", 5, &end), 0);
    assert_int_equal(end, CORE_LINK_BAD);
    assert_int_equal(count_links("</1>;a\0", 7, &end), 1);
    assert_int_equal(end, CORE_LINK_BAD);
    assert_int_equal(count_links("</1>;\0", 6, &end), 0);
    assert_int_equal(end, CORE_LINK_BAD);
}

static void a_text_cut_anywhere_is_read_without_its_last_link_or_refused(void **state)
{
    (void)state;
    static const char text[] = "</>;rt=\"oma.lwm2m\",</1/0>;a;b=\"\\\"\"";
    static const size_t wholes[] = {3, 5, 6, 18, 25, 27, 29};
    size_t next = 0;
    for (size_t length = 1; length < sizeof text - 1; length++) {
        enum core_link_step end;
        size_t count = count_links(text, length, &end);
        assert_true(count <= 2);
        bool whole = next < sizeof wholes / sizeof wholes[0] && wholes[next] == length;
        next += whole;
        assert_int_equal(end, whole ? CORE_LINK_END : CORE_LINK_BAD);
    }
}

static void write_golden(struct core_link_writer *writer)
{
    core_link_write_target(writer, "/");
    core_link_write_attribute(writer, "rt", "oma.lwm2m", true);
    core_link_write_attribute(writer, "ct", "11543", false);
    core_link_write_target(writer, "/3/0");
    core_link_write_attribute(writer, "obs", NULL, false);
}

static void links_are_written_with_commas_between(void **state)
{
    (void)state;
    static const char golden[] = "</>;rt=\"oma.lwm2m\";ct=11543,</3/0>;obs";
    for (size_t capacity = 0; capacity <= sizeof golden; capacity++) {
        uint8_t *room = exact_copy((const uint8_t *)golden, 0);
        room = realloc(room, capacity ? capacity : 1);
        assert_non_null(room);
        struct core_link_writer writer = {(char *)room, capacity, 0, true};
        write_golden(&writer);
        assert_int_equal(writer.fits, capacity >= sizeof golden - 1);
        assert_true(writer.length <= capacity);
        if (writer.fits) {
            assert_int_equal(writer.length, sizeof golden - 1);
            assert_memory_equal(room, golden, writer.length);
        }
        free(room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_links_of_a_registration_are_found_one_after_another),
        cmocka_unit_test(attributes_are_words_tokens_and_quoted_texts),
        cmocka_unit_test(blanks_behind_a_comma_are_forgiven),
        cmocka_unit_test(no_links_at_all_are_no_fault),
        cmocka_unit_test(what_is_no_link_is_refused_behind_those_that_are),
        cmocka_unit_test(a_text_cut_anywhere_is_read_without_its_last_link_or_refused),
        cmocka_unit_test(links_are_written_with_commas_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
