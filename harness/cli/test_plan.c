#include "cli/test_plan.h"

#include "cli/memory.h"
#include "cli/root.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORT = 4,  /* s; what waits longer is not slowed down */
    QUICK = 10, /* s; --quick leaves out what waits longer */
    LONG = 900  /* s; what waits longer is for --real-time */
};

size_t test_plan_peer(const struct scenario *scenario)
{
    return scenario_find_program(scenario, "peer");
}

/* The peer in the lab of a role. */
static struct scenario *load(struct test_plan *plan, enum case_role role, struct error *error)
{
    char *file = memory_print("scenarios/suite/%s.yaml", case_role_name(role));
    char *peer = memory_print("peer=%s", plan->options->peer);
    struct scenario *scenario = NULL;
    const char *const peers[] = {peer};
    const struct scenario_options options = {
        .file = plan->suite, .peers = peers, .peer_count = 1, .seed = plan->options->seed};
    if (root_find(file, plan->suite, sizeof plan->suite, error) == 0)
        scenario = scenario_load(&options, error);
    free(peer);
    free(file);
    plan->role = role;
    return scenario;
}

static int choose_role(struct test_plan *plan, struct error *error)
{
    enum case_role role = CASE_GATEWAY;
    if (plan->options->role && !case_role_find(plan->options->role, &role))
        return error_set(error, "--role %s: expected gateway, device or proxy",
                         plan->options->role);
    if (plan->options->role) {
        plan->scenario = load(plan, role, error);
        return plan->scenario ? 0 : -1;
    }
    /* The first error tells most: it lists the gateways that there are. */
    for (; role < CASE_ROLES && !plan->scenario; role++) {
        struct error other = {0};
        plan->scenario = load(plan, role, role == CASE_GATEWAY ? error : &other);
    }
    if (!plan->scenario)
        return -1;
    *error = (struct error){0};
    return 0;
}

/* Why the peer can't be asked this, or NULL. */
static const char *unsupported(const struct test_plan *plan, const struct test_job *job)
{
    const struct peer *peer = plan->scenario->programs[test_plan_peer(plan->scenario)].peer;
    const struct test_case *test_case = job->test_case;
    if (test_case->variant && !job->variant && !(test_case->traits & CASE_ANY_VARIANT))
        return "the peer's file has no such variant";
    if (plan->role == CASE_DEVICE && !(test_case->traits & CASE_NAT_PMP) &&
        !peer_speaks(peer, "pcp"))
        return "the peer's file doesn't say that it speaks PCP";
    if (test_case->traits & (CASE_NAT_PMP | CASE_TWO_VERSIONS) && !peer_speaks(peer, "natpmp"))
        return "the peer's file doesn't say that it speaks NAT-PMP";
    return NULL;
}

/* Calls fits(context, element) for each element of a list with commas until one fits. */
static bool any_of(const char *list, bool (*fits)(const void *context, const char *element),
                   const void *context)
{
    char *copy = memory_copy(list);
    char *rest = NULL;
    bool found = false;
    for (char *element = strtok_r(copy, ",", &rest); element && !found;
         element = strtok_r(NULL, ",", &rest))
        found = fits(context, element);
    free(copy);
    return found;
}

static bool matches(const void *id, const char *glob)
{
    return fnmatch(glob, id, 0) == 0;
}

static bool has_requirement(const void *requirements, const char *id)
{
    for (const enum requirement_id *judged = requirements; *judged != REQUIREMENT_COUNT; judged++)
        if (strcmp(requirement_get(*judged)->id, id) == 0)
            return true;
    return false;
}

bool test_plan_wants(const struct test_options *options, const char *id,
                     const enum requirement_id *requirements)
{
    if (!options->filter && !options->judging)
        return true;
    return (options->filter && any_of(options->filter, matches, id)) ||
           (options->judging && any_of(options->judging, has_requirement, requirements));
}

static bool is_no_requirement(const void *unused, const char *id)
{
    (void)unused;
    return !requirement_find(id);
}

