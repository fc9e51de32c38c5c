#include "node/probe/probe.h"

#include "node/common/say.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb {
    const char *name;
    enum probe_exit (*run)(const struct probe_options *options);
    unsigned count; /* where none is given */
} verbs[] = {
    {"send", probe_send, 1},
    {"answer", probe_answer, 0},
};

static const char usage[] =
    "usage: pinhole-probe send --to ADDRESS:PORT [--from ADDRESS:PORT] [--count TRIES]\n"
    "                          [--wait MILLISECONDS] [--text TEXT]\n"
    "       pinhole-probe answer --port PORT [--count ANSWERS]\n"
    "An IPv6 address stands in brackets. send ends with 0 once an answer came, with 1 if none\n"
    "came; both end with 2 if they cannot work at all.\n";

enum probe_exit probe_fail(const char *what)
{
    printf("pinhole-probe: %s: %s\n", what, strerror(errno));
    return PROBE_FAILED;
}

static bool parse_number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= most;
}

/* Takes one option; false if its value is not what it must be. */
static bool take_option(int option, const char *value, struct probe_options *options)
{
    unsigned long number = 0;
    switch (option) {
    case 't':
        return endpoint_parse(value, &options->to);
    case 'f':
        options->has_from = true;
        return endpoint_parse(value, &options->from);
    case 'p':
        if (!parse_number(value, UINT16_MAX, &number))
            return false;
        options->port = (uint16_t)number;
        return true;
    case 'c':
        if (!parse_number(value, 1000000, &number))
            return false;
        options->count = (unsigned)number;
        return true;
    case 'w':
        if (!parse_number(value, 3600000, &number))
            return false;
        options->wait = (unsigned)number;
        return true;
    case 'x':
        options->text = value;
        return strlen(value) <= PROBE_DATAGRAM - sizeof PROBE_MARK;
    default:
        return false;
    }
}

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (name != NULL && strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (say_version(argc, argv))
        return 0;
    static const struct option known[] = {
        {"to", required_argument, NULL, 't'},   {"from", required_argument, NULL, 'f'},
        {"port", required_argument, NULL, 'p'}, {"count", required_argument, NULL, 'c'},
        {"wait", required_argument, NULL, 'w'}, {"text", required_argument, NULL, 'x'},
        {NULL, no_argument, NULL, 0},
    };
    /* Whoever awaits a line must not wait for a full buffer. */
    setvbuf(stdout, NULL, _IOLBF, 0);

    const struct verb *verb = find_verb(argv[1]);
    struct probe_options options = {.wait = 1000, .text = "probe"};
    bool good = verb != NULL;
    if (good) {
        options.count = verb->count;
        int option;
        while (good && (option = getopt_long(argc - 1, argv + 1, "", known, NULL)) != -1) {
            good = option != '?' && take_option(option, optarg, &options);
            if (option != '?' && !good)
                fprintf(stderr, "pinhole-probe: bad value %s\n", optarg);
        }
        good =
            good && optind == argc - 1 &&
            (verb->run == probe_send ? options.to.length > 0 : options.port > 0) &&
            (!options.has_from || options.from.address.ss_family == options.to.address.ss_family);
    }
    if (!good) {
        fputs(usage, stderr);
        return PROBE_FAILED;
    }
    return (int)verb->run(&options);
}
