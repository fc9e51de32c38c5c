#include "node/common/hex.h"

static int digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

int hex_read(const char *text, uint8_t *octets, size_t capacity)
{
    size_t used = 0;
    for (; *text; text += 2) {
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);
        if (low < 0 || used == capacity)
            return -1;
        octets[used++] = (uint8_t)(high << 4 | low);
    }
    return (int)used;
}
