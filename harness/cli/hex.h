/* Octets as hexadecimal text. */
#ifndef PINHOLE_CLI_HEX_H
#define PINHOLE_CLI_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes two digits for each octet and a NUL: 2 * length + 1 characters. Returns text. */
char *hex_write(const uint8_t *octets, size_t length, char *text);

/* Reads pairs of digits, upper or lower case, that may stand apart by spaces, colons or line ends.
 * False if text is anything else or names more octets than capacity. */
bool hex_read(const char *text, uint8_t *octets, size_t capacity, size_t *length);

#endif
