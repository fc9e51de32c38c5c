/* Runs the jobs of a plan, each in a process of its own, many side by side.
 *
 * What a case costs is building its lab and ending it; in between it mostly waits. So those that wait longest
 * begin first, and one that only waits leaves its place to another: as many as `jobs` are at work at once.
 *
 * A breach that comes only once may be the machine's: a lab that is not given the processor for a tenth of a
 * second loses six of the peer's, where those run sixty times as fast. So what is not good is looked at a second
 * time once all others have begun, when fewer go side by side, and the peer's time half as fast where that makes nobody
 * wait long; that look counts.
 */
#ifndef PINHOLE_CLI_TEST_POOL_H
#define PINHOLE_CLI_TEST_POOL_H

#include "cli/test_plan.h"

#include <jansson.h>

/* Told each result once it is settled; the result stays the pool's. */
typedef void test_pool_watch(void *context, const json_t *result);

/* Results in the order of the plan's jobs, in folders OUT/ID. After a signal, those that had not ended are
 * errors that say so, and *interrupted is that signal. */
json_t *test_pool_run(const struct test_plan *plan, const char *out, test_pool_watch *watch,
                      void *context, int *interrupted);

#endif
