/* The file system as a sandbox sees it: the host's, read-only, with a few fresh folders. */
#ifndef PINHOLE_LAB_SANDBOX_FILES_H
#define PINHOLE_LAB_SANDBOX_FILES_H

#include "base/error.h"
#include "lab/sandbox.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { SANDBOX_SHARES = 64 };

struct sandbox_files {
    struct sandbox_share {
        char path[PATH_MAX];  /* absolute, without symbolic links; empty if there is none */
        int tree;             /* detached mount of it; -1 before sandbox_files_open */
    } shares[SANDBOX_SHARES]; /* writable folder, working folder, folders of programs */
    size_t share_count;
    bool mapped_away; /* what only root could reach is beyond the reach of the lab */
};

/* Before the sandbox exists: finds the folders. */
int sandbox_files_find(struct sandbox_files *files, const struct sandbox *sandbox, bool mapped_away,
                       struct error *error);
/* The writable folder's real path; empty if there is none. */
const char *sandbox_files_writable(const struct sandbox_files *files);
/* In the new mount namespace, while the caller's own rights still hold. writable_tree is an id-mapped
 * mount of the writable folder, or -1. */
int sandbox_files_open(struct sandbox_files *files, int writable_tree, struct error *error);
/* In the new mount namespace, as inner root: makes it what sandbox.h promises, but for /proc and /sys. */
int sandbox_files_seal(const struct sandbox_files *files, struct error *error);
/* In PID 1: mounts /proc and /sys, which belong to its namespaces. */
int sandbox_files_mount_kernel(struct error *error);

#endif
