/* A JSON array that is written element by element, so that its length costs no memory. */
#ifndef PINHOLE_MEASURE_JSON_FILE_H
#define PINHOLE_MEASURE_JSON_FILE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_file {
    FILE *stream;
    const char *path; /* the caller's */
    uint64_t count;   /* elements written */
    bool failed;      /* an element could not be made or written; errno_value says why */
    int errno_value;
};

/* Creates or empties path. -1 and an error if that fails. */
int json_file_open(struct json_file *file, const char *path, struct error *error);
/* Writes one element on a line of its own, and takes it over (NULL: there was no memory for it). What
 * fails here is told by json_file_close. */
void json_file_add(struct json_file *file, json_t *element);
/* Ends the array. 0, or -1 and an error if anything was not written; the file is closed anyway. */
int json_file_close(struct json_file *file, struct error *error);

/* A JSON string. Of text that is not UTF-8 only the ASCII stays, with '?' for every other octet. NULL
 * without memory. */
json_t *json_file_text(const char *text);

#endif
