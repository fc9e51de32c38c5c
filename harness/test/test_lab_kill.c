/* kill -9 of any process of `pinhole run`, at any moment: the kernel's own count says that nothing is left. */
#include "enclosure.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    MOMENTS = 50,
    LATEST = 600,   /* ms after the start; the scenario itself takes seconds */
    SLOWEST = 2000, /* the same on a slow machine */
    TICK = 1000000, /* ns */
    SEED = 6887,
};

static char program[PATH_MAX]; /* pinhole beside this test's own folder */
static char folder[] = "/tmp/pinhole-test-XXXXXX";

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static pid_t start(unsigned moment)
{
    char out[64];
    (void)snprintf(out, sizeof out, "%s/%u", folder, moment);
    pid_t child = fork();
    if (child != 0)
        return child;
    int nowhere = open("/dev/null", O_RDWR);
    (void)dup2(nowhere, STDOUT_FILENO);
    (void)dup2(nowhere, STDERR_FILENO);
    (void)execl(program, program, "run", SOURCE_ROOT "/scenarios/home.yaml", "--out", out, NULL);
    _exit(127);
}

static size_t count_mounts(void)
{
    size_t lines = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    for (int octet; file && (octet = fgetc(file)) != EOF;)
        lines += octet == '\n';
    if (file)
        (void)fclose(file);
    return lines;
}

/* The last of the moments, ms: five times what a lab takes to come into being here and now. */
static long find_latest(void)
{
    const struct timespec tick = {.tv_nsec = TICK};
    long passed = 0;
    pid_t pid = start(MOMENTS);
    for (; enclosure_is_empty() && passed < SLOWEST; passed++)
        (void)nanosleep(&tick, NULL);
    (void)kill(pid, SIGKILL);
    long latest = 5 * passed;
    return latest < LATEST ? LATEST : latest > SLOWEST ? SLOWEST : latest;
}

/* Returns how many moments had a lab alive, or 255 when something was left. */
static int kill_at_moments(void *argument)
{
    (void)argument;
    uint32_t random = SEED;
    int alive = 0;
    size_t mounts = count_mounts();
    long latest = find_latest();
    if (!enclosure_reap(20) || !enclosure_await_empty(20))
        return 255;
    for (unsigned moment = 0; moment < MOMENTS; moment++) {
        enum { ROOM = 64 };
        pid_t pids[ROOM];
        random = random * 1664525 + 1013904223; /* Numerical Recipes: any spread will do */
        pids[0] = start(moment);
        long wait_ms = (long)(random >> 8) % latest;
        const struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000};
        (void)nanosleep(&wait, NULL);
        size_t count = 1 + enclosure_offspring(pids[0], pids + 1, ROOM - 1);
        alive += !enclosure_is_empty();
        (void)kill(pids[(random >> 20) % count], SIGKILL);
        /* Or it would judge what there is of the run. */
        (void)kill(pids[0], SIGKILL);
        if (!enclosure_reap(20) || !enclosure_await_empty(20) || count_mounts() != mounts)
            return 255;
    }
    return alive;
}

static void killed_at_fifty_moments_a_run_leaves_nothing(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0777), 0); /* the enclosure's root is somebody else */
    int alive = enclosure_run(kill_at_moments, NULL);
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_not_equal(alive, 255);
    assert_in_range(alive, MOMENTS / 4, MOMENTS);
}

int main(void)
{
    char self[PATH_MAX - 16] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    for (int up = 0; length > 0 && up < 2; up++)
        *strrchr(self, '/') = '\0';
    (void)snprintf(program, sizeof program, "%s/pinhole", self);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_fifty_moments_a_run_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
