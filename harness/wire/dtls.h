/* Records of DTLS 1.0 and 1.2, RFC 6347: what can be seen of a session without its keys.
 *
 * A datagram holds one record or several, whole (section 4.1.1). They are told by their form, as a mapped port has
 * any number; RFC 7983 keeps the first octet free of those of STUN, and CoAP's is never below 64. The short header
 * that DTLS 1.3 encrypts with (RFC 9147 section 4) has no version and is not told; its handshake begins as one of 1.2.
 */
#ifndef PINHOLE_WIRE_DTLS_H
#define PINHOLE_WIRE_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 5246 section 6.2.1, RFC 6520 section 3, RFC 9146 section 4 */
enum dtls_content {
    DTLS_CHANGE_CIPHER_SPEC = 20,
    DTLS_ALERT = 21,
    DTLS_HANDSHAKE = 22,
    DTLS_APPLICATION_DATA = 23,
    DTLS_HEARTBEAT = 24,
    DTLS_CONNECTION_ID = 25 /* any of the others, encrypted together with its type */
};

enum { DTLS_CLIENT_HELLO = 1 }; /* of the handshake's messages, RFC 5246 section 7.4 */

enum { DTLS_HEADER_LENGTH = 13, DTLS_HANDSHAKE_HEADER_LENGTH = 12, DTLS_ALERT_LENGTH = 2 };

/* A record, section 4.1:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Content Type  | Version: fe ff (1.0) or fe fd |     Epoch ... |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | ...           | Sequence Number (48 bits) ...                 |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | ...                                           |    Length ... |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | ...           | Fragment ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-
 *
 * Between the sequence number and the length, a record of type 25 has the connection's ID, from 1 to 255 octets. How
 * many is agreed upon in the handshake and said nowhere else.
 */
struct dtls_record {
    uint8_t content; /* enum dtls_content */
    uint16_t version;
    uint16_t epoch;    /* 0: in the clear */
    uint64_t sequence; /* starts at 0 in each epoch */
    uint8_t connection_id_length;
    uint16_t length; /* of fragment; what an encrypted one has besides its content counts */
    const uint8_t *fragment;
};

/* What a record of type 22 in the clear begins with, section 4.2.2:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Message Type  | Length                                        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | Message Sequence              | Fragment Offset ...           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   | ...           | Fragment Length                               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct dtls_handshake {
    uint8_t type;
    uint32_t length;           /* of the whole message, 24 bits */
    uint16_t message_sequence; /* the same when the message is sent again */
    uint32_t fragment_offset;  /* 24 bits */
    uint32_t fragment_length;  /* 24 bits */
};

/* A walk through the records of a datagram. */
struct dtls_walk {
    size_t offset;
    uint8_t connection_id_length; /* of the records of type 25 */
};

/* Whether the octets are one record or several to their very end; then walk stands in front of the first. Where there
 * are records of type 25, the shortest connection ID with which all lengths fit is taken for theirs. */
bool dtls_recognise(const uint8_t *octets, size_t length, struct dtls_walk *walk);

/* The next record of what dtls_recognise() has recognised; false at the end. Its fragment points into octets. */
bool dtls_next_record(const uint8_t *octets, size_t length, struct dtls_walk *walk,
                      struct dtls_record *out);

/* The first handshake message of a record; false if the record has none in the clear. */
bool dtls_handshake_of(const struct dtls_record *record, struct dtls_handshake *out);

/* Names in the words of the RFCs' lists; NULL for codes that they don't have. */
const char *dtls_content_name(uint8_t content);
const char *dtls_handshake_name(uint8_t type);
const char *dtls_alert_level_name(uint8_t level);
const char *dtls_alert_name(uint8_t description);

#endif
