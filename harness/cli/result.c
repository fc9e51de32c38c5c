#include "cli/result.h"

#include "cli/memory.h"
#include "measure/json_file.h"
#include "measure/messages.h"
#include "measure/traffic.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *peers_json(const struct result *result)
{
    json_t *peers = json_object();
    for (size_t i = 0; i < result->scenario->program_count; i++) {
        const struct scenario_program *program = &result->scenario->programs[i];
        const char *version = result->record->versions[i];
        char *name = memory_print("%s%s%s", program->peer->name, program->peer->variant ? ":" : "",
                                  program->peer->variant ? program->peer->variant : "");
        (void)json_object_set_new(peers, program->name,
                                  json_pack("{s:s, s:s, s:s?}", "name", name, "role", program->role,
                                            "version", *version ? version : NULL));
        free(name);
    }
    return peers;
}

static json_t *steps_json(const struct result *result)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < result->scenario->step_count; i++) {
        const struct record_step *step = &result->record->steps[i];
        json_t *object =
            json_pack("{s:s, s:f, s:s}", "step", result->scenario->steps[i].text, "seconds",
                      step->seconds, "outcome", step_outcome_name(step->outcome));
        if (step->detail[0])
            (void)json_object_set_new(object, "detail", json_string(step->detail));
        (void)json_array_append_new(steps, object);
    }
    return steps;
}

static json_t *expectations_json(const struct result *result)
{
    json_t *expectations = json_array();
    for (size_t i = 0; i < result->scenario->expectation_count; i++) {
        const struct scenario_expectation *asked = &result->scenario->expectations[i];
        const struct judged_expectation *judged = &result->judgement->expectations[i];
        json_t *frames = json_array();
        for (size_t f = 0; f < judged->seen.frame_count; f++)
            (void)json_array_append_new(frames, json_integer((json_int_t)judged->seen.frames[f]));
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", asked->expectation.name, "verdict",
                      verdict_name(judged->verdict), "expected", judged->seen.expected, "actual",
                      asked->skipped[0] ? asked->skipped : judged->seen.actual, "frames", frames);
        if (asked->text)
            (void)json_object_set_new(object, "text", json_string(asked->text));
        (void)json_array_append_new(expectations, object);
    }
    return expectations;
}

static json_t *findings_json(const struct result *result)
{
    const struct check_result *check = &result->judgement->check;
    json_t *findings = json_array();
    for (size_t i = 0; i < check->finding_count; i++) {
        const struct finding *finding = &check->findings[i];
        const struct requirement *requirement = requirement_get(finding->requirement);
        size_t program = result->judgement->accused[i];
        json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "requirement", requirement->id,
                                   "level", requirement_level_name(requirement->level), "verdict",
                                   finding_level_name(finding->level), "capture", "lab.pcapng",
                                   "frame", (json_int_t)finding->frame, "text", finding->text);
        if (program != (size_t)-1)
            (void)json_object_set_new(object, "program",
                                      json_string(result->scenario->programs[program].name));
        const char *why = scenario_accepts(result->scenario, finding->requirement);
        if (why)
            (void)json_object_set_new(object, "accepted", json_string(why));
        (void)json_array_append_new(findings, object);
    }
    return findings;
}

static json_t *crashes_json(const struct result *result)
{
    json_t *crashes = json_array();
    for (size_t i = 0; i < result->scenario->program_count; i++) {
        const struct scenario_program *program = &result->scenario->programs[i];
        if (!result->record->crashes[i][0])
            continue;
        char *log = memory_print("logs/%s.log", program->name);
        (void)json_array_append_new(crashes,
                                    json_pack("{s:s, s:o, s:s, s:s*}", "program", program->name,
                                              "text", json_file_text(result->record->crashes[i]),
                                              "log", log, "accepted", program->peer->crashes));
        free(log);
    }
    return crashes;
}

static int write_json(json_t *object, const char *folder, const char *name, struct error *error)
{
    char *path = memory_print("%s/%s", folder, name);
    int status = json_dump_file(object, path, JSON_INDENT(2));
    if (status != 0) {
        status = error_set_errno(error, errno, "%s could not be written whole", path);
        (void)unlink(path); /* half of it would only mislead */
    }
    json_decref(object);
    free(path);
    return status;
}

