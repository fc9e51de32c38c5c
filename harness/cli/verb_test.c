/* `pinhole test PEER`: every case of the suite for its role, each in a lab of its own. */
#include "cli/memory.h"
#include "cli/screen.h"
#include "cli/test_options.h"
#include "cli/test_pool.h"
#include "cli/test_report.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void watch(void *context, const json_t *result)
{
    test_report_show(context, result);
}

static int write_json(const json_t *report, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool good = file && json_dumpf(report, file, JSON_ENSURE_ASCII | JSON_INDENT(1)) == 0 &&
                fputc('\n', file) != EOF;
    if (file && file != stdout && fclose(file) != 0)
        good = false;
    if (!good)
        (void)fprintf(stderr, "pinhole test: --json %s can't be written\n", path);
    return good ? 0 : -1;
}

static int run(const struct test_plan *plan)
{
    struct screen screen;
    double start = now();
    int interrupted = 0;
    char *out = test_options_folder(plan->options, case_role_name(plan->role));
    screen_init(&screen, plan->options->quiet);
    json_t *results = test_pool_run(plan, out, watch, &screen, &interrupted);
    json_t *report = test_report_make(plan, results, now() - start);
    test_report_tell(&screen, report);
    enum exit_code code = test_report_exit(report);
    if (interrupted) {
        (void)fprintf(stderr, "pinhole test: interrupted by signal %d (%s)\n", interrupted,
                      strsignal(interrupted));
        code = EXIT_HARNESS;
    }
    if (plan->options->json && write_json(report, plan->options->json) != 0)
        code = EXIT_HARNESS;
    json_decref(report);
    free(out);
    return code;
}

int verb_test(int argc, char **argv)
{
    struct test_options options;
    struct test_plan plan = {0};
    struct error error = {0};
    int code = EXIT_HARNESS;
    if (test_options_read(argc, argv, &options, &error) != 0 ||
        test_plan_make(&plan, &options, &error) != 0) {
        (void)fprintf(stderr, "pinhole test: %s\n", error.text);
    } else if (plan.job_count == 0) {
        (void)fprintf(stderr, "pinhole test: no case of role %s%s%s\n", case_role_name(plan.role),
                      options.filter ? " is named " : "", options.filter ? options.filter : "");
        code = EXIT_NOTHING;
    } else {
        code = run(&plan);
    }
    test_plan_free(&plan);
    return code;
}
