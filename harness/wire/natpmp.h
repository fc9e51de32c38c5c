/* The NAT Port Mapping Protocol on the wire, RFC 6886: octets <-> structs.
 *
 * PCP's predecessor shares its ports, 5350 and 5351, and is told from it by the first octet. As in
 * pcp.h: no I/O, no allocation, reserved fields kept. A server's port and a client's are PCP's
 * (PCP_SERVER_PORT, PCP_CLIENT_PORT).
 */
#ifndef PINHOLE_WIRE_NATPMP_H
#define PINHOLE_WIRE_NATPMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NATPMP_VERSION = 0,
    NATPMP_ADDRESS_REQUEST_LENGTH = 2,    /* section 3.2 */
    NATPMP_ADDRESS_RESPONSE_LENGTH = 12,  /* section 3.2 */
    NATPMP_MAP_REQUEST_LENGTH = 12,       /* section 3.3 */
    NATPMP_MAP_RESPONSE_LENGTH = 16,      /* section 3.3 */
    NATPMP_UNSUPPORTED_VERSION_LENGTH = 8 /* section 3.5 */
};

/* Opcodes of requests; a response has 128 added. */
enum natpmp_opcode { NATPMP_ADDRESS = 0, NATPMP_MAP_UDP = 1, NATPMP_MAP_TCP = 2 };

/* Result codes, section 3.5. */
enum natpmp_result {
    NATPMP_SUCCESS = 0,
    NATPMP_UNSUPPORTED_VERSION = 1,
    NATPMP_NOT_AUTHORIZED = 2,
    NATPMP_NETWORK_FAILURE = 3,
    NATPMP_OUT_OF_RESOURCES = 4,
    NATPMP_UNSUPPORTED_OPCODE = 5
};

/* External address request and response, section 3.2:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Vers = 0      | OP = 0        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Vers = 0      | OP = 128 + 0  | Result Code                   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Seconds Since Start of Epoch                                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | External IPv4 Address (a.b.c.d)                               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Mapping request and response, section 3.3 (x: 1 UDP, 2 TCP):
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Vers = 0      | OP = x        | Reserved                      |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Internal Port                 | Suggested External Port       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Requested Port Mapping Lifetime in Seconds                    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Vers = 0      | OP = 128 + x  | Result Code                   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Seconds Since Start of Epoch                                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Internal Port                 | Mapped External Port          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Port Mapping Lifetime in Seconds                              |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Unsupported Version, section 3.5: the answer to any version but 0. Its opcode is 0 without the 128,
 * as in a request for the external address, which has nothing behind it.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Vers = 0      | OP = 0        | Result Code = 1               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Seconds Since Start of Epoch                                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct natpmp_message {
    uint8_t version;
    bool response;               /* 128 was added to the opcode, or it is an Unsupported Version */
    uint8_t opcode;              /* without the 128 */
    uint8_t reserved[2];         /* mapping request */
    uint16_t result;             /* response */
    uint32_t epoch;              /* response: seconds since the mapping table was made or reset */
    uint8_t external_address[4]; /* external address response */
    uint16_t internal_port;      /* mapping request and response */
    uint16_t external_port;      /* suggested in the request, mapped in the response */
    uint32_t lifetime;           /* mapping request and response, seconds; 0 deletes */
};

enum natpmp_fault {
    NATPMP_FAULT_NONE = 0,
    NATPMP_FAULT_SHORT,   /* under 2 octets */
    NATPMP_FAULT_VERSION, /* version is not 0 */
    NATPMP_FAULT_OPCODE,  /* not one of 0, 1, 2 */
    NATPMP_FAULT_CUT,     /* too short for the opcode */
    NATPMP_FAULT_LONG,    /* octets behind the message */
    NATPMP_FAULT_COUNT
};

/* Tells NAT-PMP from PCP on their common ports by the first octet: zero is NAT-PMP (RFC 6887
 * appendix A). A PCP client gets it too, as the Unsupported Version of a NAT-PMP server. */
bool natpmp_recognise(const uint8_t *octets, size_t length);

/* Decodes one message. Returns the first fault; fields that the octets hold are filled, the rest is
 * zero. A result of Unsupported Version ends behind the epoch, with the 128 or without; on
 * NATPMP_FAULT_CUT its result is known all the same, from 4 octets on. A response of another opcode
 * (the whole request sent back, section 3.5) has its result. */
enum natpmp_fault natpmp_decode(const uint8_t *octets, size_t length, struct natpmp_message *out);

/* Encodes message, a response with result NATPMP_UNSUPPORTED_VERSION in the form of section 3.5.
 * Returns the octets written, or 0 if capacity is too small or the opcode unknown. */
size_t natpmp_encode(const struct natpmp_message *message, uint8_t *octets, size_t capacity);

/* Names as in the RFC's lists; NULL for codes it doesn't know. */
const char *natpmp_opcode_name(uint8_t opcode);
const char *natpmp_result_name(uint16_t result);
/* One line for people. Never NULL. */
const char *natpmp_fault_text(enum natpmp_fault fault);

#endif
