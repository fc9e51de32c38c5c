/* Base64, RFC 4648: section 4 with its padding, section 5 (for URLs) without. */
#ifndef PINHOLE_WIRE_BASE64_H
#define PINHOLE_WIRE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum base64_alphabet {
    BASE64_STANDARD, /* + and /; written with padding */
    BASE64_URL       /* - and _; written without */
};

/* The octets that length characters mean, of one alphabet, padded or not; out may be where text is. Returns their number, or
 * (size_t)-1 if a character is none of the alphabet, their number can't be, unused bits are not zero,
 * or capacity is too small. */
size_t base64_read(enum base64_alphabet alphabet, const char *text, size_t length, uint8_t *out,
                   size_t capacity);

/* Writes the text of length octets, without a NUL. Returns its length, or (size_t)-1 if capacity is too
 * small. */
size_t base64_write(enum base64_alphabet alphabet, const uint8_t *octets, size_t length, char *out,
                    size_t capacity);

#endif
