#include "node/common/settings.h"

#include "node/common/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

/* Seconds with up to three decimals, into milliseconds. */
static bool parse_seconds(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (end == text || *end || errno || !(seconds >= 0 && seconds < 4e6))
        return false;
    *out = (uint32_t)(seconds * 1000 + 0.5);
    return true;
}

static int set_number(const struct setting *setting, const char *text, const char *what,
                      bool (*parse)(const char *, uint32_t *), double unit, struct error *error)
{
    uint32_t number;
    if (!parse(text, &number) || number < setting->minimum || number > setting->maximum)
        return error_set(error, "%s: expected a number from %.10g to %.10g, got '%s'", what,
                         setting->minimum / unit, setting->maximum / unit, text);
    *(uint32_t *)setting->target = number;
    return 0;
}

static int set_place(struct optional_place *target, const char *text, const char *what,
                     struct error *error)
{
    if (!place_parse(text, &target->place))
        return error_set(error, "%s: expected an IPv4 or IPv6 address, got '%s'", what, text);
    target->given = true;
    return 0;
}

static int add_text(struct setting_texts *target, const char *text, const char *what,
                    struct error *error)
{
    if (target->count == SETTING_TEXTS_ROOM)
        return error_set(error, "%s: at most %d of them", what, SETTING_TEXTS_ROOM);
    target->text[target->count++] = text;
    return 0;
}

static int set(const struct setting *setting, const char *text, const char *what,
               struct error *error)
{
    switch (setting->kind) {
    case SETTING_FLAG:
        *(bool *)setting->target = true;
        return 0;
    case SETTING_TEXT:
        *(const char **)setting->target = text;
        return 0;
    case SETTING_NUMBER:
        return set_number(setting, text, what, parse_number, 1, error);
    case SETTING_SECONDS:
        return set_number(setting, text, what, parse_seconds, 1000, error);
    case SETTING_PLACE:
        return set_place(setting->target, text, what, error);
    case SETTING_TEXTS:
        return add_text(setting->target, text, what, error);
    }
    return -1;
}

static const struct setting *find(const struct setting *settings, size_t count, const char *name,
                                  size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(settings[i].option) == length && !memcmp(settings[i].option, name, length))
            return &settings[i];
    }
    return NULL;
}

/* Takes the option at arguments[*at], and its value behind it. */
static int take(const struct setting *settings, size_t count, int argument_count,
                char *const *arguments, int *at, struct error *error)
{
    const char *argument = arguments[(*at)++];
    if (strncmp(argument, "--", 2) != 0)
        return error_set(error, "expected an option, got '%s' (try --help)", argument);
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    const struct setting *setting = find(settings, count, name, length);
    if (!setting)
        return error_set(error, "unknown option '%s' (try --help)", argument);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    if (setting->kind == SETTING_FLAG && value)
        return error_set(error, "--%s takes no value", setting->option);
    if (setting->kind != SETTING_FLAG && !value) {
        if (*at >= argument_count)
            return error_set(error, "--%s needs a value", setting->option);
        value = arguments[(*at)++];
    }
    char what[64];
    snprintf(what, sizeof what, "--%s", setting->option);
    return set(setting, value, what, error);
}

static bool is_given(const struct setting *setting, int count, char *const *arguments)
{
    size_t length = strlen(setting->option);
    for (int at = 1; at < count; at++) {
        const char *argument = arguments[at];
        if (strncmp(argument, "--", 2) == 0 &&
            strncmp(argument + 2, setting->option, length) == 0 &&
            (!argument[2 + length] || argument[2 + length] == '='))
            return true;
    }
    return false;
}

static int set_from_environment(const struct setting *setting, struct error *error)
{
    char *value = setting->environment ? getenv(setting->environment) : NULL;
    if (!value || !*value)
        return 0;
    if (setting->kind != SETTING_TEXTS)
        return set(setting, value, setting->environment, error);
    /* The environment is the program's own: its copy of the variable is parted in place. */
    char *rest;
    for (char *word = strtok_r(value, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (set(setting, word, setting->environment, error) < 0)
            return -1;
    }
    return 0;
}

static void print_help(const char *about, const struct setting *settings, size_t count)
{
    static const char *const values[] = {
        [SETTING_FLAG] = "",          [SETTING_TEXT] = " TEXT",
        [SETTING_NUMBER] = " NUMBER", [SETTING_SECONDS] = " SECONDS",
        [SETTING_PLACE] = " ADDRESS", [SETTING_TEXTS] = " TEXT",
    };
    puts(about);
    for (size_t i = 0; i < count; i++) {
        int width = printf("  --%s%s", settings[i].option, values[settings[i].kind]);
        printf("%*s%s", width < 28 ? 28 - width : 1, "", settings[i].help);
        if (settings[i].environment)
            printf(" [%s]", settings[i].environment);
        putchar('\n');
    }
}

enum settings_result settings_read(const char *about, const struct setting *settings, size_t count,
                                   int argument_count, char *const *arguments, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_given(&settings[i], argument_count, arguments) &&
            set_from_environment(&settings[i], error) < 0)
            return SETTINGS_BAD;
    }
    for (int at = 1; at < argument_count;) {
        if (strcmp(arguments[at], "--help") == 0) {
            print_help(about, settings, count);
            return SETTINGS_HELP;
        }
        if (take(settings, count, argument_count, arguments, &at, error) < 0)
            return SETTINGS_BAD;
    }
    return SETTINGS_GO;
}

int settings_status(enum settings_result result, const struct error *error)
{
    if (result == SETTINGS_GO)
        return -1;
    if (result == SETTINGS_HELP)
        return EXIT_SUCCESS;
    complain("%s", error->text);
    return EXIT_USAGE;
}