/* A name that is misspelt would leave out cases, or have the peer refuse to start. */
static int check_names(const struct test_plan *plan, struct error *error)
{
    const struct test_options *options = plan->options;
    if (options->judging && any_of(options->judging, is_no_requirement, NULL))
        return error_set(
            error,
            "--judging %s: expected ids of requirements, as `pinhole list requirements` has them",
            options->judging);
    enum case_role role;
    const struct defect *defect = NULL;
    for (size_t i = 0; options->defect && (defect = defect_get(i, &role)); i++)
        if (strcmp(defect->name, options->defect) == 0)
            break;
    if (options->defect && !defect)
        return error_set(error, "--defect %s: `pinhole list defects` tells those that there are",
                         options->defect);
    return 0;
}

static uint32_t choose_factor(const struct test_options *options, const struct peer *peer,
                              const struct test_case *test_case)
{
    if (options->real_time || test_case->traits & CASE_REAL_TIME)
        return 1;
    if (test_case->factor <= peer->time_factor)
        return peer->time_factor;
    return test_case->factor < peer->most_factor ? test_case->factor : peer->most_factor;
}

static void add_job(struct test_plan *plan, const struct test_case *test_case, bool ipv6)
{
    const struct test_options *options = plan->options;
    const struct peer *peer = plan->scenario->programs[test_plan_peer(plan->scenario)].peer;
    struct test_job job = {.test_case = test_case, .ipv6 = ipv6};
    if (test_case->variant && !peer->variant && peer_has_variant(peer, test_case->variant))
        job.variant = test_case->variant;
    job.factor = choose_factor(options, peer, test_case);
    job.seconds = (double)test_case->seconds / job.factor;
    (void)snprintf(job.id, sizeof job.id, "%s%s", test_case->id,
                   ipv6 && test_case->traits & CASE_BOTH ? ".ipv6" : "");
    if (!test_plan_wants(options, job.id, test_case->requirements))
        return;
    job.left = unsupported(plan, &job);
    if (!job.left && options->quick && job.seconds > QUICK)
        job.left = "--quick leaves out what takes over 10 s";
    if (!job.left && !options->real_time && job.seconds > LONG)
        job.left = "--real-time alone waits over 15 min, the time of this peer being what it is";
    plan->jobs = memory_grow(plan->jobs, plan->job_count + 1, sizeof *plan->jobs);
    plan->jobs[plan->job_count++] = job;
}

static int by_wait(const void *a, const void *b)
{
    const struct test_job *x = a;
    const struct test_job *y = b;
    if (x->seconds != y->seconds)
        return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->id, y->id);
}

/* Every shards-th job, in an order that is the same on every machine. */
static void keep_shard(struct test_plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->job_count; i++)
        if (i % plan->options->shards == plan->options->shard - 1)
            plan->jobs[kept++] = plan->jobs[i];
    plan->job_count = kept;
}

int test_plan_make(struct test_plan *plan, const struct test_options *options, struct error *error)
{
    *plan = (struct test_plan){.options = options};
    if (choose_role(plan, error) != 0 || check_names(plan, error) != 0)
        return -1;
    enum case_role role;
    const struct test_case *test_case;
    for (size_t i = 0; (test_case = case_get(i, &role)); i++) {
        if (role != plan->role)
            continue;
        if (!(test_case->traits & CASE_IPV6))
            add_job(plan, test_case, false);
        if (test_case->traits & (CASE_IPV6 | CASE_BOTH))
            add_job(plan, test_case, true);
    }
    if (plan->job_count)
        qsort(plan->jobs, plan->job_count, sizeof *plan->jobs, by_wait);
    if (options->shards)
        keep_shard(plan);
    return 0;
}

void test_plan_slow_down(const struct test_plan *plan, struct test_job *job)
{
    const struct peer *peer = plan->scenario->programs[test_plan_peer(plan->scenario)].peer;
    if (!peer->any_factor || job->factor < 2 || job->seconds > SHORT)
        return;
    uint32_t slower = job->factor / 2;
    job->seconds *= (double)job->factor / slower;
    job->factor = slower;
}

bool test_plan_is_first(const struct test_plan *plan, const struct test_job *job)
{
    size_t first = 0;
    while (first < plan->job_count && plan->jobs[first].left)
        first++;
    return first < plan->job_count && strcmp(plan->jobs[first].id, job->id) == 0;
}

void test_plan_free(struct test_plan *plan)
{
    scenario_free(plan->scenario);
    free(plan->jobs);
}
