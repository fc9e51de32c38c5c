#include "node/common/say.h"

#include "base/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

bool say_version(int argument_count, char *const *arguments)
{
    bool asked = argument_count == 2 && strcmp(arguments[1], "--version") == 0;
    if (asked)
        printf("%s %s\n", program_invocation_short_name, PINHOLE_VERSION);
    return asked;
}
