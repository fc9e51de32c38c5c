#include "cli/verbs.h"

#include <stddef.h>

const struct verb verbs[] = {
    {"report", "RUN... [--out DIR]", "write HTML and Markdown about the folders of runs",
     verb_report},
    {NULL, NULL, NULL, NULL},
};
