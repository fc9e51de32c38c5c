/* One call looks at one block (pcapng) or one record (pcap), always with the same order of checks:
 * is its header in the window, is its length sane, is all of it in the window; only then is its
 * inside looked at, and every length inside is held against the block's. So no read passes the
 * window, and every call that doesn't fail uses up octets or asks for more. */
#include "wire/capfile.h"

#include "wire/capfile_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum format { FORMAT_UNKNOWN = 0, FORMAT_PCAP, FORMAT_PCAPNG };

enum {
    PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4,
    PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d,
    PCAP_HEADER = 24,
    PCAP_RECORD_HEADER = 16
};

static const uint64_t NANOSECONDS = 1000000000;

void capfile_reader_init(struct capfile_reader *reader, struct capfile_interface *interfaces,
                         size_t capacity)
{
    memset(reader, 0, sizeof *reader);
    reader->interfaces = interfaces;
    reader->interface_capacity = capacity;
}

/* --- what the reader says ------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static enum capfile_status
say(struct capfile_reader *reader, enum capfile_status status, const char *format, ...)
{
    int used = snprintf(reader->problem, sizeof reader->problem,
                        "at octet %llu: ", (unsigned long long)reader->offset);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->problem + used, sizeof reader->problem - (size_t)used, format,
                    arguments);
    va_end(arguments);
    return status;
}

#define bad(reader, ...) say(reader, CAPFILE_BAD, __VA_ARGS__)

/* The window ends inside something of need octets. The text is for a file that ends there too. */
static enum capfile_status more(struct capfile_reader *reader, const char *what, size_t need,
                                size_t length)
{
    return say(reader, CAPFILE_MORE, "expected %s of %zu octets, the file ends after %zu", what,
               need, length);
}

/* --- numbers in the file's byte order ------------------------------------------------------ */

static uint16_t get16(const struct capfile_reader *reader, const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return reader->state.swapped ? __builtin_bswap16(value) : value;
}

static uint32_t get32(const struct capfile_reader *reader, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return reader->state.swapped ? __builtin_bswap32(value) : value;
}

static uint64_t get64(const struct capfile_reader *reader, const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return reader->state.swapped ? __builtin_bswap64(value) : value;
}

/* --- pcap ---------------------------------------------------------------------------------- */

static struct capfile_interface *add_interface(struct capfile_reader *reader)
{
    if (reader->interface_count == reader->interface_capacity)
        return NULL;
    struct capfile_interface *itf = &reader->interfaces[reader->interface_count++];
    memset(itf, 0, sizeof *itf);
    return itf;
}

static enum capfile_status read_pcap_header(struct capfile_reader *reader, const uint8_t *window,
                                            size_t length, size_t *used)
{
    if (length < PCAP_HEADER)
        return more(reader, "a pcap header", PCAP_HEADER, length);
    unsigned major = get16(reader, window + 4);
    if (major != 2)
        return bad(reader, "expected pcap version 2, found %u", major);
    struct capfile_interface *itf = add_interface(reader);
    if (!itf)
        return bad(reader, "no room for an interface");
    bool nanoseconds = get32(reader, window) == PCAP_MAGIC_NANOSECONDS;
    itf->ticks_per_second = nanoseconds ? NANOSECONDS : 1000000;
    itf->snapshot_length = get32(reader, window + 16);
    itf->link_type =
        (uint16_t)get32(reader, window + 20); /* the upper half: frame check sequence */
    reader->state.format = FORMAT_PCAP;
    *used = PCAP_HEADER;
    return CAPFILE_SKIPPED;
}

static enum capfile_status read_pcap_record(struct capfile_reader *reader, const uint8_t *window,
                                            size_t length, size_t *used,
                                            struct capfile_packet *packet)
{
    if (length < PCAP_RECORD_HEADER)
        return more(reader, "a record header", PCAP_RECORD_HEADER, length);
    uint32_t captured = get32(reader, window + 8);
    if (captured > CAPFILE_BLOCK_LIMIT)
        return bad(reader, "expected a record of at most %d octets, found one of %u",
                   CAPFILE_BLOCK_LIMIT, captured);
    size_t whole = PCAP_RECORD_HEADER + (size_t)captured;
    if (length < whole)
        return more(reader, "a record", whole, length);
    uint32_t scale = reader->interfaces[0].ticks_per_second == NANOSECONDS ? 1 : 1000;
    int64_t fraction = (int64_t)get32(reader, window + 4) * scale;
    packet->time = (int64_t)get32(reader, window) * (int64_t)NANOSECONDS + fraction;
    packet->frame = ++reader->frames;
    packet->interface = 0;
    packet->direction = DIRECTION_UNKNOWN;
    packet->captured = captured;
    packet->original = get32(reader, window + 12);
    packet->octets = window + PCAP_RECORD_HEADER;
    *used = whole;
    return CAPFILE_PACKET;
}

