#include "lab/process_spawn.h"

#include "lab/process_offspring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum step {
    STEP_SIGNALS,
    STEP_SESSION,
    STEP_MARK,
    STEP_NAMESPACE,
    STEP_MOUNTS,
    STEP_DESCRIPTORS,
    STEP_EXECUTE,
};

static const char *const step_texts[] = {
    [STEP_SIGNALS] = "cannot reset signals for",
    [STEP_SESSION] = "cannot make a session for",
    [STEP_MARK] = "cannot mark",
    [STEP_NAMESPACE] = "cannot enter the node for",
    [STEP_MOUNTS] = "cannot mount the node's /sys for",
    [STEP_DESCRIPTORS] = "cannot lay out descriptors for",
    [STEP_EXECUTE] = "cannot execute",
};

/* What the child says when it fails; an exec that succeeds closes the pipe without a word. */
struct failure {
    enum step step;
    int cause;
};

/* Ignored signals and blocked ones would outlive exec. Asked of the kernel and not of libc, which hides
 * two signals of its own: its posix_spawn (make's, for one) leaves them ignored. All zeros are the
 * default action. */
static bool reset_signals(void)
{
    const unsigned long standard[4] = {
        0}; /* the kernel's sigaction: handler, flags, restorer, mask */
    for (int number = 1; number < NSIG; number++)
        (void)syscall(SYS_rt_sigaction, number, standard, NULL, NSIG / 8); /* KILL, STOP: refused */
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

/* sysfs shows the interfaces of the namespace that mounted it. Where a container hides parts of /sys
 * the kernel refuses a fresh one (EPERM): then an empty folder, since the wrong interfaces would be
 * worse than none. Not read-only: `ip netns exec` mounts a writable one over it, which the kernel
 * refuses where only read-only ones are to be seen. */
static bool mount_sys(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount("sysfs", "/sys", "sysfs", flags, NULL) == 0 ||
           mount("tmpfs", "/sys", "tmpfs", flags | MS_RDONLY, NULL) == 0;
}

static bool lay_out_descriptors(int output)
{
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
           dup2(output, STDERR_FILENO) >= 0 &&
           close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

/* Runs in the child of a process that has threads: system calls only. Returns only if it failed. */
static enum step become(const struct process_spawn *spawn)
{
    if (!reset_signals())
        return STEP_SIGNALS;
    if (setsid() < 0)
        return STEP_SESSION;
    if (!process_offspring_mark(spawn->mark))
        return STEP_MARK;
    if (setns(spawn->network_namespace, CLONE_NEWNET) != 0)
        return STEP_NAMESPACE;
    if (!mount_sys())
        return STEP_MOUNTS;
    if (!lay_out_descriptors(spawn->output))
        return STEP_DESCRIPTORS;
    execve(spawn->argv[0], spawn->argv, spawn->environment);
    return STEP_EXECUTE;
}

pid_t process_spawn(const struct process_spawn *spawn, struct error *error)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "pipe");
    /* Above the standard three, whatever the caller has closed: the child lays those out anew. */
    int report_end = fcntl(report[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int cause = errno;
    close(report[1]);
    if (report_end < 0) {
        close(report[0]);
        return error_set_errno(error, cause, "pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        struct failure failure = {.step = become(spawn), .cause = errno};
        ssize_t told = write(report_end, &failure, sizeof failure);
        _exit(told == sizeof failure ? 126 : 127);
    }
    cause = errno;
    close(report_end);
    if (child < 0) {
        close(report[0]);
        return error_set_errno(error, cause, "fork");
    }
    struct failure failure;
    ssize_t told;
    do
        told = read(report[0], &failure, sizeof failure);
    while (told < 0 && errno == EINTR);
    close(report[0]);
    if (told == 0)
        return child;
    waitpid(child, NULL, 0);
    if (told != sizeof failure)
        return error_set(error, "%s: the child died before it was executed", spawn->argv[0]);
    return error_set_errno(error, failure.cause, "%s %s", step_texts[failure.step], spawn->argv[0]);
}
