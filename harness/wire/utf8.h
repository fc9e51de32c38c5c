/* UTF-8, RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef PINHOLE_WIRE_UTF8_H
#define PINHOLE_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_LONGEST = 4 };

/* The octets of the character that begins here, or 0 if none does. */
size_t utf8_character(const uint8_t *octets, size_t length);

bool utf8_is_valid(const uint8_t *octets, size_t length);

/* Writes a code point that is no surrogate; returns its octets, 1 to 4. */
size_t utf8_put(uint32_t code_point, uint8_t out[UTF8_LONGEST]);

#endif
