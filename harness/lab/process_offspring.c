#include "lab/process_offspring.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void process_offspring_mark(unsigned number, char mark[PROCESS_MARK_SIZE])
{
    snprintf(mark, PROCESS_MARK_SIZE, "PINHOLE_PROGRAM=%u", number);
}

/* A process that is dead but not reaped has an empty environment, and so no mark. */
static bool is_marked(pid_t pid, const char *mark)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    char *entry = NULL;
    size_t room = 0;
    bool found = false;
    while (!found && getdelim(&entry, &room, '\0', file) > 0)
        found = strcmp(entry, mark) == 0;
    free(entry);
    fclose(file);
    return found;
}

/* Field 4 of /proc/PID/stat; field 2, the name in parentheses, may hold anything. */
static pid_t parent_of(pid_t pid)
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
    return (pid_t)strtol(name_end + sizeof ") S " - 1, NULL, 10);
}

/* Calls visit for each marked process until it returns false. */
static void each_marked(unsigned number, bool (*visit)(pid_t pid, void *context), void *context)
{
    char mark[PROCESS_MARK_SIZE];
    process_offspring_mark(number, mark);
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return;
    const struct dirent *entry;
    bool more = true;
    while (more && (entry = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && is_marked(pid, mark))
            more = visit(pid, context);
    }
    closedir(proc);
}

static bool visit_heir(pid_t pid, void *context)
{
    if (parent_of(pid) != getpid())
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
    pid_t first;
    int signal_number;
    size_t count;
};

static bool visit_signal(pid_t pid, void *context)
{
    struct signalling *signalling = context;
    if (pid != signalling->first)
        signalling->count += kill(pid, signalling->signal_number) == 0;
    return true;
}

size_t process_offspring_signal(unsigned number, pid_t first, int signal_number)
{
    struct signalling signalling = {.first = first, .signal_number = signal_number};
    if (first != 0)
        signalling.count += kill(first, signal_number) == 0;
    each_marked(number, visit_signal, &signalling);
    return signalling.count;
}
