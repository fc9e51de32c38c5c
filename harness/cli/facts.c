#include "cli/facts.h"

#include "cli/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool has_name(const char *pair, const char *name, size_t length)
{
    return strncmp(pair, name, length) == 0 && pair[length] == '=';
}

void facts_set(struct facts *facts, const char *name, const char *value)
{
    char *pair = memory_print("%s=%s", name, value);
    for (size_t i = 0; i < facts->count; i++) {
        if (has_name(facts->pairs[i], name, strlen(name))) {
            free(facts->pairs[i]);
            facts->pairs[i] = pair;
            return;
        }
    }
    facts->pairs = memory_grow(facts->pairs, facts->count + 2, sizeof *facts->pairs);
    facts->pairs[facts->count++] = pair;
    facts->pairs[facts->count] = NULL;
}

static const char *find(const struct facts *facts, const char *name, size_t length)
{
    for (size_t i = 0; i < facts->count; i++)
        if (has_name(facts->pairs[i], name, length))
            return facts->pairs[i] + length + 1;
    return NULL;
}

const char *facts_get(const struct facts *facts, const char *name)
{
    return find(facts, name, strlen(name));
}

char *facts_expand(const struct facts *facts, const char *text, struct error *error)
{
    char *out = memory_copy("");
    for (;;) {
        const char *open = strstr(text, "${");
        if (!open) {
            char *whole = memory_print("%s%s", out, text);
            free(out);
            return whole;
        }
        const char *close = strchr(open, '}');
        if (!close) {
            free(out);
            (void)error_set(error, "'%.40s' lacks its '}'", open);
            return NULL;
        }
        const char *name = open + 2;
        const char *otherwise = memmem(name, (size_t)(close - name), ":-", 2);
        const char *value = find(facts, name, (size_t)((otherwise ? otherwise : close) - name));
        size_t length = value ? strlen(value) : 0;
        if (!value && otherwise) {
            value = otherwise + 2;
            length = (size_t)(close - value);
        }
        if (!value) {
            free(out);
            (void)error_set(error, "nothing is known of '%.*s'", (int)(close - open + 1), open);
            return NULL;
        }
        char *longer =
            memory_print("%s%.*s%.*s", out, (int)(open - text), text, (int)length, value);
        free(out);
        out = longer;
        text = close + 1;
    }
}

void facts_unset(struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (has_name(facts->pairs[i], name, strlen(name))) {
            free(facts->pairs[i]);
            facts->pairs[i] = facts->pairs[--facts->count];
            facts->pairs[facts->count] = NULL;
            return;
        }
}

void facts_free(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        free(facts->pairs[i]);
    free(facts->pairs);
    *facts = (struct facts){0};
}
