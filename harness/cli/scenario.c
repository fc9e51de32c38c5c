#include "cli/scenario.h"

#include "cli/memory.h"
#include "cli/programs.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const protocols[] = {"pcp", "natpmp", "coap", NULL};

size_t scenario_find_program(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->program_count; i++)
        if (strcmp(scenario->programs[i].name, name) == 0)
            return i;
    return (size_t)-1;
}

/* One of `when` and `unless`; wanted tells which. */
static int read_one_condition(const struct scenario *scenario, const struct yaml_value *map,
                              bool wanted, char *skipped, size_t size, struct error *error)
{
    if (!map)
        return 0;
    if (yaml_check_map(map, error) != 0)
        return -1;
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_value *entry = map->children[i];
        size_t program = scenario_find_program(scenario, entry->key);
        const char *protocol = NULL;
        if (program == (size_t)-1)
            return yaml_fail(entry, error, "no program '%s' in this scenario", entry->key);
        if (texts_choice(entry, protocols, &protocol, error) != 0)
            return -1;
        const struct peer *peer = scenario->programs[program].peer;
        if (peer_speaks(peer, protocol) != wanted && !skipped[0])
            (void)snprintf(skipped, size, "%s (%s) %s %s", entry->key, peer->name,
                           wanted ? "does not speak" : "speaks", protocol);
    }
    return 0;
}

int scenario_read_condition(const struct scenario *scenario, const struct yaml_value *item,
                            char *skipped, size_t size, struct error *error)
{
    skipped[0] = '\0';
    if (read_one_condition(scenario, yaml_get(item, "when"), true, skipped, size, error) != 0)
        return -1;
    return read_one_condition(scenario, yaml_get(item, "unless"), false, skipped, size, error);
}

/* --- programs ------------------------------------------------------------------------------- */

/* The NAME of a ROLE=NAME if its ROLE is key; NULL otherwise. */
static const char *override_for(const char *peer, const char *key)
{
    size_t length = strlen(key);
    return strncmp(peer, key, length) == 0 && peer[length] == '=' ? peer + length + 1 : NULL;
}

/* --peer for this program: by its own name before its role. */
static const char *find_override(const struct scenario_options *options,
                                 const struct scenario_program *program)
{
    const char *by_role = NULL;
    for (size_t i = 0; i < options->peer_count; i++) {
        const char *name = override_for(options->peers[i], program->name);
        if (name)
            return name;
        if (!by_role)
            by_role = override_for(options->peers[i], program->role);
    }
    return by_role;
}

static void add_texts(struct texts *list, const char *const *more, size_t count)
{
    list->text = memory_grow(list->text, list->count + count + 1, sizeof *list->text);
    for (size_t i = 0; i < count; i++)
        list->text[list->count++] = more[i];
    list->text[list->count] = NULL;
}

/* What follows the arguments that the peer always has. */
static void choose_arguments(struct scenario_program *program,
                             const struct scenario_options *options)
{
    const struct peer *peer = program->peer;
    const char *const defect[] = {"--defect", options->defect};
    add_texts(&program->arguments, peer->arguments.text, peer->arguments.count);
    if (options->factor > 1)
        add_texts(&program->arguments, peer->scaled_arguments.text, peer->scaled_arguments.count);
    if (options->defect && strcmp(program->name, "peer") == 0)
        add_texts(&program->arguments, defect, 2);
}

/* variant is the same program in the chosen variant, or NULL. */
static int read_program(struct scenario *scenario, const struct scenario_options *options,
                        const struct yaml_value *value, const struct yaml_value *variant,
                        struct error *error)
{
    static const char *const keys[] = {"node", "peer", "role", "environment", NULL};
    static const char *const variant_keys[] = {"peer", "environment", NULL};
    struct scenario_program *program = &scenario->programs[scenario->program_count];
    const char *node = NULL;
    const char *name = NULL;
    program->name = program->role = value->key;
    program->line = value->line;
    if (yaml_check_map(value, error) != 0 || yaml_check_keys(value, keys, error) != 0 ||
        (variant && (yaml_check_map(variant, error) != 0 ||
                     yaml_check_keys(variant, variant_keys, error) != 0)))
        return -1;
    const struct yaml_value *peer = yaml_get(variant, "peer");
    if (!peer)
        peer = yaml_require(value, "peer", error);
    if (!yaml_require(value, "node", error) || !peer ||
        yaml_string(yaml_get(value, "node"), &node, error) != 0 ||
        yaml_string(yaml_get(value, "role"), &program->role, error) != 0 ||
        yaml_string(peer, &name, error) != 0)
        return -1;
    if (strchr(program->name, '/'))
        return yaml_fail(value, error, "expected a program's name without '/', got '%s'",
                         value->key);
    program->node = topology_find_node(&scenario->topology, node);
    if (program->node == (size_t)-1)
        return yaml_fail(yaml_get(value, "node"), error, "no node '%s' in this scenario", node);
    scenario->program_count++;

