#include "lab/sandbox_files.h"

#include "lab/sandbox_denied.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITABLE, WORKING, FIRST_PROGRAM };

static int failed(struct error *error, const char *step, const char *path)
{
    int cause = errno;
    char text[200];
    (void)snprintf(text, sizeof text, "%s %.160s", step, path);
    return sandbox_denied(error, cause, text);
}

/* --- the folders that must be there ----------------------------------------------------------- */

/* Adds the folder of a file, unless it is there already. A file that can't be found is not shown. */
static int add_folder_of(struct sandbox_files *files, const char *file, struct error *error)
{
    char folder[PATH_MAX];
    if (!realpath(file, folder))
        return 0;
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        return 0; /* the root itself is always there */
    *slash = '\0';
    for (size_t i = WORKING; i < files->share_count; i++)
        if (strcmp(files->shares[i].path, folder) == 0)
            return 0;
    if (files->share_count == SANDBOX_SHARES)
        return error_set(error, "%s: expected programs in %d folders at most", file,
                         SANDBOX_SHARES - FIRST_PROGRAM);
    memcpy(files->shares[files->share_count++].path, folder, sizeof folder);
    return 0;
}

int sandbox_files_find(struct sandbox_files *files, const struct sandbox *sandbox, bool mapped_away,
                       struct error *error)
{
    memset(files, 0, sizeof *files);
    files->mapped_away = mapped_away;
    files->share_count = FIRST_PROGRAM;
    for (size_t i = 0; i < SANDBOX_SHARES; i++)
        files->shares[i].tree = -1;
    const char *writable = sandbox->writable;
    if (writable && !realpath(writable, files->shares[WRITABLE].path))
        return error_set_errno(error, errno, "%s", writable);
    struct stat status;
    if (writable && (stat(files->shares[WRITABLE].path, &status) != 0 || !S_ISDIR(status.st_mode)))
        return error_set(error, "%s: expected a folder", writable);

    if (!getcwd(files->shares[WORKING].path, PATH_MAX))
        files->shares[WORKING].path[0] = '\0';
    if (add_folder_of(files, "/proc/self/exe", error) != 0)
        return -1;
    for (const char *const *file = sandbox->needed; file && *file; file++)
        if (add_folder_of(files, *file, error) != 0)
            return -1;
    return 0;
}

const char *sandbox_files_writable(const struct sandbox_files *files)
{
    return files->shares[WRITABLE].path;
}

int sandbox_files_open(struct sandbox_files *files, int writable_tree, struct error *error)
{
    files->shares[WRITABLE].tree = writable_tree;
    for (size_t i = 0; i < files->share_count; i++) {
        struct sandbox_share *share = &files->shares[i];
        if (!share->path[0] || share->tree >= 0)
            continue;
        share->tree =
            open_tree(AT_FDCWD, share->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (share->tree < 0)
            return failed(error, "opening", share->path);
    }
    return 0;
}

/* --- mounting --------------------------------------------------------------------------------- */

static int mount_fresh(const char *path, const char *mode, struct error *error)
{
    char data[32];
    (void)snprintf(data, sizeof data, "mode=%s", mode);
    if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, data) != 0)
        return failed(error, "mounting a tmpfs on", path);
    return 0;
}

/* Makes the folder and all above it. What exists is no error: what can't be made fails later, where
 * it is used. */
static void make_path(const char *path)
{
    char part[PATH_MAX];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(part, 0755);
        *slash = '/';
    }
    (void)mkdir(part, 0755);
}

