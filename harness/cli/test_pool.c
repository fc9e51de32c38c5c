#include "cli/test_pool.h"

#include "check/rule.h"
#include "cli/memory.h"
#include "cli/test_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ASIDE = 192, /* cases that wait, at most, beside those at work */
    YOUNG = 700, /* ms after which a case that waits long has its lab */
    TICK = 50    /* ms */
};

static const double long_wait = 1; /* s, from which on a case is one that waits */

enum job_state { JOB_NEW, JOB_RUNS, JOB_DOUBTFUL, JOB_RUNS_AGAIN, JOB_OVER };

struct worker {
    pid_t process; /* 0: free */
    int output;
    size_t job;
    int64_t begun; /* ms */
    char *text;
    size_t length;
};

struct pool {
    const struct test_plan *plan;
    const char *out;
    test_pool_watch *watch;
    void *context;
    json_t **results;      /* one for each job, NULL until it is over */
    struct test_job *jobs; /* the plan's; slowed down for the second look */
    enum job_state *states;
    struct worker *workers;
    size_t room;
    int gone_by; /* the signal that ended the pool */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    interrupted = signal_number;
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the second look -------------------------------------------------------------------------- */

/* Whether a rule that rests on time found something. */
static bool is_of_time(const char *requirement)
{
    const struct rule_description *rule;
    for (size_t i = 0; (rule = rule_describe(i)); i++)
        for (const enum requirement_id *id = rule->requirements;
             rule->of_time && *id != REQUIREMENT_COUNT; id++)
            if (strcmp(requirement_get(*id)->id, requirement) == 0)
                return true;
    return false;
}

static bool is_good(const json_t *result)
{
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    return strcmp(verdict, verdict_name(VERDICT_PASS)) == 0 ||
           strcmp(verdict, verdict_name(VERDICT_UNSUPPORTED)) == 0; /* the peer's own word */
}

/* Whether a result is only to be believed if it comes again. What a defect breaks is to be broken at once. */
static bool is_doubtful(const struct pool *pool, size_t job)
{
    const json_t *result = pool->results[job];
    size_t i;
    const json_t *finding;
    if (!result || pool->jobs[job].left || pool->plan->options->defect)
        return false;
    json_array_foreach(json_object_get(result, "findings"), i,
                       finding) if (pool->jobs[job].factor > 1 &&
                                    is_of_time(json_string_value(
                                        json_object_get(finding, "requirement")))) return true;
    return !is_good(result);
}

/* Takes a result; of two looks the second counts, whose capture is the one that is left. */
static void settle(struct pool *pool, size_t job, json_t *result)
{
    json_t *first = pool->results[job];
    pool->results[job] = result;
    if (first) {
        const char *version = json_string_value(json_object_get(first, "version"));
        if (version && *version)
            json_object_set(result, "version", json_object_get(first, "version"));
        json_object_set_new(result, "looks", json_integer(2));
        json_decref(first);
    }
    bool again = pool->states[job] == JOB_RUNS && is_doubtful(pool, job);
    pool->states[job] = again ? JOB_DOUBTFUL : JOB_OVER;
    if (again)
        test_plan_slow_down(pool->plan, &pool->jobs[job]);
    else
        pool->watch(pool->context, result);
}

/* --- a worker --------------------------------------------------------------------------------- */

/* In the child: the result goes to output as JSON. */
static _Noreturn void work(const struct pool *pool, const struct test_job *job, int output,
                           pid_t parent)
{
    /* The lab must not outlive the pool, nor the terminal's signals end it before the pool knows. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it had died before that signal was asked for */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    char *folder = memory_print("%s/%s", pool->out, job->id);
    json_t *result = test_run(pool->plan, job, folder);
    int status = json_dumpfd(result, output, JSON_ENSURE_ASCII | JSON_COMPACT);
    json_decref(result);
    free(folder);
    _exit(status == 0 ? 0 : 1);
}

static void begin(struct pool *pool, struct worker *worker, size_t which)
{
    const struct test_job *job = &pool->jobs[which];
    int ends[2];
    *worker = (struct worker){.job = which, .begun = milliseconds(), .output = -1};
    pool->states[which] = pool->states[which] == JOB_NEW ? JOB_RUNS : JOB_RUNS_AGAIN;
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) == 0) {
        worker->process = fork();
        if (worker->process == 0)
            work(pool, job, ends[1], self);
        (void)close(ends[1]);
        worker->output = ends[0];
    }
    if (worker->process > 0)
        return;
    worker->process = 0;
    if (worker->output >= 0)
        (void)close(worker->output);
    settle(pool, worker->job,
           test_run_left(pool->plan, job, VERDICT_ERROR, "no process for it could be made"));
}

static void finish(struct pool *pool, struct worker *worker)
{
    const struct test_job *job = &pool->jobs[worker->job];
    json_error_t error;
    while (waitpid(worker->process, NULL, 0) < 0 && errno == EINTR)
        ;
    json_t *result = json_loadb(worker->text ? worker->text : "", worker->length, 0, &error);
    if (!result)
        result = test_run_left(pool->plan, job, VERDICT_ERROR,
                               interrupted ? "interrupted" : "its process ended without a result");
    settle(pool, worker->job, result);
    (void)close(worker->output);
    free(worker->text);
    *worker = (struct worker){0};
}

