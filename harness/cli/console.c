#include "cli/console.h"

#include "cli/facts.h"
#include "cli/ladder.h"
#include "cli/memory.h"
#include "cli/programs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINE_SIZE = 1024,
    TICK = 50,               /* ms between two looks at programs and packets */
    COMMAND_WITHIN = 3600000 /* ms */
};

struct console {
    struct engine *engine;
    struct ladder ladder;
    unsigned commands; /* run so far: names their logs */
    bool messages;
    bool over;
};

static size_t find_node(const struct console *console, const char *name)
{
    size_t node = topology_find_node(&console->engine->scenario->topology, name);
    if (node == (size_t)-1)
        (void)printf("no node '%s' in this scenario\n", name);
    return node;
}

static size_t find_program(const struct console *console, const char *name)
{
    size_t program = scenario_find_program(console->engine->scenario, name);
    if (program == (size_t)-1)
        (void)printf("no program '%s' in this scenario\n", name);
    return program;
}

static void tell_error(const struct error *error)
{
    if (error->text[0])
        (void)printf("%s\n", error->text);
}

/* Looks after the programs, and tells the messages that came, for about milliseconds. */
static void tick(struct console *console, int milliseconds)
{
    struct error error = {0};
    if (supervisor_pass(console->engine->supervisor, milliseconds, &error) != 0) {
        tell_error(&error);
        console->over = true;
    }
    if (console->messages)
        ladder_follow(&console->ladder);
    (void)fflush(stdout);
}

static void tell_line(void *context, const struct process *process, const char *text)
{
    (void)context;
    (void)printf("%s: %s\n", process_name(process), text);
}

