/* Starts one program in a network namespace: what happens between fork and exec. */
#ifndef PINHOLE_LAB_PROCESS_SPAWN_H
#define PINHOLE_LAB_PROCESS_SPAWN_H

#include "base/error.h"

#include <sys/types.h>

struct process_spawn {
    int network_namespace; /* descriptor */
    int output;            /* descriptor that becomes stdout and stderr */
    unsigned mark;         /* of all its offspring, process_offspring.h */
    char *const *argv;     /* argv[0] is a path */
    char *const *environment;
};

/* Returns the child's id once it was executed; -1 and which step failed otherwise. The child leads a
 * session of its own, reads from /dev/null, holds no other descriptor, has no signal blocked or
 * ignored, sees its namespace's interfaces in /sys, and dies with the calling thread. */
pid_t process_spawn(const struct process_spawn *spawn, struct error *error);

#endif
