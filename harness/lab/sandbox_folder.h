/* Whose the files are that a sandbox of root writes. Inside, root is the host's 65534; on disk, the
 * writable folder and what is written into it belong to root.
 */
#ifndef PINHOLE_LAB_SANDBOX_FOLDER_H
#define PINHOLE_LAB_SANDBOX_FOLDER_H

#include "base/error.h"
#include "lab/sandbox_identity.h"

/* First way: a detached mount of the folder on which the ids on disk are those inside the user
 * namespace of the process. -1 where kernel, file system or rights can't do it, which is no error. */
int sandbox_folder_idmap(const char *folder, pid_t process);

/* Second way: the folder itself, with all of the caller's in it, is given to inner root... */
struct sandbox_owner {
    uid_t uid;
    gid_t gid;
};
int sandbox_folder_give(const char *folder, const struct sandbox_identity *identity,
                        struct sandbox_owner *before, struct error *error);
/* ... and taken back, with all in it that belongs to an id of the sandbox. Neither follows links. */
int sandbox_folder_take_back(const char *folder, const struct sandbox_owner *before,
                             struct error *error);

#endif
