/* The YAML reader: values with their places, and one clear line for each kind of bad file. */
#include "lab/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct yaml_value *load(const char *text, struct error *error)
{
    *error = (struct error){""};
    return yaml_load_text("t.yaml", text, strlen(text), error);
}

static void expect_refused(const char *text, const char *message)
{
    struct error error;
    struct yaml_value *root = load(text, &error);
    assert_null(root);
    assert_string_equal(error.text, message);
}

static void a_value_knows_its_line_and_place(void **state)
{
    (void)state;
    struct error error;
    struct yaml_value *root = load("a: 1\nnodes:\n  device:\n    routes:\n      - to: x\n"
                                   "rules: |\n  first\n  second\n",
                                   &error);
    assert_non_null(root);
    const struct yaml_value *routes =
        yaml_get(yaml_get(yaml_get(root, "nodes"), "device"), "routes");
    assert_int_equal(routes->kind, YAML_VALUE_LIST);
    assert_int_equal(routes->line, 4);
    const struct yaml_value *to = yaml_get(routes->children[0], "to");
    char place[100];
    assert_string_equal(yaml_place(to, place, sizeof place), "nodes.device.routes[0].to");
    assert_string_equal(yaml_place(root, place, sizeof place), "the file");
    assert_int_equal(to->line, 5);
    const struct yaml_value *rules = yaml_get(root, "rules");
    assert_string_equal(rules->text, "first\nsecond\n");
    assert_int_equal(rules->line, 6);
    assert_int_equal(rules->text_line, 7);
    yaml_unload(root);
}

static void a_place_longer_than_its_buffer_is_cut(void **state)
{
    (void)state;
    struct error error;
    struct yaml_value *root = load("abcdef: {ghijkl: {mnopqr: 1}}\n", &error);
    const struct yaml_value *inner =
        yaml_get(yaml_get(yaml_get(root, "abcdef"), "ghijkl"), "mnopqr");
    char place[9];
    assert_string_equal(yaml_place(inner, place, sizeof place), "abcdef.g");
    yaml_unload(root);
}

static void an_unknown_key_is_named_with_those_that_are_known(void **state)
{
    (void)state;
    static const char *const known[] = {"forward", "routes", NULL};
    struct error error;
    struct yaml_value *root = load("nodes:\n  device:\n    adress: 1\n", &error);
    const struct yaml_value *device = yaml_get(yaml_get(root, "nodes"), "device");
    assert_int_equal(yaml_check_keys(device, known, &error), -1);
    assert_string_equal(
        error.text,
        "t.yaml:3: unknown key 'adress' in 'nodes.device'; known keys: forward, routes");
    yaml_unload(root);
}

static void a_missing_key_is_named(void **state)
{
    (void)state;
    struct error error;
    struct yaml_value *root = load("links:\n  - {node: a}\n", &error);
    assert_null(yaml_require(yaml_get(root, "links")->children[0], "network", &error));
    assert_string_equal(error.text, "t.yaml:2: key 'network' is missing in 'links[0]'");
    yaml_unload(root);
}

static void a_key_given_twice_is_refused(void **state)
{
    (void)state;
    expect_refused("a: 1\nb: 2\na: 3\n", "t.yaml:3: key 'a' given twice, first in line 1");
}

static void an_alias_copies_its_anchor(void **state)
{
    (void)state;
    struct error error;
    struct yaml_value *root = load("one: &x {deep: [1, 2]}\ntwo: *x\n", &error);
    assert_non_null(root);
    const struct yaml_value *deep = yaml_get(yaml_get(root, "two"), "deep");
    assert_int_equal(deep->count, 2);
    assert_string_equal(deep->children[1]->text, "2");
    char place[100];
    assert_string_equal(yaml_place(deep, place, sizeof place), "two.deep");
    yaml_unload(root);
}

static void an_alias_inside_its_own_anchor_is_refused(void **state)
{
    (void)state;
    expect_refused("a: &x\n  b: *x\n", "t.yaml:2: alias '*x' names no complete value above it");
}

static void aliases_that_multiply_are_capped(void **state)
{
    (void)state;
    expect_refused("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                   "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
                   "t.yaml:1: more than 20000 values");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char text[2001];
    memset(text, '[', 2000);
    text[2000] = '\0';
    expect_refused(text, "t.yaml:1: nested more than 40 deep");
}

static void what_is_no_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_refused("", "t.yaml:1: the file is empty");
    expect_refused("# only a remark\n", "t.yaml:1: the file is empty");
    expect_refused("a: 1\n---\nb: 2\n", "t.yaml:2: a second document begins");
    expect_refused("a: \"x\\0y\"\n", "t.yaml:1: text with a control character in it");
    expect_refused("a: \"x\\e[2J\"\n", "t.yaml:1: text with a control character in it");
    expect_refused("a: \"\\x9b2J\"\n", "t.yaml:1: text with a control character in it");
    expect_refused("\"a\\x7f\": b\n", "t.yaml:1: a key with a control character in it");
    expect_refused("[a]: 1\n", "t.yaml:1: a key must be plain text");
    struct error error;
    assert_null(load("a: 1\nb: [1, 2\n", &error));
    assert_memory_equal(error.text, "t.yaml:3: not YAML: ", 20);
    assert_null(load("a: \xff\xfe\n", &error));
    assert_non_null(strstr(error.text, "octet 3"));
}

