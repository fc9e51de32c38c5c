#include "lab/sandbox_identity.h"

#include "lab/sandbox_denied.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    OTHERS_FIRST = 100001, /* inner 1 and up, where subordinate ids usually lie */
    OTHERS_COUNT = 65535,
};

/* True if all of first..first+count-1 are ids of this process's own user namespace; *outer is what
 * first is outside of it. */
static bool is_mapped(const char *map_path, unsigned long first, unsigned long count,
                      unsigned long *outer)
{
    FILE *file = fopen(map_path, "re");
    if (!file)
        return false;
    bool found = false;
    char line[64];
    while (!found && fgets(line, sizeof line, file)) {
        char *rest;
        unsigned long inside = strtoul(line, &rest, 10);
        unsigned long outside = strtoul(rest, &rest, 10);
        unsigned long length = strtoul(rest, NULL, 10);
        found = first >= inside && first - inside < length && length - (first - inside) >= count;
        if (found)
            *outer = outside + (first - inside);
    }
    (void)fclose(file);
    return found;
}

/* In a user namespace made by an ordinary user they may not, nor in those inside it. */
static bool groups_may_be_set(void)
{
    char text[8] = "";
    int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        (void)close(fd);
    return length > 0 && strncmp(text, "allow", 5) == 0;
}

static int choose_away_from_root(const char *map_path, char map[64], struct error *error)
{
    unsigned long outer;
    if (is_mapped(map_path, NOBODY, 1, &outer)) {
        bool others = is_mapped(map_path, OTHERS_FIRST, OTHERS_COUNT, &outer);
        (void)snprintf(map, 64, others ? "0 %d 1\n1 %d %d\n" : "0 %d 1\n", NOBODY, OTHERS_FIRST,
                       OTHERS_COUNT);
        return NOBODY;
    }
    /* In a namespace with few ids. Its root may go on being root if outside it is not. */
    if (is_mapped(map_path, 0, 1, &outer) && outer != 0) {
        (void)snprintf(map, 64, "0 0 1\n");
        return 0;
    }
    return error_set(error,
                     "%s maps only the host's root, which a lab must not have: start it as an "
                     "ordinary user, or where id 65534 is mapped",
                     map_path);
}

int sandbox_identity_choose(struct sandbox_identity *identity, struct error *error)
{
    *identity = (struct sandbox_identity){.uid = geteuid(), .gid = getegid()};
    if (identity->uid != 0) {
        (void)snprintf(identity->uid_map, sizeof identity->uid_map, "0 %u 1\n", identity->uid);
        (void)snprintf(identity->gid_map, sizeof identity->gid_map, "0 %u 1\n", identity->gid);
        return 0;
    }
    int uid = choose_away_from_root("/proc/self/uid_map", identity->uid_map, error);
    int gid = choose_away_from_root("/proc/self/gid_map", identity->gid_map, error);
    if (uid < 0 || gid < 0)
        return -1;
    identity->uid = (uid_t)uid;
    identity->gid = (gid_t)gid;
    identity->mapped_away = true;
    identity->drops_groups = groups_may_be_set();
    return 0;
}

bool sandbox_identity_has(uid_t id)
{
    return id == NOBODY || (id >= OTHERS_FIRST && id - OTHERS_FIRST < OTHERS_COUNT);
}

static int write_file(int proc, pid_t pid, const char *name, const char *text, struct error *error)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%d/%s", (int)pid, name);
    int fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    int cause = errno;
    if (fd >= 0)
        (void)close(fd);
    if (written == (ssize_t)strlen(text))
        return 0;
    char step[80];
    (void)snprintf(step, sizeof step, "giving the lab its user ids (%s)", name);
    return sandbox_denied(error, cause, step);
}

int sandbox_identity_write(const struct sandbox_identity *identity, pid_t pid, struct error *error)
{
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        return error_set_errno(error, errno, "opening /proc");
    int result = write_file(proc, pid, "uid_map", identity->uid_map, error);
    /* An ordinary user may map a group only where groups can't be set (user_namespaces(7)). */
    if (result == 0 && !identity->mapped_away)
        result = write_file(proc, pid, "setgroups", "deny", error);
    if (result == 0)
        result = write_file(proc, pid, "gid_map", identity->gid_map, error);
    (void)close(proc);
    return result;
}

/* Each id of the map onto itself. The kernel wants each range to lie in one of the map's. */
static void same_ids(const char *map, char same[64])
{
    size_t used = 0;
    for (const char *line = map; *line && used < 64; line = strchr(line, '\n') + 1) {
        char *rest;
        unsigned long inside = strtoul(line, &rest, 10);
        (void)strtoul(rest, &rest, 10);
        used += (size_t)snprintf(same + used, 64 - used, "%lu %lu %lu\n", inside, inside,
                                 strtoul(rest, NULL, 10));
    }
}

int sandbox_identity_write_same(const struct sandbox_identity *identity, int proc, pid_t pid,
                                struct error *error)
{
    char uids[64];
    char gids[64];
    same_ids(identity->uid_map, uids);
    same_ids(identity->gid_map, gids);
    if (write_file(proc, pid, "uid_map", uids, error) != 0)
        return -1;
    return write_file(proc, pid, "gid_map", gids, error);
}
