/* The sandbox: what it hides, what it forbids, how it ends, and what it says where it can't be made.
 *
 * Each property is tried as the user that runs the tests; where that is root, also as an ordinary user,
 * and as root of a user namespace, whose folders can't be id-mapped.
 */
#include "enclosure.h"
#include "lab/sandbox.h"
#include "lab/sandbox_denied.h"
#include "sealed.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* --- what is inside --------------------------------------------------------------------------- */

static bool may_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static void no_interface_and_no_way_out(struct sealed *sealed)
{
    struct if_nameindex *interfaces = if_nameindex();
    EXPECT(sealed,
           interfaces && interfaces[0].if_index != 0 && interfaces[1].if_index == 0 &&
               strcmp(interfaces[0].if_name, "lo") == 0,
           "another interface than lo");
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(53)};
    (void)inet_pton(AF_INET, "192.0.2.1", &outside.sin_addr);
    int sent = connect(fd, (struct sockaddr *)&outside, sizeof outside);
    EXPECT(sealed, sent != 0 && errno == ENETUNREACH, "connect: %d, %s", sent, strerror(errno));
    size_t shown = 0;
    DIR *folder = opendir("/sys/class/net");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        shown += entry->d_name[0] != '.' && strcmp(entry->d_name, "lo") != 0;
    EXPECT(sealed, shown == 0, "/sys shows %zu interfaces of the host", shown);
}

static void the_host_cannot_be_written(struct sealed *sealed)
{
    static const char makefile[] = SOURCE_ROOT "/Makefile";
    static const char *const files[] = {"/etc/passwd",
                                        "/etc/hosts",
                                        "/proc/sysrq-trigger",
                                        "/proc/sys/kernel/core_pattern",
                                        "/proc/sys/vm/swappiness",
                                        makefile};
    static const char *const folders[] = {"/",    "/etc",      "/tmp", "/var/tmp",
                                          "/usr", SOURCE_ROOT, "/dev", "/sys"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        EXPECT(sealed, !may_write(files[i]), "%s could be opened for writing", files[i]);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/pinhole-%d", folders[i], (int)getpid());
        EXPECT(sealed, mkdir(path, 0755) != 0, "%s could be made", path);
    }
    EXPECT(sealed, mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) != 0,
           "/ could be mounted writable again");
}

static void what_programs_need_is_there(struct sealed *sealed)
{
    EXPECT(sealed, getpid() == 1, "PID %d", (int)getpid());
    EXPECT(sealed, geteuid() == 0 && getegid() == 0, "uid %d gid %d", (int)geteuid(),
           (int)getegid());
    EXPECT(sealed, may_write("/dev/null"), "/dev/null: %s", strerror(errno));
    static const char *const folders[] = {"/run", "/run/netns", "/dev/shm", "", ""};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const char *folder = i == 3 ? getenv("HOME") : i == 4 ? getenv("TMPDIR") : folders[i];
        char path[512];
        (void)snprintf(path, sizeof path, "%s/x", folder);
        EXPECT(sealed, mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
    }
    struct stat status;
    EXPECT(sealed, stat("/etc/resolv.conf", &status) != 0 || status.st_size == 0,
           "resolv.conf has %ld octets", (long)status.st_size);
    char name[64];
    EXPECT(sealed, gethostname(name, sizeof name) == 0 && strcmp(name, "pinhole") == 0, "%s", name);
    struct rlimit limit;
    EXPECT(sealed,
           getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
               limit.rlim_cur >= (limit.rlim_max < 65536 ? limit.rlim_max : 65536),
           "%ld of %ld files", (long)limit.rlim_cur, (long)limit.rlim_max);
    /* The tree sees itself alone: PID 1 and no other number. */
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        EXPECT(sealed,
               entry->d_name[0] < '1' || entry->d_name[0] > '9' || strcmp(entry->d_name, "1") == 0,
               "/proc shows process %s", entry->d_name);
}

/* Then root's files are nobody's. A map alone would not tell: it shows the namespace just outside. */
static void the_hosts_root_is_not_mapped(struct sealed *sealed)
{
    static const char *const roots[] = {"/", "/etc", "/etc/passwd"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        struct stat status;
        EXPECT(sealed, stat(roots[i], &status) == 0 && status.st_uid == 65534, "%s belongs to %d",
               roots[i], (int)status.st_uid);
    }
}

static void no_descriptor_of_the_caller_is_open(struct sealed *sealed)
{
    for (int fd = 3; fd < 1000; fd++)
        EXPECT(sealed, fcntl(fd, F_GETFD) < 0, "descriptor %d is open", fd);
}

