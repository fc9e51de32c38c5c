/* An enclosing user namespace, in which the kernel counts exactly what network namespaces are left.
 *
 * Files under /proc tell only of namespaces that a living process is in; one that is held by a
 * descriptor, a mount or the kernel's own unfinished work is seen by nobody. But the kernel counts those
 * of each user namespace, with all inside it, against max_net_namespaces: with a limit of 1 a new one can
 * be made only when no other is left.
 */
#ifndef PINHOLE_TEST_ENCLOSURE_H
#define PINHOLE_TEST_ENCLOSURE_H

#include "lab/sandbox_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline int enclosure_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0)
        (void)close(fd);
    return written < 0 ? -1 : 0;
}

static inline void enclosure_limit(long namespaces)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%ld", namespaces);
    if (enclosure_write("/proc/sys/user/max_net_namespaces", text) != 0)
        perror("max_net_namespaces");
}

/* Runs body in a new user namespace, as its root, in a process of its own that inherits the orphans of its
 * children. Returns what body returned, or -1. */
static inline int enclosure_run(int (*body)(void *argument), void *argument)
{
    struct sandbox_identity identity;
    struct error error = {""};
    int ready[2];
    int go[2];
    if (sandbox_identity_choose(&identity, &error) != 0 || pipe(ready) != 0 || pipe(go) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char octet = 0;
        if (unshare(CLONE_NEWUSER) != 0 || write(ready[1], &octet, 1) != 1 ||
            read(go[0], &octet, 1) != 1 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
            _exit(125);
        (void)prctl(PR_SET_DUMPABLE, 1);
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
        int status = body(argument);
        (void)fflush(NULL);
        _exit(status);
    }
    char octet = 0;
    (void)close(ready[1]);
    bool admitted = child > 0 && read(ready[0], &octet, 1) == 1 &&
                    sandbox_identity_write(&identity, child, &error) == 0 &&
                    write(go[1], &octet, 1) == 1;
    if (!admitted)
        (void)fprintf(stderr, "no user namespace: %s\n", error.text);
    (void)close(ready[0]);
    (void)close(go[0]);
    (void)close(go[1]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return admitted ? WEXITSTATUS(status) : -1;
}

/* True if at most so many network namespaces are left in the user namespace of the caller. */
static inline bool enclosure_holds_at_most(long count)
{
    enclosure_limit(count + 1);
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNET) == 0 ? 0 : 1);
    int status = -1;
    (void)waitpid(child, &status, 0);
    enclosure_limit(100000);
    return status == 0;
}

static inline bool enclosure_is_empty(void)
{
    return enclosure_holds_at_most(0);
}

static inline double enclosure_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits for that. The kernel frees them in its own time and tells nobody: asked each ms. */
static inline bool enclosure_await(long count, double seconds)
{
    double deadline = enclosure_now() + seconds;
    while (!enclosure_holds_at_most(count)) {
        if (enclosure_now() > deadline)
            return false;
        const struct timespec tick = {.tv_nsec = 1000000};
        (void)nanosleep(&tick, NULL);
    }
    return true;
}

static inline bool enclosure_await_empty(double seconds)
{
    return enclosure_await(0, seconds);
}

/* The PIDs of the processes below one, the nearest first; returns how many there are, at most room. */
static inline size_t enclosure_offspring(pid_t ancestor, pid_t *pids, size_t room)
{
    size_t count = 0;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)ancestor, (int)ancestor);
    FILE *file = fopen(path, "re");
    char line[256];
    if (file && fgets(line, sizeof line, file))
        for (char *rest = line; count < room && strspn(rest, " \n") != strlen(rest);)
            pids[count++] = (pid_t)strtol(rest, &rest, 10);
    if (file)
        (void)fclose(file);
    for (size_t i = 0, direct = count; i < direct && count < room; i++)
        count += enclosure_offspring(pids[i], pids + count, room - count);
    return count;
}

/* Reaps every child, orphans of killed ones too. False if some live on. */
static inline bool enclosure_reap(double seconds)
{
    double deadline = enclosure_now() + seconds;
    for (;;) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0 && errno == ECHILD)
            return true;
        if (ended == 0 && enclosure_now() > deadline)
            return false;
        const struct timespec tick = {.tv_nsec = 100000};
        if (ended == 0)
            (void)nanosleep(&tick, NULL);
    }
}

#endif
