/* The arguments of `pinhole run` and `pinhole up`. */
#ifndef PINHOLE_CLI_RUN_OPTIONS_H
#define PINHOLE_CLI_RUN_OPTIONS_H

#include "base/error.h"
#include "cli/scenario.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_options {
    struct scenario_options scenario;
    const char **peers; /* what scenario.peers points to */
    const char *out;    /* NULL: a new folder in runs/ */
    bool quiet;
};

#define RUN_OPTIONS_USAGE                                                                          \
    "SCENARIO [--variant NAME] [--peer ROLE=NAME]... [--out DIR] [--seed N] [--quiet]"

/* A seed that isn't given is drawn. 0; or -1 and an error. Free in any case; texts belong to argv. */
int run_options_read(int argc, char **argv, struct run_options *out, struct error *error);
void run_options_free(struct run_options *options);

/* Reads a seed. JSON's readers keep integers exactly up to 2^53 only; 32 bits are seeds enough. */
int run_options_seed(const char *text, uint64_t *seed, struct error *error);

/* The folder of results: --out, or runs/NAME-TIME. For free(). */
char *run_options_folder(const struct run_options *options, const char *name);
/* The command that repeats the run, as a shell takes it. For free(). */
char *run_options_command(const struct run_options *options);

#endif
