/* The Port Control Protocol on the wire, RFC 6887: octets <-> structs.
 *
 * No I/O, no allocation. Decoding keeps pointers into the caller's octets; encoding writes into the
 * caller's buffer and never past its end. Reserved fields are kept, not hidden, so that a checker can
 * judge them and a tester can set them.
 */
#ifndef PINHOLE_WIRE_PCP_H
#define PINHOLE_WIRE_PCP_H

#include "wire/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PCP_VERSION = 2,
    PCP_SERVER_PORT = 5351,         /* section 8 */
    PCP_CLIENT_PORT = 5350,         /* multicast ANNOUNCE, section 14.1.3 */
    PCP_MAXIMUM_LENGTH = 1100,      /* UDP payload, section 7 */
    PCP_HEADER_LENGTH = 24,         /* sections 7.1, 7.2 */
    PCP_NONCE_LENGTH = 12,          /* section 11.1 */
    PCP_MAP_LENGTH = 36,            /* opcode data, section 11.1 */
    PCP_PEER_LENGTH = 56,           /* opcode data, section 12.1 */
    PCP_OPTION_HEADER_LENGTH = 4,   /* section 7.3 */
    PCP_THIRD_PARTY_LENGTH = 16,    /* option data, section 13.1 */
    PCP_FILTER_LENGTH = 20,         /* option data, section 13.3 */
    PCP_OPTION_OPTIONAL_FLAG = 0x80 /* codes 128-255 may be skipped, section 7.3 */
};

enum pcp_opcode { PCP_ANNOUNCE = 0, PCP_MAP = 1, PCP_PEER = 2 };

/* Result codes, section 7.4; from 24 on RFC 7843 section 4.1. */
enum pcp_result {
    PCP_SUCCESS = 0,
    PCP_UNSUPP_VERSION = 1,
    PCP_NOT_AUTHORIZED = 2,
    PCP_MALFORMED_REQUEST = 3,
    PCP_UNSUPP_OPCODE = 4,
    PCP_UNSUPP_OPTION = 5,
    PCP_MALFORMED_OPTION = 6,
    PCP_NETWORK_FAILURE = 7,
    PCP_NO_RESOURCES = 8,
    PCP_UNSUPP_PROTOCOL = 9,
    PCP_USER_EX_QUOTA = 10,
    PCP_CANNOT_PROVIDE_EXTERNAL = 11,
    PCP_ADDRESS_MISMATCH = 12,
    PCP_EXCESSIVE_REMOTE_PEERS = 13,
    PCP_THIRD_PARTY_ID_UNKNOWN = 24,
    PCP_THIRD_PARTY_MISSING_OPTION = 25,
    PCP_UNSUPP_THIRD_PARTY_ID_LENGTH = 26
};

/* Options of RFC 6887 section 13, and of later RFCs (wire/pcp_extensions.h has their contents). */
enum pcp_option_code {
    PCP_THIRD_PARTY = 1,
    PCP_PREFER_FAILURE = 2,
    PCP_FILTER = 3,
    PCP_THIRD_PARTY_ID = 13, /* RFC 7843 */
    PCP_DESCRIPTION = 128,   /* RFC 7220 */
    PCP_PREFIX64 = 129,      /* RFC 7225 */
    PCP_PORT_SET = 130       /* RFC 7753 */
};

/* MAP opcode data, section 11.1: the same in request (Suggested) and response (Assigned).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                 Mapping Nonce (96 bits)                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Protocol    |          Reserved (24 bits)                   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |        Internal Port          |  Suggested or Assigned Port   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Suggested or Assigned External IP Address (128 bits)        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct pcp_map {
    uint8_t nonce[PCP_NONCE_LENGTH];
    uint8_t protocol; /* IANA protocol number; 0: all protocols */
    uint8_t reserved[3];
    uint16_t internal_port; /* host order, here and below */
    uint16_t external_port;
    struct address external_address;
};

/* PEER opcode data, section 12.1: the MAP fields, and behind them
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |       Remote Peer Port        |     Reserved (16 bits)        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |               Remote Peer IP Address (128 bits)               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct pcp_peer {
    struct pcp_map map;
    uint16_t remote_port;
    uint8_t reserved[2];
    struct address remote_address;
};

/* A request or a response. Request header, section 7.1:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Version = 2  |R|   Opcode    |         Reserved              |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                 Requested Lifetime (32 bits)                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |            PCP Client's IP Address (128 bits)                 |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Response header, section 7.2:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Version = 2  |R|   Opcode    |   Reserved    |  Result Code  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                      Lifetime (32 bits)                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Epoch Time (32 bits)                      |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                      Reserved (96 bits)                       |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct pcp_message {
    uint8_t version;
    bool response; /* the R bit */
    uint8_t opcode;
    uint8_t reserved_request[2]; /* octets 2-3 of a request */
    uint8_t reserved_response;   /* octet 2 of a response */
    uint8_t result;              /* octet 3 of a response */
    uint32_t lifetime;           /* seconds */
    struct address client;       /* request: PCP Client's IP Address */
    uint32_t epoch;              /* response: seconds */
    uint8_t reserved_epoch[12];  /* response: the 96 reserved bits */
    struct pcp_peer data;        /* MAP fills data.map, PEER all, ANNOUNCE none */
    const uint8_t *options;      /* the option area, inside the decoded octets */
    size_t options_length;
};

