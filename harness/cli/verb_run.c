/* `pinhole run SCENARIO`: all is read and checked, then a lab lives for as long as the steps last, then its
 * packets are judged outside of it.
 */
#include "cli/engine.h"
#include "cli/folder.h"
#include "cli/judge.h"
#include "cli/memory.h"
#include "cli/programs.h"
#include "cli/result.h"
#include "cli/run_options.h"
#include "cli/scenario.h"
#include "cli/screen.h"
#include "cli/verbs.h"
#include "lab/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What happens inside the sandbox, in its PID 1. */
static int live(void *argument)
{
    struct engine *engine = argument;
    if (engine_begin(engine) == 0)
        engine_run_steps(engine);
    engine_end(engine);
    return engine->record->problem.text[0] ? EXIT_HARNESS : EXIT_GOOD;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static volatile sig_atomic_t interrupted; /* by which signal; 0: not */

static void interrupt(int signal_number)
{
    interrupted = signal_number;
    sandbox_end();
}

/* A signal ends the lab, not this process: what there is so far is still judged and written. One that
 * is ignored, as nohup has it, stays so. */
static void heed_signals(void (*handler)(int))
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction present;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &present) == 0 && present.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
}

/* The run itself: what it came to stands in record. */
static void run_lab(const struct scenario *scenario, const char *folder, struct screen *screen,
                    struct record *record)
{
    struct engine engine = {
        .scenario = scenario, .folder = folder, .screen = screen, .record = record};
    char **needed = programs_list_files(scenario);
    const struct sandbox sandbox = {.writable = folder, .needed = (const char *const *)needed};
    struct error error = {0};
    heed_signals(interrupt);
    int status = interrupted ? -1 : sandbox_run(&sandbox, live, &engine, &error);
    heed_signals(SIG_DFL);
    programs_forget_files(needed);
    record_distrust(record);
    if (interrupted) {
        record->problem = (struct error){0};
        (void)error_set(&record->problem, "interrupted by signal %d (%s)", (int)interrupted,
                        strsignal(interrupted));
    } else if (status < 0)
        (void)error_set(&record->problem, "%s", error.text);
    else if (!record->over)
        (void)error_set(&record->problem, "the lab ended before its steps did, with status %d",
                        status);
}

static int run_and_judge(const struct run_options *options, const struct scenario *scenario,
                         struct screen *screen, const struct timespec *start)
{
    struct error error = {0};
    struct result result = {.scenario = scenario, .seed = options->scenario.seed};
    clock_gettime(CLOCK_REALTIME, &result.started);
    char *out = run_options_folder(options, scenario->name);
    char *folder = folder_make(out, &error);
    struct record *record = record_new();
    free(out);
    if (!folder || !record) {
        (void)error_set(&error, "no shared memory");
        (void)fprintf(stderr, "pinhole run: %s\n", error.text);
        free(folder);
        record_free(record);
        return EXIT_HARNESS;
    }
    char *command = run_options_command(options);
    screen_title(screen, scenario->name, scenario->description);
    run_lab(scenario, folder, screen, record);
    if (folder_take_back(folder, &error) != 0) {
        (void)fprintf(stderr, "pinhole run: %s\n", error.text);
        free(command);
        free(folder);
        record_free(record);
        return EXIT_HARNESS;
    }

    struct judgement judgement;
    char *capture = memory_print("%s/lab.pcapng", folder);
    judge_run(scenario, record, capture, &judgement);
    result.record = record;
    result.judgement = &judgement;
    result.folder = folder;
    result.command = command;
    result.seconds = seconds_since(start);
    int code = judgement_exit(&judgement);
    if (result_write(&result, &error) != 0) {
        (void)fprintf(stderr, "pinhole run: %s\n", error.text);
        code = EXIT_HARNESS;
    }
    result_tell(&result, screen);
    if (judgement.verdict == VERDICT_ERROR)
        (void)fprintf(stderr, "pinhole run: %s\n", judgement.problem.text);
    free(capture);
    free(command);
    free(folder);
    judgement_free(&judgement);
    record_free(record);
    return code;
}

int verb_run(int argc, char **argv)
{
    struct timespec start;
    struct run_options options;
    struct error error = {0};
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (run_options_read(argc, argv, &options, &error) != 0) {
        (void)fprintf(stderr, "pinhole run: %s\n", error.text);
        run_options_free(&options);
        return EXIT_HARNESS;
    }
    int code = EXIT_HARNESS;
    struct screen screen;
    screen_init(&screen, options.quiet);
    struct scenario *scenario = scenario_load(&options.scenario, &error);
    if (scenario)
        code = run_and_judge(&options, scenario, &screen, &start);
    else
        (void)fprintf(stderr, "%s\n", error.text);
    scenario_free(scenario);
    run_options_free(&options);
    return code;
}
