/* A report of the suite in the forms that others read: the contract's JSON, JUnit XML and TAP. */
#ifndef PINHOLE_CLI_TEST_OUTPUT_H
#define PINHOLE_CLI_TEST_OUTPUT_H

#include "cli/verbs.h"

#include <jansson.h>
#include <stdbool.h>

/* What `pinhole test` and `pinhole merge` are asked for. Paths may be "-": standard output. */
struct test_outputs {
    const char *json, *junit; /* NULL: not wanted */
    json_t *expect;           /* known failures: test_expect.h; NULL: nothing is known of any */
    bool tap;                 /* TAP version 14 on standard output, and nothing else there */
    bool quiet;               /* nothing for people */
};

/* Marks what was expected, shows the report to people, and writes the forms that are wanted. Gives the exit code
 * of the verb; what can't be read or written is said on standard error and makes it EXIT_HARNESS. */
enum exit_code test_output_all(json_t *report, const struct test_outputs *outputs,
                               const char *verb);
/* Writes the contract's JSON; false, said on standard error, if that can't be. */
bool test_output_json(const json_t *report, const char *path, const char *verb);

#endif
