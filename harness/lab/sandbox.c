#include "lab/sandbox.h"

#include "lab/sandbox_channel.h"
#include "lab/sandbox_denied.h"
#include "lab/sandbox_files.h"
#include "lab/sandbox_folder.h"
#include "lab/sandbox_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536 }; /* a node of a lab and its captured links take a few each */

struct start {
    struct sandbox_identity identity;
    struct sandbox_files files;
    int (*body)(void *argument);
    void *argument;
    pid_t caller;
    int channel; /* to the caller */
    int proc;    /* the host's /proc, to write the ids of PID 1 */
};

static _Noreturn void give_up(int channel, const struct error *error)
{
    (void)sandbox_channel_send(channel, SANDBOX_FAILED, error->text, -1);
    _exit(1);
}

/* As above, for a step that the kernel refused with errno. */
static _Noreturn void give_up_refused(int channel, const char *step)
{
    struct error error = {""};
    if (errno == ENOSPC) {
        (void)sandbox_channel_send(channel, SANDBOX_REFUSED, step, -1);
        _exit(1);
    }
    (void)sandbox_denied(&error, errno, step);
    give_up(channel, &error);
}

/* --- PID 1 ------------------------------------------------------------------------------------ */

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Goes into the inner user namespace. The mounts that it copies are locked from then on: what is
 * read-only or covered stays so, whatever root inside does (mount_namespaces(7)). */
static void lock_mounts(const struct start *start, int keeper)
{
    struct error ignored;
    if (unshare(CLONE_NEWUSER) != 0)
        give_up_refused(start->channel, "making a user namespace");
    if (sandbox_channel_send(keeper, SANDBOX_READY, "", -1) != 0 ||
        sandbox_channel_receive(keeper, &ignored, NULL) != SANDBOX_GO)
        _exit(1);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) != 0)
        give_up_refused(start->channel, "making the namespaces of a lab");
}

static _Noreturn void run_body(struct start *start, int keeper)
{
    struct error error = {""};
    if (sandbox_files_mount_kernel(&error) != 0)
        give_up(start->channel, &error);
    lock_mounts(start, keeper);
    /* In this order: a keeper that died before the signal was asked for has hung up by now. getppid()
     * can't tell, the parent is in another PID namespace. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd hung_up = {.fd = keeper};
    if (poll(&hung_up, 1, 0) != 0)
        _exit(1);

    raise_descriptor_limit();
    (void)sethostname("pinhole", strlen("pinhole"));
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    int status = start->body(start->argument);
    (void)fflush(NULL);
    _exit(status & 0xff);
}

/* --- the keeper ------------------------------------------------------------------------------- */

/* The caller's handlers are not this process's: a signal that ends the caller ends the lab. */
static void forget_signal_handlers(void)
{
    struct sigaction action;
    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
            continue;
        (void)signal(number, SIG_DFL);
    }
    (void)signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_outer_root(struct start *start)
{
    struct error error = {""};
    int writable_tree;
    int channel = start->channel;
    start->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (unshare(CLONE_NEWUSER) != 0)
        give_up_refused(channel, "making a user namespace");
    if (sandbox_channel_send(channel, SANDBOX_READY, "", -1) != 0 ||
        sandbox_channel_receive(channel, &error, &writable_tree) != SANDBOX_GO)
        _exit(1);
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) != 0)
        give_up_refused(channel, "making the namespaces of a lab");
    /* As the user that the caller is, who may be able to reach what inner root can't. */
    if (sandbox_files_open(&start->files, writable_tree, &error) != 0)
        give_up(channel, &error);
    if (start->identity.drops_groups && setgroups(0, NULL) != 0)
        give_up_refused(channel, "dropping groups");
    if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        give_up_refused(channel, "becoming root of the lab");
    /* Changing ids made this process undumpable, its /proc entries the host's root's. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    /* And it would have cleared this. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->caller)
        _exit(1);
}

/* Gives PID 1 the ids of its inner user namespace. */
static void admit_init(const struct start *start, int channel, pid_t init)
{
    struct error error = {""};
    /* Gone: it has said why, or was killed, as its status will tell. */
    if (sandbox_channel_receive(channel, &error, NULL) != SANDBOX_READY)
        return;
    if (sandbox_identity_write_same(&start->identity, start->proc, init, &error) != 0)
        give_up(start->channel, &error);
    (void)sandbox_channel_send(channel, SANDBOX_GO, "", -1);
}

