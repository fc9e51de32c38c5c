#include "cli/hex.h"

#include <ctype.h>

char *hex_write(const uint8_t *octets, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[octets[i] >> 4];
        text[2 * i + 1] = digits[octets[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}

static bool digit(char character, uint8_t *out)
{
    if (!isxdigit((unsigned char)character))
        return false;
    int lower = tolower((unsigned char)character);
    *out = (uint8_t)(lower <= '9' ? lower - '0' : lower - 'a' + 10);
    return true;
}

bool hex_read(const char *text, uint8_t *octets, size_t capacity, size_t *length)
{
    *length = 0;
    while (*text) {
        uint8_t high;
        uint8_t low;
        if (isspace((unsigned char)*text) || *text == ':') {
            text++;
            continue;
        }
        if (!digit(text[0], &high) || !digit(text[1], &low) || *length == capacity)
            return false;
        octets[(*length)++] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return true;
}