/* --- pcapng: options ----------------------------------------------------------------------- */

struct options {
    const uint8_t *at;
    size_t left;
};

struct option {
    uint16_t code;
    uint16_t length;
    const uint8_t *data;
};

/* 1: *out is the next option, 0: there is no further one, -1: it runs past the block. */
static int next_option(const struct capfile_reader *reader, struct options *options,
                       struct option *out)
{
    if (options->left < 4)
        return options->left ? -1 : 0;
    out->code = get16(reader, options->at);
    out->length = get16(reader, options->at + 2);
    out->data = options->at + 4;
    if (out->code == OPTION_END)
        return 0;
    size_t whole = 4 + capfile_padded(out->length);
    if (whole > options->left)
        return -1;
    options->at += whole;
    options->left -= whole;
    return 1;
}

/* --- pcapng: time -------------------------------------------------------------------------- */

/* if_tsresol: a power of 10, or with the top bit of 2. 0 if 64 bits can't count it. */
static uint64_t ticks_per_second(uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    if (resolution & 0x80)
        return exponent < 64 ? (uint64_t)1 << exponent : 0;
    if (exponent > 19)
        return 0;
    uint64_t ticks = 1;
    while (exponent--)
        ticks *= 10;
    return ticks;
}

/* Unsigned, so that a damaged time stamp wraps instead of overflowing. */
static int64_t nanoseconds(const struct capfile_interface *itf, uint64_t ticks)
{
    uint64_t second = itf->ticks_per_second;
    uint64_t time;
    if (second == NANOSECONDS)
        time = ticks;
    else if (second == 1000000)
        time = ticks * 1000;
    else
        time = ticks / second * NANOSECONDS +
               (uint64_t)((unsigned __int128)(ticks % second) * NANOSECONDS / second);
    return (int64_t)(time + (uint64_t)itf->offset_seconds * NANOSECONDS);
}

/* --- pcapng: blocks ------------------------------------------------------------------------ */

/* A block's body: what is between the two lengths. */
struct body {
    const uint8_t *at;
    size_t length;
};

static enum capfile_status too_short(struct capfile_reader *reader, const char *block, size_t least,
                                     size_t length)
{
    return bad(reader, "expected %zu octets or more in %s, found %zu", least, block, length);
}

static enum capfile_status read_section(struct capfile_reader *reader, struct body body)
{
    if (body.length < 16)
        return too_short(reader, "a section header", 16, body.length);
    unsigned major = get16(reader, body.at + 4);
    if (major != 1)
        return bad(reader, "expected pcapng version 1, found %u", major);
    reader->state.section_first_interface = (uint32_t)reader->interface_count;
    return CAPFILE_SKIPPED;
}

static enum capfile_status read_interface(struct capfile_reader *reader, struct body body)
{
    if (body.length < 8)
        return too_short(reader, "an interface description", 8, body.length);
    struct capfile_interface *itf = add_interface(reader);
    if (!itf)
        return bad(reader, "expected at most %zu interfaces, found more",
                   reader->interface_capacity);
    itf->link_type = get16(reader, body.at);
    itf->snapshot_length = get32(reader, body.at + 4);
    itf->ticks_per_second = 1000000;

