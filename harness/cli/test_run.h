/* One case: a lab of its own, the script in its PID 1, then the capture is judged by the rules as well.
 *
 * Runs in a process of its own, which the pool forks: so cases run side by side, and one that goes wrong
 * takes nothing with it.
 */
#ifndef PINHOLE_CLI_TEST_RUN_H
#define PINHOLE_CLI_TEST_RUN_H

#include "check/verdict.h"
#include "cli/test_plan.h"

#include <jansson.h>

/* Runs job in a new folder. The result is an element of the contract's "cases" and, behind its back, in
 * "findings" what the rules say of the peer in its capture: [{requirement, level, frame, text}], and in
 * "version" what the peer says it is. Never NULL. */
json_t *test_run(const struct test_plan *plan, const struct test_job *job, const char *folder);
/* The result of a job that is not run. */
json_t *test_run_left(const struct test_plan *plan, const struct test_job *job,
                      enum verdict verdict, const char *why);

#endif
