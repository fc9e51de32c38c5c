#include "lab/process.h"

#include "lab/process_fault.h"
#include "lab/process_log.h"
#include "lab/process_offspring.h"
#include "lab/process_ports.h"
#include "lab/process_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK = 3,             /* ms between looks at a state of which the kernel tells nothing */
    PIPE_SIZE = 1 << 20,  /* of room for a program while the caller is busy elsewhere */
    READ_SIZE = 64 << 10, /* taken from one program before the next has its turn */
    LOG_LIMIT = 16 << 20, /* where the caller names none */
    LAST_LINE_SHOWN = 160 /* octets of it in an error */
};

struct process {
    struct supervisor *supervisor;
    struct process *next;
    char *name;
    size_t node;
    unsigned number; /* the mark of its offspring */
    pid_t pid;       /* first process, or its heir in the background; 0 once ended */
    int output;      /* read end of the pipe; -1 once every writer is gone */
    int status;
    sigset_t sent;   /* by process_signal; TERM and KILL of a stop are no faults */
    int64_t started; /* ms */
    int64_t finished;
    const regex_t *awaited; /* pattern of the line being waited for, or NULL */
    uint32_t lines_seen;    /* that match it */
    struct process_log log;
};

struct supervisor {
    const struct lab *lab;
    int child_events; /* signalfd of SIGCHLD */
    sigset_t former_mask;
    struct process *processes; /* in order of start */
    struct process **last;
    unsigned count;
    struct supervisor_watch watch;
};

static int64_t now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *status_text(int status, char text[48])
{
    if (WIFSIGNALED(status))
        snprintf(text, 48, "was killed by signal %d (SIG%s)", WTERMSIG(status),
                 sigabbrev_np(WTERMSIG(status)) != NULL ? sigabbrev_np(WTERMSIG(status)) : "?");
    else
        snprintf(text, 48, "ended with exit status %d", WEXITSTATUS(status));
    return text;
}

/* --- supervisor ------------------------------------------------------------------------------ */

struct supervisor *supervisor_create(const struct lab *lab, struct error *error)
{
    /* supervisor_stop signals every process that it can see. */
    if (getpid() != 1) {
        error_set(error, "programs are supervised by PID 1 of a sandbox only, this is %d",
                  (int)getpid());
        return NULL;
    }
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (supervisor == NULL) {
        error_set_errno(error, errno, "supervisor");
        return NULL;
    }
    supervisor->lab = lab;
    supervisor->last = &supervisor->processes;
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &supervisor->former_mask);
    supervisor->child_events = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (supervisor->child_events < 0) {
        error_set_errno(error, errno, "signalfd");
        sigprocmask(SIG_SETMASK, &supervisor->former_mask, NULL);
        free(supervisor);
        return NULL;
    }
    return supervisor;
}

static void process_free(struct process *process)
{
    if (process->output >= 0)
        close(process->output);
    if (process->log.file != NULL)
        process_log_close(&process->log);
    free(process->name);
    free(process);
}

void supervisor_destroy(struct supervisor *supervisor)
{
    if (supervisor == NULL)
        return;
    supervisor_stop(supervisor, 0);
    while (supervisor->processes != NULL) {
        struct process *next = supervisor->processes->next;
        process_free(supervisor->processes);
        supervisor->processes = next;
    }
    close(supervisor->child_events);
    sigprocmask(SIG_SETMASK, &supervisor->former_mask, NULL);
    free(supervisor);
}

void supervisor_set_watch(struct supervisor *supervisor, const struct supervisor_watch *watch)
{
    supervisor->watch = *watch;
}

