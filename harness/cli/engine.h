/* The steps of a scenario, carried out inside the sandbox.
 *
 * The engine is PID 1 of a process tree that may be killed at any moment, so it keeps its record in
 * memory shared with the process outside: whatever ends it, what was reached stands there.
 */
#ifndef PINHOLE_CLI_ENGINE_H
#define PINHOLE_CLI_ENGINE_H

#include "cli/mapping.h"
#include "cli/scenario.h"
#include "cli/screen.h"
#include "lab/capture.h"
#include "lab/process.h"

#include <stdbool.h>
#include <stddef.h>

enum step_outcome {
    OUTCOME_NOT_REACHED,
    OUTCOME_DONE,
    OUTCOME_SKIPPED,     /* doesn't hold for these peers */
    OUTCOME_MISSED,      /* what was awaited did not come: the peer's matter */
    OUTCOME_UNSUPPORTED, /* a peer said so */
    OUTCOME_FAILED       /* the harness's matter */
};

/* "not reached", "done", ... */
const char *step_outcome_name(enum step_outcome outcome);

enum { VERSION_SIZE = 64, CRASH_SIZE = 240, DETAIL_SIZE = 600 };

struct record {
    bool captured; /* a capture was begun */
    bool over;     /* the engine came to its end by itself */
    struct record_step {
        enum step_outcome outcome;
        double seconds;
        char detail[DETAIL_SIZE]; /* what happened, if not all went well */
    } steps[SCENARIO_STEPS];
    char versions[SCENARIO_PROGRAMS][VERSION_SIZE];
    /* How each program came to a bad end the first time, "died of SIGSEGV while it was being stopped"; empty: it
     * didn't. The peer's matter, and no problem. */
    char crashes[SCENARIO_PROGRAMS][CRASH_SIZE];
    struct capture_counts capture;
    struct error problem; /* of the harness, or of a program that ended on its own; empty: none */
};

/* A lab with its programs, while it is alive. */
struct engine {
    const struct scenario *scenario;
    const char *folder; /* of the run, absolute */
    bool unversioned;   /* programs are not asked for their versions */
    bool stateless;     /* what the nodes hold at the end is not saved */
    struct screen *screen;
    struct record *record;
    struct lab *lab;
    struct supervisor *supervisor;
    struct capture *capture;
    struct process *processes[SCENARIO_PROGRAMS]; /* NULL: not started, or stopped by a step */
    size_t order[SCENARIO_PROGRAMS]; /* programs in the order in which they were started */
    size_t order_count;
    bool stopping[SCENARIO_PROGRAMS];           /* what was started last */
    bool crashed[SCENARIO_PROGRAMS];            /* likewise */
    struct mapping mappings[SCENARIO_PROGRAMS]; /* as awaited last for each program */
};

/* In shared memory; NULL if there is none. */
struct record *record_new(void);
void record_free(struct record *record);
/* Once the lab has ended: makes sure that all of it can be read. A program inside, root there, may have
 * written into PID 1's memory. */
void record_distrust(struct record *record);

/* Reads versions, builds the lab, begins to capture. 0; or -1, and record->problem says why. What was
 * begun is ended by engine_end. */
int engine_begin(struct engine *engine);
/* All steps in order, until one doesn't end well. */
void engine_run_steps(struct engine *engine);
/* Saves what the nodes hold, stops programs (those started last first, so that a device can take leave of
 * its gateway), ends the capture. */
void engine_end(struct engine *engine);

/* One program, as the steps start, stop and restart it. Each returns an outcome and, if that is not
 * OUTCOME_DONE, an error. */
enum step_outcome engine_start(struct engine *engine, size_t program, struct error *error);
enum step_outcome engine_stop(struct engine *engine, size_t program, int signal_number,
                              struct error *error);
/* Runs a command in a node until it ends, its output in logs/NAME.log; *status as waitpid gives it. */
enum step_outcome engine_command(struct engine *engine, size_t node, const char *name,
                                 const char *const *command, int milliseconds, int *status,
                                 struct error *error);

#endif
