/* Where a registration is: /rd/ and 64 random bits, as text of the alphabet of base64url (RFC 4648 section 5). Without
 * DTLS nothing else keeps others from it. */
#ifndef PINHOLE_LWM2M_SERVER_LOCATION_H
#define PINHOLE_LWM2M_SERVER_LOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOCATION_SIZE = 12 /* with a NUL */ };

/* Returns text. */
const char *location_text(uint64_t number, char text[LOCATION_SIZE]);

/* False for what is no text of any number. */
bool location_read(const char *text, size_t length, uint64_t *number);

#endif
