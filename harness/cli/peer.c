#include "cli/peer.h"

#include "cli/memory.h"
#include "cli/root.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_WITHIN = 10000 /* ms, where the peer doesn't say */ };

static const char *const protocols[] = {"pcp", "natpmp", "coap", NULL};

static int read_ready(const struct yaml_value *ready, struct peer *peer, struct error *error)
{
    static const char *const keys[] = {"udp", "tcp", "line", "ended", "within", NULL};
    peer->ready_within = READY_WITHIN;
    if (!ready)
        return 0;
    int64_t port = 0;
    bool ended = false;
    const struct yaml_value *udp = yaml_get(ready, "udp");
    const struct yaml_value *tcp = yaml_get(ready, "tcp");
    const struct yaml_value *line = yaml_get(ready, "line");
    const struct yaml_value *end = yaml_get(ready, "ended");
    if (yaml_check_keys(ready, keys, error) != 0 ||
        yaml_integer(udp ? udp : tcp, 1, UINT16_MAX, &port, error) != 0 ||
        texts_pattern(line, &peer->ready_line, error) != 0 ||
        yaml_boolean(end, &ended, error) != 0 ||
        yaml_duration(yaml_get(ready, "within"), &peer->ready_within, error) != 0)
        return -1;
    if (!!udp + !!tcp + !!line + !!end != 1 || (end && !ended))
        return yaml_fail(ready, error,
                         "expected one of udp: PORT, tcp: PORT, line: PATTERN and "
                         "ended: true");
    peer->ready = udp ? READY_UDP : tcp ? READY_TCP : line ? READY_LINE : READY_ENDED;
    peer->ready_port = (uint16_t)port;
    return 0;
}

static int read_version(const struct yaml_value *version, struct peer *peer, struct error *error)
{
    static const char *const keys[] = {"command", "pattern", NULL};
    if (!version)
        return 0;
    const struct yaml_value *command = yaml_require(version, "command", error);
    const struct yaml_value *pattern = yaml_require(version, "pattern", error);
    if (!command || !pattern || yaml_check_keys(version, keys, error) != 0 ||
        texts_list(command, &peer->version_command, error) != 0 ||
        texts_pattern(pattern, &peer->version_pattern, error) != 0)
        return -1;
    return 0;
}

/* { signal: NAME }; what is absent leaves *signal_number as it is. */
static int read_signal(const struct yaml_value *from, int *signal_number, struct error *error)
{
    static const char *const keys[] = {"signal", NULL};
    if (!from)
        return 0;
    const struct yaml_value *name = yaml_require(from, "signal", error);
    if (!name || yaml_check_keys(from, keys, error) != 0)
        return -1;
    return texts_signal(name, signal_number, error);
}

static int read_scaled_time(const struct yaml_value *scaled, struct peer *peer, struct error *error)
{
    static const char *const keys[] = {"factor", "up-to", "arguments", "environment", NULL};
    int64_t factor = 1;
    peer->time_factor = peer->most_factor = 1;
    if (!scaled)
        return 0;
    const struct yaml_value *value = yaml_require(scaled, "factor", error);
    const struct yaml_value *most = yaml_get(scaled, "up-to");
    peer->scaled_environment = yaml_get(scaled, "environment");
    if (!value || yaml_check_keys(scaled, keys, error) != 0 ||
        yaml_integer(value, 1, 1000, &factor, error) != 0 ||
        texts_list(yaml_get(scaled, "arguments"), &peer->scaled_arguments, error) != 0 ||
        texts_check_map(peer->scaled_environment, error) != 0)
        return -1;
    int64_t up_to = factor;
    if (most && yaml_integer(most, factor, 100000, &up_to, error) != 0)
        return -1;
    peer->time_factor = (uint32_t)factor;
    peer->most_factor = (uint32_t)up_to;
    peer->any_factor = most != NULL;
    return 0;
}

static int read_speaks(const struct yaml_value *speaks, struct peer *peer, struct error *error)
{
    if (!speaks)
        return 0;
    free((void *)peer->speaks.text);
    peer->speaks = (struct texts){0};
    if (texts_list(speaks, &peer->speaks, error) != 0)
        return -1;
    for (size_t i = 0; i < speaks->count; i++)
        if (texts_choice(speaks->children[i], protocols, &peer->speaks.text[i], error) != 0)
            return -1;
    return 0;
}