static int attach(const struct sandbox_share *share, bool read_only, struct error *error)
{
    struct mount_attr attributes = {.attr_set =
                                        MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY : 0)};
    if (mount_setattr(share->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                      sizeof attributes) != 0 ||
        move_mount(share->tree, "", AT_FDCWD, share->path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return failed(error, "mounting the folder", share->path);
    return 0;
}

static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Finds the topmost folder above path that inner root, who is none of the host's users, can't pass
 * through: /root, say. False if there is none. */
static bool find_barrier(const char *path, char barrier[PATH_MAX])
{
    (void)snprintf(barrier, PATH_MAX, "%s", path);
    for (char *slash = barrier + 1; *slash; slash++) {
        if (*slash != '/' && slash[1] != '\0')
            continue;
        char kept = *slash;
        if (kept == '/')
            *slash = '\0';
        if (access(barrier, X_OK) != 0)
            return errno != ENOENT; /* what isn't there has been covered already */
        *slash = kept;
    }
    return false;
}

static bool is_in_reach(const struct sandbox_share *share)
{
    struct stat meant;
    struct stat found;
    return fstat(share->tree, &meant) == 0 && stat(share->path, &found) == 0 &&
           meant.st_dev == found.st_dev && meant.st_ino == found.st_ino;
}

/* Covers what inner root can't pass with an empty folder, and shows only path in it; path may also lie
 * in what was covered for another. */
static int open_way(const struct sandbox_share *share, bool show, struct error *error)
{
    char barrier[PATH_MAX];
    if (!share->path[0] || is_in_reach(share))
        return 0;
    if (find_barrier(share->path, barrier) && mount_fresh(barrier, "0755", error) != 0)
        return -1;
    make_path(share->path);
    return show ? attach(share, true, error) : 0;
}

/* An empty resolv.conf: a lookup must fail at once rather than put the host's DNS on lab links. */
static int hide_resolvers(struct error *error)
{
    char target[PATH_MAX];
    static const char empty[] = "/run/resolv.conf";
    int fd = open(empty, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return failed(error, "creating", empty);
    (void)close(fd);
    /* Often a link into /run, which is fresh: then it leads nowhere, which is as good. */
    if (!realpath("/etc/resolv.conf", target))
        return 0;
    if (mount(empty, target, NULL, MS_BIND, NULL) != 0)
        return failed(error, "mounting an empty file on", target);
    return 0;
}

static int mount_run(const struct sandbox_files *files, struct error *error)
{
    static const char *const folders[] = {"/run/netns", "/run/home", "/run/tmp", "/run/lock"};
    if (mount_fresh("/run", "0755", error) != 0)
        return -1;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (mkdir(folders[i], 0755) != 0)
            return failed(error, "creating", folders[i]);
    if (chmod("/run/tmp", 01777) != 0)
        return failed(error, "opening to all", "/run/tmp");
    if (access("/dev/shm", F_OK) == 0 && mount_fresh("/dev/shm", "1777", error) != 0)
        return -1;
    for (size_t i = 0; i < files->share_count; i++) {
        const struct sandbox_share *share = &files->shares[i];
        if (!is_below(share->path, "/run") && !is_below(share->path, "/dev/shm"))
            continue;
        make_path(share->path);
        if (i != WRITABLE && attach(share, true, error) != 0)
            return -1;
    }
    return hide_resolvers(error);
}

/* Refuses a folder of programs that inner root can't pass, even where it is shown: mounted, it would cover whatever
 * else is shown below it. */
static int check_passable(const struct sandbox_files *files, struct error *error)
{
    for (size_t i = FIRST_PROGRAM; i < files->share_count; i++)
        if (faccessat(files->shares[i].tree, ".", X_OK, 0) != 0 && errno == EACCES)
            return error_set(
                error,
                "%s: expected a folder that others may pass, since programs in it are run by a "
                "lab's root, who is no user of this machine: chmod o+x it, or move them",
                files->shares[i].path);
    return 0;
}

int sandbox_files_seal(const struct sandbox_files *files, struct error *error)
{
    const struct sandbox_share *writable = &files->shares[WRITABLE];
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return failed(error, "making mounts private:", "/");
    if (files->mapped_away && check_passable(files, error) != 0)
        return -1;
    for (size_t i = 0; files->mapped_away && i < files->share_count; i++)
        if (open_way(&files->shares[i], i != WRITABLE, error) != 0)
            return -1;
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) != 0)
        return failed(error, "making read-only:", "/");
    if (mount_run(files, error) != 0)
        return -1;
    if (writable->path[0] && attach(writable, false, error) != 0)
        return -1;
    /* The working folder may have been covered: find it again under its name. */
    if (chdir(files->shares[WORKING].path) != 0 && chdir("/") != 0)
        return failed(error, "going to", "/");
    if (setenv("HOME", "/run/home", 1) != 0 || setenv("TMPDIR", "/run/tmp", 1) != 0)
        return failed(error, "setting", "HOME");
    return 0;
}

int sandbox_files_mount_kernel(struct error *error)
{
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return failed(error, "mounting", "/proc");
    /* Where it is refused (a container that masks a part of /sys), the host's would show its
     * interfaces: an empty folder does not. */
    if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        return mount_fresh("/sys", "0555", error);
    return 0;
}
