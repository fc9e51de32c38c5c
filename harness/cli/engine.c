#include "cli/engine.h"

#include "cli/engine_watch.h"
#include "cli/memory.h"
#include "cli/programs.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum {
    GRACE = 3000,      /* ms, for a program to end once it is asked to, before it is killed */
    LONG_GRACE = 15000 /* ms, where it is the scenario's affair how it ends */
};

const char *step_outcome_name(enum step_outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_NOT_REACHED] = "not reached", [OUTCOME_DONE] = "done",
        [OUTCOME_SKIPPED] = "skipped",         [OUTCOME_MISSED] = "missed",
        [OUTCOME_UNSUPPORTED] = "unsupported", [OUTCOME_FAILED] = "failed",
    };
    return names[outcome];
}

struct record *record_new(void)
{
    void *shared = mmap(NULL, sizeof(struct record), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? NULL : shared;
}

static void end_text(char *text, size_t size)
{
    text[size - 1] = '\0';
}

void record_distrust(struct record *record)
{
    for (size_t i = 0; i < SCENARIO_STEPS; i++) {
        struct record_step *step = &record->steps[i];
        if (step->outcome > OUTCOME_FAILED)
            step->outcome = OUTCOME_FAILED;
        if (!isfinite(step->seconds))
            step->seconds = 0;
        end_text(step->detail, sizeof step->detail);
    }
    for (size_t i = 0; i < SCENARIO_PROGRAMS; i++) {
        end_text(record->versions[i], sizeof record->versions[i]);
        end_text(record->crashes[i], sizeof record->crashes[i]);
    }
    end_text(record->problem.text, sizeof record->problem.text);
}

void record_free(struct record *record)
{
    if (record)
        (void)munmap(record, sizeof *record);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- programs ------------------------------------------------------------------------------- */

static const char *describe_end(int status, char text[32])
{
    if (WIFEXITED(status))
        (void)snprintf(text, 32, "status %d", WEXITSTATUS(status));
    else
        (void)snprintf(text, 32, "signal %s", sigabbrev_np(WTERMSIG(status)));
    return text;
}

static bool is_unsupported(const struct process *process)
{
    int status = 0;
    return process_ended(process, &status) && WIFEXITED(status) &&
           WEXITSTATUS(status) == PEER_UNSUPPORTED;
}

/* What became of a program that did not do what was awaited: nothing came, or it is gone. */
static enum step_outcome judge_silence(const struct process *process)
{
    if (is_unsupported(process))
        return OUTCOME_UNSUPPORTED;
    return process_ended(process, NULL) ? OUTCOME_FAILED : OUTCOME_MISSED;
}

enum step_outcome engine_start(struct engine *engine, size_t program, struct error *error)
{
    const struct scenario_program *what = &engine->scenario->programs[program];
    char *logs = memory_print("%s/logs", engine->folder);
    struct process *process = program_start(engine->supervisor, what, logs, error);
    free(logs);
    if (!process)
        return OUTCOME_FAILED;
    engine->processes[program] = process;
    engine->stopping[program] = engine->crashed[program] = false;
    engine->order[engine->order_count++] = program;
    if (program_await_ready(process, what, error) == 0)
        return OUTCOME_DONE;
    /* A client that ends by itself says by its status whether it got what it wanted. */
    if (what->peer->ready == READY_ENDED && !is_unsupported(process))
        return OUTCOME_MISSED;
    return judge_silence(process);
}

enum step_outcome engine_stop(struct engine *engine, size_t program, int signal_number,
                              struct error *error)
{
    struct process *process = engine->processes[program];
    enum step_outcome outcome = OUTCOME_DONE;
    /* Who died meanwhile did so on its own, and has nothing left to be signalled. */
    (void)supervisor_pass(engine->supervisor, 0, NULL);
    engine->stopping[program] = true;
    if (signal_number == SIGTERM || engine->crashed[program])
        outcome = process_stop(process, GRACE, NULL, error) == 0 ? OUTCOME_DONE : OUTCOME_FAILED;
    else if (process_signal(process, signal_number, error) != 0 ||
             process_await_end(process, LONG_GRACE, NULL, error) != 0)
        outcome = OUTCOME_FAILED;
    engine->processes[program] = NULL;
    for (size_t i = 0, kept = 0, count = engine->order_count; i < count; i++) {
        if (engine->order[i] != program)
            engine->order[kept++] = engine->order[i];
        engine->order_count = kept;
    }
    return outcome;
}

enum step_outcome engine_command(struct engine *engine, size_t node, const char *name,
                                 const char *const *command, int milliseconds, int *status,
                                 struct error *error)
{
    char *path = program_find_command(command[0], error);
    if (!path)
        return OUTCOME_FAILED;
    size_t count = 0;
    while (command[count])
        count++;
    char **argv = memory_new(count + 1, sizeof *argv);
    argv[0] = path;
    for (size_t i = 1; i < count; i++)
        argv[i] = memory_copy(command[i]);
    struct facts facts = {0};
    program_tell_command(&facts, engine->scenario, node);
    char *log = memory_print("%s/logs/%s.log", engine->folder, name);
    const struct process_options options = {
        .node = node, .name = name, .argv = argv, .environment = facts.pairs, .log_path = log};
    struct process *process = process_start(engine->supervisor, &options, error);
    enum step_outcome outcome = process ? OUTCOME_DONE : OUTCOME_FAILED;
    if (process && process_await_end(process, milliseconds, status, error) != 0) {
        outcome = OUTCOME_MISSED;
        (void)process_stop(process, GRACE, status, NULL);
    }
    free(log);
    facts_free(&facts);
    for (size_t i = 0; i < count; i++)
        free(argv[i]);
    free((void *)argv);
    return outcome;
}

/* A program that ended though nobody told it to: what the packets show from then on is no verdict on
 * it. One that is known to crash is left to the expectations. */
static bool check_alive(struct engine *engine)
{
    for (size_t i = 0; i < engine->scenario->program_count; i++) {
        const struct process *process = engine->processes[i];
        int status = 0;
        char end[32];
        if (!process || engine->scenario->programs[i].peer->ready == READY_ENDED ||
            !process_ended(process, &status))
            continue;
        if (engine->crashed[i] && engine->scenario->programs[i].peer->crashes)
            continue;
        if (engine->crashed[i])
            return false;
        (void)error_set(&engine->record->problem, "%s ended on its own with %s: %s",
                        process_name(process), describe_end(status, end),
                        process_last_line(process));
        return false;
    }
    return true;
}

/* --- steps ---------------------------------------------------------------------------------- */

static enum step_outcome do_start(struct engine *engine, const struct scenario_step *step,
                                  struct error *error)
{
    return engine_start(engine, step->program, error);
}

static enum step_outcome await_mapping(struct engine *engine, const struct scenario_step *step,
                                       struct error *error)
{
    enum { TICK = 20 /* ms; the capture is written in rounds of about that */ };
    const struct scenario_program *program = &engine->scenario->programs[step->program];
    const char *node = engine->scenario->topology.nodes[program->node].name;
    char *capture = memory_print("%s/lab.pcapng", engine->folder);
    double deadline = seconds_now() + step->milliseconds / 1000.0;
    enum step_outcome outcome = OUTCOME_MISSED;
    struct mapping *mapping = &engine->mappings[step->program];
    while (outcome == OUTCOME_MISSED) {
        if (mapping_find(capture, node, mapping))
            outcome = OUTCOME_DONE;
        else if (seconds_now() >= deadline || !check_alive(engine))
            break;
        else if (supervisor_pass(engine->supervisor, TICK, error) != 0)
            outcome = OUTCOME_FAILED;
    }
    free(capture);
    if (outcome == OUTCOME_MISSED)
        (void)error_set(error, "no SUCCESS for a UDP mapping came to %s within %g s", node,
                        step->milliseconds / 1000.0);
    return outcome;
}

/* How often a line was awaited of the program that runs now, this time counted. */
static uint32_t times_awaited(const struct engine *engine, const struct scenario_step *step)
{
    uint32_t times = 1;
    const struct scenario_step *first = engine->scenario->steps;
    for (const struct scenario_step *before = step; before-- != first;) {
        if (before->program != step->program)
            continue;
        if (before->kind == STEP_START || before->kind == STEP_RESTART)
            break;
        if (before->kind == STEP_AWAIT && before->pattern &&
            strcmp(before->pattern, step->pattern) == 0 &&
            engine->record->steps[before - first].outcome == OUTCOME_DONE)
            times++;
    }
    return times;
}

static enum step_outcome do_await(struct engine *engine, const struct scenario_step *step,
                                  struct error *error)
{
    if (!step->pattern)
        return await_mapping(engine, step, error);
    struct process *process = engine->processes[step->program];
    if (process_await_lines(process, step->pattern, times_awaited(engine, step), step->milliseconds,
                            error) == 0)
        return OUTCOME_DONE;
    return judge_silence(process);
}

static enum step_outcome do_pass(struct engine *engine, const struct scenario_step *step,
                                 struct error *error)
{
    return supervisor_pass(engine->supervisor, step->milliseconds, error) == 0 ? OUTCOME_DONE
                                                                               : OUTCOME_FAILED;
}

static enum step_outcome do_signal(struct engine *engine, const struct scenario_step *step,
                                   struct error *error)
{
    struct process *process = engine->processes[step->program];
    return process_signal(process, step->signal, error) == 0 ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum step_outcome do_stop(struct engine *engine, const struct scenario_step *step,
                                 struct error *error)
{
    return engine_stop(engine, step->program, SIGTERM, error);
}

static enum step_outcome do_restart(struct engine *engine, const struct scenario_step *step,
                                    struct error *error)
{
    int signal_number = engine->scenario->programs[step->program].peer->restart_signal;
    enum step_outcome outcome = engine_stop(engine, step->program, signal_number, error);
    return outcome == OUTCOME_DONE ? engine_start(engine, step->program, error) : outcome;
}

/* Logs of commands are named after the step's place in the scenario. */
static void name_command(const struct engine *engine, const struct scenario_step *step,
                         const char *what, char name[40])
{
    (void)snprintf(name, 40, "%s-%zu", what, (size_t)(step - engine->scenario->steps) + 1);
}

static enum step_outcome do_run(struct engine *engine, const struct scenario_step *step,
                                struct error *error)
{
    char name[40];
    char end[32];
    int status = 0;
    name_command(engine, step, "run", name);
    enum step_outcome outcome = engine_command(engine, step->node, name, step->command.text,
                                               step->milliseconds, &status, error);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (WIFEXITED(status) && WEXITSTATUS(status) == step->status)
        return OUTCOME_DONE;
    (void)error_set(error, "expected status %d, it ended with %s; see logs/%s.log", step->status,
                    describe_end(status, end), name);
    return OUTCOME_FAILED;
}

static enum step_outcome do_probe(struct engine *engine, const struct scenario_step *step,
                                  struct error *error)
{
    enum { ANSWERED = 0, SILENCE = 1, START_UP = 2000 /* ms */ };
    const struct mapping *mapping = &engine->mappings[step->program];
    char address[ADDRESS_TEXT_SIZE];
    char to[ADDRESS_TEXT_SIZE + 10];
    char name[40];
    int status = 0;
    if (step->to)
        (void)snprintf(to, sizeof to, "%s", step->to);
    else
        (void)snprintf(to, sizeof to,
                       address_is_ipv4(&mapping->external_address) ? "%s:%u" : "[%s]:%u",
                       address_format(&mapping->external_address, address), mapping->external_port);
    char *tries = memory_print("%d", step->tries);
    char *wait = memory_print("%d", step->milliseconds);
    const char *const command[] = {"pinhole-probe", "send",        "--to",   to,
                                   "--count",       tries,         "--wait", wait,
                                   "--text",        step->payload, NULL};
    name_command(engine, step, "probe", name);
    enum step_outcome outcome =
        engine_command(engine, step->node, name, command,
                       step->tries * step->milliseconds + START_UP, &status, error);
    free(wait);
    free(tries);
    if (outcome != OUTCOME_DONE)
        return OUTCOME_FAILED;
    /* Whether an answer was due is for the expectations to say. */
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != ANSWERED && WEXITSTATUS(status) != SILENCE)) {
        (void)error_set(error, "the probe could not be sent; see logs/%s.log", name);
        return OUTCOME_FAILED;
    }
    return OUTCOME_DONE;
}

static enum step_outcome (*const actions[STEP_KINDS])(struct engine *, const struct scenario_step *,
                                                      struct error *) = {
    [STEP_START] = do_start,   [STEP_AWAIT] = do_await, [STEP_PASS] = do_pass,
    [STEP_SIGNAL] = do_signal, [STEP_STOP] = do_stop,   [STEP_RESTART] = do_restart,
    [STEP_RUN] = do_run,       [STEP_PROBE] = do_probe,
};

void engine_run_steps(struct engine *engine)
{
    static const enum screen_mark marks[] = {
        [OUTCOME_NOT_REACHED] = SCREEN_NOTE, [OUTCOME_DONE] = SCREEN_GOOD,
        [OUTCOME_SKIPPED] = SCREEN_NOTE,     [OUTCOME_MISSED] = SCREEN_BAD,
        [OUTCOME_UNSUPPORTED] = SCREEN_WARN, [OUTCOME_FAILED] = SCREEN_BAD,
    };
    for (size_t i = 0; i < engine->scenario->step_count; i++) {
        const struct scenario_step *step = &engine->scenario->steps[i];
        struct record_step *record = &engine->record->steps[i];
        if (step->skipped[0]) {
            record->outcome = OUTCOME_SKIPPED;
            (void)snprintf(record->detail, sizeof record->detail, "%s", step->skipped);
            continue;
        }
        struct error error = {0};
        screen_begin(engine->screen, step->text);
        double start = seconds_now();
        enum step_outcome outcome = actions[step->kind](engine, step, &error);
        record->seconds = seconds_now() - start;
        /* What fails behind a crash fails by it, and so is the peer's matter. */
        if (outcome == OUTCOME_FAILED && engine_saw_crash(engine))
            outcome = OUTCOME_MISSED;
        (void)snprintf(record->detail, sizeof record->detail, "%s", error.text);
        record->outcome = outcome;
        screen_end(engine->screen, marks[outcome], error.text);
        if (outcome == OUTCOME_FAILED)
            (void)error_set(&engine->record->problem, "%s:%d: %s: %s", engine->scenario->file,
                            step->line, step->text, error.text);
        bool alive = (outcome != OUTCOME_DONE && outcome != OUTCOME_MISSED) || check_alive(engine);
        if (outcome != OUTCOME_DONE || !alive)
            return;
    }
}

/* --- the whole ------------------------------------------------------------------------------ */

/* Made in here: outside, root may be somebody whose folders the sandbox can't write to. */
static int make_folders(const struct engine *engine, struct error *error)
{
    static const char *const names[] = {"logs", "state"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = memory_print("%s/%s", engine->folder, names[i]);
        int status = mkdir(path, 0755);
        if (status != 0)
            (void)error_set_errno(error, errno, "%s", path);
        free(path);
        if (status != 0)
            return -1;
    }
    return 0;
}

int engine_begin(struct engine *engine)
{
    const struct scenario *scenario = engine->scenario;
    struct record *record = engine->record;
    if (make_folders(engine, &record->problem) != 0)
        return -1;
    for (size_t i = 0; i < scenario->program_count && !engine->unversioned; i++)
        program_read_version(&scenario->programs[i], record->versions[i], VERSION_SIZE);

    char text[120];
    size_t nodes = scenario->topology.node_count;
    size_t networks = scenario->topology.network_count;
    (void)snprintf(text, sizeof text, "build the lab: %zu node%s, %zu network%s", nodes,
                   nodes == 1 ? "" : "s", networks, networks == 1 ? "" : "s");
    screen_begin(engine->screen, text);
    engine->lab = lab_create(&scenario->topology, &record->problem);
    if (engine->lab)
        engine->supervisor = supervisor_create(engine->lab, &record->problem);
    if (engine->supervisor) {
        engine_watch(engine);
        char *path = memory_print("%s/lab.pcapng", engine->folder);
        engine->capture = capture_start(engine->lab, path, &record->problem);
        free(path);
    }
    record->captured = engine->capture != NULL;
    screen_end(engine->screen, engine->capture ? SCREEN_GOOD : SCREEN_BAD, record->problem.text);
    return engine->capture ? 0 : -1;
}

static void save_state(struct engine *engine)
{
    char *folder = memory_print("%s/state", engine->folder);
    for (size_t node = 0; node < engine->scenario->topology.node_count; node++)
        if (lab_save_state(engine->lab, node, folder, &engine->record->problem) != 0)
            break;
    free(folder);
}

void engine_end(struct engine *engine)
{
    struct record *record = engine->record;
    bool well = !record->problem.text[0];
    screen_begin(engine->screen, "stop the programs");
    if (engine->supervisor) {
        if (!engine->stateless)
            save_state(engine);
        (void)supervisor_pass(engine->supervisor, 0, &record->problem);
        while (engine->order_count > 0) {
            size_t program = engine->order[--engine->order_count];
            engine->stopping[program] = true;
            (void)process_stop(engine->processes[program], GRACE, NULL, &record->problem);
        }
        supervisor_stop(engine->supervisor, GRACE);
        (void)supervisor_check_logs(engine->supervisor, &record->problem);
    }
    if (engine->capture) {
        (void)capture_stop(engine->capture, &record->capture, &record->problem);
        screen_end(engine->screen, well && record->problem.text[0] ? SCREEN_BAD : SCREEN_GOOD,
                   well ? record->problem.text : "");
    }
    supervisor_destroy(engine->supervisor);
    lab_destroy(engine->lab);
    record->over = true;
}
