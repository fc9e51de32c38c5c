#include "cli/test_expect.h"

#include "check/case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    return strncmp(id, "rule.", PREFIX) == 0 && requirement_find(id + PREFIX);
}

/* Takes the id of a line, if it has one. */
static int read_line(char *line, const char *path, unsigned number, json_t *ids,
                     struct error *error)
{
    line[strcspn(line, "#\r\n")] = '\0';
    char *rest = NULL;
    char *id = strtok_r(line, " \t", &rest);
    char *more = id ? strtok_r(NULL, " \t", &rest) : NULL;
    if (!id)
        return 0;
    if (!more && (names_case(id) || names_rule(id)))
        return json_object_set_new(ids, id, json_true());
    return error_set(error, "%s:%u: expected the id of one case or rule, got '%s%s%s'", path,
                     number, id, more ? " " : "", more ? more : "");
}

json_t *test_expect_read(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    if (!file) {
        error_set_errno(error, errno, "%s", path);
        return NULL;
    }
    json_t *ids = json_object();
    int status = 0;
    for (unsigned number = 1; status == 0 && getline(&line, &room, file) >= 0; number++)
        status = read_line(line, path, number, ids, error);
    if (status == 0 && ferror(file))
        status = error_set(error, "%s: could not be read to its end", path);
    free(line);
    (void)fclose(file);
    if (status == 0)
        return ids;
    json_decref(ids);
    return NULL;
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

void test_expect_apply(json_t *report, const json_t *ids)
{
    size_t i;
    json_t *result;
    json_array_foreach(json_object_get(report, "cases"), i, result)
    {
        const char *text = expectation(result, ids);
        if (text)
            json_object_set_new(result, "expectation", json_string(text));
    }
}

bool test_expect_is_known(const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "expectation"));
    return text && strcmp(text, known) == 0;
}
