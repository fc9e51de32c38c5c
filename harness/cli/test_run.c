/* The stage stands in memory shared with the process outside, like a run's record: what was reached is there
 * whatever ends the lab. */
#include "cli/test_run.h"

#include "check/check.h"
#include "check/stage.h"
#include "cli/engine.h"
#include "cli/folder.h"
#include "cli/judge.h"
#include "cli/memory.h"
#include "cli/programs.h"
#include "cli/test_world.h"
#include "lab/sandbox.h"
#include "measure/json_file.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 16, PATIENCE = 60 /* s, beyond what a case says that it waits */ };

struct test_stage {
    struct engine *engine;
    struct stage *stage; /* shared */
    size_t peer;
    unsigned seconds; /* of ours, for the script */
};

/* --- inside the sandbox ----------------------------------------------------------------------- */

static void end(struct stage *stage, enum verdict verdict, const char *expected, const char *actual)
{
    stage->verdict = verdict;
    (void)snprintf(stage->expected, sizeof stage->expected, "%s", expected);
    (void)snprintf(stage->actual, sizeof stage->actual, "%s", actual);
}

/* True if how the peer died is told already. */
static bool play(const struct test_stage *test, struct test_world *world)
{
    struct stage *stage = test->stage;
    struct error error = {0};
    char died[400];
    bool told = false;
    test_world_open(world, test->engine, test->peer);
    stage->operations = &test_world_operations;
    stage->world = world;
    stage->deadline = stage_now(stage) + test->seconds * SECOND;
    if (stage->test_case->traits & CASE_UNSTARTED || test_world_operations.start(world, &error))
        stage_play(stage);
    else if (test->engine->processes[test->peer])
        end(stage, VERDICT_FAIL, "the peer becomes ready", error.text);
    else /* it can't be run at all, as its file says it could */
        end(stage, VERDICT_ERROR, "", error.text);
    if (world->unsupported)
        end(stage, VERDICT_UNSUPPORTED, "", "the peer ended with the status that says so");
    else if (stage->verdict != VERDICT_ERROR && test_world_peer_died(world, died, sizeof died)) {
        end(stage, VERDICT_FAIL, "the peer goes on running", died);
        told = true;
    }
    test_world_close(world);
    return told;
}

/* A crash that the case doesn't rest on, be it once the case was over, fails it all the same; what else it failed by
 * stays told. */
static void judge_crash(const struct test_stage *test)
{
    struct stage *stage = test->stage;
    const char *crash = test->engine->record->crashes[test->peer];
    if (!crash[0] || test->engine->scenario->programs[test->peer].peer->crashes ||
        stage->verdict == VERDICT_ERROR)
        return;
    char actual[sizeof stage->actual];
    if (stage->verdict == VERDICT_FAIL) {
        const int room = (int)sizeof actual - CRASH_SIZE - (int)sizeof "; the peer ";
        (void)snprintf(actual, sizeof actual, "%.*s; the peer %s", room, stage->actual, crash);
        (void)snprintf(stage->actual, sizeof stage->actual, "%s", actual);
        return;
    }
    (void)snprintf(actual, sizeof actual, "the peer %s", crash);
    end(stage, VERDICT_FAIL, "the peer doesn't crash", actual);
}

static int live(void *argument)
{
    static struct test_world world;
    struct test_stage *test = argument;
    bool told = engine_begin(test->engine) == 0 && play(test, &world);
    /* What the nodes hold explains a failure; to list it takes longer than most cases. */
    test->engine->stateless = test->stage->verdict == VERDICT_PASS;
    engine_end(test->engine);
    if (!told)
        judge_crash(test);
    return test->engine->record->problem.text[0] ? EXIT_HARNESS : EXIT_GOOD;
}

/* --- outside ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t too_long;

static void end_lab(int signal_number)
{
    (void)signal_number;
    too_long = 1;
    /* NOLINTNEXTLINE(bugprone-signal-handler): made for them. */
    sandbox_end();
}

/* Seconds of ours that a case may take, the lab's beginning and end included. */
static unsigned limit_of(const struct test_job *job)
{
    return PATIENCE + (unsigned)(3 * job->seconds);
}

