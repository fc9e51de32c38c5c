/* Reads the steps of a scenario: one reader a kind of step. */
#include "cli/memory.h"
#include "cli/scenario.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    AWAIT_WITHIN = 10000, /* ms, where the scenario doesn't say */
    PROBE_WAIT = 1000,
    PROBE_TRIES = 1
};

/* A program that may be named only here: step by step, a program must have been started before. */
static int read_program(const struct scenario *scenario, const struct yaml_value *value,
                        size_t *program, struct error *error)
{
    const char *name = NULL;
    if (yaml_string(value, &name, error) != 0)
        return -1;
    *program = scenario_find_program(scenario, name);
    return *program != (size_t)-1
               ? 0
               : yaml_fail(value, error, "no program '%s' in this scenario", name);
}

static int require_program(const struct scenario *scenario, const struct yaml_value *map,
                           const char *key, size_t *program, struct error *error)
{
    const struct yaml_value *value = yaml_require(map, key, error);
    return value ? read_program(scenario, value, program, error) : -1;
}

static int require_node(const struct scenario *scenario, const struct yaml_value *map,
                        const char *key, size_t *node, struct error *error)
{
    const struct yaml_value *value = yaml_require(map, key, error);
    const char *name = NULL;
    if (!value || yaml_string(value, &name, error) != 0)
        return -1;
    *node = topology_find_node(&scenario->topology, name);
    return *node != (size_t)-1 ? 0 : yaml_fail(value, error, "no node '%s' in this scenario", name);
}

static int read_start(const struct scenario *scenario, const struct yaml_value *value,
                      struct scenario_step *step, struct error *error)
{
    if (read_program(scenario, value, &step->program, error) != 0)
        return -1;
    const struct scenario_program *program = &scenario->programs[step->program];
    (void)snprintf(step->text, sizeof step->text, "%s %s (%s)", value->key, program->name,
                   program->peer->name);
    return 0;
}

static int read_await(const struct scenario *scenario, const struct yaml_value *value,
                      struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"program", "line", "mapping", "within", NULL};
    step->milliseconds = AWAIT_WITHIN;
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0 ||
        yaml_duration(yaml_get(value, "within"), &step->milliseconds, error) != 0)
        return -1;
    if (yaml_get(value, "mapping")) {
        if (yaml_get(value, "program") || yaml_get(value, "line"))
            return yaml_fail(value, error, "expected either mapping or program and line");
        if (require_program(scenario, value, "mapping", &step->program, error) != 0)
            return -1;
        (void)snprintf(step->text, sizeof step->text, "await a mapping for %s",
                       scenario->programs[step->program].name);
        return 0;
    }
    const struct yaml_value *line = yaml_require(value, "line", error);
    if (!line || texts_pattern(line, &step->pattern, error) != 0 ||
        require_program(scenario, value, "program", &step->program, error) != 0)
        return -1;
    (void)snprintf(step->text, sizeof step->text, "await %s: %s",
                   scenario->programs[step->program].name, step->pattern);
    return 0;
}

static int read_pass(const struct scenario *scenario, const struct yaml_value *value,
                     struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"for", "why", NULL};
    const char *why = NULL;
    (void)scenario;
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0)
        return -1;
    const struct yaml_value *how_long = yaml_require(value, "for", error);
    const struct yaml_value *reason = yaml_require(value, "why", error);
    if (!how_long || !reason || yaml_duration(how_long, &step->milliseconds, error) != 0 ||
        yaml_string(reason, &why, error) != 0)
        return -1;
    (void)snprintf(step->text, sizeof step->text, "let %g s pass: %s", step->milliseconds / 1000.0,
                   why);
    return 0;
}

static int read_signal(const struct scenario *scenario, const struct yaml_value *value,
                       struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"program", "signal", NULL};
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0 ||
        require_program(scenario, value, "program", &step->program, error) != 0)
        return -1;
    const struct yaml_value *name = yaml_require(value, "signal", error);
    if (!name || texts_signal(name, &step->signal, error) != 0)
        return -1;
    (void)snprintf(step->text, sizeof step->text, "signal %s: %s",
                   scenario->programs[step->program].name, sigabbrev_np(step->signal));
    return 0;
}

static int read_run(const struct scenario *scenario, const struct yaml_value *value,
                    struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"node", "command", "exit", "within", NULL};
    int64_t status = 0;
    step->milliseconds = AWAIT_WITHIN;
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0 ||
        require_node(scenario, value, "node", &step->node, error) != 0)
        return -1;
    const struct yaml_value *command = yaml_require(value, "command", error);
    if (!command || texts_list(command, &step->command, error) != 0 ||
        yaml_integer(yaml_get(value, "exit"), 0, UINT8_MAX, &status, error) != 0 ||
        yaml_duration(yaml_get(value, "within"), &step->milliseconds, error) != 0)
        return -1;
    if (step->command.count == 0)
        return yaml_fail(command, error, "expected a program and its arguments");
    step->status = (int)status;
    size_t used = (size_t)snprintf(step->text, sizeof step->text,
                                   "run on %s:", scenario->topology.nodes[step->node].name);
    for (size_t i = 0; i < step->command.count && used < sizeof step->text; i++)
        used += (size_t)snprintf(step->text + used, sizeof step->text - used, " %s",
                                 step->command.text[i]);
    return 0;
}

