/* What a program of the lab tells: one line per change of its state, on standard output at once, so
 * that steps of a scenario and people can follow it. */
#ifndef PINHOLE_NODE_SAY_H
#define PINHOLE_NODE_SAY_H

#include <stdbool.h>

/* Prints "PROGRAM: TEXT" and a newline, and flushes. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True where the one argument is --version, and then the version has been printed. */
bool say_version(int argument_count, char *const *arguments);

#endif