static void tell_end(void *context, const struct process *process, int status)
{
    (void)context;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        (void)printf("%s ended with %s %d\n", process_name(process),
                     WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* --- commands ------------------------------------------------------------------------------- */

static void do_start(struct console *console, char *arguments)
{
    struct error error = {0};
    size_t program = find_program(console, arguments);
    if (program == (size_t)-1)
        return;
    if (console->engine->processes[program] &&
        !process_ended(console->engine->processes[program], NULL))
        (void)printf("%s runs already\n", arguments);
    else
        (void)engine_start(console->engine, program, &error);
    tell_error(&error);
}

static void stop_program(struct console *console, char *name, bool again)
{
    struct error error = {0};
    size_t program = find_program(console, name);
    if (program == (size_t)-1)
        return;
    int signal_number =
        again ? console->engine->scenario->programs[program].peer->restart_signal : SIGTERM;
    if (!console->engine->processes[program])
        (void)printf("%s does not run\n", name);
    else if (engine_stop(console->engine, program, signal_number, &error) == OUTCOME_DONE && again)
        (void)engine_start(console->engine, program, &error);
    tell_error(&error);
}

static void do_stop(struct console *console, char *arguments)
{
    stop_program(console, arguments, false);
}

static void do_restart(struct console *console, char *arguments)
{
    stop_program(console, arguments, true);
}

static void do_signal(struct console *console, char *arguments)
{
    struct error error = {0};
    char *rest = NULL;
    const char *name = strtok_r(arguments, " ", &rest);
    size_t program = name ? find_program(console, name) : (size_t)-1;
    int number = texts_signal_number(rest ? rest : "");
    if (program == (size_t)-1)
        return;
    if (number == 0)
        (void)printf("expected a signal's name such as USR1\n");
    else if (!console->engine->processes[program])
        (void)printf("%s does not run\n", name);
    else
        (void)process_signal(console->engine->processes[program], number, &error);
    tell_error(&error);
}

static void do_run(struct console *console, char *arguments)
{
    struct error error = {0};
    char *rest = NULL;
    char name[32];
    int status = 0;
    const char *node_name = strtok_r(arguments, " ", &rest);
    size_t node = node_name ? find_node(console, node_name) : (size_t)-1;
    if (node == (size_t)-1)
        return;
    const char *const command[] = {"/bin/sh", "-c", rest ? rest : "", NULL};
    (void)snprintf(name, sizeof name, "run-%u", ++console->commands);
    (void)engine_command(console->engine, node, name, command, COMMAND_WITHIN, &status, &error);
    tell_error(&error);
}

/* What the child of a shell command becomes. */
static void become_shell(const struct console *console, size_t node)
{
    struct error error = {0};
    struct facts facts = {0};
    const char *name = console->engine->scenario->topology.nodes[node].name;
    /* Of a pipe, bash reads no more than the command it carries out; the rest stays ours. */
    static char bash[] = "/bin/bash", no_profile[] = "--norc", sh[] = "/bin/sh";
    char *argv[] = {bash, no_profile, NULL};
    char *plain[] = {sh, NULL};
    (void)signal(SIGINT, SIG_DFL);
    if (lab_enter(console->engine->lab, node, &error) == 0) {
        char *prompt = memory_print("%s# ", name);
        program_tell_command(&facts, console->engine->scenario, node);
        facts_set(&facts, "PS1", prompt);
        facts_set(&facts, "TERM", getenv("TERM") ? getenv("TERM") : "dumb");
        (void)execve(bash, argv, facts.pairs);
        (void)execve(sh, plain, facts.pairs);
        (void)error_set_errno(&error, errno, "%s", sh);
    }
    tell_error(&error);
    _exit(127);
}

static void do_shell(struct console *console, char *arguments)
{
    size_t node = find_node(console, arguments);
    if (node == (size_t)-1)
        return;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        become_shell(console, node);
    int handle = child > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
    if (handle < 0) {
        (void)printf("no shell: %s\n", strerror(errno));
        return;
    }
    /* The supervisor reaps it, as it does every child. */
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    bool messages = console->messages;
    console->messages = false;
    while (!console->over && poll(&ended, 1, 0) == 0)
        tick(console, TICK);
    console->messages = messages;
    (void)close(handle);
}

static void do_status(struct console *console, char *arguments)
{
    (void)arguments;
    const struct scenario *scenario = console->engine->scenario;
    for (size_t i = 0; i < scenario->program_count; i++) {
        const struct process *process = console->engine->processes[i];
        (void)printf("%-12s %-12s on %-12s %s\n", scenario->programs[i].name,
                     scenario->programs[i].peer->name,
                     scenario->topology.nodes[scenario->programs[i].node].name,
                     !process                       ? "does not run"
                     : process_ended(process, NULL) ? "ended"
                                                    : "runs");
    }
}

static void do_messages(struct console *console, char *arguments)
{
    console->messages = strcmp(arguments, "off") != 0;
}

static void do_quit(struct console *console, char *arguments)
{
    (void)arguments;
    console->over = true;
}

static void do_help(struct console *console, char *arguments);

static const struct command {
    const char *name;
    const char *usage;
    void (*run)(struct console *console, char *arguments);
} commands[] = {
    {"status", "", do_status},
    {"shell", "NODE", do_shell},
    {"run", "NODE COMMAND...", do_run},
    {"start", "PROGRAM", do_start},
    {"stop", "PROGRAM", do_stop},
    {"restart", "PROGRAM", do_restart},
    {"signal", "PROGRAM SIGNAL", do_signal},
    {"messages", "on|off", do_messages},
    {"help", "", do_help},
    {"quit", "", do_quit},
    {NULL, NULL, NULL},
};

static void do_help(struct console *console, char *arguments)
{
    (void)arguments;
    for (const struct command *command = commands; command->name; command++)
        (void)printf("  %s %s\n", command->name, command->usage);
    (void)printf("nodes:");
    for (size_t i = 0; i < console->engine->scenario->topology.node_count; i++)
        (void)printf(" %s", console->engine->scenario->topology.nodes[i].name);
    (void)printf("\n");
}

static void obey(struct console *console, char *line)
{
    char *arguments = NULL;
    const char *name = strtok_r(line, " \t\r\n", &arguments);
    if (!name)
        return;
    arguments += strspn(arguments, " \t");
    arguments[strcspn(arguments, "\r\n")] = '\0';
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(command->name, name) == 0) {
            command->run(console, arguments);
            return;
        }
    }
    (void)printf("no command '%s'; `help` lists them\n", name);
}

/* --- the loop ------------------------------------------------------------------------------- */

/* Takes a line, an octet at a time: what stands behind it may be for a node's shell. False at the end
 * of input. Programs are looked after while nothing comes. */
static bool take_line(struct console *console, char line[LINE_SIZE])
{
    size_t used = 0;
    while (!console->over && used + 1 < LINE_SIZE) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&input, 1, 0) == 0) {
            tick(console, TICK);
            continue;
        }
        if (read(STDIN_FILENO, line + used, 1) != 1)
            return false;
        if (line[used++] == '\n')
            break;
    }
    line[used] = '\0';
    return !console->over;
}

void console_run(struct engine *engine)
{
    char *capture = memory_print("%s/lab.pcapng", engine->folder);
    struct console console = {
        .engine = engine,
        .ladder = {.capture = capture, .colours = engine->screen->colours},
        .messages = true,
    };
    char line[LINE_SIZE];
    bool terminal = isatty(STDIN_FILENO) == 1;
    const struct supervisor_watch watch = {.line = tell_line, .ended = tell_end};
    supervisor_set_watch(engine->supervisor, &watch);
    (void)printf("the lab is up; `help` lists the commands, `quit` ends it\n");
    for (bool more = true; more && !console.over;) {
        tick(&console, 0);
        if (terminal)
            (void)printf("%s> ", engine->scenario->name);
        (void)fflush(stdout);
        more = take_line(&console, line);
        if (more)
            obey(&console, line);
    }
    free(capture);
}
