/* What programs are told of the lab: NAME=VALUE pairs, handed over as their environment.
 *
 * A scenario and a peer write ${NAME} where a fact's value belongs: in arguments, in other facts, in
 * configuration files; ${NAME:-DEFAULT} where it may be absent. A ${NAME} that nobody set is an error,
 * never an empty text.
 */
#ifndef PINHOLE_CLI_FACTS_H
#define PINHOLE_CLI_FACTS_H

#include "base/error.h"

#include <stddef.h>

/* All zero is an empty set. */
struct facts {
    char **
        pairs; /* "NAME=VALUE", NULL at the end: an environment as execve takes it; NULL if empty */
    size_t count;
};

/* Adds a fact, or replaces its value. */
void facts_set(struct facts *facts, const char *name, const char *value);
/* NULL if there is none. The text lives until the fact is set again. */
const char *facts_get(const struct facts *facts, const char *name);
/* Replaces each ${NAME} by its value, once: a value is not looked into. For free(); NULL and an error
 * that names the unknown fact or shows the ${ that has no end. */
char *facts_expand(const struct facts *facts, const char *text, struct error *error);
/* Forgets a fact; one that isn't there is fine. */
void facts_unset(struct facts *facts, const char *name);
void facts_free(struct facts *facts);

#endif
