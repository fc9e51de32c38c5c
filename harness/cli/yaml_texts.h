/* Readers for what scenario and peer files share, above those of lab/yaml.h: lists and maps of texts,
 * patterns, signals, choices. Each returns 0, or -1 with an error; a value of NULL (an optional key that
 * is absent) is no error and leaves *out as it was.
 */
#ifndef PINHOLE_CLI_YAML_TEXTS_H
#define PINHOLE_CLI_YAML_TEXTS_H

#include "base/error.h"
#include "lab/yaml.h"

#include <stddef.h>

/* A list of texts that belong to a document; NULL at the end, for execve's sake. */
struct texts {
    const char **text; /* NULL if the key is absent */
    size_t count;
    int line;
};

/* out->text is for free(), its texts belong to the document. */
int texts_list(const struct yaml_value *value, struct texts *out, struct error *error);
/* Sees that value is a map and each of its values a text. */
int texts_check_map(const struct yaml_value *value, struct error *error);
/* A POSIX extended regular expression that compiles. */
int texts_pattern(const struct yaml_value *value, const char **out, struct error *error);
/* The name of a signal. */
int texts_signal(const struct yaml_value *value, int *out, struct error *error);
/* 1 and up for "TERM" or "SIGTERM"; 0 if there is no such signal. */
int texts_signal_number(const char *name);
/* One of choices, which NULL ends. */
int texts_choice(const struct yaml_value *value, const char *const *choices, const char **out,
                 struct error *error);

#endif
