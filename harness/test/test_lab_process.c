/* Programs in a lab: each test runs real programs in a real sandbox. */
#include "lab/prefix.h"
#include "lab/process.h"
#include "sealed.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { LEFT, RIGHT, NODES };
enum { SOON = 10000, NEVER = 60 }; /* ms: until what must come, and for what must not */

/* What every test starts from: two nodes, of which one has an interface, and a supervisor. */
struct scene {
    struct sealed *sealed;
    struct topology_node nodes[NODES];
    struct topology_network network;
    struct topology_link link;
    struct topology topology;
    struct lab *lab;
    struct supervisor *supervisor;
    char path[128];
    struct error error;
};

static bool scene_open(struct scene *scene, struct sealed *sealed)
{
    *scene = (struct scene){.sealed = sealed,
                            .nodes = {{.name = "left"}, {.name = "right"}},
                            .network = {.name = "home", .prefix_count = 1},
                            .link = {.node = LEFT, .interface = "inside", .address_count = 1}};
    scene->topology = (struct topology){.nodes = scene->nodes,
                                        .node_count = NODES,
                                        .networks = &scene->network,
                                        .network_count = 1,
                                        .links = &scene->link,
                                        .link_count = 1};
    if (!prefix_parse("192.168.1.0/24", &scene->network.prefixes[0]) ||
        !prefix_parse("192.168.1.10/24", &scene->link.addresses[0]))
        return false;
    scene->lab = lab_create(&scene->topology, &scene->error);
    if (scene->lab != NULL)
        scene->supervisor = supervisor_create(scene->lab, &scene->error);
    return scene->supervisor != NULL;
}

/* The test's own part. */
static void (*scene_body)(struct scene *scene);

static void scene_play(struct sealed *sealed)
{
    struct scene scene;
    EXPECT(sealed, scene_open(&scene, sealed), "%s", scene.error.text);
    scene_body(&scene);
    supervisor_destroy(scene.supervisor);
}

static void scene_run(void (*body)(struct scene *scene))
{
    scene_body = body;
    sealed_run(scene_play);
}

/* For what returns 0, or -1 with an error. */
#define EXPECT_DONE(call) EXPECT(scene->sealed, (call) == 0, "%s", scene->error.text)

/* An error is there, begins so, and is forgotten. */
#define EXPECT_ERROR(beginning)                                                                    \
    do {                                                                                           \
        EXPECT(scene->sealed, strncmp(scene->error.text, beginning, sizeof(beginning) - 1) == 0,   \
               "%s", scene->error.text);                                                           \
        scene->error.text[0] = '\0';                                                               \
    } while (0)

/* The log of the program of that name. */
static const char *log_path(struct scene *scene, const char *name)
{
    snprintf(scene->path, sizeof scene->path, "%s/%s.log", scene->sealed->folder, name);
    return scene->path;
}

static struct process *start(struct scene *scene, size_t node, const char *name, char *const *argv)
{
    static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    const struct process_options options = {.node = node,
                                            .name = name,
                                            .argv = argv,
                                            .environment = environment,
                                            .log_path = log_path(scene, name)};
    return process_start(scene->supervisor, &options, &scene->error);
}

static struct process *start_shell(struct scene *scene, const char *name, char *script)
{
    char *argv[] = {"/bin/sh", "-c", script, NULL};
    return start(scene, LEFT, name, argv);
}

/* This program itself, in one of its other roles. */
static struct process *start_self(struct scene *scene, size_t node, char *role, char *port)
{
    char *argv[] = {"/proc/self/exe", role, port, NULL};
    return start(scene, node, role, argv);
}

/* The log as one text, in static memory. */
static const char *read_log(struct scene *scene, const char *name)
{
    static char text[1 << 20];
    size_t length = 0;
    FILE *file = fopen(log_path(scene, name), "re");
    if (file != NULL) {
        length = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    text[length] = '\0';
    return text;
}

/* Processes of the sandbox, PID 1 among them; the dead that nobody reaped count. */
static int count_processes(void)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(proc)) != NULL)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    closedir(proc);
    return count;
}

