/* Numbers as decimal text, as LwM2M's text format and JSON write them; the same in every locale.
 *
 *   integer = ["-"] 1*digit         real = integer ["." 1*digit] [("e" / "E") ["+" / "-"] 1*digit]
 */
#ifndef PINHOLE_WIRE_DECIMAL_H
#define PINHOLE_WIRE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_TEXT_SIZE = 32 };

/* Reads all of text. False if it is no integer, or none of 64 bits. */
bool decimal_read_integer(const char *text, size_t length, int64_t *out);

/* Reads all of text, an integer too, as the double next to it. False if it is no number, or larger than a double
 * can be. Digits behind the first 120 only break ties. */
bool decimal_read_real(const char *text, size_t length, double *out);

/* Writes text, with a NUL, which reads as the same double again, as short as one of at least 15 digits can be;
 * whole numbers as "1.0", so that they are told from integers. Returns the length, 0 if value is not a
 * number or infinite. */
size_t decimal_write_real(double value, char text[DECIMAL_TEXT_SIZE]);

#endif
