#include "wire/describe_line.h"

#include <stdarg.h>
#include <stdio.h>

struct line line_begin(char *text, size_t size)
{
    text[0] = '\0';
    return (struct line){text, size, 0};
}

void line_add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = line->size - line->length;
    int wanted = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        line->length += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void line_add_name(struct line *line, const char *name, const char *kind, unsigned code)
{
    if (name)
        line_add(line, "%s", name);
    else
        line_add(line, "%s %u", kind, code);
}