/* Lets the supervisor reap until so many processes are left. */
static bool settle(struct scene *scene, int count)
{
    for (int i = 0; i < SOON && count_processes() != count; i++)
        supervisor_pass(scene->supervisor, 1, NULL);
    return count_processes() == count;
}

/* --- readiness ------------------------------------------------------------------------------- */

static void bound_port(struct scene *scene)
{
    struct process *left = start_self(scene, LEFT, "bind-udp", "5351");
    struct process *right = start_self(scene, RIGHT, "bind-udp", "5352");
    EXPECT(scene->sealed, left != NULL && right != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_udp_port(left, 5351, SOON, &scene->error));
    EXPECT_DONE(process_await_udp_port(right, 5352, SOON, &scene->error));
    EXPECT(scene->sealed, process_await_udp_port(right, 5351, NEVER, &scene->error) == -1,
           "a port of the other node was taken for one's own");
    EXPECT_ERROR("bind-udp: awaited UDP port 5351, but it did not come within 60 ms; ");
}

static void a_udp_port_is_awaited_in_the_programs_own_node(void **state)
{
    (void)state;
    scene_run(bound_port);
}

static void listening_port(struct scene *scene)
{
    struct process *bound = start_self(scene, LEFT, "bind-tcp", "8080");
    struct process *listening = start_self(scene, RIGHT, "listen-tcp", "8080");
    EXPECT(scene->sealed, bound != NULL && listening != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_tcp_port(listening, 8080, SOON, &scene->error));
    EXPECT_DONE(process_await_line(bound, "^bound$", SOON, &scene->error));
    EXPECT(scene->sealed, process_await_tcp_port(bound, 8080, NEVER, &scene->error) == -1,
           "a port that is bound only was taken for a listening one");
}

static void a_tcp_port_is_awaited_until_it_listens(void **state)
{
    (void)state;
    scene_run(listening_port);
}

static void printed_line(struct scene *scene)
{
    struct process *p = start_shell(scene, "printer",
                                    "echo first; cat /proc/sys/kernel/ostype;"
                                    "printf 'no newline' >&2; exec sleep 100");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(p, "^Linux$", SOON, &scene->error));
    EXPECT(scene->sealed, process_await_line(p, "^f(i|o)rst$", NEVER, &scene->error) == 0,
           "a line from before the wait was not found: %s", scene->error.text);
    EXPECT(scene->sealed, process_await_lines(p, "^(first|Linux)$", 2, SOON, &scene->error) == 0,
           "two lines that match were not found: %s", scene->error.text);
    EXPECT(scene->sealed, process_await_lines(p, "^Linux$", 2, NEVER, &scene->error) == -1,
           "one line was taken for two");
    scene->error.text[0] = '\0';
    EXPECT(scene->sealed, strcmp(process_last_line(p), "Linux") == 0, "%s", process_last_line(p));
    EXPECT(scene->sealed, process_await_line(p, "started", NEVER, &scene->error) == -1,
           "a note of the supervisor was taken for a line of the program");
    scene->error.text[0] = '\0';
    EXPECT(scene->sealed, process_await_line(p, "*(", NEVER, &scene->error) == -1,
           "a bad pattern passed");
    EXPECT(scene->sealed, strstr(scene->error.text, "is no regular expression") != NULL, "%s",
           scene->error.text);
    int status;
    EXPECT_DONE(process_stop(p, SOON, &status, &scene->error));
    EXPECT(scene->sealed, WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x",
           (unsigned)status);
    EXPECT(scene->sealed, strcmp(process_last_line(p), "no newline") == 0, "%s",
           process_last_line(p));
}

static void a_line_is_found_whether_printed_before_or_while_it_is_awaited(void **state)
{
    (void)state;
    scene_run(printed_line);
}

static void early_death(struct scene *scene)
{
    struct process *p = start_shell(scene, "daemon", "echo bind: Address already in use; exit 3");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT(scene->sealed, process_await_udp_port(p, 5351, SOON, &scene->error) == -1,
           "it was ready");
    char expected[300];
    snprintf(expected, sizeof expected,
             "after its start; its last line: \"bind: Address already in use\"; log: %s",
             log_path(scene, "daemon"));
    EXPECT(scene->sealed,
           strstr(scene->error.text,
                  "daemon: awaited UDP port 5351, but the program ended with exit "
                  "status 3 ") == scene->error.text &&
               strstr(scene->error.text, expected) != NULL,
           "%s", scene->error.text);
}

