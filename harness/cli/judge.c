#include "cli/judge.h"

#include "check/event.h"
#include "cli/memory.h"
#include "wire/pcp.h"

#include <stdlib.h>
#include <string.h>

static const char own_peer[] = "reference";

enum exit_code judgement_exit(const struct judgement *judgement)
{
    static const enum exit_code codes[] = {
        [VERDICT_PASS] = EXIT_GOOD,           [VERDICT_FAIL] = EXIT_SHORT,
        [VERDICT_SKIP] = EXIT_NOTHING,        [VERDICT_INCONCLUSIVE] = EXIT_HARNESS,
        [VERDICT_UNSUPPORTED] = EXIT_NOTHING, [VERDICT_ERROR] = EXIT_HARNESS,
    };
    return codes[judgement->verdict];
}

/* With packets missing, or steps that were not carried out: a packet that was seen still was seen; nothing
 * else is sure. */
static bool is_sure(const struct expectation *expectation, enum expect_outcome outcome)
{
    bool counts_up = !expectation->count || expectation->count[0] == '>';
    if (outcome == EXPECT_PASS)
        return !expectation->absent && expectation->quiet == 0 && counts_up;
    return expectation->absent;
}

/* Whether a crash ended the steps before their time. */
static bool broke_off(const struct scenario *scenario, const struct record *record)
{
    bool crashed = false;
    bool left = false;
    for (size_t i = 0; i < scenario->program_count; i++)
        crashed = crashed || record->crashes[i][0];
    for (size_t i = 0; i < scenario->step_count; i++)
        left = left || record->steps[i].outcome == OUTCOME_NOT_REACHED;
    return crashed && left;
}

static void judge_expectations(const struct scenario *scenario, const struct record *record,
                               const char *capture, struct judgement *out)
{
    size_t total = scenario->expectation_count;
    struct expectation *list = memory_new(total, sizeof *list);
    struct expect_verdict *verdicts = memory_new(total, sizeof *verdicts);
    size_t count = 0;
    for (size_t i = 0; i < total; i++)
        if (!scenario->expectations[i].skipped[0])
            list[count++] = scenario->expectations[i].expectation;
    bool judged = expect_judge(capture, list, count, verdicts, &out->problem) == 0;
    for (size_t i = 0, next = 0; i < total; i++) {
        struct judged_expectation *expectation = &out->expectations[i];
        if (scenario->expectations[i].skipped[0]) {
            expectation->verdict = VERDICT_SKIP;
            continue;
        }
        const struct expectation *asked = &list[next];
        expectation->seen = verdicts[next++];
        expectation->verdict = !judged                                    ? VERDICT_INCONCLUSIVE
                               : expectation->seen.outcome == EXPECT_PASS ? VERDICT_PASS
                                                                          : VERDICT_FAIL;
        bool partial =
            record->capture.dropped > 0 || record->problem.text[0] || broke_off(scenario, record);
        if (partial && !is_sure(asked, expectation->seen.outcome))
            expectation->verdict = VERDICT_INCONCLUSIVE;
    }
    free(verdicts);
    free(list);
}

/* The program of the node that holds an address: the one that speaks the protocols that rules judge. */
static size_t find_speaker(const struct scenario *scenario, const struct address *address)
{
    const struct topology *topology = &scenario->topology;
    size_t found = (size_t)-1;
    for (size_t l = 0; l < topology->link_count; l++) {
        const struct topology_link *link = &topology->links[l];
        for (size_t a = 0; a < link->address_count; a++) {
            if (memcmp(link->addresses[a].octet, address->octet, sizeof address->octet) != 0)
                continue;
            for (size_t p = 0; p < scenario->program_count; p++) {
                const struct scenario_program *program = &scenario->programs[p];
                if (program->node == link->node &&
                    (peer_speaks(program->peer, "pcp") || peer_speaks(program->peer, "natpmp")))
                    found = p;
            }
        }
    }
    return found;
}

