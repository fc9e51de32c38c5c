/* `pinhole merge REPORT...`: the reports of `pinhole test --shard` as one. */
#include "check/verdict.h"
#include "cli/test_options.h"
#include "cli/test_output.h"
#include "cli/test_report.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

/* A report, if it has what a merger goes by. */
static json_t *read_report(const char *path, struct error *error)
{
    json_error_t problem;
    const char *name;
    const char *version;
    const char *role;
    const char *suite;
    double seconds;
    json_int_t seed;
    json_t *cases;
    json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (!report) {
        if (problem.line < 1)
            error_set(error, "%s", problem.text); /* it could not be opened: that names it */
        else
            error_set(error, "%s:%d: %s", path, problem.line, problem.text);
        return NULL;
    }
    if (json_unpack_ex(report, &problem, 0, "{s:s,s:{s:s,s:s,s:s},s:I,s:F,s:o}", "suite", &suite,
                       "peer", "name", &name, "version", &version, "role", &role, "seed", &seed,
                       "seconds", &seconds, "cases", &cases) == 0 &&
        json_is_array(cases))
        return report;
    error_set(error, "%s: expected a report of pinhole test --json: %s", path,
              *problem.text ? problem.text : "its cases are no list");
    json_decref(report);
    return NULL;
}

static bool is_result(const json_t *result)
{
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    enum verdict known = 0;
    while (verdict && known < VERDICT_COUNT && strcmp(verdict, verdict_name(known)) != 0)
        known++;
    return verdict && known < VERDICT_COUNT && json_is_string(json_object_get(result, "id")) &&
           json_is_array(json_object_get(result, "frames"));
}

/* What becomes of the reports. */
struct merger {
    json_t *whole; /* NULL before the first */
    json_t *known; /* its results by id */
};

/* What weighs more when the captures of one shard break a rule and those of another don't. */
static int weight(const json_t *result)
{
    static const char *const order[] = {"pass", "info", "warn", "fail"};
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
        if (strcmp(verdict, order[i]) == 0)
            return i;
    return 0;
}

/* Every shard has its own word on each rule; a case belongs to one shard alone. */
static int add_result(struct merger *merger, json_t *result, const char *path, struct error *error)
{
    if (!is_result(result))
        return error_set(error, "%s: a case without id, verdict or frames", path);
    const char *id = json_string_value(json_object_get(result, "id"));
    json_t *other = json_object_get(merger->known, id);
    json_object_del(result, "expectation");
    if (!other)
        return json_object_set(merger->known, id, result) == 0
                   ? json_array_append(json_object_get(merger->whole, "cases"), result)
                   : -1;
    if (strncmp(id, "rule.", sizeof "rule." - 1) != 0)
        return error_set(error, "%s: %s has been reported already", path, id);
    return weight(result) > weight(other) ? json_object_update(other, result) : 0;
}

static int add_report(struct merger *merger, json_t *report, const char *path, struct error *error)
{
    json_t *whole = merger->whole;
    if (!whole) {
        whole = merger->whole =
            json_pack("{s:O,s:O,s:O,s:[],s:f}", "suite", json_object_get(report, "suite"), "peer",
                      json_object_get(report, "peer"), "seed", json_object_get(report, "seed"),
                      "cases", "seconds", 0.0);
    } else if (!json_equal(json_object_get(whole, "suite"), json_object_get(report, "suite")) ||
               !json_equal(json_object_get(whole, "peer"), json_object_get(report, "peer"))) {
        return error_set(error, "%s: the report of another suite, peer or version", path);
    }
    size_t i;
    json_t *result;
    json_array_foreach(json_object_get(report, "cases"), i,
                       result) if (add_result(merger, result, path, error) != 0) return -1;
    double seconds = json_number_value(json_object_get(whole, "seconds")) +
                     json_number_value(json_object_get(report, "seconds"));
    return json_object_set_new(whole, "seconds", json_real(seconds));
}

static int merge(struct merger *merger, int count, char **paths, struct error *error)
{
    for (int i = 0; i < count; i++) {
        json_t *report = read_report(paths[i], error);
        int status = report ? add_report(merger, report, paths[i], error) : -1;
        json_decref(report);
        if (status != 0)
            return error_set(error, "%s: could not be merged", paths[i]);
    }
    test_report_close(merger->whole);
    return 0;
}

int verb_merge(int argc, char **argv)
{
    struct test_outputs outputs;
    struct error error = {0};
    struct merger merger = {.known = json_object()};
    int first = merge_options_read(argc, argv, &outputs, &error);
    enum exit_code code = EXIT_HARNESS;
    if (first < 0 || merge(&merger, argc - first, argv + first, &error) != 0)
        (void)fprintf(stderr, "pinhole merge: %s\n", error.text);
    else
        code = test_output_all(merger.whole, &outputs, "merge");
    json_decref(merger.known);
    json_decref(merger.whole);
    json_decref(outputs.expect);
    return code;
}