static json_t *result_json(const struct result *result)
{
    char started[40];
    struct tm utc;
    (void)gmtime_r(&result->started.tv_sec, &utc);
    (void)strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    const struct capture_counts *counts = &result->record->capture;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:I, s:I}}",
        "scenario", result->scenario->name, "description", result->scenario->description, "verdict",
        verdict_name(result->judgement->verdict), "seed", (json_int_t)result->seed, "command",
        result->command, "started", started, "seconds", result->seconds, "peers",
        peers_json(result), "steps", steps_json(result), "expectations", expectations_json(result),
        "findings", findings_json(result), "crashes", crashes_json(result), "capture", "file",
        "lab.pcapng", "packets", (json_int_t)counts->packets, "dropped",
        (json_int_t)counts->dropped);
    if (result->judgement->verdict == VERDICT_ERROR)
        (void)json_object_set_new(object, "error", json_string(result->judgement->problem.text));
    return object;
}

static int write_measures(const struct result *result, struct error *error)
{
    char *capture = memory_print("%s/lab.pcapng", result->folder);
    char *messages = memory_print("%s/messages.json", result->folder);
    char *traffic_path = memory_print("%s/traffic.json", result->folder);
    struct traffic traffic = {0};
    int status = 0;
    if (messages_write(capture, messages, NULL, error) != 0 ||
        traffic_measure(capture, &traffic, error) != 0 ||
        traffic_write(&traffic, traffic_path, error) != 0)
        status = -1;
    traffic_free(&traffic);
    free(traffic_path);
    free(messages);
    free(capture);
    return status;
}

int result_write(const struct result *result, struct error *error)
{
    int status = result->record->captured ? write_measures(result, error) : 0;
    json_t *object = result_json(result);
    if (!object)
        return error_set(error, "result.json: a text is not UTF-8");
    return write_json(object, result->folder, "result.json", error) != 0 ? -1 : status;
}

/* --- for people ------------------------------------------------------------------------------ */

static enum screen_mark mark_of(enum verdict verdict)
{
    static const enum screen_mark marks[] = {
        [VERDICT_PASS] = SCREEN_GOOD,        [VERDICT_FAIL] = SCREEN_BAD,
        [VERDICT_SKIP] = SCREEN_NOTE,        [VERDICT_INCONCLUSIVE] = SCREEN_WARN,
        [VERDICT_UNSUPPORTED] = SCREEN_WARN, [VERDICT_ERROR] = SCREEN_BAD,
    };
    return marks[verdict];
}

static void tell_peers(const struct result *result, const struct screen *screen)
{
    char text[512] = "";
    for (size_t i = 0; i < result->scenario->program_count; i++) {
        const struct scenario_program *program = &result->scenario->programs[i];
        const char *version = result->record->versions[i];
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%s%s %s%s%s%s%s", used ? ", " : "",
                       program->name, program->peer->name, program->peer->variant ? ":" : "",
                       program->peer->variant ? program->peer->variant : "", *version ? " " : "",
                       version);
    }
    screen_tell(screen, SCREEN_NOTE, "peers", "%s", text);
}

static void tell_expectations(const struct result *result, const struct screen *screen)
{
    size_t skipped = 0;
    for (size_t i = 0; i < result->scenario->expectation_count; i++) {
        const struct scenario_expectation *asked = &result->scenario->expectations[i];
        const struct judged_expectation *judged = &result->judgement->expectations[i];
        const struct expect_verdict *seen = &judged->seen;
        if (judged->verdict == VERDICT_SKIP) {
            skipped++;
            continue;
        }
        char frame[40] = "";
        if (seen->frame_count > 0)
            (void)snprintf(frame, sizeof frame, " (frame %" PRIu64 "%s)", seen->frames[0],
                           seen->frame_count > 1 ? " ..." : "");
        screen_tell(screen, mark_of(judged->verdict), verdict_name(judged->verdict), "%s%s",
                    asked->text ? asked->text : asked->expectation.name, frame);
        if (judged->verdict == VERDICT_FAIL) {
            screen_tell(screen, SCREEN_NOTE, "", "  expected %s", seen->expected);
            screen_tell(screen, SCREEN_NOTE, "", "  came     %s", seen->actual);
        }
    }
    if (skipped > 0)
        screen_tell(screen, SCREEN_NOTE, "skip", "%zu that are about other peers", skipped);
}