    char by[PATH_MAX + 32];
    const char *override = find_override(options, program);
    if (override)
        (void)snprintf(by, sizeof by, "--peer %s=%s: ", program->name, override);
    else
        (void)snprintf(by, sizeof by, "%s:%d: ", scenario->file, peer->line);
    char *copy = memory_copy(scenario->file);
    program->peer = peer_find(dirname(copy), override ? override : name, program->role, by, error);
    free(copy);
    if (!program->peer)
        return -1;
    choose_arguments(program, options);
    const struct yaml_value *environments[] = {
        yaml_get(value, "environment"), yaml_get(variant, "environment"),
        options->factor > 1 ? program->peer->scaled_environment : NULL};
    char factor[16];
    (void)snprintf(factor, sizeof factor, "%" PRIu32, options->factor);
    facts_set(&program->facts, "PINHOLE_FACTOR", factor);
    return program_tell(program, node, options->seed, environments, 3, error);
}

static int read_programs(struct scenario *scenario, const struct scenario_options *options,
                         const struct yaml_value *programs, const struct yaml_value *variant,
                         struct error *error)
{
    if (yaml_check_map(programs, error) != 0 || (variant && yaml_check_map(variant, error) != 0))
        return -1;
    if (programs->count > SCENARIO_PROGRAMS)
        return yaml_fail(programs, error, "expected at most %d programs", SCENARIO_PROGRAMS);
    for (size_t i = 0; variant && i < variant->count; i++)
        if (!yaml_get(programs, variant->children[i]->key))
            return yaml_fail(variant->children[i], error, "no program '%s' in this scenario",
                             variant->children[i]->key);
    scenario->programs = memory_new(programs->count, sizeof *scenario->programs);
    for (size_t i = 0; i < programs->count; i++) {
        const struct yaml_value *value = programs->children[i];
        if (read_program(scenario, options, value, yaml_get(variant, value->key), error) != 0)
            return -1;
    }
    return 0;
}

/* Whether every --peer replaced something: a misspelt role must not pass unnoticed. */
static int check_overrides(const struct scenario *scenario, const struct scenario_options *options,
                           struct error *error)
{
    for (size_t i = 0; i < options->peer_count; i++) {
        bool used = false;
        for (size_t p = 0; p < scenario->program_count; p++)
            used = used || override_for(options->peers[i], scenario->programs[p].name) ||
                   override_for(options->peers[i], scenario->programs[p].role);
        if (!used)
            return error_set(error, "--peer %s: expected ROLE=NAME with a role of %s",
                             options->peers[i], scenario->file);
    }
    return 0;
}

