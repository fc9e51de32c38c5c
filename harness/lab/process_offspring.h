/* The offspring of a program, wherever it went: a daemon leaves its parent, its session, its output.
 *
 * Every program gets a mark that all its offspring inherits: its number as the soft limit
 * RLIMIT_LOCKS, which has meant nothing to Linux since 2.4 and so is left alone by programs. (A mark
 * in the environment is overwritten by a program that sets its title, and can't be read while a
 * process is in the middle of exec.)
 */
#ifndef PINHOLE_LAB_PROCESS_OFFSPRING_H
#define PINHOLE_LAB_PROCESS_OFFSPRING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Marks the calling process; false and errno if the kernel refuses. */
bool process_offspring_mark(unsigned number);
/* A living marked child of the calling process; 0 if there is none. */
pid_t process_offspring_heir(unsigned number);
/* Signals (0: only counts) every living process with the mark; returns how many there are. */
size_t process_offspring_signal(unsigned number, int signal_number);

#endif
