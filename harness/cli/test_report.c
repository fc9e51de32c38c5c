#include "cli/test_report.h"

#include "check/rule.h"
#include "check/verdict.h"
#include "cli/memory.h"
#include "cli/test_expect.h"
#include "measure/json_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rules ------------------------------------------------------------------------------------ */

struct broken {
    enum finding_level level;
    const json_t *finding; /* the first of the worst */
    const json_t *result;  /* in whose capture it is */
    size_t count, captures;
};

static bool binds(enum requirement_role bound, enum case_role role)
{
    static const bool table[CASE_ROLES][ROLE_NETWORK + 1] = {
        [CASE_GATEWAY] = {[ROLE_SERVER] = true, [ROLE_BOTH] = true, [ROLE_DEVICE] = true},
        [CASE_DEVICE] = {[ROLE_CLIENT] = true, [ROLE_BOTH] = true},
        [CASE_PROXY] =
            {[ROLE_SERVER] = true, [ROLE_CLIENT] = true, [ROLE_BOTH] = true, [ROLE_DEVICE] = true},
    };
    return table[role][bound];
}

static enum requirement_id identify(const char *id)
{
    const struct requirement *requirement = requirement_find(id);
    return requirement ? (enum requirement_id)(requirement - requirement_get(0))
                       : REQUIREMENT_COUNT;
}

static void gather(struct broken *broken, const json_t *results)
{
    size_t i;
    size_t k;
    const json_t *result;
    const json_t *finding;
    json_array_foreach(results, i, result)
    {
        bool seen[REQUIREMENT_COUNT] = {false};
        json_array_foreach(json_object_get(result, "findings"), k, finding)
        {
            enum requirement_id id =
                identify(json_string_value(json_object_get(finding, "requirement")));
            if (id == REQUIREMENT_COUNT)
                continue;
            const char *name = json_string_value(json_object_get(finding, "level"));
            enum finding_level level = FINDING_INFO;
            while (level > FINDING_FAIL && strcmp(finding_level_name(level), name) != 0)
                level--;
            if (broken[id].count++ == 0 || level < broken[id].level) {
                broken[id].level = level;
                broken[id].finding = finding;
                broken[id].result = result;
            }
            if (!seen[id])
                broken[id].captures++;
            seen[id] = true;
        }
    }
}

static bool has_rule(enum requirement_id id)
{
    const struct rule_description *rule;
    for (size_t i = 0; (rule = rule_describe(i)); i++)
        if (judges(rule->requirements, id))
            return true;
    return false;
}

/* What rules say of one requirement, as an element of "cases". */
static json_t *rule_result(enum requirement_id id, const struct broken *broken, size_t captures)
{
    static const enum verdict verdicts[] = {[FINDING_FAIL] = VERDICT_FAIL,
                                            [FINDING_WARN] = VERDICT_WARN,
                                            [FINDING_INFO] = VERDICT_INFO};
    const struct requirement *requirement = requirement_get(id);
    char *actual = broken->finding
                       ? memory_print("%s (%zu such, in %zu of %zu captures)",
                                      json_string_value(json_object_get(broken->finding, "text")),
                                      broken->count, broken->captures, captures)
                       : memory_print("not broken in %zu captures", captures);
    char *name = memory_print("rule.%s", requirement->id);
    const json_t *frame = broken->finding ? json_object_get(broken->finding, "frame") : NULL;
    const json_t *from = broken->result;
    json_t *object = json_pack(
        "{s:s,s:s,s:[s],s:s,s:s,s:s,s:s,s:s,s:o,s:O?,s:o,s:O?}", "id", name, "sentence",
        requirement->text, "requirements", requirement->id, "requirement", requirement->id,
        "section", requirement->section, "level", requirement_level_name(requirement->level),
        "verdict", verdict_name(broken->finding ? verdicts[broken->level] : VERDICT_PASS),
        "expected", requirement->text, "actual", json_file_text(actual), "capture",
        from ? json_object_get(from, "capture") : NULL, "frames",
        frame ? json_pack("[O]", frame) : json_array(), "rerun",
        from ? json_object_get(from, "rerun") : NULL);
    if (!from)
        json_object_set_new(object, "rerun", json_string(""));
    json_object_set_new(object, "seconds", json_real(0));
    free(name);
    free(actual);
    return object;
}

