/* `pinhole list requirements|cases|defects`: the registers, what judges each requirement, and what proves that
 * it can be found broken. */
#ifndef PINHOLE_CLI_LIST_SUITE_H
#define PINHOLE_CLI_LIST_SUITE_H

#include <stdbool.h>

#define LIST_USAGE "requirements|cases|defects|scenarios|peers|objects [--json]"

/* Each prints its list, as JSON or for people, and returns an exit code. */
int list_requirements(bool json);
int list_cases(bool json);
int list_defects(bool json);

#endif
