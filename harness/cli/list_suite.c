#include "cli/list_suite.h"

#include "check/case.h"
#include "check/rule.h"
#include "cli/verbs.h"

#include <jansson.h>
#include <stdio.h>

/* Prints an array as JSON and frees it. */
static int print(json_t *array)
{
    int failed = json_dumpf(array, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1)) != 0 ||
                 putchar('\n') == EOF || fflush(stdout) != 0;
    json_decref(array);
    return failed ? EXIT_HARNESS : EXIT_GOOD;
}

/* --- requirements --------------------------------------------------------------------------- */

static json_t *rules_of(enum requirement_id id)
{
    json_t *names = json_array();
    const struct rule_description *rule;
    for (size_t i = 0; (rule = rule_describe(i)); i++)
        if (judges(rule->requirements, id))
            json_array_append_new(names, json_string(rule->name));
    return names;
}

static json_t *cases_of(enum requirement_id id)
{
    json_t *names = json_array();
    const struct test_case *test_case;
    enum case_role role;
    for (size_t i = 0; (test_case = case_get(i, &role)); i++)
        if (judges(test_case->requirements, id))
            json_array_append_new(names, json_string(test_case->id));
    return names;
}

static json_t *defects_of(enum requirement_id id)
{
    json_t *names = json_array();
    const struct defect *defect;
    enum case_role role;
    for (size_t i = 0; (defect = defect_get(i, &role)); i++)
        if (judges(defect->requirements, id))
            json_array_append_new(names, json_sprintf("%s:%s", case_role_name(role), defect->name));
    return names;
}

static json_t *requirement_json(enum requirement_id id)
{
    const struct requirement *requirement = requirement_get(id);
    bool seen = requirement->views != VIEW_NONE;
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:s?,s:s?}", "id", requirement->id,
                     "level", requirement_level_name(requirement->level), "section",
                     requirement->section, "role", requirement_role_name(requirement->role), "text",
                     requirement->text, "observable", seen, "cases", cases_of(id), "rules",
                     rules_of(id), "defects", defects_of(id), "why_untested",
                     seen ? NULL : requirement->how, "how", seen ? requirement->how : NULL);
}

static void show_names(const char *title, json_t *names)
{
    size_t index;
    json_t *name;
    json_array_foreach(names, index, name)(void)
        printf("%s%s", index == 0 ? title : ", ", json_string_value(name));
    if (json_array_size(names) > 0)
        (void)putchar('\n');
    json_decref(names);
}

static void show_requirement(enum requirement_id id)
{
    const struct requirement *requirement = requirement_get(id);
    (void)printf("%-15s %-11s %-17s %s\n", requirement->id,
                 requirement_level_name(requirement->level),
                 requirement_role_name(requirement->role), requirement->text);
    show_names("                judged by case: ", cases_of(id));
    show_names("                judged by rule: ", rules_of(id));
    if (requirement->views == VIEW_NONE)
        (void)printf("                not observable: %s\n", requirement->how);
}

int list_requirements(bool json)
{
    json_t *array = json_array();
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        if (json)
            json_array_append_new(array, requirement_json(id));
        else
            show_requirement(id);
    }
    if (json)
        return print(array);
    json_decref(array);
    return EXIT_GOOD;
}

/* --- cases and defects ------------------------------------------------------------------------ */

static json_t *ids_of(const enum requirement_id *list)
{
    json_t *ids = json_array();
    for (; *list != REQUIREMENT_COUNT; list++)
        json_array_append_new(ids, json_string(requirement_get(*list)->id));
    return ids;
}

int list_cases(bool json)
{
    json_t *array = json_array();
    const struct test_case *test_case;
    enum case_role role;
    for (size_t i = 0; (test_case = case_get(i, &role)); i++) {
        if (json)
            json_array_append_new(
                array,
                json_pack("{s:s,s:s,s:s,s:o,s:b,s:b,s:I,s:s?}", "id", test_case->id, "role",
                          case_role_name(role), "sentence", test_case->sentence, "requirements",
                          ids_of(test_case->requirements), "ipv4", !(test_case->traits & CASE_IPV6),
                          "ipv6", (test_case->traits & (CASE_IPV6 | CASE_BOTH)) != 0, "seconds",
                          (json_int_t)test_case->seconds, "variant", test_case->variant));
        else
            (void)printf("%s\n    %s\n", test_case->id, test_case->sentence);
    }
    if (json)
        return print(array);
    json_decref(array);
    return EXIT_GOOD;
}

int list_defects(bool json)
{
    json_t *array = json_array();
    const struct defect *defect;
    enum case_role role;
    for (size_t i = 0; (defect = defect_get(i, &role)); i++) {
        if (json)
            json_array_append_new(array, json_pack("{s:s,s:s,s:s,s:s?,s:o}", "name", defect->name,
                                                   "role", case_role_name(role), "text",
                                                   defect->text, "shown_by", defect->shown_by,
                                                   "requirements", ids_of(defect->requirements)));
        else
            (void)printf("%s, %s\n    %s\n", defect->name, case_role_name(role), defect->text);
    }
    if (json)
        return print(array);
    json_decref(array);
    return EXIT_GOOD;
}