static int read_peer(struct peer *peer, struct error *error)
{
    static const char *const keys[] = {
        "name",    "role",        "description", "speaks",   "version",  "program",
        "needs",   "unpacked-by", "environment", "files",    "nftables", "ready",
        "restart", "renumber",    "scaled-time", "variants", "crashes",  NULL};
    const struct yaml_value *root = peer->document;
    peer->restart_signal = SIGTERM;
    if (yaml_check_keys(root, keys, error) != 0)
        return -1;
    const struct yaml_value *name = yaml_require(root, "name", error);
    const struct yaml_value *role = yaml_require(root, "role", error);
    const struct yaml_value *program = yaml_require(root, "program", error);
    peer->environment = yaml_get(root, "environment");
    peer->files = yaml_get(root, "files");
    const struct yaml_value *needs = yaml_get(root, "needs");
    if (!name || !role || !program || yaml_string(name, &peer->name, error) != 0 ||
        yaml_string(role, &peer->role, error) != 0 ||
        yaml_string(yaml_get(root, "description"), &peer->description, error) != 0 ||
        yaml_string(yaml_get(root, "unpacked-by"), &peer->unpacked_by, error) != 0 ||
        yaml_string(yaml_get(root, "nftables"), &peer->nftables, error) != 0 ||
        yaml_string(yaml_get(root, "crashes"), &peer->crashes, error) != 0 ||
        texts_list(program, &peer->program, error) != 0 ||
        (needs && texts_list(needs, &peer->needs, error) != 0) ||
        texts_check_map(peer->environment, error) != 0 || texts_check_map(peer->files, error) != 0)
        return -1;
    if (peer->program.count == 0)
        return yaml_fail(program, error, "expected the program's path and its arguments");
    for (size_t i = 0; peer->files && i < peer->files->count; i++)
        if (strchr(peer->files->children[i]->key, '/'))
            return yaml_fail(peer->files->children[i], error, "expected a file's name without '/'");
    return read_speaks(yaml_get(root, "speaks"), peer, error) != 0 ||
                   read_version(yaml_get(root, "version"), peer, error) != 0 ||
                   read_ready(yaml_get(root, "ready"), peer, error) != 0 ||
                   read_signal(yaml_get(root, "restart"), &peer->restart_signal, error) != 0 ||
                   read_signal(yaml_get(root, "renumber"), &peer->renumber_signal, error) != 0 ||
                   read_scaled_time(yaml_get(root, "scaled-time"), peer, error) != 0
               ? -1
               : 0;
}

/* Lays the variant called name over the peer. by is where it was asked for. */
static int choose_variant(struct peer *peer, const char *name, const char *by, struct error *error)
{
    static const char *const keys[] = {"description", "speaks", "arguments", "environment", NULL};
    const struct yaml_value *variant = yaml_get(yaml_get(peer->document, "variants"), name);
    if (!variant)
        return error_set(error, "%speer '%s' has no variant '%s'; see variants in %s", by,
                         peer->name, name, peer->file);
    peer->variant = variant->key;
    peer->variant_environment = yaml_get(variant, "environment");
    const struct yaml_value *speaks = yaml_get(variant, "speaks");
    if (yaml_check_map(variant, error) != 0 || yaml_check_keys(variant, keys, error) != 0 ||
        yaml_string(yaml_get(variant, "description"), &peer->description, error) != 0 ||
        texts_list(yaml_get(variant, "arguments"), &peer->arguments, error) != 0 ||
        texts_check_map(peer->variant_environment, error) != 0)
        return -1;
    return read_speaks(speaks, peer, error);
}

static struct peer *load(const char *file, struct error *error)
{
    struct yaml_value *document = yaml_load(file, error);
    if (!document)
        return NULL;
    struct peer *peer = memory_new(1, sizeof *peer);
    peer->document = document;
    peer->file = document->file;
    if (read_peer(peer, error) != 0) {
        peer_free(peer);
        return NULL;
    }
    return peer;
}

/* Adds the names of folder's peers that fill role to names, " a, b". */
static void list_names(const char *folder, const char *role, char **names)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(entries[i]->d_name, '.');
        if (dot && strcmp(dot, ".yaml") == 0) {
            char *path = memory_print("%s/%s", folder, entries[i]->d_name);
            struct error ignored = {0}; /* a damaged file is not among those that can be used */
            struct peer *peer = load(path, &ignored);
            if (peer && strcmp(peer->role, role) == 0) {
                char *longer = memory_print("%s%s %s", *names, **names ? "," : "", peer->name);
                free(*names);
                *names = longer;
            }
            peer_free(peer);
            free(path);
        }
        free(entries[i]);
    }
    free((void *)entries);
}

