/* What a program is told, as a table: each setting by its option (--name VALUE or --name=VALUE), else
 * by its environment variable, else it keeps the value it has. A variable holds several texts with
 * spaces between them, and has no say once the option is given. */
#ifndef PINHOLE_NODE_SETTINGS_H
#define PINHOLE_NODE_SETTINGS_H

#include "base/error.h"
#include "node/common/place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
    SETTING_FLAG,    /* without a value; target: bool, set true */
    SETTING_TEXT,    /* target: const char * */
    SETTING_NUMBER,  /* target: uint32_t from minimum to maximum */
    SETTING_SECONDS, /* target: uint32_t, milliseconds from minimum to maximum; "0.2" is 200 */
    SETTING_PLACE,   /* target: struct optional_place */
    SETTING_TEXTS    /* target: struct setting_texts; each time it is given adds one */
};

enum { SETTING_TEXTS_ROOM = 16 };

struct setting_texts {
    uint8_t count;
    const char *text[SETTING_TEXTS_ROOM];
};

struct optional_place {
    bool given;
    struct place place;
};

struct setting {
    const char *option;      /* without the dashes */
    const char *environment; /* or NULL */
    enum setting_kind kind;
    void *target;
    uint32_t minimum;
    uint32_t maximum;
    const char *help; /* one line, the default in parentheses */
};

enum settings_result { SETTINGS_GO, SETTINGS_HELP, SETTINGS_BAD };

/* Reads environment and command line into the targets; SETTINGS_BAD with error at the first thing
 * that isn't understood. For --help it prints about, a few lines, and a line for each setting. */
enum settings_result settings_read(const char *about, const struct setting *settings, size_t count,
                                   int argument_count, char *const *arguments, struct error *error);

/* The status of a program that was told something it does not understand. */
enum { EXIT_USAGE = 2 };

/* The status that main() ends with as settings_read() returned result, or -1: it goes on. Prints what was bad. */
int settings_status(enum settings_result result, const struct error *error);

#endif
