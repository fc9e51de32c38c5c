/* Failures that are known: `pinhole test --expect FILE`, so that in continuous integration only new ones count.
 *
 *     # what my server doesn't do yet, and why
 *     gateway.11.3.renewal-extends-the-lifetime      # bug 131
 *     rule.6887-8.5-06
 *
 * One id of a case or rule a line, as reports have them.
 */
#ifndef PINHOLE_CLI_TEST_EXPECT_H
#define PINHOLE_CLI_TEST_EXPECT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* The ids of a file, as the keys of an object. NULL and an error that names the line if the file can't be read or a
 * line names no case that there is. */
json_t *test_expect_read(const char *path, struct error *error);
/* Marks the cases of a report: "expectation" becomes "new failure", "known failure" or "unexpected pass"
 * where one of these is so. */
void test_expect_apply(json_t *report, const json_t *ids);

/* Whether a result failed as it was known to. */
bool test_expect_is_known(const json_t *result);

#endif