/* The peer's file in one folder; 1 found, 0 none there, -1 there but bad. */
static int find_in(const char *folder, const char *name, const char *role, struct peer **out,
                   struct error *error)
{
    char *paths[] = {memory_print("%s/%s-%s.yaml", folder, name, role),
                     memory_print("%s/%s.yaml", folder, name)};
    int found = 0;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (found == 0 && access(paths[i], F_OK) == 0) {
            *out = load(paths[i], error);
            found = *out ? 1 : -1;
        }
        free(paths[i]);
    }
    return found;
}

/* The error of a peer that is nowhere: what could have been meant. */
static void tell_unknown(const char *near, const char *own, const char *name, const char *role,
                         const char *by, struct error *error)
{
    char real_near[PATH_MAX];
    char real_own[PATH_MAX];
    bool same =
        realpath(near, real_near) && realpath(own, real_own) && strcmp(real_near, real_own) == 0;
    char *names = memory_copy("");
    list_names(near, role, &names);
    if (!same)
        list_names(own, role, &names);
    (void)error_set(error, "%sunknown peer '%s'; known for role %s:%s", by, name, role,
                    *names ? names : " none");
    free(names);
}

struct peer *peer_find(const char *folder, const char *name, const char *role, const char *by,
                       struct error *error)
{
    char own[PATH_MAX] = "";
    struct error nowhere = {0}; /* without files of its own, those beside the scenario must do */
    (void)root_find("scenarios/peers", own, sizeof own, &nowhere);
    char *near = memory_print("%s/peers", folder);
    char *plain = memory_copy(name);
    char *slash = strrchr(plain, '/');
    char *variant = strchr(slash ? slash : plain, ':');
    if (variant)
        *variant++ = '\0';
    struct peer *peer = NULL;
    int found = 0;
    if (slash) {
        peer = load(plain, error);
        found = peer ? 1 : -1;
    } else {
        found = find_in(near, plain, role, &peer, error);
        if (found == 0 && own[0])
            found = find_in(own, plain, role, &peer, error);
    }
    if (found == 0)
        tell_unknown(near, own, plain, role, by, error);
    bool bad = peer && strcmp(peer->role, role) != 0;
    if (bad)
        (void)error_set(error, "%speer '%s' has the role %s, expected %s", by, name, peer->role,
                        role);
    else if (peer && variant)
        bad = choose_variant(peer, variant, by, error) != 0;
    if (bad) {
        peer_free(peer);
        peer = NULL;
    }
    free(plain);
    free(near);
    return peer;
}

void peer_free(struct peer *peer)
{
    if (!peer)
        return;
    free((void *)peer->speaks.text);
    free((void *)peer->version_command.text);
    free((void *)peer->program.text);
    free((void *)peer->arguments.text);
    free((void *)peer->scaled_arguments.text);
    free((void *)peer->needs.text);
    yaml_unload(peer->document);
    free(peer);
}

bool peer_speaks(const struct peer *peer, const char *protocol)
{
    for (size_t i = 0; i < peer->speaks.count; i++)
        if (strcmp(peer->speaks.text[i], protocol) == 0)
            return true;
    return false;
}

bool peer_has_variant(const struct peer *peer, const char *variant)
{
    return yaml_get(yaml_get(peer->document, "variants"), variant) != NULL;
}

char *peer_path(const struct facts *facts, const char *path, struct error *error)
{
    char *expanded = facts_expand(facts, path, error);
    if (!expanded || expanded[0] == '/')
        return expanded;
    char *whole = memory_print("%s/%s", facts_get(facts, "PINHOLE_BUILD"), expanded);
    free(expanded);
    return whole;
}

static int check_file(const struct peer *peer, const struct facts *facts, const char *path,
                      int mode, int line, struct error *error)
{
    struct error cause = {0};
    char *whole = peer_path(facts, path, &cause);
    if (!whole)
        return error_set(error, "%s:%d: %s", peer->file, line, cause.text);
    int status = 0;
    if (access(whole, mode) != 0)
        status = error_set(
            error, "%s:%d: %s '%s' %s: %s%s%s", peer->file, line, mode == X_OK ? "program" : "file",
            peer->name, errno == ENOENT ? "not found" : strerror(errno), whole,
            peer->unpacked_by ? "; " : "", peer->unpacked_by ? peer->unpacked_by : "");
    free(whole);
    return status;
}

int peer_check_files(const struct peer *peer, const struct facts *facts, struct error *error)
{
    if (check_file(peer, facts, peer->program.text[0], X_OK, peer->program.line, error) != 0)
        return -1;
    for (size_t i = 0; i < peer->needs.count; i++)
        if (check_file(peer, facts, peer->needs.text[i], R_OK, peer->needs.line, error) != 0)
            return -1;
    return 0;
}
