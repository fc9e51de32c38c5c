#include "wire/utf8.h"

/* By the first octet: how many follow, and what the second may be (section 4 of RFC 3629); the others are
 * 80 to BF. */
static const struct {
    uint8_t first, last;
    uint8_t count;
    uint8_t second_from, second_to;
} forms[] = {
    {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

size_t utf8_character(const uint8_t *octets, size_t length)
{
    for (size_t i = 0; length && i < sizeof forms / sizeof *forms; i++) {
        if (octets[0] < forms[i].first || octets[0] > forms[i].last)
            continue;
        size_t count = forms[i].count;
        if (length < count)
            return 0;
        if (count > 1 && (octets[1] < forms[i].second_from || octets[1] > forms[i].second_to))
            return 0;
        for (size_t k = 2; k < count; k++) {
            if ((octets[k] & 0xc0) != 0x80)
                return 0;
        }
        return count;
    }
    return 0;
}

bool utf8_is_valid(const uint8_t *octets, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t count = utf8_character(octets + at, length - at);
        if (!count)
            return false;
        at += count;
    }
    return true;
}

size_t utf8_put(uint32_t code_point, uint8_t out[UTF8_LONGEST])
{
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t count = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = count; i-- > 1; code_point >>= 6)
        out[i] = (uint8_t)(0x80 | (code_point & 0x3f));
    out[0] = (uint8_t)(marks[count] | code_point);
    return count;
}
