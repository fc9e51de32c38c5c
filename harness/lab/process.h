/* Programs that run in a lab's nodes, and waiting for what they do.
 *
 * One supervisor a sandbox, in PID 1: it reaps every child (orphans too), writes each program's output
 * to its log, and waits for a state: a port bound, a line printed, an end. Never a sleep.
 *
 * Nothing happens behind the caller's back: output is read, ends are noticed and the watch is called
 * only inside process_await_*, process_stop, supervisor_pass and supervisor_stop. A caller that is
 * busy elsewhere for long lets programs wait for room in their pipe (1 MiB).
 *
 * A program that goes to the background (its first process ends with status 0 and leaves a child) is
 * followed: the child is the program from then on.
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
    const char *name;         /* for messages */
    char *const *argv;        /* argv[0] is a path */
    char *const *environment; /* whole environment of the program, NULL at the end */
    /* stdout and stderr, line by line. In front of each line stand the UTC time (so that it can be laid
     * beside a capture) and one mark: ' ' a line of the program, '+' the rest of a line that is longer
     * than a log line, '*' a note of the supervisor. Octets that are no printable ASCII stand as \xNN. */
    const char *log_path; /* emptied, but for the log of an earlier program of this supervisor */
    uint64_t log_limit; /* octets of output kept; 0: 16 MiB. The log itself says where it was cut */
};

/* Called as things happen, for a live display; either may be NULL. */
struct supervisor_watch {
    void (*line)(void *context, const struct process *process, const char *text);
    void (*ended)(void *context, const struct process *process, int status);
    void *context;
};

/* Fails outside of PID 1. lab must outlive the supervisor. */
struct supervisor *supervisor_create(const struct lab *lab, struct error *error);
/* Kills and reaps all that is left in the sandbox. Frees the supervisor and its processes. */
void supervisor_destroy(struct supervisor *supervisor);
void supervisor_set_watch(struct supervisor *supervisor, const struct supervisor_watch *watch);
/* Lets time pass (a wait that the scenario states) while programs are being looked after. */
int supervisor_pass(struct supervisor *supervisor, int milliseconds, struct error *error);
/* Ends every program: TERM to all at once, KILL to those alive after grace milliseconds. */
void supervisor_stop(struct supervisor *supervisor, int grace);
/* 0 if no line of any program was lost; -1 and which log was cut or could not be written. */
int supervisor_check_logs(const struct supervisor *supervisor, struct error *error);

/* Returns once the program was executed in its node. The process belongs to the supervisor. Its
 * process group and session are its own, its standard input is /dev/null, /sys is its node's. */
struct process *process_start(struct supervisor *supervisor, const struct process_options *options,
                              struct error *error);
const char *process_name(const struct process *process);
/* The last line printed, as in the log; empty if there is none. */
const char *process_last_line(const struct process *process);
/* Signals the program's first process only, as its own init would. */
int process_signal(struct process *process, int signal_number, struct error *error);
/* TERM to the program and all its offspring, KILL to what is alive after grace milliseconds. Fine on
 * a program that ended. *status (may be NULL) as waitpid gives it. */
int process_stop(struct process *process, int grace, int *status, struct error *error);
/* True once it ended; *status (may be NULL) as waitpid gives it. */
bool process_ended(const struct process *process, int *status);
/* The signal by which it ended by its own doing (SEGV, ABRT, ...): one that it was not sent from here. 0 if it
 * runs, or ended otherwise. */
int process_fault(const struct process *process);

/* Each waits at most milliseconds for its state and returns 0; or -1 with an error that says what was
 * awaited and what happened instead (the program ended, with its last line; or time ran out). */

/* A UDP socket bound to port, on whatever address of either family, in the program's node. */
int process_await_udp_port(struct process *process, uint16_t port, int milliseconds,
                           struct error *error);
/* A TCP socket listening on port, likewise. */
int process_await_tcp_port(struct process *process, uint16_t port, int milliseconds,
                           struct error *error);
/* pattern is a POSIX extended regular expression, looked for in each line from the program's start
 * (and not in those of an earlier program of the same log). */
int process_await_line(struct process *process, const char *pattern, int milliseconds,
                       struct error *error);
/* So many of them. */
int process_await_lines(struct process *process, const char *pattern, uint32_t times,
                        int milliseconds, struct error *error);
/* A file, folder or socket of that path. */
int process_await_file(struct process *process, const char *path, int milliseconds,
                       struct error *error);
/* status may be NULL. */
int process_await_end(struct process *process, int milliseconds, int *status, struct error *error);

#endif
