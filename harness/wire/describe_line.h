/* A line that grows until its room is used up. Private to wire/describe*.c. */
#ifndef PINHOLE_WIRE_DESCRIBE_LINE_H
#define PINHOLE_WIRE_DESCRIBE_LINE_H

#include <stddef.h>

struct line {
    char *text; /* always ended by a NUL */
    size_t size;
    size_t length;
};

/* size is at least 1. */
struct line line_begin(char *text, size_t size);

/* What has no room is cut. */
__attribute__((format(printf, 2, 3))) void line_add(struct line *line, const char *format, ...);

/* The name; or, if it is NULL, the kind of code and its number. */
void line_add_name(struct line *line, const char *name, const char *kind, unsigned code);

#endif
