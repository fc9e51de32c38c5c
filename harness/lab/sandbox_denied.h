/* Why a kernel refuses to make a sandbox, in words that say what to do about it. */
#ifndef PINHOLE_LAB_SANDBOX_DENIED_H
#define PINHOLE_LAB_SANDBOX_DENIED_H

#include "base/error.h"

/* Writes one line: the step that failed ("making a user namespace"), and the setting that forbids it if
 * one can be found. Returns -1. */
int sandbox_denied(struct error *error, int errno_value, const char *step);

#endif
