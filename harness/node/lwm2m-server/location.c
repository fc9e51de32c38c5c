#include "node/lwm2m-server/location.h"

#include <string.h>

enum { BITS = 6 /* a digit */ };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *location_text(uint64_t number, char text[LOCATION_SIZE])
{
    text[LOCATION_SIZE - 1] = '\0';
    for (int i = LOCATION_SIZE - 2; i >= 0; i--) {
        text[i] = digits[number & ((1 << BITS) - 1)];
        number >>= BITS;
    }
    return text;
}

bool location_read(const char *text, size_t length, uint64_t *number)
{
    *number = 0;
    if (length != LOCATION_SIZE - 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);
        if (!digit || *number >> (64 - BITS))
            return false;
        *number = *number << BITS | (uint64_t)(digit - digits);
    }
    return true;
}