int supervisor_check_logs(const struct supervisor *supervisor, struct error *error)
{
    for (const struct process *p = supervisor->processes; p != NULL; p = p->next) {
        if (p->log.problem != 0)
            return error_set_errno(error, p->log.problem, "%s: output lost, cannot write %s",
                                   p->name, p->log.path);
        if (p->log.discarded > 0)
            return error_set(error, "%s: output lost, %s reached its limit of %llu octets", p->name,
                             p->log.path, (unsigned long long)p->log.limit);
    }
    return 0;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void line_seen(void *context, const char *text)
{
    struct process *process = context;
    if (process->awaited != NULL && regexec(process->awaited, text, 0, NULL, 0) == 0)
        process->lines_seen++;
    const struct supervisor_watch *watch = &process->supervisor->watch;
    if (watch->line != NULL)
        watch->line(watch->context, process, text);
}

/* Takes at most READ_SIZE of what a program printed; true if there may be more. */
static bool read_output(struct process *process)
{
    uint8_t octets[READ_SIZE];
    if (process->output < 0)
        return false;
    ssize_t count = read(process->output, octets, sizeof octets);
    if (count > 0) {
        process_log_take(&process->log, octets, (size_t)count, line_seen, process);
        return true;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    close(process->output);
    process->output = -1;
    process_log_flush(&process->log, line_seen, process);
    return false;
}

static void process_ends(struct process *process, int status)
{
    char text[48];
    /* A first process that ends well and leaves a child has gone to the background. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        pid_t heir = process_offspring_heir(process->number);
        if (heir > 0) {
            process_log_note(&process->log, "went to the background as process %d", (int)heir);
            process->pid = heir;
            return;
        }
    }
    /* All that it printed lies in the pipe; what its offspring may still print is read later. Bounded
     * by the pipe's size, since that offspring may be chatty. */
    for (size_t taken = 0; taken < PIPE_SIZE && read_output(process); taken += READ_SIZE)
        ;
    process_log_flush(&process->log, line_seen, process);
    process->pid = 0;
    process->status = status;
    process->finished = now_milliseconds();
    process_log_note(&process->log, "%s", status_text(status, text));
    const struct supervisor_watch *watch = &process->supervisor->watch;
    if (watch->ended != NULL)
        watch->ended(watch->context, process, status);
}

/* Reaps all that has died; false once there is no child at all. */
static bool reap(struct supervisor *supervisor)
{
    struct signalfd_siginfo event;
    while (read(supervisor->child_events, &event, sizeof event) == sizeof event)
        ;
    int status;
    pid_t child;
    while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct process *p = supervisor->processes; p != NULL; p = p->next) {
            if (p->pid == child) {
                process_ends(p, status);
                break;
            }
        }
    }
    return child == 0;
}

/* Waits until something happens, at most milliseconds, and deals with it. */
static int turn(struct supervisor *supervisor, int milliseconds, struct error *error)
{
    struct pollfd *polled = calloc(supervisor->count + 1, sizeof *polled);
    if (polled == NULL)
        return error_set_errno(error, errno, "poll");
    nfds_t count = 0;
    polled[count++] = (struct pollfd){.fd = supervisor->child_events, .events = POLLIN};
    for (const struct process *p = supervisor->processes; p != NULL; p = p->next)
        polled[count++] = (struct pollfd){.fd = p->output, .events = POLLIN};
    int ready = poll(polled, count, milliseconds);
    if (ready < 0 && errno != EINTR) {
        free(polled);
        return error_set_errno(error, errno, "poll");
    }
    nfds_t at = 1;
    for (struct process *p = supervisor->processes; ready > 0 && p != NULL; p = p->next, at++) {
        if (polled[at].revents != 0)
            read_output(p);
    }
    free(polled);
    reap(supervisor);
    return 0;
}

static int remaining(int64_t deadline)
{
    int64_t left = deadline - now_milliseconds();
    return left > 0 ? (int)left : 0;
}

int supervisor_pass(struct supervisor *supervisor, int milliseconds, struct error *error)
{
    int64_t deadline = now_milliseconds() + milliseconds;
    do {
        if (turn(supervisor, remaining(deadline), error) != 0)
            return -1;
    } while (remaining(deadline) > 0);
    return 0;
}

/* From PID 1, -1 means every process of the sandbox but itself. */
void supervisor_stop(struct supervisor *supervisor, int grace)
{
    int64_t deadline = now_milliseconds() + grace;
    bool killed = grace <= 0;
    kill(-1, killed ? SIGKILL : SIGTERM);
    while (reap(supervisor)) {
        if (!killed && remaining(deadline) == 0) {
            killed = true;
            kill(-1, SIGKILL);
        }
        if (turn(supervisor, killed ? TICK : remaining(deadline), NULL) != 0)
            break;
    }
    for (struct process *p = supervisor->processes; p != NULL; p = p->next) {
        while (read_output(p))
            ;
    }
}

/* --- one process ----------------------------------------------------------------------------- */

