/* Capture files, pcap and pcapng, read from and written to memory.
 *
 * Read here and not by libpcap, which refuses a pcapng file of several link types or snapshot
 * lengths and shows neither the interface nor the comment of a packet. Both byte orders, several
 * sections, microseconds and nanoseconds.
 *
 * The reader keeps no octets: it is handed a window of the file, and says how much it used.
 */
#ifndef PINHOLE_WIRE_CAPFILE_H
#define PINHOLE_WIRE_CAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPFILE_INTERFACES = 4096, CAPFILE_NAME_SIZE = 64, CAPFILE_BLOCK_LIMIT = 16 << 20 };

enum capfile_direction { DIRECTION_UNKNOWN = 0, DIRECTION_IN = 1, DIRECTION_OUT = 2 };

struct capfile_interface {
    uint16_t link_type;
    uint32_t snapshot_length;
    uint64_t ticks_per_second;
    int64_t offset_seconds;       /* if_tsoffset, already added to the packets' times */
    char name[CAPFILE_NAME_SIZE]; /* if_name; empty in pcap */
};

struct capfile_packet {
    uint64_t frame;     /* number in the file, from 1, as Wireshark counts */
    uint32_t interface; /* index into the reader's interfaces, over all sections */
    int64_t time;       /* nanoseconds since 1970; 0 for a simple packet block, which has none */
    enum capfile_direction direction;
    uint32_t captured; /* octets here */
    uint32_t original; /* octets on the wire */
    const uint8_t *octets;
};

enum capfile_status {
    CAPFILE_PACKET, /* *packet is filled */
    CAPFILE_MORE,   /* a larger window is needed; if the file ends here, problem says what is cut */
    CAPFILE_SKIPPED, /* something without a packet was used up; call again */
    CAPFILE_BAD      /* not a capture, or damaged: reader->problem says where and how */
};

struct capfile_reader {
    struct capfile_interface *interfaces; /* caller's memory */
    size_t interface_capacity;
    size_t interface_count;
    uint64_t frames;
    uint64_t offset;   /* octets used so far */
    char problem[200]; /* "at octet N: expected ..., found ..." */
    struct {           /* private */
        int format;
        bool swapped;
        uint32_t section_first_interface;
    } state;
};

/* interfaces is the caller's and must outlive the reader. */
void capfile_reader_init(struct capfile_reader *reader, struct capfile_interface *interfaces,
                         size_t capacity);

/* Looks at the window. *used octets were consumed from its front: the next window starts behind them.
 * packet->octets points into the window. */
enum capfile_status capfile_read(struct capfile_reader *reader, const uint8_t *window,
                                 size_t length, size_t *used, struct capfile_packet *packet);

/* pcapng writing: each call appends one whole block to out and returns its length, or 0 if it
 * doesn't fit capacity. Host byte order, nanosecond timestamps. */
size_t capfile_write_section(uint8_t *out, size_t capacity, const char *application);
size_t capfile_write_interface(uint8_t *out, size_t capacity, const struct capfile_interface *itf);
size_t capfile_write_packet(uint8_t *out, size_t capacity, const struct capfile_packet *packet,
                            const char *comment);
/* Interface Statistics Block: what the kernel counted as received and dropped. */
size_t capfile_write_statistics(uint8_t *out, size_t capacity, uint32_t interface, int64_t time,
                                uint64_t received, uint64_t dropped);

#endif
