/* The log of one program: octets in, lines out.
 *
 * Whatever a program prints, its log is plain ASCII, one line of bounded length at a time, and no
 * longer than its limit; what did not fit is counted and said.
 */
#ifndef PINHOLE_LAB_PROCESS_LOG_H
#define PINHOLE_LAB_PROCESS_LOG_H

#include "base/error.h"

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PROCESS_LOG_LINE = 1024
}; /* octets of a log line's text; a longer line goes on in the next */

struct process_log {
    FILE *file;
    char *path;
    long start;     /* where this program's lines begin in the file */
    uint64_t limit; /* octets of output kept */
    uint64_t kept;
    uint64_t discarded; /* octets past the limit, or that could not be written */
    int problem;        /* errno of the first failed write */
    bool continues;     /* the line being gathered is the rest of a longer one */
    size_t length;
    char line[PROCESS_LOG_LINE + 1]; /* being gathered, escaped */
    char last[PROCESS_LOG_LINE + 1]; /* the last one that was whole */
};

typedef void process_log_line(void *context, const char *text);

/* Creates the file; where it exists, goes on at its end or empties it. */
int process_log_open(struct process_log *log, const char *path, bool append, uint64_t limit,
                     struct error *error);
/* Takes output; calls seen for each line that became whole, in order, also for those not kept. */
void process_log_take(struct process_log *log, const uint8_t *octets, size_t count,
                      process_log_line *seen, void *context);
/* Writes a note of the supervisor, marked as such. Never counted against the limit. */
void process_log_note(struct process_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes a last line of what stands without a newline. */
void process_log_flush(struct process_log *log, process_log_line *seen, void *context);
/* How many of the lines that were kept match. */
uint32_t process_log_count(const struct process_log *log, const regex_t *pattern);
/* Says in the log what was discarded; closes; frees. */
void process_log_close(struct process_log *log);

#endif