static void the_folder_can_be_written(struct sealed *sealed)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/made-inside", sealed->folder);
    EXPECT(sealed, mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
    (void)snprintf(path, sizeof path, "%s/made-inside/file", sealed->folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    EXPECT(sealed, fd >= 0 && write(fd, "x", 1) == 1, "%s: %s", path, strerror(errno));
    (void)close(fd);
    (void)snprintf(path, sizeof path, "%s/made-outside/file", sealed->folder);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    EXPECT(sealed, fd >= 0 && write(fd, "y", 1) == 1, "%s: %s", path, strerror(errno));
    (void)close(fd);
}

/* --- as whom, and where ----------------------------------------------------------------------- */

/* A body, tried from outside in a process whose user the test chose; what went wrong comes back in
 * shared memory, since cmocka's assertions can't leave that process. */
struct attempt {
    void (*body)(struct sealed *sealed);
    char parent[128]; /* of the folder */
    struct sealed *sealed;
};

static struct attempt attempt_begin(void (*body)(struct sealed *sealed), const char *parent)
{
    struct attempt attempt = {.body = body};
    (void)snprintf(attempt.parent, sizeof attempt.parent, "%s", parent);
    attempt.sealed = mmap(NULL, sizeof *attempt.sealed, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(attempt.sealed, MAP_FAILED);
    attempt.sealed->body = body;
    return attempt;
}

static void attempt_end(struct attempt *attempt)
{
    char finding[sizeof attempt->sealed->finding];
    memcpy(finding, attempt->sealed->finding, sizeof finding);
    (void)munmap(attempt->sealed, sizeof *attempt->sealed);
    if (finding[0])
        fail_msg("%s", finding);
}

static int make_file(const char *folder)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%.100s/made-outside", folder);
    if (mkdir(path, 0755) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%.100s/made-outside/file", folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd >= 0)
        (void)close(fd);
    return fd < 0 ? -1 : 0;
}

/* Every file below folder must belong to the caller. nftw takes no argument. */
static char stranger[200];

static int look_at_owner(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)type;
    (void)where;
    if (status->st_uid != geteuid())
        (void)snprintf(stranger, sizeof stranger, "%.150s belongs to %d", path,
                       (int)status->st_uid);
    return 0;
}

/* Runs the body with a folder that has a file in it; then the caller owns all and can remove it. */
static int attempt_run(void *argument)
{
    struct attempt *attempt = argument;
    struct sealed *sealed = attempt->sealed;
    (void)snprintf(sealed->folder, sizeof sealed->folder, "%.40s/pinhole-test-XXXXXX",
                   attempt->parent);
    if (!mkdtemp(sealed->folder) || make_file(sealed->folder) != 0) {
        (void)snprintf(sealed->finding, sizeof sealed->finding, "%s: %s", sealed->folder,
                       strerror(errno));
        return 0;
    }
    const struct sandbox sandbox = {.writable = sealed->folder};
    struct error error = {""};
    int result = sandbox_run(&sandbox, sealed_body, sealed, &error);
    if (result < 0)
        (void)snprintf(sealed->finding, sizeof sealed->finding, "the sandbox failed: %s",
                       error.text);
    stranger[0] = '\0';
    (void)nftw(sealed->folder, look_at_owner, 16, FTW_PHYS);
    if (stranger[0] && !sealed->finding[0])
        (void)snprintf(sealed->finding, sizeof sealed->finding, "afterwards %s", stranger);
    (void)nftw(sealed->folder, sealed_remove, 16, FTW_DEPTH | FTW_PHYS);
    if (access(sealed->folder, F_OK) == 0 && !sealed->finding[0])
        (void)snprintf(sealed->finding, sizeof sealed->finding, "%s could not be removed",
                       sealed->folder);
    return 0;
}

static void try_as_caller(void (*body)(struct sealed *sealed), const char *parent)
{
    struct attempt attempt = attempt_begin(body, parent);
    (void)attempt_run(&attempt);
    attempt_end(&attempt);
}

static void try_as_ordinary_user(void (*body)(struct sealed *sealed))
{
    if (geteuid() != 0)
        return; /* the caller is one, and was tried */
    struct attempt attempt = attempt_begin(body, "/tmp");
    pid_t child = fork();
    if (child == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(4321, 4321, 4321) != 0 ||
            setresuid(4321, 4321, 4321) != 0)
            _exit(1);
        (void)prctl(PR_SET_DUMPABLE, 1);
        _exit(attempt_run(&attempt));
    }
    int status = -1;
    (void)waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    attempt_end(&attempt);
}

static void try_as_root_of_a_namespace(void (*body)(struct sealed *sealed))
{
    struct attempt attempt = attempt_begin(body, "/tmp");
    assert_int_equal(enclosure_run(attempt_run, &attempt), 0);
    attempt_end(&attempt);
}