static void a_program_that_dies_before_it_is_ready_is_told_with_its_last_line(void **state)
{
    (void)state;
    scene_run(early_death);
}

static void made_file(struct scene *scene)
{
    char script[200];
    char flag[100];
    snprintf(flag, sizeof flag, "%s/flag", scene->sealed->folder);
    snprintf(script, sizeof script, "echo > %s; exec sleep 100", flag);
    struct process *p = start_shell(scene, "maker", script);
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_file(p, flag, SOON, &scene->error));
    EXPECT(scene->sealed, process_await_file(p, "/nowhere", NEVER, &scene->error) == -1, "found");
}

static void a_file_is_awaited(void **state)
{
    (void)state;
    scene_run(made_file);
}

static void missing_program(struct scene *scene)
{
    char *argv[] = {"/usr/bin/no-such-program", NULL};
    EXPECT(scene->sealed, start(scene, LEFT, "ghost", argv) == NULL, "it was started");
    EXPECT_ERROR("ghost: cannot execute /usr/bin/no-such-program: No such file or "
                 "directory");
    EXPECT(scene->sealed, count_processes() == 1, "%d processes", count_processes());
}

static void a_program_that_is_missing_is_an_error_of_its_start(void **state)
{
    (void)state;
    scene_run(missing_program);
}

/* --- surroundings ---------------------------------------------------------------------------- */

static void surroundings(struct scene *scene)
{
    signal(SIGPIPE, SIG_IGN);
    int open_descriptor = dup(STDOUT_FILENO);
    struct process *p = start_shell(scene, "looker",
                                    "cat; ls -m /proc/$$/fd; echo interfaces $(ls /sys/class/net);"
                                    "ps -o sid=,pgid=,pid= -p $$");
    /* Not by a shell, which sets its own mask. */
    char *signals[] = {"/bin/grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", NULL};
    struct process *q = start(scene, LEFT, "signals", signals);
    signal(SIGPIPE, SIG_DFL);
    close(open_descriptor);
    EXPECT(scene->sealed, p != NULL && q != NULL, "%s", scene->error.text);
    int status;
    EXPECT_DONE(process_await_end(p, SOON, &status, &scene->error));
    EXPECT(scene->sealed, status == 0, "%x: %s", (unsigned)status, read_log(scene, "looker"));
    static const char *const lines[] = {"^0, 1, 2$", "^interfaces inside lo$",
                                        "^ *([0-9]+) +\\1 +\\1$"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        EXPECT(scene->sealed, process_await_line(p, lines[i], NEVER, &scene->error) == 0, "%s\n%s",
               scene->error.text, read_log(scene, "looker"));
    static const char *const masks[] = {"^SigBlk:.0000000000000000$", "^SigIgn:.0000000000000000$"};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        EXPECT(scene->sealed, process_await_line(q, masks[i], SOON, &scene->error) == 0, "%s\n%s",
               scene->error.text, read_log(scene, "signals"));
}

static void a_program_inherits_nothing_and_sees_only_its_node(void **state)
{
    (void)state;
    scene_run(surroundings);
}

/* --- logs ------------------------------------------------------------------------------------ */

static void garbage(struct scene *scene)
{
    struct process *p = start_shell(scene, "binary",
                                    "printf 'a\\0b\\033[2J\\377\\tend\\r\\n';"
                                    "head -c 3000 /dev/zero | tr '\\0' x; echo;"
                                    "head -c 100000 /dev/urandom");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_end(p, SOON, NULL, &scene->error));
    EXPECT(scene->sealed,
           process_await_line(p, "^a\\\\x00b\\\\x1b\\[2J\\\\xff\tend\\\\x0d$", 0, &scene->error) ==
               0,
           "%s", scene->error.text);
    const char *log = read_log(scene, "binary");
    size_t rest = 0;
    for (const char *at = log; *at != '\0'; at++) {
        EXPECT(scene->sealed, (*at >= ' ' && *at <= '~') || *at == '\t' || *at == '\n',
               "octet %02x", (unsigned)*at);
        rest += *at == 'x' && at > log && at[-1] == 'x';
    }
    EXPECT(scene->sealed, strstr(log, "Z  xxxx") != NULL && strstr(log, "Z+ xxxx") != NULL,
           "%.400s", log);
    EXPECT(scene->sealed, rest >= 3000 - 4, "%zu of the long line are there", rest);
    EXPECT_DONE(supervisor_check_logs(scene->supervisor, &scene->error));
}

