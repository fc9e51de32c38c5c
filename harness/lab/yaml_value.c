/* What a caller asks of a document's values, and the messages when they are not as expected. */
#include "lab/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_LIMIT = 64, /* of a place that is written out: documents are less deep */
    PLACE_SIZE = 160,
};

/* --- places and messages ---------------------------------------------------------------------- */

const char *yaml_place(const struct yaml_value *value, char *text, size_t size)
{
    if (!value->parent) {
        (void)snprintf(text, size, "the file");
        return text;
    }
    const struct yaml_value *chain[DEPTH_LIMIT + 1];
    size_t depth = 0;
    for (const struct yaml_value *at = value; at->parent && depth < DEPTH_LIMIT; at = at->parent)
        chain[depth++] = at;
    size_t used = 0;
    text[0] = '\0';
    while (depth-- > 0 && used < size) {
        const struct yaml_value *at = chain[depth];
        int written = at->key ? snprintf(text + used, size - used, "%s%s", used ? "." : "", at->key)
                              : snprintf(text + used, size - used, "[%zu]", at->index);
        if (written < 0)
            break;
        used += (size_t)written;
    }
    return text;
}

int yaml_fail(const struct yaml_value *value, struct error *error, const char *format, ...)
{
    char message[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return error_set(error, "%s:%d: %s", value->file, value->line, message);
}

/* --- typed readers ---------------------------------------------------------------------------- */

const struct yaml_value *yaml_get(const struct yaml_value *map, const char *key)
{
    if (!map || map->kind != YAML_VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->children[i]->key, key) == 0)
            return map->children[i];
    return NULL;
}

const struct yaml_value *yaml_require(const struct yaml_value *map, const char *key,
                                      struct error *error)
{
    char place[PLACE_SIZE];
    if (yaml_check_map(map, error) != 0)
        return NULL;
    const struct yaml_value *value = yaml_get(map, key);
    if (!value)
        (void)yaml_fail(map, error, "key '%s' is missing in '%s'", key,
                        yaml_place(map, place, sizeof place));
    return value;
}

int yaml_check_keys(const struct yaml_value *value, const char *const *known, struct error *error)
{
    if (!value)
        return 0;
    if (yaml_check_map(value, error) != 0)
        return -1;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_value *child = value->children[i];
        const char *const *name = known;
        while (*name && strcmp(*name, child->key) != 0)
            name++;
        if (*name)
            continue;
        char list[300] = "";
        size_t used = 0;
        for (name = known; *name && used < sizeof list; name++)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", *name);
        char place[PLACE_SIZE];
        return yaml_fail(child, error, "unknown key '%.60s' in '%s'; known keys: %s", child->key,
                         yaml_place(value, place, sizeof place), list);
    }
    return 0;
}

static bool is_null(const struct yaml_value *value)
{
    return value->kind == YAML_VALUE_SCALAR && !value->quoted &&
           (value->text[0] == '\0' || strcmp(value->text, "~") == 0 ||
            strcmp(value->text, "null") == 0);
}

/* "PLACE must be WHAT, not WHAT CAME". */
static int wrong(const struct yaml_value *value, const char *expected, struct error *error)
{
    char place[PLACE_SIZE];
    char came[80];
    if (value->kind == YAML_VALUE_MAP)
        (void)snprintf(came, sizeof came, "a map");
    else if (value->kind == YAML_VALUE_LIST)
        (void)snprintf(came, sizeof came, "a list");
    else if (is_null(value))
        (void)snprintf(came, sizeof came, "nothing");
    else
        (void)snprintf(came, sizeof came, "%s'%.60s'", value->quoted ? "the text " : "",
                       value->text);
    return yaml_fail(value, error, "'%s' must be %s, not %s",
                     yaml_place(value, place, sizeof place), expected, came);
}

int yaml_check_map(const struct yaml_value *value, struct error *error)
{
    return !value || value->kind == YAML_VALUE_MAP ? 0 : wrong(value, "a map", error);
}

int yaml_check_list(const struct yaml_value *value, struct error *error)
{
    return !value || value->kind == YAML_VALUE_LIST ? 0 : wrong(value, "a list", error);
}

int yaml_string(const struct yaml_value *value, const char **out, struct error *error)
{
    if (!value)
        return 0;
    if (value->kind != YAML_VALUE_SCALAR || is_null(value))
        return wrong(value, "text", error);
    *out = value->text;
    return 0;
}

int yaml_integer(const struct yaml_value *value, int64_t minimum, int64_t maximum, int64_t *out,
                 struct error *error)
{
    if (!value)
        return 0;
    char expected[80];
    (void)snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)minimum,
                   (long long)maximum);
    if (value->kind != YAML_VALUE_SCALAR || value->quoted)
        return wrong(value, expected, error);
    const char *digits = value->text + (value->text[0] == '-');
    int base = strncmp(digits, "0x", 2) == 0 ? 16 : 10;
    const char *allowed = base == 16 ? "0123456789abcdefABCDEFx" : "0123456789";
    char *end;
    errno = 0;
    long long number = strtoll(value->text, &end, base);
    if (!*digits || digits[strspn(digits, allowed)] || *end || errno || number < minimum ||
        number > maximum)
        return wrong(value, expected, error);
    *out = number;
    return 0;
}

int yaml_boolean(const struct yaml_value *value, bool *out, struct error *error)
{
    if (!value)
        return 0;
    bool plain = value->kind == YAML_VALUE_SCALAR && !value->quoted;
    if (!plain || (strcmp(value->text, "true") != 0 && strcmp(value->text, "false") != 0))
        return wrong(value, "true or false", error);
    *out = value->text[0] == 't';
    return 0;
}

int yaml_duration(const struct yaml_value *value, int *milliseconds, struct error *error)
{
    static const struct {
        const char *name;
        int milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
    static const char expected[] = "a duration of at most 24h, such as 500ms, 2s, 1.5s or 3min";
    enum { DAY = 86400000 };
    if (!value)
        return 0;
    if (value->kind != YAML_VALUE_SCALAR || value->quoted)
        return wrong(value, expected, error);

    /* At most eight digits before the point and three behind it: no overflow, no rounding. */
    const char *text = value->text;
    size_t whole_digits = strspn(text, "0123456789");
    if (whole_digits == 0 || whole_digits > 8)
        return wrong(value, expected, error);
    int64_t thousandths = strtoll(text, NULL, 10) * 1000;
    const char *unit = text + whole_digits;
    if (*unit == '.') {
        size_t digits = strspn(++unit, "0123456789");
        if (digits == 0 || digits > 3)
            return wrong(value, expected, error);
        int64_t weight = 100;
        for (; digits > 0; digits--, weight /= 10)
            thousandths += (*unit++ - '0') * weight;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            int64_t product = thousandths * units[i].milliseconds;
            if (product % 1000 != 0 || product / 1000 > DAY)
                break;
            *milliseconds = (int)(product / 1000);
            return 0;
        }
    return wrong(value, expected, error);
}
