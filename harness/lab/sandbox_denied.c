#include "lab/sandbox_denied.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A setting's number, or -1 where the kernel has no such setting. */
static long setting(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return length > 0 ? strtol(text, NULL, 10) : -1;
}

/* The kernel says ENOSPC, "no space left on device", when a count of namespaces is exhausted. */
static int denied_by_count(struct error *error, const char *step)
{
    static const char *const kinds[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", kinds[i]);
        long limit = setting(path);
        if (limit >= 0 && limit < 4)
            return error_set(error,
                             "%s: the setting user.max_%s_namespaces is %ld; as root, run: "
                             "sysctl -w user.max_%s_namespaces=10000",
                             step, kinds[i], limit, kinds[i]);
    }
    return error_set(error,
                     "%s: a limit of namespaces is reached (user.max_user_namespaces and the other "
                     "user.max_*_namespaces); end other labs or raise it with sysctl as root",
                     step);
}

int sandbox_denied(struct error *error, int errno_value, const char *step)
{
    if (errno_value == ENOSPC)
        return denied_by_count(error, step);
    if (errno_value != EPERM && errno_value != EACCES)
        return error_set_errno(error, errno_value, "%s", step);
    if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0 && geteuid() != 0)
        return error_set(error,
                         "%s: the setting kernel.unprivileged_userns_clone is 0; as root, run: "
                         "sysctl -w kernel.unprivileged_userns_clone=1",
                         step);
    if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
        return error_set(
            error,
            "%s: the setting kernel.apparmor_restrict_unprivileged_userns is 1; as root, "
            "run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
            step);
    return error_set(
        error,
        "%s: %s; if this is a container, start it with /proc unmasked and the right to "
        "make namespaces (docker and podman: --privileged)",
        step, strerror(errno_value));
}