static void add_rules(const struct test_plan *plan, json_t *results)
{
    struct broken *broken = memory_new(REQUIREMENT_COUNT, sizeof *broken);
    size_t captures = 0;
    size_t i;
    json_t *result;
    gather(broken, results);
    json_array_foreach(results, i, result) captures +=
        json_is_string(json_object_get(result, "capture"));
    json_t *added = json_array();
    for (enum requirement_id id = 0; id < REQUIREMENT_COUNT; id++) {
        char name[64];
        (void)snprintf(name, sizeof name, "rule.%s", requirement_get(id)->id);
        bool wanted = test_plan_wants(plan->options, name, JUDGES(id));
        if (broken[id].count ||
            (wanted && captures && has_rule(id) && binds(requirement_get(id)->role, plan->role)))
            json_array_append_new(added, rule_result(id, &broken[id], captures));
    }
    json_array_foreach(results, i, result)
    {
        json_object_del(result, "findings");
        json_object_del(result, "version");
    }
    json_array_extend(results, added);
    json_decref(added);
    free(broken);
}

const char *test_report_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* --- the whole -------------------------------------------------------------------------------- */

static json_t *summarise(const json_t *results)
{
    json_t *summary = json_object();
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++)
        json_object_set_new(summary, verdict_name(verdict), json_integer(0));
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        const char *verdict = json_string_value(json_object_get(result, "verdict"));
        json_int_t count = json_integer_value(json_object_get(summary, verdict));
        json_object_set_new(summary, verdict, json_integer(count + 1));
    }
    return summary;
}

static const char *find_version(const json_t *results)
{
    size_t i;
    const json_t *result;
    json_array_foreach(results, i, result)
    {
        const char *version = json_string_value(json_object_get(result, "version"));
        if (version && *version)
            return version;
    }
    return "";
}

static int by_id(const void *a, const void *b)
{
    const json_t *const *x = a;
    const json_t *const *y = b;
    return strcmp(json_string_value(json_object_get(*x, "id")),
                  json_string_value(json_object_get(*y, "id")));
}

