#include "cli/test_options.h"

#include "cli/memory.h"
#include "cli/run_options.h"

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

enum { OPTION_TEXT, OPTION_FLAG, OPTION_SEED, OPTION_JOBS, OPTION_SHARD };

int test_options_read(int argc, char **argv, struct test_options *out, struct error *error)
{
    const struct {
        const char *name;
        int kind;
        void *value;
    } table[] = {
        {"role", OPTION_TEXT, &out->role},
        {"filter", OPTION_TEXT, &out->filter},
        {"judging", OPTION_TEXT, &out->judging},
        {"defect", OPTION_TEXT, &out->defect},
        {"out", OPTION_TEXT, &out->out},
        {"json", OPTION_TEXT, &out->json},
        {"seed", OPTION_SEED, &out->seed},
        {"jobs", OPTION_JOBS, &out->jobs},
        {"shard", OPTION_SHARD, out},
        {"quiet", OPTION_FLAG, &out->quiet},
        {"quick", OPTION_FLAG, &out->quick},
        {"real-time", OPTION_FLAG, &out->real_time},
    };
    enum { OPTIONS = sizeof table / sizeof *table };
    struct option known[OPTIONS + 1] = {0};
    for (int i = 0; i < OPTIONS; i++)
        known[i] = (struct option){
            table[i].name, table[i].kind == OPTION_FLAG ? no_argument : required_argument, NULL, i};
    uint32_t drawn = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    (void)getrandom(&drawn, sizeof drawn, 0);
    *out = (struct test_options){.seed = drawn,
                                 .jobs = processors > 0 ? (unsigned)processors * 2 + 1 : 4};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (option == ':')
            return error_set(error, "%s: expected a value behind it", argv[optind - 1]);
        if (option < 0 || option >= OPTIONS)
            return error_set(error, "unknown option '%s'; usage: " TEST_USAGE, argv[optind - 1]);
        int status = 0;
        if (table[option].kind == OPTION_TEXT)
            *(const char **)table[option].value = optarg;
        else if (table[option].kind == OPTION_FLAG)
            *(bool *)table[option].value = true;
        else if (table[option].kind == OPTION_SEED)
            status = run_options_seed(optarg, table[option].value, error);
        else if (table[option].kind == OPTION_JOBS)
            status = read_number("--jobs", optarg, JOBS, table[option].value, error);
        else
            status = read_shard(optarg, table[option].value, error);
        if (status != 0)
            return -1;
    }
    if (optind != argc - 1)
        return error_set(error, "expected one peer; usage: " TEST_USAGE);
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
