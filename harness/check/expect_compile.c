#include "check/expect_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 64 };

static const char *const operation_text[] = {"", "!=", ">=", "<=", ">", "<"};

/* Takes "[>=]VALUE" apart; text is moved behind the operation and its spaces. */
static enum expect_operation take_operation(const char **text)
{
    static const enum expect_operation longest_first[] = {NOT_EQUAL, AT_LEAST, AT_MOST, MORE, LESS};
    enum expect_operation found = EQUAL;
    for (size_t i = 0; i < sizeof longest_first / sizeof *longest_first && found == EQUAL; i++) {
        const char *sign = operation_text[longest_first[i]];
        if (strncmp(*text, sign, strlen(sign)) == 0) {
            found = longest_first[i];
            *text += strlen(sign);
        }
    }
    while (**text == ' ')
        (*text)++;
    return found;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct error *error, const char *file,
                                                        int line, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (line > 0)
        return error_set(error, "%s:%d: %s", file ? file : "expectations", line, text);
    return error_set(error, "%s: %s", file ? file : "expectations", text);
}

/* Number of an earlier expectation, or NO_REFERENCE. */
static size_t find_earlier(const struct expectation *list, size_t own, const char *name,
                           size_t name_length)
{
    for (size_t i = 0; i < own; i++)
        if (strlen(list[i].name) == name_length && memcmp(list[i].name, name, name_length) == 0)
            return i;
    return NO_REFERENCE;
}

/* ${NAME.FIELD}: finds out what it refers to. */
static int compile_reference(const struct expectation *list, size_t own, const char *text,
                             struct expect_term *condition, const char *file, int line,
                             struct error *error)
{
    size_t length = strlen(text);
    const char *dot = strrchr(text, '.');
    if (text[length - 1] != '}' || !dot)
        return refuse(error, file, line, "'%s': expected ${NAME.FIELD}", text);
    const char *name = text + 2;
    condition->reference = find_earlier(list, own, name, (size_t)(dot - name));
    if (condition->reference == NO_REFERENCE || list[condition->reference].absent)
        return refuse(error, file, line,
                      "'%s' refers to '%.*s': expected the name of an earlier expectation that is "
                      "not absent",
                      text, (int)(dot - name), name);
    char field_name[NAME_SIZE];
    (void)snprintf(field_name, sizeof field_name, "%.*s", (int)(text + length - 1 - dot - 1),
                   dot + 1);
    const struct see *see = see_find(list[condition->reference].see);
    if (!see || !field_find(see, field_name, &condition->reference_use))
        return refuse(error, file, line, "'%s': a %s packet has no field '%s'", text,
                      list[condition->reference].see, field_name);
    if (condition->reference_use.field->kind != condition->use.field->kind)
        return refuse(error, file, line, "'%s': field '%s' is of another kind than '%s'", text,
                      field_name, condition->use.field->name);
    return 0;
}

static int compile_condition(const struct expectation *list, size_t own, size_t which,
                             const struct see *see, struct expect_term *condition, const char *file,
                             struct error *error)
{
    const struct expect_condition *source = &list[own].where[which];
    int line = source->line ? source->line : list[own].line;
    condition->reference = NO_REFERENCE;
    if (!field_find(see, source->field, &condition->use))
        return refuse(error, file, line, "'%s': a %s packet has no such field", source->field,
                      see->word);
    const char *text = source->value;
    condition->operation = take_operation(&text);
    if (condition->operation > NOT_EQUAL && condition->use.field->kind != FIELD_NUMBER)
        return refuse(error, file, line, "'%s': only numbers are more or less than others",
                      source->value);
    if (strncmp(text, "${", 2) == 0)
        return compile_reference(list, own, text, condition, file, line, error);
    condition->resolved = field_parse(condition->use.field, text, &condition->value);
    if (!condition->resolved)
        return refuse(error, file, line, "'%s' is no value of the field '%s'", text, source->field);
    return 0;
}

static int compile_anchor(const struct expectation *list, size_t own, const char *key,
                          const char *name, size_t *out, const char *file, struct error *error)
{
    *out = NO_REFERENCE;
    if (!name)
        return 0;
    *out = find_earlier(list, own, name, strlen(name));
    if (*out == NO_REFERENCE || list[*out].absent)
        return refuse(error, file, list[own].line,
                      "'%s: %s': expected the name of an earlier expectation that is not absent",
                      key, name);
    return 0;
}

static int compile_count(const struct expectation *expectation, struct expect_compiled *out,
                         const char *file, struct error *error)
{
    static const struct field number = {"count", FIELD_NUMBER, NULL, NULL};
    struct field_value value = {.number = 1};
    const char *text = expectation->count;
    out->count_operation = AT_LEAST;
    if (text) {
        out->count_operation = take_operation(&text);
        if (!field_parse(&number, text, &value) || expectation->absent || value.number == 0)
            return refuse(error, file, expectation->line,
                          "'count: %s': expected a number over 0, of packets that are not absent",
                          expectation->count);
    }
    out->count = value.number;
    return 0;
}

int expect_compile(const struct expectation *list, size_t own, struct expect_compiled *out,
                   const char *file, struct error *error)
{
    const struct expectation *source = &list[own];
    *out = (struct expect_compiled){.see = see_find(source->see)};
    if (find_earlier(list, own, source->name, strlen(source->name)) != NO_REFERENCE)
        return refuse(error, file, source->line, "two expectations have the name '%s'",
                      source->name);
    if (!out->see)
        return refuse(error, file, source->line,
                      "'see: %s': expected pcp, natpmp, coap, dtls, udp, tcp or icmp", source->see);
    if (source->direction && strcmp(source->direction, "in") != 0 &&
        strcmp(source->direction, "out") != 0)
        return refuse(error, file, source->line, "'direction: %s': expected in or out",
                      source->direction);
    if (source->quiet < 0)
        return refuse(error, file, source->line, "'quiet' is a time over 0");
    if (compile_count(source, out, file, error) != 0 ||
        compile_anchor(list, own, "after", source->after, &out->after, file, error) != 0 ||
        compile_anchor(list, own, "before", source->before, &out->before, file, error) != 0)
        return -1;
    for (size_t i = 0; i < source->where_count; i++)
        if (compile_condition(list, own, i, out->see, &out->conditions[i], file, error) != 0)
            return -1;
    return 0;
}

int expect_validate(const struct expectation *list, size_t count, const char *file,
                    struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct expect_compiled compiled;
        if (expect_compile(list, i, &compiled, file, error) != 0)
            return -1;
    }
    return 0;
}
