/* YAML documents as trees whose every value knows its file, line and place.
 *
 * A file is hostile until read: size, depth and number of values are capped, a key given twice is
 * refused, an alias copies what its anchor named (and may not stand inside it). Every message names
 * file and line, and says what was expected and what came:
 *   home.yaml:12: unknown key 'adress' in 'nodes.device'; known keys: forward, routes
 */
#ifndef PINHOLE_LAB_YAML_H
#define PINHOLE_LAB_YAML_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yaml_kind { YAML_VALUE_SCALAR, YAML_VALUE_LIST, YAML_VALUE_MAP };

/* To be read freely, and written by yaml.c alone. */
struct yaml_value {
    enum yaml_kind kind;
    const char *file; /* as it was given to yaml_load */
    int line;         /* where the value begins (a map's value: where its key stands) */
    int text_line;    /* where a scalar's text begins: below the | of a block */
    const char *key;  /* its key in the map above; NULL elsewhere */
    size_t index;     /* its place in the list or map above */
    const struct yaml_value *parent; /* NULL at the root */
    char *text;                      /* of a scalar */
    bool quoted;                  /* a scalar in quotes or a block: never a number, bool or null */
    struct yaml_value **children; /* of a list or a map, in the file's order */
    size_t count;
};

/* Reads one document from a file, or from text that came from the place called file. The caller
 * frees it with yaml_unload; file is copied. NULL and an error if it can't be read or isn't YAML. */
struct yaml_value *yaml_load(const char *file, struct error *error);
struct yaml_value *yaml_load_text(const char *file, const char *text, size_t length,
                                  struct error *error);
/* Frees a document. (libyaml itself has a yaml_free.) */
void yaml_unload(struct yaml_value *root);

/* Writes "FILE:LINE: " and the message; returns -1. value gives the place. */
int yaml_fail(const struct yaml_value *value, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes where a value stands, "nodes.device.routes[0]", or "the file" for the root. Returns text. */
const char *yaml_place(const struct yaml_value *value, char *text, size_t size);

/* The value of a key, or NULL if the map lacks it (or map is NULL or no map). */
const struct yaml_value *yaml_get(const struct yaml_value *map, const char *key);
/* As yaml_get, but a missing key is an error. */
const struct yaml_value *yaml_require(const struct yaml_value *map, const char *key,
                                      struct error *error);
/* Fails unless value is a map whose keys are all among known (which NULL ends). */
int yaml_check_keys(const struct yaml_value *value, const char *const *known, struct error *error);

/* Typed readers. Each returns 0, or -1 with an error when the value has another type or is out of
 * range. A value of NULL (an optional key that is absent) is no error and leaves *out as it was. */

int yaml_check_map(const struct yaml_value *value, struct error *error);
int yaml_check_list(const struct yaml_value *value, struct error *error);
/* Any scalar but an empty one; *out belongs to the document. Numbers and bools are text too. */
int yaml_string(const struct yaml_value *value, const char **out, struct error *error);
/* Decimal, or hexadecimal behind 0x; minimum <= *out <= maximum. */
int yaml_integer(const struct yaml_value *value, int64_t minimum, int64_t maximum, int64_t *out,
                 struct error *error);
/* true or false. */
int yaml_boolean(const struct yaml_value *value, bool *out, struct error *error);
/* A number with its unit: 500ms, 2s, 1.5s, 2min, 1h. At most a day; whole milliseconds. */
int yaml_duration(const struct yaml_value *value, int *milliseconds, struct error *error);

#endif