/* Peers bring rules of their own (miniupnpd wants its chains); they follow those of the node. */
static int add_peer_rules(struct scenario *scenario, struct error *error)
{
    for (size_t i = 0; i < scenario->program_count; i++) {
        const struct scenario_program *program = &scenario->programs[i];
        if (!program->peer->nftables)
            continue;
        struct error cause = {0};
        char *rules = facts_expand(&program->facts, program->peer->nftables, &cause);
        if (!rules)
            return error_set(error, "%s: in nftables: %s", program->peer->file, cause.text);
        struct topology_node *node = &scenario->topology.nodes[program->node];
        char *both = memory_print("%s\n%s", node->nftables ? node->nftables : "", rules);
        free(node->nftables);
        free(rules);
        node->nftables = both;
    }
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static const struct yaml_value *find_variant(const struct scenario *scenario,
                                             const struct scenario_options *options,
                                             struct error *error)
{
    static const char *const keys[] = {"description", "programs", "steps",
                                       "expect",      "accept",   NULL};
    const struct yaml_value *variants = yaml_get(scenario->document, "variants");
    const struct yaml_value *found = yaml_get(variants, options->variant);
    if (!found) {
        (void)error_set(error, "%s: unknown variant '%s'; see its `variants`", scenario->file,
                        options->variant);
        return NULL;
    }
    return yaml_check_map(found, error) == 0 && yaml_check_keys(found, keys, error) == 0 ? found
                                                                                         : NULL;
}

static int read_scenario(struct scenario *scenario, const struct scenario_options *options,
                         struct error *error)
{
    static const char *const keys[] = {"name",   "description", "networks", "nodes",
                                       "links",  "programs",    "steps",    "expect",
                                       "accept", "variants",    NULL};
    const struct yaml_value *root = scenario->document;
    const struct yaml_value *variant = NULL;
    const char *name = NULL;
    if (yaml_check_keys(root, keys, error) != 0 || !yaml_require(root, "name", error) ||
        yaml_string(yaml_get(root, "name"), &name, error) != 0)
        return -1;
    if (options->variant && !(variant = find_variant(scenario, options, error)))
        return -1;
    (void)snprintf(scenario->name, sizeof scenario->name, "%s%s%s", name, variant ? "-" : "",
                   variant ? options->variant : "");
    if (strchr(scenario->name, '/'))
        return yaml_fail(yaml_get(root, "name"), error, "expected a name without '/', got '%s'",
                         name);

    const struct yaml_value *sections[3];
    static const char *const section_keys[] = {"programs", "steps", "expect"};
    for (size_t i = 0; i < 3; i++) {
        const struct yaml_value *mine = i > 0 ? yaml_get(variant, section_keys[i]) : NULL;
        sections[i] = mine ? mine : yaml_require(root, section_keys[i], error);
        if (!sections[i])
            return -1;
    }
    const struct yaml_value *description = yaml_get(variant, "description");
    if (yaml_string(description ? description : yaml_get(root, "description"),
                    &scenario->description, error) != 0 ||
        topology_from_yaml(&scenario->topology, yaml_get(root, "networks"), yaml_get(root, "nodes"),
                           yaml_get(root, "links"), error) != 0 ||
        read_programs(scenario, options, sections[0], yaml_get(variant, "programs"), error) != 0 ||
        check_overrides(scenario, options, error) != 0 || add_peer_rules(scenario, error) != 0 ||
        scenario_read_steps(scenario, sections[1], error) != 0 ||
        scenario_read_accepted(scenario, yaml_get(root, "accept"), error) != 0 ||
        scenario_read_accepted(scenario, yaml_get(variant, "accept"), error) != 0)
        return -1;
    return scenario_read_expectations(scenario, sections[2], error);
}

struct scenario *scenario_load(const struct scenario_options *options, struct error *error)
{
    struct yaml_value *document = yaml_load(options->file, error);
    if (!document)
        return NULL;
    struct scenario *scenario = memory_new(1, sizeof *scenario);
    scenario->document = document;
    scenario->file = document->file;
    scenario->variant = options->variant;
    scenario->description = "";
    if (read_scenario(scenario, options, error) != 0) {
        scenario_free(scenario);
        return NULL;
    }
    return scenario;
}

void scenario_leave_out(struct scenario *scenario, const char *node)
{
    size_t gone = topology_find_node(&scenario->topology, node);
    if (gone == (size_t)-1)
        return;
    topology_leave_out(&scenario->topology, gone);
    for (size_t i = 0; i < scenario->program_count; i++)
        scenario->programs[i].node -= scenario->programs[i].node > gone;
    for (size_t i = 0; i < scenario->step_count; i++)
        scenario->steps[i].node -= scenario->steps[i].node > gone;
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    for (size_t i = 0; i < scenario->program_count; i++) {
        peer_free(scenario->programs[i].peer);
        facts_free(&scenario->programs[i].facts);
        free((void *)scenario->programs[i].arguments.text);
    }
    for (size_t i = 0; i < scenario->step_count; i++)
        free((void *)scenario->steps[i].command.text);
    free(scenario->programs);
    free(scenario->steps);
    free(scenario->expectations);
    topology_free(&scenario->topology);
    yaml_unload(scenario->document);
    free(scenario);
}
