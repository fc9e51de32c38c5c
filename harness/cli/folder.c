#include "cli/folder.h"

#include "cli/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* By this file a run's folder is known, also that of a run which was killed. */
static const char mark[] = ".pinhole-run";

/* And by this one the folder of a suite, in which each case has one as above. */
static const char suite_mark[] = ".pinhole-suite";
static const char suite_report[] = "report.json";

static const char capture[] = "lab.pcapng";

/* What is written once the lab has ended. */
static const char *const written_outside[] = {
    "result.json", "messages.json", "traffic.json", "report.html", "report.md", NULL,
};

/* All that a run, or a report of it, leaves in its folder. */
static const char *const contents[] = {
    capture,     "result.json", "messages.json", "traffic.json", "report.html",
    "report.md", "logs",        "state",         mark,           NULL,
};

static bool is_content(const char *name)
{
    for (const char *const *known = contents; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static bool is_nothing(const char *name)
{
    (void)name;
    return false;
}

static bool is_anything(const char *name)
{
    (void)name;
    return true;
}

/* Sees whether path can be taken: it is new or empty, or bears a mark and holds but what fits. Changes nothing. */
static int check(const char *path, const char *by, bool (*fits)(const char *name),
                 struct error *error)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return error_set_errno(error, errno, "--out %s", path);
    bool marked = faccessat(dirfd(folder), by, F_OK, 0) == 0;
    char stranger[256] = "";
    if (!marked)
        fits = is_nothing;
    for (struct dirent *entry = readdir(folder); entry && !stranger[0]; entry = readdir(folder)) {
        bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!dots && !fits(entry->d_name))
            (void)snprintf(stranger, sizeof stranger, "%s", entry->d_name);
    }
    (void)closedir(folder);
    if (stranger[0])
        return error_set(
            error,
            "--out %s: expected a new or empty folder or that of an earlier run, found "
            "'%s' in it",
            path, stranger);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int make_path(const char *path, struct error *error)
{
    char *copy = memory_copy(path);
    int status = 0;
    for (char *slash = strchr(copy + 1, '/'); status == 0; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0755) != 0 && errno != EEXIST)
            status = error_set_errno(error, errno, "--out %s", copy);
        if (!slash)
            break;
        *slash = '/';
    }
    free(copy);
    return status;
}

/* Removes a name and all below it, a link but not what it leads to. */
static int remove_all(const char *path, const char *name)
{
    struct stat status;
    char *file = memory_print("%s/%s", path, name);
    bool good = (lstat(file, &status) != 0 && errno == ENOENT) ||
                nftw(file, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
    free(file);
    return good ? 0 : -1;
}

static int empty(const char *path, struct error *error)
{
    for (const char *const *name = contents; *name; name++)
        if (remove_all(path, *name) != 0)
            return error_set_errno(error, errno, "--out %s: removing %s of the earlier run", path,
                                   *name);
    return 0;
}

char *folder_make(const char *path, struct error *error)
{
    if (check(path, mark, is_content, error) != 0 || make_path(path, error) != 0 ||
        empty(path, error) != 0)
        return NULL;
    char *marked = memory_print("%s/%s", path, mark);
    int fd = open(marked, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    free(marked);
    if (fd < 0) {
        (void)error_set_errno(error, errno, "--out %s", path);
        return NULL;
    }
    (void)close(fd);
    char *absolute = realpath(path, NULL);
    if (!absolute)
        (void)error_set_errno(error, errno, "--out %s", path);
    return absolute;
}

int folder_take_back(const char *path, struct error *error)
{
    for (const char *const *name = written_outside; *name; name++)
        if (remove_all(path, *name) != 0)
            return error_set_errno(error, errno, "%s/%s", path, *name);

    struct stat status;
    char *file = memory_print("%s/%s", path, capture);
    bool found = lstat(file, &status) == 0;
    free(file);
    if (!found || (S_ISREG(status.st_mode) && status.st_nlink == 1))
        return 0;
    (void)remove_all(path, capture);
    return error_set(error, "a program of the lab has put something else in the place of %s/%s",
                     path, capture);
}

int folder_claim(const char *path, struct error *error)
{
    if (check(path, suite_mark, is_anything, error) != 0 || make_path(path, error) != 0)
        return -1;
    char *marked = memory_print("%s/%s", path, suite_mark);
    int claim = open(marked, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    free(marked);
    if (claim < 0)
        return error_set_errno(error, errno, "--out %s", path);
    if (flock(claim, LOCK_EX | LOCK_NB) == 0 && remove_all(path, suite_report) == 0)
        return claim;
    if (errno == EWOULDBLOCK)
        (void)error_set(error, "--out %s: another suite is being run there", path);
    else
        (void)error_set_errno(error, errno, "--out %s", path);
    (void)close(claim);
    return -1;
}
