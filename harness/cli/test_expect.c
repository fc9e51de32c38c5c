#include "cli/test_expect.h"

#include "check/case.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 512 };

static const char known[] = "known failure";

/* Whether an id is a case's, over IPv6 too where it can be run so. */
static bool names_case(const char *id)
{
    enum case_role role;
    const struct test_case *test_case;
    for (size_t i = 0; (test_case = case_get(i, &role)); i++) {
        size_t length = strlen(test_case->id);
        if (strncmp(id, test_case->id, length) != 0)
            continue;
        if (!id[length] || (test_case->traits & CASE_BOTH && strcmp(id + length, ".ipv6") == 0))
            return true;
    }
    return false;
}

static bool names_rule(const char *id)
{
    enum { PREFIX = sizeof "rule." - 1 };
    if (strncmp(id, "rule.", PREFIX) != 0)
        return false;
    for (enum requirement_id i = 0; i < REQUIREMENT_COUNT; i++)
        if (strcmp(requirement_get(i)->id, id + PREFIX) == 0)
            return true;
    return false;
}

/* The ids of a file, as the keys of an object; NULL and an error. */
static json_t *read_ids(const char *path, struct error *error)
{
    char line[LINE_SIZE];
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set_errno(error, errno, "%s", path);
        return NULL;
    }
    json_t *ids = json_object();
    for (unsigned number = 1; ids && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "#\r\n")] = '\0';
        char *rest = NULL;
        char *id = strtok_r(line, " \t", &rest);
        char *more = id ? strtok_r(NULL, " \t", &rest) : NULL;
        if (!id)
            continue;
        bool good = !more && (names_case(id) || names_rule(id));
        if (good && json_object_set_new(ids, id, json_true()) == 0)
            continue;
        error_set(error, "%s:%u: expected the id of one case or rule, got '%s%s%s'", path, number,
                  id, more ? " " : "", more ? more : "");
        json_decref(ids);
        ids = NULL;
    }
    if (ids && ferror(file)) {
        error_set(error, "%s: could not be read to its end", path);
        json_decref(ids);
        ids = NULL;
    }
    (void)fclose(file);
    return ids;
}

static const char *expectation(const json_t *result, const json_t *ids)
{
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    bool listed = json_object_get(ids, json_string_value(json_object_get(result, "id"))) != NULL;
    if (strcmp(verdict, "fail") == 0)
        return listed ? known : "new failure";
    bool good = strcmp(verdict, "pass") == 0 || strcmp(verdict, "warn") == 0 ||
                strcmp(verdict, "info") == 0;
    return listed && good ? "unexpected pass" : NULL;
}

int test_expect_apply(json_t *report, const char *path, struct error *error)
{
    json_t *ids = read_ids(path, error);
    size_t i;
    json_t *result;
    if (!ids)
        return -1;
    json_array_foreach(json_object_get(report, "cases"), i, result)
    {
        const char *text = expectation(result, ids);
        if (text)
            json_object_set_new(result, "expectation", json_string(text));
    }
    json_decref(ids);
    return 0;
}

bool test_expect_is_known(const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "expectation"));
    return text && strcmp(text, known) == 0;
}
