/* CoAP messages as captures show them, RFC 7252: read only.
 *
 * The programs of the lab speak CoAP through libcoap; this parser judges what they said. Its names
 * begin with coap_message, since libcoap has claimed the shorter ones.
 */
#ifndef PINHOLE_WIRE_COAP_H
#define PINHOLE_WIRE_COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COAP_MESSAGE_VERSION = 1,
    COAP_MESSAGE_HEADER_LENGTH = 4,
    COAP_MESSAGE_TOKEN_LIMIT = 8,
    COAP_MESSAGE_PORT = 5683, /* section 6.1 */
    COAP_MESSAGE_CODE_TEXT_SIZE = 8
};

enum coap_message_type {
    COAP_TYPE_CONFIRMABLE = 0,
    COAP_TYPE_NON_CONFIRMABLE = 1,
    COAP_TYPE_ACKNOWLEDGEMENT = 2,
    COAP_TYPE_RESET = 3
};

/* Message format, section 3:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Ver| T |  TKL  |      Code     |          Message ID           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Token (if any, TKL bytes) ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Options (if any) ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |1 1 1 1 1 1 1 1|    Payload (if any) ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct coap_message {
    uint8_t version;
    enum coap_message_type type;
    uint8_t code; /* class << 5 | detail; 0.00 is an Empty message */
    uint16_t message_id;
    uint8_t token_length;
    const uint8_t *token;   /* these three point into the decoded octets */
    const uint8_t *options; /* without the payload marker */
    size_t options_length;
    const uint8_t *payload; /* NULL if there is none */
    size_t payload_length;
};

struct coap_message_option {
    uint32_t
        number; /* the sum of the deltas; numbers over 65535 don't exist, but fit on the wire */
    size_t length;
    const uint8_t *value; /* inside the decoded octets */
};

/* Where a walk through the options stands; zero it to start. */
struct coap_message_walk {
    size_t offset;
    uint32_t number;
};

enum coap_message_fault {
    COAP_FAULT_NONE = 0,
    COAP_FAULT_SHORT,      /* under 4 octets */
    COAP_FAULT_VERSION,    /* not version 1 */
    COAP_FAULT_TOKEN,      /* token length 9-15 */
    COAP_FAULT_TOKEN_CUT,  /* token runs past the end */
    COAP_FAULT_EMPTY,      /* an Empty message (0.00) holds more than a header, section 4.1 */
    COAP_FAULT_OPTION,     /* delta or length 15, which is reserved, section 3.1 */
    COAP_FAULT_OPTION_CUT, /* an option runs past the end */
    COAP_FAULT_PAYLOAD,    /* payload marker without payload, section 3 */
    COAP_FAULT_COUNT
};

/* Decodes one datagram. Returns the first fault; what precedes it is filled in, the rest is zero.
 * Options before a faulty one are in the option area. */
enum coap_message_fault coap_message_decode(const uint8_t *octets, size_t length,
                                            struct coap_message *out);

/* The next option of a decoded message; false at the end. */
bool coap_message_next_option(const struct coap_message *message, struct coap_message_walk *walk,
                              struct coap_message_option *out);

/* An option's value as the unsigned integer of section 3.2; only its last 4 octets count. */
uint32_t coap_message_option_uint(const struct coap_message_option *option);

/* "/rd/7" from the segments in the options of that number, "/" if there are none; octets as they stand. False if
 * it is longer than size - 1, or a segment holds a NUL. */
bool coap_message_path(const struct coap_message *message, uint32_t option, char *text,
                       size_t size);

/* True for codes 0.01 to 0.31. */
bool coap_message_is_request(const struct coap_message *message);

/* "CON", "NON", "ACK", "RST". */
const char *coap_message_type_name(enum coap_message_type type);
/* "GET" for the methods of RFC 7252 and RFC 8132, "2.05" for all other codes. Returns text. */
const char *coap_message_code_text(uint8_t code, char text[COAP_MESSAGE_CODE_TEXT_SIZE]);
/* "Content" for 2.05; NULL for codes that are not known. */
const char *coap_message_code_name(uint8_t code);
/* "Uri-Path" for 11; NULL for numbers that are not known. */
const char *coap_message_option_name(uint32_t number);
/* One line for people. Never NULL. */
const char *coap_message_fault_text(enum coap_message_fault fault);

#endif
