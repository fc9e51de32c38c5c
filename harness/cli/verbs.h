/* The verbs of `pinhole`, one file each. A verb gets the arguments behind its name (argv[0] is the
 * verb itself) and returns an exit code.
 */
#ifndef PINHOLE_CLI_VERBS_H
#define PINHOLE_CLI_VERBS_H

enum exit_code {
    EXIT_GOOD = 0,    /* all good; warnings alone are good */
    EXIT_SHORT = 1,   /* the peer fell short */
    EXIT_HARNESS = 2, /* the harness or its arguments failed */
    EXIT_NOTHING = 4  /* nothing to do */
};

struct verb {
    const char *name;
    const char *usage; /* behind "pinhole NAME " */
    const char *summary;
    int (*run)(int argc, char **argv);
};

extern const struct verb verbs[]; /* ends with a NULL name */

int verb_ask(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_decode(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_merge(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_test(int argc, char **argv);
int verb_up(int argc, char **argv);

#endif
