#include "cli/engine_watch.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

/* Whether a report of ASan, LSan, MSan, TSan or UBSan begins by a line. */
static bool is_report(const char *line)
{
    static const char first_lines[] = "^==[0-9]+==(ERROR|WARNING): [A-Za-z]+Sanitizer: |"
                                      "^WARNING: ThreadSanitizer: |"
                                      ":[0-9]+:[0-9]+: runtime error: ";
    regex_t pattern;
    /* Nearly every line is none, and programs print many. */
    if ((!strstr(line, "Sanitizer: ") && !strstr(line, ": runtime error: ")) ||
        regcomp(&pattern, first_lines, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool found = regexec(&pattern, line, 0, NULL, 0) == 0;
    regfree(&pattern);
    return found;
}

/* Keeps that a program came to a bad end, and how it began to say so. Commands that steps run are none of the
 * scenario's programs: what becomes of them is the step's affair. */
static void note_crash(struct engine *engine, const struct process *process, const char *how,
                       const char *said)
{
    for (size_t i = 0; i < engine->scenario->program_count; i++) {
        char *kept = engine->record->crashes[i];
        if (engine->processes[i] != process)
            continue;
        if (!kept[0])
            (void)snprintf(kept, CRASH_SIZE, "%s%s%s%s", how,
                           engine->stopping[i] ? " while it was being stopped" : "",
                           said[0] ? ": " : "", said);
        engine->crashed[i] = true;
    }
}

static void note_line(void *context, const struct process *process, const char *text)
{
    struct engine *engine = context;
    if (is_report(text))
        note_crash(engine, process, "was reported by a sanitizer", text);
    screen_happens(engine->screen, process_name(process), text);
}

static void note_end(void *context, const struct process *process, int status)
{
    (void)status;
    char how[32];
    int fault = process_fault(process);
    (void)snprintf(how, sizeof how, "died of SIG%s", fault ? sigabbrev_np(fault) : "");
    if (fault)
        note_crash(context, process, how, "");
}

void engine_watch(struct engine *engine)
{
    const struct supervisor_watch watch = {.line = note_line, .ended = note_end, .context = engine};
    supervisor_set_watch(engine->supervisor, &watch);
}

bool engine_saw_crash(const struct engine *engine)
{
    for (size_t i = 0; i < engine->scenario->program_count; i++)
        if (engine->crashed[i])
            return true;
    return false;
}
