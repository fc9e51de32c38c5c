/* Random octets: the kernel's, or a repeatable series for a run that is to be repeated.
 *
 * A lab tells each program its seed in PINHOLE_SEED, and its own name in PINHOLE_PROGRAM, so that two
 * programs of one run don't draw the same numbers. Whoever can set a program's environment can do
 * worse than guess its nonces; where the variable is absent they are unguessable (RFC 6887 section
 * 11.2, by way of RFC 4086).
 */
#ifndef PINHOLE_NODE_CHANCE_H
#define PINHOLE_NODE_CHANCE_H

#include "base/error.h"

#include <stddef.h>

/* Fills size octets. 0, or -1 with error where the kernel has none to give. */
int chance_fill(void *octets, size_t size, struct error *error);

#endif
