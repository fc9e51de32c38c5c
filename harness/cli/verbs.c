#include "cli/verbs.h"

#include <stddef.h>

const struct verb verbs[] = {
    {"decode", "CAPTURE [--json]", "show every PCP, NAT-PMP and CoAP message of a capture",
     verb_decode},
    {"report", "RUN... [--out DIR]", "write HTML and Markdown about the folders of runs",
     verb_report},
    {NULL, NULL, NULL, NULL},
};
