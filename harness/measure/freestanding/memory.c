/* The smallest forms, so that what is measured is complete and owes nothing to a library's taste. */
#include "measure/freestanding/string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    while (length--)
        *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t length)
{
    unsigned char *out = to;
    while (length--)
        *out++ = (unsigned char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    for (; length; length--, left++, right++) {
        if (*left != *right)
            return *left - *right;
    }
    return 0;
}
