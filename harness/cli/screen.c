#include "cli/screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH = 80 /* of a terminal that doesn't tell */ };

static const struct {
    const char *colour;
    const char *sign;
} marks[] = {
    [SCREEN_GOOD] = {"\033[32m", "ok"},
    [SCREEN_BAD] = {"\033[31m", "no"},
    [SCREEN_WARN] = {"\033[33m", "!"},
    [SCREEN_NOTE] = {"\033[36m", "-"},
};

void screen_init(struct screen *screen, bool quiet)
{
    *screen = (struct screen){.quiet = quiet, .terminal = isatty(STDOUT_FILENO) == 1};
    const char *no_colour = getenv("NO_COLOR");
    screen->colours = screen->terminal && (!no_colour || !*no_colour);
    /* Who reads a pipe line by line must not wait for a full buffer. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static int width(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : WIDTH;
}

/* What comes from a program, or from a file, may hold sequences that a terminal obeys: no control character
 * gets there, neither of ASCII nor, in UTF-8, of C1. */
static void tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++) {
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
            c[0] = c[1] = '?';
        else if (*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

/* The line that will be overwritten: cut at the terminal's edge, or it could not be. */
static void show_current(const struct screen *screen, const char *who, const char *what)
{
    char line[512];
    (void)snprintf(line, sizeof line, "  ..          %s%s%s%s%s%s", screen->current,
                   *who ? "  [" : "", who, *who ? ": " : "", what, *who ? "]" : "");
    tame(line);
    (void)printf("\r\033[K%.*s", width() - 1, line);
    (void)fflush(stdout);
}

void screen_title(const struct screen *screen, const char *name, const char *description)
{
    if (screen->quiet)
        return;
    (void)printf("%s%s%s: %s\n", screen->colours ? "\033[1m" : "", name,
                 screen->colours ? "\033[0m" : "", description);
}

void screen_begin(struct screen *screen, const char *text)
{
    (void)snprintf(screen->current, sizeof screen->current, "%s", text);
    clock_gettime(CLOCK_MONOTONIC, &screen->begun);
    if (screen->terminal && !screen->quiet)
        show_current(screen, "", "");
}

void screen_happens(struct screen *screen, const char *who, const char *what)
{
    if (screen->terminal && !screen->quiet)
        show_current(screen, who, what);
}

void screen_end(const struct screen *screen, enum screen_mark mark, const char *detail)
{
    if (screen->quiet)
        return;
    struct timespec now;
    char text[1024];
    (void)snprintf(text, sizeof text, "%s%s%s", screen->current, *detail ? ": " : "", detail);
    tame(text);
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)(now.tv_sec - screen->begun.tv_sec) +
                     (double)(now.tv_nsec - screen->begun.tv_nsec) / 1e9;
    (void)printf("%s  %s%-2s%s %7.3f s  %s\n", screen->terminal ? "\r\033[K" : "",
                 screen->colours ? marks[mark].colour : "", marks[mark].sign,
                 screen->colours ? "\033[0m" : "", seconds, text);
    (void)fflush(stdout);
}

void screen_tell(const struct screen *screen, enum screen_mark mark, const char *word,
                 const char *format, ...)
{
    if (screen->quiet)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tame(text);
    (void)printf("  %s%-12s%s %s\n", screen->colours ? marks[mark].colour : "", word,
                 screen->colours ? "\033[0m" : "", text);
}
