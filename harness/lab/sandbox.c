#include "lab/sandbox.h"

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

/* Caller and keeper talk over one socket pair, a message at a time:
 *   keeper: READY   it is in its user namespace
 *   caller: GO      the ids are mapped; may carry the descriptor of the id-mapped folder
 *   keeper or PID 1: FAILED and the error's text, or nothing more
 * The end of file means that everybody on the other side is gone. */
enum { READY = 'r', GO = 'g', FAILED = 'f' };

enum { DESCRIPTORS = 65536 }; /* a node of a lab and its captured links take a few each */

struct start {
    struct sandbox_identity identity;
    struct sandbox_files files;
    int (*body)(void *argument);
    void *argument;
    pid_t caller;
    int channel;
};

/* --- messages --------------------------------------------------------------------------------- */

static int send_message(int channel, char kind, const char *text, int descriptor)
{
    union {
        struct cmsghdr align;
        char octets[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec parts[] = {{&kind, 1}, {(void *)text, strlen(text)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (descriptor >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    ssize_t sent;
    do
        sent = sendmsg(channel, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* Returns the message's kind, 0 at the end. *descriptor, unless NULL, is what came with it or -1. */
static char receive_message(int channel, struct error *text, int *descriptor)
{
    union {
        struct cmsghdr align;
        char octets[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char kind = 0;
    struct iovec parts[] = {{&kind, 1}, {text->text, sizeof text->text - 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (descriptor) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        *descriptor = -1;
    }
    ssize_t got;
    do
        got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    text->text[got - 1] = '\0';
    struct cmsghdr *header = descriptor ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return kind;
}

static _Noreturn void give_up(int channel, const struct error *error)
{
    (void)send_message(channel, FAILED, error->text, -1);
    _exit(1);
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

/* keeper_alive is the read end of a pipe whose only write end is the keeper's. */
static _Noreturn void run_body(struct start *start, int keeper_alive)
{
    struct error error = {""};
    /* In this order: a keeper that died before the signal was asked for has hung up by now. getppid()
     * can't tell, the parent is in another PID namespace. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd hung_up = {.fd = keeper_alive};
    if (poll(&hung_up, 1, 0) != 0)
        _exit(1);
    (void)close(keeper_alive);

    raise_descriptor_limit();
    (void)sethostname("pinhole", strlen("pinhole"));
    if (sandbox_files_mount_kernel(&error) != 0)
        give_up(start->channel, &error);
    (void)close(start->channel);
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

static int become_inner_root(struct start *start, int writable_tree, struct error *error)
{
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                CLONE_NEWCGROUP) != 0)
        return sandbox_denied(error, errno, "making the namespaces of a lab");
    if (sandbox_files_open(&start->files, writable_tree, error) != 0)
        return -1;
    if (start->identity.drops_groups && setgroups(0, NULL) != 0)
        return sandbox_denied(error, errno, "dropping groups");
    if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
        return sandbox_denied(error, errno, "becoming root of the lab");
    /* Changing ids made this process undumpable, its /proc entries the host's root's. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

static _Noreturn void keep(struct start *start)
{
    struct error error = {""};
    int channel = start->channel;
    forget_signal_handlers();
    if (unshare(CLONE_NEWUSER) != 0) {
        (void)sandbox_denied(&error, errno, "making a user namespace");
        give_up(channel, &error);
    }
    struct error ignored;
    int writable_tree;
    if (send_message(channel, READY, "", -1) != 0 ||
        receive_message(channel, &ignored, &writable_tree) != GO)
        _exit(1);
    if (become_inner_root(start, writable_tree, &error) != 0)
        give_up(channel, &error);
    /* Only now: a change of ids clears the signal. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->caller)
        _exit(1);
    if (sandbox_files_seal(&start->files, &error) != 0)
        give_up(channel, &error);

    int alive[2];
    if (pipe2(alive, O_CLOEXEC) != 0) {
        (void)error_set_errno(&error, errno, "making a pipe");
        give_up(channel, &error);
    }
    pid_t init = fork();
    if (init < 0) {
        (void)sandbox_denied(&error, errno, "starting PID 1 of the lab");
        give_up(channel, &error);
    }
    if (init == 0) {
        (void)close(alive[1]);
        run_body(start, alive[0]);
    }
    int status;
    while (waitpid(init, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status)) {
        (void)error_set(&error, "the lab was killed: signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        give_up(channel, &error);
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
    int sent = send_message(channel, GO, "", tree);
    if (tree >= 0)
        (void)close(tree);
    return sent == 0 ? 0 : error_set(error, "the lab ended while it was being made");
}

static int await_end(pid_t keeper, int channel, struct error *error)
{
    struct error message = {""};
    if (receive_message(channel, &message, NULL) == FAILED)
        (void)error_set(error, "%s", message.text);
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(keeper, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return error_set_errno(error, errno, "waiting for the lab");
    if (WIFSIGNALED(status))
        (void)error_set(error, "the lab was killed: signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    return message.text[0] || WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

int sandbox_run(const struct sandbox *sandbox, int (*body)(void *argument), void *argument,
                struct error *error)
{
    struct start start = {.body = body, .argument = argument, .caller = getpid()};
    if (sandbox_identity_choose(&start.identity, error) != 0 ||
        sandbox_files_find(&start.files, sandbox->writable, start.identity.mapped_away, error) != 0)
        return -1;
    int channels[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channels) != 0)
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

    const char *writable = start.files.shares[SANDBOX_SHARES - 1].path;
    bool given = false;
    struct sandbox_owner before = {geteuid(), getegid()};
    struct error message = {""};
    char kind = receive_message(channels[0], &message, NULL);
    if (kind == FAILED)
        (void)error_set(error, "%s", message.text);
    bool admitted =
        kind == READY && admit(&start, writable, keeper, channels[0], &given, &before, error) == 0;
    if (!admitted)
        (void)shutdown(channels[0], SHUT_RDWR); /* the keeper sees the end of file, and ends */
    int result = await_end(keeper, channels[0], error);
    (void)close(channels[0]);
    if (given && sandbox_folder_take_back(writable, &before, error) != 0)
        return -1;
    return admitted ? result : -1;
}
