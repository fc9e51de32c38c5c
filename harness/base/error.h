/* Errors are values: what was expected, what came, where.
 *
 * A function that can fail takes a struct error and returns -1 (or NULL, or false) after filling it.
 * No library of this project prints or exits; the command line shows the one line that stands here.
 */
#ifndef PINHOLE_BASE_ERROR_H
#define PINHOLE_BASE_ERROR_H

struct error {
    char text[600]; /* one line without a newline; empty while nothing has failed */
};

/* Writes the message and returns -1, so that a caller can write `return error_set(...)`.
 * error may be NULL when the caller has no use for the text. The first message wins: a second
 * call on a struct that holds one changes nothing, since the first cause is the useful one. */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As error_set, with ": " and the system's text for errno_value behind the message. */
int error_set_errno(struct error *error, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
