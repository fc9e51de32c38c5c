/* What a program of the lab tells: one line per change of its state, on standard output at once, so
 * that steps of a scenario and people can follow it. */
#ifndef PINHOLE_NODE_SAY_H
#define PINHOLE_NODE_SAY_H

/* Prints "PROGRAM: TEXT" and a newline, and flushes. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
