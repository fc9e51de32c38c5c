#include "check/check.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_PACKETS = 1 << 20, EVENTS = 32 };

static int copy_findings(const struct rules *rules, struct check_result *result)
{
    size_t count = 0;
    const struct finding *list = rules_findings(rules, &count);
    if (count == 0)
        return 0;
    result->findings = malloc(count * sizeof *list);
    if (!result->findings)
        return -1;
    memcpy(result->findings, list, count * sizeof *list);
    result->finding_count = count;
    return 0;
}

/* Feeds all events to the rules. What event_next_several returned last; *memory turns false if it ran out. */
static int judge_events(struct event_source *source, struct rules *rules,
                        const struct check_options *options, bool *memory, struct error *error)
{
    struct event events[EVENTS];
    int got = 1;
    while (*memory && (got = event_next_several(source, events, EVENTS, error)) > 0) {
        uint64_t before = rules_packets(rules) / PROGRESS_PACKETS;
        *memory = rules_events(rules, events, (size_t)got) == 0;
        if (options->progress && rules_packets(rules) / PROGRESS_PACKETS != before)
            options->progress(options->argument, rules_packets(rules));
    }
    return got;
}

int check_capture(const char *path, const struct check_options *options,
                  struct check_result *result, struct error *error)
{
    *result = (struct check_result){0};
    struct event_source *source = event_open(path, error);
    if (!source)
        return -1;
    struct rules *rules = rules_create(&options->rules);
    bool memory = rules;
    int got = memory ? judge_events(source, rules, options, &memory, error) : -1;
    event_close(source);
    if (memory) {
        rules_end(rules);
        result->packets = rules_packets(rules);
        result->messages = rules_messages(rules);
        result->damaged = got < 0;
        memory = copy_findings(rules, result) == 0;
    }
    rules_destroy(rules);
    if (!memory)
        return error_set(error, "%s: out of memory", path);
    return got < 0 ? -1 : 0;
}

void check_result_free(struct check_result *result)
{
    free(result->findings);
    *result = (struct check_result){0};
}

size_t check_result_count(const struct check_result *result, enum finding_level level)
{
    size_t count = 0;
    for (size_t i = 0; i < result->finding_count; i++)
        count += result->findings[i].level == level;
    return count;
}