static int spawn_into(struct process *process, const struct process_options *options,
                      struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "pipe");
    process->output = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE); /* best effort: a user's pipes are rationed */
    const struct process_spawn spawn = {
        .network_namespace = lab_namespace(process->supervisor->lab, options->node),
        .output = ends[1],
        .mark = process->number,
        .argv = options->argv,
        .environment = options->environment,
    };
    process->pid = process_spawn(&spawn, error);
    close(ends[1]);
    return process->pid > 0 ? 0 : -1;
}

/* A program that is started again goes on in its log. */
static bool has_log(const struct supervisor *supervisor, const char *path)
{
    for (const struct process *p = supervisor->processes; p != NULL; p = p->next) {
        if (strcmp(p->log.path, path) == 0)
            return true;
    }
    return false;
}

struct process *process_start(struct supervisor *supervisor, const struct process_options *options,
                              struct error *error)
{
    struct process *process = calloc(1, sizeof *process);
    if (process == NULL) {
        error_set_errno(error, errno, "%s", options->name);
        return NULL;
    }
    *process = (struct process){.supervisor = supervisor,
                                .node = options->node,
                                .number = supervisor->count,
                                .output = -1,
                                .started = now_milliseconds()};
    sigemptyset(&process->sent);
    struct error cause = {0};
    process->name = strdup(options->name);
    if (process->name == NULL)
        error_set_errno(&cause, errno, "out of memory");
    else if (process_log_open(
                 &process->log, options->log_path, has_log(supervisor, options->log_path),
                 options->log_limit > 0 ? options->log_limit : LOG_LIMIT, &cause) == 0 &&
             spawn_into(process, options, &cause) == 0) {
        process_log_note(&process->log, "started %s as process %d", options->argv[0],
                         (int)process->pid);
        *supervisor->last = process;
        supervisor->last = &process->next;
        supervisor->count++;
        return process;
    }
    if (process->log.file != NULL)
        process_log_note(&process->log, "%s", cause.text);
    error_set(error, "%s: %s", options->name, cause.text);
    process_free(process);
    return NULL;
}

const char *process_name(const struct process *process)
{
    return process->name;
}

const char *process_last_line(const struct process *process)
{
    return process->log.last;
}

bool process_ended(const struct process *process, int *status)
{
    if (process->pid != 0)
        return false;
    if (status != NULL)
        *status = process->status;
    return true;
}

int process_fault(const struct process *process)
{
    return process->pid == 0 ? process_fault_of(process->status, &process->sent) : 0;
}

int process_signal(struct process *process, int signal_number, struct error *error)
{
    char text[48];
    if (process->pid == 0)
        return error_set(error, "%s: cannot get signal %d, it %s", process->name, signal_number,
                         status_text(process->status, text));
    if (kill(process->pid, signal_number) != 0)
        return error_set_errno(error, errno, "%s: signal %d", process->name, signal_number);
    sigaddset(&process->sent, signal_number);
    return 0;
}

int process_stop(struct process *process, int grace, int *status, struct error *error)
{
    int64_t deadline = now_milliseconds() + grace;
    process_offspring_signal(process->number, SIGTERM);
    while (process->pid != 0 || process_offspring_signal(process->number, 0) > 0) {
        /* Again each time: a new child may have been made meanwhile. */
        if (remaining(deadline) == 0)
            process_offspring_signal(process->number, SIGKILL);
        if (turn(process->supervisor, TICK, error) != 0)
            return -1;
    }
    if (status != NULL)
        *status = process->status;
    return 0;
}

/* --- waiting --------------------------------------------------------------------------------- */

struct awaited {
    /* 1 once the state is there, 0 while it is not, -1 with an error. */
    int (*reached)(struct process *process, const struct awaited *awaited, struct error *error);
    bool told; /* an event comes when the state does; else it is looked at each tick */
    enum port_kind kind;
    uint16_t port;
    const char *path;
    uint32_t times; /* that a line comes */
};

static int fail(const struct process *process, const char *what, const char *happened,
                struct error *error)
{
    const char *last = process->log.last;
    return error_set(error, "%s: awaited %s, but %s; %s%.*s%s; log: %s%s", process->name, what,
                     happened, last[0] != '\0' ? "its last line: \"" : "it printed nothing",
                     LAST_LINE_SHOWN, last, last[0] != '\0' ? "\"" : "", process->log.path,
                     process->log.discarded > 0 ? " (cut)" : "");
}

