/* A sealed process tree: own user, PID, mount, network, IPC, UTS and cgroup namespaces.
 *
 * sandbox_run forks; body runs as PID 1 of the new tree. The kernel ends the tree when PID 1 dies,
 * and PID 1 dies when the process that called sandbox_run does, however that happens:
 *
 *     caller --fork--> keeper --fork--> PID 1, which runs body --fork--> the lab's programs
 *
 * A PID namespace takes in only the children of the process that unshared it, hence the keeper. It stays in
 * an outer user namespace; PID 1 goes into an inner one, in which the mounts made before are locked. Each
 * arrow is a parent-death signal, SIGKILL. It fires when the *thread* that forked ends: call
 * sandbox_run from a thread that lives as long as the lab is wanted.
 *
 * What holds inside:
 * - No interface of the host is visible, and the namespaces made inside have none but each other's:
 *   no packet can leave.
 * - The host's root is not mapped. For an ordinary user, inner root is that user. For root it is
 *   65534, "nobody", and the other ids are 100001 and up, so that programs can drop privileges.
 * - All files are read-only but for the writable folder, /run, /dev/shm, /proc and /sys. /run is fresh and
 *   empty (TMPDIR and HOME are in it); so no socket of the host's services is there. /proc shows the
 *   tree, /sys its namespace, /etc/resolv.conf is empty: a lookup fails at once instead of waiting.
 * - A folder that only the host's root can enter is as good as absent, but for the working folder,
 *   this program's, the writable one and those of needed files.
 * - No file descriptor of the caller but 0, 1 and 2 is open. No namespace descriptor may ever be held
 *   outside: it would keep a part of the lab alive.
 *
 * As root, files that body writes into the folder belong to root outside: an id-mapped mount does it
 * where kernel and file system can; elsewhere the folder is given to 65534 as long as the lab runs,
 * and given back, with what was written, when it ends (after kill -9 it stays with 65534).
 */
#ifndef PINHOLE_LAB_SANDBOX_H
#define PINHOLE_LAB_SANDBOX_H

#include "base/error.h"

struct sandbox {
    /* Folder of the host, which must exist, that stays writable, at the same path; or NULL. */
    const char *writable;
    /* Files that programs inside need, ended by a NULL; or NULL. The folder of each is shown even where
     * it lies below a folder that is its owner's alone; the file itself must be open to others. */
    const char *const *needed;
};

/* Runs body(argument) inside, in a copy of the caller's memory. Returns what body returned (0..255),
 * or -1 with an error if the sandbox could not be made (which setting of the kernel forbids it) or
 * was killed. */
int sandbox_run(const struct sandbox *sandbox, int (*body)(void *argument), void *argument,
                struct error *error);

/* Ends the lab that sandbox_run of this process waits for, if there is one; sandbox_run then returns -1.
 * For signal handlers. */
void sandbox_end(void);

#endif
