/* A sealed process tree: own user, PID, mount, network, IPC and UTS namespaces.
 *
 * sandbox_run forks; body runs as PID 1 of the new tree. The kernel ends the tree when PID 1 dies, and
 * PID 1 dies when the process that called sandbox_run does. Nothing of the host's network is
 * visible inside, the host's root is not mapped, the file system is read-only but for one folder.
 * No namespace descriptor is ever held outside: it would keep the lab alive.
 */
#ifndef PINHOLE_LAB_SANDBOX_H
#define PINHOLE_LAB_SANDBOX_H

#include "base/error.h"

struct sandbox {
    const char *writable; /* folder of the host that stays writable, at the same path; or NULL */
};

/* Runs body(argument) inside. Returns what body returned (0..255), or -1 with an error if the
 * sandbox could not be made (which setting of the kernel forbids it) or was killed. */
int sandbox_run(const struct sandbox *sandbox, int (*body)(void *argument), void *argument,
                struct error *error);

#endif