static int await(struct process *process, const struct awaited *awaited, const char *what,
                 int milliseconds, struct error *error)
{
    int64_t begun = now_milliseconds();
    int64_t deadline = begun + milliseconds;
    char happened[96];

    for (;;) {
        /* Ended and time are read before the state: what came before them counts as in time. */
        bool ended = process->pid == 0;
        int left = remaining(deadline);
        int reached = awaited->reached(process, awaited, error);
        if (reached != 0)
            return reached > 0 ? 0 : -1;
        if (ended) {
            char text[48];
            snprintf(happened, sizeof happened, "the program %s %lld ms after its start",
                     status_text(process->status, text),
                     (long long)(process->finished - process->started));
            return fail(process, what, happened, error);
        }
        if (left == 0) {
            snprintf(happened, sizeof happened, "it did not come within %d ms", milliseconds);
            return fail(process, what, happened, error);
        }
        if (turn(process->supervisor, awaited->told || left < TICK ? left : TICK, error) != 0)
            return -1;
    }
}

static int port_reached(struct process *process, const struct awaited *awaited, struct error *error)
{
    return process_port_bound(process->supervisor->lab, process->node, awaited->kind, awaited->port,
                              error);
}

static int await_port(struct process *process, enum port_kind kind, uint16_t port, int milliseconds,
                      struct error *error)
{
    char what[40];
    snprintf(what, sizeof what, "%s port %u", kind == PORT_UDP_BOUND ? "UDP" : "TCP", port);
    const struct awaited awaited = {.reached = port_reached, .kind = kind, .port = port};
    return await(process, &awaited, what, milliseconds, error);
}

int process_await_udp_port(struct process *process, uint16_t port, int milliseconds,
                           struct error *error)
{
    return await_port(process, PORT_UDP_BOUND, port, milliseconds, error);
}

int process_await_tcp_port(struct process *process, uint16_t port, int milliseconds,
                           struct error *error)
{
    return await_port(process, PORT_TCP_LISTENING, port, milliseconds, error);
}

static int file_reached(struct process *process, const struct awaited *awaited, struct error *error)
{
    (void)process;
    (void)error;
    return access(awaited->path, F_OK) == 0;
}

int process_await_file(struct process *process, const char *path, int milliseconds,
                       struct error *error)
{
    char what[160];
    snprintf(what, sizeof what, "file %s", path);
    const struct awaited awaited = {.reached = file_reached, .path = path};
    return await(process, &awaited, what, milliseconds, error);
}

static int line_reached(struct process *process, const struct awaited *awaited, struct error *error)
{
    (void)error;
    return process->lines_seen >= awaited->times;
}

int process_await_line(struct process *process, const char *pattern, int milliseconds,
                       struct error *error)
{
    return process_await_lines(process, pattern, 1, milliseconds, error);
}

int process_await_lines(struct process *process, const char *pattern, uint32_t times,
                        int milliseconds, struct error *error)
{
    regex_t compiled;
    int refused = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (refused != 0) {
        char reason[80];
        regerror(refused, &compiled, reason, sizeof reason);
        return error_set(error, "%s: /%s/ is no regular expression: %s", process->name, pattern,
                         reason);
    }
    char what[160];
    if (times > 1)
        snprintf(what, sizeof what, "line %u that matches /%s/", times, pattern);
    else
        snprintf(what, sizeof what, "a line that matches /%s/", pattern);
    process->awaited = &compiled;
    process->lines_seen = process_log_count(&process->log, &compiled);
    const struct awaited awaited = {.reached = line_reached, .told = true, .times = times};
    int result = await(process, &awaited, what, milliseconds, error);
    process->awaited = NULL;
    regfree(&compiled);
    return result;
}

static int end_reached(struct process *process, const struct awaited *awaited, struct error *error)
{
    (void)awaited;
    (void)error;
    return process->pid == 0;
}

int process_await_end(struct process *process, int milliseconds, int *status, struct error *error)
{
    const struct awaited awaited = {.reached = end_reached, .told = true};
    if (await(process, &awaited, "its end", milliseconds, error) != 0)
        return -1;
    if (status != NULL)
        *status = process->status;
    return 0;
}