static void whatever_is_printed_the_log_is_plain_text_in_bounded_lines(void **state)
{
    (void)state;
    scene_run(garbage);
}

static void chatty_program(struct scene *scene)
{
    char *argv[] = {"/bin/sh", "-c", "yes | head -c 3000000; echo last", NULL};
    const struct process_options options = {
        .name = "chatty", .argv = argv, .log_path = log_path(scene, "chatty"), .log_limit = 10000};
    struct process *p = process_start(scene->supervisor, &options, &scene->error);
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(p, "^last$", SOON, &scene->error));
    EXPECT(scene->sealed, supervisor_check_logs(scene->supervisor, &scene->error) == -1,
           "nothing was told of lost lines");
    EXPECT_ERROR("chatty: output lost, ");
    supervisor_destroy(scene->supervisor);
    scene->supervisor = NULL;
    const char *log = read_log(scene, "chatty");
    EXPECT(scene->sealed,
           strstr(log, "Z* the log ends here: its limit of 10000 octets is reached") != NULL,
           "the log does not say where it was cut");
    EXPECT(scene->sealed, strstr(log, "Z* 2990005 more octets were printed and not kept\n") != NULL,
           "%s", log + strlen(log) - 100);
    EXPECT(scene->sealed, strlen(log) < 10000 / 2 * 32 + 500, "%zu octets", strlen(log));
}

static void a_log_ends_at_its_limit_and_says_how_much_is_missing(void **state)
{
    (void)state;
    scene_run(chatty_program);
}

static void started_again(struct scene *scene)
{
    FILE *stale = fopen(log_path(scene, "daemon"), "we");
    EXPECT(scene->sealed,
           stale != NULL && fputs("of another run\n", stale) > 0 && fclose(stale) == 0, "%s",
           strerror(errno));
    struct process *first = start_shell(scene, "daemon", "echo one");
    EXPECT(scene->sealed, first != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_end(first, SOON, NULL, &scene->error));
    struct process *second = start_shell(scene, "daemon", "echo two; exec sleep 100");
    EXPECT(scene->sealed, second != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(second, "two", SOON, &scene->error));
    EXPECT(scene->sealed, process_await_line(second, "one", NEVER, &scene->error) == -1,
           "a line of its predecessor was taken for its own");
    const char *log = read_log(scene, "daemon");
    EXPECT(scene->sealed, strstr(log, "  one\n") != NULL && strstr(log, "  two\n") != NULL, "%s",
           log);
    EXPECT(scene->sealed, strstr(log, "another run") == NULL, "%s", log);
}

static void a_program_that_is_started_again_goes_on_in_its_log(void **state)
{
    (void)state;
    scene_run(started_again);
}

static void full_disk(struct scene *scene)
{
    char *argv[] = {"/bin/echo", "lost", NULL};
    const struct process_options options = {.name = "echo", .argv = argv, .log_path = "/dev/full"};
    struct process *p = process_start(scene->supervisor, &options, &scene->error);
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_end(p, SOON, NULL, &scene->error));
    EXPECT(scene->sealed, supervisor_check_logs(scene->supervisor, &scene->error) == -1,
           "nothing was told of lost lines");
    EXPECT_ERROR("echo: output lost, cannot write /dev/full: No space left on device");
}

static void a_log_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    scene_run(full_disk);
}

struct seen {
    char lines[200];
    int ends;
    int status;
};

static void seen_line(void *context, const struct process *process, const char *text)
{
    struct seen *seen = context;
    size_t used = strlen(seen->lines);
    snprintf(seen->lines + used, sizeof seen->lines - used, "%s: %s\n", process_name(process),
             text);
}

static void seen_end(void *context, const struct process *process, int status)
{
    (void)process;
    struct seen *seen = context;
    seen->ends++;
    seen->status = status;
}

