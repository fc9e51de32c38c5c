#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 0)))
vset(struct error *error, const char *format, va_list arguments)
{
    if (error && !error->text[0])
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
}

int error_set(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vset(error, format, arguments);
    va_end(arguments);
    return -1;
}

int error_set_errno(struct error *error, int errno_value, const char *format, ...)
{
    if (!error || error->text[0])
        return -1;
    va_list arguments;
    va_start(arguments, format);
    vset(error, format, arguments);
    va_end(arguments);
    size_t used = strlen(error->text);
    (void)snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(errno_value));
    return -1;
}
