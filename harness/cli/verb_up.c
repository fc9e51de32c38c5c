/* `pinhole up SCENARIO`: a scenario's lab with its programs, kept alive for whoever wants to look around
 * in it. Commands come from standard input, a terminal or a pipe; messages are told as they happen.
 *
 * All runs in PID 1 of the sandbox, in one loop: it takes commands, looks after the programs, and
 * follows the capture. A shell in a node is a child that shares the terminal; while it is there, the
 * loop keeps quiet and goes on looking after the rest.
 */
#include "cli/console.h"
#include "cli/engine.h"
#include "cli/folder.h"
#include "cli/memory.h"
#include "cli/programs.h"
#include "cli/run_options.h"
#include "cli/verbs.h"
#include "lab/sandbox.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* The programs that the scenario's steps would start, in that order. */
static int start_programs(struct engine *engine)
{
    for (size_t i = 0; i < engine->scenario->step_count; i++) {
        const struct scenario_step *step = &engine->scenario->steps[i];
        struct error error = {0};
        if (step->kind != STEP_START || step->skipped[0] || engine->processes[step->program])
            continue;
        screen_begin(engine->screen, step->text);
        enum step_outcome outcome = engine_start(engine, step->program, &error);
        screen_end(engine->screen, outcome == OUTCOME_DONE ? SCREEN_GOOD : SCREEN_BAD, error.text);
        if (outcome == OUTCOME_FAILED)
            return error_set(&engine->record->problem, "%s", error.text);
    }
    return 0;
}

static int live(void *argument)
{
    struct engine *engine = argument;
    if (engine_begin(engine) == 0 && start_programs(engine) == 0)
        console_run(engine);
    engine_end(engine);
    return engine->record->problem.text[0] ? EXIT_HARNESS : EXIT_GOOD;
}

static int bring_up(const struct scenario *scenario, const char *out, struct screen *screen)
{
    struct error error = {0};
    char *folder = folder_make(out, &error);
    struct record *record = folder ? record_new() : NULL;
    int code = EXIT_HARNESS;
    if (record) {
        struct engine engine = {
            .scenario = scenario, .folder = folder, .screen = screen, .record = record};
        char **needed = programs_list_files(scenario);
        const struct sandbox sandbox = {.writable = folder, .needed = (const char *const *)needed};
        /* Ctrl-C is for what runs in a node's shell; `quit` or the end of input ends the lab. */
        (void)signal(SIGINT, SIG_IGN);
        screen_title(screen, scenario->name, scenario->description);
        int status = sandbox_run(&sandbox, live, &engine, &error);
        programs_forget_files(needed);
        record_distrust(record);
        if (status == EXIT_GOOD)
            code = EXIT_GOOD;
        else
            (void)error_set(&error, "%s",
                            record->problem.text[0] ? record->problem.text : "the lab broke down");
        screen_tell(screen, SCREEN_NOTE, "folder", "%s", folder);
    }
    if (code != EXIT_GOOD)
        (void)fprintf(stderr, "pinhole up: %s\n", error.text[0] ? error.text : "no shared memory");
    record_free(record);
    free(folder);
    return code;
}

int verb_up(int argc, char **argv)
{
    struct run_options options;
    struct error error = {0};
    if (run_options_read(argc, argv, &options, &error) != 0) {
        (void)fprintf(stderr, "pinhole up: %s\n", error.text);
        run_options_free(&options);
        return EXIT_HARNESS;
    }
    int code = EXIT_HARNESS;
    struct screen screen;
    screen_init(&screen, options.quiet);
    struct scenario *scenario = scenario_load(&options.scenario, &error);
    if (scenario) {
        char *out = run_options_folder(&options, scenario->name);
        code = bring_up(scenario, out, &screen);
        free(out);
    } else {
        (void)fprintf(stderr, "%s\n", error.text);
    }
    scenario_free(scenario);
    run_options_free(&options);
    return code;
}
