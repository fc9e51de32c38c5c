/* What `pinhole test` is to do: the peer, and the cases that are chosen for it. */
#ifndef PINHOLE_CLI_TEST_PLAN_H
#define PINHOLE_CLI_TEST_PLAN_H

#include "base/error.h"
#include "check/case.h"
#include "cli/scenario.h"
#include "cli/test_output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texts belong to argv. */
struct test_options {
    const char *peer;    /* NAME, NAME:VARIANT or the path of its file */
    const char *role;    /* NULL: the first that the peer is found for */
    const char *filter;  /* a glob over the ids of cases, or several with commas between them */
    const char *judging; /* ids of requirements, with commas between them: cases that judge one */
    const char *defect;
    const char *out;
    struct test_outputs outputs;
    unsigned shard, shards; /* 1..shards; 0 of 0: all */
    unsigned jobs;
    uint64_t seed;
    bool quick, real_time;
};

enum { TEST_ID_SIZE = 160 };

/* One case, over one family. */
struct test_job {
    const struct test_case *test_case;
    char id
        [TEST_ID_SIZE]; /* the case's, with ".ipv6" behind it for the second family of CASE_BOTH */
    bool ipv6;
    uint32_t factor;     /* of the peer's time; 1: as it is */
    const char *variant; /* of the peer; NULL: as it is */
    double seconds;      /* of ours that it will wait, about */
    const char *left;    /* why it is not run, or NULL */
};

struct test_plan {
    const struct test_options *options;
    enum case_role role;
    char suite[4096];          /* the scenario file of the role */
    struct scenario *scenario; /* the peer in it, as it is */
    struct test_job *jobs;     /* those that wait longest first */
    size_t job_count;
};

/* Reads the peer and chooses cases. 0; or -1 and an error. Free in any case. */
int test_plan_make(struct test_plan *plan, const struct test_options *options, struct error *error);
void test_plan_free(struct test_plan *plan);

/* Whether --filter and --judging ask for a case, or "rule.ID", that judges such requirements. */
bool test_plan_wants(const struct test_options *options, const char *id,
                     const enum requirement_id *requirements);

/* Gives a job's peer half as fast a time, if it can be had, is faster than ours, and the job doesn't wait long. */
void test_plan_slow_down(const struct test_plan *plan, struct test_job *job);

/* Whether a job is the first of those that are run: the one that asks the peer for its version. */
bool test_plan_is_first(const struct test_plan *plan, const struct test_job *job);

/* The program under test in a scenario of the suite. */
size_t test_plan_peer(const struct scenario *scenario);

#endif
