#include "cli/verbs.h"

#include "cli/ask_options.h"
#include "cli/list_suite.h"
#include "cli/run_options.h"
#include "cli/test_options.h"

#include <stddef.h>

const struct verb verbs[] = {
    {"ask", ASK_USAGE, "send any PCP or NAT-PMP request and show its answer; --help says how",
     verb_ask},
    {"check", "CAPTURE... [--json] [--quiet] [--port N] [--time-scale X]",
     "judge the PCP and NAT-PMP messages of captures", verb_check},
    {"decode", "CAPTURE [--json]", "show every PCP, NAT-PMP and CoAP message of a capture",
     verb_decode},
    {"list", LIST_USAGE, "show what there is", verb_list},
    {"merge", MERGE_USAGE, "one report of the reports of shards", verb_merge},
    {"run", RUN_OPTIONS_USAGE, "build a scenario's lab, carry out its steps, judge its packets",
     verb_run},
    {"test", TEST_USAGE, "run the conformance suite against a gateway, a device or a proxy",
     verb_test},
    {"up", RUN_OPTIONS_USAGE, "build a scenario's lab and keep it for commands and shells",
     verb_up},
    {"report", "RUN... [--out DIR]", "write HTML and Markdown about the folders of runs",
     verb_report},
    {NULL, NULL, NULL, NULL},
};
