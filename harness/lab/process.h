/* Programs that run in a lab's nodes, and waiting for what they do.
 *
 * One supervisor a sandbox, in PID 1: it reaps every child (orphans too), writes each program's output
 * to its log, and waits for a state: a port bound, a line printed, an end. Never a sleep.
 */
#ifndef PINHOLE_LAB_PROCESS_H
#define PINHOLE_LAB_PROCESS_H

#include "base/error.h"
#include "lab/lab.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;
struct process;

struct process_options {
    size_t node;
    const char *name; /* for messages */
    char *const *argv; /* argv[0] is a path */
    char *const *environment;
    const char *log_path; /* stdout and stderr, line by line with a time stamp in front */
};

struct supervisor *supervisor_create(const struct lab *lab, struct error *error);
/* Kills and reaps all that is left. */
void supervisor_destroy(struct supervisor *supervisor);

struct process *process_start(struct supervisor *supervisor, const struct process_options *options,
                              struct error *error);
/* Signals the program. */
int process_signal(struct process *process, int signal_number, struct error *error);
/* True once it ended; *status as waitpid gives it. */
bool process_ended(const struct process *process, int *status);

/* Each waits at most milliseconds for its state and returns 0; or -1 with an error that says what was
 * awaited and what happened instead (the program ended, with its last line; or time ran out). */
int process_await_udp_port(struct process *process, uint16_t port, int milliseconds,
                           struct error *error);
/* pattern is a POSIX extended regular expression, looked for in each line from the program's start. */
int process_await_line(struct process *process, const char *pattern, int milliseconds,
                       struct error *error);
int process_await_end(struct process *process, int milliseconds, int *status, struct error *error);
/* Lets time pass (a wait that the scenario states) while programs are being looked after. */
int supervisor_pass(struct supervisor *supervisor, int milliseconds, struct error *error);

#endif