    struct options options = {body.at + 8, body.length - 8};
    struct option option;
    int found;
    while ((found = next_option(reader, &options, &option)) > 0) {
        if (option.code == OPTION_INTERFACE_NAME) {
            size_t room = sizeof itf->name - 1;
            memcpy(itf->name, option.data, option.length < room ? option.length : room);
        } else if (option.code == OPTION_INTERFACE_RESOLUTION && option.length == 1) {
            itf->ticks_per_second = ticks_per_second(option.data[0]);
            if (!itf->ticks_per_second)
                return bad(reader,
                           "expected a time resolution that 64 bits can count, found 0x%02x",
                           option.data[0]);
        } else if (option.code == OPTION_INTERFACE_OFFSET && option.length == 8) {
            itf->offset_seconds = (int64_t)get64(reader, option.data);
        }
    }
    if (found < 0)
        return bad(reader, "an option of an interface description runs past its block");
    return CAPFILE_SKIPPED;
}

/* The interface of a packet, by its number in the section; NULL if there is no such. */
static const struct capfile_interface *find_interface(const struct capfile_reader *reader,
                                                      uint32_t number, uint32_t *index)
{
    uint32_t first = reader->state.section_first_interface;
    if (number >= reader->interface_count - first)
        return NULL;
    *index = first + number;
    return &reader->interfaces[*index];
}

static enum capfile_status no_interface(struct capfile_reader *reader, uint32_t number)
{
    return bad(reader, "expected one of the %zu interfaces of the section, found number %u",
               reader->interface_count - reader->state.section_first_interface, number);
}

/* Enhanced packets and the obsolete kind differ only in the width of the interface's number. */
static enum capfile_status read_packet(struct capfile_reader *reader, struct body body,
                                       uint32_t number, struct capfile_packet *packet)
{
    const struct capfile_interface *itf = find_interface(reader, number, &packet->interface);
    if (!itf)
        return no_interface(reader, number);
    uint64_t ticks = (uint64_t)get32(reader, body.at + 4) << 32 | get32(reader, body.at + 8);
    packet->time = nanoseconds(itf, ticks);
    packet->captured = get32(reader, body.at + 12);
    packet->original = get32(reader, body.at + 16);
    packet->octets = body.at + 20;
    packet->direction = DIRECTION_UNKNOWN;
    size_t room = body.length - 20;
    if (packet->captured > room)
        return bad(reader, "expected a packet within its block of %zu octets, found one of %u",
                   body.length + BLOCK_FRAME, packet->captured);

    size_t data = capfile_padded(packet->captured);
    struct options options = {packet->octets + data, room - data};
    struct option option;
    int found;
    while ((found = next_option(reader, &options, &option)) > 0)
        if (option.code == OPTION_PACKET_FLAGS && option.length == 4)
            packet->direction = (enum capfile_direction)(get32(reader, option.data) & 3);
    if (found < 0)
        return bad(reader, "an option of a packet runs past its block");
    if (packet->direction > DIRECTION_OUT)
        packet->direction = DIRECTION_UNKNOWN;
    packet->frame = ++reader->frames;
    return CAPFILE_PACKET;
}

static enum capfile_status read_simple_packet(struct capfile_reader *reader, struct body body,
                                              struct capfile_packet *packet)
{
    if (body.length < 4)
        return too_short(reader, "a simple packet", 4, body.length);
    const struct capfile_interface *itf = find_interface(reader, 0, &packet->interface);
    if (!itf)
        return no_interface(reader, 0);
    /* It states no captured length: that is the original one, or what the snapshot length left. */
    packet->original = get32(reader, body.at);
    packet->captured = packet->original;
    if (itf->snapshot_length && packet->captured > itf->snapshot_length)
        packet->captured = itf->snapshot_length;
    if (packet->captured > body.length - 4)
        return bad(reader, "expected a packet within its block of %zu octets, found one of %u",
                   body.length + BLOCK_FRAME, packet->captured);
    packet->time = 0;
    packet->direction = DIRECTION_UNKNOWN;
    packet->octets = body.at + 4;
    packet->frame = ++reader->frames;
    return CAPFILE_PACKET;
}

static enum capfile_status read_body(struct capfile_reader *reader, uint32_t type, struct body body,
                                     struct capfile_packet *packet)
{
    switch (type) {
    case BLOCK_ENHANCED_PACKET:
        if (body.length < 20)
            return too_short(reader, "an enhanced packet", 20, body.length);
        return read_packet(reader, body, get32(reader, body.at), packet);
    case BLOCK_PACKET_OBSOLETE:
        if (body.length < 20)
            return too_short(reader, "a packet", 20, body.length);
        return read_packet(reader, body, get16(reader, body.at), packet);
    case BLOCK_SIMPLE_PACKET:
        return read_simple_packet(reader, body, packet);
    case BLOCK_INTERFACE:
        return read_interface(reader, body);
    case BLOCK_SECTION:
        return read_section(reader, body);
    default: /* name resolution, statistics, custom blocks ... */
        return CAPFILE_SKIPPED;
    }
}