static void a_file_that_is_missing_or_no_file_is_refused(void **state)
{
    (void)state;
    struct error error = {""};
    assert_null(yaml_load("/nowhere/t.yaml", &error));
    assert_string_equal(error.text, "/nowhere/t.yaml: No such file or directory");
    error = (struct error){""};
    assert_null(yaml_load("/dev/zero", &error));
    assert_string_equal(error.text, "/dev/zero: expected a regular file");
}

/* Reads key v as an integer of 1..100, and returns it or -1. */
static int64_t integer(const char *text, struct error *error)
{
    struct yaml_value *root = load(text, error);
    int64_t out = -1;
    int status = yaml_integer(yaml_get(root, "v"), 1, 100, &out, error);
    yaml_unload(root);
    assert_int_equal(status, error->text[0] ? -1 : 0);
    return out;
}

static void an_integer_is_read_in_its_range_only(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(integer("v: 100", &error), 100);
    assert_int_equal(integer("v: 0x1f", &error), 31);
    static const char *const bad[] = {"v: 0",   "v: 101", "v: -1",  "v: 1x",
                                      "v: '5'", "v: ",    "v: 5.0", "v: 99999999999999999999",
                                      "v: [1]", "v: 0x",  "v: +5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(integer(bad[i], &error), -1);
        assert_non_null(strstr(error.text, "t.yaml:1: 'v' must be an integer from 1 to 100, not "));
    }
}

static int duration(const char *text, struct error *error)
{
    struct yaml_value *root = load(text, error);
    int out = -1;
    int status = yaml_duration(yaml_get(root, "v"), &out, error);
    yaml_unload(root);
    assert_int_equal(status, error->text[0] ? -1 : 0);
    return out;
}

static void a_duration_needs_a_unit(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(duration("v: 500ms", &error), 500);
    assert_int_equal(duration("v: 2s", &error), 2000);
    assert_int_equal(duration("v: 1.5s", &error), 1500);
    assert_int_equal(duration("v: 0.001s", &error), 1);
    assert_int_equal(duration("v: 3min", &error), 180000);
    assert_int_equal(duration("v: 24h", &error), 86400000);
    static const char *const bad[] = {"v: 2",   "v: s",       "v: -2s",   "v: 25h",
                                      "v: 2 s", "v: 2d",      "v: 0.5ms", "v: 999999999s",
                                      "v: 1.s", "v: 1.2345s", "v: {}",    "v: 2s more"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(duration(bad[i], &error), -1);
        assert_non_null(strstr(error.text, "t.yaml:1: 'v' must be a duration"));
    }
}

static void text_and_truth_are_typed(void **state)
{
    (void)state;
    struct error error;
    struct yaml_value *root = load("s: text\nn: 5\nt: true\nq: 'true'\nempty:\nm: {}\n", &error);
    const char *text = "unchanged";
    bool truth = false;
    assert_int_equal(yaml_string(yaml_get(root, "n"), &text, &error), 0);
    assert_string_equal(text, "5");
    assert_int_equal(yaml_boolean(yaml_get(root, "t"), &truth, &error), 0);
    assert_true(truth);
    assert_int_equal(yaml_string(yaml_get(root, "absent"), &text, &error), 0);
    assert_string_equal(text, "5");

    assert_int_equal(yaml_boolean(yaml_get(root, "q"), &truth, &error), -1);
    assert_string_equal(error.text, "t.yaml:4: 'q' must be true or false, not the text 'true'");
    error = (struct error){""};
    assert_int_equal(yaml_string(yaml_get(root, "empty"), &text, &error), -1);
    assert_string_equal(error.text, "t.yaml:5: 'empty' must be text, not nothing");
    error = (struct error){""};
    assert_int_equal(yaml_check_list(yaml_get(root, "m"), &error), -1);
    assert_string_equal(error.text, "t.yaml:6: 'm' must be a list, not a map");
    error = (struct error){""};
    assert_int_equal(yaml_check_map(yaml_get(root, "s"), &error), -1);
    assert_string_equal(error.text, "t.yaml:1: 's' must be a map, not 'text'");
    yaml_unload(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_knows_its_line_and_place),
        cmocka_unit_test(a_place_longer_than_its_buffer_is_cut),
        cmocka_unit_test(an_unknown_key_is_named_with_those_that_are_known),
        cmocka_unit_test(a_missing_key_is_named),
        cmocka_unit_test(a_key_given_twice_is_refused),
        cmocka_unit_test(an_alias_copies_its_anchor),
        cmocka_unit_test(an_alias_inside_its_own_anchor_is_refused),
        cmocka_unit_test(aliases_that_multiply_are_capped),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(what_is_no_yaml_is_refused_with_its_line),
        cmocka_unit_test(a_file_that_is_missing_or_no_file_is_refused),
        cmocka_unit_test(an_integer_is_read_in_its_range_only),
        cmocka_unit_test(a_duration_needs_a_unit),
        cmocka_unit_test(text_and_truth_are_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