/* Reads what there is; at the end of it the worker is done. */
static void listen_to(struct pool *pool, struct worker *worker)
{
    char octets[16384];
    ssize_t got = read(worker->output, octets, sizeof octets);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        finish(pool, worker);
        return;
    }
    worker->text = memory_grow(worker->text, worker->length + (size_t)got, 1);
    memcpy(worker->text + worker->length, octets, (size_t)got);
    worker->length += (size_t)got;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Whether there is a place for another job; *place is it. */
static bool find_place(struct pool *pool, struct worker **place)
{
    unsigned at_work = 0;
    int64_t now = milliseconds();
    *place = NULL;
    for (size_t i = 0; i < pool->room; i++) {
        struct worker *worker = &pool->workers[i];
        if (worker->process == 0)
            *place = *place ? *place : worker;
        else if (pool->jobs[worker->job].seconds < long_wait || now - worker->begun < YOUNG)
            at_work++;
    }
    return *place && at_work < pool->plan->options->jobs;
}

/* Those that are not run have their result at once. */
static void leave_out(struct pool *pool)
{
    for (size_t i = 0; i < pool->plan->job_count; i++) {
        const struct test_job *job = &pool->jobs[i];
        if (!job->left)
            continue;
        bool on_demand = strncmp(job->left, "--", 2) == 0;
        settle(pool, i,
               test_run_left(pool->plan, job, on_demand ? VERDICT_SKIP : VERDICT_UNSUPPORTED,
                             job->left));
    }
}

/* The first job in a state; false if there is none. */
static bool find_job(const struct pool *pool, enum job_state state, size_t *job)
{
    for (*job = 0; *job < pool->plan->job_count; ++*job)
        if (pool->states[*job] == state)
            return true;
    return false;
}

/* Fresh ones first; a second look is for when there are no more. */
static bool begin_all(struct pool *pool)
{
    struct worker *place;
    size_t job;
    while (!interrupted && (find_job(pool, JOB_NEW, &job) || find_job(pool, JOB_DOUBTFUL, &job))) {
        if (!find_place(pool, &place))
            return true;
        begin(pool, place, job);
    }
    return false;
}

/* Waits for workers; false if there are none. */
static bool listen_to_all(struct pool *pool)
{
    struct pollfd *handles = memory_new(pool->room, sizeof *handles);
    size_t *which = memory_new(pool->room, sizeof *which);
    size_t count = 0;
    for (size_t i = 0; i < pool->room; i++) {
        if (pool->workers[i].process == 0)
            continue;
        which[count] = i;
        handles[count++] = (struct pollfd){.fd = pool->workers[i].output, .events = POLLIN};
    }
    int ready = count ? poll(handles, count, TICK) : 0;
    for (size_t i = 0; ready > 0 && i < count; i++)
        if (handles[i].revents)
            listen_to(pool, &pool->workers[which[i]]);
    free(which);
    free(handles);
    return count > 0;
}

/* Their labs end with them. */
static void end_all(struct pool *pool)
{
    for (size_t i = 0; i < pool->room; i++)
        if (pool->workers[i].process > 0)
            (void)kill(pool->workers[i].process, SIGKILL);
}

static void heed(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    struct sigaction present;
    if (sigaction(signal_number, NULL, &present) == 0 && present.sa_handler != SIG_IGN)
        (void)sigaction(signal_number, &action, NULL);
}

static void run_all(struct pool *pool)
{
    bool ended = false;
    bool more;
    do {
        more = begin_all(pool);
        if (interrupted && !ended) {
            end_all(pool);
            ended = true;
        }
    } while (listen_to_all(pool) || more);
}

json_t *test_pool_run(const struct test_plan *plan, const char *out, test_pool_watch *watch,
                      void *context, int *gone_by)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct pool pool = {.plan = plan, .out = out, .watch = watch, .context = context};
    pool.room = plan->options->jobs + ASIDE;
    pool.workers = memory_new(pool.room, sizeof *pool.workers);
    pool.jobs = memory_new(plan->job_count + 1, sizeof *pool.jobs);
    memcpy(pool.jobs, plan->jobs, plan->job_count * sizeof *pool.jobs);
    pool.states = memory_new(plan->job_count + 1, sizeof *pool.states);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is counted. */
    pool.results = memory_new(plan->job_count + 1, sizeof *pool.results);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        heed(signals[i], interrupt);
    leave_out(&pool);
    run_all(&pool);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        heed(signals[i], SIG_DFL);
    json_t *results = json_array();
    for (size_t i = 0; i < plan->job_count; i++) {
        if (!pool.results[i])
            pool.results[i] =
                test_run_left(plan, &plan->jobs[i], VERDICT_ERROR, "interrupted before it began");
        json_array_append_new(results, pool.results[i]);
    }
    free((void *)pool.results);
    free(pool.jobs);
    free(pool.states);
    free(pool.workers);
    *gone_by = interrupted;
    return results;
}
