/* What `pinhole test` came to: the contract's JSON, and what is shown meanwhile. */
#ifndef PINHOLE_CLI_TEST_REPORT_H
#define PINHOLE_CLI_TEST_REPORT_H

#include "cli/screen.h"
#include "cli/test_plan.h"
#include "cli/verbs.h"

#include <jansson.h>

/* The whole report, of results as the pool gives them, which it takes over. What the rules found in all
 * captures becomes elements "rule.ID" of its cases, one for each requirement of the role that rules judge
 * (where a filter asks for cases alone: for each that is broken). */
json_t *test_report_make(const struct test_plan *plan, json_t *results, double seconds);

/* Puts a report's cases in order and sums them up, when all are there. */
void test_report_close(json_t *report);

/* 1 if anything failed that was not known to; 2 if the harness did; 4 if nothing was judged; else 0. */
enum exit_code test_report_exit(const json_t *report);

/* A text of a result; "" if it has none of that name. */
const char *test_report_text(const json_t *object, const char *key);
/* One result, as it comes: a line for what isn't as it should be, all of them if the screen isn't quiet. */
void test_report_show(struct screen *screen, const json_t *result);
/* What fell short, in full, and the summary. */
void test_report_tell(struct screen *screen, const json_t *report);

#endif
