/* Octets as hex digits. */
#ifndef PINHOLE_NODE_HEX_H
#define PINHOLE_NODE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Reads all of text, pairs of digits without anything between; returns the number of octets, or -1 if
 * it is something else or more than capacity. */
int hex_read(const char *text, uint8_t *octets, size_t capacity);

#endif
