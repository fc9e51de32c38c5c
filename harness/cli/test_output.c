#include "cli/test_output.h"

#include "cli/screen.h"
#include "cli/test_expect.h"
#include "cli/test_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool has_verdict(const json_t *result, const char *verdict)
{
    return strcmp(test_report_text(result, "verdict"), verdict) == 0;
}

/* Left out, or not to be judged: neither good nor bad. */
static bool is_skipped(const json_t *result)
{
    return has_verdict(result, "skip") || has_verdict(result, "unsupported") ||
           has_verdict(result, "inconclusive");
}

static int write_json(const json_t *report, FILE *file)
{
    return json_dumpf(report, file, JSON_ENSURE_ASCII | JSON_INDENT(1)) == 0 &&
                   fputc('\n', file) != EOF
               ? 0
               : -1;
}

/* --- JUnit ------------------------------------------------------------------------------------ */

/* XML 1.0 has no way to write most control characters: those become '?'. */
static void put_xml(FILE *file, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr("<>&\"'", c))
            (void)fprintf(file, "&#%u;", c);
        else
            (void)fputc(c >= ' ' || c == '\n' || c == '\t' ? c : '?', file);
    }
}

static void put_details(FILE *file, const json_t *result)
{
    static const struct {
        const char *key, *label;
    } lines[] = {{"requirement", "requirement"},
                 {"section", "section"},
                 {"sentence", "sentence"},
                 {"expected", "expected"},
                 {"actual", "came"},
                 {"capture", "capture"},
                 {"rerun", "again"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!*test_report_text(result, lines[i].key))
            continue;
        (void)fprintf(file, "%s: ", lines[i].label);
        put_xml(file, test_report_text(result, lines[i].key));
        (void)fputc('\n', file);
    }
}

static void put_testcase(FILE *file, const json_t *result, const char *peer)
{
    const char *element = NULL;
    const char *verdict = test_report_text(result, "verdict");
    if (is_skipped(result) || test_expect_is_known(result))
        element = "skipped";
    else if (has_verdict(result, "fail"))
        element = "failure";
    else if (has_verdict(result, "error"))
        element = "error";
    (void)fprintf(file, "  <testcase classname=\"pinhole.");
    put_xml(file, peer);
    (void)fprintf(file, "\" name=\"");
    put_xml(file, test_report_text(result, "id"));
    (void)fprintf(file, "\" time=\"%.3f\">\n",
                  json_number_value(json_object_get(result, "seconds")));
    if (element) {
        (void)fprintf(file, "   <%s message=\"%s: ", element,
                      test_expect_is_known(result) ? "known failure" : verdict);
        put_xml(file, test_report_text(result, "actual"));
        (void)fprintf(file, "\">");
        put_details(file, result);
        (void)fprintf(file, "</%s>\n", element);
    } else if (strcmp(verdict, "pass") != 0) {
        (void)fprintf(file, "   <system-out>%s\n", verdict);
        put_details(file, result);
        (void)fprintf(file, "</system-out>\n");
    }
    (void)fprintf(file, "  </testcase>\n");
}

static int write_junit(const json_t *report, FILE *file)
{
    const json_t *peer = json_object_get(report, "peer");
    const json_t *cases = json_object_get(report, "cases");
    unsigned failures = 0, errors = 0, skipped = 0;
    size_t i;
    const json_t *result;
    json_array_foreach(cases, i, result)
    {
        bool skip = is_skipped(result) || test_expect_is_known(result);
        skipped += skip;
        failures += !skip && has_verdict(result, "fail");
        errors += has_verdict(result, "error");
    }
    (void)fprintf(file,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                  " <testsuite name=\"%s.%s\" tests=\"%zu\" failures=\"%u\" errors=\"%u\" "
                  "skipped=\"%u\" time=\"%.3f\">\n",
                  test_report_text(report, "suite"), test_report_text(peer, "role"),
                  json_array_size(cases), failures, errors, skipped,
                  json_number_value(json_object_get(report, "seconds")));
    json_array_foreach(cases, i, result) put_testcase(file, result, test_report_text(peer, "name"));
    (void)fprintf(file, " </testsuite>\n</testsuites>\n");
    return ferror(file) ? -1 : 0;
}

/* --- TAP -------------------------------------------------------------------------------------- */

/* One line of a diagnostic block, in YAML's single quotes. */
static void put_yaml(FILE *file, const char *key, const char *text)
{
    if (!*text)
        return;
    (void)fprintf(file, "  %s: '", key);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\'')
            (void)fputc('\'', file);
        (void)fputc(c >= ' ' ? c : ' ', file);
    }
    (void)fprintf(file, "'\n");
}

static int write_tap(const json_t *report, FILE *file)
{
    const json_t *cases = json_object_get(report, "cases");
    size_t i;
    const json_t *result;
    (void)fprintf(file, "TAP version 14\n1..%zu\n", json_array_size(cases));
    json_array_foreach(cases, i, result)
    {
        bool bad = has_verdict(result, "fail") || has_verdict(result, "error");
        (void)fprintf(file, "%s %zu - %s%s%s\n", bad ? "not ok" : "ok", i + 1,
                      test_report_text(result, "id"), is_skipped(result) ? " # SKIP " : "",
                      is_skipped(result)             ? test_report_text(result, "verdict")
                      : test_expect_is_known(result) ? " # TODO known failure"
                                                     : "");
        if (has_verdict(result, "pass"))
            continue;
        (void)fprintf(file, "  ---\n");
        put_yaml(file, "verdict", test_report_text(result, "verdict"));
        put_yaml(file, "requirement", test_report_text(result, "requirement"));
        put_yaml(file, "expected", test_report_text(result, "expected"));
        put_yaml(file, "actual", test_report_text(result, "actual"));
        put_yaml(file, "capture", test_report_text(result, "capture"));
        put_yaml(file, "rerun", test_report_text(result, "rerun"));
        (void)fprintf(file, "  ...\n");
    }
    return ferror(file) ? -1 : 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool write_to(const json_t *report, const char *path,
                     int (*write)(const json_t *report, FILE *file), const char *verb)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool good = file && write(report, file) == 0 && fflush(file) == 0;
    if (file && file != stdout && fclose(file) != 0)
        good = false;
    if (!good)
        (void)fprintf(stderr, "pinhole %s: %s can't be written: %s\n", verb, path, strerror(errno));
    return good;
}

bool test_output_json(const json_t *report, const char *path, const char *verb)
{
    return write_to(report, path, write_json, verb);
}

enum exit_code test_output_all(json_t *report, const struct test_outputs *outputs, const char *verb)
{
    struct screen screen;
    bool good = true;
    if (outputs->expect)
        test_expect_apply(report, outputs->expect);
    screen_init(&screen, outputs->quiet || outputs->tap);
    test_report_tell(&screen, report);
    if (outputs->tap)
        good = write_to(report, "-", write_tap, verb) && good;
    if (outputs->json)
        good = test_output_json(report, outputs->json, verb) && good;
    if (outputs->junit)
        good = write_to(report, outputs->junit, write_junit, verb) && good;
    return good ? test_report_exit(report) : EXIT_HARNESS;
}
