/* `pinhole test PEER`: every case of the suite for its role, each in a lab of its own. */
#include "cli/folder.h"
#include "cli/memory.h"
#include "cli/screen.h"
#include "cli/test_options.h"
#include "cli/test_output.h"
#include "cli/test_pool.h"
#include "cli/test_report.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Whatever else was asked for, the report stays beside its captures. */
static bool keep(const json_t *report, const char *out)
{
    char *path = memory_print("%s/report.json", out);
    bool kept = test_output_json(report, path, "test");
    free(path);
    return kept;
}

static int run_in(const struct test_plan *plan, const char *out)
{
    struct screen screen;
    double start = now();
    int interrupted = 0;
    const struct test_outputs *outputs = &plan->options->outputs;
    screen_init(&screen, outputs->quiet || outputs->tap);
    json_t *results = test_pool_run(plan, out, watch, &screen, &interrupted);
    json_t *report = test_report_make(plan, results, now() - start);
    enum exit_code code = test_output_all(report, outputs, "test");
    if (interrupted) {
        (void)fprintf(stderr, "pinhole test: interrupted by signal %d (%s)\n", interrupted,
                      strsignal(interrupted));
        code = EXIT_HARNESS;
    }
    if (!keep(report, out))
        code = EXIT_HARNESS;
    json_decref(report);
    return code;
}

static int run(const struct test_plan *plan, struct error *error)
{
    int code = EXIT_HARNESS;
    char *out = test_options_folder(plan->options, case_role_name(plan->role));
    int claim = folder_claim(out, error);
    if (claim >= 0) {
        code = run_in(plan, out);
        (void)close(claim);
    } else {
        (void)fprintf(stderr, "pinhole test: %s\n", error->text);
    }
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
        code = run(&plan, &error);
    }
    test_plan_free(&plan);
    json_decref(options.outputs.expect);
    return code;
}
