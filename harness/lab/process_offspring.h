/* The offspring of a program, wherever it went: a daemon leaves its parent, its session and its
 * output behind, but not its environment, so that carries a mark with the program's number.
 */
#ifndef PINHOLE_LAB_PROCESS_OFFSPRING_H
#define PINHOLE_LAB_PROCESS_OFFSPRING_H

#include <stddef.h>
#include <sys/types.h>

enum { PROCESS_MARK_SIZE = 40 };

/* The NAME=value that must stand in the program's environment. */
void process_offspring_mark(unsigned number, char mark[PROCESS_MARK_SIZE]);
/* A living marked child of the calling process; 0 if there is none. */
pid_t process_offspring_heir(unsigned number);
/* Signals (0: only counts) first, unless it is 0, and every other living process with the mark; returns
 * how many there are. first needs no mark: a program that writes its title over its environment
 * loses it. */
size_t process_offspring_signal(unsigned number, pid_t first, int signal_number);

#endif