/* One option, section 7.3:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  Option Code  |  Reserved     |       Option Length           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   :                       (optional) Data, padded to 4 octets     :
 */
struct pcp_option {
    uint8_t code;
    uint8_t reserved;
    uint16_t length;     /* of the data, without padding */
    const uint8_t *data; /* inside the decoded octets */
};

/* FILTER data, section 13.3:
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |    Reserved   | Prefix Length |      Remote Peer Port         |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |               Remote Peer IP Address (128 bits)               |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
struct pcp_filter {
    uint8_t reserved;
    uint8_t prefix_length; /* of 128; 0 clears all filters */
    uint16_t remote_port;  /* 0: every port */
    struct address remote_address;
};

/* What is wrong with a datagram or an option, in the order in which section 8.2 looks. */
enum pcp_fault {
    PCP_FAULT_NONE = 0,
    PCP_FAULT_SHORT,      /* under 2 octets (8.2), under 4 for a response (8.3) */
    PCP_FAULT_VERSION,    /* version is not 2 */
    PCP_FAULT_HEADER_CUT, /* under 24 octets */
    PCP_FAULT_LONG,       /* over 1100 octets */
    PCP_FAULT_NOT_MULTIPLE_OF_4,
    PCP_FAULT_OPCODE,        /* opcode unknown to RFC 6887 */
    PCP_FAULT_OPCODE_CUT,    /* too short for the opcode's data */
    PCP_FAULT_OPTION_CUT,    /* option header or data past the end of the datagram */
    PCP_FAULT_OPTION_LENGTH, /* length that the option's definition forbids */
    PCP_FAULT_COUNT
};

/* One line for people, with the RFC section. Never NULL. */
const char *pcp_fault_text(enum pcp_fault fault);

/* Decodes the header and opcode data; the option area is bounded but not walked. Returns the first
 * fault in the order of section 8.2. Whatever the octets still hold is filled in, the rest is zero:
 *  - PCP_FAULT_VERSION: version, R bit and opcode; with 4 octets or more also octets 2 and 3. result
 *    is then octet 3 whatever the R bit says, since a NAT-PMP server answers a PCP request with
 *    version 0 and R clear (RFC 6886 section 3.5; here section 9 and appendix A). A response of
 *    another version but 0 also has its lifetime.
 *  - PCP_FAULT_HEADER_CUT: the same four octets. A client looks for UNSUPP_VERSION there before
 *    it drops the response for its length (section 8.3).
 *  - PCP_FAULT_LONG, PCP_FAULT_NOT_MULTIPLE_OF_4: everything that is there, options as well.
 *  - PCP_FAULT_OPCODE, PCP_FAULT_OPCODE_CUT: the header. */
enum pcp_fault pcp_decode(const uint8_t *octets, size_t length, struct pcp_message *out);

/* Walks the option area: *offset starts at 0 and is moved behind each option. Returns true with the
 * next option, or false at the end (*fault is PCP_FAULT_NONE) or at an option that doesn't fit
 * (PCP_FAULT_OPTION_CUT; *offset stays at it). */
bool pcp_option_next(const uint8_t *options, size_t length, size_t *offset, struct pcp_option *out,
                     enum pcp_fault *fault);

/* Contents of the options of section 13; PCP_FAULT_OPTION_LENGTH if the length is not theirs. */
enum pcp_fault pcp_option_third_party(const struct pcp_option *option, struct address *internal);
enum pcp_fault pcp_option_filter(const struct pcp_option *option, struct pcp_filter *out);

/* Encodes header and opcode data of message (its options pointer is not looked at). Returns the octets
 * written, or 0 if capacity is too small or the opcode has no known data. */
size_t pcp_encode(const struct pcp_message *message, uint8_t *octets, size_t capacity);

/* Appends one option with its padding behind used octets; returns the new length, or 0 if it
 * doesn't fit into capacity. data may be NULL when length is 0. */
size_t pcp_append_option(uint8_t *octets, size_t used, size_t capacity, uint8_t code,
                         const uint8_t *data, uint16_t length);
size_t pcp_append_third_party(uint8_t *octets, size_t used, size_t capacity,
                              const struct address *internal);
size_t pcp_append_filter(uint8_t *octets, size_t used, size_t capacity,
                         const struct pcp_filter *filter);

/* Names as the RFC writes them ("MAP", "SUCCESS", "FILTER"); NULL for codes it doesn't know. */
const char *pcp_opcode_name(uint8_t opcode);
const char *pcp_result_name(uint8_t result);
const char *pcp_option_name(uint8_t code);

#endif