static void tell_findings(const struct result *result, const struct screen *screen)
{
    static const enum screen_mark marks[] = {
        [FINDING_FAIL] = SCREEN_BAD, [FINDING_WARN] = SCREEN_WARN, [FINDING_INFO] = SCREEN_NOTE};
    const struct check_result *check = &result->judgement->check;
    for (size_t i = 0; i < check->finding_count; i++) {
        const struct finding *finding = &check->findings[i];
        size_t program = result->judgement->accused[i];
        const char *why = scenario_accepts(result->scenario, finding->requirement);
        screen_tell(screen, why ? SCREEN_NOTE : marks[finding->level], "finding",
                    "%s %s: %s (frame %" PRIu64 "%s%s)%s%s", finding_level_name(finding->level),
                    requirement_get(finding->requirement)->id, finding->text, finding->frame,
                    program == (size_t)-1 ? "" : ", by ",
                    program == (size_t)-1 ? "" : result->scenario->programs[program].name,
                    why ? "; accepted: " : "", why ? why : "");
    }
    screen_tell(screen, SCREEN_NOTE, "rules", "%" PRIu64 " PCP and NAT-PMP messages, %zu finding%s",
                check->messages, check->finding_count, check->finding_count == 1 ? "" : "s");
}

static void tell_crashes(const struct result *result, const struct screen *screen)
{
    for (size_t i = 0; i < result->scenario->program_count; i++) {
        const struct scenario_program *program = &result->scenario->programs[i];
        const char *why = program->peer->crashes;
        if (result->record->crashes[i][0])
            screen_tell(screen, why ? SCREEN_NOTE : SCREEN_BAD, "crash",
                        "%s (%s) %s; log: logs/%s.log%s%s", program->name, program->peer->name,
                        result->record->crashes[i], program->name, why ? "; accepted: " : "",
                        why ? why : "");
    }
}

/* A line for each link end that a device pays for: those of nodes that don't forward. */
static void tell_traffic(const struct result *result, const struct screen *screen)
{
    enum { ENTRY_SIZE = 80 }; /* ", discovery N packets N octets" with the longest numbers */
    char *capture = memory_print("%s/lab.pcapng", result->folder);
    struct traffic traffic = {0};
    struct error ignored = {0}; /* result_write has told */
    (void)traffic_measure(capture, &traffic, &ignored);
    for (size_t i = 0; i < traffic.count; i++) {
        const struct traffic_interface *interface = &traffic.interfaces[i];
        char text[PROTOCOL_COUNT * ENTRY_SIZE] = "";
        uint64_t wakeups = 0;
        for (size_t p = 0; p < PROTOCOL_COUNT; p++) {
            struct traffic_count sum = {0};
            for (size_t d = 0; d < TRAFFIC_DIRECTIONS; d++) {
                sum.packets += interface->counts[p][d].packets;
                sum.octets += interface->counts[p][d].octets;
                wakeups += interface->counts[p][d].wakeups;
            }
            size_t used = strlen(text);
            if (sum.packets > 0)
                (void)snprintf(text + used, sizeof text - used,
                               "%s%s %" PRIu64 " packets %" PRIu64 " octets", used ? ", " : "",
                               protocol_name((enum protocol)p), sum.packets, sum.octets);
        }
        screen_tell(screen, SCREEN_NOTE, i == 0 ? "traffic" : "", "%-14s %s; %" PRIu64 " wake-ups",
                    interface->name, text, wakeups);
    }
    traffic_free(&traffic);
    free(capture);
}

void result_tell(const struct result *result, const struct screen *screen)
{
    const struct judgement *judgement = result->judgement;
    const struct capture_counts *counts = &result->record->capture;
    tell_peers(result, screen);
    tell_crashes(result, screen);
    if (result->record->captured) {
        tell_expectations(result, screen);
        tell_findings(result, screen);
        tell_traffic(result, screen);
        if (result->record->over)
            screen_tell(screen, counts->dropped ? SCREEN_BAD : SCREEN_NOTE, "capture",
                        "%" PRIu64 " packets, %" PRIu64 " dropped", counts->packets,
                        counts->dropped);
        else
            screen_tell(screen, SCREEN_BAD, "capture",
                        "broke off with the lab; what was dropped is not known");
    }
    screen_tell(screen, SCREEN_NOTE, "folder", "%s", result->folder);
    screen_tell(screen, SCREEN_NOTE, "again", "%s", result->command);
    screen_tell(screen, mark_of(judgement->verdict), verdict_name(judgement->verdict),
                "%s in %.1f s", result->scenario->name, result->seconds);
}
