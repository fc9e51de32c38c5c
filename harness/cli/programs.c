#include "cli/programs.h"

#include "cli/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VERSION_WITHIN = 5000 /* ms */ };

/* --- before anything starts ----------------------------------------------------------------- */

/* The folder of the running program: what was built with it lies there too. */
static void build_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
}

/* Debian keeps libraries in usr/lib/ARCHITECTURE; which, the unpacked packages tell. */
static void tell_libraries(struct facts *facts, const char *build)
{
    char *pattern = memory_print("%s/peers/root/usr/lib/*-linux-*", build);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) == 0)
        facts_set(facts, "PINHOLE_LIBRARIES", found.gl_pathv[0]);
    globfree(&found);
    free(pattern);
}

static void tell_places(struct facts *facts)
{
    /* How the sanitizers were told to report matters inside as outside. */
    static const char *const inherited[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"};
    char build[PATH_MAX];
    build_folder(build, sizeof build);
    char *path = memory_print("%s:%s/peers/root/usr/sbin:%s/peers/root/usr/bin:"
                              "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                              build, build, build);
    facts_set(facts, "PATH", path);
    facts_set(facts, "LANG", "C.UTF-8");
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        if (getenv(inherited[i]))
            facts_set(facts, inherited[i], getenv(inherited[i]));
    facts_set(facts, "PINHOLE_BUILD", build);
    tell_libraries(facts, build);
    free(path);
}

static void tell_runtime(struct facts *facts, const char *key, const char *program)
{
    char *runtime = memory_print(SCENARIO_RUNTIME "/%s", program);
    facts_set(facts, key, runtime);
    free(runtime);
}

void program_tell_command(struct facts *facts, const struct scenario *scenario, size_t node)
{
    tell_places(facts);
    facts_set(facts, "HOME", "/run");
    facts_set(facts, "PINHOLE_NODE", scenario->topology.nodes[node].name);
    for (size_t i = 0; i < scenario->program_count; i++) {
        if (scenario->programs[i].node == node) {
            tell_runtime(facts, "PINHOLE_RUNTIME", scenario->programs[i].name);
            break;
        }
    }
}

/* Adds a map of facts, each of which may use those before it. */
static int tell_map(struct facts *facts, const struct yaml_value *map, struct error *error)
{
    if (!map)
        return 0;
    if (texts_check_map(map, error) != 0)
        return -1;
    for (size_t i = 0; i < map->count; i++) {
        struct error cause = {0};
        char *value = facts_expand(facts, map->children[i]->text, &cause);
        if (!value)
            return yaml_fail(map->children[i], error, "%s", cause.text);
        facts_set(facts, map->children[i]->key, value);
        free(value);
    }
    return 0;
}

int program_tell(struct scenario_program *program, const char *node, uint64_t seed,
                 const struct yaml_value *const *environments, size_t count, struct error *error)
{
    struct facts *facts = &program->facts;
    const struct peer *peer = program->peer;
    tell_places(facts);
    char *peers = realpath(peer->file, NULL);
    char *seed_text = memory_print("%llu", (unsigned long long)seed);
    tell_runtime(facts, "HOME", program->name);
    facts_set(facts, "PINHOLE_PEERS", peers ? dirname(peers) : "");
    tell_runtime(facts, "PINHOLE_RUNTIME", program->name);
    facts_set(facts, "PINHOLE_NODE", node);
    facts_set(facts, "PINHOLE_PROGRAM", program->name);
    facts_set(facts, "PINHOLE_SEED", seed_text);
    free(seed_text);
    free(peers);
    for (size_t i = 0; i < count; i++)
        if (tell_map(facts, environments[i], error) != 0)
            return -1;
    if (tell_map(facts, peer->environment, error) != 0 ||
        tell_map(facts, peer->variant_environment, error) != 0)
        return -1;
    return peer_check_files(peer, facts, error);
}

char *program_find_command(const char *name, struct error *error)
{
    struct facts facts = {0};
    tell_places(&facts);
    char *found = NULL;
    if (strchr(name, '/')) {
        found = access(name, X_OK) == 0 ? memory_copy(name) : NULL;
    } else {
        char *folders = memory_copy(facts_get(&facts, "PATH"));
        char *rest = NULL;
        for (char *folder = strtok_r(folders, ":", &rest); folder && !found;
             folder = strtok_r(NULL, ":", &rest)) {
            found = memory_print("%s/%s", folder, name);
            if (access(found, X_OK) != 0) {
                free(found);
                found = NULL;
            }
        }
        free(folders);
    }
    facts_free(&facts);
    if (!found)
        (void)error_set(error, "program '%s' not found", name);
    return found;
}

char **programs_list_files(const struct scenario *scenario)
{
    size_t most = 0;
    for (size_t i = 0; i < scenario->program_count; i++)
        most += 1 + scenario->programs[i].peer->needs.count;
    char **files = memory_new(most + 1, sizeof *files);
    size_t count = 0;
    for (size_t i = 0; i < scenario->program_count; i++) {
        const struct scenario_program *program = &scenario->programs[i];
        const struct texts *needs = &program->peer->needs;
        for (size_t k = 0; k <= needs->count; k++) {
            struct error seen_before = {0}; /* by peer_check_files */
            const char *path = k == 0 ? program->peer->program.text[0] : needs->text[k - 1];
            char *whole = peer_path(&program->facts, path, &seen_before);
            if (whole)
                files[count++] = whole;
        }
    }
    return files;
}

void programs_forget_files(char **files)
{
    for (char **file = files; *file; file++)
        free(*file);
    free((void *)files);
}

/* --- inside the sandbox --------------------------------------------------------------------- */

/* argv of the peer's program, or of its version command; free each and the whole. NULL and an error. */
static char **expand_arguments(const struct peer *peer, const struct facts *facts,
                               const struct texts *first, const struct texts *more,
                               struct error *error)
{
    char **argv = memory_new(first->count + more->count + 1, sizeof *argv);
    for (size_t i = 0; i < first->count + more->count; i++) {
        const char *text = i < first->count ? first->text[i] : more->text[i - first->count];
        struct error cause = {0};
        argv[i] = i == 0 ? peer_path(facts, text, &cause) : facts_expand(facts, text, &cause);
        if (!argv[i]) {
            (void)error_set(error, "%s:%d: %s", peer->file, first->line, cause.text);
            for (size_t done = 0; done < i; done++)
                free(argv[done]);
            free((void *)argv);
            return NULL;
        }
    }
    return argv;
}

static void free_arguments(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free((void *)argv);
}

static int write_file(const char *path, const char *text, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_set_errno(error, errno, "%s", path);
    size_t length = strlen(text);
    bool good = fwrite(text, 1, length, file) == length;
    if (fclose(file) != 0 || !good)
        return error_set_errno(error, errno, "%s", path);
    return 0;
}

static int write_files(const struct scenario_program *program, struct error *error)
{
    const char *folder = facts_get(&program->facts, "PINHOLE_RUNTIME");
    if ((mkdir(SCENARIO_RUNTIME, 0755) != 0 && errno != EEXIST) ||
        (mkdir(folder, 0755) != 0 && errno != EEXIST))
        return error_set_errno(error, errno, "%s", folder);
    const struct yaml_value *files = program->peer->files;
    for (size_t i = 0; files && i < files->count; i++) {
        struct error cause = {0};
        char *text = facts_expand(&program->facts, files->children[i]->text, &cause);
        if (!text)
            return yaml_fail(files->children[i], error, "%s", cause.text);
        char *path = memory_print("%s/%s", folder, files->children[i]->key);
        int status = write_file(path, text, error);
        free(path);
        free(text);
        if (status != 0)
            return -1;
    }
    return 0;
}

struct process *program_start(struct supervisor *supervisor, const struct scenario_program *program,
                              const char *log_folder, struct error *error)
{
    const struct peer *peer = program->peer;
    if (write_files(program, error) != 0)
        return NULL;
    char **argv =
        expand_arguments(peer, &program->facts, &peer->program, &program->arguments, error);
    if (!argv)
        return NULL;
    char *log = memory_print("%s/%s.log", log_folder, program->name);
    const struct process_options options = {.node = program->node,
                                            .name = program->name,
                                            .argv = argv,
                                            .environment = program->facts.pairs,
                                            .log_path = log};
    struct process *process = process_start(supervisor, &options, error);
    free(log);
    free_arguments(argv);
    return process;
}

static int await_end(struct process *process, int milliseconds, struct error *error)
{
    int status = 0;
    if (process_await_end(process, milliseconds, &status, error) != 0)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(error, "%s ended with %s %d: %s", process_name(process),
                     WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                     process_last_line(process));
}

int program_await_ready(struct process *process, const struct scenario_program *program,
                        struct error *error)
{
    const struct peer *peer = program->peer;
    switch (peer->ready) {
    case READY_STARTED:
        return 0;
    case READY_UDP:
        return process_await_udp_port(process, peer->ready_port, peer->ready_within, error);
    case READY_TCP:
        return process_await_tcp_port(process, peer->ready_port, peer->ready_within, error);
    case READY_LINE:
        return process_await_line(process, peer->ready_line, peer->ready_within, error);
    case READY_ENDED:
        return await_end(process, peer->ready_within, error);
    }
    return 0;
}

/* --- versions ------------------------------------------------------------------------------- */

static int milliseconds_left(const struct timespec *start, int limit)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t gone = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
    return gone < limit ? (int)(limit - gone) : 0;
}

/* Reads what comes from fd until its end, until out is full, or until time is over. */
static void read_output(int fd, char *out, size_t size)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t used = 0;
    while (used + 1 < size) {
        struct pollfd handle = {.fd = fd, .events = POLLIN};
        if (poll(&handle, 1, milliseconds_left(&start, VERSION_WITHIN)) != 1)
            break;
        ssize_t got = read(fd, out + used, size - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    out[used] = '\0';
}

static void run_for_output(char *const *argv, char *const *environment, char *out, size_t size)
{
    int ends[2];
    out[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        (void)setpgid(0, 0);
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0 &&
            dup2(ends[1], STDERR_FILENO) >= 0)
            (void)execve(argv[0], argv, environment);
        _exit(PEER_UNSUPPORTED);
    }
    (void)close(ends[1]);
    if (child > 0) {
        read_output(ends[0], out, size);
        (void)kill(child, SIGKILL);
        (void)kill(-child, SIGKILL); /* and what it left behind */
        (void)waitpid(child, NULL, 0);
    }
    (void)close(ends[0]);
}

void program_read_version(const struct scenario_program *program, char *out, size_t size)
{
    static const struct texts none = {0};
    const struct peer *peer = program->peer;
    out[0] = '\0';
    if (peer->version_command.count == 0)
        return;
    struct error ignored = {0}; /* a peer that can't tell its version is judged all the same */
    char **argv = expand_arguments(peer, &program->facts, &peer->version_command, &none, &ignored);
    if (!argv)
        return;
    char output[4096];
    run_for_output(argv, program->facts.pairs, output, sizeof output);
    free_arguments(argv);
    regex_t pattern;
    regmatch_t group[2];
    if (regcomp(&pattern, peer->version_pattern, REG_EXTENDED | REG_NEWLINE) != 0)
        return;
    if (regexec(&pattern, output, 2, group, 0) == 0 && group[1].rm_so >= 0)
        (void)snprintf(out, size, "%.*s", (int)(group[1].rm_eo - group[1].rm_so),
                       output + group[1].rm_so);
    regfree(&pattern);
}