/* Runs the lab. What went wrong with the harness stands in record. */
static void run_lab(const struct scenario *scenario, const char *folder, struct stage *stage,
                    struct record *record, const struct test_plan *plan, const struct test_job *job)
{
    struct screen screen;
    struct error error = {0};
    screen_init(&screen, true);
    struct engine engine = {.scenario = scenario,
                            .folder = folder,
                            .screen = &screen,
                            .record = record,
                            .unversioned = !test_plan_is_first(plan, job)};
    struct test_stage test = {&engine, stage, test_plan_peer(scenario), limit_of(job) * 3 / 4};
    char **needed = programs_list_files(scenario);
    const struct sandbox sandbox = {.writable = folder, .needed = (const char *const *)needed};
    unsigned limit = limit_of(job);
    (void)signal(SIGALRM, end_lab);
    (void)alarm(limit);
    int status = sandbox_run(&sandbox, live, &test, &error);
    (void)alarm(0);
    programs_forget_files(needed);
    record_distrust(record);
    if (too_long)
        (void)error_set(&record->problem, "the case was not over after %u s", limit);
    else if (status < 0)
        (void)error_set(&record->problem, "%s", error.text);
    else if (!record->over)
        (void)error_set(&record->problem, "the lab ended before the case did, with status %d",
                        status);
}

/* A program inside, root there, may have written into PID 1's memory. */
static void distrust(struct stage *stage, const struct test_case *test_case)
{
    if ((unsigned)stage->verdict >= VERDICT_COUNT)
        stage->verdict = VERDICT_ERROR;
    if ((unsigned)stage->requirement >= REQUIREMENT_COUNT)
        stage->requirement = test_case->requirements[0];
    stage->expected[sizeof stage->expected - 1] = '\0';
    stage->actual[sizeof stage->actual - 1] = '\0';
}

/* Where the datagrams that the verdict rests on stand in the capture, each where it was seen first. */
static json_t *find_frames(const struct stage *stage, const char *capture)
{
    json_t *frames = json_array();
    size_t count = stage->evidence_count < STAGE_EVIDENCE ? stage->evidence_count : STAGE_EVIDENCE;
    bool found[STAGE_EVIDENCE] = {false};
    struct error ignored = {0}; /* that the file can't be read is told by those who judge it */
    struct event_source *source = count ? event_open(capture, &ignored) : NULL;
    struct event event;
    while (source && event_next(source, &event, &ignored) == 1) {
        const struct packet *packet = &event.packet;
        if (packet->protocol != IPPROTO_UDP || !packet->payload)
            continue;
        uint64_t hash = stage_hash(packet->payload, packet->payload_length);
        for (size_t i = 0; i < count; i++) {
            const struct evidence *evidence = &stage->evidence[i];
            int64_t apart = evidence->time - event.time;
            if (found[i] || evidence->hash != hash || evidence->length != packet->payload_length ||
                apart > SECOND || apart < -SECOND)
                continue;
            found[i] = true;
            json_array_append_new(frames, json_integer((json_int_t)event.frame));
            break;
        }
    }
    event_close(source);
    return frames;
}

static json_t *describe_requirements(const enum requirement_id *list)
{
    json_t *ids = json_array();
    for (; *list != REQUIREMENT_COUNT; list++)
        json_array_append_new(ids, json_string(requirement_get(*list)->id));
    return ids;
}

/* The command that repeats it. */
static char *rerun(const struct test_plan *plan, const struct test_job *job)
{
    const struct test_options *options = plan->options;
    return memory_print("%s test %s --role %s --filter %s --seed %" PRIu64 "%s%s%s",
                        program_invocation_name, options->peer, case_role_name(plan->role), job->id,
                        options->seed, options->real_time ? " --real-time" : "",
                        options->defect ? " --defect " : "",
                        options->defect ? options->defect : "");
}

static json_t *result(const struct test_plan *plan, const struct test_job *job,
                      const struct stage *stage, json_t *frames, const char *capture)
{
    const struct requirement *broken = requirement_get(stage->requirement);
    char *again = rerun(plan, job);
    json_t *object = json_pack(
        "{s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:o?,s:o,s:o}", "id", job->id, "sentence",
        job->test_case->sentence, "requirements",
        describe_requirements(job->test_case->requirements), "requirement", broken->id, "section",
        broken->section, "level", requirement_level_name(broken->level), "verdict",
        verdict_name(stage->verdict), "expected", json_file_text(stage->expected), "actual",
        json_file_text(stage->actual), "capture", capture ? json_file_text(capture) : NULL,
        "frames", frames, "rerun", json_file_text(again));
    if (job->test_case->traits & CASE_NONCE)
        json_object_set_new(object, "class", json_string("nonce check"));
    free(again);
    return object;
}

