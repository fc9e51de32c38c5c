/* What a run shows while it goes on: on a terminal a line that changes until its step is over, with
 * colours unless NO_COLOR is set; where output is piped, one plain line a step. Always to standard
 * output.
 */
#ifndef PINHOLE_CLI_SCREEN_H
#define PINHOLE_CLI_SCREEN_H

#include <stdbool.h>
#include <time.h>

enum screen_mark { SCREEN_GOOD, SCREEN_BAD, SCREEN_WARN, SCREEN_NOTE };

struct screen {
    bool quiet;
    bool terminal; /* filled by screen_init */
    bool colours;
    char current[200]; /* the step that goes on */
    struct timespec begun;
};

void screen_init(struct screen *screen, bool quiet);
/* What is being run, and its description. */
void screen_title(const struct screen *screen, const char *name, const char *description);
/* A step begins. */
void screen_begin(struct screen *screen, const char *text);
/* Something happens within it: shown on a terminal until the next such thing. */
void screen_happens(struct screen *screen, const char *who, const char *what);
/* It is over; detail may be empty. */
void screen_end(const struct screen *screen, enum screen_mark mark, const char *detail);
/* One line of a summary: a word of at most 12 letters, and what it is about. */
void screen_tell(const struct screen *screen, enum screen_mark mark, const char *word,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
