/* What a run leaves for machines (result.json, messages.json, traffic.json) and tells people. */
#ifndef PINHOLE_CLI_RESULT_H
#define PINHOLE_CLI_RESULT_H

#include "base/error.h"
#include "cli/engine.h"
#include "cli/judge.h"
#include "cli/scenario.h"
#include "cli/screen.h"

#include <stdint.h>
#include <time.h>

struct result {
    const struct scenario *scenario;
    const struct record *record;
    const struct judgement *judgement;
    const char *folder;  /* of the run */
    const char *command; /* that repeats it */
    uint64_t seed;
    struct timespec started; /* CLOCK_REALTIME */
    double seconds;          /* from the command's start to its verdict */
};

/* Writes the three files. 0; or -1 and an error, those that could be written standing. */
int result_write(const struct result *result, struct error *error);
/* The summary on the screen. */
void result_tell(const struct result *result, const struct screen *screen);

#endif
