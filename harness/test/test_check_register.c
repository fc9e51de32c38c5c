/* The register is whole and in one form. */
#include "check/case.h"
#include "check/register.h"
#include "check/rule.h"
#include "check_support.h"

static void ids_are_made_of_rfc_section_and_number_without_gaps(void **state)
{
    (void)state;
    const char *section = "";
    unsigned number = 0;
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        const struct requirement *requirement = requirement_get(id);
        char expected[32];
        number = strcmp(section, requirement->section) == 0 ? number + 1 : 1;
        section = requirement->section;
        (void)snprintf(expected, sizeof expected, "%.4s-%s-%02u", requirement->id, section, number);
        assert_string_equal(requirement->id, expected);
        assert_ptr_equal(requirement_find(requirement->id), requirement);
    }
    assert_null(requirement_find("6887-7.1-99"));
}

static void every_requirement_says_what_and_how(void **state)
{
    (void)state;
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        const struct requirement *requirement = requirement_get(id);
        size_t length = strlen(requirement->text);
        assert_in_range(length, 20, 250);
        assert_int_equal(requirement->text[length - 1], '.');
        assert_non_null(requirement->how); /* with no view it is the reason why */
        assert_true(strlen(requirement->how) > 3);
    }
}

static void the_register_holds_all_of_rfc_6887(void **state)
{
    (void)state;
    size_t keywords = 0;
    size_t rules = 0;
    size_t unobservable = 0;
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        const struct requirement *requirement = requirement_get(id);
        if (strncmp(requirement->id, "6887", 4) != 0)
            continue;
        if (requirement->level < LEVEL_RULE)
            keywords++;
        else
            rules++;
        unobservable += requirement->views == VIEW_NONE;
    }
    assert_int_equal(keywords, 221);
    assert_int_equal(rules, 151);
    assert_int_equal(unobservable, 5);
}

static void the_registers_of_the_other_rfcs_hold_all_their_statements(void **state)
{
    (void)state;
    static const struct {
        const char *rfc;
        size_t keywords; /* of RFC 2119; what repeats another one is counted once */
        size_t rules;
        size_t unobservable;
    } registers[] = {
        {"4787", 2, 0, 0},  {"6886", 73, 7, 3},  {"7220", 10, 5, 2}, {"7225", 17, 6, 6},
        {"7488", 5, 11, 3}, {"7648", 28, 23, 5}, {"7723", 2, 12, 3}, {"7753", 27, 7, 2},
    };
    for (size_t i = 0; i < sizeof registers / sizeof *registers; i++) {
        size_t keywords = 0;
        size_t rules = 0;
        size_t unobservable = 0;
        for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
            const struct requirement *requirement = requirement_get(id);
            if (strncmp(requirement->id, registers[i].rfc, 4) != 0)
                continue;
            *(requirement->level < LEVEL_RULE ? &keywords : &rules) += 1;
            unobservable += requirement->views == VIEW_NONE;
        }
        assert_int_equal(keywords, registers[i].keywords);
        assert_int_equal(rules, registers[i].rules);
        assert_int_equal(unobservable, registers[i].unobservable);
    }
}

static void only_the_rfc_on_proxies_binds_a_proxy_as_such(void **state)
{
    (void)state;
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        const struct requirement *requirement = requirement_get(id);
        assert_true((requirement->role == ROLE_PROXY) ==
                    (strncmp(requirement->id, "7648", 4) == 0));
    }
}

static void rules_judge_what_a_capture_can_show(void **state)
{
    (void)state;
    const struct rule_description *rule;
    size_t count = 0;
    for (; (rule = rule_describe(count)); count++) {
        assert_non_null(rule->name);
        assert_true(rule->requirements[0] != REQUIREMENT_COUNT);
        for (const enum requirement_id *id = rule->requirements; *id != REQUIREMENT_COUNT; id++)
            assert_true(requirement_get(*id)->views != VIEW_NONE);
    }
    assert_true(count >= 10);
}

static void what_a_proxy_shares_with_gateways_exists(void **state)
{
    (void)state;
    const char *unknown = case_unknown_share();
    if (unknown)
        fail_msg("proxy_as_server.def: no gateway has '%s'", unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_made_of_rfc_section_and_number_without_gaps),
        cmocka_unit_test(every_requirement_says_what_and_how),
        cmocka_unit_test(the_register_holds_all_of_rfc_6887),
        cmocka_unit_test(the_registers_of_the_other_rfcs_hold_all_their_statements),
        cmocka_unit_test(only_the_rfc_on_proxies_binds_a_proxy_as_such),
        cmocka_unit_test(rules_judge_what_a_capture_can_show),
        cmocka_unit_test(what_a_proxy_shares_with_gateways_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
