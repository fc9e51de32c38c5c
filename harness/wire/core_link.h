/* The CoRE link format, RFC 6690: </3/0>;ver=1.1,</1>;rt="oma.lwm2m". Read and written without a heap. */
#ifndef PINHOLE_WIRE_CORE_LINK_H
#define PINHOLE_WIRE_CORE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk through the links of a text, and one through the attributes of a link. */
struct core_link {
    const char *target; /* between < and > */
    size_t target_length;
    const char *attributes; /* ;ver=1.1;ct="40", or nothing */
    size_t attributes_length;
};

struct core_link_attribute {
    const char *name;
    size_t name_length;
    const char *value; /* without its quotes, escapes as they stand; NULL if it has none */
    size_t value_length;
};

/* CORE_LINK_END when none is left, CORE_LINK_BAD when the rest is no link; *offset starts at 0. Blanks behind a
 * comma, which RFC 6690 doesn't allow and people write, are skipped. What is found points into text. */
enum core_link_step { CORE_LINK_FOUND, CORE_LINK_END, CORE_LINK_BAD };

enum core_link_step core_link_next(const char *text, size_t length, size_t *offset,
                                   struct core_link *out);

/* The attributes of a link that core_link_next() found, whose form it has checked; *offset starts at 0. */
bool core_link_attribute_next(const struct core_link *link, size_t *offset,
                              struct core_link_attribute *out);

/* The attribute called name, the first if there are several; false if there is none. */
bool core_link_attribute(const struct core_link *link, const char *name,
                         struct core_link_attribute *out);

/* A text under construction, without a NUL; fits starts as true, and turns false when there was no room
 * for it all. */
struct core_link_writer {
    char *text;
    size_t capacity;
    size_t length;
    bool fits;
};

/* <target>, with a comma in front of all but the first. */
void core_link_write_target(struct core_link_writer *writer, const char *target);
/* ;name or, if value is not NULL, ;name=value, quoted if quoted. Everything is written as it stands: a quote or
 * a backslash in value must have its backslash already. */
void core_link_write_attribute(struct core_link_writer *writer, const char *name, const char *value,
                               bool quoted);

#endif
