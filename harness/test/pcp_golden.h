/* PCP messages as octets, each beside its meaning. */
#ifndef PINHOLE_TEST_PCP_GOLDEN_H
#define PINHOLE_TEST_PCP_GOLDEN_H

#include <stdint.h>

/* The octets stand in rows of fields, which no formatter knows. */
/* clang-format off */

/* A MAP request for UDP port 5683 that suggests nothing, from 192.168.1.10. */
static const uint8_t golden_map_request[60] = {
    0x02,                                           /* version 2 */
    0x01,                                           /* R 0, opcode 1: MAP */
    0x00, 0x00,                                     /* reserved */
    0x00, 0x00, 0x1c, 0x20,                         /* requested lifetime 7200 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0xc0, 0xa8, 0x01, 0x0a, /* client ::ffff:192.168.1.10 */
    0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f, 0x60, 0x71,
    0x82, 0x93, 0xa4, 0xb5,                         /* mapping nonce */
    0x11,                                           /* protocol 17: UDP */
    0x00, 0x00, 0x00,                               /* reserved */
    0x16, 0x33,                                     /* internal port 5683 */
    0x00, 0x00,                                     /* suggested external port: any */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, /* suggested external address: any IPv4 */
};

/* Its answer: 11.0.0.1:40000 for 120 s. */
static const uint8_t golden_map_response[60] = {
    0x02,                                           /* version 2 */
    0x81,                                           /* R 1, opcode 1: MAP */
    0x00,                                           /* reserved */
    0x00,                                           /* result 0: SUCCESS */
    0x00, 0x00, 0x00, 0x78,                         /* lifetime 120 */
    0x00, 0x00, 0x00, 0x0c,                         /* epoch 12 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00,                         /* reserved, 96 bits */
    0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f, 0x60, 0x71,
    0x82, 0x93, 0xa4, 0xb5,                         /* mapping nonce */
    0x11,                                           /* protocol 17: UDP */
    0x00, 0x00, 0x00,                               /* reserved */
    0x16, 0x33,                                     /* internal port 5683 */
    0x9c, 0x40,                                     /* assigned external port 40000 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0x0b, 0x00, 0x00, 0x01, /* assigned address ::ffff:11.0.0.1 */
};

/* A PEER request from 2001:db8::a, every reserved field set, which no sender may do. */
static const uint8_t golden_peer_request[80] = {
    0x02,                                           /* version 2 */
    0x02,                                           /* R 0, opcode 2: PEER */
    0xe1, 0xe2,                                     /* reserved */
    0x00, 0x00, 0x02, 0x58,                         /* requested lifetime 600 */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, /* client 2001:db8::a */
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0x0c,                         /* mapping nonce */
    0x06,                                           /* protocol 6: TCP */
    0xe3, 0xe4, 0xe5,                               /* reserved */
    0xc0, 0x00,                                     /* internal port 49152 */
    0xc0, 0x01,                                     /* suggested external port 49153 */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0b, /* suggested external address 2001:db8::b */
    0x01, 0xbb,                                     /* remote peer port 443 */
    0xe6, 0xe7,                                     /* reserved */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, /* remote peer address 2001:db8::c */
};

/* The answer to it, refused; again with every reserved field set. */
static const uint8_t golden_peer_response[80] = {
    0x02,                                           /* version 2 */
    0x82,                                           /* R 1, opcode 2: PEER */
    0xe1,                                           /* reserved */
    0x0b,                                           /* result 11: CANNOT_PROVIDE_EXTERNAL */
    0x00, 0x00, 0x00, 0x1e,                         /* lifetime 30 */
    0x00, 0x01, 0x51, 0x80,                         /* epoch 86400 */
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9,
    0xea, 0xeb, 0xec, 0xed,                         /* reserved, 96 bits */
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0x0c,                         /* mapping nonce */
    0x06,                                           /* protocol 6: TCP */
    0x00, 0x00, 0x00,                               /* reserved */
    0xc0, 0x00,                                     /* internal port 49152 */
    0xc0, 0x01,                                     /* external port 49153 */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0b, /* external address 2001:db8::b */
    0x01, 0xbb,                                     /* remote peer port 443 */
    0x00, 0x00,                                     /* reserved */
    0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, /* remote peer address 2001:db8::c */
};

static const uint8_t golden_announce_request[24] = {
    0x02,                                           /* version 2 */
    0x00,                                           /* R 0, opcode 0: ANNOUNCE */
    0x00, 0x00,                                     /* reserved */
    0x00, 0x00, 0x00, 0x00,                         /* lifetime 0 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0xc0, 0xa8, 0x01, 0x0a, /* client ::ffff:192.168.1.10 */
};

static const uint8_t golden_announce_response[24] = {
    0x02,                                           /* version 2 */
    0x80,                                           /* R 1, opcode 0: ANNOUNCE */
    0x00,                                           /* reserved */
    0x00,                                           /* result 0: SUCCESS */
    0x00, 0x00, 0x00, 0x00,                         /* lifetime 0 */
    0x00, 0x00, 0x00, 0x03,                         /* epoch 3 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00,                         /* reserved, 96 bits */
};

/* All options of section 13, and one of the optional range that needs padding. */
static const uint8_t golden_options[] = {
    0x01, 0x00, 0x00, 0x10,                         /* THIRD_PARTY, 16 octets */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0xc0, 0xa8, 0x01, 0x14, /* internal address ::ffff:192.168.1.20 */
    0x02, 0x00, 0x00, 0x00,                         /* PREFER_FAILURE, no data */
    0x03, 0x00, 0x00, 0x14,                         /* FILTER, 20 octets */
    0x00,                                           /* reserved */
    0x78,                                           /* prefix length 120: an IPv4 /24 */
    0x16, 0x33,                                     /* remote peer port 5683 */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xff, 0xff, 0xcb, 0x00, 0x71, 0x00, /* remote peer address ::ffff:203.0.113.0 */
    0x81, 0x99, 0x00, 0x05,                         /* option 129, reserved octet set, 5 octets */
    0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x00, 0x00, /* "hello" and 3 octets of padding */
};

/* clang-format on */

#endif
