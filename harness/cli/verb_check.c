/* `pinhole check`: the rules over captures, whoever made them.
 *
 * Exit codes: 2 if a file could not be read at all; else 1 if anything failed; else 2 if a file
 * breaks off (what is missing was not judged); else 4 if there was no message to judge; else 0.
 */
#include "check/check.h"
#include "cli/verbs.h"
#include "measure/json_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct checking {
    bool json;
    bool quiet;
    struct check_options options;
    uint64_t packets;
    uint64_t messages;
    size_t levels[FINDING_INFO + 1];
    bool unreadable;
    bool damaged;
    json_t *findings;
};

static int usage(void)
{
    (void)fprintf(stderr, "usage: pinhole check CAPTURE... [--json] [--quiet] [--port N] "
                          "[--time-scale X]\n");
    return EXIT_HARNESS;
}

static void show_progress(void *argument, uint64_t packets)
{
    (void)argument;
    (void)fprintf(stderr, "\r%" PRIu64 " million packets ", packets >> 20);
}

/* One finding as the contract of `--json` has it. */
static void add_json(struct checking *checking, const char *path, const struct finding *finding)
{
    const struct requirement *requirement = requirement_get(finding->requirement);
    json_t *object = json_pack("{s:s,s:s,s:o,s:I,s:s}", "requirement", requirement->id, "level",
                               finding_level_name(finding->level), "capture", json_file_text(path),
                               "frame", (json_int_t)finding->frame, "text", finding->text);
    if (json_array_append_new(checking->findings, object) != 0)
        checking->unreadable = true; /* memory is out: nothing that follows can be trusted */
}

static void show_finding(const struct finding *finding)
{
    const struct requirement *requirement = requirement_get(finding->requirement);
    (void)printf("%-4s frame %-6" PRIu64 " %-14s %s\n                  %s %s, section %s: %s\n",
                 finding_level_name(finding->level), finding->frame, requirement->id, finding->text,
                 requirement_role_name(requirement->role),
                 requirement_level_name(requirement->level), requirement->section,
                 requirement->text);
}

static void show_summary(const char *path, const struct check_result *result)
{
    if (result->packets == 0)
        (void)printf("%s: no packets\n", path);
    else if (result->messages == 0)
        (void)printf("%s: %" PRIu64 " packets, no PCP or NAT-PMP message among them\n", path,
                     result->packets);
    else
        (void)printf(
            "%s: %" PRIu64 " packets, %" PRIu64 " messages: %zu fail, %zu warn, %zu info\n", path,
            result->packets, result->messages, check_result_count(result, FINDING_FAIL),
            check_result_count(result, FINDING_WARN), check_result_count(result, FINDING_INFO));
}

static void check_one(struct checking *checking, const char *path)
{
    struct check_result result;
    struct error error = {""};
    int status = check_capture(path, &checking->options, &result, &error);
    if (checking->options.progress && result.packets >> 20)
        (void)fputs("\r                              \r", stderr);
    if (status != 0)
        (void)fprintf(stderr, "pinhole check: %s\n", error.text);
    if (status != 0 && !result.damaged) {
        checking->unreadable = true;
        return;
    }
    checking->damaged |= result.damaged;
    checking->packets += result.packets;
    checking->messages += result.messages;
    for (size_t i = 0; i < result.finding_count; i++) {
        checking->levels[result.findings[i].level]++;
        if (checking->json)
            add_json(checking, path, &result.findings[i]);
        else
            show_finding(&result.findings[i]);
    }
    if (!checking->json && !checking->quiet)
        show_summary(path, &result);
    check_result_free(&result);
}

/* A whole number of 1..65535; 0 if text is none. */
static uint16_t parse_port(const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno && port <= UINT16_MAX
               ? (uint16_t)port
               : 0;
}

/* Takes the options out of argv; returns how many files are left in it, or -1. */
static int parse_arguments(struct checking *checking, int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            checking->json = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            checking->quiet = true;
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            checking->options.rules.server_port = parse_port(argv[++i]);
            if (checking->options.rules.server_port == 0)
                return -1;
        } else if (strcmp(argv[i], "--time-scale") == 0 && i + 1 < argc) {
            char *end = NULL;
            checking->options.rules.time_scale = strtod(argv[++i], &end);
            if (*end || !(checking->options.rules.time_scale > 0))
                return -1;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return -1;
        } else {
            argv[files++] = argv[i];
        }
    }
    return files > 0 ? files : -1;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int exit_code(const struct checking *checking)
{
    if (checking->unreadable)
        return EXIT_HARNESS;
    if (checking->levels[FINDING_FAIL] > 0)
        return EXIT_SHORT;
    if (checking->damaged)
        return EXIT_HARNESS;
    return checking->messages > 0 ? EXIT_GOOD : EXIT_NOTHING;
}

int verb_check(int argc, char **argv)
{
    struct checking checking = {0};
    int files = parse_arguments(&checking, argc, argv);
    if (files < 0)
        return usage();
    double start = now();
    checking.findings = json_array();
    if (!checking.quiet && isatty(STDERR_FILENO))
        checking.options.progress = show_progress;
    for (int i = 0; i < files; i++)
        check_one(&checking, argv[i]);
    json_t *object = json_pack("{s:I,s:o,s:f}", "packets", (json_int_t)checking.packets, "findings",
                               checking.findings, "seconds", now() - start);
    if (checking.json &&
        (!object || json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_INDENT(1)) ||
         putchar('\n') == EOF))
        checking.unreadable = true;
    json_decref(object);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "pinhole check: cannot write to standard output\n");
        return EXIT_HARNESS;
    }
    return exit_code(&checking);
}