/* What is found in a request, but binds servers, is not its sender's: that nobody answered it, say. */
static bool is_of_sender(const struct finding *finding, const struct packet *packet)
{
    return packet->destination_port != PCP_SERVER_PORT ||
           requirement_get(finding->requirement)->role != ROLE_SERVER;
}

size_t *judge_accuse(const struct scenario *scenario, const char *capture,
                     const struct check_result *check)
{
    size_t *accused = memory_new(check->finding_count, sizeof *accused);
    for (size_t i = 0; i < check->finding_count; i++)
        accused[i] = (size_t)-1;
    struct error ignored = {0}; /* the same file was read before */
    struct event_source *source = check->finding_count ? event_open(capture, &ignored) : NULL;
    struct event event;
    size_t next = 0;
    while (source && next < check->finding_count && event_next(source, &event, &ignored) == 1) {
        for (; next < check->finding_count && check->findings[next].frame <= event.frame; next++)
            if (check->findings[next].frame == event.frame &&
                is_of_sender(&check->findings[next], &event.packet))
                accused[next] = find_speaker(scenario, &event.packet.source);
    }
    event_close(source);
    return accused;
}

static bool breaks_must(const struct scenario *scenario, const struct judgement *judgement)
{
    for (size_t i = 0; i < judgement->check.finding_count; i++) {
        size_t program = judgement->accused[i];
        const struct finding *finding = &judgement->check.findings[i];
        if (finding->level == FINDING_FAIL && program != (size_t)-1 &&
            !scenario_accepts(scenario, finding->requirement) &&
            strcmp(scenario->programs[program].peer->name, own_peer) == 0)
            return true;
    }
    return false;
}

static bool crashed(const struct scenario *scenario, const struct record *record)
{
    for (size_t i = 0; i < scenario->program_count; i++)
        if (record->crashes[i][0] && !scenario->programs[i].peer->crashes)
            return true;
    return false;
}

static enum verdict conclude(const struct scenario *scenario, const struct record *record,
                             struct judgement *judgement)
{
    bool died = crashed(scenario, record);
    bool fell_short = died || breaks_must(scenario, judgement);
    for (size_t i = 0; i < scenario->step_count; i++) {
        if (record->steps[i].outcome == OUTCOME_UNSUPPORTED && !died)
            return VERDICT_UNSUPPORTED;
        fell_short = fell_short || record->steps[i].outcome == OUTCOME_MISSED;
    }
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        enum verdict verdict = judgement->expectations[i].verdict;
        if (verdict == VERDICT_INCONCLUSIVE && record->capture.dropped > 0)
            (void)error_set(&judgement->problem,
                            "the kernel dropped %llu packets of the capture, and '%s' rests on "
                            "what it lacks",
                            (unsigned long long)record->capture.dropped,
                            scenario->expectations[i].expectation.name);
        fell_short = fell_short || verdict == VERDICT_FAIL;
    }
    if (judgement->problem.text[0])
        return VERDICT_ERROR;
    return fell_short ? VERDICT_FAIL : VERDICT_PASS;
}

void judge_run(const struct scenario *scenario, const struct record *record, const char *capture,
               struct judgement *out)
{
    *out = (struct judgement){.problem = record->problem};
    out->expectations = memory_new(scenario->expectation_count, sizeof *out->expectations);
    if (record->captured) {
        judge_expectations(scenario, record, capture, out);
        const struct check_options options = {.progress = NULL};
        (void)check_capture(capture, &options, &out->check, &out->problem);
        out->accused = judge_accuse(scenario, capture, &out->check);
    } else {
        (void)error_set(&out->problem, "nothing was captured");
    }
    for (size_t i = 0; !record->captured && i < scenario->expectation_count; i++)
        out->expectations[i].verdict = VERDICT_INCONCLUSIVE;
    out->verdict = conclude(scenario, record, out);
}

void judgement_free(struct judgement *judgement)
{
    free(judgement->expectations);
    free(judgement->accused);
    check_result_free(&judgement->check);
}
