#include "lab/sandbox_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_LIMIT = 32 }; /* of folders in the folder: what the lab made is untrusted */

int sandbox_folder_idmap(const char *folder, pid_t process)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)process);
    int user_namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (user_namespace < 0)
        return -1;
    int tree = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP,
                                    .userns_fd = (unsigned)user_namespace};
    if (tree >= 0 && mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
        (void)close(tree);
        tree = -1;
    }
    (void)close(user_namespace);
    return tree;
}

int sandbox_folder_give(const char *folder, const struct sandbox_identity *identity,
                        struct sandbox_owner *before, struct error *error)
{
    struct stat status;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || fchown(fd, identity->uid, identity->gid) != 0) {
        int cause = errno;
        if (fd >= 0)
            (void)close(fd);
        return error_set_errno(error, cause, "giving %s to the lab", folder);
    }
    *before = (struct sandbox_owner){status.st_uid, status.st_gid};
    (void)close(fd);
    return 0;
}

static int take_back_entries(int folder, const struct sandbox_owner *owner, size_t depth);

/* Never through a link; a name that goes away meanwhile is no error. */
static int take_back_entry(int folder, const char *name, const struct sandbox_owner *owner,
                           size_t depth)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    if (sandbox_identity_has(status.st_uid) &&
        fchownat(folder, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (!S_ISDIR(status.st_mode))
        return 0;
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return inner < 0 ? -1 : take_back_entries(inner, owner, depth + 1);
}

/* Closes folder. */
static int take_back_entries(int folder, const struct sandbox_owner *owner, size_t depth)
{
    DIR *entries = depth > DEPTH_LIMIT ? NULL : fdopendir(folder);
    if (!entries) {
        (void)close(folder);
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            take_back_entry(dirfd(entries), entry->d_name, owner, depth) != 0)
            result = -1;
    (void)closedir(entries);
    return result;
}

int sandbox_folder_take_back(const char *folder, const struct sandbox_owner *before,
                             struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, before->uid, before->gid) != 0 ||
        take_back_entries(fd, before, 0) != 0)
        return error_set(error, "%s: could not take all results back from the lab's user", folder);
    return 0;
}
