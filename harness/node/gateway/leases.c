#include "node/gateway/leases.h"

#include "node/common/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { LEASES = 4096, SETTLED = 300 /* real milliseconds without a change */ };

struct list {
    struct address addresses[LEASES];
    size_t count;
};

struct leases {
    char file[PATH_MAX];
    int descriptor;
    uint64_t due;
    struct list known, found;
};

static bool list_has(const struct list *list, const struct address *address)
{
    for (size_t i = 0; i < list->count; i++)
        if (address_equal(&list->addresses[i], address))
            return true;
    return false;
}

/* False: there is no such file, which says nothing. */
static bool read_file(const char *file, struct list *out)
{
    FILE *stream = fopen(file, "re");
    char line[1024];
    out->count = 0;
    if (!stream)
        return false;
    while (out->count < LEASES && fgets(line, sizeof line, stream)) {
        char text[ADDRESS_TEXT_SIZE];
        struct address address;
        _Static_assert(ADDRESS_TEXT_SIZE > 45, "the width below");
        if (sscanf(line, "%*s %*s %45s", text) == 1 && address_parse(text, &address))
            out->addresses[out->count++] = address;
    }
    (void)fclose(stream);
    return true;
}

/* The folder is watched: the file may be replaced by another of its name. */
static int watch(struct leases *leases, struct error *error)
{
    char folder[PATH_MAX];
    memcpy(folder, leases->file, sizeof folder);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    leases->descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (leases->descriptor < 0 || inotify_add_watch(leases->descriptor, slash ? folder : ".",
                                                    IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
        return error_set_errno(error, errno, "leases: watching %s", slash ? folder : ".");
    return 0;
}

struct leases *leases_open(const char *file, struct error *error)
{
    struct leases *leases = calloc(1, sizeof *leases);
    if (!leases || strlen(file) >= sizeof leases->file) {
        (void)error_set(error, "leases: no room for %s", file);
        free(leases);
        return NULL;
    }
    memcpy(leases->file, file, strlen(file) + 1);
    leases->due = UINT64_MAX;
    if (watch(leases, error) != 0) {
        leases_close(leases);
        return NULL;
    }
    (void)read_file(leases->file, &leases->known);
    return leases;
}

void leases_close(struct leases *leases)
{
    if (leases && leases->descriptor >= 0)
        (void)close(leases->descriptor);
    free(leases);
}

int leases_descriptor(const struct leases *leases)
{
    return leases ? leases->descriptor : -1;
}

void leases_changed(struct leases *leases, uint64_t now)
{
    char ignored[4096];
    while (read(leases->descriptor, ignored, sizeof ignored) > 0)
        leases->due = now + clock_scaled(SETTLED);
}

uint64_t leases_due(const struct leases *leases)
{
    return leases ? leases->due : UINT64_MAX;
}

void leases_compare(struct leases *leases,
                    void (*ended)(void *context, const struct address *address), void *context)
{
    leases->due = UINT64_MAX;
    if (!read_file(leases->file, &leases->found))
        return;
    for (size_t i = 0; i < leases->known.count; i++)
        if (!list_has(&leases->found, &leases->known.addresses[i]))
            ended(context, &leases->known.addresses[i]);
    leases->known = leases->found;
}