static void watched(struct scene *scene)
{
    struct seen seen = {0};
    supervisor_set_watch(
        scene->supervisor,
        &(struct supervisor_watch){.line = seen_line, .ended = seen_end, .context = &seen});
    struct process *p = start_shell(scene, "talker", "echo one; echo two; printf three; exit 4");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_end(p, SOON, NULL, &scene->error));
    EXPECT(scene->sealed, strcmp(seen.lines, "talker: one\ntalker: two\ntalker: three\n") == 0,
           "%s", seen.lines);
    EXPECT(scene->sealed, seen.ends == 1 && WEXITSTATUS(seen.status) == 4, "%d ends, status %x",
           seen.ends, (unsigned)seen.status);
}

static void last_words(struct scene *scene)
{
    struct process *p = start_shell(scene, "parent", "sleep 100 & printf 'last words'; exit 1");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    int status;
    EXPECT_DONE(process_await_end(p, SOON, &status, &scene->error));
    EXPECT(scene->sealed, WEXITSTATUS(status) == 1, "%x", (unsigned)status);
    EXPECT(scene->sealed, strcmp(process_last_line(p), "last words") == 0, "%s",
           process_last_line(p));
}

static void last_words_are_heard_though_a_child_still_holds_the_output(void **state)
{
    (void)state;
    scene_run(last_words);
}

static void a_watch_is_told_every_line_and_the_end(void **state)
{
    (void)state;
    scene_run(watched);
}

/* --- ends ------------------------------------------------------------------------------------ */

static void orphans(struct scene *scene)
{
    struct process *p =
        start_shell(scene, "parent",
                    "for i in 1 2 3 4 5; do (setsid true &) ; done; echo made; exec sleep 100");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(p, "made", SOON, &scene->error));
    EXPECT(scene->sealed, settle(scene, 2), "%d processes", count_processes());
    supervisor_destroy(scene->supervisor);
    scene->supervisor = NULL;
    EXPECT(scene->sealed, count_processes() == 1, "%d processes are left", count_processes());
}

static void orphans_are_reaped_and_nobody_outlives_the_supervisor(void **state)
{
    (void)state;
    scene_run(orphans);
}

static void background(struct scene *scene)
{
    struct process *p = start_shell(scene, "daemon",
                                    "setsid sh -c 'trap \"exit 7\" TERM; echo ready;"
                                    "while :; do sleep 0.01; done' & exit 0");
    EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(p, "ready", SOON, &scene->error));
    EXPECT(scene->sealed, process_await_end(p, NEVER, NULL, &scene->error) == -1,
           "a program in the background counts as ended");
    scene->error.text[0] = '\0';
    EXPECT_DONE(process_signal(p, SIGTERM, &scene->error));
    int status;
    EXPECT_DONE(process_await_end(p, SOON, &status, &scene->error));
    EXPECT(scene->sealed, WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
    EXPECT(scene->sealed, process_signal(p, SIGHUP, &scene->error) == -1, "the dead was signalled");
    EXPECT_ERROR("daemon: cannot get signal 1, it ended with exit status 7");
}

static void a_program_that_goes_to_the_background_is_followed(void **state)
{
    (void)state;
    scene_run(background);
}

static void scattered(struct scene *scene)
{
    struct process *other = start_shell(scene, "other", "exec sleep 100");
    struct process *p = start_shell(scene, "scattered",
                                    "trap '' TERM; (setsid sleep 100 &);"
                                    "sh -c 'sleep 100; :' & echo made; wait; sleep 100");
    EXPECT(scene->sealed, p != NULL && other != NULL, "%s", scene->error.text);
    EXPECT_DONE(process_await_line(p, "made", SOON, &scene->error));
    int status;
    EXPECT_DONE(process_stop(p, NEVER, &status, &scene->error));
    EXPECT(scene->sealed, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
           "who ignores TERM is killed: %x", (unsigned)status);
    EXPECT(scene->sealed, settle(scene, 2), "%d processes", count_processes());
    EXPECT(scene->sealed, !process_ended(other, NULL), "another program was stopped too");
    EXPECT(scene->sealed, process_stop(p, NEVER, NULL, &scene->error) == 0,
           "stopping what has ended is no error: %s", scene->error.text);
    supervisor_stop(scene->supervisor, SOON);
    EXPECT(scene->sealed, process_ended(other, &status) && WTERMSIG(status) == SIGTERM, "%x",
           (unsigned)status);
}