void test_report_close(json_t *report)
{
    json_t *cases = json_object_get(report, "cases");
    size_t count = json_array_size(cases);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is counted. */
    json_t **sorted = memory_new(count + 1, sizeof(json_t *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_incref(json_array_get(cases, i));
    qsort(sorted, count, sizeof(void *), by_id);
    json_array_clear(cases);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(cases, sorted[i]);
    free(sorted);
    json_object_set_new(report, "summary", summarise(cases));
}

json_t *test_report_make(const struct test_plan *plan, json_t *results, double seconds)
{
    const struct peer *peer = plan->scenario->programs[test_plan_peer(plan->scenario)].peer;
    json_t *described =
        json_pack("{s:s,s:o,s:s}", "name", peer->name, "version",
                  json_file_text(find_version(results)), "role", case_role_name(plan->role));
    add_rules(plan, results);
    json_t *report =
        json_pack("{s:s,s:o,s:I,s:o,s:f}", "suite", "rfc6887", "peer", described, "seed",
                  (json_int_t)plan->options->seed, "cases", results, "seconds", seconds);
    test_report_close(report);
    return report;
}

static json_int_t count(const json_t *report, enum verdict verdict)
{
    return json_integer_value(
        json_object_get(json_object_get(report, "summary"), verdict_name(verdict)));
}

static size_t count_new_failures(const json_t *report)
{
    size_t failures = 0;
    size_t i;
    const json_t *result;
    json_array_foreach(json_object_get(report, "cases"), i, result) failures +=
        strcmp(test_report_text(result, "verdict"), verdict_name(VERDICT_FAIL)) == 0 &&
        !test_expect_is_known(result);
    return failures;
}

enum exit_code test_report_exit(const json_t *report)
{
    if (count(report, VERDICT_ERROR) > 0)
        return EXIT_HARNESS;
    if (count_new_failures(report) > 0)
        return EXIT_SHORT;
    bool judged = count(report, VERDICT_PASS) + count(report, VERDICT_WARN) +
                      count(report, VERDICT_INFO) + count(report, VERDICT_INCONCLUSIVE) +
                      count(report, VERDICT_FAIL) >
                  0;
    return judged ? EXIT_GOOD : EXIT_NOTHING;
}

/* --- for people ------------------------------------------------------------------------------- */

static enum screen_mark mark_of(const char *verdict)
{
    if (strcmp(verdict, "pass") == 0)
        return SCREEN_GOOD;
    if (strcmp(verdict, "fail") == 0 || strcmp(verdict, "error") == 0)
        return SCREEN_BAD;
    return strcmp(verdict, "warn") == 0 || strcmp(verdict, "inconclusive") == 0 ? SCREEN_WARN
                                                                                : SCREEN_NOTE;
}

void test_report_show(struct screen *screen, const json_t *result)
{
    const char *verdict = test_report_text(result, "verdict");
    screen_tell(screen, mark_of(verdict), verdict, "%s", test_report_text(result, "id"));
}

static void tell_one(struct screen *screen, const json_t *result)
{
    const char *verdict = test_report_text(result, "verdict");
    const char *expectation = test_report_text(result, "expectation");
    if (test_expect_is_known(result)) {
        screen_tell(screen, SCREEN_NOTE, "known", "%s", test_report_text(result, "id"));
        return;
    }
    char frames[200] = "";
    size_t used = 0;
    size_t i;
    const json_t *frame;
    json_array_foreach(json_object_get(result, "frames"), i, frame) if (used < sizeof frames - 24)
        used += (size_t)snprintf(frames + used, sizeof frames - used, "%s%" JSON_INTEGER_FORMAT,
                                 i ? ", " : "", json_integer_value(frame));
    screen_tell(screen, mark_of(verdict), verdict, "%s%s%s%s", test_report_text(result, "id"),
                *expectation ? " (" : "", expectation, *expectation ? ")" : "");
    screen_tell(screen, SCREEN_NOTE, "", "%s %s, section %s: %s",
                test_report_text(result, "requirement"), test_report_text(result, "level"),
                test_report_text(result, "section"), test_report_text(result, "sentence"));
    if (*test_report_text(result, "expected"))
        screen_tell(screen, SCREEN_NOTE, "expected", "%s", test_report_text(result, "expected"));
    screen_tell(screen, SCREEN_NOTE, "came", "%s", test_report_text(result, "actual"));
    if (*test_report_text(result, "capture"))
        screen_tell(screen, SCREEN_NOTE, "frames", "%s of %s", *frames ? frames : "none",
                    test_report_text(result, "capture"));
    if (*test_report_text(result, "rerun"))
        screen_tell(screen, SCREEN_NOTE, "again", "%s", test_report_text(result, "rerun"));
}

static void tell_unexpected_passes(struct screen *screen, const json_t *report)
{
    size_t i;
    const json_t *result;
    json_array_foreach(json_object_get(report, "cases"), i,
                       result) if (*test_report_text(result, "expectation") &&
                                   strcmp(test_report_text(result, "verdict"), "fail") != 0)
        screen_tell(screen, SCREEN_WARN, test_report_text(result, "verdict"),
                    "%s (%s: take it off the list)", test_report_text(result, "id"),
                    test_report_text(result, "expectation"));
}

/* Products leave these checks out on purpose: their users want to see at once whether that is all. */
static void tell_nonce_checks(struct screen *screen, const json_t *report)
{
    size_t failures = 0;
    size_t i;
    const json_t *result;
    json_array_foreach(json_object_get(report, "cases"), i, result) failures +=
        *test_report_text(result, "class") &&
        strcmp(test_report_text(result, "verdict"), verdict_name(VERDICT_FAIL)) == 0;
    if (failures)
        screen_tell(screen, SCREEN_NOTE, "nonce checks",
                    "%zu of the failures are of the nonce checks of sections 11.3 and 12.3, which "
                    "some products leave out on purpose",
                    failures);
}

void test_report_tell(struct screen *screen, const json_t *report)
{
    static const enum verdict told[] = {VERDICT_INFO, VERDICT_INCONCLUSIVE, VERDICT_WARN,
                                        VERDICT_ERROR, VERDICT_FAIL};
    size_t i;
    const json_t *result;
    for (size_t t = 0; t < sizeof told / sizeof *told; t++)
        json_array_foreach(json_object_get(report, "cases"), i,
                           result) if (strcmp(test_report_text(result, "verdict"),
                                              verdict_name(told[t])) == 0) tell_one(screen, result);
    tell_unexpected_passes(screen, report);
    tell_nonce_checks(screen, report);
    char *line = memory_copy("");
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (count(report, verdict) == 0)
            continue;
        char *longer = memory_print("%s%s%" JSON_INTEGER_FORMAT " %s", line, *line ? ", " : "",
                                    count(report, verdict), verdict_name(verdict));
        free(line);
        line = longer;
    }
    const json_t *peer = json_object_get(report, "peer");
    const char *version = test_report_text(peer, "version");
    enum exit_code code = test_report_exit(report);
    screen_tell(screen, code == EXIT_GOOD ? SCREEN_GOOD : SCREEN_BAD, "in all",
                "%s%s%s, %s: %s, in %.1f s", test_report_text(peer, "name"), *version ? " " : "",
                version, test_report_text(peer, "role"), line,
                json_real_value(json_object_get(report, "seconds")));
    free(line);
}
