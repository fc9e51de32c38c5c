/* `pinhole report`: hands over to reports/report.py, which writes HTML and Markdown. */
#include "cli/root.h"
#include "cli/verbs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int verb_report(int argc, char **argv)
{
    /* Debian's own interpreter: jinja2 and jsonschema are its packages. */
    static char interpreter[] = "/usr/bin/python3";
    char script[PATH_MAX];
    struct error error = {""};
    if (root_find("reports/report.py", script, sizeof script, &error) < 0) {
        (void)fprintf(stderr, "pinhole report: %s\n", error.text);
        return EXIT_HARNESS;
    }
    char **command = calloc((size_t)argc + 2, sizeof *command);
    if (!command) {
        (void)fprintf(stderr, "pinhole report: %s\n", strerror(ENOMEM));
        return EXIT_HARNESS;
    }
    command[0] = interpreter;
    command[1] = script;
    for (int i = 1; i < argc; i++)
        command[i + 1] = argv[i];
    (void)execv(interpreter, command);
    (void)fprintf(stderr, "pinhole report: %s: %s\n", interpreter, strerror(errno));
    free(command);
    return EXIT_HARNESS;
}
