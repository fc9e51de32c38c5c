#include "cli/root.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int is_there(const char *folder, const char *below, const char *file, char *path,
                    size_t size)
{
    int length = snprintf(path, size, "%s/%s%s", folder, below, file);
    return length > 0 && (size_t)length < size && access(path, R_OK) == 0;
}

int root_find(const char *file, char *path, size_t size, struct error *error)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return error_set_errno(error, errno, "/proc/self/exe");
    program[length] = '\0';
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", program);
    for (char *slash = strrchr(folder, '/'); slash; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (is_there(folder, "", file, path, size) ||
            is_there(folder, "share/pinhole/", file, path, size))
            return 0;
    }
    return error_set(error, "expected %s in a folder above %s, or in share/pinhole there", file,
                     program);
}
