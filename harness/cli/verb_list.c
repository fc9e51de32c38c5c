/* `pinhole list`: what there is. */
#include "cli/list_objects.h"
#include "cli/list_suite.h"
#include "cli/memory.h"
#include "cli/root.h"
#include "cli/verbs.h"
#include "lab/yaml.h"
#include "measure/json_file.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- files of a folder ---------------------------------------------------------------------- */

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && strcmp(dot, ".yaml") == 0;
}

/* The keys of a scenario's or a peer's head that tell what it is; NULL for one that it lacks. */
static json_t *head_json(const struct yaml_value *document)
{
    static const char *const keys[] = {"name", "role", "description"};
    json_t *head = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct yaml_value *value = yaml_get(document, keys[i]);
        if (value && value->text)
            json_object_set_new(head, keys[i], json_file_text(value->text));
    }
    const struct yaml_value *variants = yaml_get(document, "variants");
    json_t *list = json_array();
    for (size_t i = 0; variants && variants->kind == YAML_VALUE_MAP && i < variants->count; i++) {
        const struct yaml_value *text = yaml_get(variants->children[i], "description");
        json_array_append_new(
            list, json_pack("{s:o,s:o}", "name", json_file_text(variants->children[i]->key),
                            "description", json_file_text(text && text->text ? text->text : "")));
    }
    json_object_set_new(head, "variants", list);
    return head;
}

static void show_head(const json_t *head)
{
    const char *name = json_string_value(json_object_get(head, "name"));
    const char *role = json_string_value(json_object_get(head, "role"));
    const char *description = json_string_value(json_object_get(head, "description"));
    size_t index;
    json_t *variant;
    (void)printf("%s%s%s%s\n", name ? name : "(no name)", role ? ", " : "", role ? role : "",
                 role ? "" : ".yaml");
    if (description)
        (void)printf("    %s\n", description);
    json_array_foreach(json_object_get(head, "variants"), index, variant)(void)
        printf("    variant %s: %s\n", json_string_value(json_object_get(variant, "name")),
               json_string_value(json_object_get(variant, "description")));
}

/* The YAML files of a folder of the project, in order: what each says of itself. */
static int list_files(const char *folder, bool json)
{
    char path[PATH_MAX];
    struct error error = {""};
    struct dirent **entries = NULL;
    if (root_find(folder, path, sizeof path, &error) != 0) {
        (void)fprintf(stderr, "pinhole list: %s\n", error.text);
        return EXIT_HARNESS;
    }
    int count = scandir(path, &entries, is_yaml, alphasort);
    if (count < 0) {
        perror(path);
        return EXIT_HARNESS;
    }
    json_t *array = json_array();
    int damaged = 0;
    for (int i = 0; i < count; i++) {
        char *file = memory_print("%s/%s", path, entries[i]->d_name);
        struct error cause = {""};
        struct yaml_value *document = yaml_load(file, &cause);
        if (document) {
            json_t *head = head_json(document);
            if (!json)
                show_head(head);
            json_array_append_new(array, head);
        } else {
            (void)fprintf(stderr, "pinhole list: %s\n", cause.text);
            damaged++;
        }
        yaml_unload(document);
        free(file);
        free(entries[i]);
    }
    free((void *)entries);
    int failed = json && json_dumpf(array, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1)) != 0;
    if (json)
        (void)putchar('\n');
    json_decref(array);
    if (failed || damaged > 0)
        return EXIT_HARNESS;
    return count > 0 ? EXIT_GOOD : EXIT_NOTHING;
}

static int list_scenarios(bool json)
{
    return list_files("scenarios", json);
}

static int list_peers(bool json)
{
    return list_files("scenarios/peers", json);
}

/* -------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*list)(bool json);
} lists[] = {
    {"requirements", list_requirements}, {"cases", list_cases}, {"defects", list_defects},
    {"scenarios", list_scenarios},       {"peers", list_peers}, {"objects", list_objects},
};

int verb_list(int argc, char **argv)
{
    const char *what = NULL;
    bool json = false;
    bool wrong = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (what || argv[i][0] == '-')
            wrong = true;
        else
            what = argv[i];
    }
    for (size_t i = 0; what && !wrong && i < sizeof lists / sizeof *lists; i++)
        if (strcmp(lists[i].name, what) == 0)
            return lists[i].list(json);
    (void)fprintf(stderr, "usage: pinhole list " LIST_USAGE "\n");
    return EXIT_HARNESS;
}
