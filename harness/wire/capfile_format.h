/* Numbers of the pcapng format, for its reader and its writer. Private to wire/capfile*.c.
 *
 * A block, draft-ietf-opsawg-pcapng section 3.1:
 *
 *   +---------------------------------------------------------------+
 *   |                          Block Type                           |
 *   +---------------------------------------------------------------+
 *   |                      Block Total Length                       |
 *   +---------------------------------------------------------------+
 *   :          Block Body, variable length, padded to 4 octets      :
 *   +---------------------------------------------------------------+
 *   |                      Block Total Length                       |
 *   +---------------------------------------------------------------+
 */
#ifndef PINHOLE_WIRE_CAPFILE_FORMAT_H
#define PINHOLE_WIRE_CAPFILE_FORMAT_H

#include <stddef.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a, /* a palindrome: the same in both byte orders */
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET_OBSOLETE = 2,
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    BLOCK_FRAME = 12 /* type and length before the body, length again behind it */
};

enum { /* options: of every block, then of one kind of block each */
       OPTION_END = 0,
       OPTION_COMMENT = 1,
       OPTION_SECTION_APPLICATION = 4,
       OPTION_INTERFACE_NAME = 2,
       OPTION_INTERFACE_RESOLUTION = 9,
       OPTION_INTERFACE_OFFSET = 14,
       OPTION_PACKET_FLAGS = 2,
       OPTION_STATISTICS_RECEIVED = 4,
       OPTION_STATISTICS_DROPPED = 5
};

/* The room that octets take in a block. */
static inline size_t capfile_padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

#endif