static _Noreturn void keep(struct start *start)
{
    struct error error = {""};
    int channels[2];
    forget_signal_handlers();
    become_outer_root(start);
    if (sandbox_files_seal(&start->files, &error) != 0)
        give_up(start->channel, &error);
    if (sandbox_channel_pair(channels) != 0)
        give_up_refused(start->channel, "making a socket pair");
    pid_t init = fork();
    if (init < 0)
        give_up_refused(start->channel, "starting PID 1 of the lab");
    if (init == 0) {
        (void)close(channels[1]);
        run_body(start, channels[0]);
    }
    (void)close(channels[0]);
    admit_init(start, channels[1], init);

    int status;
    while (waitpid(init, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status)) {
        (void)error_set(&error, "the lab was killed: signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        give_up(start->channel, &error);
    }
    _exit(WEXITSTATUS(status));
}

/* Closes all descriptors but standard ones and the channel. */
static void close_others(int channel)
{
    if (channel > 3)
        (void)close_range(3, (unsigned)channel - 1, 0);
    (void)close_range((unsigned)channel + 1, ~0U, 0);
}

/* --- the caller ------------------------------------------------------------------------------- */

/* Maps the ids and lets the keeper go on. *given: the folder was given away and must be taken back. */
static int admit(const struct start *start, const char *writable, pid_t keeper, int channel,
                 bool *given, struct sandbox_owner *before, struct error *error)
{
    if (sandbox_identity_write(&start->identity, keeper, error) != 0)
        return -1;
    int tree = -1;
    if (writable[0] && start->identity.mapped_away) {
        tree = sandbox_folder_idmap(writable, keeper);
        *given = tree < 0;
        if (*given && sandbox_folder_give(writable, &start->identity, before, error) != 0)
            return -1;
    }
    int sent = sandbox_channel_send(channel, SANDBOX_GO, "", tree);
    if (tree >= 0)
        (void)close(tree);
    return sent == 0 ? 0 : error_set(error, "the lab ended while it was being made");
}

/* True if the lab says how it failed. */
static bool take_failure(enum sandbox_message message, const struct error *text,
                         struct error *error)
{
    if (message == SANDBOX_FAILED)
        (void)error_set(error, "%s", text->text);
    else if (message == SANDBOX_REFUSED)
        (void)sandbox_denied(error, ENOSPC, text->text);
    return message == SANDBOX_FAILED || message == SANDBOX_REFUSED;
}

/* The child that sandbox_end() may kill: not reaped yet, so its number is no other's. */
static volatile sig_atomic_t living_keeper;

void sandbox_end(void)
{
    int cause = errno;
    if (living_keeper > 0)
        (void)kill(living_keeper, SIGKILL);
    errno = cause;
}

static int await_end(pid_t keeper, int channel, struct error *error)
{
    struct error text = {""};
    bool failed = take_failure(sandbox_channel_receive(channel, &text, NULL), &text, error);
    int status = 0;
    pid_t ended;
    siginfo_t unused;
    while (waitid(P_PID, (id_t)keeper, &unused, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    living_keeper = 0;
    do
        ended = waitpid(keeper, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return error_set_errno(error, errno, "waiting for the lab");
    if (WIFSIGNALED(status))
        (void)error_set(error, "the lab was killed: signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    return failed || WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

int sandbox_run(const struct sandbox *sandbox, int (*body)(void *argument), void *argument,
                struct error *error)
{
    struct start start = {.body = body, .argument = argument, .caller = getpid()};
    if (sandbox_identity_choose(&start.identity, error) != 0 ||
        sandbox_files_find(&start.files, sandbox, start.identity.mapped_away, error) != 0)
        return -1;
    int channels[2];
    if (sandbox_channel_pair(channels) != 0)
        return error_set_errno(error, errno, "making a socket pair");
    (void)fflush(NULL); /* or what is buffered is written twice */
    pid_t keeper = fork();
    if (keeper == 0) {
        start.channel = channels[1];
        close_others(channels[1]);
        keep(&start);
    }
    (void)close(channels[1]);
    if (keeper < 0) {
        (void)close(channels[0]);
        return error_set_errno(error, errno, "starting the lab");
    }
    living_keeper = keeper;

    const char *writable = sandbox_files_writable(&start.files);
    bool given = false;
    struct sandbox_owner before = {geteuid(), getegid()};
    struct error text = {""};
    enum sandbox_message first = sandbox_channel_receive(channels[0], &text, NULL);
    (void)take_failure(first, &text, error);
    bool admitted = first == SANDBOX_READY &&
                    admit(&start, writable, keeper, channels[0], &given, &before, error) == 0;
    if (!admitted)
        (void)shutdown(channels[0], SHUT_RDWR); /* the keeper sees the end of file, and ends */
    int result = await_end(keeper, channels[0], error);
    (void)close(channels[0]);
    if (given && sandbox_folder_take_back(writable, &before, error) != 0)
        return -1;
    return admitted ? result : -1;
}
