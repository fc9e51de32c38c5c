/* Every field of a PCP, NAT-PMP or CoAP message as a JSON object, for `pinhole decode`.
 *
 * Numbers are numbers, addresses text as address_format writes it, other octets hexadecimal text. A
 * field that the message is too short or too broken for is left out, and "fault" says why. Codes
 * stand as numbers; where the RFC has a name for one, it stands beside it with "_name" behind the key.
 * NULL without memory, or for a protocol that has no messages to decode.
 */
#ifndef PINHOLE_CLI_DECODE_FIELDS_H
#define PINHOLE_CLI_DECODE_FIELDS_H

#include "measure/protocol.h"

#include <jansson.h>

json_t *decode_fields(enum protocol protocol, const uint8_t *octets, size_t length);

#endif