static void try_as_everybody(void (*body)(struct sealed *sealed))
{
    try_as_caller(body, "/tmp");
    try_as_ordinary_user(body);
    try_as_root_of_a_namespace(body);
}

static void inside_there_is_no_interface_and_no_way_out(void **state)
{
    (void)state;
    try_as_everybody(no_interface_and_no_way_out);
}

static void inside_the_host_cannot_be_written(void **state)
{
    (void)state;
    try_as_everybody(the_host_cannot_be_written);
}

static void inside_there_is_what_programs_need(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {256, before.rlim_max};
    (void)setrlimit(RLIMIT_NOFILE, &few);
    try_as_everybody(what_programs_need_is_there);
    (void)setrlimit(RLIMIT_NOFILE, &before);
}

static void the_hosts_root_is_never_mapped(void **state)
{
    (void)state;
    try_as_caller(the_hosts_root_is_not_mapped, "/tmp");
    try_as_ordinary_user(the_hosts_root_is_not_mapped);
}

static void descriptors_of_the_caller_are_closed(void **state)
{
    (void)state;
    int fds[2] = {dup(0), dup2(0, 700)};
    try_as_caller(no_descriptor_of_the_caller_is_open, "/tmp");
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void the_folder_is_writable_inside_and_the_callers_afterwards(void **state)
{
    (void)state;
    try_as_everybody(the_folder_can_be_written);
}

static void the_folder_may_lie_under_run_or_dev_shm(void **state)
{
    (void)state;
    try_as_caller(the_folder_can_be_written, "/dev/shm");
    if (geteuid() == 0)
        try_as_caller(the_folder_can_be_written, "/run");
}

static void the_folder_may_lie_where_only_the_caller_can_go(void **state)
{
    (void)state;
    char parent[] = "/tmp/pinhole-test-XXXXXX";
    assert_non_null(mkdtemp(parent)); /* mode 0700 */
    try_as_caller(the_folder_can_be_written, parent);
    assert_int_equal(rmdir(parent), 0);
}

/* --- how it ends ------------------------------------------------------------------------------ */

static int return_it(void *argument)
{
    return *(int *)argument;
}

static int kill_itself(void *argument)
{
    (void)argument;
    __builtin_trap(); /* PID 1 ignores every signal that it could send itself */
}

static void the_bodys_status_comes_back(void **state)
{
    (void)state;
    const struct sandbox sandbox = {0};
    static const int numbers[] = {0, 7, 255};
    for (size_t i = 0; i < 3; i++) {
        int number = numbers[i];
        struct error error = {""};
        assert_int_equal(sandbox_run(&sandbox, return_it, &number, &error), number);
        assert_string_equal(error.text, "");
    }
}

static void a_body_that_is_killed_is_an_error(void **state)
{
    (void)state;
    const struct sandbox sandbox = {0};
    struct error error = {""};
    const struct rlimit none = {0, 0};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    int result = sandbox_run(&sandbox, kill_itself, NULL, &error);
    (void)setrlimit(RLIMIT_CORE, &before);
#ifdef __SANITIZE_ADDRESS__
    assert_true(result != 0); /* which makes an exit of the signal */
#else
    assert_int_equal(result, -1);
    assert_string_equal(error.text, "the lab was killed: signal 4 (Illegal instruction)");
#endif
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
    (void)state;
    int number = 0;
    struct error error = {""};
    const struct sandbox nowhere = {.writable = "/nowhere/at/all"};
    assert_int_equal(sandbox_run(&nowhere, return_it, &number, &error), -1);
    assert_string_equal(error.text, "/nowhere/at/all: No such file or directory");
    error = (struct error){""};
    const struct sandbox file = {.writable = "/etc/passwd"};
    assert_int_equal(sandbox_run(&file, return_it, &number, &error), -1);
    assert_string_equal(error.text, "/etc/passwd: expected a folder");
}

static _Noreturn int sleep_long(void *argument)
{
    (void)argument;
    if (fork() == 0)
        (void)setsid(); /* a grandchild that left session and group */
    for (;;)
        (void)pause();
}

/* Kills the caller (0), the keeper (1), PID 1 (2) or its child (3) of a sandbox. Returns 0 when afterwards
 * nothing is left. */
static int kill_one(void *argument)
{
    int victim = *(int *)argument & 3;
    int signal_number = *(int *)argument >> 2;
    pid_t caller = fork();
    if (caller == 0) {
        const struct sandbox sandbox = {0};
        struct error error = {""};
        (void)signal(signal_number, SIG_DFL); /* under nohup it would be ignored */
        (void)sandbox_run(&sandbox, sleep_long, NULL, &error);
        _exit(1);
    }
    pid_t pids[8] = {caller};
    double deadline = enclosure_now() + 20;
    while (enclosure_offspring(caller, pids + 1, 7) < 3)
        if (enclosure_now() > deadline)
            return 2;
    if (enclosure_is_empty())
        return 3; /* the count would prove nothing */
    (void)kill(pids[victim], signal_number);
    if (victim == 3)
        (void)kill(pids[2], SIGKILL); /* a child's end alone need not end the lab */
    return enclosure_reap(20) && enclosure_await_empty(20) ? 0 : 1;
}

static void whoever_is_killed_nothing_is_left(void **state)
{
    (void)state;
    for (int victim = 0; victim < 4; victim++) {
        int argument = SIGKILL << 2 | victim;
        assert_int_equal(enclosure_run(kill_one, &argument), 0);
    }
}

static void interrupt_and_terminate_end_the_lab_at_once(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        int argument = signals[i] << 2;
        assert_int_equal(enclosure_run(kill_one, &argument), 0);
    }
}

