#include "cli/yaml_texts.h"

#include "cli/memory.h"

#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

int texts_list(const struct yaml_value *value, struct texts *out, struct error *error)
{
    if (!value)
        return 0;
    if (yaml_check_list(value, error) != 0)
        return -1;
    out->text = memory_new(value->count + 1, sizeof *out->text);
    out->count = value->count;
    out->line = value->line;
    for (size_t i = 0; i < value->count; i++)
        if (yaml_string(value->children[i], &out->text[i], error) != 0)
            return -1;
    return 0;
}

int texts_check_map(const struct yaml_value *value, struct error *error)
{
    if (!value)
        return 0;
    if (yaml_check_map(value, error) != 0)
        return -1;
    const char *text;
    for (size_t i = 0; i < value->count; i++)
        if (yaml_string(value->children[i], &text, error) != 0)
            return -1;
    return 0;
}

int texts_pattern(const struct yaml_value *value, const char **out, struct error *error)
{
    if (!value)
        return 0;
    if (yaml_string(value, out, error) != 0)
        return -1;
    regex_t compiled;
    int code = regcomp(&compiled, *out, REG_EXTENDED);
    if (code != 0) {
        char why[120];
        (void)regerror(code, &compiled, why, sizeof why);
        return yaml_fail(value, error, "expected a regular expression, got '%s': %s", *out, why);
    }
    regfree(&compiled);
    return 0;
}

int texts_signal_number(const char *name)
{
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known && strcmp(known, name) == 0)
            return number;
    }
    return 0;
}

int texts_signal(const struct yaml_value *value, int *out, struct error *error)
{
    const char *name;
    if (!value)
        return 0;
    if (yaml_string(value, &name, error) != 0)
        return -1;
    *out = texts_signal_number(name);
    return *out ? 0
                : yaml_fail(value, error, "expected a signal's name such as USR1, got '%s'", name);
}

int texts_choice(const struct yaml_value *value, const char *const *choices, const char **out,
                 struct error *error)
{
    const char *text;
    if (!value)
        return 0;
    if (yaml_string(value, &text, error) != 0)
        return -1;
    char known[200] = "";
    for (const char *const *choice = choices; *choice; choice++) {
        if (strcmp(*choice, text) == 0) {
            *out = *choice;
            return 0;
        }
        size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", *choice);
    }
    return yaml_fail(value, error, "expected one of %s; got '%s'", known, text);
}
