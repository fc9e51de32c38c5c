/* What a bare processor's build of engine and codec needs of a C library: these three. */
#ifndef PINHOLE_MEASURE_FREESTANDING_STRING_H
#define PINHOLE_MEASURE_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);

#endif
