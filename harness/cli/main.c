/* `pinhole VERB ...`: finds the verb and hands over. */
#include "base/version.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

static void print_verb(FILE *out, const struct verb *verb)
{
    (void)fprintf(out, "  pinhole %s %s\n      %s\n", verb->name, verb->usage, verb->summary);
}

static void print_usage(FILE *out)
{
    (void)fprintf(out, "pinhole: a lab and a judge for reachability behind NAT\n\nusage:\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        print_verb(out, verb);
    (void)fprintf(out, "\nexit codes: 0 all good, 1 a peer fell short, 2 the harness or its "
                       "arguments failed, 4 nothing to do\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_HARNESS;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_GOOD;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("pinhole %s\n", PINHOLE_VERSION);
        return EXIT_GOOD;
    }
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (strcmp(argv[1], verb->name) != 0)
            continue;
        if (argc != 3 || strcmp(argv[2], "--help") != 0 || verb->run == verb_ask)
            return verb->run(argc - 1, argv + 1);
        print_verb(stdout, verb); /* ask has more to say of itself */
        return EXIT_GOOD;
    }
    (void)fprintf(stderr, "pinhole: no verb '%s'; `pinhole help` lists them\n", argv[1]);
    return EXIT_HARNESS;
}
