/* The three floating points of CBOR, RFC 8949 section 3.3: IEEE 754 in 2, 4 and 8 octets. */
#ifndef PINHOLE_WIRE_CBOR_REAL_H
#define PINHOLE_WIRE_CBOR_REAL_H

#include <stddef.h>
#include <stdint.h>

/* What bits mean, of size (2, 4, 8) octets. */
double cbor_real_from_bits(size_t size, uint64_t bits);

/* The fewest octets that mean a finite number exactly, section 4.1; their bits are written. */
size_t cbor_real_to_bits(double real, uint64_t *bits);

#endif