static void stop_finds_offspring_wherever_it_went(void **state)
{
    (void)state;
    scene_run(scattered);
}

static void faults(struct scene *scene)
{
    static const struct {
        char *script;
        int sent, fault;
    } ends[] = {
        {"echo ready; kill -SEGV $$", 0, SIGSEGV},
        {"echo ready; sh -c 'kill -BUS $$'; exit $?", 0,
         SIGBUS}, /* as a shell tells of its child */
        {"trap 'kill -ABRT $$' TERM; echo ready; while :; do sleep 0.01; done", SIGTERM, SIGABRT},
        {"echo ready; exec sleep 100", SIGABRT, 0}, /* it was told to */
        {"echo ready; exec sleep 100", SIGTERM, 0},
        {"echo ready; kill -KILL $$", 0, 0}, /* as by anybody else in the lab */
        {"echo ready; exit 1", 0, 0},
        {"echo ready; exit 0", 0, 0},
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct process *p = start_shell(scene, "faulty", ends[i].script);
        EXPECT(scene->sealed, p != NULL, "%s", scene->error.text);
        EXPECT_DONE(process_await_line(p, "ready", SOON, &scene->error));
        if (ends[i].sent != 0)
            EXPECT_DONE(process_signal(p, ends[i].sent, &scene->error));
        EXPECT_DONE(process_await_end(p, SOON, NULL, &scene->error));
        EXPECT(scene->sealed, process_fault(p) == ends[i].fault, "%s: %d", ends[i].script,
               process_fault(p));
    }
}

static void a_signal_that_nobody_sent_is_the_programs_fault(void **state)
{
    (void)state;
    scene_run(faults);
}

static void outside_of_a_sandbox_no_supervisor_is_made(void **state)
{
    (void)state;
    struct error error = {0};
    assert_null(supervisor_create(NULL, &error));
    assert_non_null(strstr(error.text, "PID 1 of a sandbox only"));
}

/* --- the roles of this program when it is started by its own tests --------------------------- */

static int bind_and_stay(const char *role, uint16_t port)
{
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = socket(AF_INET6, strcmp(role, "bind-udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 ||
        (strcmp(role, "listen-tcp") == 0 && listen(fd, 1) != 0)) {
        perror(role);
        return 1;
    }
    puts("bound");
    fflush(stdout);
    pause();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return bind_and_stay(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_udp_port_is_awaited_in_the_programs_own_node),
        cmocka_unit_test(a_tcp_port_is_awaited_until_it_listens),
        cmocka_unit_test(a_line_is_found_whether_printed_before_or_while_it_is_awaited),
        cmocka_unit_test(a_program_that_dies_before_it_is_ready_is_told_with_its_last_line),
        cmocka_unit_test(a_file_is_awaited),
        cmocka_unit_test(a_program_that_is_missing_is_an_error_of_its_start),
        cmocka_unit_test(a_program_inherits_nothing_and_sees_only_its_node),
        cmocka_unit_test(whatever_is_printed_the_log_is_plain_text_in_bounded_lines),
        cmocka_unit_test(a_log_ends_at_its_limit_and_says_how_much_is_missing),
        cmocka_unit_test(a_program_that_is_started_again_goes_on_in_its_log),
        cmocka_unit_test(a_log_that_cannot_be_written_is_told),
        cmocka_unit_test(last_words_are_heard_though_a_child_still_holds_the_output),
        cmocka_unit_test(a_watch_is_told_every_line_and_the_end),
        cmocka_unit_test(orphans_are_reaped_and_nobody_outlives_the_supervisor),
        cmocka_unit_test(a_program_that_goes_to_the_background_is_followed),
        cmocka_unit_test(stop_finds_offspring_wherever_it_went),
        cmocka_unit_test(a_signal_that_nobody_sent_is_the_programs_fault),
        cmocka_unit_test(outside_of_a_sandbox_no_supervisor_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