/* --- where it can't be made ------------------------------------------------------------------- */

struct refusal {
    int (*spoil)(void);
    const char *expected; /* a part of the message */
    char message[600];
};

static int run_refused(void *argument)
{
    struct refusal *refusal = argument;
    int number = 0;
    struct error error = {""};
    const struct sandbox sandbox = {0};
    if (refusal->spoil() != 0)
        return 2;
    int result = sandbox_run(&sandbox, return_it, &number, &error);
    if (result == -1 && strstr(error.text, refusal->expected) && !strchr(error.text, '\n'))
        return 0;
    (void)fprintf(stderr, "result %d, message: %s\n", result, error.text);
    return 1;
}

static int forbid_user_namespaces(void)
{
    return enclosure_write("/proc/sys/user/max_user_namespaces", "0");
}

static int forbid_network_namespaces(void)
{
    return enclosure_write("/proc/sys/user/max_net_namespaces", "0");
}

/* As containers do. */
static int mask_proc(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return -1;
    return mount("tmpfs", "/proc/sys", "tmpfs", MS_RDONLY, NULL);
}

static void where_the_kernel_forbids_it_one_line_says_which_setting(void **state)
{
    (void)state;
    struct refusal refusals[] = {
        {forbid_user_namespaces,
         "making a user namespace: the setting user.max_user_namespaces is 0; as root, run: sysctl "
         "-w user.max_user_namespaces=",
         ""},
        {forbid_network_namespaces,
         "the setting user.max_net_namespaces is 0; as root, run: sysctl", ""},
        {mask_proc,
         "mounting /proc: Operation not permitted; if this is a container, start it with "
         "/proc unmasked",
         ""},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        assert_int_equal(enclosure_run(run_refused, &refusals[i]), 0);
}

/* Ubuntu's setting, in front of whatever this kernel has. */
static int blame_apparmor(void *argument)
{
    (void)argument;
    struct error error = {""};
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/proc/sys/kernel", "tmpfs", 0, NULL) != 0)
        return 2;
    int fd = open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                  O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, "1\n", 2) != 2)
        return 3;
    (void)sandbox_denied(&error, EPERM, "mounting /proc");
    return strcmp(
               error.text,
               "mounting /proc: the setting kernel.apparmor_restrict_unprivileged_userns is 1; as "
               "root, run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0") == 0
               ? 0
               : 1;
}

static void where_apparmor_restricts_user_namespaces_the_message_says_so(void **state)
{
    (void)state;
    assert_int_equal(enclosure_run(blame_apparmor, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_there_is_no_interface_and_no_way_out),
        cmocka_unit_test(inside_the_host_cannot_be_written),
        cmocka_unit_test(inside_there_is_what_programs_need),
        cmocka_unit_test(the_hosts_root_is_never_mapped),
        cmocka_unit_test(descriptors_of_the_caller_are_closed),
        cmocka_unit_test(the_folder_is_writable_inside_and_the_callers_afterwards),
        cmocka_unit_test(the_folder_may_lie_under_run_or_dev_shm),
        cmocka_unit_test(the_folder_may_lie_where_only_the_caller_can_go),
        cmocka_unit_test(the_bodys_status_comes_back),
        cmocka_unit_test(a_body_that_is_killed_is_an_error),
        cmocka_unit_test(a_folder_that_is_missing_is_an_error),
        cmocka_unit_test(whoever_is_killed_nothing_is_left),
        cmocka_unit_test(interrupt_and_terminate_end_the_lab_at_once),
        cmocka_unit_test(where_the_kernel_forbids_it_one_line_says_which_setting),
        cmocka_unit_test(where_apparmor_restricts_user_namespaces_the_message_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
