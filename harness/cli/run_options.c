#include "cli/run_options.h"

#include "cli/memory.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int run_options_seed(const char *text, uint64_t *seed, struct error *error)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || number > UINT32_MAX)
        return error_set(error, "--seed: expected a number from 0 to %u, got '%s'", UINT32_MAX,
                         text);
    *seed = number;
    return 0;
}

int run_options_read(int argc, char **argv, struct run_options *out, struct error *error)
{
    static const struct option known[] = {
        {"variant", required_argument, NULL, 'v'}, {"peer", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'o'},     {"seed", required_argument, NULL, 's'},
        {"quiet", no_argument, NULL, 'q'},         {NULL, 0, NULL, 0},
    };
    uint32_t drawn = 0;
    (void)getrandom(&drawn, sizeof drawn, 0);
    *out = (struct run_options){.scenario = {.seed = drawn}};
    out->peers = memory_new((size_t)argc, sizeof *out->peers);
    out->scenario.peers = out->peers;
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        switch (option) {
        case 'v':
            out->scenario.variant = optarg;
            break;
        case 'p':
            out->peers[out->scenario.peer_count++] = optarg;
            break;
        case 'o':
            out->out = optarg;
            break;
        case 's':
            if (run_options_seed(optarg, &out->scenario.seed, error) != 0)
                return -1;
            break;
        case 'q':
            out->quiet = true;
            break;
        case ':':
            return error_set(error, "%s: expected a value behind it", argv[optind - 1]);
        default:
            return error_set(error, "unknown option '%s'; usage: " RUN_OPTIONS_USAGE,
                             argv[optind - 1]);
        }
    }
    if (optind != argc - 1)
        return error_set(error, "expected one scenario file; usage: " RUN_OPTIONS_USAGE);
    out->scenario.file = argv[optind];
    return 0;
}

void run_options_free(struct run_options *options)
{
    free((void *)options->peers);
}

char *run_options_folder(const struct run_options *options, const char *name)
{
    if (options->out)
        return memory_copy(options->out);
    char when[32];
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &local);
    (void)strftime(when, sizeof when, "%Y%m%d-%H%M%S", &local);
    return memory_print("runs/%s-%s-%03ld", name, when, now.tv_nsec / 1000000);
}

/* Adds one word behind a space, if there are others, quoted where a shell would read more into it. */
static void add_word(char **command, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./=:,+@%";
    char *longer = NULL;
    if (*word && word[strspn(word, plain)] == '\0') {
        longer = memory_print("%s%s%s", *command, **command ? " " : "", word);
    } else {
        longer = memory_print("%s%s'", *command, **command ? " " : "");
        for (const char *c = word; *c; c++) {
            char *next =
                *c == '\'' ? memory_print("%s'\\''", longer) : memory_print("%s%c", longer, *c);
            free(longer);
            longer = next;
        }
        char *closed = memory_print("%s'", longer);
        free(longer);
        longer = closed;
    }
    free(*command);
    *command = longer;
}

char *run_options_command(const struct run_options *options)
{
    char seed[24];
    char *command = memory_copy("");
    add_word(&command, program_invocation_name);
    add_word(&command, "run");
    add_word(&command, options->scenario.file);
    if (options->scenario.variant) {
        add_word(&command, "--variant");
        add_word(&command, options->scenario.variant);
    }
    for (size_t i = 0; i < options->scenario.peer_count; i++) {
        add_word(&command, "--peer");
        add_word(&command, options->peers[i]);
    }
    (void)snprintf(seed, sizeof seed, "%" PRIu64, options->scenario.seed);
    add_word(&command, "--seed");
    add_word(&command, seed);
    return command;
}
