/* One line for people about one message: what ladders, findings and logs show.
 *
 * Each function takes a datagram's payload, however broken, and writes a line such as
 *
 *   MAP request udp 5683 lifetime 7200 nonce 0a1b2c3d.. suggested any
 *   MAP response SUCCESS udp 5683 -> 11.0.0.1:5683 lifetime 120 epoch 12
 *   PEER request tcp 49152 to 203.0.113.7:443 lifetime 600 nonce 0a1b2c3d.. suggested any
 *   NAT-PMP map UDP request 5683 suggested 5683 lifetime 7200
 *   CON GET /status [mid 4711]
 *   NON 2.05 Content notify 12 [mid 4712] tlv 3 octets
 *   DTLS Client Hello [epoch 0 sequence 0]
 *   DTLS Application Data 45 octets [epoch 1 sequence 7]
 *
 * with a fault in brackets behind it. text is always ended by a NUL and cut to size (at least 1).
 * Octets of a message that aren't printable ASCII never reach text. Returns the length of text.
 */
#ifndef PINHOLE_WIRE_DESCRIBE_H
#define PINHOLE_WIRE_DESCRIBE_H

#include <stddef.h>
#include <stdint.h>

enum { DESCRIBE_SIZE = 320 }; /* room for all but freak messages */

size_t pcp_describe(const uint8_t *octets, size_t length, char *text, size_t size);
size_t natpmp_describe(const uint8_t *octets, size_t length, char *text, size_t size);
size_t coap_describe(const uint8_t *octets, size_t length, char *text, size_t size);
/* All records of the datagram; epoch and sequence number are those of the first. */
size_t dtls_describe(const uint8_t *octets, size_t length, char *text, size_t size);

#endif