json_t *test_run_left(const struct test_plan *plan, const struct test_job *job,
                      enum verdict verdict, const char *why)
{
    struct stage stage = {.verdict = verdict, .requirement = job->test_case->requirements[0]};
    (void)snprintf(stage.actual, sizeof stage.actual, "%s%s%s", why,
                   job->test_case->variant ? ": " : "",
                   job->test_case->variant ? job->test_case->variant : "");
    return result(plan, job, &stage, json_array(), NULL);
}

/* What the rules say of the peer. */
static json_t *judge_capture(const struct scenario *scenario, const char *capture, double scale,
                             struct record *record)
{
    json_t *findings = json_array();
    const struct check_options options = {.rules.time_scale = scale};
    struct check_result check;
    if (check_capture(capture, &options, &check, &record->problem) != 0) {
        check_result_free(&check);
        return findings;
    }
    size_t *accused = judge_accuse(scenario, capture, &check);
    for (size_t i = 0; i < check.finding_count; i++) {
        const struct finding *finding = &check.findings[i];
        if (accused[i] == test_plan_peer(scenario))
            json_array_append_new(findings,
                                  json_pack("{s:s,s:s,s:I,s:s}", "requirement",
                                            requirement_get(finding->requirement)->id, "level",
                                            finding_level_name(finding->level), "frame",
                                            (json_int_t)finding->frame, "text", finding->text));
    }
    free(accused);
    check_result_free(&check);
    return findings;
}

static json_t *run_in(const struct test_plan *plan, const struct test_job *job,
                      const struct scenario *scenario, const char *folder)
{
    struct record *record = record_new();
    struct stage *stage =
        mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!record || stage == MAP_FAILED)
        return test_run_left(plan, job, VERDICT_ERROR, "no shared memory");
    *stage = (struct stage){.test_case = job->test_case,
                            .ipv6 = job->ipv6,
                            .scale = job->factor,
                            .requirement = job->test_case->requirements[0],
                            .seed = plan->options->seed ^
                                    stage_hash((const uint8_t *)job->id, strlen(job->id))};
    double scale = stage->scale;
    run_lab(scenario, folder, stage, record, plan, job);
    distrust(stage, job->test_case);
    json_t *findings = NULL;
    json_t *frames = NULL;
    char *capture = memory_print("%s/lab.pcapng", folder);
    if (folder_take_back(folder, &record->problem) == 0 && record->captured) {
        findings = judge_capture(scenario, capture, scale, record);
        frames = find_frames(stage, capture);
    }
    if (record->capture.dropped > 0)
        (void)error_set(&record->problem, "the kernel dropped %" PRIu64 " packets of the capture",
                        record->capture.dropped);
    if (record->problem.text[0]) {
        stage->verdict = VERDICT_ERROR;
        (void)snprintf(stage->actual, sizeof stage->actual, "%s", record->problem.text);
    }
    json_t *object = result(plan, job, stage, frames ? frames : json_array(), capture);
    json_object_set_new(object, "findings", findings ? findings : json_array());
    json_object_set_new(object, "version",
                        json_file_text(record->versions[test_plan_peer(scenario)]));
    free(capture);
    (void)munmap(stage, sizeof *stage);
    record_free(record);
    return object;
}

json_t *test_run(const struct test_plan *plan, const struct test_job *job, const char *out)
{
    struct timespec begun;
    struct timespec ended;
    struct error error = {0};
    clock_gettime(CLOCK_MONOTONIC, &begun);
    const char *variant = job->variant;
    char *peer = memory_print("peer=%s%s%s", plan->options->peer, variant ? ":" : "",
                              variant ? variant : "");
    const char *const peers[] = {peer};
    const struct scenario_options options = {.file = plan->suite,
                                             .peers = peers,
                                             .peer_count = 1,
                                             .seed = plan->options->seed,
                                             .factor = job->factor,
                                             .defect = plan->options->defect};
    struct scenario *scenario = scenario_load(&options, &error);
    /* Most cases need no third one in the home, and two can do without a bridge: half of a lab's cost. */
    if (scenario && !(job->test_case->traits & CASE_NEIGHBOURS))
        scenario_leave_out(scenario, "other");
    char *folder = scenario ? folder_make(out, &error) : NULL;
    json_t *object = folder ? run_in(plan, job, scenario, folder)
                            : test_run_left(plan, job, VERDICT_ERROR, error.text);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    json_object_set_new(object, "seconds",
                        json_real((double)(ended.tv_sec - begun.tv_sec) +
                                  (double)(ended.tv_nsec - begun.tv_nsec) / 1e9));
    free(folder);
    scenario_free(scenario);
    free(peer);
    return object;
}
