/* Rules judge packets that come several at once as they judge them one by one. */
#include "check/rule.h"
#include "check_support.h"

#include <glob.h>

enum { SEVERAL = 37 }; /* more than a round of the rules takes, and no multiple of it */

static struct rules *judge(const char *path, int at_once)
{
    struct error error = {{0}};
    struct event events[SEVERAL];
    struct rule_options options = {0};
    struct rules *rules = rules_create(&options);
    struct event_source *source = event_open(path, &error);
    assert_non_null(rules);
    int count;
    while (source && (count = event_next_several(source, events, at_once, &error)) > 0)
        assert_int_equal(at_once > 1 ? rules_events(rules, events, (size_t)count)
                                     : rules_event(rules, events),
                         0);
    event_close(source);
    rules_end(rules);
    return rules;
}

static void assert_same(const char *path, const struct rules *one, const struct rules *several)
{
    size_t counts[2] = {0, 0};
    const struct finding *expected = rules_findings(one, &counts[0]);
    const struct finding *came = rules_findings(several, &counts[1]);
    print_message("%s: %zu findings\n", path, counts[0]);
    assert_int_equal(counts[0], counts[1]);
    assert_int_equal(rules_packets(one), rules_packets(several));
    assert_int_equal(rules_messages(one), rules_messages(several));
    for (size_t i = 0; i < counts[0]; i++) {
        assert_int_equal(expected[i].frame, came[i].frame);
        assert_int_equal(expected[i].requirement, came[i].requirement);
        assert_int_equal(expected[i].level, came[i].level);
        assert_string_equal(expected[i].text, came[i].text);
    }
}

static void golden_captures_have_the_same_findings_either_way(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(SOURCE_ROOT "/captures/golden/*.pcap*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct rules *one = judge(found.gl_pathv[i], 1);
        struct rules *several = judge(found.gl_pathv[i], SEVERAL);
        assert_same(found.gl_pathv[i], one, several);
        rules_destroy(one);
        rules_destroy(several);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_captures_have_the_same_findings_either_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
