/* The arguments of `pinhole test`. */
#ifndef PINHOLE_CLI_TEST_OPTIONS_H
#define PINHOLE_CLI_TEST_OPTIONS_H

#include "cli/test_plan.h"

#define TEST_OUTPUT_USAGE "[--json FILE] [--junit FILE] [--tap] [--expect FILE] [--quiet]"
#define TEST_USAGE                                                                                 \
    "PEER [--role ROLE] [--filter GLOB,...] [--judging ID,...] [--shard I/N] [--quick] "           \
    "[--real-time] [--jobs N] [--defect NAME] [--out DIR] [--seed N] " TEST_OUTPUT_USAGE
#define MERGE_USAGE "REPORT... " TEST_OUTPUT_USAGE

/* 0; or -1 and an error. Texts belong to argv; out->outputs.expect to the caller, in any case. */
int test_options_read(int argc, char **argv, struct test_options *out, struct error *error);
/* The arguments of `pinhole merge`: where the reports begin in argv; or -1 and an error. out->expect likewise. */
int merge_options_read(int argc, char **argv, struct test_outputs *out, struct error *error);
/* The folder of results: --out, or a new one in runs/. For free(). */
char *test_options_folder(const struct test_options *options, const char *role);

#endif
