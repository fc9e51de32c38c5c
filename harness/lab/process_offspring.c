#include "lab/process_offspring.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool process_offspring_mark(unsigned number)
{
    struct rlimit mark;
    if (getrlimit(RLIMIT_LOCKS, &mark) != 0)
        return false;
    mark.rlim_cur = number; /* the hard limit stays: it could never be raised again */
    return setrlimit(RLIMIT_LOCKS, &mark) == 0;
}

/* Calls visit for each marked process, the dead included, until it returns false. */
static void each_marked(unsigned number, bool (*visit)(pid_t pid, void *context), void *context)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return;
    const struct dirent *entry;
    bool more = true;
    while (more && (entry = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        struct rlimit mark;
        if (pid > 0 && pid != getpid() && prlimit(pid, RLIMIT_LOCKS, NULL, &mark) == 0 &&
            mark.rlim_cur == number)
            more = visit(pid, context);
    }
    closedir(proc);
}

/* The parent of a living process, 0 of a dead one, reaped or not. From /proc/PID/stat, "PID (NAME) STATE
 * PARENT ...", where the name may hold anything. */
static pid_t living_parent(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    char text[512];
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || strlen(name_end) < sizeof ") S 1" - 1)
        return 0;
    char process_state = name_end[2];
    if (process_state == 'Z' || process_state == 'X')
        return 0;
    return (pid_t)strtol(name_end + sizeof ") S " - 1, NULL, 10);
}

static bool visit_heir(pid_t pid, void *context)
{
    if (living_parent(pid) != getpid())
        return true;
    *(pid_t *)context = pid;
    return false;
}

pid_t process_offspring_heir(unsigned number)
{
    pid_t heir = 0;
    each_marked(number, visit_heir, &heir);
    return heir;
}

struct signalling {
    int signal_number;
    size_t count;
};

static bool visit_signal(pid_t pid, void *context)
{
    struct signalling *signalling = context;
    if (living_parent(pid) != 0)
        signalling->count += kill(pid, signalling->signal_number) == 0;
    return true;
}

size_t process_offspring_signal(unsigned number, int signal_number)
{
    struct signalling signalling = {.signal_number = signal_number};
    each_marked(number, visit_signal, &signalling);
    return signalling.count;
}
