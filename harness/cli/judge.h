/* The verdict on a run, from its packets.
 *
 * The scenario's expectations decide. Findings of the rules are listed with whom they accuse; one that
 * breaks a MUST fails the run only if it accuses our own peer `reference`, and the scenario doesn't
 * accept it, since a scenario asks what can be reached, and whether a stranger's implementation keeps the RFC is asked by `pinhole test` and
 * `pinhole check`. A step that waited in vain fails the run as well: what came later was not tried. So does a
 * program that crashed, be it while it was being stopped, unless its peer file says that it is known to.
 *
 * Where the kernel dropped packets of the capture, or the lab broke down on its way, what is missing
 * proves nothing: expectations that rest on it are inconclusive, and the run is an error of the
 * harness.
 */
#ifndef PINHOLE_CLI_JUDGE_H
#define PINHOLE_CLI_JUDGE_H

#include "base/error.h"
#include "check/check.h"
#include "check/verdict.h"
#include "cli/engine.h"
#include "cli/scenario.h"
#include "cli/verbs.h"

#include <stddef.h>

struct judgement {
    enum verdict verdict; /* of the run */
    struct judged_expectation {
        enum verdict verdict;
        struct expect_verdict seen; /* empty for one that was skipped */
    } * expectations;               /* one for each of the scenario's */
    struct check_result check;
    size_t *accused; /* one for each finding: the program at its packet's source, or (size_t)-1 */
    struct error problem; /* why the verdict is VERDICT_ERROR */
};

/* Judges the capture of a run. Never fails: what can't be judged is VERDICT_ERROR. */
void judge_run(const struct scenario *scenario, const struct record *record, const char *capture,
               struct judgement *out);
/* Findings name frames; who sent them stands in the capture: for each finding the program at its packet's
 * source, or (size_t)-1. For free(). */
size_t *judge_accuse(const struct scenario *scenario, const char *capture,
                     const struct check_result *check);
void judgement_free(struct judgement *judgement);

/* What `pinhole run` returns for a verdict. */
enum exit_code judgement_exit(const struct judgement *judgement);

#endif
