/* Programs that end by their own doing: by a signal of the kernel or the C library that nobody sent. */
#ifndef PINHOLE_LAB_PROCESS_FAULT_H
#define PINHOLE_LAB_PROCESS_FAULT_H

#include <signal.h>

/* The signal of that kind (SEGV, ABRT, ...) by which a program ended, 0 if it ended otherwise. status is as
 * waitpid gives it; sent are the signals that it was sent. A status of 128 and more is a shell's way to
 * say by which signal its child ended. */
int process_fault_of(int status, const sigset_t *sent);

#endif
