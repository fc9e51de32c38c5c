/* Reads the expectations of a scenario, has those that hold for its peers validated, and what it accepts. */
#include "cli/memory.h"
#include "cli/scenario.h"

#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {"in", "out", NULL};

static int add_condition(const struct yaml_value *entry, const char *field, struct expectation *out,
                         struct error *error)
{
    const char *text;
    if (yaml_string(entry, &text, error) != 0)
        return -1;
    if (out->where_count == EXPECT_CONDITIONS)
        return yaml_fail(entry, error, "expected at most %d conditions", EXPECT_CONDITIONS);
    out->where[out->where_count++] =
        (struct expect_condition){.field = field, .value = text, .line = entry->line};
    return 0;
}

/* A field may have a list of values: each of them is a condition. */
static int read_where(const struct yaml_value *where, struct expectation *out, struct error *error)
{
    if (!where)
        return 0;
    if (yaml_check_map(where, error) != 0)
        return -1;
    for (size_t i = 0; i < where->count; i++) {
        const struct yaml_value *entry = where->children[i];
        bool several = entry->kind == YAML_VALUE_LIST;
        for (size_t k = 0; several && k < entry->count; k++)
            if (add_condition(entry->children[k], entry->key, out, error) != 0)
                return -1;
        if (!several && add_condition(entry, entry->key, out, error) != 0)
            return -1;
    }
    return 0;
}

/* An interface that no link has would make "absent" true for ever. */
static int check_interface(const struct scenario *scenario, const struct yaml_value *at,
                           struct error *error)
{
    if (!at)
        return 0;
    const char *colon = strchr(at->text, ':');
    char node[TOPOLOGY_NAME_SIZE] = "";
    if (colon && (size_t)(colon - at->text) < sizeof node)
        memcpy(node, at->text, (size_t)(colon - at->text));
    size_t index = topology_find_node(&scenario->topology, node);
    if (!colon || index == (size_t)-1 ||
        topology_find_link(&scenario->topology, index, colon + 1) == (size_t)-1)
        return yaml_fail(at, error, "expected NODE:INTERFACE of this scenario, got '%s'", at->text);
    return 0;
}

static int read_expectation(const struct scenario *scenario, const struct yaml_value *item,
                            struct scenario_expectation *out, struct error *error)
{
    static const char *const keys[] = {"name",  "text",  "see",    "at",     "direction",
                                       "where", "quiet", "after",  "before", "absent",
                                       "count", "when",  "unless", NULL};
    struct expectation *expectation = &out->expectation;
    if (yaml_check_map(item, error) != 0 || yaml_check_keys(item, keys, error) != 0)
        return -1;
    int quiet = 0;
    expectation->line = item->line;
    if (!yaml_require(item, "name", error) || !yaml_require(item, "see", error) ||
        yaml_string(yaml_get(item, "name"), &expectation->name, error) != 0 ||
        yaml_string(yaml_get(item, "text"), &out->text, error) != 0 ||
        yaml_string(yaml_get(item, "see"), &expectation->see, error) != 0 ||
        yaml_string(yaml_get(item, "at"), &expectation->at, error) != 0 ||
        texts_choice(yaml_get(item, "direction"), directions, &expectation->direction, error) !=
            0 ||
        read_where(yaml_get(item, "where"), expectation, error) != 0 ||
        yaml_duration(yaml_get(item, "quiet"), &quiet, error) != 0 ||
        yaml_string(yaml_get(item, "after"), &expectation->after, error) != 0 ||
        yaml_string(yaml_get(item, "before"), &expectation->before, error) != 0 ||
        yaml_boolean(yaml_get(item, "absent"), &expectation->absent, error) != 0 ||
        yaml_string(yaml_get(item, "count"), &expectation->count, error) != 0 ||
        check_interface(scenario, yaml_get(item, "at"), error) != 0)
        return -1;
    expectation->quiet = (int64_t)quiet * 1000000;
    return scenario_read_condition(scenario, item, out->skipped, sizeof out->skipped, error);
}

/* Only those that hold are looked at together: a reference to one that doesn't would never be met. */
static int validate(const struct scenario *scenario, struct error *error)
{
    struct expectation *list = memory_new(scenario->expectation_count, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (!scenario->expectations[i].skipped[0])
            list[count++] = scenario->expectations[i].expectation;
    int status = expect_validate(list, count, scenario->file, error);
    free(list);
    return status;
}

int scenario_read_expectations(struct scenario *scenario, const struct yaml_value *list,
                               struct error *error)
{
    if (yaml_check_list(list, error) != 0)
        return -1;
    if (list->count > SCENARIO_EXPECTATIONS)
        return yaml_fail(list, error, "expected at most %d expectations", SCENARIO_EXPECTATIONS);
    scenario->expectations = memory_new(list->count, sizeof *scenario->expectations);
    for (size_t i = 0; i < list->count; i++) {
        struct scenario_expectation *out = &scenario->expectations[scenario->expectation_count++];
        if (read_expectation(scenario, list->children[i], out, error) != 0)
            return -1;
    }
    return validate(scenario, error);
}

/* --- what is accepted ----------------------------------------------------------------------- */

int scenario_read_accepted(struct scenario *scenario, const struct yaml_value *map,
                           struct error *error)
{
    if (!map)
        return 0;
    if (texts_check_map(map, error) != 0)
        return -1;
    if (map->count + scenario->accepted_count > SCENARIO_ACCEPTED)
        return yaml_fail(map, error, "expected at most %d requirements", SCENARIO_ACCEPTED);
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_value *entry = map->children[i];
        const struct requirement *requirement = requirement_find(entry->key);
        if (!requirement)
            return yaml_fail(entry, error,
                             "no requirement '%s'; pinhole list requirements shows them",
                             entry->key);
        scenario->accepted[scenario->accepted_count++] =
            (struct scenario_acceptance){.requirement = requirement, .why = entry->text};
    }
    return 0;
}

const char *scenario_accepts(const struct scenario *scenario, enum requirement_id id)
{
    for (size_t i = 0; i < scenario->accepted_count; i++)
        if (scenario->accepted[i].requirement == requirement_get(id))
            return scenario->accepted[i].why;
    return NULL;
}