static int read_probe(const struct scenario *scenario, const struct yaml_value *value,
                      struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"from", "through", "to", "tries", "wait", "text", NULL};
    int64_t tries = PROBE_TRIES;
    step->milliseconds = PROBE_WAIT;
    step->payload = "probe";
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0 ||
        require_node(scenario, value, "from", &step->node, error) != 0 ||
        yaml_string(yaml_get(value, "to"), &step->to, error) != 0 ||
        yaml_integer(yaml_get(value, "tries"), 1, 100, &tries, error) != 0 ||
        yaml_duration(yaml_get(value, "wait"), &step->milliseconds, error) != 0 ||
        yaml_string(yaml_get(value, "text"), &step->payload, error) != 0)
        return -1;
    step->tries = (int)tries;
    const char *from = scenario->topology.nodes[step->node].name;
    if (step->to && yaml_get(value, "through"))
        return yaml_fail(value, error, "expected either through: PROGRAM or to: ADDRESS:PORT");
    if (step->to) {
        (void)snprintf(step->text, sizeof step->text, "probe from %s to %s", from, step->to);
        return 0;
    }
    if (require_program(scenario, value, "through", &step->program, error) != 0)
        return -1;
    (void)snprintf(step->text, sizeof step->text, "probe from %s through the mapping of %s", from,
                   scenario->programs[step->program].name);
    return 0;
}

static const struct {
    const char *key;
    int (*read)(const struct scenario *scenario, const struct yaml_value *value,
                struct scenario_step *step, struct error *error);
} kinds[STEP_KINDS] = {
    [STEP_START] = {"start", read_start}, [STEP_AWAIT] = {"await", read_await},
    [STEP_PASS] = {"pass", read_pass},    [STEP_SIGNAL] = {"signal", read_signal},
    [STEP_STOP] = {"stop", read_start},   [STEP_RESTART] = {"restart", read_start},
    [STEP_RUN] = {"run", read_run},       [STEP_PROBE] = {"probe", read_probe},
};

static int read_step(const struct scenario *scenario, const struct yaml_value *item,
                     struct scenario_step *step, struct error *error)
{
    static const char *const keys[] = {"start", "await", "pass", "signal", "stop", "restart",
                                       "run",   "probe", "when", "unless", NULL};
    const struct yaml_value *value = NULL;
    if (yaml_check_map(item, error) != 0 || yaml_check_keys(item, keys, error) != 0)
        return -1;
    step->line = item->line;
    for (size_t kind = 0; kind < STEP_KINDS; kind++) {
        const struct yaml_value *found = yaml_get(item, kinds[kind].key);
        if (found && value)
            return yaml_fail(item, error, "expected one step, got '%s' and '%s'", value->key,
                             found->key);
        if (found) {
            value = found;
            step->kind = (enum step_kind)kind;
        }
    }
    if (!value)
        return yaml_fail(item, error,
                         "expected a step: start, await, pass, signal, stop, restart, "
                         "run or probe");
    if (kinds[step->kind].read(scenario, value, step, error) != 0)
        return -1;
    return scenario_read_condition(scenario, item, step->skipped, sizeof step->skipped, error);
}

/* A step that is about a program which nothing has started would fail for sure, and late. */
static int check_started(const struct scenario *scenario, const struct yaml_value *list,
                         struct error *error)
{
    bool started[SCENARIO_PROGRAMS] = {false};
    bool mapped[SCENARIO_PROGRAMS] = {false};
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct scenario_step *step = &scenario->steps[i];
        if (step->skipped[0])
            continue;
        const char *name = scenario->programs[step->program].name;
        bool about_program = step->kind == STEP_AWAIT || step->kind == STEP_SIGNAL ||
                             step->kind == STEP_STOP || step->kind == STEP_RESTART;
        if (about_program && !started[step->program])
            return yaml_fail(list->children[i], error, "program '%s' is not started by then", name);
        if (step->kind == STEP_START && started[step->program])
            return yaml_fail(list->children[i], error, "program '%s' is started already", name);
        if (step->kind == STEP_PROBE && !step->to && !mapped[step->program])
            return yaml_fail(list->children[i], error, "no mapping of '%s' is awaited by then",
                             name);
        started[step->program] =
            (started[step->program] || step->kind == STEP_START) && step->kind != STEP_STOP;
        mapped[step->program] =
            mapped[step->program] || (step->kind == STEP_AWAIT && !step->pattern);
    }
    return 0;
}

int scenario_read_steps(struct scenario *scenario, const struct yaml_value *list,
                        struct error *error)
{
    if (yaml_check_list(list, error) != 0)
        return -1;
    if (list->count > SCENARIO_STEPS)
        return yaml_fail(list, error, "expected at most %d steps", SCENARIO_STEPS);
    scenario->steps = memory_new(list->count, sizeof *scenario->steps);
    for (size_t i = 0; i < list->count; i++) {
        struct scenario_step *step = &scenario->steps[scenario->step_count++];
        if (read_step(scenario, list->children[i], step, error) != 0)
            return -1;
    }
    return check_started(scenario, list, error);
}
