/* A test whose body runs as PID 1 of a sandbox.
 *
 * cmocka's assertions jump, which must not happen in a copy of the test program. So inside, a body says
 * what it expects with EXPECT and returns; the first expectation that is not met comes back over shared
 * memory, and fails the test outside.
 */
#ifndef PINHOLE_TEST_SEALED_H
#define PINHOLE_TEST_SEALED_H

#include "lab/sandbox.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct sealed {
    char folder[64]; /* writable, empty at the start, removed afterwards */
    char finding[1500];
    void (*body)(struct sealed *sealed);
};

/* Leaves the body unless condition holds; what follows says what was seen, as for printf. */
#define EXPECT(sealed, condition, ...)                                                             \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            int used = snprintf((sealed)->finding, sizeof(sealed)->finding,                        \
                                "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);            \
            snprintf((sealed)->finding + used, sizeof(sealed)->finding - (size_t)used,             \
                     __VA_ARGS__);                                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static int sealed_body(void *argument)
{
    struct sealed *sealed = argument;
    sealed->body(sealed);
    return sealed->finding[0] != '\0';
}

static int sealed_remove(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

/* Runs body inside; fails the test with what it found. */
static inline void sealed_run(void (*body)(struct sealed *sealed))
{
    struct sealed *sealed =
        mmap(NULL, sizeof *sealed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(sealed, MAP_FAILED);
    *sealed = (struct sealed){.folder = "/tmp/pinhole-test-XXXXXX", .body = body};
    assert_non_null(mkdtemp(sealed->folder));
    const struct sandbox sandbox = {.writable = sealed->folder};
    struct error error = {0};
    int result = sandbox_run(&sandbox, sealed_body, sealed, &error);
    nftw(sealed->folder, sealed_remove, 16, FTW_DEPTH | FTW_PHYS);
    char finding[sizeof sealed->finding];
    memcpy(finding, sealed->finding, sizeof finding);
    munmap(sealed, sizeof *sealed);
    if (result < 0)
        fail_msg("the sandbox failed: %s", error.text);
    if (result != 0)
        fail_msg("%s", finding);
}

#endif