/* A section header tells the byte order of all that follows, its own length included. */
static enum capfile_status read_byte_order(struct capfile_reader *reader, const uint8_t *window,
                                           size_t length)
{
    if (length < 12)
        return more(reader, "a section header", 28, length);
    reader->state.swapped = false;
    if (get32(reader, window + 8) == BYTE_ORDER_MAGIC)
        return CAPFILE_SKIPPED;
    reader->state.swapped = true;
    if (get32(reader, window + 8) == BYTE_ORDER_MAGIC)
        return CAPFILE_SKIPPED;
    return bad(reader,
               "expected byte-order magic 1a 2b 3c 4d or its reverse, found %02x %02x %02x %02x",
               window[8], window[9], window[10], window[11]);
}

static enum capfile_status read_block(struct capfile_reader *reader, const uint8_t *window,
                                      size_t length, size_t *used, struct capfile_packet *packet)
{
    if (length < 8)
        return more(reader, "a block", BLOCK_FRAME, length);
    uint32_t type = get32(reader, window);
    if (type == BLOCK_SECTION) {
        enum capfile_status order = read_byte_order(reader, window, length);
        if (order != CAPFILE_SKIPPED)
            return order;
    }
    uint32_t whole = get32(reader, window + 4);
    if (whole < BLOCK_FRAME || whole > CAPFILE_BLOCK_LIMIT || whole % 4)
        return bad(reader, "expected a block length from %d to %d, a multiple of 4, found %u",
                   BLOCK_FRAME, CAPFILE_BLOCK_LIMIT, whole);
    if (length < whole)
        return more(reader, "a block", whole, length);
    uint32_t again = get32(reader, window + whole - 4);
    if (again != whole)
        return bad(reader, "expected the block's length %u again at its end, found %u", whole,
                   again);
    *used = whole;
    return read_body(reader, type, (struct body){window + 8, whole - BLOCK_FRAME}, packet);
}

/* --- reading ------------------------------------------------------------------------------- */

static enum capfile_status recognise(struct capfile_reader *reader, const uint8_t *window,
                                     size_t length, size_t *used, struct capfile_packet *packet)
{
    if (length < 4)
        return more(reader, "a pcap or pcapng header", PCAP_HEADER, length);
    reader->state.swapped = false; /* a smaller window may have found otherwise */
    uint32_t magic = get32(reader, window);
    if (magic == BLOCK_SECTION) {
        enum capfile_status status = read_block(reader, window, length, used, packet);
        if (status == CAPFILE_SKIPPED)
            reader->state.format = FORMAT_PCAPNG;
        return status;
    }
    uint32_t swapped = __builtin_bswap32(magic);
    reader->state.swapped = swapped == PCAP_MAGIC_MICROSECONDS || swapped == PCAP_MAGIC_NANOSECONDS;
    if (reader->state.swapped || magic == PCAP_MAGIC_MICROSECONDS ||
        magic == PCAP_MAGIC_NANOSECONDS)
        return read_pcap_header(reader, window, length, used);
    return bad(reader, "expected a pcap or pcapng file, found %02x %02x %02x %02x%s", window[0],
               window[1], window[2], window[3],
               window[0] == 0x1f && window[1] == 0x8b ? " (gzip: decompress it first)" : "");
}

enum capfile_status capfile_read(struct capfile_reader *reader, const uint8_t *window,
                                 size_t length, size_t *used, struct capfile_packet *packet)
{
    enum capfile_status status;
    *used = 0;
    if (reader->state.format == FORMAT_PCAPNG)
        status = read_block(reader, window, length, used, packet);
    else if (reader->state.format == FORMAT_PCAP)
        status = read_pcap_record(reader, window, length, used, packet);
    else
        status = recognise(reader, window, length, used, packet);
    if (status == CAPFILE_BAD)
        *used = 0;
    reader->offset += *used;
    return status;
}
