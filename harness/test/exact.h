/* Octets in memory of exactly their length, so that AddressSanitizer sees a read behind the last. */
#ifndef PINHOLE_TEST_EXACT_H
#define PINHOLE_TEST_EXACT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The caller frees it. Never NULL. */
static inline uint8_t *exact_copy(const uint8_t *octets, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    if (!copy)
        abort();
    if (length)
        memcpy(copy, octets, length);
    return copy;
}

#endif
