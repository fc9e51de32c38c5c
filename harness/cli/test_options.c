#include "cli/test_options.h"

#include "cli/memory.h"
#include "cli/run_options.h"
#include "cli/test_expect.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { JOBS = 64 };

static int read_number(const char *option, const char *text, unsigned long most, unsigned *out,
                       struct error *error)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || number < 1 || number > most)
        return error_set(error, "%s: expected a number from 1 to %lu, got '%s'", option, most,
                         text);
    *out = (unsigned)number;
    return 0;
}

static int read_shard(const char *text, struct test_options *out, struct error *error)
{
    char *slash;
    char *end;
    errno = 0;
    unsigned long shard = strtoul(text, &slash, 10);
    unsigned long shards = *slash == '/' ? strtoul(slash + 1, &end, 10) : 0;
    if (text[0] < '0' || text[0] > '9' || !shards || slash[1] < '0' || slash[1] > '9' || *end ||
        errno || shard < 1 || shard > shards || shards > 1000)
        return error_set(error, "--shard: expected I/N with I from 1 to N, got '%s'", text);
    out->shard = (unsigned)shard;
    out->shards = (unsigned)shards;
    return 0;
}

enum option_kind {
    OPTION_TEXT,
    OPTION_FLAG,
    OPTION_SEED,
    OPTION_JOBS,
    OPTION_SHARD,
    OPTION_EXPECT
};

struct known_option {
    const char *name;
    enum option_kind kind;
    void *value;
};

enum { OPTIONS = 24 };

/* At once: who waited for a whole suite must not hear then that the list has a slip of the pen. */
static int read_expected(const char *path, json_t **out, struct error *error)
{
    struct error cause = {0};
    json_decref(*out);
    *out = test_expect_read(path, &cause);
    return *out ? 0 : error_set(error, "--expect %s", cause.text);
}

static int read_value(const struct known_option *option, const char *text, struct error *error)
{
    switch (option->kind) {
    case OPTION_TEXT:
        *(const char **)option->value = text;
        return 0;
    case OPTION_FLAG:
        *(bool *)option->value = true;
        return 0;
    case OPTION_SEED:
        return run_options_seed(text, option->value, error);
    case OPTION_JOBS:
        return read_number("--jobs", text, JOBS, option->value, error);
    case OPTION_SHARD:
        return read_shard(text, option->value, error);
    case OPTION_EXPECT:
        return read_expected(text, option->value, error);
    }
    return -1;
}

/* Reads options; where the other arguments begin, in argv[optind], is as getopt has it. */
static int read_options(int argc, char **argv, const struct known_option *table, size_t count,
                        const char *usage, struct error *error)
{
    struct option known[OPTIONS + 1] = {0};
    for (size_t i = 0; i < count && i < OPTIONS; i++)
        known[i] = (struct option){table[i].name,
                                   table[i].kind == OPTION_FLAG ? no_argument : required_argument,
                                   NULL, (int)i};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (option == ':')
            return error_set(error, "%s: expected a value behind it", argv[optind - 1]);
        if (option < 0 || (size_t)option >= count)
            return error_set(error, "unknown option '%s'; usage: %s", argv[optind - 1], usage);
        if (read_value(&table[option], optarg, error) != 0)
            return -1;
    }
    return 0;
}

#define OUTPUT_OPTIONS(outputs)                                                                    \
    {"json", OPTION_TEXT, (void *)&(outputs)->json},                                               \
        {"junit", OPTION_TEXT, (void *)&(outputs)->junit},                                         \
        {"expect", OPTION_EXPECT, (void *)&(outputs)->expect},                                     \
        {"tap", OPTION_FLAG, &(outputs)->tap},                                                     \
    {                                                                                              \
        "quiet", OPTION_FLAG, &(outputs)->quiet                                                    \
    }

int merge_options_read(int argc, char **argv, struct test_outputs *out, struct error *error)
{
    const struct known_option table[] = {OUTPUT_OPTIONS(out)};
    *out = (struct test_outputs){0};
    if (read_options(argc, argv, table, sizeof table / sizeof *table, MERGE_USAGE, error) != 0)
        return -1;
    if (optind == argc)
        return error_set(error, "expected reports; usage: " MERGE_USAGE);
    return optind;
}

int test_options_read(int argc, char **argv, struct test_options *out, struct error *error)
{
    const struct known_option table[] = {
        {"role", OPTION_TEXT, (void *)&out->role},
        {"filter", OPTION_TEXT, (void *)&out->filter},
        {"judging", OPTION_TEXT, (void *)&out->judging},
        {"defect", OPTION_TEXT, (void *)&out->defect},
        {"out", OPTION_TEXT, (void *)&out->out},
        {"seed", OPTION_SEED, &out->seed},
        {"jobs", OPTION_JOBS, &out->jobs},
        {"shard", OPTION_SHARD, out},
        {"quick", OPTION_FLAG, &out->quick},
        {"real-time", OPTION_FLAG, &out->real_time},
        OUTPUT_OPTIONS(&out->outputs),
    };
    uint32_t drawn = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    (void)getrandom(&drawn, sizeof drawn, 0);
    *out =
        (struct test_options){.seed = drawn, .jobs = processors > 0 ? (unsigned)processors * 6 : 8};
    if (read_options(argc, argv, table, sizeof table / sizeof *table, TEST_USAGE, error) != 0)
        return -1;
    if (optind != argc - 1)
        return error_set(error, "expected one peer; usage: " TEST_USAGE);
    if (out->out && !*out->out)
        return error_set(error, "--out: expected the name of a folder");
    out->peer = argv[optind];
    return 0;
}

char *test_options_folder(const struct test_options *options, const char *role)
{
    if (options->out)
        return memory_copy(options->out);
    const char *slash = strrchr(options->peer, '/');
    char *name = memory_print("test-%s-%s", slash ? slash + 1 : options->peer, role);
    const struct run_options new_one = {.out = NULL};
    char *folder = run_options_folder(&new_one, name);
    free(name);
    return folder;
}
