#include "node/common/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 2, 0)))
print(FILE *to, const char *format, va_list arguments)
{
    fprintf(to, "%s: ", program_invocation_short_name);
    vfprintf(to, format, arguments);
    fputc('\n', to);
    fflush(to);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(stdout, format, arguments);
    va_end(arguments);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(stderr, format, arguments);
    va_end(arguments);
}
