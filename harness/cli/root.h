/* Where the files that come with the program lie: scenarios/, captures/, dissector/, reports/. */
#ifndef PINHOLE_CLI_ROOT_H
#define PINHOLE_CLI_ROOT_H

#include "base/error.h"

#include <stddef.h>

/* Writes the path of file, given relative to the project's root ("reports/report.py"). Looked for
 * above the running program, in each folder from its own upwards (build/pinhole, build/clang/pinhole),
 * and in share/pinhole there (PREFIX/bin/pinhole). 0; or -1 and an error if it is nowhere. */
int root_find(const char *file, char *path, size_t size, struct error *error);

#endif
