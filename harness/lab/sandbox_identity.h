/* Which of the host's ids a sandbox gets: never the host's root. */
#ifndef PINHOLE_LAB_SANDBOX_IDENTITY_H
#define PINHOLE_LAB_SANDBOX_IDENTITY_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct sandbox_identity {
    char uid_map[64]; /* as /proc/PID/uid_map takes them */
    char gid_map[64];
    uid_t uid; /* of the host, that inner root is */
    gid_t gid;
    bool mapped_away;  /* started as root: inner root is somebody else */
    bool drops_groups; /* the lab may set its groups, so root's must go */
};

/* Chooses for the calling process; -1 and an error where only the host's root could be mapped. */
int sandbox_identity_choose(struct sandbox_identity *identity, struct error *error);
/* True if the id is one of the host's that the sandbox of a caller who is root has. */
bool sandbox_identity_has(uid_t id);
/* Gives the user namespace of the process its ids. Called from outside of it, by its creator. */
int sandbox_identity_write(const struct sandbox_identity *identity, pid_t pid, struct error *error);
/* Gives the user namespace inside that one, of the process that the /proc open as proc shows, the same ids.
 * Called from the outer one. */
int sandbox_identity_write_same(const struct sandbox_identity *identity, int proc, pid_t pid,
                                struct error *error);

#endif
