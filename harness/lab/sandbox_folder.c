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

/* --- the second way --------------------------------------------------------------------------- */

struct change {
    bool (*concerns)(uid_t owner); /* whose files change hands */
    uid_t uid;                     /* and into whose */
    gid_t gid;
};

static int change_entries(int folder, const struct change *change, size_t depth);

/* Never through a link, nor what has a second name, perhaps elsewhere. A name that goes away meanwhile is
 * no error. */
static int change_entry(int folder, const char *name, const struct change *change, size_t depth)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    bool is_folder = S_ISDIR(status.st_mode);
    if (change->concerns(status.st_uid) && (is_folder || status.st_nlink == 1) &&
        fchownat(folder, name, change->uid, change->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (!is_folder)
        return 0;
    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return inner < 0 ? -1 : change_entries(inner, change, depth + 1);
}

/* Closes folder. */
static int change_entries(int folder, const struct change *change, size_t depth)
{
    DIR *entries = depth > DEPTH_LIMIT ? NULL : fdopendir(folder);
    if (!entries) {
        (void)close(folder);
        return -1;
    }
    int result = 0;
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            change_entry(dirfd(entries), entry->d_name, change, depth) != 0)
            result = -1;
    (void)closedir(entries);
    return result;
}

static int change_folder(int folder, const struct change *change)
{
    if (fchown(folder, change->uid, change->gid) == 0)
        return change_entries(folder, change, 0);
    (void)close(folder);
    return -1;
}

static bool is_caller(uid_t owner)
{
    return owner == geteuid();
}

int sandbox_folder_give(const char *folder, const struct sandbox_identity *identity,
                        struct sandbox_owner *before, struct error *error)
{
    struct stat status;
    if (stat(folder, &status) != 0)
        return error_set_errno(error, errno, "%s", folder);
    *before = (struct sandbox_owner){status.st_uid, status.st_gid};
    const struct change change = {is_caller, identity->uid, identity->gid};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || change_folder(fd, &change) != 0)
        return error_set(error, "%s: could not give all of it to the lab's user", folder);
    return 0;
}

int sandbox_folder_take_back(const char *folder, const struct sandbox_owner *before,
                             struct error *error)
{
    const struct change change = {sandbox_identity_has, before->uid, before->gid};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || change_folder(fd, &change) != 0)
        return error_set(error, "%s: could not take all results back from the lab's user", folder);
    return 0;
}
