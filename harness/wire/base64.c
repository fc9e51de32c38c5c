#include "wire/base64.h"

enum { BITS = 6, NO_DIGIT = 64 };

static char digit(enum base64_alphabet alphabet, unsigned value)
{
    if (value < 26)
        return (char)('A' + value);
    if (value < 52)
        return (char)('a' + value - 26);
    if (value < 62)
        return (char)('0' + value - 52);
    return "+/-_"[value - 62 + (alphabet == BASE64_URL ? 2 : 0)];
}

static unsigned value_of(enum base64_alphabet alphabet, char character)
{
    if (character >= 'A' && character <= 'Z')
        return (unsigned)(character - 'A');
    if (character >= 'a' && character <= 'z')
        return (unsigned)(character - 'a') + 26;
    if (character >= '0' && character <= '9')
        return (unsigned)(character - '0') + 52;
    for (unsigned value = 62; value < NO_DIGIT; value++) {
        if (digit(alphabet, value) == character)
            return value;
    }
    return NO_DIGIT;
}

size_t base64_read(enum base64_alphabet alphabet, const char *text, size_t length, uint8_t *out,
                   size_t capacity)
{
    /* Padding fills a group of four up. */
    if (length % 4 == 0) {
        for (int pads = 0; pads < 2 && length && text[length - 1] == '='; pads++)
            length--;
    }
    size_t used = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned value = value_of(alphabet, text[i]);
        if (value == NO_DIGIT)
            return (size_t)-1;
        bits = bits << BITS | value;
        held += BITS;
        if (held < 8)
            continue;
        if (used == capacity)
            return (size_t)-1;
        held -= 8;
        out[used++] = (uint8_t)(bits >> held);
        bits &= (1U << held) - 1;
    }
    /* A lone last character has too few bits for an octet. */
    return held < BITS && !bits ? used : (size_t)-1;
}

size_t base64_write(enum base64_alphabet alphabet, const uint8_t *octets, size_t length, char *out,
                    size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < length; at += 3) {
        size_t count = length - at < 3 ? length - at : 3;
        uint32_t bits = 0;
        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < count ? octets[at + i] : 0U);
        size_t digits = alphabet == BASE64_URL ? count + 1 : 4;
        if (capacity - used < digits)
            return (size_t)-1;
        for (size_t i = 0; i < digits; i++)
            out[used++] =
                i <= count ? digit(alphabet, bits >> (18 - BITS * (unsigned)i) & 63) : '=';
    }
    return used;
}
